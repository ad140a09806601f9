package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/counterfoil/counterfoil/pkg/api"
	"github.com/counterfoil/counterfoil/pkg/signer"
)

// An idp is the local sign-in: an OpenID provider for people without passwords,
// so that a laptop needs no other. It never answers but on this machine.
type idp struct {
	issuer string // http://127.0.0.1:PORT/idp
	// audience of its access tokens: the service that people sign in to.
	audience string
	key      *signer.Local
	people   *people
	codes    codes
	sessions sessions
	now      func() time.Time
}

// The paths of the sign-in.
const (
	idpPath       = "/idp"
	idpDiscovery  = "/idp/.well-known/openid-configuration"
	idpKeys       = "/idp/jwks"
	idpAuthorize  = "/idp/authorize"
	idpToken      = "/idp/token"
	idpLogout     = "/idp/logout"
	idpSigningAlg = signer.RS256
)

// routes are the sign-in's methods and paths.
func (p *idp) routes() map[string]http.HandlerFunc {
	// Somebody else's page must not sign a person in by a form of its own.
	guarded := http.NewCrossOriginProtection().Handler(http.HandlerFunc(p.authorize))
	readable := func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) }
	return map[string]http.HandlerFunc{
		"GET " + idpDiscovery:     acrossOrigins(p.discovery),
		"GET " + idpKeys:          acrossOrigins(p.keys),
		"POST " + idpToken:        acrossOrigins(p.token),
		"OPTIONS " + idpDiscovery: acrossOrigins(readable),
		"OPTIONS " + idpKeys:      acrossOrigins(readable),
		"OPTIONS " + idpToken:     acrossOrigins(readable),
		"GET " + idpAuthorize:     p.authorize,
		"POST " + idpAuthorize:    guarded.ServeHTTP,
		"GET " + idpLogout:        p.logout,
		"POST " + idpLogout:       p.logout,
	}
}

// discovery is the document of OIDC Discovery section 3.
func (p *idp) discovery(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{
		"issuer":                                p.issuer,
		"authorization_endpoint":                p.audience + idpAuthorize,
		"token_endpoint":                        p.audience + idpToken,
		"jwks_uri":                              p.audience + idpKeys,
		"end_session_endpoint":                  p.audience + idpLogout,
		"prompt_values_supported":               []string{"none", "login", "select_account"},
		"response_types_supported":              []string{"code"},
		"response_modes_supported":              []string{"query"},
		"grant_types_supported":                 []string{grantCode, grantPassword},
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": []string{idpSigningAlg},
		"token_endpoint_auth_methods_supported": []string{"none"},
		"code_challenge_methods_supported":      []string{"S256"},
		"scopes_supported":                      idpScopes,
		"claims_supported": []string{
			"iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "name", "preferred_username", "groups",
		},
		"request_uri_parameter_supported": false, // left out, it would mean true
	})
}

func (p *idp) keys(w http.ResponseWriter, _ *http.Request) {
	set := jose.JSONWebKeySet{}
	for _, key := range p.key.Keys() {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: key.Public, KeyID: key.ID, Algorithm: key.Algorithm, Use: "sig"})
	}
	writeJSON(w, http.StatusOK, set)
}

// acrossOrigins lets pages of this machine, whatever their port, read an
// answer: a developer's console is served by another program.
func acrossOrigins(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Vary", "Origin")
		if origin := r.Header.Get("Origin"); origin != "" && isLoopback(origin) {
			header.Set("Access-Control-Allow-Origin", origin)
			header.Set("Access-Control-Allow-Methods", "GET, POST")
			header.Set("Access-Control-Allow-Headers", api.AllowHeaders)
			header.Set("Access-Control-Max-Age", api.MaxAge)
		}
		next(w, r)
	}
}

// isLoopback reports whether an address is http on this machine, by a name
// that nobody else's DNS can answer for.
func isLoopback(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" || u.Opaque != "" || u.User != nil {
		return false
	}
	switch u.Hostname() {
	case "localhost", "127.0.0.1", "::1":
		return true
	}
	return false
}

func writeJSON(w http.ResponseWriter, status int, document any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(document)
}
