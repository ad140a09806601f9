package main

import (
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

// TestALongLife takes one token through everything that can happen to it, with
// a resource server that looks on.
func TestALongLife(t *testing.T) {
	ts := newTestServer(t)
	alice, root := ts.signIn("alice"), ts.signIn("root")
	watcher := ts.call("POST", "/tokens", root, `{"name":"resource server","scopes":["introspect"]}`).want(201).field("token")
	ask := func(credential string) map[string]any {
		t.Helper()
		var told map[string]any
		r := ts.call("POST", "/oauth/introspect", watcher, url.Values{"token": {credential}}.Encode()).want(200)
		if err := json.Unmarshal([]byte(r.Body), &told); err != nil {
			t.Fatal(err)
		}
		return told
	}
	dead := func(name, credential string) {
		t.Helper()
		ts.call("GET", "/whoami", credential, "").want(401)
		if r := ts.call("POST", "/oauth/introspect", watcher, url.Values{"token": {credential}}.Encode()); r.Body != `{"active":false}` {
			t.Errorf("%s: %s", name, r.Body)
		}
	}

	created := ts.call("POST", "/tokens", alice, `{"name":"ci","scopes":["notes:read","notes:write","profile"]}`).want(201)
	first, id := created.field("token"), created.field("id")
	ts.call("GET", "/notes", first, "").want(200)
	if got := ts.call("GET", "/tokens/"+id, alice, "").want(200); got.field("last_used_ip") != "127.0.0.1" || got.field("last_used_at") == "" {
		t.Errorf("last used: %s", got.Body)
	}
	told := ask(first)
	if told["active"] != true || told["sub"] != "alice" || told["username"] != "Alice" || told["client_id"] != "counterfoil" || told["pat"] != id ||
		told["iss"] != ts.URL || told["aud"] != ts.URL || told["token_type"] != "Bearer" || told["exp"] != nil || told["scope"] != "notes:read notes:write profile" {
		t.Errorf("introspection: %v", told)
	}
	// That somebody asked about his session does not make bob known.
	if told := ask(ts.signIn("bob")); told["active"] != true || told["sub"] != "bob" {
		t.Errorf("introspection: %v", told)
	}
	stranger := pat.Person{Issuer: ts.URL + idpPath, Subject: "bob"}
	if slot, err := ts.store.Slot(t.Context(), stranger); !errors.Is(err, pat.ErrNotFound) {
		t.Errorf("bob is known: %s, %v", slot, err)
	}

	// Rotated with grace: both values work, and their JWTs.
	ofFirst := ts.exchange(first, "").field("access_token")
	second := ts.call("POST", "/tokens/"+id+"/rotate", alice, `{"grace_seconds":3600}`).want(200).field("token")
	for _, value := range []string{first, second, ofFirst} {
		ts.call("GET", "/whoami", value, "").want(200)
	}
	if end := ts.call("GET", "/whoami", first, "").Header.Get("Counterfoil-Token-Expires"); end == "" || end != ts.call("GET", "/tokens/"+id, alice, "").field("previous_valid_until") {
		t.Errorf("the old value is told that it ends %q", end)
	}
	// The answer was lost: once more, and the first still works.
	third := ts.call("POST", "/tokens/"+id+"/rotate", alice, `{"keep_previous":true}`).want(200).field("token")
	dead("the value nobody read", second)
	ts.call("GET", "/whoami", first, "").want(200)
	ts.Clock.Advance(time.Hour + time.Second)
	dead("the first after its grace", first)
	dead("its JWT", ofFirst)
	alice = ts.signIn("alice")

	// Shrunk, from the next request on.
	ofThird := ts.exchange(third, "").field("access_token")
	ts.call("PATCH", "/tokens/"+id, alice, `{"scopes":["notes:read"],"name":"reader"}`).want(200)
	for _, credential := range []string{third, ofThird} {
		ts.call("POST", "/notes", credential, `{"text":"x"}`).want(403)
		if scope := ask(credential)["scope"]; scope != "notes:read" {
			t.Errorf("scope %v", scope)
		}
	}

	// With an actor: bob's agent reads alice's notes in her name.
	bob := ts.signIn("bob")
	agent := ts.call("POST", "/tokens", bob, `{"name":"agent","scopes":["notes:read","notes:write"]}`).want(201)
	form := url.Values{
		"grant_type": {pat.ExchangeGrant}, "subject_token": {third}, "subject_token_type": {pat.AccessTokenType},
		"actor_token": {agent.field("token")}, "actor_token_type": {pat.PATType},
	}
	delegated := ts.call("POST", "/oauth/token", "", form.Encode()).want(200).field("access_token")
	ts.call("GET", "/notes", delegated, "").want(200)
	for _, body := range []string{ts.call("GET", "/whoami", delegated, "").want(200).Body, ts.call("POST", "/oauth/introspect", watcher, "token="+delegated).want(200).Body} {
		if !strings.Contains(body, `"act":{"sub":"bob","pat":"`+agent.field("id")+`","gen":1}`) {
			t.Errorf("no actor in %s", body)
		}
	}
	ts.call("DELETE", "/tokens/"+agent.field("id"), bob, "").want(204)
	dead("the JWT of a dead actor", delegated)

	// Found in a log by somebody, who kills it by its value.
	ts.call("POST", "/oauth/revoke", "", "token="+third).want(200)
	dead("the third", third)
	dead("its JWT", ofThird)
	ts.call("POST", "/oauth/revoke", "", "token="+third).want(200)
	ts.call("POST", "/oauth/revoke", "", "token=junk").want(200)
	if r := ts.call("POST", "/oauth/revoke", "", "token="+alice).want(400); r.field("error") != "unsupported_token_type" {
		t.Errorf("a session by value: %s", r.Body)
	}
	if r := ts.call("POST", "/oauth/revoke", "", "x=y").want(400); r.field("error") != "invalid_request" {
		t.Errorf("nothing by value: %s", r.Body)
	}
	if got := ts.call("GET", "/tokens/"+id, alice, "").want(200); got.field("status") != "revoked" {
		t.Errorf("status %q", got.field("status"))
	}
}
