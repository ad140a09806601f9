package handler

import (
	"context"

	"github.com/counterfoil/counterfoil/pkg/api"
)

// limits answers GET /limits. It names no group: who else may create tokens is
// the administrators' business.
func (h Handlers) limits(ctx context.Context, r request) (answer, error) {
	l, err := h.Tokens.Limits(ctx, r.by)
	if err != nil {
		return answer{}, err
	}
	return answer{status: 200, body: api.Limits{
		MayCreate:           l.MayCreate,
		MayAdminister:       l.MayAdminister,
		MaxLifetimeDays:     numberOrNull(l.MaxLifetimeDays),
		DefaultLifetimeDays: numberOrNull(l.DefaultLifetimeDays),
		RequireExpiry:       l.RequireExpiry,
		MaxTokensPerPerson:  l.MaxTokensPerPerson,
	}}, nil
}
