package store_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/counterfoil/counterfoil/pkg/pat"
	"github.com/counterfoil/counterfoil/pkg/store"
)

// A stream is what DynamoDB's would hold: every item before and after every
// write, in order. The table of the tests has none, so it stands in the wire and
// looks at what each write touches.
type stream struct {
	mu      sync.Mutex
	table   http.Handler
	records []events.DynamoDBStreamRecord
	now     func() time.Time
}

func (s *stream) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body := new(bytes.Buffer)
	body.ReadFrom(r.Body)
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	keys := touched(operation, body.Bytes())
	before := s.read(keys)
	r.Body = io.NopCloser(bytes.NewReader(body.Bytes()))
	s.table.ServeHTTP(rw, r)
	for i, after := range s.read(keys) {
		if reflect.DeepEqual(before[i], after) || strings.HasPrefix(keyText(keys[i]), store.TrailPrefix) {
			continue
		}
		s.records = append(s.records, recordOf(s.now(), keys[i], before[i], after))
	}
}

// touched are the keys that a call writes to.
func touched(operation string, body []byte) (keys []map[string]any) {
	var call map[string]any
	if err := json.Unmarshal(body, &call); err != nil {
		panic(err)
	}
	add := func(what map[string]any) {
		key := map[string]any{}
		for _, name := range []string{store.PartitionKey, store.SortKey} {
			key[name] = keyOf(what).(map[string]any)[name]
		}
		keys = append(keys, key)
	}
	switch operation {
	case "PutItem", "UpdateItem", "DeleteItem":
		add(call)
	case "TransactWriteItems":
		for _, part := range call["TransactItems"].([]any) {
			for _, what := range part.(map[string]any) {
				add(what.(map[string]any))
			}
		}
	}
	return keys
}

// read returns the items there are now.
func (s *stream) read(keys []map[string]any) (items []map[string]any) {
	for _, key := range keys {
		text, err := json.Marshal(map[string]any{"TableName": "counterfoil", "Key": key, "ConsistentRead": true})
		if err != nil {
			panic(err)
		}
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(text))
		r.Header.Set("X-Amz-Target", "DynamoDB_20120810.GetItem")
		answer := httptest.NewRecorder()
		s.table.ServeHTTP(answer, r)
		var got struct{ Item map[string]any }
		if err := json.Unmarshal(answer.Body.Bytes(), &got); err != nil {
			panic(err)
		}
		items = append(items, got.Item)
	}
	return items
}

var sequence atomic.Int64

// recordOf is a record as Lambda hands it over.
func recordOf(at time.Time, key, before, after map[string]any) (r events.DynamoDBStreamRecord) {
	text, err := json.Marshal(map[string]any{
		"ApproximateCreationDateTime": at.Unix(), "SequenceNumber": fmt.Sprint(sequence.Add(1)), "Keys": key, "OldImage": before, "NewImage": after, "StreamViewType": "NEW_AND_OLD_IMAGES",
	})
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err != nil {
		panic(err)
	}
	return r
}

// since returns what was written since it was last asked.
func (s *stream) since() []events.DynamoDBStreamRecord {
	s.mu.Lock()
	defer s.mu.Unlock()
	records := s.records
	s.records = nil
	return records
}

// A told store is one of which the events come out.
type toldStore interface {
	suiteStore
	// events returns what happened since it was last asked, read back or told to
	// others, with what was written before a fault hit.
	events(t *testing.T) []pat.Event
}

type toldBolt struct{ *store.Bolt }

func (b toldBolt) events(t *testing.T) (all []pat.Event) {
	t.Helper()
	if err := b.Outbox(t.Context(), func(some []pat.Event) error { all = append(all, some...); return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

type toldDynamo struct {
	*store.Dynamo
	*stream
	wire *wire
}

func (d toldDynamo) events(t *testing.T) (all []pat.Event) {
	t.Helper()
	for _, r := range d.since() {
		a, err := store.Alteration(r)
		if err != nil {
			t.Fatal(err)
		}
		if id := a.Refused.TokenID; id != "" {
			owners, err := d.OwnersOf(t.Context(), []pat.ID{id})
			if err != nil {
				t.Fatal(err)
			}
			a.NewToken = pat.Token{ID: id, OwnedBy: owners[id]}
		}
		if a.Stops() {
			if a.Tokens, err = d.TokensOf(t.Context(), a.NewOwner.Slot); err != nil {
				t.Fatal(err)
			}
		}
		all = append(all, a.Events()...)
	}
	for range 2 { // whatever comes twice, comes to nothing
		if err := d.Record(t.Context(), all); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func newToldDynamo(t *testing.T) toldStore {
	w := newWire(t)
	s := &stream{table: w.table, now: func() time.Time { return start }}
	w.table = s
	return toldDynamo{openDynamo(t), s, w}
}

func newToldBolt(t *testing.T) toldStore { return toldBolt{newBolt(t)} }

var toldStores = map[string]func(t *testing.T) toldStore{"bolt": newToldBolt, "dynamo": newToldDynamo}

// ids of events, each once.
func eventIDs(all []pat.Event) map[string]pat.Event {
	byID := map[string]pat.Event{}
	for _, e := range all {
		byID[e.ID] = e
	}
	return byID
}

// wholeThread reads a thread by pages.
func wholeThread(t *testing.T, s pat.Store, thread pat.Thread, now time.Time, page int) (all []pat.Event) {
	t.Helper()
	before := pat.Place{}
	for {
		part, err := s.Trail(t.Context(), thread, before, now, page)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, part...)
		if len(part) < page {
			return all
		}
		before = part[len(part)-1].Place()
		if len(all) > 100_000 {
			t.Fatal(fmt.Errorf("a thread without an end"))
		}
	}
}
