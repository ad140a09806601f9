// Package api is the promise to clients: the routes, what the gateway itself
// answers, the types on the wire and openapi.yaml, held together by a test. It
// knows neither the rules (package pat) nor who serves a route.
//
// It is ours: others import pkg/client or read openapi.yaml.
package api

import "strings"

// A Guard says which credentials a route lets through.
type Guard string

const (
	// Open routes ask for no credential: whoever calls shows one in the form,
	// or none is needed.
	Open Guard = "open"
	// Person routes are for sessions alone. Tokens cannot manage tokens.
	Person Guard = "person"
	// Administrator routes are for sessions of the administrators' group.
	Administrator Guard = "administrator"
	// Any routes take every kind of good credential that holds the Scope.
	Any Guard = "any"
)

// A Route is one line of the promise.
type Route struct {
	// Verb names the route's file in packages pat and handler, and its event.
	// Routes of somebody else's API have none, and no Function.
	Verb string
	// Function is the Lambda function that serves it: routes that need the
	// same rights share one.
	Function string
	Method   string
	// Path may hold {name} for one segment, as API Gateway, OpenAPI and
	// net/http all spell it.
	Path  string
	Guard Guard
	// Scope that the credential must hold; empty means none.
	Scope string
	// Recent routes want, where the policy says so, a session whose person signed
	// in lately (RFC 9470).
	Recent bool
}

// Routes is the only table of our own routes. The stack deploys it, the local
// gateway serves it, and a test holds openapi.yaml to it.
var Routes = []Route{
	{Verb: "create", Function: "create", Method: "POST", Path: "/tokens", Guard: Person, Recent: true},
	{Verb: "list", Function: "list", Method: "GET", Path: "/tokens", Guard: Person},
	{Verb: "get", Function: "list", Method: "GET", Path: "/tokens/{id}", Guard: Person},
	{Verb: "update", Function: "update", Method: "PATCH", Path: "/tokens/{id}", Guard: Person},
	{Verb: "rotate", Function: "update", Method: "POST", Path: "/tokens/{id}/rotate", Guard: Person, Recent: true},
	{Verb: "revoke", Function: "revoke", Method: "DELETE", Path: "/tokens/{id}", Guard: Person},
	{Verb: "trail", Function: "list", Method: "GET", Path: "/tokens/{id}/trail", Guard: Person},
	{Verb: "scopes", Function: "list", Method: "GET", Path: "/scopes", Guard: Person},
	{Verb: "limits", Function: "list", Method: "GET", Path: "/limits", Guard: Person},
	{Verb: "whoami", Function: "whoami", Method: "GET", Path: "/whoami", Guard: Any},
	{Verb: "policy", Function: "admin", Method: "GET", Path: "/admin/policy", Guard: Administrator, Recent: true},
	{Verb: "setpolicy", Function: "admin", Method: "PUT", Path: "/admin/policy", Guard: Administrator, Recent: true},
	{Verb: "preview", Function: "admin", Method: "POST", Path: "/admin/policy/preview", Guard: Administrator, Recent: true},
	{Verb: "listall", Function: "admin", Method: "GET", Path: "/admin/tokens", Guard: Administrator, Recent: true},
	{Verb: "getany", Function: "admin", Method: "GET", Path: "/admin/tokens/{id}", Guard: Administrator, Recent: true},
	{Verb: "revokeany", Function: "admin", Method: "DELETE", Path: "/admin/tokens/{id}", Guard: Administrator, Recent: true},
	{Verb: "trailall", Function: "admin", Method: "GET", Path: "/admin/trail", Guard: Administrator, Recent: true},
	{Verb: "people", Function: "admin", Method: "GET", Path: "/admin/people", Guard: Administrator, Recent: true},
	{Verb: "disable", Function: "admin", Method: "PATCH", Path: "/admin/people", Guard: Administrator, Recent: true},
	{Verb: "revokeall", Function: "admin", Method: "POST", Path: "/admin/people/revoke-all", Guard: Administrator, Recent: true},
	{Verb: "exchange", Function: "exchange", Method: "POST", Path: "/oauth/token", Guard: Open},
	{Verb: "introspect", Function: "introspect", Method: "POST", Path: "/oauth/introspect", Guard: Any, Scope: "introspect"},
	{Verb: "revocation", Function: "revoke", Method: "POST", Path: "/oauth/revoke", Guard: Open},
	{Verb: "report", Function: "report", Method: "POST", Path: "/credentials/report", Guard: Open},
	{Verb: "wellknown", Function: "wellknown", Method: "GET", Path: "/.well-known/openid-configuration", Guard: Open},
	{Verb: "wellknown", Function: "wellknown", Method: "GET", Path: "/.well-known/oauth-authorization-server", Guard: Open},
	{Verb: "wellknown", Function: "wellknown", Method: "GET", Path: "/.well-known/jwks.json", Guard: Open},
	{Verb: "wellknown", Function: "wellknown", Method: "GET", Path: "/.well-known/oauth-protected-resource", Guard: Open},
}

// What a credential and a scope look like, as constants that the stack, the local gateway
// and the rules (by a test) agree on.
const (
	// TokenPattern matches the value of a personal access token.
	TokenPattern = `^cfoil_[0-9A-Za-z]{52}$`
	// ScopePattern matches the name of a scope, wherever it stands in a text.
	ScopePattern = `[a-z0-9:._-]{1,40}`
	// CredentialPattern is the identity validation expression of a TOKEN
	// authorizer: one Bearer or Basic credential, scheme in any case. What
	// does not match is 401 before any function runs. Java and Go read it alike.
	CredentialPattern = `^(?:[Bb][Ee][Aa][Rr][Ee][Rr]|[Bb][Aa][Ss][Ii][Cc]) +[0-9A-Za-z._~+/-]+=*$`
)

// BinaryMediaTypes of our REST API. With every type named here API Gateway
// hands the body over in base64, byte for byte; without, it would repair
// invalid UTF-8 before we can refuse it.
var BinaryMediaTypes = []string{"*/*"}

// Limits on a request, in bytes.
const (
	MaxBody        = 16 << 10 // of a JSON body
	MaxForm        = 64 << 10 // of a form under /oauth/
	MaxHeader      = 10240    // API Gateway's own, all headers together
	MaxGatewayBody = 10 << 20 // API Gateway's own
)

// IsOAuth reports whether a path speaks RFC 6749: forms in, its errors out.
func IsOAuth(path string) bool {
	return strings.HasPrefix(path, "/oauth/")
}
