package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
)

// A person of the local sign-in. The subject is the name in lower case.
type person struct {
	Subject string
	Name    string
	Groups  []string
}

// everybody who can sign in, with the groups that they have at first.
var everybody = []person{
	{Subject: "alice", Name: "Alice", Groups: []string{"users"}},
	{Subject: "bob", Name: "Bob", Groups: []string{"users"}},
	{Subject: "root", Name: "Root", Groups: []string{"users", "admins"}},
}

// people are those who can sign in, and the groups that they have now.
type people struct {
	path string
	now  func() time.Time

	mu      sync.Mutex
	changed map[string]change // by subject
	// issued is when a person's last token was issued, in Unix milliseconds.
	issued map[string]int64
}

// A change of somebody's groups.
type change struct {
	Groups []string `json:"groups"`
	// From is the first Unix millisecond at which a token shows them: none that
	// shows what was before is issued so late. The service puts a person's
	// sessions in order by iat.
	From int64 `json:"from"`
}

// peopleFile is how the changes are kept.
type peopleFile struct {
	Version int               `json:"version"`
	People  map[string]change `json:"people"`
}

const peopleVersion = 1

// openPeople reads the changes in the file at path; none yet where it is
// missing. A file that is damaged or newer is refused and left as it is.
func openPeople(path string, now func() time.Time) (*people, error) {
	p := &people{path: path, now: now, changed: map[string]change{}, issued: map[string]int64{}}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return nil, fmt.Errorf("sign-in file: %w", err)
	}
	// The version is read first and alone: what else a newer file holds is
	// not for us to judge.
	var version struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(text, &version); err == nil && version.Version > peopleVersion {
		return nil, fmt.Errorf("sign-in file %s is of version %d, from a newer counterfoil (this one knows %d)", path, version.Version, peopleVersion)
	}
	var file peopleFile
	if err := json.Unmarshal(text, &file, json.RejectUnknownMembers(true)); err != nil || file.Version != peopleVersion || file.People == nil {
		return nil, fmt.Errorf("sign-in file %s is damaged", path)
	}
	p.changed = file.People
	return p, nil
}

// find returns a person with the groups that they have now.
func (p *people) find(subject string) (person, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.get(subject)
}

// all returns everybody with the groups that they have now.
func (p *people) all() []person {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []person
	for _, who := range everybody {
		who, _ = p.get(who.Subject)
		all = append(all, who)
	}
	return all
}

// get is find for whoever holds the lock.
func (p *people) get(subject string) (person, bool) {
	i := slices.IndexFunc(everybody, func(who person) bool { return who.Subject == subject })
	if i < 0 {
		return person{}, false
	}
	who := everybody[i]
	if c, ok := p.changed[subject]; ok {
		who.Groups = c.Groups
	}
	return who, true
}

// setGroups gives a person groups for this and every later sign-in.
func (p *people) setGroups(subject string, groups []string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	who, ok := p.get(subject)
	if !ok || slices.Equal(who.Groups, groups) {
		return nil
	}
	next := maps.Clone(p.changed)
	next[subject] = change{Groups: groups, From: max(second(p.now()), p.issued[subject]+1)}
	if err := p.write(next); err != nil {
		return fmt.Errorf("sign-in file: %w", err)
	}
	p.changed = next
	return nil
}

// second is the Unix millisecond in which the second began.
func second(t time.Time) int64 { return t.Unix() * 1000 }

// issue returns a person as a token shows them that is issued now, and when that
// is, in Unix milliseconds: the whole second, and a little more only where the
// groups changed within it.
func (p *people) issue(subject string) (person, int64, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	who, ok := p.get(subject)
	if !ok {
		return person{}, 0, false
	}
	at := max(second(p.now()), p.changed[subject].From)
	p.issued[subject] = max(at, p.issued[subject])
	return who, at, true
}

// write replaces the file so that, whenever it is interrupted, the old one or
// the new one is there, whole.
func (p *people) write(changed map[string]change) error {
	text, err := json.Marshal(peopleFile{Version: peopleVersion, People: changed})
	if err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(p.path), ".idp-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // nothing is left of it once it was renamed
	_, err = temp.Write(text)
	if err == nil {
		err = temp.Sync()
	}
	if err := errors.Join(err, temp.Close()); err != nil {
		return err
	}
	return os.Rename(temp.Name(), p.path)
}
