package handler_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/counterfoil/counterfoil/pkg/api"
	"github.com/counterfoil/counterfoil/pkg/handler"
)

const theirRoutes = `[{"method": "GET", "path": "/things", "scope": "things:read"}]`

func TestReadGuard(t *testing.T) {
	full := map[string]string{
		api.EnvIssuer:       "https://pat.example.com",
		api.EnvAudience:     "https://things.example.com",
		api.EnvSessions:     "false",
		api.EnvGatewayCache: "true",
	}
	with := func(name, value string) func(string) string {
		return func(asked string) string {
			if asked == name {
				return value
			}
			return full[asked]
		}
	}
	file := fstest.MapFS{api.RoutesFile: {Data: []byte(theirRoutes)}}

	g, err := handler.ReadGuard(with("", ""), file)
	if err != nil {
		t.Fatal(err)
	}
	if !g.Guest || g.Sessions || !g.Cached || g.Audience != full[api.EnvAudience] || len(g.Routes) != 1 || g.Routes[0].Scope != "things:read" {
		t.Errorf("somebody else's API: %+v", g)
	}
	g, err = handler.ReadGuard(with(api.EnvAudience, ""), fstest.MapFS{})
	if err != nil {
		t.Fatal(err)
	}
	if g.Guest || !g.Sessions || g.Cached || g.Audience != full[api.EnvIssuer] || len(g.Routes) != len(api.Routes) {
		t.Errorf("our own API: %+v", g)
	}

	for name, row := range map[string]struct {
		variable, value string
		beside          fstest.MapFS
		want            string
	}{
		"somebody else's API whose routes got lost":  {"", "", fstest.MapFS{}, api.RoutesFile},
		"routes that cannot be read":                 {"", "", fstest.MapFS{api.RoutesFile: {Data: []byte("[")}}, api.RoutesFile},
		"routes without an audience":                 {api.EnvAudience, "", file, api.EnvAudience},
		"routes without a word about sessions":       {api.EnvSessions, "", file, api.EnvSessions},
		"routes and neither yes nor no to sessions":  {api.EnvSessions, "yes", file, api.EnvSessions},
		"routes without a word about a cache":        {api.EnvGatewayCache, "", file, api.EnvGatewayCache},
		"routes and something else about the caches": {api.EnvGatewayCache, "300", file, api.EnvGatewayCache},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := handler.ReadGuard(with(row.variable, row.value), row.beside); err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("%v does not name %s", err, row.want)
			}
		})
	}
}
