package pat

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// An EventType says what happened.
type EventType string

// The types. A name is part of the promise and never gets a second meaning.
const (
	TokenCreated    EventType = "counterfoil.token.created"
	TokenUpdated    EventType = "counterfoil.token.updated"
	TokenRotated    EventType = "counterfoil.token.rotated"
	TokenRevoked    EventType = "counterfoil.token.revoked"
	TokenNewNetwork EventType = "counterfoil.token.new_network" // used from a network for the first time
	TokenRefused    EventType = "counterfoil.token.refused"     // a value of it, or a JWT made from one, was refused
	TokenExpiring   EventType = "counterfoil.token.expiring"    // its end is near
	TokenIdling     EventType = "counterfoil.token.idling"      // its stop for idleness is near

	PersonDisabled EventType = "counterfoil.person.disabled"
	PersonEnabled  EventType = "counterfoil.person.enabled"
	PersonRevoked  EventType = "counterfoil.person.tokens_revoked" // all that there were

	PolicyChanged EventType = "counterfoil.policy.changed"

	Unreadable EventType = "counterfoil.item.unreadable" // what was written cannot be read
)

// TrailKept is how long an event can be read back. (Whoever takes the events
// themselves keeps them for as long as they like.)
const TrailKept = 400 * 24 * time.Hour

// An Event is one thing that happened to a token, a person or the policy. It
// holds neither a value nor a hash of one.
type Event struct {
	// ID is the same for the same thing, however often it is told: whoever gets
	// an event twice can tell.
	ID   string
	Type EventType
	At   time.Time
	By   Doer
	// From is the address it was done from, where one is known.
	From      netip.Addr
	RequestID string

	TokenID ID   // empty where it is not about a token
	Slot    Slot // of the person whose token it is, or who it is about
	Owner   string

	// Fields are those that an update changed, as the API spells them.
	Fields []string
	// Network is the new one.
	Network netip.Prefix
	// Reason of a refusal.
	Reason RefusalReason
	// Ends is what a warning is about, and by how many days it comes ahead.
	Ends Warning
}

// An Alteration is what was kept under one key before and after one write: a
// token, an owner or the policy. What was not there is zero.
type Alteration struct {
	OldToken, NewToken   Token
	OldOwner, NewOwner   Owner
	OldPolicy, NewPolicy Policy
	// Tokens are the owner's, where Stops says that they are needed: as they were
	// before or after, it makes no difference.
	Tokens []Token
	// Refused is a refusal that was written down, of NewToken, which it does not
	// change. A token that is not there was not refused.
	Refused Refusal
	// PolicyChanged is the mark of the policy.
	PolicyChanged Mark
	// Unreadable is where one of them lies that could not be read: a token's id,
	// or something else.
	Unreadable string
	// Sequence tells this write from all others of the table; empty where there
	// is one writer, who leaves no note twice.
	Sequence string
	// At is when it was written, as the table tells it; zero where the marks are
	// as good.
	At time.Time
}

// Events tells what happened. It looks at nothing else, so the same write gives
// the same events, ids and all, whenever and however often it is asked: that is
// how none is lost, and how doubles are known.
func (a Alteration) Events() []Event {
	was, is := a.OldToken, a.NewToken
	switch {
	case a.Unreadable != "":
		return []Event{a.unreadable(a.Unreadable)}
	case a.Refused.TokenID != "":
		return a.refusedEvent()
	case a.NewOwner.Slot != "":
		return a.ofOwner()
	case !a.PolicyChanged.At.IsZero():
		return a.ofPolicy()
	case is.ID == "": // removed, long dead
		return nil
	case was.ID == "":
		return []Event{a.change(TokenCreated)}
	case is.Version != was.Version && (is.Version < was.Version || is.Changed.Makes != is.Version || is.Changed.same(was.Changed)):
		// No function of ours writes a change without its mark.
		return []Event{a.unreadable(string(is.ID))}
	case is.Version != was.Version && !is.RevokedAt.IsZero() && was.RevokedAt.IsZero():
		if is.Changed.By.Kind == doerStop {
			return nil // a token that a stop had killed: that is told of the stop
		}
		return []Event{a.change(TokenRevoked)}
	case is.Version != was.Version && is.Gen != was.Gen:
		return []Event{a.change(TokenRotated)}
	case is.Version != was.Version:
		e := a.change(TokenUpdated)
		e.Fields = changedFields(was, is)
		return []Event{e}
	case is.Notes != was.Notes:
		return a.noted()
	}
	return nil
}

// unreadable is the event of what was written at a place and cannot be read, or is
// none of ours.
func (a Alteration) unreadable(place string) Event {
	e := Event{ID: place + "-unreadable-" + a.Sequence, Type: Unreadable, At: a.At, By: Doer{Kind: DoerUs}}
	if id, err := ParseID(place); err == nil {
		e.TokenID, e.Slot = id, id.Slot()
	}
	return e
}

// change is the event of a change of the token.
func (a Alteration) change(what EventType) Event {
	is := a.NewToken
	e := Event{Type: what, At: a.At, TokenID: is.ID, Slot: is.ID.Slot(), Owner: is.OwnedBy}
	if m := is.Changed; m.Makes == is.Version {
		e.By, e.From, e.RequestID, e.At = m.By, m.From, m.RequestID, m.At
	}
	// The moment is part of it: after a restore the same version comes again.
	e.ID = fmt.Sprintf("%s-%06d-%d", is.ID, is.Version, e.At.UnixMilli())
	return e
}

// ofOwner are the events of what administrators do to a person.
func (a Alteration) ofOwner() []Event {
	was, is := a.OldOwner, a.NewOwner
	e := Event{At: a.At, Slot: is.Slot, Owner: is.Person.Subject}
	if m := is.Changed; m.Makes == is.Version {
		e.By, e.From, e.RequestID, e.At = m.By, m.From, m.RequestID, m.At
	}
	e.ID = fmt.Sprintf("%s-%06d-%d", is.Slot, is.Version, e.At.UnixMilli())
	switch {
	case was.Disabled != is.Disabled && is.Disabled:
		e.Type = PersonDisabled
	case was.Disabled != is.Disabled:
		e.Type = PersonEnabled
	case a.Stops():
		e.Type = PersonRevoked
		return append([]Event{e}, a.stopped(e)...)
	default:
		return nil
	}
	return []Event{e}
}

// Stops reports whether one write killed all tokens of an owner: each is told of, so
// that none is lost when the pass that marks them dies. See Tokens.
func (a Alteration) Stops() bool {
	return a.NewOwner.Slot != "" && !slices.EqualFunc(a.OldOwner.Stops, a.NewOwner.Stops, Stop.equal)
}

// stopped are the events of the tokens that the newest stop killed.
func (a Alteration) stopped(e Event) (all []Event) {
	for _, t := range a.Tokens {
		if t.Changed.By.Kind == doerStop {
			t.RevokedAt = time.Time{} // by this stop, or by one before
		}
		at := a.NewOwner.Stopped(t).RevokedAt
		if !t.RevokedAt.IsZero() || !a.OldOwner.Stopped(t).RevokedAt.IsZero() || at.IsZero() || t.pastOwnEnd(at) {
			continue
		}
		e.Type, e.TokenID = TokenRevoked, t.ID
		e.ID = fmt.Sprintf("%s-stopped-%d", t.ID, e.At.UnixMilli())
		all = append(all, e)
	}
	return all
}

// ofPolicy are the events of a policy that was set, to what it was before too. Its
// item has no version: what tells two writes apart is their request.
func (a Alteration) ofPolicy() []Event {
	m := a.PolicyChanged
	return []Event{{
		ID:   fmt.Sprintf("policy-%d-%s", m.At.UnixMilli(), m.RequestID),
		Type: PolicyChanged, At: m.At, By: m.By, From: m.From, RequestID: m.RequestID,
		Fields: a.NewPolicy.differsFrom(a.OldPolicy),
	}}
}

// noted are the events of a note: of warnings, or of a use. Authorizers of other
// APIs may write the last, so they get no say in who it was, nor words of their own.
func (a Alteration) noted() []Event {
	was, is := a.OldToken, a.NewToken
	m := is.Noted
	e := a.byHolder(is, m.At, m.From, m.RequestID)
	e.ID = fmt.Sprintf("%s-%06d.%d-%d", is.ID, is.Version, is.Notes, e.At.UnixMilli()) + a.suffix()
	if was.Warned != is.Warned || was.WarnedIdle != is.WarnedIdle {
		e.By = Doer{Kind: DoerUs}
		return warnings(e, was, is)
	}
	for _, n := range is.Networks {
		if !slices.Contains(was.Networks, n) {
			e.Type, e.Network = TokenNewNetwork, n
			return []Event{e}
		}
	}
	return nil // a use from where it was used before
}

// farOff is how far a clock may be from the table's.
const farOff = 15 * time.Minute

// byHolder is an event of what a token's holder did, as whoever saw it says: it may
// have been an authorizer of somebody else's API, who must not put words into
// anybody's mouth, nor hide what happened at another time.
func (a Alteration) byHolder(token Token, at time.Time, from netip.Addr, requestID string) Event {
	if off := a.At.Sub(at); !a.At.IsZero() && (off > farOff || off < -farOff) {
		at = a.At
	}
	if strings.ContainsFunc(requestID, notOfRequestID) {
		requestID = ""
	}
	return Event{
		At: at.UTC().Truncate(time.Millisecond), By: Doer{Kind: DoerHolder}, From: from.WithZone(""), RequestID: firstRunes(requestID, maxRequestID),
		TokenID: token.ID, Slot: token.ID.Slot(), Owner: token.OwnedBy,
	}
}

// notOfRequestID: no gateway's ids hold anything but these.
func notOfRequestID(r rune) bool {
	return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && !strings.ContainsRune("-_=", r)
}

// suffix makes the id of an event one of this write's alone, whatever it holds.
func (a Alteration) suffix() string {
	if a.Sequence == "" {
		return ""
	}
	return "-" + a.Sequence
}

// warnings are those of one note, each under an id of its own.
func warnings(e Event, was, is Token) (all []Event) {
	add := func(what EventType, suffix string, was, is Warning) {
		if was != is {
			w := e
			w.Type, w.ID, w.Ends = what, e.ID+suffix, is
			all = append(all, w)
		}
	}
	add(TokenExpiring, ".expiring", was.Warned, is.Warned)
	add(TokenIdling, ".idling", was.WarnedIdle, is.WarnedIdle)
	return all
}

// changedFields names what an update changed, as the API spells it.
func changedFields(was, is Token) []string {
	return changed([]field{
		{"name", was.Name == is.Name},
		{"description", was.Description == is.Description},
		{"scopes", slices.Equal(was.Scopes, is.Scopes)},
		{"expires_at", was.ExpiresAt.Equal(is.ExpiresAt)},
		{"allowed_cidrs", slices.Equal(was.AllowedCIDRs, is.AllowedCIDRs)},
	})
}

// differsFrom names the fields in which two policies differ, as the API spells
// them.
func (p Policy) differsFrom(was Policy) []string {
	return changed([]field{
		{"max_lifetime_days", was.MaxLifetimeDays == p.MaxLifetimeDays},
		{"default_lifetime_days", was.DefaultLifetimeDays == p.DefaultLifetimeDays},
		{"require_expiry", was.RequireExpiry == p.RequireExpiry},
		{"max_tokens_per_person", was.MaxTokensPerPerson == p.MaxTokensPerPerson},
		{"creator_groups", slices.Equal(was.CreatorGroups, p.CreatorGroups) && (was.CreatorGroups == nil) == (p.CreatorGroups == nil)},
		{"max_idle_days", was.MaxIdleDays == p.MaxIdleDays},
		{"max_absence_days", was.MaxAbsenceDays == p.MaxAbsenceDays},
		{"reauth_seconds", was.ReauthSeconds == p.ReauthSeconds},
	})
}

// A field of which it is known whether it stayed the same.
type field struct {
	name string
	same bool
}

func changed(fields []field) (names []string) {
	for _, f := range fields {
		if !f.same {
			names = append(names, f.name)
		}
	}
	return names
}
