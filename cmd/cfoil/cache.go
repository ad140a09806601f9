package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/counterfoil/counterfoil/pkg/client"
)

// An entry is one thing that was bought, in a file of its own.
type entry struct {
	Version int    `json:"version"`
	Server  string `json:"server"`
	// From this moment on it is not handed out any more.
	Until     time.Time `json:"until"`
	ExpiresAt time.Time `json:"expires_at"`
	Scopes    []string  `json:"scopes"`
	JWT       string    `json:"jwt"`
	AWS       *awsEntry `json:"aws,omitempty"`
}

type awsEntry struct {
	AccessKeyID     string    `json:"access_key_id"`
	SecretAccessKey string    `json:"secret_access_key"`
	SessionToken    string    `json:"session_token"`
	ExpiresAt       time.Time `json:"expires_at"`
}

const entryVersion = 1

// Nothing is handed out of the cache that is near its end. A JWT must have a
// third of its life left. AWS's tools get new keys once less than 15 minutes are
// left, and keys that live no longer than that, at half their life.
const awsEarly = 15 * time.Minute

// cached returns what was bought before, or buys it and remembers it. Two
// processes at once buy once. Where there is no place for a cache, it buys.
func (a *app) cached(ctx context.Context, server string, used credential, asked client.ExchangeRequest, buy func() (client.Exchanged, error)) (client.Exchanged, error) {
	folder, err := cacheFolder()
	if err != nil {
		return buy()
	}
	path := filepath.Join(folder, entryName(server, used.Secret, asked))
	if got, ok := a.readEntry(path); ok {
		return got, nil
	}
	var got client.Exchanged
	var failed error
	bought := false
	err = locked(ctx, folder, func() error {
		var ok bool
		if got, ok = a.readEntry(path); ok { // another process, while we waited
			bought = true
			return nil
		}
		got, failed = buy()
		bought = true
		if failed != nil {
			return nil
		}
		a.sweep(folder)
		return a.writeEntry(path, server, got)
	})
	if ctx.Err() != nil && !bought {
		return got, ctx.Err()
	}
	if err != nil {
		a.warn("the cache in " + folder + " cannot be used: " + bare(err).Error())
	}
	if !bought {
		return buy()
	}
	return got, failed
}

// entryName depends on everything that decides what is bought. Of the
// credential it shows nothing but whether it is the same.
func entryName(server string, credential client.Secret, asked client.ExchangeRequest) string {
	of := sha256.Sum256([]byte("cfoil cache credential:" + credential.Reveal()))
	text, err := json.Marshal([]any{"cfoil cache entry", entryVersion, server, hex.EncodeToString(of[:]), asked.Scopes, asked.Audiences})
	if err != nil {
		panic(err) // of strings
	}
	name := sha256.Sum256(text)
	return hex.EncodeToString(name[:]) + ".json"
}

// readEntry returns what can still be handed out. A file that is damaged, or
// that somebody else could have put there, is none.
func (a *app) readEntry(path string) (client.Exchanged, bool) {
	e, err := readEntryFile(path)
	if err != nil || e.Version != entryVersion || e.JWT == "" || !a.now().Before(e.Until) {
		return client.Exchanged{}, false
	}
	got := client.Exchanged{AccessToken: client.NewSecret(e.JWT), Scopes: e.Scopes, ExpiresAt: e.ExpiresAt}
	if e.AWS != nil {
		got.AWS = &client.AWSCredentials{
			AccessKeyID: e.AWS.AccessKeyID, SecretAccessKey: client.NewSecret(e.AWS.SecretAccessKey),
			SessionToken: client.NewSecret(e.AWS.SessionToken), ExpiresAt: e.AWS.ExpiresAt,
		}
	}
	return got, true
}

var errNotOurs = errors.New("others could have written it")

func readEntryFile(path string) (entry, error) {
	var e entry
	info, err := os.Stat(path)
	if err == nil && (isOpen(info) || !isOurs(info)) {
		err = errNotOurs
	}
	if err != nil {
		return e, err
	}
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &e)
	}
	return e, err
}

func (a *app) writeEntry(path, server string, got client.Exchanged) error {
	now := a.now()
	e := entry{
		Version: entryVersion, Server: server, ExpiresAt: got.ExpiresAt, Scopes: got.Scopes, JWT: got.AccessToken.Reveal(),
		Until: got.ExpiresAt.Add(-got.ExpiresAt.Sub(now) / 3),
	}
	if got.AWS != nil {
		e.AWS = &awsEntry{got.AWS.AccessKeyID, got.AWS.SecretAccessKey.Reveal(), got.AWS.SessionToken.Reveal(), got.AWS.ExpiresAt}
		if until := got.AWS.ExpiresAt.Add(-min(awsEarly, got.AWS.ExpiresAt.Sub(now)/2)); until.Before(e.Until) {
			e.Until = until
		}
	}
	text, err := json.Marshal(e)
	if err != nil {
		return err
	}
	return writePrivate(path, text)
}

// sweep removes what is past its end. The caller holds the lock.
func (a *app) sweep(folder string) {
	a.eachEntry(folder, func(path string, e entry, err error) {
		if err != nil || !a.now().Before(e.Until) {
			os.Remove(path)
		}
	})
}

func (a *app) eachEntry(folder string, do func(path string, e entry, err error)) error {
	files, err := os.ReadDir(folder)
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".json") {
			continue
		}
		path := filepath.Join(folder, f.Name())
		e, err := readEntryFile(path)
		do(path, e, err)
	}
	return err
}

// forgetTime bounds how long a command waits, at its end, for who buys just now.
const forgetTime = 10 * time.Second

// forgetBought follows whatever may have ended a token, also by a request whose
// answer was lost: what was bought with it would be dead, or able to do more than
// the token now is. Nothing tells here which token bought what, so all of the
// server's goes; who needs it buys it again.
func (a *app) forgetBought(ctx context.Context, server string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), forgetTime)
	defer cancel()
	if err := a.clearCache(ctx, server); err != nil {
		a.warn("what was bought before could not be forgotten: " + bare(err).Error())
	}
}

// clearCache forgets what was bought from a server.
func (a *app) clearCache(ctx context.Context, server string) error {
	return a.dropEntries(ctx, func(e entry) bool { return e.Server == server })
}

// dropEntries forgets what fits, and what cannot be read.
func (a *app) dropEntries(ctx context.Context, fits func(entry) bool) error {
	folder, err := cacheFolder()
	if err != nil {
		return nil
	}
	if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return locked(ctx, folder, func() error {
		var failed error
		err := a.eachEntry(folder, func(path string, e entry, err error) {
			if err != nil || fits(e) {
				failed = errors.Join(failed, os.Remove(path))
			}
		})
		return errors.Join(err, failed)
	})
}
