package identity

import (
	"context"
	"crypto"
	"encoding/base64"
	"errors"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

// maxJWT bounds a JWT, in bytes. Real ones with hundreds of groups stay below;
// nothing longer is looked at.
const maxJWT = 16 << 10

// algorithms is the closed list. Both are asymmetric: with HS256 the public key
// would be the secret, and "none" needs no key at all (RFC 8725 section 3.1).
var algorithms = []jose.SignatureAlgorithm{jose.RS256, jose.ES256}

// forbidden are the header parameters that bring a key along, or change what is
// signed. A verifier that obeyed one would take the word of whoever wrote the
// JWT (RFC 8725 section 3.10). Others are ignored, as RFC 7515 section 4 wants:
// issuers add their own (x5t, pi.atm), we read none of them, and one that had
// to be understood would stand in crit.
var forbidden = []string{"crit", "b64", "jku", "jwk", "x5u", "x5c", "cty", "enc", "zip"}

// A token is a JWT that has the right shape. Nobody has verified it yet.
type token struct {
	jws       *jose.JSONWebSignature
	algorithm string
	keyID     string
	// typ is the media type in lower case, without "application/"; empty where
	// there is none.
	typ     string
	payload object
}

// parse takes a JWT apart (RFC 7519 section 7.2). It has exactly one spelling:
// what a lenient decoder would skip is refused.
func parse(value string) (token, error) {
	if len(value) > maxJWT {
		return token{}, refused("the JWT is too long")
	}
	parts := strings.SplitN(value, ".", 4)
	if len(parts) != 3 {
		return token{}, refused("a JWT has three parts")
	}
	var header []byte
	for i, part := range parts {
		// encoding/base64 skips line ends, even when it is strict.
		if part == "" || strings.ContainsAny(part, "\r\n") {
			return token{}, refused("a part of the JWT is not base64url")
		}
		decoded, err := base64.RawURLEncoding.Strict().DecodeString(part)
		if err != nil {
			return token{}, refused("a part of the JWT is not base64url")
		}
		if i == 0 {
			header = decoded
		}
	}
	t, err := parseHeader(header)
	if err != nil {
		return token{}, err
	}
	if t.jws, err = jose.ParseSignedCompact(value, algorithms); err != nil {
		return token{}, refused("the JWT's algorithm is not accepted")
	}
	if t.payload, err = parseObject(t.jws.UnsafePayloadWithoutVerification()); err != nil {
		return token{}, refused("the JWT's payload is no JSON object of distinct names")
	}
	return t, nil
}

func parseHeader(text []byte) (t token, err error) {
	header, err := parseObject(text)
	if err != nil {
		return token{}, refused("the JWT's header is no JSON object of distinct names")
	}
	for _, name := range forbidden {
		if header.has(name) {
			return token{}, refused("the JWT's header holds " + name)
		}
	}
	if t.algorithm, err = header.text("alg"); err != nil {
		return token{}, err
	}
	if t.keyID, err = header.text("kid"); err != nil {
		return token{}, err
	}
	if header.has("typ") {
		if t.typ, err = header.text("typ"); err != nil {
			return token{}, err
		}
		// RFC 7515 section 4.1.9: media types, in any case, and where there is
		// no slash "application/" goes before it.
		t.typ = strings.TrimPrefix(strings.ToLower(t.typ), "application/")
	}
	return t, nil
}

// A publicKey verifies the signatures of one algorithm.
type publicKey struct {
	algorithm string
	key       crypto.PublicKey
}

// verify checks the signature. The algorithm is the key's, never the header's
// choice.
func (t token) verify(k publicKey) error {
	if t.algorithm != k.algorithm {
		return refused("the JWT's key is for another algorithm")
	}
	if _, err := t.jws.Verify(k.key); err != nil {
		return refused("the JWT's signature is wrong")
	}
	return nil
}

// ownKey returns the key of ours that the JWT names.
func ownKey(ctx context.Context, expect pat.Expectation, t token) (publicKey, error) {
	k, err := expect.Key(ctx, t.keyID)
	if errors.Is(err, pat.ErrNotFound) {
		return publicKey{}, refused("the JWT's kid is none of our keys")
	}
	if err != nil {
		return publicKey{}, err
	}
	return publicKey{k.Algorithm, k.Public}, nil
}
