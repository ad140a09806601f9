package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestConfigRefusals(t *testing.T) {
	for name, row := range map[string]struct{ change, want string }{
		"no issuer of people":                  {`{"people": {"clients": ["a"]}}`, "people.issuer"},
		"an issuer of people over plain http":  {`{"people": {"issuer": "http://x.example", "clients": ["a"]}}`, "people.issuer"},
		"an issuer of people with a query":     {`{"people": {"issuer": "https://x.example?a", "clients": ["a"]}}`, "people.issuer"},
		"no client":                            {`{"people": {"issuer": "https://x.example", "clients": []}}`, "people.clients"},
		"a client with a space":                {`{"people": {"issuer": "https://x.example", "clients": ["a b"]}}`, "people.clients"},
		"a command line that is no client":     {`{"people": {"issuer": "https://x.example", "clients": ["a"], "cli_client": "b"}}`, "people.cli_client"},
		"a groups claim of two words":          {`{"people": {"issuer": "https://x.example", "clients": ["a"], "groups_claim": "a b"}}`, "people.groups_claim"},
		"an origin with a slash at the end":    {`{"console_origin": "https://x.example/"}`, "console_origin"},
		"an origin that would end its header":  {`{"console_origin": "https://x.example'"}`, "console_origin"},
		"no origin":                            {`{"console_origin": ""}`, "console_origin"},
		"the audience of STS":                  {`{"audiences": ["sts.amazonaws.com"]}`, "audiences"},
		"an empty audience":                    {`{"audiences": [""]}`, "audiences"},
		"a lifetime below a minute":            {`{"jwt_lifetime": 59}`, "jwt_lifetime"},
		"a lifetime above an hour":             {`{"jwt_lifetime": 3601}`, "jwt_lifetime"},
		"a key without a name":                 {`{"keys": [{}]}`, "keys"},
		"two keys of one name":                 {`{"keys": [{"name": "A"}, {"name": "A"}]}`, "twice"},
		"a key that cannot sign as we do":      {`{"keys": [{"name": "A", "spec": "RSA_4096"}]}`, "spec of A"},
		"a domain that is an address":          {`{"domain": {"name": "https://x.example", "certificate": "arn:aws:acm:eu-west-1:111122223333:certificate/0"}}`, "domain.name"},
		"a domain without a certificate":       {`{"domain": {"name": "x.example.com"}}`, "domain.certificate"},
		"a domain where people sign in":        {`{"people": {"issuer": "https://x.example.com/", "clients": ["a"]}, "domain": {"name": "x.example.com", "certificate": "arn:aws:acm:eu-west-1:111122223333:certificate/0"}}`, "domain.name"},
		"a domain that is a client":            {`{"people": {"issuer": "https://x.example", "clients": ["https://x.example.com"]}, "domain": {"name": "x.example.com", "certificate": "arn:aws:acm:eu-west-1:111122223333:certificate/0"}}`, "domain.name"},
		"a zone without its name":              {`{"domain": {"name": "x.example.com", "certificate": "arn:aws:acm:eu-west-1:111122223333:certificate/0", "zone_id": "Z"}}`, "zone_name"},
		"a firewall that lets nothing through": {`{"requests_per_address": 9}`, "requests_per_address"},
		"less than no concurrency":             {`{"concurrency": {"exchange": -2}}`, "concurrency"},
		"two addresses for alarms":             {`{"alarm_mail": "a@example.com b@example.com"}`, "alarm_mail"},
		"an account that is none":              {`{"account": "1"}`, "account"},
		"a Region that is none":                {`{"region": "Europe"}`, "region"},
		"a certificate in another Region":      {`{"region": "eu-west-1", "domain": {"name": "x.example.com", "certificate": "arn:aws:acm:us-east-1:111122223333:certificate/0"}}`, "in region"},
		"a restored table without a stream":    {`{"restored_table": "restored"}`, "restored_stream"},
		"a stream of another table":            {`{"restored_table": "restored", "restored_stream": "arn:aws:dynamodb:eu-central-1:111122223333:table/other/stream/x"}`, "restored_stream"},
		"a stream of no table":                 {`{"restored_stream": "arn:aws:dynamodb:eu-central-1:111122223333:table/restored/stream/x"}`, "restored_stream"},
		"a table that is an ARN":               {`{"restored_table": "arn:aws:dynamodb:x"}`, "restored_table"},
		"a stage with a slash":                 {`{"stage": "a/b"}`, "stage"},
		"a stack with a space":                 {`{"stack": "a b"}`, "stack"},
		"a console of no client":               {`{"console": {"client": "other", "api": "https://x.example/v1"}}`, "console.client"},
		"a console without an API":             {`{"console": {"client": "exampleconsole"}}`, "console.api"},
		"a console of an API over plain http":  {`{"console": {"client": "exampleconsole", "api": "http://x.example"}}`, "console.api"},
		"a console of an API with a slash":     {`{"console": {"client": "exampleconsole", "api": "https://x.example/"}}`, "console.api"},
		"an API that would end a directive":    {`{"console": {"client": "exampleconsole", "api": "https://x;script-src/v1"}}`, "console.api"},
		"a sign-in that would end a directive": {`{"console": {"client": "exampleconsole", "api": "https://x.example", "sign_in": ["https://y;script-src"]}}`, "console.sign_in"},
		"a sign-in that is everywhere":         {`{"console": {"client": "exampleconsole", "api": "https://x.example", "sign_in": ["https://*"]}}`, "console.sign_in"},
		"an issuer that would end a directive": {`{"people": {"issuer": "https://x;y", "clients": ["exampleconsole"]}}`, "people.issuer"},
		"an origin that is two":                {`{"console_origin": "https://x.example,https://y.example"}`, "console_origin"},
		"a console's certificate elsewhere":    {`{"console": {"client": "exampleconsole", "api": "https://x.example", "certificate": "arn:aws:acm:eu-west-1:111122223333:certificate/0"}}`, "us-east-1"},
		"a console at a port of CloudFront's":  {`{"console_origin": "https://x.example.com:8443"}`, "console_origin"},
		"a console's zone without its name":    {`{"console": {"client": "exampleconsole", "api": "https://x.example", "zone_id": "Z"}}`, "zone_name"},
		"a console's zone without certificate": {`{"console": {"client": "exampleconsole", "api": "https://x.example", "zone_id": "Z", "zone_name": "example.com"}}`, "console.certificate"},
		"a member that nobody knows":           {`{"jwt_lifespan": 60}`, "jwt_lifespan"},
		"a member of another type":             {`{"jwt_lifetime": "60"}`, "jwt_lifetime"},
		"a member twice":                       {`{"stage": "a", "stage": "b"}`, "stage"},
		"no JSON":                              {`{`, "unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readConfig(exampleWith(t, row.change))
			if err == nil {
				t.Fatal("is accepted")
			}
			if !strings.Contains(err.Error(), row.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%v\ndoes not name %s in one line", err, row.want)
			}
		})
	}
}

func TestConfigThatIsNotThere(t *testing.T) {
	_, err := readConfig(filepath.Join(t.TempDir(), "config.json"))
	if err == nil || !strings.Contains(err.Error(), "copy infra/config.example.json") {
		t.Error(err)
	}
}

func TestConfigDefaults(t *testing.T) {
	c := exampleConfig()
	if c.Stack != "Counterfoil" || c.Stage != "v1" || c.JWTLifetime != 900 || c.Concurrency != (Concurrency{100, 50}) ||
		!reflect.DeepEqual(c.Keys, []Key{{Name: "A", Spec: "RSA_2048"}}) {
		t.Errorf("%+v", c)
	}
	if err := fullConfig().check(); err != nil {
		t.Error(err)
	}
}

// exampleWith writes the example with some of its members changed. What is no
// object of distinct names is written as it is.
func exampleWith(t *testing.T, change string) string {
	t.Helper()
	example, err := os.ReadFile("config.example.json")
	if err != nil {
		t.Fatal(err)
	}
	out := []byte(change)
	var members, changes map[string]any
	if err := json.Unmarshal(example, &members); err != nil {
		t.Fatal(err)
	}
	if json.Unmarshal(out, &changes) == nil && strings.Count(change, `"stage"`) < 2 {
		for name, value := range changes {
			members[name] = value
		}
		if out, err = json.Marshal(members); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(file, out, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
