package identity

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

func TestVerifyReadsASession(t *testing.T) {
	v, _, _ := newVerifier(t)
	got, err := verify(v, session().mint())
	if err != nil {
		t.Fatal(err)
	}
	want := pat.Claims{
		Issuer: peopleIssuer, Subject: "alice", Audience: []string{ownIssuer},
		IssuedAt: now.Add(-10 * time.Second), ExpiresAt: now.Add(time.Hour), AuthTime: now.Add(-20 * time.Second),
		Name: "Alice", Groups: []string{"users", "admins"}, ClientID: "console",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestVerifyReadsAnExchangedToken(t *testing.T) {
	v, people, _ := newVerifier(t)
	got, err := verify(v, exchanged().mint())
	if err != nil {
		t.Fatal(err)
	}
	want := pat.Claims{
		Issuer: ownIssuer, Subject: "alice", Audience: []string{ownIssuer},
		IssuedAt: now, ExpiresAt: now.Add(900 * time.Second),
		Scopes: []string{"notes:read", "profile"}, TokenID: tokenID, Gen: 2, ClientID: "counterfoil", ID: "j",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if n := people.count(); n != 0 {
		t.Errorf("a JWT of ours caused %d calls", n)
	}
}

func TestVerifyGrants(t *testing.T) {
	is := func(ok bool) string { return strconv.FormatBool(ok) }
	longest := strings.Repeat("ä", 255)
	cases := map[string]struct {
		base func() *draft
		edit func(*draft)
		// verifier changes the configuration.
		verifier func(*Verifier)
		// see returns what is looked at; want is what it should be.
		see  func(pat.Claims) string
		want string
	}{
		"a session signed with RS256 is good":                    {base: session, edit: func(d *draft) { d.signedBy(peopleRS()) }},
		"a session without typ is good":                          {base: session, edit: func(d *draft) { delete(d.header, "typ") }},
		"a session of typ at+jwt is good":                        {base: session, edit: func(d *draft) { d.header["typ"] = "at+jwt" }},
		"a session of typ application/AT+JWT is good":            {base: session, edit: func(d *draft) { d.header["typ"] = "application/AT+JWT" }},
		"a session with header parameters unknown to us is good": {base: session, edit: func(d *draft) { d.header["x5t"], d.header["pi.atm"] = "AAAA", 1 }},
		"a session whose audience is one string is good":         {base: session, edit: func(d *draft) { d.set("aud", ownIssuer) }},
		"a session for others too is good":                       {base: session, edit: func(d *draft) { d.set("aud", []string{"https://other.example", ownIssuer}) }},
		"a session of another client of ours is good":            {base: session, edit: func(d *draft) { d.set("client_id", "cli") }},
		"a session that names its client in azp is good":         {base: session, edit: func(d *draft) { delete(d.claims, "client_id"); d.set("azp", console) }},
		"a session that says it is an access token is good":      {base: session, edit: func(d *draft) { d.set("token_use", "access") }},
		"a session of Keycloak, typ Bearer, is good":             {base: session, edit: func(d *draft) { d.set("typ", "Bearer") }},
		"a session with claims unknown to us is good":            {base: session, edit: func(d *draft) { d.set("acr", "1").set("realm_access", map[string]any{"roles": []string{"x"}}) }},
		"a session of Cognito, without an audience, is good":     {base: cognito, see: func(c pat.Claims) string { return c.Name }, want: "alice"},
		"a session of Cognito for our audience is good":          {base: cognito, edit: func(d *draft) { d.set("aud", ownIssuer) }},
		"a session of any client is good on a laptop":            {base: session, edit: func(d *draft) { d.set("client_id", "whatever") }, verifier: func(v *Verifier) { v.Clients, v.AnyClient = nil, true }},
		"a session for the configured audience is good":          {base: session, edit: func(d *draft) { d.set("aud", "urn:api") }, verifier: func(v *Verifier) { v.Audience = "urn:api" }},

		"a session that ends in a second is good":       {base: session, edit: func(d *draft) { d.set("exp", now.Unix()+1) }},
		"a session that ends within the second is good": {base: session, edit: func(d *draft) { d.set("exp", float64(now.Unix())+0.5) }, see: func(c pat.Claims) string { return c.ExpiresAt.Sub(now).String() }, want: "500ms"},
		"a session issued 60 seconds ahead is good":     {base: session, edit: func(d *draft) { d.set("iat", now.Unix()+60) }},
		"a session valid from 60 seconds ahead is good": {base: session, edit: func(d *draft) { d.set("nbf", now.Unix()+60) }},
		"a session without nbf is good":                 {base: session, edit: func(d *draft) { delete(d.claims, "nbf") }},
		"a session without auth_time has none":          {base: session, edit: func(d *draft) { delete(d.claims, "auth_time") }, see: func(c pat.Claims) string { return is(c.AuthTime.IsZero()) }, want: "true"},

		"a sub of 255 characters is kept whole": {base: session, edit: func(d *draft) { d.set("sub", longest) }, see: func(c pat.Claims) string { return c.Subject }, want: longest},
		"a sub may hold bars and slashes":       {base: session, edit: func(d *draft) { d.set("sub", "auth0|a/b c") }, see: func(c pat.Claims) string { return c.Subject }, want: "auth0|a/b c"},

		"a session without groups has none":                    {base: session, edit: func(d *draft) { delete(d.claims, "groups") }, see: func(c pat.Claims) string { return is(len(c.Groups) == 0) }, want: "true"},
		"one group may be a string":                            {base: session, edit: func(d *draft) { d.set("groups", "users") }, see: func(c pat.Claims) string { return strings.Join(c.Groups, ",") }, want: "users"},
		"a group with spaces is one group":                     {base: session, edit: func(d *draft) { d.set("groups", "not admins") }, see: func(c pat.Claims) string { return strings.Join(c.Groups, ",") }, want: "not admins"},
		"groups come from the configured claim":                {base: cognito, edit: func(d *draft) { d.set("cognito:groups", []string{"x"}) }, verifier: func(v *Verifier) { v.GroupsClaim = "cognito:groups" }, see: func(c pat.Claims) string { return strings.Join(c.Groups, ",") }, want: "x"},
		"a group's name that is too long is left out, not cut": {base: session, edit: func(d *draft) { d.set("groups", []string{strings.Repeat("g", 257), strings.Repeat("ä", 256), ""}) }, see: func(c pat.Claims) string { return strings.Join(c.Groups, ",") }, want: strings.Repeat("ä", 256)},
		"a thousand groups are taken":                          {base: session, edit: func(d *draft) { d.set("groups", slices.Repeat([]string{"g"}, 1000)) }, see: func(c pat.Claims) string { return strconv.Itoa(len(c.Groups)) }, want: "1000"},
		"a group may be called as another claim is":            {base: session, edit: func(d *draft) { d.set("groups", []string{"nonce", "at_hash"}) }, see: func(c pat.Claims) string { return strings.Join(c.Groups, ",") }, want: "nonce,at_hash"},

		"a name is cut at 256 characters":    {base: session, edit: func(d *draft) { d.set("name", strings.Repeat("ä", 300)) }, see: func(c pat.Claims) string { return c.Name }, want: strings.Repeat("ä", 256)},
		"the name may be preferred_username": {base: session, edit: func(d *draft) { delete(d.claims, "name"); d.set("preferred_username", "al").set("username", "x") }, see: func(c pat.Claims) string { return c.Name }, want: "al"},
		"a name of another shape is no name": {base: session, edit: func(d *draft) { d.set("name", nil).set("preferred_username", 1).set("username", "al") }, see: func(c pat.Claims) string { return c.Name }, want: "al"},
		"a session without a name has none":  {base: session, edit: func(d *draft) { delete(d.claims, "name") }, see: func(c pat.Claims) string { return c.Name }, want: ""},

		"a JWT of ours signed with RS256 is good":           {base: exchanged, edit: func(d *draft) { d.signedBy(ourRS()) }},
		"a JWT of ours of typ application/at+JWT is good":   {base: exchanged, edit: func(d *draft) { d.header["typ"] = "application/at+JWT" }},
		"a JWT of ours for others too is good":              {base: exchanged, edit: func(d *draft) { d.set("aud", []string{"urn:x", ownIssuer}) }, see: func(c pat.Claims) string { return strings.Join(c.Audience, ",") }, want: "urn:x," + ownIssuer},
		"a JWT of ours for the API that is guarded is good": {base: exchanged, edit: func(d *draft) { d.set("aud", "urn:api") }, verifier: func(v *Verifier) { v.Audience = "urn:api" }},
		"a JWT of ours that came from a session is good":    {base: exchanged, edit: func(d *draft) { delete(d.claims, "pat"); delete(d.claims, "gen") }, see: func(c pat.Claims) string { return string(c.TokenID) + strconv.Itoa(c.Gen) }, want: "0"},
		"a JWT of ours with no scope left is good":          {base: exchanged, edit: func(d *draft) { d.set("scope", "") }, see: func(c pat.Claims) string { return strings.Join(c.Scopes, ",") }, want: ""},
		"a JWT of ours with an actor is good":               {base: exchanged, edit: func(d *draft) { d.set("act", map[string]any{"sub": "bob", "pat": tokenID, "gen": 3}) }, see: func(c pat.Claims) string { return fmt.Sprint(*c.Actor) }, want: fmt.Sprint(pat.Actor{Subject: "bob", TokenID: tokenID, Gen: 3})},
		"a JWT of ours with a person for an actor is good":  {base: exchanged, edit: func(d *draft) { d.set("act", map[string]any{"sub": "bob"}) }, see: func(c pat.Claims) string { return fmt.Sprint(*c.Actor) }, want: fmt.Sprint(pat.Actor{Subject: "bob"})},
		"a JWT of ours with one scope is good":              {base: exchanged, edit: func(d *draft) { d.set("scope", "a") }, see: func(c pat.Claims) string { return strings.Join(c.Scopes, ",") }, want: "a"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			v, _, _ := newVerifier(t)
			if c.verifier != nil {
				c.verifier(v)
				if err := v.Check(); err != nil {
					t.Fatal(err)
				}
			}
			d := c.base()
			if c.edit != nil {
				c.edit(d)
			}
			claims, err := verify(v, d.mint())
			if err != nil {
				t.Fatal(err)
			}
			if claims.Subject == "" || claims.Issuer != d.claims["iss"] {
				t.Errorf("claims are %+v", claims)
			}
			if c.see != nil {
				if got := c.see(claims); got != c.want {
					t.Errorf("got %q, want %q", got, c.want)
				}
			}
		})
	}
}

// TestAnyAudience: introspection reports whom a JWT of ours is for.
func TestAnyAudience(t *testing.T) {
	v, _, _ := newVerifier(t)
	read := func(d *draft) (pat.Claims, error) {
		return v.Verify(t.Context(), pat.NewSecret(d.mint()), pat.Expectation{Key: among(ourKeys()...), AnyAudience: true})
	}
	got, err := read(exchanged().set("aud", []string{"urn:a", "urn:b"}))
	if err != nil || strings.Join(got.Audience, " ") != "urn:a urn:b" {
		t.Errorf("audience %v, %v", got.Audience, err)
	}
	for name, d := range map[string]*draft{
		"a JWT of ours without an audience":    exchanged().set("aud", nil),
		"a JWT for AWS":                        func() *draft { d := exchanged().set("aud", "sts.amazonaws.com"); d.header["typ"] = "JWT"; return d }(),
		"a session for another audience":       session().set("aud", "urn:a"),
		"a JWT of ours that has expired":       exchanged().set("aud", "urn:a").set("exp", now.Unix()-1),
		"a JWT of ours signed by the people's": exchanged().set("aud", "urn:a").signedBy(peopleRS()),
	} {
		if _, err := read(d); err == nil {
			t.Errorf("%s is good", name)
		}
	}
}
