package store_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

// testRules lets many functions at once work on one store, each with a Service
// of its own, and holds the rules and the store together to what they promise.
func testRules(t *testing.T, open func(t *testing.T) suiteStore) {
	for name, test := range map[string]func(t *testing.T, s suiteStore){
		"of 16 that ask for one name one gets it":                  testOneName,
		"16 that come for the first time at once get one slot":     testFirstTokens,
		"16 that ask for the last places get no more than are":     testLastPlaces,
		"16 that revoke one token free one place":                  testOneRevocation,
		"expired tokens make room for 16 that ask at once":         testExpiredMakeRoom,
		"16 that create while all is revoked are before or after":  testRevokeAllAmongWriters,
		"16 that create while their person is disabled":            testDisableAmongWriters,
		"16 that create, list and revoke keep to the rules":        testManyWriters,
		"16 that create, list and revoke for four keep them apart": testManyOwners,
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			if err := s.Publish(t.Context(), nil, pat.Catalogue{{Name: "notes:read"}}); err != nil {
				t.Fatal(err)
			}
			test(t, s)
		})
	}
}

const writers = 16

// capped is a store whose administrators allow few tokens.
type capped struct {
	pat.Store
	limit int
}

func (c capped) Settings(ctx context.Context) (pat.Settings, error) {
	s, err := c.Store.Settings(ctx)
	s.Policy.MaxTokensPerPerson = c.limit
	return s, err
}

// newService is one function's view of the store at a moment.
func newService(s pat.Store, limit int, now time.Time) *pat.Service {
	return &pat.Service{
		Store:        capped{s, limit},
		Issuer:       "https://counterfoil.example",
		PeopleIssuer: person("").Issuer,
		AdminGroup:   "admins",
		Now:          func() time.Time { return now },
	}
}

func session(subject string) pat.Grant {
	return pat.Grant{Kind: pat.KindPerson, Person: person(subject), IssuedAt: start, ExpiresAt: start.Add(time.Hour)}
}

func wish(name string) pat.CreateRequest {
	return pat.CreateRequest{Name: name, Scopes: []string{"notes:read"}}
}

// atOnce runs one writer's work 16 times at once, each with a Service of its own.
func atOnce(s pat.Store, limit int, now time.Time, work func(i int, s *pat.Service)) {
	var wg sync.WaitGroup
	begin := make(chan struct{})
	for i := range writers {
		service := newService(s, limit, now)
		wg.Go(func() {
			<-begin
			work(i, service)
		})
	}
	close(begin)
	wg.Wait()
}

// outcomes counts by error: nil, or which of the expected ones.
func outcomes(t *testing.T, errs []error, expected error) (succeeded int) {
	t.Helper()
	for _, err := range errs {
		if err == nil {
			succeeded++
		} else if !errors.Is(err, expected) {
			t.Errorf("got %v, want success or %v", err, expected)
		}
	}
	return succeeded
}

// kept is everything a person has, from one read, dead tokens included.
func kept(t *testing.T, s pat.Store, subject string) (tokens []pat.Token, live int) {
	t.Helper()
	slot, err := s.Slot(t.Context(), person(subject))
	if err != nil {
		t.Fatal(err)
	}
	if tokens, err = s.List(t.Context(), slot, "", 10_000); err != nil {
		t.Fatal(err)
	}
	return tokens, owner(t, s, slot).Live
}

// active returns the living of some tokens, and fails where two have one name.
func active(t *testing.T, tokens []pat.Token, now time.Time) (ids []pat.ID) {
	t.Helper()
	named := map[string]pat.ID{}
	for _, token := range tokens {
		if pat.DefaultPolicy.Status(token, pat.Owner{}, now) != pat.Active {
			continue
		}
		if other, ok := named[token.Name]; ok {
			t.Errorf("%s and %s are both called %s", other, token.ID, token.Name)
		}
		named[token.Name] = token.ID
		ids = append(ids, token.ID)
	}
	return ids
}

func testOneName(t *testing.T, s suiteStore) {
	if _, err := newService(s, 50, start).Create(t.Context(), session("alice"), wish("first")); err != nil {
		t.Fatal(err)
	}
	errs := make([]error, writers)
	atOnce(s, 50, start, func(i int, s *pat.Service) {
		_, errs[i] = s.Create(t.Context(), session("alice"), wish([]string{"deploy", "DEPLOY"}[i%2]))
	})
	if n := outcomes(t, errs, pat.ErrNameTaken); n != 1 {
		t.Errorf("%d got it", n)
	}
	tokens, live := kept(t, s, "alice")
	if len(tokens) != 2 || live != 2 {
		t.Errorf("%d tokens, %d counted; want 2", len(tokens), live)
	}
}

func testFirstTokens(t *testing.T, s suiteStore) {
	errs := make([]error, writers)
	created := make([]pat.Created, writers)
	atOnce(s, 50, start, func(i int, s *pat.Service) {
		created[i], errs[i] = s.Create(t.Context(), session("alice"), wish(fmt.Sprint(i)))
	})
	outcomes(t, errs, nil)
	tokens, live := kept(t, s, "alice")
	if len(tokens) != writers || live != writers {
		t.Errorf("%d tokens, %d counted; want %d", len(tokens), live, writers)
	}
	for _, c := range created {
		if !slices.Contains(ids(tokens), c.ID) {
			t.Errorf("%s was acknowledged and is lost", c.ID)
		}
	}
}

func testLastPlaces(t *testing.T, s suiteStore) {
	const limit = 5
	for _, name := range []string{"a", "b"} {
		if _, err := newService(s, limit, start).Create(t.Context(), session("alice"), wish(name)); err != nil {
			t.Fatal(err)
		}
	}
	errs := make([]error, writers)
	atOnce(s, limit, start, func(i int, s *pat.Service) {
		_, errs[i] = s.Create(t.Context(), session("alice"), wish(fmt.Sprint(i)))
	})
	if n := outcomes(t, errs, pat.ErrTokenLimit); n != limit-2 {
		t.Errorf("%d got the last %d places", n, limit-2)
	}
	tokens, live := kept(t, s, "alice")
	if len(tokens) != limit || live != limit {
		t.Errorf("%d tokens, %d counted; want %d", len(tokens), live, limit)
	}
}

func testOneRevocation(t *testing.T, s suiteStore) {
	service := newService(s, 50, start)
	var mine []pat.ID
	for _, name := range []string{"a", "b", "c"} {
		c, err := service.Create(t.Context(), session("alice"), wish(name))
		if err != nil {
			t.Fatal(err)
		}
		mine = append(mine, c.ID)
	}
	errs := make([]error, writers)
	atOnce(s, 50, start, func(i int, s *pat.Service) {
		errs[i] = s.Revoke(t.Context(), session("alice"), string(mine[1]))
	})
	outcomes(t, errs, nil)
	tokens, live := kept(t, s, "alice")
	if got, want := active(t, tokens, start), []pat.ID{mine[2], mine[0]}; !slices.Equal(got, want) || live != 2 {
		t.Errorf("%v live, %d counted; want %v", got, live, want)
	}
}

func testExpiredMakeRoom(t *testing.T, s suiteStore) {
	const limit = 4
	soon := start.Add(time.Hour)
	for i := range limit {
		req := wish(fmt.Sprint(i))
		if i < limit-1 {
			req.Expiry = pat.Expiry{Given: true, At: soon}
		}
		if _, err := newService(s, limit, start).Create(t.Context(), session("alice"), req); err != nil {
			t.Fatal(err)
		}
	}
	_, err := newService(s, limit, soon.Add(-time.Second)).Create(t.Context(), session("alice"), wish("0"))
	wantError(t, "its name, while it lives", err, pat.ErrNameTaken)
	_, err = newService(s, limit, soon.Add(-time.Second)).Create(t.Context(), session("alice"), wish("x"))
	wantError(t, "its place, while it lives", err, pat.ErrTokenLimit)

	errs := make([]error, writers)
	atOnce(s, limit, soon, func(i int, s *pat.Service) {
		_, errs[i] = s.Create(t.Context(), session("alice"), wish(fmt.Sprint(i%8)))
	})
	got := 0
	for _, err := range errs {
		if err == nil {
			got++
		} else if !errors.Is(err, pat.ErrTokenLimit) && !errors.Is(err, pat.ErrNameTaken) {
			t.Errorf("got %v", err)
		}
	}
	tokens, live := kept(t, s, "alice")
	if n := len(active(t, tokens, soon)); got != limit-1 || n != limit || live != limit {
		t.Errorf("%d of %d free places taken, %d live, %d counted", got, limit-1, n, live)
	}
}

func testManyWriters(t *testing.T, s suiteStore) { testMixedWriters(t, s, "alice") }

func testManyOwners(t *testing.T, s suiteStore) {
	testMixedWriters(t, s, "alice", "bob", "carol", "dave")
}

// testMixedWriters has 16 writers create, list and revoke for some people, few
// names and few places among them, while somebody looks on.
func testMixedWriters(t *testing.T, s suiteStore, people ...string) {
	const limit, rounds = 3, 12
	names := []string{"a", "b", "c", "d", "e"}
	type history struct {
		sync.Mutex
		created, revoked map[pat.ID]string // whose
	}
	told := history{created: map[pat.ID]string{}, revoked: map[pat.ID]string{}}
	for i, subject := range people {
		if err := s.Enrol(t.Context(), pat.Owner{Slot: numbered(i), Person: person(subject), GroupsAt: start, SeenAt: start}); err != nil {
			t.Fatal(err)
		}
	}
	watching := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		for {
			for i, subject := range people {
				tokens, err := s.List(t.Context(), numbered(i), "", 10_000)
				if err != nil {
					t.Errorf("list: %v", err)
				}
				if n := len(active(t, tokens, start)); n > limit {
					t.Errorf("%s has %d tokens, above the cap of %d", subject, n, limit)
				}
			}
			select {
			case <-watching:
				return
			default:
			}
		}
	})
	refused := map[string]int{}
	atOnce(s, limit, start, func(i int, s *pat.Service) {
		random := rand.New(rand.NewPCG(uint64(i), 3))
		for range rounds {
			subject := people[random.IntN(len(people))]
			c, err := s.Create(t.Context(), session(subject), wish(names[random.IntN(len(names))]))
			told.Lock()
			if err == nil {
				told.created[c.ID] = subject
			} else {
				refused[fmt.Sprint(err)]++
			}
			told.Unlock()
			if err != nil && !errors.Is(err, pat.ErrNameTaken) && !errors.Is(err, pat.ErrTokenLimit) {
				t.Errorf("create: %v", err)
			}
			page, err := s.List(t.Context(), session(subject), pat.ListRequest{Limit: 100, Status: pat.Active})
			if err != nil {
				t.Errorf("list: %v", err)
			}
			if len(page.Tokens) == 0 || random.IntN(3) == 0 {
				continue
			}
			id := page.Tokens[random.IntN(len(page.Tokens))].ID
			if err := s.Revoke(t.Context(), session(subject), string(id)); err != nil {
				t.Errorf("revoke: %v", err)
				continue
			}
			told.Lock()
			told.revoked[id] = subject
			told.Unlock()
		}
	})
	close(watching)
	watch.Wait()

	if len(told.created) < len(people)*2 || len(told.revoked) < len(people) || len(refused) == 0 {
		t.Errorf("%d created, %d revoked, %v refused: too little happened", len(told.created), len(told.revoked), refused)
	}
	for _, subject := range people {
		tokens, live := kept(t, s, subject)
		alive := active(t, tokens, start)
		if len(alive) != live {
			t.Errorf("%s has %d tokens, %d counted", subject, len(alive), live)
		}
		for id, whose := range told.created {
			if _, dead := told.revoked[id]; whose == subject && slices.Contains(alive, id) == dead {
				t.Errorf("%s was created, revoked is %v, and lives: %v", id, dead, !dead)
			}
		}
		for _, token := range tokens {
			if told.created[token.ID] != subject {
				t.Errorf("%s has %s, which nobody created for them", subject, token.ID)
			}
		}
	}
}

var admin = pat.Grant{Kind: pat.KindPerson, Person: person("root"), Groups: []string{"admins"}, IssuedAt: start, ExpiresAt: start.Add(time.Hour)}

// testRevokeAllAmongWriters: what was acknowledged before is dead, what was asked
// for after lives, and the counter is right.
func testRevokeAllAmongWriters(t *testing.T, s suiteStore) {
	const rounds = 6
	before, err := newService(s, 500, start).Create(t.Context(), session("alice"), wish("before"))
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	created := map[pat.ID]bool{}
	revoked := 0
	atOnce(s, 500, start, func(i int, s *pat.Service) {
		for round := range rounds {
			if i == 0 && round%2 == 1 {
				n, err := s.RevokeAll(t.Context(), admin, "alice", pat.InvalidError{})
				if err != nil {
					t.Errorf("revoke all: %v", err)
				}
				mu.Lock()
				revoked += n
				mu.Unlock()
				continue
			}
			c, err := s.Create(t.Context(), session("alice"), wish(fmt.Sprint(i, " ", round)))
			if err != nil {
				t.Errorf("create: %v", err)
				continue
			}
			mu.Lock()
			created[c.ID] = true
			mu.Unlock()
		}
	})
	after, err := newService(s, 500, start).Create(t.Context(), session("alice"), wish("after"))
	if err != nil {
		t.Fatal(err)
	}
	tokens, live := kept(t, s, "alice")
	if len(tokens) != len(created)+2 {
		t.Errorf("%d tokens, %d were acknowledged", len(tokens), len(created)+2)
	}
	o := owner(t, s, after.ID.Slot())
	alive, dead := 0, 0
	for _, token := range tokens {
		// Alive are those from a number on, and no others.
		if (pat.DefaultPolicy.Status(token, o, start) == pat.Active) != (token.ID >= o.FirstLive()) {
			t.Errorf("%s is %s; the first live one is %s", token.ID, pat.DefaultPolicy.Status(token, o, start), o.FirstLive())
		}
		if token.ID >= o.FirstLive() {
			alive++
		} else {
			dead++
		}
	}
	if before.ID >= o.FirstLive() || after.ID < o.FirstLive() || alive != live || dead != revoked {
		t.Errorf("before %s, after %s, first live %s; %d alive, %d counted; %d dead, %d told", before.ID, after.ID, o.FirstLive(), alive, live, dead, revoked)
	}
}

// testDisableAmongWriters: from the acknowledgement on nobody gets a token.
func testDisableAmongWriters(t *testing.T, s suiteStore) {
	if _, err := newService(s, 500, start).Create(t.Context(), session("alice"), wish("before")); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	disabled := false
	refused := 0
	atOnce(s, 500, start, func(i int, s *pat.Service) {
		for round := range 6 {
			if i == 0 && round == 2 {
				if _, err := s.Disable(t.Context(), admin, "alice", true, pat.InvalidError{}); err != nil {
					t.Errorf("disable: %v", err)
				}
				mu.Lock()
				disabled = true
				mu.Unlock()
				continue
			}
			mu.Lock()
			was := disabled
			mu.Unlock()
			_, err := s.Create(t.Context(), session("alice"), wish(fmt.Sprint(i, " ", round)))
			if errors.Is(err, pat.ErrForbidden) {
				mu.Lock()
				refused++
				mu.Unlock()
			} else if err != nil || was {
				t.Errorf("created, disabled before: %v; %v", was, err)
			}
		}
	})
	if refused == 0 {
		t.Error("nobody was refused")
	}
}
