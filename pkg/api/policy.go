package api

import (
	"fmt"
	"net/netip"
	"slices"
)

// A Policy is the IAM policy with which an authorizer answers API Gateway.
type Policy struct {
	Version   string      `json:"Version"` // "2012-10-17"
	Statement []Statement `json:"Statement"`
}

// A Statement of a Policy. aws-lambda-go's own type has no Condition.
type Statement struct {
	Effect    string    `json:"Effect"` // Allow or Deny
	Action    string    `json:"Action"`
	Resource  []string  `json:"Resource"`
	Condition Condition `json:"Condition,omitempty"`
}

// A Condition maps an operator to keys and the values any of which may match.
type Condition map[string]map[string][]string

// What we write into policies, and all that Policy.Allows understands.
const (
	version      = "2012-10-17"
	allow        = "Allow"
	deny         = "Deny"
	InvokeAction = "execute-api:Invoke"
	ipAddress    = "IpAddress"
	sourceIP     = "aws:SourceIp"
)

// strays are the resources, below a stage, of paths that API Gateway may hand
// to another route than the one their text fits. It drops a slash at the end:
// without the Deny, the * that allows /notes/{id} would open /notes by /notes/.
// An empty segment is worth no argument about who reads it how.
var strays = []string{"/*/?*/", "/*//*"}

// detours are the resources of paths that whoever decodes or shortens them first
// reads as other paths, as far as IAM can name them; see IsDetour for the rest.
var detours = []string{"/*%2f*", "/*%2F*", "/*/../*", "/*/..", "/*/./*", "/*/."}

// DenyAll is the policy of a credential that may call nothing. (A policy
// without statements is invalid.)
func DenyAll() Policy {
	return Policy{Version: version, Statement: []Statement{
		{Effect: deny, Action: InvokeAction, Resource: []string{"*"}},
	}}
}

// NewPolicy lets through the routes that may says, in the stage named by an
// ARN (see SplitMethodARN), from the networks given (none: from everywhere).
//
// It covers the whole table and never the route just asked for, because API
// Gateway may keep it for the next route. A path parameter becomes *, which in
// IAM runs over slashes too: whatever an allowed resource reaches beyond its own
// route, and may not be called, is denied by name.
func NewPolicy(stage string, routes []Route, may func(Route) bool, networks []netip.Prefix) Policy {
	allowed, denied := split(routes, may)
	if len(allowed) == 0 {
		return DenyAll()
	}
	yes := Statement{Effect: allow, Action: InvokeAction}
	for _, r := range allowed {
		yes.Resource = append(yes.Resource, stage+resource(r))
	}
	if len(networks) > 0 {
		var cidrs []string
		for _, n := range networks {
			cidrs = append(cidrs, n.String())
		}
		yes.Condition = Condition{ipAddress: {sourceIP: cidrs}}
	}
	no := Statement{Effect: deny, Action: InvokeAction}
	for _, r := range denied {
		no.Resource = append(no.Resource, stage+resource(r))
	}
	for _, s := range strays {
		no.Resource = append(no.Resource, stage+s)
	}
	return Policy{Version: version, Statement: []Statement{yes, no}}
}

// WithoutDetours denies every path in a stage that is a detour and that IAM can
// name. It stands in the policy itself, where API Gateway may keep it.
func (p Policy) WithoutDetours(stage string) Policy {
	no := Statement{Effect: deny, Action: InvokeAction}
	for _, s := range detours {
		no.Resource = append(no.Resource, stage+s)
	}
	p.Statement = append(slices.Clone(p.Statement), no)
	return p
}

// Separable reports the first route that may be called but that the Deny for
// another route would hit, so that no policy can tell the two apart.
func Separable(routes []Route, may func(Route) bool) error {
	allowed, denied := split(routes, may)
	for _, d := range denied {
		for _, a := range allowed {
			if reaches(d, a) {
				return fmt.Errorf("routes %s %s and %s %s cannot be told apart by a policy", a.Method, a.Path, d.Method, d.Path)
			}
		}
	}
	return nil
}

// split returns the guarded routes that may be called, and those that must be
// denied by name because the resource of one of the former reaches them.
func split(routes []Route, may func(Route) bool) (allowed, denied []Route) {
	for _, r := range routes {
		if r.Guard != Open && may(r) {
			allowed = append(allowed, r)
		}
	}
	for _, r := range routes {
		if r.Guard != Open && !may(r) && slices.ContainsFunc(allowed, func(a Route) bool { return reaches(a, r) }) {
			denied = append(denied, r)
		}
	}
	return allowed, denied
}
