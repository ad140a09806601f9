// A stranger's app: their own module, their own API, our authorizer.
package main

import (
	_ "embed"
	"os"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/jsii-runtime-go"

	"github.com/counterfoil/counterfoil/infra/patauth"
)

//go:embed routes.json
var routes []byte

func main() {
	defer jsii.Close()
	app := awscdk.NewApp(&awscdk.AppProps{
		Outdir: new(os.Args[1]), Context: &map[string]any{"aws:cdk:enable-asset-metadata": true},
	})
	stack := awscdk.NewStack(app, new("Stranger"), nil)
	ours := patauth.Deployment{
		Table:        awsdynamodb.Table_FromTableName(stack, new("Tokens"), new("tokens")),
		Issuer:       "https://pat.example.com",
		PeopleIssuer: "https://people.example.com",
		Clients:      []string{"console"},
	}
	auth := patauth.New(stack, "Auth", patauth.Props{Deployment: ours, Routes: routes})
	api := awsapigateway.NewRestApi(stack, new("Api"), &awsapigateway.RestApiProps{DefaultMethodOptions: auth.Options()})
	auth.Protect(api)
	api.Root().AddResource(new("things"), nil).AddMethod(new("GET"), awsapigateway.NewMockIntegration(nil), nil)
	app.Synth(nil)
}
