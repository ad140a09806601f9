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

func TestATokenIsGrantedWhatItsOwnerMayDoNow(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	c := w.create(t, w.person(t, "alice", "writers"), named("ci", "notes:read", "notes:write"))
	scopes := func() []string {
		g, err := w.Authorize(ctx, c.Value)
		if err != nil {
			t.Fatal(err)
		}
		return g.Scopes
	}
	if got := scopes(); !slices.Equal(got, []string{"notes:read", "notes:write"}) {
		t.Errorf("granted %v", got)
	}
	before := w.session("alice", "writers")
	w.clock = w.clock.Add(time.Minute)
	w.person(t, "alice") // the group is gone
	if got := scopes(); !slices.Equal(got, []string{"notes:read"}) {
		t.Errorf("with the group gone: granted %v", got)
	}
	g, err := w.Authorize(ctx, before) // an older session must not bring it back
	if err != nil || slices.Contains(g.Scopes, "notes:write") || slices.Contains(g.Groups, "writers") {
		t.Errorf("an older session has %v and %v, %v", g.Scopes, g.Groups, err)
	}
	if got := scopes(); !slices.Equal(got, []string{"notes:read"}) {
		t.Errorf("after an older session: granted %v", got)
	}
	w.clock = w.clock.Add(time.Minute)
	w.person(t, "alice", "writers")
	if got := scopes(); !slices.Equal(got, []string{"notes:read", "notes:write"}) {
		t.Errorf("with the group back: granted %v", got)
	}
}

func TestSessionsOfOneSecondDoNotAddToEachOther(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	admin, plain := w.session("alice", "admins", "staff"), w.session("alice", "staff")
	for _, s := range []pat.Secret{admin, plain} {
		if _, err := w.Authorize(ctx, s); err != nil {
			t.Fatal(err)
		}
	}
	g, err := w.Authorize(ctx, admin)
	if err != nil || slices.Contains(g.Groups, "admins") {
		t.Errorf("groups %v, %v", g.Groups, err)
	}
	if !slices.Contains(g.Groups, "staff") {
		t.Error("a group that no scope needs was taken away")
	}
}

func TestASessionBetweenTwoOthersBringsNothingBack(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	w.person(t, "alice")
	w.clock = w.clock.Add(time.Minute)
	between := w.session("alice", "admins")
	w.clock = w.clock.Add(time.Minute)
	w.person(t, "alice") // newer than between, with the same groups as the first
	if g, err := w.Authorize(ctx, between); err != nil || slices.Contains(g.Groups, "admins") {
		t.Errorf("groups %v, %v", g.Groups, err)
	}
}

func TestRefusedCredentials(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	alice := w.person(t, "alice")
	live := w.create(t, alice, named("live", "profile"))
	dead := w.create(t, alice, named("dead", "profile"))
	ends := w.create(t, alice, pat.CreateRequest{Name: "ends", Scopes: []string{"profile"}, Expiry: until(w.clock.Add(time.Minute))})
	ofDead, ofEnds := w.exchange(t, dead.Value, "").AccessToken, w.exchange(t, ends.Value, "").AccessToken
	if err := w.Revoke(ctx, alice, string(dead.ID)); err != nil {
		t.Fatal(err)
	}
	w.clock = w.clock.Add(time.Minute)
	other, err := pat.Mint(strings.NewReader(strings.Repeat("x", 100)), live.ID)
	if err != nil {
		t.Fatal(err)
	}
	nobody, err := pat.Mint(strings.NewReader(strings.Repeat("x", 100)), pat.NewID("zzzzz", 1))
	if err != nil {
		t.Fatal(err)
	}
	ours := pat.Claims{Issuer: ourIssuer, Subject: "alice", ExpiresAt: w.clock.Add(time.Minute), Scopes: []string{"profile"}, TokenID: live.ID, Gen: 1}
	with := func(change func(*pat.Claims)) pat.Secret { c := ours; change(&c); return w.jwts.seal(c) }
	if _, err := w.Authorize(ctx, w.jwts.seal(ours)); err != nil {
		t.Fatal("the JWT that the refused ones differ from:", err)
	}
	for name, credential := range map[string]pat.Secret{
		"nothing":                       {},
		"junk":                          pat.NewSecret("junk"),
		"a value with a wrong checksum": pat.NewSecret(live.Value.Reveal()[:57] + "~"),
		"a value of the right id, another secret":  other,
		"a value whose id is nobody's":             nobody,
		"the hash of a value":                      pat.NewSecret("counterfoil/pat/1:"),
		"a revoked token":                          dead.Value,
		"an expired token":                         ends.Value,
		"a JWT of a revoked token":                 ofDead,
		"a JWT of an expired token":                ofEnds,
		"a JWT that nobody signed":                 pat.NewSecret("a.b.c"),
		"a JWT of two dots and nothing":            pat.NewSecret(".."),
		"a JWT of a token that is not there":       with(func(c *pat.Claims) { c.TokenID = pat.NewID("zzzzz", 1) }),
		"a JWT of a later value":                   with(func(c *pat.Claims) { c.Gen = 2 }),
		"a JWT of no value":                        with(func(c *pat.Claims) { c.Gen = 0 }),
		"a JWT whose sub does not own the token":   with(func(c *pat.Claims) { c.Subject = "bob" }),
		"a JWT of a session of somebody not known": with(func(c *pat.Claims) { c.TokenID, c.Subject = "", "carol" }),
		"a megabyte":                               pat.NewSecret(strings.Repeat("a", 1<<20)),
	} {
		t.Run(name, func(t *testing.T) {
			if g, err := w.Authorize(ctx, credential); !errors.Is(err, pat.ErrUnauthorized) {
				t.Errorf("got %+v, %v", g, err)
			}
		})
	}
}

func TestJunkIsRefusedBeforeAnyRead(t *testing.T) {
	w := newWorld(t)
	f := &faulty{Store: w.store, fault: errDown}
	s := w.service(f)
	for _, junk := range []string{"", "junk", pat.Prefix, pat.Prefix + strings.Repeat("a", 52)} {
		if _, err := s.Authorize(context.Background(), pat.NewSecret(junk)); !errors.Is(err, pat.ErrUnauthorized) {
			t.Errorf("%d bytes of junk while the store is down: %v", len(junk), err)
		}
	}
}

func TestNoAnswerMeansNoAccess(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	alice := w.person(t, "alice", "writers")
	c := w.create(t, alice, named("ci", "profile"))
	f := &faulty{Store: w.store}
	s := w.service(f)
	session := w.session("alice", "writers")
	calls := map[string]func() error{
		"authorize a token":   func() error { _, err := s.Authorize(ctx, c.Value); return err },
		"authorize a session": func() error { _, err := s.Authorize(ctx, session); return err },
		"create":              func() error { _, err := s.Create(ctx, alice, named("x", "profile")); return err },
		"list":                func() error { _, err := s.List(ctx, alice, pat.ListRequest{Limit: 1}); return err },
		"get":                 func() error { _, err := s.Get(ctx, alice, string(c.ID)); return err },
		"revoke":              func() error { return s.Revoke(ctx, alice, string(c.ID)) },
		"exchange":            func() error { _, err := s.Exchange(ctx, exchangeOf(c.Value, "")); return err },
	}
	check := func(when string) {
		t.Helper()
		for name, call := range calls {
			if err := call(); !errors.Is(err, pat.ErrUnavailable) || errors.Is(err, pat.ErrUnauthorized) {
				t.Errorf("%s, %s: %v", name, when, err)
			}
		}
	}
	f.fault = errDown
	check("cold")
	f.fault = nil
	if _, err := s.Authorize(ctx, c.Value); err != nil {
		t.Fatal(err)
	}
	f.fault = errDown
	check("warm")
	f.fault = nil
	w.jwts.down = errDown
	for _, name := range []string{"authorize a session", "exchange"} {
		if err := calls[name](); !errors.Is(err, pat.ErrUnavailable) {
			t.Errorf("%s without the keys: %v", name, err)
		}
	}
}

func TestALostRightIsWrittenBeforeTheAnswer(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	w.person(t, "alice", "writers")
	f := &faulty{Store: w.store, refreshFault: errDown}
	s := w.service(f)

	w.clock = w.clock.Add(time.Minute)
	if _, err := s.Authorize(ctx, w.session("alice")); !errors.Is(err, pat.ErrUnavailable) {
		t.Errorf("a session that takes a right away, not written down: %v", err)
	}
	if _, err := s.Authorize(ctx, w.session("alice", "writers", "admins")); !errors.Is(err, pat.ErrUnavailable) {
		t.Errorf("a session that only adds, not written down: %v", err)
	}
	w.clock = w.clock.Add(25 * time.Hour)
	f.refreshFault = nil
	again := w.session("alice", "writers")
	if _, err := s.Authorize(ctx, again); err != nil {
		t.Fatal(err)
	}
	w.clock = w.clock.Add(25 * time.Hour)
	f.refreshFault = errDown
	tried := f.refreshes
	if _, err := s.Authorize(ctx, again); err != nil || f.refreshes != tried+1 {
		t.Errorf("only the time of the last sight is lost: %v, tried %d times", err, f.refreshes-tried)
	}
}

func TestAGuestWritesNothing(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	guest := w.service(w.store)
	guest.Guest = true
	if _, err := guest.Authorize(ctx, w.session("alice", "writers")); err != nil {
		t.Fatal(err)
	}
	if _, err := w.store.Slot(ctx, pat.Person{Issuer: peopleIssuer, Subject: "alice"}); !errors.Is(err, pat.ErrNotFound) {
		t.Errorf("a guest enrolled somebody: %v", err)
	}
	c := w.create(t, w.person(t, "alice", "writers"), named("ci", "notes:write"))
	w.clock = w.clock.Add(time.Minute)
	g, err := guest.Authorize(ctx, w.session("alice"))
	if err != nil || len(g.Groups) != 0 {
		t.Errorf("guest: groups %v, %v", g.Groups, err)
	}
	if g, err := w.Authorize(ctx, c.Value); err != nil || !slices.Contains(g.Scopes, "notes:write") {
		t.Errorf("a session shown to a guest changed %v, %v", g.Scopes, err)
	}
}

func TestSettingsAreAtMostThirtySecondsOld(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	c := w.create(t, w.person(t, "alice"), named("ci", "notes:read", "profile"))
	scopes := func() string {
		g, err := w.Authorize(ctx, c.Value)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(g.Scopes, " ")
	}
	scopes()
	if err := w.store.Publish(ctx, publishedKeys, catalogue[:1]); err != nil {
		t.Fatal(err)
	}
	w.clock = w.clock.Add(pat.SettingsAge)
	if got := scopes(); got != "profile" {
		t.Errorf("after %v: %q", pat.SettingsAge, got)
	}
	g, err := w.Get(ctx, w.person(t, "alice"), string(c.ID))
	if err != nil || len(g.Scopes) != 2 {
		t.Errorf("a scope that left the catalogue is still shown: %v, %v", g.Scopes, err)
	}
}

func TestNetworks(t *testing.T) {
	g := pat.Grant{AllowedCIDRs: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")}}
	for addr, inside := range map[string]bool{
		"192.0.2.0": true, "192.0.2.255": true, "::ffff:192.0.2.7": true, "2001:db8::1": true, "2001:db8::1%eth0": true,
		"192.0.3.0": false, "::ffff:192.0.3.0": false, "2001:db9::1": false, "::192.0.2.1": false,
	} {
		if err := g.Within(netip.MustParseAddr(addr)); (err == nil) != inside || err != nil && !errors.Is(err, pat.ErrForbidden) {
			t.Errorf("%s: %v, want inside %v", addr, err, inside)
		}
	}
	if err := g.Within(netip.Addr{}); !errors.Is(err, pat.ErrForbidden) {
		t.Errorf("an unknown address: %v", err)
	}
	if err := (pat.Grant{}).Within(netip.Addr{}); err != nil {
		t.Errorf("without networks: %v", err)
	}
}

func TestWhoami(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	alice := w.person(t, "alice", "writers")
	if me, err := w.Whoami(ctx, alice, netip.Addr{}); err != nil || me.Kind != pat.KindPerson || me.TokenName != "" {
		t.Errorf("a session: %+v, %v", me, err)
	}
	inside := netip.MustParseAddr("192.0.2.9")
	c := w.create(t, alice, pat.CreateRequest{Name: "ci", Scopes: []string{"notes:read", "notes:write"}, AllowedCIDRs: []string{"192.0.2.0/24"}})
	token, err := w.Authorize(ctx, c.Value)
	if err != nil {
		t.Fatal(err)
	}
	x := exchangeOf(c.Value, "notes:read")
	x.Address = inside
	jwt, err := w.Exchange(ctx, x)
	if err != nil {
		t.Fatal(err)
	}
	exchanged, err := w.Authorize(ctx, jwt.AccessToken)
	if err != nil {
		t.Fatal(err)
	}
	me, err := w.Whoami(ctx, token, inside)
	if err != nil || me.Kind != pat.KindPAT || me.TokenName != "ci" || len(me.Scopes) != 2 || !me.ExpiresAt.IsZero() {
		t.Errorf("a token: %+v, %v", me, err)
	}
	me, err = w.Whoami(ctx, exchanged, inside)
	if err != nil || me.Kind != pat.KindExchanged || me.TokenName != "ci" || !slices.Equal(me.Scopes, []string{"notes:read"}) ||
		!me.ExpiresAt.Equal(w.clock.Add(pat.DefaultLifetime)) {
		t.Errorf("a JWT: %+v, %v", me, err)
	}
	for _, g := range []pat.Grant{token, exchanged} {
		if _, err := w.Whoami(ctx, g, netip.MustParseAddr("198.51.100.1")); !errors.Is(err, pat.ErrForbidden) {
			t.Errorf("%s from outside: %v", g.Kind, err)
		}
	}
	if err := w.Revoke(ctx, alice, string(c.ID)); err != nil {
		t.Fatal(err)
	}
	for _, g := range []pat.Grant{token, exchanged} {
		if _, err := w.Whoami(ctx, g, inside); !errors.Is(err, pat.ErrUnauthorized) {
			t.Errorf("%s, revoked behind the authorizer: %v", g.Kind, err)
		}
	}
}

// TestASessionNotWrittenDownIsNotAnswered: a session that adds one group and
// has lost another must be written, or one issued before it brings that back.
func TestASessionNotWrittenDownIsNotAnswered(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	w.person(t, "alice")
	w.clock = w.clock.Add(time.Minute)
	demoted := w.session("alice", "admins")
	w.clock = w.clock.Add(time.Minute)
	newest := w.session("alice", "writers")
	f := &faulty{Store: w.store, refreshFault: errDown}
	s := w.service(f)
	if g, err := s.Authorize(ctx, newest); !errors.Is(err, pat.ErrUnavailable) {
		t.Errorf("not written down: %v, %v", g.Groups, err)
	}
	f.refreshFault = nil
	if _, err := s.Authorize(ctx, newest); err != nil {
		t.Fatal(err)
	}
	if g, err := s.Authorize(ctx, demoted); err != nil || slices.Contains(g.Groups, "admins") {
		t.Errorf("the session before has %v, %v", g.Groups, err)
	}
}

// TestAnAbsenceThatCannotBeIsAFault: settings that were never published, and a
// slot without its owner, are no answers about the credential.
func TestAnAbsenceThatCannotBeIsAFault(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	alice := w.person(t, "alice", "writers")
	c := w.create(t, alice, named("ci", "profile"))
	ofSession := w.exchange(t, w.session("alice", "writers"), "").AccessToken
	guest := func(s pat.Store) *pat.Service { g := w.service(s); g.Guest = true; return g }
	for name, s := range map[string]*pat.Service{
		"no settings":            w.service(&hollow{Store: w.store, noSettings: true}),
		"no owner":               w.service(&hollow{Store: w.store, noOwner: true}),
		"no owner, for a guest":  guest(&hollow{Store: w.store, noOwner: true}),
		"no settings, for guest": guest(&hollow{Store: w.store, noSettings: true}),
	} {
		for what, credential := range map[string]pat.Secret{"a session": w.session("alice", "writers", "admins"), "a JWT of a session": ofSession, "a token": c.Value} {
			if what == "a token" && strings.HasPrefix(name, "no owner") {
				continue // Look brings the owner itself
			}
			g, err := s.Authorize(ctx, credential)
			if !errors.Is(err, pat.ErrUnavailable) || errors.Is(err, pat.ErrNotFound) || errors.Is(err, pat.ErrUnauthorized) {
				t.Errorf("%s, %s: %v, %v", what, name, g.Groups, err)
			}
		}
	}
	if _, err := w.service(&hollow{Store: w.store, noSettings: true}).Discover(ctx); !errors.Is(err, pat.ErrUnavailable) || errors.Is(err, pat.ErrNotFound) {
		t.Errorf("discovery without settings: %v", err)
	}
}

// hollow is a store in which something is missing that must be there.
type hollow struct {
	pat.Store
	noSettings, noOwner bool
}

func (h *hollow) Settings(ctx context.Context) (pat.Settings, error) {
	if h.noSettings {
		return pat.Settings{}, pat.ErrNotFound
	}
	return h.Store.Settings(ctx)
}

func (h *hollow) Owner(ctx context.Context, s pat.Slot) (pat.Owner, error) {
	if h.noOwner {
		return pat.Owner{}, pat.ErrNotFound
	}
	return h.Store.Owner(ctx, s)
}
