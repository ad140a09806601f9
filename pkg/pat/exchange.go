package pat

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// The words of RFC 8693, and the two of the systems we replace.
const (
	ExchangeGrant = "urn:ietf:params:oauth:grant-type:token-exchange"

	AccessTokenType = "urn:ietf:params:oauth:token-type:access_token"
	JWTType         = "urn:ietf:params:oauth:token-type:jwt"
	PATType         = "urn:ietf:params:oauth:token-type:pat"

	// CredentialsScope buys AWS credentials. It counts only when asked for by
	// name and is never in a JWT: a JWT cannot buy them.
	CredentialsScope = "credentials"
	// ClientID is the client_id of everything that comes from our tokens.
	ClientID = "counterfoil"
	// jwtType is the typ of RFC 9068.
	jwtType = "at+jwt"
)

const jtiLength = 22 // of 62 characters each: 130 bits

// An ExchangeRequest is the form of RFC 8693 section 2.1, in which a parameter
// without a value counts as absent.
type ExchangeRequest struct {
	GrantType          string
	SubjectToken       Secret
	SubjectTokenType   string
	ActorToken         Secret
	ActorTokenType     string
	RequestedTokenType string
	Scope              string
	Audience           []string
	Resource           []string
	// Address is where the request comes from.
	Address netip.Addr
}

// Exchanged is the answer of RFC 8693 section 2.2.1.
type Exchanged struct {
	// Subject is what was exchanged, narrowed by the actor.
	Subject         Grant
	AccessToken     Secret
	IssuedTokenType string
	ExpiresIn       time.Duration // whole seconds
	// Scopes are those of the JWT, and CredentialsScope where AWS is there.
	Scopes []string
	// AWS is nil unless the scope was asked for and granted.
	AWS *AWSCredentials
	// TokenEndsAt is the effective end of the token or JWT that was exchanged;
	// zero for none, and for a session.
	TokenEndsAt time.Time
}

// Exchange turns a good credential into a short-lived JWT of ours that can do
// no more than it: granted = asked ∩ the subject's ∩ what its owner may do now ∩
// the actor's, never past the end of either. Errors: *OAuthError, ErrUnavailable.
func (s *Service) Exchange(ctx context.Context, req ExchangeRequest) (Exchanged, error) {
	if err := req.check(); err != nil {
		return Exchanged{}, err
	}
	subject, err := s.subject(ctx, req)
	if err != nil {
		return Exchanged{}, err
	}
	shared, err := s.shared(ctx)
	if err != nil {
		return Exchanged{}, err
	}
	audience, err := s.target(req)
	if err != nil {
		s.Used(ctx, subject, req.Address)
		return Exchanged{}, err
	}
	scopes, withKeys, err := s.narrow(subject, req.Scope, shared.Catalogue)
	s.Used(ctx, subject, req.Address, usedAt(req.Scope, scopes, withKeys)...)
	if err != nil {
		return Exchanged{}, s.tooLittle(ctx, subject, err)
	}
	now := s.now().UTC().Truncate(time.Second)
	end := earlier(now.Add(s.lifetime()), subject.ExpiresAt).Truncate(time.Second)
	if !end.After(now) {
		// A session's: a token ends with a second.
		return Exchanged{}, badToken("subject_token", unauthorized("the subject ends within the second"))
	}
	done := Exchanged{
		Subject:         subject,
		IssuedTokenType: cmp.Or(req.RequestedTokenType, AccessTokenType),
		ExpiresIn:       end.Sub(now),
		Scopes:          scopes,
	}
	if subject.Kind != KindPerson {
		done.TokenEndsAt = subject.ExpiresAt
	}
	if withKeys {
		keys, err := s.credentials(ctx, subject, scopes, shared.Catalogue, now)
		if err != nil {
			return Exchanged{}, s.tooLittle(ctx, subject, err)
		}
		done.AWS, done.Scopes = &keys, append(slices.Clone(scopes), CredentialsScope)
	}
	payload, err := s.claims(subject, scopes, audience, now, end)
	if err != nil {
		return Exchanged{}, err
	}
	if done.AccessToken, err = s.sign(ctx, jwtType, payload); err != nil {
		return Exchanged{}, err
	}
	return done, nil
}

// sign makes a JWT. As long as the key that signs is not published there is none:
// nobody would accept it.
func (s *Service) sign(ctx context.Context, typ string, payload []byte) (Secret, error) {
	id := s.Signer.KeyID()
	key, err := s.publishedKey(ctx, id)
	if err != nil {
		return Secret{}, unavailable("find the key "+id+" among those published", err)
	}
	jwt, err := s.Signer.Sign(ctx, key, typ, payload)
	if err != nil {
		return Secret{}, unavailable("sign a JWT", err)
	}
	return jwt, nil
}

// check judges the form itself, before any credential is looked at.
func (r ExchangeRequest) check() error {
	switch {
	case r.GrantType == "":
		return invalidRequest("grant_type is missing")
	case r.GrantType != ExchangeGrant:
		return &OAuthError{Code: UnsupportedGrantType, Description: "grant_type must be " + ExchangeGrant}
	case r.SubjectToken.Reveal() == "":
		return invalidRequest("subject_token is missing")
	case r.SubjectTokenType == "":
		return invalidRequest("subject_token_type is missing")
	case !slices.Contains(tokenTypes, r.SubjectTokenType):
		return invalidRequest("subject_token_type is none that is known here")
	case !fits(r.SubjectToken, r.SubjectTokenType):
		return invalidRequest("subject_token_type does not fit subject_token")
	case (r.ActorToken.Reveal() != "") != (r.ActorTokenType != ""):
		return invalidRequest("actor_token and actor_token_type go together")
	case r.ActorTokenType != "" && !slices.Contains(tokenTypes, r.ActorTokenType):
		return invalidRequest("actor_token_type is none that is known here")
	case !fits(r.ActorToken, r.ActorTokenType):
		return invalidRequest("actor_token_type does not fit actor_token")
	case !slices.Contains([]string{"", AccessTokenType, JWTType}, r.RequestedTokenType):
		return invalidRequest("requested_token_type must be " + AccessTokenType + " or " + JWTType)
	}
	return nil
}

// tokenTypes are those of subjects and actors.
var tokenTypes = []string{AccessTokenType, JWTType, PATType}

// fits reports whether a token can be of the type.
func fits(token Secret, tokenType string) bool {
	isValue := strings.HasPrefix(token.Reveal(), Prefix)
	return tokenType != PATType && tokenType != JWTType || isValue == (tokenType == PATType)
}

// subject authorizes the subject_token, and narrows it by the actor_token where
// there is one.
func (s *Service) subject(ctx context.Context, req ExchangeRequest) (Grant, error) {
	subject, err := s.party(ctx, req.SubjectToken, req.Address, "subject_token")
	if req.ActorTokenType == "" {
		return subject, err
	}
	// Also where the subject is not good: each of two that are refused is told.
	actor, actorErr := s.party(ctx, req.ActorToken, req.Address, "actor_token")
	if err == nil || errors.Is(actorErr, ErrUnavailable) {
		err = actorErr
	}
	if err != nil {
		return Grant{}, err
	}
	s.Used(ctx, actor, req.Address)
	if subject.Actor != nil || actor.Actor != nil {
		return Grant{}, invalidRequest("an actor_token beside a token that already names an actor")
	}
	subject = subject.narrowedBy(actor)
	subject.Actor = &Actor{Subject: actor.Person.Subject, TokenID: actor.TokenID, Gen: actor.Gen}
	return subject, nil
}

// party authorizes a token of the form. Whatever is wrong with it, the answer is
// one and the same (RFC 8693 section 2.2.2).
func (s *Service) party(ctx context.Context, token Secret, from netip.Addr, parameter string) (Grant, error) {
	grant, err := s.Authorize(ctx, token)
	if err == nil {
		err = s.refused(ctx, grant.outside(from))
	}
	return grant, badToken(parameter, err)
}

// tooLittle writes down that the subject was refused for what was asked of it, where
// that is what the error says, and returns the error; see Refuse.
func (s *Service) tooLittle(ctx context.Context, subject Grant, err error) error {
	var oauth *OAuthError
	if !errors.As(err, &oauth) || oauth.Code != InvalidScope {
		return err
	}
	return s.Refuse(ctx, subject, RefusedScope, err)
}

// target returns the audiences asked for, each once, or our own.
func (s *Service) target(req ExchangeRequest) ([]string, error) {
	asked := slices.Concat(req.Audience, req.Resource)
	if len(asked) == 0 {
		return []string{s.Issuer}, nil
	}
	known := append([]string{s.Issuer}, s.Audiences...)
	if len(without(asked, known)) > 0 {
		return nil, &OAuthError{Code: InvalidTarget, Description: "an audience or resource asked for is not known here"}
	}
	return intersect(asked, known), nil
}

// narrow returns what is left of the subject's scopes: those asked for, or all
// but the sensitive ones where nothing was asked; and whether AWS credentials go
// with them. CredentialsScope is taken out first: asked for alone, it leaves the
// rest as if nothing had been asked.
func (s *Service) narrow(subject Grant, asked string, catalogue Catalogue) (scopes []string, withKeys bool, err error) {
	names := strings.Fields(asked)
	if slices.Contains(names, CredentialsScope) {
		names = without(names, []string{CredentialsScope})
		withKeys = s.Broker != nil && slices.Contains(subject.Scopes, CredentialsScope)
		if len(names) == 0 {
			if !withKeys {
				return nil, false, invalidScope("the subject cannot be exchanged for AWS credentials")
			}
			asked = ""
		}
	}
	if asked != "" {
		scopes = intersect(names, subject.Scopes)
	} else {
		scopes = slices.DeleteFunc(slices.Clone(subject.Scopes), func(name string) bool {
			scope, _ := catalogue.find(name)
			return scope.Sensitive || name == CredentialsScope
		})
	}
	if len(scopes) == 0 && !withKeys {
		return nil, false, invalidScope("the subject has none of the scopes asked for")
	}
	return scopes, withKeys, nil
}

// usedAt returns the scopes that an exchange uses: those granted that were asked
// for by name. Who asks for none takes what there is, and may need little of it;
// that shows where the JWT is used.
func usedAt(asked string, granted []string, withKeys bool) []string {
	if withKeys {
		granted = append(slices.Clone(granted), CredentialsScope)
	}
	return intersect(strings.Fields(asked), granted)
}

// claims writes the payload of RFC 9068 section 2.2. pat and gen tie the JWT to
// the one value of the one token it came from.
func (s *Service) claims(subject Grant, scopes, audience []string, now, end time.Time) ([]byte, error) {
	jti, err := randomText(s.random(), jtiLength)
	if err != nil {
		return nil, err
	}
	var aud any = audience
	if len(audience) == 1 {
		aud = audience[0]
	}
	payload, err := json.Marshal(struct {
		Issuer    string `json:"iss"`
		Subject   string `json:"sub"`
		Audience  any    `json:"aud"`
		ExpiresAt int64  `json:"exp"`
		IssuedAt  int64  `json:"iat"`
		NotBefore int64  `json:"nbf"`
		ID        string `json:"jti"`
		ClientID  string `json:"client_id"`
		Scope     string `json:"scope"`
		TokenID   ID     `json:"pat,omitempty"`
		Gen       int    `json:"gen,omitempty"`
		Actor     *Actor `json:"act,omitempty"`
	}{
		Issuer: s.Issuer, Subject: subject.Person.Subject, Audience: aud,
		ExpiresAt: end.Unix(), IssuedAt: now.Unix(), NotBefore: now.Unix(),
		ID: jti, ClientID: ClientID, Scope: strings.Join(scopes, " "),
		TokenID: subject.TokenID, Gen: subject.Gen, Actor: subject.Actor,
	})
	if err != nil {
		return nil, fmt.Errorf("write claims: %w", err)
	}
	return payload, nil
}

func (s *Service) lifetime() time.Duration {
	if s.Lifetime == 0 {
		return DefaultLifetime
	}
	return s.Lifetime
}

func invalidRequest(description string) error {
	return &OAuthError{Code: InvalidRequest, Description: description}
}

func invalidScope(description string) error {
	return &OAuthError{Code: InvalidScope, Description: description}
}

// badToken is the one answer for every way in which a token is not good; any other
// error stays what it is.
func badToken(parameter string, reason error) error {
	if !errors.Is(reason, ErrUnauthorized) && !errors.Is(reason, ErrForbidden) {
		return reason
	}
	return &OAuthError{Code: InvalidRequest, Description: parameter + " is not valid", Reason: reason}
}
