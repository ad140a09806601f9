package pat

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"
)

// IntrospectScope lets a resource server ask about other people's credentials.
const IntrospectScope = "introspect"

// An Introspection is what RFC 7662 section 2.2 tells of a good credential.
type Introspection struct {
	Grant
	Issuer   string
	Audience []string
	ClientID string
	IssuedAt time.Time
	JWTID    string // jti; empty for a personal token
	// Username is how the person is called; empty where no session showed it.
	Username string
}

// Introspect tells what a credential is worth now: nil where it is not good,
// whatever the reason. One that is tied to networks is good only for a client
// inside. Whom a JWT is for is reported, not judged. The Service should be a
// Guest: a credential that somebody asks about is not its owner's request.
// Errors: *ScopeError (the caller may not ask), and those of Whoami about the
// caller.
func (s *Service) Introspect(ctx context.Context, by Grant, from netip.Addr, credential Secret, client netip.Addr) (*Introspection, error) {
	caller, err := s.Whoami(ctx, by, from)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(caller.Scopes, IntrospectScope) {
		return nil, s.Refuse(ctx, caller.Grant, RefusedScope, &ScopeError{Missing: []string{IntrospectScope}})
	}
	found, err := s.identify(ctx, credential, Expectation{AnyAudience: true})
	if err == nil {
		err = found.grant.outside(client)
	}
	// It was used at the caller's, from where the client is.
	err = s.refused(withAddress(ctx, client), err)
	if errors.Is(err, ErrUnauthorized) || errors.Is(err, ErrForbidden) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	in := Introspection{
		Grant:    found.grant,
		Issuer:   found.claims.Issuer,
		Audience: found.claims.Audience,
		ClientID: found.claims.ClientID,
		IssuedAt: found.claims.IssuedAt,
		JWTID:    found.claims.ID,
		Username: found.owner.Name,
	}
	switch in.Kind {
	case KindPAT:
		in.Issuer, in.Audience, in.ClientID = s.Issuer, []string{s.Issuer}, ClientID
		in.IssuedAt = found.grant.token.CreatedAt
	case KindPerson:
		in.Username = found.grant.Name
	}
	return &in, nil
}
