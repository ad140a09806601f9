package pat

import (
	"net/netip"
	"time"
)

// An ID names a token: the owner's slot and the owner's running number, 5
// characters each. It is public, and can be guessed: knowing one gives nothing.
type ID string

const numberLength = idLength - slotLength

// maxNumber is the first running number that no longer fits an id.
const maxNumber = 62 * 62 * 62 * 62 * 62

// NewID puts an id together. The number is below 62^5.
func NewID(slot Slot, number uint64) ID {
	return ID(string(slot) + base62(number, numberLength))
}

// ParseID reads an id as a client sends it, or says ErrNotFound: what cannot
// be an id is the id of nothing.
func ParseID(s string) (ID, error) {
	if len(s) != idLength || !isBase62(s) {
		return "", ErrNotFound
	}
	return ID(s), nil
}

// Slot returns the part of the id that names its owner's place.
func (id ID) Slot() Slot { return Slot(id[:slotLength]) }

// Kept is how long a dead token stays in lists, from its revocation or own end.
const Kept = 30 * 24 * time.Hour

// A Token is what we keep: the stub, never the value.
type Token struct {
	ID          ID
	Name        string
	Description string
	Scopes      []string
	// AllowedCIDRs are the networks the token works from; none means everywhere.
	AllowedCIDRs []netip.Prefix
	CreatedAt    time.Time
	// ExpiresAt is the token's own end; zero means none.
	ExpiresAt time.Time
	// RevokedAt is zero while it is not revoked.
	RevokedAt time.Time
	// Hash is of the value that works now.
	Hash Hash
	// Gen counts the values this token has had, from 1. A JWT carries the one
	// it was made from and dies with it.
	Gen int
	// Previous is of the value before, zero where there is none. It works until
	// PreviousUntil, zero for not at all, and its refusals are noted ever after.
	Previous      Hash
	PreviousGen   int
	PreviousUntil time.Time
	// Replaced is of the value that was last given up for good, zero where there is
	// none. It never works; that it is shown is to be seen.
	Replaced Hash
	// RotatedAt is when it last got a new value; zero for never.
	RotatedAt time.Time
	// UpdatedAt is when its owner last said something of it; zero for never.
	UpdatedAt time.Time
	// LastUsedAt is noted at most once an hour; zero for never. LastUsedFrom is
	// the address then, where the authorizer sees one.
	LastUsedAt   time.Time
	LastUsedFrom netip.Addr
	// ScopesUsed are those that it was used for, sorted.
	ScopesUsed []string

	// OwnedBy is the owner's sub, for the trail; empty on a token of an older
	// version.
	OwnedBy string
	// Changed says who made the change that Version counts.
	Changed Mark
	// Networks are those that it was used from, the newest first: at most
	// maxNetworks.
	Networks []netip.Prefix
	// Warned and WarnedIdle are what was last told of its end, and of its stop
	// for idleness.
	Warned, WarnedIdle Warning
	// Noted says where the last note of a use or a warning came from.
	Noted Mark
	// Notes goes up with every such note, for which Version stays.
	Notes int64

	// Version goes up with every other write of this item.
	Version int64
}

// A Status is the state of a token as its owner sees it.
type Status string

// The statuses, in the order in which the first that fits is told.
const (
	Revoked  Status = "revoked"
	Expired  Status = "expired"
	Disabled Status = "disabled"
	Active   Status = "active"
)

// hasPrevious reports whether the value before still works.
func (t Token) hasPrevious(now time.Time) bool { return now.Before(t.PreviousUntil) }

// GoneAt is when a dead token leaves the lists and may be removed from the
// store; zero for a token that has no end and is not revoked.
func (t Token) GoneAt() time.Time {
	switch {
	case !t.RevokedAt.IsZero():
		return t.RevokedAt.Add(Kept)
	case !t.ExpiresAt.IsZero():
		return t.ExpiresAt.Add(Kept)
	}
	return time.Time{}
}

// gone reports whether the token is to be treated as if it had never been.
func (t Token) gone(now time.Time) bool {
	at := t.GoneAt()
	return !at.IsZero() && !now.Before(at)
}

// holdsPlace reports whether the token still has its name and its place under
// the cap: until it is revoked or past its own end, and for nothing less.
func (t Token) holdsPlace(now time.Time) bool {
	return t.RevokedAt.IsZero() && !t.pastOwnEnd(now)
}

func (t Token) pastOwnEnd(now time.Time) bool { return passed(t.ExpiresAt, now) }
