package notes

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

var noon = time.Date(2027, 1, 31, 12, 0, 0, 5e8, time.UTC)

func open(t *testing.T, path string) *Notes {
	t.Helper()
	n, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	n.Origin = "http://console.test"
	n.Now = func() time.Time { return noon }
	return n
}

func event(method, caller, body string) events.APIGatewayProxyRequest {
	return events.APIGatewayProxyRequest{
		Resource:   "/notes",
		HTTPMethod: method,
		Headers:    map[string]string{"Content-Type": "application/json"},
		Body:       body,
		RequestContext: events.APIGatewayProxyRequestContext{
			RequestID:  "one",
			Authorizer: map[string]any{"sub": caller},
		},
	}
}

func TestHandle(t *testing.T) {
	n := open(t, filepath.Join(t.TempDir(), "notes.jsonl"))
	long := strings.Repeat("ä", 1000)
	encoded := event("POST", "bob", base64.StdEncoding.EncodeToString([]byte(`{"text":"from bob"}`)))
	encoded.IsBase64Encoded = true
	typed := event("POST", "alice", `{"text":"typed"}`)
	typed.Headers["Content-Type"] = "Application/JSON; charset=utf-8"
	for _, step := range []struct {
		name   string
		event  events.APIGatewayProxyRequest
		status int
		body   string
	}{
		{"nobody has notes at first", event("GET", "alice", ""), 200, `{"notes":[]}`},
		{"a note is kept", event("POST", "alice", `{"text":"hello"}`), 201, `{"text":"hello","created_at":"2027-01-31T12:00:00Z"}`},
		{"a note in base64 is kept", encoded, 201, `{"text":"from bob","created_at":"2027-01-31T12:00:00Z"}`},
		{"a note with a charset is kept", typed, 201, `{"text":"typed","created_at":"2027-01-31T12:00:00Z"}`},
		{"everybody sees their own, the oldest first", event("GET", "alice", ""), 200,
			`{"notes":[{"text":"hello","created_at":"2027-01-31T12:00:00Z"},{"text":"typed","created_at":"2027-01-31T12:00:00Z"}]}`},
		{"a thousand characters are a note", event("POST", "carol", `{"text":"`+long+`"}`), 201, `{"text":"` + long + `","created_at":"2027-01-31T12:00:00Z"}`},
	} {
		t.Run(step.name, func(t *testing.T) {
			r, err := n.Handle(t.Context(), step.event)
			if err != nil || r.StatusCode != step.status || r.Body != step.body {
				t.Fatalf("answer %d %s, %v; want %d %s", r.StatusCode, r.Body, err, step.status, step.body)
			}
			checkHeaders(t, r, "application/json")
		})
	}
}

func TestHandleRefuses(t *testing.T) {
	n := open(t, filepath.Join(t.TempDir(), "notes.jsonl"))
	with := func(change func(*events.APIGatewayProxyRequest)) events.APIGatewayProxyRequest {
		e := event("POST", "alice", `{"text":"x"}`)
		change(&e)
		return e
	}
	for name, tc := range map[string]struct {
		event  events.APIGatewayProxyRequest
		status int
	}{
		"no body":                        {event("POST", "alice", ""), 400},
		"a body that is no JSON":         {event("POST", "alice", "hello"), 400},
		"null":                           {event("POST", "alice", "null"), 400},
		"a list":                         {event("POST", "alice", `["x"]`), 400},
		"no text":                        {event("POST", "alice", `{}`), 400},
		"an empty text":                  {event("POST", "alice", `{"text":""}`), 400},
		"a text that is null":            {event("POST", "alice", `{"text":null}`), 400},
		"a text that is a number":        {event("POST", "alice", `{"text":1}`), 400},
		"a text given twice":             {event("POST", "alice", `{"text":"a","text":"b"}`), 400},
		"another name":                   {event("POST", "alice", `{"text":"a","owner":"bob"}`), 400},
		"another case":                   {event("POST", "alice", `{"Text":"a"}`), 400},
		"something behind it":            {event("POST", "alice", `{"text":"a"} {}`), 400},
		"a thousand and one characters":  {event("POST", "alice", `{"text":"`+strings.Repeat("ä", 1001)+`"}`), 400},
		"bytes that are no UTF-8":        {event("POST", "alice", "{\"text\":\"\xff\"}"), 400},
		"base64 that is none":            {with(func(e *events.APIGatewayProxyRequest) { e.IsBase64Encoded = true }), 400},
		"a body of another type":         {with(func(e *events.APIGatewayProxyRequest) { e.Headers["Content-Type"] = "text/plain" }), 415},
		"a body without a type":          {with(func(e *events.APIGatewayProxyRequest) { delete(e.Headers, "Content-Type") }), 415},
		"a body of more than 16 KiB":     {event("POST", "alice", `{"text":"`+strings.Repeat("x", 16<<10)+`"}`), 413},
		"a large body of the wrong type": {with(func(e *events.APIGatewayProxyRequest) { e.Headers, e.Body = nil, strings.Repeat("x", 17<<10) }), 415},
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			r, err := n.Handle(t.Context(), tc.event)
			if err != nil || r.StatusCode != tc.status {
				t.Fatalf("answer %d %s, %v; want %d", r.StatusCode, r.Body, err, tc.status)
			}
			checkHeaders(t, r, "application/problem+json")
			var p map[string]any
			if err := json.Unmarshal([]byte(r.Body), &p); err != nil || p["status"] != float64(tc.status) || p["title"] == "" {
				t.Errorf("problem %s", r.Body)
			}
		})
	}
	if kept := n.of("alice"); len(kept) > 0 {
		t.Errorf("kept %v all the same", kept)
	}
}

func checkHeaders(t *testing.T, r events.APIGatewayProxyResponse, mediaType string) {
	t.Helper()
	for name, want := range map[string]string{
		"Content-Type":                mediaType,
		"Cache-Control":               "no-store",
		"X-Request-Id":                "one",
		"Access-Control-Allow-Origin": "http://console.test",
	} {
		if got := r.Headers[name]; got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// A function that was reached around the gateway serves nobody.
func TestHandleWithoutACaller(t *testing.T) {
	n := open(t, filepath.Join(t.TempDir(), "notes.jsonl"))
	for name, context := range map[string]map[string]any{
		"no word of the authorizer":   nil,
		"a word without a subject":    {"scope": "notes:read"},
		"a subject that is no string": {"sub": 7},
		"an empty subject":            {"sub": ""},
	} {
		t.Run(name, func(t *testing.T) {
			e := event("GET", "", "")
			e.RequestContext.Authorizer = context
			if r, err := n.Handle(t.Context(), e); err == nil {
				t.Errorf("answer %d", r.StatusCode)
			}
		})
	}
}

func TestNotesOutliveTheProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notes.jsonl")
	n := open(t, path)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 5 {
				if _, err := n.add("alice", "line\nbreak"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	again := open(t, path)
	if got := again.of("alice"); len(got) != 40 || got[0] != (Note{"line\nbreak", noon.Truncate(time.Second)}) {
		t.Errorf("%d notes, the first %v", len(got), got[0])
	}
}

// Wherever a kill cuts the last line off, the notes before it are there and the
// next one can be added.
func TestOpenCutsATornLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notes.jsonl")
	n := open(t, path)
	for _, text := range []string{"one", "two"} {
		if _, err := n.add("alice", text); err != nil {
			t.Fatal(err)
		}
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	first := strings.IndexByte(string(whole), '\n') + 1
	for cut := first; cut < len(whole); cut++ {
		if err := os.WriteFile(path, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		torn := open(t, path)
		if _, err := torn.add("alice", "three"); err != nil {
			t.Fatal(err)
		}
		torn.Close()
		again := open(t, path)
		if got := again.of("alice"); len(got) != 2 || got[0].Text != "one" || got[1].Text != "three" {
			t.Fatalf("cut at %d: %v", cut, got)
		}
		again.Close()
	}
}

func TestOpenRefusesADamagedFile(t *testing.T) {
	for name, text := range map[string]string{
		"a line that is no JSON":      "{\"owner\":\"alice\",\"text\":\"a\",\"created_at\":\"2027-01-31T12:00:00Z\"}\nhello\n",
		"a line without an owner":     "{\"text\":\"a\"}\n",
		"an empty line":               "\n",
		"a line of zeros":             strings.Repeat("\x00", 40) + "\n",
		"a time that is none":         "{\"owner\":\"alice\",\"text\":\"a\",\"created_at\":\"yesterday\"}\n",
		"two notes in one line":       "{\"owner\":\"a\",\"text\":\"a\"}{\"owner\":\"a\",\"text\":\"a\"}\n",
		"damage before a torn line":   "hello\n{\"owner\":\"al",
		"a line that is cut and ends": "{\"owner\":\"al\n",
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "notes.jsonl")
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(path); err == nil || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v, want one line that names the file", err)
			}
			if after, err := os.ReadFile(path); err != nil || string(after) != text {
				t.Errorf("the file was changed: %q, %v", after, err)
			}
		})
	}
}

func TestOpenWhereNoFileCanBe(t *testing.T) {
	folder := t.TempDir()
	if _, err := Open(folder); err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %v, want one line", err)
	}
}

// What could not be written is not there, and does not spoil what follows.
func TestAddThatFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notes.jsonl")
	n := open(t, path)
	if _, err := n.add("alice", "one"); err != nil {
		t.Fatal(err)
	}
	n.file.Close()
	if r, err := n.Handle(t.Context(), event("POST", "alice", `{"text":"two"}`)); err == nil {
		t.Errorf("answer %d for a note that was not kept", r.StatusCode)
	}
	if got := n.of("alice"); len(got) != 1 {
		t.Errorf("%v", got)
	}
	if again := open(t, path).of("alice"); len(again) != 1 {
		t.Errorf("after a restart %v", again)
	}
}
