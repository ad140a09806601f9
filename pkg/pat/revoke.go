package pat

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Revoke kills one of the person's own tokens, with every value of it and every
// JWT that was made from it, from the next request on. Revoking it again does
// nothing. Errors: ErrForbidden (not a session), ErrNotFound (unknown, somebody
// else's, or no id at all), ErrUnavailable.
func (s *Service) Revoke(ctx context.Context, by Grant, id string) error {
	if err := by.needsPerson(); err != nil {
		return err
	}
	return s.retry(ctx, func() error {
		token, owner, err := s.any(ctx, id)
		if err != nil {
			return err
		}
		if owner.Person != by.Person {
			return ErrNotFound
		}
		return s.kill(ctx, token, owner, by.doer())
	})
}

// kill marks a token revoked, unless it is. ErrConflict: somebody changed it
// meanwhile.
func (s *Service) kill(ctx context.Context, token Token, owner Owner, by Doer) error {
	if !token.RevokedAt.IsZero() {
		return nil
	}
	now := s.now()
	// Near its end another function's clock may have counted it out already. A
	// counter that is too high is mended, one too low is not.
	if token.holdsPlace(now.Add(clockSkew)) {
		owner.Live--
	}
	token.RevokedAt = now.UTC().Truncate(time.Second)
	token.Changed = s.mark(ctx, by, token.Version+1)
	err := s.Store.Revoke(ctx, Revocation{Token: token, NameKey: nameKey(token.Name), Owner: owner})
	if err != nil {
		return unavailable("revoke a token", err)
	}
	return nil
}

// clockSkew is more than two functions' clocks are ever apart.
const clockSkew = time.Minute

// own finds a person's token by what should be its id. ErrNotFound: unknown,
// somebody else's, dead for so long that it is hidden, or not an id.
// ErrForbidden: the person is disabled.
func (s *Service) own(ctx context.Context, person Person, id string) (Token, Owner, error) {
	token, owner, err := s.any(ctx, id)
	switch {
	case err != nil:
		return Token{}, Owner{}, err
	case owner.Person != person:
		return Token{}, Owner{}, ErrNotFound
	case owner.Disabled:
		return Token{}, Owner{}, fmt.Errorf("%w: the person is disabled", ErrForbidden)
	}
	return token, owner, nil
}

// any finds anybody's token, as own does.
func (s *Service) any(ctx context.Context, id string) (Token, Owner, error) {
	parsed, err := ParseID(id)
	if err != nil {
		return Token{}, Owner{}, err
	}
	token, owner, err := s.Store.Look(ctx, parsed)
	if errors.Is(err, ErrNotFound) {
		return Token{}, Owner{}, ErrNotFound
	}
	if err != nil {
		return Token{}, Owner{}, unavailable("look up a token", err)
	}
	if token = owner.Stopped(token); token.gone(s.now()) {
		return Token{}, Owner{}, ErrNotFound
	}
	return token, owner, nil
}
