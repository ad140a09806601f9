package api

// Token is a personal access token as its owner sees it. Times are RFC 3339 in
// UTC and whole seconds.
type Token struct {
	ID                 string   `json:"id"`
	Name               string   `json:"name"`
	Description        string   `json:"description"`
	Owner              string   `json:"owner"`
	Scopes             []string `json:"scopes"`
	Hint               string   `json:"hint"`
	Status             string   `json:"status"`
	CreatedAt          string   `json:"created_at"`
	ExpiresAt          *string  `json:"expires_at"`
	EffectiveExpiresAt *string  `json:"effective_expires_at"`
	RotatedAt          *string  `json:"rotated_at"`
	PreviousValidUntil *string  `json:"previous_valid_until"`
	LastUsedAt         *string  `json:"last_used_at"`
	LastUsedIP         *string  `json:"last_used_ip"`
	RevokedAt          *string  `json:"revoked_at"`
	AllowedCIDRs       []string `json:"allowed_cidrs"`
	ScopesUsed         []string `json:"scopes_used"` // sorted
}

// CreatedToken is the answer to a create: the only one, beside a rotate's, that
// holds the value.
type CreatedToken struct {
	Token
	Value string `json:"token"`
}

// TokenList is one page. It may be shorter than asked, even empty, while there
// is a NextCursor.
type TokenList struct {
	Tokens     []Token `json:"tokens"`
	NextCursor string  `json:"next_cursor,omitempty"`
}

// Event is one thing that happened, in the JSON of CloudEvents 1.0
// (https://github.com/cloudevents/spec, json-format.md). An ID that was seen
// before, from the same Source, is the same event again.
type Event struct {
	SpecVersion     string    `json:"specversion"` // 1.0
	ID              string    `json:"id"`
	Source          string    `json:"source"` // the issuer
	Type            string    `json:"type"`
	Subject         string    `json:"subject,omitempty"` // the token's id, or a person's sub
	Time            string    `json:"time"`
	DataContentType string    `json:"datacontenttype"` // application/json
	Data            EventData `json:"data"`
}

// EventData is what an event says beside what every CloudEvent does.
type EventData struct {
	By      EventDoer `json:"by"`
	TokenID string    `json:"token_id,omitempty"`
	Owner   string    `json:"owner,omitempty"` // sub
	// IP is where it was done from, where that is known and the reader's to know.
	IP        string `json:"ip,omitempty"`
	RequestID string `json:"request_id,omitempty"`

	Changed []string `json:"changed,omitempty"` // the fields that an update changed
	Network string   `json:"network,omitempty"` // a new one
	Reason  string   `json:"reason,omitempty"`  // of a refusal
	EndsAt  string   `json:"ends_at,omitempty"` // what a warning is about
	Days    int      `json:"days,omitempty"`    // and how far ahead it comes: 30, 7, 1
}

// EventDoer is who did it.
type EventDoer struct {
	Kind    string `json:"kind,omitempty"`
	Subject string `json:"sub,omitempty"`
}

// EventList is one page.
type EventList struct {
	Events     []Event `json:"events"`
	NextCursor string  `json:"next_cursor,omitempty"`
}

// Nothing is an answer that says nothing: {}.
type Nothing struct{}

// Scope is a line of the catalogue as one person sees it.
type Scope struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Category    string `json:"category"`
	Sensitive   bool   `json:"sensitive"`
	// Grantable tells whether this person may give it to a token.
	Grantable bool `json:"grantable"`
}

// ScopeList is the whole catalogue.
type ScopeList struct {
	Scopes []Scope `json:"scopes"`
}

// Limits are what the administrators' policy means for one person. Null limits
// nothing.
type Limits struct {
	// MayCreate tells whether this person may create tokens at all.
	MayCreate bool `json:"may_create"`
	// MayAdminister tells whether this person is an administrator.
	MayAdminister       bool `json:"may_administer"`
	MaxLifetimeDays     *int `json:"max_lifetime_days"`
	DefaultLifetimeDays *int `json:"default_lifetime_days"`
	RequireExpiry       bool `json:"require_expiry"`
	MaxTokensPerPerson  int  `json:"max_tokens_per_person"`
}

// Whoami tells a credential what it is.
type Whoami struct {
	Subject   string   `json:"sub"`
	Kind      string   `json:"kind"`
	Name      string   `json:"name,omitempty"`
	TokenID   string   `json:"token_id,omitempty"`
	TokenName string   `json:"token_name,omitempty"`
	Scopes    []string `json:"scopes"`
	Groups    []string `json:"groups,omitzero"` // sessions only, then never null
	ExpiresAt *string  `json:"expires_at"`
	Actor     *Actor   `json:"act,omitempty"`
}

// Actor is who acts for the subject of a JWT (RFC 8693 section 4.1).
type Actor struct {
	Subject string `json:"sub"`
	TokenID string `json:"pat,omitempty"`
	Gen     int    `json:"gen,omitempty"`
}

// TokenPolicy is what the administrators decided; null limits nothing.
type TokenPolicy struct {
	MaxLifetimeDays     *int     `json:"max_lifetime_days"`
	DefaultLifetimeDays *int     `json:"default_lifetime_days"`
	RequireExpiry       bool     `json:"require_expiry"`
	MaxTokensPerPerson  int      `json:"max_tokens_per_person"`
	CreatorGroups       []string `json:"creator_groups"` // null for everybody, empty for nobody
	MaxIdleDays         *int     `json:"max_idle_days"`
	MaxAbsenceDays      *int     `json:"max_absence_days"`
	ReauthSeconds       *int     `json:"reauth_seconds"`
}

// PolicyPreview is what a policy would stop.
type PolicyPreview struct {
	Tokens int `json:"tokens"`
	People int `json:"people"`
	// Complete is false where there are more tokens than were looked at.
	Complete bool `json:"complete"`
}

// Profile is a person as an administrator sees them.
type Profile struct {
	Subject      string   `json:"sub"`
	Disabled     bool     `json:"disabled"`
	Groups       []string `json:"groups"`
	TokensActive int      `json:"tokens_active"`
	LastSeenAt   *string  `json:"last_seen_at"`
}

// RevokedAll is the answer to a revoke-all.
type RevokedAll struct {
	Revoked int `json:"revoked"`
}

// Exchanged is the answer of RFC 8693 section 2.2.1.
type Exchanged struct {
	AccessToken     string `json:"access_token"`
	IssuedTokenType string `json:"issued_token_type"`
	TokenType       string `json:"token_type"` // Bearer
	ExpiresIn       int64  `json:"expires_in"` // seconds
	Scope           string `json:"scope"`

	// With the scope credentials: temporary AWS credentials.
	AWSAccessKeyID           string `json:"aws_access_key_id,omitempty"`
	AWSSecretAccessKey       string `json:"aws_secret_access_key,omitempty"`
	AWSSessionToken          string `json:"aws_session_token,omitempty"`
	AWSCredentialsExpiration string `json:"aws_credentials_expiration,omitempty"`
}

// Problem is an error outside /oauth/*, and every answer of the gateway itself:
// RFC 9457, application/problem+json.
type Problem struct {
	Type  string `json:"type"` // urn:counterfoil:<code>
	Title string `json:"title"`
	// Status is left out where the gateway keeps one that it cannot repeat.
	Status       int          `json:"status,omitzero"`
	Detail       string       `json:"detail,omitempty"`
	Code         string       `json:"code"`
	Errors       []FieldError `json:"errors,omitempty"`
	MissingScope *string      `json:"missing_scope,omitempty"`
	MaxAge       int64        `json:"max_age,omitzero"` // seconds; of SignInAgain
}

// FieldError is one thing wrong with one field.
type FieldError struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// OAuthError is an error that our code finds under /oauth/*: RFC 6749
// section 5.2.
type OAuthError struct {
	Error       string `json:"error"`
	Description string `json:"error_description,omitempty"`
}

// Metadata is OIDC discovery's document, and RFC 8414's: they are the same.
type Metadata struct {
	Issuer                string   `json:"issuer"`
	AuthorizationEndpoint string   `json:"authorization_endpoint"`
	TokenEndpoint         string   `json:"token_endpoint"`
	JWKSURI               string   `json:"jwks_uri"`
	ScopesSupported       []string `json:"scopes_supported"`
	ResponseTypes         []string `json:"response_types_supported"`
	SubjectTypes          []string `json:"subject_types_supported"`
	GrantTypes            []string `json:"grant_types_supported"`
	SigningAlgorithms     []string `json:"id_token_signing_alg_values_supported"`
	TokenEndpointAuth     []string `json:"token_endpoint_auth_methods_supported"`
	IntrospectionEndpoint string   `json:"introspection_endpoint"`
	IntrospectionAuth     []string `json:"introspection_endpoint_auth_methods_supported"`
	RevocationEndpoint    string   `json:"revocation_endpoint"`
	RevocationAuth        []string `json:"revocation_endpoint_auth_methods_supported"`
}

// ProtectedResource is the document of RFC 9728.
type ProtectedResource struct {
	Resource             string   `json:"resource"`
	AuthorizationServers []string `json:"authorization_servers"`
	ScopesSupported      []string `json:"scopes_supported"`
	BearerMethods        []string `json:"bearer_methods_supported"`
	// CLIClientID is what a command line signs in as.
	CLIClientID string `json:"cli_client_id"`
}

// Introspection is the answer of RFC 7662 section 2.2. For what is not good it
// is exactly {"active": false}.
type Introspection struct {
	Active    bool     `json:"active"`
	Subject   string   `json:"sub,omitempty"`
	Username  string   `json:"username,omitempty"`
	Scope     *string  `json:"scope,omitempty"` // what it may do now; can be empty
	ClientID  string   `json:"client_id,omitempty"`
	TokenType string   `json:"token_type,omitempty"` // Bearer
	Issuer    string   `json:"iss,omitempty"`
	Audience  Audience `json:"aud,omitempty"`
	IssuedAt  int64    `json:"iat,omitempty"` // Unix seconds
	ExpiresAt int64    `json:"exp,omitempty"` // Unix seconds; absent for never
	JWTID     string   `json:"jti,omitempty"`
	TokenID   string   `json:"pat,omitempty"`
	Actor     *Actor   `json:"act,omitempty"`
}
