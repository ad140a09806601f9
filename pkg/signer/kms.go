package signer

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"regexp"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/smithy-go"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

// EnvKey is the environment variable that names the key that signs: its id or
// its ARN. An alias is refused: it can be pointed at another key while JWTs
// carry the kid of this one.
const EnvKey = "COUNTERFOIL_SIGNING_KEY"

// Our functions answer within 29 s or API Gateway does it for them, so a call
// of KMS takes less than 5 s, however often it is tried.
const (
	kmsTries    = 3
	kmsTimeout  = 1500 * time.Millisecond // of one try
	kmsMaxPause = 100 * time.Millisecond  // between two
)

// maxRaw is what KMS takes as a message, in bytes; a longer one is hashed here.
// A signing input is far below it, and not every emulator takes a digest.
const maxRaw = 4096

// A KMS is a signer in the cloud. Its key never leaves AWS KMS: RSA_2048 or
// ECC_NIST_P256, for SIGN_VERIFY. Its algorithm is the one that was published of
// it, so that nobody need ask for it before the first Sign; KMS refuses another.
type KMS struct {
	client *kms.Client
	keyID  string // as EnvKey has it
	kid    string
}

// NewKMS opens the key that EnvKey names, in the account and region that the
// function runs in. It calls nobody yet.
func NewKMS() (*KMS, error) {
	keyID := os.Getenv(EnvKey)
	id, err := kid(keyID)
	if err != nil {
		return nil, fmt.Errorf("%s %w", EnvKey, err)
	}
	client, err := newKMSClient(context.Background())
	if err != nil {
		return nil, err
	}
	return &KMS{client: client, keyID: keyID, kid: id}, nil
}

// KeyID names the key.
func (k *KMS) KeyID() string { return k.kid }

// Sign returns the compact JWS over the payload, with typ in its header, by the
// one key that it has. Its errors name the key and what KMS calls the fault, and
// quote nothing.
func (k *KMS) Sign(ctx context.Context, by pat.Key, typ string, payload []byte) (pat.Secret, error) {
	if by.ID != k.kid {
		return pat.Secret{}, fmt.Errorf("asked for the key %s, not for KMS key %s", by.ID, k.kid)
	}
	return compact(ctx, &remote{client: k.client, keyID: k.keyID, key: by}, typ, payload)
}

// PublicKeys asks KMS for the public halves of keys, by their ids or ARNs, in
// the order given: they are published beside the catalogue, so that whoever
// verifies needs no right on a key. One that cannot sign as we do is an error.
func PublicKeys(ctx context.Context, keyIDs ...string) ([]pat.Key, error) {
	client, err := newKMSClient(ctx)
	if err != nil {
		return nil, err
	}
	var keys []pat.Key
	for _, keyID := range keyIDs {
		key, err := publicKey(ctx, client, keyID)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// newKMSClient takes region, credentials and endpoint from the environment. Its
// HTTP client is one that AWS_CA_BUNDLE can still be added to.
func newKMSClient(ctx context.Context) (*kms.Client, error) {
	cfg, err := config.LoadDefaultConfig(ctx,
		config.WithHTTPClient(awshttp.NewBuildableClient().WithTimeout(kmsTimeout)),
		config.WithRetryer(func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) {
				o.MaxAttempts, o.MaxBackoff = kmsTries, kmsMaxPause
			})
		}),
	)
	if err != nil {
		return nil, fmt.Errorf("configure KMS: %w", err)
	}
	if cfg.Region == "" {
		return nil, errors.New("configure KMS: AWS_REGION is not set")
	}
	return kms.NewFromConfig(cfg), nil
}

// A remote is a key in KMS, with its public half.
type remote struct {
	client *kms.Client
	keyID  string
	key    pat.Key
}

func (r *remote) public() pat.Key { return r.key }

func (r *remote) sign(ctx context.Context, input []byte) ([]byte, error) {
	request := &kms.SignInput{
		KeyId:            &r.keyID,
		Message:          input,
		MessageType:      types.MessageTypeRaw,
		SigningAlgorithm: kmsAlgorithms[r.key.Algorithm],
	}
	if len(input) > maxRaw {
		sum := sha256.Sum256(input)
		request.Message, request.MessageType = sum[:], types.MessageTypeDigest
	}
	answer, err := r.client.Sign(ctx, request)
	if err != nil {
		return nil, fmt.Errorf("sign with KMS key %s: %w", r.key.ID, plain(err))
	}
	signature, err := jwsSignature(r.key.Algorithm, answer.Signature)
	if err != nil {
		return nil, fmt.Errorf("sign with KMS key %s: %w", r.key.ID, err)
	}
	return signature, nil
}

var kmsAlgorithms = map[string]types.SigningAlgorithmSpec{
	RS256: types.SigningAlgorithmSpecRsassaPkcs1V15Sha256,
	ES256: types.SigningAlgorithmSpecEcdsaSha256,
}

// publicKey fetches the public half of a key.
func publicKey(ctx context.Context, client *kms.Client, keyID string) (pat.Key, error) {
	id, err := kid(keyID)
	if err != nil {
		return pat.Key{}, fmt.Errorf("%q %w", keyID, err)
	}
	answer, err := client.GetPublicKey(ctx, &kms.GetPublicKeyInput{KeyId: &keyID})
	if err != nil {
		return pat.Key{}, fmt.Errorf("ask for KMS key %s: %w", id, plain(err))
	}
	if answered, err := kid(aws.ToString(answer.KeyId)); err != nil || answered != id {
		return pat.Key{}, fmt.Errorf("ask for KMS key %s: another key answered", id)
	}
	if answer.KeyUsage != types.KeyUsageTypeSignVerify {
		return pat.Key{}, fmt.Errorf("KMS key %s is not for signing", id)
	}
	public, err := x509.ParsePKIXPublicKey(answer.PublicKey)
	if err != nil {
		return pat.Key{}, fmt.Errorf("ask for KMS key %s: the answer is no public key", id)
	}
	algorithm, err := algorithmOf(public)
	if err != nil {
		return pat.Key{}, fmt.Errorf("KMS key %s: %w", id, err)
	}
	return pat.Key{ID: id, Algorithm: algorithm, Public: public}, nil
}

// keyName matches the id of a key, of one Region or of several (mrk-), alone or
// at the end of its ARN.
var keyName = regexp.MustCompile(`^(?:arn:[a-z0-9-]+:kms:[a-z0-9-]+:[0-9]{12}:key/)?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32})$`)

// kid returns the key's own id, by which our JWTs name it.
func kid(keyID string) (string, error) {
	parts := keyName.FindStringSubmatch(keyID)
	if parts == nil {
		return "", errors.New("must be the id or ARN of a KMS key, never an alias")
	}
	return parts[1], nil
}

// plain keeps of an answer of KMS what it calls the fault and the id under
// which CloudTrail has the rest. Its message may quote what was to be signed.
func plain(err error) error {
	fault, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return err
	}
	if response, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		return fmt.Errorf("%s (request %s)", fault.ErrorCode(), response.ServiceRequestID())
	}
	return errors.New(fault.ErrorCode())
}
