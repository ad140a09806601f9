package api

// A Code is the word in a problem document that a client can rely on.
type Code string

// The codes of the contract's table.
const (
	InvalidRequest       Code = "invalid_request"
	Unauthorized         Code = "unauthorized"
	InsufficientScope    Code = "insufficient_scope"
	Forbidden            Code = "forbidden"
	NotFound             Code = "not_found"
	NameTaken            Code = "name_taken"
	TokenLimit           Code = "token_limit"
	TokenNotActive       Code = "token_not_active"
	Conflict             Code = "conflict"
	TooLarge             Code = "too_large"
	UnsupportedMediaType Code = "unsupported_media_type"
	TooManyRequests      Code = "too_many_requests"
	Internal             Code = "internal"
	Unavailable          Code = "unavailable"
)

// problems maps every code to its status and title.
var problems = map[Code]struct {
	status int
	title  string
}{
	InvalidRequest:       {400, "The request is not valid"},
	Unauthorized:         {401, "No good credential"},
	InsufficientScope:    {403, "The credential lacks a scope"},
	Forbidden:            {403, "Not allowed"},
	NotFound:             {404, "Not found"},
	NameTaken:            {409, "The name is taken"},
	TokenLimit:           {409, "No more tokens allowed"},
	TokenNotActive:       {409, "The token is not active"},
	Conflict:             {409, "Changed meanwhile"},
	TooLarge:             {413, "Too large"},
	UnsupportedMediaType: {415, "Unsupported media type"},
	TooManyRequests:      {429, "Too many requests"},
	Internal:             {500, "Internal error"},
	Unavailable:          {503, "Unavailable"},
}

// NewProblem returns the document of a code, without details.
func NewProblem(code Code) Problem {
	p := problems[code]
	return Problem{Type: "urn:counterfoil:" + string(code), Title: p.title, Status: p.status, Code: string(code)}
}

// RetryAfter is what 429 and 503 tell a caller to wait, in seconds.
const RetryAfter = "1"

// The headers that a browser may send and read across origins.
const (
	AllowHeaders  = "authorization, content-type"
	ExposeHeaders = "location, retry-after, www-authenticate, x-request-id, counterfoil-token-expires"
	MaxAge        = "600" // seconds that a browser keeps a preflight's answer
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
	"INVALID_API_KEY":                {Status: 403, Code: Forbidden},
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
