package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/counterfoil/counterfoil/pkg/client"
)

// Exit statuses.
const (
	exitOK          = 0
	exitError       = 1
	exitUsage       = 2
	exitSignedOut   = 4
	exitInterrupted = 130
)

// A failure is an error as the person is told it: lower case, no full stop,
// and where there is one, what to do.
type failure struct {
	code  int
	err   error
	hint  string
	quiet bool // nobody reads it
	// serious is what is told even to somebody who interrupted us.
	serious bool
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// lost is a change that was made, or may have been, and whose value nobody has.
func lost(err error, hint string) error {
	return &failure{code: exitError, err: err, hint: hint, serious: true}
}

// fail is an error with a hint.
func fail(err error, hint string) error { return &failure{code: exitError, err: err, hint: hint} }

// usage is an error in how we were called.
func usage(text, hint string) error {
	return &failure{code: exitUsage, err: errors.New(text), hint: hint}
}

// signedOut is a credential that is missing or not good.
func signedOut(text, hint string) error {
	return &failure{code: exitSignedOut, err: errors.New(text), hint: hint}
}

const loginHint = `sign in with "cfoil auth login"`

// report prints an error and returns the exit status. It is the only place that
// does so.
func (a *app) report(err error) int {
	var f *failure
	if !errors.As(err, &f) {
		f = explain(err)
	}
	if f.quiet {
		return f.code
	}
	a.label(red, "cfoil: error:", f.Error())
	if f.hint != "" {
		a.label(dim, "cfoil: hint:", f.hint)
	}
	return f.code
}

// explain turns what the client or the system says into words for a person.
func explain(err error) *failure {
	is := func(target error) bool { return errors.Is(err, target) }
	told := func(code int, text, hint string) *failure {
		return &failure{code: code, err: errors.New(text), hint: hint}
	}
	var refused *client.Error
	errors.As(err, &refused)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return told(exitError, "it took too long", "try again later")
	case isBad(err):
		return told(exitSignedOut, "the credential is not good (any more): expired, revoked or mistyped", loginHint)
	case is(client.ErrSignInAgain):
		return told(exitSignedOut, fmt.Sprintf("the sign-in is too old for this: it may be %s old", refused.MaxAge), `sign in again with "cfoil auth login --fresh"`)
	case is(client.ErrInsufficientScope):
		return told(exitError, "not allowed: the scope "+refused.MissingScope+" is missing", `"cfoil scopes" lists what you may grant`)
	case is(client.ErrForbidden):
		return told(exitError, "not allowed", "")
	case is(client.ErrNotFound):
		return told(exitError, "not found", "")
	case is(client.ErrNameTaken):
		return told(exitError, "another of your tokens has that name", `take another name, or give that one a new value with "cfoil token rotate"`)
	case is(client.ErrTokenLimit):
		return told(exitError, "you have as many tokens as the policy allows", `delete one with "cfoil token delete"`)
	case is(client.ErrTokenNotActive):
		return told(exitError, "the token is revoked or expired", "create another")
	case is(client.ErrConflict):
		return told(exitError, "somebody changed it meanwhile", "look at it again")
	case is(client.ErrInvalidRequest):
		return told(exitError, fieldsOf(refused), "")
	case is(client.ErrInvalidScope):
		return told(exitError, strings.TrimPrefix(err.Error(), "invalid_scope: "), "")
	case is(client.ErrInvalidTarget):
		return told(exitError, "the server knows no such audience", "")
	case client.IsOutage(err):
		return outage(err)
	}
	return &failure{code: exitError, err: err}
}

func outage(err error) *failure {
	f := &failure{code: exitError, err: errors.New("the server cannot answer now"), hint: "nothing is wrong with your credentials: try again later"}
	var refused *client.Error
	var oauth *client.OAuthError
	switch {
	case errors.As(err, &refused):
		if refused.RequestID != "" {
			f.hint += " (request " + refused.RequestID + ")"
		}
	case errors.As(err, &oauth):
	default:
		// The last part says why; what is before it repeats the address.
		why := err
		for errors.Unwrap(why) != nil {
			why = errors.Unwrap(why)
		}
		f.err = fmt.Errorf("no answer from the server: %w", why)
		f.hint = "is the address right, and the server up? try again later"
	}
	return f
}

// fieldsOf lists everything wrong with a request.
func fieldsOf(e *client.Error) string {
	if len(e.Fields) == 0 {
		return e.Error()
	}
	var all []string
	for _, f := range e.Fields {
		all = append(all, f.Field+": "+f.Message)
	}
	return strings.Join(all, "; ")
}

// unwritten is output that did not reach anybody. A reader that went away is
// not told about it.
func unwritten(err error) error {
	return &failure{code: exitError, err: fmt.Errorf("the output could not be written: %w", bare(err)), quiet: errors.Is(err, syscall.EPIPE)}
}

// bare is an error of the system without the name of the call and the file.
func bare(err error) error {
	if n := syscall.Errno(0); errors.As(err, &n) {
		return n
	}
	return err
}
