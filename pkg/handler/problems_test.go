package handler_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/counterfoil/counterfoil/pkg/api"
	"github.com/counterfoil/counterfoil/pkg/handler"
	"github.com/counterfoil/counterfoil/pkg/pat"
)

// A refused request is what the client gets for it.
type refused struct {
	status int // zero where API Gateway's own stays
	header map[string]string
	body   string
}

// code is the word that the client can rely on: a problem's, or OAuth's.
func (r refused) code(t *testing.T) (code string, oauth bool) {
	t.Helper()
	var body struct {
		Status int    `json:"status"`
		Code   string `json:"code"`
		Error  string `json:"error"`
	}
	if err := json.Unmarshal([]byte(r.body), &body); err != nil || (body.Code == "") == (body.Error == "") {
		t.Fatalf("neither a problem nor an error of OAuth: %s", r.body)
	}
	if body.Code != "" && body.Status != r.status {
		t.Errorf("the body says %d to a %d", body.Status, r.status)
	}
	return body.Code + body.Error, body.Error != ""
}

// A refusal makes one request that is refused.
type refusal func(t *testing.T, d *desk) refused

// asked sends a request to the function behind the gateway, as alice's session.
func asked(method, resource string, changes ...func(*events.APIGatewayProxyRequest)) refusal {
	return func(t *testing.T, d *desk) refused {
		resp, _ := d.ask(t, method, resource, func(e *events.APIGatewayProxyRequest) {
			for _, change := range changes {
				change(e)
			}
		})
		return refused{resp.StatusCode, resp.Headers, resp.Body}
	}
}

// after does something first.
func after(do func(t *testing.T, d *desk), then refusal) refusal {
	return func(t *testing.T, d *desk) refused {
		do(t, d)
		return then(t, d)
	}
}

// knocked shows a credential to the gateway of our API, which asks the
// authorizer and answers by itself.
func knocked(method, path, from string, credential func(t *testing.T, d *desk) pat.Secret) refusal {
	return func(t *testing.T, d *desk) refused {
		a := handler.OwnAuthorizer(d.tokens)
		a.Log = d.handlers().Log
		arn := stageARN + "/" + method + path
		got, err := a.Authorize(t.Context(), handler.AuthorizerRequest{
			Type: "TOKEN", MethodARN: arn, AuthorizationToken: "Bearer " + credential(t, d).Reveal(),
		})
		switch {
		case err != nil && err.Error() == "Unauthorized":
			return gateways("UNAUTHORIZED", nil)(t, d)
		case err != nil:
			return gateways("AUTHORIZER_CONFIGURATION_ERROR", nil)(t, d)
		case got.PolicyDocument.Allows(arn, netip.MustParseAddr(from)):
			t.Fatal("the gateway lets it through")
		}
		return gateways("ACCESS_DENIED", got.Context)(t, d)
	}
}

// gateways is an answer of the gateway's own.
func gateways(kind api.ResponseType, authorizer map[string]string) refusal {
	return func(_ *testing.T, d *desk) refused {
		status, header, body := api.GatewayAnswers[kind].Render(d.handlers().Origin, "r1", authorizer)
		return refused{status, header, body}
	}
}

func theToken(_ *testing.T, d *desk) pat.Secret { return d.token.Value }

func revokedToken(t *testing.T, d *desk) pat.Secret {
	revokeIt(t, d)
	return d.token.Value
}

func tokenWithNetworks(t *testing.T, d *desk) pat.Secret {
	created, err := d.tokens.Create(t.Context(), d.alice(), pat.CreateRequest{Name: "office", Scopes: []string{"profile"}, AllowedCIDRs: []string{"192.0.2.0/24"}})
	if err != nil {
		t.Fatal(err)
	}
	return created.Value
}

func revokeIt(t *testing.T, d *desk) {
	if err := d.tokens.Revoke(t.Context(), d.alice(), string(d.token.ID)); err != nil {
		t.Fatal(err)
	}
}

func fillUp(t *testing.T, d *desk) {
	for n := range pat.DefaultPolicy.MaxTokensPerPerson - 1 {
		if _, err := d.tokens.Create(t.Context(), d.alice(), pat.CreateRequest{Name: fmt.Sprint(n), Scopes: []string{"profile"}}); err != nil {
			t.Fatal(err)
		}
	}
}

func noStore(_ *testing.T, d *desk)      { d.store.Close() }
func noRandomness(_ *testing.T, d *desk) { d.tokens.Rand = strings.NewReader("") }

func (d *desk) alice() pat.Grant {
	return pat.Grant{Kind: pat.KindPerson, Person: pat.Person{Issuer: d.tokens.PeopleIssuer, Subject: "alice"}, Groups: []string{"users"}, IssuedAt: d.clock}
}

func withID(id string) func(*events.APIGatewayProxyRequest) {
	return func(e *events.APIGatewayProxyRequest) { e.PathParameters = map[string]string{"id": id} }
}

func withQuery(name, value string) func(*events.APIGatewayProxyRequest) {
	return func(e *events.APIGatewayProxyRequest) {
		e.MultiValueQueryStringParameters = map[string][]string{name: {value}}
	}
}

func asToken(e *events.APIGatewayProxyRequest) {
	e.RequestContext.Authorizer = map[string]any{"kind": "pat", "issuer": "i", "sub": "alice", "token_id": "q53EI00000", "gen": "1", "scope": "profile"}
}

func asRoot(e *events.APIGatewayProxyRequest) {
	e.RequestContext.Authorizer["sub"], e.RequestContext.Authorizer["groups"] = "root", `["admins"]`
	e.RequestContext.Authorizer["auth_time"] = "2026-11-24T11:55:00Z"
}

// decide makes a policy the one that holds.
func decide(p pat.Policy) func(t *testing.T, d *desk) {
	return func(t *testing.T, d *desk) {
		if err := d.store.SetPolicy(t.Context(), p, pat.Mark{}); err != nil {
			t.Fatal(err)
		}
		d.clock = d.clock.Add(pat.SettingsAge)
	}
}

func asNobody(e *events.APIGatewayProxyRequest) { e.RequestContext.Authorizer = nil }

func asText(e *events.APIGatewayProxyRequest) {
	e.MultiValueHeaders["Content-Type"] = []string{"text/plain"}
}

func inForm(form url.Values) func(*events.APIGatewayProxyRequest) {
	return func(e *events.APIGatewayProxyRequest) {
		e.Body = form.Encode()
		e.MultiValueHeaders["Content-Type"] = []string{"application/x-www-form-urlencoded"}
	}
}

// exchanged sends an exchange of the desk's token, with some parameters changed.
func exchanged(pairs ...string) refusal {
	return func(t *testing.T, d *desk) refused {
		form := url.Values{"grant_type": {pat.ExchangeGrant}, "subject_token_type": {pat.AccessTokenType}, "subject_token": {d.token.Value.Reveal()}}
		for pair := range slices.Chunk(pairs, 2) {
			form[pair[0]] = strings.Fields(pair[1])
		}
		return asked("POST", "/oauth/token", inForm(form))(t, d)
	}
}

const oneToken = "/tokens/{id}"

// refusals has every row of the tables of docs/problems.md. The gateway's own
// answers join them: see TestProblems.
var refusals = map[string]refusal{
	// Problems of our functions.
	"a body with everything wrong": asked("POST", "/tokens", jsonBody(`{"name":"","scopes":["x","x"],"owner":"bob","description":1,"expires_at":"now","allowed_cidrs":["192.0.2.1/24"]}`)),
	"a body that is no JSON":       asked("POST", "/tokens", jsonBody(`{"name":"x"`)),
	"a bad limit":                  asked("GET", "/tokens", withQuery("limit", "0")),
	"a scope that the token does not have": func(t *testing.T, d *desk) refused {
		return asked("PATCH", oneToken, withID(string(d.token.ID)), jsonBody(`{"scopes":["notes:write"]}`))(t, d)
	},
	"a grace that is too long":                            asked("POST", oneToken+"/rotate", withID("q53EI00000"), jsonBody(`{"grace_seconds":604801}`)),
	"a function that was reached around the authorizer":   asked("GET", "/tokens", asNobody),
	"a scope that this person may not grant":              asked("POST", "/tokens", jsonBody(`{"name":"x","scopes":["introspect","profile"]}`)),
	"a token at a function for administrators":            asked("GET", "/admin/policy", asToken),
	"a person who is no administrator":                    asked("PUT", "/admin/policy", jsonBody(`{}`)),
	"a policy with everything wrong":                      asked("PUT", "/admin/policy", asRoot, jsonBody(`{"max_lifetime_days":0,"default_lifetime_days":3651,"require_expiry":null,"max_tokens_per_person":501,"creator_groups":["a","a"],"max_idle_days":"x","reauth_seconds":60,"more":1}`)),
	"an administrator who disables themselves":            asked("PATCH", "/admin/people", asRoot, jsonBody(`{"sub":"root","disabled":true}`)),
	"a sign-in that is too long ago":                      after(decide(pat.Policy{MaxTokensPerPerson: 50, ReauthSeconds: 60}), asked("GET", "/admin/tokens", asRoot)),
	"a session that does not say when":                    after(decide(pat.Policy{MaxTokensPerPerson: 50, ReauthSeconds: 60}), asked("POST", "/tokens", asText)),
	"a person who may create none":                        after(decide(pat.Policy{MaxTokensPerPerson: 50, CreatorGroups: []string{}}), asked("POST", "/tokens", jsonBody(`{}`))),
	"an end later than the policy allows":                 after(decide(pat.Policy{MaxTokensPerPerson: 50, MaxLifetimeDays: 1}), asked("POST", "/tokens", jsonBody(`{"name":"x","scopes":["profile"],"expires_at":"2027-01-01T00:00:00Z"}`))),
	"a token that reached a function which is for people": asked("GET", "/tokens", asToken),
	"an unknown id":                                       asked("GET", oneToken, withID("zzzzzzzzzz")),
	"what is no id":                                       asked("GET", oneToken, withID("..%2fwhoami")),
	"a name that is taken":                                asked("POST", "/tokens", jsonBody(`{"name":"CI","scopes":["profile"]}`)),
	"a token above the cap":                               after(fillUp, asked("POST", "/tokens", jsonBody(`{"name":"x","scopes":["profile"]}`))),
	"a rotation of a revoked token": after(revokeIt, func(t *testing.T, d *desk) refused {
		return asked("POST", oneToken+"/rotate", withID(string(d.token.ID)))(t, d)
	}),
	"a previous value to keep, where there is none": func(t *testing.T, d *desk) refused {
		return asked("POST", oneToken+"/rotate", withID(string(d.token.ID)), jsonBody(`{"keep_previous":true}`))(t, d)
	},
	"a body over 16 KiB":  asked("POST", "/tokens", jsonBody(`{"name":"`+strings.Repeat("x", api.MaxBody)+`"}`)),
	"a body that is text": asked("POST", "/tokens", jsonBody(`{}`), asText),
	"no store":            after(noStore, asked("GET", "/tokens")),
	"no randomness":       after(noRandomness, asked("POST", "/tokens", jsonBody(`{"name":"x","scopes":["profile"]}`))),
	"a caller of introspection without the scope": asked("POST", "/oauth/introspect", asToken, inForm(url.Values{"token": {"x"}})),
	// Problems of the gateway, about a credential.
	"a revoked token":                         knocked("GET", "/whoami", "192.0.2.1", revokedToken),
	"a token that was never given":            knocked("GET", "/whoami", "192.0.2.1", func(*testing.T, *desk) pat.Secret { return pat.NewSecret("junk") }),
	"a token without the scope":               knocked("POST", "/oauth/introspect", "192.0.2.1", theToken),
	"a token at a route for people":           knocked("GET", "/tokens", "192.0.2.1", theToken),
	"a token used from outside its networks":  knocked("GET", "/whoami", "198.51.100.1", tokenWithNetworks),
	"an authorizer that cannot ask the store": after(noStore, knocked("GET", "/whoami", "192.0.2.1", theToken)),
	// Errors of OAuth.
	"a subject that is not good":             exchanged("subject_token", "junk"),
	"a subject that is revoked":              after(revokeIt, exchanged()),
	"an actor that is not good":              exchanged("actor_token", "junk", "actor_token_type", pat.AccessTokenType),
	"a form without a subject":               exchanged("subject_token", ""),
	"a parameter twice":                      exchanged("scope", "profile notes:read"),
	"a form over 64 KiB":                     exchanged("x", strings.Repeat("x", api.MaxForm)),
	"a body that is no form":                 asked("POST", "/oauth/token", jsonBody(`{}`)),
	"a scope that the subject does not have": exchanged("scope", "notes:write"),
	"an audience that nobody knows":          exchanged("audience", "https://other.example"),
	"another grant":                          exchanged("grant_type", "client_credentials"),
	"a JWT to revoke":                        asked("POST", "/oauth/revoke", inForm(url.Values{"token": {"a.b.c"}})),
	"nothing to revoke":                      asked("POST", "/oauth/revoke", inForm(url.Values{"x": {"y"}})),
	"an exchange without a store":            after(noStore, exchanged()),
	"an exchange without a key":              func(t *testing.T, d *desk) refused { d.jwts.err = errors.New("x"); return exchanged()(t, d) },
	"an exchange without randomness":         after(noRandomness, exchanged()),
}

// TestProblems makes every refusal and compares what the client gets with the
// golden files: one a code, testdata/problems.
func TestProblems(t *testing.T) {
	all := maps.Clone(refusals)
	for kind := range api.GatewayAnswers {
		if kind != "ACCESS_DENIED" { // the authorizer words it
			all["the gateway's "+string(kind)] = gateways(kind, nil)
		}
	}
	golden := map[string]*bytes.Buffer{}
	var problems, oauths []string
	made := 0
	for _, name := range slices.Sorted(maps.Keys(all)) {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			got := all[name](t, d)
			if strings.Contains(got.body, d.token.Value.Reveal()) || got.status != 0 && got.status < 400 {
				t.Fatalf("status %d, or the answer holds the token", got.status)
			}
			code, oauth := got.code(t)
			file := code
			if oauth {
				file = "oauth-" + code
				oauths = append(oauths, code)
			} else {
				problems = append(problems, code)
			}
			if golden[file] == nil {
				golden[file] = &bytes.Buffer{}
			}
			made++
			status := fmt.Sprint(got.status)
			if got.status == 0 {
				status = "API Gateway's own status"
			}
			fmt.Fprintf(golden[file], "# %s\n%s\n", name, status)
			for _, header := range slices.Sorted(maps.Keys(got.header)) {
				fmt.Fprintf(golden[file], "%s: %s\n", header, got.header[header])
			}
			fmt.Fprintf(golden[file], "\n%s\n\n", got.body)
		})
	}
	if t.Failed() || made < len(all) { // or one alone was asked for
		return
	}

	folder := filepath.Join("testdata", "problems")
	if *update {
		if err := os.RemoveAll(folder); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		for file, text := range golden {
			if err := os.WriteFile(filepath.Join(folder, file+".golden"), text.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.golden"))
	if err != nil || len(files) != len(golden) {
		t.Errorf("%d golden files, %v; want %d", len(files), err, len(golden))
	}
	for file, text := range golden {
		want, err := os.ReadFile(filepath.Join(folder, file+".golden"))
		if err != nil {
			t.Error(err)
		} else if !bytes.Equal(text.Bytes(), want) {
			t.Errorf("%s: answers\n%s\nwant\n%s", file, text, want)
		}
	}

	document, err := os.ReadFile("../../docs/problems.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range []struct {
		row  string
		seen []string
	}{{"(?m)^\\| \\d+ `([a-z_]+)` \\|", problems}, {"(?m)^\\| `([a-z_]+)` \\|", oauths}} {
		var listed []string
		for _, row := range regexp.MustCompile(table.row).FindAllStringSubmatch(string(document), -1) {
			listed = append(listed, row[1])
		}
		slices.Sort(listed)
		if seen := slices.Sorted(slices.Values(table.seen)); !slices.Equal(slices.Compact(seen), listed) {
			t.Errorf("the document lists %v, of which there are answers for %v", listed, slices.Compact(seen))
		}
	}
}
