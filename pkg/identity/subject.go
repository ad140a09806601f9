package identity

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxSubject bounds a sub, in code points: OpenID Connect Core section 2 wants
// no more than 255.
const maxSubject = 255

// subject returns who the JWT is about. One that is too long is refused, never
// cut, or two people would become one; so is one with control characters, which
// no issuer needs and which could end a key or a line where it is written.
func (o object) subject() (string, error) {
	sub, err := o.text("sub")
	if err != nil {
		return "", err
	}
	if utf8.RuneCountInString(sub) > maxSubject || strings.ContainsFunc(sub, unicode.IsControl) {
		return "", refused("sub is too long or holds control characters")
	}
	return sub, nil
}

// audience returns whom the JWT is for, if that includes the one given.
func (o object) audience(wanted string) ([]string, error) {
	aud, err := o.texts("aud")
	if err != nil {
		return nil, err
	}
	if !slices.Contains(aud, wanted) {
		return nil, refused("the JWT is for another audience")
	}
	return short(aud), nil
}
