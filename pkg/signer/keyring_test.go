package signer

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

// A bench is a folder of keys, its keyring, what was published, and a clock.
type bench struct {
	t         *testing.T
	folder    string
	keys      *Keyring
	now       time.Time
	published []string // kids
	known     []pat.Key
	times     int   // how often
	fails     error // what publishing answers
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, folder: t.TempDir(), now: time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)}
	b.open()
	return b
}

// open is a start of the server.
func (b *bench) open() {
	b.t.Helper()
	keys, err := OpenKeyring(b.folder, ES256, b.known, func() time.Time { return b.now })
	if err != nil {
		b.t.Fatal(err)
	}
	b.keys = keys
	b.refresh()
}

func (b *bench) publish(_ context.Context, keys []pat.Key) error {
	if b.fails != nil {
		return b.fails
	}
	b.times++
	b.published, b.known = nil, keys
	for _, key := range keys {
		b.published = append(b.published, key.ID)
	}
	return nil
}

func (b *bench) refresh() {
	b.t.Helper()
	if err := b.keys.Refresh(b.t.Context(), b.publish); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) rotate() Rotation {
	b.t.Helper()
	r, err := RotateLocal(b.folder, b.now)
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

// later moves the clock and lets the server look.
func (b *bench) later(d time.Duration) {
	b.t.Helper()
	b.now = b.now.Add(d)
	b.refresh()
}

// signs returns the kid of the key that signs; it must be a published one.
func (b *bench) signs() string {
	b.t.Helper()
	header, _ := verified(b.t, b.keys.Keys(), sign(b.t, b.keys, "JWT", []byte(`{}`)))
	kid, _ := header["kid"].(string)
	if !slices.Contains(b.published, kid) {
		b.t.Fatalf("%s signs and is not published", kid)
	}
	return kid
}

// want checks which key signs and which are published, and that there is a file
// for each of these and no other.
func (b *bench) want(step, signs string, published ...string) {
	b.t.Helper()
	if got := b.signs(); got != signs {
		b.t.Errorf("%s: %s signs, want %s", step, got, signs)
	}
	if !slices.Equal(b.published, published) {
		b.t.Errorf("%s: published are %v, want %v", step, b.published, published)
	}
	entries, err := os.ReadDir(b.folder)
	if err != nil || len(entries) != len(published) {
		b.t.Errorf("%s: %d files (%v), want %d", step, len(entries), err, len(published))
	}
	for _, entry := range entries {
		mode(b.t, filepath.Join(b.folder, entry.Name()), 0o600)
	}
}

// The core asks which key signs and then has it sign: the turn may come in between.
func TestTheKeyThatWasNamedSigns(t *testing.T) {
	b := newBench(t)
	named := signing(t, b.keys)
	b.rotate()
	b.refresh()
	b.later(RotationWait)
	if b.keys.KeyID() == named.ID {
		t.Fatal("nothing was rotated")
	}
	value, err := b.keys.Sign(t.Context(), named, "JWT", []byte(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	if header, _ := verified(t, b.keys.Keys(), value.Reveal()); header["kid"] != named.ID {
		t.Errorf("signed by %v, want %s", header["kid"], named.ID)
	}
	b.later(RotationKeep)
	value, err = b.keys.Sign(t.Context(), named, "JWT", []byte(`{}`))
	noJWT(t, value, err)
}

func TestKeyring(t *testing.T) {
	for _, algorithm := range []string{RS256, ES256} {
		t.Run(algorithm, func(t *testing.T) {
			folder := filepath.Join(t.TempDir(), "state")
			clock := time.Now()
			k, err := OpenKeyring(folder, algorithm, nil, func() time.Time { return clock })
			if err != nil {
				t.Fatal(err)
			}
			mode(t, folder, 0o700)
			suite(t, algorithm, k)
			if _, err := RotateLocal(folder, clock); err != nil {
				t.Fatal(err)
			}
			clock = clock.Add(RotationWait)
			if k, err = OpenKeyring(folder, algorithm, nil, func() time.Time { return clock }); err != nil {
				t.Fatal(err)
			}
			t.Run("after a rotation", func(t *testing.T) { suite(t, algorithm, k) })
		})
	}
}

func TestARotationIsAddWaitSwitchDrop(t *testing.T) {
	for name, restarts := range map[string]bool{"of a server that runs": false, "of a server that restarts at every step": true} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			step := func(d time.Duration) {
				t.Helper()
				if b.now = b.now.Add(d); restarts {
					b.open()
				}
				b.refresh()
			}
			old := b.signs()
			b.want("before", old, old)

			r := b.rotate()
			if want := (Rotation{r.Next, b.now.Add(10 * time.Minute), old, b.now.Add(71 * time.Minute)}); r != want || r.Next == old {
				t.Fatalf("the rotation is %v, want %v", r, want)
			}
			step(0)
			b.want("added", old, old, r.Next)
			step(10*time.Minute - 1)
			b.want("still waiting", old, old, r.Next)
			step(1)
			b.want("switched", r.Next, old, r.Next)
			step(61*time.Minute - 1)
			b.want("still kept", r.Next, old, r.Next)
			step(1)
			b.want("dropped", r.Next, r.Next)

			second := b.rotate()
			step(0)
			b.want("added again", r.Next, r.Next, second.Next)
			step(71 * time.Minute)
			b.want("dropped again", second.Next, second.Next)
		})
	}
}

func TestKeysArePublishedOnlyWhenTheyChange(t *testing.T) {
	b := newBench(t)
	b.rotate()
	for range 100 {
		b.later(time.Minute)
	}
	if b.times != 3 { // at start, added, dropped
		t.Errorf("published %d times", b.times)
	}
}

// A key that was added long ago and is published only now is one that nobody
// knows.
func TestNoKeySignsBeforeItCanBeKnown(t *testing.T) {
	fault := errors.New("the store does not answer")
	for name, miss := range map[string]func(b *bench){
		"a server that slept through the wait": func(b *bench) { b.now = b.now.Add(3 * time.Hour) },
		"a server that could not publish": func(b *bench) {
			b.fails = fault
			for range 180 {
				b.now = b.now.Add(time.Minute)
				if err := b.keys.Refresh(b.t.Context(), b.publish); !errors.Is(err, fault) {
					b.t.Fatalf("refreshed with %v", err)
				}
				b.signs()
			}
			b.fails = nil
		},
		"a server that could not read the folder": func(b *bench) {
			path := filepath.Join(b.folder, "key-copy.pem")
			write(b.t, path, nil, 0o600)
			for range 180 {
				b.now = b.now.Add(time.Minute)
				if err := b.keys.Refresh(b.t.Context(), b.publish); err == nil {
					b.t.Fatal("refreshed")
				}
				b.signs()
			}
			if err := os.Remove(path); err != nil {
				b.t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			old, r := b.signs(), b.rotate()
			miss(b)
			if got := b.signs(); got != old {
				t.Fatalf("%s signs", got)
			}
			b.refresh()
			b.want("noticed", old, old, r.Next)
			b.later(RotationSpread - 1)
			b.want("not known yet", old, old, r.Next)
			b.later(1)
			b.want("switched", r.Next, old, r.Next)
			b.later(RotationKeep - 1)
			b.want("still kept", r.Next, old, r.Next)
			b.later(1)
			b.want("dropped", r.Next, r.Next)
		})
	}
}

// One rotation after the other, the first of which was noticed late.
func TestASecondRotationChangesNothingOfTheFirst(t *testing.T) {
	b := newBench(t)
	old, first := b.signs(), b.rotate()
	b.later(RotationWait)
	b.want("noticed", old, old, first.Next)
	second := b.rotate()
	b.refresh()
	b.want("both added", old, old, first.Next, second.Next)
	b.later(RotationSpread - 1)
	b.want("not known yet", old, old, first.Next, second.Next)
	b.later(1)
	b.want("switched", first.Next, old, first.Next, second.Next)
	b.later(RotationWait - RotationSpread)
	b.want("switched again", second.Next, old, first.Next, second.Next)
	b.later(RotationKeep - (RotationWait - RotationSpread))
	b.want("dropped", second.Next, first.Next, second.Next)
	b.later(RotationWait - RotationSpread)
	b.want("dropped again", second.Next, second.Next)
}

func TestAKeyIsRemovedOnlyAfterItIsPublishedNoMore(t *testing.T) {
	b := newBench(t)
	old, r := b.signs(), b.rotate()
	b.refresh()
	b.later(RotationWait)
	b.now, b.fails = b.now.Add(RotationKeep), errors.New("the store does not answer")
	if err := b.keys.Refresh(t.Context(), b.publish); err == nil {
		t.Fatal("refreshed")
	}
	b.want("not published", r.Next, old, r.Next)
	b.fails = nil
	b.refresh()
	b.want("published", r.Next, r.Next)
}

// What people do to the folder by hand.
func TestAFolderChangedByHand(t *testing.T) {
	t.Run("a key that was removed signs and is published no more", func(t *testing.T) {
		b := newBench(t)
		r := b.rotate()
		b.refresh()
		if err := os.Remove(filepath.Join(b.folder, "key.pem")); err != nil {
			t.Fatal(err)
		}
		b.refresh()
		b.want("removed", r.Next, r.Next)
	})
	t.Run("without any key the last ones go on", func(t *testing.T) {
		b := newBench(t)
		old := b.signs()
		if err := os.Remove(filepath.Join(b.folder, "key.pem")); err != nil {
			t.Fatal(err)
		}
		if err := b.keys.Refresh(t.Context(), b.publish); !errors.Is(err, errNoKey) {
			t.Fatalf("refreshed with %v", err)
		}
		if got := b.signs(); got != old {
			t.Errorf("%s signs", got)
		}
	})
	t.Run("an old key that comes back does not sign again", func(t *testing.T) {
		b := newBench(t)
		path := filepath.Join(b.folder, "key.pem")
		text := must(os.ReadFile(path))
		r := b.rotate()
		b.refresh()
		b.later(RotationWait + RotationKeep)
		write(t, path, text, 0o600)
		for range 90 {
			b.later(time.Minute)
			b.want("back", r.Next, r.Next)
		}
	})
	t.Run("a clock that goes back leaves the keys as they are", func(t *testing.T) {
		b := newBench(t)
		r := b.rotate()
		b.refresh()
		b.later(RotationWait + RotationKeep)
		b.later(-24 * time.Hour)
		b.want("yesterday", r.Next, r.Next)
	})
}

func TestRotateLocalRefuses(t *testing.T) {
	t.Run("a folder without a key", func(t *testing.T) {
		for _, folder := range []string{t.TempDir(), filepath.Join(t.TempDir(), "nowhere")} {
			_, err := RotateLocal(folder, time.Now())
			oneSentence(t, err, folder, "holds no key yet")
			if names := strings.Join(filesOf(t, folder), " "); names != "" {
				t.Errorf("there is %s now", names)
			}
		}
	})
	t.Run("a second key while the first has not begun to sign", func(t *testing.T) {
		b := newBench(t)
		r := b.rotate()
		b.now = b.now.Add(RotationWait - time.Second)
		_, err := RotateLocal(b.folder, b.now)
		oneSentence(t, err, filepath.Join(b.folder, "key-20260701T121000Z.pem"), "2026-07-01T12:10:00Z")
		b.now = b.now.Add(time.Second)
		b.refresh()
		if second := b.rotate(); second.Signed != r.Next {
			t.Errorf("after it %s signs until the next does", second.Signed)
		}
	})
	t.Run("to replace a key that another one made at the same moment", func(t *testing.T) {
		b := newBench(t)
		path := filepath.Join(b.folder, "key-20260701T121000Z.pem")
		write(t, path, []byte("theirs"), 0o600)
		err := create(path, generators[ES256])
		if !errors.Is(err, os.ErrExist) || string(must(os.ReadFile(path))) != "theirs" || len(filesOf(t, b.folder)) != 2 {
			t.Errorf("made with %v", err)
		}
	})
}

// What is wrong in the folder stops a start, a refresh and a rotation alike.
func TestABadKeyFolderIsRefusedAndLeftAlone(t *testing.T) {
	good := encode(t, must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)))
	cases := map[string]struct {
		name string
		text []byte // nil: the first key again
		mode os.FileMode
		why  string
	}{
		"a damaged key":                   {"key-20260701T000000Z.pem", good[:len(good)/2], 0o600, "no PKCS #8 key"},
		"an empty file":                   {"key-20260701T000000Z.pem", []byte{}, 0o600, "no PKCS #8 key"},
		"two keys in one file":            {"key-20260701T000000Z.pem", append(slices.Clone(good), good...), 0o600, "more than one key"},
		"one key in two files":            {"key-20260701T000000Z.pem", nil, 0o600, "holds the key of key.pem again"},
		"a key that others may read":      {"key-20260701T000000Z.pem", good, 0o644, "read or changed by others"},
		"a copy":                          {"key-copy.pem", good, 0o600, "when the key begins to sign"},
		"a name without a time":           {"key-.pem", good, 0o600, "when the key begins to sign"},
		"a name with a day that is none":  {"key-20260631T000000Z.pem", good, 0o600, "when the key begins to sign"},
		"a name with a time zone":         {"key-20260701T000000+0200.pem", good, 0o600, "when the key begins to sign"},
		"a name with half a second":       {"key-20260701T000000.5Z.pem", good, 0o600, "when the key begins to sign"},
		"a name before every first key":   {"key-00010101T000000Z.pem", good, 0o600, "when the key begins to sign"},
		"a file that an editor left back": {"key-20260701T000000Z.pem~", good, 0o600, "when the key begins to sign"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			old := b.signs()
			if c.text == nil {
				c.text = must(os.ReadFile(filepath.Join(b.folder, "key.pem")))
			}
			path := filepath.Join(b.folder, c.name)
			write(t, path, c.text, c.mode)

			_, err := OpenKeyring(b.folder, ES256, nil, time.Now)
			oneSentence(t, err, path, c.why)
			_, err = RotateLocal(b.folder, b.now)
			oneSentence(t, err, path, c.why)
			oneSentence(t, b.keys.Refresh(t.Context(), b.publish), path, c.why)

			if got := b.signs(); got != old {
				t.Errorf("%s signs", got)
			}
			if after := must(os.ReadFile(path)); string(after) != string(c.text) || len(filesOf(t, b.folder)) != 2 {
				t.Error("the folder was touched")
			}
			mode(t, path, c.mode)
		})
	}
}

// oneSentence checks an error that names the path once.
func oneSentence(t *testing.T, err error, path, why string) {
	t.Helper()
	if err == nil {
		t.Fatal("it was not refused")
	}
	text := err.Error()
	if !strings.Contains(text, why) || strings.Count(text, path) != 1 || strings.Contains(text, "\n") {
		t.Errorf("refused with %q, want one sentence with %q", text, why)
	}
}

func filesOf(t *testing.T, folder string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

// TestAKeyAddedWhileNobodyServed: it is published first at the start, and caches
// of the key set from before are asked for up to RotationSpread.
func TestAKeyAddedWhileNobodyServed(t *testing.T) {
	b := newBench(t)
	old := b.signs()
	r := b.rotate()
	b.now = b.now.Add(RotationWait + time.Hour)
	b.open()
	b.want("at the start", old, old, r.Next)
	b.now = b.now.Add(RotationSpread - time.Second)
	b.refresh()
	b.want("while caches may hold", old, old, r.Next)
	b.now = b.now.Add(time.Second)
	b.refresh()
	b.want("then", r.Next, old, r.Next)
}
