package store_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/counterfoil/counterfoil/pkg/pat"
	"github.com/counterfoil/counterfoil/pkg/store"
)

// guestWrites does what IAM lets the authorizer of somebody else's API do: it sets
// attributes of notes, or of a refusal, wherever it likes.
func guestWrites(t *testing.T, partition, sort string, set map[string]types.AttributeValue) {
	t.Helper()
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	in := &dynamodb.UpdateItemInput{
		TableName: new("counterfoil"),
		Key: map[string]types.AttributeValue{
			store.PartitionKey: &types.AttributeValueMemberS{Value: partition},
			store.SortKey:      &types.AttributeValueMemberS{Value: sort},
		},
		ExpressionAttributeNames: map[string]string{}, ExpressionAttributeValues: map[string]types.AttributeValue{},
	}
	expression := "SET "
	for name, value := range set {
		if len(in.ExpressionAttributeNames) > 0 {
			expression += ", "
		}
		expression += "#" + name + " = :" + name
		in.ExpressionAttributeNames["#"+name], in.ExpressionAttributeValues[":"+name] = name, value
	}
	in.UpdateExpression = &expression
	if _, err := dynamodb.NewFromConfig(cfg).UpdateItem(t.Context(), in); err != nil {
		t.Fatal(err)
	}
}

func word(s string) types.AttributeValue    { return &types.AttributeValueMemberS{Value: s} }
func numeral(s string) types.AttributeValue { return &types.AttributeValueMemberN{Value: s} }

// TestAGuestStopsNothing: an authorizer of somebody else's API writes notes that
// cannot be read, and items where no token is: every token works as before, is
// listed, and new ones are made.
func TestAGuestStopsNothing(t *testing.T) {
	s := newToldDynamo(t).(toldDynamo)
	w := newWalk(t, s, 3)
	first := w.create("alice")
	slot := string(first.Slot())
	for name, junk := range map[string]types.AttributeValue{
		"last_used_at": numeral("1"), "last_used_ip": word("nowhere"), "scopes_used": word("x"),
		"networks": word("x"), "noted": word("{"), "notes": word("many"),
		"notes ": numeral("0"), " notes": numeral("1.5"), "notes  ": numeral("-7"), " notes ": &types.AttributeValueMemberNULL{Value: true},
	} {
		name = strings.TrimSpace(name)
		guestWrites(t, slot, string(first)[5:], map[string]types.AttributeValue{name: junk})
		if _, err := w.service().Authorize(t.Context(), w.values[first][0]); err != nil {
			t.Errorf("with junk for %s: %v", name, err)
		}
		w.use(w.values[first][0], atHome)
		// The next use is noted, and what was no note is gone.
		w.now = w.now.Add(time.Hour)
		w.use(w.values[first][0], atHome)
		if got, _ := look(t, s, first); got.Notes < 1 || !got.LastUsedAt.Equal(w.now.Truncate(time.Second)) {
			t.Errorf("after junk for %s: %d notes, last used %v, at %v", name, got.Notes, got.LastUsedAt, w.now)
		}
	}
	guestWrites(t, slot, string(first)[5:], map[string]types.AttributeValue{"last_used_ip": word("::1%\x1b[31m")})
	if got, _ := look(t, s, first); got.LastUsedFrom.String() != "::1" {
		t.Errorf("last used from %q", got.LastUsedFrom)
	}
	next := pat.NewID(first.Slot(), 1)
	guestWrites(t, slot, string(next)[5:], map[string]types.AttributeValue{"notes": numeral("7")})
	guestWrites(t, slot, "00009", map[string]types.AttributeValue{"last_used_ip": word("x")})
	guestWrites(t, "ZZZZZ", "00000", map[string]types.AttributeValue{"notes": numeral("7")})
	for _, id := range []pat.ID{next, pat.NewID(first.Slot(), 9), "ZZZZZ00000"} {
		if _, _, err := s.Look(t.Context(), id); !errors.Is(err, pat.ErrNotFound) {
			t.Errorf("%s, which is none: %v", id, err)
		}
	}
	if second := w.create("alice"); second != next {
		t.Fatalf("the next token is %q, want %s", second, next)
	}
	for limit := 1; limit <= 3; limit++ {
		var ids []pat.ID
		before := pat.ID("")
		for {
			page, err := s.List(t.Context(), first.Slot(), before, limit)
			if err != nil {
				t.Fatal(err)
			}
			for _, token := range page {
				ids = append(ids, token.ID)
			}
			if len(page) < limit {
				break
			}
			before = page[len(page)-1].ID
		}
		if len(ids) != 2 || ids[0] != next || ids[1] != first {
			t.Errorf("by pages of %d the list is %v", limit, ids)
		}
	}
	owners, err := s.OwnersOf(t.Context(), []pat.ID{first, next, "ZZZZZ00000", "AAAAA00000"})
	if err != nil || len(owners) != 2 || owners[first] != "alice" || owners[next] != "alice" {
		t.Errorf("owners %v, %v", owners, err)
	}
}

// TestAGuestHidesNothing: what it writes has its events under ids of their own, at
// the time at which it wrote, and stops nobody else's.
func TestAGuestHidesNothing(t *testing.T) {
	s := newToldDynamo(t).(toldDynamo)
	w := newWalk(t, s, 3)
	id := w.create("alice")
	if err := w.service().Revoke(w.ctx("r-1"), session("alice"), string(id)); err != nil {
		t.Fatal(err)
	}
	w.use(w.values[id][0], atHome)
	real := eventIDs(s.events(t))
	if len(real) != 3 {
		t.Fatalf("%d events", len(real))
	}
	refused := func(sort, text string) {
		guestWrites(t, store.RefusedPrefix+string(id), sort, map[string]types.AttributeValue{"refused": word(text)})
	}
	for _, e := range real {
		refused("a", `{"reason":"revoked","at":"`+e.At.Format(time.RFC3339Nano)+`","nonce":"`+e.ID[len(e.ID)-8:]+`","request_id":"another"}`)
	}
	refused("b", `{"reason":"revoked","at":"9999-12-31T23:59:59-01:00","request_id":"call +1 555"}`)
	refused("c", `{"reason":"revoked","at":"0000-01-01T00:00:00+01:00"}`)
	guestWrites(t, store.RefusedPrefix+"ZZZZZ00000", "d", map[string]types.AttributeValue{"refused": word(`{"reason":"revoked","at":"2026-11-24T10:00:00Z"}`)})
	guestWrites(t, "ZZZZZ", "00000", map[string]types.AttributeValue{"notes": numeral("1")})
	guestWrites(t, "words", "~owner", map[string]types.AttributeValue{"notes": numeral("1")})
	guestWrites(t, string(id.Slot()), string(id)[5:], map[string]types.AttributeValue{
		"notes": numeral("0"), "networks": &types.AttributeValueMemberL{Value: []types.AttributeValue{word("203.0.113.0/24")}},
		"noted": word(`{"at":"9999-12-31T23:59:59-01:00","kind":"admin","sub":"root"}`),
	})
	made := 0
	for _, r := range s.since() {
		a, err := store.Alteration(r)
		if rid := a.Refused.TokenID; rid != "" {
			owners, err := s.OwnersOf(t.Context(), []pat.ID{rid})
			if err != nil {
				t.Fatal(err)
			}
			if owner, there := owners[rid]; there {
				a.NewToken = pat.Token{ID: rid, OwnedBy: owner}
			}
		}
		all := a.Events()
		if err := s.Record(t.Context(), all); err != nil {
			t.Fatal(err)
		}
		for _, e := range all {
			made++
			if _, taken := real[e.ID]; taken {
				t.Errorf("it comes in place of %s", e.ID)
			}
			if off := e.At.Sub(w.now); off < -time.Hour || off > time.Hour || e.By.Kind == pat.DoerAdmin || e.RequestID == "call +1 555" {
				t.Errorf("it is told as %+v (%v)", e, err)
			}
		}
	}
	if made < 5 {
		t.Errorf("%d events", made)
	}
	for _, e := range wholeThread(t, s, pat.TokenThread(id), w.now.Add(time.Hour), 100) {
		if was, ok := real[e.ID]; ok {
			equal(t, "event "+e.ID, e, was)
			delete(real, e.ID)
		}
	}
	if len(real) > 0 {
		t.Errorf("gone from the trail: %v", real)
	}
}

// TestJunkHidesNoChange: a token whose notes cannot be read is revoked, and told so.
func TestJunkHidesNoChange(t *testing.T) {
	s := newToldDynamo(t).(toldDynamo)
	w := newWalk(t, s, 3)
	id := w.create("alice")
	s.events(t)
	guestWrites(t, string(id.Slot()), string(id)[5:], map[string]types.AttributeValue{"networks": word("x")})
	if err := w.service().Revoke(w.ctx("r-1"), session("alice"), string(id)); err != nil {
		t.Fatal(err)
	}
	var told []pat.EventType
	for _, r := range s.since() {
		a, _ := store.Alteration(r)
		for _, e := range a.Events() {
			told = append(told, e.Type)
		}
	}
	if fmt.Sprint(told) != fmt.Sprint([]pat.EventType{pat.Unreadable, pat.TokenRevoked}) {
		t.Errorf("told %v", told)
	}
}

// TestAChangeThatNoFunctionMade: a version that goes back, or on without a mark of
// its own, is told as what it is and comes in no other event's place.
func TestAChangeThatNoFunctionMade(t *testing.T) {
	mark := func(makes int64) pat.Mark {
		return pat.Mark{By: pat.Doer{Kind: pat.DoerOwner, Subject: "alice"}, At: start, Makes: makes}
	}
	at := func(version int64, m pat.Mark) pat.Token {
		return pat.Token{ID: "AAAAA00000", Gen: 1, Version: version, Changed: m}
	}
	for name, c := range map[string]struct {
		was, is pat.Token
		want    pat.EventType
	}{
		"a change":                   {at(1, mark(1)), at(2, mark(2)), pat.TokenUpdated},
		"without a mark":             {at(2, mark(2)), at(3, mark(2)), pat.Unreadable},
		"back to a mark that fits":   {at(3, mark(2)), at(2, mark(2)), pat.Unreadable},
		"on to a mark that fits":     {at(1, mark(2)), at(2, mark(2)), pat.Unreadable},
		"back, with another mark":    {at(3, mark(3)), at(2, mark(2)), pat.Unreadable},
		"that was never marked":      {at(1, pat.Mark{}), at(2, pat.Mark{}), pat.Unreadable},
		"one that did not happen":    {at(2, mark(2)), at(2, mark(2)), ""},
		"whose mark is of the wrong": {at(1, mark(1)), at(2, mark(7)), pat.Unreadable},
	} {
		all := pat.Alteration{OldToken: c.was, NewToken: c.is, Sequence: "7", At: start}.Events()
		switch {
		case c.want == "" && len(all) == 0:
		case len(all) != 1 || all[0].Type != c.want:
			t.Errorf("%s: %+v", name, all)
		}
	}
}
