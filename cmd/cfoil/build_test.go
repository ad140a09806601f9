package main_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// TestBuilds: it builds for every system without cgo, as `make cfoil-all` does,
// and stays small. All six take minutes where nothing was built before, so a
// laptop builds its own and the one that differs most.
func TestBuilds(t *testing.T) {
	const most = 12 << 20 // bytes
	systems := []string{"linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64", "windows/amd64", "windows/arm64"}
	if os.Getenv("CI") != "true" {
		systems = []string{runtime.GOOS + "/" + runtime.GOARCH, "windows/amd64"}
	}
	for _, system := range systems {
		goos, goarch, _ := strings.Cut(system, "/")
		path := filepath.Join(t.TempDir(), "cfoil")
		build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags=-s -w", "-o", path, ".")
		build.Env = append(os.Environ(), "GOOS="+goos, "GOARCH="+goarch, "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", system, err, out)
			continue
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %.1f MB", system, float64(info.Size())/(1<<20))
		if info.Size() > most {
			t.Errorf("%s: %d bytes, and may have %d", system, info.Size(), most)
		}
	}
}

// TestDocs: `make docs` writes a man page for every command, and a completion
// for every shell that works.
func TestDocs(t *testing.T) {
	folder := t.TempDir()
	docs := exec.CommandContext(t.Context(), "go", "run", "-tags=docs", ".", "docs", folder)
	if out, err := docs.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	pages, err := filepath.Glob(filepath.Join(folder, "man", "*.1"))
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range pages {
		pages[i] = filepath.Base(p)
	}
	for _, want := range []string{"cfoil.1", "cfoil-auth-login.1", "cfoil-auth-git-credential.1", "cfoil-token-create.1", "cfoil-token-rotate.1", "cfoil-exchange.1", "cfoil-credential-process.1", "cfoil-configure-aws.1"} {
		if !slices.Contains(pages, want) {
			t.Errorf("no %s among %q", want, pages)
		}
	}
	page, err := os.ReadFile(filepath.Join(folder, "man", "cfoil-token-create.1"))
	if err != nil || !bytes.Contains(page, []byte(".TH")) || !bytes.Contains(page, []byte("scope")) {
		t.Errorf("%v: %s", err, page)
	}
	for _, name := range []string{"cfoil.bash", "_cfoil", "cfoil.fish", "cfoil.ps1"} {
		if info, err := os.Stat(filepath.Join(folder, "completion", name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The program that is shipped has no such command.
	if err := exec.CommandContext(t.Context(), filepath.Join(programs, "cfoil"), "docs", folder).Run(); err == nil {
		t.Error("the program has a command docs")
	}
	need(t, "bash")
	// What bash would offer, asked the way its completion asks.
	u := newUser(t)
	for line, want := range map[string]string{"tok": "token", "token cr": "create", "token list -o ": "json", "auth lo": "login", "token list --status re": "revoked"} {
		words := strings.Split(line, " ")
		if out := u.must("", append([]string{"__complete"}, words...)...); !strings.Contains(out, want) {
			t.Errorf("%q: %s", line, out)
		}
	}
	load := exec.CommandContext(t.Context(), "bash", "-c", "source "+filepath.Join(folder, "completion", "cfoil.bash")+" && complete -p cfoil")
	if out, err := load.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("__start_cfoil")) {
		t.Errorf("%v: %s", err, out)
	}
}
