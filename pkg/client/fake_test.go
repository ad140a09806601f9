package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Faults, which a server that works does not show.

// fake returns a client of a server that answers as it is told to, and how
// often it was asked, and how long the client paused.
func fake(t *testing.T, answer http.HandlerFunc) (c *Client, asked *atomic.Int32, paused *[]time.Duration) {
	t.Helper()
	asked, paused = &atomic.Int32{}, &[]time.Duration{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	c, err := New(Config{Server: server.URL, Credential: Static(NewSecret("CANARY"))})
	if err != nil {
		t.Fatal(err)
	}
	c.pause = func(_ context.Context, d time.Duration) error { *paused = append(*paused, d); return nil }
	return c, asked, paused
}

const goodID = "0123456789"

// verbs are every call, and whether it may be sent again.
var verbs = map[string]struct {
	call  func(*Client) error
	again bool
}{
	"create":     {func(c *Client) error { _, err := c.Create(context.Background(), NewToken{}); return err }, false},
	"update":     {func(c *Client) error { _, err := c.Update(context.Background(), goodID, Update{}); return err }, false},
	"rotate":     {func(c *Client) error { _, err := c.Rotate(context.Background(), goodID, Rotation{}); return err }, false},
	"list":       {func(c *Client) error { _, err := c.List(context.Background(), ListQuery{}); return err }, true},
	"get":        {func(c *Client) error { _, err := c.Get(context.Background(), goodID); return err }, true},
	"revoke":     {func(c *Client) error { return c.Revoke(context.Background(), goodID) }, true},
	"limits":     {func(c *Client) error { _, err := c.Limits(context.Background()); return err }, true},
	"scopes":     {func(c *Client) error { _, err := c.Scopes(context.Background()); return err }, true},
	"whoami":     {func(c *Client) error { _, err := c.Whoami(context.Background()); return err }, true},
	"exchange":   {func(c *Client) error { _, err := c.Exchange(context.Background(), ExchangeRequest{}); return err }, true},
	"introspect": {func(c *Client) error { _, err := c.Introspect(context.Background(), IntrospectQuery{}); return err }, true},
	"revocation": {func(c *Client) error { return c.RevokeValue(context.Background(), Secret{}) }, true},
	"set policy": {func(c *Client) error { _, err := c.SetPolicy(context.Background(), Policy{}); return err }, true},
	"revoke all": {func(c *Client) error { _, err := c.RevokeAll(context.Background(), "a"); return err }, false},
	"metadata":   {func(c *Client) error { _, err := c.Metadata(context.Background()); return err }, true},
}

func problem(w http.ResponseWriter, status int, code, retryAfter string) {
	w.Header().Set("Content-Type", "application/problem+json")
	if retryAfter != "" {
		w.Header().Set("Retry-After", retryAfter)
	}
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"type":"urn:counterfoil:%s","title":"x","status":%d,"code":"%[1]s"}`, code, status)
}

func TestWhatIsSentAgain(t *testing.T) {
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		tries  int32 // of what may be sent again
		pause  time.Duration
	}{
		"503 that says when":         {func(w http.ResponseWriter, _ *http.Request) { problem(w, 503, "unavailable", "2") }, 3, 2 * time.Second},
		"429 that says when":         {func(w http.ResponseWriter, _ *http.Request) { problem(w, 429, "too_many_requests", "1") }, 3, time.Second},
		"503 that says a minute":     {func(w http.ResponseWriter, _ *http.Request) { problem(w, 503, "unavailable", "60") }, 1, 0},
		"503 that does not say when": {func(w http.ResponseWriter, _ *http.Request) { problem(w, 503, "unavailable", "") }, 1, 0},
		"500":                        {func(w http.ResponseWriter, _ *http.Request) { problem(w, 500, "internal", "1") }, 1, 0},
		"401":                        {func(w http.ResponseWriter, _ *http.Request) { problem(w, 401, "unauthorized", "1") }, 1, 0},
		"a connection that breaks":   {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 3, 0},
		"an answer that breaks off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "10")
			w.Write([]byte("{"))
		}, 3, 0},
		"an answer of somebody else's": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(502); io.WriteString(w, "<html>CANARY") }, 1, 0},
	} {
		for verb, v := range verbs {
			client, asked, paused := fake(t, c.answer)
			// A kept connection that breaks, net/http itself tries again.
			client.HTTP.Transport = &http.Transport{DisableKeepAlives: true}
			err := v.call(client)
			want := c.tries
			if !v.again {
				want = 1
			}
			if err == nil || asked.Load() != want || len(*paused) != int(want-1) {
				t.Errorf("%s, %s: %v, sent %d times, paused %v", name, verb, err, asked.Load(), *paused)
			}
			if strings.Contains(fmt.Sprint(err), "CANARY") {
				t.Errorf("%s, %s: the error quotes", name, verb)
			}
			for _, d := range *paused {
				if d <= 0 || c.pause > 0 && d != c.pause {
					t.Errorf("%s, %s: paused %v", name, verb, *paused)
				}
			}
		}
	}
}

func TestSentAgainUntilItWorks(t *testing.T) {
	var asked atomic.Int32
	c, _, _ := fake(t, func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) < 3 {
			problem(w, 503, "unavailable", "1")
			return
		}
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"sub":"alice"}`)
	})
	if who, err := c.Whoami(t.Context()); err != nil || who.Subject != "alice" {
		t.Errorf("%+v, %v", who, err)
	}
}

// TestAContextEndsThePause: nobody waits on after they gave up.
func TestAContextEndsThePause(t *testing.T) {
	c, asked, _ := fake(t, func(w http.ResponseWriter, _ *http.Request) { problem(w, 503, "unavailable", "9") })
	ctx, cancel := context.WithCancel(t.Context())
	c.pause = func(ctx context.Context, d time.Duration) error { cancel(); return pause(ctx, d) }
	if _, err := c.Whoami(ctx); !errors.Is(err, ErrUnavailable) || asked.Load() != 1 {
		t.Errorf("%v after %d", err, asked.Load())
	}
	if _, err := c.Whoami(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("after its end: %v", err)
	}
}

// TestNoRedirect: a credential, in a header or in a form, goes nowhere else.
func TestNoRedirect(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it followed") }))
	defer elsewhere.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		for verb, v := range verbs {
			c, _, _ := fake(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, status) })
			if err := v.call(c); err == nil {
				t.Errorf("%s takes %d for an answer", verb, status)
			}
		}
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	for name, c := range map[string]struct{ mediaType, body string }{
		"HTML":                   {"text/html", `{"sub":"CANARY","token":"CANARY","id":"0123456789","access_token":"CANARY"}`},
		"no JSON":                {"application/json", `{"token":"CANARY`},
		"another type":           {"application/json", `{"token":{"CANARY":1},"access_token":["CANARY"],"sub":["CANARY"]}`},
		"no value, no token":     {"application/json", `{}`},
		"an id that is a path":   {"application/json", `{"id":"../x","token":"CANARY"}`},
		"half of the keys":       {"application/json", `{"access_token":"CANARY","token_type":"Bearer","expires_in":1,"aws_access_key_id":"CANARY"}`},
		"another kind of token":  {"application/json", `{"access_token":"CANARY","token_type":"DPoP","expires_in":1}`},
		"a token without an end": {"application/json", `{"access_token":"CANARY","token_type":"Bearer"}`},
		"five megabytes":         {"application/json", `{"x":"` + strings.Repeat("x", 5<<20) + `"}`},
	} {
		client, _, _ := fake(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", c.mediaType)
			io.WriteString(w, c.body)
		})
		for _, verb := range []string{"create", "rotate", "exchange"} {
			if err := verbs[verb].call(client); err == nil || strings.Contains(err.Error(), "CANARY") {
				t.Errorf("%s, %s: %v", verb, name, err)
			}
		}
	}
}

// TestCredentialsThatAreNone: what no header can hold is refused before
// net/http quotes it.
func TestCredentialsThatAreNone(t *testing.T) {
	c, asked, _ := fake(t, func(http.ResponseWriter, *http.Request) {})
	for _, value := range []string{"CANARY\n", "CANARY\r\nX: y", "CAN ARY", "CANARYé", "CANARY\x00", ""} {
		c.Credential = Static(NewSecret(value))
		if _, err := c.Whoami(t.Context()); err == nil || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%v", err)
		}
		if _, err := c.Exchange(t.Context(), ExchangeRequest{}); err == nil || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("exchange: %v", err)
		}
	}
	c.Credential = nil
	if _, err := c.Whoami(t.Context()); !errors.Is(err, ErrNoCredential) {
		t.Errorf("none: %v", err)
	}
	if asked.Load() != 0 {
		t.Errorf("sent %d times", asked.Load())
	}
}

func TestParseServer(t *testing.T) {
	for address, want := range map[string]string{
		"https://tokens.example.com":           "https://tokens.example.com",
		"https://tokens.example.com/":          "https://tokens.example.com",
		"HTTPS://Tokens.Example.com/Prod/":     "https://tokens.example.com/Prod",
		"http://127.0.0.1:8080":                "http://127.0.0.1:8080",
		"http://localhost:8080/":               "http://localhost:8080",
		"http://[::1]:8080":                    "http://[::1]:8080",
		"http://tokens.example.com":            "",
		"http://127.0.0.1.example.com":         "",
		"http://localhost.example.com":         "",
		"https://user:CANARY@tokens.example":   "",
		"https://tokens.example.com?x=CANARY":  "",
		"https://tokens.example.com?":          "",
		"https://tokens.example.com#":          "",
		"tokens.example.com":                   "",
		"https:":                               "",
		"https:tokens.example.com":             "",
		"file:///etc/passwd":                   "",
		"ftp://localhost":                      "",
		"https://tokens.example.com/%zzCANARY": "",
		"":                                     "",
	} {
		got, err := ParseServer(address)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v", address, got, err)
		}
		if err != nil && strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%s: the error quotes", address)
		}
		if _, err := New(Config{Server: address}); (err == nil) != (want != "") {
			t.Errorf("New %s: %v", address, err)
		}
	}
}

func TestASecretCannotPrintItself(t *testing.T) {
	s := NewSecret("CANARY")
	in := struct {
		Public  Secret
		private Secret
		p       *Secret
		all     []Secret
		m       map[string]Secret
		c       CreatedToken
		x       Exchanged
		q       ExchangeRequest
	}{s, s, &s, []Secret{s}, map[string]Secret{"a": s}, CreatedToken{Value: s}, Exchanged{AccessToken: s, AWS: &AWSCredentials{SecretAccessKey: s, SessionToken: s}}, ExchangeRequest{Subject: s, Actor: s}}
	var log strings.Builder
	for _, h := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
		slog.New(h).Info("x", "s", s, "p", &s, "in", in, "c", in.c, "x", in.x, "err", fmt.Errorf("x %v", s))
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%T"} {
		for _, v := range []any{s, &s, in, &in, in.all, in.m, in.c, in.x, in.q, in.private} {
			fmt.Fprintf(&log, verb+"\n", v)
		}
	}
	text, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	log.Write(text)
	c, err := New(Config{Server: "https://x.example", Credential: Static(s)})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&log, "%v %+v %#v", c, c, c.TokenSource(t.Context(), in.q))
	for _, spelling := range []string{"CANARY", fmt.Sprintf("%x", "CANARY"), fmt.Sprintf("%X", "CANARY")} {
		if strings.Contains(log.String(), spelling) {
			t.Errorf("printed as %s", spelling)
		}
	}
	if s.Reveal() != "CANARY" || s.IsZero() || !NewSecret("").IsZero() || (Secret{}).Reveal() != "" {
		t.Error("it does not reveal itself")
	}
}

// TestTheLogHoldsNoSecret, with everything that could be written at Debug.
func TestTheLogHoldsNoSecret(t *testing.T) {
	var log strings.Builder
	for _, answer := range []http.HandlerFunc{
		func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, `{"id":"0123456789","token":"CANARY","access_token":"CANARY","token_type":"Bearer","expires_in":900}`)
		},
		func(w http.ResponseWriter, _ *http.Request) { problem(w, 503, "unavailable", "1") },
		func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		c, _, _ := fake(t, answer)
		c.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		for _, v := range verbs {
			v.call(c)
		}
	}
	if lines := strings.Count(log.String(), "\n"); lines < 3*len(verbs) {
		t.Errorf("%d lines", lines)
	}
	if strings.Contains(log.String(), "CANARY") {
		t.Error("a secret")
	}
}

// exchanges answers with JWTs of a lifetime, numbered.
func exchanges(lifetime time.Duration) http.HandlerFunc {
	var n atomic.Int32
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"access_token":"jwt-%d","token_type":"Bearer","expires_in":%d,"scope":"a"}`, n.Add(1), int(lifetime.Seconds()))
	}
}

func TestOneExchangeAtATime(t *testing.T) {
	release := make(chan struct{})
	var under atomic.Int32
	answer := exchanges(time.Hour)
	c, asked, _ := fake(t, func(w http.ResponseWriter, r *http.Request) {
		if under.Add(1) > 1 {
			t.Error("two at once")
		}
		<-release
		under.Add(-1)
		answer(w, r)
	})
	source := c.TokenSource(t.Context(), ExchangeRequest{})
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if got, err := source.Token(); err != nil || got.AccessToken != "jwt-1" {
				t.Errorf("%v", err)
			}
		})
	}
	// Whoever does not want to wait, does not.
	for asked.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	impatient, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := source.Exchanged(impatient); !errors.Is(err, context.Canceled) {
		t.Errorf("impatient: %v", err)
	}
	close(release)
	all.Wait()
	if asked.Load() != 1 {
		t.Errorf("%d exchanges", asked.Load())
	}
}

func TestRefreshBeforeTheEnd(t *testing.T) {
	for lifetime, early := range map[time.Duration]time.Duration{900 * time.Second: time.Minute, 60 * time.Second: 15 * time.Second} {
		c, _, _ := fake(t, exchanges(lifetime))
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		c.now = func() time.Time { return now }
		source := c.TokenSource(t.Context(), ExchangeRequest{})
		for _, step := range []struct {
			after time.Duration
			want  string
		}{{0, "jwt-1"}, {lifetime - early - 1, "jwt-1"}, {1, "jwt-2"}, {2 * lifetime, "jwt-3"}} {
			now = now.Add(step.after)
			got, err := source.Token()
			if err != nil || got.AccessToken != step.want || !got.Expiry.After(now) {
				t.Errorf("lifetime %s, at %s: %v, expiry %s", lifetime, now, err, got.Expiry)
			}
		}
	}
}

func TestAnOutageDuringARefresh(t *testing.T) {
	var broken atomic.Bool
	var refused atomic.Bool
	answer := exchanges(900 * time.Second)
	c, asked, _ := fake(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case refused.Load():
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(400)
			io.WriteString(w, `{"error":"invalid_request","error_description":"subject_token is not valid"}`)
		case broken.Load():
			problem(w, 503, "unavailable", "60")
		default:
			answer(w, r)
		}
	})
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	c.now = func() time.Time { return now }
	source := c.TokenSource(t.Context(), ExchangeRequest{})
	token := func() string {
		got, err := source.Exchanged(t.Context())
		if err != nil {
			return err.Error()
		}
		return got.AccessToken.Reveal()
	}
	if got := token(); got != "jwt-1" {
		t.Fatal(got)
	}
	broken.Store(true)
	now = now.Add(850 * time.Second)
	for range 10 { // nobody hammers on
		if got := token(); got != "jwt-1" {
			t.Error(got)
		}
	}
	if asked.Load() != 2 {
		t.Errorf("asked %d times", asked.Load())
	}
	now = now.Add(50 * time.Second)
	if got := token(); got != "unavailable" {
		t.Errorf("past its end: %s", got)
	}
	broken.Store(false)
	if got := token(); got != "jwt-2" {
		t.Error(got)
	}
	// A subject that is dead is no outage: what it bought must not live on.
	refused.Store(true)
	now = now.Add(850 * time.Second)
	if got := token(); got != "invalid_request: subject_token is not valid" {
		t.Error(got)
	}
	// Not even when nobody answers after that.
	refused.Store(false)
	broken.Store(true)
	if got := token(); got != "unavailable" {
		t.Errorf("an outage after a refusal: %s", got)
	}
}

func TestIsOutage(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"503":       {&Error{Status: 503}, true},
		"429":       {&Error{Status: 429}, true},
		"502":       {&Error{Status: 502}, true},
		"401":       {&Error{Status: 401}, false},
		"403":       {&Error{Status: 403}, false},
		"OAuth 503": {&OAuthError{Status: 503}, true},
		"OAuth 400": {&OAuthError{Status: 400}, false},
		"no answer": {fmt.Errorf("x: %w", &url.Error{Err: io.EOF}), true},
		"our own":   {ErrNoCredential, false},
		"none":      {nil, false},
	} {
		if got := IsOutage(c.err); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// TestPause really pauses, in made-up time.
func TestPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		if err := pause(t.Context(), time.Second); err != nil || time.Since(start) != time.Second {
			t.Errorf("%v after %s", err, time.Since(start))
		}
	})
}
