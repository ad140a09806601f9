package handler_test

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/pkg/api"
	"github.com/counterfoil/counterfoil/pkg/handler"
	"github.com/counterfoil/counterfoil/pkg/pat"
)

const stageARN = "arn:aws:execute-api:eu-central-1:123456789012:a1b2c3d4e5/v1"

var somewhere = netip.MustParseAddr("192.0.2.1")

// concrete writes a route's path with something for each parameter.
func concrete(path string) string { return strings.ReplaceAll(path, "{id}", "abcde00001") }

// TestOnePolicyForEveryRoute asks for every route and for paths that are none.
// The policy must be the same each time, and let through what it should.
func TestOnePolicyForEveryRoute(t *testing.T) {
	d := newDesk(t)
	theirs := []api.Route{
		{Method: "GET", Path: "/notes", Guard: api.Any, Scope: "notes:read"},
		{Method: "POST", Path: "/notes", Guard: api.Any, Scope: "notes:write"},
		{Method: "GET", Path: "/notes/{id}", Guard: api.Any, Scope: "notes:read"},
		{Method: "GET", Path: "/notes/{id}/history", Guard: api.Any, Scope: "notes:write"},
		{Method: "DELETE", Path: "/notes/{id}", Guard: api.Any, Scope: "introspect"},
		{Method: "GET", Path: "/health", Guard: api.Any},
	}
	reads := d.token.Value
	d.jwts.claims = &pat.Claims{Issuer: d.tokens.PeopleIssuer, Subject: "alice", Groups: []string{"users"}, IssuedAt: d.clock, ExpiresAt: d.clock.Add(1e12)}
	session := pat.NewSecret("a.b.c")
	if _, err := d.tokens.Authorize(t.Context(), session); err != nil { // alice is known
		t.Fatal(err)
	}
	guest := &pat.Service{Store: d.store, Verifier: d.jwts, Issuer: d.tokens.Issuer, PeopleIssuer: d.tokens.PeopleIssuer, Guest: true, Now: d.tokens.Now}

	for name, c := range map[string]struct {
		credential pat.Secret
		authorizer handler.Authorizer
		may        func(api.Route) bool
	}{
		"a token at our API":               {reads, handler.OwnAuthorizer(d.tokens), func(r api.Route) bool { return r.Guard == api.Any && r.Scope == "" }},
		"a session at our API":             {session, handler.OwnAuthorizer(d.tokens), func(r api.Route) bool { return r.Guard == api.Person || r.Guard == api.Any && r.Scope == "" }},
		"a token at somebody else's API":   {reads, handler.Authorizer{Tokens: guest, Routes: theirs}, func(r api.Route) bool { return r.Scope == "notes:read" || r.Scope == "" }},
		"a session at an API that asks":    {session, handler.Authorizer{Tokens: guest, Routes: theirs, Sessions: true}, func(r api.Route) bool { return r.Scope != "introspect" }},
		"a session at an API that doesn't": {session, handler.Authorizer{Tokens: guest, Routes: theirs}, func(api.Route) bool { return false }},
	} {
		t.Run(name, func(t *testing.T) {
			c.authorizer.Log = d.handlers().Log
			routes := c.authorizer.Routes
			asked := []string{"GET/nowhere", "GET/", "GET/tokens/*", "GET/tokens/a%40b", "GET/notes/x...y", "GET/a:b:c/d"}
			for _, r := range routes {
				asked = append(asked, r.Method+concrete(r.Path))
			}
			var first string
			var policy api.Policy
			for _, ask := range asked {
				got, err := c.authorizer.Authorize(t.Context(), handler.AuthorizerRequest{
					Type: "TOKEN", AuthorizationToken: "Bearer " + c.credential.Reveal(), MethodARN: stageARN + "/" + ask,
				})
				if err != nil {
					t.Fatal(err)
				}
				text, err := json.Marshal(got.PolicyDocument)
				if err != nil {
					t.Fatal(err)
				}
				if first == "" {
					first, policy = string(text), got.PolicyDocument
				}
				if string(text) != first {
					t.Errorf("asked for %s the policy is another", ask)
				}
			}
			detours := []string{"GET/whoami/../tokens", "GET/notes/%2f", "GET/notes/%65xport", "GET/./whoami", "GET/notes/%2E%2e"}
			if !c.authorizer.Tokens.Guest {
				detours = nil // an id is read once, and the rules look again
			}
			for _, detour := range detours {
				got, err := c.authorizer.Authorize(t.Context(), handler.AuthorizerRequest{
					Type: "TOKEN", AuthorizationToken: "Bearer " + c.credential.Reveal(), MethodARN: stageARN + "/" + detour,
				})
				if err != nil || got.PolicyDocument.Allows(stageARN+"/GET/whoami", somewhere) || got.PolicyDocument.Allows(stageARN+"/"+detour, somewhere) {
					t.Errorf("asked for %s: %v, something is allowed", detour, err)
				}
			}
			for _, r := range routes {
				arn := stageARN + "/" + r.Method + concrete(r.Path)
				if got, want := policy.Allows(arn, somewhere), r.Guard != api.Open && c.may(r); got != want {
					t.Errorf("%s %s: allowed %v, want %v", r.Method, r.Path, got, want)
				}
				for _, deeper := range []string{"/x", "/x/y", "/history", "/../x"} {
					if route, ok := api.MatchRoute(routes, r.Method, concrete(r.Path)+deeper); ok && policy.Allows(arn+deeper, somewhere) != c.may(route) {
						t.Errorf("%s %s%s: allowed %v", r.Method, r.Path, deeper, !c.may(route))
					}
				}
				strays := []string{"/", "//", "//x"}
				if c.authorizer.Tokens.Guest {
					strays = append(strays, "/%2f", "/%2Fx", "/../x", "/..", "/./x", "/.")
				}
				for _, stray := range strays {
					if policy.Allows(arn+stray, somewhere) {
						t.Errorf("%s %s%s is allowed", r.Method, r.Path, stray)
					}
				}
				others := []string{"GET", "POST", "PUT", "PATCH", "DELETE"}
				if strings.Contains(r.Path, "{") {
					others = nil // the * of a shorter route covers it; without a route it is 404
				}
				for _, other := range others {
					known := slices.ContainsFunc(routes, func(o api.Route) bool { return o.Method == other && o.Path == r.Path })
					if !known && policy.Allows(stageARN+"/"+other+concrete(r.Path), somewhere) {
						t.Errorf("%s %s, which is no route, is allowed", other, r.Path)
					}
				}
				if policy.Allows(strings.Replace(arn, "/v1/", "/v2/", 1), somewhere) || policy.Allows(strings.Replace(arn, "a1b2c3d4e5", "f6g7h8i9j0", 1), somewhere) {
					t.Errorf("%s %s is allowed in another stage or API", r.Method, r.Path)
				}
			}
		})
	}
}

func TestThePolicyIsTiedToTheNetworks(t *testing.T) {
	d := newDesk(t)
	alice := pat.Grant{Kind: pat.KindPerson, Person: pat.Person{Issuer: d.tokens.PeopleIssuer, Subject: "alice"}, Groups: []string{"users"}, IssuedAt: d.clock}
	tied, err := d.tokens.Create(t.Context(), alice, pat.CreateRequest{Name: "tied", Scopes: []string{"profile"}, AllowedCIDRs: []string{"198.51.100.0/24", "2001:db8::/32"}})
	if err != nil {
		t.Fatal(err)
	}
	own := handler.OwnAuthorizer(d.tokens)
	own.Log = d.handlers().Log
	got, err := own.Authorize(t.Context(), handler.AuthorizerRequest{
		Type: "TOKEN", AuthorizationToken: "Bearer " + tied.Value.Reveal(), MethodARN: stageARN + "/GET/whoami",
	})
	if err != nil {
		t.Fatal(err)
	}
	for addr, want := range map[string]bool{"198.51.100.7": true, "::ffff:198.51.100.7": true, "2001:db8::1": true, "192.0.2.1": false, "2001:db9::1": false} {
		if got.PolicyDocument.Allows(stageARN+"/GET/whoami", netip.MustParseAddr(addr)) != want {
			t.Errorf("from %s: want %v", addr, want)
		}
	}
	if got.Context["code"] != "forbidden" || got.Context["missing_scope"] != "" {
		t.Errorf("context %v", got.Context)
	}
}

func TestTheAuthorizerTellsRefusalFromFailure(t *testing.T) {
	d := newDesk(t)
	a := handler.OwnAuthorizer(d.tokens)
	a.Log = d.handlers().Log
	value := d.token.Value.Reveal()
	ask := func(change func(*handler.AuthorizerRequest)) string {
		req := handler.AuthorizerRequest{Type: "TOKEN", AuthorizationToken: "Bearer " + value, MethodARN: stageARN + "/GET/whoami"}
		change(&req)
		got, err := a.Authorize(t.Context(), req)
		if err == nil {
			return "granted"
		}
		if got.PrincipalID != "" || len(got.PolicyDocument.Statement) != 0 {
			t.Error("an error came with an answer")
		}
		return err.Error()
	}
	headers := func(values ...string) func(*handler.AuthorizerRequest) {
		return func(r *handler.AuthorizerRequest) {
			r.Type, r.AuthorizationToken = "REQUEST", ""
			r.MultiValueHeaders = map[string][]string{"authorization": values}
		}
	}
	for name, c := range map[string]struct {
		change func(*handler.AuthorizerRequest)
		want   string
	}{
		"a good token":                    {func(*handler.AuthorizerRequest) {}, "granted"},
		"a good token in a REQUEST event": {headers("Bearer " + value), "granted"},
		"two headers in a REQUEST event":  {headers("Bearer "+value, "Bearer "+value), "Unauthorized"},
		"no header in a REQUEST event":    {headers(), "Unauthorized"},
		"a TOKEN's header in a REQUEST event": {func(r *handler.AuthorizerRequest) {
			r.Type = "REQUEST"
		}, "Unauthorized"},
		"junk":                       {func(r *handler.AuthorizerRequest) { r.AuthorizationToken = "junk" }, "Unauthorized"},
		"a JWT that nobody signed":   {func(r *handler.AuthorizerRequest) { r.AuthorizationToken = "Bearer a.b.c" }, "Unauthorized"},
		"a method ARN that is none":  {func(r *handler.AuthorizerRequest) { r.MethodARN = "arn:aws:s3:::bucket/*" }, "the authorizer cannot decide"},
		"a method ARN with wildcard": {func(r *handler.AuthorizerRequest) { r.MethodARN = stageARN[:len(stageARN)-2] + "*/GET/whoami" }, "the authorizer cannot decide"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := ask(c.change); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	d.store.Close()
	if got := ask(func(*handler.AuthorizerRequest) {}); got != "the authorizer cannot decide" {
		t.Errorf("without a store: %q", got)
	}
	if got := ask(func(r *handler.AuthorizerRequest) { r.AuthorizationToken = "Bearer " + value[:57] + "~" }); got != "Unauthorized" {
		t.Errorf("junk without a store: %q", got)
	}
}
