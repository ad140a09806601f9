// Command authorize is the Lambda authorizer in front of our own API, or of the
// one whose routes.json lies beside the binary.
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
	guard := handler.Must(handler.ReadGuard(os.Getenv, handler.BesideBinary()))
	tokens := &pat.Service{
		Store: handler.Must(store.NewDynamo()),
		Verifier: handler.Must((&identity.Verifier{
			Own:         env.Issuer,
			Audience:    guard.Audience,
			Issuer:      env.PeopleIssuer,
			Clients:     env.Clients,
			GroupsClaim: env.GroupsClaim,
		}).Checked()),
		Issuer:       env.Issuer,
		PeopleIssuer: env.PeopleIssuer,
		AdminGroup:   env.AdminGroup,
		Guest:        guard.Guest,
	}
	lambda.Start(guard.Authorizer(handler.Meter(tokens)).Authorize)
}
