package pat_test

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

// TestNotesOfUseAreBounded: once an hour, and once more for every network that is
// new or was forgotten.
func TestNotesOfUseAreBounded(t *testing.T) {
	w := newWorld(t)
	alice := w.person(t, "alice")
	f := &faulty{Store: w.store}
	s := w.service(f)
	c := w.create(t, alice, named("roams", "profile"))
	from := func(addresses ...string) (touches int) {
		t.Helper()
		f.touches = 0
		for _, a := range addresses {
			g, err := s.Authorize(context.Background(), c.Value)
			if err != nil {
				t.Fatal(err)
			}
			addr, _ := netip.ParseAddr(a)
			s.Used(context.Background(), g, addr)
		}
		return f.touches
	}
	var around []string
	for i := range 16 {
		around = append(around, fmt.Sprintf("192.0.%d.1", i))
	}
	for i, step := range []struct {
		from []string
		want int
	}{
		{[]string{"", "", ""}, 1},
		{[]string{"192.0.0.1", "192.0.0.2", "::ffff:192.0.0.3", ""}, 1},
		{around, 15},
		{around, 0},
		{[]string{"2001:db8:1::1", "2001:db8:1:ffff::1", "fe80::1%eth0"}, 2},
		{around[2:], 0},
		{around[:2], 2}, // these two were forgotten
	} {
		if n := from(step.from...); n != step.want {
			t.Errorf("step %d is noted %d times, want %d", i, n, step.want)
		}
	}
	w.clock = w.clock.Add(time.Hour)
	if n := from("192.0.0.1", "192.0.0.1"); n != 1 {
		t.Errorf("in the next hour: %d times", n)
	}
}

// TestANoteThatCameSecondIsMadeAnew: a new network is not forgotten because
// another was seen in the same moment.
func TestANoteThatCameSecondIsMadeAnew(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	alice := w.person(t, "alice")
	c := w.create(t, alice, named("ci", "profile"))
	g, err := w.Authorize(ctx, c.Value) // all see the token as it is now
	if err != nil {
		t.Fatal(err)
	}
	f := &faulty{Store: w.store}
	s := w.service(f)
	for _, from := range []string{"192.0.2.1", "192.0.2.2", "198.51.100.1"} {
		s.Used(ctx, g, netip.MustParseAddr(from))
	}
	got, err := w.Get(ctx, alice, string(c.ID))
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(got.Networks) != "[198.51.100.0/24 192.0.2.0/24]" || got.LastUsedFrom.String() != "192.0.2.1" || got.Notes != 2 {
		t.Errorf("networks %v, last used from %s, %d notes", got.Networks, got.LastUsedFrom, got.Notes)
	}
	if f.touches != 4 { // the second and the third came too late
		t.Errorf("tried %d times", f.touches)
	}

	f.touches, f.touchFault = 0, pat.ErrConflict
	s.Used(ctx, g, netip.MustParseAddr("203.0.113.1"))
	if f.touches != 3 {
		t.Errorf("where another is always first, tried %d times", f.touches)
	}
	f.touches, f.touchFault = 0, errDown
	s.Used(ctx, g, netip.MustParseAddr("203.0.113.1"))
	if f.touches != 1 {
		t.Errorf("where the store is down, tried %d times", f.touches)
	}
}
