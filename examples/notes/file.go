package notes

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
)

// Notes keeps everybody's notes in memory and in a file, one JSON line a note,
// that only ever grows.
type Notes struct {
	// Origin is the one that a browser may call from.
	Origin string
	// Now is the clock; nil means time.Now.
	Now func() time.Time

	mu   sync.Mutex
	file *os.File
	size int64 // of the lines that are whole, in bytes
	all  map[string][]Note
}

// A line of the file.
type line struct {
	Owner string `json:"owner"`
	Note
}

// Open reads the notes in the file at path, and makes one where there is none.
// A last line without its end was never acknowledged: it was being written
// when the process died, and is cut off.
func Open(path string) (*Notes, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("notes file: %w", err)
	}
	n := &Notes{file: file, all: map[string][]Note{}}
	if err := n.read(); err != nil {
		file.Close()
		return nil, fmt.Errorf("notes file %s: %w", path, err)
	}
	return n, nil
}

// Close closes the file.
func (n *Notes) Close() error { return n.file.Close() }

func (n *Notes) read() error {
	lines := bufio.NewReader(n.file)
	for {
		text, err := lines.ReadBytes('\n')
		if err == io.EOF {
			return n.file.Truncate(n.size)
		}
		if err != nil {
			return err
		}
		var l line
		if err := json.Unmarshal(bytes.TrimSpace(text), &l); err != nil || l.Owner == "" {
			return fmt.Errorf("is damaged at byte %d", n.size)
		}
		n.size += int64(len(text))
		n.all[l.Owner] = append(n.all[l.Owner], l.Note)
	}
}

// of returns a person's notes, the oldest first.
func (n *Notes) of(owner string) []Note {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]Note{}, n.all[owner]...)
}

// add keeps a note: when it returns one, the note lies on the disk.
func (n *Notes) add(owner, text string) (Note, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := time.Now
	if n.Now != nil {
		now = n.Now
	}
	note := Note{Text: text, CreatedAt: now().UTC().Truncate(time.Second)}
	record, err := json.Marshal(line{owner, note})
	if err != nil {
		return Note{}, err
	}
	record = append(record, '\n')
	_, err = n.file.WriteAt(record, n.size)
	if err == nil {
		err = n.file.Sync()
	}
	if err != nil {
		// Half a line in the middle would make the file unreadable.
		n.file.Truncate(n.size)
		return Note{}, err
	}
	n.size += int64(len(record))
	n.all[owner] = append(n.all[owner], note)
	return note, nil
}
