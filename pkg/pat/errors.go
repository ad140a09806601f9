package pat

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// What can go wrong, as values that a caller can tell apart with errors.Is.
// Their text goes into our log; package handler decides what a client sees.
var (
	// ErrUnauthorized: a credential that is not good. The text that wraps it
	// says why, for the log alone; outside every reason looks the same, or a
	// thief could tell a revoked token from one that never was.
	ErrUnauthorized = errors.New("unauthorized")
	// ErrForbidden: a good credential of the wrong kind, or from the wrong place.
	ErrForbidden = errors.New("forbidden")
	// ErrNotFound: no such thing, or somebody else's.
	ErrNotFound = errors.New("not found")
	// ErrConflict: somebody changed it meanwhile.
	ErrConflict = errors.New("conflict")
	// ErrNameTaken: another live token of this owner has the name.
	ErrNameTaken = errors.New("name taken")
	// ErrTokenLimit: the owner has as many tokens as the policy allows.
	ErrTokenLimit = errors.New("token limit reached")
	// ErrNotActive: the token is revoked, expired or disabled.
	ErrNotActive = errors.New("token not active")
	// ErrUnavailable: the store, the key or the issuer's keys did not answer.
	ErrUnavailable = errors.New("unavailable")
)

// A ReauthError is a session whose person signed in too long ago, or does not say
// when (RFC 9470).
type ReauthError struct {
	// MaxAge is how long ago it may have been.
	MaxAge time.Duration
}

func (e *ReauthError) Error() string {
	return fmt.Sprintf("the person signed in longer ago than %s", e.MaxAge)
}

// A ConflictError is an ErrConflict that reading again does not solve.
type ConflictError struct {
	Detail string // for the client
}

func (e *ConflictError) Error() string { return ErrConflict.Error() + ": " + e.Detail }
func (e *ConflictError) Unwrap() error { return ErrConflict }

// A ScopeError is a good credential, or a person, without a scope it needs.
type ScopeError struct {
	Missing []string
}

func (e *ScopeError) Error() string {
	return "insufficient scope: missing " + strings.Join(e.Missing, " ")
}

// A FieldError is one thing wrong with one field of a request.
type FieldError struct {
	Field   string // as it is spelled on the wire
	Message string // for the client
	unknown bool
}

// An InvalidError lists everything wrong with a request at once.
type InvalidError struct {
	// Detail says what is wrong with the whole, where its fields cannot be read.
	Detail string
	Fields []FieldError
}

// Error names the known fields alone. The messages and the other names quote what
// the client sent, which can be a secret in the wrong place: they are for the
// client, never for a log.
func (e *InvalidError) Error() string {
	var b strings.Builder
	b.WriteString("invalid request: " + e.Detail)
	for _, f := range e.Fields {
		field := f.Field
		if f.unknown {
			field = "…"
		}
		b.WriteString(" " + field)
	}
	return b.String()
}

// has reports whether something is already known to be wrong with the field.
func (e *InvalidError) has(field string) bool {
	for _, f := range e.Fields {
		if f.Field == field {
			return true
		}
	}
	return false
}

// Add notes one more thing that is wrong.
func (e *InvalidError) Add(field, format string, args ...any) {
	e.Fields = append(e.Fields, FieldError{Field: field, Message: fmt.Sprintf(format, args...)})
}

// AddUnknown notes a field that the request does not have.
func (e *InvalidError) AddUnknown(name string) {
	e.Fields = append(e.Fields, FieldError{Field: name, Message: "is not a field of this request", unknown: true})
}

// or returns the error when it holds anything.
func (e *InvalidError) or() error {
	if e.Detail == "" && len(e.Fields) == 0 {
		return nil
	}
	return e
}

// An OAuthError is a refusal in the words of RFC 6749 section 5.2.
type OAuthError struct {
	Code        string // invalid_request, invalid_scope, …
	Description string // for the client
	Reason      error  // for the log alone
}

func (e *OAuthError) Error() string {
	if e.Reason != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Description, e.Reason)
	}
	return e.Code + ": " + e.Description
}

// The codes of RFC 6749 section 5.2 and RFC 8693 section 2.2.2 that we answer.
const (
	InvalidRequest       = "invalid_request"
	InvalidScope         = "invalid_scope"
	InvalidTarget        = "invalid_target"
	UnsupportedGrantType = "unsupported_grant_type"
)

func unauthorized(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrUnauthorized, fmt.Errorf(format, args...))
}
