package handler_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

// trailOf asks for a page of the desk's token's trail, as somebody.
func (d *desk) trailOf(t *testing.T, sub, id, query string) (int, map[string]any) {
	t.Helper()
	values, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	resp, body := d.ask(t, "GET", "/tokens/{id}/trail", func(e *events.APIGatewayProxyRequest) {
		e.PathParameters = map[string]string{"id": id}
		e.MultiValueQueryStringParameters = values
		e.RequestContext.Authorizer["sub"] = sub
	})
	return resp.StatusCode, body
}

func typesOf(body map[string]any) (types []string) {
	for _, e := range body["events"].([]any) {
		types = append(types, strings.TrimPrefix(e.(map[string]any)["type"].(string), "counterfoil.token."))
	}
	return types
}

func TestPagesOfATrail(t *testing.T) {
	d := newDesk(t)
	id := string(d.token.ID)
	alice := pat.Grant{Kind: pat.KindPerson, Person: pat.Person{Issuer: d.tokens.PeopleIssuer, Subject: "alice"}, IssuedAt: d.clock}
	for range 4 {
		d.clock = d.clock.Add(time.Minute)
		if _, err := d.tokens.Update(t.Context(), alice, id, pat.UpdateRequest{}); err != nil {
			t.Fatal(err)
		}
	}
	d.ask(t, "DELETE", "/tokens/{id}", func(e *events.APIGatewayProxyRequest) { e.PathParameters = map[string]string{"id": id} })
	other, err := d.tokens.Create(t.Context(), alice, pat.CreateRequest{Name: "other", Scopes: []string{"profile"}})
	if err != nil {
		t.Fatal(err)
	}

	var got []string
	cursors := []string{}
	for query := "limit=2"; ; {
		status, body := d.trailOf(t, "alice", id, query)
		if status != 200 {
			t.Fatalf("status %d, %v", status, body)
		}
		got = append(got, typesOf(body)...)
		next, more := body["next_cursor"].(string)
		if !more {
			break
		}
		cursors = append(cursors, next)
		query = "limit=2&cursor=" + url.QueryEscape(next)
	}
	if fmt.Sprint(got) != "[revoked updated updated updated updated created]" || len(cursors) != 2 {
		t.Errorf("got %v in %d pages", got, len(cursors)+1)
	}
	_, body := d.trailOf(t, "alice", id, "limit=1")
	event := body["events"].([]any)[0].(map[string]any)
	data := event["data"].(map[string]any)
	if event["specversion"] != "1.0" || event["source"] != d.tokens.Issuer || event["subject"] != id || data["ip"] != "192.0.2.1" ||
		data["request_id"] != "r1" || data["owner"] != "alice" || fmt.Sprint(data["by"]) != "map[kind:person sub:alice]" {
		t.Errorf("the event is %v", event)
	}

	for name, query := range map[string]string{
		"a limit of none":       "limit=0",
		"a limit of 101":        "limit=101",
		"a limit in words":      "limit=ten",
		"a limit twice":         "limit=1&limit=1",
		"no cursor":             "cursor=",
		"a cursor of nobody's":  "cursor=abc",
		"a cursor cut short":    "cursor=" + cursors[0][:len(cursors[0])-1],
		"a cursor of a list":    "cursor=" + string(d.token.ID) + "0000000",
		"a cursor with a blank": "cursor=" + cursors[0] + "%20",
	} {
		if status, body := d.trailOf(t, "alice", id, query); status != 400 || body["code"] != "invalid_request" {
			t.Errorf("%s: status %d, %v", name, status, body)
		}
	}
	if status, _ := d.trailOf(t, "alice", string(other.ID), "cursor="+cursors[0]); status != 400 {
		t.Errorf("another token's cursor: status %d", status)
	}
	for name, c := range map[string][2]string{
		"somebody else's":  {"bob", id},
		"an unknown id":    {"alice", "0000000000"},
		"what is no id":    {"alice", "../../trail"},
		"of a person only": {"carol", "carol"},
	} {
		if status, body := d.trailOf(t, c[0], c[1], ""); status != 404 || body["code"] != "not_found" {
			t.Errorf("%s: status %d, %v", name, status, body)
		}
	}
	d.clock = d.clock.Add(pat.Kept)
	if status, _ := d.trailOf(t, "alice", id, ""); status != 404 {
		t.Errorf("of a token that is hidden by now: status %d", status)
	}
}

func TestATrailIsForSessionsAlone(t *testing.T) {
	d := newDesk(t)
	resp, body := d.ask(t, "GET", "/tokens/{id}/trail", func(e *events.APIGatewayProxyRequest) {
		e.PathParameters = map[string]string{"id": string(d.token.ID)}
		e.RequestContext.Authorizer = map[string]any{"kind": "pat", "issuer": d.tokens.PeopleIssuer, "sub": "alice", "token_id": string(d.token.ID), "gen": "1"}
	})
	if resp.StatusCode != 403 || body["code"] != "forbidden" {
		t.Errorf("status %d, %v", resp.StatusCode, body)
	}
}

func TestReports(t *testing.T) {
	value := "{{value}}"
	many := func(n int, s string) string {
		return `{"tokens":["` + strings.Repeat(s+`","`, n-1) + s + `"]}`
	}
	for name, c := range map[string]struct {
		body   string
		status int
		dead   bool
	}{
		"a value of ours":                    {`{"tokens":["` + value + `"]}`, 202, true},
		"among others":                       {`{"tokens":["x","","` + value + `","ghp_abc","a.b.c"]}`, 202, true},
		"many times":                         {many(200, value), 202, true},
		"with a wrong checksum":              {`{"tokens":["` + value[:0] + `cfoil_` + strings.Repeat("0", 52) + `"]}`, 202, false},
		"nothing of ours":                    {`{"tokens":["x"]}`, 202, false},
		"a value in a longer text":           {`{"tokens":["TOKEN=` + value + `"]}`, 202, false},
		"none":                               {`{"tokens":[]}`, 400, false},
		"201":                                {many(201, value), 400, false},
		"no list":                            {`{}`, 400, false},
		"null for the list":                  {`{"tokens":null}`, 400, false},
		"null in the list":                   {`{"tokens":["` + value + `",null]}`, 400, false},
		"a number in the list":               {`{"tokens":["` + value + `",1]}`, 400, false},
		"one string":                         {`{"tokens":"` + value + `"}`, 400, false},
		"a member too many":                  {`{"tokens":["` + value + `"],"type":"pat"}`, 400, false},
		"no JSON":                            {value, 400, false},
		"nothing at all":                     {"", 400, false},
		"too much":                           {`{"tokens":["` + value + `","` + strings.Repeat("x", 16<<10) + `"]}`, 413, false},
		"a list in a list":                   {`{"tokens":[["` + value + `"]]}`, 400, false},
		"a value as the name of a member":    {`{"` + value + `":[]}`, 400, false},
		"a value of another token, not ours": {`{"tokens":["{{stranger}}"]}`, 202, false},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			stranger, err := pat.Mint(strings.NewReader(strings.Repeat("y", 100)), d.token.ID)
			if err != nil {
				t.Fatal(err)
			}
			text := strings.NewReplacer(value, d.token.Value.Reveal(), "{{stranger}}", stranger.Reveal()).Replace(c.body)
			resp, body := d.ask(t, "POST", "/credentials/report", func(e *events.APIGatewayProxyRequest) {
				jsonBody(text)(e)
				e.RequestContext.Authorizer = nil
			})
			if resp.StatusCode != c.status || c.status == 202 && resp.Body != "{}" {
				t.Errorf("status %d, %s", resp.StatusCode, resp.Body)
			}
			if c.status == 400 && body["code"] != "invalid_request" {
				t.Errorf("answer %v", body)
			}
			for what, out := range map[string]string{"answer": resp.Body, "log": d.log.String()} {
				if strings.Contains(out, d.token.Value.Reveal()[16:50]) {
					t.Errorf("the %s holds the value", what)
				}
			}
			_, trail := d.trailOf(t, "alice", string(d.token.ID), "limit=1")
			last := trail["events"].([]any)[0].(map[string]any)["data"].(map[string]any)
			if c.dead && (fmt.Sprint(last["by"]) != "map[kind:report]" || last["ip"] != nil || last["request_id"] != "r1") {
				t.Errorf("the owner is told %v", last)
			}
			_, err = d.tokens.Authorize(t.Context(), d.token.Value)
			if (err != nil) != c.dead {
				t.Errorf("afterwards the token is %v", err)
			}
		})
	}
}

// TestAReportOfAnOldValue: a value that was rotated away does no harm any more,
// and whoever finds one must not be able to do any.
func TestAReportOfAnOldValue(t *testing.T) {
	d := newDesk(t)
	alice := pat.Grant{Kind: pat.KindPerson, Person: pat.Person{Issuer: d.tokens.PeopleIssuer, Subject: "alice"}, IssuedAt: d.clock}
	now, err := d.tokens.Rotate(t.Context(), alice, string(d.token.ID), pat.RotateRequest{Grace: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	report := func() int {
		resp, _ := d.ask(t, "POST", "/credentials/report", jsonBody(`{"tokens":["`+d.token.Value.Reveal()+`"]}`))
		return resp.StatusCode
	}
	d.clock = d.clock.Add(time.Hour)
	if status := report(); status != 202 {
		t.Errorf("status %d", status)
	}
	if _, err := d.tokens.Authorize(t.Context(), now.Value); err != nil {
		t.Errorf("after its grace: %v", err)
	}
	d.clock = d.clock.Add(-time.Minute)
	if status := report(); status != 202 {
		t.Errorf("status %d", status)
	}
	if _, err := d.tokens.Authorize(t.Context(), now.Value); err == nil {
		t.Error("within its grace it opens the door, and was not revoked")
	}
}

// TestTrailOfAll: what administrators do is told to administrators, whole, and to
// the owner without the place that they did it from.
func TestTrailOfAll(t *testing.T) {
	d := newDesk(t)
	id := string(d.token.ID)
	as := func(sub, groups string, change func(*events.APIGatewayProxyRequest)) func(*events.APIGatewayProxyRequest) {
		return func(e *events.APIGatewayProxyRequest) {
			change(e)
			e.RequestContext.Authorizer["sub"], e.RequestContext.Authorizer["groups"] = sub, groups
			e.RequestContext.Authorizer["issued_at"] = d.clock.Format(time.RFC3339)
		}
	}
	root := func(change func(*events.APIGatewayProxyRequest)) func(*events.APIGatewayProxyRequest) {
		return as("root", `["admins"]`, change)
	}
	ok := func(resp events.APIGatewayProxyResponse, _ map[string]any) {
		t.Helper()
		if resp.StatusCode/100 != 2 {
			t.Fatalf("status %d: %s", resp.StatusCode, resp.Body)
		}
	}
	step := func() { d.clock = d.clock.Add(time.Second) }
	step()
	ok(d.ask(t, "PUT", "/admin/policy", root(jsonBody(`{"max_lifetime_days":null,"default_lifetime_days":null,"require_expiry":false,"max_tokens_per_person":7,"creator_groups":null,"max_idle_days":90,"max_absence_days":null,"reauth_seconds":null}`))))
	step()
	ok(d.ask(t, "PATCH", "/admin/people", root(jsonBody(`{"sub":"alice","disabled":true}`))))
	step()
	ok(d.ask(t, "PATCH", "/admin/people", root(jsonBody(`{"sub":"alice","disabled":false}`))))
	step()
	ok(d.ask(t, "DELETE", "/admin/tokens/{id}", root(func(e *events.APIGatewayProxyRequest) { e.PathParameters = map[string]string{"id": id} })))
	step()
	ok(d.ask(t, "PATCH", "/admin/people", root(jsonBody(`{"sub":"carol","disabled":true}`)))) // never seen

	all := func(query string) (int, map[string]any) {
		t.Helper()
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		resp, body := d.ask(t, "GET", "/admin/trail", root(func(e *events.APIGatewayProxyRequest) { e.MultiValueQueryStringParameters = values }))
		return resp.StatusCode, body
	}
	types := func(query string) (got []string) {
		t.Helper()
		status, body := all(query)
		if status != 200 {
			t.Fatalf("status %d, %v", status, body)
		}
		for _, e := range body["events"].([]any) {
			got = append(got, strings.TrimPrefix(e.(map[string]any)["type"].(string), "counterfoil."))
		}
		return got
	}
	for query, want := range map[string]string{
		"":            "[person.disabled token.revoked person.enabled person.disabled policy.changed token.created]",
		"sub=alice":   "[token.revoked person.enabled person.disabled token.created]",
		"sub=carol":   "[person.disabled]",
		"sub=root":    "[]",
		"sub=nobody":  "[]",
		"sub=a|b%2fc": "[]",
	} {
		if got := fmt.Sprint(types(query)); got != want {
			t.Errorf("%s: got %s, want %s", query, got, want)
		}
	}
	_, body := all("limit=2")
	cursor := url.QueryEscape(body["next_cursor"].(string))
	if got := fmt.Sprint(types("limit=2&cursor=" + cursor)); got != "[person.enabled person.disabled]" {
		t.Errorf("the second page: %s", got)
	}
	for name, query := range map[string]string{
		"another filter's cursor": "sub=alice&cursor=" + cursor, "a person's that was never seen": "sub=nobody&cursor=" + cursor,
		"no cursor": "cursor=", "no sub": "sub=", "a sub twice": "sub=a&sub=b", "a long sub": "sub=" + strings.Repeat("x", 256), "a limit of none": "limit=0",
		"a sub that is no UTF-8": "sub=%ff", "one that a gateway wrote": "sub=%ef%bf%bd",
	} {
		if status, body := all(query); status != 400 || body["code"] != "invalid_request" {
			t.Errorf("%s: status %d, %v", name, status, body)
		}
	}

	_, body = all("sub=alice&limit=3")
	revoked := body["events"].([]any)[0].(map[string]any)
	if data := revoked["data"].(map[string]any); fmt.Sprint(data["by"]) != "map[kind:admin sub:root]" || data["ip"] != "192.0.2.1" || data["owner"] != "alice" || revoked["subject"] != id {
		t.Errorf("revoked: %v", revoked)
	}
	disabled := body["events"].([]any)[2].(map[string]any)
	if data := disabled["data"].(map[string]any); disabled["subject"] != "alice" || data["token_id"] != nil || fmt.Sprint(data["by"]) != "map[kind:admin sub:root]" || data["request_id"] != "r1" {
		t.Errorf("disabled: %v", disabled)
	}
	_, body = all("")
	policy := body["events"].([]any)[4].(map[string]any)
	if data := policy["data"].(map[string]any); policy["subject"] != nil || fmt.Sprint(data["changed"]) != "[max_tokens_per_person max_idle_days]" || fmt.Sprint(data["by"]) != "map[kind:admin sub:root]" {
		t.Errorf("policy: %v", policy)
	}
	_, body = d.trailOf(t, "alice", id, "limit=1")
	if data := body["events"].([]any)[0].(map[string]any)["data"].(map[string]any); fmt.Sprint(data["by"]) != "map[kind:admin sub:root]" || data["ip"] != nil {
		t.Errorf("the owner is told %v", data)
	}

	for who, groups := range map[string]string{"alice": `["users"]`, "dave": `["Admins"]`} {
		resp, _ := d.ask(t, "GET", "/admin/trail", as(who, groups, func(*events.APIGatewayProxyRequest) {}))
		if resp.StatusCode != 403 {
			t.Errorf("%s: status %d", who, resp.StatusCode)
		}
	}
}
