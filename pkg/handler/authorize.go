package handler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"

	"github.com/aws/aws-lambda-go/events"

	"github.com/counterfoil/counterfoil/pkg/api"
	"github.com/counterfoil/counterfoil/pkg/pat"
)

// An Authorizer is what stands in front of an API, ours or somebody else's. It
// answers TOKEN and REQUEST events of REST APIs.
type Authorizer struct {
	Tokens *pat.Service
	// Routes of the API that it guards.
	Routes []api.Route
	// Sessions lets people's sessions through too. Ours says yes; somebody
	// else's API would see a credential that manages tokens, so it must ask.
	Sessions bool
	// Cached tells that API Gateway may give one answer to several requests: so
	// none says what the first of them lacked.
	Cached bool
	// Log gets a line for every request; nil means JSON on the standard output,
	// as Lambda takes it.
	Log *slog.Logger
}

// An AuthorizerRequest is a TOKEN or a REQUEST event, version 1.0.
type AuthorizerRequest struct {
	Type      string `json:"type"` // TOKEN or REQUEST
	MethodARN string `json:"methodArn"`
	// AuthorizationToken is the header of a TOKEN event.
	AuthorizationToken string `json:"authorizationToken"`
	// MultiValueHeaders are those of a REQUEST event.
	MultiValueHeaders map[string][]string                  `json:"multiValueHeaders"`
	RequestContext    events.APIGatewayProxyRequestContext `json:"requestContext"`
}

// An AuthorizerResponse tells API Gateway what the credential may call. (The
// type of aws-lambda-go has a policy without conditions.)
type AuthorizerResponse struct {
	PrincipalID    string            `json:"principalId"`
	PolicyDocument api.Policy        `json:"policyDocument"`
	Context        map[string]string `json:"context,omitempty"`
}

// The errors that API Gateway tells apart: exactly this text is 401, any other
// is a failure of the authorizer, 503. Neither says why.
var (
	errUnauthorized = errors.New("Unauthorized")
	errFailed       = errors.New("the authorizer cannot decide")
)

// Authorize answers with a policy over every route of the API. Which route was
// asked changes nothing but what the context says about a refusal: API Gateway
// may keep the policy for the next route. Only in front of somebody else's API a
// path that is written in a roundabout way is denied everything.
func (a Authorizer) Authorize(ctx context.Context, req AuthorizerRequest) (AuthorizerResponse, error) {
	ctx, line := begin(ctx, "authorize", req.RequestContext.RequestID)
	defer line.write(ctx, a.Log)
	stage, method, path, err := api.SplitMethodARN(req.MethodARN)
	if err != nil {
		return cannotDecide(line, err)
	}
	secret, err := req.credential()
	if err != nil {
		return unauthorized(line, err)
	}
	line.show(secret)
	from, _ := netip.ParseAddr(req.RequestContext.Identity.SourceIP) // a TOKEN event has none
	ctx = pat.WithOrigin(ctx, pat.Origin{From: from, RequestID: line.requestID})
	grant, err := a.Tokens.Authorize(ctx, secret)
	switch {
	case errors.Is(err, pat.ErrUnauthorized):
		return unauthorized(line, err)
	case errors.Is(err, pat.ErrForbidden):
		return nothing(line, grant, err)
	case err != nil:
		return cannotDecide(line, err)
	}
	line.by(grant)
	asked := a.judge(grant, method, path, from)
	if asked.refused != nil {
		// The gateway will refuse, by the policy, and cannot tell us.
		asked.refused = a.Tokens.Refuse(ctx, grant, asked.reason, asked.refused)
	}
	if errors.Is(asked.refused, pat.ErrUnavailable) {
		return cannotDecide(line, asked.refused)
	}
	if asked.reason != pat.RefusedNetwork { // otherwise it is not its holder who tries
		a.Tokens.Used(ctx, grant, from, asked.uses...)
	}
	may := func(r api.Route) bool { return a.why(r, grant) == "" }
	response := AuthorizerResponse{
		PrincipalID:    grant.Person.Subject,
		PolicyDocument: api.NewPolicy(stage, a.Routes, may, grant.AllowedCIDRs),
		Context:        contextOf(grant),
	}
	// Behind our own API the rules look again at who calls, and an id is read
	// once; an API of somebody else's has the policy alone.
	if a.Tokens.Guest {
		response.PolicyDocument = response.PolicyDocument.WithoutDetours(stage)
		if api.IsDetour(path) {
			response.PolicyDocument = api.DenyAll()
		}
	}
	response.Context[api.ContextCode], response.Context[api.ContextMissingScope] = string(api.Forbidden), ""
	if asked.missing != "" && !a.Cached {
		response.Context[api.ContextCode], response.Context[api.ContextMissingScope] = string(api.InsufficientScope), asked.missing
	}
	switch {
	case asked.refused == nil:
		line.outcome = granted
	case asked.reason == pat.RefusedScope:
		line.refuse(403, string(api.InsufficientScope), asked.refused)
	default:
		line.refuse(403, string(api.Forbidden), asked.refused)
	}
	return response, nil
}

// A judgment is what the policy will mean for the one request that was asked about.
type judgment struct {
	refused error // nil where it will be let through
	reason  pat.RefusalReason
	missing string   // the scope, where that alone is missing
	uses    []string // the scope that it uses, where it is let through
}

// judge tells what the policy will mean for a good credential's request. From where
// a TOKEN event comes only the gateway knows.
func (a Authorizer) judge(g pat.Grant, method, path string, from netip.Addr) judgment {
	if err := g.Within(from); err != nil && from.IsValid() {
		return judgment{refused: err, reason: pat.RefusedNetwork} // who is outside learns no more
	}
	route, known := api.MatchRoute(a.Routes, method, path)
	if !known || a.Tokens.Guest && api.IsDetour(path) {
		return judgment{refused: errors.New("a path that is no route, or is written in a roundabout way"), reason: pat.RefusedForbidden}
	}
	mayNot := fmt.Errorf("the credential may not call %s %s", route.Method, route.Path)
	switch code := a.why(route, g); {
	case code == api.InsufficientScope:
		return judgment{refused: mayNot, reason: pat.RefusedScope, missing: route.Scope}
	case code != "":
		return judgment{refused: mayNot, reason: pat.RefusedForbidden}
	}
	return judgment{uses: []string{route.Scope}}
}

// why tells why a credential may not call a route; empty means that it may.
func (a Authorizer) why(r api.Route, g pat.Grant) api.Code {
	switch {
	case g.Kind == pat.KindPerson && !a.Sessions:
		return api.Forbidden
	case r.Guard == api.Person && g.Kind != pat.KindPerson:
		return api.Forbidden
	case r.Guard == api.Administrator && !a.Tokens.IsAdministrator(g):
		return api.Forbidden
	case r.Scope != "" && !slices.Contains(g.Scopes, r.Scope):
		return api.InsufficientScope
	}
	return ""
}

// credential reads the one credential of the event.
func (r AuthorizerRequest) credential() (pat.Secret, error) {
	header := r.AuthorizationToken
	if r.Type == "REQUEST" {
		var ok bool
		if header, ok = one(r.MultiValueHeaders, "Authorization"); !ok {
			return pat.Secret{}, errNoCredential
		}
	}
	return credential(header)
}

// unauthorized and cannotDecide note the reason and return the answer, which has
// none.
func unauthorized(l *line, reason error) (AuthorizerResponse, error) {
	l.refuse(401, string(api.Unauthorized), reason)
	return AuthorizerResponse{}, errUnauthorized
}

// nothing is the answer for a good credential that may call nothing at all: the
// session of a person who is disabled.
func nothing(l *line, grant pat.Grant, reason error) (AuthorizerResponse, error) {
	l.by(grant)
	l.refuse(403, string(api.Forbidden), reason)
	return AuthorizerResponse{
		PrincipalID:    grant.Person.Subject,
		PolicyDocument: api.DenyAll(),
		Context:        map[string]string{api.ContextCode: string(api.Forbidden), api.ContextMissingScope: ""},
	}, nil
}

func cannotDecide(l *line, reason error) (AuthorizerResponse, error) {
	l.refuse(503, string(api.Unavailable), reason)
	return AuthorizerResponse{}, errFailed
}

// OwnAuthorizer stands in front of our own API.
func OwnAuthorizer(tokens *pat.Service) Authorizer {
	return Authorizer{Tokens: tokens, Routes: api.Routes, Sessions: true}
}
