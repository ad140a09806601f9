package pat

import (
	"context"
	"net/netip"
	"time"
)

const (
	// usedEvery is how far apart two notes of a token's last use are.
	usedEvery = time.Hour
	// usedTimeout bounds how long a request waits for such a note on DynamoDB.
	// Bolt waits for its one writer and for the disk, come what may.
	usedTimeout = 100 * time.Millisecond
)

// Used notes that the token behind a grant of Authorize was used, at most once
// an hour, from an address where one is known. The note is made before the
// answer, because a function stops when it has answered; it may be lost.
func (s *Service) Used(ctx context.Context, g Grant, from netip.Addr) {
	now := s.now()
	if g.token.ID == "" || now.Sub(g.token.LastUsedAt) < usedEvery || g.Within(from) != nil && from.IsValid() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, usedTimeout)
	defer cancel()
	token := g.token
	token.LastUsedAt = now.UTC().Truncate(time.Second)
	token.LastUsedFrom = from.Unmap().WithZone("")
	_ = s.Store.Touch(ctx, token) // the next use makes the note
}
