package main

import (
	"encoding/json"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/pkg/api"
)

// gitServer serves the repositories below root with git's own program for
// that. It is a resource server that knows nothing of tokens: it passes on to
// our whoami what git shows it.
func gitServer(t *testing.T, issuer, root string) string {
	t.Helper()
	git, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	backend := &cgi.Handler{Path: git, Args: []string{"http-backend"}, Env: append(gitEnvironment(),
		"GIT_PROJECT_ROOT="+root, "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=git")}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scope := "notes:read"
		if strings.HasSuffix(r.URL.Path, "/git-receive-pack") || r.URL.Query().Get("service") == "git-receive-pack" {
			scope = "notes:write"
		}
		who, ok := whoIs(t, r, issuer)
		switch {
		case !ok:
			w.Header().Set("WWW-Authenticate", `Basic realm="notes"`)
			w.WriteHeader(http.StatusUnauthorized)
		case !slices.Contains(who.Scopes, scope):
			w.WriteHeader(http.StatusForbidden)
		default:
			backend.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// whoIs asks our API whose credential a request shows.
func whoIs(t *testing.T, r *http.Request, issuer string) (who api.Whoami, ok bool) {
	ask, err := http.NewRequestWithContext(r.Context(), "GET", issuer+"/whoami", nil)
	if err != nil {
		t.Error(err)
		return api.Whoami{}, false
	}
	ask.Header["Authorization"] = r.Header["Authorization"]
	resp, err := http.DefaultClient.Do(ask)
	if err != nil {
		t.Error(err)
		return api.Whoami{}, false
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return api.Whoami{}, false
	}
	if err := json.NewDecoder(resp.Body).Decode(&who); err != nil {
		t.Error(err)
		return api.Whoami{}, false
	}
	return who, true
}
