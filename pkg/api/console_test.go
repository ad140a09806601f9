package api

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestConsoleHeaders(t *testing.T) {
	headers := ConsoleHeaders("https://api.example", "https://id.example", "https://api.example")
	names := slices.Sorted(maps.Keys(headers))
	want := []string{
		"Content-Security-Policy", "Cross-Origin-Resource-Policy", "Permissions-Policy", "Referrer-Policy", "X-Content-Type-Options", "X-Frame-Options",
	}
	if !slices.Equal(names, want) {
		t.Errorf("headers %q, want %q", names, want)
	}
	for name, value := range headers {
		if strings.ContainsAny(value, "\r\n*") || strings.TrimSpace(value) != value {
			t.Errorf("%s: %q", name, value)
		}
	}

	directives := map[string]string{}
	for d := range strings.SplitSeq(headers["Content-Security-Policy"], "; ") {
		name, value, _ := strings.Cut(d, " ")
		if _, twice := directives[name]; twice {
			t.Errorf("%s is there twice", name)
		}
		directives[name] = value
	}
	if len(directives) != 15 {
		t.Errorf("%d directives", len(directives))
	}
	for name, value := range directives {
		switch name {
		case "connect-src":
			if value != "'self' https://api.example https://id.example" {
				t.Errorf("connect-src %s", value)
			}
		case "default-src", "script-src", "style-src", "font-src", "img-src":
			if value != "'self'" {
				t.Errorf("%s %s", name, value)
			}
		case "require-trusted-types-for":
			if value != "'script'" {
				t.Errorf("%s %s", name, value)
			}
		default:
			if value != "'none'" {
				t.Errorf("%s %s", name, value)
			}
		}
	}
	if strings.Contains(headers["Content-Security-Policy"], "unsafe-") {
		t.Error("something unsafe is allowed")
	}

	for p := range strings.SplitSeq(headers["Permissions-Policy"], ", ") {
		if name, value, _ := strings.Cut(p, "="); value != "()" && p != "clipboard-write=(self)" {
			t.Errorf("%s is allowed to %s", name, value)
		}
	}
	if !strings.Contains(headers["Permissions-Policy"], "clipboard-write=(self)") {
		t.Error("nothing can be copied")
	}
}

func TestConsolePagePattern(t *testing.T) {
	pattern := regexp.MustCompile(ConsolePagePattern)
	for _, page := range []string{
		"/", "/configuration", "/callback", "/signed-out", "/tokens/new", "/tokens/00000aaaaa",
		"/admin", "/admin/policy", "/admin/tokens", "/admin/people", "/admin/trail",
	} {
		if !pattern.MatchString(page) {
			t.Errorf("%s is no page", page)
		}
	}
	for _, other := range []string{
		"", "//", "/index.html", "/config.json", "/assets/a.js", "/tokens", "/tokens/", "/tokens/a/b", "/tokens/a%2Fb", "/tokens/..", "/tokens/00000aaaaa/rotate",
		"/admin/", "/admin/tokens/00000aaaaa", "/scopes", "/notes", "/idp/authorize", "/Configuration", "/configuration/", "/callback\n", "/callbackx", "/x/callback",
	} {
		if pattern.MatchString(other) {
			t.Errorf("%q is a page", other)
		}
	}
}

func TestConsoleCacheControl(t *testing.T) {
	for path, want := range map[string]string{
		"/assets/index-B1a2c3.js": "public, max-age=31536000, immutable",
		"/index.html":             "no-cache",
		"/configuration":          "no-cache",
		"/config.json":            "no-cache",
		"/favicon.svg":            "no-cache",
		"/x/assets/a.js":          "no-cache",
		"/assets":                 "no-cache",
	} {
		if got := ConsoleCacheControl(path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}
