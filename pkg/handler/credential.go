package handler

import (
	"encoding/base64"
	"errors"
	"regexp"
	"strings"

	"github.com/counterfoil/counterfoil/pkg/api"
	"github.com/counterfoil/counterfoil/pkg/pat"
)

var (
	credentialPattern = regexp.MustCompile(api.CredentialPattern)
	errNoCredential   = errors.New("not one Bearer or Basic credential")
)

// credential reads an Authorization header: Bearer (RFC 6750 section 2.1), or
// Basic (RFC 7617) as git, curl -u and others send it unasked. Of Basic the
// password counts, or the user name where the password is empty.
func credential(header string) (pat.Secret, error) {
	if !credentialPattern.MatchString(header) {
		return pat.Secret{}, errNoCredential
	}
	scheme, value, _ := strings.Cut(header, " ")
	value = strings.TrimLeft(value, " ")
	if strings.EqualFold(scheme, "bearer") {
		return pat.NewSecret(value), nil
	}
	pair, err := base64.StdEncoding.Strict().DecodeString(value)
	if err != nil {
		return pat.Secret{}, errNoCredential // the cause would quote the header
	}
	user, password, ok := strings.Cut(string(pair), ":")
	switch {
	case !ok:
		return pat.Secret{}, errNoCredential
	case password != "":
		return pat.NewSecret(password), nil
	}
	return pat.NewSecret(user), nil
}

// one returns the only value of a header, whatever the case of its name.
func one(headers map[string][]string, name string) (string, bool) {
	var found []string
	for key, values := range headers {
		if strings.EqualFold(key, name) {
			found = append(found, values...)
		}
	}
	if len(found) != 1 {
		return "", false
	}
	return found[0], true
}
