// Command list is the Lambda function behind GET /tokens, GET /tokens/{id}, GET /scopes and GET /limits.
package main

import (
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/counterfoil/counterfoil/pkg/handler"
	"github.com/counterfoil/counterfoil/pkg/pat"
	"github.com/counterfoil/counterfoil/pkg/store"
)

func main() {
	env := handler.Must(handler.ReadConfig(os.Getenv))
	tokens := &pat.Service{
		Store:        handler.Must(store.NewDynamo()),
		Issuer:       env.Issuer,
		PeopleIssuer: env.PeopleIssuer,
		AdminGroup:   env.AdminGroup,
	}
	lambda.Start(handler.Handlers{Tokens: handler.Meter(tokens), Origin: env.Origin}.Function("list"))
}
