package handler

import "context"

// trailall answers GET /admin/trail.
func (h Handlers) trailall(ctx context.Context, r request) (answer, error) {
	req := r.trail()
	var of *string
	if sub, given := r.query(&req.Bad, "sub"); given {
		of = &sub
	}
	page, err := h.Tokens.TrailAll(ctx, r.by, req, of)
	if err != nil {
		return answer{}, err
	}
	return h.eventList(page), nil
}
