package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"go.etcd.io/bbolt"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

// The buckets, and what lies where in them.
const (
	metaBucket     = "meta"     // formatKey → formatRecord
	peopleBucket   = "people"   // personKey → personRecord
	ownersBucket   = "owners"   // slot → ownerRecord
	tokensBucket   = "tokens"   // id → tokenRecord: a slot's are neighbours, the newest last
	namesBucket    = "names"    // ownNameKey → nameRecord
	settingsBucket = "settings" // publishedKey → publishedRecord, policyKey → policyRecord
	trailBucket    = "trail"    // thread, placeKey → eventRecord
	outboxBucket   = "outbox"   // the next number, 8 bytes → eventRecord: not told yet

	formatKey    = "format"
	publishedKey = "published"
	policyKey    = "policy"
)

// buckets are there since the first version; a file of that one is given those
// of newBuckets when it is opened.
var (
	buckets    = []string{metaBucket, peopleBucket, ownersBucket, tokensBucket, namesBucket, settingsBucket}
	newBuckets = []string{trailBucket, outboxBucket}
)

// newRecord returns a record of the kind that lies in a bucket under a key.
func newRecord(bucket, key string) any {
	switch {
	case bucket == metaBucket && key == formatKey:
		return new(formatRecord)
	case bucket == peopleBucket:
		return new(personRecord)
	case bucket == ownersBucket:
		return new(ownerRecord)
	case bucket == tokensBucket:
		return new(tokenRecord)
	case bucket == namesBucket:
		return new(nameRecord)
	case bucket == settingsBucket && key == publishedKey:
		return new(publishedRecord)
	case bucket == settingsBucket && key == policyKey:
		return new(policyRecord)
	case bucket == trailBucket, bucket == outboxBucket:
		return new(eventRecord)
	}
	return new(jsontext.Value) // what a later version put there
}

// personKey starts with the issuer's length: whatever characters the two hold,
// no other issuer and subject have the same key.
func personKey(p pat.Person) string {
	return strconv.Itoa(len(p.Issuer)) + " " + p.Issuer + p.Subject
}

// ownNameKey tells owners apart because every slot is of one length.
func ownNameKey(slot pat.Slot, nameKey string) string {
	return string(slot) + "\x00" + nameKey
}

// Bolt is a pat.Store in one file, which one process holds. Writes are made one
// after the other, and each is on the disk before it is acknowledged.
type Bolt struct {
	db *bbolt.DB
	// told gets a word when there are events to fetch.
	told chan struct{}
}

// Close waits for what is under way and lets go of the file.
func (b *Bolt) Close() error { return b.db.Close() }

// Settings implements pat.Store.
func (b *Bolt) Settings(ctx context.Context) (pat.Settings, error) {
	return view(ctx, b, "read settings", func(tx *bbolt.Tx) (pat.Settings, error) {
		published, err := get[publishedRecord](tx, settingsBucket, publishedKey)
		if err != nil {
			return pat.Settings{}, err
		}
		policy, err := get[policyRecord](tx, settingsBucket, policyKey)
		if err != nil {
			return pat.Settings{}, err
		}
		return newSettings(published, policy)
	})
}

// Publish writes our public keys and the catalogue, which every function reads
// from then on. The policy stays as it is; at first it is pat.DefaultPolicy.
func (b *Bolt) Publish(ctx context.Context, keys []pat.Key, catalogue pat.Catalogue) error {
	return b.update(ctx, "publish settings", func(tx *bbolt.Tx) error {
		published, err := newPublishedRecord(keys, catalogue)
		if err != nil {
			return err
		}
		if err := put(tx, settingsBucket, publishedKey, published); err != nil {
			return err
		}
		if has(tx, settingsBucket, policyKey) {
			return nil
		}
		return put(tx, settingsBucket, policyKey, newPolicyRecord(pat.DefaultPolicy))
	})
}

// SetPolicy implements pat.Store.
func (b *Bolt) SetPolicy(ctx context.Context, p pat.Policy, changed pat.Mark) error {
	return b.update(ctx, "write the policy", func(tx *bbolt.Tx) error {
		was, err := get[policyRecord](tx, settingsBucket, policyKey)
		if err != nil && !errors.Is(err, pat.ErrNotFound) {
			return err
		}
		if err := put(tx, settingsBucket, policyKey, newPolicyRecord(p)); err != nil {
			return err
		}
		return tell(tx, pat.Alteration{OldPolicy: was.policy(), NewPolicy: p, PolicyChanged: changed}.Events())
	})
}

// Slot implements pat.Store.
func (b *Bolt) Slot(ctx context.Context, p pat.Person) (pat.Slot, error) {
	return view(ctx, b, "read a person's slot", func(tx *bbolt.Tx) (pat.Slot, error) {
		r, err := get[personRecord](tx, peopleBucket, personKey(p))
		return r.Slot, err
	})
}

// Owner implements pat.Store.
func (b *Bolt) Owner(ctx context.Context, slot pat.Slot) (pat.Owner, error) {
	return view(ctx, b, "read an owner", func(tx *bbolt.Tx) (pat.Owner, error) {
		r, err := get[ownerRecord](tx, ownersBucket, string(slot))
		return r.owner(slot), err
	})
}

// Enrol implements pat.Store.
func (b *Bolt) Enrol(ctx context.Context, o pat.Owner) error {
	return b.update(ctx, "enrol a person", func(tx *bbolt.Tx) error {
		if has(tx, peopleBucket, personKey(o.Person)) || has(tx, ownersBucket, string(o.Slot)) {
			return pat.ErrConflict
		}
		if err := put(tx, peopleBucket, personKey(o.Person), personRecord{Slot: o.Slot}); err != nil {
			return err
		}
		return putOwner(tx, pat.Owner{}, newOwnerRecord(o), o.Slot)
	})
}

// Refresh implements pat.Store.
func (b *Bolt) Refresh(ctx context.Context, o pat.Owner) error {
	return b.update(ctx, "refresh an owner", func(tx *bbolt.Tx) error {
		return changeOwner(tx, o, func(r *ownerRecord) { r.refresh(o) })
	})
}

// Recount implements pat.Store.
func (b *Bolt) Recount(ctx context.Context, o pat.Owner) error {
	return b.update(ctx, "recount an owner's tokens", func(tx *bbolt.Tx) error {
		return changeOwner(tx, o, func(r *ownerRecord) { r.Live = o.Live })
	})
}

// Disable implements pat.Store.
func (b *Bolt) Disable(ctx context.Context, o pat.Owner) error {
	return b.update(ctx, "disable an owner", func(tx *bbolt.Tx) error {
		return changeOwner(tx, o, func(r *ownerRecord) { r.Disabled, r.Changed = o.Disabled, newMarkRecord(o.Changed) })
	})
}

// Stop implements pat.Store.
func (b *Bolt) Stop(ctx context.Context, o pat.Owner) error {
	return b.update(ctx, "stop an owner's tokens", func(tx *bbolt.Tx) error {
		return changeOwner(tx, o, func(r *ownerRecord) {
			r.Stops, r.Live, r.Changed = newStopRecords(o.Stops), o.Live, newMarkRecord(o.Changed)
		})
	})
}

// Look implements pat.Store.
func (b *Bolt) Look(ctx context.Context, id pat.ID) (pat.Token, pat.Owner, error) {
	f, err := view(ctx, b, "look up a token", func(tx *bbolt.Tx) (pat.Found, error) { return look(tx, id) })
	return f.Token, f.Owner, err
}

// LookBoth implements pat.Store.
func (b *Bolt) LookBoth(ctx context.Context, one, other pat.ID) (pat.Found, pat.Found, error) {
	both, err := view(ctx, b, "look up two tokens", func(tx *bbolt.Tx) (both [2]pat.Found, err error) {
		if both[0], err = look(tx, one); err == nil {
			both[1], err = look(tx, other)
		}
		return both, err
	})
	return both[0], both[1], err
}

// LookAll implements pat.Store.
func (b *Bolt) LookAll(ctx context.Context, ids []pat.ID) (map[pat.ID]pat.Found, error) {
	return view(ctx, b, "look up tokens", func(tx *bbolt.Tx) (map[pat.ID]pat.Found, error) {
		all := map[pat.ID]pat.Found{}
		for _, id := range ids {
			switch f, err := look(tx, id); {
			case err == nil:
				all[id] = f
			case !errors.Is(err, pat.ErrNotFound):
				return nil, err
			}
		}
		return all, nil
	})
}

func look(tx *bbolt.Tx, id pat.ID) (pat.Found, error) {
	t, err := get[tokenRecord](tx, tokensBucket, string(id))
	if err != nil {
		return pat.Found{}, err
	}
	o, err := get[ownerRecord](tx, ownersBucket, string(id.Slot()))
	if err != nil {
		// Not %w: a token without its owner is a fault, and no absence.
		return pat.Found{}, fmt.Errorf("the owner of token %s: %v", id, err)
	}
	return pat.Found{Token: t.token(id), Owner: o.owner(id.Slot())}, nil
}

// List implements pat.Store.
func (b *Bolt) List(ctx context.Context, slot pat.Slot, before pat.ID, limit int) ([]pat.Token, error) {
	return view(ctx, b, "list tokens", func(tx *bbolt.Tx) ([]pat.Token, error) { return listTokens(tx, slot, before, limit) })
}

func listTokens(tx *bbolt.Tx, slot pat.Slot, before pat.ID, limit int) ([]pat.Token, error) {
	end := []byte(before)
	if before == "" {
		end = []byte(slot + "\xff") // above every id of the slot
	}
	c := tx.Bucket([]byte(tokensBucket)).Cursor()
	newest := c.Last
	if at, _ := c.Seek(end); at != nil {
		newest = c.Prev
	}
	var tokens []pat.Token
	for key, value := newest(); bytes.HasPrefix(key, []byte(slot)) && len(tokens) < limit; key, value = c.Prev() {
		var r tokenRecord
		if err := decode(key, value, &r); err != nil {
			return nil, err
		}
		tokens = append(tokens, r.token(pat.ID(key)))
	}
	return tokens, nil
}

// Scan implements pat.Store. Its position is the last token's id.
func (b *Bolt) Scan(ctx context.Context, position string, limit int) ([]pat.Found, string, error) {
	if position != "" {
		if _, err := pat.ParseID(position); err != nil {
			return nil, "", fmt.Errorf("position of a scan: %w", pat.ErrNotFound)
		}
	}
	next := ""
	found, err := view(ctx, b, "scan tokens", func(tx *bbolt.Tx) ([]pat.Found, error) {
		c := tx.Bucket([]byte(tokensBucket)).Cursor()
		key, _ := c.Seek([]byte(position))
		if position != "" && string(key) == position {
			key, _ = c.Next()
		}
		var all []pat.Found
		for ; key != nil; key, _ = c.Next() {
			if len(all) == limit {
				next = string(all[limit-1].Token.ID)
				break
			}
			f, err := look(tx, pat.ID(key))
			if err != nil {
				return nil, err
			}
			all = append(all, f)
		}
		return all, nil
	})
	return found, next, err
}

// Create implements pat.Store.
func (b *Bolt) Create(ctx context.Context, c pat.Creation) error {
	return b.update(ctx, "create a token", func(tx *bbolt.Tx) error {
		err := changeOwner(tx, c.Owner, func(r *ownerRecord) { r.Next, r.Live = c.Owner.Next, c.Owner.Live })
		if err != nil {
			return err
		}
		if has(tx, tokensBucket, string(c.Token.ID)) {
			return fmt.Errorf("%w: token %s is there already", pat.ErrConflict, c.Token.ID)
		}
		if err := takeName(tx, c.Token, c.NameKey, c.Owner, c.Token.CreatedAt); err != nil {
			return err
		}
		return putToken(tx, tokenRecord{}, newTokenRecord(c.Token), c.Token.ID)
	})
}

// Update implements pat.Store.
func (b *Bolt) Update(ctx context.Context, c pat.Change) error {
	return b.update(ctx, "update a token", func(tx *bbolt.Tx) error {
		if err := changeToken(tx, c.Token, func(r *tokenRecord) { r.update(c.Token) }); err != nil {
			return err
		}
		if err := changeOwner(tx, c.Owner, func(r *ownerRecord) { r.Live = c.Owner.Live }); err != nil {
			return err
		}
		if c.OldNameKey != c.NameKey {
			if err := freeName(tx, c.Token.ID, c.OldNameKey); err != nil {
				return err
			}
		}
		return takeName(tx, c.Token, c.NameKey, c.Owner, c.At)
	})
}

// Rotate implements pat.Store.
func (b *Bolt) Rotate(ctx context.Context, t pat.Token) error {
	return b.update(ctx, "rotate a token", func(tx *bbolt.Tx) error {
		return changeToken(tx, t, func(r *tokenRecord) { r.rotate(t) })
	})
}

// Touch implements pat.Store.
func (b *Bolt) Touch(ctx context.Context, t pat.Token) error {
	return b.update(ctx, "note a token's use", func(tx *bbolt.Tx) error {
		r, err := get[tokenRecord](tx, tokensBucket, string(t.ID))
		if errors.Is(err, pat.ErrNotFound) {
			return fmt.Errorf("%w: token %s is not there", pat.ErrConflict, t.ID)
		}
		if err != nil {
			return err
		}
		return note(tx, t, r, func(r *tokenRecord) { r.touch(t) })
	})
}

// Refuse implements pat.Store. The event is made at once: nothing else is kept.
func (b *Bolt) Refuse(ctx context.Context, r pat.Refusal) error {
	return b.update(ctx, "write down a refusal", func(tx *bbolt.Tx) error {
		t, err := get[tokenRecord](tx, tokensBucket, string(r.TokenID))
		if errors.Is(err, pat.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		return tell(tx, pat.Alteration{NewToken: t.token(r.TokenID), Refused: r}.Events())
	})
}

// Warn implements pat.Store.
func (b *Bolt) Warn(ctx context.Context, t pat.Token) error {
	return b.update(ctx, "note a warning", func(tx *bbolt.Tx) error {
		r, err := tokenAt(tx, t)
		if err != nil {
			return err
		}
		return note(tx, t, r, func(r *tokenRecord) { r.Warned, r.Noted = newWarnedRecord(t), newMarkRecord(t.Noted) })
	})
}

// note changes the token's item r, which must have t.Notes.
func note(tx *bbolt.Tx, t pat.Token, r tokenRecord, change func(*tokenRecord)) error {
	if r.Notes != t.Notes {
		return fmt.Errorf("%w: token %s has %d notes, not %d", pat.ErrConflict, t.ID, r.Notes, t.Notes)
	}
	was := r
	change(&r)
	r.Notes++
	return putToken(tx, was, r, t.ID)
}

// Each implements pat.Store. All is one page of the first part.
func (b *Bolt) Each(ctx context.Context, part, parts int, take func([]pat.Token) error) error {
	if part > 0 {
		return nil
	}
	tokens, err := view(ctx, b, "read all tokens", func(tx *bbolt.Tx) (tokens []pat.Token, err error) {
		return tokens, tx.Bucket([]byte(tokensBucket)).ForEach(func(id, value []byte) error {
			var r tokenRecord
			if err := decode(id, value, &r); err != nil {
				return err
			}
			tokens = append(tokens, r.token(pat.ID(id)))
			return nil
		})
	})
	if err != nil {
		return err
	}
	return take(tokens)
}

// Revoke implements pat.Store.
func (b *Bolt) Revoke(ctx context.Context, r pat.Revocation) error {
	return b.update(ctx, "revoke a token", func(tx *bbolt.Tx) error {
		err := changeToken(tx, r.Token, func(t *tokenRecord) { t.RevokedAt = r.Token.RevokedAt.UTC() })
		if err != nil {
			return err
		}
		err = changeOwner(tx, r.Owner, func(o *ownerRecord) { o.Live = r.Owner.Live })
		if err != nil {
			return err
		}
		return freeName(tx, r.Token.ID, r.NameKey)
	})
}

// Sweep removes the tokens that are gone at the moment now, with the names that
// they still hold, and events that are kept no longer, and tells how many tokens
// there were. Nobody can see the
// difference; it keeps the file small.
func (b *Bolt) Sweep(ctx context.Context, now time.Time) (int, error) {
	gone := map[pat.ID]bool{}
	err := b.update(ctx, "sweep", func(tx *bbolt.Tx) error {
		err := remove(tx, tokensBucket, func(id []byte, r tokenRecord) bool {
			token := r.token(pat.ID(id))
			// A token without its owner stays: look will say so.
			if o, err := get[ownerRecord](tx, ownersBucket, string(token.ID.Slot())); err == nil {
				token = o.owner(token.ID.Slot()).Stopped(token)
			}
			at := token.GoneAt()
			if at.IsZero() || now.Before(at) {
				return false
			}
			gone[pat.ID(id)] = true
			return true
		})
		if err != nil {
			return err
		}
		if err := remove(tx, namesBucket, func(_ []byte, r nameRecord) bool { return gone[r.Token] }); err != nil {
			return err
		}
		return remove(tx, trailBucket, func(_ []byte, r eventRecord) bool { return r.At.Before(now.Add(-pat.TrailKept)) })
	})
	if err != nil {
		return 0, err
	}
	return len(gone), nil
}

// changeToken changes the token's item, which must be at t.Version.
func changeToken(tx *bbolt.Tx, t pat.Token, change func(*tokenRecord)) error {
	r, err := tokenAt(tx, t)
	if err != nil {
		return err
	}
	was := r
	r.Version++
	r.Changed = newMarkRecord(t.Changed)
	change(&r)
	return putToken(tx, was, r, t.ID)
}

// tokenAt reads the token's item, which must be at t.Version.
func tokenAt(tx *bbolt.Tx, t pat.Token) (tokenRecord, error) {
	r, err := get[tokenRecord](tx, tokensBucket, string(t.ID))
	if err != nil && !errors.Is(err, pat.ErrNotFound) {
		return tokenRecord{}, err
	}
	if err != nil || r.Version != t.Version {
		return tokenRecord{}, fmt.Errorf("%w: token %s is not at version %d", pat.ErrConflict, t.ID, t.Version)
	}
	return r, nil
}

// putToken writes a token's item, which was as it was or not there at all, and
// what happened to it.
func putToken(tx *bbolt.Tx, was, is tokenRecord, id pat.ID) error {
	if err := put(tx, tokensBucket, string(id), is); err != nil {
		return err
	}
	a := pat.Alteration{NewToken: is.token(id)}
	if was.Version != 0 {
		a.OldToken = was.token(id)
	}
	return tell(tx, a.Events())
}

// takeName makes a token the holder of a name, if no other of its owner's holds it
// at the moment now.
func takeName(tx *bbolt.Tx, t pat.Token, nameKey string, o pat.Owner, now time.Time) error {
	key := ownNameKey(t.ID.Slot(), nameKey)
	switch holder, err := get[nameRecord](tx, namesBucket, key); {
	case errors.Is(err, pat.ErrNotFound):
	case err != nil:
		return err
	case holder.Token != t.ID && holder.heldFor(o, now):
		return fmt.Errorf("%w by token %s", pat.ErrNameTaken, holder.Token)
	}
	return put(tx, namesBucket, key, newNameRecord(t))
}

// freeName lets a name go, if this token holds it.
func freeName(tx *bbolt.Tx, id pat.ID, nameKey string) error {
	key := ownNameKey(id.Slot(), nameKey)
	switch holder, err := get[nameRecord](tx, namesBucket, key); {
	case errors.Is(err, pat.ErrNotFound) || err == nil && holder.Token != id:
		return nil
	case err != nil:
		return err
	}
	return tx.Bucket([]byte(namesBucket)).Delete([]byte(key))
}

// changeOwner changes the owner's item, which must be at o.Version.
func changeOwner(tx *bbolt.Tx, o pat.Owner, change func(*ownerRecord)) error {
	r, err := get[ownerRecord](tx, ownersBucket, string(o.Slot))
	if err != nil && !errors.Is(err, pat.ErrNotFound) {
		return err
	}
	if err != nil || r.Version != o.Version {
		return fmt.Errorf("%w: owner %s is not at version %d", pat.ErrConflict, o.Slot, o.Version)
	}
	was := r.owner(o.Slot)
	change(&r)
	r.Version++
	return putOwner(tx, was, r, o.Slot)
}

// putOwner writes an owner's item, which was as it was or not there at all, and
// what happened to them.
func putOwner(tx *bbolt.Tx, was pat.Owner, is ownerRecord, slot pat.Slot) error {
	if err := put(tx, ownersBucket, string(slot), is); err != nil {
		return err
	}
	a := pat.Alteration{OldOwner: was, NewOwner: is.owner(slot)}
	if a.Stops() {
		var err error
		if a.Tokens, err = listTokens(tx, slot, "", math.MaxInt); err != nil {
			return err
		}
	}
	return tell(tx, a.Events())
}

// view reads within one transaction.
func view[T any](ctx context.Context, b *Bolt, doing string, read func(*bbolt.Tx) (T, error)) (T, error) {
	var result T
	err := b.db.View(func(tx *bbolt.Tx) (err error) {
		if err = ctx.Err(); err == nil {
			result, err = read(tx)
		}
		return err
	})
	if err != nil {
		return *new(T), fmt.Errorf("%s: %w", doing, err)
	}
	return result, nil
}

// update writes within one transaction: an error of write undoes all of it.
// Once the transaction is being committed, ctx no longer counts.
func (b *Bolt) update(ctx context.Context, doing string, write func(*bbolt.Tx) error) error {
	err := b.db.Update(func(tx *bbolt.Tx) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return write(tx)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	select {
	case b.told <- struct{}{}:
	default: // somebody was told already
	}
	return nil
}

func has(tx *bbolt.Tx, bucket, key string) bool {
	return tx.Bucket([]byte(bucket)).Get([]byte(key)) != nil
}

// get reads one record. pat.ErrNotFound: it is not there.
func get[R any](tx *bbolt.Tx, bucket, key string) (R, error) {
	var r R
	value := tx.Bucket([]byte(bucket)).Get([]byte(key))
	if value == nil {
		return r, pat.ErrNotFound
	}
	return r, decode([]byte(key), value, &r)
}

func put(tx *bbolt.Tx, bucket, key string, record any) error {
	value, err := encode([]byte(key), record)
	if err != nil {
		return err
	}
	return tx.Bucket([]byte(bucket)).Put([]byte(key), value)
}

// remove takes the records out of a bucket that are to go.
func remove[R any](tx *bbolt.Tx, bucket string, goes func(key []byte, r R) bool) error {
	b := tx.Bucket([]byte(bucket))
	var keys [][]byte
	err := b.ForEach(func(key, value []byte) error {
		var r R
		if err := decode(key, value, &r); err != nil {
			return err
		}
		if goes(key, r) {
			keys = append(keys, key)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, key := range keys {
		if err := b.Delete(key); err != nil {
			return err
		}
	}
	return nil
}
