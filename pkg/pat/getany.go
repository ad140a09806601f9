package pat

import "context"

// GetAny returns anybody's token. Errors: ErrForbidden (not an administrator),
// *ReauthError, ErrNotFound, ErrUnavailable.
func (s *Service) GetAny(ctx context.Context, by Grant, id string) (View, error) {
	shared, err := s.administers(ctx, by)
	if err != nil {
		return View{}, err
	}
	token, owner, err := s.any(ctx, id)
	if err != nil {
		return View{}, err
	}
	return s.view(token, owner, shared.Policy), nil
}
