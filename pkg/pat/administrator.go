package pat

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// IsAdministrator reports whether a grant is an administrator's session.
func (s *Service) IsAdministrator(g Grant) bool {
	return g.Kind == KindPerson && s.AdminGroup != "" && slices.Contains(g.Groups, s.AdminGroup)
}

// A Demand is what a route wants of whoever calls, before it reads what they want.
type Demand struct {
	// Person wants a session.
	Person bool
	// Administrator wants the session of an administrator.
	Administrator bool
	// Recent wants a session whose person signed in lately: see
	// Policy.ReauthSeconds.
	Recent bool
}

// Admit judges a caller by what the authorizer said of them. Each verb judges
// again; this comes before the body is read. Errors: ErrForbidden, *ReauthError,
// ErrUnavailable.
func (s *Service) Admit(ctx context.Context, by Grant, want Demand) error {
	if want.Person || want.Administrator || want.Recent {
		if err := by.needsPerson(); err != nil {
			return err
		}
	}
	if want.Administrator && !s.IsAdministrator(by) {
		return errNoAdministrator
	}
	if !want.Recent {
		return nil
	}
	shared, err := s.shared(ctx)
	if err != nil {
		return err
	}
	return s.recent(by, shared.Policy)
}

var errNoAdministrator = fmt.Errorf("%w: not an administrator", ErrForbidden)

// administrator refuses everybody but an administrator, as they are now, who
// signed in lately.
func (s *Service) administrator(ctx context.Context, by Grant) error {
	_, err := s.administers(ctx, by)
	return err
}

// administers is administrator, for who needs the settings too.
func (s *Service) administers(ctx context.Context, by Grant) (Settings, error) {
	if err := s.Admit(ctx, by, Demand{Administrator: true}); err != nil {
		return Settings{}, err
	}
	shared, err := s.shared(ctx)
	if err != nil {
		return Settings{}, err
	}
	// Their groups are as the authorizer saw them; what is kept of them may be
	// newer.
	if _, err := s.see(ctx, &by, shared); err != nil {
		return Settings{}, err
	}
	if !s.IsAdministrator(by) {
		return Settings{}, errNoAdministrator
	}
	return shared, s.recent(by, shared.Policy)
}

// recent refuses a session whose person signed in longer ago than the policy
// allows.
func (s *Service) recent(by Grant, p Policy) error {
	if p.refusesSignIn(by, s.now()) {
		return &ReauthError{MaxAge: time.Duration(p.ReauthSeconds) * time.Second}
	}
	return nil
}

func (p Policy) refusesSignIn(by Grant, now time.Time) bool {
	return p.ReauthSeconds > 0 && (by.AuthTime.IsZero() || now.Sub(by.AuthTime) > time.Duration(p.ReauthSeconds)*time.Second)
}
