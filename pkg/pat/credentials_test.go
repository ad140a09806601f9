package pat_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

// broker hands out keys and remembers what it was told.
type broker struct {
	asked []pat.AWSRequest
	err   error
}

func (b *broker) Credentials(_ context.Context, r pat.AWSRequest) (pat.AWSCredentials, error) {
	b.asked = append(b.asked, r)
	return pat.AWSCredentials{AccessKeyID: "ASIA", SecretAccessKey: pat.NewSecret("s"), SessionToken: pat.NewSecret("t")}, b.err
}

// awsWorld signs both kinds of JWT, and has a role.
func awsWorld(t testing.TB) (*world, *broker) {
	w := newWorld(t)
	b := &broker{}
	w.Broker = b
	w.Signer = anySigner{}
	return w, b
}

type anySigner struct{}

func (anySigner) KeyID() string { return ourKey }

func (anySigner) Sign(_ context.Context, _ pat.Key, typ string, payload []byte) (pat.Secret, error) {
	return pat.NewSecret(typ + "." + base64.RawURLEncoding.EncodeToString(payload) + ".x"), nil
}

func TestCredentialsCountOnlyByName(t *testing.T) {
	for name, c := range map[string]struct {
		has, asked string
		granted    string // empty: invalid_scope
		keys       bool
	}{
		"not asked for":                          {"profile credentials", "", "profile", false},
		"asked for alone, the rest as not asked": {"profile notes:read introspect credentials", "credentials", "profile notes:read credentials", true},
		"asked for with another":                 {"profile notes:read credentials", "credentials profile", "profile credentials", true},
		"asked for with one it has not":          {"profile credentials", "credentials notes:read", "credentials", true},
		"all that it has":                        {"credentials", "credentials", "credentials", true},
		"all that it has, not asked for":         {"credentials", "", "", false},
		"asked for alone and not had":            {"profile", "credentials", "", false},
		"asked for with another and not had":     {"profile", "credentials profile", "profile", false},
	} {
		t.Run(name, func(t *testing.T) {
			w, b := awsWorld(t)
			token := w.create(t, w.person(t, "alice", "admins"), named("ci", strings.Fields(c.has)...))
			x, err := w.Exchange(context.Background(), exchangeOf(token.Value, c.asked))
			if c.granted == "" {
				var oauth *pat.OAuthError
				if !errors.As(err, &oauth) || oauth.Code != pat.InvalidScope || len(b.asked) != 0 {
					t.Fatalf("got %v, %v", x.Scopes, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(x.Scopes, " "); got != c.granted || (x.AWS != nil) != c.keys || len(b.asked) != map[bool]int{true: 1}[c.keys] {
				t.Errorf("granted %q, keys %v, AWS asked %d times", got, x.AWS != nil, len(b.asked))
			}
			if scope := readJWT(t, x.AccessToken).Scope; strings.Contains(scope, "credentials") {
				t.Errorf("the JWT has scope %q", scope)
			}
		})
	}
}

func TestWithoutARoleThereAreNoCredentials(t *testing.T) {
	w := newWorld(t)
	token := w.create(t, w.person(t, "alice"), named("ci", "profile", "credentials"))
	var oauth *pat.OAuthError
	if _, err := w.Exchange(context.Background(), exchangeOf(token.Value, "credentials")); !errors.As(err, &oauth) || oauth.Code != pat.InvalidScope {
		t.Errorf("asked for alone: %v", err)
	}
	if x := w.exchange(t, token.Value, "credentials profile"); x.AWS != nil || strings.Join(x.Scopes, " ") != "profile" {
		t.Errorf("asked for with another: %v", x.Scopes)
	}
}

func TestAJWTCannotBuyCredentials(t *testing.T) {
	w, b := awsWorld(t)
	w.Verifier, w.Signer = w.jwts, w.jwts
	token := w.create(t, w.person(t, "alice"), named("ci", "profile", "credentials"))
	jwt := w.exchange(t, token.Value, "").AccessToken
	var oauth *pat.OAuthError
	if _, err := w.Exchange(context.Background(), exchangeOf(jwt, "credentials")); !errors.As(err, &oauth) || oauth.Code != pat.InvalidScope || len(b.asked) > 0 {
		t.Errorf("got %v", err)
	}
}

func TestCredentialsNeedNineHundredSeconds(t *testing.T) {
	w, b := awsWorld(t)
	alice := w.person(t, "alice")
	for left, want := range map[time.Duration]time.Duration{
		899 * time.Second: 0, 900 * time.Second: 900 * time.Second, time.Hour: 900 * time.Second,
	} {
		end := until(w.clock.Add(left))
		token := w.create(t, alice, pat.CreateRequest{Name: left.String(), Scopes: []string{"profile", "credentials"}, Expiry: end})
		b.asked = nil
		_, err := w.Exchange(context.Background(), exchangeOf(token.Value, "credentials profile"))
		var oauth *pat.OAuthError
		if want == 0 {
			if !errors.As(err, &oauth) || oauth.Code != pat.InvalidScope || len(b.asked) > 0 {
				t.Errorf("%v left: %v", left, err)
			}
		} else if err != nil || b.asked[0].Duration != want {
			t.Errorf("%v left: %v, %v", left, b.asked, err)
		}
	}
	w.Lifetime = time.Hour
	token := w.create(t, alice, pat.CreateRequest{Name: "between", Scopes: []string{"credentials"}, Expiry: until(w.clock.Add(20 * time.Minute))})
	b.asked = nil
	if _, err := w.Exchange(context.Background(), exchangeOf(token.Value, "credentials")); err != nil || b.asked[0].Duration != 20*time.Minute {
		t.Errorf("never past the subject: %v, %v", b.asked, err)
	}
}

func TestWhatAWSIsTold(t *testing.T) {
	w, b := awsWorld(t)
	token := w.create(t, w.person(t, "al|ce@例え.jp"), named("ci", "profile", "credentials"))
	if _, err := w.Exchange(context.Background(), exchangeOf(token.Value, "credentials")); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Exchange(context.Background(), exchangeOf(w.session("al|ce@例え.jp"), "credentials")); err != nil {
		t.Fatal(err)
	}
	ofToken, ofPerson := b.asked[0], b.asked[1]
	if ofToken.Session != string(token.ID) || ofPerson.Session != "person-"+string(token.ID.Slot()) {
		t.Errorf("sessions %q and %q", ofToken.Session, ofPerson.Session)
	}
	for _, r := range b.asked {
		if !regexp.MustCompile(`^[\w+=,.@-]{2,64}$`).MatchString(r.Session) {
			t.Errorf("session %q", r.Session)
		}
		typ, body, _ := strings.Cut(r.JWT.Reveal(), ".")
		payload, err := base64.RawURLEncoding.DecodeString(strings.TrimSuffix(body, ".x"))
		if err != nil || typ != "JWT" {
			t.Fatalf("typ %q, %v", typ, err)
		}
		var claims map[string]any
		if err := json.Unmarshal(payload, &claims); err != nil {
			t.Fatal(err)
		}
		if claims["aud"] != "sts.amazonaws.com" || claims["iss"] != ourIssuer || claims["https://aws.amazon.com/source_identity"] != r.Session || claims["azp"] != nil || claims["scope"] != nil {
			t.Errorf("claims %v", claims)
		}
		tags := claims["https://aws.amazon.com/tags"].(map[string]any)["principal_tags"].(map[string]any)
		if sub := tags["sub"].([]any); len(sub) != 1 || sub[0] != "al_ce@例え.jp" {
			t.Errorf("tag sub %v", sub)
		}
		if (tags["token_id"] != nil) != (r.Session == string(token.ID)) {
			t.Errorf("tags %v", tags)
		}
	}
}

func TestSessionPolicies(t *testing.T) {
	mapped := append(pat.Catalogue{}, catalogue...)
	mapped[1].AWS = []pat.AWSStatement{{Actions: []string{"s3:GetObject"}, Resources: []string{"arn:aws:s3:::notes/*"}}}
	many := append(pat.Catalogue{}, mapped...)
	many[1].AWS = []pat.AWSStatement{{Actions: []string{strings.Repeat("x", 2048)}, Resources: []string{"*"}}}
	const notes = `"Effect":"Allow","Action":["s3:GetObject"],"Resource":["arn:aws:s3:::notes/*"]`
	const network = `"Condition":{"IpAddress":{"aws:SourceIp":["192.0.2.0/24"]}}`
	for name, c := range map[string]struct {
		catalogue pat.Catalogue
		scope     string
		cidrs     []string
		policy    string // "-": invalid_scope
	}{
		"nothing said of AWS":                {catalogue, "credentials", nil, ""},
		"nothing said of AWS, but a network": {catalogue, "credentials", []string{"192.0.2.0/24"}, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["*"],"Resource":["*"],` + network + `}]}`},
		"a scope that allows something":      {mapped, "credentials notes:read", nil, `{"Version":"2012-10-17","Statement":[{` + notes + `}]}`},
		"the same from a network":            {mapped, "credentials notes:read", []string{"192.0.2.0/24"}, `{"Version":"2012-10-17","Statement":[{` + notes + `,` + network + `}]}`},
		"only scopes that allow nothing":     {mapped, "credentials profile", nil, "-"},
		"more than AWS takes":                {many, "credentials notes:read", nil, "-"},
	} {
		t.Run(name, func(t *testing.T) {
			w, b := awsWorld(t)
			if err := w.store.Publish(context.Background(), publishedKeys, c.catalogue); err != nil {
				t.Fatal(err)
			}
			token := w.create(t, w.person(t, "alice"), pat.CreateRequest{Name: "ci", Scopes: []string{"profile", "notes:read", "credentials"}, AllowedCIDRs: c.cidrs})
			req := exchangeOf(token.Value, c.scope)
			req.Address = netip.MustParseAddr("192.0.2.7")
			_, err := w.Exchange(context.Background(), req)
			var oauth *pat.OAuthError
			if c.policy == "-" {
				if !errors.As(err, &oauth) || oauth.Code != pat.InvalidScope || len(b.asked) > 0 {
					t.Errorf("got %v", err)
				}
			} else if err != nil || b.asked[0].Policy != c.policy {
				t.Errorf("policy %s, %v", b.asked, err)
			}
		})
	}
}

func TestAWSFailingIsNeverAHalfAnswer(t *testing.T) {
	w, b := awsWorld(t)
	b.err = errors.New("AccessDenied")
	token := w.create(t, w.person(t, "alice"), named("ci", "profile", "credentials"))
	if x, err := w.Exchange(context.Background(), exchangeOf(token.Value, "credentials")); !errors.Is(err, pat.ErrUnavailable) || x.AccessToken.Reveal() != "" {
		t.Errorf("got %+v, %v", x, err)
	}
}
