package handler_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/json"
	"flag"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/counterfoil/counterfoil/pkg/api"
	"github.com/counterfoil/counterfoil/pkg/handler"
	"github.com/counterfoil/counterfoil/pkg/pat"
	"github.com/counterfoil/counterfoil/pkg/store"
)

// ourKey is the kid of the key that is published, and signs.
const ourKey = "our-key"

var update = flag.Bool("update", false, "rewrite the golden answers")

// A desk is everything that the events need: one person, one token, a clock
// that stands still.
type desk struct {
	tokens *pat.Service
	store  *store.Bolt
	clock  time.Time
	jwts   *jwts
	log    *bytes.Buffer
	token  pat.Created
}

func newDesk(t testing.TB) *desk {
	t.Helper()
	bolt, err := store.OpenBolt(filepath.Join(t.TempDir(), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { bolt.Close() })
	catalogue := pat.Catalogue{
		{Name: "profile", Description: "See who you are", Category: "you"},
		{Name: "notes:read", Description: "Read notes", Category: "notes"},
		{Name: "notes:write", Description: "Write notes", Category: "notes"},
		{Name: "introspect", Description: "Ask about credentials", Category: "tokens", Sensitive: true, Groups: []string{"admins"}},
	}
	curve := elliptic.P256().Params()
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, curve.Gx.Bytes(), curve.Gy.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	keys := []pat.Key{{ID: ourKey, Algorithm: "ES256", Public: public}}
	if err := bolt.Publish(t.Context(), keys, catalogue); err != nil {
		t.Fatal(err)
	}
	d := &desk{store: bolt, clock: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC), jwts: &jwts{}, log: &bytes.Buffer{}}
	d.tokens = handler.Meter(&pat.Service{
		Store: bolt, Verifier: d.jwts, Signer: d.jwts,
		Issuer: "https://tokens.example/v1", PeopleIssuer: "http://127.0.0.1:8080/idp", AdminGroup: "admins",
		Now:  func() time.Time { return d.clock },
		Rand: rand.NewChaCha8([32]byte{9}),
	})
	alice := pat.Grant{
		Kind: pat.KindPerson, Person: pat.Person{Issuer: d.tokens.PeopleIssuer, Subject: "alice"},
		Name: "Alice", Groups: []string{"users"}, IssuedAt: d.clock.Add(-5 * time.Minute),
	}
	d.token, err = d.tokens.Create(t.Context(), alice, pat.CreateRequest{Name: "ci", Scopes: []string{"notes:read", "profile"}})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *desk) handlers() handler.Handlers {
	return handler.Handlers{
		Tokens: d.tokens, Origin: "https://console.example", CLIClientID: "cli",
		Log: slog.New(slog.NewJSONHandler(d.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
}

// fill puts the desk's token into an event, where a file in the repository
// must not hold a value.
func (d *desk) fill(event []byte) []byte {
	return []byte(strings.NewReplacer(
		"{{credential}}", d.token.Value.Reveal(), "{{id}}", string(d.token.ID),
	).Replace(string(event)))
}

// jwts signs and verifies nothing: how a JWT is made is package signer's.
type jwts struct {
	err    error
	claims *pat.Claims // what "a.b.c" says
}

func (j *jwts) KeyID() string { return ourKey }

func (j *jwts) Sign(_ context.Context, _ pat.Key, _ string, payload []byte) (pat.Secret, error) {
	return pat.NewSecret("header.payload.signature"), j.err
}

func (j *jwts) Verify(context.Context, pat.Secret, pat.Expectation) (pat.Claims, error) {
	if j.err != nil {
		return pat.Claims{}, j.err
	}
	if j.claims != nil {
		return *j.claims, nil
	}
	return pat.Claims{}, pat.ErrUnauthorized
}

// TestEvents feeds every file of events/ to the function that answers it and
// compares the answer with its golden file.
func TestEvents(t *testing.T) {
	files, err := filepath.Glob("../../events/*.json")
	if err != nil || len(files) < 10 {
		t.Fatalf("found %d events, %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			event, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			answer := d.send(t, d.fill(event))
			for value, stand := range map[string]string{d.token.Value.Reveal(): "{{credential}}"} {
				if name != "create" && bytes.Contains(answer, []byte(value)) {
					t.Error("the answer holds the value of a token")
				}
				answer = bytes.ReplaceAll(answer, []byte(value), []byte(stand))
			}
			answer = hideValue(answer)
			golden := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(golden, answer, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(answer, want) {
				t.Errorf("answer\n%s\nwant (%s)\n%s", answer, golden, want)
			}
		})
	}
}

// hideValue takes a new token's value out: golden files hold none.
func hideValue(answer []byte) []byte {
	const before = `\"token\":\"` + pat.Prefix
	at := bytes.Index(answer, []byte(before))
	if at < 0 {
		return answer
	}
	at += len(before)
	return append(append(bytes.Clone(answer[:at]), "{{value}}"...), answer[at+52:]...)
}

// send gives an event to the function whose it is, as JSON in and JSON out: as
// the Lambda runtime does.
func (d *desk) send(t testing.TB, event []byte) []byte {
	t.Helper()
	var kind struct {
		Type       string `json:"type"`
		Resource   string `json:"resource"`
		HTTPMethod string `json:"httpMethod"`
	}
	if err := json.Unmarshal(event, &kind); err != nil {
		t.Fatal(err)
	}
	var answer any
	if kind.Type != "" {
		var req handler.AuthorizerRequest
		if err := json.Unmarshal(event, &req); err != nil {
			t.Fatal(err)
		}
		a := handler.OwnAuthorizer(d.tokens)
		if kind.Type == "TOKEN" { // somebody else's API
			guest := &pat.Service{Store: d.store, Issuer: d.tokens.Issuer, PeopleIssuer: d.tokens.PeopleIssuer, Guest: true, Now: d.tokens.Now}
			a = handler.Authorizer{Tokens: guest, Routes: []api.Route{
				{Method: "GET", Path: "/notes", Guard: api.Any, Scope: "notes:read"},
				{Method: "POST", Path: "/notes", Guard: api.Any, Scope: "notes:write"},
			}}
		}
		a.Log = d.handlers().Log
		got, err := a.Authorize(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		answer = got
	} else {
		var req events.APIGatewayProxyRequest
		if err := json.Unmarshal(event, &req); err != nil {
			t.Fatal(err)
		}
		function := ""
		for _, r := range api.Routes {
			if r.Method == kind.HTTPMethod && r.Path == kind.Resource {
				function = r.Function
			}
		}
		got, err := d.handlers().Function(function)(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		answer = got
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(answer); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
