package main

import (
	"context"
	"time"

	"github.com/counterfoil/counterfoil/pkg/api"
	"github.com/counterfoil/counterfoil/pkg/handler"
	"github.com/counterfoil/counterfoil/pkg/pat"
)

// trailFile is what EventBridge is on AWS.
const trailFile = "trail.jsonl"

// followTrail tells what happens as it happens, until the context ends.
func (s *server) followTrail(ctx context.Context) {
	for {
		if err := s.tell(ctx); err != nil && ctx.Err() == nil {
			s.Log.Error("the trail cannot be written; it is tried again with the next event", "reason", err.Error())
		}
		select {
		case <-ctx.Done():
			return
		case <-s.store.Told():
		}
	}
}

// tell writes what happened and is not in the file yet.
func (s *server) tell(ctx context.Context) error {
	return s.store.Outbox(ctx, func(all []pat.Event) error {
		var events []api.Event
		for _, e := range all {
			events = append(events, handler.EventOf(s.Origin, e))
		}
		return s.trail.Put(ctx, events)
	})
}

// remindEvery is how often owners are told ahead of their tokens' ends.
const remindEvery = 24 * time.Hour

// followEnds warns ahead of the ends of tokens, now and every day, until the
// context ends.
func (s *server) followEnds(ctx context.Context) {
	day := time.NewTicker(remindEvery)
	defer day.Stop()
	for {
		if _, err := s.service().Remind(ctx, 0, 1); err != nil && ctx.Err() == nil {
			s.Log.Error("warnings wait for tomorrow", "reason", err.Error())
		}
		select {
		case <-ctx.Done():
			return
		case <-day.C:
		}
	}
}
