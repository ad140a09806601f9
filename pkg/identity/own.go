package identity

import (
	"regexp"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

var scopeList = regexp.MustCompile(`^[a-z0-9:._-]{1,40}( [a-z0-9:._-]{1,40})*$`)

// own reads a JWT of ours (RFC 9068 section 4). Our other JWTs, those for AWS,
// have another typ and another audience.
func (v *Verifier) own(t token) (claims pat.Claims, err error) {
	p := t.payload
	if t.typ != "at+jwt" {
		return pat.Claims{}, refused("typ is not at+jwt")
	}
	if p.has("act") {
		// We mint none with an actor, and one that we did not understand must
		// not pass as one without.
		return pat.Claims{}, refused("the JWT names an actor")
	}
	claims.Issuer = v.Own
	if claims.Audience, err = p.audience(v.Audience); err != nil {
		return pat.Claims{}, err
	}
	if claims.IssuedAt, claims.ExpiresAt, err = p.times(v.now()); err != nil {
		return pat.Claims{}, err
	}
	if claims.Subject, err = p.subject(); err != nil {
		return pat.Claims{}, err
	}
	for _, name := range []string{"jti", "client_id"} {
		if _, err = p.text(name); err != nil {
			return pat.Claims{}, err
		}
	}
	if claims.Scopes, err = p.scopes(); err != nil {
		return pat.Claims{}, err
	}
	if claims.TokenID, claims.Gen, err = p.origin(); err != nil {
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
	if !scopeList.MatchString(scope) {
		return nil, refused("scope is no list of scope names")
	}
	return strings.Split(scope, " "), nil
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
