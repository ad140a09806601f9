package handler

import (
	"encoding/base64"
	"strings"
	"testing"
)

func basic(pair string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(pair))
}

func TestCredentialIsRead(t *testing.T) {
	for name, c := range map[string]struct{ header, want string }{
		"Bearer":                            {"Bearer abc", "abc"},
		"bearer in small letters":           {"bearer abc", "abc"},
		"BEARER in capitals":                {"BEARER abc", "abc"},
		"two blanks behind the scheme":      {"Bearer  abc", "abc"},
		"a JWT":                             {"Bearer a-_.b.c", "a-_.b.c"},
		"base64 padding":                    {"Bearer abc==", "abc=="},
		"Basic: the password":               {basic("git:secret"), "secret"},
		"basic in small letters":            {strings.Replace(basic("git:secret"), "Basic", "basic", 1), "secret"},
		"Basic: colons in the password":     {basic("git:a:b:c"), "a:b:c"},
		"Basic: the user without password":  {basic("secret:"), "secret"},
		"Basic: no user":                    {basic(":secret"), "secret"},
		"Basic: neither":                    {basic(":"), ""},
		"a colon beyond ASCII is no colon":  {basic("a\uff1ab:secret"), "secret"},
		"Basic: a password beyond ASCII":    {basic("u:pässword"), "pässword"},
		"Basic: a password with a NUL":      {basic("u:a\x00b"), "a\x00b"},
		"Basic: a password with a line end": {basic("u:a\nb"), "a\nb"},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := credential(c.header); err != nil || got.Reveal() != c.want {
				t.Errorf("got %d bytes, %v", len(got.Reveal()), err)
			}
		})
	}
}

func TestCredentialIsRefused(t *testing.T) {
	for name, header := range map[string]string{
		"nothing":                       "",
		"a scheme alone":                "Bearer",
		"a scheme and a blank":          "Bearer ",
		"a value alone":                 "abc",
		"another scheme":                "Token abc",
		"a longer scheme":               "BearerX abc",
		"two values":                    "Bearer abc def",
		"two credentials":               "Bearer abc, Bearer def",
		"a comma inside":                "Bearer abc,def",
		"a blank before":                " Bearer abc",
		"a line end behind":             "Bearer abc\n",
		"a tab between":                 "Bearer\tabc",
		"a NUL inside":                  "Bearer a\x00c",
		"letters beyond ASCII":          "Bearer äbc",
		"quotes":                        `Bearer "abc"`,
		"padding in the middle":         "Bearer a=c",
		"Basic without base64":          "Basic !!!!",
		"Basic without padding":         "Basic YTpiYw",
		"Basic without a colon":         basic("secret"),
		"Basic in the URL's alphabet":   "Basic YTo_Pz8_",
		"Basic with bits left over":     "Basic YTpiYz==",
		"a megabyte of another scheme":  strings.Repeat("a", 1<<20),
		"a megabyte of two credentials": "Bearer " + strings.Repeat("a,", 1<<19),
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := credential(header); err == nil {
				t.Errorf("got %d bytes", len(got.Reveal()))
			} else if len(header) > 8 && strings.Contains(err.Error(), header) {
				t.Error("the error quotes the header")
			}
		})
	}
}

func TestOneHeaderOnly(t *testing.T) {
	for name, c := range map[string]struct {
		headers map[string][]string
		ok      bool
	}{
		"one":                         {map[string][]string{"Authorization": {"Bearer a"}}, true},
		"one in small letters":        {map[string][]string{"authorization": {"Bearer a"}}, true},
		"none":                        {map[string][]string{"X-Authorization": {"Bearer a"}}, false},
		"two":                         {map[string][]string{"Authorization": {"Bearer a", "Bearer a"}}, false},
		"two that differ in spelling": {map[string][]string{"Authorization": {"Bearer a"}, "authorization": {"Bearer a"}}, false},
		"no headers at all":           {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			if _, ok := one(c.headers, "Authorization"); ok != c.ok {
				t.Errorf("ok %v", ok)
			}
		})
	}
}

// FuzzCredential holds that a header is read in one way or not at all: what is
// read as Bearer stands in the header as it is, and two never become one.
func FuzzCredential(f *testing.F) {
	for _, seed := range []string{"Bearer abc", "bearer  a.b.c", basic("u:p"), basic("u:"), "Bearer a, Bearer b", "Basic YTpiYw", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		got, err := credential(header)
		if err != nil {
			return
		}
		scheme, rest, _ := strings.Cut(header, " ")
		switch {
		case strings.EqualFold(scheme, "bearer"):
			if v := got.Reveal(); v == "" || strings.TrimLeft(rest, " ") != v || strings.ContainsAny(v, " ,\t\r\n\x00") {
				t.Error("a Bearer value that is not what the header holds")
			}
		case strings.EqualFold(scheme, "basic"):
			pair, err := base64.StdEncoding.DecodeString(strings.TrimLeft(rest, " "))
			if err != nil || !strings.Contains(string(pair), got.Reveal()) {
				t.Error("a Basic value that is not in the pair")
			}
		default:
			t.Errorf("a scheme of %d bytes was read", len(scheme))
		}
	})
}
