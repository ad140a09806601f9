package main

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// asMain makes this test binary the program itself.
const asMain = "COUNTERFOIL_TEST_AS_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asMain) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// A process is the program, started as a user does.
type process struct {
	*exec.Cmd
	out    *bufio.Reader
	stderr bytes.Buffer
}

func startProcess(t *testing.T, environment ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.CommandContext(t.Context(), os.Args[0])}
	p.Env = append([]string{asMain + "=1", "HOME=" + t.TempDir()}, environment...)
	p.Dir = t.TempDir()
	p.Stderr = &p.stderr
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.out = bufio.NewReader(out)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Process.Kill(); p.Wait() })
	return p
}

// ready reads the one line, and returns the address on it.
func (p *process) ready(t *testing.T) string {
	t.Helper()
	line, err := p.out.ReadString('\n')
	url, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "ready: ")
	if err != nil || !ok || !strings.HasPrefix(url, "http://127.0.0.1:") {
		p.Wait()
		t.Fatalf("line %q, %v; stderr %s", line, err, &p.stderr)
	}
	return url
}

// end waits for the end, and returns the status and what stdout still held.
func (p *process) end(t *testing.T) (status int, rest string) {
	t.Helper()
	text, err := io.ReadAll(p.out)
	if err != nil {
		t.Fatal(err)
	}
	p.Wait()
	return p.ProcessState.ExitCode(), string(text)
}

func TestProgram(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(sig.String()+" stops it cleanly", func(t *testing.T) {
			p := startProcess(t, "PORT=0")
			url := p.ready(t)
			resp, err := http.Get(url + "/.well-known/openid-configuration")
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if resp.StatusCode != 200 || !strings.Contains(string(body), `"issuer":"`+url+`"`) {
				t.Errorf("answer %d %s", resp.StatusCode, body)
			}
			if err := p.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			// One line: the answer above.
			if status, rest := p.end(t); status != 0 || rest != "" || strings.Count(p.stderr.String(), "\n") != 1 {
				t.Errorf("status %d, more on stdout %q, on stderr %q", status, rest, &p.stderr)
			}
			if files, err := os.ReadDir(filepath.Join(p.Dir, ".local")); err != nil || len(files) == 0 {
				t.Errorf("no state in .local: %v", err)
			}
		})
	}
}

// A kill loses nothing that was acknowledged, and a start after it works.
func TestProgramAfterAKill(t *testing.T) {
	state := t.TempDir()
	p := startProcess(t, "PORT=0", "STATE="+state)
	url := p.ready(t)
	post := func(url, body string) int {
		resp, err := http.Post(url+"/idp/token", "application/x-www-form-urlencoded", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	if status := post(url, "grant_type=password&username=alice&password=alice&groups=a"); status != 200 {
		t.Fatalf("status %d", status)
	}
	p.Process.Kill()
	p.Wait()
	again := startProcess(t, "PORT=0", "STATE="+state)
	if status := post(again.ready(t), "grant_type=password&username=alice&password=alice"); status != 200 {
		t.Errorf("status %d", status)
	}
	text, err := os.ReadFile(filepath.Join(state, "idp.json"))
	if err != nil || !strings.Contains(string(text), `"groups":["a"]`) {
		t.Errorf("%s, %v", text, err)
	}
}

func TestProgramThatCannotStart(t *testing.T) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	taken := strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)

	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	// with writes a state folder that holds one file.
	with := func(name, text string) string {
		state := t.TempDir()
		if err := os.WriteFile(filepath.Join(state, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return state
	}
	for name, tc := range map[string]struct{ port, state, says string }{
		"a port that is in use":      {taken, t.TempDir(), "port " + taken + " is in use"},
		"a port that is none":        {"http", t.TempDir(), "PORT"},
		"a port that is too high":    {"65536", t.TempDir(), "PORT"},
		"a state that is a file":     {"0", file, file},
		"a state below a file":       {"0", filepath.Join(file, "state"), file},
		"a state nobody can write":   {"0", "/proc/counterfoil", "/proc/counterfoil"},
		"a damaged store":            {"0", with("counterfoil.db", strings.Repeat("junk", 10_000)), "counterfoil.db"},
		"a damaged key":              {"0", with("key.pem", "junk"), "key.pem"},
		"a damaged key of sign-in":   {"0", with("idp-key.pem", "junk"), "idp-key.pem"},
		"a damaged file of sign-ins": {"0", with("idp.json", "{"), "idp.json is damaged"},
		"a newer file of sign-ins":   {"0", with("idp.json", `{"version":99}`), "version 99"},
		"a damaged file of notes":    {"0", with("notes.jsonl", "junk\n"), "notes.jsonl"},
	} {
		t.Run(name, func(t *testing.T) {
			p := startProcess(t, "PORT="+tc.port, "STATE="+tc.state)
			status, out := p.end(t)
			said := p.stderr.String()
			if status != 1 || out != "" {
				t.Errorf("status %d, stdout %q", status, out)
			}
			if !strings.Contains(said, tc.says) || strings.Count(said, "\n") != 1 {
				t.Errorf("stderr %q, want one line about %q", said, tc.says)
			}
		})
	}
}

// Two of them cannot share a state.
func TestProgramOnAStateThatIsInUse(t *testing.T) {
	state := t.TempDir()
	startProcess(t, "PORT=0", "STATE="+state).ready(t)
	second := startProcess(t, "PORT=0", "STATE="+state)
	if status, _ := second.end(t); status != 1 || strings.Count(second.stderr.String(), "\n") != 1 || !strings.Contains(second.stderr.String(), "in use") {
		t.Errorf("status %d, stderr %q", status, &second.stderr)
	}
}

// It finishes what was asked before it stops.
func TestProgramFinishesWhatIsUnderWay(t *testing.T) {
	p := startProcess(t, "PORT=0")
	url := p.ready(t)
	body, write := io.Pipe()
	answered := make(chan int, 1)
	go func() {
		// The body is sent once the server asks for it: then the request is under way.
		req, err := http.NewRequestWithContext(t.Context(), "POST", url+"/idp/token", body)
		if err != nil {
			panic(err)
		}
		req.Header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Expect": {"100-continue"}}
		resp, err := (&http.Transport{ExpectContinueTimeout: time.Minute}).RoundTrip(req)
		if err != nil {
			answered <- 0
			return
		}
		resp.Body.Close()
		answered <- resp.StatusCode
	}()
	io.WriteString(write, "grant_type=password&username=alice")
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	// It no longer takes anybody new.
	for deadline := time.Now().Add(4 * time.Second); ; {
		conn, err := net.Dial("tcp4", strings.TrimPrefix(url, "http://"))
		if err != nil {
			break
		}
		conn.Close()
		if time.Now().After(deadline) {
			t.Fatal("it does not stop")
		}
	}
	io.WriteString(write, "&password=alice")
	write.Close()
	if status := <-answered; status != 200 {
		t.Errorf("status %d", status)
	}
	if status, _ := p.end(t); status != 0 {
		t.Errorf("exit status %d", status)
	}
}
