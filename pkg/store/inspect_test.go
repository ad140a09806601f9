package store

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.etcd.io/bbolt"
	"pgregory.net/rapid"
)

// Whatever bbolt writes is accepted, and found to hold what was written: a
// healthy file is never called damaged.
func TestInspectAcceptsWhatBboltWrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	branches := 0
	rapid.Check(t, func(t *rapid.T) {
		defer os.Remove(path)
		db, err := bbolt.Open(path, 0o600, &bbolt.Options{
			NoSync:          true,
			NoGrowSync:      true,
			InitialMmapSize: 8 << 20, // or a reader of this goroutine would keep its writer waiting
		})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		model := map[string]map[string]string{}
		var reader *bbolt.Tx
		defer func() {
			if reader != nil {
				reader.Rollback()
			}
		}()
		for range rapid.IntRange(1, 8).Draw(t, "transactions") {
			if reader == nil && rapid.Bool().Draw(t, "somebody reads meanwhile") {
				if reader, err = db.Begin(false); err != nil {
					t.Fatal(err)
				}
			} else if reader != nil {
				reader.Rollback()
				reader = nil
			}
			err := db.Update(func(tx *bbolt.Tx) error { return scribble(t, tx, model) })
			if err != nil {
				t.Fatal(err)
			}
			file, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			found, err := inspect(file)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, found, model)
			for at := 0; at < len(file); at += db.Info().PageSize {
				if native.Uint16(file[at+8:]) == branchFlag {
					branches++
				}
			}
		}
	})
	if branches == 0 {
		t.Error("no tree ever had a branch")
	}
}

// scribble changes some keys of one bucket, and the model with it.
func scribble(t *rapid.T, tx *bbolt.Tx, model map[string]map[string]string) error {
	name := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "bucket")
	b, err := tx.CreateBucketIfNotExists([]byte(name))
	if err != nil {
		return err
	}
	if model[name] == nil {
		model[name] = map[string]string{}
	}
	from := rapid.IntRange(0, 300).Draw(t, "from")
	step := rapid.IntRange(1, 5).Draw(t, "step")
	keys := rapid.IntRange(1, 150).Draw(t, "keys")
	remove := rapid.Bool().Draw(t, "remove")
	size := rapid.SampledFrom([]int{0, 7, 100, 1000, 9000}).Draw(t, "size")
	if size >= 1000 {
		keys = min(keys, 8)
	}
	for i := range keys {
		key := fmt.Sprintf("%04d", from+i*step)
		if remove {
			delete(model[name], key)
			if err := b.Delete([]byte(key)); err != nil {
				return err
			}
			continue
		}
		value := bytes.Repeat([]byte{byte(i)}, size)
		model[name][key] = string(value)
		if err := b.Put([]byte(key), value); err != nil {
			return err
		}
	}
	return nil
}

func compare(t *rapid.T, found map[string][]entry, model map[string]map[string]string) {
	if len(found) != len(model) {
		t.Fatalf("found %d buckets, want %d", len(found), len(model))
	}
	for name, want := range model {
		if len(found[name]) != len(want) {
			t.Fatalf("bucket %s: found %d keys, want %d", name, len(found[name]), len(want))
		}
		for _, e := range found[name] {
			if value, ok := want[string(e.key)]; !ok || value != string(e.value) {
				t.Fatalf("bucket %s, key %s: found %d bytes, want %d", name, e.key, len(e.value), len(value))
			}
		}
	}
}

// A patched is a file that is changed at places which the test knows, under
// heads with a right checksum.
type patched struct {
	file []byte
	meta meta
}

func newPatched(t testing.TB) *patched {
	t.Helper()
	file := read(t, written(t))
	m, err := newestMeta(file)
	if err != nil {
		t.Fatal(err)
	}
	return &patched{file, m}
}

func (p *patched) page(id uint64) []byte {
	return p.file[id*p.meta.pageSize : (id+1)*p.meta.pageSize]
}

func (p *patched) clone() *patched { return &patched{bytes.Clone(p.file), p.meta} }

// heads are the two metas, as bytes.
func (p *patched) heads() [2][]byte {
	return [2][]byte{p.page(0)[pageHeader:], p.page(1)[pageHeader:]}
}

// sum makes the heads' checksums right.
func (p *patched) sum() {
	for _, head := range p.heads() {
		sum := fnv.New64a()
		sum.Write(head[:56])
		native.PutUint64(head[56:], sum.Sum64())
	}
}

// field returns 4 bytes of a page's nth element.
func (p *patched) field(page []byte, n, field int) []byte {
	return page[pageHeader+n*element+4*field:][:4]
}

func (p *patched) add(place []byte, n int) {
	native.PutUint32(place, uint32(int(native.Uint32(place))+n))
}

// bucket returns the nth key of the root with its value: a bucket's head.
func (p *patched) bucket(t testing.TB, name string) (n int, value []byte) {
	t.Helper()
	list, _, err := entries(p.page(p.meta.root))
	if err != nil {
		t.Fatal(err)
	}
	n = slices.IndexFunc(list, func(e entry) bool { return string(e.key) == name })
	return n, list[n].value
}

// tokens returns the branch page of the tokens and its second leaf.
func (p *patched) tokens(t testing.TB) (branch, leaf []byte) {
	t.Helper()
	_, value := p.bucket(t, tokensBucket)
	branch = p.page(native.Uint64(value))
	list, _, err := entries(branch)
	if err != nil {
		t.Fatal(err)
	}
	if native.Uint16(branch[8:]) != branchFlag || len(list) < 3 {
		t.Fatal("the tokens' tree is too small for this test")
	}
	return branch, p.page(list[1].page)
}

// key returns the bytes of a page's nth key.
func (p *patched) key(t testing.TB, page []byte, n int) []byte {
	t.Helper()
	list, _, err := entries(page)
	if err != nil {
		t.Fatal(err)
	}
	if n < 0 {
		n += len(list)
	}
	return list[n].key
}

func TestInspectRefuses(t *testing.T) {
	whole := newPatched(t)
	for name, test := range map[string]struct {
		patch func(t *testing.T, p *patched)
		want  string
	}{
		"heads of two page sizes": {func(t *testing.T, p *patched) {
			native.PutUint32(p.heads()[1][8:], 8192)
		}, "differ in page size"},
		"a page size of nothing": {func(t *testing.T, p *patched) {
			native.PutUint32(p.heads()[0][8:], 0)
		}, "page size of 0"},
		"a page size beyond the file": {func(t *testing.T, p *patched) {
			native.PutUint32(p.heads()[0][8:], 1<<31)
		}, "page size of 2147483648"},
		"a bbolt file of another format": {func(t *testing.T, p *patched) {
			native.PutUint32(p.heads()[0][4:], 3)
		}, "bbolt file of format 3"},
		"more pages than the file has": {func(t *testing.T, p *patched) {
			for _, head := range p.heads() {
				native.PutUint64(head[40:], uint64(len(p.file)))
			}
		}, "do not fit"},
		"fewer pages than two heads": {func(t *testing.T, p *patched) {
			for _, head := range p.heads() {
				native.PutUint64(head[40:], 1)
			}
		}, "do not fit"},
		"a root that is a head": {func(t *testing.T, p *patched) {
			for _, head := range p.heads() {
				native.PutUint64(head[16:], 1)
			}
		}, "page 1 is used twice"},
		"a root behind the end": {func(t *testing.T, p *patched) {
			for _, head := range p.heads() {
				native.PutUint64(head[16:], 1<<60)
			}
		}, "is outside the file"},
		"a page under another's number": {func(t *testing.T, p *patched) {
			_, leaf := p.tokens(t)
			native.PutUint64(leaf, 2)
		}, "says that it is page 2"},
		"a page that runs over the end": {func(t *testing.T, p *patched) {
			_, leaf := p.tokens(t)
			native.PutUint32(leaf[12:], 0xffffffff)
		}, "runs over the end"},
		"a page that runs over into another": {func(t *testing.T, p *patched) {
			branch, _ := p.tokens(t)
			native.PutUint32(branch[12:], 1)
		}, "use"}, // used twice, or free and in use: whichever lies behind it
		"a branch that leads back to itself": {func(t *testing.T, p *patched) {
			branch, _ := p.tokens(t)
			copy(branch[pageHeader+element+8:][:8], branch[:8])
		}, "is used twice"},
		"a page of a kind that is not there": {func(t *testing.T, p *patched) {
			_, leaf := p.tokens(t)
			native.PutUint16(leaf[8:], 0x20)
		}, "does not belong there: 0x20"},
		"more keys than a page can hold": {func(t *testing.T, p *patched) {
			_, leaf := p.tokens(t)
			native.PutUint16(leaf[10:], 0xffff)
		}, "cannot hold"},
		"a leaf without keys": {func(t *testing.T, p *patched) {
			_, leaf := p.tokens(t)
			native.PutUint16(leaf[10:], 0)
		}, "is empty"},
		"one key fewer than were written": {func(t *testing.T, p *patched) {
			_, leaf := p.tokens(t)
			native.PutUint16(leaf[10:], native.Uint16(leaf[10:])-1)
		}, "not where it should be"},
		"a key of an unknown kind": {func(t *testing.T, p *patched) {
			_, leaf := p.tokens(t)
			native.PutUint32(p.field(leaf, 1, 0), 2)
		}, "unknown kind"},
		"a key that is elsewhere": {func(t *testing.T, p *patched) {
			_, leaf := p.tokens(t)
			p.add(p.field(leaf, 1, 1), 1)
		}, "not where it should be"},
		"an empty key": {func(t *testing.T, p *patched) {
			_, leaf := p.tokens(t)
			p.add(p.field(leaf, 1, 2), -10)
			p.add(p.field(leaf, 1, 3), 10)
		}, "not where it should be"},
		"a value that is longer than its page": {func(t *testing.T, p *patched) {
			_, leaf := p.tokens(t)
			last := int(native.Uint16(leaf[10:])) - 1
			p.add(p.field(leaf, last, 3), 4096)
		}, "not where it should be"},
		"two keys that changed seats": {func(t *testing.T, p *patched) {
			_, leaf := p.tokens(t)
			a, b := p.key(t, leaf, 1), p.key(t, leaf, 2)
			for i := range a {
				a[i], b[i] = b[i], a[i]
			}
		}, "out of order"},
		"a key twice": {func(t *testing.T, p *patched) {
			_, leaf := p.tokens(t)
			copy(p.key(t, leaf, 1), p.key(t, leaf, 2))
		}, "out of order"},
		"a key that belongs on the page before": {func(t *testing.T, p *patched) {
			_, leaf := p.tokens(t)
			copy(p.key(t, leaf, 0), "00000")
		}, "is out of order"},
		"a key that belongs on the page behind": {func(t *testing.T, p *patched) {
			_, leaf := p.tokens(t)
			copy(p.key(t, leaf, -1), "zzzzz")
		}, "is out of order"},
		"a root that holds a record": {func(t *testing.T, p *patched) {
			n, _ := p.bucket(t, tokensBucket)
			native.PutUint32(p.field(p.page(p.meta.root), n, 0), 0)
		}, "is not a bucket"},
		"a bucket without a head": {func(t *testing.T, p *patched) {
			n, _ := p.bucket(t, tokensBucket)
			p.add(p.field(p.page(p.meta.root), n, 2), 10)
			p.add(p.field(p.page(p.meta.root), n, 3), -10)
		}, "has no head"},
		"a bucket in two places": {func(t *testing.T, p *patched) {
			_, value := p.bucket(t, metaBucket)
			native.PutUint64(value, p.meta.root)
		}, "in two places"},
		"a bucket in none": {func(t *testing.T, p *patched) {
			_, value := p.bucket(t, tokensBucket)
			native.PutUint64(value, 0)
		}, "has no page"},
		"a small bucket that lost its only record": {func(t *testing.T, p *patched) {
			_, value := p.bucket(t, metaBucket)
			native.PutUint16(value[bucketHeader+10:], 0)
		}, "wrong length"},
		"a list of free pages that is something else": {func(t *testing.T, p *patched) {
			native.PutUint16(p.page(p.meta.freelist)[8:], leafFlag)
		}, "no list of free pages"},
		"a free page that is in use": {func(t *testing.T, p *patched) {
			native.PutUint64(p.page(p.meta.freelist)[pageHeader:], p.meta.root)
		}, "free and in use"},
		"a free page that is listed twice": {func(t *testing.T, p *patched) {
			list := p.page(p.meta.freelist)[pageHeader:]
			copy(list[8:16], list[:8])
		}, "free and in use"},
		"a free page that is a head": {func(t *testing.T, p *patched) {
			native.PutUint64(p.page(p.meta.freelist)[pageHeader:], 1)
		}, "free and in use"},
		"a free page behind the end": {func(t *testing.T, p *patched) {
			native.PutUint64(p.page(p.meta.freelist)[pageHeader:], p.meta.pages)
		}, "free and in use"},
		"a page that is neither used nor free": {func(t *testing.T, p *patched) {
			list := p.page(p.meta.freelist)
			native.PutUint16(list[10:], native.Uint16(list[10:])-1)
		}, "accounted for"},
		"more free pages than the list can hold": {func(t *testing.T, p *patched) {
			native.PutUint16(p.page(p.meta.freelist)[10:], 0xfffe)
		}, "cannot list 65534"},
		"a long list of free pages that is too long": {func(t *testing.T, p *patched) {
			list := p.page(p.meta.freelist)
			native.PutUint16(list[10:], 0xffff)
			native.PutUint64(list[pageHeader:], 1<<63)
		}, "cannot list 9223372036854775808"},
	} {
		t.Run(name, func(t *testing.T) {
			p := whole.clone()
			test.patch(t, p)
			p.sum()
			if _, err := inspect(p.file); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestInspectRefusesAFileCutShort(t *testing.T) {
	p := newPatched(t)
	used := int(p.meta.pages * p.meta.pageSize)
	for n := 0; n < used; n += 1 + n%7 {
		if _, err := inspect(p.file[:n:n]); err == nil {
			t.Fatalf("%d of %d bytes were enough", n, used)
		}
	}
	if _, err := inspect(p.file[:used]); err != nil {
		t.Errorf("all %d bytes that are used were not enough: %v", used, err)
	}
}

// Nothing that a file may hold makes judge panic or run on, heads with a right
// checksum included.
func FuzzJudge(f *testing.F) {
	whole := newPatched(f)
	f.Add(uint32(0), []byte{})
	f.Fuzz(func(t *testing.T, at uint32, patch []byte) {
		p := whole.clone()
		copy(p.file[int(at)%len(p.file):], patch)
		p.sum()
		judge(p.file)
	})
}
