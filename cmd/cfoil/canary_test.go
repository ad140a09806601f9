package main_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// arguments of every process that runs while a test does, as ps shows them.
func watchArguments(t *testing.T) (seen func() string) {
	t.Helper()
	if runtime.GOOS != "linux" {
		if os.Getenv("CI") == "true" {
			t.Fatal("no /proc")
		}
		t.Skip("no /proc")
	}
	var all bytes.Buffer
	lines := map[string]bool{}
	stop := make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		for {
			files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
			for _, f := range files {
				if text, err := os.ReadFile(f); err == nil && !lines[string(text)] {
					lines[string(text)] = true
					all.Write(bytes.ReplaceAll(text, []byte{0}, []byte{' '}))
					all.WriteByte('\n')
				}
			}
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	return func() string {
		close(stop)
		done.Wait()
		return all.String()
	}
}

// TestCanary follows every secret through all that a person does with cfoil, at
// a shell that keeps its history, with --debug, and looks for it in what ps
// showed, in the history, in every stderr, in the environment of what cfoil
// started, and in every file but those that keep it.
func TestCanary(t *testing.T) {
	need(t, "bash")
	need(t, "git")
	s := startServer(t)
	session, err := s.session("alice")
	if err != nil {
		t.Fatal(err)
	}
	u := newUser(t, "COUNTERFOIL_SERVER="+s.address)
	u.must(session, "auth", "login", "--with-token")
	seen := watchArguments(t)

	host := gitServer(t, s, t.TempDir())
	script := `
cfoil token create canary --scope notes:read,notes:write,credentials --debug 2>>$HOME/stderr | tee $HOME/value | cfoil auth login --with-token --debug 2>>$HOME/stderr
cfoil auth status --debug >>$HOME/shown 2>>$HOME/stderr
cfoil token list --debug >>$HOME/shown 2>>$HOME/stderr
cfoil token show canary --debug >>$HOME/shown 2>>$HOME/stderr
cfoil token edit canary --description x --debug >>$HOME/shown 2>>$HOME/stderr
cfoil token verify --debug <$HOME/value >>$HOME/shown 2>>$HOME/stderr
cfoil exchange --scope notes:read --debug >$HOME/jwt 2>>$HOME/stderr
cfoil credential-process --debug >$HOME/aws 2>>$HOME/stderr
cfoil configure aws --profile canary --debug >>$HOME/shown 2>>$HOME/stderr
cfoil auth git-credential get --debug --for HOST >$HOME/git 2>>$HOME/stderr <$HOME/question
git -c credential.helper='!cfoil auth git-credential --debug --for HOST' ls-remote HOST/none.git >>$HOME/shown 2>>$HOME/stderr
COUNTERFOIL_TOKEN=$(cat $HOME/value) cfoil token list --debug >>$HOME/shown 2>>$HOME/stderr
cfoil token rotate canary --debug >$HOME/value2 2>>$HOME/stderr
cfoil token verify --debug <$HOME/value >>$HOME/shown 2>>$HOME/stderr
cfoil exchange --debug --audience urn:nobody >>$HOME/shown 2>>$HOME/stderr
cfoil token delete canary --yes --debug >>$HOME/shown 2>>$HOME/stderr
DISPLAY=:0 BROWSER_PERSON=bob BROWSER_LEAVES=$HOME/browser COUNTERFOIL_TOKEN=$(cat $HOME/value2) cfoil auth login --redirect-port 0 --debug >>$HOME/shown 2>>$HOME/stderr
history -w
`
	script = strings.ReplaceAll(script, "HOST", host)
	if err := os.WriteFile(filepath.Join(u.home, "question"), []byte("protocol=http\nhost="+strings.TrimPrefix(host, "http://")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	shell := exec.CommandContext(t.Context(), "bash", "--norc", "-o", "history")
	shell.Env = append(u.env, "PATH="+programs+string(os.PathListSeparator)+os.Getenv("PATH"), "HISTFILE="+filepath.Join(u.home, "history"), "GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_NOSYSTEM=1")
	shell.Dir = u.home
	shell.Stdin = strings.NewReader(script)
	if out, err := shell.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	arguments := seen()

	held := func(name string) string {
		text, err := os.ReadFile(filepath.Join(u.home, name))
		if err != nil || len(text) == 0 {
			t.Fatalf("%s: %v; %s", name, err, mustRead(t, filepath.Join(u.home, "stderr")))
		}
		return strings.TrimSpace(string(text))
	}
	var aws struct{ SecretAccessKey, SessionToken string }
	if err := json.Unmarshal([]byte(held("aws")), &aws); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(held("git"), "password="+held("value")) {
		t.Error("git got something else")
	}
	secrets := map[string]string{
		"the session": session, "its signature": session[strings.LastIndex(session, "."):], "the value": held("value")[16:52], "the rotated value": held("value2")[16:52],
		"the JWT": held("jwt"), "the JWT's signature": held("jwt")[strings.LastIndex(held("jwt"), "."):], "the AWS key": aws.SecretAccessKey, "the AWS session": aws.SessionToken,
	}
	places := map[string]string{
		"what ps showed": arguments, "the shell's history": held("history"), "stderr": held("stderr"), "stdout": held("shown"), "the browser's environment": held("browser"),
	}
	// Some are gone before anybody can look; what the shell started them with is
	// in its history as well.
	if n := strings.Count(arguments, "cfoil"); n < 3 {
		t.Fatalf("ps showed cfoil %d times", n)
	}
	if n := strings.Count(places["stderr"], "level=DEBUG"); n < 20 {
		t.Fatalf("%d lines of --debug: %s", n, places["stderr"])
	}
	for where, text := range places {
		for what, secret := range secrets {
			for how, spelling := range map[string]string{"as it is": secret, "in base64": base64.StdEncoding.EncodeToString([]byte(secret))[4:32]} {
				if strings.Contains(text, spelling) {
					t.Errorf("%s stands in %s, %s", what, where, how)
				}
			}
		}
	}
}

func mustRead(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
	}
	return string(text)
}
