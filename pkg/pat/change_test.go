package pat_test

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

func TestUpdateChangesWhatIsSaid(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	alice := w.person(t, "alice", "writers")
	c := w.create(t, alice, pat.CreateRequest{Name: "ci", Description: "d", Scopes: []string{"profile", "notes:read"}, AllowedCIDRs: []string{"192.0.2.0/24"}})
	id := string(c.ID)
	update := func(req pat.UpdateRequest) pat.View {
		t.Helper()
		v, err := w.Update(ctx, alice, id, req)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	before := update(pat.UpdateRequest{})
	if before.Name != "ci" || before.Description != "d" || len(before.Scopes) != 2 || len(before.AllowedCIDRs) != 1 || !before.ExpiresAt.IsZero() {
		t.Errorf("nothing asked changed %+v", before)
	}
	end := w.clock.Add(time.Hour)
	v := update(pat.UpdateRequest{Name: new(" new "), Description: new(""), Scopes: []string{"profile"}, Expiry: until(end), AllowedCIDRs: new([]string{})})
	if v.Name != "new" || v.Description != "" || !slices.Equal(v.Scopes, []string{"profile"}) || len(v.AllowedCIDRs) != 0 || !v.ExpiresAt.Equal(end) {
		t.Errorf("got %+v", v)
	}
	if g, err := w.Authorize(ctx, c.Value); err != nil || !slices.Equal(g.Scopes, []string{"profile"}) || !g.ExpiresAt.Equal(end) {
		t.Errorf("the value has %v until %v, %v", g.Scopes, g.ExpiresAt, err)
	}
	w.create(t, alice, named("ci", "profile")) // its old name is free
	if v := update(pat.UpdateRequest{Expiry: until(time.Time{})}); !v.ExpiresAt.IsZero() {
		t.Errorf("null left an end: %v", v.ExpiresAt)
	}
	if v := update(pat.UpdateRequest{Name: new("NEW")}); v.Name != "NEW" {
		t.Errorf("the same name in another case: %q", v.Name)
	}
}

func TestUpdateRefuses(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	alice, bob := w.person(t, "alice", "writers"), w.person(t, "bob")
	c := w.create(t, alice, named("ci", "notes:read"))
	w.create(t, alice, named("taken", "profile"))
	dead := w.create(t, alice, named("dead", "profile"))
	if err := w.Revoke(ctx, alice, string(dead.ID)); err != nil {
		t.Fatal(err)
	}
	ended := w.create(t, alice, pat.CreateRequest{Name: "ended", Scopes: []string{"profile"}, Expiry: until(w.clock.Add(time.Minute))})
	w.clock = w.clock.Add(time.Minute)
	token, err := w.Authorize(ctx, c.Value)
	if err != nil {
		t.Fatal(err)
	}
	bad := pat.UpdateRequest{Name: new("")}
	for name, s := range map[string]struct {
		by   pat.Grant
		id   pat.ID
		req  pat.UpdateRequest
		want error // nil: an InvalidError
	}{
		"a token":                         {token, c.ID, pat.UpdateRequest{}, pat.ErrForbidden},
		"somebody else's":                 {bob, c.ID, pat.UpdateRequest{}, pat.ErrNotFound},
		"what is no id":                   {alice, "x", pat.UpdateRequest{}, pat.ErrNotFound},
		"a bad body on what is no id":     {alice, "x", bad, nil},
		"a revoked one":                   {alice, dead.ID, pat.UpdateRequest{}, pat.ErrNotActive},
		"an expired one":                  {alice, ended.ID, pat.UpdateRequest{Expiry: until(time.Time{})}, pat.ErrNotActive},
		"a revoked one, to a taken name":  {alice, dead.ID, pat.UpdateRequest{Name: new("taken")}, pat.ErrNotActive},
		"to a taken name":                 {alice, c.ID, pat.UpdateRequest{Name: new("TAKEN")}, pat.ErrNameTaken},
		"with a bad name":                 {alice, c.ID, bad, nil},
		"with a description too long":     {alice, c.ID, pat.UpdateRequest{Description: new(strings.Repeat("x", 501))}, nil},
		"with a scope that it has not":    {alice, c.ID, pat.UpdateRequest{Scopes: []string{"notes:read", "profile"}}, nil},
		"with an unknown scope":           {alice, c.ID, pat.UpdateRequest{Scopes: []string{"nothing"}}, nil},
		"with no scopes":                  {alice, c.ID, pat.UpdateRequest{Scopes: []string{}}, nil},
		"with an end in the past":         {alice, c.ID, pat.UpdateRequest{Expiry: until(w.clock)}, nil},
		"with a network that is none":     {alice, c.ID, pat.UpdateRequest{AllowedCIDRs: new([]string{"x"})}, nil},
		"with what the door found":        {alice, c.ID, pat.UpdateRequest{Bad: pat.InvalidError{Fields: []pat.FieldError{{Field: "x", Message: "is not"}}}}, nil},
		"with a body that cannot be read": {alice, c.ID, pat.UpdateRequest{Bad: pat.InvalidError{Detail: "no"}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.Update(ctx, s.by, string(s.id), s.req)
			var invalid *pat.InvalidError
			if s.want == nil && !errors.As(err, &invalid) || s.want != nil && !errors.Is(err, s.want) {
				t.Errorf("got %v, want %v", err, s.want)
			}
		})
	}
	if v, err := w.Get(ctx, alice, string(c.ID)); err != nil || v.Name != "ci" || !slices.Equal(v.Scopes, []string{"notes:read"}) {
		t.Errorf("a refusal changed it: %+v, %v", v, err)
	}
}

func TestUpdateTellsEverythingAtOnce(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	alice := w.person(t, "alice", "writers")
	c := w.create(t, alice, named("ci", "notes:read"))
	dead := w.create(t, alice, named("dead", "notes:read"))
	if err := w.Revoke(ctx, alice, string(dead.ID)); err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]struct {
		id     string
		req    pat.UpdateRequest
		fields string
	}{
		"a bad name and a scope it has not":     {string(c.ID), pat.UpdateRequest{Name: new(""), Scopes: []string{"profile"}}, "name scopes"},
		"the same on what is not there":         {"zzzzzzzzzz", pat.UpdateRequest{Name: new(""), Scopes: []string{"profile"}}, "name"},
		"a scope that a revoked token has not":  {string(dead.ID), pat.UpdateRequest{Scopes: []string{"profile"}}, "scopes"},
		"an unknown scope is told as that only": {string(c.ID), pat.UpdateRequest{Scopes: []string{"nothing"}}, "scopes"},
	} {
		_, err := w.Update(ctx, alice, s.id, s.req)
		var invalid *pat.InvalidError
		if !errors.As(err, &invalid) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var fields []string
		for _, f := range invalid.Fields {
			fields = append(fields, f.Field)
		}
		if got := strings.Join(fields, " "); got != s.fields {
			t.Errorf("%s: %q, want %q", name, got, s.fields)
		}
	}
}

// TestTwoUpdatesDoNotWiden: of two that shrink to different scopes at once, one
// is told to read again.
func TestTwoUpdatesDoNotWiden(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	alice := w.person(t, "alice", "writers")
	for round := range 20 {
		c := w.create(t, alice, named("t"+w.clock.String()+string(rune('a'+round)), "profile", "notes:read", "notes:write"))
		wanted := [][]string{{"profile", "notes:read"}, {"profile", "notes:write"}}
		var errs [2]error
		var both sync.WaitGroup
		for i := range wanted {
			both.Go(func() {
				_, errs[i] = w.service(w.store).Update(ctx, alice, string(c.ID), pat.UpdateRequest{Scopes: wanted[i]})
			})
		}
		both.Wait()
		got, err := w.Get(ctx, alice, string(c.ID))
		if err != nil {
			t.Fatal(err)
		}
		var invalid *pat.InvalidError
		for i, err := range errs {
			lost := errors.Is(err, pat.ErrConflict) || errors.As(err, &invalid)
			if err == nil && !slices.Equal(got.Scopes, wanted[i]) || err != nil && !lost {
				t.Errorf("update %d: %v, the token has %v", i, err, got.Scopes)
			}
		}
		if (errs[0] == nil) == (errs[1] == nil) {
			t.Errorf("both or none: %v", errs)
		}
		w.Revoke(ctx, alice, string(c.ID))
	}
}

func TestRotateWithoutGrace(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	alice := w.person(t, "alice")
	c := w.create(t, alice, named("ci", "profile"))
	ofOld := w.exchange(t, c.Value, "").AccessToken
	r, err := w.Rotate(ctx, alice, string(c.ID), pat.RotateRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if r.ID != c.ID || r.Name != "ci" || r.Value.Reveal() == c.Value.Reveal() || !r.RotatedAt.Equal(w.clock) || !r.PreviousEndsAt.IsZero() {
		t.Errorf("got %+v", r.View)
	}
	for name, dead := range map[string]pat.Secret{"the old value": c.Value, "its JWT": ofOld} {
		if _, err := w.Authorize(ctx, dead); !errors.Is(err, pat.ErrUnauthorized) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if g, err := w.Authorize(ctx, r.Value); err != nil || g.Gen != 2 {
		t.Errorf("the new value: gen %d, %v", g.Gen, err)
	}
	if _, err := w.Authorize(ctx, w.exchange(t, r.Value, "").AccessToken); err != nil {
		t.Errorf("a JWT of the new value: %v", err)
	}
}

func TestRotateWithGrace(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	w.clock = w.clock.Add(300 * time.Millisecond)
	alice := w.person(t, "alice")
	c := w.create(t, alice, named("ci", "profile"))
	grace := pat.RotateRequest{Grace: time.Hour}
	r, err := w.Rotate(ctx, alice, string(c.ID), grace)
	if err != nil {
		t.Fatal(err)
	}
	end := r.PreviousEndsAt
	if end.Before(w.clock.Add(time.Hour)) || end.After(w.clock.Add(time.Hour+time.Second)) || end.Nanosecond() != 0 {
		t.Errorf("the old value ends %v", end)
	}
	old, err := w.Authorize(ctx, c.Value)
	if err != nil || old.Gen != 1 || !old.ExpiresAt.Equal(end) {
		t.Errorf("the old value: gen %d until %v, %v", old.Gen, old.ExpiresAt, err)
	}
	x := w.exchange(t, c.Value, "")
	if jwt := readJWT(t, x.AccessToken); jwt.Gen != 1 || jwt.ExpiresAt > end.Unix() {
		t.Errorf("its JWT: %+v", jwt)
	}
	w.clock = end.Add(-10 * time.Second)
	late := w.exchange(t, c.Value, "")
	if late.ExpiresIn != 10*time.Second {
		t.Errorf("a JWT of its last seconds lives %v", late.ExpiresIn)
	}
	w.clock = end.Add(-time.Nanosecond)
	if _, err := w.Authorize(ctx, c.Value); err != nil {
		t.Errorf("a moment before its end: %v", err)
	}
	w.clock = end
	if _, err := w.Authorize(ctx, c.Value); !errors.Is(err, pat.ErrUnauthorized) {
		t.Errorf("at its end: %v", err)
	}
	if v, err := w.Get(ctx, alice, string(c.ID)); err != nil || !v.PreviousEndsAt.IsZero() {
		t.Errorf("a previous value that ended is shown: %v, %v", v.PreviousEndsAt, err)
	}
	if _, err := w.Authorize(ctx, r.Value); err != nil {
		t.Errorf("the new value: %v", err)
	}
}

func TestRotateAgainAndAfterALostAnswer(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	alice := w.person(t, "alice")
	first := w.create(t, alice, named("ci", "profile"))
	id := string(first.ID)
	works := func(name string, value pat.Secret, want bool) {
		t.Helper()
		if _, err := w.Authorize(ctx, value); (err == nil) != want {
			t.Errorf("%s: %v, want it to work: %v", name, err, want)
		}
	}
	if _, err := w.Rotate(ctx, alice, id, pat.RotateRequest{KeepPrevious: true}); !errors.Is(err, pat.ErrConflict) {
		t.Errorf("keeping what is not there: %v", err)
	}
	lost, err := w.Rotate(ctx, alice, id, pat.RotateRequest{Grace: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	again, err := w.Rotate(ctx, alice, id, pat.RotateRequest{KeepPrevious: true, Grace: 2 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	works("the first", first.Value, true)
	works("the one whose answer was lost", lost.Value, false)
	works("the one in its place", again.Value, true)
	if !again.PreviousEndsAt.Equal(lost.PreviousEndsAt) {
		t.Errorf("the end of the first moved from %v to %v", lost.PreviousEndsAt, again.PreviousEndsAt)
	}
	third, err := w.Rotate(ctx, alice, id, pat.RotateRequest{Grace: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	works("the first, rotated again", first.Value, false)
	works("the second in its grace", again.Value, true)
	works("the third", third.Value, true)
	w.clock = w.clock.Add(2 * time.Hour)
	if _, err := w.Rotate(ctx, alice, id, pat.RotateRequest{KeepPrevious: true}); !errors.Is(err, pat.ErrConflict) {
		t.Errorf("keeping what has ended: %v", err)
	}
	if err := w.Revoke(ctx, alice, id); err != nil {
		t.Fatal(err)
	}
	works("the third, revoked", third.Value, false)
}

func TestRotateRefuses(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	alice, bob := w.person(t, "alice"), w.person(t, "bob")
	c := w.create(t, alice, named("ci", "profile"))
	ends := w.create(t, alice, pat.CreateRequest{Name: "ends", Scopes: []string{"profile"}, Expiry: until(w.clock.Add(time.Minute))})
	r, err := w.Rotate(ctx, alice, string(ends.ID), pat.RotateRequest{Grace: time.Hour})
	if err != nil || !r.PreviousEndsAt.Equal(ends.ExpiresAt) {
		t.Errorf("the grace goes past the token's own end: %v, %v", r.PreviousEndsAt, err)
	}
	w.clock = w.clock.Add(time.Minute)
	token, err := w.Authorize(ctx, c.Value)
	if err != nil {
		t.Fatal(err)
	}
	var invalid *pat.InvalidError
	for name, grace := range map[string]time.Duration{"a negative grace": -time.Second, "a grace of more than seven days": 7*24*time.Hour + time.Second} {
		if _, err := w.Rotate(ctx, alice, "x", pat.RotateRequest{Grace: grace}); !errors.As(err, &invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := w.Rotate(ctx, alice, string(ends.ID), pat.RotateRequest{}); !errors.Is(err, pat.ErrNotActive) {
		t.Errorf("an expired one: %v", err)
	}
	if _, err := w.Rotate(ctx, bob, string(c.ID), pat.RotateRequest{}); !errors.Is(err, pat.ErrNotFound) {
		t.Errorf("somebody else's: %v", err)
	}
	if _, err := w.Rotate(ctx, token, string(c.ID), pat.RotateRequest{}); !errors.Is(err, pat.ErrForbidden) {
		t.Errorf("by a token: %v", err)
	}
	if _, err := w.Authorize(ctx, c.Value); err != nil {
		t.Errorf("a refusal changed it: %v", err)
	}
}

// TestOfManyRotationsOneWins: no answer shows a value that does not work.
func TestOfManyRotationsOneWins(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	alice := w.person(t, "alice")
	c := w.create(t, alice, named("ci", "profile"))
	var mu sync.Mutex
	var won []pat.Secret
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			s := w.service(w.store)
			s.Rand = nil
			r, err := s.Rotate(ctx, alice, string(c.ID), pat.RotateRequest{Grace: time.Hour})
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				won = append(won, r.Value)
			} else if !errors.Is(err, pat.ErrConflict) {
				t.Errorf("rotation %d: %v", i, err)
			}
		})
	}
	all.Wait()
	if len(won) == 0 {
		t.Fatal("nobody won")
	}
	// Those that came one after the other: the last two values work.
	working := 0
	for _, value := range won {
		if _, err := w.Authorize(ctx, value); err == nil {
			working++
		}
	}
	if working != min(len(won), 2) {
		t.Errorf("%d rotations won, %d of their values work", len(won), working)
	}
}

func TestUseIsNotedOnceAnHour(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	alice := w.person(t, "alice")
	c := w.create(t, alice, pat.CreateRequest{Name: "ci", Scopes: []string{"profile"}, AllowedCIDRs: []string{"192.0.2.0/24"}})
	use := func(from string) {
		t.Helper()
		g, err := w.Authorize(ctx, c.Value)
		if err != nil {
			t.Fatal(err)
		}
		var addr netip.Addr
		if from != "" {
			addr = netip.MustParseAddr(from)
		}
		w.Used(ctx, g, addr)
	}
	used := func(at time.Time, from string) {
		t.Helper()
		v, err := w.Get(ctx, alice, string(c.ID))
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if v.LastUsedFrom.IsValid() {
			got = v.LastUsedFrom.String()
		}
		if !v.LastUsedAt.Equal(at) || got != from || v.Version != 1 {
			t.Errorf("last used %v from %q (version %d), want %v from %q", v.LastUsedAt, got, v.Version, at, from)
		}
	}
	used(time.Time{}, "")
	first := w.clock
	use("::ffff:192.0.2.1")
	used(first, "192.0.2.1")
	w.clock = w.clock.Add(time.Hour - time.Second)
	use("192.0.2.2")
	used(first, "192.0.2.1")
	w.clock = w.clock.Add(time.Second)
	use("")
	used(w.clock, "")

	before := w.clock
	w.clock = w.clock.Add(2 * time.Hour)
	f := &faulty{Store: w.store, touchFault: errDown}
	s := w.service(f)
	g, err := s.Authorize(ctx, c.Value)
	if err != nil {
		t.Fatal(err)
	}
	s.Used(ctx, g, netip.Addr{}) // is lost, and nobody minds
	used(before, "")
	if f.touches != 1 {
		t.Errorf("tried %d times", f.touches)
	}
	x := exchangeOf(c.Value, "")
	x.Address = netip.MustParseAddr("192.0.2.3")
	if _, err := w.Exchange(ctx, x); err != nil {
		t.Fatal(err)
	}
	used(w.clock, "192.0.2.3")
}

// TestANoteNeverUndoesAChange: a note of a use that was judged before a
// rotation or revocation comes too late.
func TestANoteNeverUndoesAChange(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	alice := w.person(t, "alice")
	c := w.create(t, alice, named("ci", "profile"))
	g, err := w.Authorize(ctx, c.Value)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Rotate(ctx, alice, string(c.ID), pat.RotateRequest{}); err != nil {
		t.Fatal(err)
	}
	w.Used(ctx, g, netip.Addr{})
	if _, err := w.Authorize(ctx, c.Value); !errors.Is(err, pat.ErrUnauthorized) {
		t.Errorf("the old value: %v", err)
	}
}

// TestAnExtensionNearTheEndIsCounted: one function counts a token out whose end
// has come, and another, whose clock is behind, gives it a later end.
func TestAnExtensionNearTheEndIsCounted(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	alice := w.person(t, "alice")
	end := w.clock.Add(time.Hour)
	ending := w.create(t, alice, pat.CreateRequest{Name: "ending", Scopes: []string{"profile"}, Expiry: until(end)})
	for i := range 49 {
		w.create(t, alice, named("t"+strings.Repeat("x", i), "profile"))
	}
	w.clock = end
	alice = w.person(t, "alice")
	w.create(t, alice, named("in its place", "profile"))
	w.clock = end.Add(-time.Second)
	if _, err := w.Update(ctx, alice, string(ending.ID), pat.UpdateRequest{Expiry: until(time.Time{})}); err != nil {
		t.Fatal(err)
	}
	w.clock = end.Add(time.Second)
	if _, err := w.Create(ctx, alice, named("one more", "profile")); !errors.Is(err, pat.ErrTokenLimit) {
		t.Errorf("the cap has room for one more: %v", err)
	}
	page, err := w.List(ctx, alice, pat.ListRequest{Limit: 100, Status: pat.Active})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Revoke(ctx, alice, string(page.Tokens[0].ID)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Create(ctx, alice, named("one more", "profile")); !errors.Is(err, pat.ErrTokenLimit) {
		t.Errorf("with 50 again the cap has room for one more: %v", err)
	}
}

// TestARotationThatComesMeanwhileLoses: its request was there before the answer
// of the other was.
func TestARotationThatComesMeanwhileLoses(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	alice := w.person(t, "alice")
	c := w.create(t, alice, named("ci", "profile"))
	arrived := w.clock
	w.clock = w.clock.Add(5 * time.Millisecond)
	r, err := w.Rotate(ctx, alice, string(c.ID), pat.RotateRequest{Since: arrived, Grace: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	for _, keep := range []bool{false, true} {
		if _, err := w.Rotate(ctx, alice, string(c.ID), pat.RotateRequest{Since: arrived.Add(4 * time.Millisecond), KeepPrevious: keep}); !errors.Is(err, pat.ErrConflict) {
			t.Errorf("meanwhile: %v", err)
		}
	}
	for name, value := range map[string]pat.Secret{"the value that was answered": r.Value, "the one before, in its grace": c.Value} {
		if _, err := w.Authorize(ctx, value); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := w.Rotate(ctx, alice, string(c.ID), pat.RotateRequest{Since: w.clock}); err != nil {
		t.Errorf("in the millisecond of the answer: %v", err)
	}
	// A gateway that tells seconds, or nothing.
	for _, since := range []time.Time{time.UnixMilli(w.clock.Unix()), time.UnixMilli(0), {}} {
		if _, err := w.Rotate(ctx, alice, string(c.ID), pat.RotateRequest{Since: since}); err != nil {
			t.Errorf("%v: %v", since, err)
		}
	}
}
