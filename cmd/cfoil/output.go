package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What a terminal is told for a colour.
const (
	red    = "31"
	green  = "32"
	yellow = "33"
	dim    = "2"
)

func paint(f *os.File, colour, text string) string {
	if os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" || !isTerminal(f) {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

// printable takes out of what others wrote whatever a terminal would obey: a
// server's message must not move the cursor, set a title or turn the text round.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || !unicode.IsControl(r) && !unicode.Is(unicode.Bidi_Control, r) {
			return r
		}
		return utf8.RuneError
	}, text)
}

// write puts the whole output on stdout, at once.
func (a *app) write(text string) error {
	if _, err := a.stdout.WriteString(text); err != nil {
		return unwritten(err)
	}
	return nil
}

// inert spells, in a JSON document, what a terminal would obey by its escape: the
// same value to a program, and nothing to a terminal. Only strings hold such
// characters; encoding/json leaves C1 controls, DEL and those that turn a text
// round as they are.
func inert(document string) string {
	var b strings.Builder
	for _, r := range document {
		if r == '\n' || !unicode.IsControl(r) && !unicode.Is(unicode.Bidi_Control, r) {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, `\u%04x`, r) // none is beyond U+FFFF
		}
	}
	return b.String()
}

// writeJSON writes a document for programs.
func (a *app) writeJSON(document any) error {
	text, err := json.MarshalIndent(document, "", "  ")
	if err != nil {
		return err
	}
	return a.write(inert(string(text)) + "\n")
}

// A table is for people: the columns are padded, and the cells hold nothing
// that a terminal obeys.
type table struct {
	rows   [][]string
	colour func(column int, cell string) string
}

func (t *table) add(cells ...string) {
	for i, c := range cells {
		cells[i] = strings.ReplaceAll(printable(c), "\n", " ")
	}
	t.rows = append(t.rows, cells)
}

func (t *table) String() string {
	var widths []int
	for _, row := range t.rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for _, row := range t.rows {
		line := ""
		for i, cell := range row {
			shown := cell
			if t.colour != nil {
				shown = t.colour(i, cell)
			}
			line += shown + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+2)
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}
