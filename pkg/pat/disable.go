package pat

import (
	"context"
	"errors"
)

// Disable stops everything of a person's, or gives it back: from the next request
// on none of their tokens is good, no JWT made from them or from a session, and no
// session. It works for a person who was not seen yet. Errors: ErrForbidden (not
// an administrator), *ReauthError, *InvalidError, *ConflictError (oneself),
// ErrUnavailable.
func (s *Service) Disable(ctx context.Context, by Grant, sub string, disabled bool, bad InvalidError) (Profile, error) {
	shared, err := s.administers(ctx, by)
	if err != nil {
		return Profile{}, err
	}
	if checkSubject(&bad, "sub", sub); bad.or() != nil {
		return Profile{}, &bad
	}
	if disabled && sub == by.Person.Subject {
		return Profile{}, &ConflictError{"nobody can disable themselves"}
	}
	var owner Owner
	err = s.retry(ctx, func() error {
		owner, err = s.owner(ctx, s.person(sub))
		switch {
		case errors.Is(err, ErrNotFound) && disabled:
			owner, err = s.enrol(ctx, Owner{Person: s.person(sub), Disabled: true, Changed: s.mark(ctx, by.administrator(), 1)})
			return err
		case errors.Is(err, ErrNotFound):
			owner = Owner{Person: s.person(sub)}
			return nil
		case err != nil || owner.Disabled == disabled:
			return err
		}
		owner.Disabled, owner.Changed = disabled, s.mark(ctx, by.administrator(), owner.Version+1)
		if err := s.Store.Disable(ctx, owner); err != nil {
			return unavailable("disable or enable a person", err)
		}
		return nil
	})
	if err != nil {
		return Profile{}, err
	}
	if owner.Slot == "" {
		return Profile{Subject: sub, Groups: []string{}}, nil
	}
	return s.profile(ctx, owner, shared)
}
