// Package broker buys AWS credentials with a JWT of ours, at AWS's Security
// Token Service. It holds no right in AWS: what the keys may do follows from
// the JWT, the role's trust policy and the session policy.
//
// It refuses to know whose JWT it is and what the policy says. It is ours;
// nobody else imports it.
package broker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

// EnvRole is the environment variable that names the role whose credentials
// are bought, by its ARN. Without it the scope credentials buys nothing.
const EnvRole = "COUNTERFOIL_CREDENTIALS_ROLE"

// STS may fetch our keys before it answers, so one try takes longer than with
// other services; all together end well within the 29 s of API Gateway.
const (
	stsTries    = 3
	stsTimeout  = 5 * time.Second        // of one try
	stsMaxPause = 250 * time.Millisecond // between two
)

// An STS is a pat.Broker that calls sts:AssumeRoleWithWebIdentity. The call carries
// no signature: the JWT is all it takes.
type STS struct {
	client *sts.Client
	role   string
}

// NewSTS returns the broker for the role that EnvRole names, in the region that
// the function runs in. It calls nobody yet. Without a role it is nil.
func NewSTS() (pat.Broker, error) {
	role := os.Getenv(EnvRole)
	if role == "" {
		return nil, nil
	}
	if !roleARN.MatchString(role) {
		return nil, fmt.Errorf("%s must be the ARN of an IAM role", EnvRole)
	}
	cfg, err := config.LoadDefaultConfig(context.Background(),
		config.WithHTTPClient(newHTTPClient()),
		config.WithRetryer(newRetryer),
	)
	if err != nil {
		return nil, fmt.Errorf("configure STS: %w", err)
	}
	if cfg.Region == "" {
		return nil, errors.New("configure STS: AWS_REGION is not set")
	}
	return &STS{client: sts.NewFromConfig(cfg), role: role}, nil
}

// NewSTSAt returns the broker for a role at an STS of one's own. Nothing of the
// environment counts, so that no setting of whoever runs it leads to AWS.
func NewSTSAt(endpoint, role string) *STS {
	return &STS{role: role, client: sts.New(sts.Options{
		Region:       "us-east-1", // which only an answer of AWS would depend on
		BaseEndpoint: &endpoint,
		HTTPClient:   newHTTPClient(),
		Retryer:      newRetryer(),
	})}
}

var roleARN = regexp.MustCompile(`^arn:[a-z0-9-]+:iam::[0-9]{12}:role/[\w+=,.@/-]+$`)

func newHTTPClient() *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().WithTimeout(stsTimeout)
}

func newRetryer() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts, o.MaxBackoff = stsTries, stsMaxPause
	})
}

// Credentials asks for keys. Its errors hold what AWS calls the fault, and
// quote neither the JWT nor the policy.
func (s *STS) Credentials(ctx context.Context, request pat.AWSRequest) (pat.AWSCredentials, error) {
	seconds := int32(request.Duration / time.Second)
	input := &sts.AssumeRoleWithWebIdentityInput{
		RoleArn:          &s.role,
		RoleSessionName:  &request.Session,
		WebIdentityToken: new(request.JWT.Reveal()),
		DurationSeconds:  &seconds,
	}
	if request.Policy != "" {
		input.Policy = &request.Policy
	}
	answer, err := s.client.AssumeRoleWithWebIdentity(ctx, input)
	if err != nil {
		return pat.AWSCredentials{}, fmt.Errorf("assume role %s: %w", s.role, plain(err))
	}
	keys := answer.Credentials
	if keys == nil || aws.ToString(keys.AccessKeyId) == "" || aws.ToString(keys.SecretAccessKey) == "" ||
		aws.ToString(keys.SessionToken) == "" || keys.Expiration == nil {
		return pat.AWSCredentials{}, fmt.Errorf("assume role %s: the answer holds no credentials", s.role)
	}
	return pat.AWSCredentials{
		AccessKeyID:     *keys.AccessKeyId,
		SecretAccessKey: pat.NewSecret(*keys.SecretAccessKey),
		SessionToken:    pat.NewSecret(*keys.SessionToken),
		ExpiresAt:       *keys.Expiration,
	}, nil
}

// plain keeps of an answer of STS what it calls the fault and the id under
// which CloudTrail has the rest. Its message may quote a parameter.
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
