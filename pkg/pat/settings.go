package pat

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Settings are what every function reads: keys and catalogue are published at
// deployment, the policy is the administrators'.
type Settings struct {
	Catalogue Catalogue
	// Keys are our public keys: every one that a living JWT may be signed with.
	Keys   []Key
	Policy Policy
}

// SettingsAge bounds how old the settings may be that a warm function works
// with. It is a promise of the contract.
const SettingsAge = 30 * time.Second

type settingsCache struct {
	mu   sync.Mutex
	held Settings
	read time.Time
}

// shared returns the settings, at most SettingsAge old. Without an answer from
// the store and nothing young enough there is no access.
func (s *Service) shared(ctx context.Context) (Settings, error) {
	c := &s.settings
	c.mu.Lock()
	defer c.mu.Unlock()
	now := s.now()
	if age := now.Sub(c.read); !c.read.IsZero() && 0 <= age && age < SettingsAge {
		return c.held, nil
	}
	held, err := s.Store.Settings(ctx)
	if err != nil {
		return Settings{}, unavailable("read settings", err)
	}
	c.held, c.read = held, now
	return held, nil
}

// decided puts a policy that was just written before what is kept.
func (c *settingsCache) decided(p Policy) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held.Policy = p
}

// groups returns every group that means something: the catalogue names it, the
// policy does, or it is the administrators'. They are all that is kept of an
// owner's, whose item must stay small.
func (s *Service) groups(shared Settings) []string {
	names := append(shared.Catalogue.groups(), shared.Policy.CreatorGroups...)
	if s.AdminGroup != "" {
		names = append(names, s.AdminGroup)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// unavailable marks an error of the store or the signer, unless it is one of
// ours already. What it was is for the log: an ErrNotFound in it, where there
// must be something, is a fault and must not pass for an answer.
func unavailable(doing string, err error) error {
	for _, known := range []error{ErrConflict, ErrNameTaken, ErrUnavailable} {
		if errors.Is(err, known) {
			return fmt.Errorf("%s: %w", doing, err)
		}
	}
	return fmt.Errorf("%w: %s: %v", ErrUnavailable, doing, err)
}
