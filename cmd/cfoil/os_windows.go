package main

import "golang.org/x/sys/windows"

// errNotAFolder is that a part of a path is a file.
const errNotAFolder = windows.ERROR_DIRECTORY
