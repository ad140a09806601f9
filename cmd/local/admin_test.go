package main

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

// policyBody is the policy of the beginning with some members changed.
func policyBody(t *testing.T, changes map[string]any) string {
	t.Helper()
	p := map[string]any{
		"max_lifetime_days": nil, "default_lifetime_days": nil, "require_expiry": false, "max_tokens_per_person": 50,
		"creator_groups": nil, "max_idle_days": nil, "max_absence_days": nil, "reauth_seconds": nil,
	}
	maps.Copy(p, changes)
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestAdministration is an administrator's day, through the front door.
func TestAdministration(t *testing.T) {
	ts := newTestServer(t)
	alice, bob, root := ts.signIn("alice"), ts.signIn("bob"), ts.signIn("root")
	create := func(session, name string) (value, id string) {
		t.Helper()
		r := ts.call("POST", "/tokens", session, `{"name":"`+name+`","scopes":["notes:read","profile"]}`).want(201)
		return r.field("token"), r.field("id")
	}
	value, id := create(alice, "ci")
	other, otherID := create(bob, "ci")
	jwt := ts.exchange(value, "").field("access_token")

	// The owner and the administrator see what it is used for.
	ts.call("GET", "/notes", jwt, "").want(200)
	if got := ts.call("GET", "/tokens/"+id, alice, "").want(200).Body; !strings.Contains(got, `"scopes_used":["notes:read"]`) {
		t.Errorf("its owner sees %s", got)
	}
	if ts.call("GET", "/admin/tokens/"+id, root, "").want(200).field("owner") != "alice" {
		t.Error("it is not alice's")
	}

	// A policy stops both, as the preview says, and gives them back.
	ts.Clock.Advance(25 * time.Hour)
	alice, bob, root = ts.signIn("alice"), ts.signIn("bob"), ts.signIn("root")
	day := policyBody(t, map[string]any{"max_lifetime_days": 1})
	if got := ts.call("POST", "/admin/policy/preview", root, day).want(200).Body; got != `{"tokens":2,"people":2,"complete":true}` {
		t.Errorf("the preview says %s", got)
	}
	ts.call("GET", "/notes", value, "").want(200)
	ts.call("PUT", "/admin/policy", root, day).want(200)
	ts.Clock.Advance(pat.SettingsAge)
	limits := `{"may_create":true,"may_administer":false,"max_lifetime_days":1,"default_lifetime_days":null,"require_expiry":false,"max_tokens_per_person":50}`
	if got := ts.call("GET", "/limits", alice, "").want(200).Body; got != limits {
		t.Errorf("the policy means %s for alice", got)
	}
	ts.call("GET", "/notes", value, "").want(401)
	if r := ts.call("GET", "/tokens/"+id, alice, "").want(200); r.field("status") != "expired" || r.field("effective_expires_at") == "" || !strings.Contains(r.Body, `"expires_at":null`) {
		t.Errorf("its owner sees %s", r.Body)
	}
	ts.call("PUT", "/admin/policy", root, policyBody(t, map[string]any{"creator_groups": []string{"admins"}})).want(200)
	ts.Clock.Advance(pat.SettingsAge)
	for session, may := range map[string]string{alice: `"may_create":false`, root: `"may_create":true,"may_administer":true`} {
		if got := ts.call("GET", "/limits", session, "").want(200).Body; !strings.Contains(got, may) {
			t.Errorf("the policy means %s, want %s", got, may)
		}
	}
	ts.call("PUT", "/admin/policy", root, policyBody(t, nil)).want(200)
	ts.Clock.Advance(pat.SettingsAge)
	ts.call("GET", "/notes", value, "").want(200)

	// Nobody is disabled by half.
	jwt, ofSession := ts.exchange(value, "").field("access_token"), ts.exchange(alice, "").field("access_token")
	ts.call("PATCH", "/admin/people", root, `{"sub":"alice","disabled":true}`).want(200)
	for what, credential := range map[string]string{"token": value, "JWT": jwt, "JWT of a session": ofSession} {
		if r := ts.call("GET", "/notes", credential, ""); r.Status != 401 || r.field("code") != "unauthorized" {
			t.Errorf("a disabled person's %s: %d", what, r.Status)
		}
	}
	for _, path := range []string{"/tokens", "/whoami", "/notes", "/scopes"} {
		if r := ts.call("GET", path, alice, ""); r.Status != 403 || r.field("code") != "forbidden" {
			t.Errorf("a disabled person's session at %s: %d", path, r.Status)
		}
	}
	ts.call("POST", "/oauth/token", "", strings.Replace(exchangeForm().Encode(), "%7B%7D", alice, 1)).want(400)
	ts.call("GET", "/notes", other, "").want(200)

	ts.call("PATCH", "/admin/people", root, `{"sub":"alice","disabled":false}`).want(200)
	ts.call("GET", "/notes", value, "").want(200)
	ts.call("GET", "/tokens", alice, "").want(200)

	// All of a person's, for good.
	if got := ts.call("POST", "/admin/people/revoke-all", root, `{"sub":"alice"}`).want(200).Body; got != `{"revoked":1}` {
		t.Errorf("revoke all: %s", got)
	}
	ts.call("GET", "/notes", value, "").want(401)
	again, _ := create(alice, "ci")
	third, _ := create(bob, "third")
	ts.call("DELETE", "/admin/tokens/"+otherID, root, "").want(204)
	ts.call("DELETE", "/admin/tokens/"+otherID, root, "").want(204)
	ts.call("GET", "/notes", other, "").want(401)
	ts.call("PATCH", "/admin/people", root, `{"sub":"bob","disabled":true}`).want(200)
	ts.call("PUT", "/admin/policy", root, policyBody(t, map[string]any{"max_idle_days": 9})).want(200)

	// What was acknowledged is there after a restart. (On another port the people
	// are those of another issuer.)
	ahead := ts.Clock.ahead
	ts = ts.restart()
	ts.Clock.Advance(ahead)
	for _, dead := range []string{value, other, third} {
		ts.call("GET", "/notes", dead, "").want(401)
	}
	ts.call("GET", "/notes", again, "").want(200)
	root = ts.signIn("root")
	if got := ts.call("GET", "/admin/policy", root, "").want(200).Body; !strings.Contains(got, `"max_idle_days":9`) {
		t.Errorf("the policy is %s", got)
	}

	// Who signed in too long ago is told so.
	ts.call("PUT", "/admin/policy", root, policyBody(t, map[string]any{"reauth_seconds": 60})).want(200)
	ts.Clock.Advance(61 * time.Second)
	for _, r := range []reply{ts.call("GET", "/admin/policy", root, ""), ts.call("POST", "/tokens", ts.signedBy("idp-key.pem", "at+jwt", with(ts.sessionClaims("bob"), "auth_time", nil)), "{}")} {
		if r.want(401); r.field("code") != "insufficient_user_authentication" || !strings.Contains(r.Body, `"max_age":60`) || r.Header.Get("WWW-Authenticate") != "" {
			t.Errorf("%v %s", r.Header, r.Body)
		}
	}
	ts.call("GET", "/tokens", ts.signIn("bob"), "").want(200)

	// And who was an administrator a moment ago is none.
	root = ts.signIn("root")
	ts.call("GET", "/admin/policy", root, "").want(200)
	ts.call("GET", "/whoami", ts.signIn("root", "users"), "").want(200)
	ts.call("GET", "/admin/policy", root, "").want(403)
}
