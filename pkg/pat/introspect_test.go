package pat_test

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

var resourceServer = pat.Grant{Kind: pat.KindPerson, Scopes: []string{"introspect"}}

func (w *world) introspector() *pat.Service {
	s := w.service(w.store)
	s.Guest = true
	return s
}

func TestIntrospectionTellsWhatACredentialIs(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	session := w.session("alice", "writers")
	alice := w.person(t, "alice", "writers")
	c := w.create(t, alice, pat.CreateRequest{Name: "ci", Scopes: []string{"notes:read", "notes:write"}, Expiry: until(w.clock.Add(time.Hour))})
	forever := w.create(t, alice, named("forever", "profile"))
	x := exchangeOf(c.Value, "notes:read")
	x.Audience = []string{elsewhere}
	jwt, err := w.Exchange(ctx, x)
	if err != nil {
		t.Fatal(err)
	}
	made := w.clock
	w.clock = w.clock.Add(time.Minute)
	w.person(t, "alice") // is no writer any more
	s := w.introspector()
	ask := func(credential pat.Secret) pat.Introspection {
		t.Helper()
		got, err := s.Introspect(ctx, resourceServer, netip.Addr{}, credential, netip.Addr{})
		if err != nil || got == nil {
			t.Fatalf("got %v, %v", got, err)
		}
		return *got
	}
	got := ask(c.Value)
	if got.Kind != pat.KindPAT || got.Person.Subject != "alice" || got.Username != "Name of alice" || strings.Join(got.Scopes, " ") != "notes:read" ||
		got.Issuer != ourIssuer || !slices.Equal(got.Audience, []string{ourIssuer}) || got.ClientID != "counterfoil" ||
		!got.IssuedAt.Equal(made) || !got.ExpiresAt.Equal(made.Add(time.Hour)) || got.JWTID != "" || got.TokenID != c.ID {
		t.Errorf("a token: %+v", got)
	}
	if got := ask(forever.Value); !got.ExpiresAt.IsZero() {
		t.Errorf("a token without an end ends %v", got.ExpiresAt)
	}
	got = ask(jwt.AccessToken)
	if got.Kind != pat.KindExchanged || !slices.Equal(got.Audience, []string{elsewhere}) || got.JWTID == "" || got.TokenID != c.ID || got.ClientID != "counterfoil" {
		t.Errorf("a JWT for elsewhere: %+v", got)
	}
	got = ask(session)
	if got.Kind != pat.KindPerson || got.Issuer != peopleIssuer || got.TokenID != "" || slices.Contains(got.Scopes, "notes:write") {
		t.Errorf("a session: %+v", got)
	}
}

func TestIntrospectionOfWhatIsNotGood(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	alice := w.person(t, "alice")
	dead := w.create(t, alice, named("dead", "profile"))
	tied := w.create(t, alice, pat.CreateRequest{Name: "tied", Scopes: []string{"profile"}, AllowedCIDRs: []string{"192.0.2.0/24"}})
	if err := w.Revoke(ctx, alice, string(dead.ID)); err != nil {
		t.Fatal(err)
	}
	s := w.introspector()
	for name, c := range map[string]struct {
		credential pat.Secret
		client     string
	}{
		"junk":                       {pat.NewSecret("junk"), ""},
		"nothing":                    {pat.NewSecret(""), ""},
		"a JWT that nobody signed":   {pat.NewSecret("a.b.c"), ""},
		"a revoked token":            {dead.Value, ""},
		"a tied one, nobody named":   {tied.Value, ""},
		"a tied one, from elsewhere": {tied.Value, "198.51.100.1"},
	} {
		var client netip.Addr
		if c.client != "" {
			client = netip.MustParseAddr(c.client)
		}
		if got, err := s.Introspect(ctx, resourceServer, netip.Addr{}, c.credential, client); got != nil || err != nil {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if got, err := s.Introspect(ctx, resourceServer, netip.Addr{}, tied.Value, netip.MustParseAddr("::ffff:192.0.2.1")); got == nil || err != nil {
		t.Errorf("a tied one, from inside: %v", err)
	}
	var scope *pat.ScopeError
	if _, err := s.Introspect(ctx, pat.Grant{Kind: pat.KindPAT, Scopes: []string{"profile"}}, netip.Addr{}, tied.Value, netip.Addr{}); !errors.As(err, &scope) {
		t.Errorf("a caller without the scope: %v", err)
	}
	down := w.service(&faulty{Store: w.store, fault: errDown})
	if got, err := down.Introspect(ctx, resourceServer, netip.Addr{}, tied.Value, netip.Addr{}); got != nil || !errors.Is(err, pat.ErrUnavailable) {
		t.Errorf("without a store: %v, %v", got, err)
	}
}

// TestWhoAsksIsLookedAtAgain: the authorizer let the caller through, and a token
// of its own may be dead by now, or used from outside its networks.
func TestWhoAsksIsLookedAtAgain(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	root := w.person(t, "root", "admins")
	c := w.create(t, root, pat.CreateRequest{Name: "server", Scopes: []string{"introspect"}, AllowedCIDRs: []string{"192.0.2.0/24"}})
	by, err := w.Authorize(ctx, c.Value)
	if err != nil {
		t.Fatal(err)
	}
	s := w.introspector()
	inside := netip.MustParseAddr("192.0.2.1")
	if _, err := s.Introspect(ctx, by, inside, c.Value, inside); err != nil {
		t.Errorf("from inside: %v", err)
	}
	if _, err := s.Introspect(ctx, by, netip.MustParseAddr("198.51.100.1"), c.Value, inside); !errors.Is(err, pat.ErrForbidden) {
		t.Errorf("from outside: %v", err)
	}
	if err := w.Revoke(ctx, root, string(c.ID)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Introspect(ctx, by, inside, c.Value, inside); !errors.Is(err, pat.ErrUnauthorized) {
		t.Errorf("revoked behind the authorizer: %v", err)
	}
}

func TestIntrospectionIsNoSignOfLife(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	if _, err := w.introspector().Introspect(ctx, resourceServer, netip.Addr{}, w.session("carol"), netip.Addr{}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.store.Slot(ctx, pat.Person{Issuer: peopleIssuer, Subject: "carol"}); !errors.Is(err, pat.ErrNotFound) {
		t.Errorf("somebody was enrolled by being asked about: %v", err)
	}
}

func TestRevocationByValue(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	alice := w.person(t, "alice")
	works := func(value pat.Secret) bool { _, err := w.Authorize(ctx, value); return err == nil }

	c := w.create(t, alice, pat.CreateRequest{Name: "ci", Scopes: []string{"profile"}, AllowedCIDRs: []string{"192.0.2.0/24"}})
	jwt := func() pat.Secret {
		x := exchangeOf(c.Value, "")
		x.Address = netip.MustParseAddr("192.0.2.1")
		done, err := w.Exchange(ctx, x)
		if err != nil {
			t.Fatal(err)
		}
		return done.AccessToken
	}()
	if err := w.Revocation(ctx, c.Value); err != nil || works(c.Value) || works(jwt) {
		t.Errorf("a value, from anywhere: %v", err)
	}
	if err := w.Revocation(ctx, c.Value); err != nil {
		t.Errorf("again: %v", err)
	}
	w.create(t, alice, named("ci", "profile")) // its name is free

	rotated := w.create(t, alice, named("rotated", "profile"))
	r, err := w.Rotate(ctx, alice, string(rotated.ID), pat.RotateRequest{Grace: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	w.clock = w.clock.Add(2 * time.Hour)
	if err := w.Revocation(ctx, rotated.Value); err != nil || !works(r.Value) {
		t.Errorf("a previous value after its grace: %v", err)
	}
	alice = w.person(t, "alice")
	again, err := w.Rotate(ctx, alice, string(rotated.ID), pat.RotateRequest{Grace: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Revocation(ctx, r.Value); err != nil || works(r.Value) || works(again.Value) {
		t.Errorf("a previous value within its grace: %v", err)
	}

	other, err := pat.Mint(strings.NewReader(strings.Repeat("x", 100)), again.ID)
	if err != nil {
		t.Fatal(err)
	}
	for name, junk := range map[string]pat.Secret{"junk": pat.NewSecret("junk"), "another value of the id": other, "an id of nobody": mint(t, "zzzzz")} {
		if err := w.Revocation(ctx, junk); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	var oauth *pat.OAuthError
	if err := w.Revocation(ctx, pat.NewSecret("a.b.c")); !errors.As(err, &oauth) || oauth.Code != pat.UnsupportedTokenType {
		t.Errorf("a JWT: %v", err)
	}
	if err := w.Revocation(ctx, pat.Secret{}); !errors.As(err, &oauth) || oauth.Code != pat.InvalidRequest {
		t.Errorf("nothing: %v", err)
	}
	down := w.service(&faulty{Store: w.store, fault: errDown})
	if err := down.Revocation(ctx, again.Value); !errors.Is(err, pat.ErrUnavailable) {
		t.Errorf("without a store: %v", err)
	}
}

func mint(t *testing.T, slot pat.Slot) pat.Secret {
	t.Helper()
	value, err := pat.Mint(strings.NewReader(strings.Repeat("x", 100)), pat.NewID(slot, 1))
	if err != nil {
		t.Fatal(err)
	}
	return value
}
