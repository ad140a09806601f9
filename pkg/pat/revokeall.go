package pat

import (
	"context"
	"errors"
	"slices"
	"time"
)

const (
	// passTimeout bounds the pass that follows RevokeAll.
	passTimeout = 5 * time.Second
	// passAlone is how long nobody else marks what a stop killed: a function has
	// counted it by then, or was cut off, and no clock is so far ahead.
	passAlone = maxWait + clockSkew
)

// RevokeAll kills every token that a person has now, by one write on their own
// item: either all are dead or none. Their names and places are free at once, and a
// token created after it lives. It returns how many it killed; doing it again kills
// none and changes nothing. Errors: ErrForbidden (not an administrator),
// *ReauthError, *InvalidError, ErrUnavailable (they may be dead all the same: do it
// again).
func (s *Service) RevokeAll(ctx context.Context, by Grant, sub string, bad InvalidError) (int, error) {
	if err := s.administrator(ctx, by); err != nil {
		return 0, err
	}
	if checkSubject(&bad, "sub", sub); bad.or() != nil {
		return 0, &bad
	}
	now := s.now()
	var owner Owner
	var before, wanted []Stop // as they were, and as they shall be
	var mine Mark
	err := s.retry(ctx, func() (err error) {
		owner, err = s.owner(ctx, s.person(sub))
		if err != nil {
			return err
		}
		next, changes := owner.stop(now)
		if !changes {
			if wanted == nil || !slices.EqualFunc(owner.Stops, wanted, Stop.equal) || !owner.Changed.same(mine) {
				before = owner.Stops // else it was our own write, whose answer was lost
			}
			return nil
		}
		before, wanted = owner.Stops, next.Stops
		mine = s.mark(ctx, by.administrator(), owner.Version+1)
		next.Changed = mine
		if err := s.Store.Stop(ctx, next); err != nil {
			return unavailable("stop a person's tokens", err)
		}
		next.Version++
		owner = next
		return nil
	})
	if errors.Is(err, ErrNotFound) {
		return 0, nil // nobody has ever seen them
	}
	if err != nil {
		return 0, err
	}
	return s.bury(ctx, owner, before, now)
}

// bury counts the tokens that the owner's stops killed and those before did not,
// and marks all that are stopped as revoked each by itself, so that the table
// forgets them in time and their names with them. What others have just killed is
// theirs to count, and so to mark. Nothing depends on the marks, nor does an event
// come of one: the pass is cut off, or ends at the first one that it cannot make.
func (s *Service) bury(ctx context.Context, owner Owner, before []Stop, now time.Time) (killed int, err error) {
	was := owner
	was.Stops = before
	var dead []Token
	err = s.each(ctx, owner, func(t Token) {
		stopped := owner.Stopped(t)
		if !t.RevokedAt.IsZero() || stopped.RevokedAt.IsZero() || t.pastOwnEnd(stopped.RevokedAt) {
			return
		}
		mine := was.Stopped(t).RevokedAt.IsZero()
		if mine || now.Sub(stopped.RevokedAt) > passAlone {
			dead = append(dead, stopped)
		}
		if mine && !t.pastOwnEnd(now) {
			killed++
		}
	})
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, passTimeout)
	defer cancel()
	for _, t := range dead {
		if owner, err = s.markStopped(ctx, t, owner); err != nil {
			break
		}
	}
	return killed, nil
}

// markStopped marks a token that a stop killed, and returns its owner as it is then.
func (s *Service) markStopped(ctx context.Context, t Token, owner Owner) (Owner, error) {
	err := s.retry(ctx, func() error {
		if t.RevokedAt.IsZero() {
			t = owner.Stopped(t)
		}
		t.Changed = s.mark(ctx, Doer{Kind: doerStop}, t.Version+1)
		err := s.Store.Revoke(ctx, Revocation{Token: t, NameKey: nameKey(t.Name), Owner: owner})
		if err == nil {
			owner.Version++
			return nil
		}
		if !errors.Is(err, ErrConflict) {
			return err
		}
		// Somebody wrote first: with the owner, for they create one, or this token.
		now, holder, lost := s.Store.Look(ctx, t.ID)
		if lost != nil || !now.RevokedAt.IsZero() {
			return lost
		}
		t, owner = now, holder
		return err
	})
	return owner, err
}
