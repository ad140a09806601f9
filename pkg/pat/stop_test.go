package pat_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

// TestStopsStayFew: however often somebody revokes all, the owner's item stays
// small, and what was dead stays so.
func TestStopsStayFew(t *testing.T) {
	for name, apart := range map[string]time.Duration{"within 30 days": time.Hour, "over a year": 11 * day} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			ctx := context.Background()
			admin := w.service(&cut{Store: w.store, only: "Revoke", at: 1}) // no marks: the stops alone
			root, alice := w.person(t, "root", "admins"), w.person(t, "alice")
			var all []pat.Created
			at := map[pat.ID]time.Time{}
			for i := range 40 {
				w.clock = w.clock.Add(apart)
				c := w.create(t, alice, named(fmt.Sprint(i), "profile"))
				all = append(all, c)
				if n, err := admin.RevokeAll(ctx, root, "alice", pat.InvalidError{}); err != nil || n != 1 {
					t.Fatalf("%d revoked, %v", n, err)
				}
				at[c.ID] = w.clock
				_, owner, err := w.store.Look(ctx, c.ID)
				if err != nil || owner.Live != 0 || len(owner.Stops) > 32 || apart > time.Hour && len(owner.Stops) > 4 {
					t.Fatalf("after %d: %d live, %d stops, %v", i+1, owner.Live, len(owner.Stops), err)
				}
			}
			for i, c := range all {
				if _, err := w.Authorize(ctx, c.Value); !errors.Is(err, pat.ErrUnauthorized) {
					t.Errorf("%d: %v", i, err)
				}
				v, err := w.GetAny(ctx, root, string(c.ID))
				hidden := !w.clock.Before(at[c.ID].Add(pat.Kept))
				exact := i < 32 || apart > time.Hour
				if errors.Is(err, pat.ErrNotFound) != hidden || !hidden && (v.Status != pat.Revoked || exact != v.RevokedAt.Equal(at[c.ID])) {
					t.Errorf("%d is %s since %v, not %v; %v", i, v.Status, v.RevokedAt, at[c.ID], err)
				}
			}
			live := w.create(t, alice, named("live", "profile"))
			if _, err := w.Authorize(ctx, live.Value); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestStoppedTokensHoldNoPlace: the count of a full owner leaves them out.
func TestStoppedTokensHoldNoPlace(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	w.decide(t, func(p *pat.Policy) { p.MaxTokensPerPerson = 2 })
	root, alice := w.person(t, "root", "admins"), w.person(t, "alice")
	for i := range 2 {
		w.create(t, alice, named(fmt.Sprint(i), "profile"))
	}
	admin := w.service(&cut{Store: w.store, only: "Revoke", at: 1})
	if _, err := admin.RevokeAll(ctx, root, "alice", pat.InvalidError{}); err != nil {
		t.Fatal(err)
	}
	w.create(t, alice, pat.CreateRequest{Name: "short", Scopes: []string{"profile"}, Expiry: until(w.clock.Add(time.Hour))})
	w.create(t, alice, named("long", "profile"))
	w.clock = w.clock.Add(2 * time.Hour)
	w.create(t, w.person(t, "alice"), named("0", "profile")) // after a count
	if _, err := w.Create(ctx, alice, named("1", "profile")); !errors.Is(err, pat.ErrTokenLimit) {
		t.Errorf("above the cap: %v", err)
	}
}

// TestAGraceIsNotReDated: a policy ends it, and loosening gives it back.
func TestAGraceIsNotReDated(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	alice := w.person(t, "alice")
	first := w.create(t, alice, named("ci", "profile"))
	w.decide(t, func(p *pat.Policy) { p.MaxLifetimeDays = 1 })
	rotated, err := w.Rotate(ctx, alice, string(first.ID), pat.RotateRequest{Grace: 3 * day})
	if err != nil {
		t.Fatal(err)
	}
	if !rotated.PreviousEndsAt.Equal(first.CreatedAt.Add(day)) {
		t.Errorf("the previous value ends %v", rotated.PreviousEndsAt)
	}
	if g, err := w.Authorize(ctx, first.Value); err != nil || !g.ExpiresAt.Equal(first.CreatedAt.Add(day)) {
		t.Errorf("until %v, %v", g.ExpiresAt, err)
	}
	w.clock = w.clock.Add(2 * day)
	if _, err := w.Authorize(ctx, first.Value); !errors.Is(err, pat.ErrUnauthorized) {
		t.Errorf("past the maximum: %v", err)
	}
	w.decide(t, func(*pat.Policy) {})
	if _, err := w.Authorize(ctx, first.Value); err != nil {
		t.Errorf("within its grace: %v", err)
	}
}

// TestSessionsOfOneSecond cannot be put in order: neither adds to the other, also
// when it comes again.
func TestSessionsOfOneSecond(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	one, other := w.session("alice", "admins", "writers"), w.session("alice", "writers", "more")
	w.decide(t, func(p *pat.Policy) { p.CreatorGroups = []string{"more"} })
	for i := range 3 {
		for _, session := range []pat.Secret{one, other} {
			g, err := w.Authorize(ctx, session)
			if err != nil {
				t.Fatal(err)
			}
			if i == 0 && session.Reveal() == one.Reveal() {
				continue
			}
			if w.IsAdministrator(g) {
				t.Error("an administrator, by a session that a newer one may have overruled")
			}
			if _, err := w.Create(ctx, g, named(fmt.Sprint(i), "profile")); !errors.Is(err, pat.ErrForbidden) {
				t.Errorf("may create: %v", err)
			}
		}
	}
}
