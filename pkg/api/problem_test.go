package api

import (
	"maps"
	"os"
	"regexp"
	"strconv"
	"testing"
)

// TestTheDocumentListsEveryProblem holds docs/problems.md to the codes that
// there are, and to their statuses.
func TestTheDocumentListsEveryProblem(t *testing.T) {
	text, err := os.ReadFile("../../docs/problems.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[Code]int{}
	for _, row := range regexp.MustCompile("(?m)^\\| (\\d+) `([a-z_]+)` \\|").FindAllStringSubmatch(string(text), -1) {
		if _, twice := listed[Code(row[2])]; twice {
			t.Errorf("%s is there twice", row[2])
		}
		if listed[Code(row[2])], err = strconv.Atoi(row[1]); err != nil {
			t.Fatal(err)
		}
	}
	known := map[Code]int{}
	for code, p := range problems {
		known[code] = p.status
	}
	if !maps.Equal(listed, known) {
		t.Errorf("the document has %v, we have %v", listed, known)
	}
}
