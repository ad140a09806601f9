package main

import (
	"encoding/base64"
	"encoding/hex"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

// TestCanary follows the secrets of one life, with every misuse that could make
// somebody print them, and looks for them in every log line, every file of the
// state and every answer but those that may show them.
func TestCanary(t *testing.T) {
	ts := newTestServer(t)
	var seen []string // every answer that must show no secret
	hear := func(r reply) reply {
		head := new(strings.Builder)
		if err := r.Header.Write(head); err != nil {
			t.Fatal(err)
		}
		seen = append(seen, head.String()+"\n"+r.Body)
		return r
	}
	session := ts.signIn("alice")
	created := ts.call("POST", "/tokens", session, `{"name":"canary","scopes":["notes:read","notes:write","profile"]}`).want(201)
	value, id := created.field("token"), created.field("id")
	jwt := ts.exchange(value, "").field("access_token")
	secrets := map[string]string{"the token's secret part": value[16:52], "the session": session, "the exchanged JWT": jwt, "the session's signature": session[strings.LastIndex(session, "."):], "the JWT's signature": jwt[strings.LastIndex(jwt, "."):]}

	for _, secret := range []string{value, session, jwt} {
		for _, path := range []string{"/whoami", "/notes", "/tokens", "/tokens/" + id, "/scopes", "/nowhere", "/nowhere?token=" + secret, "/" + secret, "/tokens/" + secret, "/whoami%2f"} {
			hear(ts.call("GET", path, secret, ""))
			hear(ts.send("GET", path, http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(secret+":"))}}, ""))
		}
		for _, header := range []string{secret, "Token " + secret, "Bearer " + secret + "x", "Bearer " + secret[:len(secret)-1], "Bearer " + secret + " " + secret, "AWS4-HMAC-SHA256 Credential=" + secret} {
			hear(ts.send("GET", "/whoami", http.Header{"Authorization": {header}}, ""))
			hear(ts.send("GET", "/nowhere", http.Header{"Authorization": {header}}, ""))
		}
		// Pasted into the wrong place.
		for _, body := range []string{
			`{"name":1,"` + secret + `":1}`, `{"name":"x","scopes":["` + secret + `"],"allowed_cidrs":["` + secret + `"]}`, `{"` + secret, `{"name":"x","scopes":[1],"expires_at":"` + secret + `"}`,
		} {
			hear(ts.call("POST", "/tokens", session, body).want(400))
		}
		for _, form := range []string{
			"subject_token=" + secret, "grant_type=" + secret, "grant_type=" + pat.ExchangeGrant + "&subject_token=" + secret + "x&subject_token_type=" + pat.AccessTokenType,
			"grant_type=" + pat.ExchangeGrant + "&subject_token=" + secret + "&subject_token_type=" + pat.AccessTokenType + "&audience=" + secret,
			"grant_type=" + pat.ExchangeGrant + "&subject_token=" + secret + "&subject_token_type=" + pat.AccessTokenType + "&scope=" + secret,
			"grant_type=" + pat.ExchangeGrant + "&subject_token=" + secret + "&subject_token_type=" + secret,
			"%zz" + secret, secret + "=" + secret + "&" + secret + "=1",
		} {
			hear(ts.call("POST", "/oauth/token", "", form))
		}
		hear(ts.call("POST", "/idp/token", "", "grant_type=password&username="+secret+"&password="+secret))
	}
	hear(ts.call("GET", "/tokens?cursor="+value, session, "").want(400))
	hear(ts.call("GET", "/tokens", session, "").want(200))
	hear(ts.call("GET", "/notes", value, "").want(200))
	hear(ts.call("GET", "/tokens/"+id+"/trail?cursor="+value, session, "").want(400))
	hear(ts.call("POST", "/credentials/report", "", `{"tokens":["`+value+`x","`+session+`"]}`).want(202))
	hear(ts.call("POST", "/credentials/report", "", `{"tokens":["`+value+`"],"`+value+`":1}`).want(400))
	hear(ts.call("GET", "/tokens/"+id+"/trail", session, "").want(200))
	hear(ts.call("DELETE", "/tokens/"+id, session, "").want(204))
	hear(ts.call("GET", "/whoami", value, "").want(401))
	hear(ts.call("GET", "/whoami", jwt, "").want(401))
	ts.stop()

	places := map[string]string{"the log": ts.Log.String()}
	for i, answer := range seen {
		places["an answer, number "+string(rune('0'+i/100))+string(rune('0'+i/10%10))+string(rune('0'+i%10))] = answer
	}
	files := 0
	err := filepath.WalkDir(ts.State, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		text, err := os.ReadFile(path)
		places["the file "+filepath.Base(path)] = string(text)
		return err
	})
	if err != nil || files < 4 || len(seen) < 100 || len(places["the log"]) < 1000 {
		t.Fatalf("%v: looked at %d files, %d answers and %d bytes of log", err, files, len(seen), len(places["the log"]))
	}
	for where, text := range places {
		for what, secret := range secrets {
			for spelling, s := range map[string]string{
				"as it is": secret, "in hex": hex.EncodeToString([]byte(secret)), "in base64": base64.StdEncoding.EncodeToString([]byte(secret))[4:40],
			} {
				if strings.Contains(text, s) {
					t.Errorf("%s stands in %s, %s", what, where, spelling)
				}
			}
		}
	}
}
