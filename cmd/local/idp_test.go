package main

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

const (
	testClient   = "test-client"
	testRedirect = "http://localhost:5173/callback?x=1"
)

// A party is a client that signs people in as every OpenID library does.
type party struct {
	*testServer
	provider *oidc.Provider
	config   oauth2.Config
}

func newParty(t *testing.T, ts *testServer) party {
	t.Helper()
	provider, err := oidc.NewProvider(t.Context(), ts.URL+"/idp")
	if err != nil {
		t.Fatal(err)
	}
	return party{ts, provider, oauth2.Config{
		ClientID: testClient, RedirectURL: testRedirect, Endpoint: provider.Endpoint(), Scopes: []string{"openid", "profile"},
	}}
}

// request is an authorization request, as parameters.
func (p party) request(verifier string, options ...oauth2.AuthCodeOption) url.Values {
	p.t.Helper()
	u, err := url.Parse(p.config.AuthCodeURL("state&1", append(options, oauth2.S256ChallengeOption(verifier))...))
	if err != nil {
		p.t.Fatal(err)
	}
	return u.Query()
}

// pick fills in the form of one person as a browser does, and returns where it
// is sent.
func (p party) pick(request url.Values, name string, change url.Values) (*url.URL, reply) {
	p.t.Helper()
	page := p.call("GET", "/idp/authorize?"+request.Encode(), "", "").want(200)
	form := formOn(p.t, page.Body, name)
	for field, values := range change {
		form[field] = values
	}
	r := p.call("POST", "/idp/authorize", "", form.Encode())
	to, err := url.Parse(r.Header.Get("Location"))
	if err != nil {
		p.t.Fatal(err)
	}
	return to, r
}

// formOn reads the fields of a person's form.
func formOn(t *testing.T, page, name string) url.Values {
	t.Helper()
	for _, form := range regexp.MustCompile(`(?s)<form method="post" action="/idp/authorize">(.*?)</form>`).FindAllStringSubmatch(page, -1) {
		fields := url.Values{}
		for _, input := range regexp.MustCompile(`<input [^>]*name="([^"]*)" value="([^"]*)"`).FindAllStringSubmatch(form[1], -1) {
			fields.Set(html.UnescapeString(input[1]), html.UnescapeString(input[2]))
		}
		if fields.Get("username") == name {
			return fields
		}
	}
	t.Fatalf("nobody called %s on the page", name)
	return nil
}

// claimsOf reads a JWT without judging it.
func claimsOf(t *testing.T, jwt string) (header, claims map[string]any) {
	t.Helper()
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		t.Fatal("no JWT")
	}
	for i, into := range []*map[string]any{&header, &claims} {
		text, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, into); err != nil {
			t.Fatal(err)
		}
	}
	return header, claims
}

func TestSignInWithAnOpenIDLibrary(t *testing.T) {
	ts := newTestServer(t)
	p := newParty(t, ts)
	verifier, before := oauth2.GenerateVerifier(), ts.Clock.Now().Truncate(time.Second)
	to, r := p.pick(p.request(verifier, oidc.Nonce("n-1")), "root", nil)
	if r.Status != 303 || to.Host != "localhost:5173" || to.Path != "/callback" || to.Query().Get("x") != "1" || to.Query().Get("state") != "state&1" {
		t.Fatalf("%d, sent to another place than asked", r.Status)
	}
	token, err := p.config.Exchange(t.Context(), to.Query().Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal("the code is refused")
	}
	if token.TokenType != "Bearer" || token.RefreshToken != "" || token.ExpiresIn != 3600 || token.Extra("scope") != "openid profile" {
		t.Errorf("type %s, expires in %d, scope %v", token.TokenType, token.ExpiresIn, token.Extra("scope"))
	}

	raw, _ := token.Extra("id_token").(string)
	id, err := p.provider.Verifier(&oidc.Config{ClientID: testClient}).Verify(t.Context(), raw)
	if err != nil {
		t.Fatal("the ID token is refused")
	}
	if id.Nonce != "n-1" || id.VerifyAccessToken(token.AccessToken) != nil || id.Subject != "root" || !slices.Equal(id.Audience, []string{testClient}) {
		t.Error("the ID token has another nonce, at_hash, sub or aud")
	}
	if header, _ := claimsOf(t, raw); header["typ"] != "JWT" || header["alg"] != "RS256" || header["kid"] == "" {
		t.Errorf("header of the ID token %v", header)
	}

	header, claims := claimsOf(t, token.AccessToken)
	if header["typ"] != "at+jwt" || header["alg"] != "RS256" {
		t.Errorf("header of the access token %v", header)
	}
	issued := int64(claims["iat"].(float64))
	if at := time.Unix(issued, 0); at.Before(before) || at.After(before.Add(time.Minute)) {
		t.Errorf("issued at %s, want about %s", at, before)
	}
	for name, want := range map[string]any{
		"iss": ts.URL + "/idp", "sub": "root", "aud": ts.URL, "client_id": testClient, "name": "Root", "preferred_username": "root",
		"groups": []any{"users", "admins"}, "exp": float64(issued + 3600), "auth_time": claims["iat"],
	} {
		if fmt.Sprint(claims[name]) != fmt.Sprint(want) {
			t.Errorf("%s: %v, want %v", name, claims[name], want)
		}
	}
	if claims["jti"] == "" || len(claims) != 11 {
		t.Errorf("claims %v", claims)
	}

	// What it is for: the access token is a session, the ID token is not.
	if r := ts.call("GET", "/whoami", token.AccessToken, "").want(200); r.field("kind") != "person" || r.field("name") != "Root" {
		t.Errorf("root is %s", r.Body)
	}
	ts.call("GET", "/whoami", raw, "").want(401)
}

func TestPasswordGrant(t *testing.T) {
	ts := newTestServer(t)
	for _, name := range []string{"alice", "bob", "root"} {
		r := ts.call("POST", "/idp/token", "", "grant_type=password&username="+name+"&password="+name).want(200)
		if r.Header.Get("Cache-Control") != "no-store" || r.field("token_type") != "Bearer" || strings.Contains(r.Body, "id_token") {
			t.Errorf("answer to %s: type %q", name, r.field("token_type"))
		}
		_, claims := claimsOf(t, r.field("access_token"))
		if claims["sub"] != name || claims["client_id"] != scriptClient {
			t.Errorf("sub %v, client %v", claims["sub"], claims["client_id"])
		}
		ts.call("GET", "/whoami", r.field("access_token"), "").want(200)
	}
	r := ts.call("POST", "/idp/token", "", "grant_type=password&username=bob&password=bob&client_id=mine&scope=openid").want(200)
	if _, claims := claimsOf(t, r.field("id_token")); claims["aud"] != "mine" || claims["nonce"] != nil {
		t.Errorf("ID token for %v", claims["aud"])
	}
}

func TestTokenRequestsThatAreRefused(t *testing.T) {
	ts := newTestServer(t)
	p := newParty(t, ts)
	const verifier = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHI"
	form := func(change url.Values) string {
		to, _ := p.pick(p.request(verifier), "alice", nil)
		all := url.Values{
			"grant_type": {"authorization_code"}, "code": {to.Query().Get("code")}, "redirect_uri": {testRedirect},
			"client_id": {testClient}, "code_verifier": {verifier},
		}
		for name, values := range change {
			all[name] = values
		}
		return all.Encode()
	}
	ts.call("POST", "/idp/token", "", form(nil)).want(200)
	for name, tc := range map[string]struct {
		body, code string
	}{
		"no grant type":                    {"username=alice&password=alice", "invalid_request"},
		"another grant type":               {"grant_type=client_credentials", "unsupported_grant_type"},
		"a refresh token":                  {"grant_type=refresh_token&refresh_token=x", "unsupported_grant_type"},
		"another password":                 {"grant_type=password&username=alice&password=bob", "invalid_grant"},
		"no password":                      {"grant_type=password&username=alice", "invalid_grant"},
		"nobody":                           {"grant_type=password&username=&password=", "invalid_grant"},
		"somebody else":                    {"grant_type=password&username=mallory&password=mallory", "invalid_grant"},
		"a name in another case":           {"grant_type=password&username=Alice&password=Alice", "invalid_grant"},
		"a parameter given twice":          {"grant_type=password&username=alice&password=alice&username=root", "invalid_request"},
		"a form that cannot be read":       {"grant_type=%zz", "invalid_request"},
		"a code that never was":            {form(url.Values{"code": {"AAAA"}}), "invalid_grant"},
		"a code of another client":         {form(url.Values{"client_id": {"other"}}), "invalid_grant"},
		"a code for another place":         {form(url.Values{"redirect_uri": {"http://localhost:5173/callback"}}), "invalid_grant"},
		"a code with another verifier":     {form(url.Values{"code_verifier": {verifier + "x"}}), "invalid_grant"},
		"a code with its challenge":        {form(url.Values{"code_verifier": {p.request(verifier).Get("code_challenge")}}), "invalid_grant"},
		"a code without a verifier":        {form(url.Values{"code_verifier": {""}}), "invalid_request"},
		"a code without a client":          {form(url.Values{"client_id": nil}), "invalid_request"},
		"a code without a place":           {form(url.Values{"redirect_uri": nil}), "invalid_request"},
		"a code grant without a code":      {form(url.Values{"code": nil}), "invalid_request"},
		"a parameter in the query instead": {"", "invalid_request"},
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			ts := *ts
			ts.t = t
			r := ts.call("POST", "/idp/token?grant_type=password&username=alice&password=alice", "", tc.body).want(400)
			if r.field("error") != tc.code || r.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("error %q, want %q", r.field("error"), tc.code)
			}
		})
	}
	ts.call("POST", "/idp/token", "", `{"grant_type":"password","username":"alice","password":"alice"}`).want(400)
}

func TestCodesAreUsedOnceAndSoon(t *testing.T) {
	ts := newTestServer(t)
	p := newParty(t, ts)
	verifier := oauth2.GenerateVerifier()
	redeem := func(code, verifier string) reply {
		return ts.call("POST", "/idp/token", "", url.Values{
			"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {testRedirect}, "client_id": {testClient}, "code_verifier": {verifier},
		}.Encode())
	}
	code := func() string {
		to, _ := p.pick(p.request(verifier), "alice", nil)
		return to.Query().Get("code")
	}
	once := code()
	redeem(once, verifier).want(200)
	redeem(once, verifier).want(400)

	guessed := code()
	redeem(guessed, verifier+"x").want(400)
	redeem(guessed, verifier).want(400)

	kept, late := code(), code()
	ts.Clock.Advance(codeLifetime - 5*time.Second)
	redeem(kept, verifier).want(200)
	ts.Clock.Advance(5 * time.Second)
	redeem(late, verifier).want(400)
}

// Old codes are forgotten when new ones are made.
func TestCodesDoNotPileUp(t *testing.T) {
	var c codes
	at := time.Now()
	for range 10 {
		c.make(grant{issued: at})
	}
	c.make(grant{issued: at.Add(codeLifetime)})
	if len(c.grants) != 1 {
		t.Errorf("%d codes", len(c.grants))
	}
}

func TestAuthorizationRequestsThatAreRefused(t *testing.T) {
	ts := newTestServer(t)
	p := newParty(t, ts)
	for name, tc := range map[string]struct {
		change url.Values
		code   string // sent to the client; empty: shown to the person
	}{
		"no client":                       {url.Values{"client_id": nil}, ""},
		"no place":                        {url.Values{"redirect_uri": nil}, ""},
		"another machine":                 {url.Values{"redirect_uri": {"http://evil.test/callback"}}, ""},
		"another machine by https":        {url.Values{"redirect_uri": {"https://evil.test/callback"}}, ""},
		"a name that begins like ours":    {url.Values{"redirect_uri": {"http://localhost.evil.test/"}}, ""},
		"a name behind a user":            {url.Values{"redirect_uri": {"http://localhost:5173@evil.test/"}}, ""},
		"a user before our name":          {url.Values{"redirect_uri": {"http://user@localhost:5173/"}}, ""},
		"a backslash":                     {url.Values{"redirect_uri": {`http://localhost\@evil.test/`}}, ""},
		"a script":                        {url.Values{"redirect_uri": {"javascript:alert(1)//localhost"}}, ""},
		"a scheme of an app":              {url.Values{"redirect_uri": {"myapp://localhost/callback"}}, ""},
		"no scheme":                       {url.Values{"redirect_uri": {"//localhost/callback"}}, ""},
		"a path":                          {url.Values{"redirect_uri": {"/callback"}}, ""},
		"a fragment":                      {url.Values{"redirect_uri": {"http://localhost:5173/#a"}}, ""},
		"an empty fragment":               {url.Values{"redirect_uri": {"http://localhost:5173/#"}}, ""},
		"a line break":                    {url.Values{"redirect_uri": {"http://localhost:5173/\r\nSet-Cookie: a=b"}}, ""},
		"another loopback address":        {url.Values{"redirect_uri": {"http://127.0.0.2:5173/"}}, ""},
		"a place given twice":             {url.Values{"redirect_uri": {testRedirect, testRedirect}}, ""},
		"a state given twice":             {url.Values{"state": {"a", "b"}}, ""},
		"no response type":                {url.Values{"response_type": nil}, "invalid_request"},
		"a token instead of a code":       {url.Values{"response_type": {"token"}}, "unsupported_response_type"},
		"an ID token instead of a code":   {url.Values{"response_type": {"id_token"}}, "unsupported_response_type"},
		"the answer in a fragment":        {url.Values{"response_mode": {"fragment"}}, "invalid_request"},
		"no challenge":                    {url.Values{"code_challenge": nil}, "invalid_request"},
		"a plain challenge":               {url.Values{"code_challenge_method": {"plain"}}, "invalid_request"},
		"a challenge of no method":        {url.Values{"code_challenge_method": nil}, "invalid_request"},
		"a challenge that is too short":   {url.Values{"code_challenge": {"abc"}}, "invalid_request"},
		"a challenge with padding":        {url.Values{"code_challenge": {strings.Repeat("a", 42) + "="}}, "invalid_request"},
		"a sign-in that must not be seen": {url.Values{"prompt": {"none"}}, "login_required"},
		"a request object":                {url.Values{"request": {"x"}}, "request_not_supported"},
		"a request by reference":          {url.Values{"request_uri": {"http://localhost/x"}}, "request_uri_not_supported"},
	} {
		for _, method := range []string{"GET", "POST"} {
			t.Run(name+" is refused by "+method, func(t *testing.T) {
				ts := *ts
				ts.t = t
				request := p.request(oauth2.GenerateVerifier())
				for field, values := range tc.change {
					request[field] = values
				}
				var r reply
				if method == "GET" {
					r = ts.call("GET", "/idp/authorize?"+request.Encode(), "", "")
				} else {
					request.Set("username", "alice")
					r = ts.call("POST", "/idp/authorize", "", request.Encode())
				}
				if tc.code == "" {
					if r.Status != 400 || r.Header.Get("Location") != "" || !strings.Contains(r.Body, `role="alert"`) {
						t.Fatalf("%d, want a page that says so", r.Status)
					}
					checkPage(t, r, "'none'")
					return
				}
				to, err := url.Parse(r.Header.Get("Location"))
				if err != nil || r.Status != 303 || to.Query().Get("error") != tc.code || to.Query().Get("state") != "state&1" || to.Query().Has("code") {
					t.Errorf("%d, error %q, want %q", r.Status, to.Query().Get("error"), tc.code)
				}
			})
		}
	}
}

func TestPlacesThatCodesMayGoTo(t *testing.T) {
	ts := newTestServer(t)
	p := newParty(t, ts)
	for place, action := range map[string]string{
		"http://127.0.0.1:1/cb":     "'self' http://127.0.0.1:1",
		"http://localhost/cb":       "'self' http://localhost",
		"http://localhost:65535":    "'self' http://localhost:65535",
		"http://[::1]:9/cb?a=b&c=d": "'self' http:",
		ts.URL + "/":                "'self' " + ts.URL,
	} {
		t.Run(place, func(t *testing.T) {
			request := p.request(oauth2.GenerateVerifier())
			request.Set("redirect_uri", place)
			ts := *ts
			ts.t = t
			checkPage(t, ts.call("GET", "/idp/authorize?"+request.Encode(), "", "").want(200), action)
			to, r := party{&ts, p.provider, p.config}.pick(request, "bob", nil)
			if r.Status != 303 || !strings.HasPrefix(to.String(), place) || len(to.Query().Get("code")) < 26 {
				t.Errorf("%d, sent elsewhere", r.Status)
			}
		})
	}
}

// What a request holds is text on the page, whatever it looks like.
func TestSignInPageEscapes(t *testing.T) {
	ts := newTestServer(t)
	p := newParty(t, ts)
	request := p.request(oauth2.GenerateVerifier())
	request.Set("state", `"><script>alert(1)</script>`)
	request.Set("client_id", `<img src=x onerror=alert(1)>`)
	request.Set(`x"><script>`, "y")
	ts.call("POST", "/idp/token", "", url.Values{
		"grant_type": {"password"}, "username": {"bob"}, "password": {"bob"}, "groups": {`"><script>`},
	}.Encode()).want(200)
	r := ts.call("GET", "/idp/authorize?"+request.Encode(), "", "").want(200)
	for _, bad := range []string{"<script", "<img"} {
		if strings.Contains(r.Body, bad) {
			t.Errorf("%s got onto the page", bad)
		}
	}
	to, _ := p.pick(request, "alice", nil)
	if to.Query().Get("state") != request.Get("state") {
		t.Error("the state came back changed")
	}
}

func TestSomebodyElsesPageSignsNobodyIn(t *testing.T) {
	ts := newTestServer(t)
	p := newParty(t, ts)
	request := p.request(oauth2.GenerateVerifier())
	request.Set("username", "alice")
	password := url.Values{"grant_type": {"password"}, "username": {"root"}, "password": {"root"}, "groups": {"nobody"}}
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	with := func(name, value string) http.Header {
		h := form.Clone()
		h.Set(name, value)
		return h
	}
	ts.send("POST", "/idp/authorize", with("Origin", ts.URL), request.Encode()).want(303)
	ts.send("POST", "/idp/authorize", with("Sec-Fetch-Site", "same-origin"), request.Encode()).want(303)
	for _, header := range []http.Header{
		with("Origin", "http://evil.test"), with("Origin", "null"), with("Origin", "http://localhost:5173"),
		with("Sec-Fetch-Site", "cross-site"), with("Sec-Fetch-Site", "same-site"),
	} {
		ts.send("POST", "/idp/authorize", header, request.Encode()).want(403)
	}
	for _, origin := range []string{"http://evil.test", "null", "https://localhost:5173", "http://localhost.evil.test"} {
		r := ts.send("POST", "/idp/token", with("Origin", origin), password.Encode()).want(403)
		if r.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s may read the answer", origin)
		}
	}
	if _, claims := claimsOf(t, ts.signIn("root")); fmt.Sprint(claims["groups"]) != "[users admins]" {
		t.Errorf("root is in %v", claims["groups"])
	}
}

func TestPagesOfThisMachineMayReadTheSignIn(t *testing.T) {
	ts := newTestServer(t)
	for origin, allowed := range map[string]bool{
		"http://localhost:5173": true, "http://127.0.0.1:1": true, "http://[::1]:8": true, ts.URL: true,
		"http://evil.test": false, "null": false, "https://localhost": false, "http://localhost.evil.test": false, "": false,
	} {
		for _, path := range []string{"/idp/.well-known/openid-configuration", "/idp/jwks", "/idp/token"} {
			for _, method := range []string{"GET", "OPTIONS"} {
				if method == "GET" && path == "/idp/token" {
					continue
				}
				t.Run(method+" "+path+" from "+origin, func(t *testing.T) {
					header := http.Header{"Access-Control-Request-Method": {"POST"}}
					if origin != "" {
						header.Set("Origin", origin)
					}
					ts := *ts
					ts.t = t
					r := ts.send(method, path, header, "")
					want := ""
					if allowed {
						want = origin
					}
					if got := r.Header.Get("Access-Control-Allow-Origin"); got != want || r.Status >= 300 {
						t.Errorf("%d, allowed %q, want %q", r.Status, got, want)
					}
					if r.Header.Get("Vary") != "Origin" || r.Header.Get("Access-Control-Allow-Credentials") != "" {
						t.Errorf("Vary %q", r.Header.Get("Vary"))
					}
				})
			}
		}
	}
	if r := ts.send("OPTIONS", "/idp/authorize", http.Header{"Origin": {"http://localhost:5173"}}, ""); r.Status != 404 {
		t.Errorf("the page of people: %d", r.Status)
	}
}

func TestSignInDiscovery(t *testing.T) {
	ts := newTestServer(t)
	var doc map[string]any
	r := ts.call("GET", "/idp/.well-known/openid-configuration", "", "").want(200)
	if err := json.Unmarshal([]byte(r.Body), &doc); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{
		"issuer":                                ts.URL + "/idp",
		"authorization_endpoint":                ts.URL + "/idp/authorize",
		"token_endpoint":                        ts.URL + "/idp/token",
		"jwks_uri":                              ts.URL + "/idp/jwks",
		"end_session_endpoint":                  ts.URL + "/idp/logout",
		"prompt_values_supported":               []any{"none", "login", "select_account"},
		"response_types_supported":              []any{"code"},
		"subject_types_supported":               []any{"public"},
		"id_token_signing_alg_values_supported": []any{"RS256"},
		"code_challenge_methods_supported":      []any{"S256"},
		"token_endpoint_auth_methods_supported": []any{"none"},
		"grant_types_supported":                 []any{"authorization_code", "password"},
		"request_uri_parameter_supported":       false,
	} {
		if fmt.Sprint(doc[name]) != fmt.Sprint(want) {
			t.Errorf("%s: %v, want %v", name, doc[name], want)
		}
	}
	if r.Header.Get("Cache-Control") != "no-store" || r.Header.Get("Content-Type") != "application/json" {
		t.Errorf("headers %v", r.Header)
	}
	if keys := ts.call("GET", "/idp/jwks", "", "").want(200).Body; strings.Contains(keys, `"d"`) || !strings.Contains(keys, `"use":"sig"`) {
		t.Error("the keys are not the public ones")
	}
}

// Groups that were given hold for this and every later sign-in, whichever way
// it is done, after a restart too.
func TestGroupsHold(t *testing.T) {
	ts := newTestServer(t)
	groups := func(ts *testServer) string {
		t.Helper()
		_, claims := claimsOf(t, ts.signIn("root"))
		return fmt.Sprint(claims["groups"])
	}
	form := "grant_type=password&username=root&password=root"
	for _, step := range []struct{ given, want string }{
		{"", "[users admins]"}, {"&groups=users", "[users]"}, {"", "[users]"}, {"&groups=", "[]"}, {"", "[]"}, {"&groups=a++b%09a", "[a b]"},
	} {
		ts.call("POST", "/idp/token", "", form+step.given).want(200)
		if got := groups(ts); got != step.want {
			t.Errorf("after %q: %s, want %s", step.given, got, step.want)
		}
	}
	p := newParty(t, ts)
	request := p.request(oauth2.GenerateVerifier())
	p.pick(request, "root", nil) // the form tells the groups of now, and changes none
	if got := groups(ts); got != "[a b]" {
		t.Errorf("after a pick: %s", got)
	}
	p.pick(request, "root", url.Values{"groups": {"users admins"}})
	if got := groups(ts); got != "[users admins]" {
		t.Errorf("after a pick with other groups: %s", got)
	}
	p.pick(request, "root", url.Values{"groups": {""}})
	ts = ts.restart()
	if got := groups(ts); got != "[]" {
		t.Errorf("after a restart: %s", got)
	}
	if _, claims := claimsOf(t, ts.signIn("alice")); fmt.Sprint(claims["groups"]) != "[users]" {
		t.Errorf("alice is in %v", claims["groups"])
	}
}

// A code that was waiting shows the groups of now: it must not bring lost ones
// back.
func TestACodeShowsTheGroupsOfNow(t *testing.T) {
	ts := newTestServer(t)
	p := newParty(t, ts)
	verifier := oauth2.GenerateVerifier()
	to, _ := p.pick(p.request(verifier), "root", nil)
	ts.signIn("root", "users")
	token, err := p.config.Exchange(t.Context(), to.Query().Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal("the code is refused")
	}
	if _, claims := claimsOf(t, token.AccessToken); fmt.Sprint(claims["groups"]) != "[users]" {
		t.Errorf("groups %v", claims["groups"])
	}
}

// Sessions that show different groups are never issued at the same moment, so
// that the service can tell which is the newer; and none in the future.
func TestChangedGroupsAreNewer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "idp.json")
	now := time.Unix(1_800_000_000, 0)
	p, err := openPeople(path, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	issue := func(want int64) {
		t.Helper()
		if _, at, ok := p.issue("alice"); !ok || at-second(now) != want {
			t.Errorf("issued %d ms after now, want %d", at-second(now), want)
		}
	}
	set := func(groups ...string) {
		t.Helper()
		if err := p.setGroups("alice", groups); err != nil {
			t.Fatal(err)
		}
	}
	set("a")
	issue(0) // nothing was issued before
	issue(0)
	set("a")
	issue(0) // nothing changed
	set("b")
	issue(1)
	issue(1)
	set("c")
	set("d")
	issue(2)
	if p, err = openPeople(path, func() time.Time { return now }); err != nil {
		t.Fatal(err)
	}
	issue(2) // nor before what was issued until a restart
	now = now.Add(time.Second)
	issue(0)
	if _, at, _ := p.issue("bob"); at != second(now) {
		t.Error("bob's are put off by alice's")
	}
}

func TestOpenPeopleRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"an empty file":          "",
		"a file of zeros":        "\x00\x00\x00\x00",
		"a file that is cut off": `{"version":1,"people":{"alice":{"groups":["us`,
		"another document":       `[]`,
		"null":                   `null`,
		"a file of no version":   `{"people":{}}`,
		"a file without people":  `{"version":1}`,
		"an unknown member":      `{"version":1,"people":{},"x":1}`,
		"something behind it":    `{"version":1,"people":{}}{}`,
		"garbage behind it":      `{"version":1,"people":{}}]`,
		"a newer file":           `{"version":2,"people":[]}`,
		"a negative version":     `{"version":-1,"people":{}}`,
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "idp.json")
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := openPeople(path, time.Now)
			if err == nil || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "\n") {
				t.Fatalf("error %v, want one line that names the file", err)
			}
			if newer := strings.Contains(err.Error(), "newer"); newer != (name == "a newer file") {
				t.Errorf("error %v", err)
			}
			if after, err := os.ReadFile(path); err != nil || string(after) != text {
				t.Error("the file was changed")
			}
		})
	}
}

// Groups that could not be kept are not given either.
func TestGroupsThatCannotBeKept(t *testing.T) {
	ts := newTestServer(t)
	ts.people.path = filepath.Join(ts.State, "nowhere", "idp.json")
	r := ts.call("POST", "/idp/token", "", "grant_type=password&username=alice&password=alice&groups=admins").want(500)
	if r.field("error") != "server_error" {
		t.Errorf("error %q", r.field("error"))
	}
	if _, claims := claimsOf(t, ts.signIn("alice")); fmt.Sprint(claims["groups"]) != "[users]" {
		t.Errorf("groups %v", claims["groups"])
	}
	p := newParty(t, ts)
	to, _ := p.pick(p.request(oauth2.GenerateVerifier()), "alice", url.Values{"groups": {"admins"}})
	if to.Query().Get("error") != "server_error" || to.Query().Has("code") {
		t.Error("a code all the same")
	}
}

// The challenge of RFC 7636 appendix B fits its verifier and no other.
func TestProves(t *testing.T) {
	g := grant{signIn: signIn{challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}}
	if !g.proves("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") {
		t.Error("its own verifier is refused")
	}
	for _, other := range []string{"", g.challenge, rand.Text(), "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk "} {
		if g.proves(other) {
			t.Errorf("%q is taken", other)
		}
	}
}
