package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/term"

	"github.com/counterfoil/counterfoil/pkg/client"
)

// maxSecret bounds what is read as one, in bytes.
const maxSecret = 16 << 10

// readSecret reads a secret from stdin, or asks the person at a terminal for it
// without showing what they type.
func (a *app) readSecret(ctx context.Context, prompt string) (client.Secret, error) {
	var text []byte
	var err error
	if isTerminal(a.stdin) {
		text, err = a.typed(ctx, prompt)
	} else {
		text, err = io.ReadAll(io.LimitReader(a.stdin, maxSecret+1))
	}
	if err != nil {
		return client.Secret{}, fmt.Errorf("read stdin: %w", err)
	}
	value := strings.TrimSpace(string(text))
	switch {
	case value == "":
		return client.Secret{}, usage("nothing on stdin", "pipe the token in")
	case len(text) > maxSecret || strings.ContainsAny(value, " \t\r\n"):
		return client.Secret{}, usage("what stands on stdin is no token: it must be one word", "")
	}
	return client.NewSecret(value), nil
}

// typed reads without echo. An interruption gives the terminal back as it was.
func (a *app) typed(ctx context.Context, prompt string) ([]byte, error) {
	fd := int(a.stdin.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return nil, err
	}
	defer term.Restore(fd, before)
	io.WriteString(a.stderr, prompt)
	defer io.WriteString(a.stderr, "\n")
	return interruptible(ctx, func() ([]byte, error) { return term.ReadPassword(fd) })
}

// interruptible gives up waiting for the person when the context ends. What it
// leaves behind ends with the process.
func interruptible[T any](ctx context.Context, do func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := do()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// confirm asks before something that cannot be undone. Without a person to ask,
// it has to be said beforehand.
func (a *app) confirm(ctx context.Context, question string, yes bool) error {
	if yes {
		return nil
	}
	if !isTerminal(a.stdin) || !isTerminal(a.stderr) {
		return usage("nobody is here to be asked", "say --yes if you are sure")
	}
	io.WriteString(a.stderr, printable(question)+" [y/N] ")
	line, err := interruptible(ctx, func() (string, error) { return bufio.NewReader(a.stdin).ReadString('\n') })
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if line = strings.ToLower(strings.TrimSpace(line)); line != "y" && line != "yes" {
		return errors.New("nothing was done")
	}
	return nil
}
