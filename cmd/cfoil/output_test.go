package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
)

// TestJSONIsInert writes JSON that means what it held, and that a terminal obeys in nothing.
func TestJSONIsInert(t *testing.T) {
	var every strings.Builder
	for r := rune(0); r <= 0x2fff; r++ { // all controls, and all that turn a text round
		every.WriteRune(r)
	}
	for name, text := range map[string]string{
		"every control":      every.String(),
		"a C1 sequence":      "\u009b31mred\u009b0m",
		"a title by C1":      "\u009d0;title\u009c",
		"a text turned":      "abc\u202e.gpj\u2066x\u2069",
		"an escape":          "\x1b]0;x\x07",
		"backslashes before": `\` + "\u0085" + `\\` + "\u202e",
		"ordinary":           "Ünï 🦊 né – \u200dא",
	} {
		path := filepath.Join(t.TempDir(), "stdout")
		out, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		a := newApp()
		a.stdout = out
		if err := a.writeJSON(map[string]string{"text": text}); err != nil {
			t.Fatal(err)
		}
		out.Close()
		written, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if i := strings.IndexFunc(string(written), func(r rune) bool {
			return r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r))
		}); i >= 0 {
			t.Errorf("%s: a terminal obeys %q", name, string(written)[i:min(i+10, len(written))])
		}
		var got map[string]string
		if err := json.Unmarshal(written, &got); err != nil || got["text"] != text {
			t.Errorf("%s: %v: it means something else", name, err)
		}
		if name == "ordinary" && !strings.Contains(string(written), text) {
			t.Errorf("%s is escaped: %s", name, written)
		}
	}
}
