package main_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// TestAPolicyThatStopsTokens is not set unasked, and what it stops is told. A
// token that ages takes longer than a test, so the server is made up.
func TestAPolicyThatStopsTokens(t *testing.T) {
	set, preview := 0, map[string]any{"tokens": 3, "people": 2, "complete": true}
	meanwhile := func() {}
	policy := map[string]any{"max_lifetime_days": nil, "require_expiry": false, "max_tokens_per_person": 50}
	var mu sync.Mutex // held by whoever looks at those
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		switch r.Method + " " + r.URL.Path {
		case "GET /admin/policy":
			answerJSON(w, 200, policy)
		case "POST /admin/policy/preview":
			answerJSON(w, 200, preview)
			meanwhile()
		case "PUT /admin/policy":
			set++
			if err := json.NewDecoder(r.Body).Decode(&policy); err != nil {
				t.Error(err)
			}
			answerJSON(w, 200, policy)
		}
	}))
	t.Cleanup(server.Close) // when nobody holds the lock
	u := newUser(t, "COUNTERFOIL_SERVER="+server.URL, "COUNTERFOIL_TOKEN=session")
	run := func(arguments ...string) run {
		mu.Unlock()
		defer mu.Lock()
		return u.cfoil("", append([]string{"admin", "policy", "set"}, arguments...)...)
	}
	mu.Lock()
	defer mu.Unlock()
	r := run("--max-idle", "30d")
	if r.code != 2 || set != 0 || !strings.Contains(r.stderr, "--yes") {
		t.Errorf("unasked: %+v, set %d times", r, set)
	}
	r = run("--max-idle", "30d", "--yes")
	if r.code != 0 || set != 1 || !strings.Contains(r.stderr, "3 tokens of 2 people stop working") || !strings.Contains(r.stdout, "30d") {
		t.Errorf("with --yes: %+v, set %d times", r, set)
	}
	// What no flag names stays: the whole policy is sent.
	if policy["max_idle_days"] != 30.0 || policy["max_tokens_per_person"] != 50.0 || policy["reauth_seconds"] != nil || len(policy) != 8 {
		t.Errorf("sent %v", policy)
	}
	// Another administrator was quicker, and is not undone.
	meanwhile = func() { policy["require_expiry"] = true }
	if r = run("--max-idle", "60d", "--yes"); r.code != 1 || set != 1 || !strings.Contains(r.stderr, "not set: somebody changed the policy meanwhile") {
		t.Errorf("changed meanwhile: %+v, set %d times", r, set)
	}
	meanwhile = func() {}
	// Nobody counted to the end: that is no "nothing stops".
	preview = map[string]any{"tokens": 0, "people": 0, "complete": false}
	if r = run("--max-idle", "none"); r.code != 2 || set != 1 {
		t.Errorf("not counted: %+v", r)
	}
}

// TestASignInThatIsTooOld says how to sign in again.
func TestASignInThatIsTooOld(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(401)
		json.NewEncoder(w).Encode(map[string]any{"status": 401, "code": "insufficient_user_authentication", "max_age": 300})
	}))
	defer server.Close()
	u := newUser(t, "COUNTERFOIL_SERVER="+server.URL, "COUNTERFOIL_TOKEN=session")
	r := u.cfoil("", "token", "create", "x", "--scope", "profile")
	if r.code != 4 || !strings.Contains(r.stderr, "it may be 5m0s old") || !strings.Contains(r.stderr, `"cfoil auth login --fresh"`) {
		t.Errorf("%+v", r)
	}
}
