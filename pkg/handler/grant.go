package handler

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

// The authorizer hands its grant to the functions through API Gateway, which
// turns every value into a string. An API of somebody else's may read them too.
const (
	keyKind      = "kind"       // person, pat or exchanged
	keyIssuer    = "issuer"     // the people's issuer
	keySubject   = "sub"        // the person, or the token's owner
	keyScope     = "scope"      // space separated: what the credential may do now
	keyExpiresAt = "expires_at" // RFC 3339; absent for no end
	keyTokenID   = "token_id"
	keyGen       = "gen"
	keyActor     = "act"       // of a JWT, a JSON object
	keyName      = "name"      // of a session
	keyGroups    = "groups"    // of a session, a JSON array
	keyIssuedAt  = "issued_at" // of a session, RFC 3339
	keyAuthTime  = "auth_time" // of a session, RFC 3339; absent where it does not say
)

func contextOf(g pat.Grant) map[string]string {
	c := map[string]string{
		keyKind:    string(g.Kind),
		keyIssuer:  g.Person.Issuer,
		keySubject: g.Person.Subject,
		keyScope:   joinScopes(g.Scopes),
	}
	if !g.ExpiresAt.IsZero() {
		c[keyExpiresAt] = g.ExpiresAt.UTC().Format(time.RFC3339Nano)
	}
	if g.TokenID != "" {
		c[keyTokenID] = string(g.TokenID)
		c[keyGen] = strconv.Itoa(g.Gen)
	}
	if g.Actor != nil {
		actor, _ := json.Marshal(g.Actor) // texts and a number cannot fail
		c[keyActor] = string(actor)
	}
	if g.Kind == pat.KindPerson {
		groups, _ := json.Marshal(append([]string{}, g.Groups...)) // strings cannot fail
		c[keyName] = g.Name
		c[keyGroups] = string(groups)
		c[keyIssuedAt] = g.IssuedAt.UTC().Format(time.RFC3339Nano)
		if !g.AuthTime.IsZero() {
			c[keyAuthTime] = g.AuthTime.UTC().Format(time.RFC3339Nano)
		}
	}
	return c
}

// grantFrom reads what contextOf wrote, after API Gateway. Anything missing or
// misspelt makes it no grant at all.
func grantFrom(c map[string]any) (pat.Grant, bool) {
	text := func(key string) string { s, _ := c[key].(string); return s }
	g := pat.Grant{
		Kind:   pat.Kind(text(keyKind)),
		Person: pat.Person{Issuer: text(keyIssuer), Subject: text(keySubject)},
		Scopes: strings.Fields(text(keyScope)),
		Name:   text(keyName),
	}
	if g.Person.Issuer == "" || g.Person.Subject == "" {
		return pat.Grant{}, false
	}
	var err error
	if end := text(keyExpiresAt); end != "" {
		if g.ExpiresAt, err = time.Parse(time.RFC3339Nano, end); err != nil {
			return pat.Grant{}, false
		}
	}
	switch g.Kind {
	case pat.KindPerson:
		if g.IssuedAt, err = time.Parse(time.RFC3339Nano, text(keyIssuedAt)); err != nil {
			return pat.Grant{}, false
		}
		if at := text(keyAuthTime); at != "" {
			if g.AuthTime, err = time.Parse(time.RFC3339Nano, at); err != nil {
				return pat.Grant{}, false
			}
		}
		if err = json.Unmarshal([]byte(text(keyGroups)), &g.Groups); err != nil {
			return pat.Grant{}, false
		}
		return g, true
	case pat.KindPAT, pat.KindExchanged:
		if actor := text(keyActor); actor != "" {
			if err = json.Unmarshal([]byte(actor), &g.Actor); err != nil {
				return pat.Grant{}, false
			}
		}
		id := text(keyTokenID)
		if id == "" {
			return g, g.Kind == pat.KindExchanged
		}
		if g.TokenID, err = pat.ParseID(id); err != nil {
			return pat.Grant{}, false
		}
		g.Gen, err = strconv.Atoi(text(keyGen))
		return g, err == nil
	}
	return pat.Grant{}, false
}

func joinScopes(scopes []string) string { return strings.Join(scopes, " ") }
