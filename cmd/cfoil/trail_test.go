package main

import (
	"errors"
	"strconv"
	"testing"

	"github.com/counterfoil/counterfoil/pkg/client"
)

// TestTrailOf reads as many pages as it needs, and no event too many.
func TestTrailOf(t *testing.T) {
	const there = 230
	asked := 0
	page := func(q client.TrailQuery) (client.EventList, error) {
		asked++
		from, _ := strconv.Atoi(q.Cursor)
		to := min(from+q.Limit, there)
		got := client.EventList{Events: make([]client.Event, to-from)}
		if to < there {
			got.NextCursor = strconv.Itoa(to)
		}
		return got, nil
	}
	for most, want := range map[int]struct{ events, pages int }{1: {1, 1}, 100: {100, 1}, 101: {101, 2}, 230: {230, 3}, 1000: {230, 3}} {
		asked = 0
		got, err := trailOf(most, page)
		if err != nil || len(got.Events) != want.events || asked != want.pages || (got.NextCursor != "") != (most < there) {
			t.Errorf("%d: %v, %d events of %d pages, more: %q", most, err, len(got.Events), asked, got.NextCursor)
		}
	}
	refused := errors.New("refused")
	if _, err := trailOf(1, func(client.TrailQuery) (client.EventList, error) { return client.EventList{}, refused }); !errors.Is(err, refused) {
		t.Error(err)
	}
}
