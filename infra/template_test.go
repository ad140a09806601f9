package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
)

// A template is what is sent to CloudFormation.
type template struct {
	Resources map[string]resource
	Outputs   map[string]any
	raw       []byte
}

type resource struct {
	Type           string
	Properties     map[string]any
	DependsOn      any
	DeletionPolicy string
	Metadata       map[string]any

	UpdateReplacePolicy string
}

// plain is the example as it stands. Everything is every option at once.
var (
	plain      = sync.OnceValue(func() template { return synthesize(exampleConfig()) })
	everything = sync.OnceValue(func() template { return synthesize(fullConfig()) })
)

func exampleConfig() Config {
	c, err := readConfig("config.example.json")
	if err != nil {
		panic(err)
	}
	return c
}

func fullConfig() Config {
	c := exampleConfig()
	c.Audiences = []string{"https://one.example.com", "urn:two"}
	c.Keys = []Key{{Name: "B", Spec: "ECC_NIST_P256"}, {Name: "A", Spec: "RSA_2048"}}
	c.Domain = &Domain{
		Name:        "pat.example.com",
		Certificate: "arn:aws:acm:eu-central-1:111122223333:certificate/0",
		ZoneID:      "Z0", ZoneName: "example.com",
	}
	c.RequestsPerAddress = 1000
	c.AlarmMail = "oncall@example.com"
	c.GatewayLogRole = true
	c.AWSAccess = true
	return c
}

// binaries is a folder of stand-ins: what a function's binary holds is not what
// is tested here.
var binaries string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "infra-*")
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
		for name := range grants {
			if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
				panic(err)
			}
			if err := os.WriteFile(filepath.Join(dir, name, "bootstrap"), []byte(name), 0o755); err != nil {
				panic(err)
			}
		}
		return m.Run()
	}())
}

// needNode skips where there is no Node, which CDK runs in; but never in CI.
func needNode(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("Node is not installed: CI must test the stack")
		}
		t.Skip("Node is not installed: the stack is not tested")
	}
}

func synthesize(c Config) template {
	app, stack := build(c)
	return read(app, stack)
}

func build(c Config) (awscdk.App, awscdk.Stack) {
	outdir, err := os.MkdirTemp(binaries, "cdk.out-*")
	if err != nil {
		panic(err)
	}
	app := newApp(outdir)
	return app, newStack(app, c, binaries)
}

func read(app awscdk.App, stack awscdk.Stack) template {
	text, err := os.ReadFile(*app.Synth(nil).GetStackArtifact(stack.ArtifactId()).TemplateFullPath())
	if err != nil {
		panic(err)
	}
	t := template{raw: text}
	if err := json.Unmarshal(text, &t); err != nil {
		panic(err)
	}
	return t
}

// of returns the resources of a type by their logical ids; there must be some.
func (tm template) of(t *testing.T, kind string) map[string]resource {
	t.Helper()
	found := map[string]resource{}
	for id, r := range tm.Resources {
		if r.Type == kind {
			found[id] = r
		}
	}
	if len(found) == 0 {
		t.Fatalf("the template has no %s", kind)
	}
	return found
}

// one returns the only resource of a type.
func (tm template) one(t *testing.T, kind string) (string, resource) {
	t.Helper()
	found := tm.of(t, kind)
	if len(found) != 1 {
		t.Fatalf("the template has %d %s, not one", len(found), kind)
	}
	id := slices.Collect(maps.Keys(found))[0]
	return id, found[id]
}

// function returns the Lambda function of a name.
func (tm template) function(t *testing.T, name string) (string, resource) {
	t.Helper()
	for id, r := range tm.of(t, "AWS::Lambda::Function") {
		if r.Properties["Description"] == "Counterfoil: "+name {
			return id, r
		}
	}
	t.Fatalf("the template has no function %s", name)
	return "", resource{}
}

// at follows a path of names into what JSON made; nil where it ends before.
func at(v any, path ...string) any {
	for _, name := range path {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	return v
}

// list is a JSON list, or the one value in its place.
func list(v any) []any {
	if l, ok := v.([]any); ok {
		return l
	}
	return []any{v}
}

// text writes a value with its references, on one line: joins are taken apart.
func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case map[string]any:
		if join, ok := v["Fn::Join"].([]any); ok {
			var parts []string
			for _, part := range join[1].([]any) {
				parts = append(parts, text(part))
			}
			return strings.Join(parts, join[0].(string))
		}
		if ref, ok := v["Ref"].(string); ok {
			return "${" + ref + "}"
		}
		if get, ok := v["Fn::GetAtt"].([]any); ok {
			return fmt.Sprintf("${%s.%s}", get...)
		}
	}
	out, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(out)
}
