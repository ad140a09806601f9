package pat_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

const day = 24 * time.Hour

func TestPolicyIsJudgedWhole(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	root := w.person(t, "root", "admins")
	good := pat.Policy{
		MaxLifetimeDays: 3650, DefaultLifetimeDays: 3650, RequireExpiry: true, MaxTokensPerPerson: 500,
		CreatorGroups: []string{}, MaxIdleDays: 1, MaxAbsenceDays: 3650, ReauthSeconds: 60,
	}
	for name, c := range map[string]struct {
		change func(*pat.Policy)
		fields string
	}{
		"the widest":                  {func(*pat.Policy) {}, ""},
		"nothing but a cap":           {func(p *pat.Policy) { *p = pat.Policy{MaxTokensPerPerson: 1} }, ""},
		"a default without a maximum": {func(p *pat.Policy) { p.MaxLifetimeDays = 0 }, ""},
		"a default above the maximum": {func(p *pat.Policy) { p.MaxLifetimeDays = 3649 }, "default_lifetime_days"},
		"a day too many":              {func(p *pat.Policy) { p.MaxLifetimeDays = 3651 }, "max_lifetime_days"},
		"a negative number":           {func(p *pat.Policy) { p.DefaultLifetimeDays = -1 }, "default_lifetime_days"},
		"no cap":                      {func(p *pat.Policy) { p.MaxTokensPerPerson = 0 }, "max_tokens_per_person"},
		"a cap too high":              {func(p *pat.Policy) { p.MaxTokensPerPerson = 501 }, "max_tokens_per_person"},
		"too idle":                    {func(p *pat.Policy) { p.MaxIdleDays = 3651 }, "max_idle_days"},
		"too absent":                  {func(p *pat.Policy) { p.MaxAbsenceDays = 3651 }, "max_absence_days"},
		"59 seconds":                  {func(p *pat.Policy) { p.ReauthSeconds = 59 }, "reauth_seconds"},
		"a day and a second":          {func(p *pat.Policy) { p.ReauthSeconds = 86401 }, "reauth_seconds"},
		"an empty group":              {func(p *pat.Policy) { p.CreatorGroups = []string{""} }, "creator_groups"},
		"a group twice":               {func(p *pat.Policy) { p.CreatorGroups = []string{"a", "a"} }, "creator_groups"},
		"a group of 257 characters":   {func(p *pat.Policy) { p.CreatorGroups = []string{strings.Repeat("x", 257)} }, "creator_groups"},
		"a group with a space":        {func(p *pat.Policy) { p.CreatorGroups = []string{"Domain Users", "größer/クラブ"} }, ""},
		"a group with a control":      {func(p *pat.Policy) { p.CreatorGroups = []string{"ad\x00mins"} }, "creator_groups"},
		"a group with a line's end":   {func(p *pat.Policy) { p.CreatorGroups = []string{"admins\n"} }, "creator_groups"},
		"an invisible character":      {func(p *pat.Policy) { p.CreatorGroups = []string{"admins", "admins\u200b"} }, "creator_groups"},
		"a group that is no UTF-8":    {func(p *pat.Policy) { p.CreatorGroups = []string{"ad\xffmins"} }, "creator_groups"},
		"33 groups":                   {func(p *pat.Policy) { p.CreatorGroups = make([]string, 33) }, "creator_groups"},
		"everything wrong, all told": {func(p *pat.Policy) {
			*p = pat.Policy{MaxLifetimeDays: -1, DefaultLifetimeDays: -1, CreatorGroups: []string{""}, MaxIdleDays: -1, MaxAbsenceDays: -1, ReauthSeconds: -1}
		}, "max_lifetime_days default_lifetime_days max_tokens_per_person creator_groups max_idle_days max_absence_days reauth_seconds"},
	} {
		t.Run(name, func(t *testing.T) {
			p := good
			c.change(&p)
			before, err := w.ReadPolicy(ctx, root)
			if err != nil {
				t.Fatal(err)
			}
			_, preview := w.PreviewPolicy(ctx, root, pat.PolicyRequest{Policy: p})
			got, err := w.SetPolicy(ctx, root, pat.PolicyRequest{Policy: p})
			if fmt.Sprint(preview) != fmt.Sprint(err) {
				t.Errorf("the preview says %v, the decision %v", preview, err)
			}
			if c.fields == "" {
				if now, _ := w.ReadPolicy(ctx, root); err != nil || fmt.Sprint(got) != fmt.Sprint(p) || fmt.Sprint(now) != fmt.Sprint(p) {
					t.Errorf("got %+v, now %+v, %v", got, now, err)
				}
				return
			}
			var invalid *pat.InvalidError
			if !errors.As(err, &invalid) {
				t.Fatalf("got %v", err)
			}
			var fields []string
			for _, f := range invalid.Fields {
				fields = append(fields, f.Field)
			}
			if got := strings.Join(slices.Compact(fields), " "); got != c.fields {
				t.Errorf("fields %q, want %q", got, c.fields)
			}
			if now, _ := w.ReadPolicy(ctx, root); fmt.Sprint(now) != fmt.Sprint(before) {
				t.Errorf("a refused policy holds: %+v", now)
			}
		})
	}
}

// TestEndsUnderAnyPolicies: for any sequence of policy changes the effective end
// is min(own, created + maximum), in every answer, and the stored end never
// changes.
func TestEndsUnderAnyPolicies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorldOf(t)
		ctx := context.Background()
		alice := w.person(t, "alice")
		type kept struct {
			created pat.Created
			own     time.Time
		}
		var tokens []kept
		for i := range rapid.IntRange(1, 4).Draw(t, "tokens") {
			req := named(fmt.Sprint(i), "profile", "notes:read")
			if n := rapid.IntRange(0, 40).Draw(t, "own end in days"); n > 0 {
				req.Expiry = until(w.clock.Add(time.Duration(n) * day))
			} else {
				req.Expiry = until(time.Time{})
			}
			c := w.create(t, alice, req)
			tokens = append(tokens, kept{c, req.Expiry.At})
			w.clock = w.clock.Add(time.Duration(rapid.IntRange(0, 3).Draw(t, "days between")) * day)
		}
		for range rapid.IntRange(1, 6).Draw(t, "changes") {
			maximum := rapid.IntRange(0, 20).Draw(t, "maximum")
			w.decide(t, func(p *pat.Policy) {
				p.MaxLifetimeDays = maximum
				p.RequireExpiry = rapid.Bool().Draw(t, "require")
			})
			w.clock = w.clock.Add(time.Duration(rapid.IntRange(0, 100).Draw(t, "hours later")) * time.Hour)
			for _, k := range tokens {
				want := k.own
				if latest := k.created.CreatedAt.Add(time.Duration(maximum) * day); maximum > 0 && (want.IsZero() || latest.Before(want)) {
					want = latest
				}
				alive := want.IsZero() || w.clock.Before(want)
				if stored, _, err := w.store.Look(ctx, k.created.ID); err != nil || !stored.ExpiresAt.Equal(k.own) {
					t.Fatalf("the stored end is %v, was %v, %v", stored.ExpiresAt, k.own, err)
				}
				v, err := w.Get(ctx, alice, string(k.created.ID))
				if !k.own.IsZero() && !w.clock.Before(k.own.Add(pat.Kept)) {
					if !errors.Is(err, pat.ErrNotFound) {
						t.Fatalf("hidden: %v", err)
					}
					continue
				}
				if err != nil || !v.EndsAt.Equal(want) || (v.Status == pat.Active) != alive || !alive && v.Status != pat.Expired {
					t.Fatalf("ends %v as %s, want %v (now %v), %v", v.EndsAt, v.Status, want, w.clock, err)
				}
				g, err := w.Authorize(ctx, k.created.Value)
				if (err == nil) != alive || err == nil && !g.ExpiresAt.Equal(want) || err != nil && !errors.Is(err, pat.ErrUnauthorized) {
					t.Fatalf("authorize: until %v, %v; want %v (now %v)", g.ExpiresAt, err, want, w.clock)
				}
				x, err := w.Exchange(ctx, exchangeOf(k.created.Value, ""))
				if (err == nil) != alive {
					t.Fatalf("exchange: %v, alive is %v", err, alive)
				}
				if err == nil {
					if end := time.Unix(readJWTOf(x.AccessToken).ExpiresAt, 0); !want.IsZero() && end.After(want) || !x.TokenEndsAt.Equal(want) {
						t.Fatalf("a JWT until %v of a token until %v (said %v)", end, want, x.TokenEndsAt)
					}
				}
			}
		}
	})
}

func TestPolicyHoldsWithin30Seconds(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	alice, root := w.person(t, "alice"), w.person(t, "root", "admins")
	c := w.create(t, alice, named("ci", "profile"))
	w.clock = w.clock.Add(2 * day)
	root = w.person(t, "root", "admins")
	admin := w.service(w.store) // another function than the one that authorizes
	if _, err := w.Authorize(ctx, c.Value); err != nil {
		t.Fatal(err)
	}
	set := func(p pat.Policy) {
		t.Helper()
		if _, err := admin.SetPolicy(ctx, root, pat.PolicyRequest{Policy: p}); err != nil {
			t.Fatal(err)
		}
		if v, err := admin.GetAny(ctx, root, string(c.ID)); err != nil || (v.Status == pat.Expired) != (p.MaxLifetimeDays == 1) {
			t.Errorf("the function that wrote it says %s, %v", v.Status, err)
		}
	}
	set(pat.Policy{MaxLifetimeDays: 1, MaxTokensPerPerson: 50})
	w.clock = w.clock.Add(30 * time.Second)
	if _, err := w.Authorize(ctx, c.Value); !errors.Is(err, pat.ErrUnauthorized) {
		t.Errorf("30 s after a maximum of a day a token of two works: %v", err)
	}
	set(pat.DefaultPolicy)
	w.clock = w.clock.Add(30 * time.Second)
	if _, err := w.Authorize(ctx, c.Value); err != nil {
		t.Errorf("loosening did not give it back: %v", err)
	}
}

func TestExpiryUnderAPolicy(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	alice := w.person(t, "alice")
	free := w.create(t, alice, named("free", "profile"))
	at := func(d time.Duration) pat.Expiry { return until(w.clock.Add(d)) }
	n := 0
	for name, c := range map[string]struct {
		change func(*pat.Policy)
		asked  func() pat.Expiry
		want   time.Duration // zero: none; negative: refused
	}{
		"absent, and nothing decided":        {func(p *pat.Policy) {}, func() pat.Expiry { return pat.Expiry{} }, 0},
		"absent, with a default":             {func(p *pat.Policy) { p.MaxLifetimeDays, p.DefaultLifetimeDays = 9, 3 }, func() pat.Expiry { return pat.Expiry{} }, 3 * day},
		"absent, with a maximum alone":       {func(p *pat.Policy) { p.MaxLifetimeDays = 9 }, func() pat.Expiry { return pat.Expiry{} }, 9 * day},
		"absent, and an end required":        {func(p *pat.Policy) { p.RequireExpiry = true }, func() pat.Expiry { return pat.Expiry{} }, -1},
		"null, and nothing decided":          {func(p *pat.Policy) {}, func() pat.Expiry { return until(time.Time{}) }, 0},
		"null, with a default":               {func(p *pat.Policy) { p.DefaultLifetimeDays = 3 }, func() pat.Expiry { return until(time.Time{}) }, 0},
		"null, with a maximum":               {func(p *pat.Policy) { p.MaxLifetimeDays = 9 }, func() pat.Expiry { return until(time.Time{}) }, -1},
		"null, and an end required":          {func(p *pat.Policy) { p.RequireExpiry = true }, func() pat.Expiry { return until(time.Time{}) }, -1},
		"the latest possible":                {func(p *pat.Policy) { p.MaxLifetimeDays = 9 }, func() pat.Expiry { return at(9 * day) }, 9 * day},
		"a second later":                     {func(p *pat.Policy) { p.MaxLifetimeDays = 9 }, func() pat.Expiry { return at(9*day + time.Second) }, -1},
		"later than the default":             {func(p *pat.Policy) { p.DefaultLifetimeDays = 3 }, func() pat.Expiry { return at(5 * day) }, 5 * day},
		"a far end, and one required":        {func(p *pat.Policy) { p.RequireExpiry = true }, func() pat.Expiry { return at(3650 * day) }, 3650 * day},
		"within a minute, under any of them": {func(p *pat.Policy) { p.MaxLifetimeDays = 9 }, func() pat.Expiry { return at(time.Second) }, -1},
	} {
		w.decide(t, c.change)
		alice = w.person(t, "alice")
		n++
		req := named(fmt.Sprint(n), "profile")
		req.Expiry = c.asked()
		created, err := w.Create(ctx, alice, req)
		var invalid *pat.InvalidError
		switch {
		case c.want < 0:
			if !errors.As(err, &invalid) || len(invalid.Fields) != 1 || invalid.Fields[0].Field != "expires_at" {
				t.Errorf("%s: %v", name, err)
			}
			if name == "a second later" && !strings.Contains(invalid.Fields[0].Message, w.clock.Add(9*day).Format(time.RFC3339)) {
				t.Errorf("%s: %s", name, invalid.Fields[0].Message)
			}
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case c.want == 0 && !created.ExpiresAt.IsZero(), c.want > 0 && !created.ExpiresAt.Equal(w.clock.Add(c.want)):
			t.Errorf("%s: ends %v", name, created.ExpiresAt)
		}
	}

	// A change is judged by what it says, counted from the creation.
	w.decide(t, func(p *pat.Policy) { p.MaxLifetimeDays, p.RequireExpiry, p.MaxTokensPerPerson = 9, true, 1 })
	alice = w.person(t, "alice")
	id := string(free.ID)
	for name, c := range map[string]struct {
		req pat.UpdateRequest
		ok  bool
	}{
		"a name":                  {pat.UpdateRequest{Name: new("x")}, true},
		"nothing":                 {pat.UpdateRequest{}, true},
		"no end":                  {pat.UpdateRequest{Expiry: until(time.Time{})}, false},
		"the latest possible":     {pat.UpdateRequest{Expiry: until(free.CreatedAt.Add(9 * day))}, true},
		"counted from now":        {pat.UpdateRequest{Expiry: until(w.clock.Add(9 * day))}, false},
		"a second later":          {pat.UpdateRequest{Expiry: until(free.CreatedAt.Add(9*day + time.Second))}, false},
		"too late, and a bad one": {pat.UpdateRequest{Expiry: until(free.CreatedAt.Add(10 * day)), Name: new("")}, false},
	} {
		_, err := w.Update(ctx, alice, id, c.req)
		var invalid *pat.InvalidError
		if c.ok && err != nil || !c.ok && !errors.As(err, &invalid) {
			t.Errorf("update to %s: %v", name, err)
		}
		if strings.Contains(name, "bad") && len(invalid.Fields) != 2 {
			t.Errorf("update to %s tells %v", name, invalid.Fields)
		}
	}
	w.clock = w.clock.Add(9 * day)
	alice = w.person(t, "alice")
	if _, err := w.Update(ctx, alice, id, pat.UpdateRequest{}); !errors.Is(err, pat.ErrNotActive) {
		t.Errorf("update of one that the policy ended: %v", err)
	}
}

func TestWhoMayCreate(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	wish := func(by pat.Grant, name string) error {
		_, err := w.Create(ctx, by, named(name, "profile"))
		return err
	}
	alice, bob := w.person(t, "alice", "staff"), w.person(t, "bob")
	mine := w.create(t, alice, named("before", "profile"))
	w.decide(t, func(p *pat.Policy) { p.CreatorGroups = []string{"staff", "writers"} })
	// The session of before: its group is named only now.
	if err := wish(alice, "a"); err != nil {
		t.Errorf("somebody of a group that may: %v", err)
	}
	if err := wish(bob, "b"); !errors.Is(err, pat.ErrForbidden) {
		t.Errorf("somebody of none: %v", err)
	}
	old := alice
	w.clock = w.clock.Add(time.Second)
	fewer := w.person(t, "alice")
	for what, session := range map[string]pat.Grant{"new": fewer, "old": old} {
		if err := wish(session, what); !errors.Is(err, pat.ErrForbidden) {
			t.Errorf("who lost the group, with the %s session: %v", what, err)
		}
	}
	if _, err := w.Create(ctx, fewer, pat.CreateRequest{Name: "", Scopes: nil}); !errors.Is(err, pat.ErrForbidden) {
		t.Errorf("that they may not is told before what is wrong: %v", err)
	}
	if _, err := w.Authorize(ctx, mine.Value); err != nil {
		t.Errorf("a token that there was: %v", err)
	}
	if _, err := w.Update(ctx, fewer, string(mine.ID), pat.UpdateRequest{Name: new("x")}); err != nil {
		t.Errorf("a change of it: %v", err)
	}
	if _, err := w.Rotate(ctx, fewer, string(mine.ID), pat.RotateRequest{}); err != nil {
		t.Errorf("its rotation: %v", err)
	}
	w.decide(t, func(p *pat.Policy) { p.CreatorGroups = []string{} })
	if err := wish(w.person(t, "alice", "staff"), "c"); !errors.Is(err, pat.ErrForbidden) {
		t.Errorf("nobody may: %v", err)
	}
}

func TestALoweredCapStopsNoToken(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	alice := w.person(t, "alice")
	var all []pat.Created
	for i := range 3 {
		all = append(all, w.create(t, alice, named(fmt.Sprint(i), "profile")))
	}
	w.decide(t, func(p *pat.Policy) { p.MaxTokensPerPerson = 2 })
	for _, c := range all {
		if _, err := w.Authorize(ctx, c.Value); err != nil {
			t.Error(err)
		}
	}
	if _, err := w.Create(ctx, alice, named("more", "profile")); !errors.Is(err, pat.ErrTokenLimit) {
		t.Errorf("one more: %v", err)
	}
}

func TestIdleTokens(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	alice := w.person(t, "alice")
	id := func(c pat.Created) string { return string(c.ID) }
	never, used := w.create(t, alice, named("never used", "profile")), w.create(t, alice, named("used", "profile"))
	asked, jwts := w.create(t, alice, named("asked about", "profile")), w.create(t, alice, named("by its JWT", "profile"))
	rotated, patched := w.create(t, alice, named("rotated", "profile")), w.create(t, alice, named("patched", "profile"))
	w.decide(t, func(p *pat.Policy) { p.MaxIdleDays = 10 })
	created := w.clock.Add(-pat.SettingsAge)

	w.clock = created.Add(9 * day)
	alice = w.person(t, "alice")
	g, err := w.Authorize(ctx, used.Value)
	if err != nil {
		t.Fatal(err)
	}
	w.Used(ctx, g, netip.Addr{})
	x := w.exchange(t, jwts.Value, "")
	if rotated, err = w.Rotate(ctx, alice, id(rotated), pat.RotateRequest{}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Update(ctx, alice, id(patched), pat.UpdateRequest{}); err != nil {
		t.Fatal(err)
	}
	admin := pat.Grant{Kind: pat.KindPerson, Person: pat.Person{Issuer: peopleIssuer, Subject: "root"}, Scopes: []string{"introspect"}}
	if in, err := w.Introspect(ctx, admin, netip.Addr{}, asked.Value, netip.Addr{}); err != nil || in == nil {
		t.Fatalf("introspect: %v, %v", in, err)
	}

	// Nobody loses a token that they used within the time: a use is noted once an
	// hour, so an hour is added.
	w.clock = created.Add(10*day + time.Hour - time.Second)
	for _, c := range []pat.Created{never, asked} {
		if _, err := w.Authorize(ctx, c.Value); err != nil {
			t.Errorf("%s, a second before: %v", c.Name, err)
		}
	}
	w.clock = created.Add(10*day + time.Hour)
	for _, c := range []pat.Created{never, asked, used, jwts, rotated, patched} {
		idle := c.ID == never.ID || c.ID == asked.ID
		v, err := w.Get(ctx, alice, id(c))
		if err != nil || (v.Status == pat.Disabled) != idle {
			t.Errorf("%s is %s, %v", c.Name, v.Status, err)
		}
		if _, err := w.Authorize(ctx, c.Value); errors.Is(err, pat.ErrUnauthorized) != idle {
			t.Errorf("%s: %v", c.Name, err)
		}
	}
	if _, err := w.Exchange(ctx, exchangeOf(x.AccessToken, "")); err == nil {
		t.Error("a JWT lives for days")
	}
	// What stopped gives nothing away: name and place are kept.
	if _, err := w.Create(ctx, alice, named("never used", "profile")); !errors.Is(err, pat.ErrNameTaken) {
		t.Errorf("the name of an idle one: %v", err)
	}
	if _, err := w.Rotate(ctx, alice, id(never), pat.RotateRequest{}); !errors.Is(err, pat.ErrNotActive) {
		t.Errorf("rotate an idle one: %v", err)
	}
	v, err := w.Update(ctx, alice, id(never), pat.UpdateRequest{})
	if err != nil || v.Status != pat.Active {
		t.Errorf("a sign of life: %s, %v", v.Status, err)
	}
	if _, err := w.Authorize(ctx, never.Value); err != nil {
		t.Errorf("after it: %v", err)
	}
	w.decide(t, func(*pat.Policy) {})
	if _, err := w.Authorize(ctx, asked.Value); err != nil {
		t.Errorf("loosening did not give it back: %v", err)
	}
}

// TestALeaver: removed at the provider and never seen again, their tokens stop;
// signing in with the right gives them back, without it only the rest.
func TestALeaver(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	left := w.clock
	alice := w.person(t, "alice", "writers")
	c := w.create(t, alice, named("ci", "profile", "notes:write"))
	w.decide(t, func(p *pat.Policy) { p.MaxAbsenceDays = 7 })
	works := func() error {
		g, err := w.Authorize(ctx, c.Value)
		if err == nil {
			w.Used(ctx, g, netip.Addr{}) // that it is used does not make its owner present
		}
		return err
	}

	// A request is noted once a day, so a day is added.
	w.clock = left.Add(8*day - time.Second)
	if err := works(); err != nil {
		t.Errorf("a second before: %v", err)
	}
	jwt := w.exchange(t, c.Value, "").AccessToken
	w.clock = left.Add(8 * day)
	for what, credential := range map[string]pat.Secret{"token": c.Value, "JWT": jwt} {
		if _, err := w.Authorize(ctx, credential); !errors.Is(err, pat.ErrUnauthorized) {
			t.Errorf("a leaver's %s: %v", what, err)
		}
	}
	if v, err := w.Get(ctx, alice, string(c.ID)); err != nil || v.Status != pat.Disabled {
		t.Errorf("it is %s, %v", v.Status, err)
	}

	w.person(t, "alice") // back, without the right
	g, err := w.Authorize(ctx, c.Value)
	if err != nil || !slices.Equal(g.Scopes, []string{"profile"}) {
		t.Errorf("back without the right: %v, %v", g.Scopes, err)
	}
	w.clock = w.clock.Add(time.Second)
	w.person(t, "alice", "writers")
	if g, err = w.Authorize(ctx, c.Value); err != nil || len(g.Scopes) != 2 {
		t.Errorf("back with the right: %v, %v", g.Scopes, err)
	}
}

// TestAPersonWhoIsThereIsNotAbsent: who makes a request a day is never stopped,
// though it is noted at most once a day.
func TestAPersonWhoIsThereIsNotAbsent(t *testing.T) {
	w := newWorld(t)
	c := w.create(t, w.person(t, "alice"), named("ci", "profile"))
	w.decide(t, func(p *pat.Policy) { p.MaxAbsenceDays = 1 })
	session := w.session("alice")
	for range 50 {
		if _, err := w.Authorize(context.Background(), session); err != nil {
			t.Fatal(err)
		}
		w.clock = w.clock.Add(day - time.Second)
		if _, err := w.Authorize(context.Background(), c.Value); err != nil {
			t.Fatalf("a day after the last request: %v", err)
		}
	}
}

func TestReauthentication(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	alice, root := w.person(t, "alice"), w.person(t, "root", "admins")
	c := w.create(t, alice, named("ci", "profile"))
	w.decide(t, func(p *pat.Policy) { p.ReauthSeconds = 60 })
	lately := func(g pat.Grant, ago time.Duration) pat.Grant { g.AuthTime = w.clock.Add(-ago); return g }
	silent := func(g pat.Grant) pat.Grant { g.AuthTime = time.Time{}; return g }
	for name, do := range map[string]func(alice, root pat.Grant) error{
		"create": func(alice, _ pat.Grant) error {
			_, err := w.Create(ctx, alice, named(alice.AuthTime.String(), "profile"))
			return err
		},
		"rotate": func(alice, _ pat.Grant) error {
			_, err := w.Rotate(ctx, alice, string(c.ID), pat.RotateRequest{})
			return err
		},
		"read the policy": func(_, root pat.Grant) error { _, err := w.ReadPolicy(ctx, root); return err },
		"list everybody's": func(_, root pat.Grant) error {
			_, err := w.ListAll(ctx, root, pat.ListRequest{Limit: 1}, nil)
			return err
		},
	} {
		var reauth *pat.ReauthError
		if err := do(lately(alice, time.Minute), lately(root, time.Minute)); err != nil {
			t.Errorf("%s, signed in a minute ago: %v", name, err)
		}
		if err := do(lately(alice, time.Minute+1), lately(root, time.Minute+1)); !errors.As(err, &reauth) || reauth.MaxAge != time.Minute {
			t.Errorf("%s, signed in before: %v", name, err)
		}
		if err := do(silent(alice), silent(root)); !errors.As(err, &reauth) {
			t.Errorf("%s, with a session that does not say: %v", name, err)
		}
	}
	old := lately(alice, time.Hour)
	if _, err := w.Update(ctx, old, string(c.ID), pat.UpdateRequest{}); err != nil {
		t.Errorf("a change wants nobody to sign in again: %v", err)
	}
	if err := w.Revoke(ctx, old, string(c.ID)); err != nil {
		t.Errorf("nor does a revocation: %v", err)
	}
	// Who sends it must be let in by it.
	p := pat.DefaultPolicy
	p.ReauthSeconds = 70
	for name, by := range map[string]pat.Grant{"before": lately(root, 59*time.Second), "never said": silent(root)} {
		w.decide(t, func(*pat.Policy) {})
		if name == "before" {
			by = lately(root, 71*time.Second)
		}
		var invalid *pat.InvalidError
		if _, err := w.SetPolicy(ctx, by, pat.PolicyRequest{Policy: p}); !errors.As(err, &invalid) || invalid.Fields[0].Field != "reauth_seconds" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := w.SetPolicy(ctx, lately(root, time.Minute), pat.PolicyRequest{Policy: p}); err != nil {
		t.Error(err)
	}
}
