package api

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The response types of API Gateway, as its reference lists them (GatewayResponse,
// responseType), with the answers that the contract wants.
var wantAnswers = map[ResponseType]struct {
	status int
	code   Code
}{
	"ACCESS_DENIED":                  {403, ""}, // what the authorizer says
	"API_CONFIGURATION_ERROR":        {500, Internal},
	"AUTHORIZER_CONFIGURATION_ERROR": {503, Unavailable},
	"AUTHORIZER_FAILURE":             {503, Unavailable},
	"BAD_REQUEST_BODY":               {400, InvalidRequest},
	"BAD_REQUEST_PARAMETERS":         {400, InvalidRequest},
	"DEFAULT_4XX":                    {0, InvalidRequest},
	"DEFAULT_5XX":                    {0, Internal},
	"EXPIRED_TOKEN":                  {404, NotFound},
	"INTEGRATION_FAILURE":            {503, Unavailable},
	"INTEGRATION_TIMEOUT":            {503, Unavailable},
	"INVALID_API_KEY":                {403, Forbidden},
	"INVALID_SIGNATURE":              {404, NotFound},
	"MISSING_AUTHENTICATION_TOKEN":   {404, NotFound},
	"QUOTA_EXCEEDED":                 {429, TooManyRequests},
	"REQUEST_TOO_LARGE":              {413, TooLarge},
	"RESOURCE_NOT_FOUND":             {404, NotFound},
	"THROTTLED":                      {429, TooManyRequests},
	"UNAUTHORIZED":                   {401, Unauthorized},
	"UNSUPPORTED_MEDIA_TYPE":         {404, NotFound},
	"WAF_FILTERED":                   {429, TooManyRequests},
}

func TestGatewayAnswersAreTotal(t *testing.T) {
	got, want := slices.Sorted(maps.Keys(GatewayAnswers)), slices.Sorted(maps.Keys(wantAnswers))
	if !slices.Equal(got, want) {
		t.Fatalf("got  %v\nwant %v", got, want)
	}
	for name, want := range wantAnswers {
		answer := GatewayAnswers[name]
		if answer.Status != want.status || answer.Code != want.code {
			t.Errorf("%s is %d %s, want %d %s", name, answer.Status, answer.Code, want.status, want.code)
		}
	}
}

func TestGatewayTemplatesHoldOnlyOurReferences(t *testing.T) {
	for name, answer := range GatewayAnswers {
		template := answer.Template()
		rest := strings.NewReplacer(refCode, "", refMissingScope, "").Replace(template)
		if strings.Contains(rest, "$") || strings.Contains(rest, "context") || strings.Contains(rest, "#") {
			t.Errorf("%s: something else than our references is in %s", name, template)
		}
		if has := rest != template; has != (name == "ACCESS_DENIED") {
			t.Errorf("%s: references are %v in %s", name, has, template)
		}
		if !json.Valid([]byte(template)) {
			t.Errorf("%s: not JSON: %s", name, template)
		}
	}
}

func TestGatewayTemplates(t *testing.T) {
	for name, want := range map[ResponseType]string{
		"ACCESS_DENIED":                `{"type":"urn:counterfoil:$context.authorizer.code","title":"Not allowed","status":403,"code":"$context.authorizer.code","missing_scope":"$context.authorizer.missing_scope"}`,
		"INVALID_API_KEY":              `{"type":"urn:counterfoil:forbidden","title":"Not allowed","status":403,"code":"forbidden","missing_scope":""}`,
		"UNAUTHORIZED":                 `{"type":"urn:counterfoil:unauthorized","title":"No good credential","status":401,"code":"unauthorized"}`,
		"MISSING_AUTHENTICATION_TOKEN": `{"type":"urn:counterfoil:not_found","title":"Not found","status":404,"code":"not_found"}`,
		"DEFAULT_4XX":                  `{"type":"urn:counterfoil:invalid_request","title":"The request is not valid","code":"invalid_request"}`,
		"DEFAULT_5XX":                  `{"type":"urn:counterfoil:internal","title":"Internal error","code":"internal"}`,
	} {
		if got := GatewayAnswers[name].Template(); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, want)
		}
	}
}

func TestGatewayHeaders(t *testing.T) {
	static := regexp.MustCompile(`^'[^'\r\n]*'$`)
	for name, answer := range GatewayAnswers {
		headers := answer.Headers("https://console.example")
		want := map[string]string{
			"Content-Type":                  "'application/problem+json'",
			"Cache-Control":                 "'no-store'",
			"X-Request-Id":                  "context.requestId",
			"Access-Control-Allow-Origin":   "'https://console.example'",
			"Access-Control-Expose-Headers": "'location, retry-after, www-authenticate, x-request-id, counterfoil-token-expires'",
		}
		switch answer.Status {
		case 401:
			want["WWW-Authenticate"] = "'Bearer'"
		case 403:
			want["WWW-Authenticate"] = `'Bearer error="insufficient_scope"'`
		case 429, 503:
			want["Retry-After"] = "'1'"
		}
		if !maps.Equal(headers, want) {
			t.Errorf("%s:\ngot  %v\nwant %v", name, headers, want)
		}
		for header, value := range headers {
			if value != refRequestID && !static.MatchString(value) {
				t.Errorf("%s: %s is %s: neither a reference nor in quotes", name, header, value)
			}
		}
	}
}

func TestRender(t *testing.T) {
	status, header, body := GatewayAnswers["AUTHORIZER_FAILURE"].Render("https://console.example", "r-1", nil)
	if want := `{"type":"urn:counterfoil:unavailable","title":"Unavailable","status":503,"code":"unavailable"}`; status != 503 || body != want {
		t.Errorf("got %d %s, want 503 %s", status, body, want)
	}
	if want := map[string]string{
		"Content-Type":                  "application/problem+json",
		"Cache-Control":                 "no-store",
		"X-Request-Id":                  "r-1",
		"Access-Control-Allow-Origin":   "https://console.example",
		"Access-Control-Expose-Headers": "location, retry-after, www-authenticate, x-request-id, counterfoil-token-expires",
		"Retry-After":                   "1",
	}; !maps.Equal(header, want) {
		t.Errorf("got  %v\nwant %v", header, want)
	}
}

func TestRenderKeepsTheStatusOfDefaults(t *testing.T) {
	for _, name := range []ResponseType{"DEFAULT_4XX", "DEFAULT_5XX"} {
		status, _, body := GatewayAnswers[name].Render("https://console.example", "r-1", nil)
		if status != 0 || strings.Contains(body, "status") {
			t.Errorf("%s: got %d %s, want neither a status nor a word of it", name, status, body)
		}
	}
}

func TestRenderSaysWhatTheAuthorizerSaid(t *testing.T) {
	type context = map[string]string
	for name, tt := range map[string]struct {
		authorizer    context
		code, missing string
	}{
		"a scope that is missing is named":                {context{"code": "insufficient_scope", "missing_scope": "notes:write"}, "insufficient_scope", "notes:write"},
		"several scopes that are missing are named":       {context{"code": "insufficient_scope", "missing_scope": "a b-c d._:"}, "insufficient_scope", "a b-c d._:"},
		"forbidden is forbidden":                          {context{"code": "forbidden", "missing_scope": ""}, "forbidden", ""},
		"forbidden names no scope":                        {context{"code": "forbidden", "missing_scope": "a"}, "forbidden", ""},
		"no context is forbidden":                         {nil, "forbidden", ""},
		"no code is forbidden":                            {context{"missing_scope": "a"}, "forbidden", ""},
		"no scope is forbidden":                           {context{"code": "insufficient_scope"}, "forbidden", ""},
		"another code is forbidden":                       {context{"code": "unauthorized", "missing_scope": "a"}, "forbidden", ""},
		"a code that closes the string is forbidden":      {context{"code": `x","status":200,"code":"x`, "missing_scope": "a"}, "forbidden", ""},
		"a scope that closes the string is left out":      {context{"code": "insufficient_scope", "missing_scope": `a","x":"`}, "forbidden", ""},
		"a scope with a backslash is left out":            {context{"code": "insufficient_scope", "missing_scope": `a\`}, "forbidden", ""},
		"a scope with a line break is left out":           {context{"code": "insufficient_scope", "missing_scope": "a\n"}, "forbidden", ""},
		"a scope in upper case is left out":               {context{"code": "insufficient_scope", "missing_scope": "A"}, "forbidden", ""},
		"a scope of 41 characters is left out":            {context{"code": "insufficient_scope", "missing_scope": strings.Repeat("a", 41)}, "forbidden", ""},
		"a scope that is a reference is left out":         {context{"code": "insufficient_scope", "missing_scope": "$context.authorizer.code"}, "forbidden", ""},
		"two spaces between scopes are no list":           {context{"code": "insufficient_scope", "missing_scope": "a  b"}, "forbidden", ""},
		"a space at the end is no list":                   {context{"code": "insufficient_scope", "missing_scope": "a "}, "forbidden", ""},
		"a scope that is not a character is left out":     {context{"code": "insufficient_scope", "missing_scope": "\xff"}, "forbidden", ""},
		"what else the authorizer says is said to no one": {context{"code": "forbidden", "sub": "alice"}, "forbidden", ""},
	} {
		t.Run(name, func(t *testing.T) {
			status, header, body := GatewayAnswers["ACCESS_DENIED"].Render("https://console.example", "r-1", tt.authorizer)
			want := fmt.Sprintf(`{"type":"urn:counterfoil:%s","title":"Not allowed","status":403,"code":"%s","missing_scope":"%s"}`, tt.code, tt.code, tt.missing)
			if status != 403 || body != want {
				t.Errorf("got  %d %s\nwant 403 %s", status, body, want)
			}
			if got := header["WWW-Authenticate"]; got != `Bearer error="insufficient_scope"` {
				t.Errorf("WWW-Authenticate is %q", got)
			}
		})
	}
}

func TestProblems(t *testing.T) {
	if len(problems) == 0 {
		t.Fatal("no problems")
	}
	for code, p := range problems {
		got := NewProblem(code)
		if got.Type != "urn:counterfoil:"+string(code) || got.Code != string(code) || got.Status != p.status || got.Title == "" {
			t.Errorf("%s: got %+v", code, got)
		}
		if got.Detail != "" || got.Errors != nil || got.MissingScope != nil {
			t.Errorf("%s has details: %+v", code, got)
		}
	}
	if NewProblem(Forbidden).Title != NewProblem(InsufficientScope).Title {
		t.Error("the codes of 403 differ in their title, and the gateway has one for both")
	}
}
