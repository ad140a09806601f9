package pat

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// A Kind tells the three credentials apart.
type Kind string

// The kinds, as whoami and introspection spell them.
const (
	KindPerson    Kind = "person"    // a session of the people's issuer
	KindPAT       Kind = "pat"       // a personal access token
	KindExchanged Kind = "exchanged" // a JWT of ours
)

// A Grant is what a good credential may do now. The authorizer hands it to the
// functions behind the gateway.
type Grant struct {
	Kind   Kind
	Person Person // for a token, its owner
	// Scopes are the live ones: the credential's, as far as its owner may still
	// have them. A session has those that its person may give to a token.
	Scopes []string
	// ExpiresAt is the effective end; zero means none.
	ExpiresAt time.Time

	// Of a token, and of a JWT made from one.

	TokenID ID
	// Gen is which value of the token was shown, or the JWT was made from.
	Gen int
	// AllowedCIDRs are the networks it may be used from; none means everywhere.
	AllowedCIDRs []netip.Prefix

	// token as it was looked up, for Used; empty behind the gateway.
	token Token

	// Of a session.

	Name     string
	Groups   []string
	IssuedAt time.Time
	// Slot is the person's; a Guest does not know it.
	Slot Slot
}

// Within returns ErrForbidden where the grant is tied to networks and the
// address lies in none of them.
func (g Grant) Within(addr netip.Addr) error {
	if len(g.AllowedCIDRs) == 0 {
		return nil
	}
	addr = addr.Unmap().WithZone("")
	if slices.ContainsFunc(g.AllowedCIDRs, func(n netip.Prefix) bool { return n.Contains(addr) }) {
		return nil
	}
	return fmt.Errorf("%w: used from outside its networks", ErrForbidden)
}

// needsPerson refuses every kind but a session: a token cannot manage tokens,
// or a stolen one could outlive its revocation.
func (g Grant) needsPerson() error {
	if g.Kind != KindPerson {
		return fmt.Errorf("%w: a %s credential cannot manage tokens", ErrForbidden, g.Kind)
	}
	return nil
}

// Authorize tells what a credential may do now. ErrUnauthorized: it is not
// good, whatever the reason. ErrUnavailable: nobody can tell at the moment, so it
// may nothing.
//
// The address that it is used from is judged by Grant.Within, or by whoever
// evaluates the authorizer's policy: a TOKEN authorizer sees none.
func (s *Service) Authorize(ctx context.Context, credential Secret) (Grant, error) {
	switch value := credential.Reveal(); {
	case strings.HasPrefix(value, Prefix):
		return s.authorizeValue(ctx, credential)
	case strings.Count(value, ".") == 2:
		return s.authorizeJWT(ctx, credential)
	}
	return Grant{}, unauthorized("neither a token value nor a JWT")
}

func (s *Service) authorizeValue(ctx context.Context, value Secret) (Grant, error) {
	id, err := Parse(value)
	if err != nil {
		return Grant{}, unauthorized("%w", err)
	}
	shared, err := s.shared(ctx)
	if err != nil {
		return Grant{}, err
	}
	token, owner, err := s.look(ctx, id)
	if err != nil {
		return Grant{}, err
	}
	hash := HashOf(value)
	isCurrent := subtle.ConstantTimeCompare(hash[:], token.Hash[:])
	isPrevious := subtle.ConstantTimeCompare(hash[:], token.Previous[:])
	switch {
	case isCurrent == 1:
		return s.grantOf(token, owner, token.Gen, shared)
	case isPrevious == 1:
		return s.grantOf(token, owner, token.PreviousGen, shared)
	}
	return Grant{}, unauthorized("token %s has another value", id)
}

func (s *Service) authorizeJWT(ctx context.Context, jwt Secret) (Grant, error) {
	shared, err := s.shared(ctx)
	if err != nil {
		return Grant{}, err
	}
	claims, err := s.Verifier.Verify(ctx, jwt, shared.Keys)
	if err != nil {
		if errors.Is(err, ErrUnauthorized) {
			return Grant{}, err
		}
		return Grant{}, unavailable("verify a JWT", err)
	}
	switch claims.Issuer {
	case s.Issuer:
		return s.authorizeExchanged(ctx, claims, shared)
	case s.PeopleIssuer:
		return s.authorizeSession(ctx, claims, shared)
	}
	return Grant{}, unauthorized("a JWT of an issuer that is neither ours nor the people's")
}

func (s *Service) authorizeExchanged(ctx context.Context, claims Claims, shared Settings) (Grant, error) {
	var grant Grant
	if claims.TokenID != "" {
		token, owner, err := s.look(ctx, claims.TokenID)
		if err != nil {
			return Grant{}, err
		}
		if grant, err = s.grantOf(token, owner, claims.Gen, shared); err != nil {
			return Grant{}, err
		}
		if grant.Person.Subject != claims.Subject {
			return Grant{}, unauthorized("the JWT's sub does not own token %s", token.ID)
		}
	} else {
		owner, err := s.owner(ctx, Person{Issuer: s.PeopleIssuer, Subject: claims.Subject})
		if errors.Is(err, ErrNotFound) {
			return Grant{}, unauthorized("the JWT's sub is nobody we know")
		}
		if err != nil {
			return Grant{}, err
		}
		grant = Grant{Person: owner.Person, Scopes: shared.Catalogue.Grantable(owner.Groups)}
	}
	grant.Kind = KindExchanged
	grant.Scopes = intersect(claims.Scopes, grant.Scopes)
	grant.ExpiresAt = earlier(grant.ExpiresAt, claims.ExpiresAt)
	return grant, nil
}

func (s *Service) authorizeSession(ctx context.Context, claims Claims, shared Settings) (Grant, error) {
	grant := Grant{
		Kind:      KindPerson,
		Person:    Person{Issuer: claims.Issuer, Subject: claims.Subject},
		Name:      claims.Name,
		Groups:    claims.Groups,
		IssuedAt:  claims.IssuedAt,
		ExpiresAt: claims.ExpiresAt,
	}
	owner, err := s.see(ctx, &grant, shared)
	if err != nil {
		return Grant{}, err
	}
	grant.Slot = owner.Slot
	grant.Scopes = shared.Catalogue.Grantable(grant.Groups)
	return grant, nil
}

// grantOf judges a token that was found, for one of its values.
func (s *Service) grantOf(token Token, owner Owner, gen int, shared Settings) (Grant, error) {
	now := s.now()
	ends := token.Ends()
	switch {
	case gen == token.Gen:
	case gen == token.PreviousGen && token.hasPrevious(now):
		ends = earlier(ends, token.PreviousUntil)
	default:
		return Grant{}, unauthorized("value %d of token %s was replaced", gen, token.ID)
	}
	if status := token.Status(now); status != Active {
		return Grant{}, unauthorized("token %s is %s", token.ID, status)
	}
	return Grant{
		Kind:         KindPAT,
		Person:       owner.Person,
		Scopes:       shared.Catalogue.Live(token.Scopes, owner.Groups),
		ExpiresAt:    ends,
		TokenID:      token.ID,
		Gen:          gen,
		AllowedCIDRs: token.AllowedCIDRs,
		token:        token,
	}, nil
}

// look finds the token that a credential names. That there is none makes the
// credential bad; that the store does not answer says nothing about it.
func (s *Service) look(ctx context.Context, id ID) (Token, Owner, error) {
	token, owner, err := s.Store.Look(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return Token{}, Owner{}, unauthorized("no token %s", id)
	}
	if err != nil {
		return Token{}, Owner{}, unavailable("look up a token", err)
	}
	return token, owner, nil
}

// earlier returns the earlier of two ends, of which zero means none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
