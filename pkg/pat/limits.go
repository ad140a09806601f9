package pat

import "context"

// Limits are what the administrators' policy means for one person: whatever shows
// them a form or a menu reads it first, and what they do is judged again.
type Limits struct {
	Policy
	// MayCreate tells whether the person may create tokens at all.
	MayCreate bool
	// MayAdminister tells whether the person is an administrator.
	MayAdminister bool
}

// Limits returns what the policy means for the person of a session. Errors:
// ErrForbidden (not a session), ErrUnavailable.
func (s *Service) Limits(ctx context.Context, by Grant) (Limits, error) {
	if err := by.needsPerson(); err != nil {
		return Limits{}, err
	}
	shared, err := s.shared(ctx)
	if err != nil {
		return Limits{}, err
	}
	return Limits{Policy: shared.Policy, MayCreate: shared.Policy.letsCreate(by.Groups), MayAdminister: s.IsAdministrator(by)}, nil
}
