package handler_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/counterfoil/counterfoil/pkg/api"
	"github.com/counterfoil/counterfoil/pkg/handler"
	"github.com/counterfoil/counterfoil/pkg/pat"
	"github.com/counterfoil/counterfoil/pkg/store"
)

// records are those of a stream on which n tokens were created.
func records(t *testing.T, n int) (all []events.DynamoDBEventRecord) {
	t.Helper()
	for i := range n {
		id := pat.NewID("AAAAA", uint64(i))
		record := fmt.Sprintf(`{"eventID":"e%d","eventName":"INSERT","dynamodb":{"SequenceNumber":"%d","ApproximateCreationDateTime":1795521600,
			"Keys":{"pk":{"S":"AAAAA"},"sk":{"S":"%s"}},"StreamViewType":"NEW_AND_OLD_IMAGES","NewImage":{
			"pk":{"S":"AAAAA"},"sk":{"S":"%s"},"name":{"S":"n"},"hash":{"B":"%s"},"previous":{"B":"%s"},"gen":{"N":"2"},"version":{"N":"1"},"owner":{"S":"alice"},
			"changed":{"S":"{\"kind\":\"person\",\"sub\":\"alice\",\"ip\":\"192.0.2.1\",\"request_id\":\"r-%d\",\"at\":\"2026-11-24T12:00:00.5Z\",\"makes\":1}"}}}}`,
			i, i, id[5:], id[5:], theHash, theHash, i)
		var r events.DynamoDBEventRecord
		if err := json.Unmarshal([]byte(record), &r); err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

// theHash is in every record and must be in nothing that comes of one.
const theHash = "3q2+796tvu/erb7v3q2+796tvu/erb7v3q2+796tvu8="

// A follow is a follower, what it recorded and told, and when it fails.
type follow struct {
	recorded map[string]pat.Event
	told     []api.Event
	fail     func() error
	lookups  [][]pat.ID
	log      bytes.Buffer
}

func (f *follow) follower() handler.Follower {
	return handler.Follower{
		Issuer: "https://tokens.example",
		Read:   store.Alteration,
		OwnersOf: func(_ context.Context, ids []pat.ID) (map[pat.ID]string, error) {
			owners := map[pat.ID]string{}
			if len(ids) == 0 {
				return owners, nil
			}
			f.lookups = append(f.lookups, ids)
			for _, id := range ids {
				if id.Slot() == "AAAAA" { // all that there are
					owners[id] = "alice"
				}
			}
			return owners, f.fail()
		},
		TokensOf: func(_ context.Context, slot pat.Slot) ([]pat.Token, error) {
			return []pat.Token{{ID: pat.NewID(slot, 0)}, {ID: pat.NewID(slot, 5)}}, f.fail()
		},
		Record: func(_ context.Context, all []pat.Event) error {
			for _, e := range all { // some of it may be there when it fails
				f.recorded[e.ID] = e
			}
			return f.fail()
		},
		Tell: func(_ context.Context, all []api.Event) error {
			f.told = append(f.told, all...)
			return f.fail()
		},
		Log: slog.New(slog.NewJSONHandler(&f.log, nil)),
	}
}

// run gives a stream to the function as Lambda does, until none of it is left.
func (f *follow) run(t *testing.T, all []events.DynamoDBEventRecord) {
	t.Helper()
	for tries := 0; len(all) > 0; tries++ {
		out, err := f.follower().Follow(t.Context(), events.DynamoDBEvent{Records: all[:min(25, len(all))]})
		if err != nil {
			t.Fatal(err)
		}
		left := min(25, len(all))
		if len(out.BatchItemFailures) > 0 {
			left = slices.IndexFunc(all, func(r events.DynamoDBEventRecord) bool {
				return r.Change.SequenceNumber == out.BatchItemFailures[0].ItemIdentifier
			})
		}
		all = all[left:]
		if tries > 10_000 {
			t.Fatal("it does not get on")
		}
	}
}

func TestFollowTellsEverythingAtLeastOnce(t *testing.T) {
	const n = 83
	for name, odds := range map[string]int{"of a bus that answers": 0, "of a bus that fails every other time": 2} {
		t.Run(name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(1, 2))
			f := &follow{recorded: map[string]pat.Event{}, fail: func() error {
				if odds > 0 && random.IntN(odds) == 0 {
					return errors.New("no answer")
				}
				return nil
			}}
			f.run(t, records(t, n))
			once := map[string]api.Event{}
			for _, e := range f.told {
				once[e.ID] = e
			}
			if len(once) != n || len(f.recorded) != n || odds == 0 && len(f.told) != n {
				t.Errorf("%d recorded, %d told, %d of them different; want %d", len(f.recorded), len(f.told), len(once), n)
			}
			for id, e := range once {
				if fmt.Sprint(e) != fmt.Sprint(handler.EventOf("https://tokens.example", f.recorded[id])) {
					t.Errorf("told is %+v, recorded %+v", e, f.recorded[id])
				}
			}
			first := f.told[0]
			if first.Type != "counterfoil.token.created" || first.Data.Owner != "alice" || first.Data.By.Subject != "alice" || first.Data.IP != "192.0.2.1" || first.Data.RequestID != "r-0" {
				t.Errorf("the first event is %+v", first)
			}
			hash, err := json.Marshal(f.told)
			if err != nil {
				t.Fatal(err)
			}
			for _, out := range []string{string(hash), fmt.Sprintf("%+v", f.recorded), f.log.String()} {
				for _, secret := range []string{theHash, theHash[:20], hex.EncodeToString([]byte{0xde, 0xad, 0xbe, 0xef}), "222 173 190 239"} {
					if strings.Contains(out, secret) {
						t.Errorf("a hash came out")
					}
				}
			}
		})
	}
}

func TestFollowStopsWhereItFails(t *testing.T) {
	fails := 0
	f := &follow{recorded: map[string]pat.Event{}}
	f.fail = func() error {
		if len(f.recorded) > 20 { // the third step
			fails++
			return errors.New("no answer")
		}
		return nil
	}
	out, err := f.follower().Follow(t.Context(), events.DynamoDBEvent{Records: records(t, 40)})
	if err != nil || len(out.BatchItemFailures) != 1 || out.BatchItemFailures[0].ItemIdentifier != "20" || fails != 1 {
		t.Errorf("%+v, %v after %d failures", out, err, fails)
	}
	if !strings.Contains(f.log.String(), "no answer") {
		t.Error("the log does not say why")
	}
	text, _ := json.Marshal(out)
	if string(text) != `{"batchItemFailures":[{"itemIdentifier":"20"}]}` {
		t.Errorf("Lambda is told %s", text)
	}
}

// TestFollowPassesWhatItCannotRead: whoever writes what nobody can read must not hold
// up everybody's events.
func TestFollowPassesWhatItCannotRead(t *testing.T) {
	all := records(t, 3)
	all[1].Change.NewImage["revoked_at"] = events.NewNumberAttribute("1")
	f := &follow{recorded: map[string]pat.Event{}, fail: func() error { return nil }}
	f.run(t, all)
	var types []string
	for _, e := range f.told {
		types = append(types, e.Type)
	}
	if fmt.Sprint(types) != "[counterfoil.token.created counterfoil.item.unreadable counterfoil.token.created]" {
		t.Errorf("told %v", types)
	}
	if e := f.told[1]; e.Subject != "AAAAA00001" || e.Time != "2026-11-24T12:00:00Z" || e.ID != "AAAAA00001-unreadable-1" || e.Data.By.Kind != "system" {
		t.Errorf("told %+v", e)
	}
	if !strings.Contains(f.log.String(), "revoked_at") || !strings.Contains(f.log.String(), `"e1"`) {
		t.Errorf("the log is %s", f.log.String())
	}
}

// TestFollowIsSilentAbout what is no change of a token.
func TestFollowIsSilentAboutTheRest(t *testing.T) {
	for name, change := range map[string]func(*events.DynamoDBStreamRecord){
		"an owner who signs in": func(r *events.DynamoDBStreamRecord) {
			r.Keys["sk"] = events.NewStringAttribute("~owner")
			r.NewImage = map[string]events.DynamoDBAttributeValue{
				"iss": events.NewStringAttribute("https://people.example"), "sub": events.NewStringAttribute("alice"),
				"next": events.NewNumberAttribute("1"), "live": events.NewNumberAttribute("1"), "version": events.NewNumberAttribute("2"),
			}
		},
		"the settings": func(r *events.DynamoDBStreamRecord) {
			r.Keys["pk"], r.Keys["sk"] = events.NewStringAttribute("settings"), events.NewStringAttribute("published")
		},
		"the policy that nobody set": func(r *events.DynamoDBStreamRecord) {
			r.Keys["pk"], r.Keys["sk"] = events.NewStringAttribute("policy"), events.NewStringAttribute("policy")
			r.NewImage = map[string]events.DynamoDBAttributeValue{"json": events.NewStringAttribute(`{"max_tokens_per_person":50}`)}
		},
		"a name":                func(r *events.DynamoDBStreamRecord) { r.Keys["sk"] = events.NewStringAttribute("~name#0") },
		"an event":              func(r *events.DynamoDBStreamRecord) { r.Keys["pk"] = events.NewStringAttribute("trail#all#2026-11") },
		"a slot":                func(r *events.DynamoDBStreamRecord) { r.Keys["pk"] = events.NewStringAttribute("directory") },
		"a person":              func(r *events.DynamoDBStreamRecord) { r.Keys["pk"] = events.NewStringAttribute("person#0") },
		"a key of another kind": func(r *events.DynamoDBStreamRecord) { r.Keys["pk"] = events.NewNumberAttribute("1") },
		"a removal":             func(r *events.DynamoDBStreamRecord) { r.OldImage, r.NewImage = r.NewImage, nil },
		"nothing that changed":  func(r *events.DynamoDBStreamRecord) { r.OldImage = r.NewImage },
	} {
		t.Run(name, func(t *testing.T) {
			all := records(t, 1)
			change(&all[0].Change)
			f := &follow{recorded: map[string]pat.Event{}, fail: func() error { return nil }}
			f.run(t, all)
			if len(f.told) > 0 || len(f.recorded) > 0 || f.log.Len() > 0 {
				t.Errorf("told %+v, logged %s", f.told, f.log.String())
			}
		})
	}
}

// TestWhatAGuestMayWrite: the authorizer of somebody else's API may make notes up,
// and must not put words into anybody's mouth, nor stop the trail.
func TestWhatAGuestMayWrite(t *testing.T) {
	made := func(network string, attributes map[string]string) []api.Event {
		t.Helper()
		all := records(t, 1)
		all[0].Change.OldImage = all[0].Change.NewImage
		all[0].Change.NewImage = map[string]events.DynamoDBAttributeValue{"notes": events.NewNumberAttribute("1")}
		all[0].Change.NewImage["networks"] = events.NewListAttribute([]events.DynamoDBAttributeValue{events.NewStringAttribute(network)})
		for name, value := range all[0].Change.OldImage {
			all[0].Change.NewImage[name] = value
		}
		for name, value := range attributes {
			all[0].Change.NewImage[name] = events.NewStringAttribute(value)
		}
		f := &follow{recorded: map[string]pat.Event{}, fail: func() error { return nil }}
		f.run(t, all)
		return f.told
	}
	long := strings.Repeat("x", 300_000)
	told := made("192.0.2.0/24", map[string]string{
		"noted": `{"kind":"admin","sub":"root","ip":"fe80::1%` + long + `","request_id":"` + long + `","at":"2026-11-24T12:00:00Z","makes":1}`,
	})
	text, _ := json.Marshal(told)
	if len(told) != 1 || told[0].Data.By != (api.EventDoer{Kind: "holder"}) || len(text) > 2000 {
		t.Errorf("told %d events in %d bytes", len(told), len(text))
	}
	if told := made("<script>", map[string]string{"noted": `{"at":"2026-11-24T12:00:00Z"}`}); len(told) != 1 || told[0].Type != "counterfoil.item.unreadable" {
		t.Errorf("told %+v", told)
	}
}

// TestFollowTellsOfEveryTokenOfAStop: those below it, with the mark of the write.
func TestFollowTellsOfEveryTokenOfAStop(t *testing.T) {
	r := records(t, 1)
	r[0].Change.Keys["sk"] = events.NewStringAttribute("~owner")
	owner := map[string]events.DynamoDBAttributeValue{
		"iss": events.NewStringAttribute("https://people.example"), "sub": events.NewStringAttribute("alice"),
		"next": events.NewNumberAttribute("6"), "live": events.NewNumberAttribute("2"), "version": events.NewNumberAttribute("1"),
	}
	r[0].Change.OldImage = owner
	r[0].Change.NewImage = map[string]events.DynamoDBAttributeValue{
		"version": events.NewNumberAttribute("2"),
		"stops":   events.NewListAttribute([]events.DynamoDBAttributeValue{events.NewStringAttribute("3 2026-11-24T12:00:00.000000000Z")}),
		"changed": events.NewStringAttribute(`{"kind":"admin","sub":"root","request_id":"r-9","at":"2026-11-24T12:00:00.5Z","makes":2}`),
	}
	for name, value := range owner {
		if _, set := r[0].Change.NewImage[name]; !set {
			r[0].Change.NewImage[name] = value
		}
	}
	down := errors.New("down")
	f := &follow{recorded: map[string]pat.Event{}, fail: func() error { err := down; down = nil; return err }}
	f.run(t, r)
	if len(f.told) != 2 || f.told[0].Type != "counterfoil.person.tokens_revoked" || f.told[1].Type != "counterfoil.token.revoked" ||
		f.told[1].Subject != "AAAAA00000" || f.told[1].Data.By.Subject != "root" || f.told[1].Data.RequestID != "r-9" || f.told[1].Data.Owner != "alice" {
		t.Errorf("told %+v", f.told)
	}
	if !strings.Contains(f.log.String(), "events wait") {
		t.Errorf("the log is %s", f.log.String())
	}
}

// refusalOf is a record of a refusal of that token.
func refusalOf(id, text string) events.DynamoDBEventRecord {
	return events.DynamoDBEventRecord{EventName: "INSERT", Change: events.DynamoDBStreamRecord{
		SequenceNumber: "7",
		Keys:           map[string]events.DynamoDBAttributeValue{"pk": events.NewStringAttribute("refused#" + id), "sk": events.NewStringAttribute("x")},
		NewImage:       map[string]events.DynamoDBAttributeValue{"refused": events.NewStringAttribute(text), "ttl": events.NewNumberAttribute("1")},
	}}
}

// TestFollowTellsRefusals: whose token it was is looked up, once for each, and one
// that nobody has was not refused.
func TestFollowTellsRefusals(t *testing.T) {
	text := func(nonce, rest string) string {
		return `{"reason":"revoked","at":"2026-11-24T12:00:00.5Z","nonce":"` + nonce + `"` + rest + `}`
	}
	long := strings.Repeat("x", 300_000)
	all := append(records(t, 2),
		refusalOf("AAAAA00001", text("a", `,"ip":"192.0.2.1","request_id":"r-1"`)),
		refusalOf("AAAAA00001", text("b", `,"ip":"fe80::1%`+long+`","request_id":"`+long+`","kind":"admin","sub":"root","owner":"root"`)),
		refusalOf("AAAAA00001", text(long, "")),
		refusalOf("BBBBB00001", text("c", "")),
		refusalOf(long, text("d", "")),
		refusalOf("AAAAA00001", `{"reason":"<script>","at":"2026-11-24T12:00:00Z"}`),
		refusalOf("AAAAA00001", `{"at":"2026-11-24T12:00:00Z"}`),
	)
	for n := range all {
		all[n].Change.SequenceNumber = fmt.Sprint(n)
	}
	f := &follow{recorded: map[string]pat.Event{}, fail: func() error { return nil }}
	f.run(t, all)
	var ids []string
	for _, e := range f.told {
		if e.Type != "counterfoil.token.refused" {
			continue
		}
		ids = append(ids, e.ID)
		text, _ := json.Marshal(e)
		if e.Data.By != (api.EventDoer{Kind: "holder"}) || e.Data.Owner != "alice" || e.Subject != "AAAAA00001" || e.Data.Reason != "revoked" || len(text) > 2000 {
			t.Errorf("told %.500s", text)
		}
	}
	if got := fmt.Sprint(ids); got != "[AAAAA00001-refused-1795521600500-2 AAAAA00001-refused-1795521600500-3 AAAAA00001-refused-1795521600500-4]" {
		t.Errorf("told %s", got)
	}
	if got := fmt.Sprint(f.lookups); got != "[[AAAAA00001 BBBBB00001]]" {
		t.Errorf("looked up %s", got)
	}
	if f.told[2].Data.IP != "192.0.2.1" || f.told[2].Data.RequestID != "r-1" {
		t.Errorf("told %+v", f.told[2])
	}
	// Whoever cannot be found at the moment is looked for again.
	down := errors.New("down")
	g := &follow{recorded: map[string]pat.Event{}, fail: func() error { err := down; down = nil; return err }}
	g.run(t, all[2:3])
	if len(g.told) != 1 || !strings.Contains(g.log.String(), "events wait") {
		t.Errorf("told %d, log %s", len(g.told), g.log.String())
	}
}
