package store_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
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

const (
	envEndpoint    = "AWS_ENDPOINT_URL_DYNAMODB"
	envAllServices = "AWS_ENDPOINT_URL"
)

// A wire is a DynamoDB in this process that is spoken to as the real one is,
// over HTTP. It notes every call, and a test can stand in its way.
type wire struct {
	mu    sync.Mutex // minidyn is not made for two callers at once
	table http.Handler
	// fault is asked before each call: whether it answered in the table's stead.
	fault func(w http.ResponseWriter, r *http.Request, c call) bool
	calls []call
}

// A call is one request as it went over the wire.
type call struct {
	Operation string
	Body      map[string]any
}

// newWire starts a DynamoDB without a table and makes it the one that the
// environment names.
func newWire(t *testing.T) *wire {
	t.Helper()
	w := &wire{table: minidyn.NewServer()}
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	t.Setenv(envEndpoint, server.URL)
	t.Setenv("AWS_REGION", "eu-central-1")
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "example")
	t.Setenv("AWS_SESSION_TOKEN", "")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_CONFIG_FILE", os.DevNull)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
	t.Setenv("AWS_CA_BUNDLE", "") // each store would read all of it
	t.Setenv(store.EnvTable, "counterfoil")
	return w
}

func (w *wire) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the caller is gone
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	c := call{Operation: operation}
	if err := json.Unmarshal(body, &c.Body); err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	w.mu.Lock()
	w.calls = append(w.calls, c)
	fault := w.fault
	w.mu.Unlock()
	if fault != nil && fault(rw, r, c) {
		return
	}
	w.serve(rw, r)
}

// serve lets the table answer, and adds the checksum of every real answer.
func (w *wire) serve(rw http.ResponseWriter, r *http.Request) {
	answer := httptest.NewRecorder()
	w.mu.Lock()
	w.table.ServeHTTP(answer, r)
	w.mu.Unlock()
	maps.Copy(rw.Header(), answer.Header())
	rw.Header().Set("X-Amz-Crc32", fmt.Sprint(crc32.ChecksumIEEE(answer.Body.Bytes())))
	rw.WriteHeader(answer.Code)
	rw.Write(answer.Body.Bytes())
}

// seen returns the calls since it was last asked.
func (w *wire) seen() []call {
	w.mu.Lock()
	defer w.mu.Unlock()
	calls := w.calls
	w.calls = nil
	return calls
}

func (w *wire) setFault(fault func(w http.ResponseWriter, r *http.Request, c call) bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fault = fault
}

// openDynamo opens the table that the environment names, which is empty.
func openDynamo(t *testing.T) *store.Dynamo {
	t.Helper()
	d, err := store.NewDynamo()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.CreateTable(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d
}

func newDynamo(t *testing.T) suiteStore {
	newWire(t)
	return openDynamo(t)
}

func TestDynamo(t *testing.T) { testStore(t, newDynamo) }

func TestDynamoUnderTheRules(t *testing.T) { testRules(t, newDynamo) }

// TestDynamoNameEndsToTheNanosecond: the table compares times as texts.
func TestDynamoNameEndsToTheNanosecond(t *testing.T) {
	newWire(t)
	d := openDynamo(t)
	enrol(t, d, "AAAAA", "alice")
	end := start.Add(time.Hour)
	for i, test := range []struct {
		end, created time.Time
		want         error
	}{
		{end.Add(time.Second / 2), end, pat.ErrNameTaken},
		{end.Add(1), end, pat.ErrNameTaken},
		{end.Add(10), end.Add(9), pat.ErrNameTaken},
		{end, end.Add(1), nil},
		{end, end.Add(time.Second / 2), nil},
		{end.Add(9), end.Add(10), nil},
		{end.In(time.FixedZone("east", 7200)), end.Add(-time.Minute), pat.ErrNameTaken},
		{end.In(time.FixedZone("west", -7200)), end.Add(time.Minute), nil},
		{end, time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), nil},
	} {
		holder := creation(owner(t, d, "AAAAA"), fmt.Sprint(i))
		holder.Token.ExpiresAt = test.end
		if err := d.Create(t.Context(), holder); err != nil {
			t.Fatal(err)
		}
		next := creation(owner(t, d, "AAAAA"), fmt.Sprint(i))
		next.Token.CreatedAt = test.created
		wantError(t, fmt.Sprintf("held until %v, wanted at %v", test.end, test.created), d.Create(t.Context(), next), test.want)
	}
}

// newDynamoElsewhere opens an empty table at the endpoint that the environment
// names, and deletes it when the test is over.
func newDynamoElsewhere(t *testing.T) suiteStore {
	t.Setenv(store.EnvTable, "counterfoil-test-"+strings.ToLower(rand.Text()))
	if os.Getenv("AWS_REGION") == "" && os.Getenv("AWS_DEFAULT_REGION") == "" {
		t.Setenv("AWS_REGION", "us-east-1")
	}
	if os.Getenv("AWS_ACCESS_KEY_ID") == "" && os.Getenv("AWS_PROFILE") == "" {
		t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
		t.Setenv("AWS_SECRET_ACCESS_KEY", "example")
	}
	d := openDynamo(t)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		cfg, err := config.LoadDefaultConfig(ctx)
		if err == nil {
			_, err = dynamodb.NewFromConfig(cfg).DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: new(os.Getenv(store.EnvTable))})
		}
		if err != nil {
			t.Errorf("delete the test's table: %v", err)
		}
	})
	return d
}

func TestDynamoElsewhere(t *testing.T) {
	if os.Getenv(envEndpoint) == "" && os.Getenv(envAllServices) == "" {
		t.Skipf("set %s to run the suite against the DynamoDB there", envEndpoint)
	}
	t.Run("store", func(t *testing.T) { testStore(t, newDynamoElsewhere) })
	t.Run("rules", func(t *testing.T) { testRules(t, newDynamoElsewhere) })
}
