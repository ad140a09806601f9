package client_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/counterfoil/counterfoil/pkg/api"
	"github.com/counterfoil/counterfoil/pkg/client"
)

// TestEveryRoute is a token's whole life, and calls every route there is.
func TestEveryRoute(t *testing.T) {
	ctx := t.Context()
	alice := as(t, signIn("alice"))
	scopes := must(alice.Scopes(ctx))(t)
	if limits := must(alice.Limits(ctx))(t); !limits.MayCreate || limits.MaxTokensPerPerson != 50 {
		t.Errorf("the policy means %+v", limits)
	}
	if i := slices.IndexFunc(scopes, func(s client.Scope) bool { return s.Name == "notes:read" }); i < 0 || !scopes[i].Grantable {
		t.Errorf("scopes: %+v", scopes)
	}
	end := time.Now().Add(48 * time.Hour).Truncate(time.Second)
	created := must(alice.Create(ctx, client.NewToken{
		Name: "life", Description: "a life", Scopes: []string{"notes:read", "notes:write", "credentials"}, ExpiresAt: client.At(end), AllowedCIDRs: []string{"127.0.0.0/8"},
	}))(t)
	if created.ExpiresAt == nil || *created.ExpiresAt != end.UTC().Format(time.RFC3339) || len(created.AllowedCIDRs) != 1 || created.Description != "a life" {
		t.Errorf("created: %+v", created.Token)
	}
	got := must(alice.Get(ctx, created.ID))(t)
	if got.Name != "life" || got.Status != "active" {
		t.Errorf("got: %+v", got)
	}
	name := "life 2"
	got = must(alice.Update(ctx, created.ID, client.Update{Name: &name, ExpiresAt: client.Never, AllowedCIDRs: []string{}}))(t)
	if got.Name != name || got.ExpiresAt != nil || len(got.AllowedCIDRs) != 0 || got.Description != "a life" || len(got.Scopes) != 3 {
		t.Errorf("updated: %+v", got)
	}

	token := as(t, created.Value)
	who := must(token.Whoami(ctx))(t)
	if who.Kind != "pat" || who.TokenID != created.ID || who.Subject != "alice" {
		t.Errorf("whoami: %+v", who)
	}
	bought := must(token.Exchange(ctx, client.ExchangeRequest{Scopes: []string{"notes:read"}}))(t)
	if left := time.Until(bought.ExpiresAt); !slices.Equal(bought.Scopes, []string{"notes:read"}) || bought.AWS != nil || left < 14*time.Minute || left > 15*time.Minute {
		t.Errorf("bought: %+v", bought)
	}
	keys := must(token.Exchange(ctx, client.ExchangeRequest{Scopes: []string{client.CredentialsScope}}))(t)
	if keys.AWS == nil || keys.AWS.AccessKeyID == "" || keys.AWS.SecretAccessKey.IsZero() || !keys.AWS.ExpiresAt.After(time.Now()) {
		t.Errorf("keys: %+v", keys)
	}
	elsewhere := must(token.Exchange(ctx, client.ExchangeRequest{Audiences: []string{os.Getenv(envServer)}, Actor: bought.AccessToken}))(t)
	who = must(as(t, elsewhere.AccessToken).Whoami(ctx))(t)
	if who.Kind != "exchanged" || who.Actor == nil || who.Actor.TokenID != created.ID {
		t.Errorf("whoami of a JWT with an actor: %+v", who)
	}

	root := as(t, signIn("root"))
	caller := must(root.Create(ctx, client.NewToken{Name: "resource server", Scopes: []string{"introspect"}}))(t)
	told := must(as(t, caller.Value).Introspect(ctx, client.IntrospectQuery{Token: created.Value, ClientIP: "192.0.2.1"}))(t)
	if !told.Active || told.Subject != "alice" || len(told.Audience) != 1 || told.Audience[0] != os.Getenv(envServer) || told.TokenID != created.ID {
		t.Errorf("introspected: %+v", told)
	}

	rotated := must(alice.Rotate(ctx, created.ID, client.Rotation{Grace: time.Hour}))(t)
	again := must(alice.Rotate(ctx, created.ID, client.Rotation{KeepPrevious: true}))(t)
	if _, err := as(t, rotated.Value).Whoami(ctx); !errors.Is(err, client.ErrUnauthorized) {
		t.Errorf("a value whose answer was lost: %v", err)
	}
	for _, value := range []client.Secret{created.Value, again.Value} {
		must(as(t, value).Whoami(ctx))(t)
	}

	if err := token.RevokeValue(ctx, caller.Value); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := alice.Revoke(ctx, created.ID); err != nil {
			t.Error(err)
		}
	}
	if told := must(root.Introspect(ctx, client.IntrospectQuery{Token: again.Value}))(t); told.Active {
		t.Error("a revoked token is active")
	}
	page := must(alice.List(ctx, client.ListQuery{Status: "revoked", Limit: 1}))(t)
	if len(page.Tokens) != 1 || page.Tokens[0].ID != created.ID || page.Tokens[0].RevokedAt == nil {
		t.Errorf("list: %+v", page)
	}

	administer(t, root)

	first := must(alice.Trail(ctx, created.ID, client.TrailQuery{Limit: 1}))(t)
	if len(first.Events) != 1 || first.Events[0].Type != "counterfoil.token.refused" || first.Events[0].Data.Reason != "revoked" || first.NextCursor == "" {
		t.Errorf("trail: %+v", first)
	}
	rest := must(alice.Trail(ctx, created.ID, client.TrailQuery{Cursor: first.NextCursor}))(t)
	if len(rest.Events) == 0 || rest.Events[0].Type != "counterfoil.token.revoked" || rest.Events[0].Data.By.Subject != "alice" {
		t.Errorf("the rest of the trail: %+v", rest)
	}
	if n := len(rest.Events); n < 4 || rest.Events[n-1].Type != "counterfoil.token.created" || rest.NextCursor != "" {
		t.Errorf("the rest of the trail: %+v", rest)
	}
	leaked := must(alice.Create(ctx, client.NewToken{Name: "leaked", Scopes: []string{"profile"}}))(t)
	if err := as(t, client.Secret{}).Report(ctx, []client.Secret{client.NewSecret("junk"), leaked.Value}); err != nil {
		t.Error(err)
	}
	if got := must(alice.Get(ctx, leaked.ID))(t); got.Status != "revoked" {
		t.Errorf("reported: %+v", got)
	}

	resource := must(alice.ProtectedResource(ctx))(t)
	metadata := must(alice.Metadata(ctx))(t)
	var set struct{ Keys []json.RawMessage }
	if err := json.Unmarshal(must(alice.Keys(ctx))(t), &set); err != nil || len(set.Keys) == 0 {
		t.Errorf("keys: %v", err)
	}
	if resource.CLIClientID == "" || metadata.Issuer != resource.Resource {
		t.Errorf("%+v %+v", resource, metadata)
	}

	for _, r := range api.Routes {
		same := r.Path == "/.well-known/oauth-authorization-server" // the document that Metadata reads
		if !called[r.Method+" "+r.Path] && !same {
			t.Errorf("the client has no %s %s", r.Method, r.Path)
		}
	}
}

// administer is what an administrator does: with bob, who is disabled only for a
// moment.
func administer(t *testing.T, root *client.Client) {
	t.Helper()
	ctx := t.Context()
	policy := must(root.Policy(ctx))(t)
	if policy.MaxTokensPerPerson != 50 || policy.MaxLifetimeDays != nil || policy.CreatorGroups != nil {
		t.Errorf("policy: %+v", policy)
	}
	bob := as(t, signIn("bob"))
	two := [2]client.CreatedToken{
		must(bob.Create(ctx, client.NewToken{Name: "first", Scopes: []string{"profile"}}))(t),
		must(bob.Create(ctx, client.NewToken{Name: "second", Scopes: []string{"profile"}}))(t),
	}
	nobody := policy
	nobody.CreatorGroups = []string{}
	hour := 3600
	nobody.ReauthSeconds = &hour
	if changed := must(root.SetPolicy(ctx, nobody))(t); changed.ReauthSeconds == nil || *changed.ReauthSeconds != hour || changed.CreatorGroups == nil {
		t.Errorf("changed: %+v", changed)
	}
	told := must(root.TrailAny(ctx, client.AdminTrailQuery{TrailQuery: client.TrailQuery{Limit: 1}}))(t)
	if len(told.Events) != 1 || told.Events[0].Type != "counterfoil.policy.changed" || told.Events[0].Data.By.Subject != "root" {
		t.Errorf("trail: %+v", told)
	}
	told = must(root.TrailAny(ctx, client.AdminTrailQuery{Sub: "bob", TrailQuery: client.TrailQuery{Cursor: ""}}))(t)
	if len(told.Events) < 2 || told.Events[0].Data.Owner != "bob" {
		t.Errorf("bob's trail: %+v", told)
	}
	must(root.PreviewPolicy(ctx, policy))(t)
	must(root.SetPolicy(ctx, policy))(t)

	n := 0
	for token, err := range root.AllAny(ctx, "bob", "active") {
		if n++; err != nil || token.Owner != "bob" {
			t.Errorf("%+v, %v", token, err)
		}
	}
	if n != 2 {
		t.Errorf("bob has %d tokens", n)
	}
	if got := must(root.GetAny(ctx, two[0].ID))(t); got.Name != "first" {
		t.Errorf("got: %+v", got)
	}
	if err := root.RevokeAny(ctx, two[0].ID); err != nil {
		t.Error(err)
	}
	if got := must(root.SetDisabled(ctx, "bob", true))(t); !got.Disabled {
		t.Errorf("disabled: %+v", got)
	}
	if _, err := as(t, two[1].Value).Whoami(ctx); !errors.Is(err, client.ErrUnauthorized) {
		t.Errorf("a disabled person's token: %v", err)
	}
	must(root.SetDisabled(ctx, "bob", false))(t)
	if got := must(root.Person(ctx, "bob"))(t); got.Disabled || got.TokensActive != 1 || got.LastSeenAt == nil {
		t.Errorf("bob: %+v", got)
	}
	if n := must(root.RevokeAll(ctx, "bob"))(t); n != 1 {
		t.Errorf("revoked %d", n)
	}
	if _, err := bob.Policy(ctx); !errors.Is(err, client.ErrForbidden) {
		t.Errorf("bob sees the policy: %v", err)
	}
}

func TestAllPages(t *testing.T) {
	ctx := t.Context()
	bob := as(t, signIn("bob"))
	var want []string
	for i := range 3 {
		created := must(bob.Create(ctx, client.NewToken{Name: "page " + string(rune('a'+i)), Scopes: []string{"profile"}}))(t)
		want = append([]string{created.ID}, want...)
	}
	var got []string
	for token, err := range bob.All(ctx, "active") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, token.ID)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	one := must(bob.List(ctx, client.ListQuery{Limit: 1}))(t)
	two := must(bob.List(ctx, client.ListQuery{Limit: 1, Cursor: one.NextCursor}))(t)
	if two.Tokens[0].ID != want[1] {
		t.Errorf("the second page: %+v", two)
	}
	for range bob.All(ctx, "active") {
		break // which must not panic
	}
	for _, err := range as(t, client.NewSecret("junk")).All(ctx, "") {
		if !errors.Is(err, client.ErrUnauthorized) {
			t.Errorf("junk: %v", err)
		}
	}
}

// TestRefusals: every code that a client can bring about is matched by its own
// error and by no other.
func TestRefusals(t *testing.T) {
	ctx := t.Context()
	alice := as(t, signIn("alice"))
	created := must(alice.Create(ctx, client.NewToken{Name: "refusals", Scopes: []string{"notes:read"}}))(t)
	token := as(t, created.Value)
	ended := must(alice.Create(ctx, client.NewToken{Name: "ended", Scopes: []string{"profile"}}))(t)
	if err := alice.Revoke(ctx, ended.ID); err != nil {
		t.Fatal(err)
	}
	all := []error{
		client.ErrInvalidRequest, client.ErrUnauthorized, client.ErrInsufficientScope, client.ErrForbidden, client.ErrNotFound, client.ErrNameTaken,
		client.ErrTokenLimit, client.ErrTokenNotActive, client.ErrConflict, client.ErrTooManyRequests, client.ErrUnavailable,
		client.ErrBadForm, client.ErrInvalidScope, client.ErrInvalidTarget, client.ErrUnsupportedTokenType, client.ErrTemporarilyUnavailable,
	}
	exchange := func(r client.ExchangeRequest) error { _, err := token.Exchange(ctx, r); return err }
	create := func(c *client.Client, n client.NewToken) error { _, err := c.Create(ctx, n); return err }
	for name, c := range map[string]struct{ got, want error }{
		"a name that is taken":              {create(alice, client.NewToken{Name: "Refusals", Scopes: []string{"profile"}}), client.ErrNameTaken},
		"a past expiry":                     {create(alice, client.NewToken{Name: "x", Scopes: []string{"profile"}, ExpiresAt: client.At(time.Now().Add(-time.Hour))}), client.ErrInvalidRequest},
		"a scope that alice may not grant":  {create(alice, client.NewToken{Name: "x", Scopes: []string{"introspect"}}), client.ErrInsufficientScope},
		"a token that creates a token":      {create(token, client.NewToken{Name: "x", Scopes: []string{"profile"}}), client.ErrForbidden},
		"junk as a credential":              {create(as(t, client.NewSecret("junk")), client.NewToken{Name: "x", Scopes: []string{"profile"}}), client.ErrUnauthorized},
		"an unknown id":                     {errOf(alice.Get(ctx, "0000000000")), client.ErrNotFound},
		"what is no id":                     {errOf(alice.Get(ctx, "../whoami")), client.ErrNotFound},
		"no id":                             {alice.Revoke(ctx, ""), client.ErrNotFound},
		"a change of a revoked token":       {errOf(alice.Update(ctx, ended.ID, client.Update{})), client.ErrTokenNotActive},
		"a rotation of a revoked token":     {errOf(alice.Rotate(ctx, ended.ID, client.Rotation{})), client.ErrTokenNotActive},
		"no previous value to keep":         {errOf(alice.Rotate(ctx, created.ID, client.Rotation{KeepPrevious: true})), client.ErrConflict},
		"an exchange of junk":               {exchange(client.ExchangeRequest{Subject: client.NewSecret("junk")}), client.ErrBadForm},
		"an exchange of a revoked token":    {exchange(client.ExchangeRequest{Subject: ended.Value}), client.ErrBadForm},
		"an exchange for another scope":     {exchange(client.ExchangeRequest{Scopes: []string{"notes:write"}}), client.ErrInvalidScope},
		"an exchange for nobody's audience": {exchange(client.ExchangeRequest{Audiences: []string{"urn:nobody"}}), client.ErrInvalidTarget},
		"an exchange for nobody's resource": {exchange(client.ExchangeRequest{Resources: []string{"https://nobody.example"}}), client.ErrInvalidTarget},
		"introspection without its scope":   {errOf(token.Introspect(ctx, client.IntrospectQuery{Token: created.Value})), client.ErrInsufficientScope},
		"revocation of a JWT":               {token.RevokeValue(ctx, client.NewSecret("a.b.c")), client.ErrUnsupportedTokenType},
	} {
		for _, e := range all {
			if is := errors.Is(c.got, e); is != (e == c.want) {
				t.Errorf("%s: %v; that it is %v is %t", name, c.got, e, is)
			}
		}
	}
	var e *client.Error
	careless := must(client.New(client.Config{Server: os.Getenv(envServer), Credential: client.Static(signIn("alice"))}))(t)
	if err := create(careless, client.NewToken{}); !errors.As(err, &e) || len(e.Fields) != 2 || e.RequestID == "" || e.Status != 400 {
		t.Errorf("fields: %+v", e)
	}
	if err := create(alice, client.NewToken{Name: "x", Scopes: []string{"introspect"}}); !errors.As(err, &e) || e.MissingScope != "introspect" {
		t.Errorf("missing scope: %+v", e)
	}
}

func errOf[T any](_ T, err error) error { return err }

// TestTokenSourceAtAnAPI uses the source the way golang.org/x/oauth2 does, at an
// API of somebody else's.
func TestTokenSourceAtAnAPI(t *testing.T) {
	ctx := t.Context()
	alice := as(t, signIn("alice"))
	created := must(alice.Create(ctx, client.NewToken{Name: "source", Scopes: []string{"notes:read"}}))(t)
	source := as(t, created.Value).TokenSource(ctx, client.ExchangeRequest{})
	get := func() int {
		t.Helper()
		resp, err := oauth2.NewClient(ctx, source).Get(os.Getenv(envServer) + "/notes")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		return resp.StatusCode
	}
	if status := get(); status != http.StatusOK {
		t.Errorf("status %d", status)
	}
	first, second := must(source.Token())(t), must(source.Token())(t)
	if first.AccessToken != second.AccessToken || strings.Count(first.AccessToken, ".") != 2 {
		t.Error("the second is another")
	}
	if err := alice.Revoke(ctx, created.ID); err != nil {
		t.Fatal(err)
	}
	if status := get(); status != http.StatusUnauthorized {
		t.Errorf("a JWT of a revoked token: status %d", status)
	}
}
