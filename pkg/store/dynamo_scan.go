package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

const (
	// scanPeople bounds the owners of one page of a scan, and atOnce how many of
	// them are read at a time.
	scanPeople = 100
	atOnce     = 10
)

// Scan implements pat.Store. Which owners there are it reads from the directory,
// then their tokens. To scan the table itself would read names and events too,
// which soon are most of it; an index would cost with every write.
//
// Its position is the id of the last token, or the slot of the last owner.
func (d *Dynamo) Scan(ctx context.Context, position string, limit int) ([]pat.Found, string, error) {
	after, before, err := readPosition(position)
	if err != nil {
		return nil, "", fmt.Errorf("scan tokens: %w", err)
	}
	slots, next, err := d.directory(ctx, after)
	if err != nil {
		return nil, "", fmt.Errorf("scan tokens: %w", err)
	}
	if before != "" { // the rest of an owner's first
		slots = slices.Insert(slots, 0, before.Slot())
	}
	var tokens []pat.Token
	for some := range slices.Chunk(slots, atOnce) {
		more, err := d.tokensOf(ctx, some, before, limit+1)
		if err != nil {
			return nil, "", fmt.Errorf("scan tokens: %w", err)
		}
		if tokens = append(tokens, more...); len(tokens) > limit {
			tokens = tokens[:limit]
			next = string(tokens[limit-1].ID)
			break
		}
	}
	found, err := d.withOwners(ctx, tokens)
	if err != nil {
		return nil, "", fmt.Errorf("scan tokens: %w", err)
	}
	return found, next, nil
}

// Each implements pat.Store. A part is one of equally long ranges of slots, which
// are random. It reads as Scan does, and passes over what cannot be read.
func (d *Dynamo) Each(ctx context.Context, part, parts int, take func([]pat.Token) error) error {
	last := lastSlot(part, parts)
	for after := lastSlot(part-1, parts); after != last; {
		slots, next, err := d.directory(ctx, after)
		if err != nil {
			return fmt.Errorf("read the directory: %w", err)
		}
		after = pat.Slot(next)
		if n := slices.IndexFunc(slots, func(slot pat.Slot) bool { return slot > last }); n >= 0 {
			slots, after = slots[:n], last
		} else if next == "" {
			after = last
		}
		for some := range slices.Chunk(slots, atOnce) {
			tokens, err := d.tokensOf(ctx, some, "", math.MaxInt32)
			if err != nil {
				return fmt.Errorf("read tokens: %w", err)
			}
			if err := take(tokens); err != nil {
				return err
			}
		}
	}
	return nil
}

// lastSlot returns the last slot of a part, and of the one before the first none. A
// slot is spelled as a token's number is.
func lastSlot(part, parts int) pat.Slot {
	const slots = 62 * 62 * 62 * 62 * 62
	if part < 0 {
		return ""
	}
	return pat.Slot(numberOf(pat.NewID("00000", uint64(slots*(part+1)/parts-1))))
}

// readPosition returns the slot behind which the directory is read, and the token
// below which that slot's own are.
func readPosition(position string) (after pat.Slot, before pat.ID, err error) {
	switch {
	case position == "":
		return "", "", nil
	case isSlot(position):
		return pat.Slot(position), "", nil
	}
	before, err = pat.ParseID(position)
	if err != nil {
		return "", "", err
	}
	return before.Slot(), before, nil
}

func isSlot(text string) bool {
	id, err := pat.ParseID(text + "00000")
	return err == nil && string(id.Slot()) == text
}

// directory returns slots in order, from behind one on, and the last one if others
// may follow.
func (d *Dynamo) directory(ctx context.Context, after pat.Slot) (slots []pat.Slot, next string, err error) {
	in := &dynamodb.QueryInput{
		TableName:                 &d.table,
		ConsistentRead:            new(true),
		Limit:                     new(int32(scanPeople)),
		KeyConditionExpression:    new("#pk = :directory"),
		ExpressionAttributeNames:  map[string]string{"#pk": PartitionKey},
		ExpressionAttributeValues: item{":directory": text(directoryPartition)},
	}
	if after != "" {
		in.KeyConditionExpression = new("#pk = :directory AND #sk > :after")
		in.ExpressionAttributeNames["#sk"] = SortKey
		in.ExpressionAttributeValues[":after"] = text(string(after))
	}
	out, err := d.client.Query(ctx, in)
	if err != nil {
		return nil, "", err
	}
	for _, i := range out.Items {
		r := reader{item: i}
		if slot := r.text(SortKey); isSlot(slot) {
			slots = append(slots, pat.Slot(slot))
		}
	}
	if len(out.LastEvaluatedKey) > 0 && len(slots) > 0 {
		next = string(slots[len(slots)-1])
	}
	return slots, next, nil
}

// tokensOf returns the tokens of each slot, as List does; of the one that before
// is in, those below it. A token that cannot be read is passed over: it works
// nowhere, and must not keep an administrator from seeing all others.
func (d *Dynamo) tokensOf(ctx context.Context, slots []pat.Slot, before pat.ID, limit int) ([]pat.Token, error) {
	lists := make([][]pat.Token, len(slots))
	errs := make([]error, len(slots))
	var wg sync.WaitGroup
	for n, slot := range slots {
		from := pat.ID("")
		if before != "" && slot == before.Slot() {
			from = before
		}
		wg.Go(func() { lists[n], errs[n] = d.readable(ctx, slot, from, limit) })
	}
	wg.Wait()
	return slices.Concat(lists...), errors.Join(errs...)
}

// readable is List without what cannot be read.
func (d *Dynamo) readable(ctx context.Context, slot pat.Slot, before pat.ID, limit int) ([]pat.Token, error) {
	return d.collect(ctx, slot, before, limit, func(i item) (pat.Token, bool, error) {
		t, err := i.tokenOf(slot)
		return t, err == nil, nil
	})
}

// withOwners adds each token's owner, which is read after it: a stop that came
// between is seen. A token whose owner cannot be read is passed over.
func (d *Dynamo) withOwners(ctx context.Context, tokens []pat.Token) ([]pat.Found, error) {
	var slots []pat.Slot
	for _, t := range tokens {
		slots = append(slots, t.ID.Slot())
	}
	slices.Sort(slots)
	slots = slices.Compact(slots)
	owners := map[pat.Slot]pat.Owner{}
	for some := range slices.Chunk(slots, maxGet) {
		var keys []item
		for _, slot := range some {
			keys = append(keys, ownerKey(slot))
		}
		items, err := d.getAll(ctx, keys...)
		if err != nil {
			return nil, err
		}
		for n, slot := range some {
			if owner, err := items[n].owner(slot); err == nil {
				owners[slot] = owner
			}
		}
	}
	var found []pat.Found
	for _, t := range tokens {
		if owner, ok := owners[t.ID.Slot()]; ok {
			found = append(found, pat.Found{Token: t, Owner: owner})
		}
	}
	return found, nil
}
