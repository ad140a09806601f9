package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// folderName is ours below the user's folders for configuration and caches.
const folderName = "counterfoil"

func configFolder() (string, error) {
	folder, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("no folder for the configuration: %w", err)
	}
	return filepath.Join(folder, folderName), nil
}

func cacheFolder() (string, error) {
	folder, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no folder for the cache: %w", err)
	}
	return filepath.Join(folder, folderName), nil
}

// makePrivate makes a folder of ours that nobody else can look into.
func makePrivate(folder string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	info, err := os.Stat(folder)
	if err == nil && isOpen(info) {
		err = os.Chmod(folder, 0o700)
	}
	return err
}

// writeFile replaces a file so that, whenever it is interrupted, the old one or
// the new one is there, whole. A file that is there keeps its mode.
func writeFile(path string, text []byte, mode os.FileMode) error {
	if info, err := os.Stat(path); err == nil {
		mode = info.Mode().Perm()
	}
	temp, err := os.CreateTemp(filepath.Dir(path), ".cfoil-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // nothing is left of it once it was renamed
	_, err = temp.Write(text)
	if err == nil && mode != 0o600 {
		err = temp.Chmod(mode)
	}
	if err == nil {
		err = temp.Sync()
	}
	if err := errors.Join(err, temp.Close()); err != nil {
		return err
	}
	return os.Rename(temp.Name(), path)
}

// writePrivate is writeFile for what only we may read.
func writePrivate(path string, text []byte) error {
	if err := makePrivate(filepath.Dir(path)); err != nil {
		return err
	}
	if info, err := os.Stat(path); err == nil && isOpen(info) {
		if err := os.Chmod(path, 0o600); err != nil {
			return err
		}
	}
	return writeFile(path, text, 0o600)
}

// lockWait is how long we wait for another process that holds a lock: longer
// than a request takes.
const lockWait = 60 * time.Second

// locked does something that no other process of ours does at the same time in
// the same folder. The lock ends with the process that holds it.
func locked(ctx context.Context, folder string, do func() error) error {
	if err := makePrivate(folder); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, lockWait)
	defer cancel()
	lock := flock.New(filepath.Join(folder, "lock"), flock.SetPermissions(0o600))
	if ok, err := lock.TryLockContext(ctx, 20*time.Millisecond); err != nil || !ok {
		return fmt.Errorf("another cfoil holds the lock in %s: %w", folder, err)
	}
	defer lock.Unlock()
	return do()
}
