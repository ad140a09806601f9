package pat

import (
	"context"
	"errors"
	"strings"
	"time"
)

// UnsupportedTokenType is a code of RFC 7009 section 2.2.1.
const UnsupportedTokenType = "unsupported_token_type"

// Revocation kills the token that a value belongs to, for whoever holds it
// (RFC 7009): neither networks nor anything about the owner protects it, because
// whoever shows a value may have found it. What is no value of ours, or a
// previous one whose grace is over, changes nothing and is no error, so that
// nobody can find out by it. Errors: *OAuthError, ErrUnavailable.
func (s *Service) Revocation(ctx context.Context, value Secret) error {
	switch text := value.Reveal(); {
	case text == "":
		return invalidRequest("token is missing")
	case strings.Count(text, ".") == 2:
		return &OAuthError{Code: UnsupportedTokenType, Description: "a JWT dies with its personal access token, or within its lifetime"}
	}
	return s.killByValue(ctx, value, Doer{Kind: DoerHolder})
}

// killByValue kills the token that a value belongs to, and does nothing for any
// other value.
func (s *Service) killByValue(ctx context.Context, value Secret, by Doer) error {
	id, err := Parse(value)
	if err != nil {
		return nil
	}
	return s.retry(ctx, func() error {
		token, owner, err := s.Store.Look(ctx, id)
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		if err != nil {
			return unavailable("look up a token", err)
		}
		if token = owner.Stopped(token); !token.works(value, s.now()) {
			return nil
		}
		return s.kill(ctx, token, owner, by)
	})
}

// works reports whether a value is one of the token's that has not been replaced:
// the one of now, or the one before within its grace.
func (t Token) works(value Secret, now time.Time) bool {
	gen, ok := t.genOf(value)
	return ok && (gen == t.Gen || gen == t.PreviousGen && t.hasPrevious(now)) && !t.gone(now)
}
