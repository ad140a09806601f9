package handler

import (
	"context"
	"log/slog"

	"github.com/aws/aws-lambda-go/events"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

// hours of a day. The function looks at as many parts of all tokens, one an hour:
// so a run is short, one that fails is one part of one day, and no place has to
// be remembered.
const hours = 24

// A Reminder is what the function behind the schedule runs.
type Reminder struct {
	Tokens *pat.Service
	// Log gets a line for every run; nil means JSON on the standard output, as
	// Lambda takes it.
	Log *slog.Logger
}

// Remind looks at the part of the hour that the schedule says, so that a run
// that is tried again looks at the same.
func (r Reminder) Remind(ctx context.Context, tick events.CloudWatchEvent) error {
	log := r.Log
	if log == nil {
		log = lambdaLog
	}
	part := tick.Time.UTC().Hour()
	given, err := r.Tokens.Remind(ctx, part, hours)
	if err != nil {
		log.ErrorContext(ctx, "reminded", "part", part, "warnings", given, "reason", err.Error())
		return err
	}
	log.InfoContext(ctx, "reminded", "part", part, "warnings", given)
	return nil
}
