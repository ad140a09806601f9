package handler

import (
	"context"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

// update answers PATCH /tokens/{id}.
func (h Handlers) update(ctx context.Context, r request) (answer, error) {
	body, err := r.object("name", "description", "scopes", "expires_at", "allowed_cidrs")
	if err != nil {
		return answer{}, err
	}
	var req pat.UpdateRequest
	var name, description string
	var cidrs []string
	if body.read("name", "a string", &name) {
		req.Name = &name
	}
	if body.read("description", "a string", &description) {
		req.Description = &description
	}
	body.read("scopes", "an array of strings", &req.Scopes)
	if body.read("allowed_cidrs", "an array of strings", &cidrs) {
		req.AllowedCIDRs = &cidrs
	}
	req.Expiry = body.expiry("expires_at")
	req.Bad = *body.bad

	v, err := h.Tokens.Update(ctx, r.by, r.param("id"), req)
	if err != nil {
		return answer{}, err
	}
	return answer{status: 200, body: tokenOf(v)}, nil
}
