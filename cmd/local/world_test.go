package main

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/pkg/signer"
)

// A testServer is the whole, on a port of its own, with a state of its own.
// Every answer that its gateway gives is held to openapi.yaml.
type testServer struct {
	*server
	t     *testing.T
	URL   string
	State string
	Log   *lockedBuffer
	Clock *clock
	stop  func()
}

func newTestServer(t *testing.T) *testServer {
	t.Helper()
	state := t.TempDir()
	for name, key := range testKeys() {
		if err := os.WriteFile(filepath.Join(state, name), key, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return startTestServer(t, state)
}

// testKeys are made once for all tests: RSA takes its time.
var testKeys = sync.OnceValue(func() map[string][]byte {
	folder, err := os.MkdirTemp("", "counterfoil-keys-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)
	keys := map[string][]byte{}
	for _, name := range []string{"key.pem", "idp-key.pem"} {
		path := filepath.Join(folder, name)
		if _, err := signer.OpenLocal(path, signer.RS256); err != nil {
			panic(err)
		}
		if keys[name], err = os.ReadFile(path); err != nil {
			panic(err)
		}
	}
	return keys
})

// startTestServer starts on a state that may be there already.
func startTestServer(t *testing.T, state string) *testServer {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ts := &testServer{t: t, URL: "http://" + listener.Addr().String(), State: state, Log: &lockedBuffer{}, Clock: &clock{}}
	log := slog.New(slog.NewTextHandler(ts.Log, nil))
	ts.server, err = newServer(t.Context(), config{Origin: ts.URL, State: state, Console: testConsole, Log: log, Now: ts.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	web := newHTTPServer(documented(t, ts.server), log)
	go web.Serve(listener)
	ts.stop = sync.OnceFunc(func() {
		if err := web.Close(); err != nil {
			t.Error(err)
		}
		if err := ts.server.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(ts.stop)
	return ts
}

// restart stops the server and starts another on the same state, on another port.
func (ts *testServer) restart() *testServer {
	ts.t.Helper()
	ts.stop()
	return startTestServer(ts.t, ts.State)
}

// A reply is what came of a request.
type reply struct {
	t      *testing.T
	Status int
	Header http.Header
	Body   string
}

// call sends a request. A body that starts with { goes as JSON, any other as a
// form; a credential goes as Bearer.
func (ts *testServer) call(method, path, credential, body string) reply {
	ts.t.Helper()
	header := http.Header{}
	if credential != "" {
		header.Set("Authorization", "Bearer "+credential)
	}
	switch {
	case strings.HasPrefix(body, "{"):
		header.Set("Content-Type", "application/json")
	case body != "":
		header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return ts.send(method, path, header, body)
}

func (ts *testServer) send(method, path string, header http.Header, body string) reply {
	ts.t.Helper()
	req, err := http.NewRequestWithContext(ts.t.Context(), method, ts.URL+path, strings.NewReader(body))
	if err != nil {
		ts.t.Fatal(err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	if host := header.Get("Host"); host != "" {
		req.Host = host
	}
	resp, err := noRedirects.Do(req)
	if err != nil {
		ts.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		ts.t.Fatal(err)
	}
	return reply{t: ts.t, Status: resp.StatusCode, Header: resp.Header, Body: string(text)}
}

// noRedirects shows a redirect instead of following it.
var noRedirects = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// want fails the test unless the status is the one given.
func (r reply) want(status int) reply {
	r.t.Helper()
	if r.Status != status {
		r.t.Fatalf("status %d, want %d", r.Status, status)
	}
	return r
}

// field returns a member of the JSON body.
func (r reply) field(name string) string {
	r.t.Helper()
	var document map[string]any
	if err := json.Unmarshal([]byte(r.Body), &document); err != nil {
		r.t.Fatalf("a %d without a JSON object: %v", r.Status, err)
	}
	text, _ := document[name].(string)
	return text
}

// signIn returns the session of a person. Groups, if given, are theirs from now on.
func (ts *testServer) signIn(name string, groups ...string) string {
	ts.t.Helper()
	form := url.Values{"grant_type": {"password"}, "username": {name}, "password": {name}}
	if len(groups) > 0 {
		form.Set("groups", strings.Join(groups, " "))
	}
	return ts.call("POST", "/idp/token", "", form.Encode()).want(200).field("access_token")
}

// clock is the real one, moved by hand.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

// lockedBuffer is a log that may be read while it is written.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
