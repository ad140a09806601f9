package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/pkg/pat"
	"github.com/counterfoil/counterfoil/pkg/signer"
)

// A cast is every kind of credential, good and dead, that the refusals need.
type cast struct {
	ts                            *testServer
	alice, bob                    string // sessions
	pat, narrow, revoked, expired string // values of alice's
	patID, bobsID                 string
	jwt, ofSession, ofRevoked     string // exchanged
	elsewhere, idToken            string

	// of bob, who is made an administrator, and of root, who was one a moment ago.
	adminPAT, adminJWT, demoted, demotedPAT string
}

func newCast(t *testing.T) *cast {
	ts := newTestServer(t)
	c := &cast{ts: ts, alice: ts.signIn("alice"), bob: ts.signIn("bob")}
	create := func(session, body string) (value, id string) {
		r := ts.call("POST", "/tokens", session, body).want(201)
		return r.field("token"), r.field("id")
	}
	end := ts.Clock.Now().Add(2 * time.Minute).UTC().Format(time.RFC3339)
	c.pat, c.patID = create(c.alice, `{"name":"all","scopes":["notes:read","notes:write","profile"]}`)
	c.narrow, _ = create(c.alice, `{"name":"narrow","scopes":["profile"]}`)
	c.expired, _ = create(c.alice, `{"name":"expired","scopes":["notes:read"],"expires_at":"`+end+`"}`)
	var revokedID string
	c.revoked, revokedID = create(c.alice, `{"name":"revoked","scopes":["notes:read"]}`)
	_, c.bobsID = create(c.bob, `{"name":"bob's","scopes":["profile"]}`)
	c.jwt = ts.exchange(c.pat, "").field("access_token")
	c.ofSession = ts.exchange(c.alice, "").field("access_token")
	c.ofRevoked = ts.exchange(c.revoked, "").field("access_token")
	c.elsewhere = ts.exchange(c.pat, "&audience="+url.QueryEscape(elsewhere)).field("access_token")
	c.idToken = ts.idTokenOf("alice")
	ts.call("DELETE", "/tokens/"+revokedID, c.alice, "").want(204)

	admin := ts.signIn("bob", "users", "admins")
	c.adminPAT, _ = create(admin, `{"name":"admin's","scopes":["introspect","profile"]}`)
	c.adminJWT = ts.exchange(admin, "").field("access_token")
	c.demoted = ts.signIn("root")
	ts.call("GET", "/admin/policy", c.demoted, "").want(200)
	c.demotedPAT, _ = create(c.demoted, `{"name":"x","scopes":["introspect","profile"]}`)
	ts.call("GET", "/whoami", ts.signIn("root", "users"), "").want(200)
	ts.Clock.Advance(3 * time.Minute)
	return c
}

func (ts *testServer) exchange(subject, more string) reply {
	ts.t.Helper()
	form := url.Values{"grant_type": {pat.ExchangeGrant}, "subject_token": {subject}, "subject_token_type": {pat.AccessTokenType}}
	return ts.call("POST", "/oauth/token", "", form.Encode()+more).want(200)
}

// idTokenOf is what the sign-in's key says of somebody to a client. Its aud is
// stretched to ours, so that nothing but its kind speaks against it.
func (ts *testServer) idTokenOf(name string) string {
	ts.t.Helper()
	claims := ts.sessionClaims(name)
	claims["nonce"] = "n"
	return ts.signedBy("idp-key.pem", "JWT", claims)
}

func (ts *testServer) sessionClaims(name string) map[string]any {
	now := ts.Clock.Now().Unix()
	return map[string]any{
		"iss": ts.URL + idpPath, "sub": name, "aud": ts.URL, "client_id": "x", "groups": []string{"users"},
		"iat": now, "exp": now + 3600, "auth_time": now, "jti": "j",
	}
}

func (ts *testServer) ourClaims() map[string]any {
	now := ts.Clock.Now().Unix()
	return map[string]any{
		"iss": ts.URL, "sub": "alice", "aud": ts.URL, "iat": now, "nbf": now, "exp": now + 900,
		"jti": "j", "client_id": pat.ClientID, "scope": "notes:read profile",
	}
}

// signedBy signs claims with one of the server's own keys.
func (ts *testServer) signedBy(key, typ string, claims map[string]any) string {
	ts.t.Helper()
	local, err := signer.OpenLocal(ts.State+"/"+key, signer.RS256)
	if err != nil {
		ts.t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		ts.t.Fatal(err)
	}
	jwt, err := local.Sign(ts.t.Context(), typ, payload)
	if err != nil {
		ts.t.Fatal(err)
	}
	return jwt.Reveal()
}

// with returns claims with one changed; nil takes it out.
func with(claims map[string]any, name string, value any) map[string]any {
	claims = maps.Clone(claims)
	if claims[name] = value; value == nil {
		delete(claims, name)
	}
	return claims
}

func b64(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// keyID is the kid of a key of the server's.
func (ts *testServer) keyID() string {
	return ts.key.Keys()[0].ID
}

// hs256 signs with our public key as if it were a secret.
func (ts *testServer) hs256(claims map[string]any) string {
	der, err := x509.MarshalPKIXPublicKey(ts.key.Keys()[0].Public)
	if err != nil {
		ts.t.Fatal(err)
	}
	secret := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	input := b64(map[string]string{"alg": "HS256", "typ": "at+jwt", "kid": ts.keyID()}) + "." + b64(claims)
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(input))
	return input + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// tampered changes the payload and keeps the signature.
func tampered(jwt string, change func(map[string]any)) string {
	parts := strings.Split(jwt, ".")
	body, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		panic(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(body, &claims); err != nil {
		panic(err)
	}
	change(claims)
	return parts[0] + "." + b64(claims) + "." + parts[2]
}

func TestRefusals(t *testing.T) {
	c := newCast(t)
	ts := c.ts
	ours, theirs := ts.ourClaims(), ts.sessionClaims("alice")
	header := map[string]string{"alg": "RS256", "typ": "at+jwt", "kid": ts.keyID()}
	now := ts.Clock.Now().Unix()

	// What all JWT refusals below differ from in one thing.
	ts.call("GET", "/whoami", ts.signedBy("key.pem", "at+jwt", ours), "").want(200)
	ts.call("GET", "/whoami", ts.signedBy("idp-key.pem", "at+jwt", theirs), "").want(200)
	ts.call("GET", "/whoami", c.pat, "").want(200)

	type refusal struct {
		method, path, credential, body string
		status                         int
		code                           string
	}
	cases := map[string]refusal{}
	add := func(name string, r refusal) {
		t.Helper()
		if _, twice := cases[name]; twice {
			t.Fatalf("two refusals are called %q", name)
		}
		cases[name] = r
	}

	guarded := []struct{ method, path, body string }{
		{"POST", "/tokens", `{"name":"x","scopes":["profile"]}`}, {"GET", "/tokens", ""}, {"GET", "/tokens/" + c.patID, ""},
		{"DELETE", "/tokens/" + c.patID, ""}, {"PATCH", "/tokens/" + c.patID, `{"name":"x"}`}, {"POST", "/tokens/" + c.patID + "/rotate", "{}"},
		{"GET", "/admin/policy", ""}, {"PUT", "/admin/policy", "{}"}, {"POST", "/admin/policy/preview", "{}"}, {"GET", "/admin/tokens", ""},
		{"GET", "/admin/tokens/" + c.patID, ""}, {"DELETE", "/admin/tokens/" + c.patID, ""}, {"GET", "/admin/people?sub=bob", ""},
		{"PATCH", "/admin/people", `{"sub":"bob","disabled":true}`}, {"POST", "/admin/people/revoke-all", `{"sub":"bob"}`},
		{"GET", "/tokens/" + c.patID + "/trail", ""}, {"GET", "/admin/trail", ""},
		{"GET", "/scopes", ""}, {"GET", "/limits", ""}, {"POST", "/oauth/introspect", "token=x"}, {"GET", "/whoami", ""}, {"GET", "/notes", ""}, {"POST", "/notes", `{"text":"x"}`},
	}
	for _, r := range guarded {
		at := " at " + r.method + " " + strings.Replace(r.path, c.patID, "{id}", 1)
		add("no credential"+at, refusal{r.method, r.path, "", r.body, 401, "unauthorized"})
		add("a revoked token"+at, refusal{r.method, r.path, c.revoked, r.body, 401, "unauthorized"})
		add("a JWT for elsewhere"+at, refusal{r.method, r.path, c.elsewhere, r.body, 401, "unauthorized"})
		isAdmin := strings.HasPrefix(r.path, "/admin/")
		if isAdmin {
			add("a person's session"+at, refusal{r.method, r.path, c.alice, r.body, 403, "forbidden"})
			add("a session of a demoted administrator"+at, refusal{r.method, r.path, c.demoted, r.body, 403, "forbidden"})
			add("a token of a demoted administrator"+at, refusal{r.method, r.path, c.demotedPAT, r.body, 403, "forbidden"})
			add("an administrator's token"+at, refusal{r.method, r.path, c.adminPAT, r.body, 403, "forbidden"})
			add("a JWT of an administrator's session"+at, refusal{r.method, r.path, c.adminJWT, r.body, 403, "forbidden"})
		}
		if strings.HasPrefix(r.path, "/tokens") || r.path == "/scopes" || r.path == "/limits" || isAdmin {
			for kind, value := range map[string]string{"a personal token": c.pat, "a JWT of a token": c.jwt, "a JWT of a session": c.ofSession} {
				add(kind+at, refusal{r.method, r.path, value, r.body, 403, "forbidden"})
			}
		}
	}

	for name, credential := range map[string]string{
		"an expired token":                         c.expired,
		"a JWT of a revoked token":                 c.ofRevoked,
		"a value with a wrong last digit":          c.pat[:57] + string(c.pat[57]^1),
		"a value cut short":                        c.pat[:57],
		"a value of another prefix":                "ghp_" + c.pat[6:],
		"the hint of a token":                      "cfoil_" + c.patID,
		"the id of a token":                        c.patID,
		"junk":                                     "junk",
		"three empty parts":                        "..",
		"an ID token":                              c.idToken,
		"alg none":                                 b64(map[string]string{"alg": "none", "typ": "at+jwt"}) + "." + b64(ours) + ".",
		"alg None with a signature":                b64(map[string]string{"alg": "None", "typ": "at+jwt", "kid": ts.keyID()}) + "." + b64(ours) + ".AAAA",
		"HS256 with our public key":                ts.hs256(ours),
		"RS256 with a signature of nothing":        b64(header) + "." + b64(ours) + "." + base64.RawURLEncoding.EncodeToString(make([]byte, 256)),
		"an unknown kid":                           b64(map[string]string{"alg": "RS256", "typ": "at+jwt", "kid": "x"}) + "." + b64(ours) + ".AAAA",
		"no kid":                                   b64(map[string]string{"alg": "RS256", "typ": "at+jwt"}) + "." + b64(ours) + ".AAAA",
		"a JWT that brings its key":                b64(map[string]any{"alg": "RS256", "typ": "at+jwt", "kid": ts.keyID(), "jku": ts.URL + "/notes"}) + "." + b64(ours) + ".AAAA",
		"our JWT of typ JWT":                       ts.signedBy("key.pem", "JWT", ours),
		"our JWT of another issuer":                ts.signedBy("key.pem", "at+jwt", with(ours, "iss", "https://other.example")),
		"our JWT without an issuer":                ts.signedBy("key.pem", "at+jwt", with(ours, "iss", nil)),
		"our JWT for another audience":             ts.signedBy("key.pem", "at+jwt", with(ours, "aud", "https://other.example")),
		"our JWT without an audience":              ts.signedBy("key.pem", "at+jwt", with(ours, "aud", nil)),
		"our JWT that has expired":                 ts.signedBy("key.pem", "at+jwt", with(ours, "exp", now-1)),
		"our JWT without an end":                   ts.signedBy("key.pem", "at+jwt", with(ours, "exp", nil)),
		"our JWT that is not yet valid":            ts.signedBy("key.pem", "at+jwt", with(ours, "nbf", now+90)),
		"our JWT issued in the future":             ts.signedBy("key.pem", "at+jwt", with(ours, "iat", now+90)),
		"our JWT of nobody we know":                ts.signedBy("key.pem", "at+jwt", with(ours, "sub", "mallory")),
		"our JWT without a sub":                    ts.signedBy("key.pem", "at+jwt", with(ours, "sub", nil)),
		"our JWT with an actor nobody knows":       ts.signedBy("key.pem", "at+jwt", with(ours, "act", map[string]string{"sub": "mallory"})),
		"our JWT of a value to come":               ts.signedBy("key.pem", "at+jwt", with(with(ours, "pat", c.patID), "gen", 2)),
		"our JWT of a token without its value":     ts.signedBy("key.pem", "at+jwt", with(ours, "pat", c.patID)),
		"our JWT of somebody else's token":         ts.signedBy("key.pem", "at+jwt", with(with(ours, "pat", c.bobsID), "gen", 1)),
		"our JWT with a scope added":               tampered(c.jwt, func(m map[string]any) { m["scope"] = "introspect" }),
		"our JWT with a later end":                 tampered(c.jwt, func(m map[string]any) { m["exp"] = now + 90000 }),
		"our JWT signed by the sign-in's key":      ts.signedBy("idp-key.pem", "at+jwt", ours),
		"a session signed by our key":              ts.signedBy("key.pem", "at+jwt", theirs),
		"a session that has expired":               ts.signedBy("idp-key.pem", "at+jwt", with(theirs, "exp", now-1)),
		"a session issued in the future":           ts.signedBy("idp-key.pem", "at+jwt", with(theirs, "iat", now+90)),
		"a session without its time":               ts.signedBy("idp-key.pem", "at+jwt", with(theirs, "iat", nil)),
		"a session for another audience":           ts.signedBy("idp-key.pem", "at+jwt", with(theirs, "aud", "other")),
		"a session of no client":                   ts.signedBy("idp-key.pem", "at+jwt", with(theirs, "client_id", nil)),
		"a session whose typ says ID":              ts.signedBy("idp-key.pem", "at+jwt", with(theirs, "typ", "ID")),
		"a session whose token_use says id":        ts.signedBy("idp-key.pem", "at+jwt", with(theirs, "token_use", "id")),
		"a session with an at_hash":                ts.signedBy("idp-key.pem", "at+jwt", with(theirs, "at_hash", "x")),
		"a session of a sub of 256 letters":        ts.signedBy("idp-key.pem", "at+jwt", with(theirs, "sub", strings.Repeat("a", 256))),
		"a session with a group list that is none": ts.signedBy("idp-key.pem", "at+jwt", with(theirs, "groups", map[string]bool{"admins": true})),
	} {
		add(name+" at GET /whoami", refusal{"GET", "/whoami", credential, "", 401, "unauthorized"})
	}

	add("a token without the scope asks about nobody", refusal{"POST", "/oauth/introspect", c.pat, "token=x", 403, "insufficient_scope"})
	add("a session without the scope asks about nobody", refusal{"POST", "/oauth/introspect", c.alice, "token=x", 403, "insufficient_scope"})
	add("somebody else's token is not changed", refusal{"PATCH", "/tokens/" + c.bobsID, c.alice, `{"name":"x"}`, 404, "not_found"})
	add("somebody else's token is not rotated", refusal{"POST", "/tokens/" + c.bobsID + "/rotate", c.alice, "{}", 404, "not_found"})
	add("a revoked token is not rotated", refusal{"POST", "/tokens/" + c.revoked[6:16] + "/rotate", c.alice, "{}", 409, "token_not_active"})
	add("an expired token is not changed", refusal{"PATCH", "/tokens/" + c.expired[6:16], c.alice, `{"expires_at":null}`, 409, "token_not_active"})
	add("a previous value is not kept where there is none", refusal{"POST", "/tokens/" + c.patID + "/rotate", c.alice, `{"keep_previous":true}`, 409, "conflict"})
	add("scopes are not widened", refusal{"PATCH", "/tokens/" + c.narrow[6:16], c.alice, `{"scopes":["profile","notes:read"]}`, 400, "invalid_request"})
	add("a name that is taken is not given", refusal{"PATCH", "/tokens/" + c.narrow[6:16], c.alice, `{"name":"ALL"}`, 409, "name_taken"})
	add("a token without the scope reads no notes", refusal{"GET", "/notes", c.narrow, "", 403, "insufficient_scope"})
	add("a token without the scope writes no notes", refusal{"POST", "/notes", c.narrow, `{"text":"x"}`, 403, "insufficient_scope"})
	add("a JWT that was narrowed writes no notes", refusal{"POST", "/notes", ts.exchange(c.pat, "&scope=notes:read").field("access_token"), `{"text":"x"}`, 403, "insufficient_scope"})
	add("somebody else's token is not shown", refusal{"GET", "/tokens/" + c.bobsID, c.alice, "", 404, "not_found"})
	add("somebody else's token is not revoked", refusal{"DELETE", "/tokens/" + c.bobsID, c.alice, "", 404, "not_found"})
	add("a token that there is not", refusal{"GET", "/tokens/zzzzzzzzzz", c.alice, "", 404, "not_found"})
	add("an id of nine characters", refusal{"GET", "/tokens/zzzzzzzzz", c.alice, "", 404, "not_found"})
	add("an id with a dash", refusal{"GET", "/tokens/zzzzzzzzz-", c.alice, "", 404, "not_found"})
	add("an id with an encoded slash", refusal{"GET", "/tokens/zzzz%2fzzzz", c.alice, "", 404, "not_found"})
	add("a detour to another id", refusal{"GET", "/tokens/..%2f" + c.patID, c.alice, "", 404, "not_found"})
	for _, path := range []string{"//tokens", "/Tokens", "/tokens/../whoami", "/./tokens", "/tokens//" + c.patID, "/tokens/" + c.patID + "/x", "/whoami%2f", "/%77hoami", "/nowhere", "/idp/nowhere", "/oauth/token/x", "/.well-known/x"} {
		add("no route "+path, refusal{"GET", path, c.alice, "", 404, "not_found"})
	}
	for _, r := range [][2]string{{"HEAD", "/tokens"}, {"PUT", "/tokens"}, {"POST", "/whoami"}, {"GET", "/oauth/token"}, {"OPTIONS", "/nowhere"}, {"TRACE", "/whoami"}, {"PATCH", "/tokens"}, {"GET", "/tokens/" + c.patID + "/rotate"}} {
		code := "not_found"
		if r[0] == "HEAD" {
			code = "" // has no body
		}
		add("no route "+r[0]+" "+strings.Replace(r[1], c.patID, "{id}", 1), refusal{r[0], r[1], c.alice, "", 404, code})
	}
	add("a scope that alice may not grant", refusal{"POST", "/tokens", c.alice, `{"name":"x","scopes":["introspect"]}`, 403, "insufficient_scope"})
	add("a name that is taken", refusal{"POST", "/tokens", c.alice, `{"name":"ALL","scopes":["profile"]}`, 409, "name_taken"})
	add("a body of 1 MiB", refusal{"POST", "/tokens", c.alice, `{"name":"` + strings.Repeat("x", 1<<20) + `"}`, 413, "too_large"})
	add("a header of 1 MiB", refusal{"GET", "/whoami", strings.Repeat("x", 1<<20), "", 413, "too_large"})
	add("an unknown field", refusal{"POST", "/tokens", c.alice, `{"name":"x","scopes":["profile"],"owner":"bob"}`, 400, "invalid_request"})

	if len(cases) < 60 {
		t.Fatalf("only %d refusals", len(cases))
	}
	bodies := map[string]string{} // of each code, the first body seen
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		t.Run(name, func(t *testing.T) {
			r := cases[name]
			got := ts.call(r.method, r.path, r.credential, r.body)
			if got.Status != r.status {
				t.Fatalf("status %d, want %d", got.Status, r.status)
			}
			if r.code == "" {
				return
			}
			if code := got.field("code"); code != r.code {
				t.Fatalf("code %q, want %q", code, r.code)
			}
			if got.Header.Get("X-Request-Id") == "" || got.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("headers %v", got.Header)
			}
			if r.code != "unauthorized" && r.code != "not_found" {
				return
			}
			// Equal outside: nobody learns from the body which it was.
			if first, seen := bodies[r.code]; seen && first != got.Body {
				t.Errorf("body %s differs from %s", got.Body, first)
			}
			bodies[r.code] = got.Body
			if challenge := got.Header.Get("WWW-Authenticate"); r.status == 401 && challenge != "Bearer" {
				t.Errorf("WWW-Authenticate %q", challenge)
			}
		})
	}
	// Nothing that was refused happened.
	list := ts.call("GET", "/tokens", c.alice, "").want(200).Body
	if n := strings.Count(list, `"id":`); n != 4 {
		t.Errorf("alice has %d tokens after the refusals, had 4", n)
	}
	if notes := ts.call("GET", "/notes", c.pat, "").want(200).Body; notes != `{"notes":[]}` {
		t.Errorf("notes were written: %s", notes)
	}
}

func TestBasicIsAcceptedWhereverBearerIs(t *testing.T) {
	c := newCast(t)
	for name, r := range map[string]struct {
		user, password string
		status         int
	}{
		"a token as the password":         {"git", c.pat, 200},
		"a token as the user":             {c.pat, "", 200},
		"a session as the password":       {"x", c.alice, 200},
		"a JWT as the password":           {"x", c.jwt, 200},
		"a revoked token as the password": {"x", c.revoked, 401},
		"a token as the user, and more":   {c.pat, "x", 401},
	} {
		t.Run(name, func(t *testing.T) {
			req := http.Header{"Authorization": {"bAsIc " + base64.StdEncoding.EncodeToString([]byte(r.user+":"+r.password))}}
			c.ts.send("GET", "/whoami", req, "").want(r.status)
			if r.status == 200 && r.password != c.alice {
				c.ts.send("GET", "/notes", req, "").want(200)
			}
		})
	}
}

func TestCredentialsElsewhereAreIgnored(t *testing.T) {
	c := newCast(t)
	for _, path := range []string{"/whoami?access_token=" + c.pat, "/whoami?Authorization=Bearer%20" + c.pat} {
		c.ts.call("GET", path, "", "").want(401)
	}
	for name, header := range map[string]http.Header{
		"two headers":           {"Authorization": {"Bearer " + c.pat, "Bearer " + c.pat}},
		"two values in one":     {"Authorization": {"Bearer " + c.pat + ", Bearer " + c.pat}},
		"another header":        {"X-Authorization": {"Bearer " + c.pat}},
		"a cookie":              {"Cookie": {"access_token=" + c.pat}},
		"the scheme misspelt":   {"Authorization": {"Bearers " + c.pat}},
		"a proxy's header":      {"Proxy-Authorization": {"Bearer " + c.pat}},
		"a form's field behind": {"Authorization": {"Bearer " + c.pat + "&x=y"}},
	} {
		for _, path := range []string{"/whoami", "/notes"} {
			if got := c.ts.send("GET", path, header, ""); got.Status != 401 {
				t.Errorf("%s at %s: %d", name, path, got.Status)
			}
		}
	}
}

func TestRefusedSubjectsLookAlike(t *testing.T) {
	c := newCast(t)
	ts := c.ts
	want := `{"error":"invalid_request","error_description":"subject_token is not valid"}`
	for name, subject := range map[string]string{
		"junk": "junk", "a revoked token": c.revoked, "an expired token": c.expired, "a JWT of a revoked token": c.ofRevoked,
		"a JWT for elsewhere": c.elsewhere, "an ID token": c.idToken,
		"alg none":        b64(map[string]string{"alg": "none"}) + "." + b64(ts.ourClaims()) + ".",
		"our JWT, no typ": ts.signedBy("key.pem", "JWT", ts.ourClaims()),
		"1 MiB is 413":    "",
	} {
		form := url.Values{"grant_type": {pat.ExchangeGrant}, "subject_token": {subject}, "subject_token_type": {pat.AccessTokenType}}
		if subject == "" {
			form.Set("subject_token", strings.Repeat("x", 1<<20))
			ts.call("POST", "/oauth/token", "", form.Encode()).want(413)
			continue
		}
		if got := ts.call("POST", "/oauth/token", "", form.Encode()); got.Status != 400 || got.Body != want {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
	}
}
