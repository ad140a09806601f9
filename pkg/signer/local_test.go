package signer

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOpenLocalMakesAKeyOnce(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "state", "keys")
	path := filepath.Join(folder, "key.pem")
	first, err := OpenLocal(path, ES256)
	if err != nil {
		t.Fatal(err)
	}
	mode(t, path, 0o600)
	mode(t, folder, 0o700)
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 1 {
		t.Errorf("%d files in the folder (%v), want the key alone", len(entries), err)
	}

	value, err := first.Sign(t.Context(), "JWT", []byte(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	again, err := OpenLocal(path, ES256)
	if err != nil {
		t.Fatal(err)
	}
	verified(t, again.Keys(), value.Reveal())

	// The file decides: what is in use must not change with a flag.
	other, err := OpenLocal(path, RS256)
	if err != nil {
		t.Fatal(err)
	}
	if got := other.Keys()[0]; got.ID != first.Keys()[0].ID || got.Algorithm != ES256 {
		t.Errorf("the key is %s, %s; want the one in the file", got.ID, got.Algorithm)
	}
}

func TestOpenLocalRefuses(t *testing.T) {
	p256 := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	good := encode(t, p256)
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	flipped := []byte(strings.Replace(string(good), "\nM", "\nN", 1))
	sec1 := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: must(x509.MarshalECPrivateKey(p256))})
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: must(x509.MarshalPKIXPublicKey(p256.Public()))})
	headed := pem.EncodeToMemory(&pem.Block{Type: pemType, Headers: map[string]string{"Proc-Type": "4,ENCRYPTED"}, Bytes: []byte("x")})

	cases := map[string]struct {
		text []byte
		mode os.FileMode
		why  string
	}{
		"an empty file is refused":                   {nil, 0o600, "no PKCS #8 key"},
		"a file of junk is refused":                  {[]byte(strings.Repeat("junk ", 100)), 0o600, "no PKCS #8 key"},
		"a mebibyte of zeros is refused":             {make([]byte, 1<<20), 0o600, "no PKCS #8 key"},
		"a file cut in the middle is refused":        {good[:len(good)/2], 0o600, "no PKCS #8 key"},
		"a file with a changed letter is refused":    {flipped, 0o600, "damaged key"},
		"a key in another format is refused":         {sec1, 0o600, "no PKCS #8 key"},
		"a public key is refused":                    {public, 0o600, "no PKCS #8 key"},
		"an encrypted key is refused":                {headed, 0o600, "no PKCS #8 key"},
		"two keys are refused":                       {append(append([]byte{}, good...), good...), 0o600, "more than one key"},
		"a key with something after it is refused":   {append(append([]byte{}, good...), 'x'), 0o600, "more than one key"},
		"an RSA key of 1024 bits is refused":         {encode(t, must(rsa.GenerateKey(rand.Reader, 1024))), 0o600, "neither RSA of 2048 bits"},
		"an RSA key of 3072 bits is refused":         {encode(t, must(rsa.GenerateKey(rand.Reader, 3072))), 0o600, "neither RSA of 2048 bits"},
		"a P-384 key is refused":                     {encode(t, must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))), 0o600, "neither RSA of 2048 bits"},
		"an Ed25519 key is refused":                  {encode(t, ed), 0o600, "neither RSA of 2048 bits"},
		"a key that its group may read is refused":   {good, 0o640, "read or changed by others"},
		"a key that everybody may read is refused":   {good, 0o604, "read or changed by others"},
		"a key that others may change is refused":    {good, 0o602, "read or changed by others"},
		"a key that its group may change is refused": {good, 0o620, "read or changed by others"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "key.pem")
			write(t, path, c.text, c.mode)
			s, err := OpenLocal(path, ES256)
			refused(t, s, err, path, c.why)
			after, readErr := os.ReadFile(path)
			if readErr != nil || string(after) != string(c.text) {
				t.Errorf("the file was touched (%v)", readErr)
			}
			mode(t, path, c.mode)
		})
	}

	t.Run("a folder in its place is refused", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "key.pem")
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
		s, err := OpenLocal(path, ES256)
		refused(t, s, err, path, "not a regular file")
	})
	t.Run("another algorithm is refused and makes no file", func(t *testing.T) {
		for _, algorithm := range []string{"", "none", "HS256", "rs256", "PS256", "EdDSA"} {
			path := filepath.Join(t.TempDir(), "key.pem")
			s, err := OpenLocal(path, algorithm)
			refused(t, s, err, path, "no algorithm")
			if _, err := os.Stat(path); !os.IsNotExist(err) {
				t.Errorf("%q: there is a file now (%v)", algorithm, err)
			}
		}
	})
	t.Run("a folder that cannot be made is refused", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "file")
		write(t, file, nil, 0o600)
		path := filepath.Join(file, "key.pem")
		s, err := OpenLocal(path, ES256)
		refused(t, s, err, path, "not a directory")
	})
}

// A key that can be printed ends up in a log.
func TestLocalCannotPrintItsKey(t *testing.T) {
	for _, algorithm := range []string{RS256, ES256} {
		t.Run(algorithm, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "key.pem")
			s, err := OpenLocal(path, algorithm)
			if err != nil {
				t.Fatal(err)
			}
			private, err := read(path)
			if err != nil {
				t.Fatal(err)
			}
			var numbers []*big.Int
			switch key := private.(type) {
			case *rsa.PrivateKey:
				numbers = append(key.Primes, key.D, key.Precomputed.Dp, key.Precomputed.Dq, key.Precomputed.Qinv)
			case *ecdsa.PrivateKey:
				numbers = []*big.Int{new(big.Int).SetBytes(must(key.Bytes()))}
			}
			var traces []string
			for _, n := range numbers {
				b := n.Bytes()
				traces = append(traces, n.String(), n.Text(16), strings.ToUpper(n.Text(16)),
					base64.StdEncoding.EncodeToString(b), base64.RawURLEncoding.EncodeToString(b),
					strings.Trim(fmt.Sprint(b[:8]), "[]"))
				for _, word := range n.Bits() {
					traces = append(traces, fmt.Sprintf("%d", word), fmt.Sprintf("%#x", word))
				}
			}
			if len(traces) == 0 {
				t.Fatal("nothing to look for")
			}

			type holder struct{ Signer, inner any }
			var shown strings.Builder
			for _, v := range []any{s, *s, []any{s}, holder{s, s}, map[string]any{"s": *s}} {
				for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
					fmt.Fprintf(&shown, verb+"\n", v)
				}
			}
			text, err := json.Marshal([]any{s})
			fmt.Fprintln(&shown, string(text), err)
			for i, trace := range traces {
				if strings.Contains(shown.String(), trace) {
					t.Errorf("trace %d of the key is in what was printed", i)
				}
			}
		})
	}
}

func TestThumbprintIsTheStandards(t *testing.T) {
	// The key of RFC 7638 section 3.1.
	n, err := base64.RawURLEncoding.DecodeString("0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw")
	if err != nil {
		t.Fatal(err)
	}
	got, err := thumbprint(&rsa.PublicKey{N: new(big.Int).SetBytes(n), E: 65537})
	if want := "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"; err != nil || got != want {
		t.Errorf("thumbprint %s (%v), want %s", got, err, want)
	}
}

func refused(t *testing.T, s *Local, err error, path, why string) {
	t.Helper()
	if err == nil || s != nil {
		t.Fatal("it was opened")
	}
	oneSentence(t, err, path, why)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func encode(t *testing.T, private any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: der})
}

func write(t *testing.T, path string, text []byte, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func mode(t *testing.T, path string, want os.FileMode) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != want {
		t.Errorf("mode of %s is %04o, want %04o", filepath.Base(path), got, want)
	}
}
