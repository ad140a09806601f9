package identity

import (
	"regexp"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

// scopeList is compiled when it is first asked: few functions ever do, and all
// of them would pay for it at their start.
var scopeList = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^` + pat.ScopePattern + `( ` + pat.ScopePattern + `)*$`)
})

// own reads a JWT of ours (RFC 9068 section 4). Our other JWTs, those for AWS,
// have another typ and another audience.
func (v *Verifier) own(t token, anyAudience bool) (claims pat.Claims, err error) {
	p := t.payload
	if t.typ != "at+jwt" {
		return pat.Claims{}, refused("typ is not at+jwt")
	}
	claims.Issuer = v.Own
	if claims.Audience, err = p.texts("aud"); err != nil {
		return pat.Claims{}, err
	}
	if !anyAudience {
		if claims.Audience, err = p.audience(v.Audience); err != nil {
			return pat.Claims{}, err
		}
	}
	if claims.IssuedAt, claims.ExpiresAt, err = p.times(v.now()); err != nil {
		return pat.Claims{}, err
	}
	if claims.Subject, err = p.subject(); err != nil {
		return pat.Claims{}, err
	}
	if claims.ID, err = p.text("jti"); err != nil {
		return pat.Claims{}, err
	}
	if claims.ClientID, err = p.text("client_id"); err != nil {
		return pat.Claims{}, err
	}
	if claims.Scopes, err = p.scopes(); err != nil {
		return pat.Claims{}, err
	}
	if claims.TokenID, claims.Gen, err = p.origin(); err != nil {
		return pat.Claims{}, err
	}
	if claims.Actor, err = p.actor(); err != nil {
		return pat.Claims{}, err
	}
	return claims, nil
}

// scopes returns the scope claim (RFC 8693 section 4.2). Ours can be empty: a
// JWT that came with AWS credentials and is good for nothing else.
func (o object) scopes() ([]string, error) {
	var scope string
	if !isText(o["scope"]) || json.Unmarshal(o["scope"], &scope) != nil {
		return nil, refused("scope is missing or no text")
	}
	if scope == "" {
		return nil, nil
	}
	if !scopeList().MatchString(scope) {
		return nil, refused("scope is no list of scope names")
	}
	return strings.Split(scope, " "), nil
}

// actor returns who acts for the subject, nil for nobody (RFC 8693 section 4.1).
// One with anything that we do not write is refused: it must not pass as another.
func (o object) actor() (*pat.Actor, error) {
	if !o.has("act") {
		return nil, nil
	}
	act, err := parseObject(o["act"])
	if err != nil {
		return nil, refused("act is no object of distinct names")
	}
	for name := range act {
		if name != "sub" && name != "pat" && name != "gen" {
			return nil, refused("act says more than we write")
		}
	}
	var a pat.Actor
	if a.Subject, err = act.subject(); err != nil {
		return nil, err
	}
	if a.TokenID, a.Gen, err = act.origin(); err != nil {
		return nil, err
	}
	return &a, nil
}

// origin returns which token the JWT was made from, and from which of its
// values: both or neither. With half of it nobody could tell whether it is dead.
func (o object) origin() (pat.ID, int, error) {
	if !o.has("pat") && !o.has("gen") {
		return "", 0, nil
	}
	text, err := o.text("pat")
	if err != nil {
		return "", 0, err
	}
	id, err := pat.ParseID(text)
	if err != nil {
		return "", 0, refused("pat is no token id")
	}
	gen, err := o.number("gen")
	if err != nil {
		return "", 0, err
	}
	return id, gen, nil
}
