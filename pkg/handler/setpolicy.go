package handler

import (
	"context"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

// setpolicy answers PUT /admin/policy.
func (h Handlers) setpolicy(ctx context.Context, r request) (answer, error) {
	req, err := r.policy()
	if err != nil {
		return answer{}, err
	}
	p, err := h.Tokens.SetPolicy(ctx, r.by, req)
	if err != nil {
		return answer{}, err
	}
	return answer{status: 200, body: policyOf(p)}, nil
}

// policy reads a whole policy: a member that is left out is one that nobody
// decided about.
func (r request) policy() (req pat.PolicyRequest, err error) {
	names := []string{
		"max_lifetime_days", "default_lifetime_days", "require_expiry", "max_tokens_per_person",
		"creator_groups", "max_idle_days", "max_absence_days", "reauth_seconds",
	}
	body, err := r.object(names...)
	if err != nil {
		return pat.PolicyRequest{}, err
	}
	body.require(names...)
	req.MaxLifetimeDays = body.integerOrNull("max_lifetime_days")
	req.DefaultLifetimeDays = body.integerOrNull("default_lifetime_days")
	body.read("require_expiry", "true or false", &req.RequireExpiry)
	req.MaxTokensPerPerson = body.integer("max_tokens_per_person")
	if body.members["creator_groups"].Kind() != 'n' {
		body.read("creator_groups", "an array of strings, or null for everybody", &req.CreatorGroups)
	}
	req.MaxIdleDays = body.integerOrNull("max_idle_days")
	req.MaxAbsenceDays = body.integerOrNull("max_absence_days")
	req.ReauthSeconds = body.integerOrNull("reauth_seconds")
	req.Bad = *body.bad
	return req, nil
}
