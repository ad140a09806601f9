package pat

import "context"

// RevokeAny kills anybody's token as Revoke does one's own. Errors: ErrForbidden
// (not an administrator), *ReauthError, ErrNotFound, ErrUnavailable.
func (s *Service) RevokeAny(ctx context.Context, by Grant, id string) error {
	if err := s.administrator(ctx, by); err != nil {
		return err
	}
	return s.retry(ctx, func() error {
		token, owner, err := s.any(ctx, id)
		if err != nil {
			return err
		}
		return s.kill(ctx, token, owner, by.administrator())
	})
}
