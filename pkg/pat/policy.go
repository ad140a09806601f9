package pat

import (
	"context"
	"slices"
	"time"
)

// A Policy is what the administrators decided. Zero means that nothing is
// limited, but for the cap.
//
// It never re-dates a token and never removes one: everything here is judged at
// each use, so that loosening gives back what tightening took.
type Policy struct {
	// MaxLifetimeDays counts from a token's creation: 1–3650. It holds for
	// existing tokens too.
	MaxLifetimeDays int
	// DefaultLifetimeDays is the end of a token whose creator names none; not
	// above MaxLifetimeDays.
	DefaultLifetimeDays int
	// RequireExpiry refuses to create a token without an end, and to take the
	// end from one.
	RequireExpiry bool
	// MaxTokensPerPerson caps the tokens that a person holds at once, 1–500. A
	// lowered cap stops creation, and no token.
	MaxTokensPerPerson int
	// CreatorGroups may create tokens: nil means everybody, empty nobody.
	CreatorGroups []string
	// MaxIdleDays disables a token that gave no sign of life for so long: see
	// IdleAt.
	MaxIdleDays int
	// MaxAbsenceDays disables the tokens of a person who made no signed-in
	// request for so long: see AbsentAt.
	MaxAbsenceDays int
	// ReauthSeconds is how long ago a person may have signed in to create or
	// rotate a token, and to administer: 60–86400.
	ReauthSeconds int
}

// DefaultPolicy holds until an administrator says otherwise.
var DefaultPolicy = Policy{MaxTokensPerPerson: 50}

const day = 24 * time.Hour

func days(n int) time.Duration { return time.Duration(n) * day }

// Ends is a token's effective end: its own, or the latest that the policy
// allows. Zero means none.
func (p Policy) Ends(t Token) time.Time { return earlier(t.ExpiresAt, p.latestEnd(t)) }

// latestEnd is what the policy allows of a token; zero means any, and none.
func (p Policy) latestEnd(t Token) time.Time {
	if p.MaxLifetimeDays == 0 {
		return time.Time{}
	}
	return t.CreatedAt.Add(days(p.MaxLifetimeDays))
}

// IdleAt is when a token will have been idle for too long, if nothing happens to
// it: it is not used where our authorizer stands or at exchange, not changed, not
// rotated. That somebody asks about it (introspection) is no use. Zero means
// never. A use is noted once an hour, so an hour is added: nobody loses a token
// that they used in time.
func (p Policy) IdleAt(t Token) time.Time {
	if p.MaxIdleDays == 0 {
		return time.Time{}
	}
	life := t.CreatedAt
	for _, sign := range []time.Time{t.UpdatedAt, t.RotatedAt, t.LastUsedAt} {
		if sign.After(life) {
			life = sign
		}
	}
	return life.Add(days(p.MaxIdleDays) + usedEvery)
}

// AbsentAt is when a person will have been away for too long, if they make no
// signed-in request to our own API. Zero means never. A request is noted once a
// day, so a day is added: nobody counts as absent who was there in time.
func (p Policy) AbsentAt(o Owner) time.Time {
	if p.MaxAbsenceDays == 0 {
		return time.Time{}
	}
	return o.SeenAt.Add(days(p.MaxAbsenceDays) + seenEvery)
}

// Status tells the state of a token at the moment now.
func (p Policy) Status(t Token, o Owner, now time.Time) Status {
	t = o.Stopped(t)
	switch {
	case !t.RevokedAt.IsZero():
		return Revoked
	case passed(p.Ends(t), now):
		return Expired
	case p.stops(o, now), passed(p.IdleAt(t), now):
		return Disabled
	}
	return Active
}

// stops reports whether nothing of this person's works, whatever it is: by an
// administrator's word, or because they are away.
func (p Policy) stops(o Owner, now time.Time) bool {
	return o.Disabled || passed(p.AbsentAt(o), now)
}

// letsCreate reports whether somebody of these groups may create tokens.
func (p Policy) letsCreate(groups []string) bool {
	return p.CreatorGroups == nil || len(intersect(p.CreatorGroups, groups)) > 0
}

// firstEnd is the end of a new token whose creator names none; zero means none.
func (p Policy) firstEnd(created time.Time) time.Time {
	switch {
	case p.DefaultLifetimeDays > 0:
		return created.Add(days(p.DefaultLifetimeDays))
	case p.MaxLifetimeDays > 0:
		return created.Add(days(p.MaxLifetimeDays))
	}
	return time.Time{}
}

// checkNoEnd judges that a token shall have no end.
func (p Policy) checkNoEnd(bad *InvalidError) {
	switch {
	case p.MaxLifetimeDays > 0:
		bad.Add("expires_at", "must not be null: the policy's max_lifetime_days is %d", p.MaxLifetimeDays)
	case p.RequireExpiry:
		bad.Add("expires_at", "must not be null: a token must have an end")
	}
}

// checkEnd judges the end that a token shall have.
func (p Policy) checkEnd(bad *InvalidError, t Token, end time.Time) {
	if latest := p.latestEnd(t); !latest.IsZero() && end.After(latest) {
		bad.Add("expires_at", "must not be later than %s", latest.UTC().Format(time.RFC3339))
	}
}

// check judges every field by itself, and together. The fields that the door
// found bad are not judged again.
func (p Policy) check(bad *InvalidError) {
	between := func(field string, n, least, most int) {
		if (n < least || n > most) && !bad.has(field) {
			bad.Add(field, "must be %d to %d", least, most)
		}
	}
	orNone := func(field string, n, least, most int) {
		if n != 0 {
			between(field, n, least, most)
		}
	}
	const maxDays = 3650
	orNone("max_lifetime_days", p.MaxLifetimeDays, 1, maxDays)
	orNone("default_lifetime_days", p.DefaultLifetimeDays, 1, maxDays)
	if p.MaxLifetimeDays > 0 && p.DefaultLifetimeDays > p.MaxLifetimeDays && !bad.has("default_lifetime_days") && !bad.has("max_lifetime_days") {
		bad.Add("default_lifetime_days", "must not be more than max_lifetime_days")
	}
	between("max_tokens_per_person", p.MaxTokensPerPerson, 1, 500)
	if !bad.has("creator_groups") {
		checkGroups(bad, p.CreatorGroups)
	}
	orNone("max_idle_days", p.MaxIdleDays, 1, maxDays)
	orNone("max_absence_days", p.MaxAbsenceDays, 1, maxDays)
	orNone("reauth_seconds", p.ReauthSeconds, 60, 86400)
}

// Bounds of the policy's groups: they are kept on every owner's item.
const (
	maxCreatorGroups = 32
	maxGroup         = 256 // code points, as of a session's
)

func checkGroups(bad *InvalidError, groups []string) {
	const field = "creator_groups"
	if len(groups) > maxCreatorGroups {
		bad.Add(field, "must name at most %d groups, names %d", maxCreatorGroups, len(groups))
		return
	}
	for i, group := range groups {
		before := len(bad.Fields)
		if group == "" {
			bad.Add(field, "must not name an empty group")
		} else {
			checkText(bad, field, group, maxGroup)
			checkVisible(bad, field, group)
		}
		if len(bad.Fields) == before && slices.Contains(groups[:i], group) {
			bad.Add(field, "names %q twice", clip(group))
		}
	}
}

// ReadPolicy returns the policy as it is now. Errors: ErrForbidden (not an
// administrator), *ReauthError, ErrUnavailable.
func (s *Service) ReadPolicy(ctx context.Context, by Grant) (Policy, error) {
	if err := s.administrator(ctx, by); err != nil {
		return Policy{}, err
	}
	// Not what this function may have kept: who has just changed it reads it.
	shared, err := s.Store.Settings(ctx)
	if err != nil {
		return Policy{}, unavailable("read settings", err)
	}
	return shared.Policy, nil
}

// passed reports whether a moment has come; zero never does.
func passed(at, now time.Time) bool { return !at.IsZero() && !now.Before(at) }
