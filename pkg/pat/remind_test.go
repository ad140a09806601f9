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

// warnings are those of a token, oldest first: "expiring 30". They are read from
// the store, which keeps them when the token itself is hidden.
func (w *world) warnings(t testing.TB, id pat.ID) (all []string) {
	t.Helper()
	events, err := w.store.Trail(context.Background(), pat.TokenThread(id), pat.Place{}, w.clock, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if e.Ends.Days > 0 {
			all = append([]string{fmt.Sprint(strings.TrimPrefix(string(e.Type), "counterfoil.token."), " ", e.Ends.Days)}, all...)
			if e.By != (pat.Doer{Kind: pat.DoerUs}) || e.Ends.EndsAt.IsZero() || e.Owner != "alice" {
				t.Errorf("a warning is %+v", e)
			}
		}
	}
	return all
}

// live lets days pass, with a look at all tokens on each of them, and again an
// hour later: once each is what is promised.
func (w *world) live(t testing.TB, days int) {
	t.Helper()
	for range days {
		w.clock = w.clock.Add(24 * time.Hour)
		for range 2 {
			if _, err := w.Remind(context.Background(), 0, 1); err != nil {
				t.Fatal(err)
			}
			w.clock = w.clock.Add(time.Hour)
		}
		w.clock = w.clock.Add(-2 * time.Hour)
	}
}

func TestWarningsAheadOfAnEnd(t *testing.T) {
	day := 24 * time.Hour
	for name, c := range map[string]struct {
		life time.Duration // of the token; zero for none
		act  func(w *world, by pat.Grant, id pat.ID) error
		at   int // the day of it
		want string
	}{
		"a long life":               {90 * day, nil, 0, "[expiring 30 expiring 7 expiring 1]"},
		"a life of a month":         {30 * day, nil, 0, "[expiring 30 expiring 7 expiring 1]"},
		"a life of less":            {29 * day, nil, 0, "[expiring 7 expiring 1]"},
		"a life of five days":       {5 * day, nil, 0, "[expiring 1]"},
		"a life of an hour":         {time.Hour, nil, 0, "[]"},
		"no end":                    {0, nil, 0, "[]"},
		"revoked on the way":        {40 * day, revoking, 20, "[expiring 30]"},
		"an end that moves away":    {40 * day, ending(100 * day), 20, "[expiring 30 expiring 30 expiring 7 expiring 1]"},
		"an end that comes near":    {90 * day, ending(5 * day), 20, "[expiring 7 expiring 1]"},
		"an end that is taken away": {40 * day, ending(0), 20, "[expiring 30]"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			alice := w.person(t, "alice")
			req := named("ci", "profile")
			if c.life > 0 {
				req.Expiry = until(w.clock.Add(c.life))
			}
			id := w.create(t, alice, req).ID
			w.live(t, c.at)
			if c.act != nil {
				if err := c.act(w, alice, id); err != nil {
					t.Fatal(err)
				}
			}
			w.live(t, 125-c.at)
			if got := fmt.Sprint(w.warnings(t, id)); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func revoking(w *world, by pat.Grant, id pat.ID) error {
	return w.Revoke(context.Background(), by, string(id))
}

// ending moves a token's end to so far from now, or takes it away.
func ending(in time.Duration) func(*world, pat.Grant, pat.ID) error {
	return func(w *world, by pat.Grant, id pat.ID) error {
		end := pat.Expiry{Given: true}
		if in > 0 {
			end.At = w.clock.Add(in)
		}
		_, err := w.Update(context.Background(), by, string(id), pat.UpdateRequest{Expiry: end})
		return err
	}
}

// TestWarningsAfterASleep: a laptop that was off for weeks tells the nearest alone.
func TestWarningsAfterASleep(t *testing.T) {
	w := newWorld(t)
	alice := w.person(t, "alice")
	req := named("ci", "profile")
	req.Expiry = until(w.clock.AddDate(0, 0, 60))
	id := w.create(t, alice, req).ID
	w.clock = w.clock.AddDate(0, 0, 55)
	w.live(t, 2)
	if got := fmt.Sprint(w.warnings(t, id)); got != "[expiring 7]" {
		t.Errorf("got %s", got)
	}
}

// TestWarningsComeInTime: a token is looked at once a day, so what is due before the
// next look is told now. A warning minutes before an end would be none.
func TestWarningsComeInTime(t *testing.T) {
	for name, c := range map[string]struct {
		left time.Duration // at the look
		want string
	}{
		"due before the next look": {24*time.Hour + 3*time.Minute, "[expiring 1]"},
		"due at the next look":     {48*time.Hour + time.Second, "[]"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			alice := w.person(t, "alice")
			req := named("ci", "profile")
			req.Expiry = until(w.clock.AddDate(0, 0, 5))
			id := w.create(t, alice, req).ID
			w.clock = w.clock.AddDate(0, 0, 5).Add(-c.left)
			if _, err := w.Remind(context.Background(), 0, 1); err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(w.warnings(t, id)); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// TestWarningsAreNotLostToAFault: what fails is given the next time, and once.
func TestWarningsAreNotLostToAFault(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	alice := w.person(t, "alice")
	var ids []pat.ID
	for i := range 5 {
		req := named(fmt.Sprint(i), "profile")
		req.Expiry = until(w.clock.AddDate(0, 0, 10))
		ids = append(ids, w.create(t, alice, req).ID)
	}
	w.clock = w.clock.AddDate(0, 0, 4)
	f := &warningFault{Store: w.store}
	s := w.service(f)
	given := 0
	for try := range 5 {
		f.left = 1
		n, err := s.Remind(ctx, 0, 1)
		given += n
		if try < 4 && !errors.Is(err, pat.ErrUnavailable) {
			t.Errorf("try %d: %v", try, err)
		}
	}
	if given != len(ids) {
		t.Errorf("%d warnings", given)
	}
	for _, id := range ids {
		if got := fmt.Sprint(w.warnings(t, id)); got != "[expiring 7]" {
			t.Errorf("%s: %s", id, got)
		}
	}
}

// warningFault is a store that notes some warnings, and then none.
type warningFault struct {
	pat.Store
	left int
}

func (f *warningFault) Warn(ctx context.Context, t pat.Token) error {
	if f.left--; f.left < 0 {
		return errDown
	}
	return f.Store.Warn(ctx, t)
}

// TestWarningsAheadOfAStop: a token that nobody uses is stopped by the policy, and
// a use of it puts that off.
func TestWarningsAheadOfAStop(t *testing.T) {
	for name, c := range map[string]struct {
		idle int // days that the policy allows
		used int // the day on which it was used, if any
		want string
	}{
		"a long patience":           {90, 0, "[idling 30 idling 7 idling 1]"},
		"a short one":               {20, 0, "[idling 7 idling 1]"},
		"a shorter one":             {5, 0, "[idling 1]"},
		"used before it is told":    {90, 50, "[idling 30 idling 7 idling 1]"},
		"used after it was told":    {90, 85, "[idling 30 idling 7 idling 30 idling 7 idling 1]"},
		"a policy without patience": {0, 0, "[]"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.decide(t, func(p *pat.Policy) { p.MaxIdleDays = c.idle })
			created := w.create(t, w.person(t, "alice"), named("ci", "profile"))
			w.live(t, c.used)
			if c.used > 0 {
				g, err := w.Authorize(context.Background(), created.Value)
				if err != nil {
					t.Fatal(err)
				}
				w.Used(context.Background(), g, netip.MustParseAddr("192.0.2.1"))
			}
			w.live(t, 200)
			if got := fmt.Sprint(w.warnings(t, created.ID)); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if _, err := w.Authorize(context.Background(), created.Value); (err != nil) != (c.idle > 0) {
				t.Errorf("at the end it is %v", err)
			}
		})
	}
}

// TestWarningsOfAPolicy: an end that the administrators bring near is told of, and
// what does not work is told of nothing.
func TestWarningsOfAPolicy(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	alice := w.person(t, "alice")
	id := w.create(t, alice, named("endless", "profile")).ID
	w.live(t, 60)
	w.decide(t, func(p *pat.Policy) { p.MaxLifetimeDays = 65 })
	w.live(t, 30)
	if got := fmt.Sprint(w.warnings(t, id)); got != "[expiring 7 expiring 1]" {
		t.Errorf("got %s", got)
	}

	w = newWorld(t)
	root := w.person(t, "root", "admins")
	alice = w.person(t, "alice")
	req := named("ends", "profile")
	req.Expiry = until(w.clock.AddDate(0, 0, 40))
	id = w.create(t, alice, req).ID
	if _, err := w.Disable(ctx, root, "alice", true, pat.InvalidError{}); err != nil {
		t.Fatal(err)
	}
	w.live(t, 30)
	if got := fmt.Sprint(w.warnings(t, id)); got != "[]" {
		t.Errorf("of a disabled person's token: %s", got)
	}
	if _, err := w.Disable(ctx, root, "alice", false, pat.InvalidError{}); err != nil {
		t.Fatal(err)
	}
	w.live(t, 20)
	if got := fmt.Sprint(w.warnings(t, id)); got != "[expiring 30 expiring 7 expiring 1]" {
		t.Errorf("of an enabled one's: %s", got)
	}
}

// stuck is a store in which one token cannot be noted.
type stuck struct {
	pat.Store
	id pat.ID
}

func (s stuck) Warn(ctx context.Context, t pat.Token) error {
	if t.ID == s.id {
		return errDown
	}
	return s.Store.Warn(ctx, t)
}

// TestOneTokenThatCannotBeNoted keeps no other from its warning, and is not passed
// over in silence.
func TestOneTokenThatCannotBeNoted(t *testing.T) {
	w := newWorld(t)
	alice := w.person(t, "alice")
	var ids []pat.ID
	for _, name := range []string{"one", "two", "three"} {
		req := named(name, "profile")
		req.Expiry = until(w.clock.Add(40 * 24 * time.Hour))
		ids = append(ids, w.create(t, alice, req).ID)
	}
	w.clock = w.clock.Add(12 * 24 * time.Hour)
	given, err := w.service(stuck{w.store, ids[0]}).Remind(context.Background(), 0, 1)
	if given != 2 || !errors.Is(err, pat.ErrUnavailable) {
		t.Errorf("%d warnings, %v", given, err)
	}
}
