package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/pkg/client"
)

func TestParseExpiry(t *testing.T) {
	a := &app{now: func() time.Time { return time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC) }}
	for text, want := range map[string]string{
		"30d": `"2026-12-24T12:00:00Z"`, "12h": `"2026-11-25T00:00:00Z"`, "2w": `"2026-12-08T12:00:00Z"`, "90m": `"2026-11-24T13:30:00Z"`,
		"never": "null", "2027-01-31": `"2027-01-31T00:00:00Z"`, "2027-01-31T12:00:00+01:00": `"2027-01-31T11:00:00Z"`,
	} {
		got, err := a.parseExpiry(text)
		written, _ := json.Marshal(got)
		if err != nil || string(written) != want {
			t.Errorf("%s: %s, %v", text, written, err)
		}
	}
	for _, text := range []string{"30", "d", "-1d", "1.5d", "30y", "1mo", "soon", "2027-02-30", "31.1.2027", "NEVER", " 30d", "99999999999d", "2147483647w"} {
		if got, err := a.parseExpiry(text); err == nil {
			t.Errorf("%q is read as %+v", text, got)
		}
	}
	if got, err := a.parseExpiry(""); err != nil || !got.IsZero() {
		t.Errorf("nothing: %+v, %v", got, err)
	}
}

// TestPrintable: nothing that others wrote steers the terminal.
func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"plain, é, 日本, 🙂\tand\n": "plain, é, 日本, 🙂\tand\n",
		"\x1b]0;title\x07":       "\uFFFD]0;title\uFFFD",
		"a\rb\bc\u009bd":         "a\uFFFDb\uFFFDc\uFFFDd",
		"abc\u202etxt.exe":       "abc\uFFFDtxt.exe",
	} {
		if got := printable(text); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
	table := &table{}
	table.add("a\nb", "\x1b[2J")
	if got := table.String(); got != "a b  \uFFFD[2J\n" {
		t.Errorf("%q", got)
	}
}

func TestQuoted(t *testing.T) {
	for text, want := range map[string]string{"a b": "'a b'", "it's": `'it'\''s'`, "$(id)": "'$(id)'"} {
		if got := quoted(text); got != want {
			t.Errorf("%s: %s", text, got)
		}
	}
}

// TestColours: none where nobody sees them.
func TestColours(t *testing.T) {
	file, err := os.Create(t.TempDir() + "/out")
	if err != nil {
		t.Fatal(err)
	}
	if got := paint(file, red, "x"); got != "x" {
		t.Errorf("to a file: %q", got)
	}
}

// TestEveryRefusalHasWords: no code of the API is shown as it came.
func TestEveryRefusalHasWords(t *testing.T) {
	for err, c := range map[error]struct {
		code int
		says string
	}{
		&client.Error{Status: 401, Code: "unauthorized"}:                                                                                         {4, "not good (any more)"},
		&client.Error{Status: 401, Code: "insufficient_user_authentication", MaxAge: time.Hour}:                                                  {4, "the sign-in is too old for this: it may be 1h0m0s old"},
		&client.OAuthError{Code: "invalid_request", Description: "subject_token is not valid"}:                                                   {4, "not good (any more)"},
		&client.Error{Status: 403, Code: "insufficient_scope", MissingScope: "a b"}:                                                              {1, "the scope a b is missing"},
		&client.Error{Status: 403, Code: "forbidden"}:                                                                                            {1, "not allowed"},
		&client.Error{Status: 404, Code: "not_found"}:                                                                                            {1, "not found"},
		&client.Error{Status: 409, Code: "name_taken"}:                                                                                           {1, "has that name"},
		&client.Error{Status: 409, Code: "token_limit"}:                                                                                          {1, "as many tokens as"},
		&client.Error{Status: 409, Code: "token_not_active"}:                                                                                     {1, "revoked or expired"},
		&client.Error{Status: 409, Code: "conflict"}:                                                                                             {1, "changed it meanwhile"},
		&client.Error{Status: 400, Code: "invalid_request", Fields: []client.FieldError{{Field: "a", Message: "b"}, {Field: "c", Message: "d"}}}: {1, "a: b; c: d"},
		&client.Error{Status: 503, Code: "unavailable", RequestID: "R1"}:                                                                         {1, "cannot answer now"},
		&client.Error{Status: 502}:                                                                                                               {1, "cannot answer now"},
		&client.OAuthError{Status: 503, Code: "temporarily_unavailable"}:                                                                         {1, "cannot answer now"},
		&client.OAuthError{Status: 400, Code: "invalid_scope", Description: "nothing is left"}:                                                   {1, "nothing is left"},
		&client.OAuthError{Status: 400, Code: "invalid_target"}:                                                                                  {1, "no such audience"},
		errors.New("another"): {1, "another"},
	} {
		f := explain(err)
		if f.code != c.code || !strings.Contains(f.Error(), c.says) || strings.HasSuffix(f.Error(), ".") || f.Error() != strings.ToLower(f.Error()[:1])+f.Error()[1:] {
			t.Errorf("%v: %d %q", err, f.code, f.Error())
		}
	}
	if f := explain(&client.Error{Status: 503, Code: "unavailable", RequestID: "R1"}); !strings.Contains(f.hint, "R1") {
		t.Errorf("hint %q", f.hint)
	}
}

// TestCheckAudience: only a session that names the server is shown to it.
func TestCheckAudience(t *testing.T) {
	jwt := func(payload string) string {
		return "e30." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".e30"
	}
	for session, good := range map[string]bool{
		jwt(`{"aud":"https://tokens.example.com"}`):              true,
		jwt(`{"aud":["a","https://tokens.example.com/"]}`):       true,
		jwt(`{"aud":"https://tokens.example.com.evil.example"}`): false,
		jwt(`{"aud":["https://other.example"]}`):                 false,
		jwt(`{"aud":[]}`):                                        false,
		jwt(`{"aud":{"a":"https://tokens.example.com"}}`):        false,
		jwt(`{"client_id":"https://tokens.example.com"}`):        false,
		jwt(`junk`): false,
		"opaque":    false,
		"":          false,
		"a." + jwt(`{"aud":"https://tokens.example.com"}`): false,
	} {
		if err := checkAudience(session, "https://tokens.example.com"); (err == nil) != good {
			t.Errorf("%s: %v", session, err)
		}
	}
}

// TestIsEndpoint: a secret goes over https, and on this machine alone without.
func TestIsEndpoint(t *testing.T) {
	for address, want := range map[string]struct{ remote, local bool }{
		"https://issuer.example/token":   {true, true},
		"http://127.0.0.1:8080/token":    {false, true},
		"http://localhost:8080/token":    {false, true},
		"http://issuer.example/token":    {false, false},
		"http://127.0.0.1.evil.example/": {false, false},
		"https://user:x@issuer.example/": {false, false},
		"file:///etc/passwd":             {false, false},
		"javascript:alert(1)":            {false, false},
		"https:///token":                 {false, false},
		"":                               {false, false},
	} {
		if remote, local := isEndpoint(address, false), isEndpoint(address, true); remote != want.remote || local != want.local {
			t.Errorf("%s: %t, %t", address, remote, local)
		}
	}
}
