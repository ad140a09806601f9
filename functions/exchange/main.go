// Command exchange is the Lambda function behind POST /oauth/token, and the
// only one that holds the signing key.
package main

import (
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/counterfoil/counterfoil/pkg/broker"
	"github.com/counterfoil/counterfoil/pkg/handler"
	"github.com/counterfoil/counterfoil/pkg/identity"
	"github.com/counterfoil/counterfoil/pkg/pat"
	"github.com/counterfoil/counterfoil/pkg/signer"
	"github.com/counterfoil/counterfoil/pkg/store"
)

func main() {
	env := handler.Must(handler.ReadVerifierConfig(os.Getenv))
	tokens := &pat.Service{
		Store:  handler.Must(store.NewDynamo()),
		Signer: handler.Must(signer.NewKMS()),
		Broker: handler.Must(broker.NewSTS()),
		Verifier: handler.Must((&identity.Verifier{
			Own:         env.Issuer,
			Audience:    env.Issuer,
			Issuer:      env.PeopleIssuer,
			Clients:     env.Clients,
			GroupsClaim: env.GroupsClaim,
		}).Checked()),
		Issuer:       env.Issuer,
		PeopleIssuer: env.PeopleIssuer,
		AdminGroup:   env.AdminGroup,
		Audiences:    env.Audiences,
		Lifetime:     env.Lifetime,
	}
	lambda.Start(handler.Handlers{Tokens: handler.Meter(tokens), Origin: env.Origin}.Function("exchange"))
}
