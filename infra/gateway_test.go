package main

import (
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/pkg/api"
)

// A deployed method is what the template says of one.
type method struct {
	resource   // of the template
	verb, path string
}

// methods returns every method of the template by "GET /path".
func (tm template) methods(t *testing.T) map[string]method {
	t.Helper()
	all := map[string]method{}
	for id, r := range tm.of(t, "AWS::ApiGateway::Method") {
		m := method{r, r.Properties["HttpMethod"].(string), tm.path(r.Properties["ResourceId"])}
		key := m.verb + " " + m.path
		if _, twice := all[key]; twice {
			t.Errorf("%s is deployed twice: %s", key, id)
		}
		all[key] = m
	}
	return all
}

// path walks from a resource of API Gateway up to the root.
func (tm template) path(id any) string {
	if at(id, "Fn::GetAtt") != nil { // the root
		return "/"
	}
	r := tm.Resources[at(id, "Ref").(string)]
	return strings.TrimSuffix(tm.path(r.Properties["ParentId"]), "/") + "/" + r.Properties["PathPart"].(string)
}

// The local gateway serves api.Routes and obeys api.GatewayAnswers. The tests
// below hold the template to the same tables, both ways.

func TestRoutes(t *testing.T) {
	needNode(t)
	tm := plain()
	methods := tm.methods(t)
	authorizer, _ := tm.one(t, "AWS::ApiGateway::Authorizer")
	for _, r := range api.Routes {
		key := r.Method + " " + r.Path
		m, ok := methods[key]
		if !ok {
			t.Errorf("%s is not deployed", key)
			continue
		}
		delete(methods, key)
		kind, by := "NONE", "null"
		if r.Guard != api.Open {
			kind, by = "CUSTOM", "${"+authorizer+"}"
		}
		if m.Properties["AuthorizationType"] != kind || text(m.Properties["AuthorizerId"]) != by {
			t.Errorf("%s has the guard %v of %v, want %s of %s", key, m.Properties["AuthorizationType"], m.Properties["AuthorizerId"], kind, by)
		}
		function, _ := tm.function(t, r.Function)
		if at(m.Properties, "Integration", "Type") != "AWS_PROXY" || !strings.Contains(text(at(m.Properties, "Integration", "Uri")), "functions/${"+function+".Arn}/") {
			t.Errorf("%s is not served by %s", key, r.Function)
		}
	}
	// Every resource there is, and the methods of the table that it has.
	paths := map[string][]string{"/": nil, "/{proxy+}": nil}
	for _, r := range api.Routes {
		for above := r.Path; above != ""; above = above[:strings.LastIndex(above, "/")] {
			paths[above] = slices.Clip(paths[above])
		}
		paths[r.Path] = append(paths[r.Path], r.Method)
	}
	for path, served := range paths {
		noRoute, ok := methods["ANY "+path]
		delete(methods, "ANY "+path)
		if want := `{"ContentHandling":"CONVERT_TO_TEXT","PassthroughBehavior":"NEVER","Type":"MOCK"}`; !ok || text(noRoute.Properties["Integration"]) != want || noRoute.Properties["AuthorizationType"] != "NONE" {
			t.Errorf("ANY %s is %s", path, text(noRoute.Properties["Integration"]))
		}
		preflight, ok := methods["OPTIONS "+path]
		delete(methods, "OPTIONS "+path)
		if ok != (len(served) > 0) {
			t.Errorf("OPTIONS %s is deployed: %v", path, ok)
		}
		if ok {
			checkPreflight(t, path, served, preflight)
		}
	}
	for key := range methods {
		t.Errorf("%s is deployed and in no table", key)
	}
}

func checkPreflight(t *testing.T, path string, served []string, m method) {
	slices.Sort(served)
	integration := at(m.Properties, "Integration")
	if at(integration, "Type") != "MOCK" || at(integration, "ContentHandling") != "CONVERT_TO_TEXT" || m.Properties["AuthorizationType"] != "NONE" {
		t.Errorf("OPTIONS %s: %s", path, text(integration))
	}
	want := map[string]string{
		"Access-Control-Allow-Origin":  "'https://tokens.example.com'",
		"Access-Control-Allow-Methods": "'" + strings.Join(served, ", ") + "'",
		"Access-Control-Allow-Headers": "'authorization, content-type'",
		"Access-Control-Max-Age":       "'600'",
		"Cache-Control":                "'no-store'",
		"X-Request-Id":                 "context.requestId",
	}
	got := map[string]string{}
	for name, value := range at(list(at(integration, "IntegrationResponses"))[0], "ResponseParameters").(map[string]any) {
		got[strings.TrimPrefix(name, "method.response.header.")] = value.(string)
	}
	if !maps.Equal(got, want) {
		t.Errorf("OPTIONS %s answers %v, want %v", path, got, want)
	}
	declared := at(list(m.Properties["MethodResponses"])[0], "ResponseParameters").(map[string]any)
	if len(declared) != len(want) {
		t.Errorf("OPTIONS %s declares %v", path, declared)
	}
}

func TestGatewayAnswers(t *testing.T) {
	needNode(t)
	tm := plain()
	deployed := map[api.ResponseType]resource{}
	for _, r := range tm.of(t, "AWS::ApiGateway::GatewayResponse") {
		deployed[api.ResponseType(r.Properties["ResponseType"].(string))] = r
	}
	for kind, answer := range api.GatewayAnswers {
		r, ok := deployed[kind]
		if !ok {
			t.Errorf("%s is not deployed", kind)
			continue
		}
		delete(deployed, kind)
		status := any(strconv.Itoa(answer.Status))
		if answer.Status == 0 {
			status = nil
		}
		if r.Properties["StatusCode"] != status {
			t.Errorf("%s has the status %v, want %v", kind, r.Properties["StatusCode"], status)
		}
		if got := text(r.Properties["ResponseTemplates"]); got != text(map[string]any{"application/json": answer.Template()}) {
			t.Errorf("%s has the template %s", kind, got)
		}
		headers := map[string]string{}
		for name, value := range r.Properties["ResponseParameters"].(map[string]any) {
			headers[strings.TrimPrefix(name, "gatewayresponse.header.")] = value.(string)
		}
		if want := answer.Headers("https://tokens.example.com"); !maps.Equal(headers, want) {
			t.Errorf("%s has the headers %v, want %v", kind, headers, want)
		}
	}
	for kind := range deployed {
		t.Errorf("%s is deployed and in no table", kind)
	}
}

func TestAuthorizer(t *testing.T) {
	needNode(t)
	_, a := plain().one(t, "AWS::ApiGateway::Authorizer")
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
}

func TestRestAPI(t *testing.T) {
	needNode(t)
	for name, tm := range map[string]template{"plain": plain(), "everything": everything()} {
		_, a := tm.one(t, "AWS::ApiGateway::RestApi")
		if got := text(at(a.Properties, "EndpointConfiguration", "Types")); got != `["REGIONAL"]` {
			t.Errorf("%s: endpoint %s", name, got)
		}
		if got := a.Properties["DisableExecuteApiEndpoint"]; got != (name == "everything") {
			t.Errorf("%s: the default endpoint is disabled: %v", name, got)
		}
		if got := text(a.Properties["BinaryMediaTypes"]); got != `["*/*"]` {
			t.Errorf("%s: binary media types %s", name, got)
		}
	}
}

// TestThrottles: every route but discovery has a limit of its own.
func TestThrottles(t *testing.T) {
	needNode(t)
	_, stage := plain().one(t, "AWS::ApiGateway::Stage")
	limited := map[string]bool{}
	for _, setting := range list(stage.Properties["MethodSettings"]) {
		if limit, _ := at(setting, "ThrottlingRateLimit").(float64); limit > 0 {
			limited[text(at(setting, "HttpMethod"))+" "+strings.ReplaceAll(strings.TrimPrefix(text(at(setting, "ResourcePath")), "/"), "~1", "/")] = true
		}
	}
	for _, r := range api.Routes {
		if key := r.Method + " " + r.Path; limited[key] != (r.Verb != "wellknown") {
			t.Errorf("%s is limited: %v", key, limited[key])
		}
	}
}

// TestReservations: a function that has instances reserved has one for each
// request that the gateway lets through at once.
func TestReservations(t *testing.T) {
	needNode(t)
	tm := plain()
	for name, want := range map[string]int{"exchange": 100, "revoke": 50} {
		_, f := tm.function(t, name)
		reserved, _ := f.Properties["ReservedConcurrentExecutions"].(float64)
		burst := 0.0
		for _, r := range api.Routes {
			if r.Function == name {
				burst += rates[r.Verb].burst
			}
		}
		if int(reserved) != want || burst == 0 || burst > reserved {
			t.Errorf("%s has %v instances for %v requests at once, want %d", name, reserved, burst, want)
		}
	}
}

// TestTimeouts: exchange may wait for STS and KMS as long as it tries them, and a
// report revoke one token after the other.
func TestTimeouts(t *testing.T) {
	needNode(t)
	for name := range grants {
		want := 10.0
		switch name {
		case "exchange", "report", "admin":
			want = 29
		case "trail":
			want = 60
		case "remind":
			want = 900
		}
		if _, f := plain().function(t, name); f.Properties["Timeout"] != want {
			t.Errorf("%s may take %v s, want %v", name, f.Properties["Timeout"], want)
		}
	}
}

// TestAuthorizerReachesTheStage: the deployment has another name when the
// authorizer has other settings, for which CDK has a flag.
func TestAuthorizerReachesTheStage(t *testing.T) {
	needNode(t)
	outdir, err := os.MkdirTemp(binaries, "cdk.out-*")
	if err != nil {
		t.Fatal(err)
	}
	app := newApp(outdir)
	app.Node().SetContext(new("@aws-cdk/aws-apigateway:authorizerChangeDeploymentLogicalId"), false)
	without, _ := read(app, newStack(app, exampleConfig(), binaries)).one(t, "AWS::ApiGateway::Deployment")
	if with, _ := plain().one(t, "AWS::ApiGateway::Deployment"); with == without {
		t.Error("the authorizer's settings are not part of the deployment's name")
	}
}

// TestAddress: every function is told the address that the API really has.
func TestAddress(t *testing.T) {
	needNode(t)
	tm := plain()
	id, _ := tm.one(t, "AWS::ApiGateway::RestApi")
	_, stage := tm.one(t, "AWS::ApiGateway::Stage")
	want := "https://${" + id + "}.execute-api.${AWS::Region}.${AWS::URLSuffix}/" + stage.Properties["StageName"].(string)
	for name, tm := range map[string]template{want: tm, "https://pat.example.com": everything()} {
		for function := range grants {
			_, f := tm.function(t, function)
			if got := text(at(f.Properties, "Environment", "Variables", api.EnvIssuer)); got != name {
				t.Errorf("%s is told %s, want %s", function, got, name)
			}
		}
		if got := text(at(tm.Outputs["Issuer"], "Value")); got != name {
			t.Errorf("the output says %s, want %s", got, name)
		}
	}
}
