package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

// maxBatch is how many items a BatchWriteItem takes.
const maxBatch = 25

// trailPartition is where the events of a thread are at a moment. The whole
// trail has one for each month: however old it gets, no partition does.
func trailPartition(thread pat.Thread, at time.Time) string {
	if thread == pat.Everything {
		return TrailPrefix + string(thread) + "#" + at.UTC().Format("2006-01")
	}
	return TrailPrefix + string(thread)
}

// Record writes events, each in its threads. To write one again changes nothing.
func (d *Dynamo) Record(ctx context.Context, all []pat.Event) error {
	var writes []types.WriteRequest
	for _, e := range all {
		for _, thread := range e.Threads() {
			i := itemKey(trailPartition(thread, e.At), placeKey(e.Place()))
			i.setRecord(attrJSON, newEventRecord(e))
			i.setTTL(e.At.Add(pat.TrailKept))
			writes = append(writes, types.WriteRequest{PutRequest: &types.PutRequest{Item: i}})
		}
	}
	for batch := range slices.Chunk(writes, maxBatch) {
		if err := d.putAll(ctx, batch); err != nil {
			return fmt.Errorf("record events: %w", err)
		}
	}
	return nil
}

func (d *Dynamo) putAll(ctx context.Context, writes []types.WriteRequest) error {
	for attempt := 1; ; attempt++ {
		out, err := d.client.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{
			RequestItems: map[string][]types.WriteRequest{d.table: writes},
		})
		if err != nil {
			return err
		}
		if writes = out.UnprocessedItems[d.table]; len(writes) == 0 {
			return nil
		}
		if attempt == maxAttempts {
			return fmt.Errorf("%w %d times", errUnprocessed, attempt)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", errUnprocessed, ctx.Err())
		case <-time.After(pauseBefore(attempt)):
		}
	}
}

// Trail implements pat.Store.
func (d *Dynamo) Trail(ctx context.Context, thread pat.Thread, before pat.Place, now time.Time, limit int) ([]pat.Event, error) {
	before, oldest := trailWindow(before, now)
	var all []pat.Event
	for at := before.At; len(all) < limit && !at.Before(oldest); at = lastMonth(at) {
		part, err := d.queryTrail(ctx, trailPartition(thread, at), placeKey(before), limit-len(all))
		if err != nil {
			return nil, fmt.Errorf("read a trail: %w", err)
		}
		all = append(all, part...)
		if thread != pat.Everything {
			break
		}
	}
	return stillKept(all, oldest), nil
}

// trailWindow bounds what is read of a trail: from a place that somebody sent,
// which may lie anywhere, to what is still kept.
func trailWindow(before pat.Place, now time.Time) (from pat.Place, oldest time.Time) {
	newest := pat.Place{At: now.Add(time.Hour)} // clocks differ
	if before == (pat.Place{}) || before.Compare(newest) > 0 {
		before = newest
	}
	return before, now.Add(-pat.TrailKept)
}

// stillKept leaves out what is to be removed, whether or not it was.
func stillKept(all []pat.Event, oldest time.Time) []pat.Event {
	return slices.DeleteFunc(all, func(e pat.Event) bool { return e.At.Before(oldest) })
}

// lastMonth is the last moment of the month before.
func lastMonth(at time.Time) time.Time {
	year, month, _ := at.UTC().Date()
	return time.Date(year, month, 1, 0, 0, 0, 0, time.UTC).Add(-1)
}

func (d *Dynamo) queryTrail(ctx context.Context, partition, before string, limit int) ([]pat.Event, error) {
	var all []pat.Event
	var start map[string]types.AttributeValue
	for len(all) < limit {
		out, err := d.client.Query(ctx, &dynamodb.QueryInput{
			TableName:                 &d.table,
			ConsistentRead:            new(true),
			ScanIndexForward:          new(false),
			Limit:                     new(int32(limit - len(all))),
			ExclusiveStartKey:         start,
			KeyConditionExpression:    new("#pk = :thread AND #sk < :before"),
			ExpressionAttributeNames:  map[string]string{"#pk": PartitionKey, "#sk": SortKey},
			ExpressionAttributeValues: item{":thread": text(partition), ":before": text(before)},
		})
		if err != nil {
			return nil, err
		}
		for _, i := range out.Items {
			var r eventRecord
			if err := item(i).record(&r); err != nil {
				return nil, err
			}
			all = append(all, r.event())
		}
		if start = out.LastEvaluatedKey; len(start) == 0 {
			break
		}
	}
	return all, nil
}

// Alteration reads what a record of the table's stream says of a token, an owner
// or the policy, or of a refusal, whose token it does not have. Of any other item it
// says nothing: it has no event. An error means that an image cannot be read,
// however often it is tried; then it says whose.
func Alteration(r events.DynamoDBStreamRecord) (a pat.Alteration, err error) {
	a.At, a.Sequence = r.ApproximateCreationDateTime.UTC(), r.SequenceNumber
	was, is := fromStream(r.OldImage), fromStream(r.NewImage)
	key := fromStream(r.Keys)
	partition, sort := key.keyText(PartitionKey), key.keyText(SortKey)
	at := partition + sort
	id, notToken := pat.ParseID(at)
	switch {
	case len(is) == 0: // removed
		return a, nil
	case partition == PolicyPartition && sort == policySort:
		a.OldPolicy, a.NewPolicy, a.PolicyChanged, err = policies(was, is)
	case strings.HasPrefix(partition, RefusedPrefix):
		// Authorizers of other APIs may write there: no words of theirs go on.
		of, none := pat.ParseID(strings.TrimPrefix(partition, RefusedPrefix))
		if none != nil {
			return a, nil
		}
		at = string(of)
		a.Refused, err = refusalOf(of, is)
	case sort == ownerSort && isSlot(partition):
		a.OldOwner, a.NewOwner, err = before(was, is, func(i item) (pat.Owner, error) { return i.owner(pat.Slot(partition)) })
	case notToken == nil && pat.Slot(partition) == id.Slot():
		if !was.isToken() {
			was = nil
		}
		a.OldToken, a.NewToken, err = before(was, is, func(i item) (pat.Token, error) { return i.token(id) })
		// Notes that cannot be read are told, but hide no change.
		if err == nil && a.NewToken.Version == a.OldToken.Version {
			err = is.notes(&a.NewToken)
		}
	}
	if err != nil {
		return pat.Alteration{At: a.At, Unreadable: at, Sequence: r.SequenceNumber}, err
	}
	return a, nil
}

// refusalOf reads a refusal's item.
func refusalOf(id pat.ID, i item) (pat.Refusal, error) {
	r := reader{item: i}
	r.require(attrRefused)
	found := record[refusalRecord](&r, attrRefused)
	return found.refusal(id), r.err
}

// before reads an item as it was, if it was there, and as it is.
func before[T any](was, is item, read func(item) (T, error)) (old, now T, err error) {
	if len(was) > 0 {
		if old, err = read(was); err != nil {
			return old, now, err
		}
	}
	now, err = read(is)
	return old, now, err
}

// policies reads the policy's item. One that nobody set has no mark.
func policies(was, is item) (old, now pat.Policy, changed pat.Mark, err error) {
	old, now, err = before(was, is, func(i item) (pat.Policy, error) {
		var r policyRecord
		err := i.record(&r)
		return r.policy(), err
	})
	r := reader{item: is}
	changed = record[markRecord](&r, attrChanged).mark()
	return old, now, changed, errors.Join(err, r.err)
}

func (i item) keyText(name string) string {
	r := reader{item: i}
	return r.text(name)
}

// fromStream is an item as the SDK has it. Lambda's own types are others.
func fromStream(image map[string]events.DynamoDBAttributeValue) item {
	i := item{}
	for name, value := range image {
		i[name] = streamValue(value)
	}
	return i
}

func streamValue(v events.DynamoDBAttributeValue) types.AttributeValue {
	switch v.DataType() {
	case events.DataTypeString:
		return text(v.String())
	case events.DataTypeNumber:
		return &types.AttributeValueMemberN{Value: v.Number()}
	case events.DataTypeBinary:
		return &types.AttributeValueMemberB{Value: v.Binary()}
	case events.DataTypeNull:
		return &types.AttributeValueMemberNULL{Value: true}
	case events.DataTypeBoolean:
		return &types.AttributeValueMemberBOOL{Value: v.Boolean()}
	case events.DataTypeList:
		list := &types.AttributeValueMemberL{}
		for _, entry := range v.List() {
			list.Value = append(list.Value, streamValue(entry))
		}
		return list
	case events.DataTypeMap:
		return &types.AttributeValueMemberM{Value: fromStream(v.Map())}
	}
	// No item of ours has one: an error for who asks for it, and for nobody else.
	return &types.UnknownUnionMember{}
}
