package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// A config is what we remember, without the secrets.
type config struct {
	Version int `json:"version"`
	// Current is the server that was signed in to last.
	Current string             `json:"current,omitempty"`
	Servers map[string]profile `json:"servers,omitempty"`
}

// A profile is what we remember of one server.
type profile struct {
	// Kept says of each kind of secret that there is one, and where.
	Kept map[string]string `json:"kept,omitempty"`
	// Subject is whose they are: a session and a token of one person.
	Subject string   `json:"sub,omitempty"`
	Session *session `json:"session,omitempty"`
}

// A session is a person's sign-in, without its secrets.
type session struct {
	Issuer   string `json:"issuer"`
	ClientID string `json:"client_id"`
	// TokenEndpoint is where it is renewed.
	TokenEndpoint string `json:"token_endpoint,omitempty"`
	// RevocationEndpoint, where the issuer has one (RFC 7009).
	RevocationEndpoint string    `json:"revocation_endpoint,omitempty"`
	ExpiresAt          time.Time `json:"expires_at,omitzero"`
}

const configVersion = 1

func configPath() (string, error) {
	folder, err := configFolder()
	return filepath.Join(folder, "config.json"), err
}

// readConfig returns what is remembered; nothing where there is no file.
func (a *app) readConfig() (config, error) {
	none := config{Version: configVersion, Servers: map[string]profile{}}
	path, err := configPath()
	if err != nil {
		return none, nil // without a home there is nothing to remember
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNotAFolder) {
		return none, nil
	}
	if err != nil {
		return none, fmt.Errorf("read the configuration: %w", err)
	}
	var c config
	if err := json.Unmarshal(text, &c); err != nil {
		return none, fail(fmt.Errorf("the configuration %s is damaged", path), `remove it and sign in again`)
	}
	if c.Version != configVersion {
		return none, fail(fmt.Errorf("the configuration %s is of version %d, this cfoil knows %d", path, c.Version, configVersion), "use a newer cfoil")
	}
	if c.Servers == nil {
		c.Servers = map[string]profile{}
	}
	return c, nil
}

// changeConfig reads, changes and writes. The caller holds the lock.
func (a *app) changeConfig(change func(*config)) error {
	c, err := a.readConfig()
	if err != nil {
		return err
	}
	change(&c)
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	path, err := configPath()
	if err != nil {
		return err
	}
	return writePrivate(path, append(text, '\n'))
}
