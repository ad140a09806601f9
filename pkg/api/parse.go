package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// methods that a route can have: those of API Gateway but ANY, which no policy
// can name.
var methods = []string{"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"}

// A segment of a path is literal, of what API Gateway takes there and IAM reads
// as itself, or one whole {parameter}. A greedy {parameter+} is neither: it
// covers routes that nobody wrote down.
var (
	segmentPattern = regexp.MustCompile(`^(?:[0-9A-Za-z._:-]+|\{[0-9A-Za-z._-]+\})$`)
	scopePattern   = regexp.MustCompile(`^` + ScopePattern + `$`)
)

// ParseRoutes reads the routes.json of an API that our authorizer guards: a
// list of {"method", "path", "scope"}. A scope of "" lets through every good
// credential of the kinds that the API takes. Nothing else may stand in it, and
// nothing may be left out or be there twice: a scope that is misspelt or
// overwritten would leave its route open.
func ParseRoutes(doc []byte) ([]Route, error) {
	lines, err := readLines(doc)
	if err != nil {
		return nil, fmt.Errorf("routes.json is not a list of {method, path, scope}: %w", err)
	}
	if len(lines) == 0 {
		return nil, errors.New("routes.json names no route")
	}
	var routes []Route
	for i, l := range lines {
		r := Route{Method: l["method"], Path: l["path"], Guard: Any, Scope: l["scope"]}
		if err := r.check(); err != nil {
			return nil, fmt.Errorf("routes.json: route %d: %w", i+1, err)
		}
		if slices.ContainsFunc(routes, func(o Route) bool { return resource(o) == resource(r) }) {
			return nil, fmt.Errorf("routes.json: route %d: %s %s is there already", i+1, r.Method, r.Path)
		}
		routes = append(routes, r)
	}
	return routes, nil
}

// readLines reads token by token: encoding/json would take a member twice, and
// in any case.
func readLines(doc []byte) ([]map[string]string, error) {
	d := json.NewDecoder(bytes.NewReader(doc))
	if err := expect(d, json.Delim('[')); err != nil {
		return nil, err
	}
	var lines []map[string]string
	for d.More() {
		line, err := readLine(d)
		if err != nil {
			return nil, fmt.Errorf("route %d: %w", len(lines)+1, err)
		}
		lines = append(lines, line)
	}
	if err := expect(d, json.Delim(']')); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("something follows it")
	}
	return lines, nil
}

func readLine(d *json.Decoder) (map[string]string, error) {
	if err := expect(d, json.Delim('{')); err != nil {
		return nil, err
	}
	line := map[string]string{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		value, err := d.Token()
		if err != nil {
			return nil, err
		}
		key := name.(string) // the decoder takes no other
		text, ok := value.(string)
		if _, twice := line[key]; twice || !ok || !slices.Contains([]string{"method", "path", "scope"}, key) {
			return nil, fmt.Errorf("member %q is unknown, there twice or no string", key)
		}
		line[key] = text
	}
	if len(line) != 3 {
		return nil, errors.New("method, path or scope is missing")
	}
	return line, expect(d, json.Delim('}'))
}

func expect(d *json.Decoder, want json.Delim) error {
	got, err := d.Token()
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	if err == nil && got != want {
		return fmt.Errorf("%q is missing", want.String())
	}
	return err
}

func (r Route) check() error {
	if !slices.Contains(methods, r.Method) {
		return fmt.Errorf("method %q is none of %s", r.Method, strings.Join(methods, ", "))
	}
	if r.Scope != "" && !scopePattern.MatchString(r.Scope) {
		return fmt.Errorf("scope %q is not of 1 to 40 characters a-z 0-9 : . _ -", r.Scope)
	}
	below, ok := strings.CutPrefix(r.Path, "/")
	if !ok {
		return fmt.Errorf("path %q does not start with /", r.Path)
	}
	if below == "" {
		return nil
	}
	for s := range strings.SplitSeq(below, "/") {
		if !segmentPattern.MatchString(s) || s == "." || s == ".." {
			return fmt.Errorf("path %q: segment %q is neither of characters 0-9 A-Z a-z . _ : - nor one {parameter}", r.Path, s)
		}
	}
	return nil
}
