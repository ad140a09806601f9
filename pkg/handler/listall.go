package handler

import "context"

// listall answers GET /admin/tokens.
func (h Handlers) listall(ctx context.Context, r request) (answer, error) {
	req := r.page()
	var owner *string
	if sub, given := r.query(&req.Bad, "owner"); given {
		owner = &sub
	}
	page, err := h.Tokens.ListAll(ctx, r.by, req, owner)
	if err != nil {
		return answer{}, err
	}
	return listOf(page), nil
}
