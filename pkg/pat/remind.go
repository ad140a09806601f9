package pat

import (
	"cmp"
	"context"
	"errors"
	"time"
)

// warnAhead is how many days before an end its owner is told, the nearest first.
var warnAhead = []int{1, 7, 30}

// lookEvery is how often a token is looked at. A warning is given at the last look
// before its moment: a day ahead is never minutes ahead.
const lookEvery = 24 * time.Hour

// A Warning is what was last told of an end of a token's.
type Warning struct {
	// EndsAt is the end; another one is told of anew.
	EndsAt time.Time
	// Days ahead of it.
	Days int
}

// next returns the warning that is due of an end: the nearest whose moment has
// come, unless it was given. One whose moment lay before the token's life began
// is none: who made a token for a week needs not be told at once.
func (w Warning) next(end, began, now time.Time) (Warning, bool) {
	end = end.UTC().Truncate(time.Second)
	if end.IsZero() || !now.Before(end) {
		return Warning{}, false
	}
	for _, days := range warnAhead {
		moment := end.AddDate(0, 0, -days)
		if now.Before(moment.Add(-lookEvery)) {
			continue
		}
		given := w.EndsAt.Equal(end) && w.Days <= days
		return Warning{EndsAt: end, Days: days}, !given && !moment.Before(began)
	}
	return Warning{}, false
}

// warn returns the token with the warnings that are due noted, and whether any is.
func (t Token) warn(p Policy, now time.Time) (Token, bool) {
	next, expiring := t.Warned.next(p.Ends(t), t.CreatedAt, now)
	if expiring {
		t.Warned = next
	}
	idleAt := p.IdleAt(t)
	idle, stopping := t.WarnedIdle.next(idleAt, idleAt.AddDate(0, 0, -p.MaxIdleDays), now)
	if stopping {
		t.WarnedIdle = idle
	}
	return t, expiring || stopping
}

// mostFailures are passed over: one token that cannot be noted must not keep the
// others from their warnings, and a store that is down must not be asked for each.
const mostFailures = 20

// Remind notes, of the tokens of one part of all, which end or stop for idleness
// within 30, 7 or 1 days: each warning is an event, and is given once for an end.
// It tells how many it gave. A call that fails or is cut off can be made again:
// what was given is not given twice. Parts are numbered from 0. Errors:
// ErrUnavailable.
func (s *Service) Remind(ctx context.Context, part, parts int) (given int, err error) {
	shared, err := s.shared(ctx)
	if err != nil {
		return 0, err
	}
	var failed error
	failures := 0
	err = s.Store.Each(ctx, part, parts, func(tokens []Token) error {
		for _, token := range tokens {
			if _, due := token.warn(shared.Policy, s.now()); !due {
				continue
			}
			warned, err := s.remind(ctx, token.ID, shared.Policy)
			if err != nil {
				if failed, failures = err, failures+1; failures > mostFailures || ctx.Err() != nil {
					return err
				}
				continue
			}
			if warned {
				given++
			}
		}
		return nil
	})
	if err = cmp.Or(err, failed); err != nil {
		return given, unavailable("look through all tokens", err)
	}
	return given, nil
}

// remind gives a token's warnings, if it is active: what does not work needs no end.
func (s *Service) remind(ctx context.Context, id ID, p Policy) (given bool, err error) {
	err = s.retry(ctx, func() error {
		token, owner, err := s.Store.Look(ctx, id)
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		if err != nil {
			return unavailable("look up a token", err)
		}
		token, due := token.warn(p, s.now())
		if !due || p.Status(token, owner, s.now()) != Active {
			return nil
		}
		token.Noted = s.mark(ctx, Doer{Kind: DoerUs}, token.Notes+1)
		if err := s.Store.Warn(ctx, token); err != nil {
			return unavailable("note a warning", err)
		}
		given = true
		return nil
	})
	return given, err
}
