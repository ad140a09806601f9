package client_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"github.com/counterfoil/counterfoil/pkg/api"
	"github.com/counterfoil/counterfoil/pkg/client"
)

// The examples read these, as a program of yours would.
const (
	envServer  = "COUNTERFOIL_SERVER"
	envSession = "COUNTERFOIL_SESSION" // of alice, who signed in
)

// TestMain starts the real server, as `make run` does.
func TestMain(m *testing.M) {
	os.Exit(func() int {
		folder, err := os.MkdirTemp("", "client-")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(folder)
		server, address := startServer(folder)
		defer server.Wait()
		defer server.Process.Kill()
		os.Setenv(envServer, address)
		os.Setenv(envSession, signIn("alice").Reveal())
		return m.Run()
	}())
}

func startServer(folder string) (*exec.Cmd, string) {
	program := filepath.Join(folder, "local")
	if out, err := exec.Command("go", "build", "-o", program, "../../cmd/local").CombinedOutput(); err != nil {
		panic(string(out))
	}
	server := exec.Command(program)
	server.Env = append(os.Environ(), "PORT=0", "STATE="+filepath.Join(folder, "state"))
	stdout, err := server.StdoutPipe()
	if err != nil {
		panic(err)
	}
	var stderr bytes.Buffer
	server.Stderr = &stderr
	if err := server.Start(); err != nil {
		panic(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	address, ok := strings.CutPrefix(strings.TrimSpace(line), "ready: ")
	if err != nil || !ok {
		server.Wait()
		panic(stderr.String())
	}
	return server, address
}

// signIn returns a session. It takes no *testing.T because TestMain has none.
func signIn(person string) client.Secret {
	resp, err := http.PostForm(os.Getenv(envServer)+"/idp/token", url.Values{
		"grant_type": {"password"}, "username": {person}, "password": {person}, "client_id": {"test"},
	})
	if err != nil {
		panic(err)
	}
	defer resp.Body.Close()
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || answer.AccessToken == "" {
		panic(fmt.Sprint(resp.Status, err))
	}
	return client.NewSecret(answer.AccessToken)
}

// as returns a client of the real server that shows a credential. What it sends
// is held to openapi.yaml.
func as(t *testing.T, credential client.Secret) *client.Client {
	t.Helper()
	c, err := client.New(client.Config{
		Server:     os.Getenv(envServer),
		Credential: client.Static(credential),
		HTTP:       &http.Client{Transport: promised{t}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// promised holds requests to openapi.yaml, and notes which routes were called.
type promised struct{ t *testing.T }

var (
	document = sync.OnceValue(func() *openapi3.T {
		doc, err := openapi3.NewLoader().LoadFromData(api.OpenAPI)
		if err != nil {
			panic(err)
		}
		return doc
	})
	calledLock sync.Mutex
	called     = map[string]bool{}
)

func (p promised) RoundTrip(r *http.Request) (*http.Response, error) {
	route, id := routeOf(r)
	calledLock.Lock()
	called[route.Method+" "+route.Path] = true
	calledLock.Unlock()
	operation := document().Paths.Value(route.Path).GetOperation(route.Method)
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	checked := r.Clone(r.Context())
	checked.Body = io.NopCloser(bytes.NewReader(body))
	err := openapi3filter.ValidateRequest(r.Context(), &openapi3filter.RequestValidationInput{
		Request:    checked,
		PathParams: map[string]string{"id": id},
		Route:      &routers.Route{Spec: document(), PathItem: document().Paths.Value(route.Path), Method: route.Method, Operation: operation},
		Options:    &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc},
	})
	var schema *openapi3.SchemaError
	switch {
	case errors.As(err, &schema): // without the value that it quotes
		p.t.Errorf("%s %s is not as promised: %s: %s", route.Method, route.Path, strings.Join(schema.JSONPointer(), "/"), schema.SchemaField)
	case err != nil:
		p.t.Errorf("%s %s is not as promised", route.Method, route.Path)
	}
	return http.DefaultTransport.RoundTrip(r)
}

func routeOf(r *http.Request) (api.Route, string) {
	for _, route := range api.Routes {
		head, tail, hasID := strings.Cut(route.Path, "{id}")
		id := strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, head), tail)
		if r.Method == route.Method && (r.URL.Path == route.Path || hasID && head+id+tail == r.URL.Path && !strings.Contains(id, "/")) {
			return route, id
		}
	}
	panic("no route " + r.Method + " " + r.URL.Path)
}

// must returns a value where there is no error.
func must[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func background() context.Context { return context.Background() }
