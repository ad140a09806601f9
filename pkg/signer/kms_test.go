package signer

import (
	"context"
	"crypto/elliptic"
	"encoding/asn1"
	"encoding/pem"
	"maps"
	"math/big"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/smithy-go"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

// published is a KMS key together with what was published of it.
type published struct {
	*KMS
	keys []pat.Key
}

func (p published) Keys() []pat.Key { return slices.Clone(p.keys) }

func openKMS(t *testing.T, keyID string) published {
	t.Helper()
	t.Setenv(EnvKey, keyID)
	s, err := NewKMS()
	if err != nil {
		t.Fatal(err)
	}
	keys, err := PublicKeys(t.Context(), keyID)
	if err != nil {
		t.Fatal(err)
	}
	return published{s, keys}
}

func TestKMS(t *testing.T) {
	for keyID, algorithm := range map[string]string{
		rsaKeyID:            RS256,
		p256KeyID:           ES256,
		manyKeyID:           ES256,
		fakeARN + rsaKeyID:  RS256,
		fakeARN + manyKeyID: ES256,
	} {
		t.Run(keyID, func(t *testing.T) {
			newFakeKMS(t)
			suite(t, algorithm, openKMS(t, keyID))
		})
	}
}

// envTestKeys names the keys that the suite uses at a real endpoint, separated
// by spaces.
const envTestKeys = "COUNTERFOIL_TEST_KMS_KEYS"

// TestKMSAtAnEndpoint runs the suite against LocalStack, floci, AWS Emulator or
// an account: wherever the environment points.
func TestKMSAtAnEndpoint(t *testing.T) {
	if os.Getenv("AWS_ENDPOINT_URL_KMS") == "" {
		t.Skip("AWS_ENDPOINT_URL_KMS is not set: only the fake was tested")
	}
	ids := strings.Fields(os.Getenv(envTestKeys))
	if len(ids) == 0 {
		t.Fatalf("%s names no key at AWS_ENDPOINT_URL_KMS", envTestKeys)
	}
	for _, keyID := range ids {
		t.Run(keyID, func(t *testing.T) {
			s := openKMS(t, keyID)
			suite(t, s.keys[0].Algorithm, s)
		})
	}
}

func TestKMSNamesAKeyByItsOwnID(t *testing.T) {
	newFakeKMS(t)
	for keyID, want := range map[string]string{
		rsaKeyID:            rsaKeyID,
		fakeARN + p256KeyID: p256KeyID,
		fakeARN + manyKeyID: manyKeyID,
	} {
		s := openKMS(t, keyID)
		header, _ := verified(t, s.Keys(), sign(t, s, "JWT", []byte(`{}`)))
		if header["kid"] != want || s.keys[0].ID != want {
			t.Errorf("%s: kid is %v, published as %s; want %s", keyID, header["kid"], s.keys[0].ID, want)
		}
	}
}

// The budget of an exchange is one Sign.
func TestKMSCalls(t *testing.T) {
	fake := newFakeKMS(t)
	s := openKMS(t, rsaKeyID)
	calls := func(when string, want ...string) {
		t.Helper()
		if got := fake.took(); !slices.Equal(got, want) {
			t.Errorf("%s: KMS was called with %q, want %q", when, got, want)
		}
	}
	calls("when it was published", "GetPublicKey")
	sign(t, s, "JWT", []byte(`{}`))
	calls("the first time", "Sign")
	sign(t, s, "JWT", []byte(`{}`))
	calls("when warm", "Sign")
	sign(t, s, "JWT", []byte(`{"aud":"`+strings.Repeat("x", 8000)+`"}`))
	calls("for a long payload", "Sign")
	if want := []string{"RAW", "RAW", "DIGEST"}; !slices.Equal(fake.types, want) {
		t.Errorf("message types %q, want %q", fake.types, want)
	}
}

// TestKMSMessageTypeAtTheBound: 4096 bytes are the last that KMS takes whole.
func TestKMSMessageTypeAtTheBound(t *testing.T) {
	fake := newFakeKMS(t)
	s := openKMS(t, p256KeyID)
	key := &remote{client: s.client, keyID: s.keyID, key: signing(t, s)}
	for length, want := range map[int]string{1: "RAW", 4096: "RAW", 4097: "DIGEST"} {
		fake.types = nil
		if _, err := key.sign(t.Context(), make([]byte, length)); err != nil || !slices.Equal(fake.types, []string{want}) {
			t.Errorf("%d bytes went as %q (%v), want %s", length, fake.types, err, want)
		}
	}
}

func TestKMSIsTriedAgain(t *testing.T) {
	cases := map[string]fault{
		"throttled":                {status: 400, code: "ThrottlingException"},
		"broken":                   {status: 500, code: "KMSInternalException"},
		"slow behind":              {status: 503, code: "DependencyTimeoutException"},
		"its key store is restart": {status: 500, code: "KeyUnavailableException"},
	}
	for name, with := range cases {
		t.Run(name, func(t *testing.T) {
			fake := newFakeKMS(t)
			s := openKMS(t, p256KeyID)
			sign(t, s, "JWT", []byte(`{}`))
			fake.took()
			fake.fail(kmsTries-1, with)
			verified(t, s.Keys(), sign(t, s, "JWT", []byte(`{}`)))
			if got := len(fake.took()); got != kmsTries {
				t.Errorf("%d tries, want %d", got, kmsTries)
			}
		})
	}
}

func TestKMSFails(t *testing.T) {
	cases := map[string]struct {
		fault fault
		tries int
	}{
		"throttled for too long":                 {fault{status: 400, code: "ThrottlingException"}, kmsTries},
		"broken for too long":                    {fault{status: 500, code: "KMSInternalException"}, kmsTries},
		"a key that was disabled meanwhile":      {fault{status: 400, code: "DisabledException"}, 1},
		"a key that is to be deleted":            {fault{status: 400, code: "KMSInvalidStateException"}, 1},
		"a key that is not there any more":       {fault{status: 400, code: "NotFoundException"}, 1},
		"a function without the right":           {fault{status: 400, code: "AccessDeniedException"}, 1},
		"an answer that quotes what was to sign": {fault{status: 400, code: "ValidationException"}, 1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			fake := newFakeKMS(t)
			s := openKMS(t, p256KeyID)
			sign(t, s, "JWT", []byte(`{}`))
			fake.took()
			fake.fail(c.tries, c.fault)
			value, err := s.Sign(t.Context(), signing(t, s), "JWT", []byte(`{"sub":"alice"}`))
			noJWT(t, value, err)
			if got := len(fake.took()); got != c.tries {
				t.Errorf("%d tries, want %d", got, c.tries)
			}
			text := err.Error()
			for _, part := range []string{p256KeyID, c.fault.code, fakeRequest} {
				if !strings.Contains(text, part) {
					t.Errorf("no %s in %q", part, text)
				}
			}
			// The next one, when KMS is well again.
			verified(t, s.Keys(), sign(t, s, "JWT", []byte(`{}`)))
		})
	}
}

// The header says what was published. Where that is not the key's own there is no
// JWT, and none that could be taken for another.
func TestKMSRefusesWhatWasPublishedWrongly(t *testing.T) {
	for _, keyID := range []string{rsaKeyID, p256KeyID} {
		for _, algorithm := range []string{RS256, ES256, "HS256", "none", ""} {
			newFakeKMS(t)
			s := openKMS(t, keyID)
			by := signing(t, s)
			if by.Algorithm == algorithm {
				continue
			}
			by.Algorithm = algorithm
			value, err := s.Sign(t.Context(), by, "JWT", []byte(`{"sub":"alice"}`))
			noJWT(t, value, err)
		}
	}
}

func TestKMSThatHangsIsLeftAtTheDeadline(t *testing.T) {
	fake := newFakeKMS(t)
	s := openKMS(t, p256KeyID)
	sign(t, s, "JWT", []byte(`{}`))
	fake.fail(kmsTries, fault{hang: true})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	value, err := s.Sign(ctx, signing(t, s), "JWT", []byte(`{}`))
	noJWT(t, value, err)
	if context.Cause(ctx) == nil {
		t.Errorf("left before the deadline: %v", err)
	}
}

// One lost answer must not cost the request: the next try gets it.
func TestKMSThatHangsOnceIsTriedAgain(t *testing.T) {
	fake := newFakeKMS(t)
	s := openKMS(t, p256KeyID)
	sign(t, s, "JWT", []byte(`{}`))
	fake.fail(1, fault{hang: true})
	verified(t, s.Keys(), sign(t, s, "JWT", []byte(`{}`)))
}

func TestKMSThatIsNotThere(t *testing.T) {
	server := httptest.NewServer(nil)
	server.Close()
	pointAt(t, server.URL)
	t.Setenv(EnvKey, p256KeyID)
	s, err := NewKMS()
	if err != nil {
		t.Fatal(err)
	}
	by := pat.Key{ID: p256KeyID, Algorithm: ES256, Public: fakeKeys()[p256KeyID].Public()}
	value, err := s.Sign(t.Context(), by, "JWT", []byte(`{"sub":"alice"}`))
	noJWT(t, value, err)
}

// noJWT fails unless there is an error that quotes nothing, and no JWT.
func noJWT(t *testing.T, value pat.Secret, err error) {
	t.Helper()
	if err == nil || value.Reveal() != "" {
		t.Fatalf("err is %v, with a JWT: %t", err, value.Reveal() != "")
	}
	for _, leak := range []string{"alice", "eyJ", "Value '"} {
		if strings.Contains(err.Error(), leak) {
			t.Errorf("the error quotes what was to be signed: %q in it", leak)
		}
	}
}

func TestKMSRefusesWhatIsNoSignature(t *testing.T) {
	n := elliptic.P256().Params().N
	good := ecdsaDER(t, big.NewInt(1), new(big.Int).Sub(n, big.NewInt(1)))
	cases := map[string]struct {
		keyID     string
		signature []byte
	}{
		"nothing":                        {p256KeyID, nil},
		"junk":                           {p256KeyID, []byte("junk")},
		"r and s as JWS has them":        {p256KeyID, make([]byte, 64)},
		"DER that is cut off":            {p256KeyID, good[:len(good)-1]},
		"DER with something after it":    {p256KeyID, append(slices.Clone(good), 0)},
		"DER of three numbers":           {p256KeyID, must(asn1.Marshal([]*big.Int{n, n, n}))},
		"DER of one number":              {p256KeyID, must(asn1.Marshal([]*big.Int{big.NewInt(1)}))},
		"a number with a needless zero":  {p256KeyID, []byte{0x30, 7, 2, 2, 0, 1, 2, 1, 1}},
		"an r of zero":                   {p256KeyID, ecdsaDER(t, big.NewInt(0), big.NewInt(1))},
		"an s of zero":                   {p256KeyID, ecdsaDER(t, big.NewInt(1), big.NewInt(0))},
		"a negative r":                   {p256KeyID, ecdsaDER(t, big.NewInt(-1), big.NewInt(1))},
		"an r of the order":              {p256KeyID, ecdsaDER(t, n, big.NewInt(1))},
		"an s of more than 32 bytes":     {p256KeyID, ecdsaDER(t, big.NewInt(1), new(big.Int).Lsh(n, 8))},
		"an RSA signature of no bytes":   {rsaKeyID, nil},
		"an RSA signature of 255 bytes":  {rsaKeyID, make([]byte, 255)},
		"an RSA signature of 257 bytes":  {rsaKeyID, make([]byte, 257)},
		"an ECDSA signature for RSA":     {rsaKeyID, good},
		"an RSA signature for ECDSA key": {p256KeyID, make([]byte, 256)},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			fake := newFakeKMS(t)
			s := openKMS(t, c.keyID)
			sign(t, s, "JWT", []byte(`{}`))
			fake.spoil = func(answer map[string]any) { answer["Signature"] = c.signature }
			value, err := s.Sign(t.Context(), signing(t, s), "JWT", []byte(`{}`))
			noJWT(t, value, err)
		})
	}
	t.Run("the smallest and the largest numbers are a signature", func(t *testing.T) {
		got, err := jwsSignature(ES256, good)
		want := append(append(make([]byte, 31), 1), new(big.Int).Sub(n, big.NewInt(1)).Bytes()...)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%x (%v), want %x", got, err, want)
		}
	})
}

func ecdsaDER(t *testing.T, r, s *big.Int) []byte {
	t.Helper()
	der, err := asn1.Marshal(struct{ R, S *big.Int }{r, s})
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func FuzzJWSSignature(f *testing.F) {
	f.Add([]byte{0x30, 6, 2, 1, 1, 2, 1, 1})
	f.Fuzz(func(t *testing.T, der []byte) {
		fixed, err := jwsSignature(ES256, der)
		if err != nil {
			return
		}
		again := ecdsaDER(t, new(big.Int).SetBytes(fixed[:32]), new(big.Int).SetBytes(fixed[32:]))
		if len(fixed) != 64 || !slices.Equal(again, der) {
			t.Errorf("%x became %x", der, fixed)
		}
	})
}

func TestNewKMSRefuses(t *testing.T) {
	cases := map[string]map[string]string{
		"no key":                            {EnvKey: ""},
		"an alias":                          {EnvKey: "alias/counterfoil"},
		"the ARN of an alias":               {EnvKey: "arn:aws:kms:eu-central-1:000000000000:alias/counterfoil"},
		"the ARN of something else":         {EnvKey: "arn:aws:s3:eu-central-1:000000000000:key/" + rsaKeyID},
		"an id that is none":                {EnvKey: "counterfoil"},
		"an id in capitals":                 {EnvKey: strings.ToUpper(rsaKeyID)},
		"an id with a space":                {EnvKey: rsaKeyID + " "},
		"two ids":                           {EnvKey: rsaKeyID + " " + p256KeyID},
		"no Region":                         {EnvKey: rsaKeyID, "AWS_REGION": ""},
		"a bundle of CAs that is not there": {EnvKey: rsaKeyID, "AWS_CA_BUNDLE": "/nowhere.pem"},
	}
	for name, env := range cases {
		t.Run(name, func(t *testing.T) {
			fake := newFakeKMS(t)
			for name, value := range env {
				t.Setenv(name, value)
			}
			s, err := NewKMS()
			if err == nil || s != nil {
				t.Fatal("it was opened")
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("not one sentence: %q", err)
			}
			blamed := slices.Collect(maps.Keys(env))
			if len(env) > 1 {
				blamed = slices.DeleteFunc(blamed, func(n string) bool { return n == EnvKey })
			}
			if blamed[0] != "AWS_CA_BUNDLE" && !strings.Contains(err.Error(), blamed[0]) {
				t.Errorf("%q does not name %s", err, blamed[0])
			}
			if calls := fake.took(); len(calls) > 0 {
				t.Errorf("KMS was called with %q", calls)
			}
		})
	}
}

func TestPublicKeys(t *testing.T) {
	t.Run("keys come in the order given", func(t *testing.T) {
		newFakeKMS(t)
		keys, err := PublicKeys(t.Context(), p256KeyID, fakeARN+rsaKeyID, manyKeyID)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, k := range keys {
			got = append(got, k.ID+" "+k.Algorithm)
		}
		if want := []string{p256KeyID + " ES256", rsaKeyID + " RS256", manyKeyID + " ES256"}; !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	})

	refusals := map[string]struct{ keyID, why string }{
		"a key of another curve is refused":     {p384KeyID, "neither RSA of 2048 bits"},
		"a longer RSA key is refused":           {largeKeyID, "neither RSA of 2048 bits"},
		"a key for encryption is refused":       {wrapKeyID, "not for signing"},
		"a disabled key is refused":             {offKeyID, "DisabledException"},
		"a key that is to be deleted is refuse": {goneKeyID, "KMSInvalidStateException"},
		"a key that is not there is refused":    {noKeyID, "NotFoundException"},
		"an alias is refused":                   {"alias/counterfoil", "alias"},
		"no name is refused":                    {"", "alias"},
	}
	for name, c := range refusals {
		t.Run(name, func(t *testing.T) {
			newFakeKMS(t)
			keys, err := PublicKeys(t.Context(), rsaKeyID, c.keyID)
			if err == nil || keys != nil {
				t.Fatalf("%d keys", len(keys))
			}
			if !strings.Contains(err.Error(), c.why) {
				t.Errorf("refused with %q, want %q in it", err, c.why)
			}
			// What cannot be published cannot sign either.
			if _, err := kid(c.keyID); err != nil {
				return
			}
			t.Setenv(EnvKey, c.keyID)
			s, err := NewKMS()
			if err != nil {
				t.Fatal(err)
			}
			for _, algorithm := range []string{RS256, ES256} {
				value, err := s.Sign(t.Context(), pat.Key{ID: c.keyID, Algorithm: algorithm}, "JWT", []byte(`{}`))
				noJWT(t, value, err)
			}
		})
	}

	spoilt := map[string]func(map[string]any){
		"the answer of another key is refused":      func(a map[string]any) { a["KeyId"] = fakeARN + p384KeyID },
		"an answer that names an alias is refused":  func(a map[string]any) { a["KeyId"] = "alias/counterfoil" },
		"an answer that names no key is refused":    func(a map[string]any) { delete(a, "KeyId") },
		"an answer without a public key is refused": func(a map[string]any) { delete(a, "PublicKey") },
		"a public key that is none is refused":      func(a map[string]any) { a["PublicKey"] = []byte("junk") },
		"an answer without a usage is refused":      func(a map[string]any) { delete(a, "KeyUsage") },
	}
	for name, spoil := range spoilt {
		t.Run(name, func(t *testing.T) {
			fake := newFakeKMS(t)
			fake.spoil = spoil
			if keys, err := PublicKeys(t.Context(), p256KeyID); err == nil || keys != nil {
				t.Errorf("%d keys", len(keys))
			}
		})
	}
}

// Behind AWS_CA_BUNDLE there are emulators with certificates of their own, and
// companies' proxies.
func TestKMSTrustsTheBundleOfCAs(t *testing.T) {
	fake := newFakeKMS(t)
	secure := httptest.NewTLSServer(fake)
	t.Cleanup(secure.Close)
	bundle := filepath.Join(t.TempDir(), "ca.pem")
	write(t, bundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}), 0o600)
	t.Setenv("AWS_ENDPOINT_URL_KMS", secure.URL)
	t.Setenv("AWS_CA_BUNDLE", bundle)
	s := openKMS(t, rsaKeyID)
	verified(t, s.Keys(), sign(t, s, "JWT", []byte(`{}`)))
}

func TestAFaultWithoutAnAnswerIsPlainToo(t *testing.T) {
	err := plain(&smithy.GenericAPIError{Code: "Fault", Message: "canary"})
	if err.Error() != "Fault" {
		t.Errorf("%q, want the code alone", err)
	}
}
