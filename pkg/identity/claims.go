package identity

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	// maxText bounds what we take from a claim, in code points.
	maxText = 256
	// maxAhead is how far the issuer's clock may be ahead of ours. There is no
	// such leeway after exp: what has ended stays ended.
	maxAhead = 60 * time.Second
	// maxDate is the last second of the year 9999, beyond which RFC 3339 has
	// no spelling.
	maxDate = 253402300799
)

// An object is a JSON object of a JWT, its members as they were written. Its
// methods refuse a member that is missing or of another shape, null too: nobody
// guesses what a JWT may have meant. Their errors name our claims and quote
// nothing.
type object map[string]jsontext.Value

// parseObject refuses what is no object, a name given twice (two readers might
// take different ones), invalid UTF-8 and anything after the end.
func parseObject(text []byte) (object, error) {
	var o object
	if err := json.Unmarshal(text, &o); err != nil {
		return nil, err
	}
	if o == nil {
		return nil, errors.New("null")
	}
	return o, nil
}

func (o object) has(name string) bool {
	_, ok := o[name]
	return ok
}

// text returns a string that is not empty.
func (o object) text(name string) (string, error) {
	var s string
	if !isText(o[name]) || json.Unmarshal(o[name], &s) != nil || s == "" {
		return "", refused(name + " is missing or no text")
	}
	return s, nil
}

// texts returns an array of strings; one string alone is an array of one
// (RFC 7519 section 4.1.3).
func (o object) texts(name string) ([]string, error) {
	value := o[name]
	if isText(value) {
		value = slices.Concat(jsontext.Value("["), value, jsontext.Value("]"))
	}
	var members []jsontext.Value
	if value.Kind() != '[' || json.Unmarshal(value, &members) != nil {
		return nil, refused(name + " is missing or no list of texts")
	}
	list := make([]string, len(members))
	for i, m := range members {
		if !isText(m) || json.Unmarshal(m, &list[i]) != nil {
			return nil, refused(name + " is missing or no list of texts")
		}
	}
	return list, nil
}

// number returns a positive integer in digits.
func (o object) number(name string) (int, error) {
	n, err := strconv.Atoi(string(o[name]))
	if err != nil || n < 1 {
		return 0, refused(name + " is missing or no positive integer")
	}
	return n, nil
}

// date returns a NumericDate (RFC 7519 section 2): seconds since 1970, which
// may have a fraction.
func (o object) date(name string) (time.Time, error) {
	seconds, err := strconv.ParseFloat(string(o[name]), 64) // no JSON but a number passes
	if err != nil || seconds < 0 || seconds > maxDate {
		return time.Time{}, refused(name + " is missing or no date")
	}
	whole, fraction := math.Modf(seconds)
	return time.Unix(int64(whole), int64(fraction*1e9)).UTC(), nil
}

// times judges exp, iat and nbf, and returns when the JWT was issued and when
// it ends. iat is required: which of two sessions is newer decides over groups.
func (o object) times(now time.Time) (issued, ends time.Time, err error) {
	if ends, err = o.date("exp"); err != nil {
		return issued, ends, err
	}
	if issued, err = o.date("iat"); err != nil {
		return issued, ends, err
	}
	begins := issued
	if o.has("nbf") {
		if begins, err = o.date("nbf"); err != nil {
			return issued, ends, err
		}
	}
	switch latest := now.Add(maxAhead); {
	case !now.Before(ends):
		return issued, ends, refused("the JWT has expired")
	case issued.After(latest):
		return issued, ends, refused("the JWT was issued in the future")
	case begins.After(latest):
		return issued, ends, refused("the JWT is not valid yet")
	}
	return issued, ends, nil
}

func isText(v jsontext.Value) bool { return v.Kind() == '"' }

// short leaves out what is too long to keep, and what is empty. Nothing is cut:
// a cut name could be the name of another group.
func short(list []string) []string {
	return slices.DeleteFunc(list, func(s string) bool { return s == "" || utf8.RuneCountInString(s) > maxText })
}

// cut shortens a text that people read and nothing compares.
func cut(s string) string {
	if utf8.RuneCountInString(s) <= maxText {
		return s
	}
	return string([]rune(s)[:maxText])
}
