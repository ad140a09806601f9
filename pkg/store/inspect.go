package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
)

// bbolt reads its file through a memory map and believes what it finds there:
// a bit that turned, or a page that is missing, can send it outside the map,
// where Go cannot recover, or round in a circle. So the whole file is read
// here first, as bytes, and bbolt never sees one that does not add up.
//
// The rules of this file:
//   - Every offset is checked before it is followed.
//   - Every page below the high water mark is used exactly once: as a meta
//     page, in the one tree, in the free list, or free.
//   - What bbolt could repair by falling back to the transaction before is
//     refused too: that transaction may know a revoked token as a living one.

// The layout of bbolt's format 2: integers are the machine's own, a page id is
// counted in pages.
const (
	pageHeader   = 16 // id 8, flags 2, count 2, overflow 4
	element      = 16 // leaf: flags 4, pos 4, ksize 4, vsize 4; branch: pos 4, ksize 4, id 8
	bucketHeader = 16 // root 8, sequence 8
	metaLength   = 64 // magic 4, version 4, page size 4, flags 4, root 16, free list 8, high water mark 8, transaction 8, checksum 8

	branchFlag   = 0x01
	leafFlag     = 0x02
	freelistFlag = 0x10
	bucketFlag   = 0x01 // of a leaf element

	metaMagic   = 0xED0CDAED
	metaVersion = 2
)

var native = binary.NativeEndian

// An entry is what a page holds under a key.
type entry struct {
	key   []byte
	value []byte // of a leaf
	// bucket: the value is a bucket's head.
	bucket bool
	// page is where the keys from this one on are; of a branch.
	page uint64
}

// inspect returns the entries of every bucket of a whole bbolt file, in order,
// or what is wrong with the file. It holds on to file.
func inspect(file []byte) (map[string][]entry, error) {
	m, err := newestMeta(file)
	if err != nil {
		return nil, err
	}
	if m.pages < 2 || m.pages > uint64(len(file))/m.pageSize {
		return nil, fmt.Errorf("%d pages do not fit %d bytes", m.pages, len(file))
	}
	in := inspection{file: file, meta: m, used: map[uint64]bool{0: true, 1: true}}
	top, err := in.tree(m.root, nil, nil)
	if err != nil {
		return nil, err
	}
	buckets := map[string][]entry{}
	for _, e := range top {
		if !e.bucket {
			return nil, fmt.Errorf("%q is not a bucket", e.key)
		}
		if buckets[string(e.key)], err = in.bucket(e.value); err != nil {
			return nil, fmt.Errorf("bucket %q: %w", e.key, err)
		}
	}
	return buckets, in.free(m.freelist)
}

// A meta is the head of a file.
type meta struct {
	pageSize    uint64
	root        uint64 // page id
	freelist    uint64 // page id
	pages       uint64 // high water mark
	transaction uint64
}

// newestMeta returns the younger of a file's two heads, if both are whole.
func newestMeta(file []byte) (meta, error) {
	first, err := readMeta(file)
	if err != nil {
		return meta{}, err
	}
	if first.pageSize < pageHeader+metaLength || first.pageSize > uint64(len(file)) {
		return meta{}, fmt.Errorf("it cannot have a page size of %d", first.pageSize)
	}
	second, err := readMeta(file[first.pageSize:])
	if err != nil {
		return meta{}, err
	}
	if second.pageSize != first.pageSize {
		return meta{}, errors.New("its two heads differ in page size")
	}
	if second.transaction > first.transaction {
		return second, nil
	}
	return first, nil
}

func readMeta(page []byte) (meta, error) {
	if len(page) < pageHeader+metaLength {
		return meta{}, errors.New("it is cut short")
	}
	m := page[pageHeader : pageHeader+metaLength]
	sum := fnv.New64a()
	sum.Write(m[:56])
	switch {
	case native.Uint32(m) != metaMagic:
		return meta{}, errors.New("it does not begin as a bbolt file")
	case native.Uint64(m[56:]) != sum.Sum64():
		return meta{}, errors.New("a head has a wrong checksum")
	case native.Uint32(m[4:]) != metaVersion:
		return meta{}, fmt.Errorf("it is a bbolt file of format %d", native.Uint32(m[4:]))
	}
	return meta{
		pageSize:    uint64(native.Uint32(m[8:])),
		root:        native.Uint64(m[16:]),
		freelist:    native.Uint64(m[32:]),
		pages:       native.Uint64(m[40:]),
		transaction: native.Uint64(m[48:]),
	}, nil
}

// An inspection is one walk over a file.
type inspection struct {
	file []byte
	meta meta
	used map[uint64]bool
}

// use returns a page together with those that it runs over into, and marks
// them: no page is ever used again, so that no walk can go in a circle.
func (in *inspection) use(id uint64) ([]byte, error) {
	if id >= in.meta.pages {
		return nil, fmt.Errorf("page %d is outside the file", id)
	}
	at := id * in.meta.pageSize
	head := in.file[at : at+pageHeader]
	if native.Uint64(head) != id {
		return nil, fmt.Errorf("page %d says that it is page %d", id, native.Uint64(head))
	}
	end := id + 1 + uint64(native.Uint32(head[12:]))
	if end > in.meta.pages {
		return nil, fmt.Errorf("page %d runs over the end of the file", id)
	}
	for i := id; i < end; i++ {
		if in.used[i] {
			return nil, fmt.Errorf("page %d is used twice", i)
		}
		in.used[i] = true
	}
	return in.file[at : end*in.meta.pageSize], nil
}

// tree returns the entries below a page, in order. Every key is at least low
// and, unless high is nil, below high.
func (in *inspection) tree(id uint64, low, high []byte) ([]entry, error) {
	page, err := in.use(id)
	if err != nil {
		return nil, err
	}
	list, _, err := entries(page)
	if err != nil {
		return nil, fmt.Errorf("page %d: %w", id, err)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("page %d is empty", id)
	}
	if bytes.Compare(list[0].key, low) < 0 || high != nil && bytes.Compare(list[len(list)-1].key, high) >= 0 {
		return nil, fmt.Errorf("page %d is out of order", id)
	}
	if native.Uint16(page[8:]) == leafFlag {
		return list, nil
	}
	var all []entry
	for i, e := range list {
		below := high
		if i+1 < len(list) {
			below = list[i+1].key
		}
		part, err := in.tree(e.page, e.key, below)
		if err != nil {
			return nil, err
		}
		all = append(all, part...)
	}
	return all, nil
}

// entries returns what a leaf or a branch page holds, and where its data ends.
// bbolt writes keys and values without a gap right after the elements, so that
// a wrong count or length shows.
func entries(page []byte) (list []entry, end uint64, err error) {
	flags, count := native.Uint16(page[8:]), uint64(native.Uint16(page[10:]))
	if flags != leafFlag && flags != branchFlag {
		return nil, 0, fmt.Errorf("it is of a kind that does not belong there: %#x", flags)
	}
	if end = pageHeader + count*element; end > uint64(len(page)) {
		return nil, 0, fmt.Errorf("it cannot hold %d keys", count)
	}
	for i := range count {
		at := pageHeader + i*element
		var e entry
		var pos, keyLength, valueLength uint32
		if head := page[at : at+element]; flags == leafFlag {
			pos, keyLength, valueLength = native.Uint32(head[4:]), native.Uint32(head[8:]), native.Uint32(head[12:])
			if e.bucket = native.Uint32(head) == bucketFlag; !e.bucket && native.Uint32(head) != 0 {
				return nil, 0, fmt.Errorf("key %d is of an unknown kind", i)
			}
		} else {
			pos, keyLength, e.page = native.Uint32(head), native.Uint32(head[4:]), native.Uint64(head[8:])
		}
		split := end + uint64(keyLength)
		next := split + uint64(valueLength)
		if at+uint64(pos) != end || keyLength == 0 || next > uint64(len(page)) {
			return nil, 0, fmt.Errorf("key %d is not where it should be", i)
		}
		e.key, e.value = page[end:split], page[split:next]
		if i > 0 && bytes.Compare(list[i-1].key, e.key) >= 0 {
			return nil, 0, fmt.Errorf("key %d is out of order", i)
		}
		list = append(list, e)
		end = next
	}
	return list, end, nil
}

// bucket returns the entries of a bucket: of its tree, or, of a small one, of
// the leaf page that lies in its value.
func (in *inspection) bucket(value []byte) (list []entry, err error) {
	if len(value) < bucketHeader {
		return nil, errors.New("it has no head")
	}
	inline := value[bucketHeader:]
	switch root := native.Uint64(value); {
	case root != 0 && len(inline) != 0:
		return nil, errors.New("it is in two places")
	case root != 0:
		list, err = in.tree(root, nil, nil)
	case len(inline) < pageHeader || native.Uint16(inline[8:]) != leafFlag:
		return nil, errors.New("it has no page")
	default:
		var end uint64
		if list, end, err = entries(inline); err == nil && end != uint64(len(inline)) {
			err = errors.New("it has the wrong length")
		}
	}
	for _, e := range list {
		if e.bucket && err == nil {
			_, err = in.bucket(e.value) // a later version's: it must be whole
		}
	}
	return list, err
}

// free checks the list of free pages. It is the last to be checked: a page that
// is on no tree and not on the list is lost, one that is on both would be
// written over.
func (in *inspection) free(id uint64) error {
	page, err := in.use(id)
	if err != nil {
		return err
	}
	if native.Uint16(page[8:]) != freelistFlag {
		return fmt.Errorf("page %d is no list of free pages", id)
	}
	ids := page[pageHeader:]
	count := uint64(native.Uint16(page[10:]))
	if count == 0xFFFF { // the true count does not fit and comes first
		count, ids = native.Uint64(ids), ids[8:]
	}
	if count > uint64(len(ids))/8 {
		return fmt.Errorf("page %d cannot list %d pages", id, count)
	}
	for i := range count {
		free := native.Uint64(ids[8*i:])
		if free >= in.meta.pages || in.used[free] {
			return fmt.Errorf("page %d is free and in use", free)
		}
		in.used[free] = true
	}
	if uint64(len(in.used)) != in.meta.pages {
		return fmt.Errorf("%d of %d pages are accounted for", len(in.used), in.meta.pages)
	}
	return nil
}
