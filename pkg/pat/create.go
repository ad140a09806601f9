package pat

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Bounds of a token's fields, in code points or entries.
const (
	maxName        = 80
	maxDescription = 500
	maxScopes      = 32
	maxCIDRs       = 16
	// minLife is how far ahead an end must at least be.
	minLife = time.Minute
)

// An Expiry is the end that somebody asks for. The zero Expiry leaves it to the
// policy.
type Expiry struct {
	Given bool
	// At is the end; zero, when Given, means none.
	At time.Time
}

// A CreateRequest is a token that somebody wishes for.
type CreateRequest struct {
	Name         string
	Description  string
	Scopes       []string
	Expiry       Expiry
	AllowedCIDRs []string
	// Bad is what was found wrong with the request while it was read; its
	// fields are not judged again.
	Bad InvalidError
}

// A View is a token as its owner sees it at one moment.
type View struct {
	Token
	Owner  string // the owner's sub
	Status Status
	EndsAt time.Time // the effective end; zero means none
	// PreviousEndsAt is when the value before stops; zero where none works.
	PreviousEndsAt time.Time
}

func (s *Service) view(t Token, owner Owner, p Policy) View {
	now := s.now()
	t = owner.Stopped(t)
	t.ScopesUsed = intersect(t.ScopesUsed, t.Scopes)
	v := View{Token: t, Owner: owner.Person.Subject, Status: p.Status(t, owner, now), EndsAt: p.Ends(t)}
	if v.Status == Active && t.hasPrevious(now) {
		v.PreviousEndsAt = earlier(t.PreviousUntil, v.EndsAt)
	}
	return v
}

// Created is a new token with its value: one of the two answers that hold one.
type Created struct {
	View
	Value Secret
}

// Create makes a token for the person of a session. Errors: ErrForbidden (not
// a session, or of a person who may create none), *ReauthError, *InvalidError, *ScopeError (a scope that the person may not
// grant), ErrNameTaken, ErrTokenLimit, ErrUnavailable.
func (s *Service) Create(ctx context.Context, by Grant, req CreateRequest) (Created, error) {
	if err := by.needsPerson(); err != nil {
		return Created{}, err
	}
	shared, err := s.shared(ctx)
	if err != nil {
		return Created{}, err
	}
	if err := s.recent(by, shared.Policy); err != nil {
		return Created{}, err
	}
	if err := mayCreate(by, shared.Policy); err != nil {
		return Created{}, err
	}
	token, err := s.draft(req, shared)
	if err != nil {
		return Created{}, err
	}
	var value Secret
	var owner Owner
	err = s.retry(ctx, func() error {
		if owner, err = s.see(ctx, &by, shared); err != nil {
			return err
		}
		if err := mayCreate(by, shared.Policy); err != nil { // judged by what is kept
			return err
		}
		grantable := shared.Catalogue.Grantable(by.Groups)
		if missing := without(token.Scopes, grantable); len(missing) > 0 {
			return &ScopeError{Missing: missing}
		}
		if owner, err = s.makeRoom(ctx, owner, token, shared.Policy.MaxTokensPerPerson); err != nil {
			return err
		}
		if owner.Next >= maxNumber {
			return ErrTokenLimit
		}
		token.ID = NewID(owner.Slot, owner.Next)
		if value, err = Mint(s.random(), token.ID); err != nil {
			return err
		}
		token.Hash = HashOf(value)
		token.OwnedBy, token.Changed = by.Person.Subject, s.mark(ctx, by.doer(), 1)
		owner.Next++
		owner.Live++
		err = s.Store.Create(ctx, Creation{Token: token, NameKey: nameKey(token.Name), Owner: owner})
		if err != nil {
			return unavailable("write a token", err)
		}
		return nil
	})
	if err != nil {
		return Created{}, err
	}
	token.Version = 1
	return Created{View: s.view(token, owner, shared.Policy), Value: value}, nil
}

// mayCreate refuses a person whom the policy lets create no token.
func mayCreate(by Grant, p Policy) error {
	if !p.letsCreate(by.Groups) {
		return fmt.Errorf("%w: the policy lets this person create no token", ErrForbidden)
	}
	return nil
}

// makeRoom returns the owner with a place under the cap. Expiry does not count
// down, so a full counter is checked against the tokens themselves, once.
func (s *Service) makeRoom(ctx context.Context, owner Owner, wanted Token, limit int) (Owner, error) {
	if owner.Live < limit {
		return owner, nil
	}
	live, taken := 0, false
	err := s.each(ctx, owner, func(t Token) {
		if owner.Stopped(t).holdsPlace(wanted.CreatedAt) {
			live++
			taken = taken || nameKey(t.Name) == nameKey(wanted.Name)
		}
	})
	if err != nil {
		return Owner{}, err
	}
	if taken {
		return Owner{}, ErrNameTaken
	}
	if live != owner.Live {
		owner.Live = live
		if err := s.Store.Recount(ctx, owner); err != nil {
			return Owner{}, unavailable("count tokens", err)
		}
		owner.Version++
	}
	if live >= limit {
		return Owner{}, ErrTokenLimit
	}
	return owner, nil
}

// draft judges every field of a request and returns the token it describes,
// without an id and a value.
func (s *Service) draft(req CreateRequest, shared Settings) (Token, error) {
	now := s.now().UTC().Truncate(time.Second)
	bad := InvalidError{Detail: req.Bad.Detail, Fields: slices.Clone(req.Bad.Fields)}
	token := Token{
		Name:        strings.TrimSpace(req.Name),
		Description: req.Description,
		Scopes:      req.Scopes,
		CreatedAt:   now,
		ExpiresAt:   req.Expiry.At.UTC().Truncate(time.Second),
		Gen:         1,
	}
	if bad.Detail != "" { // there are no fields to judge
		return Token{}, &bad
	}
	if !bad.has("name") {
		checkName(&bad, token.Name)
	}
	if !bad.has("description") {
		checkText(&bad, "description", token.Description, maxDescription)
	}
	if !bad.has("scopes") {
		checkScopes(&bad, req.Scopes, shared.Catalogue)
	}
	if !bad.has("expires_at") {
		draftEnd(&bad, &token, req.Expiry, shared.Policy)
	}
	if !bad.has("allowed_cidrs") {
		token.AllowedCIDRs = checkCIDRs(&bad, req.AllowedCIDRs)
	}
	return token, bad.or()
}

// draftEnd judges the end that a new token shall have, or gives it the policy's.
func draftEnd(bad *InvalidError, token *Token, asked Expiry, p Policy) {
	switch {
	case !asked.Given:
		token.ExpiresAt = p.firstEnd(token.CreatedAt)
		if token.ExpiresAt.IsZero() && p.RequireExpiry {
			bad.Add("expires_at", "is required: a token must have an end")
		}
	case asked.At.IsZero():
		p.checkNoEnd(bad)
	default:
		checkEnd(bad, token.ExpiresAt, token.CreatedAt)
		if !bad.has("expires_at") {
			p.checkEnd(bad, *token, token.ExpiresAt)
		}
	}
}

func checkName(bad *InvalidError, name string) {
	if name == "" {
		bad.Add("name", "must have 1 to %d characters", maxName)
		return
	}
	checkText(bad, "name", name, maxName)
	checkVisible(bad, "name", name)
}

// checkVisible judges a text that people tell from others by its looks.
func checkVisible(bad *InvalidError, field, text string) {
	for _, r := range text {
		if invisible(r) {
			bad.Add(field, "must not hold control or invisible characters (it holds U+%04X)", r)
			return
		}
	}
}

func checkText(bad *InvalidError, field, text string, most int) {
	if !utf8.ValidString(text) {
		bad.Add(field, "must be valid UTF-8")
	} else if n := utf8.RuneCountInString(text); n > most {
		bad.Add(field, "must have at most %d characters, has %d", most, n)
	}
}

func checkScopes(bad *InvalidError, scopes []string, catalogue Catalogue) {
	if len(scopes) < 1 || len(scopes) > maxScopes {
		bad.Add("scopes", "must name 1 to %d scopes, names %d", maxScopes, len(scopes))
		return
	}
	for i, name := range scopes {
		switch _, known := catalogue.find(name); {
		case slices.Contains(scopes[:i], name):
			bad.Add("scopes", "names %q twice", clip(name))
		case !known:
			bad.Add("scopes", "there is no scope %q", clip(name))
		}
	}
}

func checkEnd(bad *InvalidError, end, now time.Time) {
	switch {
	case end.Before(now.Add(minLife)):
		bad.Add("expires_at", "must be at least a minute ahead")
	case end.Year() > 9999:
		bad.Add("expires_at", "must not be later than the year 9999")
	}
}

func checkCIDRs(bad *InvalidError, cidrs []string) []netip.Prefix {
	const field = "allowed_cidrs"
	if len(cidrs) > maxCIDRs {
		bad.Add(field, "must name at most %d networks, names %d", maxCIDRs, len(cidrs))
		return nil
	}
	var networks []netip.Prefix
	for _, cidr := range cidrs {
		switch n, err := netip.ParsePrefix(cidr); {
		case err != nil:
			bad.Add(field, "%q is not a network such as 192.0.2.0/24 or 2001:db8::/32", clip(cidr))
		case n.Addr().Is4In6():
			bad.Add(field, "%q must be written as an IPv4 network", clip(cidr))
		case n != n.Masked():
			bad.Add(field, "%q has host bits set; the network is %s", clip(cidr), n.Masked())
		case slices.Contains(networks, n):
			bad.Add(field, "names %q twice", clip(cidr))
		default:
			networks = append(networks, n)
		}
	}
	return networks
}

// nameKey is a name as it is compared: two names that look alike to a person,
// by Unicode's canonical equivalence and case folding, are one.
func nameKey(name string) string {
	folded := cases.Fold().String(norm.NFD.String(name))
	return norm.NFC.String(strings.Map(foldCherokee, folded))
}

// foldCherokee folds what cases.Fold leaves out.
func foldCherokee(r rune) rune {
	switch {
	case 0xAB70 <= r && r <= 0xABBF:
		return r - 0xAB70 + 0x13A0
	case 0x13F8 <= r && r <= 0x13FD:
		return r - 8
	}
	return r
}

// invisible reports whether a character shows nothing, or could be taken for
// nothing: it could make two different names look the same in a list.
func invisible(r rune) bool {
	switch {
	case r == ' ':
		return false
	case r == 0x2800, r == 0x1D159: // braille pattern blank, musical null notehead: symbols to Unicode
		return true
	case unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector, unicode.Noncharacter_Code_Point):
		return true
	}
	return !unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S)
}

// clip keeps what a client sent, and gets quoted back, short: far shorter than
// a secret in the wrong place.
func clip(s string) string {
	const most = 20
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "…"
}

// without returns the members of a that are not in b.
func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}
