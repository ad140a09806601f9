package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/pkg/api"
)

var theBeginning time.Time

// raw sends bytes as they are, and returns the answer.
func (ts *testServer) raw(text string) *http.Response {
	ts.t.Helper()
	conn, err := net.Dial("tcp4", strings.TrimPrefix(ts.URL, "http://"))
	if err != nil {
		ts.t.Fatal(err)
	}
	ts.t.Cleanup(func() { conn.Close() })
	if _, err := io.WriteString(conn, strings.ReplaceAll(text, "HOST", strings.TrimPrefix(ts.URL, "http://"))); err != nil {
		ts.t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		ts.t.Fatal(err)
	}
	return resp
}

func TestOnlyOurHostsAreServed(t *testing.T) {
	ts := newTestServer(t)
	_, port, _ := strings.Cut(strings.TrimPrefix(ts.URL, "http://"), ":")
	for host, status := range map[string]int{
		"127.0.0.1:" + port:              200,
		"localhost:" + port:              200,
		"127.0.0.1":                      421,
		"localhost":                      421,
		"127.0.0.1:1":                    421,
		"localhost.:" + port:             421,
		"localhost.evil.test:" + port:    421,
		"evil.test":                      421,
		"evil.test:" + port:              421,
		"127.0.0.2:" + port:              421,
		"[::1]:" + port:                  421,
		"2130706433:" + port:             421,
		"localho\u017ft:" + port:         421,
		"127.0.0.1:" + port + ",x":       421,
		"user@127.0.0.1:" + port:         421,
		"127.0.0.1:" + port + ".evil.st": 421,
	} {
		for _, path := range []string{"/.well-known/jwks.json", "/idp/jwks", "/"} {
			t.Run(host+path, func(t *testing.T) {
				resp := ts.raw("GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n")
				if status == 421 && resp.StatusCode == 400 {
					return // net/http refuses what is no host at all
				}
				if resp.StatusCode != status {
					t.Errorf("status %d, want %d", resp.StatusCode, status)
				}
				if status == 421 && resp.Header.Get("Access-Control-Allow-Origin") != "" {
					t.Error("another host is told about ours")
				}
			})
		}
	}
}

func TestUnknownRoutes(t *testing.T) {
	ts := newTestServer(t)
	session := ts.signIn("alice")
	for _, line := range []string{
		"GET //tokens", "GET /Tokens", "GET /tokens/../whoami", "GET /./tokens", "GET /tokens/a/b", "GET /%74okens",
		"HEAD /tokens", "PUT /tokens", "TRACE /tokens", "PATCH /tokens", "OPTIONS *", "OPTIONS /nothing",
		"GET /tokens;x=1", "GET /notes/1", "DELETE /notes", "POST /", "HEAD /nothing", "GET /favicon.ico", "GET /index.html",
		"GET /idp", "GET /idp/", "GET /idp/nothing", "GET /idp//token", "GET /idp/token", "GET /idp/../tokens", "HEAD /idp/jwks",
		"DELETE /idp/token", "GET /%69dp/jwks", "POST /admin/policy", "POST /oauth/device", "GET /\"'><", "GET /\xff",
		"GET http://HOST/nothing", "CONNECT HOST",
	} {
		t.Run(line, func(t *testing.T) {
			resp := ts.raw(line + " HTTP/1.1\r\nHost: HOST\r\nAuthorization: Bearer " + session + "\r\n\r\n")
			if resp.StatusCode != 404 || resp.Header.Get("Content-Type") != "application/problem+json" || resp.Header.Get("Location") != "" {
				t.Fatalf("answer %d %s", resp.StatusCode, resp.Header.Get("Content-Type"))
			}
		})
	}
}

// An address in full is the same route.
func TestAbsoluteForm(t *testing.T) {
	ts := newTestServer(t)
	if resp := ts.raw("GET http://HOST/.well-known/jwks.json HTTP/1.1\r\nHost: HOST\r\n\r\n"); resp.StatusCode != 200 {
		t.Errorf("status %d", resp.StatusCode)
	}
}

// Every route of the table is served, and refuses who shows nothing if it
// wants somebody.
func TestEveryRouteIsServed(t *testing.T) {
	ts := newTestServer(t)
	functions := ts.functions()
	if len(api.Routes) == 0 {
		t.Fatal("no routes")
	}
	for _, route := range api.Routes {
		t.Run(route.Method+" "+route.Path, func(t *testing.T) {
			if functions[route.Function] == nil {
				t.Fatalf("no function %s", route.Function)
			}
			ts := *ts
			ts.t = t
			r := ts.call(route.Method, strings.ReplaceAll(route.Path, "{id}", "aaaaaaaaaa"), "", "")
			switch {
			case r.Status >= 500, r.Status == 404:
				t.Errorf("status %d", r.Status)
			case route.Guard != api.Open && r.Status != 401:
				t.Errorf("status %d for nobody", r.Status)
			}
		})
	}
}

func TestJunkIsRefusedQuicklyAndWhole(t *testing.T) {
	ts := newTestServer(t)
	session := ts.signIn("alice")
	junk := strings.Repeat("x", 1<<20)
	for name, tc := range map[string]struct {
		method, path string
		header       http.Header
		body         string
		status       int
	}{
		"in a header":               {"GET", "/whoami", http.Header{"X-Junk": {junk}}, "", 413},
		"in the credential":         {"GET", "/whoami", http.Header{"Authorization": {"Bearer " + junk}}, "", 413},
		"in the query":              {"GET", "/whoami?" + junk, nil, "", 413},
		"in the path":               {"GET", "/" + junk, nil, "", 413},
		"in a body":                 {"POST", "/tokens", http.Header{"Authorization": {"Bearer " + session}, "Content-Type": {"application/json"}}, junk, 413},
		"in a form":                 {"POST", "/oauth/token", http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, junk, 413},
		"in a body without a right": {"POST", "/tokens", nil, junk, 401},
		"in a body of no route":     {"POST", "/nothing", nil, junk, 404},
		"in a note":                 {"POST", "/notes", http.Header{"Authorization": {"Bearer " + session}, "Content-Type": {"application/json"}}, junk, 413},
		"in a sign-in":              {"POST", "/idp/token", http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, "grant_type=" + junk, 400},
	} {
		t.Run(name, func(t *testing.T) {
			ts := *ts
			ts.t = t
			ts.send(tc.method, tc.path, tc.header, tc.body).want(tc.status)
		})
	}
}

// A path with an encoded slash is nobody's, and is not decoded twice.
func TestEncodedSlash(t *testing.T) {
	ts := newTestServer(t)
	session := ts.signIn("alice")
	for _, path := range []string{"/tokens/a%2Fb", "/tokens/a%2fb", "/tokens/%2F"} {
		ts.call("GET", path, session, "").want(404)
	}
	ts.call("GET", "/tokens/a%252Fb", session, "").want(404)
}

// checkPage checks that a page runs nothing and loads but its icon, and that its style is
// the one that the policy names.
func checkPage(t *testing.T, r reply, formAction string) {
	t.Helper()
	found := regexp.MustCompile(`(?s)<style>(.*)</style>`).FindStringSubmatch(r.Body)
	if found == nil {
		t.Fatal("no style")
	}
	sum := sha256.Sum256([]byte(found[1]))
	want := fmt.Sprintf("default-src 'none'; img-src 'self'; style-src 'sha256-%s'; form-action %s; base-uri 'none'; frame-ancestors 'none'",
		base64.StdEncoding.EncodeToString(sum[:]), formAction)
	if got := r.Header.Get("Content-Security-Policy"); got != want {
		t.Errorf("policy %q, want %q", got, want)
	}
	if strings.Contains(strings.ToLower(r.Body), "<script") || strings.Contains(r.Body, " style=") {
		t.Error("the policy would not let it")
	}
	for name, want := range map[string]string{"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff"} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if r.Header.Get("X-Request-Id") == "" {
		t.Error("no X-Request-Id")
	}
}

func TestStateIsForItsOwnerAlone(t *testing.T) {
	state := filepath.Join(t.TempDir(), "new", "folder")
	ts := startTestServer(t, state)
	ts.call("POST", "/notes", ts.signIn("alice", "users", "more"), `{"text":"x"}`).want(201)
	info, err := os.Stat(state)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("folder %v, %v", info.Mode(), err)
	}
	files, err := os.ReadDir(state)
	if err != nil || len(files) < 5 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		info, err := file.Info()
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", file.Name(), info.Mode(), err)
		}
	}
}

// What was acknowledged is there after a restart, and its keys are the same.
func TestStateOutlivesTheProcess(t *testing.T) {
	ts := newTestServer(t)
	session := ts.signIn("alice", "users", "more")
	created := ts.call("POST", "/tokens", session, `{"name":"a","scopes":["notes:read","notes:write"]}`).want(201)
	ts.call("POST", "/notes", created.field("token"), `{"text":"kept"}`).want(201)
	keys, idpKeys := ts.call("GET", "/.well-known/jwks.json", "", "").Body, ts.call("GET", "/idp/jwks", "", "").Body

	again := ts.restart()
	if again.call("GET", "/.well-known/jwks.json", "", "").Body != keys || again.call("GET", "/idp/jwks", "", "").Body != idpKeys {
		t.Error("other keys")
	}
	if r := again.call("GET", "/notes", created.field("token"), "").want(200); !strings.Contains(r.Body, `"kept"`) {
		t.Errorf("notes %s", r.Body)
	}
	if r := again.call("GET", "/whoami", again.signIn("alice"), "").want(200); !strings.Contains(r.Body, `"more"`) {
		t.Errorf("alice is %s", r.Body)
	}
}

func TestExampleAPI(t *testing.T) {
	ts := newTestServer(t)
	session := ts.signIn("alice")
	reads := ts.call("POST", "/tokens", session, `{"name":"r","scopes":["notes:read"]}`).want(201).field("token")
	writes := ts.call("POST", "/tokens", session, `{"name":"w","scopes":["notes:write"]}`).want(201).field("token")
	ts.call("POST", "/notes", writes, `{"text":"one"}`).want(201)
	ts.call("POST", "/notes", session, `{"text":"two"}`).want(201)
	if r := ts.call("GET", "/notes", reads, "").want(200); !strings.Contains(r.Body, "one") || !strings.Contains(r.Body, "two") {
		t.Errorf("notes %s", r.Body)
	}
	if r := ts.call("GET", "/notes", ts.signIn("bob"), "").want(200); r.Body != `{"notes":[]}` {
		t.Errorf("bob sees %s", r.Body)
	}
	if r := ts.call("POST", "/notes", reads, `{"text":"x"}`).want(403); r.field("missing_scope") != "notes:write" || r.field("code") != "insufficient_scope" {
		t.Errorf("refusal %s", r.Body)
	}
	ts.call("GET", "/notes", writes, "").want(403)
	ts.call("GET", "/notes", "", "").want(401)
	ts.send("GET", "/notes", http.Header{"Authorization": {"Bearer " + reads, "Bearer " + reads}}, "").want(401)
	ts.call("POST", "/notes", writes, `{"text":""}`).want(400)
	ts.call("POST", "/notes", writes, `text=x`).want(415)
}
