package functions_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/pkg/api"
	"github.com/counterfoil/counterfoil/pkg/bus"
	"github.com/counterfoil/counterfoil/pkg/pat"
)

// unrouted are the functions that no request reaches: their events are not API
// Gateway's.
var unrouted = map[string]func(t *testing.T, at map[string]string, cloud *cloud){
	"trail":  testTrail,
	"remind": testRemind,
}

// testTrail: the function takes a record of the stream, puts its event on the bus
// and where it is read back, and names the record as failed while the bus does
// not answer.
func testTrail(t *testing.T, at map[string]string, cloud *cloud) {
	var put []string
	down := true
	busAPI := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		if down {
			w.WriteHeader(http.StatusBadRequest)
			io.WriteString(w, `{"__type":"InternalException"}`)
			return
		}
		put = append(put, string(body))
		io.WriteString(w, `{"FailedEntryCount":0,"Entries":[]}`)
	}))
	defer busAPI.Close()
	token := cloud.create(t, "followed")
	const hash = "3q2+796tvu/erb7v3q2+796tvu/erb7v3q2+796tvu8="
	event := fmt.Sprintf(`{"Records":[{"eventID":"e1","eventName":"INSERT","eventSource":"aws:dynamodb","dynamodb":{
		"ApproximateCreationDateTime":%d,"SequenceNumber":"111","StreamViewType":"NEW_AND_OLD_IMAGES",
		"Keys":{"pk":{"S":"%[2]s"},"sk":{"S":"%[3]s"}},
		"NewImage":{"pk":{"S":"%[2]s"},"sk":{"S":"%[3]s"},"name":{"S":"n"},"hash":{"B":"%[4]s"},"gen":{"N":"1"},"version":{"N":"1"},"owner":{"S":"alice"},
			"changed":{"S":"{\"kind\":\"person\",\"sub\":\"alice\",\"at\":\"%[5]s\",\"makes\":1}"}}}}]}`,
		time.Now().Unix(), token.ID.Slot(), token.ID[5:], hash, time.Now().UTC().Format(time.RFC3339))

	p := spawn(t, newRuntimeAPI(t), at["trail"], environ(cloud.env, needs("trail"), map[string]string{"AWS_ENDPOINT_URL_EVENTBRIDGE": busAPI.URL}))
	p.ready(t)
	if got := string(p.invoke(t, []byte(event))); got != `{"batchItemFailures":[{"itemIdentifier":"111"}]}` {
		t.Errorf("while the bus is down: %s", got)
	}
	down = false
	if got := string(p.invoke(t, []byte(event))); got != `{"batchItemFailures":[]}` {
		t.Errorf("answer %s", got)
	}
	p.kill()
	out := p.out.String()
	wantSecretsKept(t, out)
	if len(put) != 1 || strings.Contains(put[0]+out, hash) {
		t.Fatalf("%d calls of the bus, or a hash: %q", len(put), put)
	}
	var entries struct {
		Entries []struct{ Detail, DetailType, EventBusName string }
	}
	var told api.Event
	if err := json.Unmarshal([]byte(put[0]), &entries); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(entries.Entries[0].Detail), &told); err != nil {
		t.Fatal(err)
	}
	if told.Subject != string(token.ID) || told.Type != "counterfoil.token.created" || told.Source != "https://tokens.example/v1" || entries.Entries[0].EventBusName != needs("trail")[bus.EnvBus] {
		t.Errorf("told %+v, %+v", told, entries)
	}
	alice := pat.Grant{Kind: pat.KindPerson, Person: pat.Person{Issuer: peopleIssuer, Subject: "alice"}}
	page, err := cloud.tokens.Trail(t.Context(), alice, string(token.ID), pat.TrailRequest{Limit: 10})
	if err != nil || len(page.Events) != 1 || page.Events[0].ID != told.ID {
		t.Errorf("read back %+v, %v; told %+v", page, err, told)
	}
}

// testRemind: the function takes the ticks of two days, and looks at the part of
// each hour: so it comes to every token, and warns of it once.
func testRemind(t *testing.T, at map[string]string, cloud *cloud) {
	alice := pat.Grant{Kind: pat.KindPerson, Person: pat.Person{Issuer: peopleIssuer, Subject: "alice"}}
	past := &pat.Service{Store: cloud.tokens.Store, Issuer: cloud.tokens.Issuer, PeopleIssuer: peopleIssuer}
	past.Now = func() time.Time { return time.Now().Add(-30 * time.Hour) }
	token, err := past.Create(t.Context(), alice, pat.CreateRequest{
		Name: "ends", Scopes: []string{"profile"}, Expiry: pat.Expiry{Given: true, At: time.Now().Add(20 * time.Hour)},
	})
	if err != nil {
		t.Fatal(err)
	}
	p := spawn(t, newRuntimeAPI(t), at["remind"], environ(cloud.env, needs("remind")))
	p.ready(t)
	for hour := range 48 {
		p.invoke(t, fmt.Appendf(nil, `{"version":"0","id":"1","detail-type":"Scheduled Event","source":"aws.events","time":"2026-11-24T%02d:07:00Z","resources":[],"detail":{}}`, hour%24))
	}
	p.kill()
	out := p.out.String()
	wantSecretsKept(t, out)
	if strings.Count(out, `"warnings":1`) != 1 || strings.Count(out, `"warnings":0`) != 47 || strings.Count(out, `"part":0`) != 2 || strings.Count(out, `"part":23`) != 2 {
		t.Errorf("its log is %s", redact(out))
	}
	got, err := cloud.tokens.Get(t.Context(), alice, string(token.ID))
	if err != nil || got.Warned.Days != 1 {
		t.Errorf("the token is %+v, %v", got, err)
	}
}
