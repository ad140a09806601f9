package main_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// An otherIssuer stands in front of the real server and names itself as the one
// who signs people in. It can what the local sign-in cannot: device codes,
// refresh tokens that are good once, revocation, iss in its answers. Its
// sessions are alice's, of the real sign-in.
type otherIssuer struct {
	t      *testing.T
	real   *localServer
	front  *httptest.Server
	metaOf func(map[string]any) // changes its discovery document
	claim  string               // what the resource's document says that it is

	mu        sync.Mutex
	expiresIn int // of the sessions that it gives, in seconds
	challenge string
	polls     int
	refresh   string // the one that is good now
	refreshed int
	revoked   string
	// sessions are the real ones, by those that it gives: these are for itself.
	sessions map[string]string
	audience string // of what it gives, unless it is its own
	shown    bool   // whether anything was shown to the server
}

func newOtherIssuer(t *testing.T, changes ...func(*otherIssuer)) *otherIssuer {
	t.Helper()
	o := &otherIssuer{t: t, real: startServer(t), expiresIn: 3600}
	realURL, err := url.Parse(o.real.address)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/oauth-protected-resource", func(w http.ResponseWriter, _ *http.Request) {
		claim := o.claim
		if claim == "" {
			claim = o.front.URL
		}
		answerJSON(w, 200, map[string]any{"resource": claim, "authorization_servers": []string{o.front.URL + "/issuer"}, "cli_client_id": "cli"})
	})
	mux.HandleFunc("GET /issuer/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		at := o.front.URL + "/issuer"
		doc := map[string]any{
			"issuer": at, "authorization_endpoint": at + "/authorize", "token_endpoint": at + "/token", "device_authorization_endpoint": at + "/device",
			"revocation_endpoint": at + "/revoke", "scopes_supported": []string{"openid", "offline_access"}, "authorization_response_iss_parameter_supported": true,
		}
		if o.metaOf != nil {
			o.metaOf(doc)
		}
		answerJSON(w, 200, doc)
	})
	mux.HandleFunc("GET /issuer/authorize", o.authorize)
	mux.HandleFunc("POST /issuer/device", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("client_id") != "cli" || r.FormValue("resource") != o.front.URL {
			t.Errorf("device: %v", r.Form)
		}
		answerJSON(w, 200, map[string]any{"device_code": "device", "user_code": "ABCD-EFGH", "verification_uri": o.front.URL + "/issuer/enter", "expires_in": 60, "interval": 1})
	})
	mux.HandleFunc("POST /issuer/token", o.token)
	mux.HandleFunc("POST /issuer/revoke", func(_ http.ResponseWriter, r *http.Request) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.revoked = r.FormValue("token")
	})
	mux.Handle("/", &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(realURL)
		o.mu.Lock()
		defer o.mu.Unlock()
		shown, _ := strings.CutPrefix(r.In.Header.Get("Authorization"), "Bearer ")
		r.Out.Header.Set("Authorization", "Bearer "+o.sessions[shown])
		o.shown = o.shown || shown != ""
	}})
	o.front = httptest.NewUnstartedServer(mux)
	for _, change := range changes {
		change(o)
	}
	o.front.Start()
	t.Cleanup(o.front.Close)
	return o
}

func answerJSON(w http.ResponseWriter, status int, document any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(document)
}

// authorize signs alice in without a page.
func (o *otherIssuer) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.challenge = q.Get("code_challenge")
	if q.Get("scope") != "offline_access" || q.Get("resource") != o.front.URL || q.Get("code_challenge_method") != "S256" {
		o.t.Errorf("authorize: %v", q)
	}
	back := url.Values{"code": {"code"}, "state": {q.Get("state")}, "iss": {o.front.URL + "/issuer"}}
	if q.Has("impostor") {
		back.Set("iss", "https://impostor.example")
	}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+back.Encode(), http.StatusSeeOther)
}

func (o *otherIssuer) token(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		o.t.Error(err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	refuse := func(code string) { answerJSON(w, 400, map[string]string{"error": code}) }
	if r.PostFormValue("client_id") != "cli" || r.Header.Get("Authorization") != "" {
		refuse("invalid_client")
		return
	}
	switch r.PostFormValue("grant_type") {
	case "authorization_code":
		sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
		if r.PostFormValue("code") != "code" || base64.RawURLEncoding.EncodeToString(sum[:]) != o.challenge {
			refuse("invalid_grant")
			return
		}
	case "urn:ietf:params:oauth:grant-type:device_code":
		if o.polls++; o.polls == 1 {
			refuse("authorization_pending")
			return
		}
	case "refresh_token":
		if o.refresh == "" || r.PostFormValue("refresh_token") != o.refresh {
			o.refresh = "" // it was stolen: nobody gets anything any more
			refuse("invalid_grant")
			return
		}
		o.refreshed++
		o.expiresIn = 3600
	default:
		refuse("unsupported_grant_type")
		return
	}
	session, err := o.real.session("alice")
	if err != nil {
		o.t.Error(err)
	}
	o.refresh = "refresh-" + rand.Text()
	answerJSON(w, 200, map[string]any{"access_token": o.sessionFor(session), "token_type": "Bearer", "expires_in": o.expiresIn, "refresh_token": o.refresh})
}

// sessionFor returns one that is for the front, and stands for a real one. The
// caller holds the lock.
func (o *otherIssuer) sessionFor(real string) string {
	audience := o.audience
	if audience == "" {
		audience = o.front.URL
	}
	payload, err := json.Marshal(map[string]any{"aud": []string{"https://another.example", audience}, "jti": rand.Text()})
	if err != nil {
		o.t.Error(err)
	}
	session := "e30." + base64.RawURLEncoding.EncodeToString(payload) + ".e30"
	if o.sessions == nil {
		o.sessions = map[string]string{}
	}
	o.sessions[session] = real
	return session
}

// endsAtOnce gives sessions that count as ended.
func endsAtOnce(o *otherIssuer) { o.expiresIn = 10 }

// renewals returns how many there were, and what is good now.
func (o *otherIssuer) renewals() (n int, refresh, revoked string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.refreshed, o.refresh, o.revoked
}

// A run is what came of one run of the program.
type run struct {
	code           int
	stdout, stderr string
}

// A user is somebody with a home of their own.
type user struct {
	t    *testing.T
	home string
	env  []string
}

func newUser(t *testing.T, env ...string) *user {
	t.Helper()
	home := t.TempDir()
	return &user{t, home, append([]string{"HOME=" + home, "PATH=" + programs + string(os.PathListSeparator) + os.Getenv("PATH"), "NO_PROXY=127.0.0.1"}, env...)}
}

func (u *user) command(arguments ...string) *exec.Cmd {
	cmd := exec.CommandContext(u.t.Context(), filepath.Join(programs, "cfoil"), arguments...)
	cmd.Env, cmd.Dir = u.env, u.home
	return cmd
}

// cfoil runs the program.
func (u *user) cfoil(stdin string, arguments ...string) run {
	u.t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := u.command(arguments...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		u.t.Fatal(err)
	}
	return run{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// must runs the program and returns what it prints.
func (u *user) must(stdin string, arguments ...string) string {
	u.t.Helper()
	r := u.cfoil(stdin, arguments...)
	if r.code != 0 {
		u.t.Fatalf("cfoil %s: exit status %d: %s", arguments[0], r.code, r.stderr)
	}
	return strings.TrimSpace(r.stdout)
}

var addressPattern = regexp.MustCompile(`(?m)^  (http\S+)$`)

// login signs in, with a browser that goes where the address leads and does
// what the issuer says; change changes the address before.
func (u *user) login(change func(string) string) run {
	u.t.Helper()
	cmd := u.command("auth", "login", "--no-browser", "--redirect-port", "0")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		u.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		u.t.Fatal(err)
	}
	said := ""
	for buffer, opened := make([]byte, 4096), false; ; {
		n, err := stderr.Read(buffer)
		said += string(buffer[:n])
		if address := addressPattern.FindStringSubmatch(said); address != nil && !opened {
			opened = true
			http.Get(change(address[1]))
		}
		if err != nil {
			break
		}
	}
	cmd.Wait()
	return run{code: cmd.ProcessState.ExitCode(), stderr: said}
}

func same(s string) string { return s }

func TestDeviceCode(t *testing.T) {
	o := newOtherIssuer(t)
	u := newUser(t, "COUNTERFOIL_SERVER="+o.front.URL)
	r := u.cfoil("", "auth", "login", "--device")
	if r.code != 0 || r.stdout != "" || !strings.Contains(r.stderr, "/issuer/enter") || !strings.Contains(r.stderr, "ABCD-EFGH") || !strings.Contains(r.stderr, "as Alice (alice)") {
		t.Errorf("%+v", r)
	}
	if u.must("", "token", "create", "device", "--scope", "profile") == "" {
		t.Error("no token")
	}
}

// TestRenewal: a session that ends is renewed, by one process, with a refresh
// token that is good once.
func TestRenewal(t *testing.T) {
	o := newOtherIssuer(t, endsAtOnce)
	u := newUser(t, "COUNTERFOIL_SERVER="+o.front.URL)
	if r := u.login(same); r.code != 0 {
		t.Fatalf("%+v", r)
	}
	_, first, _ := o.renewals()
	var all sync.WaitGroup
	for range 6 {
		all.Go(func() {
			if r := u.cfoil("", "auth", "token"); r.code != 0 || strings.Count(r.stdout, ".") != 2 || r.stderr != "" {
				t.Errorf("exit status %d: %s", r.code, r.stderr)
			}
		})
	}
	all.Wait()
	n, last, _ := o.renewals()
	if n != 1 || last == first || last == "" {
		t.Errorf("renewed %d times", n)
	}
	u.must("", "token", "list")
	if n, _, _ := o.renewals(); n != 1 {
		t.Errorf("renewed %d times", n)
	}
	r := u.cfoil("", "auth", "logout")
	if _, _, revoked := o.renewals(); r.code != 0 || revoked != last {
		t.Errorf("logout: %+v; the issuer was not told", r)
	}
}

func TestARefusedRenewalIsAnExpiredSession(t *testing.T) {
	o := newOtherIssuer(t, endsAtOnce)
	u := newUser(t, "COUNTERFOIL_SERVER="+o.front.URL)
	if r := u.login(same); r.code != 0 {
		t.Fatalf("%+v", r)
	}
	o.mu.Lock()
	o.refresh = "another"
	o.mu.Unlock()
	if r := u.cfoil("", "token", "list"); r.code != 4 || !strings.Contains(r.stderr, "error: the session has expired") {
		t.Errorf("%+v", r)
	}
	o.front.CloseClientConnections()
	o.front.Close()
	if r := u.cfoil("", "token", "list"); r.code != 1 || !strings.Contains(r.stderr, "error: ") || strings.Contains(r.stderr, "expired") {
		t.Errorf("no issuer: %+v", r)
	}
}

// TestSignInsThatAreNotTrusted: no secret goes where it should not.
func TestSignInsThatAreNotTrusted(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*otherIssuer)
		at     func(string) string
		says   string
	}{
		"a resource that is another":  {func(o *otherIssuer) { o.claim = o.real.address }, same, "says that it is http://127.0.0.1"},
		"an issuer that is another":   {func(o *otherIssuer) { o.metaOf = func(d map[string]any) { d["issuer"] = "https://other.example" } }, same, "says that it is https://other.example"},
		"an answer of another issuer": {func(*otherIssuer) {}, func(a string) string { return a + "&impostor=1" }, "the answer is of another issuer"},
		"a token endpoint in the clear": {func(o *otherIssuer) {
			o.metaOf = func(d map[string]any) { d["token_endpoint"] = "http://issuer.example/token" }
		}, same, "names an endpoint that is not https"},
		"a page in the clear": {func(o *otherIssuer) {
			o.metaOf = func(d map[string]any) { d["authorization_endpoint"] = "http://issuer.example/authorize" }
		}, same, "names an endpoint that is not https"},
		"no token endpoint":              {func(o *otherIssuer) { o.metaOf = func(d map[string]any) { delete(d, "token_endpoint") } }, same, "names no token endpoint"},
		"no page":                        {func(o *otherIssuer) { o.metaOf = func(d map[string]any) { delete(d, "authorization_endpoint") } }, same, "offers no sign-in by browser"},
		"a session for another's server": {func(o *otherIssuer) { o.audience = "https://tokens.example.com" }, same, "is not for http://127.0.0.1"},
		"a session of another's":         {func(o *otherIssuer) { o.real = startServer(o.t) }, same, "the server does not take the session"},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOtherIssuer(t, c.change)
			u := newUser(t, "COUNTERFOIL_SERVER="+o.front.URL)
			r := u.login(c.at)
			if r.code == 0 || !strings.Contains(r.stderr, c.says) {
				t.Errorf("%+v", r)
			}
			if _, err := os.Stat(filepath.Join(u.home, ".config", "counterfoil", "secrets.json")); err == nil {
				t.Error("something was kept")
			}
			o.mu.Lock()
			defer o.mu.Unlock()
			if o.shown != (name == "a session of another's") {
				t.Errorf("a session was shown to the server: %t", o.shown)
			}
		})
	}
}

// TestLostAnswers: where nobody knows whether a token was made, it is told what
// to do; where it certainly was not, it is not.
func TestLostAnswers(t *testing.T) {
	s := startServer(t)
	session, err := s.session("alice")
	if err != nil {
		t.Fatal(err)
	}
	real, err := url.Parse(s.address)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(real) }}
	var answer atomic.Value // an http.HandlerFunc, to whatever makes a value
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != "POST" {
			proxy.ServeHTTP(w, r)
			return
		}
		proxy.ServeHTTP(httptest.NewRecorder(), r) // it is obeyed
		answer.Load().(http.HandlerFunc)(w, r)
	}))
	defer front.Close()
	u := newUser(t, "COUNTERFOIL_SERVER="+front.URL, "COUNTERFOIL_TOKEN="+session)
	for name, status := range map[string]int{"broken": 0, "unavailable": 503, "bad gateway": 502} {
		answer.Store(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if status == 0 {
				panic(http.ErrAbortHandler)
			}
			w.WriteHeader(status)
		}))
		r := u.cfoil("", "token", "create", name, "--scope", "profile")
		if r.code != 1 || r.stdout != "" || !strings.Contains(r.stderr, "the token may be there") || !strings.Contains(r.stderr, `"cfoil token rotate '`+name+`'"`) {
			t.Errorf("create, %s: %+v", name, r)
		}
		// What the hint says helps.
		r = u.cfoil("", "token", "rotate", name, "--grace", "1h")
		if r.code != 1 || !strings.Contains(r.stderr, "--keep-previous") {
			t.Errorf("rotate, %s: %+v", name, r)
		}
		if value := u.must("", "token", "rotate", name, "--keep-previous", "--server", s.address); !strings.HasPrefix(value, "cfoil_") {
			t.Errorf("%s: no value in the end", name)
		}
	}
	// Interrupted while it waits for the answer, it says so all the same.
	asked := make(chan struct{})
	answer.Store(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { close(asked); <-r.Context().Done() }))
	var stderr bytes.Buffer
	cmd := u.command("token", "create", "interrupted", "--scope", "profile")
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-asked
	cmd.Process.Signal(os.Interrupt)
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 130 || !strings.Contains(stderr.String(), "the token may be there") {
		t.Errorf("exit status %d: %s", code, stderr.String())
	}
}

// TestInterrupted: Ctrl-C where cfoil waits is 130, and nothing is kept.
func TestInterrupted(t *testing.T) {
	asked := make(chan struct{}, 1)
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
	}))
	defer silent.Close()
	o := newOtherIssuer(t)
	u := newUser(t, "COUNTERFOIL_SERVER="+o.front.URL)
	for name, c := range map[string]struct {
		arguments []string
		waits     func(stderr io.Reader) // until it waits
	}{
		"at the page":  {[]string{"auth", "login", "--no-browser", "--redirect-port", "0"}, func(stderr io.Reader) { stderr.Read(make([]byte, 4096)) }},
		"at an answer": {[]string{"auth", "login", "--server", silent.URL}, func(io.Reader) { <-asked }},
	} {
		cmd := u.command(c.arguments...)
		stderr, err := cmd.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		c.waits(stderr)
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		rest, _ := io.ReadAll(stderr)
		cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code != 130 || strings.Contains(string(rest), "error") {
			t.Errorf("%s: exit status %d: %s", name, code, rest)
		}
	}
	if _, err := os.Stat(filepath.Join(u.home, ".config")); err == nil {
		t.Error("something was kept")
	}
}
