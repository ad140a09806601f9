package client

import (
	"context"
	"errors"
	"iter"
	"net/url"
	"regexp"
	"strconv"
	"time"

	"github.com/counterfoil/counterfoil/pkg/api"
)

// The documents of the API.
type (
	// A Token is a personal access token as its owner sees it, without its value.
	Token = api.Token
	// A TokenList is one page of tokens.
	TokenList = api.TokenList
	// A Scope is a line of the catalogue as one person sees it.
	Scope = api.Scope
	// Limits are what the administrators' policy means for one person.
	Limits = api.Limits
	// A Whoami is what a credential is and may do now.
	Whoami = api.Whoami
)

// A CreatedToken is a token with its new value, which cannot be had again.
type CreatedToken struct {
	Token
	Value Secret
}

// An Expiry is when a token ends. The zero Expiry leaves it as it is; for a new
// token it means what the administrators' policy says.
type Expiry struct {
	never bool
	at    time.Time
}

// Never is no end.
var Never = Expiry{never: true}

// At is an end at a time, in whole seconds.
func At(t time.Time) Expiry { return Expiry{at: t} }

// IsZero reports whether nothing is said.
func (e Expiry) IsZero() bool { return !e.never && e.at.IsZero() }

// MarshalJSON writes null for no end.
func (e Expiry) MarshalJSON() ([]byte, error) {
	if e.at.IsZero() {
		return []byte("null"), nil
	}
	return []byte(strconv.Quote(e.at.UTC().Format(time.RFC3339))), nil
}

// A NewToken is what a create asks for.
type NewToken struct {
	Name         string   `json:"name"` // 1–80 characters
	Description  string   `json:"description,omitzero"`
	Scopes       []string `json:"scopes"` // 1–32
	ExpiresAt    Expiry   `json:"expires_at,omitzero"`
	AllowedCIDRs []string `json:"allowed_cidrs,omitzero"` // none: everywhere
}

// An Update changes a token; what is nil or zero stays as it is.
type Update struct {
	Name        *string `json:"name,omitzero"`
	Description *string `json:"description,omitzero"`
	// Scopes may only shrink.
	Scopes    []string `json:"scopes,omitzero"`
	ExpiresAt Expiry   `json:"expires_at,omitzero"`
	// AllowedCIDRs that are empty and not nil mean everywhere.
	AllowedCIDRs []string `json:"allowed_cidrs,omitzero"`
}

// A Rotation gives a token a new value.
type Rotation struct {
	// Grace is how long the old value goes on working, in whole seconds: 0 to
	// 7 days.
	Grace time.Duration
	// KeepPrevious replaces the current value instead of the previous one: for
	// use after a lost answer, see [Client.Rotate].
	KeepPrevious bool
}

// Create makes a token. It is never sent twice. If no answer came (an error
// with a *url.Error in it) or the answer is ErrUnavailable, the token may be
// there without anybody knowing its value: its name is taken then, and Rotate
// gives it a value.
func (c *Client) Create(ctx context.Context, t NewToken) (CreatedToken, error) {
	return c.created(ctx, request{method: "POST", path: "/tokens", json: t})
}

// created sends what is answered with a value.
func (c *Client) created(ctx context.Context, r request) (CreatedToken, error) {
	var answer api.CreatedToken
	if err := c.do(ctx, r, &answer); err != nil {
		return CreatedToken{}, err
	}
	if !isID(answer.ID) || answer.Value == "" {
		return CreatedToken{}, errors.New("the answer of " + c.Server + " holds no token: is it a Counterfoil server?")
	}
	return CreatedToken{Token: answer.Token, Value: NewSecret(answer.Value)}, nil
}

// A ListQuery says which tokens.
type ListQuery struct {
	Limit  int    // 1–100; 0 means 50
	Cursor string // the NextCursor of the page before
	Status string // active, expired, revoked, disabled or all; empty means all
}

// List returns one page, newest first. It may be shorter than Limit, even
// empty, while there is a NextCursor.
func (c *Client) List(ctx context.Context, q ListQuery) (TokenList, error) {
	var answer TokenList
	err := c.do(ctx, request{method: "GET", path: "/tokens", query: q.values(), repeatable: true}, &answer)
	return answer, err
}

func (q ListQuery) values() url.Values {
	values := url.Values{}
	if q.Limit != 0 {
		values.Set("limit", strconv.Itoa(q.Limit))
	}
	if q.Cursor != "" {
		values.Set("cursor", q.Cursor)
	}
	if q.Status != "" {
		values.Set("status", q.Status)
	}
	return values
}

// All returns every token of a status, newest first, page by page. It ends with
// the first error.
func (c *Client) All(ctx context.Context, status string) iter.Seq2[Token, error] {
	return pages(status, func(q ListQuery) (TokenList, error) { return c.List(ctx, q) })
}

// pages goes through every page.
func pages(status string, list func(ListQuery) (TokenList, error)) iter.Seq2[Token, error] {
	return func(yield func(Token, error) bool) {
		q := ListQuery{Limit: 100, Status: status}
		for {
			page, err := list(q)
			if err != nil {
				yield(Token{}, err)
				return
			}
			for _, t := range page.Tokens {
				if !yield(t, nil) {
					return
				}
			}
			if q.Cursor = page.NextCursor; q.Cursor == "" {
				return
			}
		}
	}
}

// Get returns one token.
func (c *Client) Get(ctx context.Context, id string) (Token, error) {
	var answer Token
	path, err := tokenPath(id)
	if err == nil {
		err = c.do(ctx, request{method: "GET", path: path, repeatable: true}, &answer)
	}
	return answer, err
}

// Update changes a token. It is never sent twice; after a lost answer, Get it.
func (c *Client) Update(ctx context.Context, id string, u Update) (Token, error) {
	var answer Token
	path, err := tokenPath(id)
	if err == nil {
		err = c.do(ctx, request{method: "PATCH", path: path, json: u}, &answer)
	}
	return answer, err
}

// Rotate gives a token a new value. It is never sent twice. After a lost answer
// rotate with KeepPrevious, which replaces the value that nobody has read and
// leaves the one that is in use as it is; where that is ErrConflict, there was
// no grace: rotate again.
func (c *Client) Rotate(ctx context.Context, id string, r Rotation) (CreatedToken, error) {
	path, err := tokenPath(id)
	if err != nil {
		return CreatedToken{}, err
	}
	body := struct {
		GraceSeconds int64 `json:"grace_seconds,omitzero"`
		KeepPrevious bool  `json:"keep_previous,omitzero"`
	}{int64(r.Grace / time.Second), r.KeepPrevious}
	return c.created(ctx, request{method: "POST", path: path + "/rotate", json: body})
}

// Revoke kills a token, with every value of it. Doing it again is no error.
func (c *Client) Revoke(ctx context.Context, id string) error {
	path, err := tokenPath(id)
	if err != nil {
		return err
	}
	return c.do(ctx, request{method: "DELETE", path: path, repeatable: true}, nil)
}

// Scopes returns the whole catalogue, and which scopes this person may grant.
func (c *Client) Scopes(ctx context.Context) ([]Scope, error) {
	var answer api.ScopeList
	err := c.do(ctx, request{method: "GET", path: "/scopes", repeatable: true}, &answer)
	return answer.Scopes, err
}

// Limits returns what the administrators' policy means for this person.
func (c *Client) Limits(ctx context.Context) (Limits, error) {
	var answer Limits
	err := c.do(ctx, request{method: "GET", path: "/limits", repeatable: true}, &answer)
	return answer, err
}

// Whoami tells what the credential is. It works for every kind.
func (c *Client) Whoami(ctx context.Context) (Whoami, error) {
	var answer Whoami
	err := c.do(ctx, request{method: "GET", path: "/whoami", repeatable: true}, &answer)
	return answer, err
}

var idPattern = regexp.MustCompile(`^[0-9A-Za-z]{10}$`)

func isID(s string) bool { return idPattern.MatchString(s) }

// tokenPath returns the path of a token. What is no id is the id of nothing, as
// at the server, and never gets into a path, where it could name another route.
func tokenPath(id string) (string, error) {
	if !isID(id) {
		return "", &Error{Status: 404, Code: api.NotFound}
	}
	return "/tokens/" + id, nil
}
