package pat

import (
	"context"
	"net/netip"
	"time"
)

// A DoerKind says in what capacity somebody made a change.
type DoerKind string

// The kinds, as an event spells them.
const (
	DoerOwner  DoerKind = "person" // the owner, by their session
	DoerAdmin  DoerKind = "admin"  // an administrator, by theirs
	DoerHolder DoerKind = "holder" // whoever held a value of the token
	DoerReport DoerKind = "report" // whoever reported a value as leaked
	DoerUs     DoerKind = "system" // nobody: the service by itself

	doerStop DoerKind = "stop" // of no event: the pass that marks what a stop killed
)

// A Doer is who made a change.
type Doer struct {
	Kind DoerKind
	// Subject is who it was; empty where nobody had to say.
	Subject string
}

// A Mark says of a change who made it, from where, in which request and when. It
// lies on the item that was changed and is written in the same step, so that no
// event is lost: it is derived from what was written, see Alteration.
type Mark struct {
	By Doer
	// From is the address that the request came from, where one is known.
	From      netip.Addr
	RequestID string
	At        time.Time // whole milliseconds
	// Makes is the item's Version, or the token's Notes, that the change brings
	// it to: a writer that knows of no marks leaves the one before, whose it is not.
	Makes int64
}

// same reports whether two marks are of one change.
func (m Mark) same(n Mark) bool {
	return m.By == n.By && m.RequestID == n.RequestID && m.At.Equal(n.At) && m.Makes == n.Makes
}

// An Origin is where a request comes from.
type Origin struct {
	From      netip.Addr
	RequestID string
}

type originKey struct{}

// WithOrigin is the context of a request from there.
func WithOrigin(ctx context.Context, o Origin) context.Context {
	o.From = o.From.Unmap().WithZone("")
	o.RequestID = firstRunes(o.RequestID, maxRequestID)
	return context.WithValue(ctx, originKey{}, o)
}

// withAddress is the context of the same request, for what came from elsewhere.
func withAddress(ctx context.Context, from netip.Addr) context.Context {
	o, _ := ctx.Value(originKey{}).(Origin)
	o.From = from
	return WithOrigin(ctx, o)
}

// maxRequestID keeps an item small, whatever a gateway takes for an id.
const maxRequestID = 64

func firstRunes(s string, most int) string {
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most])
	}
	return s
}

// mark is that of a change made now, in the request of the context.
func (s *Service) mark(ctx context.Context, by Doer, makes int64) Mark {
	o, _ := ctx.Value(originKey{}).(Origin)
	return Mark{By: by, From: o.From, RequestID: o.RequestID, At: s.now().UTC().Truncate(time.Millisecond), Makes: makes}
}

// administrator is the grant's person, acting on what is somebody's.
func (g Grant) administrator() Doer { return Doer{Kind: DoerAdmin, Subject: g.Person.Subject} }

// doer is the grant's person, acting on what is their own.
func (g Grant) doer() Doer { return Doer{Kind: DoerOwner, Subject: g.Person.Subject} }
