// Package identity reads JWTs: the people's issuer's and our own. It tells who
// somebody is, from a JWT alone and the issuer's keys, which it fetches.
//
// It refuses to know what anybody may do, and whether a token or a person is
// still alive: those are pat's questions. It is ours; nobody else imports it.
package identity

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

// A Verifier tells good JWTs from others. Fill in the fields before the first
// call; a Verifier must not be copied after it.
type Verifier struct {
	// Own is our issuer: the iss of our JWTs.
	Own string
	// Audience is what a JWT must be for, ours or a person's.
	Audience string
	// Issuer is the OIDC issuer whose access tokens are people's sessions.
	Issuer string
	// Clients are the client ids that sign people in. Every client of an
	// issuer gets JWTs that look alike; those of other clients are not for us.
	Clients []string
	// AnyClient accepts every client. It is for a laptop alone, where the
	// issuer is our own sign-in.
	AnyClient bool
	// GroupsClaim is the claim that holds a person's groups; empty means
	// "groups".
	GroupsClaim string
	// HTTP fetches the issuer's keys; nil means a client with Go's defaults.
	HTTP *http.Client
	// Now is the clock; nil means time.Now.
	Now func() time.Time

	keys keyCache
}

// Check reports the first mistake in the configuration, in one sentence. With
// some of them somebody else's JWT would be good here.
func (v *Verifier) Check() error {
	switch {
	case v.Own == "":
		return errors.New("our own issuer is not set")
	case v.Audience == "":
		return errors.New("the audience is not set")
	case v.Issuer == "":
		return errors.New("the people's issuer is not set")
	}
	if err := checkAddress(v.Issuer); err != nil {
		return fmt.Errorf("the people's issuer %w", err)
	}
	if strings.ContainsAny(v.Issuer, "?#") { // OpenID Connect Core section 2
		return errors.New("the people's issuer has a query or a fragment")
	}
	switch {
	case strings.TrimSuffix(v.Issuer, "/") == strings.TrimSuffix(v.Own, "/"):
		return errors.New("the people's issuer is our own: our JWTs would be sessions")
	case v.AnyClient && len(v.Clients) > 0:
		return errors.New("clients are named, but every client is accepted")
	case !v.AnyClient && len(v.Clients) == 0:
		return errors.New("no client signs people in")
	case slices.Contains(v.Clients, ""):
		return errors.New("a client id is empty")
	case slices.Contains(v.Clients, v.Audience):
		// The aud of an ID token is the client: it would be good here.
		return errors.New("the audience is a client id: that client's ID tokens would be sessions")
	}
	return nil
}

// Checked returns the verifier itself, or what Check finds.
func (v *Verifier) Checked() (*Verifier, error) {
	if err := v.Check(); err != nil {
		return nil, err
	}
	return v, nil
}

// Verify returns what a good JWT says: one of ours, as it is expected, or a
// person's session. ErrUnauthorized: it is not good; the text that
// wraps it is for the log and holds nothing of the JWT. Any other error: the key
// that this JWT needs cannot be had.
//
// The claims are judged before the signature, so that a JWT that would be
// refused anyway makes nobody fetch a key.
func (v *Verifier) Verify(ctx context.Context, jwt pat.Secret, expect pat.Expectation) (pat.Claims, error) {
	t, err := parse(jwt.Reveal())
	if err != nil {
		return pat.Claims{}, err
	}
	issuer, err := t.payload.text("iss")
	if err != nil {
		return pat.Claims{}, err
	}
	var claims pat.Claims
	var key publicKey
	switch issuer {
	case v.Own:
		if claims, err = v.own(t, expect.AnyAudience); err == nil {
			key, err = ownKey(ctx, expect, t)
		}
	case v.Issuer:
		if claims, err = v.session(t); err == nil {
			key, err = v.keys.find(t.keyID, v.now, func() (map[string]publicKey, error) { return v.fetchKeys(ctx) })
		}
	default:
		err = refused("iss is neither our own nor the people's issuer")
	}
	if err != nil {
		return pat.Claims{}, err
	}
	if err := t.verify(key); err != nil {
		return pat.Claims{}, err
	}
	return claims, nil
}

func (v *Verifier) now() time.Time {
	if v.Now == nil {
		return time.Now()
	}
	return v.Now()
}

// refused says why a JWT is not good. The reason is ours alone: a claim of a
// JWT that nobody has verified is whatever an attacker wants to see in our log.
func refused(reason string) error {
	return fmt.Errorf("%w: %s", pat.ErrUnauthorized, reason)
}
