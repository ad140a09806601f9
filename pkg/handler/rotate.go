package handler

import (
	"context"
	"time"

	"github.com/counterfoil/counterfoil/pkg/api"
	"github.com/counterfoil/counterfoil/pkg/pat"
)

// rotate answers POST /tokens/{id}/rotate.
func (h Handlers) rotate(ctx context.Context, r request) (answer, error) {
	body, err := r.objectOrNothing("grace_seconds", "keep_previous")
	if err != nil {
		return answer{}, err
	}
	var req pat.RotateRequest
	req.Grace = time.Duration(body.integer("grace_seconds")) * time.Second
	body.read("keep_previous", "true or false", &req.KeepPrevious)
	req.Since = time.UnixMilli(r.event.RequestContext.RequestTimeEpoch)
	req.Bad = *body.bad

	rotated, err := h.Tokens.Rotate(ctx, r.by, r.param("id"), req)
	if err != nil {
		return answer{}, err
	}
	return answer{status: 200, body: api.CreatedToken{Token: tokenOf(rotated.View), Value: rotated.Value.Reveal()}}, nil
}
