package signer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

// The steps of a rotation, from the moment at which a key is added.
const (
	// RotationWait is how long an added key is only published.
	RotationWait = 10 * time.Minute
	// RotationSpread is how long a key that is published may be unknown to a
	// verifier: to a function as long as its settings are kept, and after that
	// to whoever keeps our key set for the 5 min that its Cache-Control allows.
	// The rest of RotationWait is for a server that notices late.
	RotationSpread = 6 * time.Minute
	// RotationKeep is how long a key stays published when it signs no more:
	// longer than any JWT lives.
	RotationKeep = time.Hour + time.Minute
)

// A Keyring is a signer on a laptop whose key can be rotated without a gap:
// several keys are published, one signs. It is a folder with one file a key (see
// OpenLocal): key.pem is the first, and the name of every other tells when it
// begins to sign, as key-20260701T121000Z.pem does.
//
// No file is ever changed. A rotation adds one (RotateLocal), at its time it
// signs, and RotationKeep later the one before it is removed. Which step a
// rotation is at follows from the folder and the clock alone, so that it goes on
// after a restart, and there is nothing to undo or to forget.
type Keyring struct {
	folder string
	now    func() time.Time

	mu   sync.Mutex
	ring ring

	published []string // kids; Refresh alone knows
}

// OpenKeyring reads the keys in a folder, and makes key.pem for the algorithm
// given where there is none at all. What OpenLocal refuses is refused here, as
// are a file whose name tells no time and one key in two files; the folder is
// left as it is. Call Refresh before Sign.
//
// known are the keys that are published already: another one begins to sign as
// late as one that a running server finds. Where there are none, nobody knows an
// older key, and nothing waits.
func OpenKeyring(folder, algorithm string, known []pat.Key, now func() time.Time) (*Keyring, error) {
	r, err := load(folder)
	if errors.Is(err, errNoKey) {
		if _, err := OpenLocal(filepath.Join(folder, firstFile), algorithm); err != nil {
			return nil, err
		}
		r, err = load(folder)
	}
	if err != nil {
		return nil, err
	}
	if len(known) > 0 {
		r.wait(func(kid string) bool {
			return slices.ContainsFunc(known, func(k pat.Key) bool { return k.ID == kid })
		}, now())
	}
	return &Keyring{folder: folder, now: now, ring: r}, nil
}

// KeyID names the key that signs now.
func (k *Keyring) KeyID() string { return k.held().signing(k.now()).key.ID }

// Sign returns the compact JWS over the payload, with typ in its header, by a key
// of the ring.
func (k *Keyring) Sign(ctx context.Context, by pat.Key, typ string, payload []byte) (pat.Secret, error) {
	for _, key := range k.held() {
		if key.local.key.ID == by.ID {
			return key.local.Sign(ctx, typ, payload)
		}
	}
	return pat.Secret{}, fmt.Errorf("the key %s is not in the ring", by.ID)
}

// Keys returns the public halves of all keys that a living JWT is signed with,
// or will be.
func (k *Keyring) Keys() []pat.Key { return k.held().needed(k.now()).public() }

func (k *Keyring) held() ring {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.ring
}

// Refresh takes the next step of a rotation, if it is time for one: it reads the
// folder again if a key came or went, has the keys published if they are others
// than the last time, and removes the files of those that no living JWT is
// signed with. Call it at start and every few seconds from then on, never twice
// at once.
//
// After an error (of the folder, or what publish returned) everything is as it
// was before, and the next call tries again: no key signs before it is published,
// and none is removed while it is.
func (k *Keyring) Refresh(ctx context.Context, publish func(context.Context, []pat.Key) error) error {
	now, next := k.now(), k.held()
	files, err := list(k.folder)
	if err != nil {
		return err
	}
	if !slices.Equal(files, next.files()) {
		if next, err = load(k.folder); err != nil {
			return err
		}
		next.follow(k.held(), now)
	}
	needed := next.needed(now)
	var kids []string
	for _, key := range needed {
		kids = append(kids, key.local.key.ID)
	}
	if !slices.Equal(kids, k.published) {
		if err := publish(ctx, needed.public()); err != nil {
			return err
		}
		k.published = kids
	}
	k.mu.Lock()
	k.ring = needed
	k.mu.Unlock()
	for _, key := range next[:len(next)-len(needed)] {
		if err := os.Remove(filepath.Join(k.folder, key.name)); err != nil {
			return fmt.Errorf("remove a key that signs no more: %w", err)
		}
	}
	return nil
}

// A Rotation is what RotateLocal set going.
type Rotation struct {
	Next   string    // kid of the added key
	Signs  time.Time // when it takes over
	Signed string    // kid of the key that signs until then
	Drops  time.Time // when that one is published no more
}

// RotateLocal adds a key to a folder that a Keyring opened, of the kind of the
// one that signs. Its Keyring may be in use: it follows at its next Refresh. It
// is refused where there is no key yet, and while an added key has not begun to
// sign: nobody needs two.
func RotateLocal(folder string, now time.Time) (Rotation, error) {
	r, err := load(folder)
	if err != nil {
		return Rotation{}, err
	}
	last := r[len(r)-1]
	if last.from.After(now) {
		return Rotation{}, fmt.Errorf("the key in %s was added and begins to sign by itself at %s",
			filepath.Join(folder, last.name), last.from.Format(time.RFC3339))
	}
	signs := now.UTC().Add(RotationWait).Truncate(time.Second)
	path := filepath.Join(folder, fileOf(signs))
	if err := create(path, generators[last.local.key.Algorithm]); err != nil {
		return Rotation{}, fmt.Errorf("key file %s: %w", path, err)
	}
	next, err := openFile(path)
	if err != nil {
		return Rotation{}, err
	}
	return Rotation{Next: next.key.ID, Signs: signs, Signed: last.local.key.ID, Drops: signs.Add(RotationKeep)}, nil
}

// A ring is the keys of a folder, in the order in which they sign; never empty.
type ring []ringKey

type ringKey struct {
	keyFile
	local *Local
	from  time.Time // when it begins to sign: that of the file, or later
}

// signing returns the key that signs: the newest whose time has come, or the
// first, where the clock went back or somebody removed the others.
func (r ring) signing(now time.Time) *Local {
	key := r[0]
	for _, k := range r {
		if !k.from.After(now) {
			key = k
		}
	}
	return key.local
}

// needed returns the keys without those at the front which no living JWT is
// signed with.
func (r ring) needed(now time.Time) ring {
	for len(r) > 1 && !now.Before(r[1].from.Add(RotationKeep)) {
		r = r[1:]
	}
	return r
}

// follow goes on with what was decided of the keys before.
func (r ring) follow(before ring, now time.Time) {
	find := func(kid string) int {
		return slices.IndexFunc(before, func(k ringKey) bool { return k.local.key.ID == kid })
	}
	for i, key := range r {
		if known := find(key.local.key.ID); known >= 0 {
			r[i].from = before[known].from
		}
	}
	r.wait(func(kid string) bool { return find(kid) >= 0 }, now)
}

// wait makes no key sign before whoever verifies can know it. A server that was
// stopped or suspended, or could not read the folder, may find a key long after it
// was added: it counts from now.
func (r ring) wait(known func(kid string) bool, now time.Time) {
	earliest := now.Add(RotationSpread)
	for i, key := range r {
		if !known(key.local.key.ID) && key.from.Before(earliest) {
			r[i].from = earliest
		}
	}
}

func (r ring) public() []pat.Key {
	var keys []pat.Key
	for _, k := range r {
		keys = append(keys, k.local.key)
	}
	return keys
}

func (r ring) files() []keyFile {
	var files []keyFile
	for _, k := range r {
		files = append(files, k.keyFile)
	}
	return files
}

// A keyFile is what the name of a key's file says.
type keyFile struct {
	name  string
	signs int64 // when the key begins to sign, in Unix seconds; for the first always
}

const (
	firstFile = "key.pem"
	fileTime  = "20060102T150405Z"
)

func fileOf(signs time.Time) string { return "key-" + signs.UTC().Format(fileTime) + ".pem" }

var errNoKey = errors.New("holds no key yet: the first start of the server makes it")

// list returns the key files of a folder, in the order in which they sign.
func list(folder string) ([]keyFile, error) {
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("key folder %s: %w", folder, cause(err))
	}
	var files []keyFile
	for _, entry := range entries {
		name := entry.Name()
		stamp, ok := strings.CutPrefix(name, "key-")
		switch {
		case name == firstFile:
			files = append(files, keyFile{name: name})
			continue
		case !ok:
			continue // not ours
		}
		signs, err := time.Parse(fileTime+".pem", stamp)
		if err != nil || fileOf(signs) != name || signs.Unix() <= 0 {
			return nil, fmt.Errorf("key file %s: its name does not tell when the key begins to sign", filepath.Join(folder, name))
		}
		files = append(files, keyFile{name, signs.Unix()})
	}
	slices.SortFunc(files, func(a, b keyFile) int { return cmp.Compare(a.signs, b.signs) })
	return files, nil
}

// load reads all keys of a folder. errNoKey: there are none.
func load(folder string) (ring, error) {
	files, err := list(folder)
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("key folder %s: %w", folder, errNoKey)
	}
	var r ring
	for _, file := range files {
		path := filepath.Join(folder, file.name)
		local, err := openFile(path)
		if err != nil {
			return nil, err
		}
		for _, k := range r {
			if k.local.key.ID == local.key.ID {
				return nil, fmt.Errorf("key file %s: holds the key of %s again", path, k.name)
			}
		}
		r = append(r, ringKey{file, local, time.Unix(file.signs, 0).UTC()})
	}
	return r, nil
}
