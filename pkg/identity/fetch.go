package identity

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	// fetchTimeout bounds a fetch, discovery and keys together.
	fetchTimeout = 3 * time.Second
	// maxDocument bounds what an issuer may answer, in bytes.
	maxDocument = 1 << 20
	// minRSA is the least size of an issuer's RSA key, in bits (RFC 7518
	// section 3.3).
	minRSA = 2048
)

// fetchKeys asks the issuer for its keys: discovery (OpenID Connect Discovery
// section 4), each time anew because the address may move, then the key set. A
// key that we cannot use is left out; without any left the fetch has failed.
//
// Others wait for the result, so it is not cancelled with the request that
// happened to come first.
func (v *Verifier) fetchKeys(ctx context.Context) (map[string]publicKey, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout)
	defer cancel()
	var discovery struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	if err := v.get(ctx, strings.TrimSuffix(v.Issuer, "/")+"/.well-known/openid-configuration", &discovery); err != nil {
		return nil, fmt.Errorf("discovery: %w", err)
	}
	if discovery.Issuer != v.Issuer {
		return nil, errors.New("discovery: it is another issuer's")
	}
	if err := checkAddress(discovery.JWKSURI); err != nil {
		return nil, fmt.Errorf("discovery: jwks_uri %w", err)
	}
	var set struct {
		Keys []jsontext.Value `json:"keys"`
	}
	if err := v.get(ctx, discovery.JWKSURI, &set); err != nil {
		return nil, fmt.Errorf("key set: %w", err)
	}
	keys := map[string]publicKey{}
	for _, text := range set.Keys {
		if id, key, ok := readKey(text); ok {
			keys[id] = key
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("key set: no key of it can be used")
	}
	return keys, nil
}

// readKey reads a JWK (RFC 7517 section 4) that verifies RS256 or ES256
// signatures, and nothing else.
func readKey(text []byte) (id string, key publicKey, ok bool) {
	var jwk jose.JSONWebKey
	if err := jwk.UnmarshalJSON(text); err != nil || jwk.KeyID == "" || jwk.Use != "" && jwk.Use != "sig" {
		return "", publicKey{}, false
	}
	switch public := jwk.Key.(type) {
	case *rsa.PublicKey:
		if public.N.BitLen() >= minRSA {
			key = publicKey{string(jose.RS256), public}
		}
	case *ecdsa.PublicKey:
		if public.Curve == elliptic.P256() {
			key = publicKey{string(jose.ES256), public}
		}
	}
	if key.algorithm == "" || jwk.Algorithm != "" && jwk.Algorithm != key.algorithm {
		return "", publicKey{}, false
	}
	return jwk.KeyID, key, true
}

// get fetches a JSON document. A redirect is refused: it could lead to where
// nobody has checked the address.
func (v *Verifier) get(ctx context.Context, address string, document any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	client := http.Client{}
	if v.HTTP != nil {
		client = *v.HTTP
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("status %d", response.StatusCode)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, maxDocument+1))
	if err != nil {
		return err
	}
	if len(text) > maxDocument {
		return fmt.Errorf("more than %d bytes", maxDocument)
	}
	if err := json.Unmarshal(text, document); err != nil {
		return errors.New("no JSON document of the right shape")
	}
	return nil
}

// checkAddress wants https, or the machine itself: keys that come over an open
// line are whoever's sits on it.
func checkAddress(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil {
		return errors.New("is no address")
	}
	if u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname()) {
		return nil
	}
	return errors.New("must begin with https://, unless it is on this machine")
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}
