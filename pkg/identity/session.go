package identity

import (
	"slices"
	"strings"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

// maxGroups bounds how many groups a session may show.
const maxGroups = 1000

// session reads an access token of the people's issuer. The same issuer signs
// ID tokens with the same keys: they tell a client who signed in, lie around in
// browsers and logs, and are good for nothing here.
func (v *Verifier) session(t token) (claims pat.Claims, err error) {
	p := t.payload
	if !slices.Contains([]string{"", "jwt", "at+jwt"}, t.typ) {
		return pat.Claims{}, refused("typ is not that of an access token")
	}
	if err := p.refuseIDToken(); err != nil {
		return pat.Claims{}, err
	}
	claims.Issuer = v.Issuer
	// Cognito's access tokens name no audience at all; there token_use, which
	// refuseIDToken has judged, and the client stand for it. An aud that is there
	// must fit, whatever else the JWT says.
	if p.has("aud") || !p.has("token_use") {
		if claims.Audience, err = p.audience(v.Audience); err != nil {
			return pat.Claims{}, err
		}
	}
	if claims.ClientID, err = v.client(p); err != nil {
		return pat.Claims{}, err
	}
	if claims.IssuedAt, claims.ExpiresAt, err = p.times(v.now()); err != nil {
		return pat.Claims{}, err
	}
	if p.has("auth_time") {
		if claims.AuthTime, err = p.date("auth_time"); err != nil {
			return pat.Claims{}, err
		}
	}
	if claims.Subject, err = p.subject(); err != nil {
		return pat.Claims{}, err
	}
	if claims.Groups, err = p.groups(v.groupsClaim()); err != nil {
		return pat.Claims{}, err
	}
	claims.Name = p.name()
	if id, err := p.text("jti"); err == nil { // reported alone
		claims.ID = cut(id)
	}
	return claims, nil
}

// refuseIDToken refuses what shows that it is an ID token: Cognito's token_use,
// Keycloak's typ, and the claims that bind one to a sign-in (OpenID Connect
// Core sections 2, 3.1.3.6 and 3.3.2.11).
func (o object) refuseIDToken() error {
	for _, name := range []string{"nonce", "at_hash", "c_hash"} {
		if o.has(name) {
			return refused("an ID token: it holds " + name)
		}
	}
	if o.has("token_use") {
		if use, err := o.text("token_use"); err != nil || use != "access" {
			return refused("token_use is not access")
		}
	}
	if o.has("typ") {
		if typ, err := o.text("typ"); err != nil || strings.EqualFold(typ, "ID") {
			return refused("an ID token: the claim typ says so")
		}
	}
	return nil
}

// client returns who signed the person in: client_id (RFC 9068), else azp.
func (v *Verifier) client(p object) (string, error) {
	name := "client_id"
	if !p.has(name) {
		name = "azp"
	}
	client, err := p.text(name)
	if err != nil {
		return "", err
	}
	// Where every client is accepted nobody has checked this for Check.
	if client == v.Audience {
		return "", refused("the client is the audience: it may be an ID token")
	}
	if !v.AnyClient && !slices.Contains(v.Clients, client) {
		return "", refused(name + " is not one of our clients")
	}
	return cut(client), nil
}

func (v *Verifier) groupsClaim() string {
	if v.GroupsClaim == "" {
		return "groups"
	}
	return v.GroupsClaim
}

// groups returns the person's groups, none where the claim is absent.
func (o object) groups(claim string) ([]string, error) {
	if !o.has(claim) {
		return nil, nil
	}
	groups, err := o.texts(claim)
	if err != nil {
		return nil, err
	}
	if len(groups) > maxGroups {
		return nil, refused("the person has too many groups")
	}
	return short(groups), nil
}

// name returns how the person is called. It is for eyes alone, so that a claim
// of an unexpected shape is passed over.
func (o object) name() string {
	for _, claim := range []string{"name", "preferred_username", "username"} {
		if name, err := o.text(claim); err == nil {
			return cut(name)
		}
	}
	return ""
}
