package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/counterfoil/counterfoil/pkg/client"
)

// Where a secret can be.
const (
	inKeyring = "keyring"
	inFile    = "file"
)

// The kinds of secrets that we keep of a server. Each is an item of its own:
// keyrings take no long ones.
const (
	kindSession = "session"
	kindRefresh = "refresh"
	kindToken   = "token"
)

// errNothingKept is that there is no such secret.
var errNothingKept = errors.New("nothing is kept")

// A vault keeps secrets by server and kind. The caller of set and remove holds
// the lock of the configuration.
type vault interface {
	get(server, kind string) (client.Secret, error)
	set(server, kind string, s client.Secret) error
	remove(server, kind string) error
}

func (a *app) vault(where string) vault {
	if where == inKeyring {
		return keyringVault{a.keyring}
	}
	return fileVault{a}
}

// keep keeps a secret, in the keyring if it can be, and notes where. The caller
// holds the lock.
func (a *app) keep(p *profile, server, kind string, s client.Secret, insecure bool) error {
	was := p.Kept[kind]
	where := inKeyring
	if err := a.tryKeyring(server, kind, s, insecure); err != nil {
		a.log.Debug("not in the keyring", "reason", err)
		where = inFile
		if err := a.vault(inFile).set(server, kind, s); err != nil {
			return fmt.Errorf("the %s could not be kept: %w", kind, bare(err))
		}
	}
	if was != "" && was != where {
		a.vault(was).remove(server, kind) // the older one is worth less
	}
	if p.Kept == nil {
		p.Kept = map[string]string{}
	}
	p.Kept[kind] = where
	return nil
}

var errInsecure = errors.New("--insecure-storage")

func (a *app) tryKeyring(server, kind string, s client.Secret, insecure bool) error {
	if insecure {
		return errInsecure
	}
	return a.vault(inKeyring).set(server, kind, s)
}

// kept returns a secret of a server.
func (a *app) kept(p profile, server, kind string) (client.Secret, error) {
	where, ok := p.Kept[kind]
	if !ok {
		return client.Secret{}, errNothingKept
	}
	return a.vault(where).get(server, kind)
}

// A fileVault is a file that only its owner can read.
type fileVault struct{ a *app }

func secretsPath() (string, error) {
	folder, err := configFolder()
	return filepath.Join(folder, "secrets.json"), err
}

// read returns all secrets by server and kind. A file that others could read
// is not trusted to be ours alone, and put right.
func (v fileVault) read() (map[string]map[string]string, error) {
	path, err := secretsPath()
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]map[string]string{}, nil
	}
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(path); err == nil && isOpen(info) {
		v.a.warn("others could read " + path + "; that was put right, but delete the tokens in it")
		if err := os.Chmod(path, 0o600); err != nil {
			return nil, err
		}
	}
	secrets := map[string]map[string]string{}
	if json.Unmarshal(text, &secrets) != nil { // whose error could quote
		return nil, fmt.Errorf("%s is damaged", path)
	}
	return secrets, nil
}

func (v fileVault) get(server, kind string) (client.Secret, error) {
	secrets, err := v.read()
	if err != nil {
		return client.Secret{}, err
	}
	value, ok := secrets[server][kind]
	if !ok {
		return client.Secret{}, errNothingKept
	}
	return client.NewSecret(value), nil
}

func (v fileVault) set(server, kind string, s client.Secret) error {
	return v.change(func(secrets map[string]map[string]string) {
		if secrets[server] == nil {
			secrets[server] = map[string]string{}
		}
		secrets[server][kind] = s.Reveal()
	})
}

func (v fileVault) remove(server, kind string) error {
	return v.change(func(secrets map[string]map[string]string) {
		delete(secrets[server], kind)
		if len(secrets[server]) == 0 {
			delete(secrets, server)
		}
	})
}

func (v fileVault) change(change func(map[string]map[string]string)) error {
	secrets, err := v.read()
	if err != nil {
		return err
	}
	change(secrets)
	text, err := json.Marshal(secrets)
	if err != nil {
		return err
	}
	path, err := secretsPath()
	if err != nil {
		return err
	}
	return writePrivate(path, text)
}
