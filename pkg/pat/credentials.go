package pat

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode"
)

// STSAudience is the aud of the JWTs that buy AWS credentials. Such a JWT is
// good nowhere with us, and one of another audience buys nothing at AWS.
const STSAudience = "sts.amazonaws.com"

// Bounds of AWS: the shortest session that STS gives, the longest session
// policy in characters, and the longest value of a tag.
const (
	minAWSSession = 900 * time.Second
	maxAWSPolicy  = 2048
	maxAWSTag     = 256
	// stsJWTLifetime is that of the JWT, which is spent at once.
	stsJWTLifetime = 5 * time.Minute
)

// A Broker buys AWS credentials with a JWT of ours.
type Broker interface {
	// Credentials returns keys that live for the duration asked and can do what
	// the role and the policy both allow. Any error means that AWS did not
	// answer, or refused what we sent: no holder can cause one.
	Credentials(ctx context.Context, request AWSRequest) (AWSCredentials, error)
}

// An AWSRequest is what AWS is told of whoever will hold the keys.
type AWSRequest struct {
	// JWT for STSAudience.
	JWT Secret
	// Session names the holder in CloudTrail: 2–64 of [\w+=,.@-].
	Session string
	// Policy narrows what the role allows, in IAM's JSON: at most 2,048
	// characters. Empty narrows nothing.
	Policy string
	// Duration is at least 900 s, in whole seconds.
	Duration time.Duration
}

// AWSCredentials are the keys. Nobody can take them back: they end at ExpiresAt.
type AWSCredentials struct {
	AccessKeyID     string
	SecretAccessKey Secret
	SessionToken    Secret
	ExpiresAt       time.Time
}

// An AWSStatement is what a scope allows in AWS: the actions, on the resources,
// as IAM spells them.
type AWSStatement struct {
	Actions   []string
	Resources []string
}

// credentials buys keys for the subject that can do what the scopes allow. The
// way is AssumeRoleWithWebIdentity with a JWT of its own: no chained roles, and
// no right of the function's to assume one.
func (s *Service) credentials(ctx context.Context, subject Grant, scopes []string, catalogue Catalogue, now time.Time) (AWSCredentials, error) {
	policy, err := sessionPolicy(scopes, catalogue, subject.AllowedCIDRs)
	if err != nil {
		return AWSCredentials{}, err
	}
	duration := max(s.lifetime(), minAWSSession)
	if !subject.ExpiresAt.IsZero() {
		left := subject.ExpiresAt.Sub(now).Truncate(time.Second)
		if left < minAWSSession {
			return AWSCredentials{}, invalidScope("the subject ends too soon for AWS credentials, which live 900 s at least")
		}
		duration = min(duration, left)
	}
	payload, err := s.stsClaims(subject, now)
	if err != nil {
		return AWSCredentials{}, err
	}
	jwt, err := s.sign(ctx, "JWT", payload)
	if err != nil {
		return AWSCredentials{}, err
	}
	keys, err := s.Broker.Credentials(ctx, AWSRequest{JWT: jwt, Session: awsSession(subject), Policy: policy, Duration: duration})
	if err != nil {
		return AWSCredentials{}, unavailable("buy AWS credentials", err)
	}
	return keys, nil
}

// awsSession is what CloudTrail shows of the holder: the token, or the person's
// slot. Both are public; a sub can be an address that does not belong there.
func awsSession(subject Grant) string {
	if subject.TokenID != "" {
		return string(subject.TokenID)
	}
	return "person-" + string(subject.Slot)
}

// stsClaims are those of OIDC, with AWS's own for tags and the source identity:
// the call has no parameters for them.
func (s *Service) stsClaims(subject Grant, now time.Time) ([]byte, error) {
	jti, err := randomText(s.random(), jtiLength)
	if err != nil {
		return nil, err
	}
	tags := map[string][]string{"sub": {awsTag(subject.Person.Subject)}}
	if subject.TokenID != "" {
		tags["token_id"] = []string{string(subject.TokenID)}
	}
	payload, err := json.Marshal(struct {
		Issuer         string         `json:"iss"`
		Subject        string         `json:"sub"`
		Audience       string         `json:"aud"`
		ExpiresAt      int64          `json:"exp"`
		IssuedAt       int64          `json:"iat"`
		NotBefore      int64          `json:"nbf"`
		ID             string         `json:"jti"`
		Tags           map[string]any `json:"https://aws.amazon.com/tags"`
		SourceIdentity string         `json:"https://aws.amazon.com/source_identity"`
	}{
		Issuer: s.Issuer, Subject: subject.Person.Subject, Audience: STSAudience,
		ExpiresAt: now.Add(stsJWTLifetime).Unix(), IssuedAt: now.Unix(), NotBefore: now.Unix(), ID: jti,
		Tags: map[string]any{"principal_tags": tags}, SourceIdentity: awsSession(subject),
	})
	if err != nil {
		return nil, fmt.Errorf("write claims for AWS: %w", err)
	}
	return payload, nil
}

// awsTag makes a text fit for the value of a tag: [\p{L}\p{Z}\p{N}_.:/=+\-@]*.
func awsTag(text string) string {
	runes := []rune(text)
	for i, r := range runes {
		if !unicode.In(r, unicode.L, unicode.Z, unicode.N) && !strings.ContainsRune("_.:/=+-@", r) {
			runes[i] = '_'
		}
	}
	return string(runes[:min(len(runes), maxAWSTag)])
}

// sessionPolicy narrows the role to what the scopes allow in AWS, from the
// networks given. Where no scope of the catalogue says anything of AWS the role
// alone decides.
func sessionPolicy(scopes []string, catalogue Catalogue, networks []netip.Prefix) (string, error) {
	type statement struct {
		Effect    string
		Action    []string
		Resource  []string
		Condition map[string]map[string][]string `json:",omitempty"`
	}
	var allowed []statement
	mapped := false
	for _, scope := range catalogue {
		mapped = mapped || len(scope.AWS) > 0
		if !slices.Contains(scopes, scope.Name) {
			continue
		}
		for _, a := range scope.AWS {
			allowed = append(allowed, statement{Effect: "Allow", Action: a.Actions, Resource: a.Resources})
		}
	}
	switch {
	case !mapped && len(networks) == 0:
		return "", nil
	case !mapped:
		allowed = []statement{{Effect: "Allow", Action: []string{"*"}, Resource: []string{"*"}}}
	case len(allowed) == 0:
		return "", invalidScope("none of the scopes allows anything in AWS")
	}
	if len(networks) > 0 {
		var cidrs []string
		for _, n := range networks {
			cidrs = append(cidrs, n.String())
		}
		for i := range allowed {
			allowed[i].Condition = map[string]map[string][]string{"IpAddress": {"aws:SourceIp": cidrs}}
		}
	}
	text, err := json.Marshal(struct {
		Version   string
		Statement []statement
	}{"2012-10-17", allowed})
	if err != nil {
		return "", fmt.Errorf("write a session policy: %w", err)
	}
	if len(text) > maxAWSPolicy {
		return "", invalidScope("the scopes are too many for AWS credentials: ask for fewer")
	}
	return string(text), nil
}
