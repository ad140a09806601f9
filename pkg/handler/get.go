package handler

import "context"

// get answers GET /tokens/{id}.
func (h Handlers) get(ctx context.Context, r request) (answer, error) {
	v, err := h.Tokens.Get(ctx, r.by, r.param("id"))
	if err != nil {
		return answer{}, err
	}
	return answer{status: 200, body: tokenOf(v)}, nil
}
