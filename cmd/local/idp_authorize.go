package main

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// idpScopes are those that a client may ask for; openid brings an ID token.
var idpScopes = []string{"openid", "profile"}

// A signIn is an authorization request (RFC 6749 section 4.1.1, with PKCE) that
// was found good.
type signIn struct {
	clientID string
	// redirectURI as it was written: the token request must repeat it.
	redirectURI string
	redirect    *url.URL
	state       string
	scopes      []string
	nonce       string
	challenge   string // S256 of RFC 7636
	prompt      []string
	maxAge      *time.Duration // since the person signed in
	hint        string         // an ID token of the person who is expected
}

// maxForm bounds a form of the sign-in, in bytes.
const maxForm = 64 << 10

// authorize sends a code to the client: at once for whoever is signed in
// already, unless the client wants it done again, and else once somebody was
// picked.
func (p *idp) authorize(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	form, err := formOf(r)
	if err != nil {
		p.showError(w, err)
		return
	}
	redirect, err := redirectOf(form)
	if err != nil {
		// Not redirected: the address is not one that we may send anybody to.
		p.showError(w, err)
		return
	}
	in, code := signInOf(form, redirect)
	if code != "" {
		in.answer(w, url.Values{"error": {code}})
		return
	}
	silent := slices.Contains(in.prompt, "none")
	if r.Method == http.MethodPost && form.Has("username") && !silent {
		p.pick(w, r, in, form)
		return
	}
	here, ok := p.remembered(r)
	switch {
	case ok && in.suffices(here, p.now()) && (in.hint == "" || p.hints(in.hint, in.clientID, here.subject)):
		p.grant(w, in, here)
	case silent:
		in.answer(w, url.Values{"error": {"login_required"}})
	default:
		p.showPeople(w, in, form, here)
	}
}

// pick signs in the person whose button was pressed.
func (p *idp) pick(w http.ResponseWriter, r *http.Request, in signIn, form url.Values) {
	who, ok := p.people.find(form.Get("username"))
	if !ok {
		p.showError(w, errors.New("nobody of that name can sign in here"))
		return
	}
	if form.Has("groups") {
		if err := p.people.setGroups(who.Subject, groupsOf(form)); err != nil {
			in.answer(w, url.Values{"error": {"server_error"}})
			return
		}
	}
	p.grant(w, in, p.remember(w, r, who.Subject))
}

// grant sends a code for somebody who signed in, now or before.
func (p *idp) grant(w http.ResponseWriter, in signIn, who session) {
	in.answer(w, url.Values{"code": {p.codes.make(grant{signIn: in, session: who, issued: p.now()})}})
}

// suffices reports whether somebody who is signed in need not do it again.
func (in signIn) suffices(who session, now time.Time) bool {
	again := slices.Contains(in.prompt, "login") || slices.Contains(in.prompt, "select_account")
	return !again && (in.maxAge == nil || now.Sub(who.at) < *in.maxAge)
}

// formOf returns the parameters of a request, each given once (RFC 6749
// section 3.1), from the form of a POST and the query of anything else.
func formOf(r *http.Request) (url.Values, error) {
	if err := r.ParseForm(); err != nil {
		return nil, errors.New("the form cannot be read")
	}
	form := r.Form
	if r.Method == http.MethodPost {
		form = r.PostForm
	}
	for _, values := range form {
		if len(values) > 1 {
			return nil, errors.New("a parameter is given twice")
		}
	}
	return form, nil
}

// redirectOf returns where the answer goes: our own origin or this machine's
// loopback, any port. A code that leaves the machine would be somebody else's.
func redirectOf(form url.Values) (*url.URL, error) {
	if form.Get("client_id") == "" {
		return nil, errors.New("client_id is missing")
	}
	address := form.Get("redirect_uri")
	u, err := url.Parse(address)
	if err != nil || !isLoopback(address) || strings.Contains(address, "#") {
		return nil, errors.New("redirect_uri must be http on localhost, 127.0.0.1 or [::1], without a fragment")
	}
	return u, nil
}

var challengePattern = regexp.MustCompile(`^[0-9A-Za-z_-]{43}$`)

// signInOf judges the request. The code is empty or an error that goes to the
// client (RFC 6749 section 4.1.2.1, OIDC Core section 3.1.2.6).
func signInOf(form url.Values, redirect *url.URL) (signIn, string) {
	in := signIn{
		clientID:    form.Get("client_id"),
		redirectURI: form.Get("redirect_uri"),
		redirect:    redirect,
		state:       form.Get("state"),
		scopes:      scopesOf(form),
		nonce:       form.Get("nonce"),
		challenge:   form.Get("code_challenge"),
		prompt:      strings.Fields(form.Get("prompt")),
		hint:        form.Get("id_token_hint"),
	}
	mode := form.Get("response_mode")
	switch {
	case form.Has("request"):
		return in, "request_not_supported"
	case form.Has("request_uri"):
		return in, "request_uri_not_supported"
	case form.Get("response_type") == "":
		return in, "invalid_request"
	case form.Get("response_type") != "code":
		return in, "unsupported_response_type"
	case mode != "" && mode != "query":
		return in, "invalid_request"
	case form.Get("code_challenge_method") != "S256", !challengePattern.MatchString(in.challenge):
		return in, "invalid_request"
	case slices.Contains(in.prompt, "none") && len(in.prompt) > 1:
		return in, "invalid_request"
	}
	if given := form.Get("max_age"); given != "" {
		seconds, err := strconv.ParseUint(given, 10, 31)
		if err != nil {
			return in, "invalid_request"
		}
		in.maxAge = new(time.Duration(seconds) * time.Second)
	}
	return in, ""
}

// answer sends the browser back to the client.
func (in signIn) answer(w http.ResponseWriter, values url.Values) {
	to := *in.redirect
	if in.state != "" {
		values.Set("state", in.state)
	}
	if to.RawQuery != "" && len(values) > 0 {
		to.RawQuery += "&"
	}
	to.RawQuery += values.Encode()
	w.Header().Set("Location", to.String())
	w.WriteHeader(http.StatusSeeOther)
}

// scopesOf returns the scopes asked for, as far as there are such.
func scopesOf(form url.Values) []string {
	return slices.DeleteFunc(strings.Fields(form.Get("scope")), func(s string) bool { return !slices.Contains(idpScopes, s) })
}

// groupsOf reads groups; given but empty it means none.
func groupsOf(form url.Values) []string {
	groups := []string{}
	for g := range strings.FieldsSeq(form.Get("groups")) {
		if !slices.Contains(groups, g) {
			groups = append(groups, g)
		}
	}
	return groups
}

// A grant is what a code stands for.
type grant struct {
	signIn
	session
	issued time.Time
}

// codeLifetime is how long a code can be used, once.
const codeLifetime = 60 * time.Second

// codes are those not used yet. They live in memory: a restart forgets them.
type codes struct {
	mu     sync.Mutex
	grants map[string]grant
}

func (c *codes) make(g grant) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.grants == nil {
		c.grants = map[string]grant{}
	}
	for code, old := range c.grants {
		if g.issued.Sub(old.issued) >= codeLifetime {
			delete(c.grants, code)
		}
	}
	code := rand.Text()
	c.grants[code] = g
	return code
}

// take uses a code up, whether or not what comes with it is good.
func (c *codes) take(code string, now time.Time) (grant, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	g, ok := c.grants[code]
	delete(c.grants, code)
	return g, ok && now.Sub(g.issued) < codeLifetime
}

// proves reports whether a verifier is the one that the challenge was made of
// (RFC 7636 section 4.6).
func (g grant) proves(verifier string) bool {
	sum := sha256.Sum256([]byte(verifier))
	made := base64.RawURLEncoding.EncodeToString(sum[:])
	return subtle.ConstantTimeCompare([]byte(made), []byte(g.challenge)) == 1
}
