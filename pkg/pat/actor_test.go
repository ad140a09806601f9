package pat_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

func withActor(subject, actor pat.Secret, scope string) pat.ExchangeRequest {
	req := exchangeOf(subject, scope)
	req.ActorToken, req.ActorTokenType = actor, pat.AccessTokenType
	return req
}

func TestAnActorNarrowsAndIsNamed(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	alice, bob := w.person(t, "alice", "writers"), w.person(t, "bob", "writers")
	subject := w.create(t, alice, named("hers", "profile", "notes:read", "notes:write"))
	agent := w.create(t, bob, pat.CreateRequest{Name: "agent", Scopes: []string{"notes:read", "notes:write"}, Expiry: until(w.clock.Add(5 * time.Minute))})

	x, err := w.Exchange(ctx, withActor(subject.Value, agent.Value, ""))
	if err != nil {
		t.Fatal(err)
	}
	jwt := readJWT(t, x.AccessToken)
	if jwt.Subject != "alice" || jwt.Pat != string(subject.ID) || *jwt.Actor != (pat.Actor{Subject: "bob", TokenID: agent.ID, Gen: 1}) ||
		jwt.Scope != "notes:read notes:write" || jwt.ExpiresAt != w.clock.Add(5*time.Minute).Unix() {
		t.Errorf("claims %+v, act %+v", jwt, jwt.Actor)
	}
	g, err := w.Authorize(ctx, x.AccessToken)
	if err != nil || g.Actor == nil || g.Actor.TokenID != agent.ID || g.Person.Subject != "alice" {
		t.Errorf("granted %+v, %v", g, err)
	}
	// Exchanged again, it keeps its actor; with another one it is refused.
	again := w.exchange(t, x.AccessToken, "notes:read")
	if kept := readJWT(t, again.AccessToken); kept.Actor == nil || kept.Actor.TokenID != agent.ID || kept.ExpiresAt > jwt.ExpiresAt {
		t.Errorf("exchanged again: %+v", kept)
	}
	var oauth *pat.OAuthError
	for name, req := range map[string]pat.ExchangeRequest{
		"as the subject": withActor(x.AccessToken, agent.Value, ""),
		"as the actor":   withActor(subject.Value, x.AccessToken, ""),
	} {
		if _, err := w.Exchange(ctx, req); !errors.As(err, &oauth) || oauth.Code != pat.InvalidRequest || !strings.Contains(oauth.Description, "already names an actor") {
			t.Errorf("a JWT with an actor, %s of an exchange with one: %v", name, err)
		}
	}
	// A session as the actor.
	x, err = w.Exchange(ctx, withActor(subject.Value, w.session("bob"), ""))
	if err != nil {
		t.Fatal(err)
	}
	if act := readJWT(t, x.AccessToken).Actor; *act != (pat.Actor{Subject: "bob"}) {
		t.Errorf("act %+v", act)
	}
}

func TestAJWTDiesWithItsActor(t *testing.T) {
	ctx := context.Background()
	for name, kill := range map[string]func(w *world, bob pat.Grant, agent pat.Created) error{
		"revoked": func(w *world, bob pat.Grant, agent pat.Created) error { return w.Revoke(ctx, bob, string(agent.ID)) },
		"rotated": func(w *world, bob pat.Grant, agent pat.Created) error {
			_, err := w.Rotate(ctx, bob, string(agent.ID), pat.RotateRequest{})
			return err
		},
		"expired": func(w *world, _ pat.Grant, _ pat.Created) error { w.clock = w.clock.Add(10 * time.Minute); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			alice, bob := w.person(t, "alice", "writers"), w.person(t, "bob", "writers")
			subject := w.create(t, alice, named("hers", "notes:read", "notes:write"))
			agent := w.create(t, bob, pat.CreateRequest{Name: "agent", Scopes: []string{"notes:read", "notes:write"}, Expiry: until(w.clock.Add(10 * time.Minute))})
			x, err := w.Exchange(ctx, withActor(subject.Value, agent.Value, ""))
			if err != nil {
				t.Fatal(err)
			}
			w.clock = w.clock.Add(time.Minute)
			w.person(t, "bob") // the actor loses a right
			if g, err := w.Authorize(ctx, x.AccessToken); err != nil || !slices.Equal(g.Scopes, []string{"notes:read"}) {
				t.Errorf("with the actor's right gone: %v, %v", g.Scopes, err)
			}
			if err := kill(w, bob, agent); err != nil {
				t.Fatal(err)
			}
			if g, err := w.Authorize(ctx, x.AccessToken); !errors.Is(err, pat.ErrUnauthorized) {
				t.Errorf("granted %v, %v", g.Scopes, err)
			}
			if _, err := w.Authorize(ctx, subject.Value); err != nil {
				t.Errorf("the subject itself: %v", err)
			}
		})
	}
}
