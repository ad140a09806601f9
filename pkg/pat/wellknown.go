package pat

import (
	"context"
	"slices"
)

// Discovery is what others need to know to trust our JWTs and to find us.
type Discovery struct {
	Issuer       string
	PeopleIssuer string
	// Scopes that mean something, in catalogue order.
	Scopes []string
	// Algorithms that the keys sign with.
	Algorithms []string
	Keys       []Key
}

// Discover returns what anybody may know. It is at most SettingsAge old.
// ErrUnavailable: the store does not answer.
func (s *Service) Discover(ctx context.Context) (Discovery, error) {
	shared, err := s.shared(ctx)
	if err != nil {
		return Discovery{}, err
	}
	d := Discovery{Issuer: s.Issuer, PeopleIssuer: s.PeopleIssuer, Keys: shared.Keys, Scopes: []string{}, Algorithms: []string{}}
	for _, scope := range shared.Catalogue {
		if !scope.Retired {
			d.Scopes = append(d.Scopes, scope.Name)
		}
	}
	for _, key := range shared.Keys {
		if !slices.Contains(d.Algorithms, key.Algorithm) {
			d.Algorithms = append(d.Algorithms, key.Algorithm)
		}
	}
	return d, nil
}
