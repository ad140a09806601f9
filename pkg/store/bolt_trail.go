package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"time"

	"go.etcd.io/bbolt"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

// threadPrefix begins the keys of a thread's events and no other's: no thread
// holds a NUL.
func threadPrefix(thread pat.Thread) string { return string(thread) + "\x00" }

// tell writes down what happened, for who reads it back and for Outbox, in the
// transaction in which it happened.
func tell(tx *bbolt.Tx, all []pat.Event) error {
	for _, e := range all {
		r := newEventRecord(e)
		for _, thread := range e.Threads() {
			if err := put(tx, trailBucket, threadPrefix(thread)+placeKey(e.Place()), r); err != nil {
				return err
			}
		}
		next, err := tx.Bucket([]byte(outboxBucket)).NextSequence()
		if err != nil {
			return err
		}
		if err := put(tx, outboxBucket, string(binary.BigEndian.AppendUint64(nil, next)), r); err != nil {
			return err
		}
	}
	return nil
}

// Trail implements pat.Store.
func (b *Bolt) Trail(ctx context.Context, thread pat.Thread, before pat.Place, now time.Time, limit int) ([]pat.Event, error) {
	before, oldest := trailWindow(before, now)
	return view(ctx, b, "read a trail", func(tx *bbolt.Tx) ([]pat.Event, error) {
		prefix := []byte(threadPrefix(thread))
		c := tx.Bucket([]byte(trailBucket)).Cursor()
		newest := c.Last
		if at, _ := c.Seek(append(bytes.Clone(prefix), placeKey(before)...)); at != nil {
			newest = c.Prev
		}
		var all []pat.Event
		for key, value := newest(); bytes.HasPrefix(key, prefix) && len(all) < limit; key, value = c.Prev() {
			var r eventRecord
			if err := decode(key, value, &r); err != nil {
				return nil, err
			}
			all = append(all, r.event())
		}
		return stillKept(all, oldest), nil
	})
}

// maxOutbox is how many events Outbox hands over at once.
const maxOutbox = 500

// Outbox hands over the events that nobody took yet, in the order in which they
// happened, until there are none. What take was given and returned nil for is
// not handed over again; a kill in between is the one time that an event comes
// twice.
func (b *Bolt) Outbox(ctx context.Context, take func([]pat.Event) error) error {
	for {
		var keys [][]byte
		all, err := view(ctx, b, "read the outbox", func(tx *bbolt.Tx) ([]pat.Event, error) {
			var all []pat.Event
			c := tx.Bucket([]byte(outboxBucket)).Cursor()
			for key, value := c.First(); key != nil && len(all) < maxOutbox; key, value = c.Next() {
				var r eventRecord
				if err := decode(key, value, &r); err != nil {
					return nil, err
				}
				keys = append(keys, bytes.Clone(key))
				all = append(all, r.event())
			}
			return all, nil
		})
		if err != nil || len(all) == 0 {
			return err
		}
		if err := take(all); err != nil {
			return err
		}
		err = b.db.Update(func(tx *bbolt.Tx) error {
			for _, key := range keys {
				if err := tx.Bucket([]byte(outboxBucket)).Delete(key); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
}

// Told gets a word after every write: there may be something in the Outbox.
func (b *Bolt) Told() <-chan struct{} { return b.told }
