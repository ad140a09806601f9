package handler

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/pkg/api"
)

// environment is a good one.
func environment() map[string]string {
	return map[string]string{
		api.EnvIssuer:       "https://tokens.example/v1",
		api.EnvPeopleIssuer: "https://people.example/",
		api.EnvClients:      "console  cli",
		api.EnvGroupsClaim:  "cognito:groups",
		api.EnvAdminGroup:   "admins",
		api.EnvOrigin:       "https://console.example",
		api.EnvCLIClient:    "cli",
		api.EnvAudiences:    "urn:a urn:b",
		api.EnvLifetime:     "600",
	}
}

func TestConfigIsRead(t *testing.T) {
	env := environment()
	got, err := ReadConfig(func(name string) string { return env[name] })
	if err != nil {
		t.Fatal(err)
	}
	if got.Issuer != "https://tokens.example/v1" || got.PeopleIssuer != "https://people.example/" || got.Origin != "https://console.example" ||
		!slices.Equal(got.Clients, []string{"console", "cli"}) || !slices.Equal(got.Audiences, []string{"urn:a", "urn:b"}) ||
		got.GroupsClaim != "cognito:groups" || got.AdminGroup != "admins" || got.CLIClientID != "cli" || got.Lifetime != 10*time.Minute {
		t.Errorf("got %+v", got)
	}
	for _, optional := range []string{api.EnvClients, api.EnvGroupsClaim, api.EnvAdminGroup, api.EnvCLIClient, api.EnvAudiences, api.EnvLifetime} {
		env := environment()
		delete(env, optional)
		if _, err := ReadConfig(func(name string) string { return env[name] }); err != nil {
			t.Errorf("without %s: %v", optional, err)
		}
	}
}

func TestConfigIsRefused(t *testing.T) {
	for name, change := range map[string]map[string]string{
		"no issuer":                      {api.EnvIssuer: ""},
		"an issuer without TLS":          {api.EnvIssuer: "http://tokens.example"},
		"an issuer without a host":       {api.EnvIssuer: "https:///v1"},
		"an issuer with a slash behind":  {api.EnvIssuer: "https://tokens.example/"},
		"an issuer with a query":         {api.EnvIssuer: "https://tokens.example?x=1"},
		"an issuer with a fragment":      {api.EnvIssuer: "https://tokens.example#x"},
		"an issuer that is no address":   {api.EnvIssuer: "https://tokens example"},
		"no people's issuer":             {api.EnvPeopleIssuer: ""},
		"a people's issuer without TLS":  {api.EnvPeopleIssuer: "http://people.example"},
		"no console":                     {api.EnvOrigin: ""},
		"a console of every origin":      {api.EnvOrigin: "*"},
		"a console with a slash behind":  {api.EnvOrigin: "https://console.example/"},
		"AWS's audience":                 {api.EnvAudiences: "urn:a sts.amazonaws.com"},
		"a lifetime of 59 seconds":       {api.EnvLifetime: "59"},
		"a lifetime of 3601 seconds":     {api.EnvLifetime: "3601"},
		"a lifetime of a negative count": {api.EnvLifetime: "-600"},
		"a lifetime that is no number":   {api.EnvLifetime: "15m"},
	} {
		t.Run(name, func(t *testing.T) {
			env := environment()
			maps.Copy(env, change)
			_, err := ReadConfig(func(name string) string { return env[name] })
			if err == nil {
				t.Fatal("it was taken")
			}
			for variable := range change {
				if !strings.HasPrefix(err.Error(), variable+" ") || strings.Contains(err.Error(), "\n") {
					t.Errorf("%q does not name %s, in one sentence", err, variable)
				}
			}
		})
	}
}
