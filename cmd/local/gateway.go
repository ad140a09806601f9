package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/counterfoil/counterfoil/pkg/api"
)

// A gateway does what API Gateway does in front of the functions: it finds the
// route, asks the authorizer, obeys its policy, turns HTTP into an event and the
// function's answer back into HTTP, and gives the answers of api.GatewayAnswers
// by itself. It keeps no authorizer's answer for the next request.
type gateway struct {
	// origin is the console's: the one origin that a browser may call from.
	origin string
	apis   []restAPI
	// timeout of a function; API Gateway's is 29 s.
	timeout time.Duration
	now     func() time.Time
	log     *slog.Logger
}

// A restAPI is one REST API. Each would have an address of its own on AWS; here
// they share one, and a path belongs to the first API that knows it.
type restAPI struct {
	id     string
	routes []api.Route
	// authorizer is a REQUEST authorizer, which is asked before every route that is
	// not open.
	authorizer function
	// serves returns the function behind a route.
	serves func(api.Route) function
	// binary APIs hand bodies over in base64: binaryMediaTypes holds */*.
	binary bool
}

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := newCall(r, g.now())
	a, err := g.serve(r, c)
	var refused refusal
	if errors.As(err, &refused) {
		a = g.own(c, refused)
	}
	a.write(w)
}

// serve returns a function's answer. Its errors are refusals.
func (g *gateway) serve(r *http.Request, c call) (answer, error) {
	if headerSize(r) > api.MaxHeader {
		return answer{}, refusal{kind: "REQUEST_TOO_LARGE"}
	}
	var err error
	if c.body, err = readBody(r); err != nil {
		return answer{}, err
	}
	a, methods := g.find(c.path)
	if len(methods) > 0 && c.method == http.MethodOptions {
		return g.preflight(c, methods), nil
	}
	route, ok := api.MatchRoute(a.routes, c.method, c.path)
	if !ok {
		return answer{}, refusal{kind: "MISSING_AUTHENTICATION_TOKEN"}
	}
	var granted map[string]string
	if route.Guard != api.Open {
		if granted, err = g.authorize(r.Context(), c, a, route); err != nil {
			return answer{}, err
		}
	}
	out, err := a.serves(route).call(withRequestID(r.Context(), c.id), g.timeout, g.log, c.proxyEvent(a, route, granted))
	switch {
	case errors.Is(err, errTimedOut):
		g.failed(c, route.Function, err)
		return answer{}, refusal{kind: "INTEGRATION_TIMEOUT", authorizer: granted}
	case err != nil:
		g.failed(c, route.Function, err)
		return answer{}, refusal{kind: "INTEGRATION_FAILURE", authorizer: granted}
	}
	return answerOf(out)
}

// find returns the API that a path belongs to, and the methods that it has there.
func (g *gateway) find(path string) (restAPI, []string) {
	for _, a := range g.apis {
		var methods []string
		for _, route := range a.routes {
			if _, ok := api.MatchRoute([]api.Route{route}, route.Method, path); ok && !slices.Contains(methods, route.Method) {
				methods = append(methods, route.Method)
			}
		}
		if len(methods) > 0 {
			slices.Sort(methods)
			return a, methods
		}
	}
	return restAPI{}, nil
}

// preflight answers a browser that asks whether it may call from another
// origin. It needs no credential.
func (g *gateway) preflight(c call, methods []string) answer {
	return answer{status: http.StatusNoContent, header: http.Header{
		"Access-Control-Allow-Origin":  {g.origin},
		"Access-Control-Allow-Methods": {strings.Join(methods, ", ")},
		"Access-Control-Allow-Headers": {api.AllowHeaders},
		"Access-Control-Max-Age":       {api.MaxAge},
		"Cache-Control":                {"no-store"},
		"X-Request-Id":                 {c.id},
	}}
}

// authorize asks the API's authorizer and obeys its policy. It returns the
// context for the function.
func (g *gateway) authorize(ctx context.Context, c call, a restAPI, route api.Route) (map[string]string, error) {
	// The header is the identity source: it must be there and not empty.
	if headers := c.header["Authorization"]; len(headers) == 0 || headers[len(headers)-1] == "" {
		return nil, refusal{kind: "UNAUTHORIZED"}
	}
	out, err := a.authorizer.call(withRequestID(ctx, c.id), g.timeout, g.log, c.requestEvent(a, route))
	switch {
	case err != nil && err.Error() == "Unauthorized":
		return nil, refusal{kind: "UNAUTHORIZED"}
	case errors.Is(err, errTimedOut), errors.Is(err, errPanicked):
		g.failed(c, "authorize", err)
		return nil, refusal{kind: "AUTHORIZER_FAILURE"}
	case err != nil:
		g.failed(c, "authorize", err)
		return nil, refusal{kind: "AUTHORIZER_CONFIGURATION_ERROR"}
	}
	var decision struct {
		PrincipalID    string            `json:"principalId"`
		PolicyDocument api.Policy        `json:"policyDocument"`
		Context        map[string]string `json:"context"`
	}
	if err := json.Unmarshal(out, &decision); err != nil || decision.PrincipalID == "" || len(decision.PolicyDocument.Statement) == 0 {
		g.failed(c, "authorize", errors.New("answer without a principal or a policy"))
		return nil, refusal{kind: "AUTHORIZER_CONFIGURATION_ERROR"}
	}
	granted := map[string]string{"principalId": decision.PrincipalID}
	for key, value := range decision.Context {
		granted[key] = value
	}
	if !decision.PolicyDocument.Allows(c.methodARN(a.id), c.from) {
		return nil, refusal{kind: "ACCESS_DENIED", authorizer: granted}
	}
	return granted, nil
}

// failed logs what a function did not answer. The path stays out of it.
func (g *gateway) failed(c call, function string, err error) {
	g.log.Error("function failed", "request_id", c.id, "function", function, "reason", err.Error())
}
