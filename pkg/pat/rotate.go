package pat

import (
	"context"
	"errors"
	"time"
)

// maxGrace is the longest that a previous value can go on working.
const maxGrace = 7 * 24 * time.Hour

// maxWait is longer than API Gateway waits for a function: 29 s.
const maxWait = 30 * time.Second

// A RotateRequest asks for a new value of a token.
type RotateRequest struct {
	// Grace is how long the value of now goes on working: 0 to 7 days.
	Grace time.Duration
	// KeepPrevious is for a rotation whose answer was lost: the new value takes
	// the place of the one of now, which dies at once, and the previous value
	// and its end stay as they were. Grace does not count.
	KeepPrevious bool
	// Since is when the request arrived, in whole milliseconds. Zero means now, and
	// so does what is longer ago than any request lives: a gateway that tells
	// seconds must not make every rotation lose.
	Since time.Time
	// Bad is what was found wrong with the request while it was read.
	Bad InvalidError
}

// Rotate gives one of the person's own tokens a new value: the other of the two
// answers that hold one. There is one previous value at most. Errors:
// ErrForbidden (not a session), *ReauthError, *InvalidError, ErrNotFound, ErrNotActive,
// ErrConflict (somebody changed it meanwhile), *ConflictError (KeepPrevious without
// a previous value), ErrUnavailable.
//
// Who loses to another change is not judged again, and who arrived before
// another rotation was judged loses to it: the value in the other's answer would
// be dead before it was read. Who arrives while that answer is on its way wins.
func (s *Service) Rotate(ctx context.Context, by Grant, id string, req RotateRequest) (Created, error) {
	if err := by.needsPerson(); err != nil {
		return Created{}, err
	}
	shared, err := s.shared(ctx)
	if err != nil {
		return Created{}, err
	}
	if err := s.recent(by, shared.Policy); err != nil {
		return Created{}, err
	}
	bad := req.Bad
	if (req.Grace < 0 || req.Grace > maxGrace) && !bad.has("grace_seconds") {
		bad.Add("grace_seconds", "must be 0 to %d", int(maxGrace.Seconds()))
	}
	if err := bad.or(); err != nil {
		return Created{}, err
	}
	since := req.Since
	if arrived := s.now().Truncate(time.Millisecond); since.Before(arrived.Add(-maxWait)) {
		since = arrived
	}
	token, owner, err := s.own(ctx, by.Person, id)
	if err != nil {
		return Created{}, err
	}
	now := s.now()
	switch {
	case shared.Policy.Status(token, owner, now) != Active:
		return Created{}, ErrNotActive
	case token.RotatedAt.After(since):
		return Created{}, ErrConflict
	case req.KeepPrevious && !token.hasPrevious(now):
		return Created{}, &ConflictError{"there is no previous value to keep: rotate without keep_previous"}
	}
	value, err := Mint(s.random(), token.ID)
	if err != nil {
		return Created{}, err
	}
	// Whoever goes on using an old value is to be seen.
	if req.KeepPrevious {
		token.Replaced = token.Hash
	} else {
		token.Replaced = token.Previous
		token.Previous, token.PreviousGen, token.PreviousUntil = token.Hash, token.Gen, time.Time{}
		if req.Grace > 0 {
			graceEnds := now.Add(req.Grace + time.Second - 1).Truncate(time.Second) // never short of what was asked
			token.PreviousUntil = earlier(graceEnds, token.ExpiresAt).UTC()
		}
	}
	token.Hash = HashOf(value)
	token.Gen++
	token.RotatedAt = now.UTC().Truncate(time.Millisecond)
	token.Changed = s.mark(ctx, by.doer(), token.Version+1)
	err = s.Store.Rotate(ctx, token)
	if errors.Is(err, ErrConflict) {
		return Created{}, ErrConflict
	}
	if err != nil {
		return Created{}, unavailable("rotate a token", err)
	}
	return Created{View: s.view(token, owner, shared.Policy), Value: value}, nil
}
