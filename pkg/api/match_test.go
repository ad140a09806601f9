package api

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestMatchRoute(t *testing.T) {
	routes := []Route{
		{Method: "GET", Path: "/"},
		{Method: "GET", Path: "/a"},
		{Method: "GET", Path: "/a/{x}"},
		{Method: "GET", Path: "/a/b"},
		{Method: "GET", Path: "/{x}/b/c"},
		{Method: "GET", Path: "/a/{x}/c"},
		{Method: "POST", Path: "/a"},
	}
	tests := map[string]struct{ call, want string }{
		"the root is the root":                        {"GET /", "/"},
		"a literal path is itself":                    {"GET /a", "/a"},
		"the method counts":                           {"POST /a", "/a"},
		"an unknown method is no route":               {"PUT /a", ""},
		"a method in lower case is no route":          {"get /a", ""},
		"HEAD is no route":                            {"HEAD /a", ""},
		"a parameter is one segment":                  {"GET /a/1", "/a/{x}"},
		"a parameter takes what it is given, encoded": {"GET /a/1%2F2", "/a/{x}"},
		"a literal wins over a parameter":             {"GET /a/b", "/a/b"},
		"the first literal wins":                      {"GET /a/b/c", "/a/{x}/c"},
		"a parameter takes no empty segment":          {"GET /a/", ""},
		"two slashes are no route":                    {"GET //a", ""},
		"a slash at the end is no route":              {"GET /a/b/", ""},
		"another case is no route":                    {"GET /A", ""},
		"dots are not resolved":                       {"GET /a/../a", ""},
		"a deeper path is no route":                   {"GET /a/1/2/3", ""},
		"a pattern is not its own path":               {"GET /{x}/b", ""},
		"no path is no route":                         {"GET ", ""},
		"a path without a slash is no route":          {"GET a", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			method, path, _ := strings.Cut(tt.call, " ")
			got, ok := MatchRoute(routes, method, path)
			if got.Path != tt.want || ok != (tt.want != "") {
				t.Errorf("%s is route %q (%v), want %q", tt.call, got.Path, ok, tt.want)
			}
			if ok && got.Method != method {
				t.Errorf("%s is a route of %s", tt.call, got.Method)
			}
		})
	}
}

func TestNoTwoOfOurRoutesAreOne(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Routes {
		if seen[resource(r)] {
			t.Errorf("%s %s is there twice", r.Method, r.Path)
		}
		seen[resource(r)] = true
		if err := r.check(); err != nil {
			t.Error(err)
		}
	}
	if len(seen) == 0 {
		t.Fatal("no routes")
	}
}

func TestSplitMethodARN(t *testing.T) {
	tests := map[string]struct{ arn, stage, method, path string }{
		"an ARN of AWS":                     {testStage + "/GET/tokens/1", testStage, "GET", "/tokens/1"},
		"an ARN of another partition":       {"arn:aws-us-gov:execute-api:us-gov-west-1:123456789012:a1/v_1/PUT/x", "arn:aws-us-gov:execute-api:us-gov-west-1:123456789012:a1/v_1", "PUT", "/x"},
		"the root":                          {testStage + "/GET/", testStage, "GET", "/"},
		"two slashes stay two":              {testStage + "/GET//tokens", testStage, "GET", "//tokens"},
		"a slash at the end stays":          {testStage + "/GET/tokens/", testStage, "GET", "/tokens/"},
		"colons in the path stay there":     {testStage + "/GET/a:b::c", testStage, "GET", "/a:b::c"},
		"an ARN in the path stays there":    {testStage + "/GET/" + testStage + "/POST/x", testStage, "GET", "/" + testStage + "/POST/x"},
		"wildcards in the path stay there":  {testStage + "/GET/*/?/${aws:username}", testStage, "GET", "/*/?/${aws:username}"},
		"encoding in the path is left":      {testStage + "/GET/a%2fb%00", testStage, "GET", "/a%2fb%00"},
		"line breaks in the path are left":  {testStage + "/GET/a\nb", testStage, "GET", "/a\nb"},
		"dots in the path are not resolved": {testStage + "/GET/../../../POST/x", testStage, "GET", "/../../../POST/x"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			stage, method, path, err := SplitMethodARN(tt.arn)
			if err != nil {
				t.Fatal(err)
			}
			if stage != tt.stage || method != tt.method || path != tt.path {
				t.Errorf("got %q, %q, %q", stage, method, path)
			}
		})
	}
}

func TestSplitMethodARNRefuses(t *testing.T) {
	const head = "arn:aws:execute-api:eu-central-1:123456789012:"
	for name, arn := range map[string]string{
		"nothing":                         "",
		"a word":                          "x",
		"an ARN of another service":       "arn:aws:lambda:eu-central-1:123456789012:function:x/y/z/w",
		"an ARN that is none":             "urn:aws:execute-api:eu-central-1:123456789012:a/b/GET/x",
		"too few colons":                  "arn:aws:execute-api:eu-central-1:a/b/GET/x",
		"no stage":                        head + "a",
		"no method":                       head + "a/b",
		"no path":                         head + "a/b/GET",
		"an empty API id":                 head + "/b/GET/x",
		"an empty stage":                  head + "a//GET/x",
		"an empty method":                 head + "a/b//x",
		"an empty region":                 "arn:aws:execute-api::123456789012:a/b/GET/x",
		"an empty account":                "arn:aws:execute-api:eu-central-1::a/b/GET/x",
		"a star for a stage":              head + "a/*/GET/x",
		"a star for an API":               head + "*/b/GET/x",
		"a star for a method":             head + "a/b/*/x",
		"a star in a region":              "arn:aws:execute-api:eu-*:123456789012:a/b/GET/x",
		"a question mark in a stage":      head + "a/b?/GET/x",
		"a variable for a stage":          head + "a/${aws:username}/GET/x",
		"a colon in an API id":            head + "a:b/c/GET/x",
		"a line break behind the stage":   head + "a/b\n/GET/x",
		"a space in the account":          "arn:aws:execute-api:eu-central-1:1 2:a/b/GET/x",
		"a star for a partition":          "arn:*:execute-api:eu-central-1:123456789012:a/b/GET/x",
		"a service in upper case is none": "arn:aws:EXECUTE-API:eu-central-1:123456789012:a/b/GET/x",
	} {
		t.Run(name, func(t *testing.T) {
			stage, method, path, err := SplitMethodARN(arn)
			if err == nil {
				t.Fatalf("got %q, %q, %q", stage, method, path)
			}
			if stage != "" || method != "" || path != "" {
				t.Errorf("an error, and still %q, %q, %q", stage, method, path)
			}
			if strings.ContainsAny(err.Error(), "*?${\n") {
				t.Errorf("the error repeats the ARN: %v", err)
			}
		})
	}
}

func TestNoPathChangesTheStage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		path := "/" + rapid.String().Draw(t, "path")
		stage, method, got, err := SplitMethodARN(testStage + "/POST" + path)
		if err != nil || stage != testStage || method != "POST" || got != path {
			t.Fatalf("got %q, %q, %q, %v", stage, method, got, err)
		}
	})
}
