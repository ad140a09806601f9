package identity

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

// oneFetch is what a fetch costs: discovery and key set.
const oneFetch = 2

func unknown(i int) string {
	return session().signedBy(signer{fmt.Sprint("unknown-", i), "ES256", strangers().private}).mint()
}

func calls(t *testing.T, people *issuer, want int) {
	t.Helper()
	if got := people.count(); got != want {
		t.Fatalf("%d calls to the issuer, want %d", got, want)
	}
}

func good(t *testing.T, v *Verifier, d *draft) {
	t.Helper()
	if _, err := verify(v, d.mint()); err != nil {
		t.Fatal(err)
	}
}

func TestKeysAreFetchedAtFirstUseAndOnce(t *testing.T) {
	v, people, clock := newVerifier(t)
	calls(t, people, 0)
	for range 10 {
		good(t, v, session())
		good(t, v, session().signedBy(peopleRS()))
	}
	clock.advance(30 * time.Minute)
	good(t, v, session())
	calls(t, people, oneFetch)
}

func TestUnknownKidsCauseOneFetchAMinute(t *testing.T) {
	v, people, clock := newVerifier(t)
	for i := range 1000 {
		_, err := verify(v, unknown(i))
		want(t, err, pat.ErrUnauthorized, "none of the issuer's keys")
	}
	calls(t, people, oneFetch)

	clock.advance(time.Minute - 1)
	_, err := verify(v, unknown(0))
	want(t, err, pat.ErrUnauthorized, "none of the issuer's keys")
	calls(t, people, oneFetch)

	clock.advance(1)
	for i := range 1000 {
		_, err := verify(v, unknown(i))
		want(t, err, pat.ErrUnauthorized, "none of the issuer's keys")
	}
	calls(t, people, 2*oneFetch)
}

func TestConcurrentMissesMakeOneFetch(t *testing.T) {
	v, people, _ := newVerifier(t)
	arrived, release := make(chan struct{}, 50*oneFetch), make(chan struct{})
	people.answers(func(r *http.Request) (*http.Response, error) {
		arrived <- struct{}{}
		<-release
		return people.usual(r)
	})
	jwt := session().mint()
	var all, begun sync.WaitGroup
	begun.Add(50)
	for range 50 {
		all.Go(func() {
			begun.Done()
			if _, err := verify(v, jwt); err != nil {
				t.Error(err)
			}
		})
	}
	<-arrived
	begun.Wait()
	for range 1000 {
		runtime.Gosched() // without a lock the others arrive too
	}
	close(release)
	all.Wait()
	calls(t, people, oneFetch)
}

func TestAKnownKidDoesNotWaitForAFetch(t *testing.T) {
	v, people, clock := newVerifier(t)
	good(t, v, session())
	clock.advance(time.Minute)

	arrived, release := make(chan struct{}, oneFetch), make(chan struct{})
	people.answers(func(r *http.Request) (*http.Response, error) {
		arrived <- struct{}{}
		<-release
		return people.usual(r)
	})
	var fetch sync.WaitGroup
	fetch.Go(func() {
		_, err := verify(v, unknown(0))
		if !errors.Is(err, pat.ErrUnauthorized) {
			t.Errorf("err is %v", err)
		}
	})
	<-arrived
	good(t, v, session()) // would hang
	close(release)
	fetch.Wait()
}

func TestANewKeyIsPickedUpAndARemovedOneDies(t *testing.T) {
	v, people, clock := newVerifier(t)
	good(t, v, session())

	next := newES("next")
	people.publish(next.jwk())
	clock.advance(time.Minute)
	good(t, v, session().signedBy(next))
	calls(t, people, 2*oneFetch)

	_, err := verify(v, session().mint())
	want(t, err, pat.ErrUnauthorized, "none of the issuer's keys")
}

func TestAnIssuerThatIsDownIsNoRefusal(t *testing.T) {
	v, people, clock := newVerifier(t)
	down := func(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") }
	people.answers(down)

	// Before the first success: one attempt a second.
	for range 100 {
		_, err := verify(v, session().mint())
		want(t, err, pat.ErrUnavailable, "connection refused")
	}
	calls(t, people, 1)
	clock.advance(time.Second - 1)
	_, err := verify(v, session().mint())
	want(t, err, pat.ErrUnavailable, "")
	calls(t, people, 1)
	clock.advance(1)
	_, err = verify(v, session().mint())
	want(t, err, pat.ErrUnavailable, "")
	calls(t, people, 2)

	// A JWT of ours does not need the issuer.
	good(t, v, exchanged())

	clock.advance(time.Second)
	people.answers(nil)
	good(t, v, session())
	calls(t, people, 2+oneFetch)

	// Later: a known kid notices nothing, an unknown one causes one attempt a
	// minute, and nobody can tell whether it is good.
	people.answers(down)
	clock.advance(time.Minute)
	for range 100 {
		good(t, v, session())
		_, err := verify(v, unknown(0))
		want(t, err, pat.ErrUnavailable, "connection refused")
	}
	calls(t, people, 2+oneFetch+1)
	clock.advance(time.Minute - 1)
	_, err = verify(v, unknown(0))
	want(t, err, pat.ErrUnavailable, "")
	calls(t, people, 2+oneFetch+1)

	clock.advance(1)
	people.answers(nil)
	_, err = verify(v, unknown(0))
	want(t, err, pat.ErrUnauthorized, "none of the issuer's keys")
	good(t, v, session())
	calls(t, people, 2+2*oneFetch+1)
}

func TestASlowIssuerIsGivenUp(t *testing.T) {
	v, people, _ := newVerifier(t)
	jwt := session().mint()
	synctest.Test(t, func(t *testing.T) {
		people.answers(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		began := time.Now()
		_, err := verify(v, jwt)
		want(t, err, pat.ErrUnavailable, "deadline")
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("it took %v, want 3s", took)
		}
	})
}

// Others wait for the fetch: the one who came first may go away.
func TestAFetchOutlivesItsRequest(t *testing.T) {
	v, people, _ := newVerifier(t)
	ctx, cancel := context.WithCancel(t.Context())
	people.answers(func(r *http.Request) (*http.Response, error) {
		cancel()
		if err := r.Context().Err(); err != nil {
			return nil, err
		}
		return people.usual(r)
	})
	if _, err := v.Verify(ctx, pat.NewSecret(session().mint()), pat.Expectation{}); err != nil {
		t.Fatal(err)
	}
}

func TestBadAnswersOfTheIssuerAreFailures(t *testing.T) {
	discovery := func(members map[string]any) func(*http.Request) (*http.Response, error) {
		return func(*http.Request) (*http.Response, error) { return respond(200, must(json.Marshal(members))) }
	}
	always := func(status int, body string) func(*http.Request) (*http.Response, error) {
		return func(*http.Request) (*http.Response, error) { return respond(status, []byte(body)) }
	}
	// keySet answers discovery as usual, and then something else.
	keySet := func(status int, body string) func(*http.Request) (*http.Response, error) {
		return func(r *http.Request) (*http.Response, error) {
			if strings.HasSuffix(r.URL.Path, "/keys") {
				return respond(status, []byte(body))
			}
			return discovery(map[string]any{"issuer": peopleIssuer, "jwks_uri": peopleIssuer + "/keys"})(r)
		}
	}
	redirect := func(r *http.Request) (*http.Response, error) {
		response, err := respond(302, nil)
		response.Header.Set("Location", peopleIssuer+"/elsewhere")
		response.Request = r
		return response, err
	}
	big := strings.Repeat(" ", 1<<20)
	nameless := string(must(json.Marshal(map[string]any{"keys": []any{signer{"", "ES256", peopleES().private}.jwk()}})))

	cases := map[string]struct {
		answer func(*http.Request) (*http.Response, error)
		why    string
		calls  int
	}{
		"status 500 is a failure":                           {always(500, "{}"), "discovery: status 500", 1},
		"status 404 is a failure":                           {always(404, "{}"), "discovery: status 404", 1},
		"an HTML page is a failure":                         {always(200, "<html>sign in</html>"), "no JSON document", 1},
		"an empty page is a failure":                        {always(200, ""), "no JSON document", 1},
		"a list is a failure":                               {always(200, "[]"), "no JSON document", 1},
		"a name twice is a failure":                         {always(200, `{"issuer":"a","issuer":"b"}`), "no JSON document", 1},
		"more than a mebibyte is a failure":                 {always(200, "{}"+big), "more than 1048576 bytes", 1},
		"a redirect is a failure and is not followed":       {redirect, "status 302", 1},
		"another issuer in discovery is a failure":          {discovery(map[string]any{"issuer": peopleIssuer + "/", "jwks_uri": peopleIssuer + "/keys"}), "another issuer's", 1},
		"no issuer in discovery is a failure":               {discovery(map[string]any{"jwks_uri": peopleIssuer + "/keys"}), "another issuer's", 1},
		"no jwks_uri is a failure":                          {discovery(map[string]any{"issuer": peopleIssuer}), "jwks_uri is no address", 1},
		"a jwks_uri over http is not fetched":               {discovery(map[string]any{"issuer": peopleIssuer, "jwks_uri": "http://people.example/keys"}), "jwks_uri must begin with https", 1},
		"a jwks_uri that is a file is not fetched":          {discovery(map[string]any{"issuer": peopleIssuer, "jwks_uri": "file:///etc/passwd"}), "jwks_uri is no address", 1},
		"a key set with status 500 is a failure":            {keySet(500, "{}"), "key set: status 500", 2},
		"a key set of HTML is a failure":                    {keySet(200, "<html>"), "no JSON document", 2},
		"a key set cut in the middle is a failure":          {keySet(200, `{"keys":[{"kty":"RSA"`), "no JSON document", 2},
		"a key set of more than a mebibyte is a failure":    {keySet(200, `{"keys":[]}`+big), "more than 1048576 bytes", 2},
		"a key set without keys is a failure":               {keySet(200, `{}`), "no key of it can be used", 2},
		"an empty key set is a failure":                     {keySet(200, `{"keys":[]}`), "no key of it can be used", 2},
		"a key set of keys without a kid is a failure":      {keySet(200, nameless), "no key of it can be used", 2},
		"a key set of keys that we cannot use is a failure": {keySet(200, `{"keys":[{"kty":"oct","kid":"people-es","k":"AAAA"}]}`), "no key of it can be used", 2},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			v, people, clock := newVerifier(t)
			people.answers(c.answer)
			_, err := verify(v, session().mint())
			want(t, err, pat.ErrUnavailable, c.why)
			if errors.Is(err, pat.ErrUnauthorized) {
				t.Error("it is a refusal too")
			}
			calls(t, people, c.calls)

			// And with keys at hand it takes none away.
			people.answers(nil)
			clock.advance(time.Second)
			good(t, v, session())
			people.answers(c.answer)
			clock.advance(time.Minute)
			_, err = verify(v, unknown(0))
			want(t, err, pat.ErrUnavailable, c.why)
			good(t, v, session())
		})
	}
}

func TestKeysThatCannotBeUsedAreLeftOut(t *testing.T) {
	with := func(s signer, edits map[string]any) map[string]any {
		jwk := s.jwk()
		maps.Copy(jwk, edits)
		return jwk
	}
	p384 := signer{"p384", "ES256", must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))}
	spare := newES("spare")
	private := spare.private.(*ecdsa.PrivateKey)
	certificate := must(x509.MarshalPKIXPublicKey(spare.private.Public()))

	cases := map[string]struct {
		jwk    any
		signed signer
	}{
		"an RSA key of 1024 bits":           {newRS("weak", 1024).jwk(), signer{"weak", "RS256", peopleRS().private}},
		"a P-384 key":                       {with(p384, map[string]any{"alg": "ES384"}), p384},
		"a P-384 key said to be for ES256":  {p384.jwk(), p384},
		"a key for encryption":              {with(spare, map[string]any{"use": "enc"}), spare},
		"a key for another algorithm":       {with(spare, map[string]any{"alg": "ES384"}), spare},
		"an EC key said to be for RS256":    {with(spare, map[string]any{"alg": "RS256"}), spare},
		"an RSA key for PS256":              {with(newRS("ps", 2048), map[string]any{"alg": "PS256"}), signer{"ps", "RS256", peopleRS().private}},
		"a key without a kid":               {with(spare, map[string]any{"kid": ""}), spare},
		"a private key":                     {with(spare, map[string]any{"d": b64(must(private.Bytes()))}), spare},
		"a symmetric key":                   {map[string]any{"kty": "oct", "kid": spare.id, "alg": "HS256", "k": "c2VjcmV0"}, spare},
		"a key of a kind that nobody knows": {map[string]any{"kty": "new", "kid": spare.id}, spare},
		"a point that is not on the curve":  {with(spare, map[string]any{"x": b64(make([]byte, 32))}), spare},
		"an RSA key with the exponent 1":    {with(peopleRS(), map[string]any{"kid": "one", "e": "AQ"}), signer{"one", "RS256", peopleRS().private}},
		"a key with a broken certificate":   {with(spare, map[string]any{"x5c": []string{string(certificate)}}), spare},
		"something that is no object":       {"people", spare},
		"null":                              {nil, spare},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			v, people, _ := newVerifier(t)
			set := must(json.Marshal(map[string]any{"keys": []any{c.jwk, peopleES().jwk()}}))
			people.answers(func(r *http.Request) (*http.Response, error) {
				if strings.HasSuffix(r.URL.Path, "/keys") {
					return respond(200, set)
				}
				return people.usual(r)
			})
			_, err := verify(v, session().signedBy(c.signed).mint())
			want(t, err, pat.ErrUnauthorized, "none of the issuer's keys")
			good(t, v, session())
			calls(t, people, oneFetch)
		})
	}

	t.Run("a key without use and alg is used", func(t *testing.T) {
		v, people, _ := newVerifier(t)
		bare := peopleRS().jwk()
		delete(bare, "use")
		delete(bare, "alg")
		people.publish(bare)
		good(t, v, session().signedBy(peopleRS()))
	})
}

// Once over a real connection, with TLS and Go's own client.
func TestVerifyOverAConnection(t *testing.T) {
	mux := http.NewServeMux()
	server := httptest.NewTLSServer(mux)
	defer server.Close()
	mux.HandleFunc("GET /pool/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(map[string]any{"issuer": server.URL + "/pool/", "jwks_uri": server.URL + "/keys"})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(map[string]any{"keys": []any{peopleES().jwk()}})
	})
	mux.HandleFunc("GET /moved/.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/pool/.well-known/openid-configuration", http.StatusMovedPermanently)
	})
	for path, category := range map[string]error{"/pool/": nil, "/moved": pat.ErrUnavailable, "/gone": pat.ErrUnavailable} {
		t.Run(path, func(t *testing.T) {
			v, err := (&Verifier{
				Own: ownIssuer, Audience: ownIssuer, Issuer: server.URL + path, Clients: []string{console},
				HTTP: server.Client(), Now: func() time.Time { return now },
			}).Checked()
			if err != nil {
				t.Fatal(err)
			}
			_, err = verify(v, session().set("iss", server.URL+path).mint())
			if !errors.Is(err, category) {
				t.Errorf("err is %v, want %v", err, category)
			}
		})
	}
}

func TestAWithdrawnKeyIsNoticedWithinTheHour(t *testing.T) {
	v, people, clock := newVerifier(t)
	base := clock.now()
	living := func() *draft { return session().set("exp", base.Add(5*time.Hour).Unix()) }
	good(t, v, living())
	calls(t, people, oneFetch)
	people.publish(peopleRS().jwk()) // the ES256 key is withdrawn

	clock.advance(maxAge - 1)
	good(t, v, living())
	calls(t, people, oneFetch)

	clock.advance(1)
	people.answers(func(*http.Request) (*http.Response, error) { return respond(500, nil) })
	good(t, v, living()) // a failure drops nothing
	good(t, v, living()) // and is not tried again at once
	failed := people.count()
	if failed == oneFetch {
		t.Fatal("nobody tried to fetch old keys again")
	}
	people.answers(nil)
	clock.advance(time.Minute)
	_, err := verify(v, living().mint())
	want(t, err, pat.ErrUnauthorized, "no longer one of the issuer's keys")
	calls(t, people, failed+oneFetch)
	good(t, v, living().signedBy(peopleRS()))
	calls(t, people, failed+oneFetch)
}
