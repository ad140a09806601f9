package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// Why a file is left alone.
var (
	// ErrDamaged: the file is not, or no longer, one that this package wrote.
	ErrDamaged = errors.New("damaged")
	// ErrNewer: a later version wrote it, and may mean more by it than we know.
	ErrNewer = errors.New("from a newer version of counterfoil")
	// ErrInUse: another process holds it.
	ErrInUse = errors.New("in use by another counterfoil")
)

// lockTimeout is how long OpenBolt waits for a process that is just going.
const lockTimeout = time.Second

// OpenBolt opens the store in the file at path, and makes the file (mode 0600)
// and its folder (0700) where there are none. The whole file is read and
// checked first; one that is refused is left as it is. Errors: ErrDamaged,
// ErrNewer, ErrInUse, and those of the file system. Each is one sentence.
func OpenBolt(path string) (*Bolt, error) {
	switch info, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
		if err := create(path); err != nil {
			return nil, fmt.Errorf("the store cannot be made: %w", err)
		}
	case err != nil:
		return nil, fmt.Errorf("the store cannot be opened: %w", err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("the store cannot be opened: %s is not a file", path)
	case info.Size() == 0:
		// bbolt would take it for new, and all that was in it for never written.
		return nil, fmt.Errorf("%s is %w: it is empty", path, ErrDamaged)
	}
	if err := check(path); err != nil {
		return nil, err
	}
	db, err := open(path, bbolt.Options{})
	if err != nil {
		return nil, err
	}
	if err := db.Update(upgrade); err != nil {
		db.Close()
		return nil, fmt.Errorf("the store cannot be written: %w", err)
	}
	return &Bolt{db: db, told: make(chan struct{}, 1)}, nil
}

// upgrade gives a file what came after the first version, and says so in it: an
// older version must not open it from now on.
func upgrade(tx *bbolt.Tx) error {
	if err := addBuckets(tx); err != nil {
		return err
	}
	f, err := get[formatRecord](tx, metaBucket, formatKey)
	if err != nil || f.Version == formatVersion {
		return err
	}
	f.Version = formatVersion
	return put(tx, metaBucket, formatKey, f)
}

// addBuckets gives a file the buckets that came after the first version.
func addBuckets(tx *bbolt.Tx) error {
	for _, name := range newBuckets {
		if _, err := tx.CreateBucketIfNotExists([]byte(name)); err != nil {
			return err
		}
	}
	return nil
}

// format makes a new file ours.
func format(tx *bbolt.Tx) error {
	for _, name := range buckets {
		if _, err := tx.CreateBucket([]byte(name)); err != nil {
			return err
		}
	}
	if err := addBuckets(tx); err != nil {
		return err
	}
	return put(tx, metaBucket, formatKey, formatRecord{Version: formatVersion})
}

// create makes an empty store under another name and gives it its own when it
// is whole: a kill on the way leaves nothing half made, and of two processes
// that start at once neither overwrites what the other made.
func create(path string) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	file, err := os.CreateTemp(dir, filepath.Base(path)+".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	if err := file.Close(); err != nil {
		return err
	}
	db, err := open(file.Name(), bbolt.Options{})
	if err != nil {
		return err
	}
	if err := errors.Join(db.Update(format), db.Close()); err != nil {
		return err
	}
	if err := os.Link(file.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncFolder(dir)
}

// syncFolder makes a new name in a folder outlive a loss of power.
func syncFolder(dir string) error {
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// check tells whether bbolt may have the file. The lock that it holds meanwhile
// is shared; who opens the file between it and open is one of us.
func check(path string) error {
	db, err := open(path, bbolt.Options{ReadOnly: true})
	if err == nil {
		defer db.Close()
	} else if errors.Is(err, ErrInUse) {
		return err
	}
	// Why bbolt will not have the file, the file itself tells better.
	file, readErr := os.ReadFile(path)
	if readErr != nil {
		return fmt.Errorf("the store cannot be read: %w", readErr)
	}
	if damage := judge(file); damage != nil {
		return fmt.Errorf("%s is %w", path, damage)
	}
	return err
}

// judge tells whether the file is whole and all in it is ours to read.
func judge(file []byte) error {
	found, err := inspect(file)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	var f formatRecord
	for _, e := range found[metaBucket] {
		if string(e.key) == formatKey {
			if err := decode(e.key, e.value, &f); err != nil {
				return fmt.Errorf("%w: %w", ErrDamaged, err)
			}
		}
	}
	if f.Version > formatVersion {
		return fmt.Errorf("%w (format %d, this one knows %d)", ErrNewer, f.Version, formatVersion)
	}
	if f.Version < 1 {
		return fmt.Errorf("%w: it does not tell its format", ErrDamaged)
	}
	for _, name := range slices.Concat(buckets, newBuckets) {
		list, ok := found[name]
		if !ok && slices.Contains(buckets, name) {
			return fmt.Errorf("%w: bucket %q is missing", ErrDamaged, name)
		}
		for _, e := range list {
			if err := decode(e.key, e.value, newRecord(name, string(e.key))); err != nil {
				return fmt.Errorf("%w: bucket %q: %w", ErrDamaged, name, err)
			}
		}
	}
	return nil
}

// open has bbolt open a file.
func open(path string, o bbolt.Options) (*bbolt.DB, error) {
	o.Timeout = lockTimeout
	o.NoStatistics = true
	db, err := bbolt.Open(path, 0o600, &o)
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, fmt.Errorf("%s is %w", path, ErrInUse)
	}
	if err != nil {
		return nil, fmt.Errorf("the store cannot be opened: %w", err)
	}
	return db, nil
}
