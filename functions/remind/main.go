// Command remind is the Lambda function behind the hourly schedule: no route
// reaches it. It tells owners ahead of their tokens' ends.
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
	}
	lambda.Start(handler.Reminder{Tokens: handler.Meter(tokens)}.Remind)
}
