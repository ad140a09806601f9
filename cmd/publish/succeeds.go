package main

import (
	"fmt"
	"slices"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

// succeeds reports why a catalogue may not follow the one that is published.
// Tokens carry names, and people gave them away for what the description said:
// a name that vanished could come back with another meaning, and every old token
// would have it. Who may hold a scope, and whether it is sensitive, may change.
//
// A description may change for the scopes named as reworded.
func succeeds(next, published pat.Catalogue, reworded []string) error {
	for _, name := range reworded {
		if indexOf(published, name) < 0 {
			return fmt.Errorf("the scope %s cannot be reworded: it was never published", name)
		}
	}
	for _, old := range published {
		i := indexOf(next, old.Name)
		switch {
		case i < 0:
			return fmt.Errorf(`the scope %s was published and may not vanish: keep it with "retired": true`, old.Name)
		case old.Retired && !next[i].Retired:
			return fmt.Errorf("the scope %s was retired and may not come back: old tokens still carry its name", old.Name)
		case next[i].Description != old.Description && !slices.Contains(reworded, old.Name):
			return fmt.Errorf("the scope %s was published as %q: give a new meaning a new name, or say -reworded %s if it means the same",
				old.Name, old.Description, old.Name)
		}
	}
	return nil
}
