package pat

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// How often a write that others beat is judged again, and the longest pause
// before that.
const (
	maxTries = 24
	maxPause = 64 * time.Millisecond
)

// retry reads, judges and writes again while others write first. A change is
// always judged against the state that it replaces.
func (s *Service) retry(ctx context.Context, attempt func() error) error {
	pause := time.Millisecond
	for range maxTries {
		err := attempt()
		if !errors.Is(err, ErrConflict) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: beaten by other writers: %w", ErrUnavailable, ctx.Err())
		case <-time.After(rand.N(pause)):
		}
		pause = min(2*pause, maxPause)
	}
	return fmt.Errorf("%w: beaten by other writers %d times", ErrUnavailable, maxTries)
}
