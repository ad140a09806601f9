package handler

import (
	"context"

	"github.com/counterfoil/counterfoil/pkg/api"
	"github.com/counterfoil/counterfoil/pkg/pat"
)

// list answers GET /tokens.
func (h Handlers) list(ctx context.Context, r request) (answer, error) {
	page, err := h.Tokens.List(ctx, r.by, r.page())
	if err != nil {
		return answer{}, err
	}
	return listOf(page), nil
}

// page reads the query of a list.
func (r request) page() (req pat.ListRequest) {
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
	return req
}

func listOf(page pat.Page) answer {
	list := api.TokenList{Tokens: []api.Token{}, NextCursor: page.NextCursor}
	for _, v := range page.Tokens {
		list.Tokens = append(list.Tokens, tokenOf(v))
	}
	return answer{status: 200, body: list}
}
