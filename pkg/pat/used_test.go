package pat_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

// use shows a credential as an authorizer that sees addresses is shown it.
func use(s *pat.Service, credential pat.Secret, from netip.Addr) error {
	grant, err := s.Authorize(context.Background(), credential)
	s.Refused(context.Background(), err, from)
	if err == nil {
		s.Used(context.Background(), grant, from)
	}
	return err
}

// TestNotesAreBounded: whatever is shown, and from wherever, costs few writes.
func TestNotesAreBounded(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	alice := w.person(t, "alice")
	f := &faulty{Store: w.store}
	s := w.service(f)
	everywhere := func(credential pat.Secret) (touches int) {
		f.touches = 0
		for i := range 100 {
			use(s, credential, netip.AddrFrom4([4]byte{192, 0, byte(i), 1}))
			use(s, credential, netip.MustParseAddr(fmt.Sprintf("2001:db8:%x::1", i)))
			use(s, credential, netip.Addr{})
		}
		return f.touches
	}
	c := w.create(t, alice, named("roams", "profile"))
	if n := everywhere(c.Value); n != 8 {
		t.Errorf("a token that roams is noted %d times in an hour", n)
	}
	w.clock = w.clock.Add(time.Hour)
	if n := everywhere(c.Value); n != 1 {
		t.Errorf("and %d times in the next", n)
	}
	jwt := w.exchange(t, c.Value, "").AccessToken
	if err := w.Revoke(ctx, alice, string(c.ID)); err != nil {
		t.Fatal(err)
	}
	if n := everywhere(c.Value) + everywhere(jwt); n != 1 {
		t.Errorf("a revoked one is noted %d times in an hour", n)
	}
	w.clock = w.clock.Add(time.Hour)
	if n := everywhere(jwt); n > 1 {
		t.Errorf("its JWT is noted %d times in an hour", n)
	}
	stranger, err := pat.Mint(strings.NewReader(strings.Repeat("y", 100)), c.ID)
	if err != nil {
		t.Fatal(err)
	}
	for what, junk := range map[string]pat.Secret{
		"another value of a token": stranger, "an unknown token's": mustMint(t, "0000000000"), "a wrong checksum": pat.NewSecret(pat.Prefix + strings.Repeat("0", 52)),
		"junk": pat.NewSecret("junk"), "a JWT that nobody signed": pat.NewSecret("a.b.c"), "a session": w.session("alice"),
	} {
		if n := everywhere(junk); n != 0 {
			t.Errorf("%s is noted %d times", what, n)
		}
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

// TestNotesChangeNoAnswer: that a note cannot be made is nobody's matter.
func TestNotesChangeNoAnswer(t *testing.T) {
	w := newWorld(t)
	alice := w.person(t, "alice")
	c := w.create(t, alice, named("ci", "profile"))
	if err := w.Revoke(context.Background(), alice, string(c.ID)); err != nil {
		t.Fatal(err)
	}
	for name, fault := range map[string]error{"a store that answers": nil, "one that does not": errDown, "one that has moved on": pat.ErrConflict} {
		s := w.service(&faulty{Store: w.store, touchFault: fault})
		if err := use(s, c.Value, netip.MustParseAddr("192.0.2.1")); !errors.Is(err, pat.ErrUnauthorized) || errors.Is(err, pat.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestEveryRefusalHasItsReason, of a value and of a JWT made from it.
func TestEveryRefusalHasItsReason(t *testing.T) {
	home, abroad := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("198.51.100.1")
	for name, c := range map[string]struct {
		act  func(w *world, by pat.Grant, id pat.ID) error
		from netip.Addr
		want pat.RefusalReason
	}{
		"revoked":  {revoking, home, pat.RefusedRevoked},
		"its end":  {func(w *world, _ pat.Grant, _ pat.ID) error { w.clock = w.clock.Add(49 * time.Hour); return nil }, home, pat.RefusedExpired},
		"rotated":  {func(w *world, by pat.Grant, id pat.ID) error { return rotated(w, by, id, 0) }, home, pat.RefusedReplaced},
		"grace":    {func(w *world, by pat.Grant, id pat.ID) error { return rotated(w, by, id, time.Hour) }, home, pat.RefusedReplaced},
		"networks": {func(*world, pat.Grant, pat.ID) error { return nil }, abroad, pat.RefusedNetwork},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			alice := w.person(t, "alice")
			req := named("ci", "profile")
			req.AllowedCIDRs, req.Expiry = []string{"192.0.2.0/24"}, until(w.clock.Add(48*time.Hour))
			created := w.create(t, alice, req)
			if err := c.act(w, alice, created.ID); err != nil {
				t.Fatal(err)
			}
			use(w.Service, created.Value, c.from)
			got, err := w.Get(context.Background(), alice, string(created.ID))
			if err != nil {
				t.Fatal(err)
			}
			var reasons []pat.RefusalReason
			for _, r := range got.Refusals {
				reasons = append(reasons, r.Reason)
			}
			if fmt.Sprint(reasons) != fmt.Sprint([]pat.RefusalReason{c.want}) {
				t.Errorf("noted %v, want %s", reasons, c.want)
			}
			if got.Noted.From != c.from || got.Noted.By.Kind != pat.DoerHolder {
				t.Errorf("noted %+v", got.Noted)
			}
		})
	}
}

// rotated rotates, and waits until the grace is over.
func rotated(w *world, by pat.Grant, id pat.ID, grace time.Duration) error {
	_, err := w.Rotate(context.Background(), by, string(id), pat.RotateRequest{Grace: grace})
	w.clock = w.clock.Add(grace)
	return err
}
