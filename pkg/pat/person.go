package pat

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"
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

// An Owner is what we keep of a person.
type Owner struct {
	Slot   Slot
	Person Person
	// Name is what a session last showed; empty where none did.
	Name string
	// Groups are those of the person's groups that the catalogue, the policy or
	// the administrators' role names, as the newest session showed them. A group
	// that comes to be named counts from the person's next request on.
	Groups []string
	// GroupsAt is when that session was issued. No session issued before it
	// may write Groups: an old one must not bring a lost group back.
	GroupsAt time.Time
	// GroupsSum is a hash of all groups that it showed: a session that shows the
	// same has no more than it. Empty where none can be known to.
	GroupsSum string
	// SeenAt is the last signed-in request, noted at most once a day.
	SeenAt time.Time
	// Disabled is an administrator's word: nothing of this person's works.
	Disabled bool
	// Stops revoked all the tokens that there were, in the order they came.
	Stops []Stop
	// Next is the running number of the owner's next token.
	Next uint64
	// Live counts the tokens that hold a name and a place under the cap. It
	// may be too high (an expiry does not count down), never too low.
	Live int
	// Changed says which administrator disabled or enabled them, or stopped their
	// tokens, where that made this Version.
	Changed Mark
	// Version goes up by one with every write of this item.
	Version int64
}

// seenEvery is how far apart two notes of a person's last signed-in request are.
const seenEvery = 24 * time.Hour

// see brings a session and what is kept of its person together. It takes from
// the session's groups what the newest session seen no longer had, and writes
// down what this one shows, before it returns, or it fails. ErrForbidden: the
// person is disabled.
func (s *Service) see(ctx context.Context, session *Grant, shared Settings) (Owner, error) {
	named := s.groups(shared)
	var owner Owner
	shown := session.Groups
	err := s.retry(ctx, func() (err error) {
		owner, err = s.owner(ctx, session.Person)
		if errors.Is(err, ErrNotFound) {
			owner = Owner{Person: session.Person}
			if s.Guest {
				return nil
			}
			owner, err = s.enrol(ctx, Owner{
				Person:    session.Person,
				Name:      session.Name,
				Groups:    intersect(shown, named),
				GroupsAt:  session.IssuedAt,
				GroupsSum: groupsSum(shown),
				SeenAt:    s.now(),
			})
			return err
		}
		if err != nil {
			return err
		}
		session.Groups = owner.counted(shown, session.IssuedAt, named)
		return s.refresh(ctx, &owner, session, shown, named)
	})
	if err == nil && owner.Disabled {
		err = fmt.Errorf("%w: the person is disabled", ErrForbidden)
	}
	return owner, err
}

// counted returns the groups that a session counts with: those it shows, but of
// those that we keep none that a newer session no longer had. Two sessions
// issued in the same second cannot be put in order, so neither adds to the other.
func (o Owner) counted(shown []string, issuedAt time.Time, named []string) []string {
	if issuedAt.After(o.GroupsAt) || o.GroupsSum == groupsSum(shown) {
		return shown
	}
	return slices.DeleteFunc(slices.Clone(shown), func(g string) bool {
		return slices.Contains(named, g) && !slices.Contains(o.Groups, g)
	})
}

// groupsSum is a hash of groups, whatever their order.
func groupsSum(groups []string) string {
	sorted := slices.Compact(slices.Sorted(slices.Values(groups)))
	h := sha256.New()
	for _, g := range sorted {
		fmt.Fprintf(h, "%d %s", len(g), g) // no two lists are spelled alike
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// refresh writes down what a session shows, if it is the newest or shows the
// same, and when the person was last seen.
func (s *Service) refresh(ctx context.Context, owner *Owner, session *Grant, shown, named []string) error {
	groups := intersect(session.Groups, named)
	newer := session.IssuedAt.After(owner.GroupsAt)
	same := session.IssuedAt.Equal(owner.GroupsAt)
	shrinks := (newer || same) && len(without(owner.Groups, groups)) > 0
	// A group that it showed all along is named by now.
	grows := !newer && owner.GroupsSum == groupsSum(shown) && len(without(groups, owner.Groups)) > 0
	now := s.now()
	if s.Guest || !newer && !shrinks && !grows && now.Sub(owner.SeenAt) < seenEvery {
		return nil
	}
	next := *owner
	switch {
	case newer || shrinks:
		next.Name, next.Groups, next.GroupsAt = session.Name, groups, session.IssuedAt
		next.GroupsSum = ""
		if len(without(shown, session.Groups)) == 0 {
			next.GroupsSum = groupsSum(shown)
		}
	case grows:
		next.Groups = groups
	}
	next.SeenAt = now
	err := s.Store.Refresh(ctx, next)
	switch {
	case err == nil:
		next.Version++
		*owner = next
	case errors.Is(err, ErrConflict):
		return err
	case newer || shrinks:
		// Not knowing that this session came, we would let one issued before
		// it bring back what it no longer has.
		return unavailable("write down a session", err)
	}
	return nil // what only adds, and the time of the last sight, may be lost
}

// enrol gives a person a slot. ErrConflict: they have one by now.
func (s *Service) enrol(ctx context.Context, owner Owner) (Owner, error) {
	slot, err := randomText(s.random(), slotLength)
	if err != nil {
		return Owner{}, err
	}
	owner.Slot = Slot(slot)
	if err := s.Store.Enrol(ctx, owner); err != nil {
		return Owner{}, unavailable("enrol a person", err)
	}
	owner.Version = 1
	s.slots.keep(owner.Person, owner.Slot)
	return owner, nil
}

// owner returns what is kept of a person. ErrNotFound: they were never seen.
func (s *Service) owner(ctx context.Context, p Person) (Owner, error) {
	slot, err := s.slot(ctx, p)
	if err != nil {
		return Owner{}, err
	}
	owner, err := s.Store.Owner(ctx, slot)
	if err != nil {
		// A slot has an owner: an absence is a fault of the store.
		return Owner{}, unavailable("read an owner", err)
	}
	return owner, nil
}

// maxSlots bounds what a warm function remembers of people.
const maxSlots = 10_000

// A slotCache remembers the way from person to slot, which never changes.
type slotCache struct {
	mu    sync.Mutex
	slots map[Person]Slot
}

// slot returns a person's place. ErrNotFound: they have none.
func (s *Service) slot(ctx context.Context, p Person) (Slot, error) {
	c := &s.slots
	c.mu.Lock()
	slot, ok := c.slots[p]
	c.mu.Unlock()
	if ok {
		return slot, nil
	}
	slot, err := s.Store.Slot(ctx, p)
	if errors.Is(err, ErrNotFound) {
		return "", fmt.Errorf("a person's slot: %w", ErrNotFound)
	}
	if err != nil {
		return "", unavailable("read a person's slot", err)
	}
	c.keep(p, slot)
	return slot, nil
}

func (c *slotCache) keep(p Person, slot Slot) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.slots == nil || len(c.slots) >= maxSlots {
		c.slots = map[Person]Slot{}
	}
	c.slots[p] = slot
}
