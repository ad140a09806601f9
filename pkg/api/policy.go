package api

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
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

// The one action there is, and the one condition that we write.
const (
	InvokeAction = "execute-api:Invoke"
	ipAddress    = "IpAddress"
	sourceIP     = "aws:SourceIp"
)

// DenyAll is the policy of a credential that may call nothing. (A policy
// without statements is invalid.)
func DenyAll() Policy {
	return Policy{Version: "2012-10-17", Statement: []Statement{
		{Effect: "Deny", Action: InvokeAction, Resource: []string{"*"}},
	}}
}

// NewPolicy lets through the routes that may says, in the stage named by an
// ARN (see SplitMethodARN), from the networks given (none: from everywhere).
//
// It covers the whole table and never the route just asked for, because API
// Gateway may keep it for the next route. A path parameter becomes *, which in
// IAM runs over slashes too: whatever an allowed pattern covers beyond its own
// route, and may not be called, is denied by name.
func NewPolicy(stage string, routes []Route, may func(Route) bool, networks []netip.Prefix) Policy {
	var yes, no []Route
	for _, r := range routes {
		switch {
		case r.Guard == Open: // has no authorizer
		case may(r):
			yes = append(yes, r)
		default:
			no = append(no, r)
		}
	}
	if len(yes) == 0 {
		return DenyAll()
	}
	var denied []string
	for _, n := range no {
		if slices.ContainsFunc(yes, func(y Route) bool { return covers(y, n) }) {
			denied = append(denied, resource(stage, n))
		}
	}
	allow := Statement{Effect: "Allow", Action: InvokeAction}
	for _, y := range yes {
		allow.Resource = append(allow.Resource, resource(stage, y))
	}
	if len(networks) > 0 {
		var cidrs []string
		for _, n := range networks {
			cidrs = append(cidrs, n.String())
		}
		allow.Condition = Condition{ipAddress: {sourceIP: cidrs}}
	}
	p := Policy{Version: "2012-10-17", Statement: []Statement{allow}}
	if len(denied) > 0 {
		p.Statement = append(p.Statement, Statement{Effect: "Deny", Action: InvokeAction, Resource: denied})
	}
	return p
}

// Separable reports the first route that may be called but that a Deny for
// another route would hit, so that no policy can tell the two apart.
func Separable(routes []Route, may func(Route) bool) error {
	for _, a := range routes {
		if a.Guard == Open || !may(a) {
			continue
		}
		for _, d := range routes {
			if d.Guard == Open || may(d) {
				continue
			}
			if covers(d, a) {
				return fmt.Errorf("routes %s %s and %s %s cannot be told apart by a policy", a.Method, a.Path, d.Method, d.Path)
			}
		}
	}
	return nil
}

// Allows evaluates the policy as API Gateway does: an explicit Deny first, then
// an Allow, else no. The address is what aws:SourceIp holds. A condition that is
// not understood matches nothing in an Allow and everything in a Deny.
func (p Policy) Allows(arn string, addr netip.Addr) bool {
	allowed := false
	for _, s := range p.Statement {
		if s.Action != InvokeAction && s.Action != "execute-api:*" && s.Action != "*" {
			continue
		}
		if !slices.ContainsFunc(s.Resource, func(r string) bool { return matches(r, arn) }) {
			continue
		}
		holds, known := s.Condition.holds(addr)
		switch {
		case s.Effect == "Deny" && (holds || !known):
			return false
		case s.Effect == "Allow" && holds && known:
			allowed = true
		}
	}
	return allowed
}

func (c Condition) holds(addr netip.Addr) (holds, known bool) {
	for operator, keys := range c {
		for key, values := range keys {
			if operator != ipAddress || !strings.EqualFold(key, sourceIP) {
				return false, false
			}
			inside := slices.ContainsFunc(values, func(v string) bool {
				n, err := netip.ParsePrefix(v)
				return err == nil && n.Contains(addr.Unmap())
			})
			if !inside {
				return false, true
			}
		}
	}
	return true, true
}

// SplitMethodARN takes a method ARN apart:
//
//	arn:aws:execute-api:REGION:ACCOUNT:API/STAGE/METHOD/PATH
//
// stage is everything up to and with the stage's name. The path is whatever the
// client wrote: it never goes into a policy.
func SplitMethodARN(arn string) (stage, method, path string, err error) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "execute-api" {
		return "", "", "", fmt.Errorf("not a method ARN of API Gateway")
	}
	sections := strings.SplitN(parts[5], "/", 4)
	if len(sections) < 3 {
		return "", "", "", fmt.Errorf("method ARN without a stage and a method")
	}
	path = "/"
	if len(sections) == 4 {
		path += sections[3]
	}
	stage = strings.Join(parts[:5], ":") + ":" + sections[0] + "/" + sections[1]
	return stage, sections[2], path, nil
}

// MatchRoute finds the route of a method and a path, as they were written: a
// parameter is one segment that is not empty. Literal paths win.
func MatchRoute(routes []Route, method, path string) (Route, bool) {
	best, found := Route{}, false
	for _, r := range routes {
		if r.Method != method || !matchPath(r.Path, path) {
			continue
		}
		if !found || strings.Count(r.Path, "{") < strings.Count(best.Path, "{") {
			best, found = r, true
		}
	}
	return best, found
}

func matchPath(pattern, path string) bool {
	want, got := strings.Split(pattern, "/"), strings.Split(path, "/")
	return len(want) == len(got) && !slices.ContainsFunc(indexes(want), func(i int) bool {
		if strings.HasPrefix(want[i], "{") {
			return got[i] == ""
		}
		return want[i] != got[i]
	})
}

func indexes(s []string) []int {
	is := make([]int, len(s))
	for i := range s {
		is[i] = i
	}
	return is
}

// covers reports whether the resource of one route fits a call of another.
func covers(y, n Route) bool {
	return y.Method == n.Method && overlap(glob(wildcard(y.Path)), segments(n.Path))
}

func resource(stage string, r Route) string {
	return stage + "/" + r.Method + wildcard(r.Path)
}

// wildcard writes a route's path as IAM can match it.
func wildcard(path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		if strings.HasPrefix(p, "{") {
			parts[i] = "*"
		}
	}
	return strings.Join(parts, "/")
}

// A pattern is a list of symbols, each a class of characters, taken once or any
// number of times.
type symbol struct {
	class rune // a character, or one of the classes below
	many  bool // any number of them, none too
}

const (
	anything rune = -1
	nonSlash rune = -2
)

// glob reads a pattern as IAM does: * and ? run over slashes.
func glob(s string) []symbol {
	var out []symbol
	for _, c := range s {
		switch c {
		case '*':
			out = append(out, symbol{anything, true})
		case '?':
			out = append(out, symbol{anything, false})
		default:
			out = append(out, symbol{c, false})
		}
	}
	return out
}

// segments reads a route's path as MatchRoute does: a parameter is one segment.
func segments(path string) []symbol {
	var out []symbol
	for i, p := range strings.Split(path, "/") {
		if i > 0 {
			out = append(out, symbol{'/', false})
		}
		if strings.HasPrefix(p, "{") {
			out = append(out, symbol{nonSlash, false}, symbol{nonSlash, true})
			continue
		}
		for _, c := range p {
			out = append(out, symbol{c, false})
		}
	}
	return out
}

// overlap reports whether some string fits both patterns.
func overlap(a, b []symbol) bool {
	seen := make([]bool, (len(a)+1)*(len(b)+1))
	var from func(i, j int) bool
	from = func(i, j int) bool {
		if i == len(a) && j == len(b) {
			return true
		}
		if at := i*(len(b)+1) + j; seen[at] {
			return false
		} else {
			seen[at] = true
		}
		if i < len(a) && a[i].many && from(i+1, j) {
			return true
		}
		if j < len(b) && b[j].many && from(i, j+1) {
			return true
		}
		if i == len(a) || j == len(b) || !a[i].meets(b[j]) || a[i].many && b[j].many {
			return false
		}
		ni, nj := i+1, j+1
		if a[i].many {
			ni = i
		}
		if b[j].many {
			nj = j
		}
		return from(ni, nj)
	}
	return from(0, 0)
}

func (s symbol) meets(t symbol) bool {
	switch {
	case s.class == anything || t.class == anything:
		return true
	case s.class == nonSlash:
		return t.class != '/'
	case t.class == nonSlash:
		return s.class != '/'
	}
	return s.class == t.class
}

// matches reports whether a resource of a policy names an ARN.
func matches(pattern, arn string) bool {
	p, a, star, mark := 0, 0, -1, 0
	for a < len(arn) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, a
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == arn[a]):
			p++
			a++
		case star >= 0:
			mark++
			p, a = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
