package store_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/counterfoil/counterfoil/pkg/pat"
	"github.com/counterfoil/counterfoil/pkg/store"
)

// TestNoRefusalStandsInAnothersWay: of many at the same moment each has its event,
// and the token's own item is left alone.
func TestNoRefusalStandsInAnothersWay(t *testing.T) {
	const writers, each = 8, 20
	for name, open := range toldStores {
		t.Run(name, func(t *testing.T) {
			w := newWalk(t, open(t), 1)
			id := w.create("alice")
			if err := w.service().Revoke(w.ctx("revoke"), session("alice"), string(id)); err != nil {
				t.Fatal(err)
			}
			before, owner := look(t, w.store, id)
			w.store.events(t)
			s := w.service()
			var all sync.WaitGroup
			for i := range writers {
				all.Go(func() {
					for n := range each {
						ctx := pat.WithOrigin(t.Context(), pat.Origin{From: atHome, RequestID: fmt.Sprintf("r-%d-%d", i, n)})
						if _, err := s.Authorize(ctx, w.values[id][0]); !errors.Is(err, pat.ErrUnauthorized) {
							t.Error(err)
						}
					}
				})
			}
			all.Wait()
			told := eventIDs(w.store.events(t))
			requests := map[string]bool{}
			for _, e := range told {
				if e.Type == pat.TokenRefused && e.Reason == pat.RefusedRevoked && e.TokenID == id && e.Owner == "alice" {
					requests[e.RequestID] = true
				}
			}
			if len(told) != writers*each || len(requests) != writers*each {
				t.Errorf("%d events, of %d requests", len(told), len(requests))
			}
			after, ownerAfter := look(t, w.store, id)
			equal(t, "token", after, before)
			equal(t, "owner", ownerAfter, owner)
		})
	}
}

// TestNobodyIsRefusedUnseen: whoever is told that they are refused is in the trail,
// whatever fails.
func TestNobodyIsRefusedUnseen(t *testing.T) {
	for what, f := range faults {
		if what == noJSON {
			continue
		}
		t.Run(what, func(t *testing.T) {
			s := newToldDynamo(t).(toldDynamo)
			w := newWalk(t, s, 5)
			id := w.create("alice")
			if err := w.service().Revoke(w.ctx("revoke"), session("alice"), string(id)); err != nil {
				t.Fatal(err)
			}
			s.events(t)
			s.wire.setFault(func(rw http.ResponseWriter, r *http.Request, c call) bool {
				if c.Operation == "UpdateItem" {
					f(s.wire, rw, r)
				}
				return c.Operation == "UpdateItem"
			})
			_, err := w.service().Authorize(w.ctx("r-1"), w.values[id][0])
			s.wire.setFault(nil)
			told := len(eventIDs(s.events(t)))
			switch {
			case errors.Is(err, pat.ErrUnauthorized) && told != 1, !errors.Is(err, pat.ErrUnauthorized) && !errors.Is(err, pat.ErrUnavailable):
				t.Errorf("%v, with %d events", err, told)
			case strings.HasPrefix(what, "written") != (told == 1):
				t.Errorf("%d events (the answer: %v)", told, err)
			}
		})
	}
}

// TestRefusalsThatAreNone: authorizers of other APIs may write to partitions of
// that name.
func TestRefusalsThatAreNone(t *testing.T) {
	record := func(partition string, image map[string]any) (r events.DynamoDBStreamRecord) {
		key := map[string]any{store.PartitionKey: map[string]any{"S": partition}, store.SortKey: map[string]any{"S": "words of their own"}}
		text, err := json.Marshal(map[string]any{"Keys": key, "NewImage": image, "SequenceNumber": "7"})
		if err == nil {
			err = json.Unmarshal(text, &r)
		}
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	refused := func(text string) map[string]any { return map[string]any{"refused": map[string]any{"S": text}} }
	token := pat.Token{ID: "AAAAA00001", OwnedBy: "alice", Version: 1}
	for name, c := range map[string]struct {
		partition string
		image     map[string]any
		want      string // the ids of its events
		fails     bool
	}{
		"a refusal":           {"refused#AAAAA00001", refused(`{"reason":"revoked","at":"2026-11-24T12:00:00Z","nonce":"x"}`), "[AAAAA00001-refused-1795521600000-7]", false},
		"of no token":         {"refused#words of their own", refused(`{"reason":"revoked","at":"2026-11-24T12:00:00Z","nonce":"x"}`), "[]", false},
		"without a reason":    {"refused#AAAAA00001", refused(`{}`), "[]", false},
		"for another reason":  {"refused#AAAAA00001", refused(`{"reason":"words of their own"}`), "[]", false},
		"without its word":    {"refused#AAAAA00001", map[string]any{"ttl": map[string]any{"N": "1"}}, "[AAAAA00001-unreadable-7]", true},
		"that cannot be read": {"refused#AAAAA00001", refused(`words of their own`), "[AAAAA00001-unreadable-7]", true},
		"of the wrong type":   {"refused#AAAAA00001", map[string]any{"refused": map[string]any{"N": "1"}}, "[AAAAA00001-unreadable-7]", true},
		"that was removed":    {"refused#AAAAA00001", nil, "[]", false},
		"with a version, as a token's": {"refused#AAAAA00001", map[string]any{
			"refused": map[string]any{"S": `{"reason":"x"}`}, "version": map[string]any{"N": "1"},
		}, "[]", false},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := store.Alteration(record(c.partition, c.image))
			if (err != nil) != c.fails {
				t.Errorf("%v", err)
			}
			if a.Refused.TokenID != "" {
				a.NewToken = token
			}
			var ids []string
			for _, e := range a.Events() {
				ids = append(ids, e.ID)
			}
			if got := fmt.Sprint(ids); got != c.want {
				t.Errorf("events %s, want %s", got, c.want)
			}
		})
	}
}
