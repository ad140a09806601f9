// Package pkg_test holds the house together: who may import whom, and what has
// its file where.
package pkg_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/pkg/api"
	"github.com/counterfoil/counterfoil/pkg/pat"
)

const (
	module = "github.com/counterfoil/counterfoil"
	root   = ".."
)

// floors says for every package of ours which others of ours it may import:
// down, never up, never sideways. A function holds what stands here and no
// more; a row of its own goes before functions/*.
var floors = map[string][]string{
	// Ground: they do not know each other.
	"pkg/pat": nil,
	"pkg/api": nil,
	// Hands.
	"pkg/store":    {"pkg/pat"},
	"pkg/signer":   {"pkg/pat"},
	"pkg/broker":   {"pkg/pat"},
	"pkg/identity": {"pkg/pat"},
	"pkg/bus":      {"pkg/api"},
	"pkg/handler":  {"pkg/pat", "pkg/api"},
	"pkg/client":   {"pkg/api"},
	// Doors. Exchange alone holds the signing key; whoever shows a credential
	// to a function behind the gateway has shown it to authorize before.
	"functions/authorize":  {"pkg/handler", "pkg/identity", "pkg/pat", "pkg/store"},
	"functions/introspect": {"pkg/handler", "pkg/identity", "pkg/pat", "pkg/store"},
	"functions/exchange":   {"pkg/broker", "pkg/handler", "pkg/identity", "pkg/pat", "pkg/signer", "pkg/store"},
	"functions/trail":      {"pkg/bus", "pkg/handler", "pkg/store"},
	"functions/*":          {"pkg/handler", "pkg/pat", "pkg/store"},
	"cmd/cfoil":            {"pkg/api", "pkg/client"},
	"cmd/publish":          {"pkg/pat", "pkg/signer", "pkg/store"},
	"cmd/local":            {"examples/notes", "pkg/api", "pkg/broker", "pkg/bus", "pkg/handler", "pkg/identity", "pkg/pat", "pkg/signer", "pkg/store"},
	"infra":                {"infra/gofn", "pkg/api", "pkg/broker", "pkg/bus", "pkg/pat", "pkg/signer", "pkg/store"}, // names alone
	"infra/preflight":      nil,
	"infra/droptable":      nil,
	"infra/deployed":       nil,
	"infra/revokeagain":    {"pkg/pat", "pkg/store"},
	"infra/gofn":           nil,
	"infra/patauth":        {"infra/gofn", "pkg/api", "pkg/store"},
	// Somebody else's: their code has nothing of ours, their stack our
	// authorizer.
	"examples/notes":        nil,
	"examples/notes/lambda": {"examples/notes"},
	"examples/notes/infra":  {"examples/notes", "infra/gofn", "infra/patauth"},
}

// ground are the packages below which there is only the standard library, and
// what pat needs to compare names as people see them.
var ground = map[string][]string{
	"pkg/pat": {"golang.org/x/text"},
	"pkg/api": nil,
}

// builds are how the packages are compiled: as here, and as functions are.
var builds = map[string][]string{
	"here":      nil,
	"in Lambda": {"GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0", "GOFLAGS=-tags=lambda.norpc"},
}

// A listing is what go list says of a package, tests left out.
type listing struct {
	ImportPath string
	Name       string
	Doc        string
	GoFiles    []string
	Imports    []string
	Deps       []string
}

// list returns every package of the module, by its folder.
func list(t *testing.T, env []string) map[string]listing {
	t.Helper()
	watch(t)
	list := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Name,Doc,GoFiles,Imports,Deps", "./...")
	list.Dir = root
	list.Env = append(os.Environ(), env...)
	var stderr bytes.Buffer
	list.Stderr = &stderr
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v: %s", err, stderr.String())
	}
	packages := map[string]listing{}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var l listing
		if err := d.Decode(&l); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		folder, ok := ours(l.ImportPath)
		if !ok {
			t.Fatalf("go list names %s", l.ImportPath)
		}
		if len(l.GoFiles) > 0 { // else there are only tests
			packages[folder] = l
		}
	}
	if len(packages) == 0 {
		t.Fatal("go list names no package")
	}
	return packages
}

// watch looks at every file of ours. go test keeps a result while the files
// that the test itself saw are unchanged, and it does not see those of go list.
func watch(t *testing.T) {
	t.Helper()
	for _, folder := range []string{"pkg", "functions", "cmd", "examples", "infra"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(file string, _ fs.DirEntry, err error) error {
			if err == nil {
				_, err = os.Stat(file)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func ours(importPath string) (folder string, ok bool) {
	return strings.CutPrefix(importPath, module+"/")
}

// floor returns the row of a package.
func floor(folder string) (allowed []string, row string) {
	if allowed, ok := floors[folder]; ok {
		return allowed, folder
	}
	for pattern, allowed := range floors {
		if ok, _ := path.Match(pattern, folder); ok {
			return allowed, pattern
		}
	}
	return nil, ""
}

func TestImportsGoDown(t *testing.T) {
	for build, env := range builds {
		t.Run(build, func(t *testing.T) {
			used := map[string]bool{}
			for folder, l := range list(t, env) {
				allowed, row := floor(folder)
				if row == "" {
					t.Errorf("%s stands on no floor", folder)
				}
				used[row] = true
				for _, i := range l.Imports {
					if imported, ok := ours(i); ok && !slices.Contains(allowed, imported) {
						t.Errorf("%s imports %s; it may import %q of ours", folder, imported, allowed)
					}
				}
			}
			for row := range floors {
				if !used[row] {
					t.Errorf("no package stands in the row %s", row)
				}
			}
		})
	}
}

func TestGroundIsTheStandardLibrary(t *testing.T) {
	for build, env := range builds {
		t.Run(build, func(t *testing.T) {
			packages := list(t, env)
			for folder, others := range ground {
				imports := packages[folder].Imports
				if len(imports) == 0 {
					t.Fatalf("%s imports nothing at all", folder)
				}
				for _, i := range imports {
					first, _, _ := strings.Cut(i, "/")
					standard := !strings.Contains(first, ".")
					if !standard && !slices.ContainsFunc(others, func(o string) bool { return strings.HasPrefix(i, o+"/") }) {
						t.Errorf("%s imports %s", folder, i)
					}
				}
			}
		})
	}
}

// TestFunctionsHoldNothingOfTheLaptop: the local sign-in takes a name for a
// password, and nothing of it is compiled into a function.
func TestFunctionsHoldNothingOfTheLaptop(t *testing.T) {
	for build, env := range builds {
		t.Run(build, func(t *testing.T) {
			checked := 0
			for folder, l := range list(t, env) {
				if !strings.HasPrefix(folder, "functions/") {
					continue
				}
				checked++
				for _, d := range l.Deps {
					if dep, ok := ours(d); ok && !strings.HasPrefix(dep, "pkg/") {
						t.Errorf("%s holds %s", folder, dep)
					}
				}
			}
			if checked == 0 {
				t.Fatal("no functions")
			}
		})
	}
}

// unrouted are the functions that no request reaches: the stack calls them.
var unrouted = []string{"remind", "trail"}

func TestFunctionsDecideNothing(t *testing.T) {
	const most = 40 // lines
	want := append([]string{"authorize"}, unrouted...)
	for _, r := range api.Routes {
		want = append(want, r.Function)
	}
	slices.Sort(want)
	want = slices.Compact(want)
	entries, err := os.ReadDir(filepath.Join(root, "functions"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		// What else there is runs all of them, as Lambda does.
		if strings.HasSuffix(e.Name(), "_test.go") || e.Name() == "testdata" {
			continue
		}
		got = append(got, e.Name())
		folder := filepath.Join(root, "functions", e.Name())
		files, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		if len(files) != 1 || files[0].Name() != "main.go" {
			t.Errorf("functions/%s holds something else than main.go", e.Name())
		}
		text, err := os.ReadFile(filepath.Join(folder, "main.go"))
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(text, []byte("\n")); n > most {
			t.Errorf("functions/%s/main.go has %d lines, and may have %d", e.Name(), n, most)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the functions are %q, and the routes want %q", got, want)
	}
}

func TestEveryVerbHasItsFiles(t *testing.T) {
	events := []string{"authorize.json", "authorize-header.json"}
	verbs := []string{"authorize"}
	for _, r := range api.Routes {
		verbs = append(verbs, r.Verb)
		events = append(events, r.Verb+".json")
	}
	for _, verb := range verbs {
		for _, file := range []string{"pkg/pat/" + verb + ".go", "pkg/handler/" + verb + ".go", "events/" + verb + ".json"} {
			if _, err := os.Stat(filepath.Join(root, file)); err != nil {
				t.Errorf("the verb %s has no %s", verb, file)
			}
		}
	}
	found, err := filepath.Glob(filepath.Join(root, "events", "*"))
	if err != nil || len(found) == 0 {
		t.Fatalf("no events: %v", err)
	}
	for _, file := range found {
		if !slices.Contains(events, filepath.Base(file)) {
			t.Errorf("events/%s is of no verb", filepath.Base(file))
		}
	}
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	for folder, l := range list(t, nil) {
		starts := []string{"Package " + l.Name + " "}
		if l.Name == "main" {
			command := path.Base(folder)
			starts = []string{"Command " + command + " ", strings.ToUpper(command[:1]) + command[1:] + " "}
		}
		if !slices.ContainsFunc(starts, func(s string) bool { return strings.HasPrefix(l.Doc, s) }) {
			t.Errorf("%s: its comment is %q, and starts with none of %q", folder, l.Doc, starts)
		}
	}
}

// TestBothGroundsSpellAlike: rules and promise do not know each other, and both
// know what a value and a scope look like.
func TestBothGroundsSpellAlike(t *testing.T) {
	if pat.ValuePattern != api.TokenPattern {
		t.Errorf("of a value pat has %s, api has %s", pat.ValuePattern, api.TokenPattern)
	}
	if pat.ScopePattern != api.ScopePattern {
		t.Errorf("of a scope pat has %s, api has %s", pat.ScopePattern, api.ScopePattern)
	}
}
