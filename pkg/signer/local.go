package signer

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/cryptosigner"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

// A Local is one key on a laptop. It lies in a file that its owner alone
// may read.
type Local struct {
	key pat.Key
	// signInput holds the private key in a closure, where fmt cannot reach it:
	// %v and %#v print the unexported fields of a struct too.
	signInput func(input []byte) ([]byte, error)
}

const (
	pemType = "PRIVATE KEY" // PKCS #8, RFC 7468 section 10
	// maxFile is far above the 1.7 KB of an RSA key, in bytes.
	maxFile = 64 << 10
)

// OpenLocal reads the key file at path: one PKCS #8 key in PEM, RSA of 2048
// bits or ECDSA on P-256. Where there is no file it makes one for the algorithm
// given, RS256 or ES256; a file that is there keeps its own. A file that is
// damaged, holds another kind of key or may be read by others is refused, and
// left as it is.
func OpenLocal(path, algorithm string) (*Local, error) {
	generate, ok := generators[algorithm]
	if !ok {
		return nil, fmt.Errorf("key file %s: no algorithm %q, only %s and %s", path, algorithm, RS256, ES256)
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		// One that another process made meanwhile is as good.
		if err := create(path, generate); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("key file %s: %w", path, err)
		}
	}
	return openFile(path)
}

// openFile reads a key file that is there.
func openFile(path string) (*Local, error) {
	private, err := read(path)
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	local, err := newLocal(private)
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	return local, nil
}

func newLocal(private crypto.Signer) (*Local, error) {
	algorithm, err := algorithmOf(private.Public())
	if err != nil {
		return nil, err
	}
	id, err := thumbprint(private.Public())
	if err != nil {
		return nil, err
	}
	return &Local{
		key: pat.Key{ID: id, Algorithm: algorithm, Public: private.Public()},
		signInput: func(input []byte) ([]byte, error) {
			return cryptosigner.Opaque(private).SignPayload(input, jose.SignatureAlgorithm(algorithm))
		},
	}, nil
}

// Sign returns the compact JWS over the payload, with typ in its header.
func (l *Local) Sign(ctx context.Context, typ string, payload []byte) (pat.Secret, error) {
	return compact(ctx, l, typ, payload)
}

// Keys returns the public half.
func (l *Local) Keys() []pat.Key { return []pat.Key{l.key} }

func (l *Local) public() pat.Key { return l.key }

func (l *Local) sign(ctx context.Context, input []byte) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return l.signInput(input)
}

var generators = map[string]func() (crypto.Signer, error){
	RS256: func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, rsaBits) },
	ES256: func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) },
}

// read returns the private key in a file. Its errors never quote the file.
func read(path string) (crypto.Signer, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, cause(err)
	}
	defer file.Close()
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, cause(err)
	case !info.Mode().IsRegular():
		return nil, errors.New("is not a regular file")
	case info.Mode().Perm()&0o077 != 0:
		return nil, fmt.Errorf("may be read or changed by others (mode %04o): if nobody did, set it to 0600", info.Mode().Perm())
	}
	text, err := io.ReadAll(io.LimitReader(file, maxFile))
	if err != nil {
		return nil, cause(err)
	}
	block, rest := pem.Decode(text)
	if block == nil || block.Type != pemType || len(block.Headers) > 0 {
		return nil, errors.New("holds no PKCS #8 key in PEM")
	}
	if len(bytes.TrimSpace(rest)) > 0 {
		return nil, errors.New("holds more than one key")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("holds a damaged key")
	}
	private, ok := key.(crypto.Signer)
	if !ok {
		return nil, errors.New("holds a key that cannot sign")
	}
	return private, nil
}

// create writes a new key so that, whenever it is interrupted, there is a whole
// file under its name or none. A key that is there already is never replaced:
// fs.ErrExist. The folder is for its owner alone.
func create(path string, generate func() (crypto.Signer, error)) error {
	private, err := generate()
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return err
	}
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return cause(err)
	}
	temp, err := os.CreateTemp(folder, ".key-*") // mode 0600
	if err != nil {
		return cause(err)
	}
	defer os.Remove(temp.Name()) // the key has a name of its own by then
	err = pem.Encode(temp, &pem.Block{Type: pemType, Bytes: der})
	if err == nil {
		err = temp.Sync()
	}
	if err := errors.Join(err, temp.Close()); err != nil {
		return cause(err)
	}
	if err := os.Link(temp.Name(), path); err != nil {
		return cause(err)
	}
	return syncFolder(folder)
}

// syncFolder makes a name outlive a power cut: a key that is lost ends every
// JWT signed with it.
func syncFolder(folder string) error {
	f, err := os.Open(folder)
	if err != nil {
		return cause(err)
	}
	defer f.Close()
	return cause(f.Sync())
}

// cause drops the paths from an error of the file system: the caller names the
// one that matters.
func cause(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	if link, ok := errors.AsType[*os.LinkError](err); ok {
		return link.Err
	}
	return err
}
