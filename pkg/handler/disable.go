package handler

import "context"

// disable answers PATCH /admin/people.
func (h Handlers) disable(ctx context.Context, r request) (answer, error) {
	body, err := r.object("sub", "disabled")
	if err != nil {
		return answer{}, err
	}
	var sub string
	var disabled bool
	body.require("sub", "disabled")
	body.read("sub", "a string", &sub)
	body.read("disabled", "true or false", &disabled)
	p, err := h.Tokens.Disable(ctx, r.by, sub, disabled, *body.bad)
	if err != nil {
		return answer{}, err
	}
	return answer{status: 200, body: profileOf(p)}, nil
}
