// Command introspect is the Lambda function behind POST /oauth/introspect. It
// writes down what it refuses and nothing else: a credential that somebody asks
// about is not its owner's request.
package main

import (
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/counterfoil/counterfoil/pkg/handler"
	"github.com/counterfoil/counterfoil/pkg/identity"
	"github.com/counterfoil/counterfoil/pkg/pat"
	"github.com/counterfoil/counterfoil/pkg/store"
)

func main() {
	env := handler.Must(handler.ReadVerifierConfig(os.Getenv))
	tokens := &pat.Service{
		Store: handler.Must(store.NewDynamo()),
		Verifier: handler.Must((&identity.Verifier{
			Own:         env.Issuer,
			Audience:    env.Issuer,
			Issuer:      env.PeopleIssuer,
			Clients:     env.Clients,
			GroupsClaim: env.GroupsClaim,
		}).Checked()),
		Issuer:       env.Issuer,
		PeopleIssuer: env.PeopleIssuer,
		Guest:        true,
	}
	lambda.Start(handler.Handlers{Tokens: handler.Meter(tokens), Origin: env.Origin}.Function("introspect"))
}
