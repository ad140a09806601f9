package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/counterfoil/counterfoil/pkg/client"
)

// A credential is what we show, and how to speak of it.
type credential struct {
	client.Secret
	from string // where it is from, for a person
	hint string // what to do when it is not good
}

// manager returns what manages tokens: a person's session. One from the
// environment is tried, whatever it is; the server knows.
func (a *app) manager(ctx context.Context, server string) (credential, error) {
	if !a.token.IsZero() {
		return credential{Secret: a.token, from: a.tokenEnv}, nil
	}
	return a.session(ctx, server)
}

// user returns what calls APIs and is exchanged: a token before a session,
// because it can do less.
func (a *app) user(ctx context.Context, server string) (credential, error) {
	if !a.token.IsZero() {
		return credential{Secret: a.token, from: a.tokenEnv}, nil
	}
	c, err := a.readConfig()
	if err != nil {
		return credential{}, err
	}
	token, err := a.kept(c.Servers[server], server, kindToken)
	switch {
	case err == nil:
		return credential{Secret: token, from: "the token that was kept", hint: `keep another with "cfoil auth login --with-token", or forget it with "cfoil auth logout"`}, nil
	case !errors.Is(err, errNothingKept):
		return credential{}, unread(err)
	}
	return a.session(ctx, server)
}

// unread is a secret that is kept and cannot be had.
func unread(err error) error {
	return fail(fmt.Errorf("what was kept cannot be read: %w", err),
		"sign in again with \"cfoil auth login --insecure-storage\", or set "+envToken)
}

// soon is how long before its end a session counts as ended.
const soon = 30 * time.Second

// session returns a person's session, and renews it where it ends.
func (a *app) session(ctx context.Context, server string) (credential, error) {
	c, err := a.readConfig()
	if err != nil {
		return credential{}, err
	}
	p := c.Servers[server]
	if p.Session == nil {
		return credential{}, signedOut("not signed in to "+server, loginHint)
	}
	if a.lives(*p.Session) {
		return a.sessionOf(p, server)
	}
	if p.Kept[kindRefresh] == "" {
		return credential{}, expired()
	}
	return a.renew(ctx, server)
}

func expired() error { return signedOut("the session has expired", loginHint) }

func (a *app) lives(s session) bool {
	return s.ExpiresAt.IsZero() || a.now().Before(s.ExpiresAt.Add(-soon))
}

func (a *app) sessionOf(p profile, server string) (credential, error) {
	secret, err := a.kept(p, server, kindSession)
	if errors.Is(err, errNothingKept) {
		return credential{}, signedOut("the session is not there any more", loginHint)
	}
	if err != nil {
		return credential{}, unread(err)
	}
	return credential{Secret: secret, from: "the session", hint: loginHint}, nil
}

// renew buys a new session with the refresh token. Many issuers take one only
// once, so no two processes do it at the same time.
func (a *app) renew(ctx context.Context, server string) (credential, error) {
	folder, err := configFolder()
	if err != nil {
		return credential{}, err
	}
	var renewed credential
	err = locked(ctx, folder, func() error {
		c, err := a.readConfig()
		if err != nil {
			return err
		}
		p := c.Servers[server]
		if p.Session == nil {
			return signedOut("not signed in to "+server, loginHint)
		}
		if a.lives(*p.Session) { // by another process, while we waited
			renewed, err = a.sessionOf(p, server)
			return err
		}
		refresh, err := a.kept(p, server, kindRefresh)
		if errors.Is(err, errNothingKept) {
			return expired()
		}
		if err != nil {
			return unread(err)
		}
		token, err := a.refreshed(ctx, *p.Session, refresh)
		if err == nil {
			err = checkAudience(token.AccessToken, server)
		}
		if err != nil {
			return err
		}
		renewed = credential{Secret: client.NewSecret(token.AccessToken), from: "the session", hint: loginHint}
		if err := a.keepSession(server, *p.Session, token, p.Kept[kindRefresh] == inFile); err != nil {
			// It is good, for this once.
			a.warn("the renewed session could not be kept, you may have to sign in again: " + bare(err).Error())
		}
		return nil
	})
	return renewed, err
}

// refreshed asks the issuer.
func (a *app) refreshed(ctx context.Context, s session, refresh client.Secret) (*oauth2.Token, error) {
	config := oauth2.Config{ClientID: s.ClientID, Endpoint: oauth2.Endpoint{TokenURL: s.TokenEndpoint, AuthStyle: oauth2.AuthStyleInParams}}
	token, err := config.TokenSource(a.withHTTP(ctx), &oauth2.Token{RefreshToken: refresh.Reveal()}).Token()
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) && refused.ErrorCode == "invalid_grant" {
		return nil, expired()
	}
	if err != nil {
		return nil, issuerError("renew the session", err)
	}
	return token, nil
}

// keepSession keeps what an issuer gave. The caller holds the lock. The refresh
// token first: with it everything else can be had again.
func (a *app) keepSession(server string, s session, token *oauth2.Token, insecure bool) error {
	return a.changeProfile(server, func(p *profile) error {
		if token.RefreshToken != "" {
			if err := a.keep(p, server, kindRefresh, client.NewSecret(token.RefreshToken), insecure); err != nil {
				return err
			}
		} else if err := a.forget(p, server, kindRefresh); err != nil {
			return err
		}
		if err := a.keep(p, server, kindSession, client.NewSecret(token.AccessToken), insecure); err != nil {
			return err
		}
		s.ExpiresAt = token.Expiry
		p.Session = &s
		return nil
	})
}

// changeProfile changes what is remembered of a server. The caller holds the lock.
func (a *app) changeProfile(server string, change func(*profile) error) error {
	c, err := a.readConfig()
	if err != nil {
		return err
	}
	p := c.Servers[server]
	if err := change(&p); err != nil {
		return err
	}
	return a.changeConfig(func(c *config) { c.Servers[server] = p })
}

// forget removes a secret.
func (a *app) forget(p *profile, server, kind string) error {
	where, ok := p.Kept[kind]
	if !ok {
		return nil
	}
	if err := a.vault(where).remove(server, kind); err != nil {
		return fmt.Errorf("the %s could not be removed from the %s: %w", kind, where, bare(err))
	}
	delete(p.Kept, kind)
	return nil
}

// managing returns a client for what only a session may do, and turns the
// refusal of a token into an explanation.
func (a *app) managing(ctx context.Context) (*client.Client, error) {
	server, err := a.server()
	if err != nil {
		return nil, err
	}
	c, err := a.manager(ctx, server)
	if err != nil {
		return nil, err
	}
	return a.client(server, client.Static(c.Secret))
}

// refusedToken explains a refusal of what stood in the environment.
func (a *app) refusedToken(err error) error {
	switch {
	case a.token.IsZero():
		return err
	case errors.Is(err, client.ErrForbidden):
		return fail(errors.New("a token cannot manage tokens, and "+a.tokenEnv+" holds one"),
			"unset "+a.tokenEnv+" and sign in with \"cfoil auth login\"")
	case isBad(err):
		return signedOut("the token in "+a.tokenEnv+" is not good (any more): expired, revoked or mistyped", "set another one")
	}
	return err
}

// isBad reports whether it is the credential that is refused.
func isBad(err error) bool {
	var oauth *client.OAuthError
	return errors.Is(err, client.ErrUnauthorized) ||
		errors.As(err, &oauth) && oauth.Code == "invalid_request" && oauth.Description == "subject_token is not valid"
}

// changeKept puts another value in the place of the token that is kept, or none,
// if it is the one of that id.
func (a *app) changeKept(ctx context.Context, server, id string, value *client.Secret) error {
	c, err := a.readConfig()
	if err != nil {
		return err
	}
	was, err := a.kept(c.Servers[server], server, kindToken)
	if err != nil || !strings.HasPrefix(was.Reveal(), "cfoil_"+id) {
		return nil // there is none, or nobody can tell
	}
	folder, err := configFolder()
	if err != nil {
		return err
	}
	insecure := c.Servers[server].Kept[kindToken] == inFile
	err = locked(ctx, folder, func() error {
		return a.changeProfile(server, func(p *profile) error {
			if value == nil {
				return a.forget(p, server, kindToken)
			}
			return a.keep(p, server, kindToken, *value, insecure)
		})
	})
	if err != nil {
		return fmt.Errorf("the token that was kept could not be changed: %w", bare(err))
	}
	return nil
}
