// Command infra is the stack of the example API, as somebody would write it who
// has a Counterfoil in their account and an API of their own to protect. It
// asks for what it must know of that Counterfoil as parameters:
//
//	npx aws-cdk deploy --app 'go run ./examples/notes/infra' \
//	    --parameters TokensTable=<TableName> --parameters Issuer=<Issuer> …
//
// (the words in brackets are outputs of Counterfoil's stack).
package main

import (
	"cmp"
	"os"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/jsii-runtime-go"

	"github.com/counterfoil/counterfoil/examples/notes"
	"github.com/counterfoil/counterfoil/infra/gofn"
	"github.com/counterfoil/counterfoil/infra/patauth"
)

func main() {
	defer jsii.Close()
	app := awscdk.NewApp(&awscdk.AppProps{Outdir: new(cmp.Or(os.Getenv("CDK_OUTDIR"), "cdk.out"))})
	newStack(app, os.Getenv("BINARIES"))
	app.Synth(nil)
}

func newStack(app awscdk.App, binaries string) awscdk.Stack {
	stack := awscdk.NewStack(app, new("Notes"), nil)
	parameter := func(name, description string) string {
		return *awscdk.NewCfnParameter(stack, &name, &awscdk.CfnParameterProps{Description: &description, MinLength: new(1.0)}).ValueAsString()
	}
	origin := parameter("Origin", "The one origin that browsers may call from")

	// Its own part: a function, and an API in front of it.
	function := gofn.New(stack, "Function", gofn.Props{
		Package:     "github.com/counterfoil/counterfoil/examples/notes/lambda",
		Description: "The example API",
		Environment: map[string]string{notes.EnvOrigin: origin},
		Binaries:    binaries,
	})

	// The three lines that protect it.
	auth := patauth.New(stack, "Auth", patauth.Props{
		Deployment: patauth.Deployment{
			Table:        awsdynamodb.Table_FromTableName(stack, new("Tokens"), new(parameter("TokensTable", "Counterfoil's output TableName"))),
			Issuer:       parameter("Issuer", "Counterfoil's output Issuer"),
			PeopleIssuer: parameter("PeopleIssuer", "people.issuer in Counterfoil's configuration"),
			Clients:      []string{parameter("Clients", "people.clients there, with spaces between")},
			GroupsClaim:  parameter("GroupsClaim", "people.groups_claim there"),
		},
		Routes:   notes.Routes,
		Sessions: true, // its users may try it without a token
		Origin:   origin,
		Binaries: binaries,
	})
	api := awsapigateway.NewRestApi(stack, new("Api"), &awsapigateway.RestApiProps{
		EndpointTypes:        &[]awsapigateway.EndpointType{awsapigateway.EndpointType_REGIONAL},
		CloudWatchRole:       new(false),
		DefaultMethodOptions: auth.Options(),
	})
	auth.Protect(api)

	resource := api.Root().AddResource(new("notes"), nil)
	to := awsapigateway.NewLambdaIntegration(function.Function, nil)
	resource.AddMethod(new("GET"), to, nil)
	resource.AddMethod(new("POST"), to, nil)
	return stack
}
