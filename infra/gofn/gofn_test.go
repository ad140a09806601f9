package gofn

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func TestWhatCannotBeBuilt(t *testing.T) {
	for name, row := range map[string]struct {
		props Props
		want  string
	}{
		"a package that nobody has":        {Props{Package: "github.com/counterfoil/counterfoil/functions/none"}, "functions/none"},
		"a package of the library":         {Props{Package: "fmt"}, "in no module"},
		"a binary that was not built":      {Props{Package: "x/create", Binaries: "testdata/none"}, filepath.Join("create", "bootstrap")},
		"a file that would leave the room": {Props{Package: "x/create", Binaries: stand(t), Files: map[string][]byte{"none/routes.json": nil}}, "none/routes.json"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := row.props.fill(t.TempDir()); err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("%v does not name %s", err, row.want)
			}
		})
	}
}

// TestEverybodyBuildsAlike: make builds what is looked at and invoked, this package
// what is deployed, a test what is measured. They cannot share the flags.
func TestEverybodyBuildsAlike(t *testing.T) {
	var inShell, inGo []string
	for _, flag := range flags {
		name, value, spaced := strings.Cut(flag, "=")
		if spaced = spaced && strings.Contains(value, " "); spaced {
			inShell = append(inShell, name+"='"+value+"'")
		} else {
			inShell = append(inShell, flag)
		}
		inGo = append(inGo, strconv.Quote(flag))
	}
	for file, want := range map[string]string{
		"../../Makefile":                  "CGO_ENABLED=0 go build " + strings.Join(inShell, " ") + " -o",
		"../../functions/runtime_test.go": "[]string{" + strings.Join(inGo, ", ") + "}",
		"../patauth/stranger_test.go":     `"build", ` + strings.Join(inGo, ", ") + `, "-o"`,
	} {
		text, err := os.ReadFile(filepath.FromSlash(file))
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s does not build with %s (%v)", file, want, err)
		}
	}
}

func TestFilesLieBesideTheBinary(t *testing.T) {
	dir := t.TempDir()
	p := Props{Package: "x/create", Binaries: stand(t), Files: map[string][]byte{"routes.json": []byte("[]")}}
	if err := p.fill(dir); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"bootstrap": "binary", "routes.json": "[]"} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
			t.Errorf("%s holds %q, %v", name, got, err)
		}
	}
	if info, err := os.Stat(filepath.Join(dir, "bootstrap")); err != nil || info.Mode()&0o111 == 0 {
		t.Errorf("Lambda cannot start it: %v", err)
	}
}

// stand is a folder with a stand-in for a binary.
func stand(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "create"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "create", "bootstrap"), []byte("binary"), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}
