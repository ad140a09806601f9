package handler

import (
	"errors"

	"github.com/aws/aws-lambda-go/events"

	"github.com/counterfoil/counterfoil/pkg/api"
	"github.com/counterfoil/counterfoil/pkg/pat"
)

// What this package itself finds wrong with a request.
var (
	errTooLarge  = errors.New("body too large")
	errMediaType = errors.New("body of another type than the route takes")
)

// The codes of RFC 6749 that mean our failure, not the caller's.
const (
	serverError            = "server_error"
	temporarilyUnavailable = "temporarily_unavailable"
)

// refuse is the one place where an error becomes an answer. The reason goes
// into the log; the answer says what the contract's table says, so that all
// refusals of one status look alike. What is not listed here is ours: logged
// whole, answered bare.
func (h Handlers) refuse(l *line, event events.APIGatewayProxyRequest, err error) events.APIGatewayProxyResponse {
	if api.IsOAuth(event.Resource) && !isGateways(err) {
		return h.refuseOAuth(l, event, err)
	}
	problem := problemOf(err)
	l.refuse(problem.Status, problem.Code, err)
	header := map[string]string{"Content-Type": "application/problem+json"}
	if problem.Status == 503 {
		header["Retry-After"] = api.RetryAfter
	}
	return h.respond(event, problem.Status, header, problem)
}

// isGateways reports whether an error is one that the gateway itself finds, on
// every route, and words as a problem: no route, no credential, no right.
func isGateways(err error) bool {
	var scope *pat.ScopeError
	return errors.Is(err, pat.ErrNotFound) || errors.Is(err, pat.ErrUnauthorized) || errors.Is(err, pat.ErrForbidden) || errors.As(err, &scope)
}

func problemOf(err error) api.Problem {
	var invalid *pat.InvalidError
	var scope *pat.ScopeError
	var reauth *pat.ReauthError
	var conflict *pat.ConflictError
	switch {
	case errors.As(err, &reauth):
		p := api.NewProblem(api.SignInAgain)
		p.MaxAge = int64(reauth.MaxAge.Seconds())
		return p
	case errors.As(err, &invalid):
		p := api.NewProblem(api.InvalidRequest)
		p.Detail = invalid.Detail
		for _, f := range invalid.Fields {
			p.Errors = append(p.Errors, api.FieldError{Field: f.Field, Message: f.Message})
		}
		return p
	case errors.As(err, &scope):
		p := api.NewProblem(api.InsufficientScope)
		p.MissingScope = new(joinScopes(scope.Missing))
		return p
	case errors.Is(err, pat.ErrUnauthorized):
		return api.NewProblem(api.Unauthorized)
	case errors.Is(err, pat.ErrForbidden):
		return api.NewProblem(api.Forbidden)
	case errors.Is(err, pat.ErrNotFound):
		return api.NewProblem(api.NotFound)
	case errors.Is(err, pat.ErrNameTaken):
		return api.NewProblem(api.NameTaken)
	case errors.Is(err, pat.ErrTokenLimit):
		return api.NewProblem(api.TokenLimit)
	case errors.Is(err, pat.ErrNotActive):
		return api.NewProblem(api.TokenNotActive)
	case errors.As(err, &conflict):
		p := api.NewProblem(api.Conflict)
		p.Detail = conflict.Detail
		return p
	case errors.Is(err, pat.ErrConflict):
		return api.NewProblem(api.Conflict)
	case errors.Is(err, errTooLarge):
		return api.NewProblem(api.TooLarge)
	case errors.Is(err, errMediaType):
		return api.NewProblem(api.UnsupportedMediaType)
	case errors.Is(err, pat.ErrUnavailable):
		return api.NewProblem(api.Unavailable)
	}
	return api.NewProblem(api.Internal)
}

func (h Handlers) refuseOAuth(l *line, event events.APIGatewayProxyRequest, err error) events.APIGatewayProxyResponse {
	status, header, body := 500, map[string]string{}, api.OAuthError{Error: serverError}
	var oauth *pat.OAuthError
	switch {
	case errors.As(err, &oauth):
		status, body = 400, api.OAuthError{Error: oauth.Code, Description: oauth.Description}
	case errors.Is(err, errTooLarge):
		status, body = 413, api.OAuthError{Error: pat.InvalidRequest, Description: "the form is too large"}
	case errors.Is(err, errMediaType):
		status, body = 400, api.OAuthError{Error: pat.InvalidRequest, Description: "the body must be a form (application/x-www-form-urlencoded)"}
	case errors.Is(err, pat.ErrUnavailable):
		status, body = 503, api.OAuthError{Error: temporarilyUnavailable}
		header["Retry-After"] = api.RetryAfter
	}
	l.refuse(status, body.Error, err)
	return h.respond(event, status, header, body)
}

// isBadCredential reports whether an error is about the credential itself. At
// exchange it is a parameter of the form, and the one error that has a reason.
func isBadCredential(err error) bool {
	var oauth *pat.OAuthError
	if errors.As(err, &oauth) {
		return oauth.Reason != nil
	}
	return errors.Is(err, pat.ErrUnauthorized) || errors.Is(err, errNoCredential)
}
