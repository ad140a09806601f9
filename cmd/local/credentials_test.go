package main

import (
	"net/url"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

func TestCredentialsOnALaptop(t *testing.T) {
	ts := newTestServer(t)
	session := ts.signIn("alice")
	created := ts.call("POST", "/tokens", session, `{"name":"aws","scopes":["profile","notes:read","credentials"]}`).want(201)
	value, id := created.field("token"), created.field("id")

	// What the replaced system's clients send: the scope alone, no client secret.
	form := url.Values{
		"grant_type": {pat.ExchangeGrant}, "client_id": {"c"}, "subject_token": {value},
		"subject_token_type": {pat.PATType}, "scope": {"credentials"},
	}
	got := ts.call("POST", "/oauth/token", "", form.Encode()).want(200)
	for member, want := range map[string]string{
		"scope": "profile notes:read credentials", "aws_access_key_id": "LOCAL", "aws_secret_access_key": "local",
		"aws_session_token": "local", "aws_credentials_expiration": "T", "token_type": "Bearer",
	} {
		if v := got.field(member); !strings.Contains(v, want) {
			t.Errorf("%s is %q", member, v)
		}
	}
	who := ts.call("GET", "/whoami", got.field("access_token"), "").want(200)
	if strings.Contains(who.Body, "credentials") || who.field("token_id") != id {
		t.Errorf("the JWT beside the keys: %s", who.Body)
	}
	log := ts.Log.String()
	if !strings.Contains(log, id) || strings.Contains(log, got.field("aws_secret_access_key")) || strings.Contains(log, got.field("aws_session_token")) {
		t.Errorf("log: %s", log)
	}
	ts.call("POST", "/tokens", session, `{"name":"none","scopes":["profile"]}`).want(201)
	form.Set("subject_token", got.field("access_token"))
	form.Set("subject_token_type", pat.JWTType)
	if refused := ts.call("POST", "/oauth/token", "", form.Encode()); refused.Status != 400 || refused.field("error") != "invalid_scope" {
		t.Errorf("a JWT bought keys: %d %s", refused.Status, refused.Body)
	}
}
