package pat

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
)

// ListAll returns a page of everybody's tokens, in no order, or of one owner's,
// newest first; of a person who was never seen there are none. Errors:
// ErrForbidden (not an administrator), *ReauthError, *InvalidError,
// ErrUnavailable.
func (s *Service) ListAll(ctx context.Context, by Grant, req ListRequest, owner *string) (Page, error) {
	shared, err := s.administers(ctx, by)
	if err != nil {
		return Page{}, err
	}
	bad := req.check()
	if owner != nil {
		if !bad.has("owner") {
			checkSubject(&bad, "owner", *owner)
		}
		return s.listOf(ctx, *owner, req, bad, shared)
	}
	position, ok := readPosition(req.Cursor, req.Status)
	if !ok && !bad.has("cursor") {
		bad.Add("cursor", notOurCursor)
	}
	if err := bad.or(); err != nil {
		return Page{}, err
	}
	found, next, err := s.Store.Scan(ctx, position, req.Limit)
	if errors.Is(err, ErrNotFound) {
		bad.Add("cursor", notOurCursor)
		return Page{}, &bad
	}
	if err != nil {
		return Page{}, unavailable("list everybody's tokens", err)
	}
	page := Page{Tokens: []View{}, NextCursor: newPosition(next, req.Status)}
	for _, f := range found {
		page.add(s.view(f.Token, f.Owner, shared.Policy), req.Status, s.now())
	}
	return page, nil
}

const notOurCursor = "is not one that this list gave"

// listOf returns a page of one owner's tokens.
func (s *Service) listOf(ctx context.Context, sub string, req ListRequest, bad InvalidError, shared Settings) (Page, error) {
	owner, err := s.owner(ctx, s.person(sub))
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Page{}, err
	}
	before, ok := readCursor(req.Cursor, owner.Slot, req.Status, adminsCursor)
	if !ok && !bad.has("cursor") {
		bad.Add("cursor", notOurCursor)
	}
	if err := bad.or(); err != nil {
		return Page{}, err
	}
	if owner.Slot == "" {
		return Page{Tokens: []View{}}, nil
	}
	return s.page(ctx, owner, before, req, adminsCursor, shared.Policy)
}

// The cursor of everybody's tokens is the store's position, the list's status and
// a checksum.
func newPosition(position string, status Status) string {
	if position == "" {
		return ""
	}
	body := base64.RawURLEncoding.EncodeToString([]byte(position)) + statusDigit(status)
	return body + checksum("all"+body)
}

func readPosition(cursor string, status Status) (position string, ok bool) {
	if cursor == "" {
		return "", true
	}
	n := len(cursor) - checksumLength
	if n < 1 || checksum("all"+cursor[:n]) != cursor[n:] {
		return "", false
	}
	body, ok := strings.CutSuffix(cursor[:n], statusDigit(status))
	text, err := base64.RawURLEncoding.Strict().DecodeString(body)
	return string(text), ok && err == nil && len(text) > 0
}
