package store

import (
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"net/netip"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

// How the items are spelled on disk: 8 hex digits of a checksum, then JSON.
//
//   - The types are the file's own. A field of package pat can be renamed
//     without a word here; a field here only together with formatVersion.
//   - What was never set is left out. Times are RFC 3339 in UTC, as precise as
//     they came: a session's iat, cut to the second, would look older than
//     the session itself and let an equally old one pass for newer.
//   - Members that only a later version knows are read into Rest and written
//     back. A member that an older one must not overlook needs a new
//     formatVersion.

// formatVersion is what the meta bucket says; a file of an older one is read too.
// Version 2 has owners who are disabled or whose tokens were stopped, which an
// older one would let in.
const formatVersion = 2

type formatRecord struct {
	Version int `json:"version"`

	Rest jsontext.Value `json:",embed"`
}

type personRecord struct {
	Slot pat.Slot `json:"slot"`

	Rest jsontext.Value `json:",embed"`
}

type ownerRecord struct {
	Issuer   string    `json:"iss"`
	Subject  string    `json:"sub"`
	Name     string    `json:"name,omitzero"`
	Groups   []string  `json:"groups,omitempty"`
	GroupsAt time.Time `json:"groups_at,omitzero"`
	// GroupsSum is a hash of all groups that the session showed.
	GroupsSum string       `json:"groups_sum,omitzero"`
	SeenAt    time.Time    `json:"seen_at,omitzero"`
	Disabled  bool         `json:"disabled,omitzero"`
	Stops     []stopRecord `json:"stops,omitempty"`
	Next      uint64       `json:"next"`
	Live      int          `json:"live"`
	Changed   markRecord   `json:"changed,omitzero"`
	Version   int64        `json:"version"`

	Rest jsontext.Value `json:",embed"`
}

type stopRecord struct {
	Below uint64    `json:"below"`
	At    time.Time `json:"at"`

	Rest jsontext.Value `json:",embed"`
}

func newStopRecords(stops []pat.Stop) (records []stopRecord) {
	for _, s := range stops {
		records = append(records, stopRecord{Below: s.Below, At: s.At.UTC()})
	}
	return records
}

func newOwnerRecord(o pat.Owner) ownerRecord {
	r := ownerRecord{
		Issuer:  o.Person.Issuer,
		Subject: o.Person.Subject,

		Disabled: o.Disabled,
		Stops:    newStopRecords(o.Stops),
		Next:     o.Next,
		Live:     o.Live,
		Changed:  newMarkRecord(o.Changed),
		Version:  1,
	}
	r.refresh(o)
	return r
}

// refresh takes over what a session shows.
func (r *ownerRecord) refresh(o pat.Owner) {
	r.Name = o.Name
	r.Groups = o.Groups
	r.GroupsAt = o.GroupsAt.UTC()
	r.GroupsSum = o.GroupsSum
	r.SeenAt = o.SeenAt.UTC()
}

func (r ownerRecord) owner(slot pat.Slot) pat.Owner {
	var stops []pat.Stop
	for _, s := range r.Stops {
		stops = append(stops, pat.Stop{Below: s.Below, At: s.At})
	}
	return pat.Owner{
		Slot:     slot,
		Person:   pat.Person{Issuer: r.Issuer, Subject: r.Subject},
		Name:     r.Name,
		Groups:   r.Groups,
		GroupsAt: r.GroupsAt,

		GroupsSum: r.GroupsSum,

		SeenAt:   r.SeenAt,
		Disabled: r.Disabled,
		Stops:    stops,
		Next:     r.Next,
		Live:     r.Live,
		Changed:  r.Changed.mark(),
		Version:  r.Version,
	}
}

type tokenRecord struct {
	Name         string         `json:"name"`
	Description  string         `json:"description,omitzero"`
	Scopes       []string       `json:"scopes,omitempty"`
	AllowedCIDRs []netip.Prefix `json:"allowed_cidrs,omitempty"`
	CreatedAt    time.Time      `json:"created_at,omitzero"`
	ExpiresAt    time.Time      `json:"expires_at,omitzero"`
	RevokedAt    time.Time      `json:"revoked_at,omitzero"`
	Hash         pat.Hash       `json:"hash"`
	Gen          int            `json:"gen"`

	Previous      pat.Hash   `json:"previous,omitzero"`
	PreviousGen   int        `json:"previous_gen,omitzero"`
	PreviousUntil time.Time  `json:"previous_until,omitzero"`
	Replaced      pat.Hash   `json:"replaced,omitzero"`
	RotatedAt     time.Time  `json:"rotated_at,omitzero"`
	LastUsedAt    time.Time  `json:"last_used_at,omitzero"`
	UpdatedAt     time.Time  `json:"updated_at,omitzero"`
	LastUsedFrom  netip.Addr `json:"last_used_ip,omitzero"`
	ScopesUsed    []string   `json:"scopes_used,omitempty"`

	OwnedBy  string         `json:"owner,omitzero"`
	Changed  markRecord     `json:"changed,omitzero"`
	Networks []netip.Prefix `json:"networks,omitempty"`
	Warned   warnedRecord   `json:"warned,omitzero"`
	Noted    markRecord     `json:"noted,omitzero"`
	Notes    int64          `json:"notes,omitzero"`

	Version int64 `json:"version"`

	Rest jsontext.Value `json:",embed"`
}

func newTokenRecord(t pat.Token) tokenRecord {
	r := tokenRecord{CreatedAt: t.CreatedAt.UTC(), RevokedAt: t.RevokedAt.UTC(), OwnedBy: t.OwnedBy, Changed: newMarkRecord(t.Changed), Version: 1}
	r.update(t)
	r.rotate(t)
	r.touch(t)
	r.Warned, r.Notes = newWarnedRecord(t), t.Notes
	return r
}

// A warnedRecord is what was last told of a token's ends. In DynamoDB it is text in an attribute.
type warnedRecord struct {
	End  warningRecord `json:"end,omitzero"`
	Idle warningRecord `json:"idle,omitzero"`
}

type warningRecord struct {
	At   time.Time `json:"at,omitzero"`
	Days int       `json:"days,omitzero"`
}

func newWarnedRecord(t pat.Token) warnedRecord {
	return warnedRecord{newWarningRecord(t.Warned), newWarningRecord(t.WarnedIdle)}
}

func newWarningRecord(w pat.Warning) warningRecord { return warningRecord{w.EndsAt.UTC(), w.Days} }

func (r warningRecord) warning() pat.Warning { return pat.Warning{EndsAt: r.At, Days: r.Days} }

// A markRecord says who made a change. In DynamoDB it is text in an attribute.
type markRecord struct {
	Kind      pat.DoerKind `json:"kind,omitzero"`
	Subject   string       `json:"sub,omitzero"`
	From      netip.Addr   `json:"ip,omitzero"`
	RequestID string       `json:"request_id,omitzero"`
	At        time.Time    `json:"at,omitzero"`
	Makes     int64        `json:"makes,omitzero"`
}

func newMarkRecord(m pat.Mark) markRecord {
	return markRecord{Kind: m.By.Kind, Subject: m.By.Subject, From: m.From, RequestID: m.RequestID, At: m.At.UTC(), Makes: m.Makes}
}

func (r markRecord) mark() pat.Mark {
	return pat.Mark{By: pat.Doer{Kind: r.Kind, Subject: r.Subject}, From: r.From, RequestID: r.RequestID, At: r.At, Makes: r.Makes}
}

// A refusalRecord is what is written down of a refusal. In DynamoDB it is text in
// an attribute; Bolt makes the event of it at once.
type refusalRecord struct {
	Reason    pat.RefusalReason `json:"reason"`
	From      netip.Addr        `json:"ip,omitzero"`
	RequestID string            `json:"request_id,omitzero"`
	At        time.Time         `json:"at"`
	Nonce     string            `json:"nonce"`
}

func newRefusalRecord(r pat.Refusal) refusalRecord {
	return refusalRecord{r.Reason, r.From, r.RequestID, r.At.UTC(), r.Nonce}
}

func (r refusalRecord) refusal(id pat.ID) pat.Refusal {
	return pat.Refusal{TokenID: id, Reason: r.Reason, From: r.From, RequestID: r.RequestID, At: r.At, Nonce: r.Nonce}
}

// update takes over what an update changes.
func (r *tokenRecord) update(t pat.Token) {
	r.Name = t.Name
	r.Description = t.Description
	r.Scopes = t.Scopes
	r.AllowedCIDRs = t.AllowedCIDRs
	r.ExpiresAt = t.ExpiresAt.UTC()
	r.UpdatedAt = t.UpdatedAt.UTC()
}

// rotate takes over the values.
func (r *tokenRecord) rotate(t pat.Token) {
	r.Hash, r.Gen = t.Hash, t.Gen
	r.Previous, r.PreviousGen = t.Previous, t.PreviousGen
	r.PreviousUntil, r.Replaced = t.PreviousUntil.UTC(), t.Replaced
	r.RotatedAt = t.RotatedAt.UTC()
}

// touch takes over what is noted of uses.
func (r *tokenRecord) touch(t pat.Token) {
	r.LastUsedAt, r.LastUsedFrom = t.LastUsedAt.UTC(), t.LastUsedFrom
	r.Networks, r.Noted = t.Networks, newMarkRecord(t.Noted)
	r.ScopesUsed = t.ScopesUsed
}

func (r tokenRecord) token(id pat.ID) pat.Token {
	return pat.Token{
		ID:           id,
		Name:         r.Name,
		Description:  r.Description,
		Scopes:       r.Scopes,
		AllowedCIDRs: r.AllowedCIDRs,
		CreatedAt:    r.CreatedAt,
		ExpiresAt:    r.ExpiresAt,
		RevokedAt:    r.RevokedAt,
		Hash:         r.Hash,
		Gen:          r.Gen,

		Previous:      r.Previous,
		PreviousGen:   r.PreviousGen,
		PreviousUntil: r.PreviousUntil,
		Replaced:      r.Replaced,
		RotatedAt:     r.RotatedAt,
		LastUsedAt:    r.LastUsedAt,
		LastUsedFrom:  r.LastUsedFrom,
		UpdatedAt:     r.UpdatedAt,
		ScopesUsed:    r.ScopesUsed,

		OwnedBy:  r.OwnedBy,
		Changed:  r.Changed.mark(),
		Networks: r.Networks,
		Noted:    r.Noted.mark(),
		Notes:    r.Notes,

		Warned:     r.Warned.End.warning(),
		WarnedIdle: r.Warned.Idle.warning(),

		Version: r.Version,
	}
}

// An eventRecord is what is read back of an event. It has no room for a hash.
type eventRecord struct {
	ID      string            `json:"id"`
	Type    pat.EventType     `json:"type"`
	At      time.Time         `json:"at"`
	By      pat.DoerKind      `json:"by,omitzero"`
	Subject string            `json:"sub,omitzero"`
	From    netip.Addr        `json:"ip,omitzero"`
	Request string            `json:"request_id,omitzero"`
	Token   pat.ID            `json:"token,omitzero"`
	Slot    pat.Slot          `json:"slot,omitzero"`
	Owner   string            `json:"owner,omitzero"`
	Fields  []string          `json:"fields,omitempty"`
	Network netip.Prefix      `json:"network,omitzero"`
	Reason  pat.RefusalReason `json:"reason,omitzero"`
	Ends    warningRecord     `json:"ends,omitzero"`

	Rest jsontext.Value `json:",embed"`
}

func newEventRecord(e pat.Event) eventRecord {
	return eventRecord{
		ID: e.ID, Type: e.Type, At: e.At.UTC(),
		By: e.By.Kind, Subject: e.By.Subject, From: e.From, Request: e.RequestID,
		Token: e.TokenID, Slot: e.Slot, Owner: e.Owner,
		Fields: e.Fields, Network: e.Network, Reason: e.Reason, Ends: newWarningRecord(e.Ends),
	}
}

func (r eventRecord) event() pat.Event {
	return pat.Event{
		ID: r.ID, Type: r.Type, At: r.At,
		By: pat.Doer{Kind: r.By, Subject: r.Subject}, From: r.From, RequestID: r.Request,
		TokenID: r.Token, Slot: r.Slot, Owner: r.Owner,
		Fields: r.Fields, Network: r.Network, Reason: r.Reason, Ends: r.Ends.warning(),
	}
}

// placeKey orders the events of a thread as their places are ordered.
func placeKey(p pat.Place) string { return p.At.UTC().Format(timeLayout) + "#" + p.ID }

// A nameRecord says which token holds a name.
type nameRecord struct {
	Token pat.ID `json:"token"`
	// ExpiresAt is the token's own end, after which another may take the name.
	ExpiresAt time.Time `json:"expires_at,omitzero"`

	Rest jsontext.Value `json:",embed"`
}

func newNameRecord(t pat.Token) nameRecord {
	return nameRecord{Token: t.ID, ExpiresAt: t.ExpiresAt.UTC()}
}

// heldFor reports whether the name is held at the moment now, by a token that
// none of the owner's stops has reached.
func (r nameRecord) heldFor(o pat.Owner, now time.Time) bool {
	return (r.ExpiresAt.IsZero() || now.Before(r.ExpiresAt)) && r.Token >= o.FirstLive()
}

// A publishedRecord is what a deployment decides of the settings.
type publishedRecord struct {
	Keys      []keyRecord   `json:"keys"`
	Catalogue []scopeRecord `json:"catalogue"`

	Rest jsontext.Value `json:",embed"`
}

type keyRecord struct {
	ID        string `json:"kid"`
	Algorithm string `json:"alg"`
	Public    []byte `json:"spki"` // DER, RFC 5280 section 4.1.2.7

	Rest jsontext.Value `json:",embed"`
}

type scopeRecord struct {
	Name        string   `json:"name"`
	Description string   `json:"description,omitzero"`
	Category    string   `json:"category,omitzero"`
	Sensitive   bool     `json:"sensitive,omitzero"`
	Groups      []string `json:"groups,omitempty"`
	Retired     bool     `json:"retired,omitzero"`

	AWS []statementRecord `json:"aws,omitempty"`

	Rest jsontext.Value `json:",embed"`
}

type statementRecord struct {
	Actions   []string `json:"actions"`
	Resources []string `json:"resources"`

	Rest jsontext.Value `json:",embed"`
}

func newPublishedRecord(keys []pat.Key, catalogue pat.Catalogue) (publishedRecord, error) {
	var r publishedRecord
	for _, k := range keys {
		spki, err := x509.MarshalPKIXPublicKey(k.Public)
		if err != nil {
			return publishedRecord{}, fmt.Errorf("key %q: %w", k.ID, err)
		}
		r.Keys = append(r.Keys, keyRecord{ID: k.ID, Algorithm: k.Algorithm, Public: spki})
	}
	for _, s := range catalogue {
		var aws []statementRecord
		for _, a := range s.AWS {
			aws = append(aws, statementRecord{Actions: a.Actions, Resources: a.Resources})
		}
		r.Catalogue = append(r.Catalogue, scopeRecord{
			Name:        s.Name,
			Description: s.Description,
			Category:    s.Category,
			Sensitive:   s.Sensitive,
			Groups:      s.Groups,
			Retired:     s.Retired,
			AWS:         aws,
		})
	}
	return r, nil
}

// A policyRecord is what the administrators decide of the settings.
type policyRecord struct {
	MaxLifetimeDays     int  `json:"max_lifetime_days,omitzero"`
	DefaultLifetimeDays int  `json:"default_lifetime_days,omitzero"`
	RequireExpiry       bool `json:"require_expiry,omitzero"`
	MaxTokensPerPerson  int  `json:"max_tokens_per_person"`
	// CreatorGroups of nobody are there and empty, those of everybody left out.
	CreatorGroups  []string `json:"creator_groups,omitzero"`
	MaxIdleDays    int      `json:"max_idle_days,omitzero"`
	MaxAbsenceDays int      `json:"max_absence_days,omitzero"`
	ReauthSeconds  int      `json:"reauth_seconds,omitzero"`

	Rest jsontext.Value `json:",embed"`
}

func newPolicyRecord(p pat.Policy) policyRecord {
	return policyRecord{
		MaxLifetimeDays:     p.MaxLifetimeDays,
		DefaultLifetimeDays: p.DefaultLifetimeDays,
		RequireExpiry:       p.RequireExpiry,
		MaxTokensPerPerson:  p.MaxTokensPerPerson,
		CreatorGroups:       p.CreatorGroups,
		MaxIdleDays:         p.MaxIdleDays,
		MaxAbsenceDays:      p.MaxAbsenceDays,
		ReauthSeconds:       p.ReauthSeconds,
	}
}

func (r policyRecord) policy() pat.Policy {
	return pat.Policy{
		MaxLifetimeDays:     r.MaxLifetimeDays,
		DefaultLifetimeDays: r.DefaultLifetimeDays,
		RequireExpiry:       r.RequireExpiry,
		MaxTokensPerPerson:  r.MaxTokensPerPerson,
		CreatorGroups:       r.CreatorGroups,
		MaxIdleDays:         r.MaxIdleDays,
		MaxAbsenceDays:      r.MaxAbsenceDays,
		ReauthSeconds:       r.ReauthSeconds,
	}
}

func newSettings(r publishedRecord, policy policyRecord) (pat.Settings, error) {
	s := pat.Settings{Policy: policy.policy()}
	for _, k := range r.Keys {
		public, err := x509.ParsePKIXPublicKey(k.Public)
		if err != nil {
			return pat.Settings{}, fmt.Errorf("key %q: %w", k.ID, err)
		}
		s.Keys = append(s.Keys, pat.Key{ID: k.ID, Algorithm: k.Algorithm, Public: public})
	}
	for _, c := range r.Catalogue {
		var aws []pat.AWSStatement
		for _, a := range c.AWS {
			aws = append(aws, pat.AWSStatement{Actions: a.Actions, Resources: a.Resources})
		}
		s.Catalogue = append(s.Catalogue, pat.Scope{
			Name:        c.Name,
			Description: c.Description,
			Category:    c.Category,
			Sensitive:   c.Sensitive,
			Groups:      c.Groups,
			Retired:     c.Retired,
			AWS:         aws,
		})
	}
	return s, nil
}

const checksumLength = 8

// encode spells a record for the place under key.
func encode(key []byte, record any) ([]byte, error) {
	text, err := json.Marshal(record)
	if err != nil {
		return nil, fmt.Errorf("encode %q: %w", key, err)
	}
	return append(checksum(key, text), text...), nil
}

// decode reads what encode wrote for the same key. The checksum is there for a
// bit that turned on the disk, which could otherwise lengthen a token's life
// or name another owner; it is no proof against somebody who can write.
func decode(key, value []byte, record any) error {
	if len(value) < checksumLength || string(value[:checksumLength]) != string(checksum(key, value[checksumLength:])) {
		return fmt.Errorf("decode %q: %w", key, errChecksum)
	}
	if err := json.Unmarshal(value[checksumLength:], record); err != nil {
		return fmt.Errorf("decode %q: %w", key, err)
	}
	return nil
}

var errChecksum = errors.New("wrong checksum")

// checksum is CRC-32 (IEEE) over key and text, in hex.
func checksum(key, text []byte) []byte {
	sum := crc32.Update(crc32.ChecksumIEEE(key), crc32.IEEETable, text)
	return hex.AppendEncode(nil, []byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)})
}
