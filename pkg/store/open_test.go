package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

var start = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)

// written makes a store with something in every bucket, several levels deep,
// and with pages that are free again, and returns its path. It is closed.
func written(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "state", "counterfoil.db")
	b, err := OpenBolt(path)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	b.db.NoSync = true // nobody pulls the plug here
	ctx := context.Background()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(b.Publish(ctx, nil, pat.Catalogue{{Name: "notes:read", Description: "Read notes."}}))
	for _, slot := range []pat.Slot{"AAAAA", "AAAAB", "zzzzz"} {
		must(b.Enrol(ctx, pat.Owner{Slot: slot, Person: pat.Person{Issuer: "https://people.example", Subject: string(slot)}}))
		for n := range 30 {
			o, err := b.Owner(ctx, slot)
			must(err)
			id := pat.NewID(slot, o.Next)
			o.Next++
			must(b.Create(ctx, pat.Creation{
				Token: pat.Token{
					ID: id, Name: fmt.Sprint("token ", n), Description: strings.Repeat("d", 11*n),
					Scopes: []string{"notes:read"}, CreatedAt: start, ExpiresAt: start.AddDate(0, 0, n+1), Hash: pat.Hash{byte(n)}, Gen: 1,
				},
				NameKey: fmt.Sprint("token ", n),
				Owner:   o,
			}))
		}
	}
	if n, err := b.Sweep(ctx, start.Add(pat.Kept).AddDate(0, 0, 10)); err != nil || n != 30 {
		t.Fatalf("swept %d: %v", n, err)
	}
	return path
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// wantRefusal opens the store and wants one sentence about it that holds want,
// and the file as it was.
func wantRefusal(t *testing.T, path string, category error, want string) {
	t.Helper()
	before := read(t, path)
	b, err := OpenBolt(path)
	if err == nil {
		b.Close()
		t.Fatal("it was opened")
	}
	if !errors.Is(err, category) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
		t.Errorf("refused with %q, want one sentence of %q with %q", err, category, want)
	}
	if !strings.Contains(err.Error(), path) {
		t.Errorf("refused with %q, which does not name the file", err)
	}
	if !bytes.Equal(read(t, path), before) {
		t.Error("the file was changed")
	}
	if list, err := os.ReadDir(filepath.Dir(path)); err != nil || len(list) != 1 {
		t.Errorf("beside the file there is something else: %v, %v", list, err)
	}
}

func TestANewStoreIsPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b", "counterfoil.db")
	b, err := OpenBolt(path)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for name, want := range map[string]fs.FileMode{
		path:                             0o600,
		filepath.Dir(path):               0o700 | fs.ModeDir,
		filepath.Dir(filepath.Dir(path)): 0o700 | fs.ModeDir,
	} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != want {
			t.Errorf("%s has mode %v, want %v", name, info.Mode(), want)
		}
	}
	if list, err := os.ReadDir(filepath.Dir(path)); err != nil || len(list) != 1 {
		t.Errorf("the folder holds %v, %v; want the store alone", list, err)
	}
}

func TestTwoThatStartAtOnce(t *testing.T) {
	path := written(t)
	whole := read(t, path)
	if err := create(path); err != nil {
		t.Fatalf("the second, which saw no file: %v", err)
	}
	if !bytes.Equal(read(t, path), whole) {
		t.Error("what the first wrote was overwritten")
	}
	for range 20 {
		path := filepath.Join(t.TempDir(), "counterfoil.db")
		made := make(chan error)
		for range 2 {
			go func() { made <- create(path) }()
		}
		if err := errors.Join(<-made, <-made); err != nil {
			t.Fatal(err)
		}
		b, err := OpenBolt(path)
		if err != nil {
			t.Fatal(err)
		}
		b.Close()
	}
}

func TestAStoreInUseIsRefused(t *testing.T) {
	path := written(t)
	b, err := OpenBolt(path)
	if err != nil {
		t.Fatal(err)
	}
	wantRefusal(t, path, ErrInUse, "in use by another counterfoil")
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	b, err = OpenBolt(path)
	if err != nil {
		t.Fatalf("after the other let go: %v", err)
	}
	b.Close()
}

func TestAFolderThatCannotBeHadIsRefused(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	paths := map[string]string{
		"the folder is a file":      filepath.Join(file, "counterfoil.db"),
		"the store is a folder":     dir,
		"a name that is too long":   filepath.Join(dir, strings.Repeat("x", 300), "counterfoil.db"),
		"an empty name":             "",
		"a folder of another's own": filepath.Join(dir, "closed", "counterfoil.db"),
	}
	if err := os.Mkdir(filepath.Join(dir, "closed"), 0o500); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		delete(paths, "a folder of another's own") // root may write everywhere
	}
	for name, path := range paths {
		t.Run(name, func(t *testing.T) {
			b, err := OpenBolt(path)
			if err == nil {
				b.Close()
				t.Fatal("it was opened")
			}
			if errors.Is(err, ErrDamaged) || strings.Contains(err.Error(), "\n") {
				t.Errorf("refused with %q", err)
			}
		})
	}
}

// change writes into a store behind its back, as another version would.
func change(t *testing.T, path string, write func(tx *bbolt.Tx) error) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Update(write), db.Close()); err != nil {
		t.Fatal(err)
	}
}

// nested puts a bucket that has a page of its own into another.
func nested(tx *bbolt.Tx, bucket string) error {
	b, err := tx.Bucket([]byte(bucket)).CreateBucket([]byte("AAAAA00007"))
	if err != nil {
		return err
	}
	return b.Put([]byte("key"), make([]byte, 5000))
}

func TestAnotherVersionsFile(t *testing.T) {
	for name, test := range map[string]struct {
		write    func(tx *bbolt.Tx) error
		category error
		want     string
	}{
		"a newer format is refused": {func(tx *bbolt.Tx) error {
			return put(tx, metaBucket, formatKey, formatRecord{Version: 3})
		}, ErrNewer, "format 3, this one knows 2"},
		"a newer format whose records are not JSON is refused as newer": {func(tx *bbolt.Tx) error {
			return errors.Join(
				put(tx, metaBucket, formatKey, formatRecord{Version: 7}),
				tx.Bucket([]byte(tokensBucket)).Put([]byte("AAAAA00000"), []byte{1, 2, 3}),
				tx.DeleteBucket([]byte(namesBucket)),
				nested(tx, ownersBucket),
			)
		}, ErrNewer, "format 7, this one knows 2"},
		"a format below the first is refused": {func(tx *bbolt.Tx) error {
			return put(tx, metaBucket, formatKey, formatRecord{})
		}, ErrDamaged, "does not tell its format"},
		"a file without a format is refused": {func(tx *bbolt.Tx) error {
			return tx.Bucket([]byte(metaBucket)).Delete([]byte(formatKey))
		}, ErrDamaged, "does not tell its format"},
		"a format that cannot be read is refused": {func(tx *bbolt.Tx) error {
			return tx.Bucket([]byte(metaBucket)).Put([]byte(formatKey), []byte(`{"version":1}`))
		}, ErrDamaged, "wrong checksum"},
		"a bbolt file of somebody else's is refused": {func(tx *bbolt.Tx) error {
			return tx.DeleteBucket([]byte(metaBucket))
		}, ErrDamaged, "does not tell its format"},
		"a file without its tokens is refused": {func(tx *bbolt.Tx) error {
			return tx.DeleteBucket([]byte(tokensBucket))
		}, ErrDamaged, `bucket "tokens" is missing`},
		"a record that is no JSON is refused": {func(tx *bbolt.Tx) error {
			key := []byte("AAAAA00007")
			return tx.Bucket([]byte(tokensBucket)).Put(key, append(checksum(key, []byte("{")), '{'))
		}, ErrDamaged, `bucket "tokens"`},
		"a record of another's place is refused": {func(tx *bbolt.Tx) error {
			tokens := tx.Bucket([]byte(tokensBucket))
			_, value := tokens.Cursor().First()
			return tokens.Put([]byte("AAAAA00007"), bytes.Clone(value))
		}, ErrDamaged, "wrong checksum"},
		"a bucket among the records is refused": {func(tx *bbolt.Tx) error {
			return nested(tx, tokensBucket)
		}, ErrDamaged, "wrong checksum"},
	} {
		t.Run(name, func(t *testing.T) {
			path := written(t)
			change(t, path, test.write)
			wantRefusal(t, path, test.category, test.want)
		})
	}
}

// TestAnOlderFileIsMarked: what it holds from now on an older version would not
// understand.
func TestAnOlderFileIsMarked(t *testing.T) {
	path := written(t)
	change(t, path, func(tx *bbolt.Tx) error { return put(tx, metaBucket, formatKey, formatRecord{Version: 1}) })
	b, err := OpenBolt(path)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	b.db.View(func(tx *bbolt.Tx) error {
		if f, err := get[formatRecord](tx, metaBucket, formatKey); err != nil || f.Version != formatVersion {
			t.Errorf("format %d, %v", f.Version, err)
		}
		return nil
	})
}

func TestALaterVersionsAdditionsStay(t *testing.T) {
	path := written(t)
	const ownerKey, tokenKey = "AAAAA", "AAAAA0000T"
	change(t, path, func(tx *bbolt.Tx) error {
		if _, err := tx.CreateBucket([]byte("later")); err != nil {
			return err
		}
		if err := nested(tx, "later"); err != nil {
			return err
		}
		for bucket, key := range map[string]string{ownersBucket: ownerKey, tokensBucket: tokenKey, settingsBucket: policyKey, metaBucket: formatKey} {
			r := newRecord(bucket, key)
			if err := decode([]byte(key), tx.Bucket([]byte(bucket)).Get([]byte(key)), r); err != nil {
				return err
			}
			reflect.ValueOf(r).Elem().FieldByName("Rest").SetBytes([]byte(`{"locked":true,"holds":[{"below":7}]}`))
			if err := put(tx, bucket, key, r); err != nil {
				return err
			}
		}
		return put(tx, settingsBucket, "audiences", []string{"https://api.example"})
	})
	b, err := OpenBolt(path)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	token, o, err := b.Look(t.Context(), pat.ID(tokenKey))
	if err != nil {
		t.Fatal(err)
	}
	token.RevokedAt = start
	if err := b.Revoke(t.Context(), pat.Revocation{Token: token, NameKey: token.Name, Owner: o}); err != nil {
		t.Fatal(err)
	}
	if err := b.Publish(t.Context(), nil, nil); err != nil {
		t.Fatal(err)
	}
	for bucket, key := range map[string]string{ownersBucket: ownerKey, tokensBucket: tokenKey, settingsBucket: policyKey} {
		b.db.View(func(tx *bbolt.Tx) error {
			if value := tx.Bucket([]byte(bucket)).Get([]byte(key)); !bytes.Contains(value, []byte(`"locked":true,"holds":[{"below":7}]`)) {
				t.Errorf("%s %s lost what it did not know: %s", bucket, key, value)
			}
			return nil
		})
	}
}

func TestATokenWithoutItsOwnerIsAFaultAndNoAbsence(t *testing.T) {
	path := written(t)
	change(t, path, func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte(ownersBucket)).Delete([]byte("AAAAA"))
	})
	b, err := OpenBolt(path)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if _, _, err := b.Look(t.Context(), "AAAAA0000T"); err == nil || errors.Is(err, pat.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

func TestADamagedFileIsRefused(t *testing.T) {
	path := written(t)
	whole := read(t, path)
	const page = 4096
	if len(whole) < 8*page {
		t.Fatalf("the file is too small to be worth it: %d bytes", len(whole))
	}
	junk := make([]byte, 100_000)
	rand.NewChaCha8([32]byte{}).Read(junk)
	damaged := map[string][]byte{
		"an empty file":            {},
		"one byte":                 whole[:1],
		"one page":                 whole[:page],
		"two pages":                whole[:2*page],
		"a file of zeroes":         make([]byte, len(whole)),
		"a page of zeroes":         make([]byte, page),
		"junk":                     junk,
		"a text":                   []byte("{}\n"),
		"a byte too many in front": append([]byte{0}, whole...),
		"a byte too few in front":  whole[1:],
	}
	for _, offset := range []int{0, page} {
		file := bytes.Clone(whole)
		clear(file[offset : offset+page])
		damaged[fmt.Sprintf("zeroes from %d", offset)] = file
	}
	for name, file := range damaged {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(path, file, 0o600); err != nil {
				t.Fatal(err)
			}
			wantRefusal(t, path, ErrDamaged, "damaged")
		})
	}
}

// refusedOrWhole opens a damaged copy and wants it refused and left alone, or,
// where the damage is in what nobody reads, all of its content.
func refusedOrWhole(t *testing.T, path string, file []byte, want map[string]map[string]string) (refused bool) {
	t.Helper()
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := OpenBolt(path)
	if err != nil {
		if !errors.Is(err, ErrDamaged) {
			t.Errorf("refused with %v", err)
		}
		if !bytes.Equal(read(t, path), file) {
			t.Error("a refused file was changed")
		}
		return true
	}
	defer b.Close()
	if got := content(t, b); !reflect.DeepEqual(got, want) {
		t.Error("it was opened with another content")
	}
	return false
}

// content is all that bbolt finds in a store.
func content(t *testing.T, b *Bolt) map[string]map[string]string {
	t.Helper()
	all := map[string]map[string]string{}
	err := b.db.View(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(name []byte, bucket *bbolt.Bucket) error {
			all[string(name)] = map[string]string{}
			return bucket.ForEach(func(key, value []byte) error {
				all[string(name)][string(key)] = string(value)
				return nil
			})
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestDamageIsNeverFollowed(t *testing.T) {
	path := written(t)
	whole := read(t, path)
	b, err := OpenBolt(path)
	if err != nil {
		t.Fatal(err)
	}
	want := content(t, b)
	b.Close()
	m, err := newestMeta(whole)
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	used := int(m.pages * m.pageSize)

	t.Run("a file cut short", func(t *testing.T) {
		for range 120 {
			at := random.IntN(len(whole))
			if refused := refusedOrWhole(t, path, whole[:at], want); refused != (at < used) {
				t.Fatalf("cut at %d of %d, of which %d are used: refused is %v", at, len(whole), used, refused)
			}
		}
	})
	t.Run("a page of zeroes", func(t *testing.T) {
		refused := 0
		for at := 0; at < used; at += int(m.pageSize) {
			file := bytes.Clone(whole)
			clear(file[at : at+int(m.pageSize)])
			if refusedOrWhole(t, path, file, want) {
				refused++
			}
		}
		if refused < 6 {
			t.Errorf("only %d pages were missed", refused)
		}
	})
	t.Run("a bit that turned", func(t *testing.T) {
		refused := 0
		for range 400 {
			file := bytes.Clone(whole)
			at := random.IntN(used)
			file[at] ^= 1 << random.IntN(8)
			if refusedOrWhole(t, path, file, want) {
				refused++
			}
			if t.Failed() {
				t.Fatalf("byte %d", at)
			}
		}
		if refused < 40 {
			t.Errorf("only %d of 400 were noticed", refused)
		}
	})
}
