package pat

import (
	"context"
	"sync"
)

// maxSlots bounds what a warm function remembers of people.
const maxSlots = 10_000

// A slotCache remembers the way from person to slot, which never changes.
type slotCache struct {
	mu    sync.Mutex
	slots map[Person]Slot
}

// slot returns a person's place. ErrNotFound: never seen.
func (s *Service) slot(ctx context.Context, p Person) (Slot, error) {
	c := &s.slots
	c.mu.Lock()
	slot, ok := c.slots[p]
	c.mu.Unlock()
	if ok {
		return slot, nil
	}
	slot, err := s.Store.Slot(ctx, p)
	if err != nil {
		return "", err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.slots == nil || len(c.slots) >= maxSlots {
		c.slots = map[Person]Slot{}
	}
	c.slots[p] = slot
	return slot, nil
}
