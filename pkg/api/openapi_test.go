package api

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"maps"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

func loadOpenAPI(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return doc
}

// described are our routes, and those of the example that the document has too.
func described(t *testing.T) (ours, example []Route) {
	t.Helper()
	text, err := os.ReadFile("../../examples/notes/routes.json")
	if err != nil {
		t.Fatal(err)
	}
	example, err = ParseRoutes(text)
	if err != nil {
		t.Fatal(err)
	}
	return Routes, example
}

// operations are the document's, by method and path.
func operations(doc *openapi3.T) map[string]*openapi3.Operation {
	all := map[string]*openapi3.Operation{}
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			all[method+" "+path] = operation
		}
	}
	return all
}

func TestOpenAPIHasEveryRouteAndNoOther(t *testing.T) {
	ours, example := described(t)
	var want []string
	for _, r := range slices.Concat(ours, example) {
		want = append(want, r.Method+" "+r.Path)
	}
	slices.Sort(want)
	if got := slices.Sorted(maps.Keys(operations(loadOpenAPI(t)))); !slices.Equal(got, want) {
		t.Errorf("openapi.yaml has %q\nthe routes are   %q", got, want)
	}
}

func TestOpenAPISaysWhoMayCall(t *testing.T) {
	all := operations(loadOpenAPI(t))
	ours, example := described(t)
	want := map[Guard][]string{Open: nil, Person: {"basic", "session"}, Administrator: {"basic", "session"}, Any: {"basic", "credential"}}
	for _, r := range slices.Concat(ours, example) {
		operation := all[r.Method+" "+r.Path]
		if operation.Security == nil {
			t.Errorf("%s %s says nothing", r.Method, r.Path)
			continue
		}
		var got []string
		for _, scheme := range *operation.Security {
			got = append(got, slices.Collect(maps.Keys(scheme))...)
		}
		slices.Sort(got)
		if !slices.Equal(got, want[r.Guard]) {
			t.Errorf("%s %s: got %q, want %q", r.Method, r.Path, got, want[r.Guard])
		}
		if isExample := slices.Contains(operation.Tags, "Example"); isExample != slices.Contains(example, r) {
			t.Errorf("%s %s has the tags %q", r.Method, r.Path, operation.Tags)
		}
		again := operation.Responses.Status(401)
		if r.Recent != (again != nil && len(again.Value.Content["application/problem+json"].Schema.Value.OneOf) == 2) {
			t.Errorf("%s %s says otherwise whether its person may have to sign in again", r.Method, r.Path)
		}
		if r.Scope != "" && !strings.Contains(operation.Description, "`"+r.Scope+"`") {
			t.Errorf("%s %s does not say that it needs %s", r.Method, r.Path, r.Scope)
		}
	}
}

// TestOpenAPIDescribesTheGatewaysAnswers sends every answer that the gateway
// can give at a route through the check that tests use for all answers.
func TestOpenAPIDescribesTheGatewaysAnswers(t *testing.T) {
	doc := loadOpenAPI(t)
	ours, example := described(t)
	guarded := []int{401, 403} // what an authorizer alone can cause
	checked := 0
	for _, r := range slices.Concat(ours, example) {
		for name, answer := range GatewayAnswers {
			if r.Guard == Open && slices.Contains(guarded, answer.Status) {
				continue
			}
			if answer.Status == 0 {
				continue // is for types of answers that do not exist yet
			}
			denials := []map[string]string{nil}
			if name == "ACCESS_DENIED" && r.Scope != "" {
				denials = append(denials, map[string]string{ContextCode: "insufficient_scope", ContextMissingScope: r.Scope})
			}
			for _, denial := range denials {
				status, header, body := answer.Render("https://console.example", "r-1", denial)
				if err := checkAnswer(t, doc, r, status, header, body); err != nil {
					t.Errorf("%s at %s %s: %v", name, r.Method, r.Path, err)
				}
				checked++
			}
		}
	}
	if checked == 0 {
		t.Fatal("nothing checked")
	}
}

// checkAnswer holds an answer against the document.
func checkAnswer(t *testing.T, doc *openapi3.T, r Route, status int, header map[string]string, body string) error {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), r.Method, "https://api.example"+r.Path, nil)
	if err != nil {
		t.Fatal(err)
	}
	item := doc.Paths.Value(r.Path)
	in := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{
			Request: request,
			Route:   &routers.Route{Spec: doc, Path: r.Path, PathItem: item, Method: r.Method, Operation: item.GetOperation(r.Method)},
		},
		Status:  status,
		Header:  http.Header{},
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
		Body:    io.NopCloser(strings.NewReader(body)),
	}
	for name, value := range header {
		in.Header.Set(name, value)
	}
	return openapi3filter.ValidateResponse(t.Context(), in)
}

func TestOpenAPIRefusesOtherAnswers(t *testing.T) {
	doc := loadOpenAPI(t)
	whoami := Route{Method: "GET", Path: "/whoami"}
	status, header, body := GatewayAnswers["UNAUTHORIZED"].Render("https://console.example", "r-1", nil)
	without := func(name string) map[string]string {
		h := maps.Clone(header)
		delete(h, name)
		return h
	}
	with := func(name, value string) map[string]string {
		h := maps.Clone(header)
		h[name] = value
		return h
	}
	if err := checkAnswer(t, doc, whoami, status, header, body); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		status int
		header map[string]string
		body   string
	}{
		"another status":               {400, header, body},
		"a status with another's body": {404, header, body},
		"another type of content":      {status, with("Content-Type", "application/json"), body},
		"no type of content":           {status, without("Content-Type"), body},
		"no request id":                {status, without("X-Request-Id"), body},
		"an answer that may be kept":   {status, with("Cache-Control", "public"), body},
		"no word on keeping it":        {status, without("Cache-Control"), body},
		"every origin":                 {status, with("Access-Control-Allow-Origin", "*"), body},
		"no origin":                    {status, without("Access-Control-Allow-Origin"), body},
		"headers for nobody":           {status, without("Access-Control-Expose-Headers"), body},
		"a reason in the challenge":    {status, with("WWW-Authenticate", `Bearer error="invalid_token"`), body},
		"a reason in the body":         {status, header, strings.Replace(body, `}`, `,"detail":"the token is revoked"}`, 1)},
		"a member nobody described":    {status, header, strings.Replace(body, `}`, `,"leak":""}`, 1)},
		"another title":                {status, header, strings.Replace(body, "No good credential", "The token is revoked", 1)},
		"API Gateway's own message":    {status, header, `{"message":"Unauthorized"}`},
		"an empty body":                {status, header, ``},
	} {
		t.Run(name, func(t *testing.T) {
			if err := checkAnswer(t, doc, whoami, tt.status, tt.header, tt.body); err == nil {
				t.Error("the check lets it through")
			}
		})
	}
}

func TestOpenAPIAnswersHaveTheCommonHeaders(t *testing.T) {
	ours, example := described(t)
	all := operations(loadOpenAPI(t))
	checked := 0
	for _, r := range slices.Concat(ours, example) {
		for status, response := range all[r.Method+" "+r.Path].Responses.Map() {
			want := []string{"X-Request-Id", "Cache-Control", "Access-Control-Allow-Origin"}
			// What the example says by itself is its own affair.
			if _, own := response.Value.Headers["Access-Control-Expose-Headers"]; !own && slices.Contains(ours, r) {
				t.Errorf("%s %s %s lets a browser read no header", r.Method, r.Path, status)
			}
			if status == "429" || status == "503" {
				want = append(want, "Retry-After")
			}
			for _, name := range want {
				if h := response.Value.Headers[name]; h == nil || !h.Value.Required {
					t.Errorf("%s %s %s may lack %s", r.Method, r.Path, status, name)
				}
			}
			if response.Value.Headers["WWW-Authenticate"] == nil && (status == "401" || status == "403") {
				t.Errorf("%s %s %s says nothing of WWW-Authenticate", r.Method, r.Path, status)
			}
			checked++
		}
	}
	if checked == 0 {
		t.Fatal("nothing checked")
	}
}

// TestOpenAPIAnswersAreClosed: an answer with a member too many, which may be a
// leak, must fail the check; so every object of every answer is closed.
func TestOpenAPIAnswersAreClosed(t *testing.T) {
	closed := 0
	var walk func(where string, s *openapi3.SchemaRef, narrows bool)
	walk = func(where string, s *openapi3.SchemaRef, narrows bool) {
		if s == nil {
			return
		}
		if s.Value.Type.Is("object") && !narrows {
			if has := s.Value.AdditionalProperties.Has; has == nil || *has {
				t.Errorf("%s: an object that is open", where)
			}
			closed++
		}
		for name, p := range s.Value.Properties {
			walk(where+"."+name, p, false)
		}
		for i, one := range s.Value.AllOf {
			walk(where, one, i > 0) // the first is closed, and binds the others
		}
		for _, one := range slices.Concat(s.Value.OneOf, s.Value.AnyOf) {
			walk(where, one, false)
		}
		walk(where+"[]", s.Value.Items, false)
	}
	for name, operation := range operations(loadOpenAPI(t)) {
		for status, response := range operation.Responses.Map() {
			for media, content := range response.Value.Content {
				walk(name+" "+status+" "+media, content.Schema, false)
			}
		}
	}
	if closed == 0 {
		t.Fatal("no object in any answer")
	}
}

func TestOpenAPIProblemsAreOurs(t *testing.T) {
	doc := loadOpenAPI(t)
	var codes []string
	for code := range problems {
		codes = append(codes, string(code))
	}
	slices.Sort(codes)
	var got []string
	for _, code := range doc.Components.Schemas["Problem"].Value.Properties["code"].Value.Enum {
		got = append(got, code.(string))
	}
	slices.Sort(got)
	if !slices.Equal(got, codes) {
		t.Errorf("openapi.yaml has the codes %q\nthe table has           %q", got, codes)
	}
	checked := 0
	for name, schema := range doc.Components.Schemas {
		if !strings.HasSuffix(name, "Problem") || name == "Problem" || name == "NoteProblem" {
			continue
		}
		only := func(property string) any {
			enum := schema.Value.Properties[property].Value.Enum
			if len(enum) != 1 {
				t.Fatalf("%s: %s may be %v", name, property, enum)
			}
			return enum[0]
		}
		want := NewProblem(Code(only("code").(string)))
		if only("type") != want.Type || only("title") != want.Title || only("status") != float64(want.Status) {
			t.Errorf("%s: got %v %v %v, want %+v", name, only("type"), only("title"), only("status"), want)
		}
		checked++
	}
	if checked == 0 {
		t.Fatal("no problem has a schema of its own")
	}
	for code, p := range problems {
		if err := visit(t, doc, "Problem", NewProblem(code)); err != nil {
			t.Errorf("%s (%d): %v", code, p.status, err)
		}
	}
	for name, answer := range GatewayAnswers {
		_, _, body := answer.Render("https://console.example", "r-1", nil)
		if err := visit(t, doc, "Problem", json.RawMessage(body)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOpenAPIStatusesAreTheAnswers(t *testing.T) {
	checked := 0
	for name, operation := range operations(loadOpenAPI(t)) {
		for status, response := range operation.Responses.Map() {
			content := response.Value.Content["application/problem+json"]
			if content == nil {
				continue
			}
			for _, s := range append(content.Schema.Value.OneOf, content.Schema) {
				if s.Value.Properties["status"] == nil {
					continue // the oneOf itself
				}
				want, err := strconv.ParseFloat(status, 64)
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Contains(s.Value.Properties["status"].Value.Enum, any(want)) {
					t.Errorf("%s %s has a body of status %v", name, status, s.Value.Properties["status"].Value.Enum)
				}
				checked++
			}
		}
	}
	if checked == 0 {
		t.Fatal("no answer is a problem")
	}
}

func TestOpenAPISharesOurConstants(t *testing.T) {
	components := loadOpenAPI(t).Components
	schema := func(name string) *openapi3.Schema { return components.Schemas[name].Value }
	header := func(name string) *openapi3.Schema { return components.Headers[name].Value.Schema.Value }
	for name, pair := range map[string][2]any{
		"the value of a token":      {schema("TokenValue").Pattern, TokenPattern},
		"the name of a scope":       {schema("ScopeName").Pattern, scopePattern.String()},
		"a list of scopes":          {schema("InsufficientScopeProblem").Properties["missing_scope"].Value.Pattern, scopeList().String()},
		"a list of granted scopes":  {schema("Exchanged").Properties["scope"].Value.Pattern, scopeList().String()},
		"the headers of a browser":  {header("Access-Control-Expose-Headers").Enum[0], ExposeHeaders},
		"the challenge of 401":      {header("Challenge").Enum[0], GatewayAnswers["UNAUTHORIZED"].WWWAuthenticate},
		"the challenge of 403":      {header("Scope-Challenge").Enum[0], GatewayAnswers["ACCESS_DENIED"].WWWAuthenticate},
		"a time, and a time or not": {schema("Time").Pattern, schema("TimeOrNull").Pattern},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: %v in openapi.yaml, %v here", name, pair[0], pair[1])
		}
	}
}

// Samples of every type on the wire, which its schema must accept. The JSON
// ones have no Go type here.
var (
	aToken = Token{
		ID: "4gT2a0001B", Name: "laptop", Owner: "alice", Scopes: []string{"notes:read"}, Hint: "cfoil_4gT2a0001B…",
		Status: "active", CreatedAt: "2026-01-31T12:00:00Z", AllowedCIDRs: []string{}, ScopesUsed: []string{},
	}
	aFullToken = Token{
		ID: "4gT2a0001B", Name: strings.Repeat("é", 80), Description: strings.Repeat("☃", 500), Owner: "auth0|alice/1",
		Scopes: []string{"notes:read", "a.b_c-d"}, Hint: "cfoil_4gT2a0001B…", Status: "revoked",
		CreatedAt: "2026-01-31T12:00:00Z", ExpiresAt: new("2027-01-31T12:00:00Z"), EffectiveExpiresAt: new("2026-12-31T12:00:00Z"),
		RotatedAt: new("2026-02-01T00:00:00Z"), PreviousValidUntil: new("2026-02-02T00:00:00Z"), LastUsedAt: new("2026-02-01T00:00:01Z"),
		LastUsedIP: new("2001:db8::1"), RevokedAt: new("2026-03-01T00:00:00Z"), AllowedCIDRs: []string{"192.0.2.0/24", "2001:db8::/32"},
		ScopesUsed: []string{"a.b_c-d", "notes:read"},
	}
	aValue   = "cfoil_" + strings.Repeat("0", 52)
	aScope   = Scope{Name: "notes:read", Description: "Read notes.", Category: "Notes", Grantable: true}
	aMessage = FieldError{Field: "name", Message: "is required"}

	anEvent = Event{
		SpecVersion: "1.0", ID: "4gT2a0001B-000001-1795521600000", Source: "https://api.example", Type: "counterfoil.token.created",
		Subject: "4gT2a0001B", Time: "2026-11-24T12:00:00Z", DataContentType: "application/json",
		Data: EventData{By: EventDoer{Kind: "person", Subject: "alice"}, TokenID: "4gT2a0001B", Owner: "alice"},
	}
	samples = map[string][]any{
		"Nothing":   {Nothing{}},
		"EventDoer": {EventDoer{Kind: "person", Subject: "auth0|alice"}, EventDoer{Kind: "holder"}, EventDoer{}},
		"EventData": {
			EventData{
				By: EventDoer{Kind: "person", Subject: "alice"}, TokenID: "4gT2a0001B", Owner: "alice", IP: "2001:db8::1", RequestID: "r-1",
				Changed: []string{"name", "scopes"}, Network: "192.0.2.0/24", Reason: "network", EndsAt: "2026-11-24T12:00:00Z", Days: 7,
			},
			EventData{},
		},
		"Event":        {anEvent, Event{SpecVersion: "1.0", ID: "x", Source: "https://api.example", Type: "counterfoil.token.refused", Time: "2026-11-24T12:00:00Z", DataContentType: "application/json"}},
		"EventList":    {EventList{Events: []Event{anEvent}, NextCursor: "x"}, EventList{Events: []Event{}}},
		"Token":        {aToken, aFullToken},
		"CreatedToken": {CreatedToken{Token: aToken, Value: aValue}, CreatedToken{Token: aFullToken, Value: aValue}},
		"TokenList":    {TokenList{Tokens: []Token{}}, TokenList{Tokens: []Token{aToken, aFullToken}, NextCursor: "abc"}, TokenList{Tokens: []Token{}, NextCursor: "abc"}},
		"Scope":        {aScope},
		"ScopeList":    {ScopeList{Scopes: []Scope{}}, ScopeList{Scopes: []Scope{aScope}}},
		"Whoami": {
			Whoami{Subject: "alice", Kind: "person", Name: "Alice", Scopes: []string{}, Groups: []string{}, ExpiresAt: new("2026-01-31T12:00:00Z")},
			Whoami{Subject: "alice", Kind: "person", Scopes: []string{"notes:read"}, Groups: []string{"users"}, ExpiresAt: new("2026-01-31T12:00:00Z")},
			Whoami{Subject: "alice", Kind: "pat", TokenID: "4gT2a0001B", TokenName: "laptop", Scopes: []string{}},
			Whoami{Subject: "alice", Kind: "exchanged", TokenID: "4gT2a0001B", TokenName: "laptop", Scopes: []string{}, ExpiresAt: new("2026-01-31T12:00:00Z")},
			Whoami{Subject: "alice", Kind: "exchanged", Scopes: []string{}, ExpiresAt: new("2026-01-31T12:00:00Z")},
			Whoami{Subject: "alice", Kind: "exchanged", Scopes: []string{}, ExpiresAt: new("2026-01-31T12:00:00Z"), Actor: &Actor{Subject: "bob"}},
		},
		"Actor": {Actor{Subject: "bob"}, Actor{Subject: "bob", TokenID: "4gT2a0001B", Gen: 2}},
		"Introspection": {
			Introspection{Active: true, Subject: "alice", Username: "Alice", Scope: new(""), ClientID: "counterfoil", TokenType: "Bearer", Issuer: "https://api.example/prod", Audience: Audience{"https://api.example/prod"}, IssuedAt: 1, TokenID: "4gT2a0001B"},
			Introspection{Active: true, Subject: "alice", Scope: new("a b"), ClientID: "x", TokenType: "Bearer", Issuer: "https://api.example/prod", Audience: Audience{"a", "b"}, IssuedAt: 1, ExpiresAt: 2, JWTID: "j", Actor: &Actor{Subject: "bob"}},
			Introspection{Active: true, Subject: "alice", Scope: new("a"), ClientID: "x", TokenType: "Bearer", Issuer: "https://people.example", IssuedAt: 1, ExpiresAt: 2},
			Introspection{},
		},
		"Exchanged": {Exchanged{
			AccessToken: "a.b.c", IssuedTokenType: "urn:ietf:params:oauth:token-type:jwt", TokenType: "Bearer", ExpiresIn: 900, Scope: "notes:read notes:write",
		}},
		"Problem": {
			NewProblem(NotFound), NewProblem(Conflict),
			Problem{Type: "urn:counterfoil:invalid_request", Title: "x", Status: 400, Detail: "x", Code: "invalid_request", Errors: []FieldError{aMessage}, MissingScope: new(""), MaxAge: 60},
		},
		"FieldError": {aMessage, FieldError{Field: "é", Message: "is not a field of this request"}},
		"OAuthError": {OAuthError{Error: "server_error"}, OAuthError{Error: "invalid_request", Description: "subject_token is not valid"}},
		"Metadata": {Metadata{
			Issuer: "https://api.example/prod", AuthorizationEndpoint: "urn:counterfoil:none", TokenEndpoint: "https://api.example/prod/oauth/token",
			JWKSURI: "https://api.example/prod/.well-known/jwks.json", ScopesSupported: []string{"notes:read"}, ResponseTypes: []string{"id_token"},
			SubjectTypes: []string{"public"}, GrantTypes: []string{"urn:ietf:params:oauth:grant-type:token-exchange"},
			SigningAlgorithms: []string{"RS256"}, TokenEndpointAuth: []string{"none"},
			IntrospectionEndpoint: "https://api.example/prod/oauth/introspect", IntrospectionAuth: []string{"Bearer"},
			RevocationEndpoint: "https://api.example/prod/oauth/revoke", RevocationAuth: []string{"none"},
		}},
		"ProtectedResource": {ProtectedResource{
			Resource: "http://127.0.0.1:8080", AuthorizationServers: []string{"http://127.0.0.1:8080/idp"}, ScopesSupported: []string{},
			BearerMethods: []string{"header"}, CLIClientID: "cli",
		}},
		"InvalidRequestProblem":    {Problem{Type: "urn:counterfoil:invalid_request", Title: "The request is not valid", Status: 400, Code: "invalid_request", Errors: []FieldError{aMessage}}, NewProblem(InvalidRequest)},
		"InsufficientScopeProblem": {Problem{Type: "urn:counterfoil:insufficient_scope", Title: "Not allowed", Status: 403, Code: "insufficient_scope", MissingScope: new("a b")}},
		"NameTakenProblem":         {NewProblem(NameTaken)},
		"TokenPolicy": {
			TokenPolicy{MaxTokensPerPerson: 50},
			TokenPolicy{
				MaxLifetimeDays: new(90), DefaultLifetimeDays: new(30), RequireExpiry: true, MaxTokensPerPerson: 1, CreatorGroups: []string{},
				MaxIdleDays: new(1), MaxAbsenceDays: new(3650), ReauthSeconds: new(60),
			},
			TokenPolicy{MaxTokensPerPerson: 500, CreatorGroups: []string{"users"}},
		},
		"Limits":        {Limits{MaxTokensPerPerson: 1}, Limits{MayCreate: true, MaxLifetimeDays: new(30), DefaultLifetimeDays: new(7), RequireExpiry: true, MaxTokensPerPerson: 50}},
		"PolicyPreview": {PolicyPreview{}, PolicyPreview{Tokens: 3, People: 2, Complete: true}},
		"Profile":       {Profile{Subject: "bob", Groups: []string{}}, Profile{Subject: "a|b/c", Disabled: true, Groups: []string{"admins"}, TokensActive: 2, LastSeenAt: new("2026-01-31T12:00:00Z")}},
		"RevokedAll":    {RevokedAll{}, RevokedAll{Revoked: 3}},
		"InsufficientUserAuthenticationProblem": {Problem{
			Type: "urn:counterfoil:insufficient_user_authentication", Title: "Sign in again", Status: 401, Code: "insufficient_user_authentication", MaxAge: 300,
		}},
		"KeySet":   {json.RawMessage(`{"keys":[` + rsaKey + `,` + ecKey + `]}`)},
		"RSAKey":   {json.RawMessage(rsaKey)},
		"ECKey":    {json.RawMessage(ecKey)},
		"NoteList": {json.RawMessage(`{"notes":[]}`), json.RawMessage(`{"notes":[{"text":"x","created_at":"2026-01-31T12:00:00Z"}]}`)},
	}
	rsaKey = `{"kty":"RSA","use":"sig","kid":"k1","alg":"RS256","n":"` + strings.Repeat("A", 342) + `","e":"AQAB"}`
	ecKey  = `{"kty":"EC","use":"sig","kid":"k2","alg":"ES256","crv":"P-256","x":"` + strings.Repeat("A", 43) + `","y":"` + strings.Repeat("A", 43) + `"}`
)

// visit holds a value against a schema of the document.
func visit(t *testing.T, doc *openapi3.T, schema string, value any) error {
	t.Helper()
	ref := doc.Components.Schemas[schema]
	if ref == nil {
		t.Fatalf("openapi.yaml has no schema %s", schema)
	}
	return ref.Value.VisitJSON(decoded(t, value), openapi3.VisitAsResponse(), openapi3.EnableFormatValidation())
}

func decoded(t *testing.T, value any) any {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestOpenAPIAcceptsEveryType(t *testing.T) {
	doc := loadOpenAPI(t)
	for schema, values := range samples {
		for i, value := range values {
			if err := visit(t, doc, schema, value); err != nil {
				t.Errorf("%s, sample %d: %v", schema, i, err)
			}
		}
	}
}

// TestOpenAPIRefusesWhatIsNoSample changes every sample a little: a member more,
// a member less that every sample has, a member of another type.
func TestOpenAPIRefusesWhatIsNoSample(t *testing.T) {
	doc := loadOpenAPI(t)
	tried := 0
	for schema, values := range samples {
		required := slices.Collect(maps.Keys(decoded(t, values[0]).(map[string]any)))
		for _, value := range values {
			has := decoded(t, value).(map[string]any)
			required = slices.DeleteFunc(required, func(name string) bool { _, ok := has[name]; return !ok })
		}
		for i, value := range values {
			broken := func(what string, change func(map[string]any)) {
				v := decoded(t, value).(map[string]any)
				change(v)
				if visit(t, doc, schema, v) == nil {
					t.Errorf("%s, sample %d %s is accepted", schema, i, what)
				}
				tried++
			}
			for _, extra := range []string{"leak", "hash", "d", "value", "secret"} {
				broken("with "+extra, func(v map[string]any) { v[extra] = "x" })
			}
			for name := range decoded(t, value).(map[string]any) {
				if slices.Contains(required, name) && (schema != "Problem" || name != "status") {
					broken("without "+name, func(v map[string]any) { delete(v, name) })
				}
				broken("with another type of "+name, func(v map[string]any) { v[name] = map[string]any{"x": 1} })
			}
		}
	}
	if tried == 0 {
		t.Fatal("nothing tried")
	}
}

func TestOpenAPIRefusesBadMembers(t *testing.T) {
	doc := loadOpenAPI(t)
	for name, tt := range map[string]struct {
		schema, member string
		value          any
	}{
		"a time with an offset":                          {"Token", "created_at", "2026-01-31T12:00:00+00:00"},
		"a time with a fraction":                         {"Token", "created_at", "2026-01-31T12:00:00.5Z"},
		"a time with a line break":                       {"Token", "created_at", "2026-01-31T12:00:00Z\n"},
		"a day that does not exist":                      {"Token", "created_at", "2026-13-31T12:00:00Z"},
		"no creation":                                    {"Token", "created_at", nil},
		"a time of zero":                                 {"Token", "expires_at", ""},
		"an id of another alphabet":                      {"Token", "id", "4gT2a0001-"},
		"an id that is longer":                           {"Token", "id", "4gT2a0001B0"},
		"no name":                                        {"Token", "name", ""},
		"a name of 81 characters":                        {"Token", "name", strings.Repeat("☃", 81)},
		"a description of 501 characters":                {"Token", "description", strings.Repeat("☃", 501)},
		"no scopes":                                      {"Token", "scopes", []any{}},
		"null for scopes":                                {"Token", "scopes", nil},
		"a scope twice":                                  {"Token", "scopes", []any{"a", "a"}},
		"a scope in upper case":                          {"Token", "scopes", []any{"A"}},
		"null for networks":                              {"Token", "allowed_cidrs", nil},
		"null for scopes used":                           {"Token", "scopes_used", nil},
		"a lifetime of no days":                          {"TokenPolicy", "max_lifetime_days", 0},
		"a cap of none":                                  {"TokenPolicy", "max_tokens_per_person", 0},
		"null for a yes or no":                           {"TokenPolicy", "require_expiry", nil},
		"a group twice":                                  {"TokenPolicy", "creator_groups", []any{"a", "a"}},
		"null for a person's groups":                     {"Profile", "groups", nil},
		"a max_age of none":                              {"InsufficientUserAuthenticationProblem", "max_age", 0},
		"seventeen networks":                             {"Token", "allowed_cidrs", strings.Split("a b c d e f g h i j k l m n o p q", " ")},
		"a hint that is the value":                       {"Token", "hint", aValue},
		"another status":                                 {"Token", "status", "deleted"},
		"a value that is shorter":                        {"CreatedToken", "token", aValue[1:]},
		"a value that is a JWT":                          {"CreatedToken", "token", "a.b.c"},
		"null for tokens":                                {"TokenList", "tokens", nil},
		"a cursor of nothing":                            {"TokenList", "next_cursor", ""},
		"a list with values":                             {"TokenList", "tokens", []any{CreatedToken{Token: aToken, Value: aValue}}},
		"a JWT of two parts":                             {"Exchanged", "access_token", "a.b"},
		"a value for a JWT":                              {"Exchanged", "access_token", aValue},
		"another type of token":                          {"Exchanged", "token_type", "bearer"},
		"a lifetime of none":                             {"Exchanged", "expires_in", 0},
		"a lifetime of a day":                            {"Exchanged", "expires_in", 86400},
		"a lifetime in fractions":                        {"Exchanged", "expires_in", 1.5},
		"nothing granted":                                {"Exchanged", "scope", ""},
		"another error of OAuth":                         {"OAuthError", "error", "invalid_grant"},
		"a quote in a description":                       {"OAuthError", "error_description", `a "quote"`},
		"another code":                                   {"Problem", "code", "teapot"},
		"a title of another language":                    {"NameTakenProblem", "title", "Vergeben"},
		"another status in the body":                     {"NameTakenProblem", "status", 400},
		"an unnamed lack":                                {"InsufficientScopeProblem", "missing_scope", ""},
		"an error of no field":                           {"FieldError", "field", ""},
		"an empty list of errors":                        {"InvalidRequestProblem", "errors", []any{}},
		"a private exponent":                             {"RSAKey", "d", "AQAB"},
		"a private number":                               {"ECKey", "d", strings.Repeat("A", 43)},
		"a key for encryption":                           {"RSAKey", "use", "enc"},
		"a key of another algorithm":                     {"RSAKey", "alg", "HS256"},
		"an RSA key of 1024 bits":                        {"RSAKey", "n", strings.Repeat("A", 171)},
		"no key":                                         {"KeySet", "keys", []any{}},
		"an issuer with a slash at the end":              {"Metadata", "issuer", "https://api.example/"},
		"an authorization endpoint":                      {"Metadata", "authorization_endpoint", "https://api.example/authorize"},
		"an algorithm without a signature":               {"Metadata", "id_token_signing_alg_values_supported", []any{"none"}},
		"another version of CloudEvents":                 {"Event", "specversion", "0.3"},
		"an event that nobody named":                     {"Event", "type", "counterfoil.token.printed"},
		"an event about nobody":                          {"Event", "subject", ""},
		"an event with a body of another type":           {"Event", "datacontenttype", "text/plain"},
		"an event of a fraction of a second":             {"Event", "time", "2026-01-31T12:00:00.5Z"},
		"a refusal for another reason":                   {"EventData", "reason", "because"},
		"a change of the hash":                           {"EventData", "changed", []any{"hash"}},
		"another kind of doer":                           {"EventDoer", "kind", "robot"},
		"a person of a token":                            {"Whoami", "token_id", "4gT2a0001B"},
		"a person whose session never ends":              {"Whoami", "expires_at", nil},
		"a fourth kind":                                  {"Whoami", "kind", "robot"},
		"a session without a list of groups":             {"Whoami", "groups", nil},
		"a token in the query of the protected resource": {"ProtectedResource", "bearer_methods_supported", []any{"query"}},
	} {
		t.Run(name, func(t *testing.T) {
			v := decoded(t, samples[tt.schema][0]).(map[string]any)
			v[tt.member] = decoded(t, tt.value)
			if visit(t, doc, tt.schema, v) == nil {
				t.Error("it is accepted")
			}
		})
	}
}

// TestEveryTypeHasItsSchema holds the members of every type of types.go and of
// its schema together, and which of them are always there.
func TestEveryTypeHasItsSchema(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "types.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.TypeSpec); ok {
			names = append(names, spec.Name.Name)
		}
		return true
	})
	if len(names) == 0 {
		t.Fatal("types.go has no types")
	}
	doc := loadOpenAPI(t)
	for _, name := range names {
		if len(samples[name]) == 0 {
			t.Errorf("%s has no sample", name)
			continue
		}
		schema := doc.Components.Schemas[name]
		if schema == nil {
			t.Errorf("openapi.yaml has no schema %s", name)
			continue
		}
		sample := reflect.TypeOf(samples[name][0])
		if sample.Name() != name {
			t.Fatalf("the sample of %s is a %s", name, sample.Name())
		}
		all, always := membersOf(sample)
		wantAll, wantAlways := propertiesOf(schema.Value)
		if !slices.Equal(all, wantAll) {
			t.Errorf("%s has %q\nits schema %q", name, all, wantAll)
		}
		if !slices.Equal(always, wantAlways) {
			t.Errorf("%s always has %q\nits schema requires %q", name, always, wantAlways)
		}
	}
}

// membersOf returns the names of a struct's JSON members, and of those that are
// never left out, in order.
func membersOf(typ reflect.Type) (all, always []string) {
	for _, f := range reflect.VisibleFields(typ) {
		if f.Anonymous {
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		all = append(all, name)
		if options == "" {
			always = append(always, name)
		}
	}
	slices.Sort(all)
	slices.Sort(always)
	return all, always
}

// propertiesOf returns the names of a schema's properties, and of the required
// ones, in order; of a oneOf all that any has, and those that all require.
func propertiesOf(s *openapi3.Schema) (all, required []string) {
	if len(s.OneOf) == 0 {
		return slices.Sorted(maps.Keys(s.Properties)), slices.Sorted(slices.Values(s.Required))
	}
	for i, one := range s.OneOf {
		a, r := propertiesOf(one.Value)
		all = append(all, a...)
		if i == 0 {
			required = r
		}
		required = slices.DeleteFunc(required, func(name string) bool { return !slices.Contains(r, name) })
	}
	slices.Sort(all)
	return slices.Compact(all), required
}

func TestOpenAPIIsTidy(t *testing.T) {
	doc := loadOpenAPI(t)
	ids := map[string]string{}
	for name, operation := range operations(doc) {
		if operation.Summary == "" || operation.OperationID == "" || len(operation.Tags) != 1 {
			t.Errorf("%s lacks a summary, an operationId or its one tag", name)
		}
		if other := ids[operation.OperationID]; other != "" {
			t.Errorf("%s and %s share an operationId", name, other)
		}
		ids[operation.OperationID] = name
	}
	if len(ids) == 0 {
		t.Fatal("no operations")
	}
	text := string(OpenAPI)
	for kind, names := range map[string][]string{
		"schemas":   slices.Collect(maps.Keys(doc.Components.Schemas)),
		"responses": slices.Collect(maps.Keys(doc.Components.Responses)),
		"headers":   slices.Collect(maps.Keys(doc.Components.Headers)),
	} {
		for _, name := range names {
			if ref := "'#/components/" + kind + "/" + name + "'"; name != "Problem" && !strings.Contains(text, ref) {
				t.Errorf("nothing uses %s", ref)
			}
		}
	}
	if bytes.ContainsRune(OpenAPI, '\t') {
		t.Error("a tab is in openapi.yaml")
	}
}
