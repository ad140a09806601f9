package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

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
	policy, err := settingsItem(PolicyPartition, policySort, newPolicyRecord(pat.DefaultPolicy))
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
	i, err := settingsItem(SettingsPartition, publishedSort, published)
	if err != nil {
		return fmt.Errorf("publish settings: %w", err)
	}
	if _, err = d.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &d.table, Item: i}); err != nil {
		return fmt.Errorf("publish settings: %w", err)
	}
	return nil
}

func settingsItem(partition, sort string, record any) (item, error) {
	text, err := json.Marshal(record)
	if err != nil {
		return nil, fmt.Errorf("encode %q: %w", sort, err)
	}
	i := itemKey(partition, sort)
	i.setText(attrJSON, string(text))
	return i, nil
}

// SetPolicy implements pat.Store.
func (d *Dynamo) SetPolicy(ctx context.Context, p pat.Policy, changed pat.Mark) error {
	i, err := settingsItem(PolicyPartition, policySort, newPolicyRecord(p))
	if err != nil {
		return fmt.Errorf("write the policy: %w", err)
	}
	i.setMark(attrChanged, changed)
	if _, err = d.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &d.table, Item: i}); err != nil {
		return fmt.Errorf("write the policy: %w", err)
	}
	return nil
}

// Enrol implements pat.Store.
func (d *Dynamo) Enrol(ctx context.Context, o pat.Owner) error {
	err := d.transact(ctx, d.putNew(personItem(o), "person"), d.putNew(ownerItem(o), "owner"), d.putNew(directoryKey(o.Slot), "owner"))
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

// Disable implements pat.Store.
func (d *Dynamo) Disable(ctx context.Context, o pat.Owner) error {
	word := item{}
	word.setDisabled(o)
	word.setMark(attrChanged, o.Changed)
	word.orNull(attrChanged)
	if err := d.update(ctx, d.changeOwner(o, word)); err != nil {
		return fmt.Errorf("disable owner %s: %w", o.Slot, err)
	}
	return nil
}

// Stop implements pat.Store.
func (d *Dynamo) Stop(ctx context.Context, o pat.Owner) error {
	stops := item{attrLive: number(int64(o.Live))}
	stops.setStops(o)
	stops.setMark(attrChanged, o.Changed)
	stops.orNull(attrChanged)
	if err := d.update(ctx, d.changeOwner(o, stops)); err != nil {
		return fmt.Errorf("stop the tokens of %s: %w", o.Slot, err)
	}
	return nil
}

// Create implements pat.Store.
func (d *Dynamo) Create(ctx context.Context, c pat.Creation) error {
	owner := d.changeOwner(c.Owner, item{attrNext: number(int64(c.Owner.Next)), attrLive: number(int64(c.Owner.Live))})
	err := d.transact(ctx, updateOf(owner, "owner"), d.putNewToken(c.Token), d.takeName(c.Token, c.NameKey, c.Owner, c.Token.CreatedAt))
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
	there, err := d.getAll(ctx, tokenKey(t.ID)) // the read that every function may make
	return err == nil && reflect.DeepEqual(there[0], tokenItem(t))
}

// Update implements pat.Store.
func (d *Dynamo) Update(ctx context.Context, c pat.Change) error {
	described := item{}
	described.setDescribed(c.Token)
	described.setMark(attrChanged, c.Token.Changed)
	described.orNull(attrName, attrDescription, attrScopes, attrAllowedCIDRs, attrExpiresAt, attrUpdatedAt, TTLAttribute, attrChanged)
	writes := []write{
		updateOf(d.changeOwner(c.Owner, item{attrLive: number(int64(c.Owner.Live))}), "owner"),
		updateOf(d.change(tokenKey(c.Token.ID), c.Token.Version, described), "token"),
		d.takeName(c.Token, c.NameKey, c.Owner, c.At),
	}
	var err error
	if c.OldNameKey == c.NameKey {
		err = d.transact(ctx, writes...)
	} else {
		err = d.freeing(ctx, c.Token.ID, c.OldNameKey, writes)
	}
	if err != nil {
		return fmt.Errorf("update token %s: %w", c.Token.ID, err)
	}
	return nil
}

// Rotate implements pat.Store.
func (d *Dynamo) Rotate(ctx context.Context, t pat.Token) error {
	values := item{}
	values.setValues(t)
	values.setMark(attrChanged, t.Changed)
	values.orNull(attrPrevious, attrPreviousGen, attrPreviousEnd, attrReplaced, attrChanged)
	err := d.update(ctx, d.change(tokenKey(t.ID), t.Version, values))
	if err == nil || errors.Is(err, pat.ErrConflict) && d.rotated(ctx, t) {
		return nil
	}
	return fmt.Errorf("rotate token %s: %w", t.ID, err)
}

// rotated reports whether the token has the value that we meant to give it: an
// attempt that was carried out and whose answer was lost makes the next one
// fail on the new version, and to call that a conflict would lose the value.
func (d *Dynamo) rotated(ctx context.Context, t pat.Token) bool {
	there, err := d.getAll(ctx, tokenKey(t.ID)) // the read that every function may make
	if err != nil || there[0] == nil {
		return false
	}
	now, err := there[0].token(t.ID)
	return err == nil && now.Hash == t.Hash
}

// Touch implements pat.Store. It names no attribute but those of notes: the
// authorizer of somebody else's API may write nothing else.
func (d *Dynamo) Touch(ctx context.Context, t pat.Token) error {
	used := item{}
	used.setUsed(t)
	used.orNull(attrLastUsedAt, attrLastUsedIP, attrScopesUsed, attrNetworks, attrNoted)
	if err := d.update(ctx, d.noting(t, used, there)); err != nil {
		return fmt.Errorf("note the use of token %s: %w", t.ID, err)
	}
	return nil
}

// refusalKept is how long a refusal lies in the table: longer than in the stream,
// so that what its event could not be made of can be looked up.
const refusalKept = 7 * 24 * time.Hour

// Refuse implements pat.Store. It names no attribute but those of a refusal's item,
// for the reason given at Touch.
func (d *Dynamo) Refuse(ctx context.Context, r pat.Refusal) error {
	key := itemKey(RefusedPrefix+string(r.TokenID), placeKey(pat.Place{At: r.At, ID: r.Nonce}))
	set := item{}
	set.setRecord(attrRefused, newRefusalRecord(r))
	set.setTTL(r.At.Add(refusalKept))
	_, err := d.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &d.table, Key: key,
		UpdateExpression:          new("SET #refused = :refused, #ttl = :ttl"),
		ExpressionAttributeNames:  map[string]string{"#refused": attrRefused, "#ttl": TTLAttribute},
		ExpressionAttributeValues: item{":refused": set[attrRefused], ":ttl": set[TTLAttribute]},
	})
	if err != nil {
		return fmt.Errorf("write down a refusal of token %s: %w", r.TokenID, err)
	}
	return nil
}

// A condition of a note: that the token is there, or that it is as it was read.
type condition int

const (
	there condition = iota
	atVersion
)

// Warn implements pat.Store. It names no attribute but those that warnings need.
func (d *Dynamo) Warn(ctx context.Context, t pat.Token) error {
	warned := item{}
	warned.setWarned(t)
	warned.setMark(attrNoted, t.Noted)
	warned.orNull(attrWarned, attrNoted)
	if err := d.update(ctx, d.noting(t, warned, atVersion)); err != nil {
		return fmt.Errorf("note a warning of token %s: %w", t.ID, err)
	}
	return nil
}

// noting sets attributes of a token's item that is as many notes old as it was
// read: of two notes at once one is lost, and each has a number of its own.
func (d *Dynamo) noting(t pat.Token, set item, is condition) *types.Update {
	set[attrNotes] = number(max(t.Notes, 0) + 1)
	u := d.set(tokenKey(t.ID), t.Version, set)
	if is == there {
		// The version is not even named: whoever may name it may write it.
		u.ConditionExpression, u.ExpressionAttributeNames["#pk"] = new("attribute_exists(#pk)"), PartitionKey
		delete(u.ExpressionAttributeNames, "#version")
		delete(u.ExpressionAttributeValues, ":seen")
	}
	switch {
	case t.Notes == unreadableNotes:
	case t.Notes == 0: // or what reads as none
		u.ConditionExpression = new(*u.ConditionExpression + " AND (attribute_not_exists(#notes) OR #notes = :none OR #notes = :zero)")
		u.ExpressionAttributeValues[":none"] = &types.AttributeValueMemberNULL{Value: true}
		u.ExpressionAttributeValues[":zero"] = number(0)
	default:
		u.ConditionExpression = new(*u.ConditionExpression + " AND #notes = :noted_before")
		u.ExpressionAttributeValues[":noted_before"] = number(t.Notes)
	}
	return u
}

// Revoke implements pat.Store.
func (d *Dynamo) Revoke(ctx context.Context, r pat.Revocation) error {
	dead := item{}
	dead.setTime(attrRevokedAt, r.Token.RevokedAt)
	dead.setTTL(r.Token.GoneAt())
	dead.setMark(attrChanged, r.Token.Changed)
	dead.orNull(attrChanged)
	writes := []write{
		updateOf(d.changeOwner(r.Owner, item{attrLive: number(int64(r.Owner.Live))}), "owner"),
		updateOf(d.change(tokenKey(r.Token.ID), r.Token.Version, dead), "token"),
	}
	if err := d.freeing(ctx, r.Token.ID, r.NameKey, writes); err != nil {
		return fmt.Errorf("revoke token %s: %w", r.Token.ID, err)
	}
	return nil
}

// freeing makes the writes and lets a name go with them.
func (d *Dynamo) freeing(ctx context.Context, id pat.ID, nameKey string, writes []write) error {
	err := d.transact(ctx, append(slices.Clone(writes), d.freeName(id, nameKey))...)
	if errors.Is(err, errNameOfAnother) {
		// It lost its name when its own end came, and does not get it back.
		err = d.transact(ctx, writes...)
	}
	return err
}

// errNameOfAnother: the token no longer holds the name that it shall let go.
var errNameOfAnother = errors.New("another token holds the name")

// A write is a part of a transaction, and the error that it stands for when its
// condition does not hold.
type write struct {
	types.TransactWriteItem
	refused error
}

const (
	absent = "attribute_not_exists(#pk)"
	// noName is absent of a name's item: one without a token holds no name.
	noName = "attribute_not_exists(#token)"
)

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

// putNewToken writes a token where there is none. What authorizers of other APIs
// may have left there is none, and not in the way.
func (d *Dynamo) putNewToken(t pat.Token) write {
	w := d.putNew(tokenItem(t), "token")
	w.Put.ConditionExpression, w.Put.ExpressionAttributeNames = new("attribute_not_exists(#gen)"), map[string]string{"#gen": attrGen}
	return w
}

func updateOf(u *types.Update, what string) write {
	return write{types.TransactWriteItem{Update: u}, conflict(what)}
}

// takeName gives a name to a token, if no other of its owner's holds it: the
// holder's own end frees it, to the moment, and so does a stop that reaches it.
func (d *Dynamo) takeName(t pat.Token, nameKey string, o pat.Owner, now time.Time) write {
	put := &types.Put{
		TableName: &d.table, Item: nameItem(t, nameKey),
		ConditionExpression:       new(noName + " OR #token = :token OR #expires_at <= :now OR #token < :live"),
		ExpressionAttributeNames:  map[string]string{"#token": attrToken, "#expires_at": attrExpiresAt},
		ExpressionAttributeValues: item{":token": text(string(t.ID)), ":now": moment(now), ":live": text(string(o.FirstLive()))},
	}
	return write{types.TransactWriteItem{Put: put}, pat.ErrNameTaken}
}

// freeName deletes a name's item, unless it is another token's by now.
func (d *Dynamo) freeName(id pat.ID, nameKey string) write {
	del := &types.Delete{
		TableName: &d.table, Key: nameItemKey(id.Slot(), nameKey),
		ConditionExpression:       new(noName + " OR #token = :token"),
		ExpressionAttributeNames:  map[string]string{"#token": attrToken},
		ExpressionAttributeValues: item{":token": text(string(id))},
	}
	return write{types.TransactWriteItem{Delete: del}, errNameOfAnother}
}

func (d *Dynamo) changeOwner(o pat.Owner, set item) *types.Update {
	return d.change(ownerKey(o.Slot), o.Version, set)
}

// change sets attributes of the item that is at a version, and brings it to the
// next one.
func (d *Dynamo) change(key item, version int64, set item) *types.Update {
	set = maps.Clone(set)
	set[attrVersion] = number(version + 1)
	return d.set(key, version, set)
}

// set sets attributes of the item that is at a version. One that is not
// mentioned stays.
func (d *Dynamo) set(key item, version int64, set item) *types.Update {
	u := &types.Update{
		TableName:                 &d.table,
		Key:                       key,
		ConditionExpression:       new("#version = :seen"),
		ExpressionAttributeNames:  map[string]string{"#version": attrVersion},
		ExpressionAttributeValues: item{":seen": number(version)},
	}
	var sets []string
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
	err := d.updateOnce(ctx, u)
	if isTooLarge(err) {
		return d.updateOnce(ctx, shed(u))
	}
	return err
}

func (d *Dynamo) updateOnce(ctx context.Context, u *types.Update) error {
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
	err := d.transactOnce(ctx, writes...)
	if !isTooLarge(err) {
		return err
	}
	writes = slices.Clone(writes)
	for i, w := range writes {
		if w.Update != nil {
			writes[i].Update = shed(w.Update)
		}
	}
	return d.transactOnce(ctx, writes...)
}

func (d *Dynamo) transactOnce(ctx context.Context, writes ...write) error {
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
