package pat

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// A RefusalReason says why a real token was refused.
type RefusalReason string

// The reasons. Where the answer has a code for it, the reason is that code.
const (
	RefusedRevoked   RefusalReason = "revoked"
	RefusedExpired   RefusalReason = "expired"
	RefusedDisabled  RefusalReason = "disabled"
	RefusedReplaced  RefusalReason = "replaced"           // a previous value after its grace, or a JWT made from one
	RefusedNetwork   RefusalReason = "network"            // from outside of its networks
	RefusedScope     RefusalReason = "insufficient_scope" // it has not the scope that was wanted
	RefusedForbidden RefusalReason = "forbidden"          // where no token may go, or by a roundabout path
)

var refusalReasons = []RefusalReason{
	RefusedRevoked, RefusedExpired, RefusedDisabled, RefusedReplaced, RefusedNetwork, RefusedScope, RefusedForbidden,
}

// A Refusal is what is written down of one, for its event. It holds nothing that
// an authorizer of somebody else's may not say.
type Refusal struct {
	TokenID   ID
	Reason    RefusalReason
	From      netip.Addr // where the request came from; zero where nobody saw
	RequestID string
	At        time.Time // whole milliseconds
	// Nonce tells refusals of one moment apart, for the store.
	Nonce string
}

const nonceLength = 8 // of 62 characters each

// A refusal is an error about a token that is ours and was proved to be: its
// value's hash, or our own signature, matched.
type refusal struct {
	token  ID
	reason RefusalReason
	error
}

func (r *refusal) Unwrap() error { return r.error }

func refusedFor(token Token, reason RefusalReason, err error) error {
	return &refusal{token.ID, reason, err}
}

// refused writes down that a real token was refused, where that is what the error
// says, and returns the error; or ErrUnavailable where it cannot be written: then
// there is no access either, and nobody was refused unseen. What is not ours is
// not written down, so nobody can fill a trail with junk.
func (s *Service) refused(ctx context.Context, err error) error {
	var r *refusal
	if !errors.As(err, &r) {
		return err
	}
	nonce, failed := randomText(s.random(), nonceLength)
	if failed == nil {
		m := s.mark(ctx, Doer{}, 0)
		failed = s.Store.Refuse(ctx, Refusal{TokenID: r.token, Reason: r.reason, From: m.From, RequestID: m.RequestID, At: m.At, Nonce: nonce})
	}
	if failed != nil {
		return unavailable(fmt.Sprintf("write down a refusal (%v)", err), failed)
	}
	return err
}

// outside is Within, as a refusal of the token behind the grant.
func (g Grant) outside(addr netip.Addr) error {
	if err := g.Within(addr); err != nil {
		return &refusal{g.TokenID, RefusedNetwork, err}
	}
	return nil
}

// Refuse writes down that the token behind a good credential was refused all the
// same, and its actor's with it, where there are tokens, and returns err: or
// ErrUnavailable where it cannot be written.
func (s *Service) Refuse(ctx context.Context, g Grant, reason RefusalReason, err error) error {
	tokens := []ID{g.TokenID}
	if g.Actor != nil && g.Actor.TokenID != g.TokenID {
		tokens = append(tokens, g.Actor.TokenID)
	}
	for _, id := range tokens {
		if id == "" {
			continue
		}
		if told := s.refused(ctx, &refusal{id, reason, err}); errors.Is(told, ErrUnavailable) {
			return told
		}
	}
	return err
}

// reasonOf is why a token of that status is refused.
func reasonOf(status Status) RefusalReason {
	switch status {
	case Revoked:
		return RefusedRevoked
	case Expired:
		return RefusedExpired
	case Disabled:
		return RefusedDisabled
	}
	panic(fmt.Sprintf("a token that is %s is not refused", status))
}

// refusedEvent is the event of a refusal of NewToken.
func (a Alteration) refusedEvent() []Event {
	r, token := a.Refused, a.NewToken
	if token.ID == "" || !slices.Contains(refusalReasons, r.Reason) {
		return nil
	}
	e := a.byHolder(token, r.At, r.From, r.RequestID)
	e.Type, e.Reason = TokenRefused, r.Reason
	e.ID = fmt.Sprintf("%s-refused-%d-%s", token.ID, e.At.UnixMilli(), cmp.Or(a.Sequence, r.Nonce))
	return []Event{e}
}
