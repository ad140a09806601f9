package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/counterfoil/counterfoil/pkg/api"
)

// A FieldError is one thing wrong with one field.
type FieldError = api.FieldError

// An Error is an answer that refuses: RFC 9457, and on any route what the
// gateway itself says. Match it by its code with errors.Is:
//
//	errors.Is(err, client.ErrNameTaken)
type Error struct {
	Status int
	Code   api.Code // empty where whoever answered is not the API
	Title  string
	Detail string
	// Fields are everything wrong with the request, of an invalid_request.
	Fields []FieldError
	// MissingScope is what the credential lacks, space separated, of an
	// insufficient_scope.
	MissingScope string
	// MaxAge is how old a sign-in may be, of an ErrSignInAgain (RFC 9470).
	MaxAge time.Duration
	// RequestID leads to the server's log.
	RequestID string
	// RetryAfter is how long the server asks to wait; 0 where it does not.
	RetryAfter time.Duration
}

// An OAuthError is what a route under /oauth/ refuses: RFC 6749 section 5.2.
// Match it by its code with errors.Is.
type OAuthError struct {
	Status      int
	Code        string
	Description string
	RequestID   string
	RetryAfter  time.Duration
}

// What the API answers, to match with errors.Is.
var (
	ErrInvalidRequest    error = &Error{Code: api.InvalidRequest}
	ErrUnauthorized      error = &Error{Code: api.Unauthorized}
	ErrSignInAgain       error = &Error{Code: api.SignInAgain}
	ErrInsufficientScope error = &Error{Code: api.InsufficientScope}
	ErrForbidden         error = &Error{Code: api.Forbidden}
	ErrNotFound          error = &Error{Code: api.NotFound}
	ErrNameTaken         error = &Error{Code: api.NameTaken}
	ErrTokenLimit        error = &Error{Code: api.TokenLimit}
	ErrTokenNotActive    error = &Error{Code: api.TokenNotActive}
	ErrConflict          error = &Error{Code: api.Conflict}
	ErrTooManyRequests   error = &Error{Code: api.TooManyRequests}
	ErrUnavailable       error = &Error{Code: api.Unavailable}

	// ErrBadForm is also the answer to a subject or an actor that is not good.
	ErrBadForm                error = &OAuthError{Code: "invalid_request"}
	ErrInvalidScope           error = &OAuthError{Code: "invalid_scope"}
	ErrInvalidTarget          error = &OAuthError{Code: "invalid_target"}
	ErrUnsupportedTokenType   error = &OAuthError{Code: "unsupported_token_type"}
	ErrTemporarilyUnavailable error = &OAuthError{Code: "temporarily_unavailable"}
)

// Error tells what the server said.
func (e *Error) Error() string {
	if e.Code == "" {
		return fmt.Sprintf("status %d, and not from the API", e.Status)
	}
	text := strings.ToLower(string(e.Code))
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	if e.MissingScope != "" {
		text += ": missing " + e.MissingScope
	}
	for _, f := range e.Fields {
		text += "; " + f.Field + ": " + f.Message
	}
	return text
}

// Is matches by code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code != "" && t.Code == e.Code
}

// Error tells what the server said.
func (e *OAuthError) Error() string {
	if e.Description == "" {
		return e.Code
	}
	return e.Code + ": " + e.Description
}

// Is matches by code.
func (e *OAuthError) Is(target error) bool {
	t, ok := target.(*OAuthError)
	return ok && t.Code == e.Code
}

// errorOf reads a refusal: a problem, an error of OAuth, or something of
// whoever stands between us and the API.
func errorOf(resp *http.Response, body []byte) error {
	id, wait := resp.Header.Get("X-Request-Id"), waitOf(resp.Header)
	mediaType, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	var problem api.Problem
	var oauth api.OAuthError
	switch {
	case mediaType == "application/problem+json" && json.Unmarshal(body, &problem) == nil && problem.Code != "":
		e := &Error{Status: resp.StatusCode, Code: api.Code(problem.Code), Title: problem.Title, Detail: problem.Detail, Fields: problem.Errors, MaxAge: time.Duration(problem.MaxAge) * time.Second, RequestID: id, RetryAfter: wait}
		if problem.MissingScope != nil {
			e.MissingScope = *problem.MissingScope
		}
		return e
	case mediaType == "application/json" && json.Unmarshal(body, &oauth) == nil && oauth.Error != "":
		return &OAuthError{Status: resp.StatusCode, Code: oauth.Error, Description: oauth.Description, RequestID: id, RetryAfter: wait}
	}
	return &Error{Status: resp.StatusCode, RequestID: id, RetryAfter: wait}
}

// waitOf reads Retry-After in seconds, the only way that the API writes it.
func waitOf(header http.Header) time.Duration {
	seconds, err := strconv.ParseUint(header.Get("Retry-After"), 10, 31)
	if err != nil {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

// retryAfter returns how long a 429 or a 503 asks to wait.
func retryAfter(err error) time.Duration {
	status, wait := 0, time.Duration(0)
	if e := (*Error)(nil); errors.As(err, &e) {
		status, wait = e.Status, e.RetryAfter
	}
	if e := (*OAuthError)(nil); errors.As(err, &e) {
		status, wait = e.Status, e.RetryAfter
	}
	if status != http.StatusTooManyRequests && status != http.StatusServiceUnavailable {
		return 0
	}
	return wait
}

// IsOutage reports whether an error says nothing about the credential: no
// answer came, or the server could not judge. Trying later may help.
func IsOutage(err error) bool {
	status := 0
	if e := (*Error)(nil); errors.As(err, &e) {
		status = e.Status
	}
	if e := (*OAuthError)(nil); errors.As(err, &e) {
		status = e.Status
	}
	return status == http.StatusTooManyRequests || status >= 500 || noAnswer(err)
}

// noAnswer reports whether none came, or only a part of one.
func noAnswer(err error) bool {
	e := (*url.Error)(nil)
	return errors.As(err, &e)
}
