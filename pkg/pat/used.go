package pat

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

const (
	// usedEvery is how far apart two notes of a token's last use are, and two
	// notes of a refusal for the same reason.
	usedEvery = time.Hour
	// usedTimeout bounds how long a request waits for such a note on DynamoDB.
	// Bolt waits for its one writer and for the disk, come what may.
	usedTimeout = 100 * time.Millisecond
	// maxNetworks are remembered of a token, and noted at once: from then on a
	// new one waits for the note of the hour. So a token that roams costs at
	// most so many writes more in its life.
	maxNetworks = 8
)

// Used notes that the token behind a grant of Authorize was used, from an address
// where one is known, and for which scopes: those of them that it has. It is noted
// at most once an hour, and once more for each network and each scope that is new:
// at most 8 + 32 times in a token's life, unless notes are lost. The note is made
// before the answer, because a function stops when it has answered; it may be
// lost. A use from outside of the token's networks is a refusal, and noted as one.
func (s *Service) Used(ctx context.Context, g Grant, from netip.Addr, scopes ...string) {
	token := g.token
	if token.ID == "" {
		return
	}
	if err := g.Within(from); err != nil && from.IsValid() {
		s.Refused(ctx, refusedFor(token, RefusedNetwork, err), from)
		return
	}
	now := s.now()
	due := now.Sub(token.LastUsedAt) >= usedEvery
	if due {
		token.LastUsedAt, token.LastUsedFrom = now.UTC().Truncate(time.Second), from.Unmap().WithZone("")
	}
	if network := networkOf(from); network.IsValid() && !slices.Contains(token.Networks, network) && (due || len(token.Networks) < maxNetworks) {
		token.Networks = slices.Insert(slices.Clone(token.Networks), 0, network)
		token.Networks = token.Networks[:min(len(token.Networks), maxNetworks)]
		due = true
	}
	if fresh := without(intersect(scopes, g.Scopes), token.ScopesUsed); len(fresh) > 0 {
		token.ScopesUsed = slices.Sorted(slices.Values(slices.Concat(token.ScopesUsed, fresh)))
		due = true
	}
	if due {
		token.ScopesUsed = intersect(token.ScopesUsed, token.Scopes) // what was shrunk away is forgotten
		s.note(ctx, token, from)
	}
}

// note writes a note down, or not: whoever waits for the answer does not wait
// long, and whoever was first has made it.
func (s *Service) note(ctx context.Context, token Token, from netip.Addr) {
	ctx, cancel := context.WithTimeout(ctx, usedTimeout)
	defer cancel()
	token.Noted = s.mark(ctx, Doer{Kind: DoerHolder}, token.Notes+1)
	token.Noted.From = from.Unmap().WithZone("")
	_ = s.Store.Touch(ctx, token) // the next use makes the note
}

// networkOf is the network that an address is in, as far as anybody outside can
// tell: a customer's /24, or a site's /48.
func networkOf(addr netip.Addr) netip.Prefix {
	addr = addr.Unmap().WithZone("")
	bits := 48
	if addr.Is4() {
		bits = 24
	}
	network, _ := addr.Prefix(bits) // of no address: none
	return network
}

// A RefusalReason says why a real value was refused.
type RefusalReason string

// The reasons. There are no others: each is noted once an hour, so they bound
// what refusals can write.
const (
	RefusedRevoked  RefusalReason = "revoked"
	RefusedExpired  RefusalReason = "expired"
	RefusedDisabled RefusalReason = "disabled"
	RefusedReplaced RefusalReason = "replaced" // a previous value after its grace, or a JWT made from one
	RefusedNetwork  RefusalReason = "network"  // from outside of its networks
)

var refusalReasons = []RefusalReason{RefusedRevoked, RefusedExpired, RefusedDisabled, RefusedReplaced, RefusedNetwork}

// A Refusal is the last one of its reason.
type Refusal struct {
	Reason RefusalReason
	At     time.Time
}

// A refusal is an error about a token that is ours and was proved to be: its
// value's hash, or our own signature, matched.
type refusal struct {
	token  Token
	reason RefusalReason
	error
}

func (r *refusal) Unwrap() error { return r.error }

func refusedFor(token Token, reason RefusalReason, err error) error {
	return &refusal{token, reason, err}
}

// Refused notes that Authorize refused a real value, at most once an hour for a
// token and reason. What is not ours leaves no note, so nobody can fill a trail
// with junk. It changes nothing about the answer, and may be lost.
func (s *Service) Refused(ctx context.Context, err error, from netip.Addr) {
	var r *refusal
	if !errors.As(err, &r) {
		return
	}
	now := s.now()
	same := func(n Refusal) bool { return n.Reason == r.reason }
	if i := slices.IndexFunc(r.token.Refusals, same); i >= 0 && now.Sub(r.token.Refusals[i].At) < usedEvery {
		return
	}
	token := r.token
	token.Refusals = append(slices.DeleteFunc(slices.Clone(token.Refusals), same), Refusal{r.reason, now.UTC().Truncate(time.Second)})
	s.note(ctx, token, from)
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
