package main

import (
	"bufio"
	"context"
	"crypto/subtle"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/counterfoil/counterfoil/pkg/client"
)

func (a *app) gitCredentialCommand() *cobra.Command {
	var hosts []string
	c := &cobra.Command{
		Use:   "git-credential get|store|erase",
		Short: "Answer git when it asks for a credential",
		Long: `Speak git's protocol for credential helpers. It answers for the server's own host,
and for those named with --for; to any other host it says nothing. A JWT that git
says was refused is not given out again.`,
		Example: `  git config --global credential.https://git.example.com.helper \
    '!cfoil auth git-credential --for https://git.example.com'`,
		Args:      exactly("get, store or erase"),
		ValidArgs: []string{"get", "store", "erase"},
		RunE: func(c *cobra.Command, args []string) error {
			for _, h := range hosts {
				if _, err := client.ParseServer(h); err != nil {
					return usage("--for "+h+" is no address of a host such as https://git.example.com", "")
				}
			}
			switch args[0] {
			case "get":
				return a.gitGet(c.Context(), hosts)
			case "store":
				io.Copy(io.Discard, a.stdin) // we keep our own
				return nil
			case "erase":
				return a.gitErase(c.Context(), hosts)
			}
			return usage("git asks for get, store or erase", "")
		},
	}
	c.Flags().StringSliceVar(&hosts, "for", nil, "`address` of another host that may have the credential; can be repeated")
	return c
}

// A gitQuestion is what git tells a helper (git-credential(1)).
type gitQuestion struct {
	protocol, host, username string
	// shown is the credential that git tells of.
	shown client.Secret
	// authtype says that git knows more than names and passwords.
	authtype bool
	// challenges are what the host sent in WWW-Authenticate.
	challenges []string
}

// maxQuestion bounds what git may tell, in bytes.
const maxQuestion = 64 << 10

func readQuestion(r io.Reader) (gitQuestion, error) {
	var q gitQuestion
	s := bufio.NewScanner(io.LimitReader(r, maxQuestion))
	for s.Scan() && s.Text() != "" {
		name, value, ok := strings.Cut(s.Text(), "=")
		if !ok {
			return q, usage("that is not how git asks", "")
		}
		switch name {
		case "protocol":
			q.protocol = value
		case "host":
			q.host = value
		case "username":
			q.username = value
		case "password", "credential":
			q.shown = client.NewSecret(value)
		case "capability[]":
			q.authtype = q.authtype || value == "authtype"
		case "wwwauth[]":
			q.challenges = append(q.challenges, value)
		}
	}
	return q, s.Err()
}

// bearer reports whether git and the host both know what a Bearer is.
func (q gitQuestion) bearer() bool {
	return q.authtype && (len(q.challenges) == 0 || slices.ContainsFunc(q.challenges, func(c string) bool {
		scheme, _, _ := strings.Cut(c, " ")
		return strings.EqualFold(scheme, "Bearer")
	}))
}

func (a *app) gitGet(ctx context.Context, hosts []string) error {
	q, err := readQuestion(a.stdin)
	if err != nil {
		return err
	}
	server, err := a.server()
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(append(hosts, server), q.isFor) {
		return nil
	}
	used, err := a.user(ctx, server)
	if err != nil {
		return err
	}
	value, ends := used.Secret, time.Time{}
	// A session manages tokens, which is nothing for a host of repositories.
	if !strings.HasPrefix(value.Reveal(), "cfoil_") {
		got, err := a.exchange(ctx, client.ExchangeRequest{})
		if err != nil {
			return err
		}
		value, ends = got.AccessToken, got.ExpiresAt
	}
	return a.write(q.answer(value, ends))
}

// gitErase hears that a credential was refused. A JWT that we bought is forgotten, so
// that git is given another when it asks again; a token that is kept stays: git
// may be wrong, and it is not git's.
func (a *app) gitErase(ctx context.Context, hosts []string) error {
	q, err := readQuestion(a.stdin)
	if err != nil || q.shown.IsZero() {
		return nil // nothing that we gave
	}
	server, err := a.server()
	if err != nil || !slices.ContainsFunc(append(hosts, server), q.isFor) {
		return nil
	}
	return a.dropEntries(ctx, func(e entry) bool {
		return subtle.ConstantTimeCompare([]byte(e.JWT), []byte(q.shown.Reveal())) == 1
	})
}

// isFor reports whether git asks for the host of an address.
func (q gitQuestion) isFor(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Scheme == q.protocol && hostPort(u) == hostPort(&url.URL{Scheme: q.protocol, Host: strings.ToLower(q.host)})
}

func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return strings.ToLower(u.Hostname()) + ":" + port
}

func (q gitQuestion) answer(value client.Secret, ends time.Time) string {
	text := ""
	if q.bearer() {
		text = fmt.Sprintf("capability[]=authtype\nauthtype=Bearer\ncredential=%s\n", value.Reveal())
	} else {
		name := q.username
		if name == "" {
			name = "x-token" // any will do: the password is the credential
		}
		text = fmt.Sprintf("username=%s\npassword=%s\n", name, value.Reveal())
	}
	if !ends.IsZero() {
		text += fmt.Sprintf("password_expiry_utc=%d\n", ends.Unix())
	}
	return text
}
