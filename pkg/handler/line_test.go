package handler_test

import (
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/counterfoil/counterfoil/pkg/api"
	"github.com/counterfoil/counterfoil/pkg/handler"
	"github.com/counterfoil/counterfoil/pkg/pat"
)

// wantLine returns the one line that was logged since the last call.
func (d *desk) wantLine(t testing.TB) map[string]any {
	t.Helper()
	text := d.log.String()
	d.log.Reset()
	if strings.Count(text, "\n") != 1 {
		t.Fatalf("%d lines, want one: %s", strings.Count(text, "\n"), text)
	}
	line := map[string]any{}
	if err := json.Unmarshal([]byte(text), &line); err != nil {
		t.Fatal(err)
	}
	return line
}

// authorize shows a credential to our own authorizer, as API Gateway does.
func (d *desk) authorize(t testing.TB, credential, path string) {
	t.Helper()
	a := handler.OwnAuthorizer(d.tokens)
	a.Log = d.handlers().Log
	ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "own"})
	_, _ = a.Authorize(ctx, handler.AuthorizerRequest{
		Type: "TOKEN", AuthorizationToken: credential, MethodARN: stageARN + "/" + path,
	})
}

// A scene is something that happens to a desk, and leaves one line.
type scene func(testing.TB, *desk)

func authorizes(credential func(*desk) string, path string) scene {
	return func(t testing.TB, d *desk) { d.authorize(t, credential(d), path) }
}

func good(d *desk) string { return "Bearer " + d.token.Value.Reveal() }

func says(text string) func(*desk) string { return func(*desk) string { return text } }

// exchanges sends a form that is good but for what is changed.
func exchanges(change url.Values) scene {
	return func(t testing.TB, d *desk) {
		form := url.Values{"grant_type": {pat.ExchangeGrant}, "subject_token_type": {pat.AccessTokenType}, "subject_token": {d.token.Value.Reveal()}}
		maps.Copy(form, change)
		d.ask(t, "POST", "/oauth/token", formBody(form))
	}
}

func formBody(form url.Values) func(*events.APIGatewayProxyRequest) {
	return func(e *events.APIGatewayProxyRequest) {
		e.Body = form.Encode()
		e.MultiValueHeaders["Content-Type"] = []string{"application/x-www-form-urlencoded"}
		e.RequestContext.Authorizer = nil
	}
}

// another is a value of the desk's token that it never had.
func another(d *desk) string {
	value, err := pat.Mint(strings.NewReader(strings.Repeat("x", 4096)), d.token.ID)
	if err != nil {
		panic(err) // there is randomness enough
	}
	return "Bearer " + value.Reveal()
}

func TestALine(t *testing.T) {
	for name, c := range map[string]struct {
		happens scene
		want    map[string]any // ID stands for the desk's token, nil for absence
		class   api.RefusalClass
		metrics string
	}{
		"a token is let through": {
			authorizes(good, "GET/whoami"),
			map[string]any{"level": "INFO", "request_id": "own", "function_request_id": nil, "verb": "authorize", "kind": "pat", "token_id": "ID", "owner": "alice", "outcome": "granted", "status": nil, "code": nil, "reason": nil, "round_trips": 2.0},
			"", "Grants StoreLatency",
		},
		"junk is no credential": {
			authorizes(says("Bearer junk"), "GET/whoami"),
			map[string]any{"level": "INFO", "kind": nil, "token_id": nil, "owner": nil, "outcome": "refused", "status": 401.0, "code": "unauthorized", "reason": "unauthorized: neither a token value nor a JWT", "round_trips": 0.0},
			api.ClassMalformed, "Refusals",
		},
		"a header that cannot be read": {
			authorizes(says("Token x"), "GET/whoami"),
			map[string]any{"outcome": "refused", "status": 401.0, "reason": "not one Bearer or Basic credential"},
			api.ClassMalformed, "Refusals",
		},
		"a value that a token never had": {
			authorizes(another, "GET/whoami"),
			map[string]any{"kind": "pat", "token_id": "ID", "owner": nil, "outcome": "refused", "status": 401.0, "reason": "unauthorized: token ID has another value", "round_trips": 1.0},
			api.ClassToken, "Refusals StoreLatency",
		},
		"a JWT that nobody signed": {
			authorizes(says("Bearer a.b.c"), "GET/whoami"),
			map[string]any{"kind": nil, "outcome": "refused", "status": 401.0},
			api.ClassJWT, "Refusals",
		},
		"a good token at a route for people": {
			authorizes(good, "GET/tokens"),
			map[string]any{"kind": "pat", "owner": "alice", "outcome": "refused", "status": 403.0, "code": "forbidden", "reason": "the credential may not call GET /tokens"},
			api.ClassRights, "Refusals StoreLatency",
		},
		"a good token without the scope": {
			authorizes(good, "POST/oauth/introspect"),
			map[string]any{"outcome": "refused", "status": 403.0, "code": "insufficient_scope"},
			api.ClassRights, "Refusals StoreLatency",
		},
		"an authorizer without a store": {
			func(t testing.TB, d *desk) {
				d.store.Close()
				d.clock = d.clock.Add(pat.SettingsAge)
				d.authorize(t, good(d), "GET/whoami")
			},
			map[string]any{"level": "ERROR", "outcome": "failed", "status": 503.0, "code": "unavailable", "kind": "pat", "token_id": "ID"},
			"", "Failures StoreLatency",
		},
		"a token is created": {
			func(t testing.TB, d *desk) {
				d.ask(t, "POST", "/tokens", jsonBody(`{"name":"x","scopes":["profile"]}`))
			},
			map[string]any{"level": "INFO", "request_id": "r1", "verb": "create", "kind": "person", "token_id": "NEXT", "owner": "alice", "outcome": "answered", "status": 201.0, "code": nil},
			"", "StoreLatency",
		},
		"a bad request": {
			func(t testing.TB, d *desk) { d.ask(t, "POST", "/tokens", jsonBody(`{"name":""}`)) },
			map[string]any{"verb": "create", "token_id": nil, "outcome": "refused", "status": 400.0, "code": "invalid_request"},
			api.ClassRequest, "Refusals",
		},
		"a name that is taken": {
			func(t testing.TB, d *desk) {
				d.ask(t, "POST", "/tokens", jsonBody(`{"name":"ci","scopes":["profile"]}`))
			},
			map[string]any{"outcome": "refused", "status": 409.0, "code": "name_taken"},
			api.ClassState, "Refusals StoreLatency",
		},
		"a token is revoked by its owner": {
			func(t testing.TB, d *desk) { d.ask(t, "DELETE", "/tokens/{id}", path(string(d.token.ID))) },
			map[string]any{"verb": "revoke", "kind": "person", "token_id": "ID", "owner": "alice", "outcome": "answered", "status": 204.0},
			"", "StoreLatency",
		},
		"an id that is none stays out": {
			func(t testing.TB, d *desk) { d.ask(t, "DELETE", "/tokens/{id}", path("canary-canary")) },
			map[string]any{"token_id": nil, "outcome": "refused", "status": 404.0, "code": "not_found"},
			api.ClassNotFound, "Refusals",
		},
		"a token is revoked by its value": {
			func(t testing.TB, d *desk) {
				d.ask(t, "POST", "/oauth/revoke", formBody(url.Values{"token": {d.token.Value.Reveal()}}))
			},
			map[string]any{"verb": "revocation", "kind": "pat", "token_id": "ID", "owner": nil, "outcome": "answered", "status": 200.0, "round_trips": 2.0},
			"", "StoreLatency",
		},
		"no word of the authorizer": {
			func(t testing.TB, d *desk) {
				d.ask(t, "GET", "/whoami", func(e *events.APIGatewayProxyRequest) { e.RequestContext.Authorizer = nil })
			},
			map[string]any{"verb": "whoami", "kind": nil, "outcome": "refused", "status": 401.0},
			api.ClassMalformed, "Refusals",
		},
		"a token is exchanged": {
			exchanges(nil),
			map[string]any{"verb": "exchange", "kind": "pat", "token_id": "ID", "owner": "alice", "outcome": "answered", "status": 200.0, "round_trips": 3.0},
			"", "Exchanges Signs StoreLatency",
		},
		"a subject that is not good": {
			exchanges(url.Values{"subject_token": {"a.b.c"}}),
			map[string]any{"kind": nil, "owner": nil, "outcome": "refused", "status": 400.0, "code": "invalid_request"},
			api.ClassJWT, "Refusals",
		},
		"a form that lacks its grant type": {
			exchanges(url.Values{"grant_type": nil}),
			map[string]any{"outcome": "refused", "status": 400.0, "code": "invalid_request"},
			api.ClassRequest, "Refusals",
		},
		"a key that does not answer": {
			func(t testing.TB, d *desk) { d.jwts.err = errors.New("no"); exchanges(nil)(t, d) },
			map[string]any{"level": "ERROR", "outcome": "failed", "status": 503.0, "code": "temporarily_unavailable", "token_id": "ID"},
			"", "Failures SignFailures StoreLatency",
		},
		"a panic": {
			func(t testing.TB, d *desk) {
				d.tokens.Verifier = nil
				defer func() {
					if recover() == nil {
						t.Error("the panic was swallowed")
					}
				}()
				d.authorize(t, "Bearer a.b.c", "GET/whoami")
			},
			map[string]any{"level": "ERROR", "outcome": "failed", "status": 503.0, "reason": "panicked"},
			"", "Failures",
		},
	} {
		t.Run(name, func(t *testing.T) {
			inFunction(t, "counterfoil-x")
			d := newDesk(t)
			c.happens(t, d)
			ids := strings.NewReplacer(string(d.token.ID), "ID", string(pat.NewID(d.token.ID.Slot(), 2)), "NEXT", string(pat.NewID(d.token.ID.Slot(), 1)), "NEXT")
			line := d.wantLine(t)
			if line["msg"] != "request" {
				t.Errorf("message %v", line["msg"])
			}
			for member, want := range c.want {
				got := line[member]
				if text, ok := got.(string); ok {
					got = ids.Replace(text)
				}
				if got != want {
					t.Errorf("%s is %v, want %v", member, got, want)
				}
			}
			if took, ok := line["duration_ms"].(float64); !ok || took < 0 {
				t.Errorf("duration_ms is %v", line["duration_ms"])
			}
			metrics := embedded(t, line)
			if got := strings.Join(slices.Sorted(maps.Keys(metrics)), " "); got != c.metrics {
				t.Errorf("metrics %s, want %s", got, c.metrics)
			}
			if class, _ := line["Class"].(string); class != string(c.class) {
				t.Errorf("class %q, want %q", class, c.class)
			}
		})
	}
}

func path(id string) func(*events.APIGatewayProxyRequest) {
	return func(e *events.APIGatewayProxyRequest) { e.PathParameters = map[string]string{"id": id} }
}

// inFunction lets the test run in a function of that name, where metrics are written.
func inFunction(t testing.TB, name string) {
	t.Helper()
	before := lambdacontext.FunctionName
	lambdacontext.FunctionName = name
	t.Cleanup(func() { lambdacontext.FunctionName = before })
}

// embedded returns the metrics of a line as CloudWatch would read them, by name,
// with their dimensions. Whatever it would not take, or may not, is an error.
func embedded(t testing.TB, line map[string]any) map[string][]string {
	t.Helper()
	var aws struct {
		Timestamp         int64
		CloudWatchMetrics []struct {
			Namespace  string
			Dimensions [][]string
			Metrics    []struct{ Name, Unit string }
		}
	}
	text, err := json.Marshal(line["_aws"])
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &aws); err != nil {
		t.Fatal(err)
	}
	found := map[string][]string{}
	for _, directive := range aws.CloudWatchMetrics {
		if directive.Namespace != api.MetricNamespace || aws.Timestamp == 0 || len(directive.Dimensions) != 1 || len(directive.Metrics) == 0 {
			t.Errorf("directive %+v at %d", directive, aws.Timestamp)
			continue
		}
		for _, name := range directive.Dimensions[0] {
			if value, ok := line[name].(string); !ok || value == "" || name != api.DimensionFunction && name != api.DimensionClass {
				t.Errorf("dimension %s is %v", name, line[name])
			}
		}
		for _, m := range directive.Metrics {
			values, ok := line[m.Name].([]any)
			if !ok {
				values = []any{line[m.Name]}
			}
			for _, value := range values {
				if _, ok := value.(float64); !ok {
					t.Errorf("metric %s is %v", m.Name, line[m.Name])
				}
			}
			if len(values) == 0 || len(values) > 100 || !slices.Contains([]string{"Count", "Milliseconds"}, m.Unit) {
				t.Errorf("metric %s has %d values, in %s", m.Name, len(values), m.Unit)
			}
			found[m.Name] = directive.Dimensions[0]
		}
	}
	return found
}

func TestMetricsAreWrittenInLambdaAlone(t *testing.T) {
	inFunction(t, "")
	d := newDesk(t)
	d.authorize(t, good(d), "GET/whoami")
	line := d.wantLine(t)
	for _, member := range []string{"_aws", "FunctionName", "Grants", "StoreLatency"} {
		if line[member] != nil {
			t.Errorf("%s is %v", member, line[member])
		}
	}
}

// TestBothRequestIDs: behind the gateway a function has an id of its own, which
// the access log knows as integration_request_id.
func TestBothRequestIDs(t *testing.T) {
	d := newDesk(t)
	for own, want := range map[string]any{"own": "own", "r1": nil} {
		ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: own})
		_, err := d.handlers().Function("wellknown")(ctx, events.APIGatewayProxyRequest{
			HTTPMethod: "GET", Resource: "/.well-known/jwks.json",
			RequestContext: events.APIGatewayProxyRequestContext{RequestID: "r1"},
		})
		if err != nil {
			t.Fatal(err)
		}
		if line := d.wantLine(t); line["request_id"] != "r1" || line["function_request_id"] != want {
			t.Errorf("ids %v and %v, want r1 and %v", line["request_id"], line["function_request_id"], want)
		}
	}
}

// TestARequestFromOutsideItsNetworks: a REQUEST event says from where; a TOKEN
// event does not, and the gateway judges.
func TestARequestFromOutsideItsNetworks(t *testing.T) {
	d := newDesk(t)
	alice := pat.Grant{Kind: pat.KindPerson, Person: pat.Person{Issuer: d.tokens.PeopleIssuer, Subject: "alice"}, Groups: []string{"users"}, IssuedAt: d.clock}
	tied, err := d.tokens.Create(t.Context(), alice, pat.CreateRequest{Name: "tied", Scopes: []string{"profile"}, AllowedCIDRs: []string{"198.51.100.0/24"}})
	if err != nil {
		t.Fatal(err)
	}
	a := handler.OwnAuthorizer(d.tokens)
	a.Log = d.handlers().Log
	for from, want := range map[string]string{"198.51.100.7": "granted", "192.0.2.1": "refused", "": "granted"} {
		req := handler.AuthorizerRequest{Type: "REQUEST", MethodARN: stageARN + "/GET/whoami", MultiValueHeaders: map[string][]string{"Authorization": {"Bearer " + tied.Value.Reveal()}}}
		req.RequestContext.Identity.SourceIP = from
		if _, err := a.Authorize(t.Context(), req); err != nil {
			t.Fatal(err)
		}
		if line := d.wantLine(t); line["outcome"] != want {
			t.Errorf("from %q: %v, want %s", from, line["outcome"], want)
		}
	}
}

// TestALineHoldsNoSecret shows every credential wherever one can be shown.
func TestALineHoldsNoSecret(t *testing.T) {
	inFunction(t, "counterfoil-x")
	d := newDesk(t)
	value := d.token.Value.Reveal()
	for _, header := range []string{"Bearer " + value, "Bearer " + value + "x", value, "Basic " + value} {
		d.authorize(t, header, "GET/whoami")
	}
	for _, r := range api.Routes {
		d.ask(t, r.Method, r.Path, func(e *events.APIGatewayProxyRequest) {
			e.PathParameters = map[string]string{"id": value}
			e.Path, e.RequestContext.Path = "/"+value, "/"+value
			e.MultiValueQueryStringParameters = map[string][]string{"cursor": {value}, "status": {value}, "limit": {value}}
			formBody(url.Values{"token": {value}, "subject_token": {value}, "subject_token_type": {value}, value: {value}})(e)
		})
	}
	if lines := strings.Count(d.log.String(), "\n"); lines != 4+len(api.Routes) {
		t.Errorf("%d lines, want %d", lines, 4+len(api.Routes))
	}
	if strings.Contains(d.log.String(), value[16:52]) {
		t.Error("the secret is in the log")
	}
}
