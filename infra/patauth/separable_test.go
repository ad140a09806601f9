package patauth

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/counterfoil/counterfoil/pkg/api"
)

// TestTwoScopesAreEnough holds the check of sets of one or two scopes against
// the check of all sets.
func TestTwoScopesAreEnough(t *testing.T) {
	segment := rapid.SampledFrom([]string{"a", "b", "{x}"})
	scopes := []string{"r", "s", "t", "u"}
	route := rapid.Custom(func(t *rapid.T) api.Route {
		return api.Route{
			Method: "GET", Guard: api.Any,
			Path:  "/" + strings.Join(rapid.SliceOfN(segment, 0, 4).Draw(t, "segments"), "/"),
			Scope: rapid.SampledFrom(append([]string{""}, scopes...)).Draw(t, "scope"),
		}
	})
	good, bad := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		routes := rapid.SliceOfNDistinct(route, 1, 6, func(r api.Route) string { return r.Path }).Draw(t, "routes")
		all := true
		for set := range 1 << len(scopes) {
			may := func(r api.Route) bool {
				return r.Scope == "" || set&(1<<slices.Index(scopes, r.Scope)) != 0
			}
			all = all && api.Separable(routes, may) == nil
		}
		if some := separable(routes) == nil; some != all {
			t.Fatalf("by sets of two %v, by all sets %v", some, all)
		}
		if all {
			good++
		} else {
			bad++
		}
	})
	if good == 0 || bad == 0 {
		t.Fatalf("%d tables were good and %d bad", good, bad)
	}
}
