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
	return s.sharedWithin(ctx, SettingsAge)
}

// sharedWithin is shared for settings that must be younger.
func (s *Service) sharedWithin(ctx context.Context, most time.Duration) (Settings, error) {
	c := &s.settings
	c.mu.Lock()
	defer c.mu.Unlock()
	now := s.now()
	if age := now.Sub(c.read); !c.read.IsZero() && 0 <= age && age < most {
		return c.held, nil
	}
	held, err := s.Store.Settings(ctx)
	if err != nil {
		return Settings{}, unavailable("read settings", err)
	}
	c.held, c.read = held, now
	return held, nil
}

// missedAge is how old the settings may be in which a key is missing that was
// asked for. It bounds how often they are read for one that nobody publishes.
const missedAge = time.Second

// publishedKey returns a key of ours by its kid. It may have been published a
// moment ago: before it is missing, the settings are read again. Errors:
// ErrNotFound, ErrUnavailable.
func (s *Service) publishedKey(ctx context.Context, id string) (Key, error) {
	for _, most := range []time.Duration{SettingsAge, missedAge} {
		shared, err := s.sharedWithin(ctx, most)
		if err != nil {
			return Key{}, err
		}
		if i := slices.IndexFunc(shared.Keys, func(k Key) bool { return k.ID == id }); i >= 0 {
			return shared.Keys[i], nil
		}
	}
	return Key{}, ErrNotFound
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
