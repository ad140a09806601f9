// Command revokeagain revokes in a restored table what its owners took away
// after the moment that the table was restored to, as far as the table before
// can still be read:
//
//	revokeagain [-write] BEFORE RESTORED
//
// Without -write it only says what it would do. It may be run again.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"iter"
	"os"
	"os/signal"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/counterfoil/counterfoil/pkg/pat"
	"github.com/counterfoil/counterfoil/pkg/store"
)

func main() {
	write := flag.Bool("write", false, "revoke; without it nothing is changed")
	flag.Parse()
	if flag.NArg() != 2 {
		fmt.Fprintln(os.Stderr, "usage: revokeagain [-write] BEFORE RESTORED")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, flag.Arg(0), flag.Arg(1), *write); err != nil {
		fmt.Fprintln(os.Stderr, "revokeagain:", err)
		os.Exit(1)
	}
}

// run goes through the tokens of the table before. It goes on after a token that
// cannot be read or revoked, and fails at the end.
func run(ctx context.Context, out io.Writer, before, restored string, write bool) error {
	if err := cameFrom(ctx, before, restored); err != nil {
		return err
	}
	from, err := store.NewDynamoAt(before)
	if err != nil {
		return err
	}
	to, err := store.NewDynamoAt(restored)
	if err != nil {
		return err
	}
	rules := &pat.Service{Store: to}
	disabled := map[pat.Slot]bool{} // who was looked at
	revoked, lost, failed := 0, 0, 0
	for id, err := range tokens(ctx, before) {
		if err != nil {
			return fmt.Errorf("read the table %s: %w", before, err)
		}
		was, wasOwner, err := from.Look(ctx, id)
		if err != nil {
			failed++
			fmt.Fprintln(out, err)
			continue
		}
		is, owner, err := to.Look(ctx, id)
		if err == nil && !disabled[id.Slot()] {
			disabled[id.Slot()] = true
			err = disableAgain(ctx, out, wasOwner, owner, to, write)
		}
		was, is = wasOwner.Stopped(was), owner.Stopped(is)
		switch {
		case errors.Is(err, pat.ErrNotFound):
			lost++
			continue
		case err == nil && !is.RevokedAt.IsZero():
			continue
		case err == nil:
			reason := taken(was, is)
			if reason == "" {
				continue
			}
			fmt.Fprintln(out, id, reason)
			if write {
				// As its owner would, so that the name is free again.
				err = rules.Revoke(ctx, pat.Grant{Kind: pat.KindPerson, Person: owner.Person}, string(id))
			}
			if err == nil {
				revoked++
			}
		}
		// One that is not found here ended by itself 30 days ago.
		if err != nil && !errors.Is(err, pat.ErrNotFound) {
			failed++
			fmt.Fprintln(out, err)
		}
	}
	if err := decideAgain(ctx, out, from, to, write); err != nil {
		return err
	}
	verb := "to revoke (nothing was changed: say -write)"
	if write {
		verb = "revoked"
	}
	fmt.Fprintf(out, "%d tokens %s, %d created since are lost\n", revoked, verb, lost)
	if failed > 0 {
		return fmt.Errorf("%d tokens could not be read or revoked: see above", failed)
	}
	return nil
}

// decideAgain gives the restored table the policy of the table before: a looser one
// would give back tokens that it stopped.
func decideAgain(ctx context.Context, out io.Writer, from, to *store.Dynamo, write bool) error {
	was, err := from.Settings(ctx)
	if err != nil {
		return fmt.Errorf("read the settings: %w", err)
	}
	is, err := to.Settings(ctx)
	if err == nil && reflect.DeepEqual(was.Policy, is.Policy) {
		return nil
	}
	if err != nil && !errors.Is(err, pat.ErrNotFound) {
		return fmt.Errorf("read the settings: %w", err)
	}
	fmt.Fprintln(out, "the policy was another")
	if !write {
		return nil
	}
	return to.SetPolicy(ctx, was.Policy, again(0))
}

// disableAgain disables a person who was disabled since.
func disableAgain(ctx context.Context, out io.Writer, was, is pat.Owner, to *store.Dynamo, write bool) error {
	if !was.Disabled || is.Disabled {
		return nil
	}
	fmt.Fprintln(out, "the owner of slot", is.Slot, "was disabled")
	if !write {
		return nil
	}
	is.Disabled, is.Changed = true, again(is.Version+1)
	return to.Disable(ctx, is)
}

// again is the mark of what this program does, by nobody's request.
func again(makes int64) pat.Mark {
	return pat.Mark{By: pat.Doer{Kind: pat.DoerUs}, At: time.Now().UTC().Truncate(time.Millisecond), Makes: makes}
}

// taken says what the owner, or an administrator, took from a token since it was as it is in the
// restored table; empty means nothing. A rotated one counts: the value that its
// owner gave up works again, and nobody holds the one that replaced it.
func taken(was, is pat.Token) string {
	missing := func(scope string) bool { return !slices.Contains(was.Scopes, scope) }
	switch {
	case !was.RevokedAt.IsZero():
		return "was revoked"
	case was.Hash != is.Hash:
		return "was rotated"
	case slices.ContainsFunc(is.Scopes, missing):
		return "lost scopes"
	case !slices.Equal(was.AllowedCIDRs, is.AllowedCIDRs):
		return "was given other networks"
	case !was.ExpiresAt.IsZero() && (is.ExpiresAt.IsZero() || was.ExpiresAt.Before(is.ExpiresAt)):
		return "was given an earlier end"
	}
	return ""
}

// cameFrom refuses a table that was not restored from the one before: the other
// way round, every token that was rotated since would be revoked for good.
func cameFrom(ctx context.Context, before, restored string) error {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	described, err := dynamodb.NewFromConfig(cfg).DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &restored})
	if err != nil {
		return fmt.Errorf("describe the table %s: %w", restored, err)
	}
	from := described.Table.RestoreSummary
	if from == nil || from.SourceTableArn == nil || !strings.HasSuffix(*from.SourceTableArn, ":table/"+before) {
		return fmt.Errorf("nothing was changed: the table %s was not restored from %s", restored, before)
	}
	return nil
}

// tokens are the ids of all tokens of a table. No function may scan; whoever
// runs this does it with rights of their own.
func tokens(ctx context.Context, table string) iter.Seq2[pat.ID, error] {
	return func(yield func(pat.ID, error) bool) {
		cfg, err := config.LoadDefaultConfig(ctx)
		if err != nil {
			yield("", err)
			return
		}
		pages := dynamodb.NewScanPaginator(dynamodb.NewFromConfig(cfg), &dynamodb.ScanInput{
			TableName:                &table,
			ConsistentRead:           new(true),
			ProjectionExpression:     new("#p, #s"),
			ExpressionAttributeNames: map[string]string{"#p": store.PartitionKey, "#s": store.SortKey},
		})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield("", err)
				return
			}
			for _, item := range page.Items {
				partition, _ := item[store.PartitionKey].(*types.AttributeValueMemberS)
				sort, _ := item[store.SortKey].(*types.AttributeValueMemberS)
				if partition == nil || sort == nil {
					continue
				}
				// The other items' keys make no id.
				if id, err := pat.ParseID(partition.Value + sort.Value); err == nil && !yield(id, nil) {
					return
				}
			}
		}
	}
}
