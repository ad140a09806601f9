package main

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	minidyn "github.com/truora/minidyn/server"

	"github.com/counterfoil/counterfoil/pkg/pat"
	"github.com/counterfoil/counterfoil/pkg/store"
)

var alice = pat.Grant{Kind: pat.KindPerson, Person: pat.Person{Issuer: "https://people.example.com", Subject: "alice"}, IssuedAt: time.Now()}

// tables is a DynamoDB in this process with two tables, "before" and
// "restored", both empty.
func tables(t *testing.T) (before, restored *pat.Service) {
	t.Helper()
	var mu sync.Mutex
	dynamo := minidyn.NewServer()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		answer := httptest.NewRecorder()
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if describe := strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".DescribeTable"); describe && bytes.Contains(body, []byte(`"restored"`)) {
			// minidyn restores nothing and so cannot tell.
			io.WriteString(answer, `{"Table": {"TableStatus": "ACTIVE", "RestoreSummary":
				{"SourceTableArn": "arn:aws:dynamodb:eu-central-1:111122223333:table/before", "RestoreDateTime": 0, "RestoreInProgress": false}}}`)
		} else {
			dynamo.ServeHTTP(answer, r)
		}
		maps.Copy(w.Header(), answer.Header())
		w.Header().Set("X-Amz-Crc32", fmt.Sprint(crc32.ChecksumIEEE(answer.Body.Bytes())))
		w.WriteHeader(answer.Code)
		w.Write(answer.Body.Bytes())
	}))
	t.Cleanup(server.Close)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL_DYNAMODB": server.URL, "AWS_REGION": "eu-central-1",
		"AWS_ACCESS_KEY_ID": "example", "AWS_SECRET_ACCESS_KEY": "example", "AWS_SESSION_TOKEN": "",
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
		store.EnvTable: "",
	} {
		t.Setenv(name, value)
	}
	service := func(table string) *pat.Service {
		s, err := store.NewDynamoAt(table)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.CreateTable(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := s.Publish(t.Context(), nil, pat.Catalogue{
			{Name: "a", Description: "A", Category: "C"}, {Name: "b", Description: "B", Category: "C"},
		}); err != nil {
			t.Fatal(err)
		}
		return &pat.Service{Store: s, Issuer: "https://pat.example.com", PeopleIssuer: "https://people.example.com"}
	}
	return service("before"), service("restored")
}

func create(t *testing.T, s *pat.Service, name string) pat.Created {
	t.Helper()
	created, err := s.Create(t.Context(), alice, pat.CreateRequest{Name: name, Scopes: []string{"a", "b"}})
	if err != nil {
		t.Fatal(err)
	}
	return created
}

// restore copies the items of one table to the other.
func restore(t *testing.T) {
	t.Helper()
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	client := dynamodb.NewFromConfig(cfg)
	all, err := client.Scan(t.Context(), &dynamodb.ScanInput{TableName: new("before")})
	if err != nil || len(all.Items) == 0 {
		t.Fatalf("%d items, %v", len(all.Items), err)
	}
	for _, item := range all.Items {
		if _, err := client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: new("restored"), Item: item}); err != nil {
			t.Fatal(err)
		}
	}
}

func update(req pat.UpdateRequest) func(*testing.T, *pat.Service, string) error {
	return func(t *testing.T, s *pat.Service, id string) error {
		_, err := s.Update(t.Context(), alice, id, req)
		return err
	}
}

// changes are what an owner does after the moment of the restore.
var changes = map[string]struct {
	do      func(*testing.T, *pat.Service, string) error
	revoked bool
}{
	"nothing": {func(*testing.T, *pat.Service, string) error { return nil }, false},
	"revoke": {func(t *testing.T, s *pat.Service, id string) error {
		return s.Revoke(t.Context(), alice, id)
	}, true},
	"rotate": {func(t *testing.T, s *pat.Service, id string) error {
		_, err := s.Rotate(t.Context(), alice, id, pat.RotateRequest{})
		return err
	}, true},
	"fewer scopes":     {update(pat.UpdateRequest{Scopes: []string{"a"}}), true},
	"a network":        {update(pat.UpdateRequest{AllowedCIDRs: &[]string{"192.0.2.0/24"}}), true},
	"an end":           {update(pat.UpdateRequest{Expiry: pat.Expiry{Given: true, At: time.Now().Add(48 * time.Hour)}}), true},
	"another sentence": {update(pat.UpdateRequest{Description: new("other")}), false},
}

func TestRevokeAgain(t *testing.T) {
	before, restored := tables(t)
	created := map[string]pat.Created{}
	for name := range changes {
		created[name] = create(t, before, name)
	}
	byAdmins := map[string]pat.Created{}
	for _, sub := range []string{"bob", "carol"} {
		by := alice
		by.Person.Subject = sub
		var err error
		if byAdmins[sub], err = before.Create(t.Context(), by, pat.CreateRequest{Name: sub, Scopes: []string{"a"}}); err != nil {
			t.Fatal(err)
		}
	}
	restore(t)
	for name, change := range changes {
		if err := change.do(t, before, string(created[name].Token.ID)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	create(t, before, "since")
	// What administrators did since.
	root := pat.Grant{Kind: pat.KindPerson, Person: pat.Person{Issuer: "https://people.example.com", Subject: "root"}, Groups: []string{"admins"}, IssuedAt: time.Now()}
	before.AdminGroup = "admins"
	if n, err := before.RevokeAll(t.Context(), root, "bob", pat.InvalidError{}); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	if _, err := before.Disable(t.Context(), root, "carol", true, pat.InvalidError{}); err != nil {
		t.Fatal(err)
	}
	stricter := pat.Policy{MaxTokensPerPerson: 49, MaxLifetimeDays: 90}
	if _, err := before.SetPolicy(t.Context(), root, pat.PolicyRequest{Policy: stricter}); err != nil {
		t.Fatal(err)
	}

	alive := func(name string) bool {
		_, err := restored.Authorize(t.Context(), created[name].Value)
		return err == nil
	}
	var out bytes.Buffer
	if err := run(t.Context(), &out, "before", "restored", false); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "6 tokens to revoke (nothing was changed") || !strings.Contains(out.String(), "1 created since are lost") {
		t.Errorf("it says %s", out.String())
	}
	for name := range changes {
		if !alive(name) {
			t.Errorf("without -write %q was revoked", name)
		}
	}

	for _, want := range []string{"6 tokens revoked", "0 tokens revoked"} { // again
		out.Reset()
		if err := run(t.Context(), &out, "before", "restored", true); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), want) {
			t.Errorf("it says %s, want %s", out.String(), want)
		}
	}
	for name, change := range changes {
		if alive(name) == change.revoked {
			t.Errorf("after %q the token is alive: %v", name, alive(name))
		}
	}
	for sub, c := range byAdmins {
		if _, err := restored.Authorize(t.Context(), c.Value); !errors.Is(err, pat.ErrUnauthorized) {
			t.Errorf("%s's token: %v", sub, err)
		}
	}
	if s, err := restored.Store.Settings(t.Context()); err != nil || s.Policy.MaxTokensPerPerson != 49 || s.Policy.MaxLifetimeDays != 90 {
		t.Errorf("the policy is %+v, %v", s.Policy, err)
	}
	// Its name is free.
	if _, err := restored.Create(t.Context(), alice, pat.CreateRequest{Name: "revoke", Scopes: []string{"a"}}); err != nil {
		t.Error(err)
	}
}

func TestATableThatIsGone(t *testing.T) {
	tables(t)
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dynamodb.NewFromConfig(cfg).DeleteTable(t.Context(), &dynamodb.DeleteTableInput{TableName: new("before")}); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), new(bytes.Buffer), "before", "restored", true); err == nil || !strings.Contains(err.Error(), "read the table before") {
		t.Error(err)
	}
}

func TestOnlyInWhatWasRestored(t *testing.T) {
	_, restored := tables(t)
	create(t, restored, "ci")
	for _, pair := range [][2]string{{"restored", "before"}, {"efore", "restored"}, {"restored", "restored"}} {
		var out bytes.Buffer
		err := run(t.Context(), &out, pair[0], pair[1], true)
		if err == nil || !strings.Contains(err.Error(), "was not restored from") || out.Len() > 0 {
			t.Errorf("%v: %v, %s", pair, err, &out)
		}
	}
}
