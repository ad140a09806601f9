package store_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

// testContests lets everything happen to one token at once, each function with
// a Service of its own, and looks at what is left of it. Run it with -race.
func testContests(t *testing.T, open func(t *testing.T) suiteStore) {
	for name, test := range map[string]func(t *testing.T, c *contest){
		"a revoked token stays dead with all its values and JWTs": testDeadStaysDead,
		"of many rotations the last value alone works":            testLastRotation,
		"of many changes none gives a scope back":                 testScopesOnlyShrink,
		"notes of use stand in nobody's way and undo nothing":     testNotesUndoNothing,
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			catalogue := pat.Catalogue{{Name: "a"}, {Name: "b"}, {Name: "c"}, {Name: "d"}}
			if err := s.Publish(t.Context(), plainJWTs{}.keys(t), catalogue); err != nil {
				t.Fatal(err)
			}
			for n := range 4 {
				test(t, newContest(t, s, fmt.Sprint(n)))
			}
		})
	}
}

func TestBoltInContests(t *testing.T) {
	testContests(t, func(t *testing.T) suiteStore { return newBolt(t) })
}

func TestDynamoInContests(t *testing.T) { testContests(t, newDynamo) }

var everyScope = []string{"a", "b", "c", "d"}

// A contest is one token, and what its owner and its users were told.
type contest struct {
	t     *testing.T
	store suiteStore
	id    pat.ID
	name  string

	mu      sync.Mutex
	values  map[int]pat.Secret // by gen
	jwts    []pat.Secret
	changed int64 // answers that acknowledged a change
}

func newContest(t *testing.T, s suiteStore, name string) *contest {
	t.Helper()
	c := &contest{t: t, store: s, name: name}
	created, err := c.service(start).Create(t.Context(), session("alice"), pat.CreateRequest{Name: name, Scopes: everyScope})
	if err != nil {
		t.Fatal(err)
	}
	c.id, c.values = created.ID, map[int]pat.Secret{1: created.Value}
	return c
}

// service is one function's, at a moment.
func (c *contest) service(now time.Time) *pat.Service {
	s := newService(c.store, 50, now)
	s.Signer, s.Verifier = plainJWTs{}, plainJWTs{}
	return s
}

// latest is the newest value that was told.
func (c *contest) latest() pat.Secret {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.values[slices.Max(slices.Collect(maps.Keys(c.values)))]
}

// allowed fails the test for an error that is none of those expected, and
// reports whether there was none.
func (c *contest) allowed(doing string, err error, expected ...error) bool {
	if err != nil && !slices.ContainsFunc(expected, func(e error) bool { return errors.Is(err, e) }) {
		c.t.Errorf("%s: %v", doing, err)
	}
	return err == nil
}

func (c *contest) rotate(grace time.Duration) {
	created, err := c.service(start).Rotate(c.t.Context(), session("alice"), string(c.id), pat.RotateRequest{Grace: grace})
	if c.allowed("rotate", err, pat.ErrConflict, pat.ErrNotActive) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if _, twice := c.values[created.Gen]; twice {
			c.t.Errorf("two values are number %d", created.Gen)
		}
		c.values[created.Gen] = created.Value
		c.changed++
	}
}

func (c *contest) rename(n int) {
	_, err := c.service(start).Update(c.t.Context(), session("alice"), string(c.id), pat.UpdateRequest{Name: new(fmt.Sprintf("%s renamed %d", c.name, n))})
	if c.allowed("update", err, pat.ErrConflict, pat.ErrNotActive) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.changed++
	}
}

// use authorizes the value of now and notes its use, so late that a note is due.
func (c *contest) use(n int) {
	s := c.service(start.Add(time.Duration(n+1) * 2 * time.Hour))
	grant, err := s.Authorize(c.t.Context(), c.latest())
	if c.allowed("authorize", err, pat.ErrUnauthorized) {
		s.Used(c.t.Context(), grant, netip.MustParseAddr("192.0.2.1"))
	}
}

// exchange returns the scopes that were granted, and nil for a refusal.
func (c *contest) exchange() []string {
	done, err := c.service(start).Exchange(c.t.Context(), pat.ExchangeRequest{
		GrantType: pat.ExchangeGrant, SubjectToken: c.latest(), SubjectTokenType: pat.PATType,
	})
	var refused *pat.OAuthError
	if errors.As(err, &refused) {
		return nil
	}
	if !c.allowed("exchange", err) {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.jwts = append(c.jwts, done.AccessToken)
	return done.Scopes
}

// good returns what those that authorize may do, of some credentials.
func (c *contest) good(credentials iter.Seq[pat.Secret]) (grants []pat.Grant) {
	c.t.Helper()
	for credential := range credentials {
		grant, err := c.service(start).Authorize(c.t.Context(), credential)
		if c.allowed("authorize", err, pat.ErrUnauthorized) {
			grants = append(grants, grant)
		}
	}
	return grants
}

func testDeadStaysDead(t *testing.T, c *contest) {
	const each = 6
	workers := []func(i, n int){
		func(_, n int) { c.rotate(time.Duration(n%3) * time.Hour) },
		func(i, n int) { c.use(n*writers + i) },
		func(_, _ int) { c.exchange() },
		func(i, n int) { c.use(n*writers + i) },
		func(_, _ int) { c.exchange() },
		func(i, n int) { c.use(n*writers + i) },
		func(i, n int) { c.rename(n*writers + i) },
	}
	c.use(0)
	c.exchange()
	var atRevocation [2]pat.Token
	var begun, all sync.WaitGroup
	begun.Add(writers - len(atRevocation))
	for i := range writers - len(atRevocation) {
		all.Go(func() {
			for n := range each {
				workers[i%len(workers)](i, n)
				if n == 0 {
					begun.Done()
				}
			}
		})
	}
	for i := range atRevocation {
		all.Go(func() {
			begun.Wait() // in the middle of it
			c.allowed("revoke", c.service(start).Revoke(t.Context(), session("alice"), string(c.id)))
			var err error
			atRevocation[i], _, err = c.store.Look(t.Context(), c.id)
			c.allowed("look", err)
		})
	}
	all.Wait()

	token, o := look(t, c.store, c.id)
	for _, then := range atRevocation {
		// A use that was judged before it is noted after it, and nothing else.
		then.LastUsedAt, then.LastUsedFrom, then.ScopesUsed = token.LastUsedAt, token.LastUsedFrom, token.ScopesUsed
		then.Networks, then.Noted, then.Notes = token.Networks, token.Noted, token.Notes
		equal(t, "token after its revocation", token, then)
	}
	if !token.RevokedAt.Equal(start) || o.Live != 0 {
		t.Errorf("revoked at %v, %d counted", token.RevokedAt, o.Live)
	}
	if want := 1 + c.changed + 1; token.Version != want || token.Gen != len(c.values) {
		t.Errorf("version %d, want %d; gen %d of %d values", token.Version, want, token.Gen, len(c.values))
	}
	if len(c.good(maps.Values(c.values))) > 0 || len(c.good(slices.Values(c.jwts))) > 0 {
		t.Error("a value or a JWT of a revoked token works")
	}
	if c.changed == 0 || len(c.jwts) == 0 || token.LastUsedAt.IsZero() {
		t.Errorf("%d changes, %d JWTs, last used %v: too little happened", c.changed, len(c.jwts), token.LastUsedAt)
	}
	t.Logf("%d changes, %d JWTs, last note %v", c.changed, len(c.jwts), token.LastUsedAt.Sub(start))
	// Its name is free, whichever it was last.
	again, err := c.service(start).Create(t.Context(), session("alice"), pat.CreateRequest{Name: token.Name, Scopes: everyScope})
	if err != nil {
		t.Fatalf("its name is not free: %v", err)
	}
	if err := c.service(start).Revoke(t.Context(), session("alice"), string(again.ID)); err != nil {
		t.Fatal(err)
	}
}

func testLastRotation(t *testing.T, c *contest) {
	const each = 4
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			for n := range each {
				switch i % 4 {
				case 0, 1:
					c.rotate(0)
				case 2:
					c.use(n*writers + i)
				case 3:
					c.exchange()
				}
			}
		})
	}
	all.Wait()

	c.exchange()
	token, o := look(t, c.store, c.id)
	if token.Gen != len(c.values) || token.Version != 1+c.changed || len(c.values) < 2 || o.Live < 1 {
		t.Errorf("gen %d of %d values, version %d after %d changes, %d counted", token.Gen, len(c.values), token.Version, c.changed, o.Live)
	}
	grants := c.good(maps.Values(c.values))
	if len(grants) != 1 || grants[0].Gen != token.Gen {
		t.Errorf("%d of %d values work, want the last one alone", len(grants), len(c.values))
	}
	alive := 0
	for _, jwt := range c.jwts {
		claims, err := plainJWTs{}.Verify(t.Context(), jwt, pat.Expectation{})
		if err != nil {
			t.Fatal(err)
		}
		works := len(c.good(slices.Values([]pat.Secret{jwt}))) == 1
		if works != (claims.Gen == token.Gen) {
			t.Errorf("a JWT of value %d works: %v; the token has value %d", claims.Gen, works, token.Gen)
		}
		if works {
			alive++
		}
	}
	if alive == 0 {
		t.Error("not even the JWT of the last value works")
	}
}

func testScopesOnlyShrink(t *testing.T, c *contest) {
	shrunk := make([][]string, writers) // what each was told that the token has
	atOnce(c.store, 50, start, func(i int, s *pat.Service) {
		dropped := everyScope[i%3] // d stays
		asked := slices.DeleteFunc(slices.Clone(everyScope), func(name string) bool { return name == dropped })
		view, err := s.Update(t.Context(), session("alice"), string(c.id), pat.UpdateRequest{Scopes: asked})
		c.use(i)
		var wider *pat.InvalidError
		if errors.As(err, &wider) || !c.allowed("update", err, pat.ErrConflict) {
			return
		}
		shrunk[i] = view.Scopes
		if scopes := c.exchange(); slices.Contains(scopes, dropped) {
			t.Errorf("%s was taken out and is in a later JWT", dropped)
		}
	})
	token, _ := look(t, c.store, c.id)
	succeeded := 0
	for _, told := range shrunk {
		if told == nil {
			continue
		}
		succeeded++
		for _, scope := range token.Scopes {
			if !slices.Contains(told, scope) {
				t.Errorf("%s is back", scope)
			}
		}
	}
	if succeeded == 0 || token.Version != int64(1+succeeded) {
		t.Errorf("version %d after %d changes", token.Version, succeeded)
	}
}

func testNotesUndoNothing(t *testing.T, c *contest) {
	var all, begun sync.WaitGroup
	done := make(chan struct{})
	begun.Add(writers)
	for i := range writers {
		all.Go(func() {
			began := sync.OnceFunc(begun.Done)
			for n := 1; ; n++ {
				token, _, err := c.store.Look(t.Context(), c.id)
				c.allowed("look", err)
				token.LastUsedAt = start.Add(time.Duration(n*writers+i) * time.Second)
				c.allowed("touch", c.store.Touch(t.Context(), token), pat.ErrConflict)
				began()
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	begun.Wait()
	// Each is judged against what was read once: a note makes none a conflict.
	rotated, _ := look(t, c.store, c.id)
	rotated.Hash, rotated.Gen = pat.Hash{1}, 2
	c.allowed("rotate under notes", c.store.Rotate(t.Context(), rotated))
	update := changeOf(t, c.store, c.id, c.name, start.Add(time.Hour))
	update.Token.Scopes = []string{"d"}
	c.allowed("update under notes", c.store.Update(t.Context(), update))
	revoked := revocation(t, c.store, c.id)
	c.allowed("revoke under notes", c.store.Revoke(t.Context(), revoked))
	close(done)
	all.Wait()

	token, _ := look(t, c.store, c.id)
	if token.Version != 4 || token.Gen != 2 || token.Hash != (pat.Hash{1}) || !slices.Equal(token.Scopes, []string{"d"}) ||
		!token.RevokedAt.Equal(revoked.Token.RevokedAt) || !token.ExpiresAt.Equal(start.Add(time.Hour)) {
		t.Errorf("version %d, gen %d, scopes %v, revoked %v, ends %v", token.Version, token.Gen, token.Scopes, token.RevokedAt, token.ExpiresAt)
	}
	if token.LastUsedAt.IsZero() {
		t.Error("no note was made")
	}
}

// plainJWTs are signed by nobody: who may sign is package signer's matter.
type plainJWTs struct{}

// keys are to be published, or the core has nothing signed.
func (j plainJWTs) keys(t *testing.T) []pat.Key {
	keys := filled[pat.Settings](t).Keys[:1]
	keys[0].ID = j.KeyID()
	return keys
}

func (plainJWTs) KeyID() string { return "our-key" }

func (plainJWTs) Sign(_ context.Context, _ pat.Key, _ string, payload []byte) (pat.Secret, error) {
	return pat.NewSecret("." + base64.RawURLEncoding.EncodeToString(payload) + "."), nil
}

func (plainJWTs) Verify(_ context.Context, jwt pat.Secret, _ pat.Expectation) (pat.Claims, error) {
	payload, err := base64.RawURLEncoding.DecodeString(strings.Trim(jwt.Reveal(), "."))
	if err != nil {
		return pat.Claims{}, err
	}
	var said struct {
		Issuer  string `json:"iss"`
		Subject string `json:"sub"`
		Expires int64  `json:"exp"`
		Scope   string `json:"scope"`
		TokenID pat.ID `json:"pat"`
		Gen     int    `json:"gen"`
	}
	if err := json.Unmarshal(payload, &said); err != nil {
		return pat.Claims{}, err
	}
	return pat.Claims{
		Issuer: said.Issuer, Subject: said.Subject, ExpiresAt: time.Unix(said.Expires, 0),
		Scopes: strings.Fields(said.Scope), TokenID: said.TokenID, Gen: said.Gen,
	}, nil
}
