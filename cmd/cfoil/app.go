package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/counterfoil/counterfoil/pkg/client"
)

// The environment that we read beside what every program does.
const (
	envServer = "COUNTERFOIL_SERVER"
	envToken  = "COUNTERFOIL_TOKEN"
)

// legacyTokens are where the clients of the system that we replace look, in
// their order.
var legacyTokens = []string{"DHCORE_PERSONAL_ACCESS_TOKEN", "DHCORE_PAT"}

// An app is one run of the program.
type app struct {
	stdin          *os.File
	stdout, stderr *os.File
	now            func() time.Time
	keyring        keyring

	// token from the environment, and the variable that it came from.
	token    client.Secret
	tokenEnv string

	// What stood on the command line.
	flags struct {
		server string
		output string
		debug  bool
	}
	log *slog.Logger
	// began says that a command runs: what goes wrong before is in how we were
	// called.
	began bool
}

func newApp() *app {
	a := &app{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, now: time.Now, keyring: systemKeyring{}}
	a.log = slog.New(slog.DiscardHandler)
	a.token, a.tokenEnv = takeToken()
	return a
}

// takeToken takes the token out of the environment: no program that we start,
// be it a browser or a keyring's, has any use for it.
func takeToken() (token client.Secret, from string) {
	for _, name := range append([]string{envToken}, legacyTokens...) {
		value := strings.TrimSpace(os.Getenv(name))
		os.Unsetenv(name)
		// The old names may still hold a token of the old system, which is
		// nothing for our server to see.
		if !token.IsZero() || value == "" || name != envToken && !strings.HasPrefix(value, "cfoil_") {
			continue
		}
		token, from = client.NewSecret(value), name
	}
	return token, from
}

// run returns the exit status.
func (a *app) run(ctx context.Context, arguments []string) int {
	root := a.rootCommand()
	root.SetArgs(arguments)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	f := (*failure)(nil)
	known := errors.As(err, &f)
	if !a.began && !known {
		err = usage(err.Error(), "") // cobra's own
	}
	if ctx.Err() == nil {
		return a.report(err)
	}
	if known && f.serious {
		a.report(err)
	}
	return exitInterrupted
}

// httpTimeout is a little more than the longest that API Gateway takes.
const httpTimeout = 35 * time.Second

// client returns one that shows a credential.
func (a *app) client(server string, credential func(context.Context) (client.Secret, error)) (*client.Client, error) {
	return client.New(client.Config{
		Server:     server,
		Credential: credential,
		HTTP:       &http.Client{Timeout: httpTimeout},
		UserAgent:  "cfoil/" + version(),
		Log:        a.log,
	})
}

// server returns which server is meant: --server, COUNTERFOIL_SERVER, or the
// one that was signed in to last.
func (a *app) server() (string, error) {
	address, from := a.flags.server, "--server"
	if address == "" {
		address, from = os.Getenv(envServer), envServer
	}
	if address == "" {
		c, err := a.readConfig()
		if err != nil {
			return "", err
		}
		address, from = c.Current, "the configuration"
	}
	if address == "" {
		return "", a.noServer()
	}
	server, err := client.ParseServer(address)
	if err != nil {
		return "", usage(from+": "+err.Error(), "")
	}
	return server, nil
}

// noServer is that nobody said which server, or signed in to one.
func (a *app) noServer() error {
	if !a.token.IsZero() {
		return usage("there is a token in "+a.tokenEnv+", but no server to show it to", "set "+envServer)
	}
	return signedOut("not signed in", `sign in with "cfoil auth login --server https://tokens.example.com"`)
}

// isTerminal reports whether a person reads or writes there.
func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// say tells the person something, on stderr: stdout is for programs.
func (a *app) say(text string) { io.WriteString(a.stderr, printable(text)+"\n") }

// warn tells that something is not as it should be, and that we go on.
func (a *app) warn(text string) { a.label(yellow, "cfoil: warning:", text) }

func (a *app) label(colour, label, text string) {
	io.WriteString(a.stderr, paint(a.stderr, colour, label)+" "+printable(text)+"\n")
}
