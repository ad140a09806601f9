package main

import (
	"slices"
	"strings"
	"testing"
)

// TestEveryRequestIsLoggedOnce: by the id that a client was told one finds what
// the authorizer and the function say of the request, or else the gateway, and
// its end is told once.
func TestEveryRequestIsLoggedOnce(t *testing.T) {
	ts := newTestServer(t)
	session := ts.signIn("alice")
	value := ts.call("POST", "/tokens", session, `{"name":"ci","scopes":["notes:read","profile"]}`).want(201).field("token")
	tied := ts.call("POST", "/tokens", session, `{"name":"tied","scopes":["profile"],"allowed_cidrs":["192.0.2.0/24"]}`).want(201).field("token")

	for name, c := range map[string]struct {
		method, path, credential string
		status                   int
		want                     []string // each is in one line, in this order
	}{
		"a token at our API": {"GET", "/whoami", value, 200, []string{
			"verb=authorize kind=pat token_id=ID owner=alice outcome=granted round_trips=",
			"verb=whoami kind=pat token_id=ID owner=alice outcome=answered status=200 round_trips=",
		}},
		"a token at somebody else's API": {"GET", "/notes", value, 200, []string{
			"verb=authorize kind=pat token_id=ID owner=alice outcome=granted", "msg=answered request_id=REQUEST status=200",
		}},
		"a bad credential": {"GET", "/whoami", "junk", 401, []string{
			"verb=authorize outcome=refused status=401 code=unauthorized", "msg=answered request_id=REQUEST status=401",
		}},
		"a token without the right": {"GET", "/tokens", value, 403, []string{
			"verb=authorize kind=pat token_id=ID owner=alice outcome=refused status=403 code=forbidden", "msg=answered request_id=REQUEST status=403",
		}},
		"a token outside its networks": {"GET", "/whoami", tied, 403, []string{
			"verb=authorize kind=pat token_id=TIED owner=alice outcome=refused status=403 code=forbidden", "msg=answered request_id=REQUEST status=403",
		}},
		"no credential": {"GET", "/whoami", "", 401, []string{"msg=answered request_id=REQUEST status=401"}},
		"an open route": {"GET", "/.well-known/jwks.json", "", 200, []string{"verb=wellknown outcome=answered status=200"}},
		"a refusal of a function": {"POST", "/oauth/token", "", 400, []string{
			"verb=exchange outcome=refused status=400 code=invalid_request",
		}},
		"no route":    {"GET", "/nowhere", value, 404, []string{"msg=answered request_id=REQUEST status=404"}},
		"the console": {"GET", "/", "", 200, []string{"msg=answered request_id=REQUEST status=200"}},
		"the sign-in": {"GET", "/idp/.well-known/openid-configuration", "", 200, []string{"msg=answered request_id=REQUEST status=200"}},
	} {
		t.Run(name, func(t *testing.T) {
			id := ts.call(c.method, c.path, c.credential, "").want(c.status).Header.Get("X-Request-Id")
			if id == "" {
				t.Fatal("the answer has no request id")
			}
			// A client can have its answer before the line is written. The next
			// request on the same connection begins after it.
			ids := strings.NewReplacer(id, "REQUEST", value[len("cfoil_"):16], "ID", tied[len("cfoil_"):16], "TIED")
			var lines []string
			for range 1000 {
				ts.call("GET", "/.well-known/jwks.json", "", "")
				lines = slices.DeleteFunc(slices.Collect(strings.Lines(ts.Log.String())), func(line string) bool { return !strings.Contains(line, id) })
				if len(lines) >= len(c.want) {
					break
				}
			}
			if len(lines) != len(c.want) {
				t.Fatalf("%d lines, want %d: %s", len(lines), len(c.want), lines)
			}
			for i, want := range c.want {
				if got := ids.Replace(lines[i]); !strings.Contains(got, want) {
					t.Errorf("line %d is %s want %s", i, got, want)
				}
			}
		})
	}
}
