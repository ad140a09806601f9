package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

// relyingAPI is an API that takes our JWTs by their signature alone, with an
// OpenID library and the keys that it finds by discovery. It does not know
// whether a token was revoked.
func relyingAPI(t *testing.T, ts *testServer) string {
	t.Helper()
	provider, err := oidc.NewProvider(t.Context(), ts.URL)
	if err != nil {
		t.Fatal(err)
	}
	verifier := provider.VerifierContext(t.Context(), &oidc.Config{ClientID: elsewhere, Now: ts.Clock.Now})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		token, err := verifier.Verify(r.Context(), raw)
		var claims struct {
			Scope string `json:"scope"`
		}
		switch {
		case err != nil || token.Claims(&claims) != nil:
			w.WriteHeader(http.StatusUnauthorized)
		case token.Subject != "alice" || !slices.Contains(strings.Fields(claims.Scope), "notes:read"):
			w.WriteHeader(http.StatusForbidden)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// TestARelyingAPI has a client on golang.org/x/oauth2 exchange a token, and call
// with what it gets an API that relies on coreos/go-oidc.
func TestARelyingAPI(t *testing.T) {
	ts := newTestServer(t)
	session := ts.signIn("alice")
	value, _ := ts.create(session, `{"name":"client","scopes":["notes:read","profile"]}`)
	relying := relyingAPI(t, ts)
	provider, err := oidc.NewProvider(t.Context(), ts.URL)
	if err != nil {
		t.Fatal(err)
	}

	// The library has no exchange of its own; the grant it has lets its
	// parameters be set. Whether it sends its client in a header or in the form
	// is all one to us.
	for name, style := range map[string]oauth2.AuthStyle{"in a header": oauth2.AuthStyleInHeader, "in the form": oauth2.AuthStyleInParams, "as it finds out": oauth2.AuthStyleAutoDetect} {
		exchange := clientcredentials.Config{
			ClientID: "client", ClientSecret: "ignored", TokenURL: provider.Endpoint().TokenURL, AuthStyle: style, Scopes: []string{"notes:read"},
			EndpointParams: url.Values{"grant_type": {pat.ExchangeGrant}, "subject_token": {value}, "subject_token_type": {pat.AccessTokenType}, "audience": {elsewhere}},
		}
		token, err := exchange.Token(t.Context())
		if err != nil {
			t.Fatalf("exchange with the client %s is refused", name)
		}
		if left := time.Until(token.Expiry); token.Type() != "Bearer" || token.RefreshToken != "" || left <= 0 || left > pat.DefaultLifetime || token.Extra("scope") != "notes:read" {
			t.Errorf("type %s, expires in %s, scope %v", token.Type(), left, token.Extra("scope"))
		}
		resp, err := exchange.Client(t.Context()).Get(relying)
		if err != nil {
			t.Fatal(err)
		}
		if resp.Body.Close(); resp.StatusCode != 200 {
			t.Errorf("the relying API says %d to a client %s", resp.StatusCode, name)
		}
	}

	// A token by itself is all that the library needs at our own API.
	direct := oauth2.NewClient(t.Context(), oauth2.StaticTokenSource(&oauth2.Token{AccessToken: value}))
	resp, err := direct.Get(ts.URL + "/notes")
	if err != nil {
		t.Fatal(err)
	}
	if resp.Body.Close(); resp.StatusCode != 200 {
		t.Errorf("a token at our own API: %d", resp.StatusCode)
	}

	good := ts.exchange(value, "&scope=notes:read&audience="+url.QueryEscape(elsewhere)).field("access_token")
	call := func(credential string) int {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), "GET", relying, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+credential)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		return resp.StatusCode
	}
	for name, c := range map[string]struct {
		credential string
		status     int
	}{
		"a JWT for it is good":                   {good, 200},
		"a JWT for us is not":                    {ts.exchange(value, "&scope=notes:read").field("access_token"), 401},
		"a JWT without the scope may not":        {ts.exchange(value, "&scope=profile&audience="+url.QueryEscape(elsewhere)).field("access_token"), 403},
		"a JWT with another claim is not":        {tampered(good, func(c map[string]any) { c["sub"] = "bob" }), 401},
		"a JWT signed by the sign-in is not":     {ts.signedBy("idp-key.pem", "at+jwt", with(ts.ourClaims(), "aud", elsewhere)), 401},
		"a session is not":                       {session, 401},
		"the token itself is not":                {value, 401},
		"HS256 with the public key is not":       {ts.hs256(with(ts.ourClaims(), "aud", elsewhere)), 401},
		"a JWT of another issuer is not":         {ts.signedBy("key.pem", "at+jwt", with(with(ts.ourClaims(), "aud", elsewhere), "iss", "https://other.example")), 401},
		"what those differ from in one thing is": {ts.signedBy("key.pem", "at+jwt", with(ts.ourClaims(), "aud", elsewhere)), 200},
	} {
		if status := call(c.credential); status != c.status {
			t.Errorf("%s: %d", name, status)
		}
	}
	// What a signature alone cannot tell is bounded by the JWT's lifetime.
	ts.Clock.Advance(pat.DefaultLifetime + time.Second)
	if status := call(good); status != 401 {
		t.Errorf("after its lifetime: %d", status)
	}
}
