package handler

import (
	"context"

	"github.com/counterfoil/counterfoil/pkg/api"
)

// preview answers POST /admin/policy/preview.
func (h Handlers) preview(ctx context.Context, r request) (answer, error) {
	req, err := r.policy()
	if err != nil {
		return answer{}, err
	}
	p, err := h.Tokens.PreviewPolicy(ctx, r.by, req)
	if err != nil {
		return answer{}, err
	}
	return answer{status: 200, body: api.PolicyPreview{Tokens: p.Tokens, People: p.People, Complete: p.Complete}}, nil
}
