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

func (w *world) names(t *testing.T, by pat.Grant, req pat.ListRequest) (names []string, next string) {
	t.Helper()
	page, err := w.List(context.Background(), by, req)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range page.Tokens {
		names = append(names, v.Name)
	}
	return names, page.NextCursor
}

func TestPagesHoldEverythingOnce(t *testing.T) {
	w := newWorld(t)
	alice := w.person(t, "alice")
	w.create(t, w.person(t, "bob"), named("bob's", "profile"))
	for i := range 10 {
		w.create(t, alice, named(fmt.Sprint("t", i), "profile"))
	}
	var all []string
	cursor := ""
	for pages := 0; ; pages++ {
		names, next := w.names(t, alice, pat.ListRequest{Limit: 5, Cursor: cursor})
		all = append(all, names...)
		if pages == 0 { // what is created between two pages is newer than both
			w.create(t, alice, named("between", "profile"))
		}
		if cursor = next; cursor == "" {
			break
		}
		if pages > 3 {
			t.Fatal("the pages do not end")
		}
	}
	want := []string{"t9", "t8", "t7", "t6", "t5", "t4", "t3", "t2", "t1", "t0"}
	if !slices.Equal(all, want) {
		t.Errorf("got %v, want %v", all, want)
	}
}

func TestListsNarrowByStatus(t *testing.T) {
	w := newWorld(t)
	alice := w.person(t, "alice")
	w.create(t, alice, named("active", "profile"))
	w.create(t, alice, pat.CreateRequest{Name: "expired", Scopes: []string{"profile"}, Expiry: until(w.clock.Add(time.Minute))})
	revoked := w.create(t, alice, named("revoked", "profile"))
	if err := w.Revoke(context.Background(), alice, string(revoked.ID)); err != nil {
		t.Fatal(err)
	}
	w.clock = w.clock.Add(time.Minute)
	for status, want := range map[pat.Status]string{
		pat.Active: "active", pat.Expired: "expired", pat.Revoked: "revoked", pat.Disabled: "",
		pat.AnyStatus: "revoked expired active", "": "revoked expired active",
	} {
		if got, _ := w.names(t, alice, pat.ListRequest{Limit: 10, Status: status}); strings.Join(got, " ") != want {
			t.Errorf("status %q: %v, want %q", status, got, want)
		}
	}
}

func TestDeadTokensAreListedForThirtyDays(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	alice := w.person(t, "alice")
	expiring := w.create(t, alice, pat.CreateRequest{Name: "expiring", Scopes: []string{"profile"}, Expiry: until(w.clock.Add(time.Hour))})
	revoked := w.create(t, alice, named("revoked", "profile"))
	w.clock = w.clock.Add(time.Hour)
	if err := w.Revoke(ctx, alice, string(revoked.ID)); err != nil {
		t.Fatal(err)
	}
	w.clock = w.clock.Add(pat.Kept - time.Second)
	if got, _ := w.names(t, alice, pat.ListRequest{Limit: 10}); len(got) != 2 {
		t.Errorf("a second before: %v", got)
	}
	w.clock = w.clock.Add(time.Second)
	if got, _ := w.names(t, alice, pat.ListRequest{Limit: 10}); len(got) != 0 {
		t.Errorf("to the second: %v", got)
	}
	for _, id := range []pat.ID{expiring.ID, revoked.ID} {
		if _, err := w.Get(ctx, alice, string(id)); !errors.Is(err, pat.ErrNotFound) {
			t.Errorf("get a hidden token: %v", err)
		}
		if err := w.Revoke(ctx, alice, string(id)); !errors.Is(err, pat.ErrNotFound) {
			t.Errorf("revoke a hidden token: %v", err)
		}
	}
}

func TestListRefuses(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	alice, bob := w.person(t, "alice"), w.person(t, "bob")
	for _, by := range []pat.Grant{alice, bob} {
		for i := range 3 {
			w.create(t, by, named(fmt.Sprint(i), "profile"))
		}
	}
	_, ours := w.names(t, alice, pat.ListRequest{Limit: 1})
	_, bobs := w.names(t, bob, pat.ListRequest{Limit: 1})
	if ours == "" || bobs == "" {
		t.Fatal("no cursors to try")
	}
	for name, c := range map[string]struct {
		req   pat.ListRequest
		field string
	}{
		"a limit of 0":                {pat.ListRequest{Limit: 0}, "limit"},
		"a limit of 101":              {pat.ListRequest{Limit: 101}, "limit"},
		"a status that there is not":  {pat.ListRequest{Limit: 1, Status: "asleep"}, "status"},
		"junk for a cursor":           {pat.ListRequest{Limit: 1, Cursor: "junk"}, "cursor"},
		"another person's cursor":     {pat.ListRequest{Limit: 1, Cursor: bobs}, "cursor"},
		"another status's cursor":     {pat.ListRequest{Limit: 1, Cursor: ours, Status: pat.Active}, "cursor"},
		"a cursor cut short":          {pat.ListRequest{Limit: 1, Cursor: ours[:len(ours)-1]}, "cursor"},
		"a cursor with a wrong digit": {pat.ListRequest{Limit: 1, Cursor: ours[:9] + "z" + ours[10:]}, "cursor"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.List(ctx, alice, c.req)
			var invalid *pat.InvalidError
			if !errors.As(err, &invalid) || len(invalid.Fields) != 1 || invalid.Fields[0].Field != c.field {
				t.Errorf("got %v, want something about %s", err, c.field)
			}
		})
	}
	carol := w.person(t, "carol")
	if names, next := w.names(t, carol, pat.ListRequest{Limit: 1}); len(names) != 0 || next != "" {
		t.Errorf("somebody without tokens has %v, %q", names, next)
	}
}

func TestSomebodyElsesTokenIsNotThere(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	alice, bob := w.person(t, "alice"), w.person(t, "bob")
	c := w.create(t, alice, named("ci", "profile"))
	for name, id := range map[string]string{
		"somebody else's": string(c.ID), "nobody's": string(pat.NewID(c.ID.Slot(), 9)),
		"too short": "abc", "too long": string(c.ID) + "0", "with a dash": "abcde-0001", "empty": "",
	} {
		if _, err := w.Get(ctx, bob, id); !errors.Is(err, pat.ErrNotFound) {
			t.Errorf("get %s: %v", name, err)
		}
		if err := w.Revoke(ctx, bob, id); !errors.Is(err, pat.ErrNotFound) {
			t.Errorf("revoke %s: %v", name, err)
		}
	}
	other := bob
	other.Person = pat.Person{Issuer: "https://other.example", Subject: "alice"}
	if _, err := w.Get(ctx, other, string(c.ID)); !errors.Is(err, pat.ErrNotFound) {
		t.Errorf("the same sub of another issuer: %v", err)
	}
	if _, err := w.Authorize(ctx, c.Value); err != nil {
		t.Errorf("the token itself: %v", err)
	}
}
