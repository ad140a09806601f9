package main

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"time"

	system "github.com/zalando/go-keyring"

	"github.com/counterfoil/counterfoil/pkg/client"
)

// A keyring is that of the operating system.
type keyring interface {
	Get(service, user string) (string, error)
	Set(service, user, secret string) error
	Delete(service, user string) error
}

// keyringService names us in the keyring.
const keyringService = "counterfoil"

// keyringTimeout is the longest that a keyring may take: one without a screen to
// ask on takes for ever.
const keyringTimeout = 3 * time.Second

var errSilentKeyring = errors.New("the keyring did not answer within 3 s")

// A keyringVault keeps each secret as an item of the keyring.
type keyringVault struct{ keyring keyring }

func (v keyringVault) get(server, kind string) (client.Secret, error) {
	secret, err := within(func() (client.Secret, error) {
		value, err := v.keyring.Get(keyringService, itemName(server, kind))
		return client.NewSecret(value), err
	})
	if errors.Is(err, system.ErrNotFound) || err == nil && secret.IsZero() {
		return client.Secret{}, errNothingKept
	}
	return secret, err
}

func (v keyringVault) set(server, kind string, s client.Secret) error {
	_, err := within(func() (struct{}, error) {
		return struct{}{}, v.keyring.Set(keyringService, itemName(server, kind), s.Reveal())
	})
	return err
}

func (v keyringVault) remove(server, kind string) error {
	_, err := within(func() (struct{}, error) {
		return struct{}{}, v.keyring.Delete(keyringService, itemName(server, kind))
	})
	if errors.Is(err, system.ErrNotFound) {
		return nil
	}
	return err
}

func itemName(server, kind string) string { return kind + " " + server }

// within does not wait for ever. What it leaves behind ends with the process.
func within[T any](do func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := do()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-time.After(keyringTimeout):
		var none T
		return none, errSilentKeyring
	}
}

// systemKeyring is the real one.
type systemKeyring struct{}

var errNoKeyring = errors.New("there is no keyring here")

func (systemKeyring) Get(service, user string) (string, error) {
	if !hasKeyring() {
		return "", errNoKeyring
	}
	return system.Get(service, user)
}

func (systemKeyring) Set(service, user, secret string) error {
	if !hasKeyring() {
		return errNoKeyring
	}
	return system.Set(service, user, secret)
}

func (systemKeyring) Delete(service, user string) error {
	if !hasKeyring() {
		return errNoKeyring
	}
	return system.Delete(service, user)
}

// hasKeyring reports whether it is worth asking. Where no session bus runs, the
// library would start one of its own, which no later process would find.
func hasKeyring() bool {
	if runtime.GOOS == "darwin" || runtime.GOOS == "windows" {
		return true
	}
	if os.Getenv("DBUS_SESSION_BUS_ADDRESS") != "" {
		return true
	}
	_, err := os.Stat(filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "bus"))
	return err == nil && os.Getenv("XDG_RUNTIME_DIR") != ""
}
