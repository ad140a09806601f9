package pat

import (
	"context"
	"slices"
)

// A PolicyRequest is a whole policy that an administrator wishes for.
type PolicyRequest struct {
	Policy
	// Bad is what was found wrong with the request while it was read; its
	// fields are not judged again.
	Bad InvalidError
}

// SetPolicy replaces the policy. It holds everywhere within SettingsAge, for the
// tokens that there are too, and of two at once the later stays. Errors:
// ErrForbidden (not an administrator), *ReauthError, *InvalidError (also for a
// policy that would refuse the session that sends it), ErrUnavailable.
func (s *Service) SetPolicy(ctx context.Context, by Grant, req PolicyRequest) (Policy, error) {
	if _, err := s.administers(ctx, by); err != nil {
		return Policy{}, err
	}
	if err := s.judgePolicy(by, req); err != nil {
		return Policy{}, err
	}
	if err := s.Store.SetPolicy(ctx, req.Policy, s.mark(ctx, by.administrator(), 0)); err != nil {
		return Policy{}, unavailable("write the policy", err)
	}
	s.settings.decided(req.Policy)
	return req.Policy, nil
}

// judgePolicy judges a policy that somebody wishes for.
func (s *Service) judgePolicy(by Grant, req PolicyRequest) error {
	bad := InvalidError{Detail: req.Bad.Detail, Fields: slices.Clone(req.Bad.Fields)}
	if bad.Detail != "" {
		return &bad
	}
	req.check(&bad)
	// Who locks themselves out cannot take it back.
	if !bad.has("reauth_seconds") && req.refusesSignIn(by, s.now()) {
		bad.Add("reauth_seconds", "would refuse the session that sends it: sign in again first")
	}
	return bad.or()
}
