package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
)

func TestStack(t *testing.T) {
	if _, err := exec.LookPath("node"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("Node is not installed: CI must test the stack")
		}
		t.Skip("Node is not installed: the stack is not tested")
	}
	// jsii leaves its runtime here. (Its Close, which would remove it, is a data
	// race: its own goroutine closes the process too.)
	t.Setenv("TMPDIR", t.TempDir())
	binaries := t.TempDir()
	for _, name := range []string{"authorize", "lambda"} {
		if err := os.MkdirAll(filepath.Join(binaries, name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(binaries, name, "bootstrap"), []byte(name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	app := awscdk.NewApp(&awscdk.AppProps{Outdir: new(t.TempDir())})
	stack := newStack(app, binaries)
	text, err := os.ReadFile(*app.Synth(nil).GetStackArtifact(stack.ArtifactId()).TemplateFullPath())
	if err != nil {
		t.Fatal(err)
	}
	var template struct {
		Resources map[string]struct {
			Type       string
			Properties map[string]any
		}
	}
	if err := json.Unmarshal(text, &template); err != nil {
		t.Fatal(err)
	}
	methods, authorizers := 0, 0
	for id, r := range template.Resources {
		switch r.Type {
		case "AWS::ApiGateway::Method":
			methods++
			if r.Properties["AuthorizationType"] != "CUSTOM" {
				t.Errorf("%s is open", id)
			}
		case "AWS::ApiGateway::Authorizer":
			authorizers++
			if r.Properties["Type"] != "REQUEST" {
				t.Errorf("%s is a %v authorizer", id, r.Properties["Type"])
			}
		}
	}
	if methods != 2 || authorizers != 1 {
		t.Errorf("%d methods and %d authorizers", methods, authorizers)
	}
}
