package client

import (
	"context"
	"iter"
	"net/url"

	"github.com/counterfoil/counterfoil/pkg/api"
)

// What administrators see. All of their calls take an administrator's session,
// and where the policy says so a recent one: else they are ErrSignInAgain.
type (
	// A Policy is what the administrators decided; nil limits nothing.
	Policy = api.TokenPolicy
	// A PolicyPreview is what a policy would stop.
	PolicyPreview = api.PolicyPreview
	// A Person is somebody as an administrator sees them.
	Person = api.Profile
)

// Policy returns the policy as it is now.
func (c *Client) Policy(ctx context.Context) (Policy, error) {
	var answer Policy
	err := c.do(ctx, request{method: "GET", path: "/admin/policy", repeatable: true}, &answer)
	return answer, err
}

// SetPolicy replaces the policy. It holds everywhere within 30 s, for existing
// tokens too.
func (c *Client) SetPolicy(ctx context.Context, p Policy) (Policy, error) {
	var answer Policy
	err := c.do(ctx, request{method: "PUT", path: "/admin/policy", json: p, repeatable: true}, &answer)
	return answer, err
}

// PreviewPolicy tells what a policy would stop, and changes nothing.
func (c *Client) PreviewPolicy(ctx context.Context, p Policy) (PolicyPreview, error) {
	var answer PolicyPreview
	err := c.do(ctx, request{method: "POST", path: "/admin/policy/preview", json: p, repeatable: true}, &answer)
	return answer, err
}

// An AdminListQuery says which tokens of whom.
type AdminListQuery struct {
	ListQuery
	Owner string // sub; empty means everybody
}

// ListAny returns a page of everybody's tokens, in no order, or of one owner's.
func (c *Client) ListAny(ctx context.Context, q AdminListQuery) (TokenList, error) {
	values := q.values()
	if q.Owner != "" {
		values.Set("owner", q.Owner)
	}
	var answer TokenList
	err := c.do(ctx, request{method: "GET", path: "/admin/tokens", query: values, repeatable: true}, &answer)
	return answer, err
}

// AllAny returns every token of an owner, or with none everybody's, page by
// page. It ends with the first error.
func (c *Client) AllAny(ctx context.Context, owner, status string) iter.Seq2[Token, error] {
	return pages(status, func(q ListQuery) (TokenList, error) { return c.ListAny(ctx, AdminListQuery{q, owner}) })
}

// GetAny returns one token, whoever's it is.
func (c *Client) GetAny(ctx context.Context, id string) (Token, error) {
	var answer Token
	path, err := tokenPath(id)
	if err == nil {
		err = c.do(ctx, request{method: "GET", path: "/admin" + path, repeatable: true}, &answer)
	}
	return answer, err
}

// RevokeAny kills a token, whoever's it is.
func (c *Client) RevokeAny(ctx context.Context, id string) error {
	path, err := tokenPath(id)
	if err != nil {
		return err
	}
	return c.do(ctx, request{method: "DELETE", path: "/admin" + path, repeatable: true}, nil)
}

// Person returns somebody, by their sub. Who was never seen is not disabled and
// has no groups.
func (c *Client) Person(ctx context.Context, sub string) (Person, error) {
	var answer Person
	err := c.do(ctx, request{method: "GET", path: "/admin/people", query: url.Values{"sub": {sub}}, repeatable: true}, &answer)
	return answer, err
}

// SetDisabled stops every token and session of a person at once, or gives them
// back.
func (c *Client) SetDisabled(ctx context.Context, sub string, disabled bool) (Person, error) {
	body := struct {
		Subject  string `json:"sub"`
		Disabled bool   `json:"disabled"`
	}{sub, disabled}
	var answer Person
	err := c.do(ctx, request{method: "PATCH", path: "/admin/people", json: body, repeatable: true}, &answer)
	return answer, err
}

// RevokeAll kills every token that a person has, and returns how many those
// were. One that is created after it lives, so it is not sent twice.
func (c *Client) RevokeAll(ctx context.Context, sub string) (int, error) {
	body := struct {
		Subject string `json:"sub"`
	}{sub}
	var answer api.RevokedAll
	err := c.do(ctx, request{method: "POST", path: "/admin/people/revoke-all", json: body}, &answer)
	return answer.Revoked, err
}
