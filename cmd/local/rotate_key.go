package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/counterfoil/counterfoil/pkg/pat"
	"github.com/counterfoil/counterfoil/pkg/signer"
)

// rotateKey adds a key to the state, and says what follows by itself. It takes
// no lock: a server that runs on the state only ever reads what is added.
func rotateKey(state string, now time.Time, stdout io.Writer) error {
	r, err := signer.RotateLocal(state, now)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, `added     %s
published from now on, or from the server's next start
signs     from %s on, at least 6 min after it was published
drops     %s at %s or later
`, r.Next, r.Signs.Format(time.RFC3339), r.Signed, r.Drops.Format(time.RFC3339))
	return err
}

// followEvery is how often a server looks whether a rotation is due a step.
const followEvery = 5 * time.Second

// followKeys takes the steps of rotations until the context ends. One that fails
// is tried again, and logged when its reason is new.
func (s *server) followKeys(ctx context.Context) {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	said := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		switch err := s.key.Refresh(ctx, s.publishLogged); {
		case err == nil:
			said = ""
		case err.Error() != said && ctx.Err() == nil:
			said = err.Error()
			s.Log.Error("the signing keys stay as they were", "reason", said)
		}
	}
}

func (s *server) publishLogged(ctx context.Context, keys []pat.Key) error {
	var kids []string
	for _, key := range keys {
		kids = append(kids, key.ID)
	}
	err := s.publish(ctx, keys)
	if err == nil {
		s.Log.Info("published the signing keys", "kids", kids)
	}
	return err
}

// publish tells every function the keys and the catalogue.
func (s *server) publish(ctx context.Context, keys []pat.Key) error {
	return s.store.Publish(ctx, keys, catalogue)
}
