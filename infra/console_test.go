package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"

	"github.com/counterfoil/counterfoil/pkg/api"
)

const testConsole = "testdata/console"

// The console as in the example, and with every option at once.
var (
	plainConsole      = sync.OnceValue(func() template { return synthesizeConsole(exampleConfig()) })
	everythingConsole = sync.OnceValue(func() template { return synthesizeConsole(fullConsoleConfig()) })
)

func fullConsoleConfig() Config {
	c := fullConfig()
	c.Account, c.Region = "111122223333", "eu-central-1"
	console := *c.Console
	console.API = "" // that of the domain
	console.Scope, console.Resource = "openid profile pat/tokens", "https://pat.example.com"
	console.ZoneID, console.ZoneName = "Z0", "example.com"
	c.Console = &console
	return c
}

func synthesizeConsole(c Config) template {
	app, stack := buildConsole(c)
	return read(app, stack)
}

func buildConsole(c Config) (awscdk.App, awscdk.Stack) {
	outdir, err := os.MkdirTemp(binaries, "cdk.out-*")
	if err != nil {
		panic(err)
	}
	app := newApp(outdir)
	return app, newConsole(app, c, testConsole)
}

func TestConsoleGolden(t *testing.T) {
	needNode(t)
	golden(t, "testdata/console.json", plainConsole())
}

// TestConsoleHeaders: what CloudFront sends is what the local server sends, and
// Strict-Transport-Security.
func TestConsoleHeaders(t *testing.T) {
	needNode(t)
	for name, row := range map[string]struct {
		tm    template
		calls []string
	}{
		"plain":      {plainConsole(), []string{"https://example.execute-api.eu-central-1.amazonaws.com", "https://cognito-idp.eu-central-1.amazonaws.com", "https://example.auth.eu-central-1.amazoncognito.com"}},
		"everything": {everythingConsole(), []string{"https://pat.example.com", "https://cognito-idp.eu-central-1.amazonaws.com", "https://example.auth.eu-central-1.amazoncognito.com"}},
	} {
		id, policy := row.tm.one(t, "AWS::CloudFront::ResponseHeadersPolicy")
		config := at(policy.Properties, "ResponseHeadersPolicyConfig")
		security := at(config, "SecurityHeadersConfig")
		got := map[string]string{
			"Content-Security-Policy": text(at(security, "ContentSecurityPolicy", "ContentSecurityPolicy")),
			"X-Frame-Options":         text(at(security, "FrameOptions", "FrameOption")),
			"Referrer-Policy":         text(at(security, "ReferrerPolicy", "ReferrerPolicy")),
		}
		if text(at(security, "ContentTypeOptions")) == `{"Override":true}` {
			got["X-Content-Type-Options"] = "nosniff"
		}
		for _, h := range list(at(config, "CustomHeadersConfig", "Items")) {
			got[text(at(h, "Header"))] = text(at(h, "Value"))
		}
		want := api.ConsoleHeaders(row.calls...)
		for header, value := range want {
			if got[header] != value {
				t.Errorf("%s: %s is %q, want %q", name, header, got[header], value)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s: %d headers, want %d", name, len(got), len(want))
		}
		if at(security, "StrictTransportSecurity", "AccessControlMaxAgeSec") != 63072000.0 {
			t.Errorf("%s: %s", name, text(at(security, "StrictTransportSecurity")))
		}
		if strings.Contains(text(config), `"Override":false`) || at(config, "CorsConfig") != nil {
			t.Errorf("%s: something else may answer: %s", name, text(config))
		}
		if _, site := row.tm.one(t, "AWS::CloudFront::Distribution"); text(at(site.Properties, "DistributionConfig", "DefaultCacheBehavior", "ResponseHeadersPolicyId")) != "${"+id+"}" {
			t.Errorf("%s: nobody sends them", name)
		}
	}
}

func TestConsoleSite(t *testing.T) {
	needNode(t)
	tm := everythingConsole()
	_, site := tm.one(t, "AWS::CloudFront::Distribution")
	config := at(site.Properties, "DistributionConfig")
	behavior := at(config, "DefaultCacheBehavior")
	function, code := tm.one(t, "AWS::CloudFront::Function")
	access, control := tm.one(t, "AWS::CloudFront::OriginAccessControl")
	origins := list(at(config, "Origins"))
	for what, ok := range map[string]bool{
		"it takes https alone":                at(behavior, "ViewerProtocolPolicy") == "redirect-to-https",
		"with TLS of today":                   at(config, "ViewerCertificate", "MinimumProtocolVersion") == "TLSv1.2_2021" && at(config, "ViewerCertificate", "SslSupportMethod") == "sni-only",
		"under the console's name":            text(at(config, "Aliases")) == `["tokens.example.com"]`,
		"over HTTP/2 and 3":                   at(config, "HttpVersion") == "http2and3",
		"compressed":                          at(behavior, "Compress") == true,
		"nobody writes":                       text(at(behavior, "AllowedMethods")) == `["GET","HEAD"]`,
		"it has one behavior":                 at(config, "CacheBehaviors") == nil,
		"it rewrites pages":                   text(at(list(at(behavior, "FunctionAssociations"))[0], "FunctionARN")) == "${"+function+".FunctionARN}" && at(list(at(behavior, "FunctionAssociations"))[0], "EventType") == "viewer-request",
		"with code that AWS runs":             at(code.Properties, "FunctionConfig", "Runtime") == "cloudfront-js-2.0" && at(code.Properties, "AutoPublish") == true,
		"what is not there is a 404":          text(at(config, "CustomErrorResponses")) == `[{"ErrorCachingMinTTL":0,"ErrorCode":403,"ResponseCode":404,"ResponsePagePath":"/index.html"}]`,
		"it has one origin":                   len(origins) == 1,
		"and shows itself there":              text(at(origins[0], "OriginAccessControlId")) == "${"+access+".Id}",
		"by a signature, always":              text(at(control.Properties, "OriginAccessControlConfig", "SigningBehavior"))+text(at(control.Properties, "OriginAccessControlConfig", "SigningProtocol")) == "alwayssigv4",
		"no log holds the codes of sign-ins":  at(config, "Logging") == nil,
		"it is where the API lets it call in": text(at(tm.Outputs["Origin"], "Value")) == "https://tokens.example.com",
	} {
		if !ok {
			t.Errorf("not so: %s", what)
		}
	}
	records := tm.of(t, "AWS::Route53::RecordSet")
	var kinds []string
	for id, r := range records {
		if r.Properties["Name"] != "tokens.example.com." || r.Properties["HostedZoneId"] != "Z0" {
			t.Errorf("%s is %s", id, text(r.Properties))
		}
		kinds = append(kinds, text(r.Properties["Type"]))
	}
	slices.Sort(kinds)
	if !slices.Equal(kinds, []string{"A", "AAAA"}) {
		t.Errorf("records %q", kinds)
	}

	// Without a name of its own CloudFront gives it one.
	c := exampleConfig()
	console := *c.Console
	console.Certificate = ""
	c.Console = &console
	tm = synthesizeConsole(c)
	id, site := tm.one(t, "AWS::CloudFront::Distribution")
	if at(site.Properties, "DistributionConfig", "Aliases") != nil || text(at(tm.Outputs["Origin"], "Value")) != "https://${"+id+".DomainName}" {
		t.Errorf("it has the name %s", text(at(tm.Outputs["Origin"], "Value")))
	}
}

// TestConsoleBucket: CloudFront's own distribution reads it, over TLS, and nobody
// else.
func TestConsoleBucket(t *testing.T) {
	needNode(t)
	tm := plainConsole()
	bucket, b := tm.one(t, "AWS::S3::Bucket")
	site, _ := tm.one(t, "AWS::CloudFront::Distribution")
	for what, ok := range map[string]bool{
		"nothing in it is public":       text(b.Properties["PublicAccessBlockConfiguration"]) == `{"BlockPublicAcls":true,"BlockPublicPolicy":true,"IgnorePublicAcls":true,"RestrictPublicBuckets":true}`,
		"it knows no lists of access":   strings.Contains(text(b.Properties["OwnershipControls"]), "BucketOwnerEnforced"),
		"it is encrypted":               strings.Contains(text(b.Properties["BucketEncryption"]), "AES256"),
		"it is no site of its own":      b.Properties["WebsiteConfiguration"] == nil,
		"it goes with the stack":        b.DeletionPolicy == "Delete",
		"nobody calls it across origin": b.Properties["CorsConfiguration"] == nil,
	} {
		if !ok {
			t.Errorf("not so: %s", what)
		}
	}
	_, policy := tm.one(t, "AWS::S3::BucketPolicy")
	if text(policy.Properties["Bucket"]) != "${"+bucket+"}" {
		t.Fatalf("the policy is of %s", text(policy.Properties["Bucket"]))
	}
	var allows, denies int
	for _, s := range list(at(policy.Properties, "PolicyDocument", "Statement")) {
		if at(s, "Effect") == "Deny" {
			denies++
			continue
		}
		allows++
		source := text(at(s, "Condition", "StringEquals", "AWS:SourceArn"))
		if at(s, "Action") != "s3:GetObject" || text(at(s, "Principal")) != `{"Service":"cloudfront.amazonaws.com"}` ||
			!strings.HasSuffix(source, ":distribution/${"+site+"}") {
			t.Errorf("it lets in %s", text(s))
		}
	}
	if allows != 1 || denies != 2 {
		t.Errorf("%d statements allow, %d deny", allows, denies)
	}
	for _, want := range []string{`"aws:SecureTransport":"false"`, `"s3:TlsVersion":1.2`} {
		if !strings.Contains(text(policy.Properties), want) {
			t.Errorf("nothing about %s", want)
		}
	}
}

// TestConsoleFiles: what pages name is there before the pages, and is kept for
// those that are open.
func TestConsoleFiles(t *testing.T) {
	needNode(t)
	tm := everythingConsole()
	deployments := tm.of(t, "Custom::CDKBucketDeployment")
	if len(deployments) != 2 {
		t.Fatalf("%d deployments", len(deployments))
	}
	for id, d := range deployments {
		if d.Properties["Prune"] != false {
			t.Errorf("%s removes what open pages need", id)
		}
		cache := at(d.Properties, "SystemMetadata", "cache-control")
		if d.Properties["DestinationBucketKeyPrefix"] == "assets" {
			if cache != api.ConsoleCacheControl("/assets/x") {
				t.Errorf("%s: %v", id, cache)
			}
			continue
		}
		if cache != "no-cache" || d.Properties["DestinationBucketKeyPrefix"] != nil || d.Properties["RetainOnDelete"] != false || text(d.Properties["DistributionPaths"]) != `["/*"]` {
			t.Errorf("%s: %s", id, text(d.Properties))
		}
		for other := range deployments {
			if other != id && !dependsOnAny(d, other) {
				t.Errorf("%s does not wait for %s", id, other)
			}
		}
	}
}

// dependsOnAny reports whether a resource waits for one.
func dependsOnAny(r resource, id string) bool {
	return slices.ContainsFunc(list(r.DependsOn), func(d any) bool { return text(d) == id })
}

// TestConsoleConfig looks into what is uploaded: it is what the console reads, and
// nothing that the build left takes its place.
func TestConsoleConfig(t *testing.T) {
	needNode(t)
	for name, row := range map[string]struct {
		config Config
		want   api.ConsoleConfig
	}{
		"plain": {exampleConfig(), api.ConsoleConfig{
			API: "https://example.execute-api.eu-central-1.amazonaws.com/v1", Issuer: "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_EXAMPLE", ClientID: "exampleconsole",
		}},
		"everything": {fullConsoleConfig(), api.ConsoleConfig{
			API: "https://pat.example.com", Issuer: "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_EXAMPLE", ClientID: "exampleconsole",
			Scope: "openid profile pat/tokens", Resource: "https://pat.example.com",
		}},
	} {
		app, _ := buildConsole(row.config)
		out := *app.Synth(nil).Directory()
		configs, err := filepath.Glob(filepath.Join(out, "asset.*", "config.json"))
		if err != nil {
			t.Fatal(err)
		}
		if len(configs) != 1 {
			t.Fatalf("%s: config.json is uploaded %d times", name, len(configs))
		}
		text, err := os.ReadFile(configs[0])
		if err != nil {
			t.Fatal(err)
		}
		var got api.ConsoleConfig
		if err := json.Unmarshal(text, &got); err != nil || got != row.want {
			t.Errorf("%s: %s, %v", name, text, err)
		}
		pages, err := filepath.Glob(filepath.Join(out, "asset.*", "index.html"))
		if err != nil || len(pages) != 1 {
			t.Errorf("%s: index.html is uploaded %d times, %v", name, len(pages), err)
		}
	}
}

// TestConsoleRoles: CDK's uploader alone acts here, on this bucket and this
// distribution.
func TestConsoleRoles(t *testing.T) {
	needNode(t)
	tm := plainConsole()
	bucket, _ := tm.one(t, "AWS::S3::Bucket")
	role, r := tm.one(t, "AWS::IAM::Role")
	if !strings.HasPrefix(role, "CustomCDKBucketDeployment") || !strings.Contains(text(r.Properties["ManagedPolicyArns"]), "AWSLambdaBasicExecutionRole") {
		t.Errorf("%s may %s", role, text(r.Properties["ManagedPolicyArns"]))
	}
	_, policy := tm.one(t, "AWS::IAM::Policy")
	for _, s := range list(at(policy.Properties, "PolicyDocument", "Statement")) {
		actions, on := text(at(s, "Action")), text(at(s, "Resource"))
		switch {
		case strings.Contains(actions, "s3:Put"), strings.Contains(actions, "s3:Delete"):
			if strings.Count(on, bucket) != 2 {
				t.Errorf("it writes to %s", on)
			}
		case strings.Contains(actions, "s3:Get"):
			if strings.Contains(actions, "Put") || strings.Contains(actions, "Delete") {
				t.Errorf("it may %s on %s", actions, on)
			}
		case strings.Contains(actions, "cloudfront:"):
			if actions != `["cloudfront:CreateInvalidation","cloudfront:GetInvalidation"]` {
				t.Errorf("it may %s on %s", actions, on)
			}
		default:
			t.Errorf("it may %s on %s", actions, on)
		}
	}
}

// TestConsoleSharesNothing: the stacks are deployed apart, in any order, and beside
// those of other Regions.
func TestConsoleSharesNothing(t *testing.T) {
	needNode(t)
	for name, tm := range map[string]template{"plain": plainConsole(), "everything": everythingConsole()} {
		if strings.Contains(string(tm.raw), "Fn::ImportValue") {
			t.Errorf("%s imports", name)
		}
		// What CloudFront has once for all Regions bears its Region's name.
		for kind, path := range map[string][]string{
			"AWS::CloudFront::Function":              {"Name"},
			"AWS::CloudFront::OriginAccessControl":   {"OriginAccessControlConfig", "Name"},
			"AWS::CloudFront::ResponseHeadersPolicy": {"ResponseHeadersPolicyConfig", "Name"},
		} {
			_, r := tm.one(t, kind)
			if called := text(at(r.Properties, path...)); !strings.Contains(called, "${AWS::Region}") && !strings.Contains(called, "eu-central-1") {
				t.Errorf("%s: a %s is called %s", name, kind, called)
			}
		}
		for id, r := range tm.Resources {
			if strings.HasPrefix(r.Type, "AWS::DynamoDB::") || strings.HasPrefix(r.Type, "AWS::KMS::") || strings.HasPrefix(r.Type, "AWS::ApiGateway::") {
				t.Errorf("%s: %s is a %s", name, id, r.Type)
			}
		}
	}
}

// TestConsolePages runs CloudFront's function, in Node.
func TestConsolePages(t *testing.T) {
	needNode(t)
	paths := []string{
		"/", "/configuration", "/callback", "/signed-out", "/tokens/new", "/tokens/00000aaaaa", "/admin", "/admin/policy", "/admin/tokens", "/admin/people", "/admin/trail",
		"/index.html", "/config.json", "/assets/index-B1a2c3.js", "/tokens", "/tokens/a/b", "/tokens/%2e%2e", "/nothing", "/admin/", "/configuration/", "/callback\n",
	}
	input, err := json.Marshal(paths)
	if err != nil {
		t.Fatal(err)
	}
	_, f := plainConsole().one(t, "AWS::CloudFront::Function")
	script := f.Properties["FunctionCode"].(string) + "console.log(JSON.stringify(" + string(input) + ".map(uri => handler({request: {uri}}).uri)))"
	out, err := exec.CommandContext(t.Context(), "node", "-e", script).Output()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	if err := json.Unmarshal(out, &got); err != nil || len(got) != len(paths) {
		t.Fatalf("%s: %v", out, err)
	}
	pages := regexp.MustCompile(api.ConsolePagePattern)
	for i, path := range paths {
		want := path
		if pages.MatchString(path) {
			want = "/index.html"
		}
		if got[i] != want || (want == "/index.html") != (i < 12) {
			t.Errorf("%q becomes %s", path, got[i])
		}
	}
}

func TestReadyForConsole(t *testing.T) {
	c := exampleConfig()
	if err := readyForConsole(c, testConsole); err != nil {
		t.Error(err)
	}
	if err := readyForConsole(c, t.TempDir()); err == nil || !strings.Contains(err.Error(), "make deploy-console") {
		t.Errorf("a console that is not built: %v", err)
	}
	c.Console = nil
	if err := readyForConsole(c, testConsole); err == nil || !strings.Contains(err.Error(), "operating.md") {
		t.Errorf("no console: %v", err)
	}
}
