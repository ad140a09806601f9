package handler

import (
	"context"

	"github.com/counterfoil/counterfoil/pkg/api"
	"github.com/counterfoil/counterfoil/pkg/pat"
)

func actorOf(a *pat.Actor) *api.Actor {
	if a == nil {
		return nil
	}
	return &api.Actor{Subject: a.Subject, TokenID: string(a.TokenID), Gen: a.Gen}
}

// whoami answers GET /whoami.
func (h Handlers) whoami(ctx context.Context, r request) (answer, error) {
	me, err := h.Tokens.Whoami(ctx, r.by, r.address())
	if err != nil {
		return answer{}, err
	}
	body := api.Whoami{
		Subject:   me.Person.Subject,
		Kind:      string(me.Kind),
		TokenID:   string(me.TokenID),
		TokenName: me.TokenName,
		Scopes:    me.Scopes,
		ExpiresAt: stampOrNull(me.ExpiresAt),
		Actor:     actorOf(me.Actor),
	}
	if me.Kind == pat.KindPerson {
		body.Name, body.Groups = me.Name, me.Groups
		return answer{status: 200, body: body}, nil
	}
	return answer{status: 200, header: endHeader(me.ExpiresAt), body: body}, nil
}
