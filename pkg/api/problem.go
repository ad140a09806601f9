package api

// A Code is the word in a problem document that a client can rely on.
type Code string

// The codes of the contract's table.
const (
	InvalidRequest       Code = "invalid_request"
	Unauthorized         Code = "unauthorized"
	SignInAgain          Code = "insufficient_user_authentication" // RFC 9470
	InsufficientScope    Code = "insufficient_scope"
	Forbidden            Code = "forbidden"
	NotFound             Code = "not_found"
	NameTaken            Code = "name_taken"
	TokenLimit           Code = "token_limit"
	TokenNotActive       Code = "token_not_active"
	Conflict             Code = "conflict"
	TooLarge             Code = "too_large"
	UnsupportedMediaType Code = "unsupported_media_type"
	TooManyRequests      Code = "too_many_requests"
	Internal             Code = "internal"
	Unavailable          Code = "unavailable"
)

// problems maps every code to its status and title. The two codes of 403 share
// a title: the gateway's answer has room for one (see GatewayAnswer.Template),
// and a type never has two titles (RFC 9457 section 3.1.3).
var problems = map[Code]struct {
	status int
	title  string
}{
	InvalidRequest:       {400, "The request is not valid"},
	Unauthorized:         {401, "No good credential"},
	SignInAgain:          {401, "Sign in again"},
	InsufficientScope:    {403, "Not allowed"},
	Forbidden:            {403, "Not allowed"},
	NotFound:             {404, "Not found"},
	NameTaken:            {409, "The name is taken"},
	TokenLimit:           {409, "No more tokens allowed"},
	TokenNotActive:       {409, "The token is not active"},
	Conflict:             {409, "Changed meanwhile"},
	TooLarge:             {413, "Too large"},
	UnsupportedMediaType: {415, "Unsupported media type"},
	TooManyRequests:      {429, "Too many requests"},
	Internal:             {500, "Internal error"},
	Unavailable:          {503, "Unavailable"},
}

// problemType is what the type of every problem starts with; the code follows.
const problemType = "urn:counterfoil:"

// NewProblem returns the document of a code, without details.
func NewProblem(code Code) Problem {
	p := problems[code]
	return Problem{Type: problemType + string(code), Title: p.title, Status: p.status, Code: string(code)}
}
