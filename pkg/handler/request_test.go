package handler_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/counterfoil/counterfoil/pkg/api"
	"github.com/counterfoil/counterfoil/pkg/pat"
)

// ask sends a request as alice's session to the function that serves the route.
func (d *desk) ask(t testing.TB, method, resource string, change func(*events.APIGatewayProxyRequest)) (events.APIGatewayProxyResponse, map[string]any) {
	t.Helper()
	event := events.APIGatewayProxyRequest{HTTPMethod: method, Resource: resource, MultiValueHeaders: map[string][]string{}}
	event.RequestContext.RequestID = "r1"
	event.RequestContext.Identity.SourceIP = "192.0.2.1"
	event.RequestContext.Authorizer = map[string]any{
		"kind": "person", "issuer": d.tokens.PeopleIssuer, "sub": "alice", "name": "Alice", "groups": `["users"]`,
		"issued_at": "2026-11-24T11:55:00Z", "scope": "profile notes:read notes:write",
	}
	change(&event)
	i := slices.IndexFunc(api.Routes, func(r api.Route) bool { return r.Method == method && r.Path == resource })
	if i < 0 {
		t.Fatalf("no route %s %s", method, resource)
	}
	resp, err := d.handlers().Function(api.Routes[i].Function)(t.Context(), event)
	if err != nil {
		t.Fatal(err)
	}
	var body map[string]any
	if resp.Body != "" {
		if err := json.Unmarshal([]byte(resp.Body), &body); err != nil {
			t.Fatalf("answer is not JSON: %v", err)
		}
	}
	return resp, body
}

func jsonBody(body string) func(*events.APIGatewayProxyRequest) {
	return func(e *events.APIGatewayProxyRequest) {
		e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString([]byte(body)), true
		e.MultiValueHeaders["Content-Type"] = []string{"application/json"}
	}
}

func TestBodiesOfCreate(t *testing.T) {
	for name, c := range map[string]struct {
		body   string
		status int
		fields string
	}{
		"a good one":                       {`{"name":"x","scopes":["profile"]}`, 201, ""},
		"a good one with blanks around":    {" \n{\"name\":\"x\",\"scopes\":[\"profile\"]}\n ", 201, ""},
		"no end, said so":                  {`{"name":"x","scopes":["profile"],"expires_at":null}`, 201, ""},
		"an end with an offset":            {`{"name":"x","scopes":["profile"],"expires_at":"2027-01-31T12:00:00.5+02:00"}`, 201, ""},
		"no body":                          {"", 400, "body"},
		"null":                             {"null", 400, "body"},
		"an array":                         {"[]", 400, "body"},
		"a string":                         {`"x"`, 400, "body"},
		"half an object":                   {`{"name":"x"`, 400, "body"},
		"two objects":                      {`{"name":"x","scopes":["profile"]} {}`, 400, "body"},
		"a name twice":                     {`{"name":"x","name":"y","scopes":["profile"]}`, 400, "body"},
		"invalid UTF-8":                    {"{\"name\":\"\xff\",\"scopes\":[\"profile\"]}", 400, "body"},
		"half a surrogate":                 {`{"name":"\ud800","scopes":["profile"]}`, 400, "body"},
		"a byte order mark":                {"\ufeff{}", 400, "body"},
		"a comment":                        {`{/*x*/"name":"x","scopes":["profile"]}`, 400, "body"},
		"nothing in it":                    {`{}`, 400, "name scopes"},
		"names in another case":            {`{"Name":"x","SCOPES":["profile"]}`, 400, "Name SCOPES name scopes"},
		"an unknown field":                 {`{"name":"x","scopes":["profile"],"admin":true}`, 400, "admin"},
		"null for a name":                  {`{"name":null,"scopes":["profile"]}`, 400, "name"},
		"null for scopes":                  {`{"name":"x","scopes":null}`, 400, "scopes"},
		"null among scopes":                {`{"name":"x","scopes":[null]}`, 400, "scopes"},
		"null for a description":           {`{"name":"x","scopes":["profile"],"description":null}`, 400, "description"},
		"null for networks":                {`{"name":"x","scopes":["profile"],"allowed_cidrs":null}`, 400, "allowed_cidrs"},
		"a number for a name":              {`{"name":1,"scopes":["profile"]}`, 400, "name"},
		"a string for scopes":              {`{"name":"x","scopes":"profile"}`, 400, "scopes"},
		"a number among scopes":            {`{"name":"x","scopes":[1]}`, 400, "scopes"},
		"a number for an end":              {`{"name":"x","scopes":["profile"],"expires_at":1795521600}`, 400, "expires_at"},
		"a date for an end":                {`{"name":"x","scopes":["profile"],"expires_at":"2027-01-31"}`, 400, "expires_at"},
		"an end that there is not":         {`{"name":"x","scopes":["profile"],"expires_at":"2027-02-30T00:00:00Z"}`, 400, "expires_at"},
		"the zero of Go for an end":        {`{"name":"x","scopes":["profile"],"expires_at":"0001-01-01T00:00:00Z"}`, 400, "expires_at"},
		"the zero of Go and a bit":         {`{"name":"x","scopes":["profile"],"expires_at":"0001-01-01T00:00:00.5Z"}`, 400, "expires_at"},
		"an hour of one digit":             {`{"name":"x","scopes":["profile"],"expires_at":"2027-01-31T2:00:00Z"}`, 400, "expires_at"},
		"a comma in the seconds":           {`{"name":"x","scopes":["profile"],"expires_at":"2027-01-31T12:00:00,5Z"}`, 400, "expires_at"},
		"an offset of a day":               {`{"name":"x","scopes":["profile"],"expires_at":"2027-01-31T12:00:00+24:00"}`, 400, "expires_at"},
		"an empty name of a member":        {`{"":1,"name":"","scopes":["profile"]}`, 400, " name"},
		"an empty end":                     {`{"name":"x","scopes":["profile"],"expires_at":""}`, 400, "expires_at"},
		"everything wrong, all told":       {`{"name":7,"scopes":[],"expires_at":"soon","allowed_cidrs":["x"],"description":[],"more":1}`, 400, "allowed_cidrs description expires_at more name scopes"},
		"deep nesting":                     {`{"name":` + strings.Repeat("[", 7000) + strings.Repeat("]", 7000) + `}`, 400, "name scopes"},
		"a scope that alice may not grant": {`{"name":"x","scopes":["introspect"]}`, 403, ""},
		"a taken name":                     {`{"name":"CI","scopes":["profile"]}`, 409, ""},
		"more than 16 KiB":                 {`{"name":"` + strings.Repeat("x", 16<<10) + `"}`, 413, ""},
		"1 MiB of junk":                    {strings.Repeat("x", 1<<20), 413, ""},
	} {
		t.Run(name, func(t *testing.T) {
			resp, body := newDesk(t).ask(t, "POST", "/tokens", jsonBody(c.body))
			if resp.StatusCode != c.status {
				t.Fatalf("status %d, want %d: %s", resp.StatusCode, c.status, body["errors"])
			}
			var fields []string
			if body["detail"] != nil {
				fields = append(fields, "body")
			}
			for _, e := range asList(body["errors"]) {
				fields = append(fields, e.(map[string]any)["field"].(string))
			}
			slices.Sort(fields)
			if got := strings.Join(slices.Compact(fields), " "); got != c.fields {
				t.Errorf("fields %q, want %q", got, c.fields)
			}
		})
	}
}

func asList(v any) []any { l, _ := v.([]any); return l }

func TestMediaTypes(t *testing.T) {
	good := `{"name":"x","scopes":["profile"]}`
	for header, status := range map[string]int{
		"application/json": 201, "application/json; charset=utf-8": 201, "Application/JSON;charset=UTF-8": 201,
		"": 415, "text/plain": 415, "application/json; charset=latin1": 415, "application/xml": 415,
		"application/jsonx": 415, "application/problem+json": 415, "json": 415, ";": 415,
		"application/x-www-form-urlencoded": 415,
	} {
		resp, _ := newDesk(t).ask(t, "POST", "/tokens", func(e *events.APIGatewayProxyRequest) {
			jsonBody(good)(e)
			e.MultiValueHeaders = map[string][]string{"content-type": {header}}
		})
		if resp.StatusCode != status {
			t.Errorf("%q: status %d, want %d", header, resp.StatusCode, status)
		}
	}
	resp, _ := newDesk(t).ask(t, "POST", "/tokens", func(e *events.APIGatewayProxyRequest) {
		e.Body = strings.Repeat("x", 1<<20)
	})
	if resp.StatusCode != 415 {
		t.Errorf("too large and of no type: status %d, the type comes first", resp.StatusCode)
	}
}

func TestListParameters(t *testing.T) {
	for query, status := range map[string]int{
		"": 200, "limit=1": 200, "limit=100": 200, "limit=007": 200, "status=active": 200, "status=all": 200, "unknown=1&unknown=2": 200,
		"limit=0": 400, "limit=101": 400, "limit=-1": 400, "limit=%2B5": 400, "limit=1e1": 400, "limit=1.0": 400, "limit=": 400,
		"limit=99999999999999999999": 400, "limit=5&limit=5": 400, "limit=%20" + "5": 400,
		"status=": 400, "status=Active": 400, "status=gone": 400, "status=all&status=all": 400,
		"cursor=": 400, "cursor=x": 400, "cursor=a&cursor=b": 400,
		"cursor=%ff": 400, "unknown=%ff": 200,
	} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		resp, _ := newDesk(t).ask(t, "GET", "/tokens", func(e *events.APIGatewayProxyRequest) { e.MultiValueQueryStringParameters = values })
		if resp.StatusCode != status {
			t.Errorf("?%s: status %d, want %d", query, resp.StatusCode, status)
		}
	}
}

func TestIDsAreDecodedOnce(t *testing.T) {
	d := newDesk(t)
	id := string(d.token.ID)
	for raw, status := range map[string]int{
		id: 200, "%" + fmt.Sprintf("%02x", id[0]) + id[1:]: 200,
		"%25" + fmt.Sprintf("%02x", id[0]) + id[1:]: 404, "%zz": 404, "": 404, "..%2fwhoami": 404, id + "%00": 404, id + "%0a": 404, id[:9] + "%2e": 404,
	} {
		for _, method := range []string{"GET", "DELETE"} {
			want := status
			if method == "DELETE" && status == 200 {
				continue
			}
			resp, body := d.ask(t, method, "/tokens/{id}", func(e *events.APIGatewayProxyRequest) { e.PathParameters = map[string]string{"id": raw} })
			if resp.StatusCode != want || want == 404 && body["code"] != "not_found" {
				t.Errorf("%s %q: status %d, want %d", method, raw, resp.StatusCode, want)
			}
		}
	}
}

func TestFormsOfExchange(t *testing.T) {
	const ok = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aaccess_token&subject_token="
	for name, c := range map[string]struct {
		form   string
		status int
		want   string // error: description
	}{
		"a good one":                            {ok + "{{v}}", 200, ""},
		"with a client, unknown and empty ones": {ok + "{{v}}&client_id=x&nonsense=1&actor_token=&scope=", 200, ""},
		"empty beside full is not twice":        {ok + "{{v}}&scope=&scope=profile", 200, ""},
		"an audience twice":                     {ok + "{{v}}&audience=https%3A%2F%2Ftokens.example%2Fv1&audience=https%3A%2F%2Ftokens.example%2Fv1", 200, ""},
		"nothing":                               {"", 400, "invalid_request: grant_type is missing"},
		"a subject twice":                       {ok + "{{v}}&subject_token={{v}}", 400, "invalid_request: a parameter is given twice"},
		"an unknown one twice":                  {ok + "{{v}}&x=1&x=2", 400, "invalid_request: a parameter is given twice"},
		"a scope twice":                         {ok + "{{v}}&scope=profile&scope=profile", 400, "invalid_request: a parameter is given twice"},
		"broken escapes":                        {ok + "%zz", 400, "invalid_request: the form cannot be read"},
		"semicolons":                            {"grant_type=x;subject_token=y", 400, "invalid_request: the form cannot be read"},
		"invalid UTF-8":                         {ok + "%ff", 400, "invalid_request: the form is not UTF-8"},
		"junk for a subject":                    {ok + "junk", 400, "invalid_request: subject_token is not valid"},
		"a value with a line end":               {ok + "{{v}}%0a", 400, "invalid_request: subject_token is not valid"},
		"more than 64 KiB":                      {ok + strings.Repeat("x", 64<<10), 413, "invalid_request: the form is too large"},
		"a megabyte of ampersands":              {strings.Repeat("&", 1<<20), 413, "invalid_request: the form is too large"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			resp, body := d.ask(t, "POST", "/oauth/token", func(e *events.APIGatewayProxyRequest) {
				e.RequestContext.Authorizer = nil
				e.Body = strings.ReplaceAll(c.form, "{{v}}", d.token.Value.Reveal())
				e.MultiValueHeaders["Content-Type"] = []string{"application/x-www-form-urlencoded"}
			})
			got := ""
			if resp.StatusCode != 200 {
				got = fmt.Sprint(body["error"], ": ", body["error_description"])
			}
			if resp.StatusCode != c.status || got != c.want {
				t.Errorf("status %d, %s", resp.StatusCode, got)
			}
		})
	}
	resp, body := newDesk(t).ask(t, "POST", "/oauth/token", func(e *events.APIGatewayProxyRequest) {
		jsonBody(`{"grant_type":"x"}`)(e)
	})
	if resp.StatusCode != 400 || body["error"] != "invalid_request" {
		t.Errorf("JSON for a form: status %d, %v", resp.StatusCode, body)
	}
}

// FuzzForm holds that no form panics, and that none without our token's value
// is granted anything.
func FuzzForm(f *testing.F) {
	d := newDesk(f)
	f.Add("grant_type=x")
	f.Add("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&subject_token=cfoil_a&subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Apat")
	f.Add("%")
	f.Fuzz(func(t *testing.T, form string) {
		resp, _ := d.ask(t, "POST", "/oauth/token", func(e *events.APIGatewayProxyRequest) {
			e.Body = form
			e.MultiValueHeaders["Content-Type"] = []string{"application/x-www-form-urlencoded"}
		})
		if resp.StatusCode == 200 && !strings.Contains(form, d.token.Value.Reveal()) || resp.StatusCode >= 500 {
			t.Errorf("status %d", resp.StatusCode)
		}
		d.log.Reset()
	})
}

func TestNoWordOfTheAuthorizerIsNoAccess(t *testing.T) {
	d := newDesk(t)
	for name, authorizer := range map[string]map[string]any{
		"none":                         nil,
		"an empty one":                 {},
		"no kind":                      {"issuer": "i", "sub": "alice"},
		"an unknown kind":              {"issuer": "i", "sub": "alice", "kind": "root"},
		"no sub":                       {"issuer": "i", "kind": "person", "groups": "[]", "issued_at": "2026-11-24T11:55:00Z"},
		"no issuer":                    {"sub": "alice", "kind": "person", "groups": "[]", "issued_at": "2026-11-24T11:55:00Z"},
		"a session without its time":   {"issuer": "i", "sub": "alice", "kind": "person", "groups": "[]"},
		"a session with broken groups": {"issuer": "i", "sub": "alice", "kind": "person", "groups": "admins", "issued_at": "2026-11-24T11:55:00Z"},
		"a token without its id":       {"issuer": "i", "sub": "alice", "kind": "pat", "gen": "1"},
		"a token without its gen":      {"issuer": "i", "sub": "alice", "kind": "pat", "token_id": "abcdefghij"},
		"an end that is none":          {"issuer": "i", "sub": "alice", "kind": "pat", "token_id": "abcdefghij", "gen": "1", "expires_at": "soon"},
		"numbers for texts":            {"issuer": 1, "sub": 2, "kind": 3},
	} {
		t.Run(name, func(t *testing.T) {
			for _, r := range api.Routes {
				if r.Guard == api.Open {
					continue
				}
				resp, body := d.ask(t, r.Method, r.Path, func(e *events.APIGatewayProxyRequest) {
					e.RequestContext.Authorizer = authorizer
					// A function must never read it by itself.
					e.MultiValueHeaders["Authorization"] = []string{"Bearer " + d.token.Value.Reveal()}
				})
				if resp.StatusCode != 401 || body["code"] != "unauthorized" || resp.Headers["WWW-Authenticate"] != "" {
					t.Errorf("%s %s: status %d, %v", r.Method, r.Path, resp.StatusCode, resp.Headers)
				}
			}
		})
	}
}

func TestAFunctionServesItsOwnRoutesOnly(t *testing.T) {
	d := newDesk(t)
	for _, r := range api.Routes {
		for _, other := range api.Routes {
			if other.Function == r.Function {
				continue
			}
			resp, err := d.handlers().Function(other.Function)(t.Context(), events.APIGatewayProxyRequest{HTTPMethod: r.Method, Resource: r.Path})
			if err != nil || resp.StatusCode != 404 {
				t.Errorf("function %s answers %s %s with %d, %v", other.Function, r.Method, r.Path, resp.StatusCode, err)
			}
		}
	}
}

func TestWhatWeDoNotKnowIsABare500(t *testing.T) {
	d := newDesk(t)
	d.tokens.Rand = strings.NewReader("") // no randomness left
	resp, body := d.ask(t, "POST", "/tokens", jsonBody(`{"name":"x","scopes":["profile"]}`))
	if resp.StatusCode != 500 || body["code"] != "internal" || len(body) != 4 {
		t.Errorf("status %d, body %v", resp.StatusCode, body)
	}
	if !strings.Contains(d.log.String(), "random") || !strings.Contains(d.log.String(), `"r1"`) {
		t.Errorf("the log does not say what went wrong: %s", d.log)
	}
	resp, body = d.ask(t, "POST", "/oauth/token", func(e *events.APIGatewayProxyRequest) {
		e.Body = url.Values{"grant_type": {pat.ExchangeGrant}, "subject_token_type": {pat.PATType}, "subject_token": {d.token.Value.Reveal()}}.Encode()
		e.MultiValueHeaders["Content-Type"] = []string{"application/x-www-form-urlencoded"}
	})
	if resp.StatusCode != 500 || body["error"] != "server_error" || len(body) != 1 {
		t.Errorf("status %d, body %v", resp.StatusCode, body)
	}
}

func TestNoAnswerIs503(t *testing.T) {
	d := newDesk(t)
	d.jwts.err = errors.New("kms says ThrottlingException for key 1234")
	form := func(e *events.APIGatewayProxyRequest) {
		e.Body = url.Values{"grant_type": {pat.ExchangeGrant}, "subject_token_type": {pat.PATType}, "subject_token": {d.token.Value.Reveal()}}.Encode()
		e.MultiValueHeaders["Content-Type"] = []string{"application/x-www-form-urlencoded"}
	}
	resp, body := d.ask(t, "POST", "/oauth/token", form)
	if resp.StatusCode != 503 || body["error"] != "temporarily_unavailable" || resp.Headers["Retry-After"] == "" || strings.Contains(resp.Body, "kms") {
		t.Errorf("no key: status %d, %v", resp.StatusCode, body)
	}
	if !strings.Contains(d.log.String(), "ThrottlingException") {
		t.Error("the log does not say why")
	}
	d.jwts.err = nil
	if err := d.store.Publish(t.Context(), nil, pat.Catalogue{{Name: "profile"}, {Name: "notes:read"}}); err != nil {
		t.Fatal(err)
	}
	d.clock = d.clock.Add(pat.SettingsAge)
	resp, body = d.ask(t, "POST", "/oauth/token", form)
	if resp.StatusCode != 503 || body["error"] != "temporarily_unavailable" || resp.Headers["Retry-After"] == "" || strings.Contains(resp.Body, ourKey) {
		t.Errorf("no published key: status %d, %v", resp.StatusCode, body)
	}
	d.store.Close()
	d.clock = d.clock.Add(pat.SettingsAge)
	for _, r := range api.Routes {
		resp, body := d.ask(t, r.Method, r.Path, func(e *events.APIGatewayProxyRequest) {
			if r.Guard == api.Administrator {
				asRoot(e)
			}
			switch r.Verb {
			case "create":
				jsonBody(`{"name":"x","scopes":["profile"]}`)(e)
			case "exchange":
				form(e)
			case "introspect":
				form(e)
				e.Body += "&token=" + d.token.Value.Reveal()
				e.RequestContext.Authorizer["scope"] = "introspect"
			case "revocation":
				form(e)
				e.Body += "&token=" + d.token.Value.Reveal()
			case "report":
				jsonBody(`{"tokens":["` + d.token.Value.Reveal() + `"]}`)(e)
			case "get", "revoke", "rotate", "update", "trail":
				if r.Verb == "update" {
					jsonBody("{}")(e)
				}
				e.PathParameters = map[string]string{"id": string(d.token.ID)}
			case "whoami":
				e.RequestContext.Authorizer = map[string]any{"kind": "pat", "issuer": "i", "sub": "alice", "token_id": string(d.token.ID), "gen": "1"}
			}
		})
		if resp.StatusCode != 503 || resp.Headers["Retry-After"] == "" || resp.Headers["Cache-Control"] != "no-store" {
			t.Errorf("%s %s without a store: status %d, %v, %v", r.Method, r.Path, resp.StatusCode, resp.Headers, body)
		}
	}
}
