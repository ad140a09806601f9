package pat

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Settings are what every function reads and no request writes: they are
// published at deployment, and when a key or the policy changes.
type Settings struct {
	Catalogue Catalogue
	// Keys are our public keys: every one that a living JWT may be signed with.
	Keys   []Key
	Policy Policy
}

// A Policy is what the administrators decided.
type Policy struct {
	// MaxTokensPerPerson caps the tokens that a person holds at once, 1–500.
	MaxTokensPerPerson int
}

// DefaultPolicy holds until an administrator says otherwise.
var DefaultPolicy = Policy{MaxTokensPerPerson: 50}

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
