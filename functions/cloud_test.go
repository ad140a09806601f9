package functions_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	minidyn "github.com/truora/minidyn/server"

	"github.com/counterfoil/counterfoil/pkg/api"
	"github.com/counterfoil/counterfoil/pkg/broker"
	"github.com/counterfoil/counterfoil/pkg/bus"
	"github.com/counterfoil/counterfoil/pkg/pat"
	"github.com/counterfoil/counterfoil/pkg/signer"
	"github.com/counterfoil/counterfoil/pkg/store"
)

const (
	table = "counterfoil"
	keyID = "11111111-aaaa-4bbb-8ccc-000000000001"
	// peopleIssuer is the one of the events.
	peopleIssuer = "http://127.0.0.1:8080/idp"
	// secretKey is AWS's half of the function's own credentials.
	secretKey = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY"
)

// A cloud is what the functions talk to, over the wire: DynamoDB and KMS, the
// settings published, one person with an account.
type cloud struct {
	env    map[string]string // how a function finds it
	tokens *pat.Service      // to make tokens with
}

func newCloud(t testing.TB) *cloud {
	t.Helper()
	tables := httptest.NewServer(&dynamo{table: minidyn.NewServer()})
	t.Cleanup(tables.Close)
	key := newKMS(t)
	keys := httptest.NewServer(key)
	t.Cleanup(keys.Close)
	c := &cloud{env: map[string]string{
		"AWS_REGION":                "eu-central-1",
		"AWS_ACCESS_KEY_ID":         "AKIDEXAMPLE",
		"AWS_SECRET_ACCESS_KEY":     secretKey,
		"AWS_EC2_METADATA_DISABLED": "true",
		"AWS_ENDPOINT_URL_DYNAMODB": tables.URL,
		"AWS_ENDPOINT_URL_KMS":      keys.URL,
	}}
	t.Setenv(store.EnvTable, table)
	t.Setenv("AWS_CONFIG_FILE", os.DevNull)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
	for name, value := range c.env {
		t.Setenv(name, value)
	}
	d, err := store.NewDynamo()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.CreateTable(t.Context()); err != nil {
		t.Fatal(err)
	}
	catalogue := pat.Catalogue{{Name: "profile"}, {Name: "notes:read"}, {Name: "notes:write"}}
	if err := d.Publish(t.Context(), []pat.Key{{ID: keyID, Algorithm: signer.RS256, Public: key.key.Public()}}, catalogue); err != nil {
		t.Fatal(err)
	}
	c.tokens = &pat.Service{Store: d, Issuer: "https://tokens.example/v1", PeopleIssuer: peopleIssuer}
	return c
}

// create makes a token of alice's, as the events want it.
func (c *cloud) create(t testing.TB, name string) pat.Created {
	t.Helper()
	alice := pat.Grant{
		Kind:   pat.KindPerson,
		Person: pat.Person{Issuer: peopleIssuer, Subject: "alice"},
	}
	token, err := c.tokens.Create(t.Context(), alice, pat.CreateRequest{Name: name, Scopes: []string{"notes:read", "profile"}})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// needs are the variables of ours that a function does not start without. A
// guest is the authorizer in front of somebody else's API.
func needs(function string) map[string]string {
	env := map[string]string{
		api.EnvIssuer:       "https://tokens.example/v1",
		api.EnvPeopleIssuer: "https://people.example/",
		api.EnvOrigin:       "https://console.example",
		store.EnvTable:      table,
	}
	switch function {
	case "authorize", guest, "exchange", "introspect":
		env[api.EnvClients] = "console cli"
	}
	switch function {
	case "exchange":
		env[signer.EnvKey] = keyID
	case "trail":
		env[bus.EnvBus] = "counterfoil"
	case guest:
		env[api.EnvAudience] = "https://notes.example"
		env[api.EnvSessions] = "false"
		env[api.EnvGatewayCache] = "false"
	}
	return env
}

const guest = "authorize of a guest"

// options are what a function may be told beside, or not.
var options = map[string]string{
	api.EnvGroupsClaim: "cognito:groups",
	api.EnvAdminGroup:  "admins",
	api.EnvCLIClient:   "cli",
	api.EnvAudiences:   "https://notes.example",
	api.EnvLifetime:    "600",
	broker.EnvRole:     "arn:aws:iam::123456789012:role/counterfoil",
}

// dynamo stands in front of minidyn, which is not made for two callers and gives
// a checksum that is none.
type dynamo struct {
	mu    sync.Mutex
	table http.Handler
}

func (d *dynamo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer := httptest.NewRecorder()
	d.mu.Lock()
	d.table.ServeHTTP(answer, r)
	d.mu.Unlock()
	maps.Copy(w.Header(), answer.Header())
	w.Header().Set("X-Amz-Crc32", fmt.Sprint(crc32.ChecksumIEEE(answer.Body.Bytes())))
	w.WriteHeader(answer.Code)
	w.Write(answer.Body.Bytes())
}

// A kms speaks the wire protocol of AWS KMS (awsJson1_1), as far as a function
// does, with one real key. It tells nobody the public half: that is published.
type kms struct{ key *rsa.PrivateKey }

func newKMS(t testing.TB) *kms {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return &kms{key}
}

func (k *kms) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var ask struct {
		KeyId, MessageType string
		Message            []byte
	}
	answer := map[string]any{"KeyId": "arn:aws:kms:eu-central-1:123456789012:key/" + keyID}
	err := json.NewDecoder(r.Body).Decode(&ask)
	switch operation := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "TrentService."); {
	case err != nil, ask.KeyId != keyID:
		w.WriteHeader(http.StatusBadRequest)
		answer = map[string]any{"__type": "NotFoundException"}
	case operation == "Sign" && ask.MessageType == "RAW":
		sum := sha256.Sum256(ask.Message)
		answer["SigningAlgorithm"] = "RSASSA_PKCS1_V1_5_SHA_256"
		if answer["Signature"], err = k.key.Sign(rand.Reader, sum[:], crypto.SHA256); err != nil {
			panic(err) // a key that signs nothing: a bug of the test
		}
	default:
		w.WriteHeader(http.StatusBadRequest)
		answer = map[string]any{"__type": "UnknownOperationException"}
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	json.NewEncoder(w).Encode(answer)
}
