package store_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/pkg/pat"
	"github.com/counterfoil/counterfoil/pkg/store"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(writeForever); path != "" {
		fmt.Fprintln(os.Stderr, "stopped:", writer(path))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func openBolt(t testing.TB, path string) *store.Bolt {
	t.Helper()
	b, err := store.OpenBolt(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

func newBolt(t testing.TB) *store.Bolt {
	t.Helper()
	return openBolt(t, filepath.Join(t.TempDir(), "counterfoil.db"))
}

func TestBolt(t *testing.T) {
	testStore(t, func(t *testing.T) suiteStore { return newBolt(t) })
}

func TestBoltUnderTheRules(t *testing.T) {
	testRules(t, func(t *testing.T) suiteStore { return newBolt(t) })
}

func TestBoltKeepsOverARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "counterfoil.db")
	b := openBolt(t, path)
	settings := filled[pat.Settings](t)
	settings.Policy = pat.DefaultPolicy
	if err := b.Publish(t.Context(), settings.Keys, settings.Catalogue); err != nil {
		t.Fatal(err)
	}
	enrol(t, b, "AAAAA", "alice")
	create(t, b, "AAAAA", "a")
	create(t, b, "AAAAA", "b")
	if err := b.Revoke(t.Context(), revocation(t, b, "AAAAA00000")); err != nil {
		t.Fatal(err)
	}
	want, err := b.List(t.Context(), "AAAAA", "", 10)
	if err != nil {
		t.Fatal(err)
	}
	wantOwner := owner(t, b, "AAAAA")
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.Look(t.Context(), "AAAAA00000"); err == nil {
		t.Error("a closed store answers")
	}

	b = openBolt(t, path)
	got, err := b.List(t.Context(), "AAAAA", "", 10)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "list", got, want)
	equal(t, "owner", owner(t, b, "AAAAA"), wantOwner)
	gotSettings, err := b.Settings(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "settings", gotSettings, settings)
	slot, err := b.Slot(t.Context(), person("alice"))
	if err != nil || slot != "AAAAA" {
		t.Errorf("slot: %q, %v", slot, err)
	}
	wantError(t, "a name that is held", b.Create(t.Context(), creation(wantOwner, "b")), pat.ErrNameTaken)
}

func TestSweep(t *testing.T) {
	b := newBolt(t)
	enrol(t, b, "AAAAA", "alice")
	enrol(t, b, "AAAAB", "bob")
	add := func(name string, end time.Time) pat.ID {
		t.Helper()
		c := creation(owner(t, b, "AAAAA"), name)
		c.Token.ExpiresAt = end
		if err := b.Create(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		return c.Token.ID
	}
	endless := add("endless", time.Time{})
	expired := add("expired", start.Add(time.Hour))
	later := add("later", start.Add(time.Hour+time.Second))
	revoked := add("revoked", time.Time{})
	if err := b.Revoke(t.Context(), revocation(t, b, revoked)); err != nil { // an hour after start
		t.Fatal(err)
	}
	bobs := create(t, b, "AAAAB", "expired").ID
	before := owner(t, b, "AAAAA")

	gone := start.Add(time.Hour + pat.Kept)
	for _, step := range []struct {
		name string
		now  time.Time
		n    int
		left []pat.ID
	}{
		{"a second too early nothing goes", gone.Add(-time.Second), 0, []pat.ID{revoked, later, expired, endless}},
		{"to the second those go whose time it is", gone, 2, []pat.ID{later, endless}},
		{"a second time nothing goes", gone, 0, []pat.ID{later, endless}},
		{"a second later the next goes", gone.Add(time.Second), 1, []pat.ID{endless}},
		{"one without an end stays", gone.AddDate(1000, 0, 0), 0, []pat.ID{endless}},
	} {
		n, err := b.Sweep(t.Context(), step.now)
		if err != nil {
			t.Fatal(err)
		}
		list, err := b.List(t.Context(), "AAAAA", "", 10)
		if err != nil {
			t.Fatal(err)
		}
		if n != step.n {
			t.Errorf("%s: %d went, want %d", step.name, n, step.n)
		}
		equal(t, step.name, ids(list), step.left)
	}
	equal(t, "owner", owner(t, b, "AAAAA"), before)
	look(t, b, bobs)
	wantError(t, "bob's name", b.Create(t.Context(), creation(owner(t, b, "AAAAB"), "expired")), pat.ErrNameTaken)
	wantError(t, "the endless one's name", b.Create(t.Context(), creation(owner(t, b, "AAAAA"), "endless")), pat.ErrNameTaken)
	create(t, b, "AAAAA", "expired")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := b.Sweep(ctx, gone)
	wantError(t, "sweep", err, context.Canceled)
}

// writeForever names the variable that makes this test's binary a writer.
const writeForever = "COUNTERFOIL_TEST_WRITE_FOREVER"

// writer creates and revokes tokens for three people, and prints each id when
// it is acknowledged, until it is killed.
func writer(path string) error {
	b, err := store.OpenBolt(path)
	if err != nil {
		return err
	}
	ctx := context.Background()
	if err := b.Publish(ctx, nil, pat.Catalogue{{Name: "notes:read"}}); err != nil {
		return err
	}
	service := newService(b, 50, start)
	failed := make(chan error)
	for _, subject := range []string{"alice", "bob", "carol"} {
		go func() {
			for {
				c, err := service.Create(ctx, session(subject), wish(fmt.Sprint(rand.Uint64())))
				if err != nil {
					failed <- err
					return
				}
				fmt.Printf("created %s\n", c.ID)
				if err := service.Revoke(ctx, session(subject), string(c.ID)); err != nil {
					failed <- err
					return
				}
				fmt.Printf("revoked %s\n", c.ID)
			}
		}()
	}
	return <-failed
}

// killed runs a writer, kills it at its nth acknowledgement, or after a while,
// and returns every acknowledgement that came out of it.
func killed(t *testing.T, path string, n int, after time.Duration) (acknowledged []string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), self)
	child.Env = append(os.Environ(), writeForever+"="+path)
	var stderr strings.Builder
	child.Stderr = &stderr
	stdout, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer time.AfterFunc(after, func() { child.Process.Kill() }).Stop()
	for r := bufio.NewReader(stdout); ; {
		line, err := r.ReadString('\n')
		if err != nil {
			break // a line that was cut off acknowledged nothing
		}
		acknowledged = append(acknowledged, strings.TrimSuffix(line, "\n"))
		if len(acknowledged) == n {
			child.Process.Kill()
		}
	}
	if err := child.Wait(); err == nil || err.Error() != "signal: killed" || stderr.Len() > 0 {
		t.Fatalf("the writer ended by itself: %v, %s", err, &stderr)
	}
	return acknowledged
}

func TestNothingAcknowledgedIsLostToAKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "counterfoil.db")
	created, revoked := map[pat.ID]bool{}, map[pat.ID]bool{}
	events := map[pat.ID]int64{} // told of each
	for round := range 10 {
		for _, line := range killed(t, path, 1+rand.IntN(60), time.Minute) {
			switch verb, id, _ := strings.Cut(line, " "); verb {
			case "created":
				created[pat.ID(id)] = true
			case "revoked":
				revoked[pat.ID(id)] = true
			}
		}
		b, err := store.OpenBolt(path)
		if err != nil {
			t.Fatalf("after %d kills: %v", round+1, err)
		}
		for id := range created {
			token, _ := look(t, b, id)
			if revoked[id] && token.RevokedAt.IsZero() {
				t.Errorf("after %d kills %s lives again", round+1, id)
			}
		}
		told := map[pat.ID]int64{}
		for _, e := range eventIDs(toldBolt{b}.events(t)) {
			told[e.TokenID]++
		}
		for id := range created {
			events[id] += told[id]
			if token, _ := look(t, b, id); events[id] != token.Version {
				t.Errorf("after %d kills %s is at version %d, and %d events were told", round+1, id, token.Version, events[id])
			}
			if all := wholeThread(t, b, pat.TokenThread(id), start, 100); int64(len(all)) != events[id] {
				t.Errorf("after %d kills %d events of %s can be read back, of %d", round+1, len(all), id, events[id])
			}
		}
		for _, subject := range []string{"alice", "bob", "carol"} {
			if _, err := b.Slot(t.Context(), person(subject)); err != nil {
				continue // killed before they came
			}
			tokens, live := kept(t, b, subject)
			if n := len(active(t, tokens, start)); n != live {
				t.Errorf("after %d kills %s has %d tokens, %d counted", round+1, subject, n, live)
			}
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if len(created) < 10 || len(revoked) == 0 {
		t.Errorf("%d created, %d revoked: too little happened", len(created), len(revoked))
	}
}

func TestAKillAtTheFirstStartLeavesNothingHalfMade(t *testing.T) {
	begun := 0
	for begun < 10 {
		path := filepath.Join(t.TempDir(), "state", "counterfoil.db")
		killed(t, path, 1, rand.N(40*time.Millisecond))
		if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*")); len(left) > 0 {
			begun++ // else it had not come to write
		}
		openBolt(t, path)
		if t.Failed() {
			return
		}
	}
}

// A look-up is all that authorize asks of a store.
func BenchmarkLook(b *testing.B) {
	s := newBolt(b)
	ctx := b.Context()
	for i := range 20 {
		o := pat.Owner{Slot: numbered(i), Person: person(fmt.Sprint(i)), Name: "Alice Example", Groups: []string{"users", "admins"}, GroupsAt: start, SeenAt: start}
		if err := s.Enrol(ctx, o); err != nil {
			b.Fatal(err)
		}
		for n := range 20 {
			c := creation(o, fmt.Sprint("token ", n))
			c.Owner.Next, c.Owner.Version = uint64(n+1), int64(n+1)
			c.Token.ID = pat.NewID(o.Slot, uint64(n))
			c.Token.Description = "what the deployment of the notes reads and writes with"
			c.Token.Scopes = []string{"profile", "notes:read", "notes:write"}
			c.Token.ExpiresAt = start.AddDate(0, 3, 0)
			if err := s.Create(ctx, c); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, _, err := s.Look(ctx, pat.NewID(numbered(i%20), uint64(i%20))); err != nil {
			b.Fatal(err)
		}
	}
}
