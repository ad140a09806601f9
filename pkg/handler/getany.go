package handler

import "context"

// getany answers GET /admin/tokens/{id}.
func (h Handlers) getany(ctx context.Context, r request) (answer, error) {
	v, err := h.Tokens.GetAny(ctx, r.by, r.param("id"))
	if err != nil {
		return answer{}, err
	}
	return answer{status: 200, body: tokenOf(v)}, nil
}
