package main

import (
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// needShell skips a test where there is no shell or no curl; in CI it fails.
func needShell(t *testing.T) {
	t.Helper()
	for _, program := range []string{"bash", "curl"} {
		if _, err := exec.LookPath(program); err == nil {
			continue
		}
		if os.Getenv("CI") == "true" {
			t.Fatalf("the session needs %s", program)
		}
		t.Skipf("the session needs %s", program)
	}
}

// A line of the README's session: a command, and what it is said to print.
type sessionLine struct {
	command string
	prints  string // with … for what is left out; empty where nothing is said
}

// TestLifeOfAToken pastes the README's session into a shell, line by line, and
// compares what is printed with what the README says.
func TestLifeOfAToken(t *testing.T) {
	needShell(t)
	lines := readmeSession(t)
	ts := newTestServer(t)

	// Each command's output is kept apart by a mark that no answer holds.
	const mark = "\x1e"
	var script strings.Builder
	script.WriteString("set -euo pipefail\n")
	for i, l := range lines {
		if i == 0 {
			l.command = "API=" + ts.URL
		}
		script.WriteString(l.command + "\nprintf '" + mark + "'\n")
	}
	cmd := exec.CommandContext(t.Context(), "bash")
	cmd.Stdin = strings.NewReader(script.String())
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("the session ended with %v: %s", err, stderr.String())
	}
	printed := strings.Split(strings.TrimSuffix(string(out), mark), mark)
	if len(printed) != len(lines) {
		t.Fatalf("%d commands printed %d times", len(lines), len(printed))
	}
	for i, l := range lines {
		if got := strings.TrimSpace(printed[i]); !pattern(l.prints).MatchString(got) {
			t.Errorf("%s\nprints\n%s\nthe README says\n%s", l.command, got, l.prints)
		}
	}
}

// readmeSession reads the commands of the README's sh block.
func readmeSession(t *testing.T) []sessionLine {
	t.Helper()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(readme), "```sh\n")
	block, _, closed := strings.Cut(rest, "\n```")
	if !ok || !closed {
		t.Fatal("the README has no session")
	}
	var lines []sessionLine
	answers := 0
	for line := range strings.Lines(block) {
		line = strings.TrimSpace(line)
		said, isAnswer := strings.CutPrefix(line, "# → ")
		switch {
		case isAnswer:
			if len(lines) == 0 {
				t.Fatalf("an answer to nothing: %s", line)
			}
			lines[len(lines)-1].prints = said
			answers++
		case line != "" && !strings.HasPrefix(line, "#"):
			lines = append(lines, sessionLine{command: line})
		}
	}
	if len(lines) < 14 || answers < 10 || !strings.HasPrefix(lines[0].command, "API=") {
		t.Fatalf("the README's session has %d commands and %d answers", len(lines), answers)
	}
	return lines
}

// pattern reads what the README says: … stands for anything.
func pattern(said string) *regexp.Regexp {
	parts := strings.Split(said, "…")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return regexp.MustCompile("(?s)^" + strings.Join(parts, ".*") + "$")
}
