package pat

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"
)

const (
	// usedEvery is how far apart two notes of a token's last use are.
	usedEvery = time.Hour
	// usedTimeout bounds how long a request waits for such a note on DynamoDB.
	// Bolt waits for its one writer and for the disk, come what may.
	usedTimeout = 100 * time.Millisecond
	// maxNetworks are remembered of a token: one that was forgotten is new again.
	maxNetworks = 16
	// usedTries is how often a note is made anew that another came before.
	usedTries = 3
)

// Used notes that the token behind a grant of Authorize was used, from an address
// where one is known, and for which scopes: those of them that it has. It is noted
// at most once an hour, and once more for each network and each scope that is new.
// The note is made before the answer, because a function stops when it has
// answered; it may be lost, and then the next use makes it.
func (s *Service) Used(ctx context.Context, g Grant, from netip.Addr, scopes ...string) {
	token := g.token
	if token.ID == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, usedTimeout)
	defer cancel()
	from, scopes = from.Unmap().WithZone(""), intersect(scopes, g.Scopes)
	for range usedTries {
		noted, due := token.used(s.now(), from, scopes)
		if !due {
			return
		}
		noted.Noted = s.mark(ctx, Doer{Kind: DoerHolder}, token.Notes+1)
		noted.Noted.From = from
		if err := s.Store.Touch(ctx, noted); !errors.Is(err, ErrConflict) {
			return
		}
		// Whoever was first may have noted something else. If it was changed, the
		// note comes too late.
		now, _, err := s.Store.Look(ctx, token.ID)
		if err != nil || now.Version != token.Version {
			return
		}
		token = now
	}
}

// used returns the token with a use noted, and whether that tells anything new.
func (t Token) used(now time.Time, from netip.Addr, scopes []string) (Token, bool) {
	due := now.Sub(t.LastUsedAt) >= usedEvery
	if due {
		t.LastUsedAt, t.LastUsedFrom = now.UTC().Truncate(time.Second), from
	}
	if network := networkOf(from); network.IsValid() && !slices.Contains(t.Networks, network) {
		t.Networks = slices.Insert(slices.Clone(t.Networks), 0, network)
		t.Networks = t.Networks[:min(len(t.Networks), maxNetworks)]
		due = true
	}
	if fresh := without(scopes, t.ScopesUsed); len(fresh) > 0 {
		t.ScopesUsed = slices.Sorted(slices.Values(slices.Concat(t.ScopesUsed, fresh)))
		due = true
	}
	t.ScopesUsed = intersect(t.ScopesUsed, t.Scopes) // what was shrunk away is forgotten
	return t, due
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
