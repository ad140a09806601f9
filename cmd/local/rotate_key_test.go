package main

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/counterfoil/counterfoil/pkg/pat"
	"github.com/counterfoil/counterfoil/pkg/signer"
)

// A rotating server is called without a network, so that it can run in a bubble
// whose clock moves by itself.
type rotating struct {
	*server
	t *testing.T
}

func (r *rotating) call(method, path, credential string, form url.Values) *httptest.ResponseRecorder {
	r.t.Helper()
	request := httptest.NewRequestWithContext(r.t.Context(), method, r.Origin+path, strings.NewReader(form.Encode()))
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if credential != "" {
		request.Header.Set("Authorization", "Bearer "+credential)
	}
	answer := httptest.NewRecorder()
	r.ServeHTTP(answer, request)
	return answer
}

// keySet fetches our keys, and tells how long they may be kept.
func (r *rotating) keySet() (keys jose.JSONWebKeySet, maxAge time.Duration) {
	r.t.Helper()
	answer := r.call("GET", "/.well-known/jwks.json", "", nil)
	seconds, err := strconv.Atoi(strings.TrimPrefix(answer.Header().Get("Cache-Control"), "public, max-age="))
	if err != nil || answer.Code != 200 || json.Unmarshal(answer.Body.Bytes(), &keys) != nil {
		r.t.Fatalf("answer %d, %v", answer.Code, err)
	}
	return keys, time.Duration(seconds) * time.Second
}

func kidsOf(keys jose.JSONWebKeySet) (kids []string) {
	for _, key := range keys.Keys {
		kids = append(kids, key.KeyID)
	}
	return kids
}

// A relyingParty verifies our JWTs by their signature alone. It keeps our keys
// as long as it may, and asks no sooner, not even for a key it does not know.
type relyingParty struct {
	keys  jose.JSONWebKeySet
	until time.Time
}

func (p *relyingParty) verify(r *rotating, value string) (kid string, err error) {
	if !time.Now().Before(p.until) {
		keys, maxAge := r.keySet()
		p.keys, p.until = keys, time.Now().Add(maxAge)
	}
	token, err := jwt.ParseSigned(value, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return "", err
	}
	var claims jwt.Claims
	if err := token.Claims(p.keys, &claims); err != nil {
		return "", err
	}
	return token.Headers[0].KeyID, claims.ValidateWithLeeway(jwt.Expected{Issuer: r.Origin, Time: time.Now()}, 0)
}

// TestRotateKeyWithoutAGap runs the server's own loop over an hour and a half
// in which its key is rotated. Somebody exchanges a JWT every minute, and
// every living one must be good at our own gateway, and for five relying
// parties, one of which fetches our keys each minute.
func TestRotateKeyWithoutAGap(t *testing.T) {
	state := t.TempDir()
	for name, key := range testKeys() {
		if err := os.WriteFile(filepath.Join(state, name), key, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		var log lockedBuffer
		s, err := newServer(t.Context(), config{Origin: "http://127.0.0.1:8080", State: state, Log: slog.New(slog.NewTextHandler(&log, nil)), Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		r := &rotating{s, t}
		go s.followKeys(t.Context())
		alice := pat.Grant{Kind: pat.KindPerson, Person: pat.Person{Issuer: s.Origin + idpPath, Subject: "alice"}}
		token, err := s.service().Create(t.Context(), alice, pat.CreateRequest{Name: "ci", Scopes: []string{"profile"}})
		if err != nil {
			t.Fatal(err)
		}
		exchange := url.Values{"grant_type": {pat.ExchangeGrant}, "subject_token": {token.Value.Reveal()}, "subject_token_type": {pat.AccessTokenType}}

		type living struct {
			value string
			until time.Time
		}
		var jwts []living
		var parties [5]relyingParty
		var old, signs string
		var rotation signer.Rotation
		const start = 10         // the minute of the rotation
		var published [][]string // the kids, each time they are others
		for i := range 90 {
			if i == start {
				// A moment that is nobody's: between two looks of the server,
				// and two of whoever verifies.
				time.Sleep(7 * time.Second)
				if rotation, err = signer.RotateLocal(state, time.Now()); err != nil {
					t.Fatal(err)
				}
				old = signs
			}
			answer := r.call("POST", "/oauth/token", "", exchange)
			var exchanged struct {
				AccessToken string `json:"access_token"`
				ExpiresIn   int    `json:"expires_in"`
			}
			if answer.Code != 200 || json.Unmarshal(answer.Body.Bytes(), &exchanged) != nil {
				t.Fatalf("minute %d: exchanged with %d", i, answer.Code)
			}
			jwts = append(jwts, living{exchanged.AccessToken, time.Now().Add(time.Duration(exchanged.ExpiresIn) * time.Second)})
			jwts = slices.DeleteFunc(jwts, func(l living) bool { return !time.Now().Before(l.until) })

			for n := range parties {
				if i < n {
					continue // each begins a minute after the one before
				}
				for _, l := range jwts {
					if signs, err = parties[n].verify(r, l.value); err != nil {
						t.Fatalf("minute %d: party %d refuses a JWT that ends at %s: %v", i, n, l.until, err)
					}
				}
			}
			for _, l := range []living{jwts[0], jwts[len(jwts)-1]} {
				if answer := r.call("GET", "/whoami", l.value, nil); answer.Code != 200 {
					t.Fatalf("minute %d: we refuse a JWT of our own: %d", i, answer.Code)
				}
			}
			if want := rotation.Next; i >= start && (signs == want) != !time.Now().Before(rotation.Signs) {
				t.Fatalf("minute %d: %s signs at %s", i, signs, time.Now())
			}
			keys, _ := r.keySet()
			if kids := kidsOf(keys); len(published) == 0 || !slices.Equal(kids, published[len(published)-1]) {
				published = append(published, kids)
			}
			time.Sleep(time.Minute)
		}
		want := [][]string{{old}, {old, rotation.Next}, {rotation.Next}}
		if !slices.EqualFunc(published, want, slices.Equal[[]string]) || old == "" {
			t.Errorf("published were %v, want %v", published, want)
		}
		if files, err := filepath.Glob(filepath.Join(state, "key*")); err != nil || len(files) != 1 || filepath.Base(files[0]) == "key.pem" {
			t.Errorf("files %v, %v", files, err)
		}
		if strings.Contains(log.String(), "level=ERROR") || strings.Count(log.String(), "published the signing keys") != 2 {
			t.Error("the log tells of something else than an addition and a drop")
		}
	})
}

// The times of a rotation follow from how long others keep what they know.
func TestARotationIsSlowEnough(t *testing.T) {
	ts := newTestServer(t)
	_, maxAge := (&rotating{ts.server, t}).keySet()
	if least := pat.SettingsAge + maxAge; signer.RotationSpread < least {
		t.Errorf("a key may be unknown for %s, not %s", least, signer.RotationSpread)
	}
	if least := followEvery + signer.RotationSpread; signer.RotationWait < least {
		t.Errorf("the wait is %s, less than %s", signer.RotationWait, least)
	}
	if longest := 3600 * time.Second; signer.RotationKeep <= longest { // of a JWT, by configuration
		t.Errorf("a key is kept for %s", signer.RotationKeep)
	}
}

// A server whose key folder somebody spoiled says so once, and goes on.
func TestASpoiledKeyFolderIsLoggedOnce(t *testing.T) {
	state := t.TempDir()
	for name, key := range testKeys() {
		if err := os.WriteFile(filepath.Join(state, name), key, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		var log lockedBuffer
		s, err := newServer(t.Context(), config{Origin: "http://127.0.0.1:8080", State: state, Log: slog.New(slog.NewTextHandler(&log, nil)), Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		before, _ := (&rotating{s, t}).keySet()
		go s.followKeys(t.Context())
		for range 2 {
			path := filepath.Join(state, "key-copy.pem")
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
		}
		if n := strings.Count(log.String(), "level=ERROR"); n != 2 {
			t.Errorf("%d errors in the log, want one each time", n)
		}
		if after, _ := (&rotating{s, t}).keySet(); !slices.Equal(kidsOf(before), kidsOf(after)) {
			t.Error("other keys are published")
		}
	})
}

// runRotateKey is `make rotate-key`.
func runRotateKey(t *testing.T, state string) (status int, stdout, stderr string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-rotate-key")
	cmd.Env = []string{asMain + "=1", "HOME=" + t.TempDir(), "STATE=" + state}
	var out, said strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), said.String()
}

func TestRotateKeyCommand(t *testing.T) {
	state := t.TempDir()
	if status, out, said := runRotateKey(t, state); status != 1 || out != "" || strings.Count(said, "\n") != 1 || !strings.Contains(said, "no key yet") {
		t.Errorf("without a state: status %d, stdout %q, stderr %q", status, out, said)
	}
	keysAt := func(origin string) []string {
		t.Helper()
		resp, err := http.Get(origin + "/.well-known/jwks.json")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var keys jose.JSONWebKeySet
		text, err := io.ReadAll(resp.Body)
		if err != nil || json.Unmarshal(text, &keys) != nil {
			t.Fatalf("%s, %v", text, err)
		}
		return kidsOf(keys)
	}
	server := startProcess(t, "PORT=0", "STATE="+state)
	before := keysAt(server.ready(t))

	status, out, said := runRotateKey(t, state) // while the server runs
	shown := regexp.MustCompile(`^added     (\S{43})
published from now on, or from the server's next start
signs     from (\S+Z) on, at least 6 min after it was published
drops     (\S{43}) at (\S+Z) or later
$`).FindStringSubmatch(out)
	if status != 0 || said != "" || shown == nil || !slices.Equal(before, shown[3:4]) {
		t.Fatalf("status %d, stdout %q, stderr %q", status, out, said)
	}
	if status, out, said := runRotateKey(t, state); status != 1 || out != "" || strings.Count(said, "\n") != 1 || !strings.Contains(said, shown[2]) {
		t.Errorf("a second time: status %d, stdout %q, stderr %q", status, out, said)
	}
	server.Process.Kill()
	server.Wait()
	again := startProcess(t, "PORT=0", "STATE="+state)
	if after := keysAt(again.ready(t)); !slices.Equal(after, []string{before[0], shown[1]}) {
		t.Errorf("after a restart %v are published", after)
	}
}
