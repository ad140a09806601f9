package api

import (
	"net/netip"
	"slices"
	"strings"
)

// Allows evaluates the policy as API Gateway does: an explicit Deny first, then
// an Allow, else no. The address is what aws:SourceIp holds. What is not
// understood grants nothing in an Allow and refuses in a Deny.
func (p Policy) Allows(arn string, addr netip.Addr) bool {
	allowed := false
	for _, s := range p.Statement {
		if !s.names(arn) {
			continue
		}
		surely, perhaps := s.Condition.holds(addr)
		switch {
		case s.Effect == allow:
			allowed = allowed || surely
		case perhaps:
			return false
		}
	}
	return allowed
}

// names reports whether the statement is about invoking the ARN.
func (s Statement) names(arn string) bool {
	return matches(strings.ToLower(s.Action), strings.ToLower(InvokeAction)) &&
		slices.ContainsFunc(s.Resource, func(r string) bool { return matches(r, arn) })
}

// holds reports whether the condition holds for sure, and whether it may hold
// for all we understand of it. Every part must hold.
func (c Condition) holds(addr netip.Addr) (surely, perhaps bool) {
	surely, perhaps = true, true
	for operator, keys := range c {
		for key, values := range keys {
			if operator != ipAddress || !strings.EqualFold(key, sourceIP) {
				surely = false
				continue
			}
			in, maybe := within(addr, values)
			surely, perhaps = surely && in, perhaps && maybe
		}
	}
	return surely, perhaps
}

// within reports whether an address lies in one of the networks for sure, and
// whether it may: a network that we cannot read could be anything.
func within(addr netip.Addr, networks []string) (surely, perhaps bool) {
	addr = addr.Unmap().WithZone("")
	for _, text := range networks {
		n, err := netip.ParsePrefix(text)
		switch {
		case err != nil:
			perhaps = true
		case n.Contains(addr):
			return true, true
		}
	}
	return false, perhaps
}

// matches reports whether a pattern of IAM fits a text: * is any number of
// characters, slashes too, and ? is one.
func matches(pattern, text string) bool {
	p, t, star, mark := 0, 0, -1, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			mark++
			p, t = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
