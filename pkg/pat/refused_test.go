package pat_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

var home, abroad = netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("198.51.100.1")

// from is the context of a request from there.
func from(addr netip.Addr) context.Context {
	return pat.WithOrigin(context.Background(), pat.Origin{From: addr, RequestID: "r-1"})
}

// refusals is what the trail tells of them, the newest first.
func (w *world) refusals(t *testing.T, by pat.Grant, id pat.ID) (all []pat.Event) {
	t.Helper()
	page, err := w.Trail(context.Background(), by, string(id), pat.TrailRequest{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range page.Events {
		if e.Type == pat.TokenRefused {
			all = append(all, e)
		}
	}
	return all
}

func wantRefusal(t *testing.T, e pat.Event, id pat.ID, reason pat.RefusalReason, from netip.Addr) {
	t.Helper()
	if e.Reason != reason || e.TokenID != id || e.Owner != "alice" || e.From != from || e.RequestID != "r-1" || e.By != (pat.Doer{Kind: pat.DoerHolder}) || e.At.IsZero() {
		t.Errorf("it is %+v, want %s of %s from %s", e, reason, id, from)
	}
}

// Everything that can end a token, and the reason that goes with it.
var endings = map[pat.RefusalReason]func(w *world, by pat.Grant, id pat.ID) error{
	pat.RefusedRevoked: revoking,
	pat.RefusedExpired: func(w *world, _ pat.Grant, _ pat.ID) error { w.clock = w.clock.Add(49 * time.Hour); return nil },
	pat.RefusedDisabled: func(w *world, by pat.Grant, _ pat.ID) error {
		root, err := w.Authorize(context.Background(), w.session("root", "admins"))
		if err == nil {
			_, err = w.Disable(context.Background(), root, by.Person.Subject, true, pat.InvalidError{})
		}
		return err
	},
	pat.RefusedReplaced: func(w *world, by pat.Grant, id pat.ID) error { return rotated(w, by, id, time.Hour) },
}

// rotated rotates, and waits until the grace is over.
func rotated(w *world, by pat.Grant, id pat.ID, grace time.Duration) error {
	_, err := w.Rotate(context.Background(), by, string(id), pat.RotateRequest{Grace: grace})
	w.clock = w.clock.Add(grace)
	return err
}

// TestEveryRefusalOfADeadTokenIsTold, of a value and of a JWT made from it, each
// time that it is shown, wherever it is shown.
func TestEveryRefusalOfADeadTokenIsTold(t *testing.T) {
	for reason, end := range endings {
		t.Run(string(reason), func(t *testing.T) {
			w := newWorld(t)
			w.Lifetime = time.Hour
			alice := w.person(t, "alice")
			caller := w.person(t, "root", "admins")
			req := named("ci", "profile")
			req.Expiry = until(w.clock.Add(48 * time.Hour))
			c := w.create(t, alice, req)
			jwt := w.exchange(t, c.Value, "").AccessToken
			if err := end(w, alice, c.ID); err != nil {
				t.Fatal(err)
			}
			caller.ExpiresAt = w.clock.Add(time.Hour)
			grant := pat.Grant{Kind: pat.KindPAT, Person: alice.Person, TokenID: c.ID, Gen: 1, Scopes: []string{"profile"}}
			ways := map[string]func(pat.Secret) error{
				"authorizer": func(v pat.Secret) error { _, err := w.Authorize(from(home), v); return err },
				"subject": func(v pat.Secret) error {
					_, err := w.Exchange(from(home), exchangeOf(v, ""))
					return err
				},
				"actor": func(v pat.Secret) error {
					x := exchangeOf(w.session("bob"), "")
					x.ActorToken, x.ActorTokenType = v, pat.AccessTokenType
					_, err := w.Exchange(from(home), x)
					return err
				},
				"introspection": func(v pat.Secret) error {
					found, err := w.Introspect(from(abroad), caller, abroad, v, home)
					if found == nil && err == nil {
						err = errors.New("not active")
					}
					return err
				},
				// What was good at the gateway a moment ago.
				"whoami": func(pat.Secret) error { _, err := w.Whoami(from(home), grant, home); return err },
			}
			told := 0
			for name, way := range ways {
				for _, credential := range []pat.Secret{c.Value, jwt, c.Value} {
					if err := way(credential); err == nil || errors.Is(err, pat.ErrUnavailable) {
						t.Fatalf("%s: %v", name, err)
					}
					told++
					var all []pat.Event
					if reason != pat.RefusedDisabled { // whose owner reads nothing
						all = w.refusals(t, alice, c.ID)
					} else if page, err := w.store.Trail(t.Context(), pat.TokenThread(c.ID), pat.Place{}, w.clock, 100); err == nil {
						all = page[:len(page)-1] // but for its creation
					}
					if len(all) != told {
						t.Fatalf("%s: %d refusals are told, want %d", name, len(all), told)
					}
					for _, e := range all {
						wantRefusal(t, e, c.ID, reason, home)
					}
				}
			}
		})
	}
}

// TestEveryRefusalOfAGoodTokenIsTold: from outside its networks, and of what it has
// not.
func TestEveryRefusalOfAGoodTokenIsTold(t *testing.T) {
	w := newWorld(t)
	alice, caller := w.person(t, "alice"), w.person(t, "root", "admins")
	req := named("ci", "profile")
	req.AllowedCIDRs, req.Expiry = []string{"192.0.2.0/24"}, until(w.clock.Add(48*time.Hour))
	c := w.create(t, alice, req)
	at := func(addr netip.Addr, scope string) pat.ExchangeRequest {
		x := exchangeOf(c.Value, scope)
		x.Address = addr
		return x
	}
	jwt, err := w.Exchange(from(home), at(home, ""))
	if err != nil {
		t.Fatal(err)
	}
	good, err := w.Authorize(from(home), c.Value)
	if err != nil {
		t.Fatal(err)
	}
	exchange := func(addr netip.Addr, x pat.ExchangeRequest) error { _, err := w.Exchange(from(addr), x); return err }
	for i, step := range []struct {
		name string
		do   func() error
		want pat.RefusalReason
		from netip.Addr
	}{
		{"exchanged abroad", func() error { return exchange(abroad, at(abroad, "")) }, pat.RefusedNetwork, abroad},
		{"an actor abroad", func() error {
			x := exchangeOf(w.session("bob"), "")
			x.ActorToken, x.ActorTokenType, x.Address = c.Value, pat.PATType, abroad
			return exchange(abroad, x)
		}, pat.RefusedNetwork, abroad},
		{"exchanged for what it has not", func() error { return exchange(home, at(home, "notes:read")) }, pat.RefusedScope, home},
		{"exchanged for AWS", func() error { return exchange(home, at(home, "credentials")) }, pat.RefusedScope, home},
		{"asked about for a client abroad", func() error {
			found, err := w.Introspect(from(home), caller, home, jwt.AccessToken, abroad)
			if found != nil || err != nil {
				t.Errorf("%v, %v", found, err)
			}
			return errors.New("not active")
		}, pat.RefusedNetwork, abroad},
		{"asked about for nobody", func() error {
			_, err := w.Introspect(from(home), caller, home, c.Value, netip.Addr{})
			return errors.Join(err, errors.New("not active"))
		}, pat.RefusedNetwork, netip.Addr{}},
		{"whoami abroad", func() error { _, err := w.Whoami(from(abroad), good, abroad); return err }, pat.RefusedNetwork, abroad},
		{"by an authorizer's policy", func() error { return w.Refuse(from(home), good, pat.RefusedForbidden, pat.ErrForbidden) }, pat.RefusedForbidden, home},
	} {
		if err := step.do(); err == nil || errors.Is(err, pat.ErrUnavailable) {
			t.Fatalf("%s: %v", step.name, err)
		}
		all := w.refusals(t, alice, c.ID)
		if len(all) != i+1 {
			t.Fatalf("%s: %d refusals are told", step.name, len(all))
		}
		for _, e := range all {
			if e.Reason == step.want && e.From == step.from {
				wantRefusal(t, e, c.ID, step.want, step.from)
			}
		}
	}
}

// TestTheLastThreeValuesAreKnown: one that was given up is refused as one, and can
// no more than be seen.
func TestTheLastThreeValuesAreKnown(t *testing.T) {
	w := newWorld(t)
	alice := w.person(t, "alice")
	c := w.create(t, alice, named("ci", "profile"))
	rotate := func(req pat.RotateRequest) pat.Secret {
		t.Helper()
		w.clock = w.clock.Add(time.Second)
		r, err := w.Rotate(context.Background(), alice, string(c.ID), req)
		if err != nil {
			t.Fatal(err)
		}
		return r.Value
	}
	lost := rotate(pat.RotateRequest{Grace: time.Hour})
	again := rotate(pat.RotateRequest{KeepPrevious: true})
	shown := func(value pat.Secret, works bool, told int) {
		t.Helper()
		before := len(w.refusals(t, alice, c.ID))
		if _, err := w.Authorize(from(home), value); (err == nil) != works {
			t.Errorf("it is %v", err)
		}
		if n := len(w.refusals(t, alice, c.ID)) - before; n != told {
			t.Errorf("%d refusals, want %d", n, told)
		}
	}
	shown(c.Value, true, 0)
	shown(lost, false, 1)
	shown(again, true, 0)
	if err := w.Revocation(context.Background(), lost); err != nil {
		t.Fatal(err)
	}
	shown(again, true, 0) // a value that was given up revokes nothing
	last := rotate(pat.RotateRequest{})
	shown(c.Value, false, 1)
	shown(again, false, 1)
	shown(lost, false, 0) // the fourth is nobody's
	shown(last, true, 0)
}

// TestBothThatLackAScopeAreTold: the subject, and the actor who narrowed it.
func TestBothThatLackAScopeAreTold(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.person(t, "alice"), w.person(t, "bob")
	subject, actor := w.create(t, alice, named("subject", "profile")), w.create(t, bob, named("actor", "notes:read"))
	x := exchangeOf(subject.Value, "profile")
	x.ActorToken, x.ActorTokenType = actor.Value, pat.PATType
	if _, err := w.Exchange(from(home), x); err == nil {
		t.Fatal("granted")
	}
	for id, by := range map[pat.ID]pat.Grant{subject.ID: alice, actor.ID: bob} {
		if all := w.refusals(t, by, id); len(all) != 1 || all[0].Reason != pat.RefusedScope {
			t.Errorf("of %s is told %+v", id, all)
		}
	}
}

// TestBothThatAreDeadAreTold in one exchange.
func TestBothThatAreDeadAreTold(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.person(t, "alice"), w.person(t, "bob")
	subject, actor := w.create(t, alice, named("subject", "profile")), w.create(t, bob, named("actor", "profile"))
	for id, by := range map[pat.ID]pat.Grant{subject.ID: alice, actor.ID: bob} {
		if err := w.Revoke(context.Background(), by, string(id)); err != nil {
			t.Fatal(err)
		}
	}
	x := exchangeOf(subject.Value, "")
	x.ActorToken, x.ActorTokenType = actor.Value, pat.PATType
	var oauth *pat.OAuthError
	if _, err := w.Exchange(from(home), x); !errors.As(err, &oauth) || oauth.Description != "subject_token is not valid" {
		t.Errorf("the answer is %v", err)
	}
	for id, by := range map[pat.ID]pat.Grant{subject.ID: alice, actor.ID: bob} {
		if all := w.refusals(t, by, id); len(all) != 1 || all[0].Reason != pat.RefusedRevoked {
			t.Errorf("of %s is told %+v", id, all)
		}
	}
}

// TestWhatIsNoRefusalIsNotTold: junk, what nobody proved to hold, people's
// sessions, malformed forms, and what is granted.
func TestWhatIsNoRefusalIsNotTold(t *testing.T) {
	w := newWorld(t)
	alice := w.person(t, "alice")
	c := w.create(t, alice, named("ci", "profile"))
	f := &faulty{Store: w.store}
	s := w.service(f)
	stranger, err := pat.Mint(strings.NewReader(strings.Repeat("y", 100)), c.ID)
	if err != nil {
		t.Fatal(err)
	}
	for what, credential := range map[string]pat.Secret{
		"another value of a token": stranger, "an unknown token's": mustMint(t, "0000000000"), "a wrong checksum": pat.NewSecret(pat.Prefix + strings.Repeat("0", 52)),
		"junk": pat.NewSecret("junk"), "a JWT that nobody signed": pat.NewSecret("a.b.c"), "a session": w.session("alice"), "a good one": c.Value,
	} {
		s.Authorize(from(home), credential)
		s.Exchange(from(home), exchangeOf(credential, ""))
		x := exchangeOf(credential, "")
		x.Audience = []string{"urn:unknown"}
		s.Exchange(from(home), x)
		x.GrantType = ""
		s.Exchange(from(home), x)
		if len(f.refused) != 0 {
			t.Errorf("%s: %+v", what, f.refused)
		}
	}
	if err := s.Refuse(from(home), alice, pat.RefusedForbidden, pat.ErrForbidden); !errors.Is(err, pat.ErrForbidden) || len(f.refused) != 0 {
		t.Errorf("of a session: %v, %+v", err, f.refused)
	}
}

func mustMint(t *testing.T, id pat.ID) pat.Secret {
	t.Helper()
	v, err := pat.Mint(strings.NewReader(strings.Repeat("z", 100)), id)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestNobodyIsRefusedUnseen: where a refusal cannot be written down, the answer is
// that nobody can tell; access there is none.
func TestNobodyIsRefusedUnseen(t *testing.T) {
	w := newWorld(t)
	alice, caller := w.person(t, "alice"), w.person(t, "root", "admins")
	dead, tied := w.create(t, alice, named("dead", "profile")), named("tied", "profile")
	tied.AllowedCIDRs = []string{"192.0.2.0/24"}
	far := w.create(t, alice, tied)
	if err := w.Revoke(context.Background(), alice, string(dead.ID)); err != nil {
		t.Fatal(err)
	}
	f := &faulty{Store: w.store, refuseFault: errDown}
	s := w.service(f)
	grant := pat.Grant{Kind: pat.KindPAT, Person: alice.Person, TokenID: dead.ID, Gen: 1}
	for name, do := range map[string]func() error{
		"authorizer": func() error { _, err := s.Authorize(from(home), dead.Value); return err },
		"policy":     func() error { return s.Refuse(from(home), grant, pat.RefusedScope, pat.ErrForbidden) },
		"whoami":     func() error { _, err := s.Whoami(from(home), grant, home); return err },
		"exchange":   func() error { _, err := s.Exchange(from(home), exchangeOf(dead.Value, "")); return err },
		"abroad":     func() error { _, err := s.Exchange(from(abroad), exchangeOf(far.Value, "")); return err },
		"scope": func() error {
			x := exchangeOf(far.Value, "notes:read")
			x.Address = home
			_, err := s.Exchange(from(home), x)
			return err
		},
		"introspection": func() error {
			found, err := s.Introspect(from(home), caller, home, dead.Value, home)
			if found != nil {
				t.Error("a dead token is active")
			}
			return err
		},
	} {
		err := do()
		var oauth *pat.OAuthError
		if !errors.Is(err, pat.ErrUnavailable) || errors.Is(err, pat.ErrUnauthorized) || errors.Is(err, pat.ErrForbidden) || errors.As(err, &oauth) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestARefusalHasNoWordsOfItsOwn: an authorizer of somebody else's may write what it
// likes where refusals lie.
func TestARefusalHasNoWordsOfItsOwn(t *testing.T) {
	token := pat.Token{ID: "AAAAA00001", OwnedBy: "alice"}
	r := pat.Refusal{TokenID: token.ID, Reason: pat.RefusedRevoked, RequestID: strings.Repeat("r", 100), At: time.Unix(1, 5), Nonce: strings.Repeat("n", 100)}
	told := pat.Alteration{NewToken: token, Refused: r, At: time.Unix(60, 0), Sequence: "7"}.Events()
	if len(told) != 1 || told[0].ID != "AAAAA00001-refused-1000-7" || told[0].RequestID != strings.Repeat("r", 64) || told[0].Owner != "alice" || told[0].At.Nanosecond() != 0 {
		t.Fatalf("told %+v", told)
	}
	for name, bad := range map[string]pat.Alteration{
		"of no token":                {Refused: r},
		"for no reason":              {NewToken: token, Refused: pat.Refusal{TokenID: token.ID}},
		"for a reason of its own":    {NewToken: token, Refused: pat.Refusal{TokenID: token.ID, Reason: "read this"}},
		"of a token that came to be": {NewToken: pat.Token{ID: token.ID, Version: 1, Gen: 1}, Refused: pat.Refusal{TokenID: token.ID}},
	} {
		if told := bad.Events(); len(told) != 0 {
			t.Errorf("%s: %+v", name, told)
		}
	}
}
