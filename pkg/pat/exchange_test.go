package pat_test

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

func TestExchangedClaims(t *testing.T) {
	w := newWorld(t)
	w.clock = w.clock.Add(700 * time.Millisecond)
	c := w.create(t, w.person(t, "alice", "writers", "admins"), named("ci", "profile", "notes:write", "credentials", "introspect"))
	x := w.exchange(t, c.Value, "")
	if strings.Join(x.Scopes, " ") != "profile notes:write" || x.ExpiresIn != 900*time.Second || x.IssuedTokenType != pat.AccessTokenType {
		t.Errorf("answer %+v", x)
	}
	now := w.clock.Unix()
	got := readJWT(t, x.AccessToken)
	id := got.ID
	got.ID = ""
	want := payload{
		Issuer: ourIssuer, Subject: "alice", Audience: ourIssuer, ExpiresAt: now + 900, IssuedAt: now, NotBefore: now,
		ClientID: "counterfoil", Scope: "profile notes:write", Pat: string(c.ID), Gen: 1,
	}
	if got != want || len(id) < 20 {
		t.Errorf("claims %+v, jti %q", got, id)
	}
	if again := readJWT(t, w.exchange(t, c.Value, "").AccessToken); again.ID == id {
		t.Error("a jti was used twice")
	}
	ofSession := readJWT(t, w.exchange(t, w.session("alice", "writers"), "").AccessToken)
	if ofSession.Pat != "" || ofSession.Gen != 0 || ofSession.Subject != "alice" || ofSession.Scope != "profile notes:read notes:write" {
		t.Errorf("claims of a session's JWT %+v", ofSession)
	}
}

func TestExchangeChoosesScopes(t *testing.T) {
	w := newWorld(t)
	c := w.create(t, w.person(t, "alice", "writers", "admins"), named("ci", "profile", "notes:read", "introspect"))
	for name, s := range map[string]struct{ asked, granted string }{
		"nothing asked: all but the sensitive":  {"", "profile notes:read"},
		"one of them":                           {"notes:read", "notes:read"},
		"a sensitive one by name":               {"introspect", "introspect"},
		"one that it has and one that it lacks": {"notes:read notes:write", "notes:read"},
		"one that does not exist beside":        {"notes:read nonsense", "notes:read"},
		"one twice":                             {"notes:read notes:read", "notes:read"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := strings.Join(w.exchange(t, c.Value, s.asked).Scopes, " "); got != s.granted {
				t.Errorf("granted %q, want %q", got, s.granted)
			}
		})
	}
}

func TestExchangeRefuses(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	alice := w.person(t, "alice", "admins")
	c := w.create(t, alice, named("ci", "profile"))
	tied := w.create(t, alice, pat.CreateRequest{Name: "tied", Scopes: []string{"profile"}, AllowedCIDRs: []string{"192.0.2.0/24"}})
	sensitive := w.create(t, alice, named("sensitive", "introspect"))
	dead := w.create(t, alice, named("dead", "profile"))
	ofDead := w.exchange(t, dead.Value, "").AccessToken
	if err := w.Revoke(ctx, alice, string(dead.ID)); err != nil {
		t.Fatal(err)
	}
	ends := w.create(t, alice, pat.CreateRequest{Name: "ends", Scopes: []string{"profile"}, Expiry: until(w.clock.Add(time.Minute))})
	atEnd := w.clock.Add(time.Minute)

	const subject = "invalid_request: subject_token is not valid"
	for name, s := range map[string]struct {
		change func(*pat.ExchangeRequest)
		want   string
	}{
		"no grant type":                      {func(r *pat.ExchangeRequest) { r.GrantType = "" }, "invalid_request: grant_type"},
		"another grant type":                 {func(r *pat.ExchangeRequest) { r.GrantType = "password" }, "unsupported_grant_type"},
		"no subject":                         {func(r *pat.ExchangeRequest) { r.SubjectToken = pat.NewSecret("") }, "invalid_request: subject_token is missing"},
		"no subject type":                    {func(r *pat.ExchangeRequest) { r.SubjectTokenType = "" }, "invalid_request: subject_token_type"},
		"an id token":                        {func(r *pat.ExchangeRequest) { r.SubjectTokenType = "urn:ietf:params:oauth:token-type:id_token" }, "invalid_request: subject_token_type"},
		"a personal token called a JWT":      {func(r *pat.ExchangeRequest) { r.SubjectTokenType = pat.JWTType }, "invalid_request: subject_token_type does not fit"},
		"a session called a personal token":  {func(r *pat.ExchangeRequest) { r.SubjectToken, r.SubjectTokenType = w.session("alice"), pat.PATType }, "invalid_request: subject_token_type does not fit"},
		"an actor without its type":          {func(r *pat.ExchangeRequest) { r.ActorToken = c.Value }, "invalid_request: actor_token and"},
		"an actor of an unknown type":        {func(r *pat.ExchangeRequest) { r.ActorToken, r.ActorTokenType = c.Value, "x" }, "invalid_request: actor_token_type is none"},
		"an actor that does not fit":         {func(r *pat.ExchangeRequest) { r.ActorToken, r.ActorTokenType = c.Value, pat.JWTType }, "invalid_request: actor_token_type does not fit"},
		"a revoked actor":                    {func(r *pat.ExchangeRequest) { r.ActorToken, r.ActorTokenType = dead.Value, pat.PATType }, "invalid_request: actor_token is not valid"},
		"an actor from outside its networks": {func(r *pat.ExchangeRequest) { r.ActorToken, r.ActorTokenType = tied.Value, pat.PATType }, "invalid_request: actor_token is not valid"},
		"the subject before the actor": {func(r *pat.ExchangeRequest) {
			r.SubjectToken, r.ActorToken, r.ActorTokenType = dead.Value, dead.Value, pat.PATType
		}, subject},
		"the actor before the audience": {func(r *pat.ExchangeRequest) {
			r.ActorToken, r.ActorTokenType, r.Audience = dead.Value, pat.PATType, []string{"urn:x"}
		}, "invalid_request: actor_token is not valid"},
		"an actor that lacks the scopes":     {func(r *pat.ExchangeRequest) { r.ActorToken, r.ActorTokenType = sensitive.Value, pat.PATType }, "invalid_scope"},
		"an actor's type alone":              {func(r *pat.ExchangeRequest) { r.ActorTokenType = pat.AccessTokenType }, "invalid_request: actor_token"},
		"a refresh token asked for":          {func(r *pat.ExchangeRequest) { r.RequestedTokenType = "urn:ietf:params:oauth:token-type:refresh_token" }, "invalid_request: requested_token_type"},
		"credentials of who has them not":    {func(r *pat.ExchangeRequest) { r.Scope = "credentials" }, "invalid_scope"},
		"credentials dropped, nothing left":  {func(r *pat.ExchangeRequest) { r.Scope = "credentials notes:read" }, "invalid_scope"},
		"an audience that nobody knows":      {func(r *pat.ExchangeRequest) { r.Audience = []string{ourIssuer, "urn:x"} }, "invalid_target"},
		"a resource that nobody knows":       {func(r *pat.ExchangeRequest) { r.Resource = []string{"https://x.example"} }, "invalid_target"},
		"scopes that it lacks":               {func(r *pat.ExchangeRequest) { r.Scope = "notes:read" }, "invalid_scope"},
		"blanks for scopes":                  {func(r *pat.ExchangeRequest) { r.Scope = "  " }, "invalid_scope"},
		"only sensitive ones, none by name":  {func(r *pat.ExchangeRequest) { r.SubjectToken = sensitive.Value }, "invalid_scope"},
		"junk":                               {func(r *pat.ExchangeRequest) { r.SubjectToken = pat.NewSecret("junk") }, subject},
		"a revoked token":                    {func(r *pat.ExchangeRequest) { r.SubjectToken = dead.Value }, subject},
		"a JWT of a revoked token":           {func(r *pat.ExchangeRequest) { r.SubjectToken = ofDead }, subject},
		"an expired token":                   {func(r *pat.ExchangeRequest) { r.SubjectToken = ends.Value; w.clock = atEnd }, subject},
		"a token from outside its networks":  {func(r *pat.ExchangeRequest) { r.SubjectToken, r.Address = tied.Value, netip.MustParseAddr("192.0.3.1") }, subject},
		"a token from nobody knows where":    {func(r *pat.ExchangeRequest) { r.SubjectToken = tied.Value }, subject},
		"the form is judged before the rest": {func(r *pat.ExchangeRequest) { r.SubjectToken, r.GrantType = dead.Value, "x" }, "unsupported_grant_type"},
		"the subject before the audience":    {func(r *pat.ExchangeRequest) { r.SubjectToken, r.Audience = dead.Value, []string{"urn:x"} }, subject},
		"the audience before the scope":      {func(r *pat.ExchangeRequest) { r.Scope, r.Audience = "x", []string{"urn:x"} }, "invalid_target"},
	} {
		t.Run(name, func(t *testing.T) {
			before := w.clock
			defer func() { w.clock = before }()
			req := exchangeOf(c.Value, "")
			s.change(&req)
			_, err := w.Exchange(ctx, req)
			var oauth *pat.OAuthError
			if !errors.As(err, &oauth) || !strings.HasPrefix(oauth.Code+": "+oauth.Description, s.want) {
				t.Errorf("got %v, want %s", err, s.want)
			}
		})
	}
}

func TestExchangeTargets(t *testing.T) {
	w := newWorld(t)
	c := w.create(t, w.person(t, "alice"), named("ci", "profile"))
	for name, s := range map[string]struct {
		audience, resource []string
		want               any
	}{
		"ours by default":      {nil, nil, ourIssuer},
		"ours by name":         {[]string{ourIssuer}, nil, ourIssuer},
		"another":              {[]string{elsewhere}, nil, elsewhere},
		"as a resource":        {nil, []string{elsewhere}, elsewhere},
		"both, each once":      {[]string{ourIssuer, elsewhere, ourIssuer}, []string{elsewhere}, []any{ourIssuer, elsewhere}},
		"the same in two ways": {[]string{elsewhere}, []string{elsewhere}, elsewhere},
	} {
		t.Run(name, func(t *testing.T) {
			req := exchangeOf(c.Value, "")
			req.Audience, req.Resource = s.audience, s.resource
			x, err := w.Exchange(context.Background(), req)
			if err != nil {
				t.Fatal(err)
			}
			got := readJWT(t, x.AccessToken).Audience
			if list, ok := got.([]any); ok {
				if !slices.Equal(list, s.want.([]any)) {
					t.Errorf("aud %v", got)
				}
			} else if got != s.want {
				t.Errorf("aud %v", got)
			}
		})
	}
}

// TestExchangeOnlyNarrows holds the promise for whatever is asked, by whatever
// way: asked ∩ subject ∩ the owner's live rights, and never past the subject.
func TestExchangeOnlyNarrows(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	names := []string{"profile", "notes:read", "notes:write", "credentials", "introspect", "notes:burn", "nonsense"}
	groups := []string{"writers", "admins", "staff"}
	runs := 0
	rapid.Check(t, func(rt *rapid.T) {
		runs++
		w.clock = w.clock.Add(time.Hour)
		sub := rapid.SampledFrom([]string{"alice", "bob", "carol"}).Draw(rt, "sub")
		all := catalogue.Grantable(groups)
		of := func(label string, from []string) []string {
			return rapid.SliceOfNDistinct(rapid.SampledFrom(from), 1, len(from), rapid.ID).Draw(rt, label)
		}
		req := pat.CreateRequest{Name: "t" + w.clock.String(), Scopes: of("token scopes", all)}
		life := time.Duration(rapid.Int64Range(0, 3600).Draw(rt, "life of the token")) * time.Second
		if life >= time.Minute {
			req.Expiry = until(w.clock.Add(life))
		}
		full := w.person(rt, sub, groups...)
		c := w.create(rt, full, req)
		defer w.Revoke(ctx, full, string(c.ID))

		w.clock = w.clock.Add(time.Second)
		held := rapid.SliceOfDistinct(rapid.SampledFrom(groups), rapid.ID).Draw(rt, "groups now")
		now := w.session(sub, held...)
		if _, err := w.Authorize(ctx, now); err != nil {
			rt.Fatal(err)
		}
		w.clock = w.clock.Add(time.Duration(rapid.Int64Range(0, 58).Draw(rt, "age")) * time.Second)
		live := catalogue.Grantable(held)
		subject, has, end := c.Value, req.Scopes, req.Expiry.At
		if rapid.Bool().Draw(rt, "a session") {
			subject, has, end = now, live, w.clock.Add(time.Hour)
		}
		for range rapid.IntRange(1, 3).Draw(rt, "times exchanged") {
			var asked []string
			if rapid.Bool().Draw(rt, "asked by name") {
				asked = slices.DeleteFunc(of("asked", names), func(s string) bool { return s == "credentials" })
			}
			x, err := w.Exchange(ctx, exchangeOf(subject, strings.Join(asked, " ")))
			var want []string
			for _, s := range has {
				sensitive := s == "introspect" || s == "credentials"
				if slices.Contains(live, s) && (slices.Contains(asked, s) || len(asked) == 0 && !sensitive) {
					want = append(want, s)
				}
			}
			if len(want) == 0 {
				var oauth *pat.OAuthError
				if !errors.As(err, &oauth) || oauth.Code != pat.InvalidScope {
					rt.Fatalf("nothing left, got %v, %v", x.Scopes, err)
				}
				return
			}
			if err != nil {
				rt.Fatal(err)
			}
			got := slices.Sorted(slices.Values(x.Scopes))
			if slices.Sort(want); !slices.Equal(got, want) {
				rt.Fatalf("granted %v, want %v", got, want)
			}
			jwt := readJWT(t, x.AccessToken)
			if jwt.Scope != strings.Join(x.Scopes, " ") || !end.IsZero() && jwt.ExpiresAt > end.Unix() || jwt.ExpiresAt > w.clock.Unix()+900 || jwt.ExpiresAt <= w.clock.Unix() {
				rt.Fatalf("JWT %+v of a subject that ends at %v", jwt, end)
			}
			subject, has, end = x.AccessToken, x.Scopes, time.Unix(jwt.ExpiresAt, 0)
		}
	})
	if runs == 0 {
		t.Fatal("the property was never tried")
	}
}

func TestTheEndIsCutToTheSecond(t *testing.T) {
	w := newWorld(t)
	w.clock = w.clock.Add(300 * time.Millisecond)
	session := func(left time.Duration) pat.Secret {
		return w.jwts.seal(pat.Claims{Issuer: peopleIssuer, Subject: "alice", IssuedAt: w.clock, ExpiresAt: w.clock.Add(left)})
	}
	x := w.exchange(t, session(90*time.Second+500*time.Millisecond), "")
	if jwt := readJWT(t, x.AccessToken); x.ExpiresIn != 90*time.Second || jwt.ExpiresAt != w.clock.Unix()+90 || !x.TokenEndsAt.IsZero() {
		t.Errorf("expires in %v, exp %d, the token ends %v", x.ExpiresIn, jwt.ExpiresAt, x.TokenEndsAt)
	}
	var oauth *pat.OAuthError
	if _, err := w.Exchange(context.Background(), exchangeOf(session(600*time.Millisecond), "")); !errors.As(err, &oauth) || oauth.Description != "subject_token is not valid" {
		t.Errorf("a subject that ends within the second: %v", err)
	}
	c := w.create(t, w.person(t, "alice"), pat.CreateRequest{Name: "ends", Scopes: []string{"profile"}, Expiry: until(w.clock.Add(time.Hour))})
	if x := w.exchange(t, c.Value, ""); !x.TokenEndsAt.Equal(c.ExpiresAt) {
		t.Errorf("the token ends %v, want %v", x.TokenEndsAt, c.ExpiresAt)
	}
}
