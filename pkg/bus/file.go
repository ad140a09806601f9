package bus

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/counterfoil/counterfoil/pkg/api"
)

// A File gets a line of JSON for every event, and is only ever added to.
type File struct {
	mu sync.Mutex
	f  *os.File
}

// OpenFile opens the file at path, and makes it (mode 0600) where there is none.
// A last line that a kill cut off goes: nobody was told that it was written, so
// it comes again.
func OpenFile(path string) (*File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the trail cannot be opened: %w", err)
	}
	if err := cutTornLine(f); err != nil {
		return nil, errors.Join(fmt.Errorf("the trail cannot be read: %w", err), f.Close())
	}
	return &File{f: f}, nil
}

// Close closes the file.
func (f *File) Close() error { return f.f.Close() }

// Put adds a line for each event. When it returns nil, they are on the disk.
func (f *File) Put(_ context.Context, events []api.Event) error {
	var lines bytes.Buffer
	enc := json.NewEncoder(&lines)
	enc.SetEscapeHTML(false)
	for _, e := range events {
		if err := enc.Encode(e); err != nil {
			return fmt.Errorf("write an event: %w", err)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := f.f.Write(lines.Bytes()); err != nil {
		// A part of a line must not become one with the next.
		return errors.Join(fmt.Errorf("write the trail: %w", err), cutTornLine(f.f))
	}
	if err := f.f.Sync(); err != nil {
		return fmt.Errorf("write the trail: %w", err)
	}
	return nil
}

// cutTornLine takes away what comes after the last line's end.
func cutTornLine(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	end := info.Size()
	for chunk := make([]byte, 4096); end > 0; {
		from := max(0, end-int64(len(chunk)))
		part := chunk[:end-from]
		if _, err := f.ReadAt(part, from); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if i := bytes.LastIndexByte(part, '\n'); i >= 0 {
			end = from + int64(i) + 1
			break
		}
		end = from
	}
	if end == info.Size() {
		return nil
	}
	return f.Truncate(end)
}
