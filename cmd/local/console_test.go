package main

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/pkg/api"
)

// testConsole is what a build could have written.
const testConsole = "testdata/console"

// navigation is how a browser asks for a page.
func navigation() http.Header {
	return http.Header{"Accept": {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}}
}

// checkConsole checks what every answer of the console carries.
func checkConsole(t *testing.T, ts *testServer, r reply, contentType, cache string) {
	t.Helper()
	want := api.ConsoleHeaders(ts.URL)
	want["Content-Type"], want["Cache-Control"] = contentType, cache
	for name, value := range want {
		if got := r.Header[name]; len(got) != 1 || got[0] != value {
			t.Errorf("%s: %q, want %q", name, got, value)
		}
	}
	if r.Header.Get("X-Request-Id") == "" {
		t.Error("no X-Request-Id")
	}
	for name := range r.Header {
		if strings.HasPrefix(name, "Access-Control-") || name == "Strict-Transport-Security" || name == "Set-Cookie" {
			t.Errorf("%s is there", name)
		}
	}
}

func TestConsolePages(t *testing.T) {
	ts := newTestServer(t)
	index, err := os.ReadFile(filepath.Join(testConsole, "index.html"))
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range []string{
		"/", "/?x=1", "/configuration", "/configuration?filter=a", "/callback?code=x&state=y", "/signed-out", "/tokens/new", "/tokens/new?name=ci",
		"/tokens/00000aaaaa", "/admin", "/admin/policy", "/admin/tokens", "/admin/people", "/admin/trail",
	} {
		t.Run(page, func(t *testing.T) {
			ts := *ts
			ts.t = t
			r := ts.send("GET", page, navigation(), "").want(200)
			checkConsole(t, &ts, r, "text/html; charset=utf-8", "no-cache")
			if r.Body != string(index) || r.Header.Get("Vary") != "Accept, Authorization" {
				t.Errorf("Vary %q, page %q", r.Header.Get("Vary"), r.Body)
			}
		})
	}
	// At / there is nothing else, so whoever asks gets the page.
	if r := ts.call("GET", "/", "", "").want(200); r.Body != string(index) {
		t.Errorf("page %q", r.Body)
	}
}

// A page that a route shares its path with is the console's only for a browser
// that goes there: programs get what the API has always said.
func TestConsolePagesLeaveTheRoutesAlone(t *testing.T) {
	ts := newTestServer(t)
	session := ts.signIn("alice")
	created := ts.call("POST", "/tokens", session, `{"name":"a","scopes":["profile"]}`).want(201)
	token := "/tokens/" + created.field("id")
	with := func(name, value string) http.Header {
		header := navigation()
		header.Set(name, value)
		return header
	}
	for name, c := range map[string]struct {
		method, path string
		header       http.Header
		status       int
	}{
		"a browser that goes there":                        {"GET", token, navigation(), 200},
		"a browser that names the type late":               {"GET", token, http.Header{"Accept": {"*/*", "a/b, Text/HTML;q=0.1"}}, 200},
		"a program without a credential":                   {"GET", token, nil, 401},
		"a program that takes everything":                  {"GET", token, with("Accept", "*/*"), 401},
		"a program that takes some text":                   {"GET", token, with("Accept", "text/*"), 401},
		"a program that takes JSON":                        {"GET", token, with("Accept", "application/json"), 401},
		"a type that only begins alike":                    {"GET", token, with("Accept", "text/html5, x/text/html"), 401},
		"a session, whatever it takes":                     {"GET", token, with("Authorization", "Bearer "+session), 200},
		"a bad credential":                                 {"GET", token, with("Authorization", "Bearer junk"), 401},
		"an empty credential":                              {"GET", token, with("Authorization", ""), 401},
		"a program at a page that is no route":             {"GET", "/callback", nil, 404},
		"a credential at a page that is no route":          {"GET", "/configuration", with("Authorization", "Bearer "+session), 404},
		"another method at a page":                         {"POST", "/callback", navigation(), 404},
		"a browser that asks for the head":                 {"HEAD", "/", navigation(), 200},
		"the head of a route":                              {"HEAD", token, nil, 404},
		"another method at a route":                        {"DELETE", token, navigation(), 401},
		"a browser at a route that is no page":             {"GET", "/tokens", navigation(), 401},
		"a browser at a deeper route that is no page":      {"GET", token + "/rotate", navigation(), 404},
		"a browser at the notes":                           {"GET", "/notes", navigation(), 401},
		"a browser at a path that looks like a page of it": {"GET", "/%63allback", navigation(), 404},
	} {
		t.Run(name, func(t *testing.T) {
			ts := *ts
			ts.t = t
			r := ts.send(c.method, c.path, c.header, "").want(c.status)
			html := strings.HasPrefix(r.Header.Get("Content-Type"), "text/html")
			if want := strings.HasPrefix(name, "a browser that"); html != want {
				t.Errorf("a page: %t", html)
			}
		})
	}
}

func TestConsoleFiles(t *testing.T) {
	ts := newTestServer(t)
	const forever = "public, max-age=31536000, immutable"
	for file, want := range map[string]struct{ contentType, cache string }{
		"/assets/index-B1a2c3.js":   {"text/javascript; charset=utf-8", forever},
		"/assets/index-B1a2c3.css":  {"text/css; charset=utf-8", forever},
		"/assets/sans-B1a2c3.woff2": {"font/woff2", forever},
		"/icon.svg":                 {"image/svg+xml", "no-cache"},
	} {
		t.Run(file, func(t *testing.T) {
			ts := *ts
			ts.t = t
			r := ts.call("GET", file, "", "").want(200)
			checkConsole(t, &ts, r, want.contentType, want.cache)
			text, err := os.ReadFile(filepath.Join(testConsole, file))
			if err != nil || r.Body != string(text) {
				t.Errorf("%q, %v", r.Body, err)
			}
			again := ts.send("GET", file, http.Header{"If-Modified-Since": {r.Header.Get("Last-Modified")}}, "").want(304)
			if again.Header.Get("Content-Security-Policy") == "" {
				t.Error("an unchanged file has no policy")
			}
		})
	}
}

func TestConsoleConfig(t *testing.T) {
	ts := newTestServer(t)
	r := ts.call("GET", "/config.json", "", "").want(200)
	checkConsole(t, ts, r, "application/json", "no-cache")
	if want := `{"api":"` + ts.URL + `","issuer":"` + ts.URL + `/idp","client_id":"counterfoil-console"}`; r.Body != want {
		t.Errorf("%s, want %s", r.Body, want)
	}
	discovery := ts.call("GET", "/idp/.well-known/openid-configuration", "", "").want(200)
	if discovery.field("issuer") != r.field("issuer") {
		t.Errorf("the sign-in calls itself %s", discovery.field("issuer"))
	}
}

// Nothing but the build's own files can be had, whoever asks.
func TestConsoleShowsNothingElse(t *testing.T) {
	folder := t.TempDir()
	secret := filepath.Join(t.TempDir(), "secret.txt")
	for path, text := range map[string]string{
		secret:                                  "secret",
		filepath.Join(folder, "index.html"):     "index",
		filepath.Join(folder, ".env"):           "secret",
		filepath.Join(folder, ".env.json"):      "secret",
		filepath.Join(folder, "main.go"):        "secret",
		filepath.Join(folder, "a.js.map"):       "secret",
		filepath.Join(folder, "other.html"):     "secret",
		filepath.Join(folder, "a b.js"):         "secret",
		filepath.Join(folder, "idp", "jwks"):    "secret",
		filepath.Join(folder, ".x", "a.js"):     "secret",
		filepath.Join(folder, "dir.js", "a.js"): "seen",
	} {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"link.txt": secret, "up": filepath.Dir(secret)} {
		if err := os.Symlink(to, filepath.Join(folder, link)); err != nil {
			t.Fatal(err)
		}
	}
	served := console{origin: "http://127.0.0.1:1", folder: folder}.before(http.NotFoundHandler())
	mayBe := map[string]int{"/dir.js/a.js": 200, "/": 200}
	for _, path := range []string{
		"/dir.js/a.js", "/",
		"/.env", "/.env.json", "/main.go", "/a.js.map", "/other.html", "/index.html", "/a%20b.js", "/idp/jwks", "/.x/a.js", "/dir.js", "/dir.js/", "/assets", "/assets/",
		"/link.txt", "/up/secret.txt", "/../secret.txt", "/x/../../secret.txt", "/..%2fsecret.txt", "/%2e%2e/secret.txt", `/..\secret.txt`, "//" + secret, secret,
		"/dir.js//a.js", "/./dir.js/a.js", "/dir.js/%61.js", "/dir.js/a.js/", "/dir.js/a.js%00", "/dir.js/a.js;x", "/Dir.js/a.js",
	} {
		r := ask(t, served, path)
		want := mayBe[path]
		if want == 0 {
			want = 404
		}
		if r.Status != want || strings.Contains(r.Body, "secret") {
			t.Errorf("%s: %d, want %d", path, r.Status, want)
		}
	}
}

// By another of our names the API would be another origin.
func TestConsoleHasOneOrigin(t *testing.T) {
	ts := newTestServer(t)
	_, port, _ := strings.Cut(strings.TrimPrefix(ts.URL, "http://"), ":")
	header := navigation()
	header.Set("Host", "localhost:"+port)
	r := ts.send("GET", "/tokens/new?name=a&scopes=b%3Ac", header, "").want(307)
	if got, want := r.Header.Get("Location"), ts.URL+"/tokens/new?name=a&scopes=b%3Ac"; got != want {
		t.Errorf("sent to %s, want %s", got, want)
	}
	header.Set("Accept", "*/*")
	ts.send("GET", "/", header, "").want(200)
	ts.send("GET", "/config.json", header, "").want(200)
}

func TestConsoleThatIsNotBuilt(t *testing.T) {
	for name, folder := range map[string]string{"no folder": filepath.Join(t.TempDir(), "dist"), "an empty one": t.TempDir()} {
		served := console{origin: "http://127.0.0.1:1", folder: folder}.before(http.NotFoundHandler())
		for _, path := range []string{"/", "/configuration"} {
			r := ask(t, served, path).want(503)
			checkPage(t, r, "'none'")
			if !strings.Contains(r.Body, "<code>make run</code>") {
				t.Errorf("%s: %s does not say what builds it", name, path)
			}
		}
		ask(t, served, "/assets/index-B1a2c3.js").want(404)
		ask(t, served, "/config.json").want(200)
	}
}

// ask sends a browser to a path, as it is written.
func ask(t *testing.T, to http.Handler, path string) reply {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET " + path + " HTTP/1.1\r\nHost: 127.0.0.1:1\r\nAccept: text/html\r\n\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	to.ServeHTTP(w, r)
	return reply{t: t, Status: w.Code, Header: w.Header(), Body: w.Body.String()}
}

// The program finds the console below the folder that it is started in, or where
// CONSOLE says.
func TestProgramServesTheConsole(t *testing.T) {
	built, err := filepath.Abs(testConsole)
	if err != nil {
		t.Fatal(err)
	}
	for environment, status := range map[string]int{"CONSOLE=" + built: 200, "CONSOLE=": 503} {
		url := startProcess(t, "PORT=0", environment).ready(t)
		resp, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		if resp.Body.Close(); resp.StatusCode != status {
			t.Errorf("with %s: %d, want %d", environment, resp.StatusCode, status)
		}
	}
}
