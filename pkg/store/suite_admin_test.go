package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

// The suite's cases of what administrators do.

func testDisable(t *testing.T, s suiteStore) {
	enrol(t, s, "AAAAA", "alice")
	create(t, s, "AAAAA", "n")
	want := owner(t, s, "AAAAA")
	for _, disabled := range []bool{true, false} {
		changed := scrambled(t, want)
		changed.Disabled = disabled
		if err := s.Disable(t.Context(), changed); err != nil {
			t.Fatal(err)
		}
		want.Disabled, want.Changed = disabled, changed.Changed
		want.Version++
		equal(t, "owner", owner(t, s, "AAAAA"), want)
	}
}

func testStop(t *testing.T, s suiteStore) {
	enrol(t, s, "AAAAA", "alice")
	create(t, s, "AAAAA", "n")
	want := owner(t, s, "AAAAA")
	changed := scrambled(t, want)
	if err := s.Stop(t.Context(), changed); err != nil {
		t.Fatal(err)
	}
	want.Stops, want.Live, want.Changed = changed.Stops, changed.Live, changed.Changed
	want.Version++
	equal(t, "owner", owner(t, s, "AAAAA"), want)

	// What a session shows is not the stops' business, and the other way round.
	if err := s.Refresh(t.Context(), scrambled(t, want)); err != nil {
		t.Fatal(err)
	}
	equal(t, "stops after a refresh", owner(t, s, "AAAAA").Stops, want.Stops)
}

func testNameStopped(t *testing.T, s suiteStore) {
	enrol(t, s, "AAAAA", "alice")
	first := create(t, s, "AAAAA", "n")
	second := create(t, s, "AAAAA", "m")
	o := owner(t, s, "AAAAA")
	o.Stops = []pat.Stop{{Below: 1, At: start}}
	if err := s.Stop(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	// The first is stopped, the second is not.
	wantError(t, "the name of one that no stop has reached", s.Create(t.Context(), creation(owner(t, s, "AAAAA"), "m")), pat.ErrNameTaken)
	third := create(t, s, "AAAAA", "n")
	if err := s.Revoke(t.Context(), revocation(t, s, first.ID)); err != nil {
		t.Fatalf("mark the one that was stopped: %v", err)
	}
	wantError(t, "the name that was taken over", s.Create(t.Context(), creation(owner(t, s, "AAAAA"), "n")), pat.ErrNameTaken)

	o = owner(t, s, "AAAAA")
	o.Stops = append(o.Stops, pat.Stop{Below: o.Next, At: start.Add(time.Hour)})
	if err := s.Stop(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	fourth := create(t, s, "AAAAA", "free")
	if err := s.Update(t.Context(), changeOf(t, s, fourth.ID, "m", time.Time{})); err != nil {
		t.Errorf("an update to the name of %s: %v", second.ID, err)
	}
	create(t, s, "AAAAA", "n") // of third
	if got := owner(t, s, "AAAAA").FirstLive(); got <= third.ID || got > fourth.ID {
		t.Errorf("the first live one is %s, between %s and %s", got, third.ID, fourth.ID)
	}
}

func testPolicyFields(t *testing.T, s suiteStore) {
	keep := filled[pat.Settings](t)
	if err := s.Publish(t.Context(), keep.Keys, keep.Catalogue); err != nil {
		t.Fatal(err)
	}
	everybody, nobody := filled[pat.Policy](t), filled[pat.Policy](t)
	everybody.CreatorGroups, nobody.CreatorGroups = nil, []string{}
	for what, want := range map[string]pat.Policy{
		"full": filled[pat.Policy](t), "bare": {}, "everybody creates": everybody, "nobody creates": nobody,
	} {
		if err := s.SetPolicy(t.Context(), want, pat.Mark{}); err != nil {
			t.Fatal(err)
		}
		got, err := s.Settings(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		equal(t, what, got, pat.Settings{Keys: keep.Keys, Catalogue: keep.Catalogue, Policy: want})
		if err := s.Publish(t.Context(), keep.Keys, keep.Catalogue); err != nil {
			t.Fatal(err)
		}
		if again, _ := s.Settings(t.Context()); fmt.Sprint(again.Policy) != fmt.Sprint(want) {
			t.Errorf("%s: publishing changed the policy to %+v", what, again.Policy)
		}
	}
}

func testScan(t *testing.T, s suiteStore) {
	found, next, err := s.Scan(t.Context(), "", 10)
	if err != nil || len(found) > 0 || next != "" {
		t.Fatalf("an empty store: %v, %q, %v", found, next, err)
	}
	var want []pat.ID
	for i := range 5 {
		enrol(t, s, numbered(i), fmt.Sprint("person ", i))
		for n := range i { // the first has none
			want = append(want, create(t, s, numbered(i), fmt.Sprint(n)).ID)
		}
	}
	dead := want[3]
	if err := s.Revoke(t.Context(), revocation(t, s, dead)); err != nil {
		t.Fatal(err)
	}
	for _, limit := range []int{1, 2, 3, 100} {
		var got []pat.ID
		pages := 0
		for position := ""; ; pages++ {
			found, next, err := s.Scan(t.Context(), position, limit)
			if err != nil || pages > 100 {
				t.Fatalf("page %d: %v", pages, err)
			}
			if len(found) > limit {
				t.Errorf("%d tokens, limit %d", len(found), limit)
			}
			for _, f := range found {
				token, o := look(t, s, f.Token.ID)
				equal(t, "token", f.Token, token)
				equal(t, "its owner", f.Owner, o)
				got = append(got, f.Token.ID)
			}
			if next == "" {
				break
			}
			position = next
		}
		slices.Sort(got)
		equal(t, fmt.Sprintf("all, by pages of %d", limit), got, want)
	}
	_, _, err = s.Scan(t.Context(), "nowhere", 10)
	wantError(t, "a position that it never gave", err, pat.ErrNotFound)
}
