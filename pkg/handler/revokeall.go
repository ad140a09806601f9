package handler

import (
	"context"

	"github.com/counterfoil/counterfoil/pkg/api"
)

// revokeall answers POST /admin/people/revoke-all.
func (h Handlers) revokeall(ctx context.Context, r request) (answer, error) {
	body, err := r.object("sub")
	if err != nil {
		return answer{}, err
	}
	var sub string
	body.require("sub")
	body.read("sub", "a string", &sub)
	n, err := h.Tokens.RevokeAll(ctx, r.by, sub, *body.bad)
	if err != nil {
		return answer{}, err
	}
	return answer{status: 200, body: api.RevokedAll{Revoked: n}}, nil
}
