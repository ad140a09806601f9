//go:build unix

package main

import (
	"os"
	"syscall"
)

// errNotAFolder is that a part of a path is a file.
const errNotAFolder = syscall.ENOTDIR

// isPrivate reports whether a file is ours, and nobody else can read it.
func isPrivate(info os.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid() && info.Mode().Perm()&0o077 == 0
}
