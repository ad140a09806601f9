package pat_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	cryptorand "crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/counterfoil/counterfoil/pkg/pat"
	"github.com/counterfoil/counterfoil/pkg/store"
)

const (
	ourIssuer    = "https://tokens.example"
	peopleIssuer = "https://people.example"
	elsewhere    = "urn:counterfoil:elsewhere"
)

var catalogue = pat.Catalogue{
	{Name: "profile", Category: "you"},
	{Name: "notes:read", Category: "notes"},
	{Name: "notes:write", Category: "notes", Groups: []string{"writers", "admins"}},
	{Name: "credentials", Category: "aws", Sensitive: true},
	{Name: "introspect", Category: "tokens", Sensitive: true, Groups: []string{"admins"}},
	{Name: "notes:burn", Category: "notes", Retired: true},
}

// A world is the rules over a real store, with a clock that stands still until
// a test moves it.
type world struct {
	*pat.Service
	store *store.Bolt
	clock time.Time
	jwts  *jwts
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w, err := worldIn(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.store.Close() })
	return w
}

// newWorldOf is newWorld for a property, which makes many.
func newWorldOf(t *rapid.T) *world {
	folder, err := os.MkdirTemp("", "counterfoil-")
	if err != nil {
		t.Fatal(err)
	}
	w, err := worldIn(folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.store.Close(); os.RemoveAll(folder) })
	return w
}

func worldIn(folder string) (*world, error) {
	bolt, err := store.OpenBolt(filepath.Join(folder, "state.db"))
	if err != nil {
		return nil, err
	}
	if err := bolt.Publish(context.Background(), publishedKeys, catalogue); err != nil {
		return nil, err
	}
	w := &world{store: bolt, clock: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC), jwts: &jwts{}}
	w.Service = w.service(bolt)
	return w, nil
}

// service returns the rules as another function would hold them: with caches
// of its own, over the store given.
func (w *world) service(s pat.Store) *pat.Service {
	return &pat.Service{
		Store: s, Verifier: w.jwts, Signer: w.jwts,
		Issuer: ourIssuer, PeopleIssuer: peopleIssuer, AdminGroup: "admins", Audiences: []string{elsewhere},
		Now:  func() time.Time { return w.clock },
		Rand: rand.NewChaCha8([32]byte{42}),
	}
}

// session signs somebody in, now.
func (w *world) session(sub string, groups ...string) pat.Secret {
	return w.jwts.seal(pat.Claims{
		Issuer: peopleIssuer, Subject: sub, Name: "Name of " + sub, Groups: groups,
		IssuedAt: w.clock, ExpiresAt: w.clock.Add(time.Hour), AuthTime: w.clock,
	})
}

// decide makes a policy the one that holds, everywhere.
func (w *world) decide(t tb, change func(*pat.Policy)) {
	t.Helper()
	p := pat.DefaultPolicy
	change(&p)
	if err := w.store.SetPolicy(context.Background(), p, pat.Mark{}); err != nil {
		t.Fatal(err)
	}
	w.clock = w.clock.Add(pat.SettingsAge)
}

// person is what the authorizer grants to a session.
func (w *world) person(t tb, sub string, groups ...string) pat.Grant {
	t.Helper()
	g, err := w.Authorize(context.Background(), w.session(sub, groups...))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func (w *world) create(t tb, by pat.Grant, req pat.CreateRequest) pat.Created {
	t.Helper()
	c, err := w.Create(context.Background(), by, req)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (w *world) exchange(t tb, subject pat.Secret, scope string) pat.Exchanged {
	t.Helper()
	x, err := w.Exchange(context.Background(), exchangeOf(subject, scope))
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func exchangeOf(subject pat.Secret, scope string) pat.ExchangeRequest {
	return pat.ExchangeRequest{
		GrantType: pat.ExchangeGrant, SubjectToken: subject, SubjectTokenType: pat.AccessTokenType, Scope: scope,
	}
}

func named(name string, scopes ...string) pat.CreateRequest {
	return pat.CreateRequest{Name: name, Scopes: scopes}
}

func until(at time.Time) pat.Expiry { return pat.Expiry{Given: true, At: at} }

// ourKey is the kid of the key that signs, and publishedKeys what is known of it.
const ourKey = "our-key"

var publishedKeys = []pat.Key{{ID: ourKey, Algorithm: "ES256", Public: anyPublicKey()}}

func anyPublicKey() crypto.PublicKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), cryptorand.Reader)
	if err != nil {
		panic(err)
	}
	return key.Public()
}

// jwts stands in for the issuers' keys: what it sealed or signed, it believes.
// How real JWTs are judged is package identity's to test.
type jwts struct{ down error }

func (j *jwts) seal(c pat.Claims) pat.Secret {
	body, err := json.Marshal(c)
	if err != nil {
		panic(err)
	}
	return pat.NewSecret("sealed." + base64.RawURLEncoding.EncodeToString(body) + ".x")
}

func (j *jwts) KeyID() string { return ourKey }

func (j *jwts) Sign(_ context.Context, by pat.Key, typ string, payload []byte) (pat.Secret, error) {
	if by.ID != ourKey {
		return pat.Secret{}, fmt.Errorf("no key %q", by.ID)
	}
	if j.down != nil {
		return pat.Secret{}, j.down
	}
	if typ != "at+jwt" {
		return pat.Secret{}, fmt.Errorf("typ %q", typ)
	}
	return pat.NewSecret("signed." + base64.RawURLEncoding.EncodeToString(payload) + ".x"), nil
}

func (j *jwts) Verify(ctx context.Context, jwt pat.Secret, expect pat.Expectation) (pat.Claims, error) {
	if j.down != nil {
		return pat.Claims{}, j.down
	}
	parts := strings.Split(jwt.Reveal(), ".")
	body, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return pat.Claims{}, fmt.Errorf("%w: junk", pat.ErrUnauthorized)
	}
	switch parts[0] {
	case "sealed":
		var c pat.Claims
		return c, json.Unmarshal(body, &c)
	case "signed":
		if _, err := expect.Key(ctx, ourKey); errors.Is(err, pat.ErrNotFound) {
			return pat.Claims{}, fmt.Errorf("%w: of no key of ours", pat.ErrUnauthorized)
		} else if err != nil {
			return pat.Claims{}, err
		}
		c := claimsOf(body)
		if !expect.AnyAudience && !slices.Contains(audienceOf(c), ourIssuer) {
			return pat.Claims{}, fmt.Errorf("%w: for another", pat.ErrUnauthorized)
		}
		return pat.Claims{
			Issuer: c.Issuer, Subject: c.Subject, IssuedAt: time.Unix(c.IssuedAt, 0), ExpiresAt: time.Unix(c.ExpiresAt, 0),
			Scopes: strings.Fields(c.Scope), TokenID: pat.ID(c.Pat), Gen: c.Gen, ClientID: c.ClientID, ID: c.ID,
			Audience: audienceOf(c), Actor: c.Actor,
		}, nil
	}
	return pat.Claims{}, fmt.Errorf("%w: not signed", pat.ErrUnauthorized)
}

// payload is what a JWT of ours says, read by the names on the wire.
type payload struct {
	Issuer    string `json:"iss"`
	Subject   string `json:"sub"`
	Audience  any    `json:"aud"`
	ExpiresAt int64  `json:"exp"`
	IssuedAt  int64  `json:"iat"`
	NotBefore int64  `json:"nbf"`
	ID        string `json:"jti"`
	ClientID  string `json:"client_id"`
	Scope     string `json:"scope"`
	Pat       string `json:"pat"`
	Gen       int    `json:"gen"`

	Actor *pat.Actor `json:"act"`
}

func audienceOf(c payload) []string {
	list, ok := c.Audience.([]any)
	if !ok {
		return []string{c.Audience.(string)}
	}
	var all []string
	for _, a := range list {
		all = append(all, a.(string))
	}
	return all
}

func claimsOf(body []byte) payload {
	var c payload
	if err := json.Unmarshal(body, &c); err != nil {
		panic(err)
	}
	return c
}

func readJWT(t testing.TB, jwt pat.Secret) payload {
	t.Helper()
	return readJWTOf(jwt)
}

func readJWTOf(jwt pat.Secret) payload {
	body, err := base64.RawURLEncoding.DecodeString(strings.Split(jwt.Reveal(), ".")[1])
	if err != nil {
		panic(err)
	}
	return claimsOf(body)
}

// faulty is a store that answers as long as its fault is nil.
type faulty struct {
	pat.Store
	fault        error // of everything
	refreshFault error // of Refresh alone
	refreshes    int
	touchFault   error
	touches      int
	refuseFault  error
	refused      []pat.Refusal
}

var errDown = errors.New("the store is down")

func (f *faulty) Settings(ctx context.Context) (pat.Settings, error) {
	if f.fault != nil {
		return pat.Settings{}, f.fault
	}
	return f.Store.Settings(ctx)
}

func (f *faulty) Slot(ctx context.Context, p pat.Person) (pat.Slot, error) {
	if f.fault != nil {
		return "", f.fault
	}
	return f.Store.Slot(ctx, p)
}

func (f *faulty) Owner(ctx context.Context, s pat.Slot) (pat.Owner, error) {
	if f.fault != nil {
		return pat.Owner{}, f.fault
	}
	return f.Store.Owner(ctx, s)
}

func (f *faulty) Look(ctx context.Context, id pat.ID) (pat.Token, pat.Owner, error) {
	if f.fault != nil {
		return pat.Token{}, pat.Owner{}, f.fault
	}
	return f.Store.Look(ctx, id)
}

func (f *faulty) LookBoth(ctx context.Context, a, b pat.ID) (pat.Found, pat.Found, error) {
	if f.fault != nil {
		return pat.Found{}, pat.Found{}, f.fault
	}
	return f.Store.LookBoth(ctx, a, b)
}

func (f *faulty) List(ctx context.Context, s pat.Slot, before pat.ID, n int) ([]pat.Token, error) {
	if f.fault != nil {
		return nil, f.fault
	}
	return f.Store.List(ctx, s, before, n)
}

func (f *faulty) Create(ctx context.Context, c pat.Creation) error {
	if f.fault != nil {
		return f.fault
	}
	return f.Store.Create(ctx, c)
}

func (f *faulty) Revoke(ctx context.Context, r pat.Revocation) error {
	if f.fault != nil {
		return f.fault
	}
	return f.Store.Revoke(ctx, r)
}

func (f *faulty) Refresh(ctx context.Context, o pat.Owner) error {
	f.refreshes++
	if err := cmpErr(f.fault, f.refreshFault); err != nil {
		return err
	}
	return f.Store.Refresh(ctx, o)
}

func (f *faulty) Touch(ctx context.Context, t pat.Token) error {
	f.touches++
	if err := cmpErr(f.fault, f.touchFault); err != nil {
		return err
	}
	return f.Store.Touch(ctx, t)
}

func (f *faulty) Refuse(ctx context.Context, r pat.Refusal) error {
	if err := cmpErr(f.fault, f.refuseFault); err != nil {
		return err
	}
	f.refused = append(f.refused, r)
	return f.Store.Refuse(ctx, r)
}

func cmpErr(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// tb is what a helper needs of a test, rapid's too.
type tb interface {
	Helper()
	Fatal(args ...any)
}
