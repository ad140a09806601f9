package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/pkg/api"
)

// toldIn reads a state's trail, each event once.
func toldIn(t *testing.T, state string) map[string]api.Event {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(state, trailFile))
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]api.Event{}
	for line := range strings.Lines(string(text)) {
		var e api.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("a line is %q: %v", line, err)
		}
		told[e.ID] = e
	}
	return told
}

// TestTheTrailAfterKills: what was answered has its event, in the file too,
// wherever the kill came.
func TestTheTrailAfterKills(t *testing.T) {
	state := t.TempDir()
	changes := map[string]int{}
	for round := range 5 {
		p := startProcess(t, "PORT=0", "STATE="+state)
		ts := &testServer{t: t, URL: p.ready(t)}
		session := ts.signIn("alice")
		for n := range round + 1 {
			created := ts.call("POST", "/tokens", session, fmt.Sprintf(`{"name":"%d %d","scopes":["profile"]}`, round, n)).want(201)
			changes["counterfoil.token.created"]++
			switch n % 3 {
			case 0:
				ts.call("POST", "/tokens/"+created.field("id")+"/rotate", session, "{}").want(200)
				changes["counterfoil.token.rotated"]++
			case 1:
				ts.call("PATCH", "/tokens/"+created.field("id"), session, `{"description":"x"}`).want(200)
				changes["counterfoil.token.updated"]++
			case 2:
				ts.call("POST", "/credentials/report", "", `{"tokens":["`+created.field("token")+`"]}`).want(202)
				changes["counterfoil.token.revoked"]++
			}
		}
		p.Process.Kill() // within a moment of the last answer
		p.Wait()
	}
	p := startProcess(t, "PORT=0", "STATE="+state)
	p.ready(t)
	var got map[string]int
	for range 100 { // it is told as it happens, not before it is answered
		got = map[string]int{}
		for _, e := range toldIn(t, state) {
			got[e.Type]++
		}
		if fmt.Sprint(got) == fmt.Sprint(changes) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("the file tells %v, %v happened", got, changes)
}

// TestTheTrailOfAUse goes through the front door: the example's authorizer sees
// addresses.
func TestTheTrailOfAUse(t *testing.T) {
	ts := newTestServer(t)
	session := ts.signIn("alice")
	created := ts.call("POST", "/tokens", session, `{"name":"n","scopes":["notes:read"]}`).want(201)
	value, id := created.field("token"), created.field("id")
	for range 3 {
		ts.call("GET", "/notes", value, "").want(200)
	}
	ts.call("DELETE", "/tokens/"+id, session, "").want(204)
	ts.call("GET", "/notes", value, "").want(401)
	ts.call("GET", "/whoami", value, "").want(401)
	ts.call("GET", "/tokens", "alice:"+value, "").want(401)
	ts.call("GET", "/notes", value[:len(value)-1]+"0", "").want(401)
	var page api.EventList
	body := ts.call("GET", "/tokens/"+id+"/trail", session, "").want(200).Body
	if err := json.Unmarshal([]byte(body), &page); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range page.Events {
		got = append(got, strings.Join([]string{e.Type, e.Data.By.Kind, e.Data.IP, e.Data.Network, e.Data.Reason}, " "))
		if e.Data.RequestID == "" || e.Source != ts.Origin {
			t.Errorf("an event is %+v", e)
		}
	}
	want := []string{
		"counterfoil.token.refused holder 127.0.0.1  revoked",
		"counterfoil.token.refused holder 127.0.0.1  revoked",
		"counterfoil.token.revoked person 127.0.0.1  ",
		"counterfoil.token.new_network holder 127.0.0.1 127.0.0.0/24 ",
		"counterfoil.token.created person 127.0.0.1  ",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	ts.stop()
	told := toldIn(t, ts.State)
	if len(told) != len(want) {
		t.Errorf("%d events in the file", len(told))
	}
	for _, e := range page.Events {
		if fmt.Sprint(told[e.ID]) != fmt.Sprint(e) {
			t.Errorf("told is %+v\nread back %+v", told[e.ID], e)
		}
	}
}

// TestEveryAnswerTellsTheEnd: whatever a token that ends, or a JWT made from it,
// is answered with 2xx, tells when. Routes that take neither say 403.
func TestEveryAnswerTellsTheEnd(t *testing.T) {
	ts := newTestServer(t)
	end := time.Now().Add(48 * time.Hour).UTC().Format("2006-01-02T15:04:05Z")
	root := ts.signIn("root")
	created := ts.call("POST", "/tokens", root, `{"name":"n","scopes":["profile","introspect"],"expires_at":"`+end+`"}`).want(201)
	value, id := created.field("token"), created.field("id")
	jwt := ts.exchange(value, "&scope=profile+introspect").field("access_token")
	bodies := map[string]string{
		"POST /oauth/token":      "grant_type=urn:ietf:params:oauth:grant-type:token-exchange&subject_token=%s&subject_token_type=urn:ietf:params:oauth:token-type:access_token",
		"POST /oauth/introspect": "token=%s",
	}
	told := 0
	for _, credential := range []string{value, jwt} {
		for _, r := range api.Routes {
			if r.Verb == "revocation" || r.Verb == "report" || r.Verb == "wellknown" {
				continue // where the value is what it is about, or there is none
			}
			body := bodies[r.Method+" "+r.Path]
			if body != "" {
				body = fmt.Sprintf(body, credential)
			}
			answer := ts.call(r.Method, strings.ReplaceAll(r.Path, "{id}", id), credential, body)
			if answer.Status/100 != 2 {
				answer.want(403)
				continue
			}
			told++
			got := answer.Header.Get("Counterfoil-Token-Expires")
			if credential == value && got != end || got == "" {
				t.Errorf("%s %s: it ends at %q, want %q", r.Method, r.Path, got, end)
			}
		}
	}
	if told != 6 {
		t.Errorf("%d answers", told)
	}
}
