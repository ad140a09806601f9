package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/pkg/pat"
	"github.com/counterfoil/counterfoil/pkg/store"
)

const (
	keyA = "11111111-aaaa-4bbb-8ccc-000000000001"
	keyB = "11111111-aaaa-4bbb-8ccc-000000000002"

	read0  = `{"name":"notes:read","description":"Read your notes","category":"Notes"}`
	write0 = `{"name":"notes:write","description":"Write notes","category":"Notes","sensitive":true,"groups":["writers"]}`
)

// A world is a store, and the files that publish reads.
type world struct {
	t      *testing.T
	folder string
	store  *store.Bolt
	asked  []string // ids of keys
	broken error    // what the key service answers
	stdout bytes.Buffer
	stderr bytes.Buffer
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, folder: t.TempDir()}
	var err error
	if w.store, err = store.OpenBolt(filepath.Join(w.folder, "store.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.store.Close() })
	w.file("outputs.json", outputs("the-table", keyA))
	return w
}

func outputs(table, keyIDs string) string {
	return fmt.Sprintf(`{"Console":{"Address":"https://example.com"},"Counterfoil":{"TableName":%q,"SigningKeys":%q}}`, table, keyIDs)
}

func (w *world) file(name, text string) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.folder, name), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// publish runs the command over a catalogue of these scopes.
func (w *world) publish(scopes []string, more ...string) error {
	w.t.Helper()
	w.file("scopes.json", "["+strings.Join(scopes, ",")+"]")
	return w.run(append([]string{
		"-catalogue", filepath.Join(w.folder, "scopes.json"),
		"-outputs", filepath.Join(w.folder, "outputs.json"),
	}, more...)...)
}

func (w *world) run(args ...string) error {
	w.asked = nil
	w.stdout.Reset()
	w.stderr.Reset()
	return publisher{
		open: func(table string) (settings, error) {
			if table != "the-table" {
				w.t.Errorf("opened %q", table)
			}
			return w.store, nil
		},
		publicKeys: func(_ context.Context, keyIDs ...string) ([]pat.Key, error) {
			w.asked = keyIDs
			if w.broken != nil {
				return nil, w.broken
			}
			var keys []pat.Key
			for _, id := range keyIDs {
				private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
				if err != nil {
					w.t.Fatal(err)
				}
				keys = append(keys, pat.Key{ID: id, Algorithm: "ES256", Public: private.Public()})
			}
			return keys, nil
		},
		stdout: &w.stdout,
		stderr: &w.stderr,
	}.run(w.t.Context(), args)
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) settings() pat.Settings {
	w.t.Helper()
	s, err := w.store.Settings(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

func TestPublish(t *testing.T) {
	w := newWorld(t)
	w.must(w.publish([]string{read0, write0}))
	got := w.settings()
	want := pat.Catalogue{
		{Name: "notes:read", Description: "Read your notes", Category: "Notes"},
		{Name: "notes:write", Description: "Write notes", Category: "Notes", Sensitive: true, Groups: []string{"writers"}},
	}
	if !reflect.DeepEqual(got.Catalogue, want) {
		t.Errorf("published %+v, want %+v", got.Catalogue, want)
	}
	if len(got.Keys) != 1 || got.Keys[0].ID != keyA || !slices.Equal(w.asked, []string{keyA}) {
		t.Errorf("published %d keys, asked for %q", len(got.Keys), w.asked)
	}
	if want := "published 2 scopes and the keys " + keyA + " (ES256)\n"; w.stdout.String() != want {
		t.Errorf("said %q, want %q", w.stdout.String(), want)
	}
}

func TestPublishRotatesAKey(t *testing.T) {
	w := newWorld(t)
	for _, step := range []struct {
		keys, says string
	}{
		{keyA, keyA + " (ES256)\n"},
		{keyA + "," + keyB, keyA + " (ES256), " + keyB + " (ES256)\n"},
		{keyB + "," + keyA, keyB + " (ES256), " + keyA + " (ES256)\n"},
		{keyB, "dropped key " + keyA},
	} {
		w.file("outputs.json", outputs("the-table", step.keys))
		w.must(w.publish([]string{read0}))
		var ids []string
		for _, k := range w.settings().Keys {
			ids = append(ids, k.ID)
		}
		if got := strings.Join(ids, ","); got != step.keys {
			t.Errorf("published %s, want %s", got, step.keys)
		}
		if !strings.Contains(w.stdout.String(), step.says) {
			t.Errorf("said %q, want %q in it", w.stdout.String(), step.says)
		}
	}
}

func TestPublishFollows(t *testing.T) {
	const (
		retired  = `{"name":"notes:read","description":"Read your notes","category":"Notes","retired":true}`
		wider    = `{"name":"notes:read","description":"Read your notes","category":"Texts","sensitive":true,"groups":["a","b"],"aws":[{"actions":["s3:GetObject"],"resources":["arn:aws:s3:::notes/*"]}]}`
		reworded = `{"name":"notes:read","description":"Read all your notes","category":"Notes"}`
	)
	cases := map[string]struct {
		next []string
		args []string
	}{
		"the same again":                        {next: []string{read0, write0}},
		"another order":                         {next: []string{write0, read0}},
		"a new scope":                           {next: []string{read0, write0, `{"name":"x","description":"X","category":"X"}`}},
		"a scope that retires":                  {next: []string{retired, write0}},
		"other holders, category and AWS":       {next: []string{wider, write0}},
		"another description of the same thing": {next: []string{reworded, write0}, args: []string{"-reworded", "notes:read"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.must(w.publish([]string{read0, write0}))
			w.must(w.publish(c.next, c.args...))
			if got := len(w.settings().Catalogue); got != len(c.next) {
				t.Errorf("%d scopes are published, want %d", got, len(c.next))
			}
		})
	}
}

func TestPublishRefusesWhatDoesNotFollow(t *testing.T) {
	const (
		retired  = `{"name":"old","description":"Old","category":"Old","retired":true}`
		back     = `{"name":"old","description":"Old","category":"Old"}`
		reworded = `{"name":"notes:read","description":"Read everybody's notes","category":"Notes"}`
	)
	cases := map[string]struct {
		next []string
		args []string
		says string
	}{
		"a scope that vanishes":                      {next: []string{write0, retired}, says: "notes:read was published and may not vanish"},
		"a retired scope that vanishes":              {next: []string{read0, write0}, says: "old was published and may not vanish"},
		"a retired scope that comes back":            {next: []string{read0, write0, back}, says: "old was retired and may not come back"},
		"a scope with another meaning":               {next: []string{reworded, write0, retired}, says: `notes:read was published as "Read your notes"`},
		"another meaning, where another is reworded": {next: []string{reworded, write0, retired}, args: []string{"-reworded", "notes:write"}, says: "notes:read was published as"},
		"a rewording of what never was":              {next: []string{read0, write0, retired}, args: []string{"-reworded", "nothing"}, says: "nothing cannot be reworded"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.must(w.publish([]string{read0, write0, retired}))
			before := w.settings()
			refused(t, w.publish(c.next, c.args...), c.says)
			if !reflect.DeepEqual(w.settings(), before) || w.asked != nil || w.stdout.Len() > 0 {
				t.Error("something was changed, or said to be")
			}
		})
	}
}

func refused(t *testing.T, err error, says string) {
	t.Helper()
	if err == nil {
		t.Fatal("published")
	}
	if !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\n") {
		t.Errorf("refused with %q, want one sentence with %q", err, says)
	}
}

func TestPublishRefusesACatalogue(t *testing.T) {
	with := func(member string) []string {
		return []string{`{"name":"x","description":"X","category":"X",` + member + `}`}
	}
	named := func(name string) []string {
		return []string{fmt.Sprintf(`{"name":%q,"description":"X","category":"X"}`, name)}
	}
	var many []string
	for i := range 9 {
		many = append(many, fmt.Sprintf(`%q`, strings.Repeat(string(rune('a'+i)), 256)))
	}
	cases := map[string]struct {
		scopes []string
		says   string
	}{
		"no scope":                                {nil, "empty"},
		"null":                                    {[]string{"null"}, "entry 1: a name"},
		"a scope that is a text":                  {[]string{`"x"`}, "json"},
		"an unknown member":                       {with(`"colour":"red"`), "colour"},
		"a member in another case":                {with(`"Groups":["a"]`), "Groups"},
		"a member twice":                          {with(`"name":"y"`), "duplicate"},
		"something after the end":                 {[]string{read0 + "] ["}, "json"},
		"a scope twice":                           {[]string{read0, write0, read0}, "notes:read is there twice"},
		"a scope without a name":                  {[]string{`{"description":"X","category":"X"}`}, "entry 1: a name"},
		"an empty name":                           {named(""), "entry 1: a name"},
		"a name in capitals":                      {named("X"), "entry 1: a name"},
		"a name with a space":                     {named("x y"), "entry 1: a name"},
		"a name with a line break":                {named("x\n"), "entry 1: a name"},
		"a name of 41 characters":                 {named(strings.Repeat("x", 41)), "entry 1: a name"},
		"no description":                          {[]string{`{"name":"x","category":"X"}`}, "x: description"},
		"a description of 201 characters":         {[]string{fmt.Sprintf(`{"name":"x","category":"X","description":%q}`, strings.Repeat("é", 201))}, "x: description"},
		"a description of two lines":              {[]string{`{"name":"x","category":"X","description":"a\nb"}`}, "x: description"},
		"no category":                             {[]string{`{"name":"x","description":"X"}`}, "x: category"},
		"a category of 41 characters":             {[]string{fmt.Sprintf(`{"name":"x","description":"X","category":%q}`, strings.Repeat("x", 41))}, "x: category"},
		"an empty group":                          {with(`"groups":[""]`), "x: groups"},
		"a group twice":                           {with(`"groups":["a","a"]`), "x: groups"},
		"a group that no session can show":        {with(fmt.Sprintf(`"groups":[%q]`, strings.Repeat("g", 257))), "x: groups"},
		"more groups than fit an owner's item":    {with(`"groups":[` + strings.Join(many, ",") + `]`), "2304 bytes"},
		"sensitive as a text":                     {with(`"sensitive":"yes"`), "json"},
		"AWS without actions":                     {with(`"aws":[{"resources":["*"]}]`), "x: aws"},
		"AWS without resources":                   {with(`"aws":[{"actions":["s3:GetObject"]}]`), "x: aws"},
		"an action that is none":                  {with(`"aws":[{"actions":["GetObject"],"resources":["*"]}]`), "x: aws"},
		"a resource that is no ARN":               {with(`"aws":[{"actions":["s3:GetObject"],"resources":["bucket"]}]`), "x: aws"},
		"a resource that STS would not take":      {with(`"aws":[{"actions":["s3:GetObject"],"resources":["arn:aws:s3:::東京"]}]`), "x: aws"},
		"an unknown member in a statement of AWS": {with(`"aws":[{"effect":"Deny"}]`), "effect"},
		"a catalogue of 64 KiB and more":          {[]string{read0 + strings.Repeat(" ", maxCatalogue)}, "longer than 65536 bytes"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			err := w.publish(c.scopes)
			refused(t, err, c.says)
			if !strings.Contains(err.Error(), "scopes.json") {
				t.Errorf("%q does not name the file", err)
			}
			if _, err := w.store.Settings(t.Context()); !errors.Is(err, pat.ErrNotFound) || w.asked != nil {
				t.Errorf("something was published: %v", err)
			}
		})
	}
}

func TestPublishRefusesOutputs(t *testing.T) {
	one := `{"TableName":"the-table","SigningKeys":"` + keyA + `"}`
	cases := map[string]string{
		"no JSON":                   "junk",
		"no stack":                  `{}`,
		"another stack":             `{"Console":{"Address":"https://example.com"}}`,
		"two stacks of ours":        `{"A":` + one + `,"B":` + one + `}`,
		"a stack without a table":   `{"A":{"SigningKeys":"` + keyA + `"}}`,
		"a stack without keys":      `{"A":{"TableName":"the-table"}}`,
		"an output that is no text": `{"A":{"TableName":1,"SigningKeys":"` + keyA + `"}}`,
	}
	for name, text := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.file("outputs.json", text)
			refused(t, w.publish([]string{read0}), "outputs.json")
		})
	}
}

func TestPublishFailsWhole(t *testing.T) {
	t.Run("no key is had", func(t *testing.T) {
		w := newWorld(t)
		w.must(w.publish([]string{read0}))
		before := w.settings()
		w.broken = errors.New("KMS is not there")
		refused(t, w.publish([]string{read0, write0}), "KMS is not there")
		if !reflect.DeepEqual(w.settings(), before) {
			t.Error("something was published")
		}
	})
	t.Run("what is published cannot be read", func(t *testing.T) {
		w := newWorld(t)
		w.store.Close()
		refused(t, w.publish([]string{read0}), "cannot be read")
	})
	t.Run("a file is not there", func(t *testing.T) {
		w := newWorld(t)
		refused(t, w.run("-catalogue", "/nowhere.json", "-outputs", "/nowhere.json"), "/nowhere.json")
	})
}

func TestPublishSaysHowItIsCalled(t *testing.T) {
	for name, args := range map[string][]string{
		"no arguments":     {},
		"no outputs":       {"-catalogue", "scopes.json"},
		"an argument more": {"-outputs", "outputs.json", "more"},
		"help":             {"-h"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if err := w.run(args...); !errors.Is(err, flag.ErrHelp) {
				t.Errorf("%v", err)
			}
			if !strings.Contains(w.stderr.String(), "-outputs") {
				t.Errorf("said %q", w.stderr.String())
			}
		})
	}
}

// TestTheExampleIsACatalogue: a deployment starts from it.
func TestTheExampleIsACatalogue(t *testing.T) {
	catalogue, err := read("../../infra/scopes.json", parseCatalogue)
	if err != nil {
		t.Fatal(err)
	}
	i := indexOf(catalogue, pat.CredentialsScope)
	if i < 0 || !catalogue[i].Sensitive {
		t.Error("the scope that buys AWS credentials is missing, or not sensitive")
	}
}
