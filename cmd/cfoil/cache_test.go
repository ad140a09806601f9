package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/pkg/client"
)

// bought is what an exchange would give.
func bought(lifetime time.Duration, aws bool) client.Exchanged {
	e := client.Exchanged{AccessToken: client.NewSecret("JWT"), Scopes: []string{"a"}, ExpiresAt: time.Now().Add(lifetime)}
	if aws {
		e.AWS = &client.AWSCredentials{AccessKeyID: "ID", SecretAccessKey: client.NewSecret("KEY"), SessionToken: client.NewSecret("SESSION"), ExpiresAt: time.Now().Add(lifetime)}
	}
	return e
}

func TestCacheHandsOutUntilItIsNearTheEnd(t *testing.T) {
	for name, c := range map[string]struct {
		lifetime time.Duration
		aws      bool
		until    time.Duration
	}{
		"a JWT":              {15 * time.Minute, false, 10 * time.Minute},
		"a JWT of a minute":  {time.Minute, false, 40 * time.Second},
		"keys of 15 minutes": {15 * time.Minute, true, 7*time.Minute + 30*time.Second},
		"keys of an hour":    {time.Hour, true, 40 * time.Minute},
	} {
		a := newTestApp(t, &memoryKeyring{})
		now := time.Now()
		a.now = func() time.Time { return now }
		buys := 0
		get := func() client.Exchanged {
			got, err := a.cached(t.Context(), testServer, credential{Secret: client.NewSecret("PAT")}, client.ExchangeRequest{Scopes: []string{"a"}}, func() (client.Exchanged, error) {
				buys++
				got := bought(c.lifetime, c.aws)
				got.ExpiresAt = now.Add(c.lifetime)
				if c.aws {
					got.AWS.ExpiresAt = got.ExpiresAt
				}
				return got, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		first := get()
		now = now.Add(c.until - time.Second)
		if got := get(); buys != 1 || got.AccessToken.Reveal() != "JWT" || !got.ExpiresAt.Equal(first.ExpiresAt) || (got.AWS != nil) != c.aws {
			t.Errorf("%s: bought %d times before %s", name, buys, c.until)
		}
		now = now.Add(2 * time.Second)
		if get(); buys != 2 {
			t.Errorf("%s: bought %d times after %s", name, buys, c.until)
		}
		// What is past its end is gone from the disk.
		folder, _ := cacheFolder()
		if entries, _ := filepath.Glob(filepath.Join(folder, "*.json")); len(entries) != 1 {
			t.Errorf("%s: %d entries", name, len(entries))
		}
		files(t, folder)
	}
}

// TestCacheKeepsApart what differs in anything that decides what is bought.
func TestCacheKeepsApart(t *testing.T) {
	a := newTestApp(t, &memoryKeyring{})
	buys := 0
	buy := func() (client.Exchanged, error) { buys++; return bought(time.Hour, false), nil }
	for _, c := range []struct {
		server, credential string
		scopes, audiences  []string
	}{
		{testServer, "PAT", nil, nil}, {testServer + "/x", "PAT", nil, nil}, {testServer, "PAT2", nil, nil}, {testServer, "PAT", []string{"a"}, nil},
		{testServer, "PAT", []string{"a", "b"}, nil}, {testServer, "PAT", []string{"a b"}, nil}, {testServer, "PAT", nil, []string{"a"}}, {testServer, "PAT", []string{"b"}, []string{"a"}},
	} {
		before := buys
		for range 2 {
			if _, err := a.cached(t.Context(), c.server, credential{Secret: client.NewSecret(c.credential)}, client.ExchangeRequest{Scopes: c.scopes, Audiences: c.audiences}, buy); err != nil {
				t.Fatal(err)
			}
		}
		if buys != before+1 {
			t.Errorf("%+v: bought %d times", c, buys-before)
		}
	}
	folder, _ := cacheFolder()
	names, _ := filepath.Glob(filepath.Join(folder, "*"))
	if text := files(t, folder) + strings.Join(names, " "); strings.Contains(text, "PAT") {
		t.Error("the credential itself is in the cache")
	}
	if err := a.clearCache(t.Context(), testServer); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(folder, "*.json")); len(left) != 1 {
		t.Errorf("%d entries of the other server are left", len(left))
	}
}

// TestTwoProcessesBuyOnce: the lock is between open files, as between processes.
func TestTwoProcessesBuyOnce(t *testing.T) {
	a := newTestApp(t, &memoryKeyring{})
	var buys, under atomic.Int32
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			got, err := a.cached(t.Context(), testServer, credential{Secret: client.NewSecret("PAT")}, client.ExchangeRequest{}, func() (client.Exchanged, error) {
				if under.Add(1) > 1 {
					t.Error("two at once")
				}
				defer under.Add(-1)
				buys.Add(1)
				return bought(time.Hour, true), nil
			})
			if err != nil || got.AWS == nil || got.AWS.SecretAccessKey.Reveal() != "KEY" {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if buys.Load() != 1 {
		t.Errorf("bought %d times", buys.Load())
	}
}

// TestAnEntryThatOthersCouldHavePut there is none: it could hold anybody's keys.
func TestAnEntryThatOthersCouldHavePut(t *testing.T) {
	a := newTestApp(t, &memoryKeyring{})
	buys := 0
	get := func() {
		t.Helper()
		_, err := a.cached(t.Context(), testServer, credential{Secret: client.NewSecret("PAT")}, client.ExchangeRequest{}, func() (client.Exchanged, error) { buys++; return bought(time.Hour, false), nil })
		if err != nil {
			t.Error(err)
		}
	}
	get()
	folder, _ := cacheFolder()
	entries, _ := filepath.Glob(filepath.Join(folder, "*.json"))
	if len(entries) != 1 {
		t.Fatalf("%d entries", len(entries))
	}
	if get(); buys != 1 {
		t.Errorf("bought %d times", buys)
	}
	if err := os.Chmod(entries[0], 0o660); err != nil {
		t.Fatal(err)
	}
	if get(); buys != 2 {
		t.Errorf("bought %d times", buys)
	}
	files(t, folder)
	if os.Geteuid() == 0 {
		if err := os.Chown(entries[0], 12345, -1); err != nil {
			t.Fatal(err)
		}
		if get(); buys != 3 {
			t.Errorf("somebody else's is handed out")
		}
	}
}

func TestRefusalsAreNotKept(t *testing.T) {
	a := newTestApp(t, &memoryKeyring{})
	refused := errors.New("refused")
	for range 2 {
		if _, err := a.cached(t.Context(), testServer, credential{Secret: client.NewSecret("PAT")}, client.ExchangeRequest{}, func() (client.Exchanged, error) { return client.Exchanged{}, refused }); !errors.Is(err, refused) {
			t.Error(err)
		}
	}
	folder, _ := cacheFolder()
	if left, _ := filepath.Glob(filepath.Join(folder, "*.json")); len(left) != 0 {
		t.Errorf("%d entries", len(left))
	}
}

// TestADamagedCache is as good as none.
func TestADamagedCache(t *testing.T) {
	for name, text := range map[string]string{"junk": "{", "empty": "", "of another version": `{"version":2,"jwt":"x","until":"2999-01-01T00:00:00Z"}`, "without a token": `{"version":1,"until":"2999-01-01T00:00:00Z"}`} {
		a := newTestApp(t, &memoryKeyring{})
		used := credential{Secret: client.NewSecret("PAT")}
		folder, _ := cacheFolder()
		if err := makePrivate(folder); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(folder, entryName(testServer, used.Secret, client.ExchangeRequest{}))
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := a.cached(t.Context(), testServer, used, client.ExchangeRequest{}, func() (client.Exchanged, error) { return bought(time.Hour, false), nil })
		if err != nil || got.AccessToken.Reveal() != "JWT" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
