package handler

import (
	"context"
	"slices"

	"github.com/counterfoil/counterfoil/pkg/api"
	"github.com/counterfoil/counterfoil/pkg/pat"
)

// report answers POST /credentials/report, the same whatever was reported.
func (h Handlers) report(ctx context.Context, r request) (answer, error) {
	body, err := r.object("tokens")
	if err != nil {
		return answer{}, err
	}
	var texts []*string
	body.require("tokens")
	body.read("tokens", "an array of strings", &texts)
	if slices.Contains(texts, nil) {
		body.bad.Add("tokens", "must be an array of strings")
	}
	req := pat.ReportRequest{Bad: *body.bad}
	for _, text := range texts {
		if text != nil {
			req.Values = append(req.Values, pat.NewSecret(*text))
		}
	}
	if err := h.Tokens.Report(ctx, req); err != nil {
		return answer{}, err
	}
	return answer{status: 202, body: api.Nothing{}}, nil
}
