package main

import (
	"fmt"

	"github.com/counterfoil/counterfoil/pkg/client"
)

// typeRefused is the one event of which there can be one a minute: a job that
// goes on with a dead token.
const typeRefused = "counterfoil.token.refused"

// A run is an event, or refusals that differ in their moment alone.
type run struct {
	client.Event        // of several the newest
	times        int    // how many they are
	first        string // when the oldest happened
}

// runsOf puts refusals of one token, for one reason and from one address, in the
// place of the newest. Only other refusals may lie between them, so that two such
// jobs are two runs, and what a person did stays where it was. The events are
// newest first.
func runsOf(events []client.Event) []run {
	type likeness struct{ token, reason, ip string }
	var runs []run
	alike := map[likeness]int{}
	for _, e := range events {
		if e.Type != typeRefused {
			clear(alike)
			runs = append(runs, run{e, 1, e.Time})
			continue
		}
		is := likeness{e.Data.TokenID, e.Data.Reason, e.Data.IP}
		if i, ok := alike[is]; ok {
			runs[i].times++
			runs[i].first = e.Time
			continue
		}
		alike[is] = len(runs)
		runs = append(runs, run{e, 1, e.Time})
	}
	return runs
}

// why says the reason of a refusal, and since when how often.
func (r run) why() string {
	if r.times == 1 {
		return r.Data.Reason
	}
	return fmt.Sprintf("%s, %d times since %s", r.Data.Reason, r.times, r.first)
}
