package main

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/pkg/api"
	"github.com/counterfoil/counterfoil/pkg/client"
)

// TestRunsOf brings alike what differs in its moment alone. A letter is a refusal
// of the token of that name, and a dot whatever else happened.
func TestRunsOf(t *testing.T) {
	noon := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	at := func(i int) string { return noon.Add(-time.Duration(i) * time.Minute).Format(time.RFC3339) }
	for trail, want := range map[string][]string{
		"":       nil,
		"..":     {". 1 0", ". 1 1"},
		"a":      {"a 1 0"},
		"aaa":    {"a 3 2"},
		"ababa":  {"a 3 4", "b 2 3"},
		"aa.aaa": {"a 2 1", ". 1 2", "a 3 5"},
	} {
		var events []client.Event
		for i, r := range trail {
			e := client.Event{Type: typeRefused, Time: at(i), Data: api.EventData{TokenID: string(r), Reason: "revoked", IP: "192.0.2.7"}}
			if r == '.' {
				e.Type = "counterfoil.token.rotated"
			}
			events = append(events, e)
		}
		var got []string
		for _, r := range runsOf(events) {
			for i := range trail {
				if at(i) == r.first {
					got = append(got, fmt.Sprint(r.Data.TokenID, " ", r.times, " ", i))
				}
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: %q, not %q", trail, got, want)
		}
	}
}

// TestRunsOfWhatDiffers keeps apart refusals that differ in more than their moment.
func TestRunsOfWhatDiffers(t *testing.T) {
	one := api.EventData{TokenID: "4gT2a00042", Reason: "revoked", IP: "192.0.2.7"}
	for name, other := range map[string]api.EventData{
		"token":   {TokenID: "4gT2a00043", Reason: one.Reason, IP: one.IP},
		"reason":  {TokenID: one.TokenID, Reason: "expired", IP: one.IP},
		"address": {TokenID: one.TokenID, Reason: one.Reason},
	} {
		if got := runsOf([]client.Event{{Type: typeRefused, Data: one}, {Type: typeRefused, Data: other}}); len(got) != 2 {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
