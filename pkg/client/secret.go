package client

import (
	"fmt"
	"io"
	"log/slog"
)

// A Secret is something that gives access: a token's value, a session, a JWT,
// the secret half of AWS credentials. It cannot print itself: the characters
// live in a closure, because fmt reads the unexported fields of a struct (and
// %#v every field) past any String method. The zero Secret is none.
type Secret struct {
	reveal func() string
}

// NewSecret keeps a value from being printed.
func NewSecret(value string) Secret {
	if value == "" {
		return Secret{}
	}
	return Secret{reveal: func() string { return value }}
}

// Reveal returns the characters. Whoever calls it answers for where they go.
func (s Secret) Reveal() string {
	if s.reveal == nil {
		return ""
	}
	return s.reveal()
}

// IsZero reports whether there is none.
func (s Secret) IsZero() bool { return s.reveal == nil }

const redacted = "[secret]"

// Format prints a placeholder for every verb.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// String returns a placeholder.
func (s Secret) String() string { return redacted }

// GoString returns a placeholder.
func (s Secret) GoString() string { return redacted }

// LogValue logs a placeholder.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText writes a placeholder, so that no encoder finds anything else.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
