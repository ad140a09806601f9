package store_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

// A walk does what people do, over a clock that it moves, and counts what an
// event is owed for.
type walk struct {
	t      *testing.T
	store  toldStore
	now    time.Time
	random *rand.Rand

	values map[pat.ID][]pat.Secret // the newest last
	owners map[pat.ID]string
	dead   map[pat.ID]bool // revoked, as far as was looked
	owed   map[pat.EventType]int
	told   []pat.Event
}

func newWalk(t *testing.T, s toldStore, seed uint64) *walk {
	t.Helper()
	if err := s.Publish(t.Context(), plainJWTs{}.keys(t), pat.Catalogue{{Name: "notes:read"}, {Name: "notes:write"}}); err != nil {
		t.Fatal(err)
	}
	w := &walk{
		t: t, store: s, now: start, random: rand.New(rand.NewPCG(seed, 8)),
		values: map[pat.ID][]pat.Secret{}, owners: map[pat.ID]string{}, dead: map[pat.ID]bool{}, owed: map[pat.EventType]int{},
	}
	if d, ok := s.(toldDynamo); ok {
		d.now = func() time.Time { return w.now }
	}
	return w
}

// service is the rules a moment later.
func (w *walk) service() *pat.Service {
	w.now = w.now.Add(time.Millisecond)
	s := newService(w.store, 500, w.now)
	s.AdminGroup = "admins"
	s.Signer, s.Verifier = plainJWTs{}, plainJWTs{}
	return s
}

// owes counts an event unless there was an error, which must be one of those.
func (w *walk) owes(what pat.EventType, err error, allowed ...error) {
	w.t.Helper()
	switch {
	case err == nil:
		w.owed[what]++
	case !slices.ContainsFunc(allowed, func(e error) bool { return errors.Is(err, e) }):
		w.t.Errorf("%s: %v", what, err)
	}
}

var atHome = netip.MustParseAddr("192.0.2.1")

func (w *walk) ctx(request string) context.Context {
	return pat.WithOrigin(w.t.Context(), pat.Origin{From: atHome, RequestID: request})
}

func (w *walk) create(sub string) pat.ID {
	req := wish(fmt.Sprint("token ", w.random.Uint64()))
	if w.random.IntN(4) == 0 {
		req.Expiry = pat.Expiry{Given: true, At: w.now.Add(time.Duration(1+w.random.IntN(72)) * time.Hour)}
	}
	if w.random.IntN(4) == 0 {
		req.AllowedCIDRs = []string{"192.0.2.0/24"}
	}
	c, err := w.service().Create(w.ctx("create"), session(sub), req)
	w.owes(pat.TokenCreated, err, pat.ErrForbidden, pat.ErrTokenLimit)
	if err != nil {
		return ""
	}
	w.values[c.ID], w.owners[c.ID] = []pat.Secret{c.Value}, sub
	return c.ID
}

// use shows a value, as an authorizer that sees addresses does. Of a token's
// values the last three are known.
func (w *walk) use(value pat.Secret, from netip.Addr) {
	s := w.service()
	ctx := pat.WithOrigin(w.t.Context(), pat.Origin{From: from, RequestID: "use"})
	grant, err := s.Authorize(ctx, value)
	if err == nil {
		if err = grant.Within(from); err != nil {
			err = s.Refuse(ctx, grant, pat.RefusedNetwork, err)
		} else {
			s.Used(ctx, grant, from)
		}
	}
	known := false
	for _, values := range w.values {
		known = known || slices.Contains(reveal(values[max(0, len(values)-3):]), value.Reveal())
	}
	switch {
	case err != nil && !errors.Is(err, pat.ErrUnauthorized) && !errors.Is(err, pat.ErrForbidden):
		w.t.Error(err)
	case err != nil && known:
		w.owed[pat.TokenRefused]++
	}
}

func reveal(values []pat.Secret) (texts []string) {
	for _, v := range values {
		texts = append(texts, v.Reveal())
	}
	return texts
}

// step does one thing of one person to one of their tokens.
func (w *walk) step() {
	w.now = w.now.Add(time.Duration(w.random.IntN(40)) * time.Minute)
	ids := slices.Sorted(maps.Keys(w.values))
	if len(ids) == 0 || w.random.IntN(6) == 0 {
		w.create([]string{"alice", "bob"}[w.random.IntN(2)])
		return
	}
	if w.random.IntN(12) == 0 {
		w.administer([]string{"alice", "bob", "carol"}[w.random.IntN(3)])
		return
	}
	id := ids[w.random.IntN(len(ids))]
	if o := owner(w.t, w.store, id.Slot()); o.Disabled {
		return // is forbidden everything, and what they hold is refused elsewhere
	}
	mine, values := session(w.owners[id]), w.values[id]
	before, _ := look(w.t, w.store, id)
	switch w.random.IntN(8) {
	case 0:
		_, err := w.service().Update(w.ctx("update"), mine, string(id), pat.UpdateRequest{Description: new(fmt.Sprint(w.random.Uint64()))})
		w.owes(pat.TokenUpdated, err, pat.ErrNotActive)
	case 1, 2:
		c, err := w.service().Rotate(w.ctx("rotate"), mine, string(id), pat.RotateRequest{Grace: time.Duration(w.random.IntN(3)) * time.Hour})
		w.owes(pat.TokenRotated, err, pat.ErrNotActive, pat.ErrConflict)
		if err == nil {
			w.values[id] = append(values, c.Value)
		}
	case 3:
		if w.random.IntN(3) > 0 {
			return
		}
		if err := w.service().Revoke(w.ctx("revoke"), mine, string(id)); err != nil && !errors.Is(err, pat.ErrNotFound) {
			w.t.Error(err)
		}
		w.revoked(id, before)
	case 4:
		if w.random.IntN(3) > 0 {
			return
		}
		err := w.service().Revocation(w.ctx("found"), values[w.random.IntN(len(values))])
		if err != nil {
			w.t.Error(err)
		}
		w.revoked(id, before)
	default:
		from := netip.AddrFrom4([4]byte{192, 0, byte(w.random.IntN(14)), 1})
		w.use(values[w.random.IntN(len(values))], from)
		after, _ := look(w.t, w.store, id)
		for _, n := range after.Networks {
			if !slices.Contains(before.Networks, n) {
				w.owed[pat.TokenNewNetwork]++
			}
		}
	}
}

// revoked counts a revocation, if there was one: a token that was stopped with all
// others needs none.
func (w *walk) revoked(id pat.ID, before pat.Token) {
	if after, _ := look(w.t, w.store, id); before.RevokedAt.IsZero() && !after.RevokedAt.IsZero() {
		w.owed[pat.TokenRevoked]++
		w.dead[id] = true
	}
}

var root = pat.Grant{Kind: pat.KindPerson, Person: person("root"), Groups: []string{"admins"}, IssuedAt: start, ExpiresAt: start.Add(time.Hour)}

// administer does one thing of an administrator's to a person, or to the policy.
func (w *walk) administer(sub string) {
	s, ctx := w.service(), w.ctx(fmt.Sprint("admin ", w.random.Uint64()))
	var before pat.Owner
	if slot, err := w.store.Slot(ctx, person(sub)); err == nil {
		before = owner(w.t, w.store, slot)
	}
	switch w.random.IntN(5) {
	case 0:
		_, err := s.SetPolicy(ctx, root, pat.PolicyRequest{Policy: pat.Policy{MaxTokensPerPerson: 1 + w.random.IntN(500)}})
		w.owes(pat.PolicyChanged, err)
	case 1, 2, 3:
		disabled := !before.Disabled && w.random.IntN(3) == 0
		_, err := s.Disable(ctx, root, sub, disabled, pat.InvalidError{})
		switch {
		case disabled == before.Disabled:
			if err != nil {
				w.t.Error(err)
			}
		case disabled:
			w.owes(pat.PersonDisabled, err)
		default:
			w.owes(pat.PersonEnabled, err)
		}
	case 4:
		_, err := s.RevokeAll(ctx, root, sub, pat.InvalidError{})
		if err != nil || before.Slot == "" {
			return
		}
		after := owner(w.t, w.store, before.Slot)
		if !reflect.DeepEqual(before.Stops, after.Stops) {
			w.owed[pat.PersonRevoked]++
		}
		// Each is marked too, which is a change of its own.
		tokens, err := w.store.List(ctx, before.Slot, "", 10_000)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, token := range tokens {
			if !token.RevokedAt.IsZero() && !w.dead[token.ID] {
				w.owed[pat.TokenRevoked]++
				w.dead[token.ID] = true
			}
		}
	}
}

// settle compares what was told, each thing once, with what is owed and with
// what can be read back.
func (w *walk) settle() {
	w.t.Helper()
	w.told = append(w.told, w.store.events(w.t)...)
	once := eventIDs(w.told)
	got := map[pat.EventType]int{}
	for _, e := range once {
		got[e.Type]++
	}
	if !maps.Equal(got, w.owed) {
		w.t.Errorf("told %v, owed %v", got, w.owed)
	}
	for _, size := range []int{7, 100} {
		all := wholeThread(w.t, w.store, pat.Everything, w.now, size)
		if len(all) != len(once) || !reflect.DeepEqual(eventIDs(all), once) {
			w.t.Errorf("%d events can be read back by %d, %d were told", len(all), size, len(once))
		}
		if !slices.IsSortedFunc(all, func(a, b pat.Event) int { return b.Place().Compare(a.Place()) }) {
			w.t.Error("they are not read newest first")
		}
	}
	for id := range w.values {
		token, _ := look(w.t, w.store, id)
		thread := wholeThread(w.t, w.store, pat.TokenThread(id), w.now, 100)
		changes := 0
		for _, e := range thread {
			if e.Type != pat.TokenNewNetwork && e.Type != pat.TokenRefused {
				changes++
			}
		}
		if int64(changes) != token.Version {
			w.t.Errorf("token %s is at version %d, and %d changes of it can be read", id, token.Version, changes)
		}
	}
}

// hides fails the test for an event that holds a value, a part of one that opens
// anything, or a hash, in any spelling.
func (w *walk) hides(text string) {
	w.t.Helper()
	for id, values := range w.values {
		for _, v := range values {
			hash, value := pat.HashOf(v), v.Reveal()
			for _, secret := range []string{
				value, value[16:52], string(hash[:]), hex.EncodeToString(hash[:]),
				base64.StdEncoding.EncodeToString(hash[:]), base64.RawURLEncoding.EncodeToString(hash[:]), fmt.Sprint(hash[:]),
			} {
				if strings.Contains(strings.ToLower(text), strings.ToLower(secret)) {
					w.t.Fatalf("an event holds a secret of token %s", id)
				}
			}
		}
	}
}

func TestTheTrailOfARandomWalk(t *testing.T) {
	const steps = 10_000
	for name, open := range toldStores {
		t.Run(name, func(t *testing.T) {
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			n, told := 0, 0
			for round := uint64(0); n < steps && !t.Failed(); round++ {
				// A table to each round: one alone would get slow, and all at once too large.
				t.Run(fmt.Sprint(round), func(t *testing.T) {
					w := newWalk(t, open(t), seed+round)
					for range 100 {
						w.step()
						n++
					}
					w.settle()
					w.hides(fmt.Sprintf("%+v", w.told))
					told += len(w.told)
				})
			}
			t.Logf("%d steps, %d events", n, told)
			if told < steps/2 {
				t.Error("too little happened")
			}
		})
	}
}

// TestWhatATrailTells goes through every verb once.
func TestWhatATrailTells(t *testing.T) {
	for name, open := range toldStores {
		t.Run(name, func(t *testing.T) {
			w := newWalk(t, open(t), 1)
			alice, owner := session("alice"), pat.Doer{Kind: pat.DoerOwner, Subject: "alice"}
			holder := pat.Doer{Kind: pat.DoerHolder}
			c, err := w.service().Create(w.ctx("r-1"), alice, wish("n"))
			if err != nil {
				t.Fatal(err)
			}
			w.values[c.ID] = []pat.Secret{c.Value}
			id := string(c.ID)
			do := func(request string, err error) {
				t.Helper()
				if err != nil {
					t.Fatalf("%s: %v", request, err)
				}
			}
			_, err = w.service().Update(w.ctx("r-2"), alice, id, pat.UpdateRequest{Name: new("m"), AllowedCIDRs: &[]string{"192.0.2.0/24"}})
			do("r-2", err)
			_, err = w.service().Update(w.ctx("r-3"), alice, id, pat.UpdateRequest{})
			do("r-3", err)
			w.use(c.Value, atHome)
			w.use(c.Value, netip.MustParseAddr("192.0.2.77")) // the same network
			w.use(c.Value, netip.MustParseAddr("198.51.100.1"))
			w.use(c.Value, netip.MustParseAddr("198.51.100.2")) // each time
			rotated, err := w.service().Rotate(w.ctx("r-4"), alice, id, pat.RotateRequest{Grace: time.Hour})
			do("r-4", err)
			w.values[c.ID] = append(w.values[c.ID], rotated.Value)
			w.now = w.now.Add(2 * time.Hour)
			w.use(c.Value, atHome)
			do("r-5", w.service().Revocation(w.ctx("r-5"), rotated.Value))
			do("again", w.service().Revocation(w.ctx("again"), rotated.Value))
			do("again", w.service().Revoke(w.ctx("again"), alice, id))
			w.use(rotated.Value, netip.Addr{})
			w.use(pat.NewSecret("cfoil_junk"), atHome)

			type fact struct {
				Type    pat.EventType
				By      pat.Doer
				From    string
				Request string
				Fields  string
				Network string
				Reason  pat.RefusalReason
			}
			want := []fact{
				{pat.TokenRefused, holder, "invalid IP", "use", "[]", "invalid Prefix", pat.RefusedRevoked},
				{pat.TokenRevoked, holder, "192.0.2.1", "r-5", "[]", "invalid Prefix", ""},
				{pat.TokenRefused, holder, "192.0.2.1", "use", "[]", "invalid Prefix", pat.RefusedReplaced},
				{pat.TokenRotated, owner, "192.0.2.1", "r-4", "[]", "invalid Prefix", ""},
				{pat.TokenRefused, holder, "198.51.100.2", "use", "[]", "invalid Prefix", pat.RefusedNetwork},
				{pat.TokenRefused, holder, "198.51.100.1", "use", "[]", "invalid Prefix", pat.RefusedNetwork},
				{pat.TokenNewNetwork, holder, "192.0.2.1", "use", "[]", "192.0.2.0/24", ""},
				{pat.TokenUpdated, owner, "192.0.2.1", "r-3", "[]", "invalid Prefix", ""},
				{pat.TokenUpdated, owner, "192.0.2.1", "r-2", "[name allowed_cidrs]", "invalid Prefix", ""},
				{pat.TokenCreated, owner, "192.0.2.1", "r-1", "[]", "invalid Prefix", ""},
			}
			w.store.events(t)
			var got []fact
			thread := wholeThread(t, w.store, pat.TokenThread(c.ID), w.now, 100)
			for _, e := range thread {
				got = append(got, fact{e.Type, e.By, e.From.String(), e.RequestID, fmt.Sprint(e.Fields), e.Network.String(), e.Reason})
				if e.TokenID != c.ID || e.Owner != "alice" || e.Slot != c.ID.Slot() || e.At.IsZero() {
					t.Errorf("it is about something else: %+v", e)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("got\n%v\nwant\n%v", got, want)
			}
			for _, other := range []pat.Thread{pat.PersonThread(c.ID.Slot()), pat.Everything} {
				equal(t, "thread "+string(other), wholeThread(t, w.store, other, w.now, 4), thread)
			}
			for _, none := range []pat.Thread{pat.TokenThread("AAAAAAAAAA"), pat.PersonThread("AAAAA"), "", "al", "all#"} {
				if all := wholeThread(t, w.store, none, w.now, 4); len(all) > 0 {
					t.Errorf("thread %q holds %d events", none, len(all))
				}
			}
			if all := wholeThread(t, w.store, pat.Everything, w.now.Add(pat.TrailKept-time.Minute), 4); len(all) >= len(thread) || len(all) == 0 {
				t.Errorf("%d are kept of those that end by and by", len(all))
			}
			if all := wholeThread(t, w.store, pat.Everything, w.now.Add(pat.TrailKept+time.Minute), 4); len(all) > 0 {
				t.Errorf("%d are kept too long", len(all))
			}
		})
	}
}

// TestEveryChangeHasItsEventWhateverFails: a function that dies after its write
// has no time to tell of it, so who follows the stream must.
func TestEveryChangeHasItsEventWhateverFails(t *testing.T) {
	for what, f := range faults {
		if what == noJSON { // nothing is written then
			continue
		}
		t.Run(what, func(t *testing.T) {
			s := newToldDynamo(t).(toldDynamo)
			w := newWalk(t, s, 5)
			first := w.create("alice")
			w.store.events(t)
			verbs := map[string]func(ctx context.Context, s *pat.Service) error{
				"create": func(ctx context.Context, s *pat.Service) error {
					_, err := s.Create(ctx, session("alice"), wish("another"))
					return err
				},
				"update": func(ctx context.Context, s *pat.Service) error {
					_, err := s.Update(ctx, session("alice"), string(first), pat.UpdateRequest{Name: new("renamed")})
					return err
				},
				"rotate": func(ctx context.Context, s *pat.Service) error {
					_, err := s.Rotate(ctx, session("alice"), string(first), pat.RotateRequest{})
					return err
				},
				"revoke": func(ctx context.Context, s *pat.Service) error {
					return s.Revoke(ctx, session("alice"), string(first))
				},
			}
			written := 0
			for _, verb := range []string{"create", "update", "rotate", "revoke"} {
				// Of each verb's calls only the writes fail.
				s.wire.setFault(func(rw http.ResponseWriter, r *http.Request, c call) bool {
					if !strings.HasPrefix(c.Operation, "Transact") && c.Operation != "UpdateItem" {
						return false
					}
					f(s.wire, rw, r)
					return true
				})
				err := verbs[verb](t.Context(), w.service())
				s.wire.setFault(nil)
				if err == nil && !strings.HasPrefix(what, "written") {
					t.Errorf("%s: no error", verb)
				}
			}
			all := eventIDs(w.store.events(t))
			tokens, _ := kept(t, s, "alice")
			for _, token := range tokens {
				written += int(token.Version)
			}
			if len(all) != written-1 { // the first one's creation was told before
				t.Errorf("%d events of %d changes", len(all), written-1)
			}
			if strings.HasPrefix(what, "written") != (written > 1) {
				t.Errorf("%d changes were made", written-1)
			}
		})
	}
}

// TestEveryTokenOfAStopHasItsEvent, though the pass that marks them dies at once.
func TestEveryTokenOfAStopHasItsEvent(t *testing.T) {
	s := newToldDynamo(t).(toldDynamo)
	w := newWalk(t, s, 5)
	want := map[pat.ID]bool{}
	for range 120 { // more than a page
		want[w.create("alice")] = true
	}
	gone := w.create("alice")
	if err := w.service().Revoke(w.ctx("gone"), session("alice"), string(gone)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.service().ReadPolicy(t.Context(), root); err != nil {
		t.Fatal(err)
	}
	s.events(t)
	s.wire.setFault(func(rw http.ResponseWriter, r *http.Request, c call) bool {
		if strings.HasPrefix(c.Operation, "Transact") {
			faults["unavailable"](s.wire, rw, r)
		}
		return strings.HasPrefix(c.Operation, "Transact")
	})
	if _, err := w.service().RevokeAll(w.ctx("all"), root, "alice", pat.InvalidError{}); err != nil {
		t.Fatal(err)
	}
	s.wire.setFault(nil)
	person := 0
	for _, e := range eventIDs(s.events(t)) {
		switch {
		case e.Type == pat.PersonRevoked:
			person++
		case e.Type != pat.TokenRevoked || !want[e.TokenID] || e.Owner != "alice" || e.RequestID != "all" || e.By.Subject != "root":
			t.Errorf("told %+v", e)
		default:
			delete(want, e.TokenID)
		}
	}
	if person != 1 || len(want) > 0 {
		t.Errorf("%d events of the person; nothing of %d tokens", person, len(want))
	}
}

// TestWhatAdministratorsDoHasItsEventWhateverFails: as above, for people and the
// policy.
func TestWhatAdministratorsDoHasItsEventWhateverFails(t *testing.T) {
	verbs := map[pat.EventType]func(ctx context.Context, s *pat.Service) error{
		pat.PolicyChanged: func(ctx context.Context, s *pat.Service) error {
			_, err := s.SetPolicy(ctx, root, pat.PolicyRequest{Policy: pat.Policy{MaxTokensPerPerson: 7}})
			return err
		},
		pat.PersonDisabled: func(ctx context.Context, s *pat.Service) error {
			_, err := s.Disable(ctx, root, "alice", true, pat.InvalidError{})
			return err
		},
		pat.PersonRevoked: func(ctx context.Context, s *pat.Service) error {
			_, err := s.RevokeAll(ctx, root, "alice", pat.InvalidError{})
			return err
		},
	}
	for what, f := range faults {
		if what == noJSON { // nothing is written then
			continue
		}
		for verb, do := range verbs {
			t.Run(what+", "+string(verb), func(t *testing.T) {
				s := newToldDynamo(t).(toldDynamo)
				w := newWalk(t, s, 5)
				w.create("alice")
				if _, err := w.service().ReadPolicy(t.Context(), root); err != nil { // root is somebody from now on
					t.Fatal(err)
				}
				w.store.events(t)
				s.wire.setFault(func(rw http.ResponseWriter, r *http.Request, c call) bool {
					if !strings.HasPrefix(c.Operation, "Transact") && c.Operation != "UpdateItem" && c.Operation != "PutItem" {
						return false
					}
					f(s.wire, rw, r)
					return true
				})
				err := do(t.Context(), w.service())
				s.wire.setFault(nil)
				happened := strings.HasPrefix(what, "written")
				if err == nil && !happened {
					t.Error("no error")
				}
				told := 0
				for _, e := range eventIDs(w.store.events(t)) {
					if e.Type == verb {
						told++
					}
				}
				if want := map[bool]int{true: 1}[happened]; told != want {
					t.Errorf("%d events, want %d (the call: %v)", told, want, err)
				}
			})
		}
	}
}
