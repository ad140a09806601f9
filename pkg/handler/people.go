package handler

import (
	"context"

	"github.com/counterfoil/counterfoil/pkg/api"
	"github.com/counterfoil/counterfoil/pkg/pat"
)

// people answers GET /admin/people.
func (h Handlers) people(ctx context.Context, r request) (answer, error) {
	var bad pat.InvalidError
	sub, _ := r.query(&bad, "sub")
	p, err := h.Tokens.People(ctx, r.by, sub, bad)
	if err != nil {
		return answer{}, err
	}
	return answer{status: 200, body: profileOf(p)}, nil
}

func profileOf(p pat.Profile) api.Profile {
	return api.Profile{
		Subject:      p.Subject,
		Disabled:     p.Disabled,
		Groups:       append([]string{}, p.Groups...),
		TokensActive: p.Active,
		LastSeenAt:   stampOrNull(p.SeenAt),
	}
}
