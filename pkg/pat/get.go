package pat

import "context"

// Get returns one of the person's own tokens. Errors: ErrForbidden (not a
// session), ErrNotFound (unknown, somebody else's, or no id at all: they look
// the same), ErrUnavailable.
func (s *Service) Get(ctx context.Context, by Grant, id string) (View, error) {
	if err := by.needsPerson(); err != nil {
		return View{}, err
	}
	shared, err := s.shared(ctx)
	if err != nil {
		return View{}, err
	}
	token, owner, err := s.own(ctx, by.Person, id)
	if err != nil {
		return View{}, err
	}
	return s.view(token, owner, shared.Policy), nil
}
