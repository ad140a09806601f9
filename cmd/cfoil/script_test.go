package main_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestStories runs testdata/script/*.txtar, each with a home and a server of
// its own. What they can say beside testscript's own commands:
//
//	server [stop]           start the real local server, at $SERVER; or stop it
//	signin [!] PERSON [...] cfoil auth login --no-browser ..., with a person at the page
//	session PERSON VAR      the session of a person who signed in elsewhere
//	exits N COMMAND ...     run it and want this exit status
//	envfile VAR FILE        set a variable to what a file holds
//	expire                  make the session's end be past, as far as cfoil knows
//	get ADDRESS STATUS      what a page of somebody else's could send
func TestStories(t *testing.T) {
	stories, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(stories) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup:               setUp,
		Condition: func(name string) (bool, error) {
			if program, ok := strings.CutPrefix(name, "has:"); ok {
				_, err := exec.LookPath(program)
				if err != nil && os.Getenv("CI") == "true" {
					return false, err
				}
				return err == nil, nil
			}
			return false, fmt.Errorf("no condition %q", name)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"server": serverCommand, "signin": signinCommand, "session": sessionCommand,
			"exits": exitsCommand, "envfile": envfileCommand, "expire": expireCommand, "get": getCommand,
		},
	})
}

func setUp(e *testscript.Env) error {
	home := filepath.Join(e.WorkDir, "home")
	if err := os.Mkdir(home, 0o755); err != nil {
		return err
	}
	e.Setenv("HOME", home)
	e.Setenv("CONFIG", filepath.Join(home, ".config", "counterfoil"))
	e.Setenv("CACHE", filepath.Join(home, ".cache", "counterfoil"))
	e.Setenv("PATH", programs+string(os.PathListSeparator)+e.Getenv("PATH"))
	e.Setenv("NO_PROXY", "127.0.0.1")
	e.Setenv("TERM", "xterm")
	e.Values["server"] = &localServer{state: filepath.Join(e.WorkDir, ".state")}
	return nil
}

// A localServer is the real one, as `make run` starts it.
type localServer struct {
	state   string
	address string
	cmd     *exec.Cmd
	stderr  bytes.Buffer
}

// states are the keys of a server that was started once: RSA takes its time.
var states = sync.OnceValue(func() string {
	s := &localServer{state: filepath.Join(programs, "state")}
	if err := s.start(); err != nil {
		panic(err)
	}
	s.stop()
	return s.state
})

// prepare gives it keys.
func (s *localServer) prepare() error {
	if err := os.CopyFS(s.state, os.DirFS(states())); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(s.state, "*"))
	for _, f := range files {
		err = errors.Join(err, os.Chmod(f, 0o600))
	}
	return err
}

func (s *localServer) start() error {
	s.cmd = exec.Command(filepath.Join(programs, "local"))
	port := "0"
	if u, err := url.Parse(s.address); err == nil && u.Port() != "" {
		port = u.Port() // where it was before
	}
	s.cmd.Env = append(os.Environ(), "PORT="+port, "STATE="+s.state)
	s.cmd.Stderr = &s.stderr
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.cmd.Start(); err != nil {
		return err
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	address, ok := strings.CutPrefix(strings.TrimSpace(line), "ready: ")
	if err != nil || !ok {
		s.stop()
		return errors.New(s.stderr.String())
	}
	s.address = address
	return nil
}

func (s *localServer) stop() {
	if s.cmd != nil {
		s.cmd.Process.Signal(syscall.SIGTERM)
		s.cmd.Wait()
		s.cmd = nil
	}
}

// startServer starts one for a test that is no story.
func startServer(t *testing.T) *localServer {
	t.Helper()
	s := &localServer{state: filepath.Join(t.TempDir(), "state")}
	if err := s.prepare(); err != nil {
		t.Fatal(err)
	}
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.stop)
	return s
}

// session signs a person in with the password grant.
func (s *localServer) session(person string) (string, error) {
	text, err := read(http.PostForm(s.address+"/idp/token", url.Values{
		"grant_type": {"password"}, "username": {person}, "password": {person}, "client_id": {"test"},
	}))
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err == nil {
		err = json.Unmarshal([]byte(text), &answer)
	}
	return answer.AccessToken, err
}

func serverOf(ts *testscript.TestScript) *localServer { return ts.Value("server").(*localServer) }

func serverCommand(ts *testscript.TestScript, neg bool, args []string) {
	s := serverOf(ts)
	if len(args) > 0 && args[0] == "stop" {
		s.stop()
		return
	}
	if s.address == "" {
		ts.Check(s.prepare())
	}
	ts.Check(s.start())
	ts.Defer(s.stop)
	ts.Setenv("SERVER", s.address)
}

func signinCommand(ts *testscript.TestScript, neg bool, args []string) {
	fails := args[0] == "!"
	if fails {
		args = args[1:]
	}
	cmd := exec.Command(filepath.Join(programs, "cfoil"), append([]string{"auth", "login", "--no-browser", "--redirect-port", "0"}, args[1:]...)...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = environment(ts)
	stderr, err := cmd.StderrPipe()
	ts.Check(err)
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	ts.Check(cmd.Start())
	timer := time.AfterFunc(30*time.Second, func() { cmd.Process.Kill() })
	defer timer.Stop()
	said := ""
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		said += lines.Text() + "\n"
		if address := strings.TrimSpace(lines.Text()); strings.HasPrefix(address, "http") {
			if err := pick(address, args[0]); err != nil && !fails {
				ts.Fatalf("at the page: %v", err)
			}
		}
	}
	err = cmd.Wait()
	ts.Logf("%s", said)
	ts.Check(os.WriteFile(ts.MkAbs("signin.err"), []byte(said), 0o600))
	if (err != nil) != fails {
		ts.Fatalf("sign-in of %s: %v", args[0], err)
	}
	if stdout.Len() > 0 {
		ts.Fatalf("a sign-in writes to stdout: %s", stdout.String())
	}
}

// environment is that of the story.
func environment(ts *testscript.TestScript) []string {
	var env []string
	for _, name := range []string{"HOME", "PATH", "TERM", "TMPDIR", "NO_PROXY", "COUNTERFOIL_SERVER", "COUNTERFOIL_TOKEN", "XDG_CONFIG_HOME", "DISPLAY"} {
		if value := ts.Getenv(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	return env
}

func sessionCommand(ts *testscript.TestScript, neg bool, args []string) {
	session, err := serverOf(ts).session(args[0])
	ts.Check(err)
	ts.Setenv(args[1], session)
}

func exitsCommand(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

func envfileCommand(ts *testscript.TestScript, neg bool, args []string) {
	value := strings.TrimSpace(ts.ReadFile(args[1]))
	if value == "" {
		ts.Fatalf("%s is empty", args[1])
	}
	ts.Setenv(args[0], value)
}

func expireCommand(ts *testscript.TestScript, neg bool, args []string) {
	path := filepath.Join(ts.Getenv("CONFIG"), "config.json")
	var c map[string]any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(path)), &c))
	for _, p := range c["servers"].(map[string]any) {
		p.(map[string]any)["session"].(map[string]any)["expires_at"] = "2020-01-01T00:00:00Z"
	}
	text, err := json.Marshal(c)
	ts.Check(err)
	ts.Check(os.WriteFile(path, text, 0o600))
}

func getCommand(ts *testscript.TestScript, neg bool, args []string) {
	for deadline := time.Now().Add(10 * time.Second); ; {
		resp, err := http.Get(args[0])
		if err == nil {
			resp.Body.Close()
			if strconv.Itoa(resp.StatusCode) != args[1] {
				ts.Fatalf("status %d", resp.StatusCode)
			}
			return
		}
		if time.Now().After(deadline) {
			ts.Check(err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
