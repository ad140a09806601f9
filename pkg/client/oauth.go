package client

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/counterfoil/counterfoil/pkg/api"
)

// The names of RFC 8693.
const (
	exchangeGrant   = "urn:ietf:params:oauth:grant-type:token-exchange"
	accessTokenType = "urn:ietf:params:oauth:token-type:access_token"
)

// CredentialsScope asks for AWS credentials beside the JWT. It counts only when
// it is asked for by name.
const CredentialsScope = "credentials"

// An ExchangeRequest says what is bought with what.
type ExchangeRequest struct {
	// Subject is what is exchanged; without one it is the client's credential.
	Subject Secret
	// Actor is who acts for the subject, if anybody (RFC 8693 section 1.1).
	Actor Secret
	// Scopes asked for; none means everything but the sensitive ones. What is
	// granted can be less, and Exchanged says so.
	Scopes []string
	// Audiences and Resources say whom the JWT is for; none means the API's own.
	Audiences []string
	Resources []string
}

// Exchanged is what was bought.
type Exchanged struct {
	AccessToken Secret
	Scopes      []string // granted
	ExpiresAt   time.Time
	// AWS is nil unless CredentialsScope was granted.
	AWS *AWSCredentials
}

// AWSCredentials are temporary keys.
type AWSCredentials struct {
	AccessKeyID     string
	SecretAccessKey Secret
	SessionToken    Secret
	ExpiresAt       time.Time
}

// Exchange buys a JWT with a credential (RFC 8693). A credential that is not
// good is ErrBadForm, as the RFC demands.
func (c *Client) Exchange(ctx context.Context, r ExchangeRequest) (Exchanged, error) {
	form, err := c.exchangeForm(ctx, r)
	if err != nil {
		return Exchanged{}, err
	}
	asked := c.now()
	var answer api.Exchanged
	// Nothing is kept of an exchange, so one too many does no harm.
	if err := c.do(ctx, request{method: "POST", path: "/oauth/token", form: form, open: true, repeatable: true}, &answer); err != nil {
		return Exchanged{}, err
	}
	if answer.AccessToken == "" || !strings.EqualFold(answer.TokenType, "Bearer") || answer.ExpiresIn <= 0 {
		return Exchanged{}, errors.New("the answer of " + c.Server + " holds no token: is it a Counterfoil server?")
	}
	got := Exchanged{
		AccessToken: NewSecret(answer.AccessToken),
		Scopes:      strings.Fields(answer.Scope),
		ExpiresAt:   asked.Add(time.Duration(answer.ExpiresIn) * time.Second), // by our clock
	}
	if answer.AWSAccessKeyID == "" {
		return got, nil
	}
	ends, err := time.Parse(time.RFC3339, answer.AWSCredentialsExpiration)
	if err != nil || answer.AWSSecretAccessKey == "" || answer.AWSSessionToken == "" {
		return Exchanged{}, errors.New("the answer of " + c.Server + " holds half of the AWS credentials")
	}
	got.AWS = &AWSCredentials{
		AccessKeyID:     answer.AWSAccessKeyID,
		SecretAccessKey: NewSecret(answer.AWSSecretAccessKey),
		SessionToken:    NewSecret(answer.AWSSessionToken),
		ExpiresAt:       ends,
	}
	return got, nil
}

func (c *Client) exchangeForm(ctx context.Context, r ExchangeRequest) (url.Values, error) {
	subject := r.Subject
	if subject.IsZero() {
		var err error
		if subject, err = c.credential(ctx); err != nil {
			return nil, err
		}
	}
	form := url.Values{
		"grant_type":         {exchangeGrant},
		"subject_token":      {subject.Reveal()},
		"subject_token_type": {accessTokenType},
	}
	if !r.Actor.IsZero() {
		form.Set("actor_token", r.Actor.Reveal())
		form.Set("actor_token_type", accessTokenType)
	}
	if len(r.Scopes) > 0 {
		form.Set("scope", strings.Join(r.Scopes, " "))
	}
	if len(r.Audiences) > 0 {
		form["audience"] = r.Audiences
	}
	if len(r.Resources) > 0 {
		form["resource"] = r.Resources
	}
	return form, nil
}

// An Introspection is what RFC 7662 tells of a credential.
type Introspection = api.Introspection

// An IntrospectQuery is whom a resource server asks about.
type IntrospectQuery struct {
	Token Secret
	// ClientIP is the address that showed it. A token that is tied to networks
	// is active only from inside them, so without an address never.
	ClientIP string
}

// Introspect tells whether somebody's credential is good. The client's own
// needs the scope introspect. What is not good is no error, and not Active.
func (c *Client) Introspect(ctx context.Context, q IntrospectQuery) (Introspection, error) {
	form := url.Values{"token": {q.Token.Reveal()}}
	if q.ClientIP != "" {
		form.Set("client_ip", q.ClientIP)
	}
	var answer Introspection
	err := c.do(ctx, request{method: "POST", path: "/oauth/introspect", form: form, repeatable: true}, &answer)
	return answer, err
}

// RevokeValue kills the token that a value belongs to, for whoever holds the
// value (RFC 7009). One that nobody knows is no error. A JWT is
// ErrUnsupportedTokenType: it dies with its token.
func (c *Client) RevokeValue(ctx context.Context, value Secret) error {
	form := url.Values{"token": {value.Reveal()}}
	return c.do(ctx, request{method: "POST", path: "/oauth/revoke", form: form, open: true, repeatable: true}, nil)
}

// Metadata is OIDC discovery's document, and RFC 8414's.
type Metadata = api.Metadata

// A ProtectedResource is the document of RFC 9728.
type ProtectedResource = api.ProtectedResource

// Metadata returns the API's own discovery document.
func (c *Client) Metadata(ctx context.Context) (Metadata, error) {
	var answer Metadata
	err := c.do(ctx, request{method: "GET", path: "/.well-known/openid-configuration", open: true, repeatable: true}, &answer)
	return answer, err
}

// ProtectedResource says where people sign in. Its path is appended to the
// server's, because behind a stage nothing else can be reached.
func (c *Client) ProtectedResource(ctx context.Context) (ProtectedResource, error) {
	var answer ProtectedResource
	err := c.do(ctx, request{method: "GET", path: "/.well-known/oauth-protected-resource", open: true, repeatable: true}, &answer)
	return answer, err
}

// Keys returns the public keys that our JWTs are verified with, as a JWK set
// (RFC 7517).
func (c *Client) Keys(ctx context.Context) (json.RawMessage, error) {
	var answer json.RawMessage
	err := c.do(ctx, request{method: "GET", path: "/.well-known/jwks.json", open: true, repeatable: true}, &answer)
	return answer, err
}
