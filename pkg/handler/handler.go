// Package handler turns API Gateway's events into calls of the rules and their
// results into answers, one file a verb. It decides nothing: what a credential
// may do is pat's, what an answer looks like is api's.
//
// It is ours; nobody else imports it.
package handler

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"

	"github.com/aws/aws-lambda-go/events"

	"github.com/counterfoil/counterfoil/pkg/api"
	"github.com/counterfoil/counterfoil/pkg/pat"
)

// Handlers are what the functions behind our own API answer with.
type Handlers struct {
	Tokens *pat.Service
	// Origin is the console's: the one origin that a browser may call from.
	Origin string
	// CLIClientID is what a command line signs in as at the people's issuer.
	CLIClientID string
	// Log gets a line for every request; nil means JSON on the standard output,
	// as Lambda takes it.
	Log *slog.Logger
}

// A Function is what a Lambda function behind API Gateway runs.
type Function func(context.Context, events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error)

// A verb answers the requests of one route. Its errors are the rules' or this
// package's; refuse turns them into answers.
type verb func(Handlers, context.Context, request) (answer, error)

var verbs = map[string]verb{
	"create":     Handlers.create,
	"list":       Handlers.list,
	"get":        Handlers.get,
	"update":     Handlers.update,
	"rotate":     Handlers.rotate,
	"revoke":     Handlers.revoke,
	"limits":     Handlers.limits,
	"trail":      Handlers.trail,
	"scopes":     Handlers.scopes,
	"whoami":     Handlers.whoami,
	"policy":     Handlers.policy,
	"setpolicy":  Handlers.setpolicy,
	"preview":    Handlers.preview,
	"listall":    Handlers.listall,
	"getany":     Handlers.getany,
	"revokeany":  Handlers.revokeany,
	"trailall":   Handlers.trailall,
	"people":     Handlers.people,
	"disable":    Handlers.disable,
	"revokeall":  Handlers.revokeall,
	"exchange":   Handlers.exchange,
	"introspect": Handlers.introspect,
	"revocation": Handlers.revocation,
	"report":     Handlers.report,
	"wellknown":  Handlers.wellknown,
}

// An answer is a success.
type answer struct {
	status int
	header map[string]string // beside those that every answer has
	body   any               // written as JSON; nil for none
}

// Function returns what the Lambda function of that name runs: the routes of
// the table that name it, and no others.
func (h Handlers) Function(name string) Function {
	return func(ctx context.Context, event events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error) {
		route, ok := routeOf(name, event)
		ctx, line := begin(ctx, route.Verb, event.RequestContext.RequestID)
		defer line.write(ctx, h.Log)
		if !ok {
			return h.refuse(line, event, fmt.Errorf("%w: function %s has no such route", pat.ErrNotFound, name)), nil
		}
		req := request{event: event, line: line}
		ctx = pat.WithOrigin(ctx, pat.Origin{From: req.address(), RequestID: line.requestID})
		if id, err := pat.ParseID(req.param("id")); err == nil {
			line.tokenID = id
		}
		if route.Guard != api.Open {
			// The authorizer's word is the only one: a function that was
			// reached around it must not fall back on the header.
			if req.by, ok = grantFrom(event.RequestContext.Authorizer); !ok {
				return h.refuse(line, event, fmt.Errorf("%w: no word of the authorizer", pat.ErrUnauthorized)), nil
			}
			line.by(req.by)
			if err := h.Tokens.Admit(ctx, req.by, demandOf(route)); err != nil {
				return h.refuse(line, event, err), nil
			}
		}
		done, err := verbs[route.Verb](h, ctx, req)
		if err != nil {
			return h.refuse(line, event, err), nil
		}
		response := h.respond(event, done.status, done.header, done.body)
		line.outcome, line.status = answered, done.status
		return response, nil
	}
}

// demandOf is what a route wants of whoever calls.
func demandOf(r api.Route) pat.Demand {
	return pat.Demand{
		Person:        r.Guard == api.Person,
		Administrator: r.Guard == api.Administrator,
		Recent:        r.Recent,
	}
}

func routeOf(function string, event events.APIGatewayProxyRequest) (api.Route, bool) {
	for _, r := range api.Routes {
		if r.Function == function && r.Method == event.HTTPMethod && r.Path == event.Resource {
			return r, true
		}
	}
	return api.Route{}, false
}

// respond writes an answer with the headers that every answer has.
func (h Handlers) respond(event events.APIGatewayProxyRequest, status int, header map[string]string, body any) events.APIGatewayProxyResponse {
	all := map[string]string{
		"Cache-Control":                 "no-store",
		"X-Request-Id":                  event.RequestContext.RequestID,
		"Access-Control-Allow-Origin":   h.Origin,
		"Access-Control-Expose-Headers": api.ExposeHeaders,
	}
	response := events.APIGatewayProxyResponse{StatusCode: status, Headers: all}
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil { // a type of ours that JSON cannot write: a bug
			panic(fmt.Sprintf("write %T: %v", body, err))
		}
		all["Content-Type"] = "application/json"
		response.Body = string(text)
	}
	for name, value := range header {
		all[name] = value
	}
	return response
}
