package handler

import (
	"context"
	"net/netip"

	"github.com/counterfoil/counterfoil/pkg/api"
	"github.com/counterfoil/counterfoil/pkg/pat"
)

// introspect answers POST /oauth/introspect (RFC 7662). The caller is a resource
// server, and the gateway has judged its credential.
func (h Handlers) introspect(ctx context.Context, r request) (answer, error) {
	form, err := r.form()
	if err != nil {
		return answer{}, err
	}
	if !form.Has("token") {
		return answer{}, invalidRequest("token is missing")
	}
	var client netip.Addr
	if text := form.Get("client_ip"); text != "" {
		if client, err = netip.ParseAddr(text); err != nil {
			return answer{}, invalidRequest("client_ip is no IP address")
		}
	}
	found, err := h.Tokens.Introspect(ctx, r.by, r.address(), pat.NewSecret(form.Get("token")), client)
	if err != nil {
		return answer{}, err
	}
	var header map[string]string // the caller's own end
	if r.by.Kind != pat.KindPerson {
		header = endHeader(r.by.ExpiresAt)
	}
	if found == nil {
		return answer{status: 200, header: header, body: api.Introspection{}}, nil
	}
	body := api.Introspection{
		Active:    true,
		Subject:   found.Person.Subject,
		Username:  found.Username,
		Scope:     new(joinScopes(found.Scopes)),
		ClientID:  found.ClientID,
		TokenType: "Bearer",
		Issuer:    found.Issuer,
		Audience:  found.Audience,
		IssuedAt:  found.IssuedAt.Unix(),
		JWTID:     found.JWTID,
		TokenID:   string(found.TokenID),
		Actor:     actorOf(found.Actor),
	}
	if !found.ExpiresAt.IsZero() {
		body.ExpiresAt = found.ExpiresAt.Unix()
	}
	return answer{status: 200, header: header, body: body}, nil
}
