package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/go-json-experiment/json"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

// Every read is strongly consistent: a revocation holds from the next request
// on, whichever of DynamoDB's copies answers it.

// Settings implements pat.Store.
func (d *Dynamo) Settings(ctx context.Context) (pat.Settings, error) {
	items, err := d.getAll(ctx, itemKey(SettingsPartition, publishedSort), itemKey(PolicyPartition, policySort))
	if err != nil {
		return pat.Settings{}, fmt.Errorf("read settings: %w", err)
	}
	if items[0] == nil {
		return pat.Settings{}, fmt.Errorf("read settings: %w", pat.ErrNotFound)
	}
	var published publishedRecord
	var policy policyRecord
	if err := errors.Join(items[0].record(&published), items[1].record(&policy)); err != nil {
		return pat.Settings{}, fmt.Errorf("read settings: %w", err)
	}
	return newSettings(published, policy)
}

// record reads the record that a settings or an event item holds. An item that
// is not there is a fault here: Publish writes the policy before the rest.
func (i item) record(record any) error {
	r := reader{item: i}
	r.require(attrJSON)
	text := r.text(attrJSON)
	if r.err != nil {
		return fmt.Errorf("%T: %w", record, r.err)
	}
	if err := json.Unmarshal([]byte(text), record); err != nil {
		return fmt.Errorf("%T: %w", record, err)
	}
	return nil
}

// Slot implements pat.Store.
func (d *Dynamo) Slot(ctx context.Context, p pat.Person) (pat.Slot, error) {
	i, err := d.get(ctx, personItemKey(p))
	if err != nil {
		return "", fmt.Errorf("read a person's slot: %w", err)
	}
	r := reader{item: i}
	r.require(attrSlot)
	slot := pat.Slot(r.text(attrSlot))
	if r.err != nil {
		return "", fmt.Errorf("read a person's slot: %w", r.err)
	}
	return slot, nil
}

// Owner implements pat.Store.
func (d *Dynamo) Owner(ctx context.Context, slot pat.Slot) (pat.Owner, error) {
	i, err := d.get(ctx, ownerKey(slot))
	if err != nil {
		return pat.Owner{}, fmt.Errorf("read owner %s: %w", slot, err)
	}
	return i.owner(slot)
}

// Look implements pat.Store.
func (d *Dynamo) Look(ctx context.Context, id pat.ID) (pat.Token, pat.Owner, error) {
	found, err := d.look(ctx, id)
	if err != nil {
		return pat.Token{}, pat.Owner{}, fmt.Errorf("look up token %s: %w", id, err)
	}
	return found[0].Token, found[0].Owner, nil
}

// LookBoth implements pat.Store.
func (d *Dynamo) LookBoth(ctx context.Context, a, b pat.ID) (pat.Found, pat.Found, error) {
	found, err := d.look(ctx, a, b)
	if err != nil {
		return pat.Found{}, pat.Found{}, fmt.Errorf("look up tokens %s and %s: %w", a, b, err)
	}
	return found[0], found[1], nil
}

// maxGet is how many items a BatchGetItem reads.
const maxGet = 100

// LookAll implements pat.Store.
func (d *Dynamo) LookAll(ctx context.Context, ids []pat.ID) (map[pat.ID]pat.Found, error) {
	all := map[pat.ID]pat.Found{}
	for part := range slices.Chunk(ids, maxGet/2) { // each may have an owner of its own
		found, err := d.lookEach(ctx, part)
		if err != nil {
			return nil, fmt.Errorf("look up %d tokens: %w", len(ids), err)
		}
		for i, f := range found {
			if f.Token.ID != "" {
				all[part[i]] = f
			}
		}
	}
	return all, nil
}

// TokensOf returns all tokens of a slot that can be read: one that cannot works
// nowhere.
func (d *Dynamo) TokensOf(ctx context.Context, slot pat.Slot) ([]pat.Token, error) {
	tokens, err := d.readable(ctx, slot, "", math.MaxInt32)
	if err != nil {
		return nil, fmt.Errorf("read the tokens of %s: %w", slot, err)
	}
	return tokens, nil
}

// OwnersOf returns the subs of the owners of at most maxGet tokens. One that is not
// there, or is none, is not in the answer. It looks at nothing that authorizers of
// other APIs may write.
func (d *Dynamo) OwnersOf(ctx context.Context, ids []pat.ID) (map[pat.ID]string, error) {
	owners := map[pat.ID]string{}
	if len(ids) == 0 {
		return owners, nil
	}
	var keys []item
	for _, id := range ids {
		keys = append(keys, tokenKey(id))
	}
	items, err := d.getAll(ctx, keys...)
	if err != nil {
		return nil, fmt.Errorf("look up the owners of %d tokens: %w", len(ids), err)
	}
	for n, i := range items {
		if r := (reader{item: i}); i.isToken() {
			owners[ids[n]] = r.text(attrOwnedBy)
		}
	}
	return owners, nil
}

// look reads tokens and their owners in one call, and all of them must be there.
func (d *Dynamo) look(ctx context.Context, ids ...pat.ID) ([]pat.Found, error) {
	found, err := d.lookEach(ctx, ids)
	if err == nil && slices.ContainsFunc(found, func(f pat.Found) bool { return f.Token.ID == "" }) {
		err = pat.ErrNotFound
	}
	return found, err
}

// lookEach reads tokens and their owners in one call; one that is not there is
// the zero Found. No item may be named twice in the call, and two tokens can have
// one owner.
func (d *Dynamo) lookEach(ctx context.Context, ids []pat.ID) ([]pat.Found, error) {
	var keys []item
	at := func(key item) int {
		i := slices.IndexFunc(keys, func(k item) bool { return k.is(key) })
		if i < 0 {
			keys = append(keys, key)
			i = len(keys) - 1
		}
		return i
	}
	for _, id := range ids {
		at(tokenKey(id))
		at(ownerKey(id.Slot()))
	}
	items, err := d.getAll(ctx, keys...)
	if err != nil {
		return nil, err
	}
	found := make([]pat.Found, len(ids))
	for i, id := range ids {
		there := items[at(tokenKey(id))]
		if there == nil || !there.isToken() {
			continue
		}
		if found[i].Token, err = there.token(id); err != nil {
			return nil, err
		}
		if found[i].Owner, err = items[at(ownerKey(id.Slot()))].owner(id.Slot()); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// List implements pat.Store.
func (d *Dynamo) List(ctx context.Context, slot pat.Slot, before pat.ID, limit int) ([]pat.Token, error) {
	tokens, err := d.collect(ctx, slot, before, limit, func(i item) (t pat.Token, ok bool, err error) {
		if !i.isToken() {
			return t, false, nil
		}
		t, err = i.tokenOf(slot)
		return t, true, err
	})
	if err != nil {
		return nil, fmt.Errorf("list the tokens of %s: %w", slot, err)
	}
	return tokens, nil
}

// collect reads a slot's tokens until there are limit that count, or no more.
func (d *Dynamo) collect(ctx context.Context, slot pat.Slot, before pat.ID, limit int, read func(item) (t pat.Token, ok bool, err error)) ([]pat.Token, error) {
	var tokens []pat.Token
	for {
		items, err := d.queryTokens(ctx, slot, before, limit)
		if err != nil {
			return nil, err
		}
		for _, i := range items {
			switch t, ok, err := read(i); {
			case err != nil:
				return nil, err
			case ok:
				tokens = append(tokens, t)
			}
		}
		if len(items) < limit || len(tokens) >= limit {
			return tokens[:min(limit, len(tokens))], nil
		}
		r := reader{item: items[len(items)-1]}
		before = pat.ID(string(slot) + r.text(SortKey))
	}
}

// tokenOf reads the item of a slot's token.
func (i item) tokenOf(slot pat.Slot) (pat.Token, error) {
	r := reader{item: i}
	return i.token(pat.ID(string(slot) + r.text(SortKey)))
}

// queryTokens returns the items of at most limit tokens of a slot: see List.
func (d *Dynamo) queryTokens(ctx context.Context, slot pat.Slot, before pat.ID, limit int) ([]item, error) {
	end := afterTokens
	if before != "" {
		end = numberOf(before)
	}
	var items []item
	var from map[string]types.AttributeValue
	for len(items) < limit {
		out, err := d.client.Query(ctx, &dynamodb.QueryInput{
			TableName:                 &d.table,
			ConsistentRead:            new(true),
			ScanIndexForward:          new(false),
			Limit:                     new(int32(limit - len(items))),
			ExclusiveStartKey:         from,
			KeyConditionExpression:    new("#pk = :slot AND #sk < :end"),
			ExpressionAttributeNames:  map[string]string{"#pk": PartitionKey, "#sk": SortKey},
			ExpressionAttributeValues: item{":slot": text(string(slot)), ":end": text(end)},
		})
		if err != nil {
			return nil, err
		}
		for _, i := range out.Items {
			items = append(items, i)
		}
		if from = out.LastEvaluatedKey; len(from) == 0 {
			break
		}
	}
	return items, nil
}

// get reads one item. pat.ErrNotFound: it is not there.
func (d *Dynamo) get(ctx context.Context, key item) (item, error) {
	out, err := d.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &d.table, Key: key, ConsistentRead: new(true)})
	if err != nil {
		return nil, err
	}
	if len(out.Item) == 0 {
		return nil, pat.ErrNotFound
	}
	return out.Item, nil
}

var errUnprocessed = errors.New("DynamoDB left keys unprocessed")

// getAll reads items in one round trip; one that is not there is nil. Keys
// that come back unprocessed are asked for again and at last an error: to take
// them for absent would make a good token unknown.
func (d *Dynamo) getAll(ctx context.Context, keys ...item) ([]item, error) {
	found := make([]item, len(keys))
	asked := make([]map[string]types.AttributeValue, len(keys))
	for i, key := range keys {
		asked[i] = key
	}
	for attempt := 1; ; attempt++ {
		out, err := d.client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{
			RequestItems: map[string]types.KeysAndAttributes{d.table: {Keys: asked, ConsistentRead: new(true)}},
		})
		if err != nil {
			return nil, err
		}
		got, answered := out.Responses[d.table]
		for _, g := range got {
			i := slices.IndexFunc(keys, func(key item) bool { return item(g).is(key) })
			if i < 0 {
				return nil, errors.New("DynamoDB answered with an item that was not asked for")
			}
			found[i] = g
		}
		asked = out.UnprocessedKeys[d.table].Keys
		switch {
		case len(asked) > 0 && attempt == maxAttempts:
			return nil, fmt.Errorf("%w %d times", errUnprocessed, attempt)
		case len(asked) == 0 && !answered:
			return nil, errors.New("DynamoDB answered without a word of the table")
		case len(asked) == 0:
			return found, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", errUnprocessed, ctx.Err())
		case <-time.After(pauseBefore(attempt)):
		}
	}
}
