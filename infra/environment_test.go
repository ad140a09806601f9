package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/counterfoil/counterfoil/pkg/api"
	"github.com/counterfoil/counterfoil/pkg/broker"
	"github.com/counterfoil/counterfoil/pkg/bus"
	"github.com/counterfoil/counterfoil/pkg/handler"
	"github.com/counterfoil/counterfoil/pkg/signer"
	"github.com/counterfoil/counterfoil/pkg/store"
)

// opened are the parts that read a variable by themselves, by the call with
// which a main opens them.
var opened = map[string]string{
	"store.NewDynamo": store.EnvTable,
	"signer.NewKMS":   signer.EnvKey,
	"broker.NewSTS":   broker.EnvRole,

	"bus.NewEventBridge": bus.EnvBus,
}

// TestEnvironment: a function is given exactly what its main uses, and what
// handler.ReadConfig wants of all of them.
func TestEnvironment(t *testing.T) {
	needNode(t)
	fields, required := readsOfConfig(t)
	tm := everything()
	for name := range grants {
		used := slices.Clone(required)
		for _, expr := range selectors(t, filepath.Join("..", "functions", name, "main.go")) {
			if variable := opened[expr]; variable != "" {
				used = append(used, variable)
			}
			if variable := fields[expr]; variable != "" {
				used = append(used, variable)
			}
		}
		slices.Sort(used)
		used = slices.Compact(used)

		_, f := tm.function(t, name)
		set := slices.Sorted(maps.Keys(at(f.Properties, "Environment", "Variables").(map[string]any)))
		if !slices.Equal(set, used) {
			t.Errorf("%s is given\n%v\nand uses\n%v", name, set, used)
		}
	}
}

// TestNobodyReadsMore: outside of the calls that TestEnvironment knows, no code
// of a function reads a variable of ours.
func TestNobodyReadsMore(t *testing.T) {
	known := map[string]bool{"EnvTable": true, "EnvKey": true, "EnvRole": true, "EnvBus": true}
	for _, folder := range []string{"pat", "api", "handler", "store", "signer", "broker", "bus", "identity"} {
		files, err := filepath.Glob(filepath.Join("..", "pkg", folder, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no file in %s: %v", folder, err)
		}
		for _, file := range files {
			if ok, _ := filepath.Match("*_test.go", filepath.Base(file)); ok {
				continue
			}
			ast.Inspect(parse(t, file), func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok || len(call.Args) != 1 {
					return true
				}
				if name := selector(call.Fun); name != "os.Getenv" && name != "os.LookupEnv" {
					return true
				}
				if variable, ok := call.Args[0].(*ast.Ident); !ok || !known[variable.Name] {
					t.Errorf("%s reads a variable that the test does not know", file)
				}
				return true
			})
		}
	}
}

// readsOfConfig asks handler.ReadConfig itself which field comes from which
// variable, and without which variable it refuses to start.
func readsOfConfig(t *testing.T) (fields map[string]string, required []string) {
	t.Helper()
	read := map[string]bool{}
	with := func(change, value string) (handler.Config, error) {
		return handler.ReadConfig(func(name string) string {
			read[name] = true
			switch name {
			case change:
				return value
			case api.EnvLifetime:
				return "60"
			}
			return "https://example.com"
		})
	}
	base, err := with("", "")
	if err != nil {
		t.Fatal(err)
	}
	fields = map[string]string{}
	for name := range maps.Clone(read) {
		if _, err := with(name, ""); err != nil {
			required = append(required, name)
		}
		other, err := with(name, "https://other.example.com")
		if err != nil {
			if other, err = with(name, "61"); err != nil {
				t.Fatalf("no value of %s is good: %v", name, err)
			}
		}
		a, b := reflect.ValueOf(base), reflect.ValueOf(other)
		for i := range a.NumField() {
			if !reflect.DeepEqual(a.Field(i).Interface(), b.Field(i).Interface()) {
				fields["env."+a.Type().Field(i).Name] = name
			}
		}
	}
	if len(fields) != reflect.TypeFor[handler.Config]().NumField() || len(fields) != len(read) {
		t.Errorf("%d fields of Config come from %d variables: %v", reflect.TypeFor[handler.Config]().NumField(), len(read), fields)
	}
	return fields, required
}

// selectors returns every a.b of a file.
func selectors(t *testing.T, file string) []string {
	t.Helper()
	var all []string
	ast.Inspect(parse(t, file), func(n ast.Node) bool {
		if expr, ok := n.(ast.Expr); ok {
			if name := selector(expr); name != "" {
				all = append(all, name)
			}
		}
		return true
	})
	if len(all) == 0 {
		t.Fatalf("nothing in %s", file)
	}
	return all
}

func selector(expr ast.Expr) string {
	s, ok := expr.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	x, ok := s.X.(*ast.Ident)
	if !ok {
		return ""
	}
	return x.Name + "." + s.Sel.Name
}

func parse(t *testing.T, file string) *ast.File {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	return f
}
