package handler

import (
	"context"
	"log/slog"
	"slices"

	"github.com/aws/aws-lambda-go/events"

	"github.com/counterfoil/counterfoil/pkg/api"
	"github.com/counterfoil/counterfoil/pkg/pat"
)

// A Follower is what the function behind the table's stream runs: of what was
// written it makes events, puts them where they can be read back, and tells
// others. It comes after the fact, so a function that dies after its write loses
// no event, and it tells at least once.
type Follower struct {
	// Issuer is the source of the events.
	Issuer string
	// Read tells what a record says. With an error it says of what item that
	// could not be read, and an event tells so: the record will never be
	// readable, and those behind it must not wait.
	Read func(events.DynamoDBStreamRecord) (pat.Alteration, error)
	// OwnersOf tells whose tokens are; one that is not there is not in the answer.
	// A refusal does not say it: who wrote it down may be an authorizer of
	// somebody else's.
	OwnersOf func(context.Context, []pat.ID) (map[pat.ID]string, error)
	// TokensOf returns all tokens of a person's: one write can kill them all.
	TokensOf func(context.Context, pat.Slot) ([]pat.Token, error)
	// Record puts events where they are read back.
	Record func(context.Context, []pat.Event) error
	// Tell tells others.
	Tell func(context.Context, []api.Event) error
	// Log gets a line for what could not be read or told; nil means JSON on the
	// standard output, as Lambda takes it.
	Log *slog.Logger
}

// inStep is how many records are recorded and told together: what fails is done
// again from the first of them.
const inStep = 10

// Follow takes a batch of the stream, in order. What it could not tell, with all
// that came after it, it names as failed: Lambda brings it again.
func (f Follower) Follow(ctx context.Context, batch events.DynamoDBEvent) (events.DynamoDBEventResponse, error) {
	log := f.Log
	if log == nil {
		log = lambdaLog
	}
	for records := range slices.Chunk(batch.Records, inStep) {
		if err := f.step(ctx, log, records); err != nil {
			first := records[0].Change.SequenceNumber
			log.ErrorContext(ctx, "events wait", "sequence_number", first, "reason", err.Error())
			return events.DynamoDBEventResponse{BatchItemFailures: []events.DynamoDBBatchItemFailure{{ItemIdentifier: first}}}, nil
		}
	}
	return events.DynamoDBEventResponse{BatchItemFailures: []events.DynamoDBBatchItemFailure{}}, nil
}

func (f Follower) step(ctx context.Context, log *slog.Logger, records []events.DynamoDBEventRecord) error {
	var changes []pat.Alteration
	var refused []pat.ID
	for _, r := range records {
		change, err := f.Read(r.Change)
		if err != nil {
			log.ErrorContext(ctx, "an item cannot be read", "event_id", r.EventID, "reason", err.Error())
		}
		changes = append(changes, change)
		if id := change.Refused.TokenID; id != "" && !slices.Contains(refused, id) {
			refused = append(refused, id)
		}
	}
	owners, err := f.OwnersOf(ctx, refused)
	if err != nil {
		return err
	}
	var happened []pat.Event
	for _, change := range changes {
		if owner, there := owners[change.Refused.TokenID]; there {
			change.NewToken = pat.Token{ID: change.Refused.TokenID, OwnedBy: owner}
		}
		if change.Stops() {
			if change.Tokens, err = f.TokensOf(ctx, change.NewOwner.Slot); err != nil {
				return err
			}
		}
		happened = append(happened, change.Events()...)
	}
	if len(happened) == 0 {
		return nil
	}
	if err := f.Record(ctx, happened); err != nil {
		return err
	}
	var told []api.Event
	for _, e := range happened {
		told = append(told, EventOf(f.Issuer, e))
	}
	return f.Tell(ctx, told)
}
