package identity

import (
	"fmt"
	"sync"
	"time"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

const (
	// fetchEvery is how far apart two fetches are. Anybody can write a JWT
	// with a kid that nobody has, and must not make us ask the issuer for each.
	fetchEvery = time.Minute
	// retryFirst is how far apart they are before the first that succeeds:
	// until then nobody can sign in.
	retryFirst = time.Second
	// maxAge is when keys are fetched again though nobody asks for another: a
	// key that the issuer withdrew is stolen perhaps, and whoever has it sends
	// no unknown kid.
	maxAge = time.Hour
)

// A keyCache holds the public keys of the people's issuer. It fetches them at
// first use, and then only for a kid that it does not have, and once an hour.
type keyCache struct {
	mu   sync.RWMutex // guards held and old, and is never locked during a fetch
	held map[string]publicKey
	old  time.Time // from it on held is to be fetched again

	fetching sync.Mutex // guards the rest, and is locked for a fetch
	next     time.Time  // before it nobody fetches
	failed   error      // of the last fetch
}

// find returns the key of a kid. ErrUnauthorized: the issuer has no such key.
// ErrUnavailable: the last fetch failed, so that nobody can tell.
func (c *keyCache) find(kid string, now func() time.Time, fetch func() (map[string]publicKey, error)) (publicKey, error) {
	if _, ok := c.get(kid); ok {
		c.renew(now, fetch)
		if key, ok := c.get(kid); ok {
			return key, nil
		}
		return publicKey{}, refused("the JWT's kid is no longer one of the issuer's keys")
	}
	c.fetching.Lock()
	defer c.fetching.Unlock()
	// It is no longer due for those who waited while another fetched.
	if !now().Before(c.next) {
		c.refresh(now, fetch)
	}
	if key, ok := c.get(kid); ok {
		return key, nil
	}
	if c.failed != nil {
		return publicKey{}, fmt.Errorf("%w: keys of the people's issuer: %w", pat.ErrUnavailable, c.failed)
	}
	return publicKey{}, refused("the JWT's kid is none of the issuer's keys")
}

// renew fetches keys that have become old, unless somebody else is at it. When
// that fails, the old ones stay, and the next try is a minute away.
func (c *keyCache) renew(now func() time.Time, fetch func() (map[string]publicKey, error)) {
	c.mu.RLock()
	fresh := now().Before(c.old)
	c.mu.RUnlock()
	if fresh || !c.fetching.TryLock() {
		return
	}
	defer c.fetching.Unlock()
	if !now().Before(c.next) {
		c.refresh(now, fetch)
	}
}

// refresh fetches. When that fails the keys stay as they are, and whoever has a
// JWT of one of them notices nothing. The wait is counted from the end, or
// everybody who waited for a slow failure would try in turn.
func (c *keyCache) refresh(now func() time.Time, fetch func() (map[string]publicKey, error)) {
	keys, err := fetch()
	c.failed = err
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		c.held, c.old = keys, now().Add(maxAge)
	}
	wait := fetchEvery
	if c.held == nil {
		wait = retryFirst
	}
	c.next = now().Add(wait)
}

func (c *keyCache) get(kid string) (publicKey, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	key, ok := c.held[kid]
	return key, ok
}
