package pat

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"
)

// A Thread is one reading of the trail: a token's, a person's or all of it.
type Thread string

// Everything is the whole trail.
const Everything Thread = "all"

// TokenThread is what happened to a token.
func TokenThread(id ID) Thread { return Thread("token#" + string(id)) }

// PersonThread is what happened to a person and their tokens.
func PersonThread(slot Slot) Thread { return Thread("person#" + string(slot)) }

// Threads are those that an event is read back in.
func (e Event) Threads() []Thread {
	threads := []Thread{Everything}
	if e.Slot != "" {
		threads = append(threads, PersonThread(e.Slot))
	}
	if e.TokenID != "" {
		threads = append(threads, TokenThread(e.TokenID))
	}
	return threads
}

// A Place is where an event stands in a thread: by its time, then by its id.
type Place struct {
	At time.Time
	ID string
}

// Place is where the event stands.
func (e Event) Place() Place { return Place{e.At.UTC().Truncate(time.Millisecond), e.ID} }

// Compare orders places, the older before the newer.
func (p Place) Compare(q Place) int {
	return cmp.Or(p.At.Compare(q.At), strings.Compare(p.ID, q.ID))
}

// A TrailRequest asks for one page of a trail.
type TrailRequest struct {
	Limit int // 1–100
	// Cursor is the NextCursor of the page before; empty for the first.
	Cursor string
	// Bad is what was found wrong with the request while it was read.
	Bad InvalidError
}

// A TrailPage is a part of a trail, newest first.
type TrailPage struct {
	Events     []Event
	NextCursor string // empty where nothing follows
}

// Trail returns what happened to one of the person's own tokens. From where an
// administrator or a reporter came is not its owner's to know. Errors:
// ErrForbidden (not a session), *InvalidError, ErrNotFound, ErrUnavailable.
func (s *Service) Trail(ctx context.Context, by Grant, id string, req TrailRequest) (TrailPage, error) {
	if err := by.needsPerson(); err != nil {
		return TrailPage{}, err
	}
	token, err := ParseID(id)
	thread := TokenThread(token)
	before, bad := req.judge(thread)
	if err := bad.or(); err != nil {
		return TrailPage{}, err
	}
	if err != nil {
		return TrailPage{}, err
	}
	if _, _, err := s.own(ctx, by.Person, id); err != nil {
		return TrailPage{}, err
	}
	page, err := s.trail(ctx, thread, before, req.Limit)
	for i, e := range page.Events {
		if e.By.Kind == DoerAdmin || e.By.Kind == DoerReport {
			page.Events[i] = e.withoutAddress()
		}
	}
	return page, err
}

func (e Event) withoutAddress() Event {
	e.From = Event{}.From
	return e
}

// judge returns where the page begins, or what is wrong with the request.
func (r TrailRequest) judge(thread Thread) (before Place, bad InvalidError) {
	bad = r.Bad
	if (r.Limit < 1 || r.Limit > maxPage) && !bad.has("limit") {
		bad.Add("limit", "must be 1 to %d", maxPage)
	}
	before, err := readPlace(r.Cursor, thread)
	if err != nil && !bad.has("cursor") {
		bad.Add("cursor", "is not one that this trail gave")
	}
	return before, bad
}

func (s *Service) trail(ctx context.Context, thread Thread, before Place, limit int) (TrailPage, error) {
	events, err := s.Store.Trail(ctx, thread, before, s.now(), limit+1)
	if err != nil {
		return TrailPage{}, unavailable("read a trail", err)
	}
	page := TrailPage{Events: events}
	if len(events) > limit {
		page.Events = events[:limit]
		page.NextCursor = newPlace(events[limit-1].Place(), thread)
	}
	return page, nil
}

var errNoPlace = errors.New("no place in this thread")

// A trail's cursor is the place of the last event read and a checksum over it
// and the thread, so that one cut short or from another trail is noticed. It is
// no secret: all it can do is to start a trail, that its reader may read, somewhere.
func newPlace(p Place, thread Thread) string {
	body := strconv.FormatInt(p.At.UnixMilli(), 10) + " " + p.ID
	return base64.RawURLEncoding.EncodeToString([]byte(body + " " + checksum(string(thread)+" "+body)))
}

func readPlace(cursor string, thread Thread) (Place, error) {
	if cursor == "" {
		return Place{}, nil
	}
	text, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil {
		return Place{}, errNoPlace
	}
	at, rest, _ := strings.Cut(string(text), " ")
	ms, err := strconv.ParseInt(at, 10, 64)
	p := Place{At: time.UnixMilli(ms).UTC(), ID: rest[:max(0, strings.LastIndex(rest, " "))]}
	if err != nil || newPlace(p, thread) != cursor {
		return Place{}, errNoPlace
	}
	return p, nil
}
