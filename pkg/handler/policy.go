package handler

import (
	"context"

	"github.com/counterfoil/counterfoil/pkg/api"
	"github.com/counterfoil/counterfoil/pkg/pat"
)

// policy answers GET /admin/policy.
func (h Handlers) policy(ctx context.Context, r request) (answer, error) {
	p, err := h.Tokens.ReadPolicy(ctx, r.by)
	if err != nil {
		return answer{}, err
	}
	return answer{status: 200, body: policyOf(p)}, nil
}

func policyOf(p pat.Policy) api.TokenPolicy {
	return api.TokenPolicy{
		MaxLifetimeDays:     numberOrNull(p.MaxLifetimeDays),
		DefaultLifetimeDays: numberOrNull(p.DefaultLifetimeDays),
		RequireExpiry:       p.RequireExpiry,
		MaxTokensPerPerson:  p.MaxTokensPerPerson,
		CreatorGroups:       p.CreatorGroups,
		MaxIdleDays:         numberOrNull(p.MaxIdleDays),
		MaxAbsenceDays:      numberOrNull(p.MaxAbsenceDays),
		ReauthSeconds:       numberOrNull(p.ReauthSeconds),
	}
}

func numberOrNull(n int) *int {
	if n == 0 {
		return nil
	}
	return &n
}
