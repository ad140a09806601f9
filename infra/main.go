// Command infra writes the CloudFormation template of a deployment: the table,
// the signing keys, the functions and the API in front of them. Said `infra
// console`, that of the console, which is a stack of its own: neither waits for
// the other. It needs Node (CDK runs in it), but no network and no account.
//
// CONFIG names the deployment's file; infra/config.json where it is not set.
// BINARIES may name a folder of functions built before (make build puts them
// into dist); without it they are built here.
package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
)

func main() {
	console := len(os.Args) == 2 && os.Args[1] == "console"
	config, err := readConfig(cmp.Or(os.Getenv("CONFIG"), "infra/config.json"))
	if err == nil && console {
		err = readyForConsole(config, consoleFolder)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "infra:", err)
		os.Exit(1)
	}
	defer jsii.Close()
	// The CDK command line says where it looks for the result.
	app := newApp(cmp.Or(os.Getenv("CDK_OUTDIR"), "cdk.out"))
	if console {
		newConsole(app, config, consoleFolder)
	} else {
		newStack(app, config, os.Getenv("BINARIES"))
	}
	app.Synth(nil)
}

// consoleFolder is where the console is built into.
const consoleFolder = "console/dist"

// readyForConsole reports what the console's stack lacks.
func readyForConsole(c Config, folder string) error {
	if c.Console == nil {
		return errors.New("the configuration has no console: docs/operating.md says what belongs there")
	}
	if _, err := os.Stat(filepath.Join(folder, "index.html")); err != nil {
		return fmt.Errorf("the console is not built (make deploy-console builds it): %w", err)
	}
	return nil
}

// newApp holds every setting of CDK itself, and none may be changed from
// outside: CDK's command line has others, and reads those of cdk.json, so tests
// would see another template than the one that is deployed.
func newApp(outdir string) awscdk.App {
	return awscdk.NewApp(&awscdk.AppProps{
		Outdir:             &outdir,
		AnalyticsReporting: new(false),
		PostCliContext: &map[string]any{
			"@aws-cdk/core:enablePartitionLiterals": true,
			"@aws-cdk/aws-iam:minimizePolicies":     true,
			// A stage serves a snapshot of its API. Without this a change of
			// the authorizer alone takes none, and never reaches the stage.
			"@aws-cdk/aws-apigateway:authorizerChangeDeploymentLogicalId": true,
			// What CloudFormation's own schemas refuse fails here.
			"@aws-cdk/core:validateAgainstDefaultRules": true,
			// sam local finds the binaries by it.
			"aws:cdk:enable-asset-metadata": true,
			"aws:cdk:enable-path-metadata":  false,
		},
	})
}
