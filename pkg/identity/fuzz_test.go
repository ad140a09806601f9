package identity

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

// FuzzVerify: nothing panics, nothing is good but what was signed, every
// refusal is one of the two that callers know, and none quotes the JWT.
func FuzzVerify(f *testing.F) {
	issued := map[string]bool{}
	for _, d := range []*draft{session(), session().signedBy(peopleRS()), cognito(), exchanged(), exchanged().signedBy(ourRS())} {
		jwt := d.mint()
		issued[jwt] = true
		f.Add(jwt)
	}
	for _, c := range refusals {
		if c.verifier == nil { // else it may be good for this one
			f.Add(c.jwt())
		}
	}
	v, _, _ := newVerifier(f)
	f.Fuzz(func(t *testing.T, jwt string) {
		claims, err := verify(v, jwt)
		if err == nil {
			if !issued[jwt] {
				t.Fatal("good, but nobody signed it")
			}
			return
		}
		if issued[jwt] {
			t.Fatalf("a good JWT was refused: %v", err)
		}
		if !errors.Is(err, pat.ErrUnauthorized) || !strings.HasPrefix(err.Error(), "unauthorized: ") {
			t.Errorf("err is %v", err)
		}
		if !reflect.DeepEqual(claims, pat.Claims{}) {
			t.Error("claims come with the refusal")
		}
	})
}

// FuzzClaims gives the fuzzer the payload alone, signed as it should be: the
// readers behind the signature see what no stranger could send.
func FuzzClaims(f *testing.F) {
	for _, d := range []*draft{session(), cognito(), exchanged()} {
		f.Add(string(d.inserted(`"x":1`)))
	}
	for _, c := range refusals {
		if c.base != nil {
			d := c.base()
			if c.edit != nil {
				c.edit(d)
			}
			if d.rawClaims == nil {
				d.rawClaims = d.inserted(`"x":1`)
			}
			f.Add(string(d.rawClaims))
		}
	}
	v, _, _ := newVerifier(f)
	f.Fuzz(func(t *testing.T, payload string) {
		for _, d := range []*draft{session(), exchanged()} {
			d.rawClaims = []byte(payload)
			claims, err := verify(v, d.mint())
			if err != nil {
				if !errors.Is(err, pat.ErrUnauthorized) {
					t.Errorf("err is %v", err)
				}
				continue
			}
			if n := len([]rune(claims.Subject)); n < 1 || n > maxSubject {
				t.Errorf("sub of %d characters", n)
			}
			for _, text := range append(append([]string{claims.Name}, claims.Groups...), claims.Audience...) {
				if len([]rune(text)) > maxText {
					t.Errorf("a text of %d characters", len([]rune(text)))
				}
			}
			if !claims.ExpiresAt.After(now) || claims.IssuedAt.After(now.Add(maxAhead)) {
				t.Errorf("issued at %v, ends at %v", claims.IssuedAt, claims.ExpiresAt)
			}
			if (claims.TokenID == "") != (claims.Gen == 0) || len(claims.Groups) > maxGroups {
				t.Errorf("claims are %+v", claims)
			}
		}
	})
}
