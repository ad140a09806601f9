package pat

import "context"

// Limits are what the administrators' policy means for one person who wants to
// create a token: whatever shows them a form reads it first.
type Limits struct {
	Policy
	// MayCreate tells whether the person may create tokens at all.
	MayCreate bool
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
	return Limits{Policy: shared.Policy, MayCreate: shared.Policy.letsCreate(by.Groups)}, nil
}
