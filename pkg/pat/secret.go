package pat

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
)

// The spelling of a personal access token, as docs/token-format.md has it:
//
//	cfoil_ + 10 id + 36 secret + 6 checksum
const (
	Prefix = "cfoil_"
	// ValuePattern matches a value and nothing else but the checksum's sums.
	ValuePattern = `^cfoil_[0-9A-Za-z]{52}$`

	idLength       = 10
	secretLength   = 36 // of 62 characters each: 214 bits
	checksumLength = 6
	valueLength    = len(Prefix) + idLength + secretLength + checksumLength

	alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

	// hashDomain keeps our hashes apart from anybody else's SHA-256 of the
	// same characters: a leaked table of hashes fits no other system's table.
	hashDomain = "counterfoil/pat/1:"
)

// A Secret is something that gives access: a token's value, a session, a JWT.
// It cannot print itself: the characters live in a closure, because fmt reads
// the unexported fields of a struct (and %#v every field) past any String method.
type Secret struct {
	reveal func() string
}

// NewSecret keeps a value from being printed.
func NewSecret(value string) Secret {
	return Secret{reveal: func() string { return value }}
}

// Reveal returns the characters. Whoever calls it answers for where they go.
func (s Secret) Reveal() string {
	if s.reveal == nil {
		return ""
	}
	return s.reveal()
}

const redacted = "[secret]"

// Format prints a placeholder for every verb.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// String returns a placeholder.
func (s Secret) String() string { return redacted }

// LogValue logs a placeholder.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText writes a placeholder, so that no encoder finds anything else.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// A Hash is all that we keep of a value: SHA-256 over a domain prefix and the
// value. Compare with subtle.ConstantTimeCompare.
type Hash [sha256.Size]byte

// HashOf hashes a whole value, prefix and checksum included.
func HashOf(value Secret) Hash {
	return sha256.Sum256([]byte(hashDomain + value.Reveal()))
}

// Mint makes a new value for a token. Its secret part comes from random, which
// is crypto/rand in all but tests.
func Mint(random io.Reader, id ID) (Secret, error) {
	secret, err := randomText(random, secretLength)
	if err != nil {
		return Secret{}, fmt.Errorf("mint: %w", err)
	}
	body := string(id) + secret
	return NewSecret(Prefix + body + checksum(body)), nil
}

var errMalformed = errors.New("not a token value")

// Parse reads the id out of a value, or says that it is none. The checksum
// rejects typos and junk before anything is read from a store; it is no proof.
// A value has exactly one spelling.
func Parse(value Secret) (ID, error) {
	v := value.Reveal()
	if len(v) != valueLength || v[:len(Prefix)] != Prefix || !isBase62(v[len(Prefix):]) {
		return "", errMalformed
	}
	body, sum := v[len(Prefix):valueLength-checksumLength], v[valueLength-checksumLength:]
	if checksum(body) != sum {
		return "", fmt.Errorf("%w: wrong checksum", errMalformed)
	}
	return ID(body[:idLength]), nil
}

// checksum is GitHub's: CRC-32 (IEEE) in base 62, most significant digit first.
func checksum(body string) string {
	return base62(uint64(crc32.ChecksumIEEE([]byte(body))), checksumLength)
}

// base62 writes n in width digits, padded with 0. Digits past the width are cut.
func base62(n uint64, width int) string {
	digits := bytes.Repeat([]byte{'0'}, width)
	for i := width - 1; i >= 0; i-- {
		digits[i] = alphabet[n%62]
		n /= 62
	}
	return string(digits)
}

func isBase62(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !('0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z') {
			return false
		}
	}
	return true
}

// randomText returns n characters of the alphabet, each equally likely: bytes
// from 248 up are thrown away, since 62 does not divide 256.
func randomText(random io.Reader, n int) (string, error) {
	text := make([]byte, 0, n)
	buf := make([]byte, n)
	for len(text) < n {
		if _, err := io.ReadFull(random, buf); err != nil {
			return "", fmt.Errorf("read random bytes: %w", err)
		}
		for _, b := range buf {
			if b < 4*62 && len(text) < n {
				text = append(text, alphabet[b%62])
			}
		}
	}
	return string(text), nil
}
