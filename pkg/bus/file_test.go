package bus_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/pkg/api"
	"github.com/counterfoil/counterfoil/pkg/bus"
)

func put(t *testing.T, path string, ids ...string) {
	t.Helper()
	f, err := bus.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, id := range ids {
		if err := f.Put(t.Context(), []api.Event{{ID: id, Type: "a<b"}}); err != nil {
			t.Fatal(err)
		}
	}
}

func idsIn(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for line := range strings.Lines(string(text)) {
		_, after, ok := strings.Cut(line, `"id":"`)
		id, _, _ := strings.Cut(after, `"`)
		if !ok || !strings.HasSuffix(line, "}\n") || !strings.HasPrefix(line, `{"specversion"`) || !strings.Contains(line, "a<b") {
			t.Errorf("a line is %q", line)
		}
		ids = append(ids, id)
	}
	return strings.Join(ids, " ")
}

func TestFileIsAddedTo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "trail.jsonl")
	put(t, path, "1", "2")
	put(t, path, "3")
	if got := idsIn(t, path); got != "1 2 3" {
		t.Errorf("it holds %s", got)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestALineThatAKillCutOffGoes(t *testing.T) {
	for name, torn := range map[string]string{
		"half a line":            `{"specversion":"1.0","id":"x`,
		"a line without its \\n": `{"specversion":"1.0","id":"x"}`,
		"a long line":            `{"` + strings.Repeat("x", 10_000),
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "trail.jsonl")
			put(t, path, "1", "2")
			f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
			if err == nil {
				_, err = f.WriteString(torn)
			}
			if err != nil {
				t.Fatal(err)
			}
			f.Close()
			put(t, path, "3")
			if got := idsIn(t, path); got != "1 2 3" {
				t.Errorf("it holds %s", got)
			}
		})
	}
	path := filepath.Join(t.TempDir(), "trail.jsonl")
	if err := os.WriteFile(path, []byte("never a whole line"), 0o600); err != nil {
		t.Fatal(err)
	}
	put(t, path, "1")
	if got := idsIn(t, path); got != "1" {
		t.Errorf("it holds %s", got)
	}
}
