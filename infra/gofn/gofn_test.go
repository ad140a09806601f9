package gofn

import (
	"os"
	"path/filepath"
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
