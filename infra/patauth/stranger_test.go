package patauth_test

import (
	"bytes"
	"debug/elf"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestStranger builds an app in another module that imports patauth, and looks
// at the authorizer that it would deploy: the very bytes of our own.
func TestStranger(t *testing.T) {
	needNode(t)
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	theirs := t.TempDir()
	for _, name := range []string{"main.go", "routes.json"} {
		copyFile(t, filepath.Join("testdata", "stranger", name), filepath.Join(theirs, name))
	}
	// What go mod tidy would come to, without a network: our requirements are
	// theirs.
	copyFile(t, filepath.Join(root, "go.sum"), filepath.Join(theirs, "go.sum"))
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	const module = "github.com/counterfoil/counterfoil"
	text, ok := strings.CutPrefix(string(mod), "module "+module+"\n")
	if !ok {
		t.Fatal("go.mod does not start with our name")
	}
	text = "module example.com/stranger\n" + text + "\nrequire " + module + " v0.0.0\n\nreplace " + module + " => " + root + "\n"
	if err := os.WriteFile(filepath.Join(theirs, "go.mod"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	goRun(t, theirs, nil, "run", "-mod=mod", ".", filepath.Join(theirs, "cdk.out"))

	template, err := os.ReadFile(filepath.Join(theirs, "cdk.out", "Stranger.template.json"))
	if err != nil {
		t.Fatal(err)
	}
	var r result
	var parsed struct{ Resources map[string]thing }
	if err := json.Unmarshal(template, &parsed); err != nil {
		t.Fatal(err)
	}
	r.resources = parsed.Resources
	f := r.one(t, "AWS::Lambda::Function", nil)
	asset := filepath.Join(theirs, "cdk.out", f.Metadata["aws:asset:path"].(string))
	got, err := os.ReadFile(filepath.Join(asset, "bootstrap"))
	if err != nil {
		t.Fatal(err)
	}
	binary, err := elf.NewFile(bytes.NewReader(got))
	if err != nil || binary.Machine != elf.EM_AARCH64 {
		t.Fatalf("the authorizer is no program for arm64: %v", err)
	}
	if _, err := os.Stat(filepath.Join(asset, "routes.json")); err != nil {
		t.Error(err)
	}

	// As `make build` does it.
	ours := filepath.Join(t.TempDir(), "bootstrap")
	goRun(t, root, []string{"GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0"},
		"build", "-trimpath", "-buildvcs=false", "-tags=lambda.norpc", "-ldflags=-s -w -buildid=", "-o", ours, "./functions/authorize")
	want, err := os.ReadFile(ours)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("a stranger's authorizer has other bytes than ours (%d and %d)", len(got), len(want))
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, text, 0o644); err != nil {
		t.Fatal(err)
	}
}

func goRun(t *testing.T, dir string, env []string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "GOPROXY=off", "GOFLAGS=", "GOWORK=off"), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go %s: %v\n%s", args[0], err, out)
	}
}
