package pat

import "slices"

// ScopePattern matches the name of a scope, wherever it stands in a text.
const ScopePattern = `[a-z0-9:._-]{1,40}`

// A Scope is one permission that a token can carry.
type Scope struct {
	Name        string // as ScopePattern says; never given a second meaning
	Description string // one sentence for the person who grants it
	Category    string // what the console groups it under
	// Sensitive scopes are granted at exchange only when asked for by name.
	Sensitive bool
	// Groups whose members may hold the scope; empty means everybody.
	Groups []string
	// AWS is what the scope allows in AWS; see CredentialsScope.
	AWS []AWSStatement
	// Retired scopes keep their name from being used again and grant nothing.
	Retired bool
}

// A Catalogue is every scope there is, in the order people see them.
type Catalogue []Scope

// Grantable returns the names of the scopes that a member of the groups may
// hold, in catalogue order.
func (c Catalogue) Grantable(groups []string) []string {
	names := []string{}
	for _, s := range c {
		if s.heldBy(groups) {
			names = append(names, s.Name)
		}
	}
	return names
}

// Live returns those of the scopes that still mean something: they are in the
// catalogue and a member of the groups may hold them now. The order stays.
func (c Catalogue) Live(scopes, groups []string) []string {
	return intersect(scopes, c.Grantable(groups))
}

// find returns the scope of that name, retired ones left out.
func (c Catalogue) find(name string) (Scope, bool) {
	i := slices.IndexFunc(c, func(s Scope) bool { return s.Name == name && !s.Retired })
	if i < 0 {
		return Scope{}, false
	}
	return c[i], true
}

// groups returns every group that the catalogue names.
func (c Catalogue) groups() []string {
	var names []string
	for _, s := range c {
		names = append(names, s.Groups...)
	}
	return names
}

func (s Scope) heldBy(groups []string) bool {
	if s.Retired {
		return false
	}
	return len(s.Groups) == 0 || len(intersect(s.Groups, groups)) > 0
}

// intersect returns the members of a that are in b too, in a's order.
func intersect(a, b []string) []string {
	both := []string{}
	for _, s := range a {
		if slices.Contains(b, s) && !slices.Contains(both, s) {
			both = append(both, s)
		}
	}
	return both
}
