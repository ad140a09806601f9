package store_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

// The suite's cases of what happens to a token between its creation and its end.

// changeOf is a change of a token to another name and end.
func changeOf(t *testing.T, s pat.Store, id pat.ID, name string, end time.Time) pat.Change {
	t.Helper()
	token, o := look(t, s, id)
	c := pat.Change{OldNameKey: token.Name, NameKey: name, Owner: o, At: start}
	token.Name, token.ExpiresAt = name, end
	c.Token = token
	return c
}

func testUpdate(t *testing.T, s suiteStore) {
	enrol(t, s, "AAAAA", "alice")
	id := create(t, s, "AAAAA", "n").ID
	want, wantOwner := look(t, s, id)
	changed := filled[pat.Token](t)
	changed.ID, changed.Version = id, want.Version
	scrambledOwner := scrambled(t, wantOwner)
	if err := s.Update(t.Context(), pat.Change{Token: changed, OldNameKey: "n", NameKey: "m", Owner: scrambledOwner, At: start}); err != nil {
		t.Fatal(err)
	}
	want.Name, want.Description, want.Scopes = changed.Name, changed.Description, changed.Scopes
	want.AllowedCIDRs, want.ExpiresAt, want.UpdatedAt = changed.AllowedCIDRs, changed.ExpiresAt, changed.UpdatedAt
	want.Changed = changed.Changed
	want.Version++
	wantOwner.Live = scrambledOwner.Live
	wantOwner.Version++
	got, gotOwner := look(t, s, id)
	equal(t, "token", got, want)
	equal(t, "owner", gotOwner, wantOwner)

	// And back to nothing said.
	bare := pat.Token{ID: id, Version: got.Version}
	if err := s.Update(t.Context(), pat.Change{Token: bare, OldNameKey: "m", NameKey: "m", Owner: gotOwner, At: start}); err != nil {
		t.Fatal(err)
	}
	want.Name, want.Description, want.Scopes, want.AllowedCIDRs, want.ExpiresAt, want.UpdatedAt = "", "", nil, nil, time.Time{}, time.Time{}
	want.Changed = pat.Mark{}
	want.Version++
	got, _ = look(t, s, id)
	equal(t, "token, bare", got, want)
}

func testUpdateName(t *testing.T, s suiteStore) {
	enrol(t, s, "AAAAA", "alice")
	id := create(t, s, "AAAAA", "before").ID
	if err := s.Update(t.Context(), changeOf(t, s, id, "after", time.Time{})); err != nil {
		t.Fatal(err)
	}
	wantError(t, "create with its name", s.Create(t.Context(), creation(owner(t, s, "AAAAA"), "after")), pat.ErrNameTaken)
	create(t, s, "AAAAA", "before") // is free
	if err := s.Update(t.Context(), changeOf(t, s, id, "after", time.Time{})); err != nil {
		t.Fatalf("to the name that it has: %v", err)
	}
	if err := s.Revoke(t.Context(), revocation(t, s, id)); err != nil {
		t.Fatal(err)
	}
	create(t, s, "AAAAA", "after")
}

func testUpdateNameTaken(t *testing.T, s suiteStore) {
	enrol(t, s, "AAAAA", "alice")
	create(t, s, "AAAAA", "taken")
	id := create(t, s, "AAAAA", "mine").ID
	want, wantOwner := look(t, s, id)
	wantError(t, "update", s.Update(t.Context(), changeOf(t, s, id, "taken", time.Time{})), pat.ErrNameTaken)
	got, gotOwner := look(t, s, id)
	equal(t, "token", got, want)
	equal(t, "owner", gotOwner, wantOwner)
	wantError(t, "create with the name it kept", s.Create(t.Context(), creation(gotOwner, "mine")), pat.ErrNameTaken)
}

func testUpdateNameEnd(t *testing.T, s suiteStore) {
	enrol(t, s, "AAAAA", "alice")
	id := create(t, s, "AAAAA", "n").ID
	if err := s.Update(t.Context(), changeOf(t, s, id, "n", start.Add(time.Hour))); err != nil {
		t.Fatal(err)
	}
	at := func(moment time.Time) pat.Creation {
		c := creation(owner(t, s, "AAAAA"), "n")
		c.Token.CreatedAt = moment
		return c
	}
	wantError(t, "a moment before its end", s.Create(t.Context(), at(start.Add(time.Hour-1))), pat.ErrNameTaken)
	if err := s.Update(t.Context(), changeOf(t, s, id, "n", time.Time{})); err != nil {
		t.Fatal(err)
	}
	wantError(t, "with no end any more", s.Create(t.Context(), at(start.Add(24*time.Hour))), pat.ErrNameTaken)
	if err := s.Update(t.Context(), changeOf(t, s, id, "n", start.Add(time.Minute))); err != nil {
		t.Fatal(err)
	}
	if err := s.Create(t.Context(), at(start.Add(time.Minute))); err != nil {
		t.Errorf("at its new end: %v", err)
	}
}

func testRotate(t *testing.T, s suiteStore) {
	enrol(t, s, "AAAAA", "alice")
	id := create(t, s, "AAAAA", "n").ID
	want, wantOwner := look(t, s, id)
	changed := filled[pat.Token](t)
	changed.ID, changed.Version = id, want.Version
	if err := s.Rotate(t.Context(), changed); err != nil {
		t.Fatal(err)
	}
	want.Hash, want.Gen, want.Previous, want.PreviousGen = changed.Hash, changed.Gen, changed.Previous, changed.PreviousGen
	want.PreviousUntil, want.RotatedAt, want.Changed = changed.PreviousUntil, changed.RotatedAt, changed.Changed
	want.Replaced = changed.Replaced
	want.Version++
	got, gotOwner := look(t, s, id)
	equal(t, "token", got, want)
	equal(t, "owner", gotOwner, wantOwner)

	got.Previous, got.PreviousGen, got.PreviousUntil, got.Replaced = pat.Hash{}, 0, time.Time{}, pat.Hash{}
	if err := s.Rotate(t.Context(), got); err != nil {
		t.Fatal(err)
	}
	want.Previous, want.PreviousGen, want.PreviousUntil, want.Replaced = pat.Hash{}, 0, time.Time{}, pat.Hash{}
	want.Version++
	got, _ = look(t, s, id)
	equal(t, "token without a previous value", got, want)
}

func testTouch(t *testing.T, s suiteStore) {
	enrol(t, s, "AAAAA", "alice")
	id := create(t, s, "AAAAA", "n").ID
	want, wantOwner := look(t, s, id)
	changed := filled[pat.Token](t)
	changed.ID, changed.Version, changed.Notes = id, want.Version, want.Notes
	if err := s.Touch(t.Context(), changed); err != nil {
		t.Fatal(err)
	}
	want.LastUsedAt, want.LastUsedFrom, want.ScopesUsed = changed.LastUsedAt, changed.LastUsedFrom, changed.ScopesUsed
	want.Networks, want.Noted = changed.Networks, changed.Noted
	want.Notes++
	got, gotOwner := look(t, s, id)
	equal(t, "token", got, want)
	equal(t, "owner", gotOwner, wantOwner)

	wantError(t, "a touch of as many notes ago", s.Touch(t.Context(), changed), pat.ErrConflict)
	changed.Notes = want.Notes + 1
	wantError(t, "a touch of notes to come", s.Touch(t.Context(), changed), pat.ErrConflict)
	bare := pat.Token{ID: id, Version: got.Version, Notes: got.Notes}
	if err := s.Touch(t.Context(), bare); err != nil {
		t.Fatal(err)
	}
	want.LastUsedAt, want.LastUsedFrom, want.Networks, want.Noted = time.Time{}, netip.Addr{}, nil, pat.Mark{}
	want.ScopesUsed = nil
	want.Notes++
	got, _ = look(t, s, id)
	equal(t, "token, bare", got, want)

	before := got
	if err := s.Revoke(t.Context(), revocation(t, s, id)); err != nil {
		t.Fatalf("a touch made a revocation a conflict: %v", err)
	}
	want, _ = look(t, s, id)
	before.LastUsedAt = start.Add(time.Hour)
	if err := s.Touch(t.Context(), before); err != nil {
		t.Fatalf("a revocation made a touch a conflict: %v", err)
	}
	want.LastUsedAt = before.LastUsedAt
	want.Notes++
	got, _ = look(t, s, id)
	equal(t, "token after a touch that came late", got, want)
}

func testOldChanges(t *testing.T, s suiteStore) {
	enrol(t, s, "AAAAA", "alice")
	id := create(t, s, "AAAAA", "n").ID
	old := changeOf(t, s, id, "other", time.Time{})
	if err := s.Update(t.Context(), changeOf(t, s, id, "n", time.Time{})); err != nil {
		t.Fatal(err)
	}
	want, wantOwner := look(t, s, id)
	oldToken, oldOwner := old, old
	oldToken.Owner.Version = wantOwner.Version
	oldOwner.Token.Version = want.Version
	rotated := old.Token
	rotated.Hash = pat.Hash{1}
	absent := pat.Token{ID: "AAAAA00007", Version: 1}
	for what, write := range map[string]func() error{
		"update of an older token":   func() error { return s.Update(t.Context(), oldToken) },
		"update for an older owner":  func() error { return s.Update(t.Context(), oldOwner) },
		"rotation of an older token": func() error { return s.Rotate(t.Context(), rotated) },
		"rotation of what is not":    func() error { return s.Rotate(t.Context(), absent) },
		"touch of what is not there": func() error { return s.Touch(t.Context(), absent) },
		"update of what is not there": func() error {
			return s.Update(t.Context(), pat.Change{Token: absent, NameKey: "x", OldNameKey: "x", Owner: wantOwner, At: start})
		},
	} {
		wantError(t, what, write(), pat.ErrConflict)
		got, gotOwner := look(t, s, id)
		equal(t, "token after "+what, got, want)
		equal(t, "owner after "+what, gotOwner, wantOwner)
	}
	create(t, s, "AAAAA", "other") // no refused update took it
}

func testChangeRace(t *testing.T, s suiteStore) {
	enrol(t, s, "AAAAA", "alice")
	id := create(t, s, "AAAAA", "n").ID
	update := changeOf(t, s, id, "n", start.Add(time.Hour))
	revoke := revocation(t, s, id)
	won := race(t, func(i int) error {
		switch i % 3 {
		case 0:
			c := update
			return s.Update(t.Context(), c)
		case 1:
			return s.Revoke(t.Context(), revoke)
		}
		token := update.Token
		token.Hash = pat.Hash{byte(i + 1)}
		return s.Rotate(t.Context(), token)
	})
	if won != 1 {
		t.Errorf("%d won", won)
	}
	if token, _ := look(t, s, id); token.Version != 2 {
		t.Errorf("version %d after one change", token.Version)
	}
}

func testLookBoth(t *testing.T, s suiteStore) {
	enrol(t, s, "AAAAA", "alice")
	enrol(t, s, "BBBBB", "bob")
	hers, second, his := create(t, s, "AAAAA", "a").ID, create(t, s, "AAAAA", "b").ID, create(t, s, "BBBBB", "c").ID
	for _, pair := range [][2]pat.ID{{hers, his}, {his, hers}, {hers, second}, {hers, hers}} {
		a, b, err := s.LookBoth(t.Context(), pair[0], pair[1])
		if err != nil {
			t.Fatalf("%v: %v", pair, err)
		}
		for i, got := range []pat.Found{a, b} {
			token, o := look(t, s, pair[i])
			equal(t, "token", got.Token, token)
			equal(t, "owner", got.Owner, o)
		}
	}
	for _, pair := range [][2]pat.ID{{hers, "AAAAA00009"}, {"AAAAA00009", hers}, {"CCCCC00001", his}} {
		_, _, err := s.LookBoth(t.Context(), pair[0], pair[1])
		wantError(t, "one that is not there", err, pat.ErrNotFound)
	}
}

func testLookAll(t *testing.T, s suiteStore) {
	var want []pat.ID
	ids := []pat.ID{}
	for i := range 3 {
		slot := numbered(i)
		enrol(t, s, slot, fmt.Sprint(i))
		for n := range 20 {
			want = append(want, create(t, s, slot, fmt.Sprint(n)).ID)
		}
		ids = append(ids, pat.NewID(slot, 99), pat.NewID("CCCCC", uint64(i)))
	}
	ids = append(ids, want...)
	found, err := s.LookAll(t.Context(), ids)
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != len(want) {
		t.Errorf("%d of %d found", len(found), len(want))
	}
	for _, id := range want {
		token, o := look(t, s, id)
		equal(t, "token", found[id].Token, token)
		equal(t, "owner", found[id].Owner, o)
	}
	if found, err := s.LookAll(t.Context(), nil); err != nil || len(found) > 0 {
		t.Errorf("of none: %v, %v", found, err)
	}
}

func testWarn(t *testing.T, s suiteStore) {
	enrol(t, s, "AAAAA", "alice")
	id := create(t, s, "AAAAA", "n").ID
	want, wantOwner := look(t, s, id)
	changed := filled[pat.Token](t)
	changed.ID, changed.Version, changed.Notes = id, want.Version, want.Notes
	if err := s.Warn(t.Context(), changed); err != nil {
		t.Fatal(err)
	}
	want.Warned, want.WarnedIdle, want.Noted = changed.Warned, changed.WarnedIdle, changed.Noted
	want.Notes++
	got, gotOwner := look(t, s, id)
	equal(t, "token", got, want)
	equal(t, "owner", gotOwner, wantOwner)
	wantError(t, "a warning of as many notes ago", s.Warn(t.Context(), changed), pat.ErrConflict)
	changed.Version, changed.Notes = want.Version+1, want.Notes
	wantError(t, "a warning of another version", s.Warn(t.Context(), changed), pat.ErrConflict)
	wantError(t, "a warning of what is not there", s.Warn(t.Context(), pat.Token{ID: "AAAAA00007", Version: 1}), pat.ErrConflict)
	got, _ = look(t, s, id)
	equal(t, "token", got, want)
}

func testEach(t *testing.T, s suiteStore) {
	var want []pat.ID
	// At both ends of the 1st of 62 parts, and of all.
	for i, slot := range []pat.Slot{"00000", "0zzzz", "10000", "AAAAA", "zzzzz"} {
		enrol(t, s, slot, fmt.Sprint(i))
		for n := range 4 {
			want = append(want, create(t, s, slot, fmt.Sprint(n)).ID)
		}
	}
	each := func(parts int) (got []pat.ID) {
		for part := range parts {
			err := s.Each(t.Context(), part, parts, func(tokens []pat.Token) error {
				for _, token := range tokens {
					there, _ := look(t, s, token.ID)
					equal(t, "token", token, there)
				}
				got = append(got, ids(tokens)...)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		slices.Sort(got)
		return got
	}
	for _, parts := range []int{1, 2, 3, 24, 62, 1000} {
		if got := each(parts); !slices.Equal(got, want) {
			t.Errorf("in %d parts got %v, want %v", parts, got, want)
		}
	}
	enough := errors.New("enough")
	wantError(t, "each", s.Each(t.Context(), 0, 1, func([]pat.Token) error { return enough }), enough)
}
