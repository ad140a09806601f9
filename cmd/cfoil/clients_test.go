package main_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/processcreds"

	"github.com/counterfoil/counterfoil/pkg/client"
)

// Programs that others wrote, as their users run them.

// need skips a test where a program is missing; in CI it fails.
func need(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

// needAWS skips a test where AWS's command line is not installed, in CI too: who
// builds this needs Go and Node alone. The SDK's test always runs.
func needAWS(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("aws"); err != nil {
		t.Skip(err)
	}
}

// withToken is a user whose environment holds a server and a token.
func withToken(t *testing.T, s *localServer, scopes ...string) (u *user, value string) {
	t.Helper()
	session, err := s.session("alice")
	if err != nil {
		t.Fatal(err)
	}
	u = newUser(t, "COUNTERFOIL_SERVER="+s.address, "COUNTERFOIL_TOKEN="+session)
	value = u.must("", "token", "create", t.Name()+strings.Join(scopes, " "), "--scope", strings.Join(scopes, ","))
	u.env = append(u.env, "COUNTERFOIL_TOKEN="+value)
	return u, value
}

// TestAWSSDK: the SDK runs the line that configure aws wrote.
func TestAWSSDK(t *testing.T) {
	u, value := withToken(t, startServer(t), "credentials")
	u.must("", "configure", "aws", "--profile", "counterfoil")
	for _, e := range u.env { // the SDK runs the line in this process's environment
		name, value, _ := strings.Cut(e, "=")
		t.Setenv(name, value)
	}
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"} {
		t.Setenv(name, "")
		os.Unsetenv(name)
	}
	cfg, err := config.LoadDefaultConfig(t.Context(), config.WithSharedConfigProfile("counterfoil"),
		config.WithSharedConfigFiles([]string{filepath.Join(u.home, ".aws", "config")}))
	if err != nil {
		t.Fatal(err)
	}
	got, err := cfg.Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatalf("the SDK gets none: %s", strings.ReplaceAll(err.Error(), value, "[secret]"))
	}
	if got.Source != processcreds.ProviderName || !got.CanExpire || time.Until(got.Expires) < 10*time.Minute || got.SessionToken == "" {
		t.Errorf("source %s, ends %s", got.Source, got.Expires)
	}
}

// TestAWSCLI: so does the command line, version 1 or 2.
func TestAWSCLI(t *testing.T) {
	needAWS(t)
	u, _ := withToken(t, startServer(t), "credentials")
	config := filepath.Join(u.home, ".aws", "config")
	const before = "# mine\n[default]\nregion = eu-south-1 ; here\n\n[profile other]\nrole_arn = arn:aws:iam::123456789012:role/x"
	if err := os.MkdirAll(filepath.Dir(config), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, []byte(before), 0o640); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second finds it done
		u.must("", "configure", "aws", "--profile", "counterfoil")
	}
	text, err := os.ReadFile(config)
	if err != nil || !strings.HasPrefix(string(text), before+"\n") || strings.Count(string(text), "credential_process") != 1 {
		t.Errorf("%v: the file is now\n%s", err, text)
	}
	if info, err := os.Stat(config); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("%v, mode %v", err, info.Mode())
	}
	for _, taken := range []string{"default", "other"} {
		if r := u.cfoil("", "configure", "aws", "--profile", taken); r.code != 1 || !strings.Contains(r.stderr, "already, with something else") {
			t.Errorf("%s: %+v", taken, r)
		}
	}
	// An AWS that notes which keys a request was signed with.
	var signed, session string
	sts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		signed, session = r.Header.Get("Authorization"), r.Header.Get("X-Amz-Security-Token")
		io.WriteString(w, `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Account>000000000000</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`)
	}))
	defer sts.Close()
	aws := exec.CommandContext(t.Context(), "aws", "sts", "get-caller-identity", "--profile", "counterfoil", "--region", "us-east-1", "--endpoint-url", sts.URL)
	aws.Env = append(os.Environ(), u.env...)
	if out, err := aws.CombinedOutput(); err != nil || !strings.Contains(string(out), "000000000000") {
		t.Fatalf("%v: %s", err, out)
	}
	if !strings.Contains(signed, "Credential=ASIALOCALCOUNTERFOIL/") || session == "" {
		t.Errorf("signed with other keys: %s", signed)
	}
}

// TestConfigureAWSInOddFiles: a link stays one, and a file without an end of
// line, or with a header in another spelling, is read as AWS reads it.
func TestConfigureAWSInOddFiles(t *testing.T) {
	u := newUser(t, "COUNTERFOIL_SERVER=https://tokens.example.com")
	target, link := filepath.Join(u.home, "dotfiles"), filepath.Join(u.home, "config")
	if err := os.WriteFile(target, []byte("[ profile  'quoted' ]\nregion=x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	u.env = append(u.env, "AWS_CONFIG_FILE="+link)
	u.must("", "configure", "aws", "--profile", "default")
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("%v: the link is one no more", err)
	}
	text, err := os.ReadFile(target)
	if want := "region=x\n\n[default]\ncredential_process = " + filepath.Join(programs, "cfoil") + " credential-process --server https://tokens.example.com\n"; err != nil || !strings.HasSuffix(string(text), want) {
		t.Errorf("%v: %s", err, text)
	}
	if r := u.cfoil("", "configure", "aws", "--profile", "quoted"); r.code != 1 {
		t.Errorf("a profile in another spelling: %+v", r)
	}
	if r := u.cfoil("", "configure", "aws", "--profile", "x", "--server", "https://tokens.example.com/$(id)"); r.code != 1 {
		t.Errorf("a server that a shell would run: %+v", r)
	}
}

// gitServer is a host of repositories that asks for Basic, and our API who is there.
func gitServer(t *testing.T, s *localServer, root string) string {
	t.Helper()
	git, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	backend := &cgi.Handler{Path: git, Args: []string{"http-backend"}, Env: []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=git"}, Stderr: io.Discard}
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, password, _ := r.BasicAuth()
		asks, err := client.New(client.Config{Server: s.address, Credential: client.Static(client.NewSecret(password))})
		if err != nil {
			t.Error(err)
			return
		}
		if who, err := asks.Whoami(r.Context()); err != nil || !slices.Contains(who.Scopes, "notes:read") {
			w.Header().Set("WWW-Authenticate", `Basic realm="notes"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		backend.ServeHTTP(w, r)
	}))
	t.Cleanup(host.Close)
	return host.URL
}

// TestGit clones over HTTP Basic with cfoil as git's credential helper.
func TestGit(t *testing.T) {
	need(t, "git")
	s := startServer(t)
	u, _ := withToken(t, s, "notes:read")
	root := t.TempDir()
	host := gitServer(t, s, root)
	git := func(u *user, arguments ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), "git", arguments...)
		cmd.Dir = root
		cmd.Env = append(slices.Clone(u.env), "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=", "SSH_ASKPASS=", "LC_ALL=C",
			"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	must := func(arguments ...string) {
		t.Helper()
		if out, err := git(u, arguments...); err != nil {
			t.Fatalf("git %s: %v: %s", arguments[0], err, out)
		}
	}
	must("init", "--quiet", "--initial-branch", "main", "work")
	must("-C", "work", "commit", "--quiet", "--allow-empty", "--message", "hello")
	must("clone", "--quiet", "--bare", "work", "notes.git")

	// Without --for nothing is said to a host that is not the server's own.
	helper := func(line string) []string { return []string{"-c", "credential." + host + ".helper=" + line} }
	silent := helper("!cfoil auth git-credential")
	if out, err := git(u, append(silent, "clone", host+"/notes.git", "silent")...); err == nil {
		t.Errorf("a host that nobody named got a credential: %s", out)
	}
	named := helper("!cfoil auth git-credential --for " + host)
	must(append(named, "clone", "--quiet", host+"/notes.git", "clone")...)
	if out, err := git(u, "-C", "clone", "log", "--format=%s"); err != nil || out != "hello\n" {
		t.Errorf("the clone's log: %v: %s", err, out)
	}
	config, err := os.ReadFile(filepath.Join(root, "clone", ".git", "config"))
	if err != nil || strings.Contains(string(config), "cfoil_") {
		t.Errorf("%v: the clone's configuration holds the value", err)
	}

	// A person's session is exchanged first: a host of repositories must not see
	// what manages tokens.
	session, err := s.session("alice")
	if err != nil {
		t.Fatal(err)
	}
	person := newUser(t, "COUNTERFOIL_SERVER="+s.address)
	person.must(session, "auth", "login", "--with-token")
	if out, err := git(person, append(named, "clone", "--quiet", host+"/notes.git", "clone2")...); err != nil {
		t.Errorf("a person's clone: %v: %s", err, out)
	}
	answer := person.must("protocol=http\nhost="+strings.TrimPrefix(host, "http://")+"\n\n", "auth", "git-credential", "--for", host, "get")
	if strings.Contains(answer, session) || !strings.Contains(answer, "password=ey") || !strings.Contains(answer, "password_expiry_utc=") {
		t.Error("git gets the session itself, or no end")
	}
	// It is bought once, and another one after the host refused it.
	question := "protocol=http\nhost=" + strings.TrimPrefix(host, "http://") + "\n"
	ask := func(verb, more string) string {
		return person.must(question+more+"\n", "auth", "git-credential", "--for", host, verb)
	}
	if ask("get", "") != answer {
		t.Error("it is bought at every question")
	}
	ask("erase", "username=x-token\npassword=another\n")
	if ask("get", "") != answer {
		t.Error("the refusal of another credential forgot this one")
	}
	ask("erase", answer)
	if ask("get", "") == answer {
		t.Error("git gets what was refused again")
	}

	// A token that may not, and one that is dead.
	stranger, _ := withToken(t, s, "profile")
	if out, err := git(stranger, append(named, "clone", host+"/notes.git", "clone3")...); err == nil || !strings.Contains(out, "Authentication failed") {
		t.Errorf("a token without the scope: %v: %s", err, out)
	}
}

// TestGitProtocol is what git says, old and new, and what it is answered.
func TestGitProtocol(t *testing.T) {
	value := "cfoil_" + strings.Repeat("0", 52)
	u := newUser(t, "COUNTERFOIL_SERVER=https://Tokens.example.com/prod", "COUNTERFOIL_TOKEN="+value)
	basic, bearer := "username=x-token\npassword="+value, "capability[]=authtype\nauthtype=Bearer\ncredential="+value
	for name, c := range map[string]struct{ verb, asks, answer string }{
		"the server":                       {"get", "protocol=https\nhost=tokens.example.com\n", basic},
		"with its port":                    {"get", "protocol=https\nhost=tokens.example.com:443\npath=x/y.git\n\nrest=ignored", basic},
		"for a name":                       {"get", "protocol=https\nhost=tokens.example.com\nusername=alice\n", strings.Replace(basic, "x-token", "alice", 1)},
		"a git that knows more":            {"get", "capability[]=authtype\ncapability[]=state\nprotocol=https\nhost=tokens.example.com\n", bearer},
		"and a host that takes a Bearer":   {"get", "capability[]=authtype\nprotocol=https\nhost=tokens.example.com\nwwwauth[]=Basic realm=\"x\"\nwwwauth[]=bearer\n", bearer},
		"and a host that takes only Basic": {"get", "capability[]=authtype\nprotocol=https\nhost=tokens.example.com\nwwwauth[]=Basic realm=\"x\"\n", basic},
		"another host":                     {"get", "protocol=https\nhost=tokens.example.com.evil.example\n", ""},
		"another port":                     {"get", "protocol=https\nhost=tokens.example.com:8443\n", ""},
		"in the clear":                     {"get", "protocol=http\nhost=tokens.example.com\n", ""},
		"a host with a user in it":         {"get", "protocol=https\nhost=evil.example@tokens.example.com\n", ""},
		"no host":                          {"get", "protocol=https\n", ""},
		"nothing":                          {"get", "", ""},
		"store":                            {"store", "protocol=https\nhost=tokens.example.com\nusername=a\npassword=b\n", ""},
		"erase":                            {"erase", "protocol=https\nhost=tokens.example.com\nusername=a\npassword=" + value + "\n", ""},
	} {
		if got := u.must(c.asks, "auth", "git-credential", c.verb); got != c.answer {
			t.Errorf("%s: %q", name, strings.ReplaceAll(got, value, "[secret]"))
		}
	}
	for name, arguments := range map[string][]string{
		"approve": {"auth", "git-credential", "approve"}, "for http": {"auth", "git-credential", "get", "--for", "http://git.example.com"},
	} {
		if r := u.cfoil("protocol=https\nhost=tokens.example.com\n", arguments...); r.code != 2 || r.stdout != "" {
			t.Errorf("%s: %d", name, r.code)
		}
	}
	if r := u.cfoil("junk\n", "auth", "git-credential", "get"); r.code != 2 || r.stdout != "" {
		t.Errorf("junk: %d", r.code)
	}
	nobody := newUser(t, "COUNTERFOIL_SERVER=https://tokens.example.com")
	if r := nobody.cfoil("protocol=https\nhost=tokens.example.com\n", "auth", "git-credential", "get"); r.code != 4 || r.stdout != "" {
		t.Errorf("nobody: %+v", r)
	}
}

// TestProcessesBuyOnce: those that start at the same moment get the same JWT,
// for one exchange.
func TestProcessesBuyOnce(t *testing.T) {
	s := startServer(t)
	u, _ := withToken(t, s, "notes:read")
	real, err := url.Parse(s.address)
	if err != nil {
		t.Fatal(err)
	}
	var exchanges atomic.Int32
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(real) }}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/oauth/token" {
			exchanges.Add(1)
		}
		proxy.ServeHTTP(w, r)
	}))
	defer front.Close()
	got := make([]run, 8)
	var all sync.WaitGroup
	for i := range got {
		all.Go(func() { got[i] = u.cfoil("", "exchange", "--server", front.URL) })
	}
	all.Wait()
	for _, r := range got {
		if r.code != 0 || r.stdout == "" || r.stdout != got[0].stdout {
			t.Errorf("exit status %d: %s", r.code, r.stderr)
		}
	}
	if n := exchanges.Load(); n != 1 {
		t.Errorf("%d exchanges", n)
	}
}

// TestTheReplacedSystemsClients sends exactly what they send, from the
// environment that they read: nothing has to change on their side but the
// values.
func TestTheReplacedSystemsClients(t *testing.T) {
	s := startServer(t)
	_, value := withToken(t, s, "profile", "credentials")
	t.Setenv("DHCORE_PERSONAL_ACCESS_TOKEN", value)
	t.Setenv("DHCORE_ISSUER", s.address)
	t.Setenv("DHCORE_CLIENT_ID", "the-one-static-client")

	// They find the endpoint by discovery.
	text, err := read(http.Get(os.Getenv("DHCORE_ISSUER") + "/.well-known/openid-configuration"))
	if err != nil {
		t.Fatal(err)
	}
	var discovery struct {
		TokenEndpoint string `json:"token_endpoint"`
	}
	if err := json.Unmarshal([]byte(text), &discovery); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		form url.Values
		keys bool
	}{
		"the command line at login": {url.Values{
			"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "client_id": {os.Getenv("DHCORE_CLIENT_ID")}, "subject_token": {os.Getenv("DHCORE_PERSONAL_ACCESS_TOKEN")},
			"subject_token_type": {"urn:ietf:params:oauth:token-type:pat"}, "requested_token_type": {"urn:ietf:params:oauth:token-type:access_token"},
		}, false},
		"the SDK at every start": {url.Values{
			"client_id": {os.Getenv("DHCORE_CLIENT_ID")}, "subject_token": {os.Getenv("DHCORE_PERSONAL_ACCESS_TOKEN")},
			"subject_token_type": {"urn:ietf:params:oauth:token-type:pat"}, "grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "scope": {"credentials"},
		}, true},
	} {
		text, err := read(http.PostForm(discovery.TokenEndpoint, c.form))
		if err != nil {
			t.Fatalf("%s: refused", name)
		}
		// Flat names, as they copy them into their files.
		var got map[string]any
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Fatal(err)
		}
		for _, field := range []string{"access_token", "token_type", "expires_in", "issued_token_type"} {
			if got[field] == nil {
				t.Errorf("%s: no %s", name, field)
			}
		}
		for _, field := range []string{"aws_access_key_id", "aws_secret_access_key", "aws_session_token", "aws_credentials_expiration"} {
			if (got[field] != nil) != c.keys {
				t.Errorf("%s: %s: %t", name, field, got[field] != nil)
			}
		}
		if got["refresh_token"] != nil {
			t.Errorf("%s: a refresh token", name)
		}
	}

	// cfoil reads the same names, in the same order, after its own.
	for name, c := range map[string]struct {
		env  []string
		want string
	}{
		"the long name":              {[]string{"DHCORE_PERSONAL_ACCESS_TOKEN=" + value}, value},
		"the short name":             {[]string{"DHCORE_PAT=" + value}, value},
		"the long before the short":  {[]string{"DHCORE_PAT=cfoil_x", "DHCORE_PERSONAL_ACCESS_TOKEN=" + value}, value},
		"ours before both":           {[]string{"COUNTERFOIL_TOKEN=" + value, "DHCORE_PERSONAL_ACCESS_TOKEN=cfoil_x"}, value},
		"a token of the old system":  {[]string{"DHCORE_PERSONAL_ACCESS_TOKEN=abcdefghijklmnopqrstuvwxyz0"}, ""},
		"which does not hide theirs": {[]string{"DHCORE_PERSONAL_ACCESS_TOKEN=abcdefghijklmnopqrstuvwxyz0", "DHCORE_PAT=" + value}, value},
	} {
		u := newUser(t, append(c.env, "COUNTERFOIL_SERVER="+s.address)...)
		r := u.cfoil("", "auth", "token")
		if strings.TrimSpace(r.stdout) != c.want || (r.code == 0) != (c.want != "") {
			t.Errorf("%s: exit status %d", name, r.code)
		}
		if c.want != "" && !strings.Contains(u.must("", "credential-process"), `"Version": 1`) {
			t.Errorf("%s: no credentials", name)
		}
	}
}
