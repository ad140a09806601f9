package pat

import (
	"context"
	"slices"
)

// An Offer is a scope as one person sees it.
type Offer struct {
	Scope
	// Grantable tells whether the person may give it to a token.
	Grantable bool
}

// Scopes returns the catalogue as the person of a session sees it. Errors:
// ErrForbidden (not a session), ErrUnavailable.
func (s *Service) Scopes(ctx context.Context, by Grant) ([]Offer, error) {
	if err := by.needsPerson(); err != nil {
		return nil, err
	}
	shared, err := s.shared(ctx)
	if err != nil {
		return nil, err
	}
	grantable := shared.Catalogue.Grantable(by.Groups)
	offers := []Offer{}
	for _, scope := range shared.Catalogue {
		if !scope.Retired {
			offers = append(offers, Offer{Scope: scope, Grantable: slices.Contains(grantable, scope.Name)})
		}
	}
	return offers, nil
}
