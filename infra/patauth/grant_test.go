package patauth

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/pkg/pat"
	"github.com/counterfoil/counterfoil/pkg/store"
)

// TestUsedAreTheAttributesOfTouch: what the store sends to note a token's use
// is within what the grant allows, or no use would ever be noted.
func TestUsedAreTheAttributesOfTouch(t *testing.T) {
	var sent struct {
		Key                      map[string]any
		ExpressionAttributeNames map[string]string
		ReturnValues             string
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = json.Unmarshal(body, &sent)
		}
		if err != nil || r.Header.Get("X-Amz-Target") != "DynamoDB_20120810.UpdateItem" {
			t.Errorf("%s, %v", r.Header.Get("X-Amz-Target"), err)
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		io.WriteString(w, "{}")
	}))
	defer server.Close()
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL_DYNAMODB": server.URL, "AWS_REGION": "eu-central-1",
		"AWS_ACCESS_KEY_ID": "example", "AWS_SECRET_ACCESS_KEY": "example", "AWS_SESSION_TOKEN": "",
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
		store.EnvTable: "counterfoil",
	} {
		t.Setenv(name, value)
	}
	table, err := store.NewDynamo()
	if err != nil {
		t.Fatal(err)
	}
	if err := table.Touch(t.Context(), pat.Token{
		ID: "0000000001", Version: 1, LastUsedAt: time.Now(), LastUsedFrom: netip.MustParseAddr("192.0.2.1"),
		Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")},
		Noted:    pat.Mark{By: pat.Doer{Kind: pat.DoerHolder}, RequestID: "r-1", At: time.Now(), Makes: 8},
		Notes:    7,
	}); err != nil {
		t.Fatal(err)
	}
	var names []string
	for name := range sent.Key {
		names = append(names, name)
	}
	for _, name := range sent.ExpressionAttributeNames {
		names = append(names, name)
	}
	if len(names) < len(used)-1 { // scopes_used
		t.Fatalf("only %v is named: are names written into the expressions?", names)
	}
	for _, name := range names {
		if !slices.Contains(used, name) {
			t.Errorf("the store names %s, which the grant does not allow", name)
		}
	}
	if slot := pat.ID("0000000001").Slot(); len(slot) != len(store.SlotPattern) {
		t.Errorf("%s does not fit the slot %s", store.SlotPattern, slot)
	}
	for _, other := range []string{store.SettingsPartition, store.PolicyPartition, store.TrailPrefix, store.RefusedPrefix} {
		if len(other) <= len(store.SlotPattern) {
			t.Errorf("%s fits what begins with %s", store.SlotPattern, other)
		}
	}
	if sent.ReturnValues != "" && sent.ReturnValues != "NONE" {
		t.Errorf("the store asks for %s", sent.ReturnValues)
	}
}
