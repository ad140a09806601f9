package store

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

func TestEveryFieldOfThePolicyComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.Make[pat.Policy]().Draw(t, "policy")
		value, err := encode([]byte(policyKey), newPolicyRecord(want))
		if err != nil {
			t.Fatal(err)
		}
		var r policyRecord
		if err := decode([]byte(policyKey), value, &r); err != nil {
			t.Fatal(err)
		}
		got, err := newSettings(publishedRecord{}, r)
		if err != nil || !reflect.DeepEqual(got.Policy, want) {
			t.Errorf("got %+v, %v; want %+v", got.Policy, err, want)
		}
	})
}

// What the records of format 1 look like, which are read: a change that is seen
// here needs a new format, or must be one that they can be read with.
func TestHowARecordIsSpelled(t *testing.T) {
	for name, test := range map[string]struct {
		key    string
		record any
		want   string
	}{
		"an owner": {"AAAAA", newOwnerRecord(pat.Owner{
			Person: pat.Person{Issuer: "https://people.example", Subject: "alice"},
			Groups: []string{"users"}, GroupsAt: start.Add(time.Millisecond), Next: 3, Live: 2,
		}), `e6134a2e{"iss":"https://people.example","sub":"alice","groups":["users"],"groups_at":"2026-11-24T10:00:00.001Z","next":3,"live":2,"version":1}`},
		"a token": {"AAAAA00000", newTokenRecord(pat.Token{
			Name: "n", Scopes: []string{"notes:read"}, CreatedAt: start.In(time.FixedZone("", 3600)), Hash: pat.Hash{1, 2, 3}, Gen: 1,
		}), `1c708499{"name":"n","scopes":["notes:read"],"created_at":"2026-11-24T10:00:00Z","hash":"AQIDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","gen":1,"version":1}`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := encode([]byte(test.key), test.record)
			if err != nil || string(got) != test.want {
				t.Errorf("got  %s, %v\nwant %s", got, err, test.want)
			}
		})
	}
}

func TestARecordThatIsNotWholeIsRefused(t *testing.T) {
	key := []byte("AAAAA00000")
	value, err := encode(key, newNameRecord(pat.Token{ID: "AAAAA00000"}))
	if err != nil {
		t.Fatal(err)
	}
	for n := range value {
		if err := decode(key, value[:n], new(nameRecord)); !errors.Is(err, errChecksum) {
			t.Errorf("cut at %d: %v", n, err)
		}
	}
	if err := decode([]byte("AAAAA00001"), value, new(nameRecord)); !errors.Is(err, errChecksum) {
		t.Errorf("under another key: %v", err)
	}
	if err := decode(key, value, new(nameRecord)); err != nil {
		t.Errorf("whole: %v", err)
	}
	if _, err := encode(key, newNameRecord(pat.Token{ID: "\xff"})); err == nil {
		t.Error("what is not UTF-8 was written, as something else")
	}
}
