package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestLint asks cfn-lint, where it is installed.
func TestLint(t *testing.T) {
	needNode(t)
	lint, err := exec.LookPath("cfn-lint")
	if err != nil {
		t.Skip("cfn-lint is not installed")
	}
	for name, tm := range map[string]template{"plain": plain(), "everything": everything(), "the console": plainConsole(), "the console with everything": everythingConsole()} {
		// W3005 is CDK's own: it names a dependency that a reference implies.
		file := filepath.Join(t.TempDir(), "template.json")
		if err := os.WriteFile(file, tm.raw, 0o644); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), lint, "--ignore-checks", "W3005", "--", file)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}
