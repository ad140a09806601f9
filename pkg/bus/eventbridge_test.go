package bus_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/pkg/api"
	"github.com/counterfoil/counterfoil/pkg/bus"
)

// A fakeBus takes what is put on it as EventBridge's wire protocol has it.
type fakeBus struct {
	entries []map[string]any
	calls   int
	answer  func(call int) (status int, body string) // nil: takes all
}

func (b *fakeBus) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in struct{ Entries []map[string]any }
	text, _ := io.ReadAll(r.Body)
	if err := json.Unmarshal(text, &in); err != nil || r.Header.Get("X-Amz-Target") != "AWSEvents.PutEvents" {
		http.Error(w, fmt.Sprint(r.Header, err), http.StatusBadRequest)
		return
	}
	b.calls++
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if b.answer != nil {
		if status, body := b.answer(b.calls); status != 0 {
			w.WriteHeader(status)
			io.WriteString(w, body)
			return
		}
	}
	b.entries = append(b.entries, in.Entries...)
	io.WriteString(w, `{"FailedEntryCount":0,"Entries":[]}`)
}

func newBus(t *testing.T) (*fakeBus, *bus.EventBridge) {
	t.Helper()
	fake := &fakeBus{}
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL_EVENTBRIDGE": server.URL, "AWS_REGION": "eu-central-1",
		"AWS_ACCESS_KEY_ID": "example", "AWS_SECRET_ACCESS_KEY": "example", "AWS_SESSION_TOKEN": "",
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
		bus.EnvBus: "counterfoil",
	} {
		t.Setenv(name, value)
	}
	b, err := bus.NewEventBridge()
	if err != nil {
		t.Fatal(err)
	}
	return fake, b
}

func eventsOf(n int) (events []api.Event) {
	for i := range n {
		events = append(events, api.Event{ID: fmt.Sprint(i), Type: "counterfoil.token.created", Time: "2026-11-24T12:00:00Z"})
	}
	return events
}

func TestEventBridge(t *testing.T) {
	fake, b := newBus(t)
	if err := b.Put(t.Context(), eventsOf(23)); err != nil {
		t.Fatal(err)
	}
	if len(fake.entries) != 23 || fake.calls != 3 {
		t.Errorf("%d events in %d calls", len(fake.entries), fake.calls)
	}
	for i, e := range fake.entries {
		var detail api.Event
		if err := json.Unmarshal([]byte(e["Detail"].(string)), &detail); err != nil || detail.ID != fmt.Sprint(i) {
			t.Errorf("event %d is %v, %v", i, e["Detail"], err)
		}
		if e["EventBusName"] != "counterfoil" || e["Source"] != bus.EventSource || e["DetailType"] != detail.Type || e["Time"] == nil {
			t.Errorf("event %d is %v", i, e)
		}
	}
	if err := b.Put(t.Context(), nil); err != nil || fake.calls != 3 {
		t.Errorf("of none: %d calls, %v", fake.calls, err)
	}
}

func TestEventBridgeThatTakesSome(t *testing.T) {
	fake, b := newBus(t)
	fake.answer = func(call int) (int, string) {
		if call == 2 {
			return 200, `{"FailedEntryCount":1,"Entries":[{"EventId":"x"},{"ErrorCode":"ThrottlingException","ErrorMessage":"slow down"}]}`
		}
		return 0, ""
	}
	if err := b.Put(t.Context(), eventsOf(23)); err == nil || !strings.Contains(err.Error(), "ThrottlingException") {
		t.Errorf("got %v", err)
	}
	fake.answer = func(int) (int, string) { return 400, `{"__type":"AccessDeniedException"}` }
	if err := b.Put(t.Context(), eventsOf(1)); err == nil {
		t.Error("no error")
	}
}

func TestEventBridgeWithoutABus(t *testing.T) {
	t.Setenv(bus.EnvBus, "")
	if _, err := bus.NewEventBridge(); err == nil || !strings.Contains(err.Error(), bus.EnvBus) {
		t.Errorf("got %v", err)
	}
}
