package patauth_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"

	"github.com/counterfoil/counterfoil/infra/patauth"
	"github.com/counterfoil/counterfoil/pkg/api"
	"github.com/counterfoil/counterfoil/pkg/handler"
	"github.com/counterfoil/counterfoil/pkg/store"
)

const routes = `[
  {"method": "GET", "path": "/things", "scope": "things:read"},
  {"method": "GET", "path": "/things/{id}", "scope": "things:read"},
  {"method": "POST", "path": "/things", "scope": "things:write"}
]`

// binaries is a folder with a stand-in for the authorizer.
var binaries string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "patauth-*")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		binaries = dir
		// jsii leaves its runtime here. (Its Close, which would remove it, is a
		// data race: its own goroutine closes the process too.)
		if err := os.Setenv("TMPDIR", dir); err != nil {
			panic(err)
		}
		if err := os.MkdirAll(filepath.Join(dir, "authorize"), 0o755); err != nil {
			panic(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "authorize", "bootstrap"), []byte("authorize"), 0o755); err != nil {
			panic(err)
		}
		return m.Run()
	}())
}

// needNode skips where there is no Node, which CDK runs in; but never in CI.
func needNode(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("Node is not installed: CI must test the construct")
		}
		t.Skip("Node is not installed: the construct is not tested")
	}
}

// A thing is one resource of a template.
type thing struct {
	Type       string
	Properties map[string]any
	Metadata   map[string]any
}

// A result is what somebody's app came to: its resources, or why there are none.
type result struct {
	resources map[string]thing
	outdir    string
	err       string
}

func (r result) one(t *testing.T, kind string, where func(thing) bool) thing {
	t.Helper()
	var found []thing
	for _, it := range r.resources {
		if it.Type == kind && (where == nil || where(it)) {
			found = append(found, it)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d resources of %s, not one: %s", len(found), kind, r.err)
	}
	return found[0]
}

// An app is somebody's stack with one API, protected.
type app struct {
	props   func(*patauth.Props)
	methods func(awsapigateway.RestApi) // instead of those of the routes
	open    bool                        // without Options
}

func (a app) synthesize(t *testing.T) (r result) {
	t.Helper()
	needNode(t)
	r.outdir = t.TempDir()
	defer func() {
		if v := recover(); v != nil {
			r.err = fmt.Sprint(v)
		}
	}()
	root := awscdk.NewApp(&awscdk.AppProps{
		Outdir: &r.outdir, AnalyticsReporting: new(false), Context: &map[string]any{"aws:cdk:enable-asset-metadata": true},
	})
	stack := awscdk.NewStack(root, new("Theirs"), nil)
	props := patauth.Props{
		Deployment: patauth.Deployment{
			Table:        awsdynamodb.Table_FromTableName(stack, new("Tokens"), new("tokens")),
			Issuer:       "https://pat.example.com",
			PeopleIssuer: "https://people.example.com",
			Clients:      []string{"console", "cli"},
		},
		Routes:   []byte(routes),
		Binaries: binaries,
	}
	if a.props != nil {
		a.props(&props)
	}
	auth := patauth.New(stack, "Auth", props)
	options := &awsapigateway.RestApiProps{}
	if !a.open {
		options.DefaultMethodOptions = auth.Options()
	}
	restAPI := awsapigateway.NewRestApi(stack, new("Api"), options)
	auth.Protect(restAPI)
	// Methods that are added after Protect count too.
	if a.methods == nil {
		a.methods = func(restAPI awsapigateway.RestApi) {
			add(restAPI, "GET", "/things")
			add(restAPI, "POST", "/things")
			add(restAPI, "GET", "/things/{id}")
		}
	}
	a.methods(restAPI)
	text, err := os.ReadFile(*root.Synth(nil).GetStackArtifact(stack.ArtifactId()).TemplateFullPath())
	if err != nil {
		t.Fatal(err)
	}
	var template struct{ Resources map[string]thing }
	if err := json.Unmarshal(text, &template); err != nil {
		t.Fatal(err)
	}
	r.resources = template.Resources
	return r
}

func add(restAPI awsapigateway.RestApi, verb, path string, options ...*awsapigateway.MethodOptions) {
	var o *awsapigateway.MethodOptions
	if len(options) > 0 {
		o = options[0]
	}
	restAPI.Root().ResourceForPath(&path).AddMethod(&verb, awsapigateway.NewMockIntegration(nil), o)
}

var open = &awsapigateway.MethodOptions{AuthorizationType: awsapigateway.AuthorizationType_NONE}

func TestProtected(t *testing.T) {
	r := app{}.synthesize(t)
	a := r.one(t, "AWS::ApiGateway::Authorizer", nil)
	for name, want := range map[string]any{
		"Type":                         "REQUEST",
		"IdentitySource":               "method.request.header.Authorization",
		"IdentityValidationExpression": nil, // of TOKEN alone
		"AuthorizerResultTtlInSeconds": 0.0,
	} {
		if a.Properties[name] != want {
			t.Errorf("%s is %v, want %v", name, a.Properties[name], want)
		}
	}
	guarded := 0
	for id, m := range r.resources {
		if m.Type == "AWS::ApiGateway::Method" {
			guarded++
			if m.Properties["AuthorizationType"] != "CUSTOM" {
				t.Errorf("%s is not guarded", id)
			}
		}
	}
	if guarded != 3 {
		t.Errorf("%d methods", guarded)
	}

	// What the function finds at its start.
	f := r.one(t, "AWS::Lambda::Function", nil)
	beside := os.DirFS(filepath.Join(r.outdir, f.Metadata["aws:asset:path"].(string)))
	env := f.Properties["Environment"].(map[string]any)["Variables"].(map[string]any)
	read := map[string]bool{store.EnvTable: true}
	getenv := func(name string) string {
		read[name] = true
		text, _ := env[name].(string)
		return text
	}
	config, err := handler.ReadVerifierConfig(getenv)
	if err != nil || config.Issuer == "" || config.PeopleIssuer == "" || config.GroupsClaim == "" || !slices.Equal(config.Clients, []string{"console", "cli"}) {
		t.Errorf("%+v, %v", config, err)
	}
	guard, err := handler.ReadGuard(getenv, beside)
	if err != nil || !guard.Guest || guard.Sessions || guard.Cached || guard.Audience != "https://pat.example.com" || len(guard.Routes) != 3 {
		t.Errorf("%+v, %v", guard, err)
	}
	for name := range env {
		if !read[name] {
			t.Errorf("%s is set and nobody reads it", name)
		}
	}
	if env[store.EnvTable] != "tokens" {
		t.Errorf("the table is %v", env[store.EnvTable])
	}
}

func TestGrant(t *testing.T) {
	r := app{}.synthesize(t)
	policy := r.one(t, "AWS::IAM::Policy", nil)
	text, err := json.Marshal(policy.Properties["PolicyDocument"])
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Statement []struct {
			Action    any
			Condition map[string]map[string]any
			Resource  any
		}
	}
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	may := map[string]map[string]map[string]any{}
	var writes []string
	for _, s := range document.Statement {
		actions, ok := s.Action.([]any)
		if !ok {
			actions = []any{s.Action}
		}
		for _, action := range actions {
			may[action.(string)] = s.Condition
			if action == "dynamodb:UpdateItem" {
				text, err := json.Marshal(s.Condition)
				if err != nil {
					t.Fatal(err)
				}
				writes = append(writes, string(text))
			}
			if on := fmt.Sprint(s.Resource); !strings.HasPrefix(action.(string), "xray:") && on == "*" {
				t.Errorf("%s on %s", action, on)
			}
		}
	}
	const touching = `{"ForAllValues:StringEquals":{"dynamodb:Attributes":[%s]},"ForAllValues:StringLike":{"dynamodb:LeadingKeys":["%s"]},"Null":{"dynamodb:Attributes":"false","dynamodb:LeadingKeys":"false"},"StringEqualsIfExists":{"dynamodb:ReturnValues":"NONE"}}`
	if want := []string{
		fmt.Sprintf(touching, `"pk","sk","last_used_at","last_used_ip","scopes_used","networks","noted","notes"`, "?????"),
		fmt.Sprintf(touching, `"pk","sk","refused","ttl"`, "refused#*"),
	}; !slices.Equal(writes, want) {
		t.Errorf("it may write\n%s\nwant\n%s", strings.Join(writes, "\n"), strings.Join(want, "\n"))
	}
	for _, action := range []string{
		"dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:UpdateItem",
		"logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTelemetryRecords", "xray:PutTraceSegments",
	} {
		if _, ok := may[action]; !ok {
			t.Errorf("it may not %s", action)
		}
		delete(may, action)
	}
	if len(may) > 0 {
		t.Errorf("it may %v", may)
	}
}

func TestHeaderOnly(t *testing.T) {
	r := app{props: func(p *patauth.Props) { p.HeaderOnly, p.CacheTTL = true, 60*time.Second }}.synthesize(t)
	a := r.one(t, "AWS::ApiGateway::Authorizer", nil)
	if a.Properties["Type"] != "TOKEN" || a.Properties["AuthorizerResultTtlInSeconds"] != 60.0 ||
		a.Properties["IdentitySource"] != "method.request.header.Authorization" || a.Properties["IdentityValidationExpression"] != api.CredentialPattern {
		t.Errorf("%v", a.Properties)
	}
	f := r.one(t, "AWS::Lambda::Function", nil)
	if env := f.Properties["Environment"].(map[string]any)["Variables"].(map[string]any); env[api.EnvGatewayCache] != "true" {
		t.Errorf("the authorizer does not know of the cache: %v", env)
	}
}

// TestAuthorizerReachesTheStage: with another setting of the authorizer alone the
// API is deployed anew.
func TestAuthorizerReachesTheStage(t *testing.T) {
	deployment := func(change func(*patauth.Props)) string {
		for id, it := range (app{props: change}).synthesize(t).resources {
			if it.Type == "AWS::ApiGateway::Deployment" {
				return id
			}
		}
		t.Fatal("no deployment")
		return ""
	}
	seen := map[string]bool{}
	for _, change := range []func(*patauth.Props){
		nil,
		func(p *patauth.Props) { p.CacheTTL = time.Minute },
		func(p *patauth.Props) { p.HeaderOnly = true },
	} {
		seen[deployment(change)] = true
	}
	if len(seen) != 3 {
		t.Errorf("three authorizers make %d deployments", len(seen))
	}
}

// within has a route that lies within another's parameter, under another scope.
const within = `[{"method": "GET", "path": "/things/{id}", "scope": "a"}, {"method": "GET", "path": "/things/all", "scope": "b"}, {"method": "PUT", "path": "/things/all", "scope": "b"}]`

func TestCacheBesideARouteWithin(t *testing.T) {
	methods := func(r awsapigateway.RestApi) {
		add(r, "GET", "/things/{id}")
		add(r, "GET", "/things/all")
		add(r, "PUT", "/things/all")
	}
	for name, row := range map[string]struct {
		routes string
		ttl    time.Duration
		want   string
	}{
		"a kept policy that needs a Deny is refused":     {within, time.Second, `GET/things/all`},
		"without a cache it is taken":                    {within, 0, ""},
		"under one scope it needs none":                  {strings.ReplaceAll(within, `"b"`, `"a"`), time.Second, ""},
		"where the other route has no scope it is taken": {strings.Replace(within, `"scope": "b"`, `"scope": ""`, 1), time.Second, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := app{methods: methods, props: func(p *patauth.Props) { p.Routes, p.CacheTTL = []byte(row.routes), row.ttl }}.synthesize(t).err
			if row.want == "" && got != "" || !strings.Contains(got, row.want) {
				t.Errorf("%q, want %q", got, row.want)
			}
		})
	}
}

func TestSessionsAndAudience(t *testing.T) {
	env := func(change func(*patauth.Props)) map[string]any {
		f := app{props: change}.synthesize(t).one(t, "AWS::Lambda::Function", nil)
		return f.Properties["Environment"].(map[string]any)["Variables"].(map[string]any)
	}
	if got := env(func(p *patauth.Props) { p.Sessions = true }); got[api.EnvSessions] != "true" {
		t.Errorf("%v", got)
	}
	if got := env(func(p *patauth.Props) { p.Audience = "https://things.example.com" }); got[api.EnvAudience] != "https://things.example.com" || got[api.EnvSessions] != "false" {
		t.Errorf("%v", got)
	}
}

func TestResponses(t *testing.T) {
	answer := func(r result, kind string) thing {
		return r.one(t, "AWS::ApiGateway::GatewayResponse", func(it thing) bool { return it.Properties["ResponseType"] == kind })
	}
	r := app{props: func(p *patauth.Props) { p.Challenge = "Basic" }}.synthesize(t)
	headers := answer(r, "UNAUTHORIZED").Properties["ResponseParameters"].(map[string]any)
	if got := headers["gatewayresponse.header.WWW-Authenticate"]; got != `'Basic realm="api", charset="UTF-8"'` {
		t.Errorf("the challenge is %v", got)
	}
	if _, ok := headers["gatewayresponse.header.Access-Control-Allow-Origin"]; ok {
		t.Error("nobody named an origin")
	}
	if got := answer(r, "UNSUPPORTED_MEDIA_TYPE").Properties["StatusCode"]; got != "415" {
		t.Errorf("a media type that the API does not take is %v", got)
	}
	all := 0
	for _, it := range r.resources {
		if it.Type == "AWS::ApiGateway::GatewayResponse" {
			all++
		}
	}
	if all != len(api.GatewayAnswers) {
		t.Errorf("%d answers, want %d", all, len(api.GatewayAnswers))
	}

	r = app{props: func(p *patauth.Props) { p.Origin = "https://things.example.com" }}.synthesize(t)
	headers = answer(r, "UNAUTHORIZED").Properties["ResponseParameters"].(map[string]any)
	if headers["gatewayresponse.header.Access-Control-Allow-Origin"] != "'https://things.example.com'" || headers["gatewayresponse.header.WWW-Authenticate"] != "'Bearer'" {
		t.Errorf("%v", headers)
	}

	for _, it := range (app{props: func(p *patauth.Props) { p.Responses = new(false) }}).synthesize(t).resources {
		if it.Type == "AWS::ApiGateway::GatewayResponse" {
			t.Fatal("their own answers are not left alone")
		}
	}
}

func TestMethodsThatAreRight(t *testing.T) {
	all := app{}.methods
	for name, a := range map[string]app{
		"a preflight": {methods: func(r awsapigateway.RestApi) {
			add(r, "GET", "/things")
			add(r, "POST", "/things")
			add(r, "GET", "/things/{id}")
			add(r, "OPTIONS", "/things", open)
		}},
		"a method that is named as unguarded": {
			props: func(p *patauth.Props) { p.Unguarded = []string{"GET /health"} },
			methods: func(r awsapigateway.RestApi) {
				add(r, "GET", "/things")
				add(r, "POST", "/things")
				add(r, "GET", "/things/{id}")
				add(r, "GET", "/health", open)
			}},
		"the routes alone": {methods: all},
	} {
		t.Run(name, func(t *testing.T) {
			if r := a.synthesize(t); r.err != "" {
				t.Error(r.err)
			}
		})
	}
}

func TestMethodsThatAreRefused(t *testing.T) {
	with := func(extra func(awsapigateway.RestApi)) func(awsapigateway.RestApi) {
		return func(r awsapigateway.RestApi) {
			add(r, "GET", "/things")
			add(r, "POST", "/things")
			add(r, "GET", "/things/{id}")
			extra(r)
		}
	}
	for name, row := range map[string]struct {
		app
		want string
	}{
		"a guarded method that the routes do not name": {
			app{methods: with(func(r awsapigateway.RestApi) { add(r, "DELETE", "/things/{id}") })},
			"DELETE /things/{id} is guarded, but"},
		"an open method that nobody named": {
			app{methods: with(func(r awsapigateway.RestApi) { add(r, "GET", "/health", open) })},
			"GET /health is neither in"},
		"an open method of the routes": {
			app{methods: func(r awsapigateway.RestApi) {
				add(r, "GET", "/things", open)
				add(r, "POST", "/things")
				add(r, "GET", "/things/{id}")
			}},
			"GET /things is in routes.json, but another authorizer or none"},
		"an API without the options": {
			app{open: true},
			"must be attached to a RestApi"},
		"a route that the API does not have": {
			app{methods: func(r awsapigateway.RestApi) { add(r, "GET", "/things"); add(r, "POST", "/things") }},
			"GET /things/{id} is in routes.json, but the API has no such method"},
		"a method of every verb": {
			app{methods: with(func(r awsapigateway.RestApi) { add(r, "ANY", "/things/{id}") })},
			"ANY /things/{id} is guarded, but"},
		"a guarded preflight": {
			app{methods: with(func(r awsapigateway.RestApi) { add(r, "OPTIONS", "/things") })},
			"OPTIONS /things is guarded, but"},
		"a route that is named as unguarded": {
			app{props: func(p *patauth.Props) { p.Unguarded = []string{"GET /things"} }},
			"GET /things is named as unguarded, but"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := row.synthesize(t).err; !strings.Contains(got, row.want) {
				t.Errorf("%q does not say %q", got, row.want)
			}
		})
	}
}

func TestPropsThatAreRefused(t *testing.T) {
	many := "["
	for i := range 100 {
		many += fmt.Sprintf(`{"method": "GET", "path": "/things/of-some-length/%d", "scope": "a"},`, i)
	}
	many = strings.TrimSuffix(many, ",") + "]"
	for name, row := range map[string]struct {
		change func(*patauth.Props)
		want   string
	}{
		"no table":                   {func(p *patauth.Props) { p.Deployment.Table = nil }, "Table"},
		"an issuer with a slash":     {func(p *patauth.Props) { p.Deployment.Issuer += "/" }, "Issuer"},
		"no issuer of people":        {func(p *patauth.Props) { p.Deployment.PeopleIssuer = "" }, "PeopleIssuer"},
		"no client":                  {func(p *patauth.Props) { p.Deployment.Clients = nil }, "Clients"},
		"a client with a space":      {func(p *patauth.Props) { p.Deployment.Clients = []string{"a b"} }, "Clients"},
		"sessions for an audience":   {func(p *patauth.Props) { p.Sessions, p.Audience = true, "a" }, "Sessions and Audience"},
		"a cache of two hours":       {func(p *patauth.Props) { p.CacheTTL = 2 * time.Hour }, "CacheTTL"},
		"a cache of half a second":   {func(p *patauth.Props) { p.CacheTTL = time.Second / 2 }, "CacheTTL"},
		"another challenge":          {func(p *patauth.Props) { p.Challenge = "Digest" }, "Challenge"},
		"an origin with a quote":     {func(p *patauth.Props) { p.Origin = "https://x.example'" }, "Origin"},
		"routes that are no list":    {func(p *patauth.Props) { p.Routes = []byte("{}") }, "routes.json"},
		"a greedy parameter":         {func(p *patauth.Props) { p.Routes = []byte(`[{"method": "GET", "path": "/{all+}", "scope": "a"}]`) }, "{all+}"},
		"more than a policy can say": {func(p *patauth.Props) { p.Routes = []byte(many) }, "100 routes make a policy of"},
		"routes that no policy can tell apart": {func(p *patauth.Props) {
			p.Routes = []byte(`[{"method": "GET", "path": "/{kind}/home", "scope": "a"}, {"method": "GET", "path": "/notes/{id}", "scope": "b"}, {"method": "GET", "path": "/notes/{id}/{part}", "scope": "a"}]`)
		}, "cannot be told apart"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := (app{props: row.change}).synthesize(t).err; !strings.Contains(got, row.want) {
				t.Errorf("%q does not say %q", got, row.want)
			}
		})
	}
}

// TestLostRoutes: without its route table somebody else's authorizer does not
// start, rather than guard our routes.
func TestLostRoutes(t *testing.T) {
	f := app{}.synthesize(t).one(t, "AWS::Lambda::Function", nil)
	env := f.Properties["Environment"].(map[string]any)["Variables"].(map[string]any)
	if _, err := handler.ReadGuard(func(name string) string { text, _ := env[name].(string); return text }, fstest.MapFS{}); err == nil {
		t.Error("it starts")
	}
}
