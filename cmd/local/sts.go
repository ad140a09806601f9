package main

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

// An sts answers sts:AssumeRoleWithWebIdentity as AWS's Security Token Service
// does: it fetches our keys from our discovery, verifies our JWT, and reads of
// it what AWS reads, within AWS's limits. So what is wrong with our JWT shows
// on a laptop. Only the keys that it answers are good for nothing, and say so.
type sts struct {
	// issuer is the one OpenID provider that the account knows: ourselves.
	issuer string
	// role is the ARN of the one role there is. It trusts JWTs of the issuer
	// whose audience is pat.STSAudience, tags and source identity included.
	role string
	// longest session that the role allows.
	longest time.Duration
	// http fetches the issuer's keys.
	http *http.Client
	now  func() time.Time
	// log gets what CloudTrail would: who got credentials, with which tags.
	log *slog.Logger
}

// The words of the service.
const (
	stsPath    = "/sts/"
	stsAction  = "AssumeRoleWithWebIdentity"
	stsVersion = "2011-06-15"
)

// AWS's limits, from the API reference of AssumeRoleWithWebIdentity and of Tag.
const (
	stsMaxToken       = 20_000 // characters of the JWT
	stsMaxPolicy      = 2048   // characters of the session policy
	stsMaxTags        = 50
	stsMaxTagKey      = 128
	stsMaxTagValue    = 256
	stsShortest       = 900   // seconds
	stsLongest        = 43200 // seconds, whatever the role allows
	stsDefaultSeconds = 3600
	stsMaxBody        = 64 << 10 // bytes
)

var (
	stsNamePattern   = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)
	stsPolicyPattern = regexp.MustCompile(`^[\x{09}\x{0A}\x{0D}\x{20}-\x{FF}]+$`)
	stsTagPattern    = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)
)

// An stsError is a refusal in AWS's words.
type stsError struct {
	status  int
	code    string
	message string
}

func (e *stsError) Error() string { return e.code + ": " + e.message }

func stsRefuse(status int, code, format string, args ...any) error {
	return &stsError{status, code, fmt.Sprintf(format, args...)}
}

func badIdentity(format string, args ...any) error {
	return stsRefuse(http.StatusBadRequest, "InvalidIdentityToken", format, args...)
}

func badParameter(format string, args ...any) error {
	return stsRefuse(http.StatusBadRequest, "ValidationError", format, args...)
}

// ServeHTTP speaks AWS's Query protocol: a form in, XML out.
func (s *sts) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer, err := s.assume(w, r)
	status := http.StatusOK
	if refusal, ok := errors.AsType[*stsError](err); ok {
		status = refusal.status
		answer = stsErrorResponse{Type: "Sender", Code: refusal.code, Message: refusal.message, RequestID: stsRequestID}
	}
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(status)
	xml.NewEncoder(w).Encode(answer)
}

// assume answers an *stsError or nil.
func (s *sts) assume(w http.ResponseWriter, r *http.Request) (any, error) {
	r.Body = http.MaxBytesReader(w, r.Body, stsMaxBody)
	if err := r.ParseForm(); err != nil || r.Method != http.MethodPost {
		return nil, stsRefuse(http.StatusBadRequest, "MalformedQueryString", "send a form by POST")
	}
	form := r.PostForm
	if form.Get("Action") != stsAction || form.Get("Version") != stsVersion {
		return nil, stsRefuse(http.StatusBadRequest, "InvalidAction", "only %s of version %s is known here", stsAction, stsVersion)
	}
	lifetime, err := s.parameters(form)
	if err != nil {
		return nil, err
	}
	identity, err := s.verify(r.Context(), form.Get("WebIdentityToken"))
	if err != nil {
		return nil, err
	}
	if err := identity.limits(); err != nil {
		return nil, err
	}
	if err := s.trusts(form.Get("RoleArn"), identity); err != nil {
		return nil, err
	}
	if lifetime > s.longest {
		return nil, badParameter("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	policy := form.Get("Policy")
	if err := checkSessionPolicy(policy); err != nil {
		return nil, err
	}
	packed := identity.packed(policy)
	if packed > 100 {
		return nil, stsRefuse(http.StatusBadRequest, "PackedPolicyTooLarge", "policy and tags take %d%% of the room", packed)
	}
	session := form.Get("RoleSessionName")
	s.log.Info("local STS: credentials that are good for nothing", "session", session,
		"source_identity", identity.source(), "tags", identity.Tags.Principal, "policy", policy, "lifetime", lifetime)
	return s.credentials(session, identity, packed, s.now().Add(lifetime)), nil
}

// parameters judges the form before the JWT is looked at, and returns how long
// the session shall last.
func (s *sts) parameters(form url.Values) (time.Duration, error) {
	if n := len(form.Get("RoleArn")); n < 20 || n > 2048 {
		return 0, badParameter("roleArn must have 20 to 2048 characters")
	}
	if !stsNamePattern.MatchString(form.Get("RoleSessionName")) {
		return 0, badParameter("roleSessionName must satisfy %s", stsNamePattern)
	}
	if n := len(form.Get("WebIdentityToken")); n < 4 || n > stsMaxToken {
		return 0, badParameter("webIdentityToken must have 4 to %d characters", stsMaxToken)
	}
	if policy := form.Get("Policy"); form.Has("Policy") {
		if utf8.RuneCountInString(policy) > stsMaxPolicy || !stsPolicyPattern.MatchString(policy) {
			return 0, badParameter("policy must have 1 to %d characters of Latin 1", stsMaxPolicy)
		}
	}
	seconds := stsDefaultSeconds
	if text := form.Get("DurationSeconds"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < stsShortest || n > stsLongest {
			return 0, badParameter("durationSeconds must be %d to %d", stsShortest, stsLongest)
		}
		seconds = n
	}
	return time.Duration(seconds) * time.Second, nil
}

// A webIdentity is what AWS reads of a JWT.
type webIdentity struct {
	Issuer          string           `json:"iss"`
	Subject         string           `json:"sub"`
	Audience        jwt.Audience     `json:"aud"`
	AuthorizedParty *string          `json:"azp"`
	ExpiresAt       *jwt.NumericDate `json:"exp"`
	IssuedAt        *jwt.NumericDate `json:"iat"`
	NotBefore       *jwt.NumericDate `json:"nbf"`
	Tags            struct {
		// Principal tags have one value each, in an array.
		Principal  map[string][]string `json:"principal_tags"`
		Transitive []string            `json:"transitive_tag_keys"`
	} `json:"https://aws.amazon.com/tags"`
	SourceIdentity *string `json:"https://aws.amazon.com/source_identity"`
}

// verify returns what a good JWT of the issuer says.
func (s *sts) verify(ctx context.Context, token string) (webIdentity, error) {
	var identity webIdentity
	jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS256, jose.ES256})
	if err != nil {
		return identity, badIdentity("The ID Token provided is not a valid JWT.")
	}
	// AWS does not look at typ. We do: a JWT for AWS must be none for our APIs.
	header := jws.Signatures[0].Protected
	if header.ExtraHeaders[jose.HeaderType] != "JWT" || header.KeyID == "" {
		return identity, badIdentity("The header of the ID Token needs typ JWT and a kid.")
	}
	if err := json.Unmarshal(jws.UnsafePayloadWithoutVerification(), &identity); err != nil {
		return identity, badIdentity("The claims of the ID Token have no shape that is known.")
	}
	switch now := s.now(); {
	case identity.Issuer != s.issuer:
		return identity, badIdentity("No OpenIDConnect provider found in your account for the issuer of the token.")
	case identity.Subject == "" || identity.ExpiresAt == nil || identity.IssuedAt == nil:
		return identity, badIdentity("The ID Token needs sub, exp and iat.")
	case len(identity.Audience) != 1 || identity.Audience[0] != pat.STSAudience:
		return identity, badIdentity("Incorrect token audience")
	case !now.Before(identity.ExpiresAt.Time()):
		return identity, stsRefuse(http.StatusBadRequest, "ExpiredTokenException", "Token expired")
	case identity.IssuedAt.Time().After(now), identity.NotBefore != nil && identity.NotBefore.Time().After(now):
		return identity, badIdentity("The ID Token is not valid yet.")
	}
	keys, err := s.keys(ctx)
	if err != nil {
		return identity, stsRefuse(http.StatusBadRequest, "IDPCommunicationError", "The issuer's keys cannot be had: %v", err)
	}
	for _, key := range keys.Key(header.KeyID) {
		if _, err := jws.Verify(key.Key); err == nil {
			return identity, nil
		}
	}
	return identity, badIdentity("Couldn't verify the signature of the ID Token with the issuer's keys.")
}

// keys fetches the issuer's key set by its discovery, as AWS does.
func (s *sts) keys(ctx context.Context) (set jose.JSONWebKeySet, err error) {
	var discovery struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	if err := s.get(ctx, s.issuer+"/.well-known/openid-configuration", &discovery); err != nil {
		return set, fmt.Errorf("discovery: %w", err)
	}
	if discovery.Issuer != s.issuer {
		return set, errors.New("discovery: it is another issuer's")
	}
	if err := s.get(ctx, discovery.JWKSURI, &set); err != nil {
		return set, fmt.Errorf("key set: %w", err)
	}
	return set, nil
}

func (s *sts) get(ctx context.Context, address string, document any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	response, err := s.http.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", response.StatusCode)
	}
	return json.UnmarshalRead(io.LimitReader(response.Body, stsMaxBody), document)
}

// limits judges tags and source identity.
func (w webIdentity) limits() error {
	if w.SourceIdentity != nil && (!stsNamePattern.MatchString(*w.SourceIdentity) || reserved(*w.SourceIdentity)) {
		return badIdentity("The source identity must satisfy %s and not begin with aws:", stsNamePattern)
	}
	if len(w.Tags.Principal) > stsMaxTags {
		return badIdentity("There are more than %d tags.", stsMaxTags)
	}
	var seen []string
	for key, values := range w.Tags.Principal {
		if n := utf8.RuneCountInString(key); n < 1 || n > stsMaxTagKey || !stsTagPattern.MatchString(key) || reserved(key) {
			return badIdentity("The key of a tag must have 1 to %d characters of %s and not begin with aws:", stsMaxTagKey, stsTagPattern)
		}
		if len(values) != 1 || utf8.RuneCountInString(values[0]) > stsMaxTagValue || !stsTagPattern.MatchString(values[0]) {
			return badIdentity("The tag %s must have one value, of at most %d characters of %s", key, stsMaxTagValue, stsTagPattern)
		}
		if seen = append(seen, strings.ToLower(key)); slices.Index(seen, strings.ToLower(key)) < len(seen)-1 {
			return badIdentity("Two tags differ in the case of their keys alone.")
		}
	}
	for _, key := range w.Tags.Transitive {
		if w.Tags.Principal[key] == nil {
			return badIdentity("There is no tag to be transitive under the key %q.", key)
		}
	}
	return nil
}

// reserved reports whether a name begins as only AWS's own may.
func reserved(name string) bool { return strings.HasPrefix(strings.ToLower(name), "aws:") }

func (w webIdentity) source() string {
	if w.SourceIdentity == nil {
		return ""
	}
	return *w.SourceIdentity
}

// trusts is the role's trust policy. Its condition on the audience is judged on
// azp where there is one: a JWT of ours must have none.
func (s *sts) trusts(role string, identity webIdentity) error {
	audience := identity.Audience[0]
	if identity.AuthorizedParty != nil {
		audience = *identity.AuthorizedParty
	}
	if role != s.role || audience != pat.STSAudience {
		return stsRefuse(http.StatusForbidden, "AccessDenied", "Not authorized to perform sts:%s", stsAction)
	}
	return nil
}

// A sessionPolicy is IAM's JSON, as far as its shape is judged here.
type sessionPolicy struct {
	Version   string
	ID        string `json:"Id"`
	Statement []struct {
		SID         string `json:"Sid"`
		Effect      string
		Action      jsontext.Value // one text or an array, each
		NotAction   jsontext.Value
		Resource    jsontext.Value
		NotResource jsontext.Value
		Condition   map[string]map[string]jsontext.Value
	}
}

// checkSessionPolicy refuses what is no policy: a session policy has no
// Principal, and each statement one action and one resource element.
func checkSessionPolicy(text string) error {
	if text == "" {
		return nil
	}
	malformed := stsRefuse(http.StatusBadRequest, "MalformedPolicyDocument", "The policy is not a session policy of IAM.")
	var policy sessionPolicy
	if err := json.Unmarshal([]byte(text), &policy, json.RejectUnknownMembers(true)); err != nil || len(policy.Statement) == 0 {
		return malformed
	}
	if policy.Version != "2012-10-17" && policy.Version != "2008-10-17" {
		return malformed
	}
	for _, s := range policy.Statement {
		if s.Effect != "Allow" && s.Effect != "Deny" ||
			(s.Action == nil) == (s.NotAction == nil) || (s.Resource == nil) == (s.NotResource == nil) {
			return malformed
		}
	}
	return nil
}

// packed is how much room policy and tags take, in percent. AWS does not say
// how it packs them; here they count as they are, which is more.
func (w webIdentity) packed(policy string) int {
	n := utf8.RuneCountInString(policy)
	for key, values := range w.Tags.Principal {
		n += utf8.RuneCountInString(key) + utf8.RuneCountInString(values[0])
	}
	return (n*100 + stsMaxPolicy - 1) / stsMaxPolicy
}

// What every answer of the local service has in place of AWS's own.
const (
	stsRequestID = "00000000-0000-0000-0000-000000000000"
	// The keys say what they are, wherever they turn up.
	stsKeyID        = "ASIALOCALCOUNTERFOIL"
	stsSecretKey    = "local-not-a-secret-these-keys-open-nothing"
	stsSessionToken = "local-not-a-token-these-keys-open-nothing"
	stsRoleID       = "AROALOCALCOUNTERFOIL"
)

// An stsResponse is the success, as AWS writes it.
type stsResponse struct {
	XMLName xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ AssumeRoleWithWebIdentityResponse"`
	Result  struct {
		Audience         string
		Provider         string
		Subject          string `xml:"SubjectFromWebIdentityToken"`
		SourceIdentity   string `xml:",omitempty"`
		PackedPolicySize int    // percent
		AssumedRoleUser  struct {
			Arn           string
			AssumedRoleID string `xml:"AssumedRoleId"`
		}
		Credentials struct {
			AccessKeyID     string `xml:"AccessKeyId"`
			SecretAccessKey string
			SessionToken    string
			Expiration      string
		}
	} `xml:"AssumeRoleWithWebIdentityResult"`
	RequestID string `xml:"ResponseMetadata>RequestId"`
}

type stsErrorResponse struct {
	XMLName   xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ ErrorResponse"`
	Type      string   `xml:"Error>Type"`
	Code      string   `xml:"Error>Code"`
	Message   string   `xml:"Error>Message"`
	RequestID string   `xml:"RequestId"`
}

func (s *sts) credentials(session string, identity webIdentity, packed int, end time.Time) stsResponse {
	answer := stsResponse{RequestID: stsRequestID}
	result := &answer.Result
	result.Audience, result.Provider, result.Subject = pat.STSAudience, s.issuer, identity.Subject
	result.SourceIdentity, result.PackedPolicySize = identity.source(), packed
	assumed := strings.Replace(strings.Replace(s.role, ":iam:", ":sts:", 1), ":role/", ":assumed-role/", 1)
	result.AssumedRoleUser.Arn = assumed + "/" + session
	result.AssumedRoleUser.AssumedRoleID = stsRoleID + ":" + session
	keys := &result.Credentials
	keys.AccessKeyID, keys.SecretAccessKey, keys.SessionToken = stsKeyID, stsSecretKey, stsSessionToken
	keys.Expiration = end.UTC().Format(time.RFC3339)
	return answer
}
