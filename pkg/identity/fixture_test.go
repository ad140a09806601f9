package identity

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

const (
	ownIssuer    = "https://tokens.example"
	peopleIssuer = "https://people.example/pool"
	console      = "console"
	tokenID      = "abcde00001"
)

// now is the moment at which every test begins.
var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// A signer signs JWTs with the standard library alone, so that the tests and
// the code under test share no mistake.
type signer struct {
	id, algorithm string
	private       crypto.Signer
}

// The keys of the tests are made once: RSA keys take their time.
var (
	ourES     = sync.OnceValue(func() signer { return newES("ours-es") })
	ourRS     = sync.OnceValue(func() signer { return newRS("ours-rs", 2048) })
	peopleES  = sync.OnceValue(func() signer { return newES("people-es") })
	peopleRS  = sync.OnceValue(func() signer { return newRS("people-rs", 2048) })
	strangers = sync.OnceValue(func() signer { return newES("strangers") })
)

// newES derives a key from its name, and sign is deterministic for it: the
// processes of a fuzz test agree on what is good.
func newES(id string) signer {
	seed := sha256.Sum256([]byte(id))
	return signer{id, "ES256", must(ecdsa.ParseRawPrivateKey(elliptic.P256(), seed[:]))}
}

func newRS(id string, bits int) signer {
	return signer{id, "RS256", must(rsa.GenerateKey(rand.Reader, bits))}
}

func (s signer) sign(header, payload []byte) string {
	input := b64(header) + "." + b64(payload)
	sum := sha256.Sum256([]byte(input))
	switch private := s.private.(type) {
	case *rsa.PrivateKey:
		return input + "." + b64(must(rsa.SignPKCS1v15(rand.Reader, private, crypto.SHA256, sum[:])))
	case *ecdsa.PrivateKey:
		var der struct{ R, S *big.Int }
		must(asn1.Unmarshal(must(private.Sign(nil, sum[:], crypto.SHA256)), &der)) // RFC 6979
		size := (private.Curve.Params().BitSize + 7) / 8
		signature := make([]byte, 2*size)
		der.R.FillBytes(signature[:size])
		der.S.FillBytes(signature[size:])
		return input + "." + b64(signature)
	}
	panic("no such key")
}

// jwk is the key as its issuer publishes it.
func (s signer) jwk() map[string]any {
	jwk := map[string]any{"kid": s.id, "use": "sig", "alg": s.algorithm}
	switch public := s.private.Public().(type) {
	case *rsa.PublicKey:
		maps.Copy(jwk, map[string]any{"kty": "RSA", "n": b64(public.N.Bytes()), "e": b64(big.NewInt(int64(public.E)).Bytes())})
	case *ecdsa.PublicKey:
		point := must(public.Bytes())[1:]
		size := len(point) / 2
		maps.Copy(jwk, map[string]any{"kty": "EC", "crv": public.Params().Name, "x": b64(point[:size]), "y": b64(point[size:])})
	}
	return jwk
}

func (s signer) key() pat.Key {
	return pat.Key{ID: s.id, Algorithm: s.algorithm, Public: s.private.Public()}
}

func ourKeys() []pat.Key { return []pat.Key{ourRS().key(), ourES().key()} }

// among finds keys as the core does.
func among(keys ...pat.Key) func(context.Context, string) (pat.Key, error) {
	return func(_ context.Context, id string) (pat.Key, error) {
		for _, key := range keys {
			if key.ID == id {
				return key, nil
			}
		}
		return pat.Key{}, pat.ErrNotFound
	}
}

// A draft is a JWT before it is signed. Nothing about it is wrong, so that a
// test which spoils one thing is refused for that thing.
type draft struct {
	header, claims map[string]any
	// What is written instead, where a map cannot say it.
	rawHeader, rawClaims []byte
	key                  signer
}

func session() *draft {
	return &draft{
		key:    peopleES(),
		header: map[string]any{"alg": "ES256", "kid": peopleES().id, "typ": "JWT"},
		claims: map[string]any{
			"iss": peopleIssuer, "aud": []string{ownIssuer}, "client_id": console, "sub": "alice",
			"iat": now.Unix() - 10, "nbf": now.Unix() - 10, "exp": now.Unix() + 3600, "auth_time": now.Unix() - 20,
			"name": "Alice", "groups": []string{"users", "admins"},
		},
	}
}

// cognito is an access token as Amazon Cognito issues it.
func cognito() *draft {
	d := session()
	delete(d.header, "typ")
	delete(d.claims, "aud")
	delete(d.claims, "nbf")
	delete(d.claims, "name")
	maps.Copy(d.claims, map[string]any{
		"token_use": "access", "username": "alice", "version": 2, "scope": "openid profile",
		"origin_jti": "o", "event_id": "e", "jti": "j",
	})
	return d
}

func exchanged() *draft {
	return &draft{
		key:    ourES(),
		header: map[string]any{"alg": "ES256", "kid": ourES().id, "typ": "at+jwt"},
		claims: map[string]any{
			"iss": ownIssuer, "aud": ownIssuer, "client_id": "counterfoil", "sub": "alice", "jti": "j",
			"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Unix() + 900,
			"scope": "notes:read profile", "pat": tokenID, "gen": 2,
		},
	}
}

func (d *draft) signedBy(s signer) *draft {
	d.key = s
	d.header["alg"], d.header["kid"] = s.algorithm, s.id
	return d
}

func (d *draft) set(claim string, value any) *draft {
	d.claims[claim] = value
	return d
}

func (d *draft) mint() string {
	header, payload := d.rawHeader, d.rawClaims
	if header == nil {
		header = must(json.Marshal(d.header))
	}
	if payload == nil {
		payload = must(json.Marshal(d.claims))
	}
	return d.key.sign(header, payload)
}

// inserted returns the claims as they would be written, with a member in front.
func (d *draft) inserted(member string) []byte {
	return append([]byte("{"+member+","), must(json.Marshal(d.claims))[1:]...)
}

// An issuer is the people's: an http.RoundTripper that counts.
type issuer struct {
	mu    sync.Mutex
	keys  []map[string]any
	calls int // discovery and key set each count
	// answer, where it is set, answers instead.
	answer func(*http.Request) (*http.Response, error)
}

func (i *issuer) RoundTrip(r *http.Request) (*http.Response, error) {
	i.mu.Lock()
	i.calls++
	answer := i.answer
	i.mu.Unlock()
	if answer != nil {
		return answer(r)
	}
	return i.usual(r)
}

func (i *issuer) usual(r *http.Request) (*http.Response, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	switch r.URL.String() {
	case peopleIssuer + "/.well-known/openid-configuration":
		return respond(200, must(json.Marshal(map[string]any{"issuer": peopleIssuer, "jwks_uri": peopleIssuer + "/keys?p=1"})))
	case peopleIssuer + "/keys?p=1":
		return respond(200, must(json.Marshal(map[string]any{"keys": i.keys})))
	}
	return respond(404, nil)
}

func (i *issuer) count() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.calls
}

func (i *issuer) publish(keys ...map[string]any) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = keys
}

func (i *issuer) answers(f func(*http.Request) (*http.Response, error)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.answer = f
}

func respond(status int, body []byte) (*http.Response, error) {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(body))}, nil
}

// A clock stands still until it is told to go on.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func newVerifier(t testing.TB) (*Verifier, *issuer, *clock) {
	t.Helper()
	people := &issuer{keys: []map[string]any{peopleES().jwk(), peopleRS().jwk()}}
	c := &clock{at: now}
	v := &Verifier{
		Own: ownIssuer, Audience: ownIssuer, Issuer: peopleIssuer, Clients: []string{console, "cli"},
		HTTP: &http.Client{Transport: people}, Now: c.now,
	}
	if err := v.Check(); err != nil {
		t.Fatal(err)
	}
	return v, people, c
}

func verify(v *Verifier, jwt string) (pat.Claims, error) {
	return v.Verify(context.Background(), pat.NewSecret(jwt), pat.Expectation{Key: among(ourKeys()...)})
}

// quotes reports whether a text holds any part of a JWT, as it is or decoded.
func quotes(text, jwt string) bool {
	for part := range strings.SplitSeq(jwt, ".") {
		if len(part) >= 8 && strings.Contains(text, part[:8]) {
			return true
		}
	}
	return strings.Contains(text, "EVIL")
}

func want(t *testing.T, err, category error, why string) {
	t.Helper()
	if !errors.Is(err, category) {
		t.Fatalf("err is %v, want %v", err, category)
	}
	if !strings.Contains(err.Error(), why) {
		t.Errorf("err is %q, want %q in it", err, why)
	}
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
