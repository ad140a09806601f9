package api

import (
	"encoding/json"
	"slices"
	"testing"
)

func TestAudienceIsReadAsItIsWritten(t *testing.T) {
	for text, want := range map[string]Audience{`"a"`: {"a"}, `["a","b"]`: {"a", "b"}, `[]`: {}, `null`: nil} {
		var got Audience
		if err := json.Unmarshal([]byte(text), &got); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v", text, got, err)
		}
	}
	for _, text := range []string{`1`, `{}`, `[1]`, `true`} {
		var got Audience
		if json.Unmarshal([]byte(text), &got) == nil {
			t.Errorf("%s is read as %q", text, got)
		}
	}
}
