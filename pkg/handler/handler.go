// Package handler turns API Gateway's events into calls of the rules and their
// results into answers, one file a verb. It decides nothing: what a credential
// may do is pat's, what an answer looks like is api's.
//
// It is ours; nobody else imports it.
package handler

import (
	"context"
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
	// Log gets a line for every answer that is not a success; nil means slog's
	// default.
	Log *slog.Logger
}

// A Function is what a Lambda function behind API Gateway runs.
type Function func(context.Context, events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error)

// An Authorizer is what stands in front of an API, ours or somebody else's. It
// answers TOKEN and REQUEST events of REST APIs.
type Authorizer struct {
	Tokens *pat.Service
	// Routes of the API that it guards.
	Routes []api.Route
	// Sessions lets people's sessions through too. Ours says yes; somebody
	// else's API would see a credential that manages tokens, so it must ask.
	Sessions bool
	Log      *slog.Logger
}

// AuthorizerRequest is a TOKEN or a REQUEST event, version 1.0.
type AuthorizerRequest struct {
	Type               string // TOKEN or REQUEST
	MethodARN          string `json:"methodArn"`
	AuthorizationToken string `json:"authorizationToken"` // TOKEN

	// REQUEST

	Resource          string                               `json:"resource"`
	Path              string                               `json:"path"`
	HTTPMethod        string                               `json:"httpMethod"`
	Headers           map[string]string                    `json:"headers"`
	MultiValueHeaders map[string][]string                  `json:"multiValueHeaders"`
	RequestContext    events.APIGatewayProxyRequestContext `json:"requestContext"`
}

// AuthorizerResponse tells API Gateway what the credential may call.
type AuthorizerResponse struct {
	PrincipalID    string            `json:"principalId"`
	PolicyDocument api.Policy        `json:"policyDocument"`
	Context        map[string]string `json:"context,omitempty"`
}
