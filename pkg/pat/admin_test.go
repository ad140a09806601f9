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

// adminVerbs does everything that administrators alone may, about alice.
func adminVerbs(s *pat.Service, id pat.ID) map[string]func(by pat.Grant) error {
	ctx := context.Background()
	return map[string]func(by pat.Grant) error{
		"read the policy": func(by pat.Grant) error { _, err := s.ReadPolicy(ctx, by); return err },
		"set the policy": func(by pat.Grant) error {
			_, err := s.SetPolicy(ctx, by, pat.PolicyRequest{Policy: pat.DefaultPolicy})
			return err
		},
		"preview": func(by pat.Grant) error {
			_, err := s.PreviewPolicy(ctx, by, pat.PolicyRequest{Policy: pat.DefaultPolicy})
			return err
		},
		"list everybody's": func(by pat.Grant) error {
			_, err := s.ListAll(ctx, by, pat.ListRequest{Limit: 5}, nil)
			return err
		},
		"list one's": func(by pat.Grant) error {
			_, err := s.ListAll(ctx, by, pat.ListRequest{Limit: 5}, new("alice"))
			return err
		},
		"get anybody's": func(by pat.Grant) error { _, err := s.GetAny(ctx, by, string(id)); return err },
		"read the trail": func(by pat.Grant) error {
			_, err := s.TrailAll(ctx, by, pat.TrailRequest{Limit: 5}, nil)
			return err
		},
		"see a person": func(by pat.Grant) error {
			_, err := s.People(ctx, by, "alice", pat.InvalidError{})
			return err
		},
		"disable": func(by pat.Grant) error {
			_, err := s.Disable(ctx, by, "nobody", true, pat.InvalidError{})
			return err
		},
		"revoke all": func(by pat.Grant) error {
			_, err := s.RevokeAll(ctx, by, "nobody", pat.InvalidError{})
			return err
		},
		"revoke anybody's": func(by pat.Grant) error { return s.RevokeAny(ctx, by, string(id)) },
	}
}

func TestOnlyAdministratorsAdminister(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	alice, root := w.person(t, "alice", "users"), w.person(t, "root", "admins")
	c := w.create(t, alice, named("ci", "profile"))
	admins := w.create(t, root, named("ci", "profile", "introspect"))
	granted := func(credential pat.Secret) pat.Grant {
		t.Helper()
		g, err := w.Authorize(ctx, credential)
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	demoted := w.person(t, "dave", "admins")
	oldSession := w.session("dave", "admins")
	w.clock = w.clock.Add(time.Second)
	w.person(t, "dave", "users")
	out := w.person(t, "erin", "admins")
	if _, err := w.Service.Disable(ctx, root, "erin", true, pat.InvalidError{}); err != nil {
		t.Fatal(err)
	}
	withGroups := func(g pat.Grant) pat.Grant { g.Groups = []string{"admins"}; return g }
	verbs := adminVerbs(w.Service, c.ID)
	for who, by := range map[string]pat.Grant{
		"nobody":                              {},
		"a person":                            alice,
		"a token":                             granted(c.Value),
		"an administrator's token":            granted(admins.Value),
		"a token that says it has the group":  withGroups(granted(admins.Value)),
		"a JWT of their token":                withGroups(granted(w.exchange(t, admins.Value, "").AccessToken)),
		"a JWT of their session":              withGroups(granted(w.exchange(t, w.session("root", "admins"), "").AccessToken)),
		"a person whose group was taken":      granted(oldSession),
		"one whom the authorizer saw before":  demoted,
		"a disabled one that it saw before":   out,
		"one of a group with a similar name":  w.person(t, "frank", "Admins", "admins ", "admin"),
		"a session with a group of no letter": w.person(t, "grace", ""),
	} {
		for what, do := range verbs {
			if err := do(by); !errors.Is(err, pat.ErrForbidden) {
				t.Errorf("%s may %s: %v", who, what, err)
			}
		}
	}
	if _, err := w.Authorize(ctx, c.Value); err != nil {
		t.Errorf("a refusal did something: %v", err)
	}
	if p, err := w.People(ctx, root, "nobody", pat.InvalidError{}); err != nil || p.Disabled {
		t.Errorf("a refusal disabled somebody: %+v, %v", p, err)
	}
	for what, do := range verbs {
		if what == "revoke anybody's" {
			continue // last
		}
		if err := do(root); err != nil {
			t.Errorf("an administrator, %s: %v", what, err)
		}
	}
	if err := verbs["revoke anybody's"](root); err != nil {
		t.Error(err)
	}

	// Where no group is the administrators', nobody is one.
	w.AdminGroup = ""
	for what, do := range verbs {
		for _, by := range []pat.Grant{root, w.person(t, "grace", "")} {
			if err := do(by); !errors.Is(err, pat.ErrForbidden) {
				t.Errorf("without administrators somebody may %s: %v", what, err)
			}
		}
	}
}

func TestAdministratorsNeedTheStore(t *testing.T) {
	w := newWorld(t)
	alice, root := w.person(t, "alice"), w.person(t, "root", "admins")
	c := w.create(t, alice, named("ci", "profile"))
	s := w.service(&cut{Store: w.store, at: 1})
	for what, do := range adminVerbs(s, c.ID) {
		if err := do(root); !errors.Is(err, pat.ErrUnavailable) {
			t.Errorf("%s without a store: %v", what, err)
		}
	}
}

func TestDisabling(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	root := w.person(t, "root", "admins")
	session := w.session("alice", "writers")
	alice := w.person(t, "alice", "writers")
	c := w.create(t, alice, named("ci", "profile", "notes:write"))
	jwt, ofSession := w.exchange(t, c.Value, "").AccessToken, w.exchange(t, session, "").AccessToken
	bobs := w.create(t, w.person(t, "bob"), named("agent", "profile"))
	withActor := func(subject, actor pat.Secret) pat.Secret {
		t.Helper()
		req := exchangeOf(subject, "profile")
		req.ActorToken, req.ActorTokenType = actor, pat.AccessTokenType
		x, err := w.Exchange(ctx, req)
		if err != nil {
			t.Fatal(err)
		}
		return x.AccessToken
	}
	asActor, asActorOfSession := withActor(bobs.Value, c.Value), withActor(bobs.Value, session)
	elsewhere := w.service(w.store) // an API of somebody else's
	elsewhere.Guest = true

	dead := map[string]pat.Secret{
		"token": c.Value, "JWT of a token": jwt, "JWT of a session": ofSession,
		"JWT with them as actor": asActor, "JWT with their session as actor": asActorOfSession,
	}
	check := func(when string, disabled bool) {
		t.Helper()
		for _, s := range []*pat.Service{w.Service, elsewhere} {
			for what, credential := range dead {
				if _, err := s.Authorize(ctx, credential); errors.Is(err, pat.ErrUnauthorized) != disabled || !disabled && err != nil {
					t.Errorf("%s: a %s: %v", when, what, err)
				}
			}
			if g, err := s.Authorize(ctx, session); errors.Is(err, pat.ErrForbidden) != disabled || !disabled && err != nil || g.Person.Subject != "alice" || disabled && len(g.Scopes) > 0 {
				t.Errorf("%s: a session: %+v, %v", when, g, err)
			}
			if _, err := s.Authorize(ctx, bobs.Value); err != nil {
				t.Errorf("%s: somebody else's token: %v", when, err)
			}
		}
		// What the authorizer let through a moment before.
		for what, do := range map[string]func() error{
			"create": func() error {
				_, err := w.Create(ctx, alice, named(when, "profile"))
				return err
			},
			"list":   func() error { _, err := w.List(ctx, alice, pat.ListRequest{Limit: 5}); return err },
			"get":    func() error { _, err := w.Get(ctx, alice, string(c.ID)); return err },
			"update": func() error { _, err := w.Update(ctx, alice, string(c.ID), pat.UpdateRequest{}); return err },
		} {
			if err := do(); errors.Is(err, pat.ErrForbidden) != disabled || !disabled && err != nil {
				t.Errorf("%s: %s: %v", when, what, err)
			}
		}
		for what, credential := range map[string]pat.Secret{"token": c.Value, "session": session} {
			in, err := elsewhere.Introspect(ctx, pat.Grant{Kind: pat.KindPerson, Scopes: []string{"introspect"}}, netip.Addr{}, credential, netip.Addr{})
			if err != nil || (in == nil) != disabled {
				t.Errorf("%s: introspection of a %s: %+v, %v", when, what, in, err)
			}
			if _, err := w.Exchange(ctx, exchangeOf(credential, "")); (err != nil) != disabled {
				t.Errorf("%s: exchange of a %s: %v", when, what, err)
			}
		}
	}
	set := func(sub string, disabled bool) pat.Profile {
		t.Helper()
		p, err := w.Disable(ctx, root, sub, disabled, pat.InvalidError{})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	check("before", false)
	if p := set("alice", true); !p.Disabled || p.Active != 0 || p.Subject != "alice" {
		t.Errorf("disabled: %+v", p)
	}
	check("disabled", true)
	if v, err := w.GetAny(ctx, root, string(c.ID)); err != nil || v.Status != pat.Disabled {
		t.Errorf("it is %s, %v", v.Status, err)
	}
	set("alice", true) // again
	check("disabled twice", true)
	// A new session changes nothing, and neither does the value's holder.
	w.clock = w.clock.Add(time.Second)
	if _, err := w.Authorize(ctx, w.session("alice", "writers")); !errors.Is(err, pat.ErrForbidden) {
		t.Errorf("a new session: %v", err)
	}
	session = w.session("alice", "writers")
	if p := set("alice", false); p.Disabled || p.Active != 2 {
		t.Errorf("enabled: %+v", p)
	}
	check("enabled", false)

	// Whoever finds a value may revoke it, whoever owns it.
	set("alice", true)
	if err := w.Revocation(ctx, c.Value); err != nil {
		t.Fatal(err)
	}
	set("alice", false)
	if _, err := w.Authorize(ctx, c.Value); !errors.Is(err, pat.ErrUnauthorized) {
		t.Errorf("a disabled person's token that was revoked: %v", err)
	}
}

func TestDisablingSomebodyNotSeenYet(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	root := w.person(t, "root", "admins")
	const sub = "auth0|zoë/1"
	none := pat.Profile{Subject: sub, Groups: []string{}}
	people := func() pat.Profile {
		t.Helper()
		p, err := w.People(ctx, root, sub, pat.InvalidError{})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	if p := people(); fmt.Sprint(p) != fmt.Sprint(none) {
		t.Errorf("not seen: %+v", p)
	}
	if p, err := w.Disable(ctx, root, sub, false, pat.InvalidError{}); err != nil || fmt.Sprint(p) != fmt.Sprint(none) {
		t.Errorf("enabled: %+v, %v", p, err)
	}
	if n, err := w.RevokeAll(ctx, root, sub, pat.InvalidError{}); err != nil || n != 0 {
		t.Errorf("revoke all of nobody: %d, %v", n, err)
	}
	if p, err := w.Disable(ctx, root, sub, true, pat.InvalidError{}); err != nil || !p.Disabled || !p.SeenAt.IsZero() {
		t.Errorf("disabled: %+v, %v", p, err)
	}
	if _, err := w.Authorize(ctx, w.session(sub, "writers")); !errors.Is(err, pat.ErrForbidden) {
		t.Errorf("their first session: %v", err)
	}
	if _, err := w.Disable(ctx, root, sub, false, pat.InvalidError{}); err != nil {
		t.Fatal(err)
	}
	g := w.person(t, sub, "writers", "users")
	if p := people(); p.Disabled || !slices.Equal(p.Groups, []string{"writers"}) || !p.SeenAt.Equal(w.clock) {
		t.Errorf("enabled and seen: %+v", p)
	}
	w.create(t, g, named("ci", "notes:write"))
	if p := people(); p.Active != 1 {
		t.Errorf("with a token: %+v", p)
	}
}

func TestAdministratorsCannotDisableThemselves(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	root := w.person(t, "root", "admins")
	if _, err := w.Disable(ctx, root, "root", true, pat.InvalidError{}); !errors.Is(err, pat.ErrConflict) {
		t.Errorf("disable: %v", err)
	}
	if _, err := w.Disable(ctx, root, "root", false, pat.InvalidError{}); err != nil {
		t.Errorf("enable: %v", err)
	}
	for _, sub := range []string{"", strings.Repeat("x", 256), "\xff"} {
		var invalid *pat.InvalidError
		if _, err := w.People(ctx, root, sub, pat.InvalidError{}); !errors.As(err, &invalid) {
			t.Errorf("a sub of %d bytes: %v", len(sub), err)
		}
		if _, err := w.Disable(ctx, root, sub, true, pat.InvalidError{}); !errors.As(err, &invalid) {
			t.Errorf("disable a sub of %d bytes: %v", len(sub), err)
		}
		if _, err := w.RevokeAll(ctx, root, sub, pat.InvalidError{}); !errors.As(err, &invalid) {
			t.Errorf("revoke all of a sub of %d bytes: %v", len(sub), err)
		}
	}
}

func TestRevokeAll(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	root, alice := w.person(t, "root", "admins"), w.person(t, "alice")
	var all []pat.Created
	for i := range 3 {
		all = append(all, w.create(t, alice, named(fmt.Sprint(i), "profile")))
	}
	jwt := w.exchange(t, all[2].Value, "").AccessToken
	byItself := all[0]
	if err := w.Revoke(ctx, alice, string(byItself.ID)); err != nil {
		t.Fatal(err)
	}
	w.decide(t, func(p *pat.Policy) { p.MaxTokensPerPerson = 2 })
	at := w.clock
	revokeAll := func() int {
		t.Helper()
		n, err := w.RevokeAll(ctx, root, "alice", pat.InvalidError{})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := revokeAll(); n != 2 {
		t.Errorf("%d revoked", n)
	}
	for _, credential := range []pat.Secret{all[1].Value, all[2].Value, jwt} {
		if _, err := w.Authorize(ctx, credential); !errors.Is(err, pat.ErrUnauthorized) {
			t.Errorf("one that there was: %v", err)
		}
	}
	// Names and places are free at once, and what is created lives.
	one, two := w.create(t, alice, named("1", "profile")), w.create(t, alice, named("2", "profile"))
	if _, err := w.Create(ctx, alice, named("3", "profile")); !errors.Is(err, pat.ErrTokenLimit) {
		t.Errorf("above the cap: %v", err)
	}
	w.clock = w.clock.Add(time.Hour)
	if _, err := w.Authorize(ctx, one.Value); err != nil {
		t.Errorf("one created after: %v", err)
	}
	if n := revokeAll(); n != 2 {
		t.Errorf("%d revoked the second time", n)
	}
	if n := revokeAll(); n != 0 {
		t.Errorf("%d revoked the third time", n)
	}
	// Every revoked_at stays what it was.
	for id, want := range map[pat.ID]time.Time{
		byItself.ID: byItself.CreatedAt, all[1].ID: at, all[2].ID: at, one.ID: w.clock, two.ID: w.clock,
	} {
		if v, err := w.GetAny(ctx, root, string(id)); err != nil || v.Status != pat.Revoked || !v.RevokedAt.Equal(want) {
			t.Errorf("%s is %s at %v, want %v; %v", id, v.Status, v.RevokedAt, want, err)
		}
	}
	// They are hidden 30 days after.
	w.clock = at.Add(pat.Kept)
	if page, err := w.List(ctx, alice, pat.ListRequest{Limit: 100}); err != nil || len(page.Tokens) != 2 {
		t.Errorf("%d are listed, %v", len(page.Tokens), err)
	}
}

// TestRevokeAllWithoutThePass: nothing depends on the marks that follow the one
// write.
func TestRevokeAllWithoutThePass(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	root, alice := w.person(t, "root", "admins"), w.person(t, "alice")
	c := w.create(t, alice, named("ci", "profile"))
	at := w.clock
	dying := &cut{Store: w.store, only: "Revoke", at: 1}
	if n, err := w.service(dying).RevokeAll(ctx, root, "alice", pat.InvalidError{}); err != nil || n != 1 || dying.calls == 0 {
		t.Fatalf("%d revoked, %v; the pass was cut off: %v", n, err, dying.calls > 0)
	}
	if stored, _, err := w.store.Look(ctx, c.ID); err != nil || !stored.RevokedAt.IsZero() {
		t.Fatalf("it is marked: %v, %v", stored.RevokedAt, err)
	}
	v, err := w.Get(ctx, alice, string(c.ID))
	if err != nil || v.Status != pat.Revoked || !v.RevokedAt.Equal(at) {
		t.Errorf("it is %s at %v, %v", v.Status, v.RevokedAt, err)
	}
	told := func() {
		t.Helper()
		page, err := w.Trail(ctx, alice, string(c.ID), pat.TrailRequest{Limit: 10})
		if err != nil || len(page.Events) != 2 || page.Events[0].Type != pat.TokenRevoked || page.Events[0].By != (pat.Doer{Kind: pat.DoerAdmin, Subject: "root"}) || page.Events[0].Owner != "alice" {
			t.Errorf("its owner reads %+v, %v", page.Events, err)
		}
	}
	told()
	w.clock = w.clock.Add(10 * time.Minute) // somebody ends the pass
	if _, err := w.RevokeAll(ctx, root, "alice", pat.InvalidError{}); err != nil {
		t.Fatal(err)
	}
	if stored, _, err := w.store.Look(ctx, c.ID); err != nil || !stored.RevokedAt.Equal(at) {
		t.Fatalf("it is not marked: %v, %v", stored.RevokedAt, err)
	}
	told()
	if err := w.Revoke(ctx, alice, string(c.ID)); err != nil {
		t.Errorf("revoke it by itself: %v", err)
	}
	if _, err := w.Update(ctx, alice, string(c.ID), pat.UpdateRequest{}); !errors.Is(err, pat.ErrNotActive) {
		t.Errorf("update it: %v", err)
	}
	w.create(t, alice, named("ci", "profile")) // its name
	w.clock = at.Add(pat.Kept)
	if _, err := w.Get(ctx, alice, string(c.ID)); !errors.Is(err, pat.ErrNotFound) {
		t.Errorf("30 days after: %v", err)
	}
	if n, err := w.store.Sweep(ctx, w.clock); err != nil || n != 1 {
		t.Errorf("%d swept, %v", n, err)
	}
	w.create(t, w.person(t, "alice"), named("other", "profile"))
	if _, err := w.Authorize(ctx, c.Value); !errors.Is(err, pat.ErrUnauthorized) {
		t.Errorf("a swept one: %v", err)
	}
}

// A cut is a store that is gone from a call on: killed before it is made, or
// after, its answer lost.
type cut struct {
	pat.Store
	only  string // counts this method alone; empty counts all
	at    int    // the first call that fails
	after bool   // it was carried out
	calls int
}

func (c *cut) through(method string, do func() error) error {
	if c.only != "" && c.only != method {
		return do()
	}
	c.calls++
	switch {
	case c.calls < c.at:
		return do()
	case c.calls == c.at && c.after:
		_ = do()
	}
	return errDown
}

func (c *cut) Settings(ctx context.Context) (s pat.Settings, err error) {
	err = c.through("Settings", func() error { s, err = c.Store.Settings(ctx); return err })
	return s, err
}

func (c *cut) SetPolicy(ctx context.Context, p pat.Policy, changed pat.Mark) error {
	return c.through("SetPolicy", func() error { return c.Store.SetPolicy(ctx, p, changed) })
}

func (c *cut) Slot(ctx context.Context, p pat.Person) (s pat.Slot, err error) {
	err = c.through("Slot", func() error { s, err = c.Store.Slot(ctx, p); return err })
	return s, err
}

func (c *cut) Owner(ctx context.Context, s pat.Slot) (o pat.Owner, err error) {
	err = c.through("Owner", func() error { o, err = c.Store.Owner(ctx, s); return err })
	return o, err
}

func (c *cut) List(ctx context.Context, s pat.Slot, before pat.ID, n int) (t []pat.Token, err error) {
	err = c.through("List", func() error { t, err = c.Store.List(ctx, s, before, n); return err })
	return t, err
}

func (c *cut) Stop(ctx context.Context, o pat.Owner) error {
	return c.through("Stop", func() error { return c.Store.Stop(ctx, o) })
}

func (c *cut) Revoke(ctx context.Context, r pat.Revocation) error {
	return c.through("Revoke", func() error { return c.Store.Revoke(ctx, r) })
}

// TestRevokeAllKilledAnywhere: whichever call is the last that is made, either all
// tokens are dead or none is, and doing it again kills the rest.
func TestRevokeAllKilledAnywhere(t *testing.T) {
	ctx := context.Background()
	dead, alive := 0, 0
	for _, after := range []bool{false, true} {
		for at := 1; ; at++ {
			w := newWorld(t)
			root, alice := w.person(t, "root", "admins"), w.person(t, "alice")
			var all []pat.Created
			for i := range 3 {
				all = append(all, w.create(t, alice, named(fmt.Sprint(i), "profile")))
			}
			killed := &cut{Store: w.store, at: at, after: after}
			_, err := w.service(killed).RevokeAll(ctx, root, "alice", pat.InvalidError{})
			working := 0
			for _, c := range all {
				if _, err := w.Authorize(ctx, c.Value); err == nil {
					working++
				}
			}
			what := fmt.Sprintf("killed at call %d (carried out: %v)", at, after)
			switch working {
			case 0:
				dead++
			case len(all):
				alive++
				if err == nil {
					t.Errorf("%s: it said that they are dead", what)
				}
			default:
				t.Errorf("%s: %d of %d work", what, working, len(all))
			}
			if _, err := w.RevokeAll(ctx, root, "alice", pat.InvalidError{}); err != nil {
				t.Errorf("%s, and again: %v", what, err)
			}
			for _, c := range all {
				if _, err := w.Authorize(ctx, c.Value); !errors.Is(err, pat.ErrUnauthorized) {
					t.Errorf("%s, and again: %s: %v", what, c.ID, err)
				}
			}
			// Names and places are free; what is created now lives.
			for _, c := range all {
				next := w.create(t, alice, named(c.Name, "profile"))
				if _, err := w.Authorize(ctx, next.Value); err != nil {
					t.Errorf("%s: one created after: %v", what, err)
				}
			}
			if killed.calls < at {
				break // it ran to its end
			}
		}
	}
	if dead == 0 || alive == 0 {
		t.Errorf("all dead %d times, all alive %d times", dead, alive)
	}
}

// forgetful carries a stop out once and says that it lost to another.
type forgetful struct {
	pat.Store
	times int
}

func (f *forgetful) Stop(ctx context.Context, o pat.Owner) error {
	f.times++
	if err := f.Store.Stop(ctx, o); err != nil || f.times > 1 {
		return err
	}
	return pat.ErrConflict
}

// TestRevokeAllWhoseAnswerWasLost counts what it killed.
func TestRevokeAllWhoseAnswerWasLost(t *testing.T) {
	w := newWorld(t)
	root, alice := w.person(t, "root", "admins"), w.person(t, "alice")
	w.create(t, alice, named("a", "profile"))
	w.create(t, alice, named("b", "profile"))
	f := &forgetful{Store: w.store}
	if n, err := w.service(f).RevokeAll(context.Background(), root, "alice", pat.InvalidError{}); err != nil || n != 2 || f.times != 1 {
		t.Errorf("%d revoked by %d writes, %v", n, f.times, err)
	}
}

// overtaken is a store in which another stop comes first.
type overtaken struct {
	pat.Store
	first func()
}

func (o *overtaken) Stop(ctx context.Context, owner pat.Owner) error {
	if first := o.first; first != nil {
		o.first = nil
		first()
	}
	return o.Store.Stop(ctx, owner)
}

// A pausing store lets something happen before it lists.
type pausing struct {
	pat.Store
	first func()
}

func (p *pausing) List(ctx context.Context, s pat.Slot, before pat.ID, n int) ([]pat.Token, error) {
	if first := p.first; first != nil {
		p.first = nil
		first()
	}
	return p.Store.List(ctx, s, before, n)
}

// TestRevokeAllWhileAnotherCounts: every token is counted once, by whoever killed
// it, and marked by them; what nobody marked is marked by whoever comes later.
func TestRevokeAllWhileAnotherCounts(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	root, alice := w.person(t, "root", "admins"), w.person(t, "alice")
	revokeAll := func(s *pat.Service) int {
		t.Helper()
		n, err := s.RevokeAll(ctx, root, "alice", pat.InvalidError{})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	marked := func(c pat.Created) bool {
		t.Helper()
		stored, _, err := w.store.Look(ctx, c.ID)
		if err != nil {
			t.Fatal(err)
		}
		return !stored.RevokedAt.IsZero()
	}
	one, two := w.create(t, alice, named("1", "profile")), w.create(t, alice, named("2", "profile"))
	var three pat.Created
	second, third := 0, 0
	first := revokeAll(w.service(&pausing{Store: w.store, first: func() {
		third = revokeAll(w.service(w.store)) // there is nothing to stop
		three = w.create(t, alice, named("3", "profile"))
		second = revokeAll(w.service(w.store))
	}}))
	if first != 2 || second != 1 || third != 0 {
		t.Errorf("told %d, %d and %d, want 2, 1 and 0", first, second, third)
	}
	if !marked(one) || !marked(two) || !marked(three) {
		t.Error("one is not marked")
	}

	four := w.create(t, alice, named("4", "profile"))
	if n := revokeAll(w.service(&cut{Store: w.store, only: "Revoke", at: 1})); n != 1 || marked(four) {
		t.Fatalf("told %d, and the pass was not cut off: %t", n, marked(four))
	}
	w.clock = w.clock.Add(time.Minute)
	if n := revokeAll(w.service(w.store)); n != 0 || marked(four) {
		t.Errorf("a minute later %d, marked: %t", n, marked(four))
	}
	w.clock = w.clock.Add(time.Minute)
	if n := revokeAll(w.service(w.store)); n != 0 || !marked(four) {
		t.Errorf("two minutes later %d, marked: %t", n, marked(four))
	}
}

// TestRevokeAllTwiceInTheSameSecond: a button that is pressed twice kills once, and
// what the first of the two killed the second does not count again.
func TestRevokeAllTwiceInTheSameSecond(t *testing.T) {
	w := newWorld(t)
	root, alice := w.person(t, "root", "admins"), w.person(t, "alice")
	w.create(t, alice, named("a", "profile"))
	w.create(t, alice, named("b", "profile"))
	revokeAll := func(s *pat.Service, request string) int {
		t.Helper()
		n, err := s.RevokeAll(pat.WithOrigin(context.Background(), pat.Origin{RequestID: request}), root, "alice", pat.InvalidError{})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	first, marking := 0, w.service(&cut{Store: w.store, only: "Revoke", at: 1}) // it has marked none yet
	second := revokeAll(w.service(&overtaken{Store: w.store, first: func() { first = revokeAll(marking, "first") }}), "second")
	if first != 2 || second != 0 {
		t.Errorf("the first counts %d, the second %d", first, second)
	}
}

func TestListAll(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	root := w.person(t, "root", "admins")
	var all []pat.ID
	for _, sub := range []string{"alice", "bob", "carol"} {
		by := w.person(t, sub)
		for i := range 4 {
			all = append(all, w.create(t, by, named(fmt.Sprint(i), "profile")).ID)
		}
	}
	slices.Sort(all)
	revoked := all[5]
	if err := w.RevokeAny(ctx, root, string(revoked)); err != nil {
		t.Fatal(err)
	}
	walk := func(req pat.ListRequest, owner *string) (ids []pat.ID, cursors []string) {
		t.Helper()
		for range 50 {
			page, err := w.ListAll(ctx, root, req, owner)
			if err != nil {
				t.Fatal(err)
			}
			if len(page.Tokens) > req.Limit {
				t.Errorf("%d tokens, limit %d", len(page.Tokens), req.Limit)
			}
			for _, v := range page.Tokens {
				ids = append(ids, v.ID)
			}
			if page.NextCursor == "" {
				return ids, cursors
			}
			cursors = append(cursors, page.NextCursor)
			req.Cursor = page.NextCursor
		}
		t.Fatal("the pages do not end")
		return nil, nil
	}
	for _, limit := range []int{1, 5, 100} {
		got, _ := walk(pat.ListRequest{Limit: limit}, nil)
		if slices.Sort(got); !slices.Equal(got, all) {
			t.Errorf("by pages of %d: %v", limit, got)
		}
		got, _ = walk(pat.ListRequest{Limit: limit, Status: pat.Revoked}, nil)
		if !slices.Equal(got, []pat.ID{revoked}) {
			t.Errorf("revoked, by pages of %d: %v", limit, got)
		}
		bobs, _ := walk(pat.ListRequest{Limit: limit}, new("bob"))
		if len(bobs) != 4 || !slices.IsSortedFunc(bobs, func(a, b pat.ID) int { return strings.Compare(string(b), string(a)) }) {
			t.Errorf("bob's, by pages of %d: %v", limit, bobs)
		}
	}
	if got, _ := walk(pat.ListRequest{Limit: 5}, new("nobody")); len(got) != 0 {
		t.Errorf("nobody's: %v", got)
	}

	// A cursor belongs to one list.
	_, every := walk(pat.ListRequest{Limit: 5}, nil)
	_, bobs := walk(pat.ListRequest{Limit: 2}, new("bob"))
	own, err := w.List(ctx, w.person(t, "bob"), pat.ListRequest{Limit: 2})
	if err != nil || own.NextCursor == "" {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		cursor string
		status pat.Status
		owner  *string
	}{
		"junk":                          {"junk", "", nil},
		"one digit another":             {"A" + every[0][1:], "", nil},
		"cut short":                     {every[0][:len(every[0])-1], "", nil},
		"everybody's of another status": {every[0], pat.Active, nil},
		"everybody's at bob's":          {every[0], "", new("bob")},
		"bob's at everybody's":          {bobs[0], "", nil},
		"bob's at alice's":              {bobs[0], "", new("alice")},
		"bob's of another status":       {bobs[0], pat.Active, new("bob")},
		"bob's at nobody's":             {bobs[0], "", new("nobody")},
		"bob's own at bob's":            {own.NextCursor, "", new("bob")},
	} {
		var invalid *pat.InvalidError
		_, err := w.ListAll(ctx, root, pat.ListRequest{Limit: 5, Cursor: c.cursor, Status: c.status}, c.owner)
		if !errors.As(err, &invalid) || len(invalid.Fields) != 1 || invalid.Fields[0].Field != "cursor" {
			t.Errorf("%s: %v", name, err)
		}
	}
	var invalid *pat.InvalidError
	if _, err := w.List(ctx, w.person(t, "bob"), pat.ListRequest{Limit: 2, Cursor: bobs[0]}); !errors.As(err, &invalid) {
		t.Errorf("an administrator's cursor at bob's own list: %v", err)
	}
	if _, err := w.ListAll(ctx, root, pat.ListRequest{Limit: 101, Status: "x", Cursor: "x"}, new("")); !errors.As(err, &invalid) || len(invalid.Fields) != 4 {
		t.Errorf("everything wrong: %v", err)
	}
}

// TestPreviewIsWhatHappens: what a preview counts is what a policy stops, over
// random people, tokens and policies.
func TestPreviewIsWhatHappens(t *testing.T) {
	stopped := 0
	rapid.Check(t, func(t *rapid.T) {
		w := newWorldOf(t)
		ctx := context.Background()
		root := w.person(t, "root", "admins")
		policy := func(what string, days ...int) pat.Policy {
			day := func(name string) int { return rapid.SampledFrom(days).Draw(t, what+": "+name) }
			return pat.Policy{MaxTokensPerPerson: 50, MaxLifetimeDays: day("maximum"), MaxIdleDays: day("idle"), MaxAbsenceDays: day("absence")}
		}
		type kept struct {
			who string
			pat.Created
		}
		var tokens []kept
		later := func() { w.clock = w.clock.Add(time.Duration(rapid.IntRange(0, 9*24).Draw(t, "hours")) * time.Hour) }
		for p := range rapid.IntRange(2, 4).Draw(t, "people") {
			who := fmt.Sprint("person ", p)
			by := w.person(t, who)
			for n := range rapid.IntRange(1, 3).Draw(t, "tokens") {
				req := named(fmt.Sprint(n), "profile")
				if end := rapid.IntRange(0, 10).Draw(t, "end"); end > 0 {
					req.Expiry = until(w.clock.Add(time.Duration(end) * 2 * day))
				}
				tokens = append(tokens, kept{who, w.create(t, by, req)})
				later()
			}
			switch rapid.IntRange(0, 9).Draw(t, "fate") {
			case 0:
				if _, err := w.Disable(ctx, root, who, true, pat.InvalidError{}); err != nil {
					t.Fatal(err)
				}
			case 1:
				if _, err := w.RevokeAll(ctx, root, who, pat.InvalidError{}); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, k := range tokens {
			if g, err := w.Authorize(ctx, k.Value); err == nil && rapid.Bool().Draw(t, "used") {
				w.Used(ctx, g, netip.Addr{}, "profile")
			}
		}
		later()
		root = w.person(t, "root", "admins")
		if _, err := w.SetPolicy(ctx, root, pat.PolicyRequest{Policy: policy("before", 0, 0, 0, 1, 20)}); err != nil {
			t.Fatal(err)
		}
		works := func(s *pat.Service) (which []bool) {
			for _, k := range tokens {
				_, err := s.Authorize(ctx, k.Value)
				which = append(which, err == nil)
			}
			return which
		}
		before := works(w.service(w.store))
		next := policy("after", 0, 1, 5, 20)
		told, err := w.PreviewPolicy(ctx, root, pat.PolicyRequest{Policy: next})
		if err != nil || !told.Complete {
			t.Fatal(told, err)
		}
		if _, err := w.SetPolicy(ctx, root, pat.PolicyRequest{Policy: next}); err != nil {
			t.Fatal(err)
		}
		after := works(w.service(w.store))
		people := map[string]bool{}
		got := pat.Preview{Complete: true}
		for i, k := range tokens {
			if before[i] && !after[i] {
				got.Tokens++
				people[k.who] = true
			}
		}
		if got.People = len(people); got != told {
			t.Fatalf("told %+v, happened %+v", told, got)
		}
		stopped += got.Tokens
	})
	if stopped < 10 {
		t.Errorf("in all that was tried only %d tokens were stopped", stopped)
	}
}

// endless is a store of more people than anybody looks at.
type endless struct{ pat.Store }

func (e endless) Scan(ctx context.Context, position string, limit int) ([]pat.Found, string, error) {
	found, _, err := e.Store.Scan(ctx, "", limit)
	return found, "on and on", err
}

func TestPreviewHasAnEnd(t *testing.T) {
	w := newWorld(t)
	w.create(t, w.person(t, "alice"), named("ci", "profile"))
	w.clock = w.clock.Add(2 * day)
	root := w.person(t, "root", "admins")
	p, err := w.service(endless{w.store}).PreviewPolicy(context.Background(), root, pat.PolicyRequest{Policy: pat.Policy{MaxTokensPerPerson: 1, MaxLifetimeDays: 1}})
	if err != nil || p.Complete || p.Tokens != 200 || p.People != 1 {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestScopesUsed(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	alice := w.person(t, "alice", "admins")
	c := w.create(t, alice, named("ci", "notes:write", "profile", "notes:read", "introspect"))
	counting := &faulty{Store: w.store}
	s := w.service(counting)
	use := func(scopes ...string) {
		t.Helper()
		g, err := s.Authorize(ctx, c.Value)
		if err != nil {
			t.Fatal(err)
		}
		s.Used(ctx, g, netip.MustParseAddr("192.0.2.1"), scopes...)
	}
	used := func() string {
		t.Helper()
		v, err := w.Get(ctx, alice, string(c.ID))
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(v.ScopesUsed, " ")
	}
	if got := used(); got != "" {
		t.Errorf("never used, but for %q", got)
	}
	first := w.clock
	for i, step := range []struct {
		scopes []string
		want   string
		writes int
	}{
		{[]string{"profile"}, "profile", 1},
		{[]string{"profile"}, "profile", 1},
		{[]string{""}, "profile", 1},
		{[]string{"credentials", "nothing"}, "profile", 1}, // it has neither
		{[]string{"notes:read"}, "notes:read profile", 2},
		{[]string{"notes:write", "profile"}, "notes:read notes:write profile", 3},
		{nil, "notes:read notes:write profile", 3},
	} {
		w.clock = w.clock.Add(time.Minute)
		use(step.scopes...)
		if got := used(); got != step.want || counting.touches != step.writes {
			t.Errorf("step %d: used %q after %d writes, want %q after %d", i, got, counting.touches, step.want, step.writes)
		}
	}
	// A later use within the hour does not change when it was last used.
	if v, _ := w.Get(ctx, alice, string(c.ID)); !v.LastUsedAt.Equal(first.Add(time.Minute)) {
		t.Errorf("last used %v", v.LastUsedAt)
	}
	// It shrinks to what it used with one call; what was taken is forgotten.
	if _, err := w.Update(ctx, alice, string(c.ID), pat.UpdateRequest{Scopes: []string{"profile", "notes:read"}}); err != nil {
		t.Fatal(err)
	}
	if got := used(); got != "notes:read profile" {
		t.Errorf("shrunk: %q", got)
	}
	w.clock = w.clock.Add(time.Hour)
	use("profile")
	if stored, _, err := w.store.Look(ctx, c.ID); err != nil || strings.Join(stored.ScopesUsed, " ") != "notes:read profile" {
		t.Errorf("stored: %v, %v", stored.ScopesUsed, err)
	}
}

func TestScopesUsedAtExchange(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	alice := w.person(t, "alice")
	for name, c := range map[string]struct{ asked, want string }{
		"nothing asked":        {"", ""},
		"one by name":          {"notes:read", "notes:read"},
		"one that it has not":  {"notes:read notes:write", "notes:read"},
		"none that it has":     {"notes:write", ""},
		"a sensitive one more": {"profile credentials", "profile"}, // no role here: dropped
	} {
		token := w.create(t, alice, named(name, "profile", "notes:read", "credentials"))
		_, _ = w.Exchange(ctx, exchangeOf(token.Value, c.asked))
		v, err := w.Get(ctx, alice, string(token.ID))
		if err != nil || strings.Join(v.ScopesUsed, " ") != c.want || v.LastUsedAt.IsZero() {
			t.Errorf("%s: used %v at %v, %v", name, v.ScopesUsed, v.LastUsedAt, err)
		}
	}
}
