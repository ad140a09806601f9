// Package client is the Go client of the API: every route, with errors to match
// on, and a source of short-lived JWTs for golang.org/x/oauth2.
//
// It refuses to know where a credential is kept: whoever uses it says what is
// shown. It sends again only what may be sent again; what to do after a lost
// answer to the rest stands at [Client.Create] and [Client.Rotate].
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// A Config says which server, and as whom.
type Config struct {
	// Server is the API's address, with its stage where it has one: https, or
	// http on this machine. See [ParseServer].
	Server string
	// Credential returns what is shown: a personal access token, an exchanged
	// JWT, or a person's session, which alone manages tokens. Without one only
	// the routes work that ask for none.
	Credential func(context.Context) (Secret, error)
	// HTTP is the client to use; nil means one that gives up after 35 s (API
	// Gateway does after 29). It never follows a redirect: the API has none,
	// and a credential must not travel on one.
	HTTP *http.Client
	// UserAgent is sent if it is not empty.
	UserAgent string
	// Log hears of every request at the level Debug: method, path, status and
	// request id, never a header or a body. Nil hears nothing.
	Log *slog.Logger
}

// A Client calls one server. It is safe for concurrent use.
type Client struct {
	Config
	pause func(ctx context.Context, d time.Duration) error
	now   func() time.Time
}

// New returns a client. It calls nobody yet.
func New(c Config) (*Client, error) {
	server, err := ParseServer(c.Server)
	if err != nil {
		return nil, err
	}
	c.Server = server
	if c.HTTP == nil {
		c.HTTP = &http.Client{Timeout: 35 * time.Second}
	}
	own := *c.HTTP
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.HTTP = &own
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Client{Config: c, pause: pause, now: time.Now}, nil
}

// Static is a Config's Credential that is always the same.
func Static(credential Secret) func(context.Context) (Secret, error) {
	return func(context.Context) (Secret, error) { return credential, nil }
}

// ParseServer returns the one spelling of a server's address. It refuses http
// to anywhere but this machine: a credential would cross the network readable.
func ParseServer(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Opaque != "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || strings.Contains(address, "#") {
		return "", errors.New("the server must be an address such as https://tokens.example.com, without user, query and fragment")
	}
	u.Host = strings.ToLower(u.Host)
	if u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(u.Hostname())) {
		return "", errors.New("the server must be https (http only on this machine)")
	}
	return strings.TrimRight(u.String(), "/"), nil
}

// isLoopback reports whether a host is this machine, by a name that nobody
// else's DNS can answer for.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// A request is what one call sends.
type request struct {
	method, path string
	query        url.Values
	json         any        // the body, or
	form         url.Values // the body
	// credential is shown unless it is an open route.
	open bool
	// repeatable says that sending it twice is no different from once.
	repeatable bool
}

const (
	maxTries = 3
	// maxWait is the longest pause that Retry-After may ask for; whoever asks
	// for a longer one is told to come back by the error.
	maxWait = 10 * time.Second
	// maxAnswer bounds an answer, in bytes.
	maxAnswer = 4 << 20
)

// do sends a request and decodes what it answers into answer, unless that is nil.
func (c *Client) do(ctx context.Context, r request, answer any) error {
	for try := 1; ; try++ {
		err := c.once(ctx, r, answer)
		if err == nil || !r.repeatable || try == maxTries || ctx.Err() != nil {
			return err
		}
		wait, again := waitFor(err, try)
		if !again {
			return err
		}
		if c.pause(ctx, wait) != nil {
			return err
		}
	}
}

// waitFor says whether an error may pass by itself, and when: where the server
// said so, or where no answer came.
func waitFor(err error, try int) (time.Duration, bool) {
	if wait := retryAfter(err); wait > 0 {
		return wait, wait <= maxWait
	}
	if e := (*url.Error)(nil); errors.As(err, &e) && !e.Timeout() {
		base := 100 * time.Millisecond << (try - 1)
		return base + rand.N(base), true
	}
	return 0, false
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

func (c *Client) once(ctx context.Context, r request, answer any) error {
	req, err := c.build(ctx, r)
	if err != nil {
		return err
	}
	start := c.now()
	resp, err := c.HTTP.Do(req)
	if err != nil {
		c.Log.Debug("no answer", "method", r.method, "path", r.path)
		return fmt.Errorf("no answer from %s: %w", c.Server, err)
	}
	defer resp.Body.Close()
	c.Log.Debug("answer", "method", r.method, "path", r.path, "status", resp.StatusCode,
		"request_id", resp.Header.Get("X-Request-Id"), "ms", c.now().Sub(start).Milliseconds())
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return fmt.Errorf("the answer of %s broke off: %w", c.Server, &url.Error{Op: r.method, URL: c.Server + r.path, Err: err})
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return errorOf(resp, body)
	}
	if len(body) > maxAnswer {
		return fmt.Errorf("the answer of %s is longer than %d bytes", c.Server, maxAnswer)
	}
	if answer == nil {
		return nil
	}
	// The decoder's own error could quote the body, and with it a value.
	if mediaType, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err != nil || mediaType != "application/json" || json.Unmarshal(body, answer) != nil {
		return fmt.Errorf("the answer of %s (status %d) is not what the API promises: is it a Counterfoil server?", c.Server, resp.StatusCode)
	}
	return nil
}

func (c *Client) build(ctx context.Context, r request) (*http.Request, error) {
	var body io.Reader
	contentType := ""
	switch {
	case r.json != nil:
		text, err := json.Marshal(r.json)
		if err != nil {
			return nil, fmt.Errorf("write the request: %w", err)
		}
		body, contentType = bytes.NewReader(text), "application/json"
	case r.form != nil:
		body, contentType = strings.NewReader(r.form.Encode()), "application/x-www-form-urlencoded"
	}
	address := c.Server + r.path
	if len(r.query) > 0 {
		address += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, address, body)
	if err != nil {
		return nil, err
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if c.UserAgent != "" {
		req.Header.Set("User-Agent", c.UserAgent)
	}
	if r.open {
		return req, nil
	}
	credential, err := c.credential(ctx)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+credential.Reveal())
	return req, nil
}

// ErrNoCredential is the error of a call that needs a credential where none was
// configured.
var ErrNoCredential = errors.New("no credential")

// credential returns what is shown. One that no header can hold is refused
// here: the error of net/http would quote it.
func (c *Client) credential(ctx context.Context) (Secret, error) {
	if c.Credential == nil {
		return Secret{}, ErrNoCredential
	}
	credential, err := c.Credential(ctx)
	if err != nil {
		return Secret{}, err
	}
	value := credential.Reveal()
	if value == "" {
		return Secret{}, ErrNoCredential
	}
	if strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return Secret{}, errors.New("the credential holds a space, a line break or another character that no credential has")
	}
	return credential, nil
}
