package handler

import "context"

// revoke answers DELETE /tokens/{id}.
func (h Handlers) revoke(ctx context.Context, r request) (answer, error) {
	if err := h.Tokens.Revoke(ctx, r.by, r.param("id")); err != nil {
		return answer{}, err
	}
	return answer{status: 204}, nil
}
