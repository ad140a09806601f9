package signer

import (
	"crypto/elliptic"
	"encoding/asn1"
	"errors"
	"math/big"
)

// p256Bytes is the length of a number modulo the order of P-256.
const p256Bytes = 32

// jwsSignature spells a signature of KMS as RFC 7518 has it: RSA's as it is
// (section 3.3), an ECDSA signature in DER (RFC 3279 section 2.2.3) as r and s
// in 32 bytes each (section 3.4). What cannot be one is refused here, where the
// caller learns of it, not at whoever verifies the JWT.
func jwsSignature(algorithm string, signature []byte) ([]byte, error) {
	if algorithm == RS256 {
		if len(signature) != rsaBits/8 {
			return nil, errors.New("the answer is no RSA signature")
		}
		return signature, nil
	}
	var der struct{ R, S *big.Int }
	rest, err := asn1.Unmarshal(signature, &der)
	if err != nil || len(rest) > 0 || !isScalar(der.R) || !isScalar(der.S) {
		return nil, errors.New("the answer is no ECDSA signature")
	}
	fixed := make([]byte, 2*p256Bytes)
	der.R.FillBytes(fixed[:p256Bytes])
	der.S.FillBytes(fixed[p256Bytes:])
	return fixed, nil
}

// isScalar reports whether a number can be half of a signature: 1 to n-1
// (FIPS 186-5 section 6.4.2).
func isScalar(n *big.Int) bool {
	return n.Sign() > 0 && n.Cmp(elliptic.P256().Params().N) < 0
}
