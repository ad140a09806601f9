package pat

import (
	"context"
	"time"
)

// A preview looks at no more than so many tokens, or pages: a page holds at most
// 100 people, some of whom may have no token.
const (
	maxPreview  = 20_000
	maxPages    = 200
	previewPage = 500
)

// A Preview is what a policy would stop.
type Preview struct {
	// Tokens that are active under the policy of now and would not be.
	Tokens int
	// People are their owners.
	People int
	// Complete is false where there are more tokens than it looked at: then the
	// two are of those alone.
	Complete bool
}

// PreviewPolicy tells what SetPolicy would stop at once, and changes nothing. It
// looks at the first 20,000 tokens or people. Errors: those of SetPolicy.
func (s *Service) PreviewPolicy(ctx context.Context, by Grant, req PolicyRequest) (Preview, error) {
	if _, err := s.administers(ctx, by); err != nil {
		return Preview{}, err
	}
	if err := s.judgePolicy(by, req); err != nil {
		return Preview{}, err
	}
	now := s.now()
	held, err := s.Store.Settings(ctx) // as SetPolicy will find it
	if err != nil {
		return Preview{}, unavailable("read settings", err)
	}
	preview := Preview{Complete: true}
	people := map[Slot]bool{}
	looked, position := 0, ""
	for pages := 1; ; pages++ {
		found, next, err := s.Store.Scan(ctx, position, previewPage)
		if err != nil {
			return Preview{}, unavailable("look at everybody's tokens", err)
		}
		for _, f := range found {
			if req.Policy.takes(held.Policy, f, now) {
				preview.Tokens++
				people[f.Owner.Slot] = true
			}
		}
		looked += len(found)
		if next == "" {
			break
		}
		if looked >= maxPreview || pages == maxPages {
			preview.Complete = false
			break
		}
		position = next
	}
	preview.People = len(people)
	return preview, nil
}

// takes reports whether a token that is active under the policy before is not
// under this one.
func (p Policy) takes(before Policy, f Found, now time.Time) bool {
	return before.Status(f.Token, f.Owner, now) == Active && p.Status(f.Token, f.Owner, now) != Active
}
