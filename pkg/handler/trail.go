package handler

import (
	"cmp"
	"context"

	"github.com/counterfoil/counterfoil/pkg/api"
	"github.com/counterfoil/counterfoil/pkg/pat"
)

// trail answers GET /tokens/{id}/trail.
func (h Handlers) trail(ctx context.Context, r request) (answer, error) {
	page, err := h.Tokens.Trail(ctx, r.by, r.param("id"), r.trail())
	if err != nil {
		return answer{}, err
	}
	return h.eventList(page), nil
}

// trail reads the query of a trail's page.
func (r request) trail() (req pat.TrailRequest) {
	req.Limit = r.integer(&req.Bad, "limit", pat.DefaultPage)
	cursor, given := r.query(&req.Bad, "cursor")
	if given && cursor == "" {
		req.Bad.Add("cursor", "must not be empty")
	}
	req.Cursor = cursor
	return req
}

func (h Handlers) eventList(page pat.TrailPage) answer {
	list := api.EventList{Events: []api.Event{}, NextCursor: page.NextCursor}
	for _, e := range page.Events {
		list.Events = append(list.Events, EventOf(h.Tokens.Issuer, e))
	}
	return answer{status: 200, body: list}
}

// EventOf writes an event as everybody reads it, whose source is our issuer.
func EventOf(issuer string, e pat.Event) api.Event {
	out := api.Event{
		SpecVersion:     "1.0",
		ID:              e.ID,
		Source:          issuer,
		Type:            string(e.Type),
		Subject:         cmp.Or(string(e.TokenID), e.Owner),
		Time:            stamp(e.At),
		DataContentType: "application/json",
		Data: api.EventData{
			By:        api.EventDoer{Kind: string(e.By.Kind), Subject: e.By.Subject},
			TokenID:   string(e.TokenID),
			Owner:     e.Owner,
			RequestID: e.RequestID,
			Changed:   e.Fields,
			Reason:    string(e.Reason),
		},
	}
	if !e.Ends.EndsAt.IsZero() {
		out.Data.EndsAt, out.Data.Days = stamp(e.Ends.EndsAt), e.Ends.Days
	}
	if e.From.IsValid() {
		out.Data.IP = e.From.String()
	}
	if e.Network.IsValid() {
		out.Data.Network = e.Network.String()
	}
	return out
}
