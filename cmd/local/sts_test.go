package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/counterfoil/counterfoil/pkg/broker"
	"github.com/counterfoil/counterfoil/pkg/pat"
	"github.com/counterfoil/counterfoil/pkg/signer"
)

const testRole = "arn:aws:iam::000000000000:role/counterfoil/local"

// An stsWorld is the service, and an issuer whose JWTs it takes.
type stsWorld struct {
	*sts
	t   *testing.T
	URL string
	key *signer.Local
	log *lockedBuffer
	// What the issuer answers; the tests change it.
	discovery func(issuer string) any
	keySet    []pat.Key
	broken    bool // the issuer answers 500
	fetches   int
}

var stsNow = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func newSTSWorld(t *testing.T) *stsWorld {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(path, testKeys()["key.pem"], 0o600); err != nil {
		t.Fatal(err)
	}
	key, err := signer.OpenLocal(path, signer.RS256)
	if err != nil {
		t.Fatal(err)
	}
	w := &stsWorld{t: t, key: key, keySet: key.Keys(), log: &lockedBuffer{}}
	w.discovery = func(issuer string) any {
		return map[string]string{"issuer": issuer, "jwks_uri": issuer + "/keys"}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(out http.ResponseWriter, _ *http.Request) {
		w.fetches++
		if w.broken {
			out.WriteHeader(http.StatusInternalServerError)
			return
		}
		json.NewEncoder(out).Encode(w.discovery(w.URL))
	})
	mux.HandleFunc("GET /keys", func(out http.ResponseWriter, _ *http.Request) {
		w.fetches++
		var set jose.JSONWebKeySet
		for _, k := range w.keySet {
			set.Keys = append(set.Keys, jose.JSONWebKey{Key: k.Public, KeyID: k.ID, Algorithm: k.Algorithm, Use: "sig"})
		}
		json.NewEncoder(out).Encode(set)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	w.URL = server.URL
	w.sts = &sts{
		issuer:  w.URL,
		role:    testRole,
		longest: time.Hour,
		http:    server.Client(),
		now:     func() time.Time { return stsNow },
		log:     slog.New(slog.NewTextHandler(w.log, nil)),
	}
	mux.Handle(stsPath, w.sts)
	return w
}

// claims of a JWT as exchange makes it.
func (w *stsWorld) claims() map[string]any {
	return map[string]any{
		"iss": w.URL, "sub": "auth0|alice", "aud": pat.STSAudience,
		"iat": stsNow.Unix(), "nbf": stsNow.Unix(), "exp": stsNow.Add(5 * time.Minute).Unix(), "jti": "1",
		"https://aws.amazon.com/tags": map[string]any{
			"principal_tags":      map[string]any{"counterfoil:sub": []string{"auth0-alice"}, "counterfoil:token": []string{"0000100001"}},
			"transitive_tag_keys": []string{"counterfoil:token"},
		},
		"https://aws.amazon.com/source_identity": "0000100001",
	}
}

func (w *stsWorld) sign(typ string, claims map[string]any) string {
	w.t.Helper()
	payload, err := json.Marshal(claims)
	if err != nil {
		w.t.Fatal(err)
	}
	value, err := w.key.Sign(w.t.Context(), typ, payload)
	if err != nil {
		w.t.Fatal(err)
	}
	return value.Reveal()
}

func (w *stsWorld) form() url.Values {
	return url.Values{
		"Action": {stsAction}, "Version": {stsVersion}, "RoleArn": {testRole}, "RoleSessionName": {"0000100001"},
		"WebIdentityToken": {w.sign("JWT", w.claims())}, "DurationSeconds": {"900"},
	}
}

// post returns the status and the code of an error, empty for none.
func (w *stsWorld) post(form url.Values) (status int, code, body string) {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.URL+stsPath, strings.NewReader(form.Encode()))
	if err != nil {
		w.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	if _, rest, ok := strings.Cut(string(text), "<Code>"); ok {
		code, _, _ = strings.Cut(rest, "</Code>")
	}
	return response.StatusCode, code, string(text)
}

const ipPolicy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":["192.0.2.0/24"]}}}]}`

// The client is the one that the exchange function has.
func TestSTSGivesLocalCredentials(t *testing.T) {
	w := newSTSWorld(t)
	keys, err := broker.NewSTSAt(w.URL+stsPath, testRole).Credentials(t.Context(), pat.AWSRequest{
		JWT: pat.NewSecret(w.sign("JWT", w.claims())), Session: "0000100001", Policy: ipPolicy, Duration: 15 * time.Minute,
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(keys.AccessKeyID) != 20 || !strings.HasPrefix(keys.AccessKeyID, "ASIALOCAL") {
		t.Errorf("the access key id is %s", keys.AccessKeyID)
	}
	for _, s := range []pat.Secret{keys.SecretAccessKey, keys.SessionToken} {
		if !strings.HasPrefix(s.Reveal(), "local-not-a-") {
			t.Errorf("%s does not say that it is local", s.Reveal())
		}
	}
	if want := stsNow.Add(15 * time.Minute); !keys.ExpiresAt.Equal(want) {
		t.Errorf("they end at %v, want %v", keys.ExpiresAt, want)
	}
	log := w.log.String()
	for _, part := range []string{"session=0000100001", "source_identity=0000100001", "auth0-alice", "192.0.2.0/24", "lifetime=15m0s"} {
		if !strings.Contains(log, part) {
			t.Errorf("no %s in the log", part)
		}
	}
	if strings.Contains(log, "eyJ") {
		t.Error("the JWT is in the log")
	}
}

func TestSTSAnswersAsAWSDoes(t *testing.T) {
	w := newSTSWorld(t)
	status, _, body := w.post(w.form())
	if status != 200 {
		t.Fatalf("status %d: %s", status, body)
	}
	for _, part := range []string{
		`<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult>`,
		"<Audience>sts.amazonaws.com</Audience>", "<Provider>" + w.URL + "</Provider>",
		"<SubjectFromWebIdentityToken>auth0|alice</SubjectFromWebIdentityToken>", "<SourceIdentity>0000100001</SourceIdentity>",
		"<Arn>arn:aws:sts::000000000000:assumed-role/counterfoil/local/0000100001</Arn>",
		"<Expiration>2026-11-24T12:15:00Z</Expiration>", "<ResponseMetadata><RequestId>",
	} {
		if !strings.Contains(body, part) {
			t.Errorf("no %s in the answer", part)
		}
	}
	if w.fetches != 2 {
		t.Errorf("%d fetches, want discovery and key set", w.fetches)
	}
}

func TestSTSAccepts(t *testing.T) {
	cases := map[string]func(claims map[string]any, form url.Values){
		"a JWT with neither tags nor source identity": func(c map[string]any, _ url.Values) {
			delete(c, "https://aws.amazon.com/tags")
			delete(c, "https://aws.amazon.com/source_identity")
		},
		"the audience in a list of one":  func(c map[string]any, _ url.Values) { c["aud"] = []string{pat.STSAudience} },
		"a session of a person":          func(_ map[string]any, f url.Values) { f.Set("RoleSessionName", "person-00001") },
		"the longest session":            func(_ map[string]any, f url.Values) { f.Set("DurationSeconds", "3600") },
		"no duration, which is one hour": func(_ map[string]any, f url.Values) { f.Del("DurationSeconds") },
		"letters of any script in a tag": func(c map[string]any, _ url.Values) { tag(c, "counterfoil:sub", "Ærø 東京 1_.:/=+-@") },
		"an empty tag":                   func(c map[string]any, _ url.Values) { tag(c, "k", "") },
		"the longest tag":                func(c map[string]any, _ url.Values) { tag(c, strings.Repeat("k", 128), strings.Repeat("v", 256)) },
		"fifty tags":                     func(c map[string]any, _ url.Values) { tags(c, 50) },
		"a policy of several statements": func(_ map[string]any, f url.Values) {
			f.Set("Policy", `{"Version":"2012-10-17","Id":"x","Statement":[{"Sid":"a","Effect":"Allow","NotAction":"iam:*","Resource":["*"]},{"Effect":"Deny","Action":["s3:*"],"NotResource":"*"}]}`)
		},
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			w := newSTSWorld(t)
			claims, form := w.claims(), w.form()
			change(claims, form)
			form.Set("WebIdentityToken", w.sign("JWT", claims))
			if status, code, body := w.post(form); status != 200 {
				t.Errorf("%d %s: %s", status, code, body)
			}
		})
	}
}

func tag(claims map[string]any, key, value string) {
	claims["https://aws.amazon.com/tags"] = map[string]any{"principal_tags": map[string]any{key: []string{value}}}
}

func tags(claims map[string]any, n int) {
	all := map[string]any{}
	for i := range n {
		all[fmt.Sprint("k", i)] = []string{"v"}
	}
	claims["https://aws.amazon.com/tags"] = map[string]any{"principal_tags": all}
}

func TestSTSRefusesAForm(t *testing.T) {
	policy := func(text string) func(url.Values) { return func(f url.Values) { f.Set("Policy", text) } }
	set := func(name, value string) func(url.Values) { return func(f url.Values) { f.Set(name, value) } }
	statement := func(s string) string { return `{"Version":"2012-10-17","Statement":[` + s + `]}` }
	const (
		validation = "ValidationError"
		malformed  = "MalformedPolicyDocument"
	)
	cases := map[string]struct {
		change func(url.Values)
		code   string
		says   string
	}{
		"another action":                        {set("Action", "AssumeRole"), "InvalidAction", ""},
		"no action":                             {set("Action", ""), "InvalidAction", ""},
		"another version":                       {set("Version", "2010-05-08"), "InvalidAction", ""},
		"no role":                               {set("RoleArn", ""), validation, "roleArn must"},
		"a role that is too long":               {set("RoleArn", strings.Repeat("r", 2049)), validation, "roleArn must"},
		"another role":                          {set("RoleArn", testRole+"s"), "AccessDenied", ""},
		"no session name":                       {set("RoleSessionName", ""), validation, "roleSessionName must"},
		"a session name of one letter":          {set("RoleSessionName", "a"), validation, "roleSessionName must"},
		"a session name of 65 letters":          {set("RoleSessionName", strings.Repeat("a", 65)), validation, "roleSessionName must"},
		"a session name with a bar":             {set("RoleSessionName", "auth0|alice"), validation, "roleSessionName must"},
		"a session name of another script":      {set("RoleSessionName", "älice"), validation, "roleSessionName must"},
		"a session name with a line break":      {set("RoleSessionName", "alice\n"), validation, "roleSessionName must"},
		"no JWT":                                {set("WebIdentityToken", ""), validation, "webIdentityToken must"},
		"a JWT that is too long":                {set("WebIdentityToken", strings.Repeat("a", 20001)), validation, "webIdentityToken must"},
		"a body that is too long":               {set("WebIdentityToken", strings.Repeat("a", 70000)), "MalformedQueryString", ""},
		"less than 900 seconds":                 {set("DurationSeconds", "899"), validation, "durationSeconds must"},
		"more than twelve hours":                {set("DurationSeconds", "43201"), validation, "durationSeconds must"},
		"more than the role allows":             {set("DurationSeconds", "3601"), validation, "MaxSessionDuration"},
		"a duration that is no number":          {set("DurationSeconds", "15m"), validation, "durationSeconds must"},
		"an empty policy":                       {policy(""), validation, "policy must"},
		"a policy of 2049 characters":           {policy(`"` + strings.Repeat("a", 2047) + `"`), validation, "policy must"},
		"a policy of another script":            {policy(statement(`{"Effect":"Allow","Action":"東京","Resource":"*"}`)), validation, "policy must"},
		"a policy that is no JSON":              {policy("allow everything"), malformed, ""},
		"a policy that is cut off":              {policy(`{"Version":"2012-10-17"`), malformed, ""},
		"a policy without statements":           {policy(statement("")), malformed, ""},
		"a policy without a version":            {policy(strings.Replace(statement(`{"Effect":"Allow","Action":"*","Resource":"*"}`), "2012-10-17", "", 1)), malformed, ""},
		"a policy with a principal":             {policy(statement(`{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}`)), malformed, ""},
		"a statement that does neither":         {policy(statement(`{"Effect":"allow","Action":"*","Resource":"*"}`)), malformed, ""},
		"a statement without an action":         {policy(statement(`{"Effect":"Allow","Resource":"*"}`)), malformed, ""},
		"a statement without a resource":        {policy(statement(`{"Effect":"Allow","Action":"*"}`)), malformed, ""},
		"a statement with two kinds of actions": {policy(statement(`{"Effect":"Allow","Action":"*","NotAction":"*","Resource":"*"}`)), malformed, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newSTSWorld(t)
			form := w.form()
			c.change(form)
			w.refused(form, c.code, c.says)
		})
	}
	t.Run("a GET", func(t *testing.T) {
		w := newSTSWorld(t)
		answer := httptest.NewRecorder()
		w.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, stsPath+"?"+w.form().Encode(), nil))
		if answer.Code != 400 {
			t.Errorf("status %d", answer.Code)
		}
	})
	t.Run("policy and tags that are too large together", func(t *testing.T) {
		w := newSTSWorld(t)
		claims, form := w.claims(), w.form()
		all := map[string]any{}
		for i := range 10 {
			all[fmt.Sprint("k", i)] = []string{strings.Repeat("v", 200)}
		}
		claims["https://aws.amazon.com/tags"] = map[string]any{"principal_tags": all}
		form.Set("WebIdentityToken", w.sign("JWT", claims))
		form.Set("Policy", ipPolicy)
		w.refused(form, "PackedPolicyTooLarge", "%")
	})
}

// refused fails the test unless the answer is this error, says so for this
// reason, and holds no keys.
func (w *stsWorld) refused(form url.Values, code, says string) {
	w.t.Helper()
	status, got, body := w.post(form)
	want := 400
	if code == "AccessDenied" {
		want = 403
	}
	if got != code || status != want {
		w.t.Errorf("%d %s, want %d %s", status, got, want, code)
	}
	if !strings.Contains(body, says) {
		w.t.Errorf("refused for another reason than %q: %s", says, body)
	}
	if strings.Contains(body, "AccessKeyId") || strings.Contains(w.log.String(), "credentials") {
		w.t.Error("credentials were given")
	}
	if strings.Contains(body, "eyJ") {
		w.t.Error("the answer quotes the JWT")
	}
}

func TestSTSRefusesAJWT(t *testing.T) {
	const invalid = "InvalidIdentityToken"
	set := func(name string, value any) func(map[string]any) {
		return func(c map[string]any) { c[name] = value }
	}
	without := func(name string) func(map[string]any) {
		return func(c map[string]any) { delete(c, name) }
	}
	principal := func(all any) func(map[string]any) {
		return set("https://aws.amazon.com/tags", map[string]any{"principal_tags": all})
	}
	cases := map[string]struct {
		change func(map[string]any)
		code   string
		says   string
	}{
		"another issuer":                       {set("iss", "https://evil.example"), invalid, "No OpenIDConnect provider"},
		"no issuer":                            {without("iss"), invalid, "No OpenIDConnect provider"},
		"no subject":                           {without("sub"), invalid, "needs sub, exp and iat"},
		"our own audience":                     {func(c map[string]any) { c["aud"] = c["iss"] }, invalid, "Incorrect token audience"},
		"no audience":                          {without("aud"), invalid, "Incorrect token audience"},
		"two audiences":                        {set("aud", []string{pat.STSAudience, "urn:counterfoil:elsewhere"}), invalid, "Incorrect token audience"},
		"an end that has come":                 {set("exp", stsNow.Unix()), "ExpiredTokenException", "Token expired"},
		"no end":                               {without("exp"), invalid, "needs sub, exp and iat"},
		"no issue time":                        {without("iat"), invalid, "needs sub, exp and iat"},
		"an issue time to come":                {set("iat", stsNow.Add(time.Second).Unix()), invalid, "not valid yet"},
		"a beginning to come":                  {set("nbf", stsNow.Add(time.Second).Unix()), invalid, "not valid yet"},
		"an end that is a text":                {set("exp", "tomorrow"), invalid, "no shape"},
		"an authorized party":                  {set("azp", "counterfoil"), "AccessDenied", "Not authorized"},
		"tags that are no object":              {set("https://aws.amazon.com/tags", "alice"), invalid, "no shape"},
		"a tag that is no list":                {principal(map[string]any{"k": "v"}), invalid, "no shape"},
		"a tag of no value":                    {principal(map[string]any{"k": []string{}}), invalid, "one value"},
		"a tag of two values":                  {principal(map[string]any{"k": []string{"a", "b"}}), invalid, "one value"},
		"a tag without a key":                  {principal(map[string]any{"": []string{"v"}}), invalid, "The key of a tag"},
		"a tag whose key is too long":          {principal(map[string]any{strings.Repeat("k", 129): []string{"v"}}), invalid, "The key of a tag"},
		"a tag whose key is AWS's":             {principal(map[string]any{"AWS:user": []string{"v"}}), invalid, "The key of a tag"},
		"a tag with a bar in its key":          {principal(map[string]any{"a|b": []string{"v"}}), invalid, "The key of a tag"},
		"a tag with a bar in its value":        {principal(map[string]any{"k": []string{"auth0|alice"}}), invalid, "one value"},
		"a tag whose value is too long":        {principal(map[string]any{"k": []string{strings.Repeat("v", 257)}}), invalid, "one value"},
		"two tags that differ in case alone":   {principal(map[string]any{"Sub": []string{"a"}, "sub": []string{"b"}}), invalid, "in the case of their keys"},
		"fifty-one tags":                       {func(c map[string]any) { tags(c, 51) }, invalid, "more than 50 tags"},
		"a transitive tag that is not there":   {set("https://aws.amazon.com/tags", map[string]any{"transitive_tag_keys": []string{"k"}}), invalid, "to be transitive"},
		"a source identity of one letter":      {set("https://aws.amazon.com/source_identity", "a"), invalid, "The source identity"},
		"a source identity of 65 letters":      {set("https://aws.amazon.com/source_identity", strings.Repeat("a", 65)), invalid, "The source identity"},
		"a source identity with a bar":         {set("https://aws.amazon.com/source_identity", "auth0|alice"), invalid, "The source identity"},
		"a source identity that is a number":   {set("https://aws.amazon.com/source_identity", 7), invalid, "no shape"},
		"a source identity that looks as AWSs": {set("https://aws.amazon.com/source_identity", "aws:alice"), invalid, "The source identity"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newSTSWorld(t)
			claims, form := w.claims(), w.form()
			c.change(claims)
			form.Set("WebIdentityToken", w.sign("JWT", claims))
			w.refused(form, c.code, c.says)
		})
	}
}

func TestSTSRefusesAForgery(t *testing.T) {
	encode := base64.RawURLEncoding.EncodeToString
	cases := map[string]struct {
		forge func(w *stsWorld) string
		code  string
		says  string
	}{
		"an access token of ours": {func(w *stsWorld) string { return w.sign("at+jwt", w.claims()) }, "InvalidIdentityToken", "needs typ JWT"},
		"junk":                    {func(*stsWorld) string { return "junk" }, "InvalidIdentityToken", "not a valid JWT"},
		"a personal access token": {func(*stsWorld) string { return "cfoil_" + strings.Repeat("0", 52) }, "InvalidIdentityToken", "not a valid JWT"},
		"a JWT that nobody signed": {func(w *stsWorld) string {
			parts := strings.Split(w.sign("JWT", w.claims()), ".")
			return encode([]byte(`{"alg":"none","typ":"JWT","kid":"`+w.keySet[0].ID+`"}`)) + "." + parts[1] + "."
		}, "InvalidIdentityToken", "not a valid JWT"},
		"a JWT with another's claims": {func(w *stsWorld) string {
			mine, other := w.claims(), w.claims()
			other["sub"] = "root"
			parts := strings.Split(w.sign("JWT", mine), ".")
			return parts[0] + "." + strings.Split(w.sign("JWT", other), ".")[1] + "." + parts[2]
		}, "InvalidIdentityToken", "verify the signature"},
		"a JWT without a kid": {func(w *stsWorld) string {
			parts := strings.Split(w.sign("JWT", w.claims()), ".")
			return encode([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + parts[1] + "." + parts[2]
		}, "InvalidIdentityToken", "and a kid"},
		"a JWT of a key that is not published": {func(w *stsWorld) string {
			w.keySet = nil
			return w.sign("JWT", w.claims())
		}, "InvalidIdentityToken", "verify the signature"},
		"a JWT of another key under our kid": {func(w *stsWorld) string {
			path := filepath.Join(w.t.TempDir(), "key.pem")
			if err := os.WriteFile(path, testKeys()["idp-key.pem"], 0o600); err != nil {
				w.t.Fatal(err)
			}
			other, err := signer.OpenLocal(path, signer.RS256)
			if err != nil {
				w.t.Fatal(err)
			}
			ours := w.keySet[0]
			w.keySet = []pat.Key{{ID: ours.ID, Algorithm: ours.Algorithm, Public: other.Keys()[0].Public}}
			return w.sign("JWT", w.claims())
		}, "InvalidIdentityToken", "verify the signature"},
		"an issuer that does not answer": {func(w *stsWorld) string {
			w.broken = true
			return w.sign("JWT", w.claims())
		}, "IDPCommunicationError", "status 500"},
		"an issuer that is another": {func(w *stsWorld) string {
			w.discovery = func(issuer string) any {
				return map[string]string{"issuer": "https://evil.example", "jwks_uri": issuer + "/keys"}
			}
			return w.sign("JWT", w.claims())
		}, "IDPCommunicationError", "discovery: it is another issuer"},
		"an issuer without keys": {func(w *stsWorld) string {
			w.discovery = func(issuer string) any {
				return map[string]string{"issuer": issuer, "jwks_uri": issuer + "/nowhere"}
			}
			return w.sign("JWT", w.claims())
		}, "IDPCommunicationError", "status 404"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newSTSWorld(t)
			form := w.form()
			form.Set("WebIdentityToken", c.forge(w))
			w.refused(form, c.code, c.says)
		})
	}
}

// Whoever shows a JWT that cannot be good must not make us fetch.
func TestSTSFetchesNothingForWhatCannotBeGood(t *testing.T) {
	w := newSTSWorld(t)
	claims, form := w.claims(), w.form()
	claims["iss"] = "https://evil.example"
	form.Set("WebIdentityToken", w.sign("JWT", claims))
	w.refused(form, "InvalidIdentityToken", "No OpenIDConnect provider")
	if w.fetches != 0 {
		t.Errorf("%d fetches", w.fetches)
	}
}
