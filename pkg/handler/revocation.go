package handler

import (
	"context"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

// revocation answers POST /oauth/revoke (RFC 7009). The token shown is the
// credential; a client_id and a token_type_hint are ignored.
func (h Handlers) revocation(ctx context.Context, r request) (answer, error) {
	form, err := r.form()
	if err != nil {
		return answer{}, err
	}
	value := pat.NewSecret(form.Get("token"))
	r.line.show(value)
	if err := h.Tokens.Revocation(ctx, value); err != nil {
		return answer{}, err
	}
	return answer{status: 200}, nil
}
