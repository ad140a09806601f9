package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	system "github.com/zalando/go-keyring"
	"golang.org/x/oauth2"

	"github.com/counterfoil/counterfoil/pkg/client"
)

// newTestApp is an app with a home and a keyring of its own.
func newTestApp(t *testing.T, k keyring) *app {
	t.Helper()
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(home, "config"))
	t.Setenv("XDG_CACHE_HOME", filepath.Join(home, "cache"))
	a := newApp()
	a.keyring = k
	return a
}

// A memoryKeyring is one that works, unless told otherwise.
type memoryKeyring struct {
	items map[string]string
	fails error
	waits chan struct{}
	mu    sync.Mutex
}

func (m *memoryKeyring) do(act func()) error {
	if m.waits != nil {
		<-m.waits
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fails == nil {
		act()
	}
	return m.fails
}

func (m *memoryKeyring) Get(service, user string) (value string, err error) {
	err = m.do(func() { value = m.items[service+user] })
	if err == nil && value == "" {
		err = system.ErrNotFound
	}
	return value, err
}

func (m *memoryKeyring) Set(service, user, secret string) error {
	return m.do(func() { m.items[service+user] = secret })
}

func (m *memoryKeyring) Delete(service, user string) error {
	return m.do(func() { delete(m.items, service+user) })
}

const testServer = "https://tokens.example.com"

func (a *app) keepTestSession(t *testing.T, insecure bool) {
	t.Helper()
	token := &oauth2.Token{AccessToken: "ACCESS", RefreshToken: "REFRESH", Expiry: time.Now().Add(time.Hour)}
	if err := a.keepSession(testServer, session{Issuer: "https://issuer.example"}, token, insecure); err != nil {
		t.Fatal(err)
	}
}

// files returns what stands in every file of ours, and holds their modes to
// what they must be.
func files(t *testing.T, folder string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.Walk(folder, func(path string, info os.FileInfo, err error) error {
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if info.IsDir() {
			if info.Mode().Perm() != 0o700 {
				t.Errorf("folder %s has mode %v", path, info.Mode())
			}
			return nil
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("file %s has mode %v", path, info.Mode())
		}
		text, err := os.ReadFile(path)
		all.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// TestKeyringFirst: with a keyring no secret is in a file.
func TestKeyringFirst(t *testing.T) {
	ring := &memoryKeyring{items: map[string]string{}}
	a := newTestApp(t, ring)
	a.keepTestSession(t, false)
	folder, _ := configFolder()
	if text := files(t, folder); strings.Contains(text, "ACCESS") || strings.Contains(text, "REFRESH") {
		t.Error("a secret is in a file")
	}
	if got, err := a.session(t.Context(), testServer); err != nil || got.Reveal() != "ACCESS" || len(ring.items) != 2 {
		t.Errorf("%v, %d items", err, len(ring.items))
	}
	// Somebody emptied the keyring.
	clear(ring.items)
	if _, err := a.session(t.Context(), testServer); err == nil || a.exit(err) != exitSignedOut {
		t.Errorf("an empty keyring: %v", err)
	}
	// Logging out leaves nothing, and works though nothing is there.
	a.keepTestSession(t, false)
	a.flags.server = testServer
	if err := a.logout(t.Context()); err != nil || len(ring.items) != 0 {
		t.Errorf("%v, %d items", err, len(ring.items))
	}
}

// exit is the status of an error, without telling it.
func (a *app) exit(err error) int {
	var f *failure
	if errors.As(err, &f) {
		return f.code
	}
	return explain(err).code
}

// TestWithoutAKeyring: what it refuses goes into a file that only we can read.
func TestWithoutAKeyring(t *testing.T) {
	for name, c := range map[string]struct {
		ring     *memoryKeyring
		insecure bool
	}{
		"none":          {&memoryKeyring{fails: errNoKeyring}, false},
		"a full one":    {&memoryKeyring{fails: system.ErrSetDataTooBig}, false},
		"one not asked": {&memoryKeyring{items: map[string]string{}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			a := newTestApp(t, c.ring)
			a.keepTestSession(t, c.insecure)
			folder, _ := configFolder()
			text := files(t, folder)
			if !strings.Contains(text, "ACCESS") || !strings.Contains(text, "REFRESH") || len(c.ring.items) != 0 {
				t.Error("it is not in the file")
			}
			if got, err := a.session(t.Context(), testServer); err != nil || got.Reveal() != "ACCESS" {
				t.Error(err)
			}
		})
	}
}

// TestAKeyringThatComesAndGoes: a secret is in one place at a time.
func TestAKeyringThatComesAndGoes(t *testing.T) {
	ring := &memoryKeyring{items: map[string]string{}, fails: errNoKeyring}
	a := newTestApp(t, ring)
	a.keepTestSession(t, false)
	ring.fails = nil
	a.keepTestSession(t, false)
	folder, _ := configFolder()
	if text := files(t, folder); strings.Contains(text, "ACCESS") || len(ring.items) != 2 {
		t.Errorf("the file still has it, the keyring %d items", len(ring.items))
	}
	ring.fails = errors.New("locked")
	if _, err := a.session(t.Context(), testServer); err == nil || a.exit(err) != exitError {
		t.Errorf("a locked keyring: %v", err)
	}
}

// TestASilentKeyring does not hang: after 3 s, in made-up time, the file it is.
func TestASilentKeyring(t *testing.T) {
	ring := &memoryKeyring{items: map[string]string{}, waits: make(chan struct{})}
	synctest.Test(t, func(t *testing.T) {
		ring.waits = make(chan struct{})
		start := time.Now()
		err := keyringVault{ring}.set(testServer, kindToken, client.NewSecret("CANARY"))
		if !errors.Is(err, errSilentKeyring) || time.Since(start) != keyringTimeout {
			t.Errorf("%v after %s", err, time.Since(start))
		}
		if _, err := (keyringVault{ring}).get(testServer, kindToken); !errors.Is(err, errSilentKeyring) {
			t.Error(err)
		}
		close(ring.waits)
	})
}

// TestAFileThatOthersCanRead is put right, and said.
func TestAFileThatOthersCanRead(t *testing.T) {
	a := newTestApp(t, &memoryKeyring{fails: errNoKeyring})
	a.keepTestSession(t, false)
	folder, _ := configFolder()
	for path, mode := range map[string]os.FileMode{folder: 0o755, filepath.Join(folder, "secrets.json"): 0o644} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	said := capture(t, &a.stderr, func() {
		if _, err := a.session(t.Context(), testServer); err != nil {
			t.Error(err)
		}
	})
	if !strings.Contains(said, "others could read") {
		t.Errorf("said %q", said)
	}
	a.keepTestSession(t, false)
	files(t, folder)
}

// capture returns what is written to a file of the app.
func capture(t *testing.T, file **os.File, do func()) string {
	t.Helper()
	was := *file
	defer func() { *file = was }()
	temp, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	*file = temp
	do()
	text, err := os.ReadFile(temp.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestDamagedFiles are refused whole, left as they are, and never quoted.
func TestDamagedFiles(t *testing.T) {
	for file, text := range map[string]string{"secrets.json": `{"CANARY`, "config.json": `{"CANARY`} {
		a := newTestApp(t, &memoryKeyring{fails: errNoKeyring})
		a.keepTestSession(t, false)
		folder, _ := configFolder()
		path := filepath.Join(folder, file)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := a.session(t.Context(), testServer)
		if err == nil || a.exit(err) != exitError || strings.Contains(err.Error(), "CANARY") || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("%s: %v", file, err)
		}
		if err := a.keepSession(testServer, session{}, &oauth2.Token{AccessToken: "x"}, true); err == nil {
			t.Errorf("%s: it was written over", file)
		}
		if left, _ := os.ReadFile(path); string(left) != text {
			t.Errorf("%s is now %s", file, left)
		}
	}
	a := newTestApp(t, &memoryKeyring{})
	a.keepTestSession(t, true)
	path, _ := configPath()
	if err := os.WriteFile(path, []byte(`{"version":2}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := a.readConfig(); err == nil || !strings.Contains(err.Error(), "version 2") {
		t.Errorf("a newer one: %v", err)
	}
}

// TestManyWritersAtOnce: under the lock no change is lost, and at no moment is
// there half a file.
func TestManyWritersAtOnce(t *testing.T) {
	a := newTestApp(t, &memoryKeyring{fails: errNoKeyring})
	folder, _ := configFolder()
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			err := locked(t.Context(), folder, func() error {
				server := fmt.Sprint(testServer, i)
				return a.changeProfile(server, func(p *profile) error { return a.keep(p, server, kindToken, client.NewSecret("x"), false) })
			})
			if err != nil {
				t.Error(err)
			}
		})
		all.Go(func() {
			if _, err := a.readConfig(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	c, err := a.readConfig()
	secrets, err2 := fileVault{a}.read()
	if err != nil || err2 != nil || len(c.Servers) != 20 || len(secrets) != 20 {
		t.Errorf("%v, %v: %d servers, %d secrets", err, err2, len(c.Servers), len(secrets))
	}
}
