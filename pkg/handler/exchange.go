package handler

import (
	"context"

	"github.com/counterfoil/counterfoil/pkg/api"
	"github.com/counterfoil/counterfoil/pkg/pat"
)

// exchange answers POST /oauth/token (RFC 8693). There is no client
// authentication: the token shown is the credential, and a client_id or a
// Basic header for one is ignored.
func (h Handlers) exchange(ctx context.Context, r request) (answer, error) {
	form, err := r.form("audience", "resource")
	if err != nil {
		return answer{}, err
	}
	subject := pat.NewSecret(form.Get("subject_token"))
	r.line.show(subject)
	done, err := h.Tokens.Exchange(ctx, pat.ExchangeRequest{
		GrantType:          form.Get("grant_type"),
		SubjectToken:       subject,
		SubjectTokenType:   form.Get("subject_token_type"),
		ActorToken:         pat.NewSecret(form.Get("actor_token")),
		ActorTokenType:     form.Get("actor_token_type"),
		RequestedTokenType: form.Get("requested_token_type"),
		Scope:              form.Get("scope"),
		Audience:           form["audience"],
		Resource:           form["resource"],
		Address:            r.address(),
	})
	if err != nil {
		return answer{}, err
	}
	r.line.by(done.Subject)
	body := api.Exchanged{
		AccessToken:     done.AccessToken.Reveal(),
		IssuedTokenType: done.IssuedTokenType,
		TokenType:       "Bearer",
		ExpiresIn:       int64(done.ExpiresIn.Seconds()),
		Scope:           joinScopes(done.Scopes),
	}
	if keys := done.AWS; keys != nil {
		body.AWSAccessKeyID = keys.AccessKeyID
		body.AWSSecretAccessKey = keys.SecretAccessKey.Reveal()
		body.AWSSessionToken = keys.SessionToken.Reveal()
		body.AWSCredentialsExpiration = stamp(keys.ExpiresAt)
	}
	return answer{status: 200, header: endHeader(done.TokenEndsAt), body: body}, nil
}
