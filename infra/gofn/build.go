package gofn

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// flags make the same source give the same bytes, wherever it is built: no
// paths, no time, no build id. The tag leaves out what only the retired go1.x
// runtime needed.
var flags = []string{"-trimpath", "-buildvcs=false", "-tags=lambda.norpc", "-ldflags=-s -w -buildid="}

// build compiles a main package to file, for Lambda on arm64, with the Go that
// is on the PATH and no Docker. It happens inside the module that the package
// belongs to: that module's go.sum decides what goes in, also when somebody
// else's app builds it out of the module cache.
func build(importPath, file string) error {
	dir, err := run("", nil, "list", "-find", "-mod=readonly", "-f", "{{if .Module}}{{.Module.Dir}}{{end}}", importPath)
	if err != nil {
		return err
	}
	if dir == "" {
		return fmt.Errorf("package %s is in no module", importPath)
	}
	target := []string{"GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0", "GOFLAGS=-mod=readonly", "GOWORK=off"}
	_, err = run(dir, target, append(append([]string{"build", "-o", file}, flags...), importPath)...)
	return err
}

// run runs the go command and returns what it prints.
func run(dir string, env []string, args ...string) (string, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return "", fmt.Errorf("go %s: %s", args[0], strings.TrimSpace(string(exit.Stderr)))
	}
	if err != nil {
		return "", fmt.Errorf("go %s: %w", args[0], err)
	}
	return strings.TrimSpace(string(out)), nil
}

// take copies a binary that was built before.
func take(from, file string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}

// fill puts a function's binary and the files beside it into dir.
func (p Props) fill(dir string) error {
	bootstrap := filepath.Join(dir, "bootstrap") // the name that Lambda starts
	if p.Binaries != "" {
		if err := take(filepath.Join(p.Binaries, p.name(), "bootstrap"), bootstrap); err != nil {
			return err
		}
	} else if err := build(p.Package, bootstrap); err != nil {
		return err
	}
	for name, content := range p.Files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}
