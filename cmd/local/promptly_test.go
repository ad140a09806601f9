package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

// "From the next request on" is the promise that everything else stands on. It
// is measured here: 8 clients use a token and its JWTs without a pause, in every
// way that there is, while something takes the right away. A request counts by
// the moment it began: no request that began after the answer was there may be
// granted.

// right is what the clients have until it is taken away.
const right = "notes:read"

// afterwards is how many requests of each client begin when the right is gone.
const afterwards = 1

// TestTheNextRequestIsRefused takes the right away in every way that there is.
func TestTheNextRequestIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		rounds int
		// rotated tokens have a previous value too, and the clients the one of now.
		rotated bool
		// end takes the right away; the token's value is the one of now.
		end func(ts *testServer, session, id, value string)
	}{
		// Together the 200 revocations.
		"a token is revoked by its owner": {100, false, func(ts *testServer, session, id, _ string) {
			ts.call("DELETE", "/tokens/"+id, session, "").want(204)
		}},
		"a token is revoked by whoever holds it": {100, true, func(ts *testServer, _, _, value string) {
			ts.call("POST", "/oauth/revoke", "", url.Values{"token": {value}}.Encode()).want(200)
		}},
		"a token comes to its end": {10, false, func(ts *testServer, _, _, _ string) {
			ts.Clock.Advance(2 * time.Minute)
		}},
		"a token is given an end, which comes": {5, false, func(ts *testServer, session, id, _ string) {
			end := ts.Clock.Now().Add(90 * time.Second).UTC().Format(time.RFC3339)
			ts.call("PATCH", "/tokens/"+id, session, `{"expires_at":"`+end+`"}`).want(200)
			ts.Clock.Advance(2 * time.Minute)
		}},
		"a token is rotated without grace": {15, false, func(ts *testServer, session, id, _ string) {
			value := ts.call("POST", "/tokens/"+id+"/rotate", session, "{}").want(200).field("token")
			ts.call("GET", "/notes", value, "").want(200)
		}},
		"a value that was lost is replaced": {10, true, func(ts *testServer, session, id, _ string) {
			ts.call("POST", "/tokens/"+id+"/rotate", session, `{"keep_previous":true}`).want(200)
		}},
		"a token loses the scope": {15, false, func(ts *testServer, session, id, _ string) {
			ts.call("PATCH", "/tokens/"+id, session, `{"scopes":["profile"]}`).want(200)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			ts := newTestServer(t)
			alice := ts.signIn("alice")
			watcher, _ := ts.create(ts.signIn("root"), `{"name":"resource server","scopes":["introspect"]}`)
			var seen counts
			for n := range c.rounds {
				end := ts.Clock.Now().Add(100 * time.Second).UTC().Format(time.RFC3339)
				value, id := ts.create(alice, fmt.Sprintf(`{"name":"round %d","scopes":[%q,"profile"],"expires_at":%q}`, n, right, end))
				if c.rotated {
					value = ts.call("POST", "/tokens/"+id+"/rotate", alice, `{"grace_seconds":60}`).want(200).field("token")
				}
				round := round{ts: ts, watcher: watcher, value: value, derived: ts.exchange(value, "").field("access_token")}
				round.run(t, &seen, func() { c.end(ts, alice, id, value) })
			}
			if want := int64(c.rounds * len(probes) * afterwards); seen.after.Load() != want {
				t.Errorf("%d requests began after the right was gone, want %d", seen.after.Load(), want)
			}
			t.Logf("%d rounds: %d requests granted before, %d in flight, %d began after and were refused",
				c.rounds, seen.granted.Load(), seen.inFlight.Load(), seen.after.Load())
		})
	}
}

// counts are of requests: granted before the right was gone, in flight while it
// went, begun after.
type counts struct{ granted, inFlight, after atomic.Int64 }

// A round is one token's value, its JWT, and who is asked about them.
type round struct {
	ts                      *testServer
	watcher, value, derived string
}

// A probe is one way to use a credential. It is granted when the status is 200
// and the answer holds what is said there.
type probe struct {
	method, path string
	says         string
	form         url.Values // the credential goes where {} stands; nil shows it as Bearer
	derived      bool       // uses the JWT
}

func exchangeForm() url.Values {
	return url.Values{"grant_type": {pat.ExchangeGrant}, "subject_token_type": {pat.AccessTokenType}, "subject_token": {"{}"}, "scope": {right}}
}

// probes are the 8 clients.
var probes = []probe{
	{method: "GET", path: "/whoami", says: right},
	{method: "GET", path: "/whoami", says: right, derived: true},
	{method: "GET", path: "/notes"},
	{method: "GET", path: "/notes", derived: true},
	{method: "POST", path: "/oauth/introspect", says: right, form: url.Values{"token": {"{}"}}},
	{method: "POST", path: "/oauth/introspect", says: right, form: url.Values{"token": {"{}"}}, derived: true},
	{method: "POST", path: "/oauth/token", says: right, form: exchangeForm()},
	{method: "POST", path: "/oauth/token", says: right, form: exchangeForm(), derived: true},
}

// clients keeps as many connections as there are probes.
var clients = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: len(probes)}}

// use makes one request.
func (r round) use(ctx context.Context, p probe) (granted bool, err error) {
	credential := r.value
	if p.derived {
		credential = r.derived
	}
	form := url.Values{}
	for name := range p.form {
		form.Set(name, strings.Replace(p.form.Get(name), "{}", credential, 1))
	}
	req, err := http.NewRequestWithContext(ctx, p.method, r.ts.URL+p.path, strings.NewReader(form.Encode()))
	if err != nil {
		return false, err
	}
	switch {
	case p.form == nil:
		req.Header.Set("Authorization", "Bearer "+credential)
	case p.path == "/oauth/introspect":
		req.Header.Set("Authorization", "Bearer "+r.watcher)
	}
	if p.form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := clients.Do(req)
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return false, err
	}
	switch resp.StatusCode {
	case 200:
		return strings.Contains(string(body), p.says), nil
	case 400, 401, 403:
		return false, nil
	}
	return false, fmt.Errorf("status %d", resp.StatusCode)
}

// run lets every client use the right, then takes it away, and holds what began
// after that to the promise.
func (r round) run(t *testing.T, seen *counts, end func()) {
	t.Helper()
	var warm, all sync.WaitGroup
	var gone atomic.Bool
	for _, p := range probes {
		warm.Add(1)
		all.Go(func() {
			warmed := sync.OnceFunc(warm.Done)
			defer warmed()
			for left := afterwards; left > 0; {
				after := gone.Load() // the request begins now
				granted, err := r.use(t.Context(), p)
				at := fmt.Sprintf("%s %s (with the JWT: %v)", p.method, p.path, p.derived)
				switch {
				case err != nil:
					t.Errorf("%s: %v", at, err)
					return
				case after && granted:
					t.Errorf("%s was granted, and began after the right was gone", at)
					left--
				case after:
					seen.after.Add(1)
					left--
				case granted:
					seen.granted.Add(1)
					warmed()
					warm.Wait() // all are under way before anything happens
				default:
					seen.inFlight.Add(1)
				}
			}
		})
	}
	defer all.Wait()
	defer gone.Store(true) // also where end fails the test, or they would go on
	warm.Wait()
	end()
}
