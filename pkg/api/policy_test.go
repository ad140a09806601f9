package api

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const testStage = "arn:aws:execute-api:eu-central-1:123456789012:abcdefghij/prod"

var somewhere = netip.MustParseAddr("192.0.2.1")

func arnOf(method, path string) string { return testStage + "/" + method + path }

func everything(Route) bool { return true }

func nothing(Route) bool { return false }

// callers of our own API, by what their kind may call.
var callers = map[string]func(Route) bool{
	"a person's session calls every guarded route":          everything,
	"a personal access token calls routes for any kind":     func(r Route) bool { return r.Guard == Any },
	"an exchanged token of every scope calls the same":      func(r Route) bool { return r.Guard == Any },
	"a credential without any right calls nothing":          nothing,
	"a credential that may only list calls that one route":  func(r Route) bool { return r.Verb == "list" },
	"a credential that may only get calls that one route":   func(r Route) bool { return r.Verb == "get" },
	"a credential that may only revoke calls that one":      func(r Route) bool { return r.Verb == "revoke" },
	"a credential that may do all but revoke is kept of it": func(r Route) bool { return r.Verb != "revoke" },
}

func TestPolicyOfOurOwnRoutes(t *testing.T) {
	for name, may := range callers {
		t.Run(name, func(t *testing.T) {
			if err := Separable(Routes, may); err != nil {
				t.Fatal(err)
			}
			policy := NewPolicy(testStage, Routes, may, nil).WithoutDetours(testStage)
			checked := 0
			for _, r := range Routes {
				if r.Guard == Open { // asks no authorizer, so no policy is about it
					if policy.Allows(arnOf(r.Method, r.Path), somewhere) {
						t.Errorf("%s %s is in the policy", r.Method, r.Path)
					}
					continue
				}
				path := strings.ReplaceAll(r.Path, "{id}", "4gT2a0001B")
				if got, want := policy.Allows(arnOf(r.Method, path), somewhere), may(r); got != want {
					t.Errorf("%s %s: allowed is %v, want %v", r.Method, path, got, want)
				}
				checked++
				for _, deeper := range []string{path + "/x", path + "/x/y", path + "/" + path} {
					route, is := MatchRoute(Routes, r.Method, deeper)
					if is && policy.Allows(arnOf(r.Method, deeper), somewhere) != may(route) {
						t.Errorf("%s %s: allowed is %v, want %v", r.Method, deeper, !may(route), may(route))
					}
				}
				for _, stray := range []string{path + "/", path + "//", path + "%2Fx", path + "%2fx", "/" + path} {
					if policy.Allows(arnOf(r.Method, stray), somewhere) {
						t.Errorf("%s %s is allowed", r.Method, stray)
					}
				}
			}
			if checked == 0 {
				t.Fatal("no guarded route")
			}
		})
	}
}

func TestPolicyOfOtherTables(t *testing.T) {
	table := func(lines ...string) []Route {
		var routes []Route
		for _, l := range lines {
			method, path, _ := strings.Cut(l, " ")
			routes = append(routes, Route{Method: method, Path: path, Guard: Any})
		}
		return routes
	}
	tests := map[string]struct {
		routes  []Route
		may     []string // as lines
		allowed []string
		refused []string
	}{
		"a parent that may not be called is not reached through a slash at the end": {
			routes:  table("GET /notes", "GET /notes/{id}"),
			may:     []string{"GET /notes/{id}"},
			allowed: []string{"GET /notes/1"},
			refused: []string{"GET /notes", "GET /notes/", "GET /notes//", "GET //notes"},
		},
		"a child that may not be called is not reached through its parent's star": {
			routes:  table("GET /notes/{id}", "GET /notes/{id}/history"),
			may:     []string{"GET /notes/{id}"},
			allowed: []string{"GET /notes/1", "GET /notes/history"},
			refused: []string{"GET /notes/1/history", "GET /notes/1/history/", "GET /notes/1%2fhistory", "GET /notes/1%2Fhistory"},
		},
		"a child that may be called does not open its parent": {
			routes:  table("GET /notes/{id}", "GET /notes/{id}/history"),
			may:     []string{"GET /notes/{id}/history"},
			allowed: []string{"GET /notes/1/history"},
			refused: []string{"GET /notes/1", "GET /notes/1/"},
		},
		"a literal that may not be called is kept from its parameter": {
			routes:  table("GET /notes/{id}", "GET /notes/export"),
			may:     []string{"GET /notes/{id}"},
			allowed: []string{"GET /notes/1", "GET /notes/exports"},
			refused: []string{"GET /notes/export", "GET /notes/export/"},
		},
		"a literal alone may be called beside its parameter": {
			routes:  table("GET /notes/{id}", "GET /notes/export"),
			may:     []string{"GET /notes/export"},
			allowed: []string{"GET /notes/export"},
			refused: []string{"GET /notes/1", "GET /notes/exports"},
		},
		"a method is not another": {
			routes:  table("GET /notes/{id}", "DELETE /notes/{id}"),
			may:     []string{"GET /notes/{id}"},
			allowed: []string{"GET /notes/DELETE"},
			refused: []string{"DELETE /notes/1", "HEAD /notes/1", "OPTIONS /notes/1"},
		},
		"the root is a route like others": {
			routes:  table("GET /", "GET /{page}"),
			may:     []string{"GET /"},
			allowed: []string{"GET /"},
			refused: []string{"GET /a", "GET //", "GET /a/"},
		},
		"the root that may not be called is not reached through a parameter": {
			routes:  table("GET /", "GET /{page}"),
			may:     []string{"GET /{page}"},
			allowed: []string{"GET /a"},
			refused: []string{"GET //"},
		},
		"nothing allowed is nothing": {
			routes:  table("GET /", "GET /{page}"),
			refused: []string{"GET /", "GET /a"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			may := func(r Route) bool { return slices.Contains(tt.may, r.Method+" "+r.Path) }
			if err := Separable(tt.routes, may); err != nil {
				t.Fatal(err)
			}
			policy := NewPolicy(testStage, tt.routes, may, nil).WithoutDetours(testStage)
			check := func(lines []string, want bool) {
				for _, l := range lines {
					method, path, _ := strings.Cut(l, " ")
					if got := policy.Allows(arnOf(method, path), somewhere); got != want {
						t.Errorf("%s: allowed is %v, want %v", l, got, want)
					}
				}
			}
			check(tt.allowed, true)
			check(tt.refused, false)
		})
	}
}

func TestRoutesThatNoPolicyCanTellApart(t *testing.T) {
	// To keep the first from reaching the second by /notes/1, the second is
	// denied by name, and its star reaches the third.
	routes := []Route{
		{Method: "GET", Path: "/{page}", Guard: Any, Scope: "yes"},
		{Method: "GET", Path: "/notes/{id}", Guard: Any, Scope: "no"},
		{Method: "GET", Path: "/notes/{id}/history", Guard: Any, Scope: "yes"},
	}
	may := func(r Route) bool { return r.Scope == "yes" }
	err := Separable(routes, may)
	if err == nil || !strings.Contains(err.Error(), "GET /notes/{id} ") || !strings.Contains(err.Error(), "/notes/{id}/history") {
		t.Fatalf("got %v, want an error that names both routes", err)
	}
	// The policy of such a table denies too much, never too little.
	policy := NewPolicy(testStage, routes, may, nil).WithoutDetours(testStage)
	for path, want := range map[string]bool{"/home": true, "/notes/1": false, "/notes/1/history": false} {
		if got := policy.Allows(arnOf("GET", path), somewhere); got != want {
			t.Errorf("%s: allowed is %v, want %v", path, got, want)
		}
	}
}

func TestNothingAllowedIsOneDenyOnEverything(t *testing.T) {
	text, err := json.Marshal(NewPolicy(testStage, Routes, nothing, []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"execute-api:Invoke","Resource":["*"]}]}`
	if string(text) != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
}

func TestNetworksAreACondition(t *testing.T) {
	networks := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")}
	policy := NewPolicy(testStage, Routes, everything, networks).WithoutDetours(testStage)
	for address, want := range map[string]bool{
		"192.0.2.0": true, "192.0.2.255": true, "192.0.3.0": false, "191.255.255.255": false,
		"::ffff:192.0.2.7": true, "::ffff:192.0.3.7": false, "2001:db8::1": true, "2001:db9::1": false,
		"2001:db8::1%eth0": true, "127.0.0.1": false, "::": false,
	} {
		if got := policy.Allows(arnOf("GET", "/whoami"), netip.MustParseAddr(address)); got != want {
			t.Errorf("from %s: allowed is %v, want %v", address, got, want)
		}
	}
	if policy.Allows(arnOf("GET", "/whoami"), netip.Addr{}) {
		t.Error("from no address at all: allowed")
	}
	text, err := json.Marshal(policy.Statement[0].Condition)
	if want := `{"IpAddress":{"aws:SourceIp":["192.0.2.0/24","2001:db8::/32"]}}`; err != nil || string(text) != want {
		t.Errorf("condition is %s (%v), want %s", text, err, want)
	}
}

func TestAllRoutesShareOneStatement(t *testing.T) {
	policy := NewPolicy(testStage, Routes, everything, nil)
	if len(policy.Statement) != 2 || policy.Statement[0].Effect != "Allow" || policy.Statement[1].Effect != "Deny" {
		t.Fatalf("got %d statements, want one Allow and one Deny", len(policy.Statement))
	}
	if policy.Version != "2012-10-17" {
		t.Errorf("version is %q", policy.Version)
	}
	for _, s := range policy.Statement {
		if s.Action != "execute-api:Invoke" {
			t.Errorf("action is %q", s.Action)
		}
		for _, r := range s.Resource {
			if !strings.HasPrefix(r, testStage+"/") {
				t.Errorf("resource %q is not below the stage", r)
			}
		}
	}
	text, err := json.Marshal(policy)
	if err != nil {
		t.Fatal(err)
	}
	// API Gateway takes 8,192 bytes.
	if len(text) > 8000 {
		t.Errorf("the policy has %d bytes", len(text))
	}
}

// TestPolicyGrantsExactlyWhatMayBeCalled holds the policy against the route
// that would answer, for made-up tables, rights and paths.
func TestPolicyGrantsExactlyWhatMayBeCalled(t *testing.T) {
	literal := rapid.SampledFrom([]string{"a", "b", "c"})
	segment := rapid.OneOf(literal, rapid.Just("{x}"), rapid.Just("{y}"))
	route := rapid.Custom(func(t *rapid.T) Route {
		return Route{
			Method: rapid.SampledFrom([]string{"GET", "POST"}).Draw(t, "method"),
			Path:   "/" + strings.Join(rapid.SliceOfN(segment, 0, 4).Draw(t, "segments"), "/"),
			Guard:  rapid.SampledFrom([]Guard{Any, Any, Any, Person, Open}).Draw(t, "guard"),
		}
	})
	// A value that a client can write into one segment of a path.
	value := rapid.OneOf(
		literal,
		rapid.SampledFrom([]string{"*", "?", ".", "..", "***", "a*", "%2e", "%", "%2", "${aws:x}", "{x}", ":", "é", "a b"}),
		rapid.StringOfN(rapid.RuneFrom([]rune("abc*?.%2e:~é☃")), 1, 6, -1),
	)
	grants, refusals, inseparable := 0, 0, 0
	property := func(t *rapid.T) {
		routes := rapid.SliceOfNDistinct(route, 1, 7, resource).Draw(t, "routes")
		rights := map[string]bool{}
		for _, r := range routes {
			rights[resource(r)] = rapid.Bool().Draw(t, "may "+resource(r))
		}
		may := func(r Route) bool { return rights[resource(r)] }
		policy := NewPolicy(testStage, routes, may, nil).WithoutDetours(testStage)
		separable := Separable(routes, may)
		if separable != nil {
			inseparable++
		}
		fill := func(pattern string) string {
			segments := strings.Split(pattern, "/")
			for i, s := range segments {
				if isParameter(s) {
					segments[i] = value.Draw(t, "value")
				}
			}
			return strings.Join(segments, "/")
		}
		for _, r := range routes {
			path := fill(r.Path)
			paths := []string{path, path + "/" + value.Draw(t, "deeper"), path + "/" + value.Draw(t, "deeper") + "/" + value.Draw(t, "deepest")}
			for _, path := range paths {
				allowed := policy.Allows(arnOf(r.Method, path), somewhere)
				answers, is := MatchRoute(routes, r.Method, path)
				if !is || answers.Guard == Open {
					continue // no route, or one without an authorizer
				}
				if allowed && !may(answers) {
					t.Fatalf("%s %s is allowed, and %s must not be called", r.Method, path, answers.Path)
				}
				dotted := slices.ContainsFunc(strings.Split(path, "/"), func(s string) bool { return s == "." || s == ".." })
				if allowed && dotted {
					t.Fatalf("%s %s is allowed", r.Method, path)
				}
				if !allowed && may(answers) && separable == nil && !dotted {
					t.Fatalf("%s %s is refused, and %s may be called", r.Method, path, answers.Path)
				}
				if allowed {
					grants++
				} else {
					refusals++
				}
			}
			if path != "/" && policy.Allows(arnOf(r.Method, path+"/"), somewhere) {
				t.Fatalf("%s %s/ is allowed", r.Method, path)
			}
			if encoded := strings.ReplaceAll(strings.TrimPrefix(path, "/"), "/", "%2F"); strings.Contains(encoded, "%2F") {
				if policy.Allows(arnOf(r.Method, "/"+encoded), somewhere) {
					t.Fatalf("%s /%s is allowed", r.Method, encoded)
				}
			}
		}
	}
	for range 20 {
		rapid.Check(t, property)
	}
	t.Logf("%d granted, %d refused, %d tables inseparable", grants, refusals, inseparable)
	if grants == 0 || refusals == 0 || inseparable == 0 {
		t.Error("the made-up tables leave something untried")
	}
}
