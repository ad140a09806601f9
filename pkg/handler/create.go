package handler

import (
	"context"

	"github.com/counterfoil/counterfoil/pkg/api"
	"github.com/counterfoil/counterfoil/pkg/pat"
)

// create answers POST /tokens.
func (h Handlers) create(ctx context.Context, r request) (answer, error) {
	body, err := r.object("name", "description", "scopes", "expires_at", "allowed_cidrs")
	if err != nil {
		return answer{}, err
	}
	var req pat.CreateRequest
	body.require("name", "scopes")
	body.read("name", "a string", &req.Name)
	body.read("description", "a string", &req.Description)
	body.read("scopes", "an array of strings", &req.Scopes)
	body.read("allowed_cidrs", "an array of strings", &req.AllowedCIDRs)
	req.Expiry = body.expiry("expires_at")
	req.Bad = *body.bad

	created, err := h.Tokens.Create(ctx, r.by, req)
	if err != nil {
		return answer{}, err
	}
	r.line.tokenID = created.ID
	return answer{
		status: 201,
		header: map[string]string{"Location": h.Tokens.Issuer + "/tokens/" + string(created.ID)},
		body:   api.CreatedToken{Token: tokenOf(created.View), Value: created.Value.Reveal()},
	}, nil
}
