package broker

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/smithy-go"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

const (
	role      = "arn:aws:iam::000000000000:role/counterfoil/holders"
	jwt       = "eyJhbGciOiJub25lIn0.canary.canary"
	secretKey = "canary-secret-key"
	token     = "canary-session-token"
	keyID     = "ASIAEXAMPLEEXAMPLE00"
	requestID = "22222222-aaaa-4bbb-8ccc-000000000000"
)

// good is an answer as AWS writes it.
const good = `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleWithWebIdentityResult><SubjectFromWebIdentityToken>alice</SubjectFromWebIdentityToken>
<Credentials><AccessKeyId>` + keyID + `</AccessKeyId><SecretAccessKey>` + secretKey + `</SecretAccessKey>
<SessionToken>` + token + `</SessionToken><Expiration>2026-11-24T12:00:00Z</Expiration></Credentials>
</AssumeRoleWithWebIdentityResult><ResponseMetadata><RequestId>` + requestID + `</RequestId></ResponseMetadata>
</AssumeRoleWithWebIdentityResponse>`

func refusal(code string) string {
	return `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>` + code +
		`</Code><Message>Value '` + jwt + `' at 'webIdentityToken'</Message></Error><RequestId>` + requestID + `</RequestId></ErrorResponse>`
}

// A reply is one answer of the server below.
type reply struct {
	status int
	body   string
	hang   bool // until the client is gone
}

// answering serves the replies in turn, the last one for good, and counts.
func answering(t *testing.T, replies ...reply) (endpoint string, calls *atomic.Int32, form *url.Values) {
	t.Helper()
	calls, form = new(atomic.Int32), new(url.Values)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := int(calls.Add(1))
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		*form = r.PostForm
		if r.Header.Get("Authorization") != "" {
			t.Error("the request is signed: whose rights were used?")
		}
		now := replies[min(n, len(replies))-1]
		if now.hang {
			<-r.Context().Done()
			return
		}
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(now.status)
		fmt.Fprint(w, now.body)
	}))
	t.Cleanup(server.Close)
	return server.URL, calls, form
}

func request() pat.AWSRequest {
	return pat.AWSRequest{JWT: pat.NewSecret(jwt), Session: "0000100001", Policy: `{"Version":"2012-10-17"}`, Duration: 15 * time.Minute}
}

func TestCredentials(t *testing.T) {
	endpoint, calls, form := answering(t, reply{status: 200, body: good})
	keys, err := NewSTSAt(endpoint, role).Credentials(t.Context(), request())
	if err != nil {
		t.Fatal(err)
	}
	if keys.AccessKeyID != keyID || keys.SecretAccessKey.Reveal() != secretKey || keys.SessionToken.Reveal() != token {
		t.Errorf("got %+v", keys)
	}
	if want := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC); !keys.ExpiresAt.Equal(want) {
		t.Errorf("they end at %v, want %v", keys.ExpiresAt, want)
	}
	want := url.Values{
		"Action": {"AssumeRoleWithWebIdentity"}, "Version": {"2011-06-15"},
		"RoleArn": {role}, "RoleSessionName": {"0000100001"}, "WebIdentityToken": {jwt},
		"DurationSeconds": {"900"}, "Policy": {`{"Version":"2012-10-17"}`},
	}
	if got := form.Encode(); got != want.Encode() || calls.Load() != 1 {
		t.Errorf("%d calls, not one with these parameters and no other: %q", calls.Load(), strings.ReplaceAll(got, jwt, "(JWT)"))
	}
	if shown := fmt.Sprintf("%v %+v %#v", keys, keys, keys); strings.Contains(shown, "canary") {
		t.Error("the credentials print themselves")
	}
}

func TestCredentialsWithoutAPolicySendNone(t *testing.T) {
	endpoint, _, form := answering(t, reply{status: 200, body: good})
	ask := request()
	ask.Policy = ""
	if _, err := NewSTSAt(endpoint, role).Credentials(t.Context(), ask); err != nil {
		t.Fatal(err)
	}
	if form.Has("Policy") || !form.Has("WebIdentityToken") {
		t.Error("a policy was sent, and AWS refuses an empty one")
	}
}

func TestCredentialsFail(t *testing.T) {
	cases := map[string]struct {
		reply reply
		tries int32
		says  string
	}{
		"a JWT that is not accepted is told once":      {reply{status: 400, body: refusal("InvalidIdentityToken")}, 1, "InvalidIdentityToken"},
		"a JWT that is past is told once":              {reply{status: 400, body: refusal("ExpiredTokenException")}, 1, "ExpiredTokenException"},
		"a role that does not trust us is told once":   {reply{status: 403, body: refusal("AccessDenied")}, 1, "AccessDenied"},
		"a policy that is too large is told once":      {reply{status: 400, body: refusal("PackedPolicyTooLarge")}, 1, "PackedPolicyTooLarge"},
		"a value that is quoted back is not in it":     {reply{status: 400, body: refusal("ValidationError")}, 1, "ValidationError"},
		"keys of ours that were not had are retried":   {reply{status: 400, body: refusal("IDPCommunicationError")}, stsTries, "IDPCommunicationError"},
		"throttling is retried":                        {reply{status: 400, body: refusal("Throttling")}, stsTries, "Throttling"},
		"a fault of AWS is retried":                    {reply{status: 500, body: refusal("InternalFailure")}, stsTries, "InternalFailure"},
		"an answer without credentials is no success":  {reply{status: 200, body: strings.NewReplacer("Credentials>", "Other>").Replace(good)}, 1, "no credentials"},
		"an answer without a secret key is no success": {reply{status: 200, body: strings.ReplaceAll(good, secretKey, "")}, 1, "no credentials"},
		"an answer without an end is no success":       {reply{status: 200, body: strings.ReplaceAll(good, "Expiration>", "Other>")}, 1, "no credentials"},
		"an answer that is no XML is no success":       {reply{status: 200, body: "junk"}, 1, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			endpoint, calls, _ := answering(t, c.reply)
			keys, err := NewSTSAt(endpoint, role).Credentials(t.Context(), request())
			failed(t, keys, err)
			if got := calls.Load(); got != c.tries {
				t.Errorf("%d tries, want %d", got, c.tries)
			}
			if !strings.Contains(err.Error(), c.says) {
				t.Errorf("no %s in %q", c.says, err)
			}
		})
	}
}

func TestCredentialsAreTriedAgain(t *testing.T) {
	endpoint, calls, _ := answering(t, reply{status: 400, body: refusal("IDPCommunicationError")}, reply{status: 200, body: good})
	if _, err := NewSTSAt(endpoint, role).Credentials(t.Context(), request()); err != nil || calls.Load() != 2 {
		t.Errorf("%d tries: %v", calls.Load(), err)
	}
}

func TestCredentialsEndAtTheDeadline(t *testing.T) {
	endpoint, _, _ := answering(t, reply{hang: true})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	keys, err := NewSTSAt(endpoint, role).Credentials(ctx, request())
	failed(t, keys, err)
}

func TestCredentialsOfNobody(t *testing.T) {
	server := httptest.NewServer(nil)
	server.Close()
	keys, err := NewSTSAt(server.URL, role).Credentials(t.Context(), request())
	failed(t, keys, err)
}

// failed fails the test unless there are no keys, and an error that holds
// nothing secret.
func failed(t *testing.T, keys pat.AWSCredentials, err error) {
	t.Helper()
	if err == nil || keys.AccessKeyID != "" || keys.SecretAccessKey.Reveal() != "" || keys.SessionToken.Reveal() != "" {
		t.Fatalf("err is %v, with keys: %t", err, keys.AccessKeyID != "")
	}
	if strings.Contains(err.Error(), "canary") {
		t.Error("the error holds a secret")
	}
}

func environment(t *testing.T, change map[string]string) {
	t.Helper()
	all := map[string]string{
		EnvRole: role, "AWS_REGION": "eu-central-1", "AWS_PROFILE": "",
		"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
		"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "example",
	}
	for name, value := range all {
		t.Setenv(name, value)
	}
	for name, value := range change {
		t.Setenv(name, value)
	}
}

// The function's own rights are no part of the call, though it has some.
func TestNewSTSCallsWhereTheEnvironmentSays(t *testing.T) {
	endpoint, calls, form := answering(t, reply{status: 200, body: good})
	environment(t, map[string]string{"AWS_ENDPOINT_URL_STS": endpoint})
	broker, err := NewSTS()
	if err != nil {
		t.Fatal(err)
	}
	if calls.Load() != 0 {
		t.Error("it calls at the start")
	}
	keys, err := broker.Credentials(t.Context(), request())
	if err != nil || keys.AccessKeyID != keyID || form.Get("RoleArn") != role {
		t.Errorf("keys %s of %s: %v", keys.AccessKeyID, form.Get("RoleArn"), err)
	}
}

func TestNewSTSAtIgnoresTheEnvironment(t *testing.T) {
	endpoint, calls, _ := answering(t, reply{status: 200, body: good})
	other, others, _ := answering(t, reply{status: 200, body: good})
	environment(t, map[string]string{"AWS_ENDPOINT_URL_STS": other, "AWS_CA_BUNDLE": "/nowhere.pem"})
	if _, err := NewSTSAt(endpoint, role).Credentials(t.Context(), request()); err != nil {
		t.Fatal(err)
	}
	if calls.Load() != 1 || others.Load() != 0 {
		t.Errorf("%d calls, and %d elsewhere", calls.Load(), others.Load())
	}
}

func TestNewSTSWithoutARoleIsNone(t *testing.T) {
	environment(t, map[string]string{EnvRole: ""})
	if broker, err := NewSTS(); broker != nil || err != nil {
		t.Errorf("%v, %v; want neither", broker, err)
	}
}

func TestNewSTSRefuses(t *testing.T) {
	cases := map[string]struct {
		env   map[string]string
		names string
	}{
		"a role by its name alone": {map[string]string{EnvRole: "holders"}, EnvRole},
		"the ARN of a user":        {map[string]string{EnvRole: "arn:aws:iam::000000000000:user/alice"}, EnvRole},
		"the ARN of a session":     {map[string]string{EnvRole: "arn:aws:sts::000000000000:assumed-role/holders/alice"}, EnvRole},
		"two roles":                {map[string]string{EnvRole: role + " " + role}, EnvRole},
		"no Region":                {map[string]string{"AWS_REGION": ""}, "AWS_REGION"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			environment(t, c.env)
			broker, err := NewSTS()
			if err == nil || broker != nil {
				t.Fatal("it was opened")
			}
			if !strings.Contains(err.Error(), c.names) || strings.Contains(err.Error(), "\n") {
				t.Errorf("not one sentence that names %s: %q", c.names, err)
			}
		})
	}
}

func TestAFaultWithoutAnAnswerIsPlainToo(t *testing.T) {
	err := plain(&smithy.GenericAPIError{Code: "Fault", Message: "canary"})
	if err.Error() != "Fault" {
		t.Errorf("%q, want the code alone", err)
	}
}
