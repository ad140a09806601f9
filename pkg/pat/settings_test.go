package pat_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

// A reading store counts how often the settings are read.
type reading struct {
	pat.Store
	times int
}

func (r *reading) Settings(ctx context.Context) (pat.Settings, error) {
	r.times++
	return r.Store.Settings(ctx)
}

// TestNothingIsSignedByAKeyThatIsNotPublished: whoever verifies would refuse it.
func TestNothingIsSignedByAKeyThatIsNotPublished(t *testing.T) {
	w, b := awsWorld(t)
	ctx := t.Context()
	token := w.create(t, w.person(t, "alice"), named("ci", "profile", "credentials"))
	store := &reading{Store: w.store}
	s := w.service(store)
	s.Signer, s.Broker = anySigner{}, b
	older := []pat.Key{{ID: "older", Algorithm: "ES256", Public: anyPublicKey()}}
	publish := func(keys []pat.Key) {
		t.Helper()
		if err := w.store.Publish(ctx, keys, catalogue); err != nil {
			t.Fatal(err)
		}
	}
	refused := func(when string, reads int) {
		t.Helper()
		store.times = 0
		for _, scope := range []string{"profile", "credentials"} {
			x, err := s.Exchange(ctx, exchangeOf(token.Value, scope))
			if !errors.Is(err, pat.ErrUnavailable) || errors.Is(err, pat.ErrNotFound) || x.AccessToken.Reveal() != "" || x.AWS != nil {
				t.Errorf("%s, scope %s: %v, with a JWT: %t", when, scope, err, x.AccessToken.Reveal() != "")
			} else if !strings.Contains(err.Error(), ourKey) {
				t.Errorf("%s: the log does not say which key: %v", when, err)
			}
		}
		if store.times != reads {
			t.Errorf("%s: the settings were read %d times, want %d", when, store.times, reads)
		}
	}
	publish(older)
	refused("cold", 1)
	refused("within the second", 0)
	w.clock = w.clock.Add(time.Second)
	refused("a second later", 1)
	publish(append(older, publishedKeys...))
	w.clock = w.clock.Add(time.Second - 1)
	refused("published, within a second of the last look", 0)
	w.clock = w.clock.Add(1)
	store.times = 0
	for range 3 {
		if _, err := s.Exchange(ctx, exchangeOf(token.Value, "profile credentials")); err != nil {
			t.Errorf("published: %v", err)
		}
	}
	if store.times != 1 {
		t.Errorf("published: the settings were read %d times, want once", store.times)
	}
	if len(b.asked) != 3 {
		t.Errorf("AWS was asked %d times, want 3", len(b.asked))
	}
}

// TestAKeyThatWasJustPublished is known to whoever reads a JWT that it signed,
// however long they keep the settings for all else; and junk makes nobody read
// them more than once a second.
func TestAKeyThatWasJustPublished(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	token := w.create(t, w.person(t, "alice"), named("ci", "profile"))
	jwt := w.exchange(t, token.Value, "").AccessToken
	if err := w.store.Publish(ctx, nil, catalogue); err != nil {
		t.Fatal(err)
	}
	store := &reading{Store: w.store}
	s := w.service(store)
	authorize := func(when string, want error, reads int) {
		t.Helper()
		store.times = 0
		for range 3 {
			if _, err := s.Authorize(ctx, jwt); !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", when, err, want)
			}
		}
		if store.times != reads {
			t.Errorf("%s: the settings were read %d times, want %d", when, store.times, reads)
		}
	}
	authorize("of no key, cold", pat.ErrUnauthorized, 1)
	w.clock = w.clock.Add(time.Second)
	authorize("of no key, a second later", pat.ErrUnauthorized, 1)
	if err := w.store.Publish(ctx, publishedKeys, catalogue); err != nil {
		t.Fatal(err)
	}
	authorize("published within the second", pat.ErrUnauthorized, 0)
	w.clock = w.clock.Add(time.Second)
	authorize("published", nil, 1)
	if err := w.store.Publish(ctx, nil, catalogue); err != nil {
		t.Fatal(err)
	}
	w.clock = w.clock.Add(pat.SettingsAge - 1)
	authorize("withdrawn, within the 30 seconds", nil, 0)
	w.clock = w.clock.Add(1)
	authorize("withdrawn", pat.ErrUnauthorized, 1)
	w.clock = w.clock.Add(time.Second)
	s.Store = &faulty{Store: w.store, fault: errDown}
	authorize("of no key, and no answer", pat.ErrUnavailable, 0)
}
