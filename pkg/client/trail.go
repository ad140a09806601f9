package client

import (
	"context"
	"net/url"
	"strconv"

	"github.com/counterfoil/counterfoil/pkg/api"
)

type (
	// An Event is one thing that happened, as CloudEvents have it. The same ID is
	// the same event.
	Event = api.Event
	// An EventList is one page of a trail.
	EventList = api.EventList
)

// A TrailQuery says which page.
type TrailQuery struct {
	Limit  int    // 1–100; 0 means 50
	Cursor string // the NextCursor of the page before, of the same trail
}

func (q TrailQuery) values() url.Values {
	values := url.Values{}
	if q.Limit != 0 {
		values.Set("limit", strconv.Itoa(q.Limit))
	}
	if q.Cursor != "" {
		values.Set("cursor", q.Cursor)
	}
	return values
}

// Trail returns a page of what happened to a token, newest first.
func (c *Client) Trail(ctx context.Context, id string, q TrailQuery) (EventList, error) {
	var answer EventList
	path, err := tokenPath(id)
	if err == nil {
		err = c.do(ctx, request{method: "GET", path: path + "/trail", query: q.values(), repeatable: true}, &answer)
	}
	return answer, err
}

// Report revokes those of 1–200 values that are tokens' of this server and work,
// for whoever found them. Nobody is told which those were.
func (c *Client) Report(ctx context.Context, values []Secret) error {
	var body struct {
		Tokens []string `json:"tokens"`
	}
	for _, v := range values {
		body.Tokens = append(body.Tokens, v.Reveal())
	}
	return c.do(ctx, request{method: "POST", path: "/credentials/report", json: body, open: true, repeatable: true}, nil)
}

// An AdminTrailQuery says which page of whose trail.
type AdminTrailQuery struct {
	TrailQuery
	// Sub is the person it happened to; empty means everybody, and the policy.
	Sub string
}

// TrailAny returns a page of what happened to everybody, newest first. It takes an
// administrator's session.
func (c *Client) TrailAny(ctx context.Context, q AdminTrailQuery) (EventList, error) {
	values := q.values()
	if q.Sub != "" {
		values.Set("sub", q.Sub)
	}
	var answer EventList
	err := c.do(ctx, request{method: "GET", path: "/admin/trail", query: values, repeatable: true}, &answer)
	return answer, err
}
