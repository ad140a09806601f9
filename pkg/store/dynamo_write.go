package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/go-json-experiment/json"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

// Publish writes our public keys and the catalogue, which every function reads
// from then on. The policy stays as it is; at first it is pat.DefaultPolicy.
func (d *Dynamo) Publish(ctx context.Context, keys []pat.Key, catalogue pat.Catalogue) error {
	published, err := newPublishedRecord(keys, catalogue)
	if err != nil {
		return fmt.Errorf("publish settings: %w", err)
	}
	policy, err := settingsItem(policySort, newPolicyRecord(pat.DefaultPolicy))
	if err != nil {
		return fmt.Errorf("publish settings: %w", err)
	}
	// The policy first: where there is something published, there is a policy.
	_, err = d.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &d.table, Item: policy,
		ConditionExpression:      new(absent),
		ExpressionAttributeNames: absentNames,
	})
	if _, there := errors.AsType[*types.ConditionalCheckFailedException](err); err != nil && !there {
		return fmt.Errorf("publish settings: %w", err)
	}
	i, err := settingsItem(publishedSort, published)
	if err != nil {
		return fmt.Errorf("publish settings: %w", err)
	}
	if _, err = d.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &d.table, Item: i}); err != nil {
		return fmt.Errorf("publish settings: %w", err)
	}
	return nil
}

func settingsItem(sort string, record any) (item, error) {
	text, err := json.Marshal(record)
	if err != nil {
		return nil, fmt.Errorf("encode %q: %w", sort, err)
	}
	i := itemKey(settingsPartition, sort)
	i.setText(attrJSON, string(text))
	return i, nil
}

// Enrol implements pat.Store.
func (d *Dynamo) Enrol(ctx context.Context, o pat.Owner) error {
	err := d.transact(ctx, d.putNew(personItem(o), "person"), d.putNew(ownerItem(o), "owner"))
	if err != nil {
		return fmt.Errorf("enrol a person: %w", err)
	}
	return nil
}

// Refresh implements pat.Store.
func (d *Dynamo) Refresh(ctx context.Context, o pat.Owner) error {
	shown := item{}
	shown.setShown(o)
	if err := d.update(ctx, d.changeOwner(o, shown)); err != nil {
		return fmt.Errorf("refresh owner %s: %w", o.Slot, err)
	}
	return nil
}

// Recount implements pat.Store.
func (d *Dynamo) Recount(ctx context.Context, o pat.Owner) error {
	if err := d.update(ctx, d.changeOwner(o, item{attrLive: number(int64(o.Live))})); err != nil {
		return fmt.Errorf("recount the tokens of %s: %w", o.Slot, err)
	}
	return nil
}

// Create implements pat.Store.
func (d *Dynamo) Create(ctx context.Context, c pat.Creation) error {
	owner := d.changeOwner(c.Owner, item{attrNext: number(int64(c.Owner.Next)), attrLive: number(int64(c.Owner.Live))})
	err := d.transact(ctx, updateOf(owner, "owner"), d.putNew(tokenItem(c.Token), "token"), d.takeName(c))
	if err == nil || !errors.Is(err, pat.ErrNameTaken) && d.wrote(ctx, c.Token) {
		return nil
	}
	return fmt.Errorf("create token %s: %w", c.Token.ID, err)
}

// wrote reports whether the token is there as we meant to write it, hash and
// all. It is asked when a transaction has failed: an attempt that was carried
// out and whose answer was lost makes the next one fail on the owner's new
// version. To call that a conflict would lose a token that was created.
func (d *Dynamo) wrote(ctx context.Context, t pat.Token) bool {
	there, err := d.get(ctx, tokenKey(t.ID))
	return err == nil && reflect.DeepEqual(there, tokenItem(t))
}

// Revoke implements pat.Store.
func (d *Dynamo) Revoke(ctx context.Context, r pat.Revocation) error {
	dead := item{}
	dead.setTime(attrRevokedAt, r.Token.RevokedAt)
	dead.setTTL(r.Token.GoneAt())
	writes := []write{
		updateOf(d.changeOwner(r.Owner, item{attrLive: number(int64(r.Owner.Live))}), "owner"),
		updateOf(d.change(tokenKey(r.Token.ID), r.Token.Version, dead), "token"),
	}
	err := d.transact(ctx, append(writes, d.freeName(r))...)
	if errors.Is(err, errNameOfAnother) {
		// It lost its name when its own end came, and does not get it back.
		err = d.transact(ctx, writes...)
	}
	if err != nil {
		return fmt.Errorf("revoke token %s: %w", r.Token.ID, err)
	}
	return nil
}

// errNameOfAnother: the token to be revoked no longer holds its name.
var errNameOfAnother = errors.New("another token holds the name")

// A write is a part of a transaction, and the error that it stands for when its
// condition does not hold.
type write struct {
	types.TransactWriteItem
	refused error
}

const absent = "attribute_not_exists(#pk)"

var absentNames = map[string]string{"#pk": PartitionKey}

func conflict(what string) error {
	return fmt.Errorf("%w: the %s is not as it was read", pat.ErrConflict, what)
}

// putNew writes an item where there is none.
func (d *Dynamo) putNew(i item, what string) write {
	put := &types.Put{
		TableName: &d.table, Item: i,
		ConditionExpression: new(absent), ExpressionAttributeNames: absentNames,
	}
	return write{types.TransactWriteItem{Put: put}, conflict(what)}
}

func updateOf(u *types.Update, what string) write {
	return write{types.TransactWriteItem{Update: u}, conflict(what)}
}

// takeName gives a name to a new token, if nobody holds it: the holder's own
// end frees it, to the moment.
func (d *Dynamo) takeName(c pat.Creation) write {
	put := &types.Put{
		TableName: &d.table, Item: nameItem(c.Token, c.NameKey),
		ConditionExpression:       new(absent + " OR #expires_at <= :now"),
		ExpressionAttributeNames:  map[string]string{"#pk": PartitionKey, "#expires_at": attrExpiresAt},
		ExpressionAttributeValues: item{":now": moment(c.Token.CreatedAt)},
	}
	return write{types.TransactWriteItem{Put: put}, pat.ErrNameTaken}
}

// freeName deletes a name's item, unless it is another token's by now.
func (d *Dynamo) freeName(r pat.Revocation) write {
	del := &types.Delete{
		TableName: &d.table, Key: nameItemKey(r.Owner.Slot, r.NameKey),
		ConditionExpression:       new(absent + " OR #token = :token"),
		ExpressionAttributeNames:  map[string]string{"#pk": PartitionKey, "#token": attrToken},
		ExpressionAttributeValues: item{":token": text(string(r.Token.ID))},
	}
	return write{types.TransactWriteItem{Delete: del}, errNameOfAnother}
}

func (d *Dynamo) changeOwner(o pat.Owner, set item) *types.Update {
	return d.change(ownerKey(o.Slot), o.Version, set)
}

// change sets attributes of the item that is at a version, and brings it to the
// next one. An attribute that is not mentioned stays.
func (d *Dynamo) change(key item, version int64, set item) *types.Update {
	u := &types.Update{
		TableName:                 &d.table,
		Key:                       key,
		ConditionExpression:       new("#version = :seen"),
		ExpressionAttributeNames:  map[string]string{"#version": attrVersion},
		ExpressionAttributeValues: item{":seen": number(version), ":version": number(version + 1)},
	}
	sets := []string{"#version = :version"}
	for _, name := range slices.Sorted(maps.Keys(set)) {
		u.ExpressionAttributeNames["#"+name] = name
		u.ExpressionAttributeValues[":"+name] = set[name]
		sets = append(sets, "#"+name+" = :"+name)
	}
	u.UpdateExpression = new("SET " + strings.Join(sets, ", "))
	return u
}

// update makes one change by itself.
func (d *Dynamo) update(ctx context.Context, u *types.Update) error {
	_, err := d.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName:                 u.TableName,
		Key:                       u.Key,
		UpdateExpression:          u.UpdateExpression,
		ConditionExpression:       u.ConditionExpression,
		ExpressionAttributeNames:  u.ExpressionAttributeNames,
		ExpressionAttributeValues: u.ExpressionAttributeValues,
	})
	_, refused := errors.AsType[*types.ConditionalCheckFailedException](err)
	_, inTheWay := errors.AsType[*types.TransactionConflictException](err)
	if refused || inTheWay {
		return conflict("item")
	}
	return err
}

// Why a part of a transaction was cancelled (API reference of
// TransactWriteItems).
const (
	reasonNone      = "None"
	reasonCondition = "ConditionalCheckFailed"
	reasonConflict  = "TransactionConflict"
	reasonThrottled = "ThrottlingError"
	reasonCapacity  = "ProvisionedThroughputExceeded"
)

// transact writes everything or nothing. When several conditions do not hold,
// pat.ErrConflict goes before all others: what they say was judged against a
// state that is no more.
func (d *Dynamo) transact(ctx context.Context, writes ...write) error {
	in := &dynamodb.TransactWriteItemsInput{}
	for _, w := range writes {
		in.TransactItems = append(in.TransactItems, w.TransactWriteItem)
	}
	_, err := d.client.TransactWriteItems(ctx, in)
	cancelled, ok := errors.AsType[*types.TransactionCanceledException](err)
	if !ok {
		return err
	}
	var refused error
	unjudged := false
	for i, r := range cancelled.CancellationReasons {
		switch code := aws.ToString(r.Code); {
		case code == reasonConflict:
			return fmt.Errorf("%w: another transaction is in the way", pat.ErrConflict)
		case code == reasonCondition && i < len(writes):
			if errors.Is(writes[i].refused, pat.ErrConflict) {
				return writes[i].refused
			}
			refused = writes[i].refused
		case code != reasonNone:
			unjudged = true
		}
	}
	if unjudged || refused == nil {
		return err
	}
	return refused
}

// throttledTransaction makes the SDK repeat a transaction that was cancelled
// for want of capacity and nothing else, as it repeats every other call.
func throttledTransaction(err error) aws.Ternary {
	cancelled, ok := errors.AsType[*types.TransactionCanceledException](err)
	if !ok {
		return aws.UnknownTernary
	}
	throttled := false
	for _, r := range cancelled.CancellationReasons {
		switch aws.ToString(r.Code) {
		case reasonNone:
		case reasonThrottled, reasonCapacity:
			throttled = true
		default:
			return aws.FalseTernary
		}
	}
	return aws.BoolTernary(throttled)
}
