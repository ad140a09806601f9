package main

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/cli/browser"
	"golang.org/x/oauth2"
)

// redirectPorts are tried in this order. Some issuers compare redirect URIs
// byte for byte, so whoever runs one registers these three; docs/operating.md
// says so.
var redirectPorts = []int{18413, 18414, 18415}

// redirectPath is where the browser comes back to.
const redirectPath = "/callback"

// signInTimeout is how long a person may take.
const signInTimeout = 10 * time.Minute

// throughBrowser signs a person in: an authorization code with PKCE, back to a
// port of this machine (RFC 8252).
func (a *app) throughBrowser(ctx context.Context, i issuer, o loginOptions) (*oauth2.Token, error) {
	if i.AuthorizationEndpoint == "" {
		return nil, fail(fmt.Errorf("the issuer %s offers no sign-in by browser", i.Issuer), "try --device")
	}
	listener, err := listen(o.port)
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	config := i.oauth()
	config.RedirectURL = i.redirect(listener)
	back := &callback{state: rand.Text(), issuer: i, came: make(chan answer, 1)}
	web := &http.Server{Handler: back, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 5 * time.Second}
	go web.Serve(listener)
	defer shutDown(web)

	verifier := oauth2.GenerateVerifier()
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(verifier), i.forUs()}
	if o.fresh {
		options = append(options, oauth2.SetAuthURLParam("prompt", "login")) // OIDC Core section 3.1.2.1
	}
	address := config.AuthCodeURL(back.state, options...)
	a.say("sign in at\n\n  " + address + "\n")
	if !o.noBrowser && hasScreen() {
		go openBrowser(address)
	}
	ctx, cancel := context.WithTimeout(ctx, signInTimeout)
	defer cancel()
	select {
	case <-ctx.Done():
		return nil, fmt.Errorf("nobody signed in: %w", ctx.Err())
	case got := <-back.came:
		if got.err != nil {
			return nil, got.err
		}
		token, err := config.Exchange(a.withHTTP(ctx), got.code, oauth2.VerifierOption(verifier), i.forUs())
		if err != nil {
			return nil, issuerError("take the code", err)
		}
		return token, nil
	}
}

// listen takes a port of this machine: one of ours, or the one asked for (0 is
// any).
func listen(port int) (net.Listener, error) {
	ports := redirectPorts
	if port >= 0 {
		ports = []int{port}
	}
	for _, p := range ports {
		if l, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(p))); err == nil {
			return l, nil
		}
	}
	return nil, fail(fmt.Errorf("no port to come back to: %v are in use", ports), "choose one with --redirect-port (the issuer may have to know it)")
}

// redirect is the address to come back to. It is this machine by number, as RFC
// 8252 section 8.3 has it; but Cognito takes http for localhost alone.
func (i issuer) redirect(l net.Listener) string {
	host := "127.0.0.1"
	if strings.HasPrefix(i.Issuer, "https://cognito-idp.") {
		host = "localhost"
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return "http://" + net.JoinHostPort(host, port) + redirectPath
}

// An answer is what the browser came back with.
type answer struct {
	code string
	err  error
}

// A callback waits for the browser.
type callback struct {
	state  string
	issuer issuer
	came   chan answer
}

// ServeHTTP takes the first answer to our own question. Anything else, any page
// could have sent.
func (c *callback) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Type", "text/plain; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Content-Type-Options", "nosniff")
	q := r.URL.Query()
	if r.Method != http.MethodGet || r.URL.Path != redirectPath || subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(c.state)) != 1 {
		http.NotFound(w, r)
		return
	}
	got := c.read(q)
	select {
	case c.came <- got:
	default: // it came before
	}
	if got.err != nil {
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, "You are not signed in. The terminal says why; you can close this page.\n")
		return
	}
	io.WriteString(w, "Back to the terminal: you can close this page.\n")
}

func (c *callback) read(q url.Values) answer {
	iss, named := q["iss"]
	if named && iss[0] != c.issuer.Issuer || !named && c.issuer.NamesItself {
		return answer{err: errors.New("the answer is of another issuer")} // RFC 9207
	}
	if refused := q.Get("error"); refused != "" {
		text := "the sign-in was refused: " + refused
		if why := q.Get("error_description"); why != "" {
			text += ": " + why
		}
		return answer{err: errors.New(text)}
	}
	if q.Get("code") == "" {
		return answer{err: errors.New("the issuer sent no code")}
	}
	return answer{code: q.Get("code")}
}

// shutDown lets the page be read.
func shutDown(web *http.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if web.Shutdown(ctx) != nil {
		web.Close()
	}
}

// hasScreen reports whether a browser could show itself. Without one a browser
// for terminals would take ours over.
func hasScreen() bool {
	if runtime.GOOS == "darwin" || runtime.GOOS == "windows" {
		return true
	}
	return os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != "" || os.Getenv("WSL_DISTRO_NAME") != ""
}

// openBrowser opens the address. If it cannot, the person has read it.
func openBrowser(address string) {
	browser.Stdout, browser.Stderr = io.Discard, io.Discard
	browser.OpenURL(address)
}

// throughDevice signs a person in on another device (RFC 8628).
func (a *app) throughDevice(ctx context.Context, i issuer) (*oauth2.Token, error) {
	if i.DeviceEndpoint == "" {
		return nil, fail(fmt.Errorf("the issuer %s offers no sign-in by device code", i.Issuer), "sign in without --device, on a machine with a browser; or pipe a token to \"cfoil auth login --with-token\"")
	}
	ctx, cancel := context.WithTimeout(ctx, signInTimeout)
	defer cancel()
	config := i.oauth()
	device, err := config.DeviceAuth(a.withHTTP(ctx), i.forUs())
	if err != nil {
		return nil, issuerError("start a sign-in", err)
	}
	a.say("on any device, open\n\n  " + device.VerificationURI + "\n\nand type the code  " + device.UserCode + "\n")
	token, err := config.DeviceAccessToken(a.withHTTP(ctx), device, i.forUs())
	if err != nil {
		return nil, issuerError("sign anybody in", err)
	}
	return token, nil
}
