package store

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
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

// Nothing that a file may hold makes judge panic or run on, heads with a right
// checksum included.
func FuzzJudge(f *testing.F) {
	whole := read(f, written(f))
	m, err := newestMeta(whole)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint32(0), []byte{})
	for page := range m.pages {
		f.Add(uint32(page*m.pageSize), []byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"))
		f.Add(uint32(page*m.pageSize+8), []byte{branchFlag, 0, 1, 0, 0, 0, 0, 0, 16, 0, 0, 0, 1, 0, 0, 0, byte(page)})
	}
	for field := uint32(0); field < metaLength; field += 4 {
		f.Add(pageHeader+field, []byte{0xff, 0xff, 0xff, 0xff})
		f.Add(pageHeader+field, []byte{0, 0, 0, 0})
	}
	f.Fuzz(func(t *testing.T, at uint32, patch []byte) {
		file := bytes.Clone(whole)
		copy(file[int(at)%len(file):], patch)
		for _, head := range []uint64{0, m.pageSize} {
			sum := fnv.New64a()
			sum.Write(file[head+pageHeader : head+pageHeader+56])
			native.PutUint64(file[head+pageHeader+56:], sum.Sum64())
		}
		judge(file)
	})
}
