package signer

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"testing"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

// keySigner is what every implementation is: the port, and the public halves
// that are published beside it.
type keySigner interface {
	pat.Signer
	Keys() []pat.Key
}

// suite holds for every implementation of pat.Signer. It verifies with the
// standard library alone, so that one mistake in a JOSE library cannot hide
// another.
func suite(t *testing.T, algorithm string, s keySigner) {
	t.Helper()
	const typ = "at+jwt"

	t.Run("a signature verifies with the published key", func(t *testing.T) {
		payload := []byte(`{"sub":"alice"}`)
		header, signed := verified(t, s.Keys(), sign(t, s, typ, payload))
		if !bytes.Equal(signed, payload) {
			t.Errorf("signed %q, want %q", signed, payload)
		}
		if got := header["alg"]; got != algorithm {
			t.Errorf("alg is %v, want %s", got, algorithm)
		}
		if got := header["typ"]; got != typ {
			t.Errorf("typ is %v, want %s", got, typ)
		}
	})

	t.Run("the header is alg, kid and typ and nothing else", func(t *testing.T) {
		header, _ := verified(t, s.Keys(), sign(t, s, typ, []byte(`{}`)))
		if len(header) != 3 {
			t.Errorf("header is %v", header)
		}
	})

	t.Run("the typ is the one asked for", func(t *testing.T) {
		header, _ := verified(t, s.Keys(), sign(t, s, "JWT", []byte(`{}`)))
		if header["typ"] != "JWT" {
			t.Errorf("typ is %v, want JWT", header["typ"])
		}
	})

	payloads := map[string][]byte{
		"spaces and escapes are signed as they are":          []byte("{ \"a\" : \"<&\\u003c\" }\n"),
		"bytes that are no text are signed as they are":      {0xff, 0x00, 0xfe},
		"a payload beyond what a remote key takes is signed": []byte(`{"aud":"` + strings.Repeat("x", 8000) + `"}`),
	}
	for name, payload := range payloads {
		t.Run(name, func(t *testing.T) {
			if _, signed := verified(t, s.Keys(), sign(t, s, typ, payload)); !bytes.Equal(signed, payload) {
				t.Errorf("signed %q, want %q", signed, payload)
			}
		})
	}

	t.Run("a changed payload does not verify", func(t *testing.T) {
		parts := strings.Split(sign(t, s, typ, []byte(`{"sub":"alice"}`)), ".")
		parts[1] = base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"root"}`))
		if _, _, err := verify(s.Keys(), strings.Join(parts, ".")); err == nil {
			t.Error("it verifies")
		}
	})

	// One ECDSA number in 128 starts with a zero byte, which DER leaves out.
	t.Run("every signature has the same length", func(t *testing.T) {
		want := map[string]int{RS256: rsaBits / 8, ES256: 64}[algorithm]
		n := map[string]int{RS256: 4, ES256: 1000}[algorithm]
		for range n {
			value := sign(t, s, typ, []byte(`{}`))
			signature, err := base64.RawURLEncoding.DecodeString(value[strings.LastIndex(value, ".")+1:])
			if err != nil || len(signature) != want {
				t.Fatalf("signature of %d bytes (%v), want %d", len(signature), err, want)
			}
			verified(t, s.Keys(), value)
		}
	})

	t.Run("it signs for many at once", func(t *testing.T) {
		var all sync.WaitGroup
		for i := range 16 {
			all.Go(func() {
				payload := []byte{'0' + byte(i)}
				value, err := s.Sign(t.Context(), signing(t, s), typ, payload)
				if err != nil {
					t.Error(err)
					return
				}
				if _, signed, err := verify(s.Keys(), value.Reveal()); err != nil || !bytes.Equal(signed, payload) {
					t.Errorf("signed %q, want %q (%v)", signed, payload, err)
				}
			})
		}
		all.Wait()
	})

	t.Run("a caller who is gone gets an error and no JWT", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		value, err := s.Sign(ctx, signing(t, s), typ, []byte(`{}`))
		if err == nil || value.Reveal() != "" {
			t.Errorf("err is %v, with a JWT: %t", err, value.Reveal() != "")
		}
	})

	t.Run("another key than its own signs nothing", func(t *testing.T) {
		by := signing(t, s)
		by.ID = "another"
		value, err := s.Sign(t.Context(), by, typ, []byte(`{"sub":"alice"}`))
		noJWT(t, value, err)
	})

	t.Run("a caller cannot change the published keys", func(t *testing.T) {
		s.Keys()[0].ID = "changed"
		if s.Keys()[0].ID == "changed" {
			t.Error("the next caller sees the change")
		}
	})
}

// signing returns what is published of the key that signs now, as the core finds it.
func signing(t *testing.T, s keySigner) pat.Key {
	t.Helper()
	id := s.KeyID()
	for _, key := range s.Keys() {
		if key.ID == id {
			return key
		}
	}
	t.Errorf("the key %q signs and is not published", id)
	return pat.Key{ID: id}
}

func sign(t *testing.T, s keySigner, typ string, payload []byte) string {
	t.Helper()
	value, err := s.Sign(t.Context(), signing(t, s), typ, payload)
	if err != nil {
		t.Fatal(err)
	}
	return value.Reveal()
}

func verified(t *testing.T, keys []pat.Key, value string) (header map[string]any, payload []byte) {
	t.Helper()
	header, payload, err := verify(keys, value)
	if err != nil {
		t.Fatal(err)
	}
	return header, payload
}

// verify checks a compact JWS by RFC 7518 sections 3.3 and 3.4.
func verify(keys []pat.Key, value string) (header map[string]any, payload []byte, err error) {
	parts := strings.Split(value, ".")
	if len(parts) != 3 {
		return nil, nil, fmt.Errorf("%d parts, want 3", len(parts))
	}
	var raw [3][]byte
	for i, p := range parts {
		if raw[i], err = base64.RawURLEncoding.Strict().DecodeString(p); err != nil {
			return nil, nil, err
		}
	}
	if err := json.Unmarshal(raw[0], &header); err != nil {
		return nil, nil, err
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	for _, k := range keys {
		if k.ID != header["kid"] || k.Algorithm != header["alg"] {
			continue
		}
		switch public := k.Public.(type) {
		case *rsa.PublicKey:
			return header, raw[1], rsa.VerifyPKCS1v15(public, crypto.SHA256, sum[:], raw[2])
		case *ecdsa.PublicKey:
			if len(raw[2]) != 64 {
				return nil, nil, fmt.Errorf("signature of %d bytes, want 64", len(raw[2]))
			}
			r, s := new(big.Int).SetBytes(raw[2][:32]), new(big.Int).SetBytes(raw[2][32:])
			if !ecdsa.Verify(public, sum[:], r, s) {
				return nil, nil, fmt.Errorf("wrong ECDSA signature")
			}
			return header, raw[1], nil
		}
	}
	return nil, nil, fmt.Errorf("no published key for %v", header)
}
