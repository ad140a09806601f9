package pat

import (
	"context"
	"errors"
	"time"
)

// A Profile is a person as an administrator sees them.
type Profile struct {
	Subject  string
	Disabled bool
	// Groups are those that mean something here.
	Groups []string
	// Active counts the tokens that work.
	Active int
	// SeenAt is their last signed-in request, noted once a day; zero for never.
	SeenAt time.Time
}

// People returns a person. Somebody who was never seen has nothing. Errors:
// ErrForbidden (not an administrator), *ReauthError, *InvalidError,
// ErrUnavailable.
func (s *Service) People(ctx context.Context, by Grant, sub string, bad InvalidError) (Profile, error) {
	shared, err := s.administers(ctx, by)
	if err != nil {
		return Profile{}, err
	}
	if checkSubject(&bad, "sub", sub); bad.or() != nil {
		return Profile{}, &bad
	}
	owner, err := s.owner(ctx, s.person(sub))
	if errors.Is(err, ErrNotFound) {
		return Profile{Subject: sub, Groups: []string{}}, nil
	}
	if err != nil {
		return Profile{}, err
	}
	return s.profile(ctx, owner, shared)
}

func (s *Service) profile(ctx context.Context, owner Owner, shared Settings) (Profile, error) {
	p := Profile{
		Subject:  owner.Person.Subject,
		Disabled: owner.Disabled,
		Groups:   intersect(owner.Groups, s.groups(shared)),
		SeenAt:   owner.SeenAt,
	}
	err := s.each(ctx, owner, func(t Token) {
		if shared.Policy.Status(t, owner, s.now()) == Active {
			p.Active++
		}
	})
	return p, err
}

// each calls do with every token that is kept of an owner's, newest first.
func (s *Service) each(ctx context.Context, owner Owner, do func(Token)) error {
	for before := ID(""); ; {
		page, err := s.Store.List(ctx, owner.Slot, before, maxPage)
		if err != nil {
			return unavailable("read a person's tokens", err)
		}
		for _, t := range page {
			do(t)
		}
		if len(page) < maxPage {
			return nil
		}
		before = page[len(page)-1].ID
	}
}

// person is who the people's issuer calls so.
func (s *Service) person(sub string) Person {
	return Person{Issuer: s.PeopleIssuer, Subject: sub}
}

const maxSubject = 255

// checkSubject judges a subject, unless something is already wrong with it.
func checkSubject(bad *InvalidError, field, sub string) {
	if bad.Detail != "" || bad.has(field) {
		return
	}
	if sub == "" {
		bad.Add(field, "must have 1 to %d characters", maxSubject)
		return
	}
	checkText(bad, field, sub, maxSubject)
}
