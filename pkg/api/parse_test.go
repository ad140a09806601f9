package api

import (
	"slices"
	"strings"
	"testing"
)

func TestParseRoutes(t *testing.T) {
	got, err := ParseRoutes([]byte(`[
		{"method": "GET", "path": "/notes", "scope": "notes:read"},
		{"method": "POST", "path": "/notes/{id}/v1.2:x", "scope": ""},
		{"scope": "a", "path": "/", "method": "DELETE"}
	]`))
	if err != nil {
		t.Fatal(err)
	}
	want := []Route{
		{Method: "GET", Path: "/notes", Guard: Any, Scope: "notes:read"},
		{Method: "POST", Path: "/notes/{id}/v1.2:x", Guard: Any},
		{Method: "DELETE", Path: "/", Guard: Any, Scope: "a"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestParseRoutesRefuses(t *testing.T) {
	line := func(method, path, scope string) string {
		return `[{"method": "` + method + `", "path": "` + path + `", "scope": "` + scope + `"}]`
	}
	for name, tt := range map[string]struct{ doc, says string }{
		"nothing":                            {``, "not a list"},
		"null":                               {`null`, "not a list"},
		"an empty list":                      {`[]`, "no route"},
		"an object":                          {`{"method": "GET", "path": "/", "scope": ""}`, "not a list"},
		"a list of null":                     {`[null]`, "missing"},
		"a member that is no string":         {`[{"method": 1, "path": "/", "scope": ""}]`, "method"},
		"a list within the list":             {`[[]]`, "not a list"},
		"a list that is not closed":          {`[{"method": "GET", "path": "/", "scope": ""}`, "not a list"},
		"a member without a value":           {`[{"method"}]`, "not a list"},
		"a route that is not closed":         {`[{"method": "GET", "path": "/", "scope": ""]`, "not a list"},
		"text that is not UTF-8":             {line("GET", "/\xff", ""), "segment"},
		"a list of text":                     {`["GET /"]`, "not a list"},
		"two documents":                      {line("GET", "/", "") + line("GET", "/a", ""), "not a list"},
		"a document that is cut off":         {`[{"method": "GET"`, "not a list"},
		"a member that is unknown":           {`[{"method": "GET", "path": "/", "scope": "", "guard": "open"}]`, "guard"},
		"a member in another case":           {`[{"method": "GET", "path": "/", "Scope": ""}]`, "Scope"},
		"a member twice":                     {`[{"method": "GET", "path": "/", "scope": "a", "scope": ""}]`, "scope"},
		"a scope that is absent":             {`[{"method": "GET", "path": "/"}]`, "missing"},
		"a scope of null":                    {`[{"method": "GET", "path": "/", "scope": null}]`, "no string"},
		"a list of scopes":                   {`[{"method": "GET", "path": "/", "scope": ["a"]}]`, "not a list"},
		"a path that is absent":              {`[{"method": "GET", "scope": ""}]`, "missing"},
		"a method that is absent":            {`[{"path": "/", "scope": ""}]`, "missing"},
		"a method in lower case":             {line("get", "/", ""), `"get"`},
		"every method":                       {line("ANY", "/", ""), `"ANY"`},
		"a method that does not exist":       {line("FETCH", "/", ""), `"FETCH"`},
		"an empty method":                    {line("", "/", ""), `""`},
		"an empty path":                      {line("GET", "", ""), "start with /"},
		"a path without a slash":             {line("GET", "notes", ""), "start with /"},
		"a path with a slash at the end":     {line("GET", "/notes/", ""), "segment"},
		"a path with two slashes":            {line("GET", "//notes", ""), "segment"},
		"a path with dots to be resolved":    {line("GET", "/a/../b", ""), "segment"},
		"a path with a dot to be resolved":   {line("GET", "/a/./b", ""), "segment"},
		"a star in a path":                   {line("GET", "/a/*", ""), "segment"},
		"a question mark in a path":          {line("GET", "/a?b", ""), "segment"},
		"a variable of IAM in a path":        {line("GET", "/${aws:username}", ""), "segment"},
		"an encoded path":                    {line("GET", "/a%2fb", ""), "segment"},
		"a space in a path":                  {line("GET", "/a b", ""), "segment"},
		"a greedy parameter":                 {line("GET", "/{proxy+}", ""), "segment"},
		"a parameter without a name":         {line("GET", "/{}", ""), "segment"},
		"a parameter that is not closed":     {line("GET", "/{id", ""), "segment"},
		"a parameter that is not opened":     {line("GET", "/id}", ""), "segment"},
		"a parameter within a parameter":     {line("GET", "/{{id}}", ""), "segment"},
		"a parameter that is part of a name": {line("GET", "/v{n}", ""), "segment"},
		"two parameters in one segment":      {line("GET", "/{a}{b}", ""), "segment"},
		"a parameter over two segments":      {line("GET", "/{a/b}", ""), "segment"},
		"a line break behind a segment":      {line("GET", `/a\n`, ""), "segment"},
		"a scope in upper case":              {line("GET", "/", "Notes"), `"Notes"`},
		"two scopes":                         {line("GET", "/", "a b"), `"a b"`},
		"a scope of 41 characters":           {line("GET", "/", strings.Repeat("a", 41)), "1 to 40"},
		"a line break behind a scope":        {line("GET", "/", `a\n`), "1 to 40"},
		"the same route twice":               {`[{"method": "GET", "path": "/a", "scope": "a"}, {"method": "GET", "path": "/a", "scope": ""}]`, "there already"},
		"the same route by another name":     {`[{"method": "GET", "path": "/{a}", "scope": "a"}, {"method": "GET", "path": "/{b}", "scope": ""}]`, "there already"},
	} {
		t.Run(name, func(t *testing.T) {
			routes, err := ParseRoutes([]byte(tt.doc))
			if err == nil {
				t.Fatalf("got %v", routes)
			}
			if routes != nil {
				t.Errorf("an error, and still %v", routes)
			}
			if !strings.HasPrefix(err.Error(), "routes.json") || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "\n") {
				t.Errorf("the error is %q, want one sentence with %q", err, tt.says)
			}
		})
	}
}

func TestParseRoutesTellsWhichRoute(t *testing.T) {
	_, err := ParseRoutes([]byte(`[{"method": "GET", "path": "/", "scope": ""}, {"method": "GET", "path": "a", "scope": ""}]`))
	if err == nil || !strings.Contains(err.Error(), "route 2") {
		t.Errorf("got %v, want an error about route 2", err)
	}
}

// FuzzParseRoutes: whatever is read, no route of it means more to IAM than it
// says, and every route is found by its own path.
func FuzzParseRoutes(f *testing.F) {
	f.Add([]byte(`[{"method": "GET", "path": "/a/{b}", "scope": "c"}]`))
	f.Add([]byte(`[{"method": "GET", "path": "/", "scope": ""}, {"method": "PUT", "path": "/a", "scope": ""}]`))
	f.Add([]byte(`[[{"method": {}}]]`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		routes, err := ParseRoutes(doc)
		if err == nil && len(routes) == 0 {
			t.Fatal("neither routes nor an error")
		}
		for _, r := range routes {
			if strings.ContainsAny(r.Path, "*?$%") || r.Guard != Any {
				t.Fatalf("got %+v", r)
			}
			path := strings.NewReplacer("{", "", "}", "").Replace(r.Path)
			if _, ok := MatchRoute(routes, r.Method, path); !ok {
				t.Fatalf("%s %s does not find %s", r.Method, path, r.Path)
			}
		}
	})
}
