package handler

import (
	"context"
	"sync"
	"time"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

// A meter counts what one request asks of others. It travels in the request's
// context. Retries inside an SDK are not seen, nor are fetches of an issuer's keys.
type meter struct {
	mu           sync.Mutex
	trips        int             // of any kind
	store        []time.Duration // each round trip to the store
	signs        int
	signFailures int
}

type meterKey struct{}

// meterOf returns the request's meter; outside of a request one that nobody reads.
func meterOf(ctx context.Context) *meter {
	if m, ok := ctx.Value(meterKey{}).(*meter); ok {
		return m
	}
	return &meter{}
}

// Meter puts counters before the store, the signer and the broker of a Service
// that was not used yet, and returns it: what a request costs is then in its
// log line.
func Meter(tokens *pat.Service) *pat.Service {
	tokens.Store = meteredStore{tokens.Store}
	if tokens.Signer != nil {
		tokens.Signer = meteredSigner{tokens.Signer}
	}
	if tokens.Broker != nil {
		tokens.Broker = meteredBroker{tokens.Broker}
	}
	return tokens
}

type meteredSigner struct{ next pat.Signer }

func (s meteredSigner) KeyID() string { return s.next.KeyID() }

func (s meteredSigner) Sign(ctx context.Context, by pat.Key, typ string, payload []byte) (pat.Secret, error) {
	jws, err := s.next.Sign(ctx, by, typ, payload)
	m := meterOf(ctx)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.trips++
	if err != nil {
		m.signFailures++
	} else {
		m.signs++
	}
	return jws, err
}

type meteredBroker struct{ next pat.Broker }

func (b meteredBroker) Credentials(ctx context.Context, request pat.AWSRequest) (pat.AWSCredentials, error) {
	m := meterOf(ctx)
	m.mu.Lock()
	m.trips++
	m.mu.Unlock()
	return b.next.Credentials(ctx, request)
}

// A meteredStore does not embed the one behind it: a new method of the port must
// be counted too, or this does not compile.
type meteredStore struct{ next pat.Store }

// timed notes a round trip that began now; the caller defers what it returns.
func timed(ctx context.Context) (done func()) {
	m, began := meterOf(ctx), time.Now()
	return func() {
		took := time.Since(began)
		m.mu.Lock()
		defer m.mu.Unlock()
		m.trips++
		m.store = append(m.store, took)
	}
}

func (s meteredStore) Settings(ctx context.Context) (pat.Settings, error) {
	defer timed(ctx)()
	return s.next.Settings(ctx)
}

func (s meteredStore) SetPolicy(ctx context.Context, p pat.Policy, changed pat.Mark) error {
	defer timed(ctx)()
	return s.next.SetPolicy(ctx, p, changed)
}

func (s meteredStore) Slot(ctx context.Context, p pat.Person) (pat.Slot, error) {
	defer timed(ctx)()
	return s.next.Slot(ctx, p)
}

func (s meteredStore) Owner(ctx context.Context, slot pat.Slot) (pat.Owner, error) {
	defer timed(ctx)()
	return s.next.Owner(ctx, slot)
}

func (s meteredStore) Enrol(ctx context.Context, o pat.Owner) error {
	defer timed(ctx)()
	return s.next.Enrol(ctx, o)
}

func (s meteredStore) Refresh(ctx context.Context, o pat.Owner) error {
	defer timed(ctx)()
	return s.next.Refresh(ctx, o)
}

func (s meteredStore) Recount(ctx context.Context, o pat.Owner) error {
	defer timed(ctx)()
	return s.next.Recount(ctx, o)
}

func (s meteredStore) Disable(ctx context.Context, o pat.Owner) error {
	defer timed(ctx)()
	return s.next.Disable(ctx, o)
}

func (s meteredStore) Stop(ctx context.Context, o pat.Owner) error {
	defer timed(ctx)()
	return s.next.Stop(ctx, o)
}

func (s meteredStore) Look(ctx context.Context, id pat.ID) (pat.Token, pat.Owner, error) {
	defer timed(ctx)()
	return s.next.Look(ctx, id)
}

func (s meteredStore) LookBoth(ctx context.Context, a, b pat.ID) (pat.Found, pat.Found, error) {
	defer timed(ctx)()
	return s.next.LookBoth(ctx, a, b)
}

func (s meteredStore) LookAll(ctx context.Context, ids []pat.ID) (map[pat.ID]pat.Found, error) {
	defer timed(ctx)()
	return s.next.LookAll(ctx, ids)
}

func (s meteredStore) List(ctx context.Context, slot pat.Slot, before pat.ID, limit int) ([]pat.Token, error) {
	defer timed(ctx)()
	return s.next.List(ctx, slot, before, limit)
}

func (s meteredStore) Trail(ctx context.Context, thread pat.Thread, before pat.Place, now time.Time, limit int) ([]pat.Event, error) {
	defer timed(ctx)()
	return s.next.Trail(ctx, thread, before, now, limit)
}

func (s meteredStore) Scan(ctx context.Context, position string, limit int) ([]pat.Found, string, error) {
	defer timed(ctx)()
	return s.next.Scan(ctx, position, limit)
}

func (s meteredStore) Create(ctx context.Context, c pat.Creation) error {
	defer timed(ctx)()
	return s.next.Create(ctx, c)
}

func (s meteredStore) Update(ctx context.Context, c pat.Change) error {
	defer timed(ctx)()
	return s.next.Update(ctx, c)
}

func (s meteredStore) Rotate(ctx context.Context, t pat.Token) error {
	defer timed(ctx)()
	return s.next.Rotate(ctx, t)
}

func (s meteredStore) Touch(ctx context.Context, t pat.Token) error {
	defer timed(ctx)()
	return s.next.Touch(ctx, t)
}

func (s meteredStore) Refuse(ctx context.Context, r pat.Refusal) error {
	defer timed(ctx)()
	return s.next.Refuse(ctx, r)
}

func (s meteredStore) Each(ctx context.Context, part, parts int, take func([]pat.Token) error) error {
	defer timed(ctx)()
	return s.next.Each(ctx, part, parts, take)
}

func (s meteredStore) Warn(ctx context.Context, t pat.Token) error {
	defer timed(ctx)()
	return s.next.Warn(ctx, t)
}

func (s meteredStore) Revoke(ctx context.Context, r pat.Revocation) error {
	defer timed(ctx)()
	return s.next.Revoke(ctx, r)
}
