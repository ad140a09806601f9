package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/counterfoil/counterfoil/pkg/api"
	"github.com/counterfoil/counterfoil/pkg/handler"
)

const consoleOrigin = "http://console.test"

// good looks like a credential; what it is worth is the authorizer's business.
const good = "Bearer abc"

var madeUpRoutes = []api.Route{
	{Function: "f", Method: "GET", Path: "/open", Guard: api.Open},
	{Function: "f", Method: "POST", Path: "/open", Guard: api.Open},
	{Function: "f", Method: "GET", Path: "/things/{id}", Guard: api.Any, Scope: "things"},
	{Function: "f", Method: "POST", Path: "/things", Guard: api.Any},
	{Function: "f", Method: "GET", Path: "/things/{id}/parts/{part}", Guard: api.Any},
}

// A rig is a gateway in front of made-up APIs. The tests say what its
// authorizer and its function answer; it notes what they were asked.
type rig struct {
	gateway
	log bytes.Buffer

	mu        sync.Mutex
	asked     [][]byte // the authorizer's events
	called    [][]byte // the function's events
	authorize func(context.Context, []byte) ([]byte, error)
	answer    func(context.Context, []byte) ([]byte, error)
}

func newRig(t *testing.T, binary bool) *rig {
	t.Helper()
	r := &rig{
		authorize: says(decisionOf(allowAll, nil)),
		answer:    says(events.APIGatewayProxyResponse{StatusCode: 200, Body: "done"}),
	}
	note := func(into *[][]byte, f *func(context.Context, []byte) ([]byte, error)) function {
		return func(ctx context.Context, event []byte) ([]byte, error) {
			r.mu.Lock()
			*into = append(*into, event)
			r.mu.Unlock()
			return (*f)(ctx, event)
		}
	}
	serve := note(&r.called, &r.answer)
	r.gateway = gateway{
		origin:  consoleOrigin,
		timeout: time.Minute,
		now:     func() time.Time { return time.Date(2027, 1, 31, 12, 0, 0, 0, time.UTC) },
		log:     slog.New(slog.NewTextHandler(&r.log, nil)),
		apis: []restAPI{
			{id: "other", routes: []api.Route{{Method: "GET", Path: "/other", Guard: api.Open}}, serves: func(api.Route) function {
				return says(events.APIGatewayProxyResponse{StatusCode: 200, Body: "other"})
			}},
			{
				id:         "made-up",
				routes:     madeUpRoutes,
				binary:     binary,
				authorizer: note(&r.asked, &r.authorize),
				serves:     func(api.Route) function { return serve },
			},
		},
	}
	return r
}

// says answers every event alike.
func says(answer any) func(context.Context, []byte) ([]byte, error) {
	text, err := json.Marshal(answer)
	if err != nil {
		panic(err)
	}
	return func(context.Context, []byte) ([]byte, error) { return text, nil }
}

func fails(err error) func(context.Context, []byte) ([]byte, error) {
	return func(context.Context, []byte) ([]byte, error) { return nil, err }
}

var allowAll = policyOf(api.Statement{Effect: "Allow", Action: api.InvokeAction, Resource: []string{"*"}})

func policyOf(statements ...api.Statement) api.Policy {
	return api.Policy{Version: "2012-10-17", Statement: statements}
}

func decisionOf(p api.Policy, c map[string]string) handler.AuthorizerResponse {
	return handler.AuthorizerResponse{PrincipalID: "alice", PolicyDocument: p, Context: c}
}

// send sends a request whose path is written as it is given.
func (r *rig) send(method, target string, header http.Header, body string) *httptest.ResponseRecorder {
	req := httptest.NewRequest(method, "/", strings.NewReader(body))
	req.RequestURI = target
	req.URL.Path, req.URL.RawQuery, _ = strings.Cut(target, "?")
	req.RemoteAddr = "192.0.2.7:4711"
	if header != nil {
		req.Header = header
	}
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	return w
}

func (r *rig) proxyEvent(t *testing.T) events.APIGatewayProxyRequest {
	t.Helper()
	var event events.APIGatewayProxyRequest
	if len(r.called) != 1 {
		t.Fatalf("the function was called %d times, want once", len(r.called))
	}
	if err := json.Unmarshal(r.called[0], &event); err != nil {
		t.Fatal(err)
	}
	return event
}

func problemIn(t *testing.T, w *httptest.ResponseRecorder) api.Problem {
	t.Helper()
	if got := w.Header().Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("Content-Type %q of a %d, want a problem document", got, w.Code)
	}
	var p api.Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatalf("%d is no problem document: %v", w.Code, err)
	}
	return p
}

func credentialHeader(values ...string) http.Header {
	return http.Header{"Authorization": values}
}

// The answers that the gateway gives by itself, and what it asks before.
func TestGatewayRefuses(t *testing.T) {
	deny := decisionOf(api.DenyAll(), map[string]string{api.ContextCode: "insufficient_scope", api.ContextMissingScope: "things"})
	for name, tc := range map[string]struct {
		method, target string
		header         http.Header
		body           string
		authorize      func(context.Context, []byte) ([]byte, error)
		answer         func(context.Context, []byte) ([]byte, error)
		status         int
		code           string
		missing        string // missing_scope, where the document has one
		authenticate   string
		asked, called  int
	}{
		"an unknown path is 404":                             {method: "GET", target: "/nothing", status: 404, code: "not_found"},
		"an unknown method of a known path is 404":           {method: "PUT", target: "/open", status: 404, code: "not_found"},
		"HEAD is an unknown method":                          {method: "HEAD", target: "/open", status: 404, code: "not_found"},
		"a doubled slash is an unknown path":                 {method: "GET", target: "//open", status: 404, code: "not_found"},
		"another case is an unknown path":                    {method: "GET", target: "/Open", status: 404, code: "not_found"},
		"dots are not resolved":                              {method: "GET", target: "/things/../open", status: 404, code: "not_found"},
		"a path encoded differently is unknown":              {method: "GET", target: "/%6fpen", status: 404, code: "not_found"},
		"an empty parameter is an unknown path":              {method: "GET", target: "/things/", status: 404, code: "not_found"},
		"a preflight of an unknown path is 404":              {method: "OPTIONS", target: "/nothing", status: 404, code: "not_found"},
		"OPTIONS * is an unknown path":                       {method: "OPTIONS", target: "*", status: 404, code: "not_found"},
		"an unknown path is 404 with a credential, too":      {method: "GET", target: "/nothing", header: credentialHeader(good), status: 404, code: "not_found"},
		"an unknown path is 404 with any authorization, too": {method: "GET", target: "/nothing", header: credentialHeader("AWS4-HMAC-SHA256 Credential=x"), status: 404, code: "not_found"},
		"no header is 401 and asks nobody":                   {method: "POST", target: "/things", status: 401, code: "unauthorized", authenticate: "Bearer"},
		"an empty header is 401 and asks nobody":             {method: "POST", target: "/things", header: credentialHeader(""), status: 401, code: "unauthorized", authenticate: "Bearer"},
		"the error Unauthorized is 401": {
			method: "POST", target: "/things", header: credentialHeader(good), authorize: fails(errors.New("Unauthorized")),
			status: 401, code: "unauthorized", authenticate: "Bearer", asked: 1,
		},
		"another error of the authorizer is 503": {
			method: "POST", target: "/things", header: credentialHeader(good), authorize: fails(errors.New("unauthorized")),
			status: 503, code: "unavailable", asked: 1,
		},
		"an authorizer that panics is 503": {
			method: "POST", target: "/things", header: credentialHeader(good),
			authorize: func(context.Context, []byte) ([]byte, error) { panic("oh") },
			status:    503, code: "unavailable", asked: 1,
		},
		"an authorizer that answers no JSON is 503": {
			method: "POST", target: "/things", header: credentialHeader(good),
			authorize: func(context.Context, []byte) ([]byte, error) { return []byte("yes"), nil },
			status:    503, code: "unavailable", asked: 1,
		},
		"an authorizer that answers null is 503": {
			method: "POST", target: "/things", header: credentialHeader(good), authorize: says(nil), status: 503, code: "unavailable", asked: 1,
		},
		"an authorizer that names nobody is 503": {
			method: "POST", target: "/things", header: credentialHeader(good), authorize: says(handler.AuthorizerResponse{PolicyDocument: allowAll}),
			status: 503, code: "unavailable", asked: 1,
		},
		"a policy without statements is 503": {
			method: "POST", target: "/things", header: credentialHeader(good), authorize: says(decisionOf(policyOf(), nil)),
			status: 503, code: "unavailable", asked: 1,
		},
		"a context that is no text is 503": {
			method: "POST", target: "/things", header: credentialHeader(good),
			authorize: says(map[string]any{"principalId": "alice", "policyDocument": allowAll, "context": map[string]any{"sub": []string{"alice"}}}),
			status:    503, code: "unavailable", asked: 1,
		},
		"a policy that denies is 403 with what the context says": {
			method: "GET", target: "/things/1", header: credentialHeader(good), authorize: says(deny),
			status: 403, code: "insufficient_scope", missing: "things", authenticate: `Bearer error="insufficient_scope"`, asked: 1,
		},
		"a policy that denies without a context is 403 forbidden": {
			method: "GET", target: "/things/1", header: credentialHeader(good), authorize: says(decisionOf(api.DenyAll(), nil)),
			status: 403, code: "forbidden", authenticate: `Bearer error="insufficient_scope"`, asked: 1,
		},
		"a context that would break out of the document is 403 forbidden": {
			method: "GET", target: "/things/1", header: credentialHeader(good),
			authorize: says(decisionOf(api.DenyAll(), map[string]string{api.ContextCode: `insufficient_scope","x":"`, api.ContextMissingScope: "things"})),
			status:    403, code: "forbidden", authenticate: `Bearer error="insufficient_scope"`, asked: 1,
		},
		"a function that returns an error is 503": {
			method: "GET", target: "/open", answer: fails(errors.New("no")), status: 503, code: "unavailable", called: 1,
		},
		"a function that panics is 503": {
			method: "GET", target: "/open", answer: func(context.Context, []byte) ([]byte, error) { panic(errors.New("oh")) },
			status: 503, code: "unavailable", called: 1,
		},
		"a function that answers no JSON is 503": {
			method: "GET", target: "/open", answer: func(context.Context, []byte) ([]byte, error) { return []byte("<html>"), nil },
			status: 503, code: "unavailable", called: 1,
		},
		"a function that answers no status is 503": {
			method: "GET", target: "/open", answer: says(events.APIGatewayProxyResponse{Body: "x"}), status: 503, code: "unavailable", called: 1,
		},
		"a function that answers a status outside HTTP is 503": {
			method: "GET", target: "/open", answer: says(events.APIGatewayProxyResponse{StatusCode: 1000}), status: 503, code: "unavailable", called: 1,
		},
		"a body that is said to be base64 and is not is 500": {
			method: "GET", target: "/open", answer: says(events.APIGatewayProxyResponse{StatusCode: 200, Body: "?", IsBase64Encoded: true}),
			status: 500, code: "internal", called: 1,
		},
		"a header line over the limit is 413": {
			method: "GET", target: "/open", header: http.Header{"X-Junk": {strings.Repeat("x", api.MaxHeader)}}, status: 413, code: "too_large",
		},
		"many headers over the limit together are 413": {
			method: "GET", target: "/open", header: http.Header{"X-Junk": slicesOf(strings.Repeat("x", 1000), 11)}, status: 413, code: "too_large",
		},
		"a query over the limit is 413": {
			method: "GET", target: "/open?q=" + strings.Repeat("x", api.MaxHeader), status: 413, code: "too_large",
		},
		"a megabyte of credential is 413 and asks nobody": {
			method: "POST", target: "/things", header: credentialHeader("Bearer " + strings.Repeat("x", 1<<20)), status: 413, code: "too_large",
		},
		"a body over the limit is 413": {
			method: "POST", target: "/open", body: strings.Repeat("x", api.MaxGatewayBody+1), status: 413, code: "too_large",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, true)
			if tc.authorize != nil {
				r.authorize = tc.authorize
			}
			if tc.answer != nil {
				r.answer = tc.answer
			}
			w := r.send(tc.method, tc.target, tc.header, tc.body)
			if w.Code != tc.status {
				t.Fatalf("status %d, want %d", w.Code, tc.status)
			}
			if len(r.asked) != tc.asked || len(r.called) != tc.called {
				t.Errorf("asked the authorizer %d times and the function %d times, want %d and %d", len(r.asked), len(r.called), tc.asked, tc.called)
			}
			p := problemIn(t, w)
			if p.Code != tc.code || p.Status != tc.status || p.Type != "urn:counterfoil:"+tc.code {
				t.Errorf("problem %+v, want code %s", p, tc.code)
			}
			switch {
			case tc.status != 403 && p.MissingScope != nil:
				t.Errorf("missing_scope %q in a %d", *p.MissingScope, tc.status)
			case tc.status == 403 && (p.MissingScope == nil || *p.MissingScope != tc.missing):
				t.Errorf("problem %s, want missing_scope %q", w.Body, tc.missing)
			}
			checkOwn(t, w, tc.authenticate)
			if strings.Contains(w.Body.String(), "abc") || strings.Contains(r.log.String(), "abc") || strings.Contains(r.log.String(), tc.target) && len(tc.target) > 1 {
				t.Error("the credential or the path got out")
			}
		})
	}
}

func slicesOf(s string, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = s
	}
	return all
}

// checkOwn checks the headers that every answer of the gateway's own has.
func checkOwn(t *testing.T, w *httptest.ResponseRecorder, authenticate string) {
	t.Helper()
	want := map[string]string{
		"Cache-Control":                 "no-store",
		"Access-Control-Allow-Origin":   consoleOrigin,
		"Access-Control-Expose-Headers": api.ExposeHeaders,
		"Www-Authenticate":              authenticate,
	}
	if w.Code == 503 || w.Code == 429 {
		want["Retry-After"] = api.RetryAfter
	}
	for name, value := range want {
		if got := strings.Join(w.Header()[name], "|"); got != value {
			t.Errorf("%s: %q, want %q", name, got, value)
		}
	}
	if w.Header().Get("X-Request-Id") == "" {
		t.Error("no X-Request-Id")
	}
}

// Every kind in the table has its answer, also those that only AWS gives.
func TestGatewayAnswersAreTotal(t *testing.T) {
	r := newRig(t, true)
	if len(api.GatewayAnswers) == 0 {
		t.Fatal("no answers")
	}
	for kind, want := range api.GatewayAnswers {
		t.Run(string(kind), func(t *testing.T) {
			w := httptest.NewRecorder()
			r.own(call{id: "one"}, refusal{kind: kind}).write(w)
			if w.Code < 400 || want.Status != 0 && w.Code != want.Status {
				t.Errorf("status %d, want %d", w.Code, want.Status)
			}
			if p := problemIn(t, w); p.Code == "" || p.Title == "" {
				t.Errorf("problem %s without a code or a title", w.Body)
			}
			checkOwn(t, w, want.WWWAuthenticate)
			if got := w.Header().Get("X-Request-Id"); got != "one" {
				t.Errorf("X-Request-Id %q", got)
			}
		})
	}
}

// The stack can answer the kinds of failure apart, so they are told apart here.
func TestGatewayTellsFailuresApart(t *testing.T) {
	waits := func(ctx context.Context, _ []byte) ([]byte, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	panics := func(context.Context, []byte) ([]byte, error) { panic("oh") }
	for name, tc := range map[string]struct {
		authorize, answer func(context.Context, []byte) ([]byte, error)
		kind              api.ResponseType
		log               string
	}{
		"an authorizer that does not answer in time": {authorize: waits, kind: "AUTHORIZER_FAILURE", log: errTimedOut.Error()},
		"an authorizer that panics":                  {authorize: panics, kind: "AUTHORIZER_FAILURE", log: errPanicked.Error()},
		"an authorizer that returns an error":        {authorize: fails(errors.New("oh")), kind: "AUTHORIZER_CONFIGURATION_ERROR", log: "oh"},
		"a function that does not answer in time":    {answer: waits, kind: "INTEGRATION_TIMEOUT", log: errTimedOut.Error()},
		"a function that panics":                     {answer: panics, kind: "INTEGRATION_FAILURE", log: errPanicked.Error()},
		"a function that returns an error":           {answer: fails(errors.New("oh")), kind: "INTEGRATION_FAILURE", log: "oh"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, true)
			r.timeout = 20 * time.Millisecond
			if tc.authorize != nil {
				r.authorize = tc.authorize
			}
			if tc.answer != nil {
				r.answer = tc.answer
			}
			req := httptest.NewRequest("GET", "/things/1", nil)
			req.Header = credentialHeader(good)
			_, err := r.serve(req, newCall(req, r.now()))
			var refused refusal
			if !errors.As(err, &refused) || refused.kind != tc.kind {
				t.Errorf("refusal %v, want %s", err, tc.kind)
			}
			if !strings.Contains(r.log.String(), tc.log) {
				t.Errorf("log %q, want %q in it", &r.log, tc.log)
			}
		})
	}
}

// A client that hangs up does not stop what it began.
func TestGatewayOutlivesItsClient(t *testing.T) {
	r := newRig(t, true)
	var seen error
	r.answer = func(ctx context.Context, _ []byte) ([]byte, error) {
		seen = ctx.Err()
		return says(events.APIGatewayProxyResponse{StatusCode: 200})(ctx, nil)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w := httptest.NewRecorder()
	r.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", "/open", nil))
	if w.Code != 200 || seen != nil {
		t.Errorf("status %d, the function's context: %v", w.Code, seen)
	}
}

func TestGatewayLogsAPanicWithoutItsValue(t *testing.T) {
	r := newRig(t, true)
	r.answer = func(context.Context, []byte) ([]byte, error) { panic("a secret") }
	r.send("GET", "/open", nil, "")
	if log := r.log.String(); strings.Contains(log, "a secret") || !strings.Contains(log, "panicked") {
		t.Errorf("log: %s", log)
	}
	r.log.Reset()
	r.answer = func(_ context.Context, event []byte) ([]byte, error) { return event[len(event)+1:], nil }
	r.send("GET", "/open", nil, "")
	if log := r.log.String(); !strings.Contains(log, "out of range") {
		t.Errorf("log: %s", log)
	}
}

// The policy is evaluated, whatever the authorizer meant by it.
func TestGatewayObeysThePolicy(t *testing.T) {
	const arn = "arn:aws:execute-api:local:000000000000:made-up/local"
	allow := func(resources ...string) api.Statement {
		return api.Statement{Effect: "Allow", Action: api.InvokeAction, Resource: resources}
	}
	denies := func(resources ...string) api.Statement {
		return api.Statement{Effect: "Deny", Action: api.InvokeAction, Resource: resources}
	}
	from := func(cidr string) api.Statement {
		s := allow("*")
		s.Condition = api.Condition{"IpAddress": {"aws:SourceIp": {cidr}}}
		return s
	}
	for name, tc := range map[string]struct {
		target string
		policy api.Policy
		status int
	}{
		"the route itself is let through":                     {"/things/1", policyOf(allow(arn + "/GET/things/1")), 200},
		"a star is let through":                               {"/things/1", policyOf(allow(arn + "/GET/things/*")), 200},
		"a star runs over slashes":                            {"/things/1/parts/2", policyOf(allow(arn + "/GET/things/*")), 200},
		"a question mark is one character":                    {"/things/1", policyOf(allow(arn + "/GET/things/?")), 200},
		"a question mark is not two characters":               {"/things/12", policyOf(allow(arn + "/GET/things/?")), 403},
		"another route is not":                                {"/things/1", policyOf(allow(arn + "/GET/things/2")), 403},
		"another method is not":                               {"/things/1", policyOf(allow(arn + "/POST/things/1")), 403},
		"another stage is not":                                {"/things/1", policyOf(allow("arn:aws:execute-api:local:000000000000:made-up/prod/GET/things/1")), 403},
		"another API is not":                                  {"/things/1", policyOf(allow("arn:aws:execute-api:local:000000000000:other/local/GET/things/1")), 403},
		"an explicit Deny wins over an Allow":                 {"/things/1", policyOf(allow("*"), denies(arn+"/GET/things/*")), 403},
		"an explicit Deny wins wherever it stands":            {"/things/1", policyOf(denies(arn+"/GET/things/*"), allow("*")), 403},
		"a Deny for another route does nothing":               {"/things/1", policyOf(allow("*"), denies(arn+"/GET/things/*/parts/*")), 200},
		"another action is not":                               {"/things/1", policyOf(api.Statement{Effect: "Allow", Action: "s3:GetObject", Resource: []string{"*"}}), 403},
		"the network of the connection is let through":        {"/things/1", policyOf(from("192.0.2.0/24")), 200},
		"another network is not":                              {"/things/1", policyOf(from("198.51.100.0/24")), 403},
		"what the client says of its address counts for none": {"/things/1", policyOf(from("203.0.113.9/32")), 403},
		"a path with a colon and a star is only itself":       {"/things/*:1", policyOf(allow(arn + "/GET/things/2")), 403},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, true)
			r.authorize = says(decisionOf(tc.policy, nil))
			header := credentialHeader(good)
			header.Set("X-Forwarded-For", "203.0.113.9")
			w := r.send("GET", tc.target, header, "")
			if w.Code != tc.status {
				t.Fatalf("status %d, want %d", w.Code, tc.status)
			}
			if w.Code == 403 && len(r.called) > 0 {
				t.Error("the function was called all the same")
			}
		})
	}
}

func TestAuthorizerEvent(t *testing.T) {
	r := newRig(t, true)
	header := credentialHeader("Digest a", "Bearer b")
	header["X-Many"] = []string{"1", "2"}
	r.send("GET", "/things/a%2fb?x=1&x=2", header, "body")
	if len(r.asked) != 1 {
		t.Fatalf("asked %d times", len(r.asked))
	}
	var event handler.AuthorizerRequest
	var whole map[string]any
	for _, into := range []any{&event, &whole} {
		if err := json.Unmarshal(r.asked[0], into); err != nil {
			t.Fatal(err)
		}
	}
	if event.Type != "REQUEST" || event.MethodARN != "arn:aws:execute-api:local:000000000000:made-up/local/GET/things/a%2fb" {
		t.Errorf("event %+v", event)
	}
	if !reflect.DeepEqual(event.MultiValueHeaders["Authorization"], []string{"Digest a", "Bearer b"}) {
		t.Errorf("headers %v", event.MultiValueHeaders)
	}
	if event.RequestContext.Identity.SourceIP != "192.0.2.7" || event.RequestContext.RequestID == "" {
		t.Errorf("context %+v", event.RequestContext)
	}
	for name, want := range map[string]any{
		"resource":                        "/things/{id}",
		"path":                            "/things/a%2fb",
		"httpMethod":                      "GET",
		"pathParameters":                  map[string]any{"id": "a%2fb"},
		"queryStringParameters":           map[string]any{"x": "2"},
		"multiValueQueryStringParameters": map[string]any{"x": []any{"1", "2"}},
		"stageVariables":                  nil,
	} {
		if got, given := whole[name]; !given || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	for _, name := range []string{"body", "isBase64Encoded"} {
		if _, given := whole[name]; given {
			t.Errorf("an authorizer gets no %s", name)
		}
	}
}

func TestProxyEvent(t *testing.T) {
	r := newRig(t, true)
	r.authorize = says(decisionOf(allowAll, map[string]string{"sub": "alice", "scope": "a b"}))
	header := credentialHeader(good)
	header["X-Many"] = []string{"1", "2"}
	header["User-Agent"] = []string{"test/1"}
	header["X-Forwarded-For"] = []string{"203.0.113.9"}
	w := r.send("GET", "/things/%C3%A4%2f%25/parts/x+y?q=a%20b&q=c+d&empty=&bare&bad=%zz&%71=e&&semi=1;2", header, "\xff\x00body")
	if w.Code != 200 || w.Body.String() != "done" {
		t.Fatalf("answer %d %s", w.Code, w.Body)
	}
	event := r.proxyEvent(t)
	if event.Resource != "/things/{id}/parts/{part}" || event.Path != "/things/%C3%A4%2f%25/parts/x+y" || event.HTTPMethod != "GET" {
		t.Errorf("resource, path, method: %q %q %q", event.Resource, event.Path, event.HTTPMethod)
	}
	for what, pair := range map[string][2]any{
		"path parameters stay encoded": {event.PathParameters, map[string]string{"id": "%C3%A4%2f%25", "part": "x+y"}},
		"query values are decoded, bad ones stay": {event.MultiValueQueryStringParameters, map[string][]string{
			"q": {"a b", "c d", "e"}, "empty": {""}, "bare": {""}, "bad": {"%zz"}, "semi": {"1;2"},
		}},
		"the last query value stands alone": {event.QueryStringParameters, map[string]string{
			"q": "e", "empty": "", "bare": "", "bad": "%zz", "semi": "1;2",
		}},
		"headers have all values": {event.MultiValueHeaders, map[string][]string{
			"Host": {"example.com"}, "Authorization": {good}, "X-Many": {"1", "2"}, "User-Agent": {"test/1"}, "X-Forwarded-For": {"203.0.113.9"},
		}},
		"the last header value stands alone": {event.Headers, map[string]string{
			"Host": "example.com", "Authorization": good, "X-Many": "2", "User-Agent": "test/1", "X-Forwarded-For": "203.0.113.9",
		}},
		"the context is the authorizer's": {event.RequestContext.Authorizer, map[string]any{"principalId": "alice", "sub": "alice", "scope": "a b"}},
	} {
		if !reflect.DeepEqual(pair[0], pair[1]) {
			t.Errorf("%s: %v, want %v", what, pair[0], pair[1])
		}
	}
	if body, err := base64.StdEncoding.DecodeString(event.Body); err != nil || !event.IsBase64Encoded || string(body) != "\xff\x00body" {
		t.Errorf("body %q, base64 %v", event.Body, event.IsBase64Encoded)
	}
	want := events.APIGatewayProxyRequestContext{
		AccountID: "000000000000", APIID: "made-up", Stage: "local", DomainName: "example.com", Protocol: "HTTP/1.1",
		ResourcePath: "/things/{id}/parts/{part}", Path: "/local/things/%C3%A4%2f%25/parts/x+y", HTTPMethod: "GET",
		RequestTime: "31/Jan/2027:12:00:00 +0000", RequestTimeEpoch: 1801396800000,
		RequestID: event.RequestContext.RequestID, Authorizer: event.RequestContext.Authorizer,
		Identity: events.APIGatewayRequestIdentity{SourceIP: "192.0.2.7", UserAgent: "test/1"},
	}
	if !reflect.DeepEqual(event.RequestContext, want) {
		t.Errorf("context %+v, want %+v", event.RequestContext, want)
	}
}

// What AWS writes as null is null here, and an open route has no authorizer.
func TestProxyEventWithoutAnything(t *testing.T) {
	r := newRig(t, true)
	r.send("GET", "/open", credentialHeader(good), "")
	var whole map[string]any
	if err := json.Unmarshal(r.called[0], &whole); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"queryStringParameters", "multiValueQueryStringParameters", "pathParameters", "stageVariables"} {
		if got, given := whole[name]; !given || got != nil {
			t.Errorf("%s: %v, want null", name, got)
		}
	}
	if whole["body"] != "" || whole["isBase64Encoded"] != nil {
		t.Errorf("body %v, base64 %v, want none", whole["body"], whole["isBase64Encoded"])
	}
	if got := r.proxyEvent(t).RequestContext.Authorizer; got != nil {
		t.Errorf("authorizer %v at an open route", got)
	}
	if len(r.asked) > 0 {
		t.Error("an open route asked the authorizer")
	}
}

// An API without binary media types gets text, with what is no UTF-8 replaced.
func TestProxyEventOfATextAPI(t *testing.T) {
	r := newRig(t, false)
	r.send("POST", "/open", nil, "a\xffb")
	if event := r.proxyEvent(t); event.Body != "a\ufffdb" || event.IsBase64Encoded {
		t.Errorf("body %q, base64 %v", event.Body, event.IsBase64Encoded)
	}
}

func TestGatewayTakesABodyUpToItsLimit(t *testing.T) {
	r := newRig(t, true)
	if w := r.send("POST", "/open", nil, strings.Repeat("x", api.MaxGatewayBody)); w.Code != 200 {
		t.Errorf("status %d", w.Code)
	}
}

func TestGatewayAnswersWithWhatTheFunctionSays(t *testing.T) {
	for name, tc := range map[string]struct {
		says   events.APIGatewayProxyResponse
		status int
		header http.Header
		body   string
	}{
		"status, headers and body come through": {
			says:   events.APIGatewayProxyResponse{StatusCode: 201, Headers: map[string]string{"location": "/x"}, Body: "b"},
			status: 201, header: http.Header{"Location": {"/x"}}, body: "b",
		},
		"headers of both kinds are put together, no pair twice": {
			says: events.APIGatewayProxyResponse{
				StatusCode: 200, Headers: map[string]string{"X-A": "1", "X-B": "2"}, MultiValueHeaders: map[string][]string{"X-A": {"0", "1"}},
			},
			status: 200, header: http.Header{"X-A": {"0", "1"}, "X-B": {"2"}},
		},
		"a body in base64 is decoded": {
			says:   events.APIGatewayProxyResponse{StatusCode: 200, Body: "/wA=", IsBase64Encoded: true},
			status: 200, header: http.Header{}, body: "\xff\x00",
		},
		"WWW-Authenticate is renamed": {
			says:   events.APIGatewayProxyResponse{StatusCode: 401, Headers: map[string]string{"www-authenticate": "Bearer"}},
			status: 401, header: http.Header{"X-Amzn-Remapped-Www-Authenticate": {"Bearer"}},
		},
		"WWW-Authenticate of several values is renamed": {
			says:   events.APIGatewayProxyResponse{StatusCode: 401, MultiValueHeaders: map[string][]string{"WWW-Authenticate": {"Bearer", "Basic"}}},
			status: 401, header: http.Header{"X-Amzn-Remapped-Www-Authenticate": {"Bearer", "Basic"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, true)
			r.answer = says(tc.says)
			w := r.send("GET", "/open", nil, "")
			if w.Code != tc.status || !reflect.DeepEqual(w.Header(), tc.header) || w.Body.String() != tc.body {
				t.Errorf("answer %d %v %q, want %d %v %q", w.Code, w.Header(), w.Body, tc.status, tc.header, tc.body)
			}
		})
	}
}

func TestPreflight(t *testing.T) {
	for name, tc := range map[string]struct{ target, methods string }{
		"of an open path":               {"/open", "GET, POST"},
		"of a guarded path":             {"/things", "POST"},
		"of a path with a parameter":    {"/things/1", "GET"},
		"of another API's path":         {"/other", "GET"},
		"of a path with an odd segment": {"/things/%2F", "GET"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, true)
			w := r.send("OPTIONS", tc.target, http.Header{"Origin": {"http://evil.test"}, "Access-Control-Request-Method": {"GET"}}, "")
			if w.Code != 204 || w.Body.Len() > 0 {
				t.Fatalf("answer %d %q", w.Code, w.Body)
			}
			for name, want := range map[string]string{
				"Access-Control-Allow-Origin":      consoleOrigin,
				"Access-Control-Allow-Methods":     tc.methods,
				"Access-Control-Allow-Headers":     api.AllowHeaders,
				"Access-Control-Max-Age":           api.MaxAge,
				"Access-Control-Allow-Credentials": "",
				"Cache-Control":                    "no-store",
			} {
				if got := w.Header().Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			if w.Header().Get("X-Request-Id") == "" {
				t.Error("no X-Request-Id")
			}
			if len(r.asked)+len(r.called) > 0 {
				t.Error("a preflight asked a function")
			}
		})
	}
}

// However many call at once, everybody gets their own answer.
func TestGatewayKeepsCallersApart(t *testing.T) {
	echo := functionOf(func(_ context.Context, event events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error) {
		return events.APIGatewayProxyResponse{StatusCode: 200, Body: strings.Repeat(event.PathParameters["id"]+" ", 200)}, nil
	})
	r := newRig(t, true)
	r.answer = echo
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			id := fmt.Sprint(1000 + i)
			for range 20 {
				if w := r.send("GET", "/things/"+id, credentialHeader(good), ""); w.Body.String() != strings.Repeat(id+" ", 200) {
					t.Errorf("caller %s got an answer that begins %.20q", id, w.Body)
				}
			}
		})
	}
	wg.Wait()
}

// A client that writes everything before it reads still sees the refusal.
func TestGatewayRefusesALargeBodyToTheEnd(t *testing.T) {
	r := newRig(t, true)
	web := httptest.NewServer(r)
	defer web.Close()
	body := io.LimitReader(zeros{}, api.MaxGatewayBody+24<<20)
	resp, err := http.Post(web.URL+"/open", "application/octet-stream", body)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 413 {
		t.Errorf("status %d", resp.StatusCode)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
