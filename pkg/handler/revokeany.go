package handler

import "context"

// revokeany answers DELETE /admin/tokens/{id}.
func (h Handlers) revokeany(ctx context.Context, r request) (answer, error) {
	if err := h.Tokens.RevokeAny(ctx, r.by, r.param("id")); err != nil {
		return answer{}, err
	}
	return answer{status: 204}, nil
}
