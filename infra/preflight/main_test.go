package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	for name, row := range map[string]struct {
		config string // "" for no file
		env    map[string]string
		status int // of AWS's answer
		want   string
	}{
		"all is well":                  {`{"people": {}}`, nil, 200, ""},
		"the right account and Region": {`{"account": "111122223333", "region": "eu-central-1"}`, nil, 200, ""},
		"no configuration":             {"", nil, 200, "infra/config.example.json"},
		"a damaged configuration":      {"{", nil, 200, "config.json"},
		"no Region":                    {"{}", map[string]string{"AWS_REGION": ""}, 200, "AWS_REGION"},
		"another Region":               {`{"region": "us-east-1"}`, nil, 200, "wrong Region"},
		"no credentials":               {"{}", map[string]string{"AWS_ACCESS_KEY_ID": ""}, 200, "aws sso login"},
		"credentials that have ended":  {"{}", nil, 403, "sign in again"},
		"another account":              {`{"account": "444455556666"}`, nil, 200, "wrong account"},
	} {
		t.Run(name, func(t *testing.T) {
			aws := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(row.status)
				if row.status == 200 {
					fmt.Fprint(w, `<GetCallerIdentityResponse><GetCallerIdentityResult><Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`)
				} else {
					fmt.Fprint(w, `<ErrorResponse><Error><Code>ExpiredToken</Code></Error></ErrorResponse>`)
				}
			}))
			defer aws.Close()
			dir := t.TempDir()
			for name, value := range map[string]string{
				"AWS_ENDPOINT_URL_STS": aws.URL, "AWS_REGION": "eu-central-1", "AWS_DEFAULT_REGION": "",
				"AWS_ACCESS_KEY_ID": "example", "AWS_SECRET_ACCESS_KEY": "example", "AWS_SESSION_TOKEN": "", "AWS_PROFILE": "",
				"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "", "AWS_WEB_IDENTITY_TOKEN_FILE": "",
				"AWS_CONFIG_FILE": filepath.Join(dir, "none"), "AWS_SHARED_CREDENTIALS_FILE": filepath.Join(dir, "none"),
			} {
				t.Setenv(name, value)
			}
			for name, value := range row.env {
				t.Setenv(name, value)
			}
			file := filepath.Join(dir, "config.json")
			if row.config != "" {
				if err := os.WriteFile(file, []byte(row.config), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			account, region, err := check(t.Context(), file)
			if row.want == "" {
				if err != nil || account != "111122223333" || region != "eu-central-1" {
					t.Errorf("%s, %s, %v", account, region, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("%v does not say %q", err, row.want)
			}
		})
	}
}
