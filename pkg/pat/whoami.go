package pat

import (
	"context"
	"net/netip"
)

// An Identity is what a credential is told about itself.
type Identity struct {
	Grant
	// TokenName is the name of the token behind it, if there is one.
	TokenName string
}

// Whoami tells a credential what it is and may do now. The authorizer let it
// through; a token is looked at again, with the address that it is used from.
// Errors: ErrUnauthorized (dead meanwhile), ErrForbidden (used from outside its
// networks), ErrUnavailable.
func (s *Service) Whoami(ctx context.Context, by Grant, from netip.Addr) (Identity, error) {
	if by.TokenID == "" {
		return Identity{Grant: by}, nil
	}
	shared, err := s.shared(ctx)
	if err != nil {
		return Identity{}, err
	}
	token, owner, err := s.look(ctx, by.TokenID)
	if err != nil {
		return Identity{}, err
	}
	now, err := s.grantOf(Found{token, owner}, by.Gen, shared)
	if err == nil {
		err = now.outside(from)
	}
	if err := s.refused(ctx, err); err != nil {
		return Identity{}, err
	}
	now.Kind, now.Actor = by.Kind, by.Actor
	now.Scopes = intersect(by.Scopes, now.Scopes)
	now.ExpiresAt = earlier(now.ExpiresAt, by.ExpiresAt)
	return Identity{Grant: now, TokenName: token.Name}, nil
}
