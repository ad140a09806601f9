package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/counterfoil/counterfoil/pkg/client"
)

func (a *app) trailCommand() *cobra.Command {
	var most int
	c := &cobra.Command{
		Use: "trail ID|NAME", Short: "Show what happened to a token, newest first", Args: exactly("an ID or a NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.managing(cmd.Context())
			if err != nil {
				return err
			}
			token, err := a.find(cmd.Context(), c, args[0])
			if err != nil {
				return err
			}
			trail, err := trailOf(most, func(q client.TrailQuery) (client.EventList, error) { return c.Trail(cmd.Context(), token.ID, q) })
			if err != nil {
				return a.refusedToken(err)
			}
			return a.showTrail(trail)
		},
	}
	mostEvents(c, &most)
	return c
}

func (a *app) adminTrailCommand() *cobra.Command {
	var most int
	var sub string
	c := &cobra.Command{
		Use: "trail", Short: "Show what happened to everybody, or to one person, newest first", Args: exactly(),
		PreRunE: noEmpty("sub"),
		RunE: a.administering(func(ctx context.Context, c *client.Client, _ []string) error {
			trail, err := trailOf(most, func(q client.TrailQuery) (client.EventList, error) {
				return c.TrailAny(ctx, client.AdminTrailQuery{TrailQuery: q, Sub: sub})
			})
			if err != nil {
				return err
			}
			return a.showTrail(trail)
		}),
	}
	c.Flags().StringVar(&sub, "sub", "", "only what happened to this `person` and their tokens")
	mostEvents(c, &most)
	return c
}

func mostEvents(c *cobra.Command, most *int) {
	c.Flags().IntVar(most, "limit", 50, "show at most this `number` of events")
}

// maxPage is the longest page that the server gives.
const maxPage = 100

// trailOf reads the newest events, page by page. The cursor of what it returns says
// that there are older ones.
func trailOf(most int, page func(client.TrailQuery) (client.EventList, error)) (client.EventList, error) {
	trail := client.EventList{Events: []client.Event{}}
	if most < 1 {
		return trail, usage("--limit must be 1 or more", "")
	}
	for q := (client.TrailQuery{}); ; {
		q.Limit = min(most-len(trail.Events), maxPage)
		got, err := page(q)
		if err != nil {
			return trail, err
		}
		trail.Events = append(trail.Events, got.Events...)
		trail.NextCursor = got.NextCursor
		if q.Cursor = got.NextCursor; q.Cursor == "" || len(trail.Events) >= most {
			return trail, nil
		}
	}
}

func (a *app) showTrail(trail client.EventList) error {
	if a.flags.output == "json" {
		return a.writeJSON(client.EventList{Events: trail.Events})
	}
	t := &table{}
	t.add("WHEN", "WHAT", "TOKEN", "OWNER", "BY", "FROM", "MORE")
	for _, e := range runsOf(trail.Events) {
		more := strings.Join(append(e.Data.Changed, e.Data.Network, e.why()), " ")
		t.add(e.Time, strings.TrimPrefix(e.Type, "counterfoil."), e.Data.TokenID, e.Data.Owner, strings.TrimSpace(e.Data.By.Kind+" "+e.Data.By.Subject), e.Data.IP, strings.TrimSpace(more))
	}
	if err := a.write(t.String()); err != nil {
		return err
	}
	if trail.NextCursor != "" {
		a.label(dim, "cfoil: hint:", fmt.Sprintf("these are the newest %d events: --limit shows more", len(trail.Events)))
	}
	return nil
}
