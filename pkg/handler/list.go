package handler

import (
	"context"

	"github.com/counterfoil/counterfoil/pkg/api"
	"github.com/counterfoil/counterfoil/pkg/pat"
)

// list answers GET /tokens.
func (h Handlers) list(ctx context.Context, r request) (answer, error) {
	var req pat.ListRequest
	req.Limit = r.integer(&req.Bad, "limit", pat.DefaultPage)
	cursor, given := r.query(&req.Bad, "cursor")
	if given && cursor == "" {
		req.Bad.Add("cursor", "must not be empty")
	}
	status, given := r.query(&req.Bad, "status")
	if given && status == "" {
		req.Bad.Add("status", "must not be empty")
	}
	req.Cursor, req.Status = cursor, pat.Status(status)

	page, err := h.Tokens.List(ctx, r.by, req)
	if err != nil {
		return answer{}, err
	}
	list := api.TokenList{Tokens: []api.Token{}, NextCursor: page.NextCursor}
	for _, v := range page.Tokens {
		list.Tokens = append(list.Tokens, tokenOf(v))
	}
	return answer{status: 200, body: list}, nil
}
