package handler

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

func TestKeySet(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rs, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	set, err := keySetOf(pat.Discovery{Keys: []pat.Key{{ID: "a", Algorithm: "RS256", Public: rs.Public()}, {ID: "b", Algorithm: "ES256", Public: ec.Public()}}})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	var document struct{ Keys []map[string]string }
	if err := json.Unmarshal(text, &document); err != nil || len(document.Keys) != 2 {
		t.Fatalf("%d keys, %v", len(document.Keys), err)
	}
	for i, want := range []string{"alg e kid kty n use", "alg crv kid kty use x y"} {
		if got := strings.Join(slices.Sorted(maps.Keys(document.Keys[i])), " "); got != want {
			t.Errorf("key %d has %s, want %s", i, got, want)
		}
	}
	if none, err := keySetOf(pat.Discovery{}); err != nil || none.Keys == nil {
		t.Errorf("without keys: %v, %v", none, err)
	}
	for name, key := range map[string]any{"a private key": ec, "another private key": rs, "a secret": []byte("secret"), "nothing": nil} {
		if _, err := keySetOf(pat.Discovery{Keys: []pat.Key{{ID: "a", Algorithm: "ES256", Public: key}}}); err == nil {
			t.Errorf("%s was published", name)
		}
	}
}
