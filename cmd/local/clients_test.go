package main

import (
	"bytes"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Clients that others wrote, as their users run them.

// need skips a test where a program is missing; in CI it fails.
func need(t *testing.T, programs ...string) {
	t.Helper()
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			cannot(t, "there is no "+program)
		}
	}
}

// cannot skips a test that this machine cannot run; in CI it fails.
func cannot(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// create returns the value of a new token.
func (ts *testServer) create(session, body string) (value, id string) {
	ts.t.Helper()
	r := ts.call("POST", "/tokens", session, body).want(201)
	return r.field("token"), r.field("id")
}

// TestOAuth4WebAPI runs testdata/clients/oauth4webapi.mjs, with the version of
// the library that the lock file names.
func TestOAuth4WebAPI(t *testing.T) {
	need(t, "node", "npm")
	folder := t.TempDir()
	if err := os.CopyFS(folder, os.DirFS("testdata/clients")); err != nil {
		t.Fatal(err)
	}
	install := exec.CommandContext(t.Context(), "npm", "ci", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund")
	install.Dir = folder
	if out, err := install.CombinedOutput(); err != nil {
		if bytes.Contains(out, []byte("EINTEGRITY")) || bytes.Contains(out, []byte("EUSAGE")) {
			t.Fatalf("npm does not install what the lock file says: %s", out)
		}
		cannot(t, "npm installs nothing: "+string(out))
	}

	ts := newTestServer(t)
	token, _ := ts.create(ts.signIn("alice"), `{"name":"client","scopes":["notes:read","profile"]}`)
	caller, _ := ts.create(ts.signIn("root"), `{"name":"resource server","scopes":["introspect"]}`)
	script := exec.CommandContext(t.Context(), "node", "oauth4webapi.mjs")
	script.Dir = folder
	script.Env = append(os.Environ(), "ISSUER="+ts.URL, "TOKEN="+token, "CALLER="+caller)
	var stderr bytes.Buffer
	script.Stderr = &stderr
	out, err := script.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	if steps := strings.Count(string(out), "\n"); steps != 15 {
		t.Errorf("%d steps:\n%s", steps, out)
	}
}

// TestCurl shows a token as curl does when it is given a user.
func TestCurl(t *testing.T) {
	need(t, "curl")
	ts := newTestServer(t)
	session := ts.signIn("alice")
	value, id := ts.create(session, `{"name":"curl","scopes":["notes:read","notes:write"]}`)
	curl := func(arguments ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "curl", append([]string{"--silent", "--show-error", "--noproxy", "*", "--write-out", "\n%{http_code}"}, arguments...)...)
		cmd.Env = append(os.Environ(), "CURL_HOME="+t.TempDir())
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %s", err, stderr.String())
		}
		return string(out)
	}
	for name, c := range map[string]struct {
		arguments []string
		prints    string
	}{
		"the token as the password":       {[]string{"-u", "anybody:" + value, ts.URL + "/notes"}, `{"notes":[]}` + "\n200"},
		"the token as the user":           {[]string{"-u", value + ":", ts.URL + "/notes"}, `{"notes":[]}` + "\n200"},
		"the token in the address":        {[]string{"http://anybody:" + value + "@" + strings.TrimPrefix(ts.URL, "http://") + "/notes"}, `{"notes":[]}` + "\n200"},
		"curl's own way to send a bearer": {[]string{"--oauth2-bearer", value, ts.URL + "/notes"}, `{"notes":[]}` + "\n200"},
		"another password":                {[]string{"-u", "anybody:" + value[:57], ts.URL + "/notes"}, "\n401"},
		"no password":                     {[]string{ts.URL + "/notes"}, "\n401"},
	} {
		if got := curl(c.arguments...); !strings.HasSuffix(got, c.prints) {
			t.Errorf("%s: it does not end with %q", name, c.prints)
		}
	}
	// A Basic header at the token endpoint says who the client is, and that is nobody's business.
	form := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "subject_token_type": {"urn:ietf:params:oauth:token-type:access_token"}, "subject_token": {value}}
	if got := curl("-u", "client:secret", "--data", form.Encode(), ts.URL+"/oauth/token"); !strings.HasSuffix(got, "\n200") {
		t.Error("an exchange with a client's Basic header is refused")
	}
	ts.call("DELETE", "/tokens/"+id, session, "").want(204)
	if got := curl("-u", "anybody:"+value, ts.URL+"/notes"); !strings.HasSuffix(got, "\n401") {
		t.Error("a revoked token is not refused")
	}
}

// TestGit clones from and pushes to somebody's git server over HTTP, which
// challenges for Basic and asks our API what the credential may do.
func TestGit(t *testing.T) {
	need(t, "git")
	ts := newTestServer(t)
	session := ts.signIn("alice")
	root := t.TempDir()
	host := gitServer(t, ts.URL, root)

	git := func(dir, password string, arguments ...string) (string, error) {
		t.Helper()
		// The helper is asked for a password after the challenge, as a keyring is.
		helper := `credential.helper=!f() { test "$1" = get && echo username=git && echo "password=$PASSWORD"; }; f`
		cmd := exec.CommandContext(t.Context(), "git", append([]string{"-c", "credential.helper=", "-c", helper}, arguments...)...)
		cmd.Dir = dir
		cmd.Env = append(gitEnvironment(), "HOME="+root, "PASSWORD="+password)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	must := func(dir, password string, arguments ...string) {
		t.Helper()
		if out, err := git(dir, password, arguments...); err != nil {
			t.Fatalf("git %s: %v: %s", arguments[0], err, out)
		}
	}
	must(root, "", "init", "--quiet", "--bare", "notes.git")

	writer, _ := ts.create(session, `{"name":"writer","scopes":["notes:read","notes:write"]}`)
	reader, readerID := ts.create(session, `{"name":"reader","scopes":["notes:read"]}`)
	stranger, _ := ts.create(session, `{"name":"stranger","scopes":["profile"]}`)
	work := filepath.Join(t.TempDir(), "work")
	must(root, writer, "clone", "--quiet", host+"/notes.git", work)
	must(work, "", "commit", "--quiet", "--allow-empty", "--message", "hello")
	must(work, writer, "push", "--quiet", "origin", "HEAD:main")

	copied := filepath.Join(t.TempDir(), "copy")
	must(root, reader, "clone", "--quiet", "--branch", "main", host+"/notes.git", copied)
	if out, err := git(copied, "", "log", "--format=%s"); err != nil || out != "hello\n" {
		t.Errorf("the clone's log: %v: %s", err, out)
	}
	must(copied, ts.exchange(reader, "").field("access_token"), "fetch", "--quiet")

	refused := func(name, says, dir, password string, arguments ...string) {
		t.Helper()
		out, err := git(dir, password, arguments...)
		if err == nil || !strings.Contains(out, says) {
			t.Errorf("%s: %v, and git does not say %q", name, err, says)
		}
	}
	refused("a push without the scope", "403", copied, reader, "push", "origin", "HEAD:other")
	refused("a clone without the scope", "403", root, stranger, "clone", host+"/notes.git", filepath.Join(root, "x"))
	refused("a clone with junk", "Authentication failed", root, "junk", "clone", host+"/notes.git", filepath.Join(root, "x"))
	ts.call("DELETE", "/tokens/"+readerID, session, "").want(204)
	refused("a fetch with a revoked token", "Authentication failed", copied, reader, "fetch")
}

// gitEnvironment is this one without anybody's configuration, or a way to ask.
func gitEnvironment() []string {
	return append(os.Environ(),
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=", "SSH_ASKPASS=", "LC_ALL=C", "no_proxy=127.0.0.1",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com",
	)
}
