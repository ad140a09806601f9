// Command lambda is the example API's function. It keeps its notes where Lambda
// lets it write, so each instance has its own, for as long as it lives: what
// the example shows is how an API is protected, not where one keeps things.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/counterfoil/counterfoil/examples/notes"
)

func main() {
	kept, err := notes.Open(filepath.Join(os.TempDir(), "notes.jsonl"))
	if err != nil {
		fmt.Fprintln(os.Stderr, "notes:", err)
		os.Exit(1)
	}
	kept.Origin = os.Getenv(notes.EnvOrigin)
	lambda.Start(kept.Handle)
}
