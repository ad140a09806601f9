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
	// Actor acts for the owner, in a JWT; nil for nobody.
	Actor *Actor

	// token as it was looked up, for Used; empty behind the gateway.
	token Token

	// Of a session.

	Name     string
	Groups   []string
	IssuedAt time.Time
	// AuthTime is when the person signed in; zero where the session does not say.
	AuthTime time.Time
	// Slot is the person's; a Guest does not know it.
	Slot Slot
}

// An Actor is who acts for the subject of a JWT (RFC 8693 section 4.1): a
// person, by themselves or by a value of a token of theirs.
type Actor struct {
	Subject string `json:"sub"`
	TokenID ID     `json:"pat,omitempty"`
	Gen     int    `json:"gen,omitempty"`
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
// good, whatever the reason. ErrForbidden: a session of a person who is
// disabled; the grant says whose. ErrUnavailable: nobody can tell at the moment, so it
// may nothing. That a real token is refused is written down before it is told, with
// the Origin of the context.
//
// The address that it is used from is judged by Grant.Within, or by whoever
// evaluates the authorizer's policy: a TOKEN authorizer sees none.
func (s *Service) Authorize(ctx context.Context, credential Secret) (Grant, error) {
	found, err := s.identify(ctx, credential, Expectation{})
	return found.grant, s.refused(ctx, err)
}

// An identified credential is a good one, with all that was read to tell.
type identified struct {
	grant  Grant
	claims Claims // of a JWT
	owner  Owner  // the zero Owner for a person that only a Guest has seen
}

func (s *Service) identify(ctx context.Context, credential Secret, expect Expectation) (identified, error) {
	switch value := credential.Reveal(); {
	case strings.HasPrefix(value, Prefix):
		return s.identifyValue(ctx, credential)
	case strings.Count(value, ".") == 2:
		return s.identifyJWT(ctx, credential, expect)
	}
	return identified{}, unauthorized("neither a token value nor a JWT")
}

func (s *Service) identifyValue(ctx context.Context, value Secret) (identified, error) {
	id, err := Parse(value)
	if err != nil {
		return identified{}, unauthorized("%w", err)
	}
	shared, err := s.shared(ctx)
	if err != nil {
		return identified{}, err
	}
	token, owner, err := s.look(ctx, id)
	if err != nil {
		return identified{}, err
	}
	gen, ok := token.genOf(value)
	if !ok {
		return identified{}, unauthorized("token %s has another value", id)
	}
	grant, err := s.grantOf(Found{token, owner}, gen, shared)
	return identified{grant: grant, owner: owner}, err
}

// genOf tells which value of the token it is: the one of now, the one before,
// whether or not that still works, or 0 for one that was given up.
func (t Token) genOf(value Secret) (gen int, ok bool) {
	hash := HashOf(value)
	isCurrent := subtle.ConstantTimeCompare(hash[:], t.Hash[:])
	isPrevious := subtle.ConstantTimeCompare(hash[:], t.Previous[:])
	isReplaced := subtle.ConstantTimeCompare(hash[:], t.Replaced[:])
	switch {
	case isCurrent == 1:
		return t.Gen, true
	case isPrevious == 1:
		return t.PreviousGen, true
	case isReplaced == 1:
		return 0, true
	}
	return 0, false
}

func (s *Service) identifyJWT(ctx context.Context, jwt Secret, expect Expectation) (identified, error) {
	shared, err := s.shared(ctx)
	if err != nil {
		return identified{}, err
	}
	expect.Key = s.publishedKey
	claims, err := s.Verifier.Verify(ctx, jwt, expect)
	if errors.Is(err, ErrUnauthorized) {
		return identified{}, err
	}
	if err != nil {
		return identified{}, unavailable("verify a JWT", err)
	}
	found := identified{claims: claims}
	switch claims.Issuer {
	case s.Issuer:
		found.grant, found.owner, err = s.grantOfExchanged(ctx, claims, shared)
	case s.PeopleIssuer:
		found.grant, found.owner, err = s.grantOfSession(ctx, claims, shared)
	default:
		err = unauthorized("a JWT of an issuer that is neither ours nor the people's")
	}
	if err != nil && !errors.Is(err, ErrForbidden) {
		return identified{}, err
	}
	return found, err
}

func (s *Service) grantOfExchanged(ctx context.Context, claims Claims, shared Settings) (Grant, Owner, error) {
	subject, actor, err := s.parties(ctx, claims)
	if err != nil {
		return Grant{}, Owner{}, err
	}
	grant, err := s.grantOfParty(subject, claims.TokenID, claims.Gen, shared)
	if err != nil {
		return Grant{}, Owner{}, err
	}
	if grant.Person.Subject != claims.Subject {
		return Grant{}, Owner{}, unauthorized("the JWT's sub does not own its token")
	}
	grant.Kind = KindExchanged
	grant.Scopes = intersect(claims.Scopes, grant.Scopes)
	grant.ExpiresAt = earlier(grant.ExpiresAt, claims.ExpiresAt)
	if claims.Actor == nil {
		return grant, subject.Owner, nil
	}
	acting, err := s.grantOfParty(actor, claims.Actor.TokenID, claims.Actor.Gen, shared)
	if err != nil {
		return Grant{}, Owner{}, fmt.Errorf("the actor: %w", err)
	}
	if acting.Person.Subject != claims.Actor.Subject {
		return Grant{}, Owner{}, unauthorized("act's sub does not own its token")
	}
	grant.Actor = claims.Actor
	return grant.narrowedBy(acting), subject.Owner, nil
}

// grantOfParty judges the subject or the actor of a JWT of ours: a value of a
// token, or a person by themselves.
func (s *Service) grantOfParty(party Found, id ID, gen int, shared Settings) (Grant, error) {
	if id != "" {
		return s.grantOf(party, gen, shared)
	}
	if shared.Policy.stops(party.Owner, s.now()) {
		return Grant{}, unauthorized("its person is disabled or absent")
	}
	return Grant{Person: party.Owner.Person, Scopes: shared.Catalogue.Grantable(party.Owner.Groups)}, nil
}

// parties finds the subject and the actor of a JWT of ours: by their tokens,
// both in one round trip, or by who they are. It dies with the tokens of both.
func (s *Service) parties(ctx context.Context, claims Claims) (subject, actor Found, err error) {
	if claims.Actor == nil {
		subject, err = s.partyOf(ctx, claims.TokenID, claims.Subject)
		return subject, Found{}, err
	}
	if claims.TokenID != "" && claims.Actor.TokenID != "" {
		subject, actor, err = s.Store.LookBoth(ctx, claims.TokenID, claims.Actor.TokenID)
		if errors.Is(err, ErrNotFound) {
			return Found{}, Found{}, unauthorized("no token %s or %s", claims.TokenID, claims.Actor.TokenID)
		}
		if err != nil {
			return Found{}, Found{}, unavailable("look up two tokens", err)
		}
		return subject, actor, nil
	}
	if subject, err = s.partyOf(ctx, claims.TokenID, claims.Subject); err != nil {
		return Found{}, Found{}, err
	}
	actor, err = s.partyOf(ctx, claims.Actor.TokenID, claims.Actor.Subject)
	return subject, actor, err
}

// partyOf finds one of them.
func (s *Service) partyOf(ctx context.Context, id ID, sub string) (Found, error) {
	if id != "" {
		token, owner, err := s.look(ctx, id)
		return Found{Token: token, Owner: owner}, err
	}
	owner, err := s.owner(ctx, Person{Issuer: s.PeopleIssuer, Subject: sub})
	if errors.Is(err, ErrNotFound) {
		return Found{}, unauthorized("the JWT names nobody we know")
	}
	return Found{Owner: owner}, err
}

// narrowedBy returns the grant as far as the actor may go too. Where the actor
// may be is judged when the two come together, and not again.
func (g Grant) narrowedBy(actor Grant) Grant {
	g.Scopes = intersect(g.Scopes, actor.Scopes)
	g.ExpiresAt = earlier(g.ExpiresAt, actor.ExpiresAt)
	return g
}

func (s *Service) grantOfSession(ctx context.Context, claims Claims, shared Settings) (Grant, Owner, error) {
	grant := Grant{
		Kind:      KindPerson,
		Person:    Person{Issuer: claims.Issuer, Subject: claims.Subject},
		Name:      claims.Name,
		Groups:    claims.Groups,
		IssuedAt:  claims.IssuedAt,
		AuthTime:  claims.AuthTime,
		ExpiresAt: claims.ExpiresAt,
	}
	owner, err := s.see(ctx, &grant, shared)
	if errors.Is(err, ErrForbidden) {
		return Grant{Kind: KindPerson, Person: grant.Person}, Owner{}, err
	}
	if err != nil {
		return Grant{}, Owner{}, err
	}
	grant.Slot = owner.Slot
	grant.Scopes = shared.Catalogue.Grantable(grant.Groups)
	return grant, owner, nil
}

// grantOf judges a token that was found, for one of its values.
func (s *Service) grantOf(found Found, gen int, shared Settings) (Grant, error) {
	token, owner, now := found.Token, found.Owner, s.now()
	ends := shared.Policy.Ends(token)
	switch {
	case gen == token.Gen:
	case gen == token.PreviousGen && token.hasPrevious(now):
		ends = earlier(ends, token.PreviousUntil)
	default:
		return Grant{}, refusedFor(token, RefusedReplaced, unauthorized("value %d of token %s was replaced", gen, token.ID))
	}
	if status := shared.Policy.Status(token, owner, now); status != Active {
		return Grant{}, refusedFor(token, reasonOf(status), unauthorized("token %s is %s", token.ID, status))
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
	return owner.Stopped(token), owner, nil
}

// earlier returns the earlier of two ends, of which zero means none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
