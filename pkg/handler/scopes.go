package handler

import (
	"context"

	"github.com/counterfoil/counterfoil/pkg/api"
)

// scopes answers GET /scopes.
func (h Handlers) scopes(ctx context.Context, r request) (answer, error) {
	offers, err := h.Tokens.Scopes(ctx, r.by)
	if err != nil {
		return answer{}, err
	}
	list := api.ScopeList{Scopes: []api.Scope{}}
	for _, o := range offers {
		list.Scopes = append(list.Scopes, api.Scope{
			Name:        o.Name,
			Description: o.Description,
			Category:    o.Category,
			Sensitive:   o.Sensitive,
			Grantable:   o.Grantable,
		})
	}
	return answer{status: 200, body: list}, nil
}
