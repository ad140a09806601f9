// Command trail is the Lambda function behind the table's stream: no route
// reaches it. It reads every change of a token, its hashes too, and passes on
// events, which have none.
package main

import (
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/counterfoil/counterfoil/pkg/bus"
	"github.com/counterfoil/counterfoil/pkg/handler"
	"github.com/counterfoil/counterfoil/pkg/store"
)

func main() {
	env := handler.Must(handler.ReadConfig(os.Getenv))
	table := handler.Must(store.NewDynamo())
	lambda.Start(handler.Follower{
		Issuer:   env.Issuer,
		Read:     store.Alteration,
		OwnersOf: table.OwnersOf,
		TokensOf: table.TokensOf,
		Record:   table.Record,
		Tell:     handler.Must(bus.NewEventBridge()).Put,
	}.Follow)
}
