package store_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

// A suiteStore is what every implementation of the port offers.
type suiteStore interface {
	pat.Store
	Publish(ctx context.Context, keys []pat.Key, catalogue pat.Catalogue) error
}

// testStore holds an implementation to what pat.Store promises. open returns an
// empty store, which the test's end closes.
func testStore(t *testing.T, open func(t *testing.T) suiteStore) {
	for name, test := range map[string]func(t *testing.T, s suiteStore){
		"what is not there is not found":                              testAbsence,
		"every field of an owner comes back":                          testOwnerFields,
		"every field of a token comes back":                           testTokenFields,
		"what was left empty comes back empty":                        testEmptyFields,
		"every field of the settings comes back":                      testSettingsFields,
		"publishing again replaces keys and catalogue":                testRepublish,
		"a person is enrolled once":                                   testEnrolPerson,
		"a slot is given once":                                        testEnrolSlot,
		"two people are never taken for one":                          testPeopleApart,
		"of 16 that enrol one person one wins":                        testEnrolPersonRace,
		"of 16 that enrol into one slot one wins":                     testEnrolSlotRace,
		"a refresh writes what a session shows":                       testRefresh,
		"a recount writes the counter":                                testRecount,
		"disabling writes an administrator's word":                    testDisable,
		"a stop writes the stops and the counter":                     testStop,
		"a name is free once a stop has reached its token":            testNameStopped,
		"every field of the policy comes back":                        testPolicyFields,
		"a scan finds every token once, with its owner":               testScan,
		"a creation writes the owner's next number and counter":       testCreateOwner,
		"a revocation writes its moment and the counter":              testRevoke,
		"two tokens are looked up together, whoever owns them":        testLookBoth,
		"many tokens are looked up together, with those that are not": testLookAll,
		"an update writes what is said of a token":                    testUpdate,
		"an update takes a name and lets the one before go":           testUpdateName,
		"an update refuses a name that is taken":                      testUpdateNameTaken,
		"an update moves the end of a name with its token's":          testUpdateNameEnd,
		"a rotation writes the values":                                testRotate,
		"a touch writes the last use and counts no version":           testTouch,
		"a warning writes what was told of ends":                      testWarn,
		"every token is in one part":                                  testEach,
		"changes of older versions are refused":                       testOldChanges,
		"of 16 that change one version one wins":                      testChangeRace,
		"a write to an older version is refused":                      testOldVersions,
		"a write to what is not there is refused":                     testWriteAbsent,
		"of 16 that write to one version one wins":                    testWriteRace,
		"a name is taken while its token lives":                       testNameTaken,
		"a name is free after its token's own end":                    testNameExpired,
		"a name is free once its token is revoked":                    testNameRevoked,
		"a name is freed only by the token that holds it":             testNameOfAnother,
		"a name is one owner's matter":                                testNameOtherOwner,
		"an id is given once":                                         testIDInUse,
		"a refused write leaves nothing behind":                       testAtomic,
		"a list is newest first, dead ones included":                  testListOrder,
		"a list holds one slot's tokens alone":                        testListNeighbours,
		"pages fit together though tokens come between them":          testListPages,
		"a cancelled request is refused and writes nothing":           testCancelled,
		"what one goroutine was told, the next one sees immediately":  testReadYourWrites,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

var start = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)

func person(subject string) pat.Person {
	return pat.Person{Issuer: "https://people.example", Subject: subject}
}

// numbered is one of 26 slots.
func numbered(i int) pat.Slot { return "AAAA" + pat.Slot(rune('A'+i)) }

// enrol gives a person a slot, and returns the owner as it is kept.
func enrol(t *testing.T, s pat.Store, slot pat.Slot, subject string) pat.Owner {
	t.Helper()
	if err := s.Enrol(t.Context(), pat.Owner{Slot: slot, Person: person(subject)}); err != nil {
		t.Fatalf("enrol %s: %v", subject, err)
	}
	return owner(t, s, slot)
}

func owner(t *testing.T, s pat.Store, slot pat.Slot) pat.Owner {
	t.Helper()
	o, err := s.Owner(t.Context(), slot)
	if err != nil {
		t.Fatalf("owner %s: %v", slot, err)
	}
	return o
}

// look returns a token and its owner, which must be there.
func look(t *testing.T, s pat.Store, id pat.ID) (pat.Token, pat.Owner) {
	t.Helper()
	token, o, err := s.Look(t.Context(), id)
	if err != nil {
		t.Fatalf("look up %s: %v", id, err)
	}
	return token, o
}

// creation is the owner's next token.
func creation(o pat.Owner, name string) pat.Creation {
	id := pat.NewID(o.Slot, o.Next)
	o.Next++
	o.Live++
	return pat.Creation{
		Token:   pat.Token{ID: id, Name: name, Scopes: []string{"notes:read"}, CreatedAt: start, Gen: 1},
		NameKey: name,
		Owner:   o,
	}
}

// create makes a slot's next token and returns it as it is kept.
func create(t *testing.T, s pat.Store, slot pat.Slot, name string) pat.Token {
	t.Helper()
	c := creation(owner(t, s, slot), name)
	if err := s.Create(t.Context(), c); err != nil {
		t.Fatalf("create %s: %v", c.Token.ID, err)
	}
	token, _ := look(t, s, c.Token.ID)
	return token
}

// revocation is the end of a token that holds a place.
func revocation(t *testing.T, s pat.Store, id pat.ID) pat.Revocation {
	t.Helper()
	token, o := look(t, s, id)
	token.RevokedAt = start.Add(time.Hour)
	o.Live--
	return pat.Revocation{Token: token, NameKey: token.Name, Owner: o}
}

func ids(tokens []pat.Token) []pat.ID {
	var ids []pat.ID
	for _, t := range tokens {
		ids = append(ids, t.ID)
	}
	return ids
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

func wantError(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: got error %v, want %v", what, got, want)
	}
}

// filled returns a T of which every field is set, and fails the test for a kind
// of field that it does not know: so a field that is added to T and forgotten
// by a store fails the test too.
func filled[T any](t *testing.T) T {
	t.Helper()
	var v T
	n := 0
	fill(t, reflect.ValueOf(&v).Elem(), &n)
	return v
}

func fill(t *testing.T, v reflect.Value, n *int) {
	t.Helper()
	*n++
	if !v.CanInterface() {
		t.Fatalf("do not know how to fill a %s", v.Type())
	}
	switch v.Interface().(type) {
	case netip.Addr:
		v.Set(reflect.ValueOf(netip.AddrFrom4([4]byte{192, 0, 2, byte(*n)})))
		return
	case time.Time:
		v.Set(reflect.ValueOf(start.Add(time.Duration(*n)*time.Hour + 123456789)))
		return
	case netip.Prefix:
		v.Set(reflect.ValueOf(netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(*n)}), 32)))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("“%d” \t<&>\x00 é", *n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n) + 1<<30)
	case reflect.Uint8, reflect.Uint64:
		v.SetUint(uint64(*n))
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			fill(t, v.Index(i), n)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i), n)
		}
	case reflect.Interface:
		if v.Type() != reflect.TypeFor[crypto.PublicKey]() {
			t.Fatalf("do not know how to fill a %s", v.Type())
		}
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		v.Set(reflect.ValueOf(&key.PublicKey))
	default:
		t.Fatalf("do not know how to fill a %s", v.Type())
	}
}

// race calls attempt 16 times at once and counts those that succeeded; all
// others must have failed with ErrConflict.
func race(t *testing.T, attempt func(i int) error) int {
	t.Helper()
	var wg sync.WaitGroup
	errs := make([]error, 16)
	begin := make(chan struct{})
	for i := range errs {
		wg.Go(func() {
			<-begin
			errs[i] = attempt(i)
		})
	}
	close(begin)
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if !errors.Is(err, pat.ErrConflict) {
			t.Errorf("a loser got %v, want %v", err, pat.ErrConflict)
		}
	}
	return won
}

func testAbsence(t *testing.T, s suiteStore) {
	_, err := s.Settings(t.Context())
	wantError(t, "settings", err, pat.ErrNotFound)
	_, err = s.Slot(t.Context(), person("alice"))
	wantError(t, "slot", err, pat.ErrNotFound)
	_, err = s.Owner(t.Context(), "AAAAA")
	wantError(t, "owner", err, pat.ErrNotFound)
	_, _, err = s.Look(t.Context(), "AAAAA00000")
	wantError(t, "token in a slot that is nobody's", err, pat.ErrNotFound)
	enrol(t, s, "AAAAA", "alice")
	_, _, err = s.Look(t.Context(), "AAAAA00000")
	wantError(t, "token in somebody's slot", err, pat.ErrNotFound)
	tokens, err := s.List(t.Context(), "BBBBB", "", 10)
	if err != nil || len(tokens) != 0 {
		t.Errorf("list of a slot that is nobody's: %v, %v", tokens, err)
	}
}

func testOwnerFields(t *testing.T, s suiteStore) {
	want := filled[pat.Owner](t)
	want.Slot = "AAAAA"
	if err := s.Enrol(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	want.Version = 1
	equal(t, "owner", owner(t, s, "AAAAA"), want)
	slot, err := s.Slot(t.Context(), want.Person)
	if err != nil || slot != "AAAAA" {
		t.Errorf("slot: %q, %v", slot, err)
	}
}

func testTokenFields(t *testing.T, s suiteStore) {
	o := enrol(t, s, "AAAAA", "alice")
	want := filled[pat.Token](t)
	want.ID = "AAAAA00000"
	o.Next, o.Live = 1, 1
	if err := s.Create(t.Context(), pat.Creation{Token: want, NameKey: "name", Owner: o}); err != nil {
		t.Fatal(err)
	}
	want.Version = 1
	token, _ := look(t, s, want.ID)
	equal(t, "token", token, want)
	list, err := s.List(t.Context(), "AAAAA", "", 10)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "list", list, []pat.Token{want})
}

func testEmptyFields(t *testing.T, s suiteStore) {
	o := pat.Owner{Slot: "AAAAA", Person: person("alice")}
	if err := s.Enrol(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	o.Version = 1
	equal(t, "owner", owner(t, s, "AAAAA"), o)
	want := pat.Token{ID: "AAAAA00000", Name: "n", CreatedAt: start}
	if err := s.Create(t.Context(), pat.Creation{Token: want, NameKey: "n", Owner: o}); err != nil {
		t.Fatal(err)
	}
	want.Version = 1
	token, _ := look(t, s, want.ID)
	equal(t, "token", token, want)
}

func testSettingsFields(t *testing.T, s suiteStore) {
	want := filled[pat.Settings](t)
	want.Policy = pat.DefaultPolicy
	if err := s.Publish(t.Context(), want.Keys, want.Catalogue); err != nil {
		t.Fatal(err)
	}
	got, err := s.Settings(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "settings", got, want)
}

func testRepublish(t *testing.T, s suiteStore) {
	first := filled[pat.Settings](t)
	if err := s.Publish(t.Context(), first.Keys, first.Catalogue); err != nil {
		t.Fatal(err)
	}
	want := pat.Settings{
		Keys:      first.Keys[1:],
		Catalogue: pat.Catalogue{{Name: "notes:read"}},
		Policy:    pat.DefaultPolicy,
	}
	if err := s.Publish(t.Context(), want.Keys, want.Catalogue); err != nil {
		t.Fatal(err)
	}
	got, err := s.Settings(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "settings", got, want)
}

func testEnrolPerson(t *testing.T, s suiteStore) {
	enrol(t, s, "AAAAA", "alice")
	err := s.Enrol(t.Context(), pat.Owner{Slot: "BBBBB", Person: person("alice")})
	wantError(t, "enrol again", err, pat.ErrConflict)
	slot, err := s.Slot(t.Context(), person("alice"))
	if err != nil || slot != "AAAAA" {
		t.Errorf("slot: %q, %v", slot, err)
	}
}

func testEnrolSlot(t *testing.T, s suiteStore) {
	want := enrol(t, s, "AAAAA", "alice")
	err := s.Enrol(t.Context(), pat.Owner{Slot: "AAAAA", Person: person("bob")})
	wantError(t, "enrol into the slot", err, pat.ErrConflict)
	equal(t, "owner", owner(t, s, "AAAAA"), want)
}

func testPeopleApart(t *testing.T, s suiteStore) {
	people := []pat.Person{
		{Issuer: "https://a.example", Subject: "x"},
		{Issuer: "https://a.example", Subject: "X"},
		{Issuer: "https://a.example", Subject: "x "},
		{Issuer: "https://a.example", Subject: "x\x00"},
		{Issuer: "https://a.examplex", Subject: "x"},
		{Issuer: "https://a.example", Subject: "xx"},
		{Issuer: "https://a.example/", Subject: "x"},
		{Issuer: "https://a.example", Subject: "/x"},
		{Issuer: "https://a.example\x00x", Subject: "y"},
		{Issuer: "https://a.example", Subject: "x\x00y"},
		{Issuer: "https://a.example|x", Subject: "y"},
		{Issuer: "https://a.example", Subject: "x|y"},
		{Issuer: "https://a.example#x", Subject: "y"},
		{Issuer: "https://a.example", Subject: "x#y"},
	}
	for i, p := range people {
		if err := s.Enrol(t.Context(), pat.Owner{Slot: numbered(i), Person: p}); err != nil {
			t.Fatalf("enrol %+q: %v", p, err)
		}
	}
	for i, p := range people {
		slot, err := s.Slot(t.Context(), p)
		if want := numbered(i); err != nil || slot != want {
			t.Errorf("%+q has slot %q, %v; want %q", p, slot, err, want)
		}
	}
}

func testEnrolPersonRace(t *testing.T, s suiteStore) {
	won := race(t, func(i int) error {
		return s.Enrol(t.Context(), pat.Owner{Slot: numbered(i), Person: person("alice")})
	})
	if won != 1 {
		t.Fatalf("%d enrolled her", won)
	}
	mine, err := s.Slot(t.Context(), person("alice"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 16 {
		slot := numbered(i)
		_, err := s.Owner(t.Context(), slot)
		if (err == nil) != (slot == mine) {
			t.Errorf("she is in %s; slot %s: %v", mine, slot, err)
		}
	}
}

func testEnrolSlotRace(t *testing.T, s suiteStore) {
	won := race(t, func(i int) error {
		return s.Enrol(t.Context(), pat.Owner{Slot: "AAAAA", Person: person(fmt.Sprint(i))})
	})
	if won != 1 {
		t.Fatalf("%d got it", won)
	}
	holder := owner(t, s, "AAAAA").Person
	for i := range 16 {
		p := person(fmt.Sprint(i))
		_, err := s.Slot(t.Context(), p)
		if (err == nil) != (p == holder) {
			t.Errorf("%s holds the slot; %s: %v", holder.Subject, p.Subject, err)
		}
	}
}

// scrambled is an owner of whom nothing is right but where it is and at which
// version.
func scrambled(t *testing.T, o pat.Owner) pat.Owner {
	t.Helper()
	other := filled[pat.Owner](t)
	other.Slot, other.Version = o.Slot, o.Version
	return other
}

func testRefresh(t *testing.T, s suiteStore) {
	enrol(t, s, "AAAAA", "alice")
	create(t, s, "AAAAA", "n")
	want := owner(t, s, "AAAAA")
	shown := scrambled(t, want)
	if err := s.Refresh(t.Context(), shown); err != nil {
		t.Fatal(err)
	}
	want.Name, want.Groups, want.GroupsAt, want.SeenAt = shown.Name, shown.Groups, shown.GroupsAt, shown.SeenAt
	want.GroupsSum = shown.GroupsSum
	want.Version++
	equal(t, "owner", owner(t, s, "AAAAA"), want)

	gone := want
	gone.Name, gone.Groups, gone.GroupsAt, gone.GroupsSum = "", nil, start, ""
	if err := s.Refresh(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	gone.Version++
	equal(t, "owner whose groups were taken", owner(t, s, "AAAAA"), gone)
}

func testRecount(t *testing.T, s suiteStore) {
	o := filled[pat.Owner](t)
	o.Slot = "AAAAA"
	if err := s.Enrol(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	want := owner(t, s, "AAAAA")
	counted := scrambled(t, want)
	counted.Live, counted.Name, counted.Groups, counted.Next = 3, "", nil, 0
	if err := s.Recount(t.Context(), counted); err != nil {
		t.Fatal(err)
	}
	want.Live = 3
	want.Version++
	equal(t, "owner", owner(t, s, "AAAAA"), want)
}

func testCreateOwner(t *testing.T, s suiteStore) {
	o := filled[pat.Owner](t)
	o.Slot = "AAAAA"
	if err := s.Enrol(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	want := owner(t, s, "AAAAA")
	changed := scrambled(t, want)
	changed.Next, changed.Live, changed.Name, changed.Groups = 8, 9, "", nil
	c := creation(want, "n")
	c.Owner = changed
	if err := s.Create(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	want.Next, want.Live = 8, 9
	want.Version++
	_, got := look(t, s, c.Token.ID)
	equal(t, "owner", got, want)
}

func testRevoke(t *testing.T, s suiteStore) {
	o := filled[pat.Owner](t)
	o.Slot = "AAAAA"
	if err := s.Enrol(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	id := create(t, s, "AAAAA", "n").ID
	wantToken, wantOwner := look(t, s, id)
	changed := filled[pat.Token](t)
	changed.ID, changed.Version = id, wantToken.Version
	changedOwner := scrambled(t, wantOwner)
	changedOwner.Live, changedOwner.Name, changedOwner.Groups = 7, "", nil
	if err := s.Revoke(t.Context(), pat.Revocation{Token: changed, NameKey: "n", Owner: changedOwner}); err != nil {
		t.Fatal(err)
	}
	wantToken.RevokedAt, wantToken.Changed = changed.RevokedAt, changed.Changed
	wantToken.Version++
	wantOwner.Live = 7
	wantOwner.Version++
	gotToken, gotOwner := look(t, s, id)
	equal(t, "token", gotToken, wantToken)
	equal(t, "owner", gotOwner, wantOwner)
}

func testOldVersions(t *testing.T, s suiteStore) {
	first := enrol(t, s, "AAAAA", "alice")
	id := create(t, s, "AAAAA", "n").ID
	old := revocation(t, s, id)
	if err := s.Revoke(t.Context(), revocation(t, s, id)); err != nil {
		t.Fatal(err)
	}
	wantToken, wantOwner := look(t, s, id)
	oldOwner, oldToken := old, old
	oldOwner.Token.Version = wantToken.Version
	oldToken.Owner.Version = wantOwner.Version
	stale := creation(wantOwner, "new")
	stale.Owner.Version--
	ahead := creation(wantOwner, "new")
	ahead.Owner.Version++
	for what, write := range map[string]func() error{
		"refresh of an older owner":          func() error { return s.Refresh(t.Context(), first) },
		"recount of an older owner":          func() error { return s.Recount(t.Context(), first) },
		"disabling an older owner":           func() error { return s.Disable(t.Context(), first) },
		"a stop of an older owner":           func() error { return s.Stop(t.Context(), first) },
		"creation for an older owner":        func() error { return s.Create(t.Context(), stale) },
		"creation for an owner that will be": func() error { return s.Create(t.Context(), ahead) },
		"revocation of an older token":       func() error { return s.Revoke(t.Context(), oldToken) },
		"revocation for an older owner":      func() error { return s.Revoke(t.Context(), oldOwner) },
		"revocation of both":                 func() error { return s.Revoke(t.Context(), old) },
	} {
		wantError(t, what, write(), pat.ErrConflict)
		gotToken, gotOwner := look(t, s, id)
		equal(t, "token after "+what, gotToken, wantToken)
		equal(t, "owner after "+what, gotOwner, wantOwner)
	}
}

func testWriteAbsent(t *testing.T, s suiteStore) {
	nobody := pat.Owner{Slot: "AAAAA", Person: person("alice"), Version: 1}
	wantError(t, "refresh", s.Refresh(t.Context(), nobody), pat.ErrConflict)
	wantError(t, "recount", s.Recount(t.Context(), nobody), pat.ErrConflict)
	wantError(t, "disable", s.Disable(t.Context(), nobody), pat.ErrConflict)
	wantError(t, "stop", s.Stop(t.Context(), nobody), pat.ErrConflict)
	wantError(t, "create", s.Create(t.Context(), creation(nobody, "n")), pat.ErrConflict)
	_, err := s.Owner(t.Context(), "AAAAA")
	wantError(t, "owner", err, pat.ErrNotFound)

	o := enrol(t, s, "AAAAA", "alice")
	nothing := pat.Revocation{Token: pat.Token{ID: "AAAAA00007", RevokedAt: start, Version: 1}, NameKey: "n", Owner: o}
	wantError(t, "revoke", s.Revoke(t.Context(), nothing), pat.ErrConflict)
	_, _, err = s.Look(t.Context(), "AAAAA00007")
	wantError(t, "token", err, pat.ErrNotFound)
	equal(t, "owner", owner(t, s, "AAAAA"), o)
}

func testWriteRace(t *testing.T, s suiteStore) {
	o := enrol(t, s, "AAAAA", "alice")
	if won := race(t, func(i int) error {
		mine := o
		mine.Name = fmt.Sprint(i)
		return s.Refresh(t.Context(), mine)
	}); won != 1 {
		t.Errorf("%d refreshed one version", won)
	}
	o = owner(t, s, "AAAAA")
	if won := race(t, func(i int) error {
		return s.Create(t.Context(), creation(o, fmt.Sprint(i)))
	}); won != 1 {
		t.Errorf("%d created a token at one version", won)
	}
	r := revocation(t, s, pat.NewID("AAAAA", 0))
	if won := race(t, func(int) error { return s.Revoke(t.Context(), r) }); won != 1 {
		t.Errorf("%d revoked one version", won)
	}
}

func testNameTaken(t *testing.T, s suiteStore) {
	enrol(t, s, "AAAAA", "alice")
	create(t, s, "AAAAA", "n")
	c := creation(owner(t, s, "AAAAA"), "n")
	c.Token.CreatedAt = start.AddDate(1000, 0, 0)
	wantError(t, "same name", s.Create(t.Context(), c), pat.ErrNameTaken)
	c.NameKey = "N"
	if err := s.Create(t.Context(), c); err != nil {
		t.Errorf("another name: %v", err)
	}
}

func testNameExpired(t *testing.T, s suiteStore) {
	o := enrol(t, s, "AAAAA", "alice")
	first := creation(o, "n")
	first.Token.ExpiresAt = start.Add(time.Hour)
	if err := s.Create(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	next := creation(owner(t, s, "AAAAA"), "n")
	next.Token.CreatedAt = start.Add(time.Hour - 1)
	wantError(t, "a moment before the end", s.Create(t.Context(), next), pat.ErrNameTaken)
	next.Token.CreatedAt = start.Add(time.Hour)
	if err := s.Create(t.Context(), next); err != nil {
		t.Fatalf("at the end: %v", err)
	}
	third := creation(owner(t, s, "AAAAA"), "n")
	third.Token.CreatedAt = start.Add(time.Hour)
	wantError(t, "after it was taken over by one without an end", s.Create(t.Context(), third), pat.ErrNameTaken)
}

func testNameRevoked(t *testing.T, s suiteStore) {
	enrol(t, s, "AAAAA", "alice")
	id := create(t, s, "AAAAA", "n").ID
	if err := s.Revoke(t.Context(), revocation(t, s, id)); err != nil {
		t.Fatal(err)
	}
	create(t, s, "AAAAA", "n")
	c := creation(owner(t, s, "AAAAA"), "n")
	wantError(t, "a third", s.Create(t.Context(), c), pat.ErrNameTaken)
}

func testNameOfAnother(t *testing.T, s suiteStore) {
	o := enrol(t, s, "AAAAA", "alice")
	first := creation(o, "n")
	first.Token.ExpiresAt = start.Add(time.Hour)
	if err := s.Create(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	second := creation(owner(t, s, "AAAAA"), "n")
	second.Token.CreatedAt = start.Add(time.Hour)
	if err := s.Create(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	if err := s.Revoke(t.Context(), revocation(t, s, first.Token.ID)); err != nil {
		t.Fatal(err)
	}
	third := creation(owner(t, s, "AAAAA"), "n")
	third.Token.CreatedAt = start.Add(2 * time.Hour)
	wantError(t, "the second holds the name", s.Create(t.Context(), third), pat.ErrNameTaken)
}

func testNameOtherOwner(t *testing.T, s suiteStore) {
	enrol(t, s, "AAAAA", "alice")
	enrol(t, s, "AAAAB", "bob")
	create(t, s, "AAAAA", "n")
	create(t, s, "AAAAB", "n")
	if err := s.Revoke(t.Context(), revocation(t, s, "AAAAB00000")); err != nil {
		t.Fatal(err)
	}
	wantError(t, "alice's", s.Create(t.Context(), creation(owner(t, s, "AAAAA"), "n")), pat.ErrNameTaken)
	create(t, s, "AAAAB", "n")
}

func testIDInUse(t *testing.T, s suiteStore) {
	enrol(t, s, "AAAAA", "alice")
	want := create(t, s, "AAAAA", "n")
	c := creation(owner(t, s, "AAAAA"), "another")
	c.Token.ID = want.ID
	wantError(t, "its id", s.Create(t.Context(), c), pat.ErrConflict)
	got, _ := look(t, s, want.ID)
	equal(t, "token", got, want)
}

func testAtomic(t *testing.T, s suiteStore) {
	enrol(t, s, "AAAAA", "alice")
	id := create(t, s, "AAAAA", "n").ID
	wantToken, wantOwner := look(t, s, id)
	untouched := func(after string) {
		t.Helper()
		gotToken, gotOwner := look(t, s, id)
		equal(t, "token after "+after, gotToken, wantToken)
		equal(t, "owner after "+after, gotOwner, wantOwner)
		list, err := s.List(t.Context(), "AAAAA", "", 10)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "list after "+after, ids(list), []pat.ID{id})
	}

	taken := creation(wantOwner, "n")
	wantError(t, "create", s.Create(t.Context(), taken), pat.ErrNameTaken)
	untouched("a creation under a taken name")

	inUse := creation(wantOwner, "free")
	inUse.Token.ID = id
	wantError(t, "create", s.Create(t.Context(), inUse), pat.ErrConflict)
	untouched("a creation under an id in use")

	stale := creation(wantOwner, "free")
	stale.Owner.Version--
	wantError(t, "create", s.Create(t.Context(), stale), pat.ErrConflict)
	untouched("a creation for an older owner")

	half := revocation(t, s, id)
	half.Owner.Version--
	wantError(t, "revoke", s.Revoke(t.Context(), half), pat.ErrConflict)
	untouched("a revocation for an older owner")
	wantError(t, "create", s.Create(t.Context(), taken), pat.ErrNameTaken)

	wantError(t, "enrol", s.Enrol(t.Context(), pat.Owner{Slot: "AAAAA", Person: person("bob")}), pat.ErrConflict)
	untouched("an enrolment into its slot")
	_, err := s.Slot(t.Context(), person("bob"))
	wantError(t, "bob's slot", err, pat.ErrNotFound)

	wantError(t, "enrol", s.Enrol(t.Context(), pat.Owner{Slot: "BBBBB", Person: person("alice")}), pat.ErrConflict)
	untouched("an enrolment of its owner")
	_, err = s.Owner(t.Context(), "BBBBB")
	wantError(t, "the other slot's owner", err, pat.ErrNotFound)

	if err := s.Create(t.Context(), creation(wantOwner, "free")); err != nil {
		t.Errorf("the name that was asked for in vain is not free: %v", err)
	}
}

func testListOrder(t *testing.T, s suiteStore) {
	o := enrol(t, s, "AAAAA", "alice")
	// The numbers at which another digit begins to count.
	numbers := []uint64{0, 1, 9, 10, 35, 36, 61, 62, 62*62 - 1, 62 * 62, 62*62*62*62*62 - 1}
	var want []pat.ID
	for i, n := range numbers {
		o.Next = n
		c := creation(o, fmt.Sprint(n))
		if i%3 == 0 {
			c.Token.ExpiresAt = start.Add(-time.Hour)
		}
		if err := s.Create(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		o = owner(t, s, "AAAAA")
		want = append(want, c.Token.ID)
	}
	if err := s.Revoke(t.Context(), revocation(t, s, want[4])); err != nil {
		t.Fatal(err)
	}
	slices.Reverse(want)
	list, err := s.List(t.Context(), "AAAAA", "", 100)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "list", ids(list), want)
	for limit := range len(want) + 2 {
		list, err := s.List(t.Context(), "AAAAA", "", limit)
		if err != nil {
			t.Fatal(err)
		}
		if first := min(limit, len(want)); !slices.Equal(ids(list), want[:first]) {
			t.Errorf("limit %d: got %v, want %v", limit, ids(list), want[:first])
		}
	}
	for i, before := range want {
		list, err := s.List(t.Context(), "AAAAA", before, 3)
		if err != nil {
			t.Fatal(err)
		}
		if rest := want[i+1:]; !slices.Equal(ids(list), rest[:min(3, len(rest))]) {
			t.Errorf("before %s: got %v, want the first of %v", before, ids(list), rest)
		}
	}
}

func testListNeighbours(t *testing.T, s suiteStore) {
	slots := []pat.Slot{"00000", "AAAA0", "AAAA9", "AAAAA", "AAAAB", "AAAAa", "AAAB0", "AAAaA", "aAAAA", "zzzzz"}
	for i, slot := range slots {
		enrol(t, s, slot, fmt.Sprint(i))
	}
	const each = 6
	for range each {
		for _, slot := range slots {
			c := creation(owner(t, s, slot), "x")
			c.NameKey = string(c.Token.ID)
			if err := s.Create(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, slot := range slots {
		list, err := s.List(t.Context(), slot, "", 100)
		if err != nil {
			t.Fatal(err)
		}
		var want []pat.ID
		for n := range each {
			want = append(want, pat.NewID(slot, uint64(each-1-n)))
		}
		equal(t, "list of "+string(slot), ids(list), want)
		list, err = s.List(t.Context(), slot, pat.NewID(slot, 0), 100)
		if err != nil || len(list) != 0 {
			t.Errorf("below the oldest of %s: %v, %v", slot, ids(list), err)
		}
	}
}

func testListPages(t *testing.T, s suiteStore) {
	enrol(t, s, "AAAAA", "alice")
	enrol(t, s, "AAAAB", "bob")
	n := 0
	add := func() pat.ID {
		n++
		create(t, s, "AAAAB", fmt.Sprint(n))
		return create(t, s, "AAAAA", fmt.Sprint(n)).ID
	}
	var want []pat.ID
	for range 11 {
		want = append(want, add())
	}
	slices.Reverse(want)
	var got []pat.ID
	for before := pat.ID(""); ; {
		page, err := s.List(t.Context(), "AAAAA", before, 3)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, ids(page)...)
		if len(page) < 3 {
			break
		}
		before = page[2].ID
		add()
	}
	equal(t, "the pages", got, want)
}

func testCancelled(t *testing.T, s suiteStore) {
	settings := filled[pat.Settings](t)
	if err := s.Publish(t.Context(), settings.Keys, settings.Catalogue); err != nil {
		t.Fatal(err)
	}
	enrol(t, s, "AAAAA", "alice")
	id := create(t, s, "AAAAA", "n").ID
	wantToken, wantOwner := look(t, s, id)
	r, c := revocation(t, s, id), creation(wantOwner, "new")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for what, do := range map[string]func() error{
		"settings": func() error { _, err := s.Settings(ctx); return err },
		"publish":  func() error { return s.Publish(ctx, settings.Keys[:1], nil) },
		"slot":     func() error { _, err := s.Slot(ctx, person("alice")); return err },
		"owner":    func() error { _, err := s.Owner(ctx, "AAAAA"); return err },
		"enrol":    func() error { return s.Enrol(ctx, pat.Owner{Slot: "BBBBB", Person: person("bob")}) },
		"refresh":  func() error { return s.Refresh(ctx, scrambled(t, wantOwner)) },
		"recount":  func() error { return s.Recount(ctx, scrambled(t, wantOwner)) },
		"look":     func() error { _, _, err := s.Look(ctx, id); return err },
		"list":     func() error { _, err := s.List(ctx, "AAAAA", "", 10); return err },
		"create":   func() error { return s.Create(ctx, c) },
		"revoke":   func() error { return s.Revoke(ctx, r) },
	} {
		wantError(t, what, do(), context.Canceled)
	}
	gotToken, gotOwner := look(t, s, id)
	equal(t, "token", gotToken, wantToken)
	equal(t, "owner", gotOwner, wantOwner)
	_, err := s.Slot(t.Context(), person("bob"))
	wantError(t, "bob's slot", err, pat.ErrNotFound)
	got, err := s.Settings(t.Context())
	if err != nil || len(got.Keys) != len(settings.Keys) {
		t.Errorf("settings: %d keys, %v", len(got.Keys), err)
	}
}

func testReadYourWrites(t *testing.T, s suiteStore) {
	enrol(t, s, "AAAAA", "alice")
	type written struct {
		id  pat.ID
		err error
	}
	for n := range 20 {
		told := make(chan written)
		go func() {
			o, err := s.Owner(t.Context(), "AAAAA")
			c := creation(o, fmt.Sprint(n))
			if err == nil {
				err = s.Create(t.Context(), c)
			}
			told <- written{c.Token.ID, err}
		}()
		w := <-told
		if w.err != nil {
			t.Fatal(w.err)
		}
		if _, _, err := s.Look(t.Context(), w.id); err != nil {
			t.Errorf("look: %v", err)
		}
		list, err := s.List(t.Context(), "AAAAA", "", 1)
		if err != nil || len(list) != 1 || list[0].ID != w.id {
			t.Errorf("list: %v, %v; want %s first", ids(list), err, w.id)
		}
	}
}
