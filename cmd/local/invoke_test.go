package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

func TestEveryEventCanBeInvoked(t *testing.T) {
	t.Chdir("../..")
	files, err := filepath.Glob("events/*.json")
	if err != nil || len(files) < 10 {
		t.Fatalf("found %d events, %v", len(files), err)
	}
	first := map[string]string{"create": "201", "revoke": "204", "revokeany": "204", "report": "202", "authorize": "{", "authorize-header": "{"}
	for _, file := range files {
		verb := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(verb, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if err := invoke(t.Context(), verb, &stdout, &stderr); err != nil {
				t.Fatal(err)
			}
			want := first[verb]
			if want == "" {
				want = "200"
			}
			if got, _, _ := strings.Cut(stdout.String(), "\n"); got != want {
				t.Errorf("answer starts with %q, want %q", got, want)
			}
			if log := stderr.String(); strings.Count(log, "\n") != 1 || !strings.Contains(log, "level=INFO msg=request ") {
				t.Errorf("log, want one line of one request: %s", log)
			}
		})
	}
	if err := invoke(t.Context(), "nonsense", &bytes.Buffer{}, &bytes.Buffer{}); err == nil {
		t.Error("an event that is not there was invoked")
	}
}
