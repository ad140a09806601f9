package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
)

// A browser is a client that keeps the cookie of the sign-in.
type browser struct {
	party
	jar map[string]string
}

func newBrowser(t *testing.T, ts *testServer) *browser {
	t.Helper()
	return &browser{newParty(t, ts), map[string]string{}}
}

// send sends a request as a browser would, and keeps what it is told to keep.
func (b *browser) send(method, path string, header http.Header, form url.Values) reply {
	b.t.Helper()
	header = header.Clone()
	if header == nil {
		header = http.Header{}
	}
	for name, value := range b.jar {
		header.Add("Cookie", name+"="+value)
	}
	body := ""
	if method == "POST" {
		header.Set("Content-Type", "application/x-www-form-urlencoded")
		body = form.Encode()
	} else {
		path += "?" + form.Encode()
	}
	r := b.party.send(method, path, header, body)
	for _, c := range (&http.Response{Header: r.Header}).Cookies() {
		if b.jar[c.Name] = c.Value; c.MaxAge < 0 {
			delete(b.jar, c.Name)
		}
	}
	return r
}

// signIn picks a person, whoever is signed in, and returns the tokens.
func (b *browser) signIn(name string) *oauth2.Token {
	b.t.Helper()
	verifier := oauth2.GenerateVerifier()
	request := b.request(verifier)
	request.Set("prompt", "login")
	page := b.send("GET", "/idp/authorize", nil, request).want(200)
	return b.redeem(b.send("POST", "/idp/authorize", nil, formOn(b.t, page.Body, name)), verifier)
}

// redeem trades the code of an answer for tokens.
func (b *browser) redeem(r reply, verifier string) *oauth2.Token {
	b.t.Helper()
	to := b.sentTo(r)
	if to.Query().Get("state") != "state&1" {
		b.t.Fatal("the state is another")
	}
	token, err := b.config.Exchange(b.t.Context(), to.Query().Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		b.t.Fatal("the code is refused")
	}
	return token
}

// sentTo returns where an answer sends the browser: always to the client.
func (b *browser) sentTo(r reply) *url.URL {
	b.t.Helper()
	to, err := url.Parse(r.want(303).Header.Get("Location"))
	if err != nil || to.Scheme+"://"+to.Host != "http://localhost:5173" {
		b.t.Fatalf("sent elsewhere: %v", err)
	}
	return to
}

func TestASignInIsRemembered(t *testing.T) {
	ts := newTestServer(t)
	b := newBrowser(t, ts)
	signedIn := ts.Clock.Now().Unix()
	b.signIn("alice")
	ts.Clock.Advance(time.Hour)
	for _, prompt := range []string{"", "none"} {
		verifier := oauth2.GenerateVerifier()
		request := b.request(verifier)
		request.Set("prompt", prompt)
		r := b.send("GET", "/idp/authorize", nil, request)
		if r.Body != "" || len(r.Header["Set-Cookie"]) != 0 || r.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("prompt=%s: an answer of %d bytes, %d cookies", prompt, len(r.Body), len(r.Header["Set-Cookie"]))
		}
		_, claims := claimsOf(t, b.redeem(r, verifier).AccessToken)
		auth := int64(claims["auth_time"].(float64))
		if claims["sub"] != "alice" || auth < signedIn || auth > signedIn+60 || int64(claims["iat"].(float64)) < signedIn+3600 {
			t.Errorf("prompt=%s: sub %v, auth_time %d s after the sign-in", prompt, claims["sub"], auth-signedIn)
		}
	}
	// Whoever shows no cookie, or another, is not signed in.
	for name, jar := range map[string]map[string]string{"no cookie": {}, "another cookie": {ts.cookieName(): "AAAA"}, "an empty cookie": {ts.cookieName(): ""}} {
		stranger := &browser{b.party, jar}
		request := b.request(oauth2.GenerateVerifier())
		stranger.send("GET", "/idp/authorize", nil, request).want(200)
		request.Set("prompt", "none")
		if to := b.sentTo(stranger.send("GET", "/idp/authorize", nil, request)); to.Query().Get("error") != "login_required" || to.Query().Has("code") {
			t.Errorf("%s: %q", name, to.Query().Get("error"))
		}
	}
}

func (ts *testServer) cookieName() string {
	return (&idp{issuer: ts.URL + idpPath}).cookie("").Name
}

func TestTheCookieOfTheSignIn(t *testing.T) {
	ts := newTestServer(t)
	b := newBrowser(t, ts)
	request := b.request(oauth2.GenerateVerifier())
	page := b.send("GET", "/idp/authorize", nil, request).want(200)
	if len(page.Header["Set-Cookie"]) != 0 {
		t.Error("a cookie before anybody signed in")
	}
	r := b.send("POST", "/idp/authorize", nil, formOn(t, page.Body, "alice")).want(303)
	cookies := (&http.Response{Header: r.Header}).Cookies()
	if len(cookies) != 1 {
		t.Fatalf("%d cookies", len(cookies))
	}
	c := cookies[0]
	if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/idp" || c.Domain != "" || c.MaxAge != 8*3600 || len(c.Value) < 26 {
		t.Errorf("cookie %s; HttpOnly %t, SameSite %d, Path %s, Domain %s, Max-Age %d, %d characters", c.Name, c.HttpOnly, c.SameSite, c.Path, c.Domain, c.MaxAge, len(c.Value))
	}
	// Another server of this machine has another.
	if _, port, _ := strings.Cut(strings.TrimPrefix(ts.URL, "http://"), ":"); !strings.HasSuffix(c.Name, "-"+port) {
		t.Errorf("cookie %s", c.Name)
	}
	if strings.Contains(ts.Log.String(), c.Value) {
		t.Error("it is logged")
	}
	// A script that signs in by password has none.
	if r := ts.call("POST", "/idp/token", "", "grant_type=password&username=bob&password=bob").want(200); len(r.Header["Set-Cookie"]) != 0 {
		t.Error("a cookie for a script")
	}
}

// When the person is asked again although they are signed in.
func TestASignInThatIsWantedAgain(t *testing.T) {
	ts := newTestServer(t)
	b := newBrowser(t, ts)
	alice, bob := b.signIn("alice"), newBrowser(t, ts).signIn("bob")
	hint := func(token *oauth2.Token) string { return token.Extra("id_token").(string) }
	b.signIn("alice")
	ts.Clock.Advance(10 * time.Minute)
	for name, c := range map[string]struct {
		change url.Values
		asks   bool
		silent string // what prompt=none says instead
	}{
		"nothing said":                         {url.Values{}, false, ""},
		"an empty prompt":                      {url.Values{"prompt": {""}}, false, ""},
		"consent, which nobody is asked for":   {url.Values{"prompt": {"consent"}}, false, ""},
		"a sign-in of today is good enough":    {url.Values{"max_age": {"86400"}}, false, ""},
		"no age named":                         {url.Values{"max_age": {""}}, false, ""},
		"alice is expected":                    {url.Values{"id_token_hint": {hint(alice)}}, false, ""},
		"login":                                {url.Values{"prompt": {"login"}}, true, ""},
		"another account":                      {url.Values{"prompt": {"select_account"}}, true, ""},
		"login, among others":                  {url.Values{"prompt": {"consent login"}}, true, ""},
		"a sign-in of this moment":             {url.Values{"max_age": {"0"}}, true, "login_required"},
		"a sign-in of the last minutes":        {url.Values{"max_age": {"599"}}, true, "login_required"},
		"bob is expected":                      {url.Values{"id_token_hint": {hint(bob)}}, true, "login_required"},
		"somebody is expected who is nobody":   {url.Values{"id_token_hint": {"junk"}}, true, "login_required"},
		"alice is expected by another client":  {url.Values{"id_token_hint": {hint(alice)}, "client_id": {"other"}}, true, "login_required"},
		"alice is expected by an access token": {url.Values{"id_token_hint": {alice.AccessToken}}, true, "login_required"},
	} {
		request := b.request(oauth2.GenerateVerifier())
		for field, values := range c.change {
			request[field] = values
		}
		r := b.send("GET", "/idp/authorize", nil, request)
		if c.asks {
			checkPage(t, r.want(200), "'self' http://localhost:5173")
			if !strings.Contains(r.Body, "Signed in now.") || strings.Count(r.Body, "Signed in now.") != 1 {
				t.Errorf("%s: alice is not marked", name)
			}
		} else if to := b.sentTo(r); !to.Query().Has("code") {
			t.Errorf("%s: %q", name, to.Query().Get("error"))
		}
		if c.change.Has("prompt") {
			continue
		}
		request.Set("prompt", "none")
		if to := b.sentTo(b.send("GET", "/idp/authorize", nil, request)); to.Query().Get("error") != c.silent || to.Query().Has("code") == (c.silent != "") {
			t.Errorf("%s, silently: %q, want %q", name, to.Query().Get("error"), c.silent)
		}
	}
	for _, bad := range []url.Values{{"max_age": {"-1"}}, {"max_age": {"1h"}}, {"max_age": {"99999999999999999999"}}, {"prompt": {"none login"}}} {
		request := b.request(oauth2.GenerateVerifier())
		for field, values := range bad {
			request[field] = values
		}
		if to := b.sentTo(b.send("GET", "/idp/authorize", nil, request)); to.Query().Get("error") != "invalid_request" {
			t.Errorf("%v: %q", bad, to.Query().Get("error"))
		}
	}
}

// Who signs in again has a new auth_time, which is what a step-up is for.
func TestAStepUpIsASignInOfNow(t *testing.T) {
	ts := newTestServer(t)
	b := newBrowser(t, ts)
	b.signIn("alice")
	was := b.jar[ts.cookieName()]
	ts.Clock.Advance(time.Hour)
	again := ts.Clock.Now().Unix()
	_, claims := claimsOf(t, b.signIn("alice").AccessToken)
	if auth := int64(claims["auth_time"].(float64)); auth < again || auth > again+60 {
		t.Errorf("auth_time is %d s before now", again-auth)
	}
	// The cookie of before is worth nothing.
	b.jar[ts.cookieName()] = was
	b.send("GET", "/idp/authorize", nil, b.request(oauth2.GenerateVerifier())).want(200)
}

func TestSignInsAreForgotten(t *testing.T) {
	ts := newTestServer(t)
	b := newBrowser(t, ts)
	b.signIn("alice")
	ts.Clock.Advance(rememberedFor - time.Minute)
	b.send("GET", "/idp/authorize", nil, b.request(oauth2.GenerateVerifier())).want(303)
	ts.Clock.Advance(time.Minute)
	b.send("GET", "/idp/authorize", nil, b.request(oauth2.GenerateVerifier())).want(200)

	var s sessions
	now := time.Now()
	first, _ := s.start("alice", now)
	kept, _ := s.start("bob", now.Add(time.Second))
	for range mostRemembered - 1 {
		s.start("root", now.Add(time.Minute))
	}
	if _, ok := s.find(first, now); ok || len(s.open) != mostRemembered {
		t.Errorf("%d are remembered, the oldest too: %t", len(s.open), ok)
	}
	if who, ok := s.find(kept, now); !ok || who.subject != "bob" {
		t.Error("another than the oldest was forgotten")
	}
}

// A page of another site cannot sign a person in as somebody of its choice, nor
// change who is signed in.
func TestSomebodyElsesPageChangesNoSession(t *testing.T) {
	ts := newTestServer(t)
	b := newBrowser(t, ts)
	b.signIn("alice")
	request := b.request(oauth2.GenerateVerifier())
	request.Set("username", "root")
	r := b.send("POST", "/idp/authorize", http.Header{"Origin": {"http://evil.test"}}, request).want(403)
	if len(r.Header["Set-Cookie"]) != 0 {
		t.Error("it sets a cookie")
	}
	// By GET a name picks nobody.
	if to := b.sentTo(b.send("GET", "/idp/authorize", nil, request)); !to.Query().Has("code") {
		t.Error("alice is gone")
	}
	if r := newBrowser(t, ts).send("GET", "/idp/authorize", nil, request).want(200); len(r.Header["Set-Cookie"]) != 0 {
		t.Error("a link signs in")
	}
}

func TestLogout(t *testing.T) {
	ts := newTestServer(t)
	const back = "http://localhost:5173/signed-out?a=b"
	for name, c := range map[string]struct {
		form   func(b *browser, hint string) url.Values
		header http.Header
		method string
		asks   bool
		sentTo string
	}{
		"an ID token of hers ends it at once": {
			func(_ *browser, hint string) url.Values {
				return url.Values{"id_token_hint": {hint}, "post_logout_redirect_uri": {back}, "state": {"s&1"}}
			}, nil, "GET", false, back + "&state=s%261",
		},
		"by POST too": {
			func(_ *browser, hint string) url.Values {
				return url.Values{"id_token_hint": {hint}, "client_id": {testClient}, "post_logout_redirect_uri": {back}}
			}, nil, "POST", false, back,
		},
		"as Cognito is asked": {
			func(_ *browser, hint string) url.Values {
				return url.Values{"id_token_hint": {hint}, "client_id": {testClient}, "logout_uri": {back}}
			}, nil, "GET", false, back,
		},
		"to nowhere": {
			func(_ *browser, hint string) url.Values { return url.Values{"id_token_hint": {hint}} }, nil, "GET", false, "",
		},
		"an ID token of another client": {
			func(_ *browser, hint string) url.Values {
				return url.Values{"id_token_hint": {hint}, "client_id": {"other"}, "post_logout_redirect_uri": {back}}
			}, nil, "GET", true, "",
		},
		"an ID token of somebody else": {
			func(b *browser, _ string) url.Values {
				return url.Values{"id_token_hint": {newBrowser(b.t, b.testServer).signIn("bob").Extra("id_token").(string)}}
			}, nil, "GET", true, "",
		},
		"an access token of hers": {
			func(b *browser, _ string) url.Values {
				return url.Values{"id_token_hint": {b.testServer.signIn("alice")}}
			}, nil, "GET", true, "",
		},
		"an ID token that was changed": {
			func(_ *browser, hint string) url.Values {
				return url.Values{"id_token_hint": {tampered(hint, func(c map[string]any) { c["aud"] = testClient + "x" })}}
			}, nil, "GET", true, "",
		},
		"one that we signed as the service": {
			func(b *browser, _ string) url.Values {
				return url.Values{"id_token_hint": {b.signedBy("key.pem", "JWT", map[string]any{"iss": b.URL + "/idp", "sub": "alice", "aud": testClient})}}
			}, nil, "GET", true, "",
		},
		"no ID token": {
			func(*browser, string) url.Values { return url.Values{"post_logout_redirect_uri": {back}} }, nil, "GET", true, "",
		},
		"a link that says it was confirmed": {
			func(*browser, string) url.Values { return url.Values{"confirmed": {"yes"}} }, nil, "GET", true, "",
		},
		"our own button": {
			func(*browser, string) url.Values {
				return url.Values{"confirmed": {"yes"}, "post_logout_redirect_uri": {back}}
			}, http.Header{"Sec-Fetch-Site": {"same-origin"}}, "POST", false, back,
		},
	} {
		t.Run(name, func(t *testing.T) {
			ts := *ts
			ts.t = t
			b := newBrowser(t, &ts)
			hint := b.signIn("alice").Extra("id_token").(string)
			ts.Clock.Advance(2 * time.Hour) // the token has expired, which is no matter
			form := c.form(b, hint)
			r := b.send(c.method, "/idp/logout", c.header, form)
			switch {
			case c.asks:
				action := "'self'"
				if form.Has("post_logout_redirect_uri") {
					action += " http://localhost:5173"
				}
				checkPage(t, r.want(200), action)
				if !strings.Contains(r.Body, "signed in as Alice") || strings.Count(r.Body, "<button>") != 1 {
					t.Errorf("page %s", r.Body)
				}
			case c.sentTo == "":
				checkPage(t, r.want(200), "'none'")
			default:
				if got := b.sentTo(r).String(); got != c.sentTo {
					t.Errorf("sent to %s, want %s", got, c.sentTo)
				}
			}
			request := b.request(oauth2.GenerateVerifier())
			request.Set("prompt", "none")
			to := b.sentTo(b.send("GET", "/idp/authorize", nil, request))
			if to.Query().Has("code") != c.asks || len(b.jar) == 0 == c.asks {
				t.Errorf("still signed in: %t, %d cookies", to.Query().Has("code"), len(b.jar))
			}
		})
	}
}

// The cookie alone is not what is forgotten: one that was copied is worth nothing
// after.
func TestLogoutEndsTheSession(t *testing.T) {
	ts := newTestServer(t)
	b := newBrowser(t, ts)
	hint := b.signIn("alice").Extra("id_token").(string)
	copied := &browser{b.party, map[string]string{ts.cookieName(): b.jar[ts.cookieName()]}}
	b.send("GET", "/idp/logout", nil, url.Values{"id_token_hint": {hint}}).want(200)
	copied.send("GET", "/idp/authorize", nil, b.request(oauth2.GenerateVerifier())).want(200)
}

// From somebody else's page a POST is only asked again, as a link.
func TestSomebodyElsesPageSignsNobodyOut(t *testing.T) {
	ts := newTestServer(t)
	b := newBrowser(t, ts)
	hint := b.signIn("alice").Extra("id_token").(string)
	form := url.Values{"confirmed": {"yes"}, "state": {"s"}, "post_logout_redirect_uri": {"http://localhost:5173/x"}}
	for _, header := range []http.Header{{"Origin": {"http://evil.test"}}, {"Origin": {"null"}}, {"Sec-Fetch-Site": {"same-site"}}} {
		r := b.send("POST", "/idp/logout", header, form).want(303)
		to, err := url.Parse(r.Header.Get("Location"))
		if err != nil || to.Path != "/idp/logout" || to.Host != "" || to.Query().Has("confirmed") || to.Query().Get("state") != "s" {
			t.Fatalf("sent to %s", to)
		}
		b.send("GET", "/idp/logout", nil, to.Query()).want(200)
		b.send("GET", "/idp/authorize", nil, b.request(oauth2.GenerateVerifier())).want(303)
	}
	// A client's own page may do so with an ID token.
	form.Set("id_token_hint", hint)
	r := b.send("POST", "/idp/logout", http.Header{"Origin": {"http://localhost:5173"}}, form).want(303)
	to, err := url.Parse(r.Header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	b.sentTo(b.send("GET", "/idp/logout", nil, to.Query()))
	b.send("GET", "/idp/authorize", nil, b.request(oauth2.GenerateVerifier())).want(200)
}

func TestLogoutsThatAreRefused(t *testing.T) {
	ts := newTestServer(t)
	b := newBrowser(t, ts)
	hint := b.signIn("alice").Extra("id_token").(string)
	for _, place := range []string{
		"http://evil.test/", "https://evil.test/", "https://localhost/", "//localhost/", "/configuration", "http://localhost@evil.test/", "javascript:alert(1)",
		"http://localhost.evil.test/", "http://localhost/#x", `http://localhost\@evil.test`, "http://127.0.0.2/",
	} {
		for _, name := range []string{"post_logout_redirect_uri", "logout_uri"} {
			r := b.send("GET", "/idp/logout", nil, url.Values{"id_token_hint": {hint}, name: {place}}).want(400)
			if r.Header.Get("Location") != "" || len(r.Header["Set-Cookie"]) != 0 {
				t.Errorf("%s %s: %v", name, place, r.Header)
			}
			checkPage(t, r, "'none'")
		}
	}
	b.send("GET", "/idp/logout", nil, url.Values{"state": {"a", "b"}}).want(400)
	b.send("GET", "/idp/authorize", nil, b.request(oauth2.GenerateVerifier())).want(303)
	// Where nobody is signed in there is nothing to ask.
	if to := b.sentTo(newBrowser(t, ts).send("GET", "/idp/logout", nil, url.Values{"logout_uri": {"http://localhost:5173/x"}})); to.Path != "/x" {
		t.Errorf("sent to %s", to)
	}
}

func TestLogoutPageEscapes(t *testing.T) {
	ts := newTestServer(t)
	b := newBrowser(t, ts)
	b.signIn("alice")
	r := b.send("GET", "/idp/logout", nil, url.Values{
		"state": {`"><script>alert(1)</script>`}, "post_logout_redirect_uri": {`http://localhost:5173/?a="><img>`}, "x": {"not repeated"},
	}).want(200)
	for _, bad := range []string{"<script", "<img", "not repeated"} {
		if strings.Contains(r.Body, bad) {
			t.Errorf("%s got onto the page", bad)
		}
	}
	if strings.Count(r.Body, `type="hidden"`) != 3 {
		t.Error("it repeats something else than where to go")
	}
}
