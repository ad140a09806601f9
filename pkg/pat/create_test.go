package pat_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

func TestCreateKeepsWhatWasAsked(t *testing.T) {
	w := newWorld(t)
	alice := w.person(t, "alice", "writers")
	end := w.clock.Add(48*time.Hour + 500*time.Millisecond)
	c := w.create(t, alice, pat.CreateRequest{
		Name: "  nightly build ", Description: "what it is for",
		Scopes: []string{"notes:write", "profile"}, Expiry: until(end.In(time.FixedZone("", 3600))),
		AllowedCIDRs: []string{"192.0.2.0/24", "2001:db8::/32"},
	})
	got, err := w.Get(context.Background(), alice, string(c.ID))
	if err != nil {
		t.Fatal(err)
	}
	if got.Name != "nightly build" || got.Description != "what it is for" || got.Owner != "alice" ||
		!slices.Equal(got.Scopes, []string{"notes:write", "profile"}) || got.Status != pat.Active ||
		!got.CreatedAt.Equal(w.clock) || !got.ExpiresAt.Equal(end.Truncate(time.Second)) ||
		fmt.Sprint(got.AllowedCIDRs) != "[192.0.2.0/24 2001:db8::/32]" {
		t.Errorf("got %+v", got)
	}
	if !got.RevokedAt.IsZero() || !got.EndsAt.Equal(got.ExpiresAt) {
		t.Errorf("ends %v, revoked %v", got.EndsAt, got.RevokedAt)
	}
}

func TestCreateRefusesFields(t *testing.T) {
	w := newWorld(t)
	alice := w.person(t, "alice", "writers", "admins")
	many := make([]string, 33)
	for i := range many {
		many[i] = fmt.Sprint("scope", i)
	}
	base := named("ok", "profile")
	for name, c := range map[string]struct {
		change func(*pat.CreateRequest)
		fields string
	}{
		"an empty name":                        {func(r *pat.CreateRequest) { r.Name = "" }, "name"},
		"a name of blanks":                     {func(r *pat.CreateRequest) { r.Name = " \t\u00a0" }, "name"},
		"a name of 81 characters":              {func(r *pat.CreateRequest) { r.Name = strings.Repeat("é", 81) }, "name"},
		"a line end in a name":                 {func(r *pat.CreateRequest) { r.Name = "a\nb" }, "name"},
		"a NUL in a name":                      {func(r *pat.CreateRequest) { r.Name = "a\x00b" }, "name"},
		"a zero width space in a name":         {func(r *pat.CreateRequest) { r.Name = "a\u200bb" }, "name"},
		"a right-to-left override":             {func(r *pat.CreateRequest) { r.Name = "a\u202eb" }, "name"},
		"a byte order mark":                    {func(r *pat.CreateRequest) { r.Name = "\ufeffab" }, "name"},
		"a soft hyphen":                        {func(r *pat.CreateRequest) { r.Name = "a\u00adb" }, "name"},
		"a Hangul filler":                      {func(r *pat.CreateRequest) { r.Name = "a\u3164b" }, "name"},
		"a braille blank":                      {func(r *pat.CreateRequest) { r.Name = "a\u2800b" }, "name"},
		"a tag character":                      {func(r *pat.CreateRequest) { r.Name = "a\U000e0061b" }, "name"},
		"a variation selector":                 {func(r *pat.CreateRequest) { r.Name = "a\ufe0fb" }, "name"},
		"a blank that does not break":          {func(r *pat.CreateRequest) { r.Name = "a\u00a0b" }, "name"},
		"the zero of Go and a bit, for an end": {func(r *pat.CreateRequest) { r.Expiry = until(time.Time{}.Add(time.Second / 2)) }, "expires_at"},
		"a line separator":                     {func(r *pat.CreateRequest) { r.Name = "a\u2028b" }, "name"},
		"a private use character":              {func(r *pat.CreateRequest) { r.Name = "a\ue000b" }, "name"},
		"a character that nobody assigned":     {func(r *pat.CreateRequest) { r.Name = "a\u0378b" }, "name"},
		"invalid UTF-8 in a name":              {func(r *pat.CreateRequest) { r.Name = "a\xffb" }, "name"},
		"a description of 501 characters":      {func(r *pat.CreateRequest) { r.Description = strings.Repeat("d", 501) }, "description"},
		"no scopes":                            {func(r *pat.CreateRequest) { r.Scopes = nil }, "scopes"},
		"33 scopes":                            {func(r *pat.CreateRequest) { r.Scopes = many }, "scopes"},
		"an unknown scope":                     {func(r *pat.CreateRequest) { r.Scopes = []string{"nothing"} }, "scopes"},
		"a scope in capitals":                  {func(r *pat.CreateRequest) { r.Scopes = []string{"Profile"} }, "scopes"},
		"a scope twice":                        {func(r *pat.CreateRequest) { r.Scopes = []string{"profile", "profile"} }, "scopes"},
		"a retired scope":                      {func(r *pat.CreateRequest) { r.Scopes = []string{"notes:burn"} }, "scopes"},
		"an end in 59 seconds":                 {func(r *pat.CreateRequest) { r.Expiry = until(w.clock.Add(59 * time.Second)) }, "expires_at"},
		"an end in the past":                   {func(r *pat.CreateRequest) { r.Expiry = until(w.clock.Add(-time.Hour)) }, "expires_at"},
		"an end after the year 9999":           {func(r *pat.CreateRequest) { r.Expiry = until(time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)) }, "expires_at"},
		"17 networks":                          {func(r *pat.CreateRequest) { r.AllowedCIDRs = make([]string, 17) }, "allowed_cidrs"},
		"a network with host bits":             {func(r *pat.CreateRequest) { r.AllowedCIDRs = []string{"192.0.2.1/24"} }, "allowed_cidrs"},
		"an address that is no network":        {func(r *pat.CreateRequest) { r.AllowedCIDRs = []string{"192.0.2.1"} }, "allowed_cidrs"},
		"a network twice":                      {func(r *pat.CreateRequest) { r.AllowedCIDRs = []string{"192.0.2.0/24", "192.0.2.0/24"} }, "allowed_cidrs"},
		"an IPv4 network written as IPv6":      {func(r *pat.CreateRequest) { r.AllowedCIDRs = []string{"::ffff:192.0.2.0/120"} }, "allowed_cidrs"},
		"a network with a zone":                {func(r *pat.CreateRequest) { r.AllowedCIDRs = []string{"fe80::%eth0/64"} }, "allowed_cidrs"},
		"everything wrong at once": {func(r *pat.CreateRequest) {
			*r = pat.CreateRequest{Expiry: until(w.clock), AllowedCIDRs: []string{"x"}}
		}, "allowed_cidrs expires_at name scopes"},
		"what the door found, with the rest":    {func(r *pat.CreateRequest) { r.Bad.Add("colour", "is not a field"); r.Name = "" }, "colour name"},
		"what the door found is told only once": {func(r *pat.CreateRequest) { r.Bad.Add("name", "must be a string"); r.Name = "" }, "name"},
	} {
		t.Run(name, func(t *testing.T) {
			req := base
			c.change(&req)
			_, err := w.Create(context.Background(), alice, req)
			var invalid *pat.InvalidError
			if !errors.As(err, &invalid) {
				t.Fatalf("got %v, want an InvalidError", err)
			}
			var fields []string
			for _, f := range invalid.Fields {
				fields = append(fields, f.Field)
				if f.Message == "" {
					t.Errorf("nothing said about %s", f.Field)
				}
			}
			slices.Sort(fields)
			if got := strings.Join(slices.Compact(fields), " "); got != c.fields {
				t.Errorf("fields %q, want %q", got, c.fields)
			}
		})
	}
	page, err := w.List(context.Background(), alice, pat.ListRequest{Limit: 10})
	if err != nil || len(page.Tokens) != 0 {
		t.Errorf("refused requests left %d tokens, %v", len(page.Tokens), err)
	}
}

func TestCreateTakesFieldsAtTheirBounds(t *testing.T) {
	w := newWorld(t)
	alice := w.person(t, "alice", "writers")
	for name, req := range map[string]pat.CreateRequest{
		"a name of 80 characters":         {Name: strings.Repeat("é", 80), Scopes: []string{"profile"}},
		"a name in Japanese":              named("夜間ビルド", "profile"),
		"a name with inner blanks":        named("nightly  build x", "profile"),
		"a description of 500 characters": {Name: "d", Description: strings.Repeat("é", 500), Scopes: []string{"profile"}},
		"an end in a minute":              {Name: "m", Scopes: []string{"profile"}, Expiry: until(w.clock.Add(time.Minute))},
		"no end, said so":                 {Name: "n", Scopes: []string{"profile"}, Expiry: until(time.Time{})},
		"every network":                   {Name: "e", Scopes: []string{"profile"}, AllowedCIDRs: []string{"0.0.0.0/0", "::/0"}},
		"a single address":                {Name: "s", Scopes: []string{"profile"}, AllowedCIDRs: []string{"192.0.2.1/32"}},
	} {
		t.Run(name, func(t *testing.T) { w.create(t, alice, req) })
	}
}

func TestNamesAreUniqueAsPeopleReadThem(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.person(t, "alice"), w.person(t, "bob")
	w.create(t, alice, named("Café au lait", "profile"))
	for _, same := range []string{"Café au lait", "CAFÉ AU LAIT", "Cafe\u0301 au lait", "  café au lait "} {
		if _, err := w.Create(context.Background(), alice, named(same, "profile")); !errors.Is(err, pat.ErrNameTaken) {
			t.Errorf("%q beside its like: %v", same, err)
		}
	}
	w.create(t, alice, named("Cafe au lait", "profile"))
	w.create(t, alice, named("\u0390abc", "profile"))
	if _, err := w.Create(context.Background(), alice, named("\u0399\u0308\u0301ABC", "profile")); !errors.Is(err, pat.ErrNameTaken) {
		t.Errorf("a letter that folds to three beside those in capitals: %v", err)
	}
	w.create(t, alice, named("\u13f0", "profile"))
	if _, err := w.Create(context.Background(), alice, named("\u13f8", "profile")); !errors.Is(err, pat.ErrNameTaken) {
		t.Errorf("the other Cherokee block: %v", err)
	}
	w.create(t, alice, named("\u13a0", "profile"))
	if _, err := w.Create(context.Background(), alice, named("\uab70", "profile")); !errors.Is(err, pat.ErrNameTaken) {
		t.Errorf("a Cherokee letter beside its small one: %v", err)
	}
	w.create(t, alice, named("Straße", "profile"))
	if _, err := w.Create(context.Background(), alice, named("STRASSE", "profile")); !errors.Is(err, pat.ErrNameTaken) {
		t.Errorf("STRASSE beside Straße: %v", err)
	}
	w.create(t, bob, named("Café au lait", "profile"))
}

func TestANameIsFreeAgain(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	alice := w.person(t, "alice")
	first := w.create(t, alice, named("ci", "profile"))
	if err := w.Revoke(ctx, alice, string(first.ID)); err != nil {
		t.Fatal(err)
	}
	second := w.create(t, alice, pat.CreateRequest{Name: "ci", Scopes: []string{"profile"}, Expiry: until(w.clock.Add(time.Hour))})
	w.clock = w.clock.Add(time.Hour - time.Second)
	if _, err := w.Create(ctx, alice, named("ci", "profile")); !errors.Is(err, pat.ErrNameTaken) {
		t.Errorf("a second before the holder's end: %v", err)
	}
	w.clock = w.clock.Add(time.Second)
	third := w.create(t, alice, named("ci", "profile"))
	// The expired token no longer holds the name: revoking it must not free it.
	if err := w.Revoke(ctx, alice, string(second.ID)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Create(ctx, alice, named("ci", "profile")); !errors.Is(err, pat.ErrNameTaken) {
		t.Errorf("after revoking the holder before: %v", err)
	}
	if err := w.Revoke(ctx, alice, string(third.ID)); err != nil {
		t.Fatal(err)
	}
	w.create(t, alice, named("ci", "profile"))
}

func TestTheCapCountsWhatHoldsAPlace(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	alice := w.person(t, "alice")
	var ids []string
	for i := range 50 {
		req := named(fmt.Sprint("t", i), "profile")
		if i < 3 {
			req.Expiry = until(w.clock.Add(time.Hour))
		}
		ids = append(ids, string(w.create(t, alice, req).ID))
	}
	full := func(name string, want error) {
		t.Helper()
		if _, err := w.Create(ctx, alice, named(name, "profile")); !errors.Is(err, want) {
			t.Errorf("creating %q: %v, want %v", name, err, want)
		}
	}
	full("one more", pat.ErrTokenLimit)
	full("T7", pat.ErrNameTaken) // before the cap
	if err := w.Revoke(ctx, alice, ids[10]); err != nil {
		t.Fatal(err)
	}
	if err := w.Revoke(ctx, alice, ids[10]); err != nil {
		t.Fatal("revoking again:", err)
	}
	w.create(t, alice, named("in its place", "profile"))
	full("one more", pat.ErrTokenLimit)

	w.clock = w.clock.Add(2 * time.Hour) // three are past their own end
	alice = w.person(t, "alice")
	for i := range 3 {
		w.create(t, alice, named(fmt.Sprint("after expiry ", i), "profile"))
	}
	full("one more", pat.ErrTokenLimit)
	// Those three were counted out: revoking one must not count it out again.
	if err := w.Revoke(ctx, alice, ids[0]); err != nil {
		t.Fatal(err)
	}
	full("one more", pat.ErrTokenLimit)
	w.create(t, w.person(t, "bob"), named("bob has a cap of his own", "profile"))
}

func TestAPersonGrantsOnlyWhatTheyHave(t *testing.T) {
	w := newWorld(t)
	var scope *pat.ScopeError
	_, err := w.Create(context.Background(), w.person(t, "alice"), named("x", "profile", "notes:write", "introspect"))
	if !errors.As(err, &scope) || strings.Join(scope.Missing, " ") != "notes:write introspect" {
		t.Errorf("got %v", err)
	}
	// A session that was demoted meanwhile, in the hands of a function that
	// got its grant before.
	old := w.person(t, "bob", "writers")
	w.clock = w.clock.Add(time.Minute)
	w.person(t, "bob")
	if _, err := w.Create(context.Background(), old, named("x", "notes:write")); !errors.As(err, &scope) {
		t.Errorf("a right lost meanwhile was granted: %v", err)
	}
}

func TestOnlySessionsManageTokens(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	alice := w.person(t, "alice")
	c := w.create(t, alice, named("ci", "profile"))
	token, err := w.Authorize(ctx, c.Value)
	if err != nil {
		t.Fatal(err)
	}
	exchanged, err := w.Authorize(ctx, w.exchange(t, c.Value, "").AccessToken)
	if err != nil {
		t.Fatal(err)
	}
	ofSession, err := w.Authorize(ctx, w.exchange(t, w.session("alice"), "").AccessToken)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range []pat.Grant{token, exchanged, ofSession, {}} {
		calls := map[string]func() error{
			"create": func() error { _, err := w.Create(ctx, g, named("x", "profile")); return err },
			"list":   func() error { _, err := w.List(ctx, g, pat.ListRequest{Limit: 1}); return err },
			"get":    func() error { _, err := w.Get(ctx, g, string(c.ID)); return err },
			"revoke": func() error { return w.Revoke(ctx, g, string(c.ID)) },
			"scopes": func() error { _, err := w.Scopes(ctx, g); return err },
		}
		for verb, call := range calls {
			if err := call(); !errors.Is(err, pat.ErrForbidden) {
				t.Errorf("%s by kind %q: %v", verb, g.Kind, err)
			}
		}
	}
	if _, err := w.Authorize(ctx, c.Value); err != nil {
		t.Errorf("the token that should not have been revoked: %v", err)
	}
}

// TestTheCapHoldsWhereClocksDiffer: one function counts an expired token out,
// and another, whose clock is behind, revokes it.
func TestTheCapHoldsWhereClocksDiffer(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	alice := w.person(t, "alice")
	end := w.clock.Add(time.Hour)
	ending := w.create(t, alice, pat.CreateRequest{Name: "ending", Scopes: []string{"profile"}, Expiry: until(end)})
	for i := range 49 {
		w.create(t, alice, named(fmt.Sprint("t", i), "profile"))
	}
	w.clock = end
	alice = w.person(t, "alice")
	w.create(t, alice, named("in its place", "profile"))

	w.clock = end.Add(-30 * time.Second)
	if err := w.Revoke(ctx, alice, string(ending.ID)); err != nil {
		t.Fatal(err)
	}
	w.clock = end.Add(time.Minute)
	if _, err := w.Create(ctx, alice, named("one more", "profile")); !errors.Is(err, pat.ErrTokenLimit) {
		t.Errorf("the cap of 50 has room for one more: %v", err)
	}
}

// TestAFullCounterIsCountedOverManyPages: more dead tokens than a page holds
// lie between the living ones.
func TestAFullCounterIsCountedOverManyPages(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	alice := w.person(t, "alice")
	w.create(t, alice, named("the oldest", "profile"))
	for i := range 130 {
		c := w.create(t, alice, named(fmt.Sprint("dead", i), "profile"))
		if err := w.Revoke(ctx, alice, string(c.ID)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 49 {
		w.create(t, alice, named(fmt.Sprint("t", i), "profile"))
	}
	for name, want := range map[string]error{"one more": pat.ErrTokenLimit, "THE OLDEST": pat.ErrNameTaken} {
		if _, err := w.Create(ctx, alice, named(name, "profile")); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
}
