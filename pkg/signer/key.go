package signer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	_ "crypto/sha256" // for the thumbprint
	"encoding/base64"
	"fmt"

	"github.com/go-jose/go-jose/v4"
)

// The algorithms that we sign with (RFC 7518 section 3.1). Which one follows
// from the key: a key that could do both could be confused.
const (
	RS256 = "RS256" // RSA of 2048 bits
	ES256 = "ES256" // ECDSA on P-256
)

// rsaBits is the size of our RSA keys. A longer one makes every JWT longer, and
// none lives for more than an hour.
const rsaBits = 2048

// algorithmOf returns the one algorithm of a public key of ours.
func algorithmOf(public crypto.PublicKey) (string, error) {
	switch key := public.(type) {
	case *rsa.PublicKey:
		if key.N.BitLen() == rsaBits {
			return RS256, nil
		}
	case *ecdsa.PublicKey:
		if key.Curve == elliptic.P256() {
			return ES256, nil
		}
	}
	return "", fmt.Errorf("the key is neither RSA of %d bits nor ECDSA on P-256", rsaBits)
}

// thumbprint names a public key by its JWK thumbprint (RFC 7638) with SHA-256,
// in base64url: 43 characters.
func thumbprint(public crypto.PublicKey) (string, error) {
	sum, err := (&jose.JSONWebKey{Key: public}).Thumbprint(crypto.SHA256)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(sum), nil
}
