package handler_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"testing"

	"github.com/counterfoil/counterfoil/pkg/api"
	"github.com/counterfoil/counterfoil/pkg/handler"
	"github.com/counterfoil/counterfoil/pkg/pat"
)

// TestWhatThePolicyRefusesIsTold: API Gateway refuses a good token by the policy, and
// nobody hears of it but from the authorizer, which was asked about that route.
func TestWhatThePolicyRefusesIsTold(t *testing.T) {
	notes := []api.Route{
		{Method: "GET", Path: "/notes", Guard: api.Any, Scope: "notes:read"},
		{Method: "POST", Path: "/notes", Guard: api.Any, Scope: "notes:write"},
	}
	for name, c := range map[string]struct {
		guest bool
		asks  string
		from  string
		want  pat.RefusalReason // empty for let through
	}{
		"let through":                      {true, "GET/notes", "192.0.2.1", ""},
		"without the scope":                {true, "POST/notes", "192.0.2.1", pat.RefusedScope},
		"on a roundabout path":             {true, "GET/not%65s", "192.0.2.1", pat.RefusedForbidden},
		"on no route":                      {true, "GET/others", "192.0.2.1", pat.RefusedForbidden},
		"from elsewhere":                   {true, "GET/notes", "198.51.100.1", pat.RefusedNetwork},
		"from where nobody sees":           {true, "GET/notes", "", ""}, // API Gateway alone
		"at our API":                       {false, "GET/whoami", "192.0.2.1", ""},
		"at our API, where people manage":  {false, "GET/tokens", "192.0.2.1", pat.RefusedForbidden},
		"at our API, for administrators":   {false, "GET/admin/policy", "192.0.2.1", pat.RefusedForbidden},
		"at our API, without the scope":    {false, "POST/oauth/introspect", "192.0.2.1", pat.RefusedScope},
		"at our API, from elsewhere":       {false, "GET/whoami", "198.51.100.1", pat.RefusedNetwork},
		"at our API, without both, abroad": {false, "POST/oauth/introspect", "198.51.100.1", pat.RefusedNetwork},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			tied, err := d.tokens.Create(t.Context(), d.alice(), pat.CreateRequest{Name: "tied", Scopes: []string{"notes:read"}, AllowedCIDRs: []string{"192.0.2.0/24"}})
			if err != nil {
				t.Fatal(err)
			}
			a := handler.OwnAuthorizer(d.tokens)
			if c.guest {
				a.Routes, a.Sessions, d.tokens.Guest = notes, false, true
			}
			a.Log = d.handlers().Log
			req := handler.AuthorizerRequest{
				Type: "REQUEST", MethodARN: stageARN + "/" + c.asks,
				MultiValueHeaders: map[string][]string{"Authorization": {"Bearer " + tied.Value.Reveal()}},
			}
			req.RequestContext.Identity.SourceIP, req.RequestContext.RequestID = c.from, "r7"
			for n := range 3 {
				answer, err := a.Authorize(t.Context(), req)
				if err != nil {
					t.Fatal(err)
				}
				d.wantLine(t)
				told := d.refusals(t, tied.ID)
				if c.want == "" && len(told) != 0 || c.want != "" && len(told) != n+1 {
					t.Fatalf("after %d requests %d refusals are told", n+1, len(told))
				}
				for _, e := range told {
					if e.Reason != c.want || e.From.String() != c.from || e.RequestID != "r7" || e.Owner != "alice" {
						t.Errorf("told %+v", e)
					}
				}
				// What is told is what the gateway does.
				if c.from != "" && answer.PolicyDocument.Allows(req.MethodARN, netip.MustParseAddr(c.from)) != (c.want == "") {
					t.Errorf("the policy does otherwise: %+v", answer.PolicyDocument)
				}
			}
			kept, _, err := d.store.Look(t.Context(), tied.ID)
			if err != nil || kept.LastUsedAt.IsZero() != (c.want == pat.RefusedNetwork) {
				t.Errorf("last used %v, %v", kept.LastUsedAt, err)
			}
		})
	}
}

func (d *desk) refusals(t *testing.T, id pat.ID) (told []pat.Event) {
	t.Helper()
	all, err := d.store.Trail(t.Context(), pat.TokenThread(id), pat.Place{}, d.clock, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		if e.Type == pat.TokenRefused {
			told = append(told, e)
		}
	}
	return told
}

// A store where nothing can be written down of a refusal.
type forgetful struct{ pat.Store }

func (forgetful) Refuse(context.Context, pat.Refusal) error { return errors.New("no room") }

// TestNobodyIsRefusedUnseen: where a refusal cannot be written down, the answer is
// that of a store that does not answer, and access there is none.
func TestNobodyIsRefusedUnseen(t *testing.T) {
	d := newDesk(t)
	d.tokens.Store = forgetful{d.tokens.Store}
	a := handler.OwnAuthorizer(d.tokens)
	a.Log = d.handlers().Log
	ask := func(path string) error {
		_, err := a.Authorize(t.Context(), handler.AuthorizerRequest{Type: "TOKEN", AuthorizationToken: good(d), MethodARN: stageARN + "/" + path})
		return err
	}
	if err := ask("GET/whoami"); err != nil {
		t.Fatal(err)
	}
	d.wantLine(t)
	refuses := func(path string) {
		t.Helper()
		err := ask(path)
		if line := d.wantLine(t); err == nil || err.Error() == "Unauthorized" || fmt.Sprint(line["status"]) != "503" {
			t.Errorf("%v, logged %v", err, line)
		}
	}
	refuses("GET/tokens")
	if err := d.tokens.Revoke(t.Context(), d.alice(), string(d.token.ID)); err != nil {
		t.Fatal(err)
	}
	refuses("GET/whoami")
	exchanges(nil)(t, d)
	if line := d.wantLine(t); fmt.Sprint(line["status"]) != "503" || line["code"] != "temporarily_unavailable" {
		t.Errorf("exchange: %v", line)
	}
}
