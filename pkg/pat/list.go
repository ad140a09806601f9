package pat

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// DefaultPage is the limit of who names none; maxPage bounds every limit.
const (
	DefaultPage = 50
	maxPage     = 100
)

// AnyStatus lists tokens whatever their status.
const AnyStatus Status = "all"

// listable are the statuses that a list can be narrowed to; the place of each
// is part of a cursor and never changes.
var listable = []Status{AnyStatus, Active, Expired, Revoked, Disabled}

// A ListRequest asks for one page of a person's own tokens.
type ListRequest struct {
	// Limit is how many tokens are read for the page: 1–100.
	Limit int
	// Cursor is the NextCursor of the page before; empty for the first.
	Cursor string
	// Status narrows the list; empty means AnyStatus.
	Status Status
	// Bad is what was found wrong with the request while it was read.
	Bad InvalidError
}

// A Page is a part of a list, newest first.
type Page struct {
	Tokens []View
	// NextCursor is empty where nothing follows.
	NextCursor string
}

// List returns a page of the person's own tokens. It holds what was written
// before it was asked for. Errors: ErrForbidden (not a session, or of a disabled
// person), *InvalidError, ErrUnavailable.
func (s *Service) List(ctx context.Context, by Grant, req ListRequest) (Page, error) {
	if err := by.needsPerson(); err != nil {
		return Page{}, err
	}
	shared, err := s.shared(ctx)
	if err != nil {
		return Page{}, err
	}
	bad := req.check()
	slot, err := s.slot(ctx, by.Person)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Page{}, err
	}
	before, ok := readCursor(req.Cursor, slot, req.Status, ownersCursor)
	if !ok && !bad.has("cursor") {
		bad.Add("cursor", "is not one that this list gave")
	}
	if err := bad.or(); err != nil {
		return Page{}, err
	}
	if slot == "" {
		return Page{Tokens: []View{}}, nil
	}
	owner, err := s.Store.Owner(ctx, slot)
	if err != nil {
		return Page{}, unavailable("read an owner", err)
	}
	if owner.Disabled {
		return Page{}, fmt.Errorf("%w: the person is disabled", ErrForbidden)
	}
	return s.page(ctx, owner, before, req, ownersCursor, shared.Policy)
}

// check judges limit and status, and fills in the status that is meant.
func (r *ListRequest) check() InvalidError {
	bad := r.Bad
	if (r.Limit < 1 || r.Limit > maxPage) && !bad.has("limit") {
		bad.Add("limit", "must be 1 to %d", maxPage)
	}
	if r.Status == "" {
		r.Status = AnyStatus
	} else if statusDigit(r.Status) == "" && !bad.has("status") {
		bad.Add("status", "must be active, expired, revoked, disabled or all")
	}
	return bad
}

func (s *Service) page(ctx context.Context, owner Owner, before ID, req ListRequest, list string, p Policy) (Page, error) {
	tokens, err := s.Store.List(ctx, owner.Slot, before, req.Limit+1)
	if err != nil {
		return Page{}, unavailable("list tokens", err)
	}
	page := Page{Tokens: []View{}}
	if len(tokens) > req.Limit {
		tokens = tokens[:req.Limit]
		page.NextCursor = newCursor(tokens[req.Limit-1].ID, req.Status, list)
	}
	for _, t := range tokens {
		page.add(s.view(t, owner, p), req.Status, s.now())
	}
	return page, nil
}

// add adds a token that is to be seen, if its status is the one asked for.
func (p *Page) add(v View, asked Status, now time.Time) {
	if !v.gone(now) && (asked == AnyStatus || asked == v.Status) {
		p.Tokens = append(p.Tokens, v)
	}
}

// Whose list a cursor belongs to is part of its checksum alone.
const (
	ownersCursor = ""
	adminsCursor = "admin"
)

// A cursor is the id of the last token read, the list's status and a checksum,
// so that one cut short or from another list is noticed. It is no secret: all
// it can do is to start its owner's own list somewhere.
func newCursor(last ID, status Status, list string) string {
	body := string(last) + statusDigit(status)
	return body + checksum(list+body)
}

func readCursor(cursor string, slot Slot, status Status, list string) (before ID, ok bool) {
	if cursor == "" {
		return "", true
	}
	if len(cursor) != idLength+1+checksumLength || !isBase62(cursor) {
		return "", false
	}
	body, sum := cursor[:idLength+1], cursor[idLength+1:]
	before = ID(body[:idLength])
	return before, checksum(list+body) == sum && before.Slot() == slot && strings.HasSuffix(body, statusDigit(status))
}

// statusDigit is a status in one character, or empty for one that no list has.
func statusDigit(status Status) string {
	for i, s := range listable {
		if s == status {
			return base62(uint64(i), 1)
		}
	}
	return ""
}
