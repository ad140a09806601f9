package api

// The metrics that a function writes into its log, in CloudWatch's embedded
// metric format, and the stack looks at. A dimension is the function's name or a
// class of refusals: with a token's id or a person, each would be a metric of
// its own, on the bill and for everybody to read.
const (
	MetricNamespace = "Counterfoil"

	MetricGrants       = "Grants"       // requests that an authorizer let through
	MetricExchanges    = "Exchanges"    // answered with a JWT
	MetricRefusals     = "Refusals"     // by DimensionFunction and DimensionClass
	MetricFailures     = "Failures"     // ours: 5xx, or an authorizer that cannot decide
	MetricSigns        = "Signs"        // signatures that the key made
	MetricSignFailures = "SignFailures" // and those that it did not
	MetricStoreLatency = "StoreLatency" // of each round trip, ms

	DimensionFunction = "FunctionName" // as Lambda's own metrics have it
	DimensionClass    = "Class"        // a RefusalClass
)

// A RefusalClass says in one word why a request was refused. The reason itself
// is free text and stays in the log.
type RefusalClass string

// The classes. There are no others.
const (
	ClassMalformed RefusalClass = "malformed" // no credential, or nothing that could be one
	ClassToken     RefusalClass = "token"     // a token's value that is not good: unknown, replaced, ended, revoked
	ClassJWT       RefusalClass = "jwt"       // a session or an exchanged token that is not good
	ClassRights    RefusalClass = "rights"    // a good credential that may not: 403
	ClassRequest   RefusalClass = "request"   // a bad request: 400, 413, 415
	ClassNotFound  RefusalClass = "not_found" // 404
	ClassState     RefusalClass = "state"     // not now: 409
)
