package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/oauth2"

	"github.com/counterfoil/counterfoil/pkg/client"
)

func (a *app) authCommand() *cobra.Command {
	auth := &cobra.Command{Use: "auth", Short: "Sign in and out, and show credentials", Args: cobra.ArbitraryArgs, RunE: group}
	auth.AddCommand(a.loginCommand(), a.statusCommand(), a.logoutCommand(), a.authTokenCommand(), a.gitCredentialCommand())
	return auth
}

// loginOptions are how a person wants to sign in.
type loginOptions struct {
	device, noBrowser, fresh, withToken, insecure bool
	port                                          int
}

func (a *app) loginCommand() *cobra.Command {
	var o loginOptions
	c := &cobra.Command{
		Use:   "login",
		Short: "Sign in to a server",
		Long: `Sign in to a server through the browser: as a person you can create, list and
delete tokens.

With --with-token, a personal access token is read from stdin (or asked for,
without showing it) and kept: for exchange, credential-process and git, which
prefer it to a session.

Secrets go into the system's keyring. Where there is none, they go into a file
that only you can read, and cfoil says so.`,
		Example: `  cfoil auth login --server https://tokens.example.com
  cfoil auth login --server https://tokens.example.com --with-token <token.txt`,
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error { return a.login(c.Context(), o) },
	}
	flags := c.Flags()
	flags.BoolVar(&o.device, "device", false, "show a code to type on another device, where the issuer offers that")
	flags.BoolVar(&o.noBrowser, "no-browser", false, "only print the address to open")
	flags.BoolVar(&o.fresh, "fresh", false, "have the issuer ask who you are, even if the browser is signed in")
	flags.IntVar(&o.port, "redirect-port", -1, "`port` of this machine that the browser comes back to, 0 for any (default: the first free of 18413, 18414, 18415)")
	flags.Lookup("redirect-port").DefValue = "0" // so that the help does not show -1
	flags.BoolVar(&o.withToken, "with-token", false, "read a personal access token from stdin")
	flags.BoolVar(&o.insecure, "insecure-storage", false, "keep secrets in a file, not in the keyring")
	c.MarkFlagsMutuallyExclusive("device", "with-token")
	c.MarkFlagsMutuallyExclusive("no-browser", "with-token")
	c.MarkFlagsMutuallyExclusive("device", "redirect-port")
	c.MarkFlagsMutuallyExclusive("device", "fresh")
	return c
}

func (a *app) login(ctx context.Context, o loginOptions) error {
	server, err := a.server()
	if f := (*failure)(nil); errors.As(err, &f) && f.code == exitSignedOut {
		return usage("which server?", "name it: --server https://tokens.example.com, or "+envServer)
	}
	if err != nil {
		return err
	}
	if o.port > 65535 {
		return usage("--redirect-port must be 0 to 65535", "")
	}
	if o.withToken {
		return a.loginWithToken(ctx, server, o.insecure)
	}
	i, err := a.findIssuer(ctx, server)
	if err != nil {
		return err
	}
	var token *oauth2.Token
	if o.device {
		token, err = a.throughDevice(ctx, i)
	} else {
		token, err = a.throughBrowser(ctx, i, o)
	}
	if err != nil {
		return err
	}
	if err := checkAudience(token.AccessToken, server); err != nil {
		return err
	}
	who, err := a.whois(ctx, server, client.NewSecret(token.AccessToken))
	if err == nil && who.Kind != "person" {
		err = fmt.Errorf("the issuer gave a credential of kind %s", who.Kind)
	}
	if isBad(err) {
		return fail(errors.New("the server does not take the session that the issuer gave"), "whoever runs the server has to look whether it knows the client "+i.clientID)
	}
	if err != nil {
		return err
	}
	return a.signedIn(ctx, server, who, kindToken, func() error { return a.keepSession(server, i.session(), token, o.insecure) })
}

// loginWithToken keeps what it reads: a token, or a session that somebody got
// in another way.
func (a *app) loginWithToken(ctx context.Context, server string, insecure bool) error {
	value, err := a.readSecret(ctx, "token: ")
	if err != nil {
		return err
	}
	who, err := a.whois(ctx, server, value)
	if isBad(err) {
		return fail(errors.New("the token is not good: expired, revoked or mistyped"), `create one with "cfoil token create"`)
	}
	if err != nil {
		return err
	}
	switch who.Kind {
	case "pat":
		return a.signedIn(ctx, server, who, kindSession, func() error {
			return a.changeProfile(server, func(p *profile) error { return a.keep(p, server, kindToken, value, insecure) })
		})
	case "person":
		return a.signedIn(ctx, server, who, kindToken, func() error {
			return a.keepSession(server, session{}, &oauth2.Token{AccessToken: value.Reveal(), Expiry: expiryOf(who)}, insecure)
		})
	}
	return fail(fmt.Errorf("that is a credential of kind %s, which ends soon", who.Kind), "a personal access token is wanted")
}

func expiryOf(who client.Whoami) time.Time {
	if who.ExpiresAt == nil {
		return time.Time{}
	}
	at, _ := time.Parse(time.RFC3339, *who.ExpiresAt)
	return at
}

// whois asks the server what a credential is.
func (a *app) whois(ctx context.Context, server string, credential client.Secret) (client.Whoami, error) {
	c, err := a.client(server, client.Static(credential))
	if err != nil {
		return client.Whoami{}, err
	}
	return c.Whoami(ctx)
}

// errOther is that what is kept beside belongs to another person: commands would
// act as one and then as the other.
var errOther = errors.New("somebody else's")

// signedIn keeps what was got, and says where it is. The other kind of secret,
// where one is kept, must be the same person's.
func (a *app) signedIn(ctx context.Context, server string, who client.Whoami, other string, keep func() error) error {
	folder, err := configFolder()
	if err != nil {
		return err
	}
	var p profile
	err = locked(ctx, folder, func() error {
		c, err := a.readConfig()
		if err != nil {
			return err
		}
		if p = c.Servers[server]; p.Kept[other] != "" && p.Subject != who.Subject {
			return errOther
		}
		if err := keep(); err != nil {
			return err
		}
		return a.changeConfig(func(c *config) {
			c.Current = server
			p = c.Servers[server]
			p.Subject = who.Subject
			c.Servers[server] = p
		})
	})
	if errors.Is(err, errOther) {
		return fail(fmt.Errorf("that is %s, and the %s kept for this server is of %s", who.Subject, other, p.Subject), `"cfoil auth logout" forgets it, and what cannot be shown again with it`)
	}
	if err != nil {
		return fail(fmt.Errorf("signed in, but it could not be kept: %w", bare(err)), "set "+envToken+" instead, or HOME to a folder that can be written")
	}
	a.say("signed in to " + server + " as " + describe(who))
	if path, err := secretsPath(); err == nil && inAFile(p) {
		a.warn("not in a keyring: the secret is in " + path + ", which only you can read")
	}
	if !a.token.IsZero() {
		a.warn(a.tokenEnv + " is set, and comes before what was kept now")
	}
	return nil
}

func inAFile(p profile) bool {
	for _, where := range p.Kept {
		if where == inFile {
			return true
		}
	}
	return false
}

// describe names whose credential it is.
func describe(who client.Whoami) string {
	text := who.Subject
	if who.Name != "" && who.Name != who.Subject {
		text = who.Name + " (" + who.Subject + ")"
	}
	if who.TokenName != "" {
		text += fmt.Sprintf(", with the token %q (id %s)", who.TokenName, who.TokenID)
	}
	return text
}

func (a *app) statusCommand() *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Show who you are, and with what", Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error { return a.status(c.Context()) },
	}
}

// A statusLine is one credential that we hold.
type statusLine struct {
	From   string         `json:"from"`
	Good   bool           `json:"good"`
	Whoami *client.Whoami `json:"whoami,omitempty"`
	Error  string         `json:"error,omitempty"`
}

func (a *app) status(ctx context.Context) error {
	server, err := a.server()
	if err != nil {
		return err
	}
	lines, err := a.statusLines(ctx, server)
	if err != nil {
		return err
	}
	if a.flags.output == "json" {
		err = a.writeJSON(struct {
			Server      string       `json:"server"`
			Credentials []statusLine `json:"credentials"`
		}{server, lines})
	} else {
		t := &table{}
		t.add("server", server)
		for _, l := range lines {
			text := l.Error
			if l.Good {
				text = describe(*l.Whoami) + ", until " + orNever(l.Whoami.ExpiresAt)
			}
			t.add(l.From, text)
		}
		err = a.write(t.String())
	}
	if err != nil {
		return err
	}
	if len(lines) == 0 {
		return signedOut("not signed in to "+server, loginHint)
	}
	for _, l := range lines {
		if !l.Good {
			return signedOut(l.From+": "+l.Error, loginHint)
		}
	}
	return nil
}

// statusLines asks about everything we hold, in the order in which it is used.
func (a *app) statusLines(ctx context.Context, server string) ([]statusLine, error) {
	c, err := a.readConfig()
	if err != nil {
		return nil, err
	}
	p := c.Servers[server]
	lines := []statusLine{}
	look := func(from string, get func() (client.Secret, error)) error {
		line := statusLine{From: from}
		secret, err := get()
		if err == nil {
			var who client.Whoami
			if who, err = a.whois(ctx, server, secret); err == nil {
				line.Good, line.Whoami = true, &who
			}
		}
		var f *failure
		switch {
		case err == nil:
		case isBad(err):
			line.Error = "not good (any more): expired or revoked"
		case errors.As(err, &f):
			line.Error = f.Error()
		default:
			return err // an outage tells nothing of any
		}
		lines = append(lines, line)
		return nil
	}
	if !a.token.IsZero() {
		if err := look(a.tokenEnv, func() (client.Secret, error) { return a.token, nil }); err != nil {
			return nil, err
		}
	}
	if p.Kept[kindToken] != "" {
		if err := look("token", func() (client.Secret, error) { return a.kept(p, server, kindToken) }); err != nil {
			return nil, err
		}
	}
	if p.Session != nil {
		if err := look("session", func() (client.Secret, error) { c, err := a.session(ctx, server); return c.Secret, err }); err != nil {
			return nil, err
		}
	}
	return lines, nil
}

func (a *app) logoutCommand() *cobra.Command {
	return &cobra.Command{
		Use: "logout", Short: "Forget the session and the token of a server", Args: exactly(),
		Long: `Forget the session and the token of a server, and what was bought with them.
A token that is forgotten lives on: "cfoil token delete" kills it.`,
		RunE: func(c *cobra.Command, _ []string) error { return a.logout(c.Context()) },
	}
}

func (a *app) logout(ctx context.Context) error {
	server, err := a.server()
	if err != nil {
		return err
	}
	folder, err := configFolder()
	if err != nil {
		return err
	}
	c, err := a.readConfig()
	if err != nil {
		return err
	}
	p, ok := c.Servers[server]
	if !ok {
		return signedOut("not signed in to "+server, "")
	}
	hadToken := p.Kept[kindToken] != ""
	err = locked(ctx, folder, func() error {
		// Under the lock: a renewal meanwhile would leave a new one behind.
		a.endSession(ctx, server)
		if err := a.changeProfile(server, func(p *profile) error {
			for _, kind := range []string{kindSession, kindRefresh, kindToken} {
				if err := a.forget(p, server, kind); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
		return a.changeConfig(func(c *config) {
			delete(c.Servers, server)
			if c.Current == server {
				c.Current = ""
			}
		})
	})
	if err != nil {
		return err
	}
	if err := a.clearCache(ctx, server); err != nil {
		return fmt.Errorf("what was bought could not be forgotten: %w", bare(err))
	}
	a.say("signed out of " + server)
	if hadToken {
		a.label(dim, "cfoil: hint:", `the token lives on: "cfoil token delete" kills it`)
	}
	return nil
}

// endSession tells the issuer that the refresh token is not wanted any more.
func (a *app) endSession(ctx context.Context, server string) {
	c, err := a.readConfig()
	p := c.Servers[server]
	if err != nil || p.Session == nil || p.Session.RevocationEndpoint == "" || p.Kept[kindRefresh] == "" {
		return
	}
	refresh, err := a.kept(p, server, kindRefresh)
	if err != nil {
		return
	}
	if err := a.revokeRefresh(ctx, *p.Session, refresh); err != nil {
		a.warn("the issuer did not end the session: " + bare(err).Error())
	}
}

func (a *app) authTokenCommand() *cobra.Command {
	return &cobra.Command{
		Use: "token", Short: "Print the credential that is in use", Args: exactly(),
		Long: `Print the credential that is in use, alone on stdout: COUNTERFOIL_TOKEN, the
token that was kept, or the session, renewed where it can be.

Mind where it goes: pipe it, and put it in no argument.`,
		RunE: func(c *cobra.Command, _ []string) error {
			server, err := a.server()
			if err != nil {
				return err
			}
			used, err := a.user(c.Context(), server)
			if err != nil {
				return err
			}
			return a.write(used.Reveal() + "\n")
		},
	}
}
