package store

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/go-json-experiment/json"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

// The table's keys, both text, and the attribute that DynamoDB's TTL watches.
const (
	PartitionKey = "pk"
	SortKey      = "sk"
	// TTLAttribute is when an item may be removed, in seconds since 1970. No
	// answer depends on whether it was.
	TTLAttribute = "ttl"
)

// What lies where in the table:
//
//	pk                   sk                  what
//	person#<SHA-256>     slot                which slot a person has
//	<slot>               <number>            a token
//	<slot>               ~owner              the person whose slot it is
//	<slot>               ~name#<SHA-256>     which token holds a name
//	settings             published           what a deployment decides: keys, catalogue
//	policy               policy              what the administrators decide
//	directory            <slot>              that there is such a slot
//	refused#<id>         <time>#<nonce>      a refusal of a token, until its event is told
//	trail#<thread>       <time>#<id>         an event
//
// A refusal lies in no owner's partition: whoever holds a dead value and shows it
// again and again must not use up what the owner can write there. Nobody but the function that follows the table's stream writes an event; it
// writes nothing else, and the stream does not tell it of them.
//
// A token's number is 5 digits of base 62, which order as their bytes do: so
// tokens lie in the order they came, and all else of a slot lies behind them,
// from afterTokens on. Hashed is what can be too long for a key, or hold
// anything.
const (
	directoryPartition = "directory"

	personPrefix = "person#"
	personSort   = "slot"
	afterTokens  = "~"
	ownerSort    = afterTokens + "owner"
	namePrefix   = afterTokens + "name#"

	// SettingsPartition holds the keys that we trust and the scopes that there are,
	// and nothing else: IAM keeps every function from writing there.
	SettingsPartition = "settings"
	// PolicyPartition holds the policy, and nothing else.
	PolicyPartition = "policy"

	// SlotPattern is what IAM knows the partition of an owner by, and no other.
	SlotPattern = "?????"

	// RefusedPrefix begins the partition of every token's refusals, and of nothing
	// else.
	RefusedPrefix = "refused#"

	// TrailPrefix begins the partition of every event, and of nothing else.
	TrailPrefix   = "trail#"
	publishedSort = "published"
	policySort    = "policy"
)

// How the items are spelled:
//
//   - What was never set is left out, and what is no longer set is NULL; an item
//     holds no empty text or list.
//   - Times are text of one width, so that their order is that of the texts and
//     a condition can compare them.
//   - An attribute that only a later version knows is passed over and, since a
//     change names the attributes it changes, kept.
//   - An attribute of the wrong type is an error, never taken for one that was
//     not set: a token must not come back to life because its revoked_at
//     cannot be read. Notes of uses are none if one of them cannot be read.
const (
	attrSlot = "slot" // person item

	attrIssuer   = "iss" // owner item
	attrSubject  = "sub"
	attrGroups   = "groups"
	attrGroupsAt = "groups_at"

	attrGroupsSum = "groups_sum"

	attrSeenAt   = "seen_at"
	attrDisabled = "disabled"
	attrStops    = "stops"
	attrNext     = "next"
	attrLive     = "live"

	attrName         = "name" // token item, owner item
	attrDescription  = "description"
	attrScopes       = "scopes"
	attrAllowedCIDRs = "allowed_cidrs"
	attrCreatedAt    = "created_at"
	attrExpiresAt    = "expires_at" // token item, name item
	attrRevokedAt    = "revoked_at"
	attrHash         = "hash"
	attrGen          = "gen"
	attrPrevious     = "previous"
	attrPreviousGen  = "previous_gen"
	attrReplaced     = "replaced"
	attrPreviousEnd  = "previous_until"
	attrRotatedAt    = "rotated_at"
	attrLastUsedAt   = "last_used_at"
	attrLastUsedIP   = "last_used_ip"
	attrUpdatedAt    = "updated_at"
	attrScopesUsed   = "scopes_used"
	attrOwnedBy      = "owner"
	attrChanged      = "changed"  // a markRecord; token, owner and policy item
	attrNetworks     = "networks" // and the next two: written by notes alone
	attrNoted        = "noted"    // a markRecord
	attrNotes        = "notes"
	attrWarned       = "warned"  // a warnedRecord
	attrVersion      = "version" // token item, owner item

	attrToken = "token" // name item

	attrRefused = "refused" // refusal item: a refusalRecord

	attrJSON = "json" // settings and event items: a record of record.go's
)

// WarningAttributes are those that a warning touches: the item's key, the version
// that it must still have, and what is written.
var WarningAttributes = []string{PartitionKey, SortKey, attrVersion, attrWarned, attrNoted, attrNotes}

// RefusalAttributes are those of a refusal's item.
var RefusalAttributes = []string{PartitionKey, SortKey, attrRefused, TTLAttribute}

const timeLayout = "2006-01-02T15:04:05.000000000Z" // always UTC

// An item is what DynamoDB keeps under one key.
type item map[string]types.AttributeValue

func itemKey(partition, sort string) item {
	return item{PartitionKey: text(partition), SortKey: text(sort)}
}

func personItemKey(p pat.Person) item {
	return itemKey(personPrefix+hashed(personKey(p)), personSort)
}

func ownerKey(slot pat.Slot) item { return itemKey(string(slot), ownerSort) }

func directoryKey(slot pat.Slot) item { return itemKey(directoryPartition, string(slot)) }

func tokenKey(id pat.ID) item { return itemKey(string(id.Slot()), numberOf(id)) }

func nameItemKey(slot pat.Slot, nameKey string) item {
	return itemKey(string(slot), namePrefix+hashed(nameKey))
}

// numberOf is the part of an id that tells the tokens of a slot apart.
func numberOf(id pat.ID) string { return string(id[len(id.Slot()):]) }

func hashed(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// is reports whether the item has the given key.
func (i item) is(key item) bool {
	return sameText(i[PartitionKey], key[PartitionKey]) && sameText(i[SortKey], key[SortKey])
}

func sameText(a, b types.AttributeValue) bool {
	one, ok := a.(*types.AttributeValueMemberS)
	two, ok2 := b.(*types.AttributeValueMemberS)
	return ok && ok2 && one.Value == two.Value
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}
func moment(t time.Time) types.AttributeValue { return text(t.UTC().Format(timeLayout)) }

func (i item) setText(name, s string) {
	if s != "" {
		i[name] = text(s)
	}
}

func (i item) setTexts(name string, all []string) {
	if len(all) == 0 {
		return
	}
	list := &types.AttributeValueMemberL{}
	for _, s := range all {
		list.Value = append(list.Value, text(s))
	}
	i[name] = list
}

func (i item) setTime(name string, t time.Time) {
	if !t.IsZero() {
		i[name] = moment(t)
	}
}

func (i item) setTTL(t time.Time) {
	if !t.IsZero() {
		i[TTLAttribute] = number(t.Unix())
	}
}

func personItem(o pat.Owner) item {
	i := personItemKey(o.Person)
	i.setText(attrSlot, string(o.Slot))
	return i
}

func ownerItem(o pat.Owner) item {
	i := ownerKey(o.Slot)
	i.setText(attrIssuer, o.Person.Issuer)
	i.setText(attrSubject, o.Person.Subject)
	i.setShown(o)
	i.setDisabled(o)
	i.setStops(o)
	i[attrNext] = number(int64(o.Next))
	i[attrLive] = number(int64(o.Live))
	i.setMark(attrChanged, o.Changed)
	i[attrVersion] = number(1)
	return i
}

// setShown sets what a session shows, and what it does not show to NULL: a
// group that was lost must not stay.
func (i item) setShown(o pat.Owner) {
	i.setText(attrName, o.Name)
	i.setTexts(attrGroups, o.Groups)
	i.setTime(attrGroupsAt, o.GroupsAt)
	i.setText(attrGroupsSum, o.GroupsSum)
	i.setTime(attrSeenAt, o.SeenAt)
	i.orNull(attrName, attrGroups, attrGroupsAt, attrGroupsSum, attrSeenAt)
}

// setDisabled sets an administrator's word.
func (i item) setDisabled(o pat.Owner) {
	if o.Disabled {
		i[attrDisabled] = &types.AttributeValueMemberBOOL{Value: true}
	}
	i.orNull(attrDisabled)
}

// setStops sets each stop as one text, "<below> <time>".
func (i item) setStops(o pat.Owner) {
	var stops []string
	for _, s := range o.Stops {
		stops = append(stops, strconv.FormatUint(s.Below, 10)+" "+s.At.UTC().Format(timeLayout))
	}
	i.setTexts(attrStops, stops)
	i.orNull(attrStops)
}

func tokenItem(t pat.Token) item {
	i := tokenKey(t.ID)
	i.setTime(attrCreatedAt, t.CreatedAt)
	i.setTime(attrRevokedAt, t.RevokedAt)
	i.setDescribed(t)
	i.setValues(t)
	i.setUsed(t)
	i.setText(attrOwnedBy, t.OwnedBy)
	i.setMark(attrChanged, t.Changed)
	i.setWarned(t)
	if t.Notes != 0 {
		i[attrNotes] = number(t.Notes)
	}
	i[attrVersion] = number(1)
	return i
}

// setDescribed sets what an update changes.
func (i item) setDescribed(t pat.Token) {
	i.setText(attrName, t.Name)
	i.setText(attrDescription, t.Description)
	i.setTexts(attrScopes, t.Scopes)
	i.setNetworks(attrAllowedCIDRs, t.AllowedCIDRs)
	i.setTime(attrExpiresAt, t.ExpiresAt)
	i.setTime(attrUpdatedAt, t.UpdatedAt)
	i.setTTL(t.GoneAt())
}

// setValues sets the hashes, and what goes with them.
func (i item) setValues(t pat.Token) {
	i.setHash(attrHash, t.Hash)
	i[attrGen] = number(int64(t.Gen))
	if t.Previous != (pat.Hash{}) {
		i.setHash(attrPrevious, t.Previous)
		i[attrPreviousGen] = number(int64(t.PreviousGen))
	}
	if t.Replaced != (pat.Hash{}) {
		i.setHash(attrReplaced, t.Replaced)
	}
	i.setTime(attrPreviousEnd, t.PreviousUntil)
	i.setTime(attrRotatedAt, t.RotatedAt)
}

// setUsed sets what is noted of uses.
func (i item) setUsed(t pat.Token) {
	i.setTime(attrLastUsedAt, t.LastUsedAt)
	if t.LastUsedFrom.IsValid() {
		i.setText(attrLastUsedIP, t.LastUsedFrom.String())
	}
	i.setTexts(attrScopesUsed, t.ScopesUsed)
	i.setNetworks(attrNetworks, t.Networks)
	i.setMark(attrNoted, t.Noted)
}

// setWarned sets what was told of its ends.
func (i item) setWarned(t pat.Token) {
	if w := newWarnedRecord(t); w != (warnedRecord{}) {
		i.setRecord(attrWarned, w)
	}
}

func (i item) setNetworks(name string, networks []netip.Prefix) {
	var texts []string
	for _, n := range networks {
		texts = append(texts, n.String())
	}
	i.setTexts(name, texts)
}

func (i item) setMark(name string, m pat.Mark) {
	if m != (pat.Mark{}) {
		i.setRecord(name, newMarkRecord(m))
	}
}

// setRecord sets a record of record.go's, as text.
func (i item) setRecord(name string, record any) {
	text, err := json.Marshal(record)
	if err != nil { // a type of ours that JSON cannot write: a bug
		panic(fmt.Sprintf("write %T: %v", record, err))
	}
	i.setText(name, string(text))
}

func (i item) setHash(name string, h pat.Hash) {
	i[name] = &types.AttributeValueMemberB{Value: h[:]}
}

// orNull sets those of the attributes to NULL that are not set: what a change
// no longer says must not stay.
func (i item) orNull(names ...string) item {
	for _, name := range names {
		if i[name] == nil {
			i[name] = &types.AttributeValueMemberNULL{Value: true}
		}
	}
	return i
}

// nameItem says that the token holds a name. It goes with the token's own end:
// a revocation deletes it.
func nameItem(t pat.Token, nameKey string) item {
	i := nameItemKey(t.ID.Slot(), nameKey)
	i.setText(attrToken, string(t.ID))
	i.setTime(attrExpiresAt, t.ExpiresAt)
	if !t.ExpiresAt.IsZero() {
		i.setTTL(t.ExpiresAt.Add(pat.Kept))
	}
	return i
}

func (i item) owner(slot pat.Slot) (pat.Owner, error) {
	r := reader{item: i}
	r.require(attrIssuer, attrSubject, attrNext, attrLive, attrVersion)
	o := pat.Owner{
		Slot:     slot,
		Person:   pat.Person{Issuer: r.text(attrIssuer), Subject: r.text(attrSubject)},
		Name:     r.text(attrName),
		Groups:   r.texts(attrGroups),
		GroupsAt: r.time(attrGroupsAt),

		GroupsSum: r.text(attrGroupsSum),

		SeenAt:   r.time(attrSeenAt),
		Disabled: r.truth(attrDisabled),
		Stops:    r.stops(attrStops),
		Next:     uint64(r.number(attrNext)),
		Live:     int(r.number(attrLive)),
		Changed:  record[markRecord](&r, attrChanged).mark(),
		Version:  r.number(attrVersion),
	}
	if r.err != nil {
		return pat.Owner{}, fmt.Errorf("owner %s: %w", slot, r.err)
	}
	return o, nil
}

func (i item) token(id pat.ID) (pat.Token, error) {
	r := reader{item: i}
	r.require(attrHash, attrGen, attrVersion)
	t := pat.Token{
		ID:           id,
		Name:         r.text(attrName),
		Description:  r.text(attrDescription),
		Scopes:       r.texts(attrScopes),
		AllowedCIDRs: r.networks(attrAllowedCIDRs),
		CreatedAt:    r.time(attrCreatedAt),
		ExpiresAt:    r.time(attrExpiresAt),
		RevokedAt:    r.time(attrRevokedAt),
		Hash:         r.hash(attrHash),
		Gen:          int(r.number(attrGen)),

		Previous:      r.hash(attrPrevious),
		PreviousGen:   int(r.number(attrPreviousGen)),
		PreviousUntil: r.time(attrPreviousEnd),
		Replaced:      r.hash(attrReplaced),
		RotatedAt:     r.time(attrRotatedAt),
		UpdatedAt:     r.time(attrUpdatedAt),

		OwnedBy: r.text(attrOwnedBy),
		Changed: record[markRecord](&r, attrChanged).mark(),

		Warned:     record[warnedRecord](&r, attrWarned).End.warning(),
		WarnedIdle: record[warnedRecord](&r, attrWarned).Idle.warning(),

		Version: r.number(attrVersion),
	}
	if r.err != nil {
		return pat.Token{}, fmt.Errorf("token %s: %w", id, r.err)
	}
	// What authorizers of other APIs may write stops no token.
	if i.notes(&t) != nil || t.Notes < 0 {
		t.Notes = unreadableNotes
	}
	return t, nil
}

// unreadableNotes is their number where they cannot be read: the next are written
// in their place.
const unreadableNotes = -1

// notes reads what is noted of uses, all of it or nothing.
func (i item) notes(t *pat.Token) error {
	r := reader{item: i}
	n := pat.Token{
		LastUsedAt:   r.time(attrLastUsedAt),
		LastUsedFrom: r.address(attrLastUsedIP),
		ScopesUsed:   r.texts(attrScopesUsed),
		Networks:     r.networks(attrNetworks),
		Noted:        record[markRecord](&r, attrNoted).mark(),
		Notes:        r.number(attrNotes),
	}
	if r.err != nil {
		return r.err
	}
	t.LastUsedAt, t.LastUsedFrom, t.ScopesUsed = n.LastUsedAt, n.LastUsedFrom, n.ScopesUsed
	t.Networks, t.Noted, t.Notes = n.Networks, n.Noted, n.Notes
	return nil
}

// isToken reports whether an item at a token's place is one, and not what an
// authorizer of another API left there.
func (i item) isToken() bool { return i[attrHash] != nil || i[attrGen] != nil || i[attrVersion] != nil }

// A reader takes an item apart and keeps the first error. An attribute that is
// not set is its zero value.
type reader struct {
	item item
	err  error
}

func (r *reader) fail(name string, err error) {
	if r.err == nil {
		r.err = fmt.Errorf("attribute %s: %w", name, err)
	}
}

var (
	errNotSet      = errors.New("not set")
	errWrongType   = errors.New("of the wrong type")
	errWrongLength = errors.New("of the wrong length")
)

func (r *reader) set(name string) bool {
	value, ok := r.item[name]
	_, null := value.(*types.AttributeValueMemberNULL)
	return ok && !null
}

func (r *reader) require(names ...string) {
	for _, name := range names {
		if !r.set(name) {
			r.fail(name, errNotSet)
		}
	}
}

// member returns an attribute of the type M, or M's zero value.
func member[M types.AttributeValue](r *reader, name string) (m M) {
	if !r.set(name) {
		return m
	}
	m, ok := r.item[name].(M)
	if !ok {
		r.fail(name, errWrongType)
	}
	return m
}

// record returns a record that an attribute holds as text, or the zero one.
func record[R any](r *reader, name string) (out R) {
	text := r.text(name)
	if text == "" {
		return out
	}
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		r.fail(name, err)
	}
	return out
}

func (r *reader) text(name string) string {
	if m := member[*types.AttributeValueMemberS](r, name); m != nil {
		return m.Value
	}
	return ""
}

func (r *reader) texts(name string) []string {
	m := member[*types.AttributeValueMemberL](r, name)
	if m == nil {
		return nil
	}
	var all []string
	for _, entry := range m.Value {
		s, ok := entry.(*types.AttributeValueMemberS)
		if !ok {
			r.fail(name, errWrongType)
			return nil
		}
		all = append(all, s.Value)
	}
	return all
}

func (r *reader) number(name string) int64 {
	m := member[*types.AttributeValueMemberN](r, name)
	if m == nil {
		return 0
	}
	n, err := strconv.ParseInt(m.Value, 10, 64)
	if err != nil {
		r.fail(name, err)
	}
	return n
}

func (r *reader) truth(name string) bool {
	m := member[*types.AttributeValueMemberBOOL](r, name)
	return m != nil && m.Value
}

func (r *reader) stops(name string) []pat.Stop {
	var stops []pat.Stop
	for _, s := range r.texts(name) {
		below, at, _ := strings.Cut(s, " ")
		n, err := strconv.ParseUint(below, 10, 64)
		if err != nil {
			r.fail(name, err)
		}
		stops = append(stops, pat.Stop{Below: n, At: r.moment(name, at)})
	}
	return stops
}

func (r *reader) time(name string) time.Time {
	s := r.text(name)
	if s == "" {
		return time.Time{}
	}
	return r.moment(name, s)
}

func (r *reader) moment(name, s string) time.Time {
	t, err := time.Parse(timeLayout, s)
	if err != nil {
		r.fail(name, err)
	}
	return t
}

func (r *reader) networks(name string) []netip.Prefix {
	var networks []netip.Prefix
	for _, s := range r.texts(name) {
		n, err := netip.ParsePrefix(s)
		if err != nil {
			r.fail(name, err)
		}
		networks = append(networks, n)
	}
	return networks
}

func (r *reader) address(name string) netip.Addr {
	s := r.text(name)
	if s == "" {
		return netip.Addr{}
	}
	addr, err := netip.ParseAddr(s)
	if err != nil {
		r.fail(name, err)
	}
	return addr.WithZone("") // which can hold any text
}

func (r *reader) hash(name string) (h pat.Hash) {
	m := member[*types.AttributeValueMemberB](r, name)
	if m == nil {
		return h
	}
	if len(m.Value) != len(h) {
		r.fail(name, errWrongLength)
		return h
	}
	return pat.Hash(m.Value)
}
