//go:build unix

package main

import (
	"os"
	"syscall"
)

// errNotAFolder is that a part of a path is a file.
const errNotAFolder = syscall.ENOTDIR

// isOpen reports whether others than its owner can do anything with a file.
func isOpen(info os.FileInfo) bool { return info.Mode().Perm()&0o077 != 0 }

// isOurs reports whether it was us who made a file.
func isOurs(info os.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid()
}
