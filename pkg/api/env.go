package api

// The environment variables that configure a function. The stack sets them,
// package handler reads them.
const (
	// EnvIssuer is our own address, https and without a slash at the end.
	EnvIssuer = "COUNTERFOIL_ISSUER"
	// EnvPeopleIssuer is the OIDC issuer that signs people in.
	EnvPeopleIssuer = "COUNTERFOIL_PEOPLE_ISSUER"
	// EnvClients are the client ids that people sign in with, space separated.
	EnvClients = "COUNTERFOIL_CLIENTS"
	// EnvGroupsClaim is the session's claim that holds a person's groups.
	EnvGroupsClaim = "COUNTERFOIL_GROUPS_CLAIM"
	// EnvAdminGroup is the group of the administrators. Where it is not set there
	// are none.
	EnvAdminGroup = "COUNTERFOIL_ADMIN_GROUP"
	// EnvOrigin is the console's.
	EnvOrigin = "COUNTERFOIL_CONSOLE_ORIGIN"
	// EnvCLIClient is the client id of the command line.
	EnvCLIClient = "COUNTERFOIL_CLI_CLIENT"
	// EnvAudiences may be asked for at exchange, space separated.
	EnvAudiences = "COUNTERFOIL_AUDIENCES"
	// EnvLifetime is that of an exchanged JWT, in seconds: 60–3600.
	EnvLifetime = "COUNTERFOIL_JWT_LIFETIME"

	// What an authorizer in front of somebody else's API reads beside these.

	// EnvAudience is what a JWT must be for.
	EnvAudience = "COUNTERFOIL_AUDIENCE"
	// EnvSessions is true where people's sessions are let through, else false.
	EnvSessions = "COUNTERFOIL_SESSIONS"
	// EnvGatewayCache is true where API Gateway keeps the authorizer's answers,
	// else false.
	EnvGatewayCache = "COUNTERFOIL_GATEWAY_CACHE"
)

// RoutesFile lies beside the binary of such an authorizer: a function's
// environment is too small for a route table. ParseRoutes reads it.
const RoutesFile = "routes.json"
