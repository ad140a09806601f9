package main

import (
	"bytes"
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"
)

var rewrite = flag.Bool("update", false, "rewrite the templates in testdata")

// What changes with a binary: the hash of its asset, and the deployment's name,
// which has a hash of the API in it.
var (
	assetHash      = regexp.MustCompile(`[0-9a-f]{64}`)
	deploymentHash = regexp.MustCompile(`(ApiDeployment[0-9A-F]{8})[0-9a-f]{32}`)
)

func TestGolden(t *testing.T) {
	needNode(t)
	golden(t, "testdata/template.json", plain())
}

// golden compares a template with the file of the one that was looked at last.
func golden(t *testing.T, file string, tm template) {
	t.Helper()
	text := assetHash.ReplaceAll(tm.raw, []byte("ASSET"))
	text = append(deploymentHash.ReplaceAll(text, []byte("${1}HASH")), '\n')
	if *rewrite {
		if err := os.WriteFile(file, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(text, want) {
		return
	}
	got, old := strings.Split(string(text), "\n"), strings.Split(string(want), "\n")
	for i := range min(len(got), len(old)) {
		if got[i] != old[i] {
			t.Fatalf("%s:%d is another:\n got %s\nwant %s\nIf that is meant: go test ./infra -run Golden -update", file, i+1, got[i], old[i])
		}
	}
	t.Fatalf("%s has %d lines, the template %d", file, len(old), len(got))
}
