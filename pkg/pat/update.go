package pat

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// An UpdateRequest is what somebody wants to change of a token. A nil field
// stays as it is; so does an Expiry that is not given.
type UpdateRequest struct {
	Name         *string
	Description  *string
	Scopes       []string // may only shrink
	Expiry       Expiry
	AllowedCIDRs *[]string
	// Bad is what was found wrong with the request while it was read; its
	// fields are not judged again.
	Bad InvalidError
}

// Update changes one of the person's own tokens. Errors: ErrForbidden (not a
// session), *InvalidError (also for a scope that the token does not have),
// ErrNotFound, ErrNotActive (revoked or expired), ErrNameTaken, ErrConflict
// (somebody changed it meanwhile), ErrUnavailable.
func (s *Service) Update(ctx context.Context, by Grant, id string, req UpdateRequest) (View, error) {
	if err := by.needsPerson(); err != nil {
		return View{}, err
	}
	shared, err := s.shared(ctx)
	if err != nil {
		return View{}, err
	}
	amend, bad := s.amendment(req, shared)
	if err := bad.or(); err != nil {
		// Everything wrong is told at once, also what only the token shows.
		if token, _, err := s.own(ctx, by.Person, id); err == nil {
			req.judge(&bad, token, shared.Policy)
		}
		return View{}, &bad
	}
	var view View
	var seen int64 // the version that the change was first judged against
	var lost bool
	err = s.retry(ctx, func() error {
		token, owner, err := s.own(ctx, by.Person, id)
		if err != nil {
			return err
		}
		if seen != 0 && token.Version != seen {
			lost = true // what was asked was asked of another token
			return nil
		}
		seen = token.Version
		if req.judge(&bad, token, shared.Policy); bad.or() != nil {
			return &bad
		}
		now := s.now()
		if status := shared.Policy.Status(token, owner, now); status == Revoked || status == Expired {
			return ErrNotActive
		}
		// Near its end another function's clock may have counted it out
		// already: better once too often than not at all.
		if !token.holdsPlace(now.Add(clockSkew)) {
			owner.Live++
		}
		oldKey := nameKey(token.Name)
		amend(&token)
		token.UpdatedAt = now.UTC().Truncate(time.Second) // whatever it is, it is a sign of life
		token.Changed = s.mark(ctx, by.doer(), token.Version+1)
		err = s.Store.Update(ctx, Change{Token: token, NameKey: nameKey(token.Name), OldNameKey: oldKey, Owner: owner, At: now})
		if err != nil {
			return unavailable("update a token", err)
		}
		view = s.view(token, owner, shared.Policy)
		return nil
	})
	if lost {
		return View{}, ErrConflict
	}
	return view, err
}

// judge refuses scopes that the token does not have, and an end later than the
// policy allows it.
func (r UpdateRequest) judge(bad *InvalidError, t Token, p Policy) {
	if wider := without(r.Scopes, t.Scopes); len(wider) > 0 && !bad.has("scopes") {
		bad.Add("scopes", "may only shrink: the token does not have %q", clip(wider[0]))
	}
	if !r.Expiry.At.IsZero() && !bad.has("expires_at") {
		p.checkEnd(bad, t, r.Expiry.At.Truncate(time.Second))
	}
}

// amendment judges every field of a request by itself, and returns what makes
// the change.
func (s *Service) amendment(req UpdateRequest, shared Settings) (amend func(*Token), bad InvalidError) {
	now := s.now().UTC().Truncate(time.Second)
	bad = InvalidError{Detail: req.Bad.Detail, Fields: slices.Clone(req.Bad.Fields)}
	if bad.Detail != "" {
		return nil, bad
	}
	var name string
	if req.Name != nil && !bad.has("name") {
		name = strings.TrimSpace(*req.Name)
		checkName(&bad, name)
	}
	if req.Description != nil && !bad.has("description") {
		checkText(&bad, "description", *req.Description, maxDescription)
	}
	if req.Scopes != nil && !bad.has("scopes") {
		checkScopes(&bad, req.Scopes, shared.Catalogue)
	}
	end := req.Expiry.At.UTC().Truncate(time.Second)
	switch {
	case !req.Expiry.Given || bad.has("expires_at"):
	case req.Expiry.At.IsZero():
		shared.Policy.checkNoEnd(&bad)
	default:
		checkEnd(&bad, end, now)
	}
	var networks []netip.Prefix
	if req.AllowedCIDRs != nil && !bad.has("allowed_cidrs") {
		networks = checkCIDRs(&bad, *req.AllowedCIDRs)
	}
	return func(t *Token) {
		if req.Scopes != nil {
			t.Scopes = req.Scopes
		}
		if req.Name != nil {
			t.Name = name
		}
		if req.Description != nil {
			t.Description = *req.Description
		}
		if req.Expiry.Given {
			t.ExpiresAt = end
		}
		if req.AllowedCIDRs != nil {
			t.AllowedCIDRs = networks
		}
	}, bad
}
