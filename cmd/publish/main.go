// Publish writes what every function reads and no request writes: the scope
// catalogue, from a file that people review, and the public halves of the keys
// that a deployment signs with, from KMS. Run it after each deployment, and
// when the catalogue changes:
//
//	publish -catalogue infra/scopes.json -outputs outputs.json
//
// where outputs.json is what cdk deploy --outputs-file wrote. Account and
// Region are the shell's. It reaches every function, those of other APIs too,
// within 30 s.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"

	"github.com/counterfoil/counterfoil/pkg/pat"
	"github.com/counterfoil/counterfoil/pkg/signer"
	"github.com/counterfoil/counterfoil/pkg/store"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	p := publisher{open: openTable, publicKeys: signer.PublicKeys, stdout: os.Stdout, stderr: os.Stderr}
	err := p.run(ctx, os.Args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "publish:", err)
		os.Exit(1)
	}
}

// settings is the part of a store that is published to.
type settings interface {
	Settings(ctx context.Context) (pat.Settings, error)
	Publish(ctx context.Context, keys []pat.Key, catalogue pat.Catalogue) error
}

// openTable opens a table as the functions do.
func openTable(table string) (settings, error) {
	return store.NewDynamoAt(table)
}

type publisher struct {
	open           func(table string) (settings, error)
	publicKeys     func(ctx context.Context, keyIDs ...string) ([]pat.Key, error)
	stdout, stderr io.Writer
}

// run publishes, or changes nothing. Its errors are one sentence each.
func (p publisher) run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("publish", flag.ContinueOnError)
	flags.SetOutput(p.stderr)
	cataloguePath := flags.String("catalogue", "infra/scopes.json", "the scope catalogue, a JSON `file`")
	outputsPath := flags.String("outputs", "", "the stack's outputs, the `file` that cdk deploy --outputs-file wrote")
	var reworded []string
	flags.Func("reworded", "the `scope` whose description may change because its meaning does not; may be repeated", func(name string) error {
		reworded = append(reworded, name)
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 || *outputsPath == "" {
		flags.Usage()
		return flag.ErrHelp
	}
	next, err := read(*cataloguePath, parseCatalogue)
	if err != nil {
		return err
	}
	stack, err := read(*outputsPath, parseOutputs)
	if err != nil {
		return err
	}
	table, err := p.open(stack.table)
	if err != nil {
		return err
	}
	published, err := table.Settings(ctx)
	if err != nil && !errors.Is(err, pat.ErrNotFound) {
		return fmt.Errorf("what is published cannot be read: %w", err)
	}
	if err := succeeds(next, published.Catalogue, reworded); err != nil {
		return fmt.Errorf("%s: %w", *cataloguePath, err)
	}
	keys, err := p.publicKeys(ctx, stack.keyIDs...)
	if err != nil {
		return err
	}
	if err := table.Publish(ctx, keys, next); err != nil {
		return err
	}
	p.report(keys, next, published)
	return nil
}

func read[T any](path string, parse func([]byte) (T, error)) (T, error) {
	var none T
	text, err := os.ReadFile(path)
	if err != nil {
		return none, err // it names the file
	}
	parsed, err := parse(text)
	if err != nil {
		return none, fmt.Errorf("%s: %w", path, err)
	}
	return parsed, nil
}

// report says what is there now, and what is no longer: a key that is gone ends
// every JWT that was signed with it.
func (p publisher) report(keys []pat.Key, next pat.Catalogue, before pat.Settings) {
	kept := func(key pat.Key) bool {
		return slices.ContainsFunc(keys, func(k pat.Key) bool { return k.ID == key.ID })
	}
	for _, key := range before.Keys {
		if !kept(key) {
			fmt.Fprintf(p.stdout, "dropped key %s: what it signed is refused from now on\n", key.ID)
		}
	}
	var ids []string
	for _, key := range keys {
		ids = append(ids, key.ID+" ("+key.Algorithm+")")
	}
	fmt.Fprintf(p.stdout, "published %d scopes and the keys %s\n", len(next), strings.Join(ids, ", "))
}
