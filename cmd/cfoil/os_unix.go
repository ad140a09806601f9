//go:build unix

package main

import "syscall"

// errNotAFolder is that a part of a path is a file.
const errNotAFolder = syscall.ENOTDIR
