package pat

import (
	"context"
	"errors"
)

// TrailAll returns a page of what happened to everybody and the policy, or to one
// person and their tokens; to a person who was never seen nothing did. Errors:
// ErrForbidden (not an administrator), *ReauthError, *InvalidError,
// ErrUnavailable.
func (s *Service) TrailAll(ctx context.Context, by Grant, req TrailRequest, sub *string) (TrailPage, error) {
	if err := s.administrator(ctx, by); err != nil {
		return TrailPage{}, err
	}
	thread := Everything
	if sub != nil {
		checkSubject(&req.Bad, "sub", *sub)
		slot, err := s.slot(ctx, s.person(*sub))
		if err != nil && !errors.Is(err, ErrNotFound) {
			return TrailPage{}, err
		}
		thread = PersonThread(slot)
	}
	before, bad := req.judge(thread)
	if err := bad.or(); err != nil {
		return TrailPage{}, err
	}
	if thread == PersonThread("") {
		return TrailPage{}, nil
	}
	return s.trail(ctx, thread, before, req.Limit)
}
