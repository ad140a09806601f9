package functions_test

import (
	"crypto/rand"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/pkg/api"
	"github.com/counterfoil/counterfoil/pkg/broker"
	"github.com/counterfoil/counterfoil/pkg/pat"
	"github.com/counterfoil/counterfoil/pkg/signer"
)

// functions are the names of the functions, the guest's authorizer among them.
func functions(t testing.TB) []string {
	t.Helper()
	mains, err := filepath.Glob("*/main.go")
	if err != nil || len(mains) == 0 {
		t.Fatalf("no functions: %v", err)
	}
	names := []string{guest}
	for _, main := range mains {
		names = append(names, filepath.Dir(main))
	}
	return names
}

// binaries compiles every function and returns where each is.
func binaries(t testing.TB) map[string]string {
	t.Helper()
	dir := build(t, nil, "./...")
	at := map[string]string{}
	for _, name := range functions(t) {
		at[name] = filepath.Join(dir, name)
	}
	// A guest's is the same one, with routes beside it.
	at[guest] = filepath.Join(dir, "guest", "authorize")
	if err := os.Mkdir(filepath.Dir(at[guest]), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(at["authorize"], at[guest]); err != nil {
		t.Fatal(err)
	}
	routes, err := os.ReadFile(filepath.Join("..", "examples", "notes", api.RoutesFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "guest", api.RoutesFile), routes, 0o600); err != nil {
		t.Fatal(err)
	}
	return at
}

// environ writes an environment as a process gets it.
func environ(parts ...map[string]string) []string {
	all := map[string]string{}
	for _, part := range parts {
		maps.Copy(all, part)
	}
	var list []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		list = append(list, name+"="+all[name])
	}
	return list
}

// servedBy returns the function that gets an event.
func servedBy(t testing.TB, event []byte) string {
	t.Helper()
	var e struct{ Type, Resource, HTTPMethod string }
	if err := json.Unmarshal(event, &e); err != nil {
		t.Fatal(err)
	}
	switch e.Type {
	case "REQUEST":
		return "authorize"
	case "TOKEN":
		return guest
	}
	for _, r := range api.Routes {
		if r.Method == e.HTTPMethod && r.Path == e.Resource {
			return r.Function
		}
	}
	t.Fatalf("no function serves %s %s", e.HTTPMethod, e.Resource)
	return ""
}

// readEvents returns the events of the repository by function and verb.
func readEvents(t testing.TB) map[string]map[string]string {
	t.Helper()
	files, err := filepath.Glob("../events/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no events: %v", err)
	}
	all := map[string]map[string]string{}
	for _, file := range files {
		event, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		function := servedBy(t, event)
		if all[function] == nil {
			all[function] = map[string]string{}
		}
		all[function][strings.TrimSuffix(filepath.Base(file), ".json")] = string(event)
	}
	return all
}

func fill(event string, value pat.Secret, id pat.ID) []byte {
	return []byte(strings.NewReplacer("{{credential}}", value.Reveal(), "{{id}}", string(id)).Replace(event))
}

// TestFunctions runs all of it on the same binaries: to build them takes time.
func TestFunctions(t *testing.T) {
	at, cloud := binaries(t), newCloud(t)
	t.Run("start and answer", func(t *testing.T) { testAnswers(t, at, cloud) })
	t.Run("refuse", func(t *testing.T) { testRefusals(t, at, cloud) })
	t.Run("stop", func(t *testing.T) { testConfiguration(t, at, cloud) })
}

// testAnswers: every function starts with what it needs, and answers its events
// as its handler does.
func testAnswers(t *testing.T, at map[string]string, cloud *cloud) {
	events := readEvents(t)
	for _, function := range functions(t) {
		t.Run(function, func(t *testing.T) {
			if test := unrouted[function]; test != nil {
				test(t, at, cloud)
				return
			}
			least := spawn(t, newRuntimeAPI(t), at[function], environ(cloud.env, needs(function)))
			least.ready(t)

			p := spawn(t, newRuntimeAPI(t), at[function], environ(cloud.env, options, needs(function)))
			p.ready(t)
			if len(events[function]) == 0 {
				t.Fatal("there is no event for it")
			}
			for verb, event := range events[function] {
				token := cloud.create(t, verb)
				got := essence(t, p.invoke(t, fill(event, token.Value, token.ID)))
				if want := golden(t, verb); !reflect.DeepEqual(got, want) {
					t.Errorf("%s: answer %+v, want %+v", verb, got, want)
				}
			}
			p.kill()
			wantSecretsKept(t, p.out.String())
			wantLines(t, p.out.String(), events[function])
		})
	}
}

// An answer is what two answers to one event have in common, whoever's clock
// and token it was.
type answer struct {
	StatusCode     int
	PrincipalID    string
	PolicyDocument any
}

func essence(t testing.TB, text []byte) (a answer) {
	t.Helper()
	if err := json.Unmarshal(text, &a); err != nil {
		t.Fatal(err)
	}
	if a.StatusCode == 0 && a.PolicyDocument == nil {
		t.Fatal("an answer that says nothing")
	}
	return a
}

// golden returns what package handler's own test expects.
func golden(t testing.TB, verb string) answer {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "pkg", "handler", "testdata", verb+".golden"))
	if err != nil {
		t.Fatal(err)
	}
	return essence(t, text)
}

// wantLines wants one line in the log for each event that was answered, which
// leads from the gateway's request to the function's own, and metrics in it.
func wantLines(t testing.TB, out string, events map[string]string) {
	t.Helper()
	var verbs []string
	for text := range strings.Lines(out) {
		var line struct {
			Timestamp               time.Time
			Level, Message          string
			RequestID               string `json:"request_id"`
			OwnID                   string `json:"function_request_id"`
			Verb, Outcome, Class    string
			RoundTrips              int     `json:"round_trips"`
			Duration                float64 `json:"duration_ms"`
			FunctionName            string
			StoreLatency            []float64
			Grants, Signs, Refusals int
			AWS                     struct{ CloudWatchMetrics []struct{ Namespace string } } `json:"_aws"`
		}
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("it logs what is no JSON: %s", redact(text))
		}
		verbs = append(verbs, line.Verb)
		gateways := line.RequestID != "" && line.RequestID != ownRequestID && line.OwnID == ownRequestID
		if line.Verb == "authorize" && line.OwnID == "" { // a TOKEN event has no id of the gateway's
			gateways = line.RequestID == ownRequestID
		}
		if !gateways || line.Timestamp.IsZero() || line.Level != "INFO" || line.Message != "request" ||
			line.FunctionName != functionName || line.Duration <= 0 || len(line.StoreLatency) > line.RoundTrips {
			t.Errorf("its log has %s", redact(text))
		}
		counted := map[string]int{"authorize": line.Grants + line.Refusals, "exchange": line.Signs}
		if n, must := counted[line.Verb]; must && (n == 0 || len(line.AWS.CloudWatchMetrics) == 0) {
			t.Errorf("its log has no metric where there is one: %s", redact(text))
		}
		if want := map[bool]string{true: "granted", false: "answered"}[line.Verb == "authorize"]; line.Outcome != want && line.Class != string(api.ClassRights) {
			t.Errorf("its log has the outcome %s, want %s", line.Outcome, want)
		}
	}
	want := slices.Collect(maps.Keys(events))
	for i, name := range want { // the two kinds of event of an authorizer
		want[i] = strings.TrimSuffix(name, "-header")
	}
	slices.Sort(want)
	slices.Sort(verbs)
	if !slices.Equal(verbs, want) {
		t.Errorf("its log tells of %v, want one line of each of %v", verbs, want)
	}
}

// testRefusals: those that read credentials refuse one that nobody was
// given, and log that without it.
func testRefusals(t *testing.T, at map[string]string, cloud *cloud) {
	events := readEvents(t)
	unknown, err := pat.Mint(rand.Reader, pat.NewID("AAAAA", 7))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ function, verb string }{
		{"authorize", "authorize"}, {guest, "authorize-header"}, {"exchange", "exchange"},
	} {
		t.Run(test.function, func(t *testing.T) {
			p := spawn(t, newRuntimeAPI(t), at[test.function], environ(cloud.env, needs(test.function)))
			p.api.events <- fill(events[test.function][test.verb], unknown, "")
			r := p.reply(t)
			if test.function == "exchange" {
				if a := essence(t, r.body); r.failed || a.StatusCode != 400 {
					t.Errorf("answer %+v, want 400", a)
				}
			} else {
				var failure struct{ ErrorMessage string }
				if err := json.Unmarshal(r.body, &failure); err != nil {
					t.Fatal(err)
				}
				if !r.failed || failure.ErrorMessage != "Unauthorized" {
					t.Errorf("answer %q, want the error Unauthorized", failure.ErrorMessage)
				}
			}
			p.kill()
			// Beside our line is that of aws-lambda-go, with the error's text.
			out := p.out.String()
			if strings.Count(out, `"message":"request"`) != 1 || !strings.Contains(out, `"outcome":"refused"`) || !strings.Contains(out, `"Class":"token"`) {
				t.Errorf("its log, want one refusal of a token: %s", redact(out))
			}
			wantSecretsKept(t, p.out.String())
		})
	}
}

func wantSecretsKept(t testing.TB, out string) {
	t.Helper()
	if secrets.MatchString(out) {
		t.Errorf("it writes a secret: %s", redact(out))
	}
}

// testConfiguration: without any one variable that it needs, or with a wrong
// one, a function stops before it asks for an event, with one sentence.
func testConfiguration(t *testing.T, at map[string]string, cloud *cloud) {
	for _, function := range functions(t) {
		for missing := range needs(function) {
			t.Run(function+" without "+missing, func(t *testing.T) {
				env := needs(function)
				delete(env, missing)
				wantStopped(t, at[function], environ(cloud.env, options, env), missing)
			})
		}
	}
	for name, test := range map[string]struct{ function, variable, value, names string }{
		"our own address without TLS":                  {"create", api.EnvIssuer, "http://tokens.example", api.EnvIssuer},
		"our own address with a slash at the end":      {"wellknown", api.EnvIssuer, "https://tokens.example/", api.EnvIssuer},
		"a people's issuer with a query":               {"list", api.EnvPeopleIssuer, "https://people.example/?tenant=1", api.EnvPeopleIssuer},
		"a people's issuer that is our own":            {"authorize", api.EnvPeopleIssuer, "https://tokens.example/v1", "the people's issuer is our own"},
		"a client that is our audience":                {"exchange", api.EnvClients, "cli https://tokens.example/v1", "the audience is a client id"},
		"an alias for the key":                         {"exchange", signer.EnvKey, "alias/counterfoil", signer.EnvKey},
		"a name for the role":                          {"exchange", broker.EnvRole, "counterfoil", broker.EnvRole},
		"a lifetime of more than an hour":              {"exchange", api.EnvLifetime, "3601", api.EnvLifetime},
		"STS among the audiences":                      {"exchange", api.EnvAudiences, pat.STSAudience, api.EnvAudiences},
		"a guest's audience where there are no routes": {"authorize", api.EnvAudience, "https://notes.example", api.EnvAudience},
		"sessions neither let through nor not":         {guest, api.EnvSessions, "perhaps", api.EnvSessions},
	} {
		t.Run(name+" stops "+test.function, func(t *testing.T) {
			env := environ(cloud.env, options, needs(test.function), map[string]string{test.variable: test.value})
			wantStopped(t, at[test.function], env, test.names)
		})
	}
}

// wantStopped wants a function to end at its start, with status 1 and one line
// that holds names.
func wantStopped(t *testing.T, binary string, env []string, names string) {
	t.Helper()
	runtime := newRuntimeAPI(t)
	p := spawn(t, runtime, binary, env)
	select {
	case <-p.done:
	case <-runtime.asked:
		t.Fatal("it asks for an event")
	case <-time.After(patience):
		t.Fatal("it neither stops nor asks for an event")
	}
	out := p.out.String()
	wantSecretsKept(t, out)
	if code := p.cmd.ProcessState.ExitCode(); code != 1 {
		t.Errorf("it ends with status %d, want 1", code)
	}
	if strings.Count(out, "\n") != 1 || !strings.HasSuffix(out, "\n") || !strings.Contains(out, names) {
		t.Errorf("it writes %q, want one sentence with %q", redact(out), names)
	}
}

// TestFunctionsBuildForLambda: they are built for arm64, without C.
func TestFunctionsBuildForLambda(t *testing.T) {
	dir := build(t, []string{"GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0"}, "./...")
	for _, function := range functions(t) {
		if function == guest {
			continue
		}
		if _, err := os.Stat(filepath.Join(dir, function)); err != nil {
			t.Error(err)
		}
	}
}
