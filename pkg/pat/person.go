package pat

import (
	"slices"
	"time"
)

// A Person is who an issuer says somebody is.
type Person struct {
	Issuer  string
	Subject string // 1–255 characters
}

// A Slot is a person's place in the store: 5 random characters, claimed once
// and never given to anybody else. Every id of theirs starts with it.
type Slot string

const slotLength = 5

// An Owner is what we keep of a person. The zero Owner is somebody never seen.
type Owner struct {
	Slot   Slot
	Person Person
	// Name is what a session last showed; empty where none did.
	Name string
	// Groups are those of the person's groups that the catalogue names, as the
	// newest session showed them.
	Groups []string
	// GroupsAt is when that session was issued. No session issued before it
	// may write Groups: an old one must not bring a lost group back.
	GroupsAt time.Time
	// SeenAt is the last signed-in request, noted at most once a day.
	SeenAt time.Time
	// Next is the running number of the owner's next token.
	Next uint64
	// Live counts the tokens that hold a name and a place under the cap. It
	// may be too high (an expiry does not count down), never too low.
	Live int
	// Version goes up with every write of this item.
	Version int64
}

// groupsOf returns the groups that a session counts with: its own, but never
// more than the newest session seen had. Two sessions issued in one second
// cannot be put in order, so neither adds to the other.
func (o Owner) groupsOf(session Claims) []string {
	if o.Slot == "" || session.IssuedAt.After(o.GroupsAt) {
		return session.Groups
	}
	return intersect(session.Groups, o.Groups)
}

func sameGroups(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(slices.Compact(a), slices.Compact(b))
}
