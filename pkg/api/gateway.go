package api

import (
	"encoding/json"
	"regexp"
	"strings"
	"sync"
)

// RetryAfter is what 429 and 503 tell a caller to wait, in seconds.
const RetryAfter = "1"

// The headers that a browser may send and read across origins.
const (
	AllowHeaders  = "authorization, content-type"
	ExposeHeaders = "location, retry-after, www-authenticate, x-request-id, counterfoil-token-expires"
	MaxAge        = "600" // seconds that a browser keeps a preflight's answer
)

// What an authorizer's context says about a refusal: a Code, and the scopes
// that the credential lacks. The body of a 403 repeats them.
const (
	ContextCode         = "code"
	ContextMissingScope = "missing_scope"
)

// A ResponseType is one of API Gateway's kinds of answers of its own.
type ResponseType string

// A GatewayAnswer is what the gateway says by itself. It never repeats API
// Gateway's own message, which for an unknown route quotes the Authorization
// header whole.
type GatewayAnswer struct {
	// Status is the answer's; zero leaves API Gateway's (DEFAULT_4XX and
	// DEFAULT_5XX are only a net below the rest).
	Status int
	// Code of the problem document. Empty for ACCESS_DENIED: there the
	// authorizer's context says it.
	Code Code
	// WWWAuthenticate is the fixed header of 401 and 403.
	WWWAuthenticate string
	// Retry adds Retry-After.
	Retry bool
}

// GatewayAnswers is total over API Gateway's response types. The stack writes
// them as gateway responses, the local gateway obeys the same table.
//
// No method asks for a signature of AWS, so whatever API Gateway finds wrong
// with one is a request for no route. UNSUPPORTED_MEDIA_TYPE is how the catch-all
// methods, which take no media type at all, say the same.
var GatewayAnswers = map[ResponseType]GatewayAnswer{
	"ACCESS_DENIED":                  {Status: 403, WWWAuthenticate: `Bearer error="insufficient_scope"`},
	"API_CONFIGURATION_ERROR":        {Status: 500, Code: Internal},
	"AUTHORIZER_CONFIGURATION_ERROR": {Status: 503, Code: Unavailable, Retry: true},
	"AUTHORIZER_FAILURE":             {Status: 503, Code: Unavailable, Retry: true},
	"BAD_REQUEST_BODY":               {Status: 400, Code: InvalidRequest},
	"BAD_REQUEST_PARAMETERS":         {Status: 400, Code: InvalidRequest},
	"DEFAULT_4XX":                    {Code: InvalidRequest},
	"DEFAULT_5XX":                    {Code: Internal},
	"EXPIRED_TOKEN":                  {Status: 404, Code: NotFound},
	"INTEGRATION_FAILURE":            {Status: 503, Code: Unavailable, Retry: true},
	"INTEGRATION_TIMEOUT":            {Status: 503, Code: Unavailable, Retry: true},
	"INVALID_API_KEY":                {Status: 403, Code: Forbidden, WWWAuthenticate: `Bearer error="insufficient_scope"`},
	"INVALID_SIGNATURE":              {Status: 404, Code: NotFound},
	"MISSING_AUTHENTICATION_TOKEN":   {Status: 404, Code: NotFound},
	"QUOTA_EXCEEDED":                 {Status: 429, Code: TooManyRequests, Retry: true},
	"REQUEST_TOO_LARGE":              {Status: 413, Code: TooLarge},
	"RESOURCE_NOT_FOUND":             {Status: 404, Code: NotFound},
	"THROTTLED":                      {Status: 429, Code: TooManyRequests, Retry: true},
	"UNAUTHORIZED":                   {Status: 401, Code: Unauthorized, WWWAuthenticate: "Bearer"},
	"UNSUPPORTED_MEDIA_TYPE":         {Status: 404, Code: NotFound},
	"WAF_FILTERED":                   {Status: 429, Code: TooManyRequests, Retry: true},
}

// The references that our templates and headers hold.
const (
	refCode         = "$context.authorizer." + ContextCode
	refMissingScope = "$context.authorizer." + ContextMissingScope
	refRequestID    = "context.requestId"
)

// Template returns the body as the stack deploys it. API Gateway replaces what
// starts with $context and nothing else: it escapes nothing and leaves nothing
// out. There is no reference for a status, so an answer that keeps API
// Gateway's does not repeat it.
func (a GatewayAnswer) Template() string {
	p := NewProblem(a.Code)
	p.Status = a.Status
	switch a.Code {
	case Forbidden:
		p.MissingScope = new("")
	case "":
		p = NewProblem(Forbidden)
		p.Type, p.Code = problemType+refCode, refCode
		p.MissingScope = new(refMissingScope)
	}
	text, _ := json.Marshal(p) // strings and a number cannot fail
	return string(text)
}

// Headers returns the headers as the stack deploys them, in the spelling of API
// Gateway's parameter mapping: a value in single quotes is taken as it is, one
// that starts with context. is a reference. The origin is the console's.
func (a GatewayAnswer) Headers(origin string) map[string]string {
	headers := map[string]string{
		"Content-Type":                  "'application/problem+json'",
		"Cache-Control":                 "'no-store'",
		"X-Request-Id":                  refRequestID,
		"Access-Control-Allow-Origin":   "'" + origin + "'",
		"Access-Control-Expose-Headers": "'" + ExposeHeaders + "'",
	}
	if a.WWWAuthenticate != "" {
		headers["WWW-Authenticate"] = "'" + a.WWWAuthenticate + "'"
	}
	if a.Retry {
		headers["Retry-After"] = "'" + RetryAfter + "'"
	}
	return headers
}

// Render fills in the template and the headers as API Gateway does, with the
// request's id and what the authorizer's context says. A status of zero leaves
// the one that the gateway would have answered by itself.
func (a GatewayAnswer) Render(origin, requestID string, authorizer map[string]string) (status int, header map[string]string, body string) {
	code, missing := denial(authorizer)
	body = strings.NewReplacer(refCode, string(code), refMissingScope, missing).Replace(a.Template())
	header = a.Headers(origin)
	for name, value := range header {
		if value == refRequestID {
			header[name] = requestID
		} else {
			header[name] = strings.Trim(value, "'")
		}
	}
	return a.Status, header, body
}

// scopeList is compiled when it is first asked: few functions ever do, and all
// of them would pay for it at their start.
var scopeList = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^` + ScopePattern + `( ` + ScopePattern + `)*$`)
})

// denial reads why an authorizer refused. What it did not say plainly does not
// get into the body, where nothing would escape it.
func denial(authorizer map[string]string) (code Code, missing string) {
	missing = authorizer[ContextMissingScope]
	if authorizer[ContextCode] == string(InsufficientScope) && scopeList().MatchString(missing) {
		return InsufficientScope, missing
	}
	return Forbidden, ""
}
