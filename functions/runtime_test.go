// Package functions_test runs the functions as Lambda does: the compiled
// binaries, under a Lambda Runtime API.
package functions_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// patience bounds every wait, in a test that would otherwise hang.
const patience = 30 * time.Second

// flags are the Makefile's: the bytes that are tested are made as those that
// are deployed, and compiled once for both.
var flags = []string{"-trimpath", "-buildvcs=false", "-tags=lambda.norpc", "-ldflags=-s -w -buildid="}

// build compiles main packages of this module into a folder of their own, one
// binary each, named like the package.
func build(t testing.TB, env []string, packages ...string) (dir string) {
	t.Helper()
	watch(t)
	dir = t.TempDir() + string(filepath.Separator)
	cmd := exec.CommandContext(t.Context(), "go", append(append([]string{"build", "-o", dir}, flags...), packages...)...)
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
	return dir
}

// watch looks at every file that a function is made of. go test keeps a result
// while the files that the test itself saw are unchanged, and it does not see
// those of go build.
func watch(t testing.TB) {
	t.Helper()
	for _, folder := range []string{".", "../pkg", "../go.mod"} {
		err := filepath.Walk(folder, func(_ string, _ os.FileInfo, err error) error { return err })
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A runtimeAPI is the Lambda Runtime API for one process:
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
type runtimeAPI struct {
	*httptest.Server
	asked   chan struct{} // one each time the process asks for an event
	events  chan []byte   // those that wait for it
	replies chan reply
}

// A reply is what a process made of an event.
type reply struct {
	body   []byte
	failed bool // it is an error, of the function or of its start
}

// What every process is told of itself.
const (
	functionName = "counterfoil-function"
	ownRequestID = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"
)

const invocation = "/2018-06-01/runtime/invocation/"

func newRuntimeAPI(t testing.TB) *runtimeAPI {
	t.Helper()
	r := &runtimeAPI{
		asked:   make(chan struct{}, 1000),
		events:  make(chan []byte, 1),
		replies: make(chan reply, 1),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+invocation+"next", r.next)
	mux.HandleFunc("POST "+invocation+"{id}/response", r.take(false))
	mux.HandleFunc("POST "+invocation+"{id}/error", r.take(true))
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", r.take(true))
	r.Server = httptest.NewServer(mux)
	t.Cleanup(r.Close)
	return r
}

// next gives out an event as soon as there is one.
func (r *runtimeAPI) next(w http.ResponseWriter, req *http.Request) {
	r.asked <- struct{}{}
	select {
	case <-req.Context().Done():
	case event := <-r.events:
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Lambda-Runtime-Aws-Request-Id", ownRequestID)
		h.Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(time.Now().Add(patience).UnixMilli()))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-central-1:123456789012:function:counterfoil")
		h.Set("Lambda-Runtime-Trace-Id", "Root=1-674312c0-5e1be00456a2d7e2b1a8b9aa;Parent=53995c3f42cd8ad8;Sampled=0")
		w.Write(event)
	}
}

func (r *runtimeAPI) take(failed bool) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return // the process is gone
		}
		r.replies <- reply{body: body, failed: failed}
		w.WriteHeader(http.StatusAccepted)
	}
}

// secrets are what no function may write: a value, a JWT, its own AWS key. Nor
// may a test that tells of it.
var secrets = regexp.MustCompile(`cfoil_[0-9A-Za-z]{52}|eyJ[0-9A-Za-z_.-]*|` + secretKey)

func redact(out string) string { return secrets.ReplaceAllString(out, "[secret]") }

// A process is one function that runs.
type process struct {
	api  *runtimeAPI
	cmd  *exec.Cmd
	out  bytes.Buffer  // stdout and stderr; to be read when it has ended
	done chan struct{} // closed when it has ended
}

// spawn starts a binary under a Runtime API, with the environment given and no
// other.
func spawn(t testing.TB, api *runtimeAPI, binary string, env []string) *process {
	t.Helper()
	p := &process{api: api, cmd: exec.Command(binary), done: make(chan struct{})}
	p.cmd.Env = append([]string{
		"AWS_LAMBDA_RUNTIME_API=" + strings.TrimPrefix(api.URL, "http://"),
		"AWS_LAMBDA_FUNCTION_NAME=" + functionName,
	}, env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.cmd.Wait() // how it ended, p.cmd.ProcessState tells
		close(p.done)
	}()
	t.Cleanup(p.kill)
	return p
}

// kill ends the process as Lambda does, without a word.
func (p *process) kill() {
	p.cmd.Process.Kill() // it may have ended already
	<-p.done
}

// ready waits until the process asks for an event.
func (p *process) ready(t testing.TB) {
	t.Helper()
	select {
	case <-p.api.asked:
	case r := <-p.api.replies:
		t.Fatalf("it did not start: %s", redact(string(r.body)))
	case <-p.done:
		t.Fatalf("it ended at its start: %v\n%s", p.cmd.ProcessState, redact(p.out.String()))
	case <-time.After(patience):
		t.Fatal("it asks for no event")
	}
}

// reply waits for what the process makes of the event that it was given.
func (p *process) reply(t testing.TB) reply {
	t.Helper()
	select {
	case r := <-p.api.replies:
		return r
	case <-p.done:
		t.Fatalf("it ended: %v\n%s", p.cmd.ProcessState, redact(p.out.String()))
	case <-time.After(patience):
		t.Fatal("it does not answer")
	}
	return reply{}
}

// invoke gives the process an event and returns its answer.
func (p *process) invoke(t testing.TB, event []byte) []byte {
	t.Helper()
	p.api.events <- event
	r := p.reply(t)
	if r.failed {
		t.Fatalf("it failed: %s", redact(string(r.body)))
	}
	return r.body
}
