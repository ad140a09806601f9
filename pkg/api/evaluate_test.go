package api

import (
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestAllows(t *testing.T) {
	one := func(effect string, resource ...string) Statement {
		return Statement{Effect: effect, Action: InvokeAction, Resource: resource}
	}
	if_ := func(s Statement, c Condition) Statement { s.Condition = c; return s }
	here := Condition{"IpAddress": {"aws:SourceIp": {"192.0.2.0/24"}}}
	there := Condition{"IpAddress": {"aws:SourceIp": {"198.51.100.0/24"}}}
	odd := Condition{"StringLike": {"aws:UserAgent": {"*"}}}
	unreadable := Condition{"IpAddress": {"aws:SourceIp": {"192.0.2"}}}

	tests := map[string]struct {
		statements []Statement
		want       bool
	}{
		"no statement refuses":                                    {nil, false},
		"an Allow of the very ARN grants":                         {[]Statement{one("Allow", arnOf("GET", "/a"))}, true},
		"an Allow of everything grants":                           {[]Statement{one("Allow", "*")}, true},
		"an Allow of another path refuses":                        {[]Statement{one("Allow", arnOf("GET", "/b"))}, false},
		"an Allow of a longer path refuses":                       {[]Statement{one("Allow", arnOf("GET", "/a/"))}, false},
		"an Allow of another method refuses":                      {[]Statement{one("Allow", arnOf("POST", "/a"))}, false},
		"an Allow of another stage refuses":                       {[]Statement{one("Allow", strings.Replace(arnOf("GET", "/a"), "prod", "test", 1))}, false},
		"one of several resources is enough":                      {[]Statement{one("Allow", arnOf("GET", "/b"), arnOf("GET", "/?"))}, true},
		"a Deny after an Allow refuses":                           {[]Statement{one("Allow", "*"), one("Deny", "*")}, false},
		"a Deny before an Allow refuses":                          {[]Statement{one("Deny", "*"), one("Allow", "*")}, false},
		"a Deny of another path does not":                         {[]Statement{one("Allow", "*"), one("Deny", arnOf("GET", "/b"))}, true},
		"a Deny alone refuses":                                    {[]Statement{one("Deny", arnOf("GET", "/b"))}, false},
		"an effect in lower case is none, and refuses":            {[]Statement{one("Allow", "*"), one("deny", "*")}, false},
		"an effect in lower case does not grant":                  {[]Statement{one("allow", "*")}, false},
		"an Allow without resources refuses":                      {[]Statement{one("Allow")}, false},
		"an Allow from here grants":                               {[]Statement{if_(one("Allow", "*"), here)}, true},
		"an Allow from there refuses":                             {[]Statement{if_(one("Allow", "*"), there)}, false},
		"a Deny from here refuses":                                {[]Statement{one("Allow", "*"), if_(one("Deny", "*"), here)}, false},
		"a Deny from there does not":                              {[]Statement{one("Allow", "*"), if_(one("Deny", "*"), there)}, true},
		"an Allow with an unknown condition refuses":              {[]Statement{if_(one("Allow", "*"), odd)}, false},
		"a Deny with an unknown condition refuses":                {[]Statement{one("Allow", "*"), if_(one("Deny", "*"), odd)}, false},
		"an Allow from a network that cannot be read refuses":     {[]Statement{if_(one("Allow", "*"), unreadable)}, false},
		"a Deny from a network that cannot be read refuses":       {[]Statement{one("Allow", "*"), if_(one("Deny", "*"), unreadable)}, false},
		"another Allow beside one that does not hold still does":  {[]Statement{if_(one("Allow", "*"), there), one("Allow", "*")}, true},
		"an action in another case is the same":                   {[]Statement{{Effect: "Allow", Action: "EXECUTE-API:invoke", Resource: []string{"*"}}}, true},
		"every action is this one too":                            {[]Statement{{Effect: "Allow", Action: "*", Resource: []string{"*"}}}, true},
		"a Deny by a pattern of actions refuses":                  {[]Statement{one("Allow", "*"), {Effect: "Deny", Action: "execute-api:In*", Resource: []string{"*"}}}, false},
		"another action grants nothing":                           {[]Statement{{Effect: "Allow", Action: "execute-api:ManageConnections", Resource: []string{"*"}}}, false},
		"a Deny of another action does not refuse":                {[]Statement{one("Allow", "*"), {Effect: "Deny", Action: "execute-api:ManageConnections", Resource: []string{"*"}}}, true},
		"the key of a condition has no case":                      {[]Statement{if_(one("Allow", "*"), Condition{"IpAddress": {"AWS:sourceip": {"192.0.2.0/24"}}})}, true},
		"another key of the same operator is unknown":             {[]Statement{if_(one("Allow", "*"), Condition{"IpAddress": {"aws:VpcSourceIp": {"192.0.2.0/24"}}})}, false},
		"the opposite operator is unknown":                        {[]Statement{if_(one("Allow", "*"), Condition{"NotIpAddress": {"aws:SourceIp": {"192.0.2.0/24"}}})}, false},
		"a condition with no network refuses":                     {[]Statement{if_(one("Allow", "*"), Condition{"IpAddress": {"aws:SourceIp": {}}})}, false},
		"one network of several is enough":                        {[]Statement{if_(one("Allow", "*"), Condition{"IpAddress": {"aws:SourceIp": {"198.51.100.0/24", "192.0.2.1/32"}}})}, true},
		"one that cannot be read does not hide one that can":      {[]Statement{if_(one("Allow", "*"), Condition{"IpAddress": {"aws:SourceIp": {"x", "192.0.2.1/32"}}})}, true},
		"every part of a condition must hold":                     {[]Statement{if_(one("Allow", "*"), Condition{"IpAddress": here["IpAddress"], "StringLike": odd["StringLike"]})}, false},
		"an unknown part does not save a Deny that does not hold": {[]Statement{one("Allow", "*"), if_(one("Deny", "*"), Condition{"IpAddress": there["IpAddress"], "StringLike": odd["StringLike"]})}, true},
		"an unknown part keeps a Deny that may hold":              {[]Statement{one("Allow", "*"), if_(one("Deny", "*"), Condition{"IpAddress": here["IpAddress"], "StringLike": odd["StringLike"]})}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			policy := Policy{Version: "2012-10-17", Statement: tt.statements}
			// Maps have no order: an answer that depends on it shows itself.
			for range 20 {
				if got := policy.Allows(arnOf("GET", "/a"), somewhere); got != tt.want {
					t.Fatalf("allowed is %v, want %v", got, tt.want)
				}
			}
		})
	}
}

func TestAnIPv4NetworkDoesNotHoldIPv6(t *testing.T) {
	policy := NewPolicy(testStage, Routes, everything, []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")})
	if !policy.Allows(arnOf("GET", "/whoami"), netip.MustParseAddr("203.0.113.9")) {
		t.Error("an IPv4 address is refused")
	}
	if policy.Allows(arnOf("GET", "/whoami"), netip.MustParseAddr("2001:db8::1")) {
		t.Error("an IPv6 address is allowed")
	}
}

// TestMatches holds the pattern matching against regular expressions.
func TestMatches(t *testing.T) {
	alphabet := rapid.RuneFrom([]rune("ab/*?"))
	hits := 0
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringOfN(alphabet, 0, 8, -1).Draw(t, "pattern")
		text := rapid.StringOfN(alphabet, 0, 8, -1).Draw(t, "text")
		expression := strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(regexp.QuoteMeta(pattern))
		want := regexp.MustCompile("^" + expression + "$").MatchString(text)
		if got := matches(pattern, text); got != want {
			t.Fatalf("%q fits %q is %v, want %v", pattern, text, got, want)
		}
		if want {
			hits++
		}
	})
	if hits == 0 {
		t.Error("no pattern ever fitted")
	}
}
