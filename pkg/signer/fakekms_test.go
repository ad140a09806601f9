package signer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

// fakeKMS speaks the wire protocol of AWS KMS (awsJson1_1) for the two calls
// that we make, with real keys. It refuses what KMS refuses.
type fakeKMS struct {
	*httptest.Server

	mu     sync.Mutex
	keys   map[string]*fakeKey // by id
	faults []fault             // the next answers, instead of the right ones
	calls  []string            // the operations, in the order they came
	types  []string            // the MessageType of each Sign
	// spoil changes a Sign's right answer.
	spoil func(answer map[string]any)
}

type fakeKey struct {
	crypto.Signer
	usage string
	state string // as DescribeKey has it
}

// A fault is an answer that is none.
type fault struct {
	status int
	code   string
	hang   bool // until the client is gone
}

const (
	fakeARN = "arn:aws:kms:eu-central-1:000000000000:key/"

	rsaKeyID   = "11111111-aaaa-4bbb-8ccc-000000000001"
	p256KeyID  = "11111111-aaaa-4bbb-8ccc-000000000002"
	p384KeyID  = "11111111-aaaa-4bbb-8ccc-000000000003"
	largeKeyID = "11111111-aaaa-4bbb-8ccc-000000000004"
	wrapKeyID  = "11111111-aaaa-4bbb-8ccc-000000000005"
	offKeyID   = "11111111-aaaa-4bbb-8ccc-000000000006"
	goneKeyID  = "11111111-aaaa-4bbb-8ccc-000000000007"
	noKeyID    = "11111111-aaaa-4bbb-8ccc-000000000008"
	manyKeyID  = "mrk-0123456789abcdef0123456789abcdef" // of several Regions
)

// fakeKeys are made once: RSA takes its time.
var fakeKeys = sync.OnceValue(func() map[string]*fakeKey {
	p256 := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	rsa2048 := must(rsa.GenerateKey(rand.Reader, 2048))
	const signs, on = "SIGN_VERIFY", "Enabled"
	return map[string]*fakeKey{
		rsaKeyID:   {rsa2048, signs, on},
		p256KeyID:  {p256, signs, on},
		manyKeyID:  {p256, signs, on},
		p384KeyID:  {must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)), signs, on},
		largeKeyID: {must(rsa.GenerateKey(rand.Reader, 3072)), signs, on},
		wrapKeyID:  {rsa2048, "ENCRYPT_DECRYPT", on},
		offKeyID:   {p256, signs, "Disabled"},
		goneKeyID:  {p256, signs, "PendingDeletion"},
	}
})

// newFakeKMS starts one, and points the environment at it and at nothing else.
func newFakeKMS(t *testing.T) *fakeKMS {
	t.Helper()
	f := &fakeKMS{keys: fakeKeys()}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	pointAt(t, f.URL)
	return f
}

func pointAt(t *testing.T, endpoint string) {
	t.Helper()
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL_KMS":        endpoint,
		"AWS_REGION":                  "eu-central-1",
		"AWS_ACCESS_KEY_ID":           "AKIDEXAMPLE",
		"AWS_SECRET_ACCESS_KEY":       "example",
		"AWS_SESSION_TOKEN":           "",
		"AWS_PROFILE":                 "",
		"AWS_CONFIG_FILE":             "/dev/null",
		"AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
		"AWS_CA_BUNDLE":               "", // each signer would read all of it
		"AWS_MAX_ATTEMPTS":            "",
	} {
		t.Setenv(name, value)
	}
}

func (f *fakeKMS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	operation, known := strings.CutPrefix(r.Header.Get("X-Amz-Target"), "TrentService.")
	var ask struct {
		KeyId, MessageType, SigningAlgorithm string
		Message                              []byte
	}
	err := json.NewDecoder(r.Body).Decode(&ask)
	f.mu.Lock()
	f.calls = append(f.calls, operation)
	if operation == "Sign" {
		f.types = append(f.types, ask.MessageType)
	}
	var failed *fault
	if len(f.faults) > 0 {
		failed, f.faults = &f.faults[0], f.faults[1:]
	}
	spoil := f.spoil
	f.mu.Unlock()

	key := f.keys[strings.TrimPrefix(ask.KeyId, fakeARN)]
	switch {
	case failed != nil && failed.hang:
		<-r.Context().Done()
	case failed != nil:
		refuse(w, failed.status, failed.code, string(ask.Message))
	case !known, r.Method != http.MethodPost, r.Header.Get("Content-Type") != "application/x-amz-json-1.1":
		refuse(w, 400, "UnknownOperationException", "")
	case !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"):
		refuse(w, 400, "MissingAuthenticationTokenException", "")
	case err != nil:
		refuse(w, 400, "SerializationException", "")
	case key == nil:
		refuse(w, 400, "NotFoundException", "")
	case key.state == "Disabled":
		refuse(w, 400, "DisabledException", "")
	case key.state != "Enabled":
		refuse(w, 400, "KMSInvalidStateException", "")
	case operation == "GetPublicKey":
		answer(w, map[string]any{
			"KeyId":     fakeARN + strings.TrimPrefix(ask.KeyId, fakeARN),
			"KeyUsage":  key.usage,
			"PublicKey": must(x509.MarshalPKIXPublicKey(key.Public())),
		}, spoil)
	case operation == "Sign":
		signature, code := key.answer(ask.MessageType, ask.SigningAlgorithm, ask.Message)
		if code != "" {
			refuse(w, 400, code, string(ask.Message))
			return
		}
		answer(w, map[string]any{
			"KeyId":            fakeARN + strings.TrimPrefix(ask.KeyId, fakeARN),
			"Signature":        signature,
			"SigningAlgorithm": ask.SigningAlgorithm,
		}, spoil)
	default:
		refuse(w, 400, "UnknownOperationException", "")
	}
}

// answer signs, or says how KMS calls what is wrong with the request.
func (k *fakeKey) answer(messageType, algorithm string, message []byte) (signature []byte, code string) {
	want := "ECDSA_SHA_256"
	if _, ok := k.Public().(*rsa.PublicKey); ok {
		want = "RSASSA_PKCS1_V1_5_SHA_256"
	}
	if k.usage != "SIGN_VERIFY" || algorithm != want {
		return nil, "InvalidKeyUsageException"
	}
	digest := message
	switch {
	case messageType == "RAW" && 0 < len(message) && len(message) <= 4096:
		sum := sha256.Sum256(message)
		digest = sum[:]
	case messageType == "DIGEST" && len(message) == sha256.Size:
	default:
		return nil, "ValidationException"
	}
	return must(k.Sign(rand.Reader, digest, crypto.SHA256)), ""
}

func answer(w http.ResponseWriter, body map[string]any, spoil func(map[string]any)) {
	if spoil != nil {
		spoil(body)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.Header().Set("X-Amzn-Requestid", fakeRequest)
	json.NewEncoder(w).Encode(body)
}

const fakeRequest = "22222222-aaaa-4bbb-8ccc-000000000000"

// refuse answers an error whose message quotes what was sent, as the
// ValidationException of AWS does.
func refuse(w http.ResponseWriter, status int, code, quoted string) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.Header().Set("X-Amzn-Requestid", fakeRequest)
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]string{"__type": code, "message": fmt.Sprintf("Value '%s' at 'message'", quoted)})
}

// fail makes the next n answers this one.
func (f *fakeKMS) fail(n int, with fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for range n {
		f.faults = append(f.faults, with)
	}
}

// took returns the operations since it was last asked.
func (f *fakeKMS) took() (calls []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	calls, f.calls = slices.Clone(f.calls), nil
	return calls
}
