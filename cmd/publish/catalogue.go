package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

// A scope is one entry of the catalogue's file, which is an array of them in
// the order in which people see them. See pat.Scope.
type scope struct {
	Name        string      `json:"name"`
	Description string      `json:"description"`
	Category    string      `json:"category"`
	Sensitive   bool        `json:"sensitive"`
	Groups      []string    `json:"groups"`
	AWS         []statement `json:"aws"`
	Retired     bool        `json:"retired"`
}

type statement struct {
	Actions   []string `json:"actions"`
	Resources []string `json:"resources"`
}

// Bounds of a catalogue, in bytes or code points.
const (
	// maxCatalogue bytes of file leave room for the keys in the item, which
	// takes 400 KB, and are read by every warm function twice a minute.
	maxCatalogue   = 64 << 10
	maxDescription = 200
	maxCategory    = 40
	maxGroup       = 256 // what is taken from a session's claim
	// maxGroups bytes of names in all: an owner's item, which is read with
	// every use of a token, holds those groups that the catalogue names, and
	// stays below 4 KB.
	maxGroups = 2048
)

var (
	scopeName = regexp.MustCompile(`^` + pat.ScopePattern + `$`)
	awsAction = regexp.MustCompile(`^(\*|[a-z0-9-]+:[A-Za-z0-9*?]+)$`)
	// awsResource is ASCII: STS takes no more in a session policy.
	awsResource = regexp.MustCompile(`^(\*|arn:[!-~]+)$`)
)

// parseCatalogue reads the file. Its error is one sentence about the first
// mistake.
func parseCatalogue(text []byte) (pat.Catalogue, error) {
	if len(text) > maxCatalogue {
		return nil, fmt.Errorf("the catalogue is longer than %d bytes", maxCatalogue)
	}
	var scopes []scope
	if err := json.Unmarshal(text, &scopes, json.RejectUnknownMembers(true)); err != nil {
		return nil, err
	}
	if len(scopes) == 0 {
		return nil, errors.New("the catalogue is empty: no token could be created")
	}
	var catalogue pat.Catalogue
	for i, s := range scopes {
		if !scopeName.MatchString(s.Name) {
			return nil, fmt.Errorf("entry %d: a name must match %s", i+1, scopeName)
		}
		if indexOf(catalogue, s.Name) >= 0 {
			return nil, fmt.Errorf("the scope %s is there twice", s.Name)
		}
		if err := s.check(); err != nil {
			return nil, fmt.Errorf("the scope %s: %w", s.Name, err)
		}
		catalogue = append(catalogue, s.scope())
	}
	if err := checkGroups(catalogue); err != nil {
		return nil, err
	}
	return catalogue, nil
}

func (s scope) check() error {
	if !isLine(s.Description, maxDescription) {
		return fmt.Errorf("description must be one line of 1 to %d characters", maxDescription)
	}
	if !isLine(s.Category, maxCategory) {
		return fmt.Errorf("category must be one line of 1 to %d characters", maxCategory)
	}
	for i, g := range s.Groups {
		if !isLine(g, maxGroup) || slices.Contains(s.Groups[:i], g) {
			return fmt.Errorf("groups must be distinct lines of 1 to %d characters", maxGroup)
		}
	}
	for _, a := range s.AWS {
		if !all(a.Actions, awsAction) || !all(a.Resources, awsResource) {
			return errors.New("aws must be statements of actions such as s3:GetObject and resources that are * or an ARN")
		}
	}
	return nil
}

func (s scope) scope() pat.Scope {
	made := pat.Scope{
		Name:        s.Name,
		Description: s.Description,
		Category:    s.Category,
		Sensitive:   s.Sensitive,
		Groups:      s.Groups,
		Retired:     s.Retired,
	}
	for _, a := range s.AWS {
		made.AWS = append(made.AWS, pat.AWSStatement{Actions: a.Actions, Resources: a.Resources})
	}
	return made
}

func checkGroups(catalogue pat.Catalogue) error {
	var names []string
	for _, s := range catalogue {
		names = append(names, s.Groups...)
	}
	slices.Sort(names)
	size := 0
	for _, name := range slices.Compact(names) {
		size += len(name)
	}
	if size > maxGroups {
		return fmt.Errorf("the names of all groups take %d bytes, and may take %d", size, maxGroups)
	}
	return nil
}

// isLine reports whether a text can stand on a line that people read.
func isLine(s string, most int) bool {
	n := utf8.RuneCountInString(s)
	return 0 < n && n <= most && !slices.ContainsFunc([]rune(s), func(r rune) bool { return !unicode.IsPrint(r) })
}

// all reports whether there are texts, and each matches.
func all(texts []string, pattern *regexp.Regexp) bool {
	return len(texts) > 0 && !slices.ContainsFunc(texts, func(s string) bool { return !pattern.MatchString(s) })
}

func indexOf(catalogue pat.Catalogue, name string) int {
	return slices.IndexFunc(catalogue, func(s pat.Scope) bool { return s.Name == name })
}
