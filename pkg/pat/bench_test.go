package pat_test

import (
	"context"
	"testing"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

// memory holds one token, for what the rules alone cost.
type memory struct {
	pat.Store
	token    pat.Token
	owner    pat.Owner
	settings pat.Settings
}

func (m *memory) Settings(context.Context) (pat.Settings, error) { return m.settings, nil }

func (m *memory) Look(_ context.Context, id pat.ID) (pat.Token, pat.Owner, error) {
	if id != m.token.ID {
		return pat.Token{}, pat.Owner{}, pat.ErrNotFound
	}
	return m.token, m.owner, nil
}

func BenchmarkAuthorize(b *testing.B) {
	w := newWorld(b)
	c := w.create(b, w.person(b, "alice", "writers"), named("ci", "profile", "notes:read", "notes:write"))
	token, owner, err := w.store.Look(b.Context(), c.ID)
	if err != nil {
		b.Fatal(err)
	}
	inMemory := &memory{token: token, owner: owner, settings: pat.Settings{Catalogue: catalogue, Policy: pat.DefaultPolicy}}
	for name, store := range map[string]pat.Store{"core": inMemory, "bbolt": w.store} {
		b.Run(name, func(b *testing.B) {
			s := w.service(store)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Authorize(context.Background(), c.Value); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
