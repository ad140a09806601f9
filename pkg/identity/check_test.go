package identity

import (
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	cases := map[string]struct {
		edit func(*Verifier)
		why  string // empty: it is fine
	}{
		"a good configuration is fine":                         {func(*Verifier) {}, ""},
		"an audience of its own is fine":                       {func(v *Verifier) { v.Audience = "urn:api" }, ""},
		"an issuer with a slash at its end is fine":            {func(v *Verifier) { v.Issuer = "https://people.example/" }, ""},
		"a laptop that takes every client is fine":             {func(v *Verifier) { v.Clients, v.AnyClient = nil, true }, ""},
		"http to 127.0.0.1 is fine":                            {func(v *Verifier) { v.Issuer = "http://127.0.0.1:8080/idp" }, ""},
		"http to ::1 is fine":                                  {func(v *Verifier) { v.Issuer = "http://[::1]:8080/idp" }, ""},
		"http to localhost is fine":                            {func(v *Verifier) { v.Issuer = "http://localhost:8080/idp" }, ""},
		"no issuer of ours is refused":                         {func(v *Verifier) { v.Own = "" }, "our own issuer is not set"},
		"no audience is refused":                               {func(v *Verifier) { v.Audience = "" }, "audience is not set"},
		"no people's issuer is refused":                        {func(v *Verifier) { v.Issuer = "" }, "people's issuer is not set"},
		"our own issuer as the people's is refused":            {func(v *Verifier) { v.Issuer = ownIssuer }, "is our own"},
		"our own issuer with a slash more is refused":          {func(v *Verifier) { v.Issuer = ownIssuer + "/" }, "is our own"},
		"no clients are refused":                               {func(v *Verifier) { v.Clients = nil }, "no client"},
		"an empty client id is refused":                        {func(v *Verifier) { v.Clients = []string{console, ""} }, "client id is empty"},
		"an audience that is a client id is refused":           {func(v *Verifier) { v.Audience = console }, "the audience is a client id"},
		"clients beside every client are refused":              {func(v *Verifier) { v.AnyClient = true }, "every client is accepted"},
		"http to another host is refused":                      {func(v *Verifier) { v.Issuer = "http://people.example" }, "https://"},
		"http to a name that begins like localhost is refused": {func(v *Verifier) { v.Issuer = "http://localhost.example" }, "https://"},
		"http to an address in a name is refused":              {func(v *Verifier) { v.Issuer = "http://127.0.0.1.example" }, "https://"},
		"http to a private address is refused":                 {func(v *Verifier) { v.Issuer = "http://10.0.0.1" }, "https://"},
		"another scheme is refused":                            {func(v *Verifier) { v.Issuer = "ftp://127.0.0.1" }, "https://"},
		"an issuer without a scheme is refused":                {func(v *Verifier) { v.Issuer = "people.example" }, "no address"},
		"an issuer without a host is refused":                  {func(v *Verifier) { v.Issuer = "https:///pool" }, "no address"},
		"an issuer with a password is refused":                 {func(v *Verifier) { v.Issuer = "https://a:b@people.example" }, "no address"},
		"an issuer that is no address is refused":              {func(v *Verifier) { v.Issuer = "https://%zz" }, "no address"},
		"an issuer with a query is refused":                    {func(v *Verifier) { v.Issuer = "https://people.example?x" }, "query or a fragment"},
		"an issuer with a fragment is refused":                 {func(v *Verifier) { v.Issuer = "https://people.example#x" }, "query or a fragment"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			v := &Verifier{Own: ownIssuer, Audience: ownIssuer, Issuer: peopleIssuer, Clients: []string{console}}
			c.edit(v)
			checked, err := v.Checked()
			if c.why == "" {
				if err != nil || checked != v {
					t.Errorf("err is %v", err)
				}
				return
			}
			if err == nil || checked != nil {
				t.Fatal("it was accepted")
			}
			if !strings.Contains(err.Error(), c.why) || strings.Contains(err.Error(), "\n") {
				t.Errorf("err is %q, want one sentence with %q in it", err, c.why)
			}
		})
	}
}
