// Package signer holds the key that our JWTs are signed with: AWS KMS in the
// cloud, a file on a laptop. Whoever keeps the key, the JWS around its signature
// is built in one place, and the same tests hold.
//
// It refuses to know what it signs: claims are pat's business. It is ours;
// nobody else imports it.
package signer

import (
	"context"
	"fmt"

	"github.com/go-jose/go-jose/v4"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

// A keyHolder signs with a key that never leaves it.
type keyHolder interface {
	// public returns the half that anybody may have.
	public() pat.Key
	// sign returns the signature over a JWS signing input, as RFC 7518
	// section 3 spells it: for ES256 r and s in 32 bytes each, never DER.
	sign(ctx context.Context, input []byte) ([]byte, error)
}

// compact returns the compact JWS (RFC 7515 section 7.1) over the payload as it
// is given. Its header holds alg, kid and typ and nothing else: a verifier that
// obeyed a jwk or jku there would take anybody's key.
func compact(ctx context.Context, key keyHolder, typ string, payload []byte) (pat.Secret, error) {
	algorithm := jose.SignatureAlgorithm(key.public().Algorithm)
	options := (&jose.SignerOptions{}).WithType(jose.ContentType(typ))
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: opaque{ctx, key}}, options)
	if err != nil {
		return pat.Secret{}, fmt.Errorf("sign a JWT: %w", err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		return pat.Secret{}, fmt.Errorf("sign a JWT: %w", err)
	}
	value, err := jws.CompactSerialize()
	if err != nil {
		return pat.Secret{}, fmt.Errorf("sign a JWT: %w", err)
	}
	return pat.NewSecret(value), nil
}

// opaque shows a keyHolder to go-jose for one signature; the context is in it
// because go-jose hands none on.
type opaque struct {
	ctx context.Context
	key keyHolder
}

func (o opaque) Public() *jose.JSONWebKey {
	k := o.key.public()
	return &jose.JSONWebKey{Key: k.Public, KeyID: k.ID}
}

func (o opaque) Algs() []jose.SignatureAlgorithm {
	return []jose.SignatureAlgorithm{jose.SignatureAlgorithm(o.key.public().Algorithm)}
}

func (o opaque) SignPayload(input []byte, _ jose.SignatureAlgorithm) ([]byte, error) {
	return o.key.sign(o.ctx, input)
}
