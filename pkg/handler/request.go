package handler

import (
	"encoding/base64"
	"fmt"
	"maps"
	"mime"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/counterfoil/counterfoil/pkg/api"
	"github.com/counterfoil/counterfoil/pkg/pat"
)

// A request is an event of a route, with what the authorizer granted. Open
// routes have no grant.
type request struct {
	event events.APIGatewayProxyRequest
	by    pat.Grant
	line  *line
}

// address is where the connection came from. Nobody reads X-Forwarded-For:
// anybody can write it. An address that cannot be read lies in no network.
func (r request) address() netip.Addr {
	addr, _ := netip.ParseAddr(r.event.RequestContext.Identity.SourceIP)
	return addr
}

// param decodes a path parameter, once: API Gateway passes it on encoded.
func (r request) param(name string) string {
	value, err := url.PathUnescape(r.event.PathParameters[name])
	if err != nil {
		return ""
	}
	return value
}

// query returns a query parameter. One that is given twice is bad, and so is one
// that was no UTF-8: a gateway that writes it as JSON puts U+FFFD in its place, and
// that would be somebody else's sub.
func (r request) query(bad *pat.InvalidError, name string) (value string, given bool) {
	values := r.event.MultiValueQueryStringParameters[name]
	if len(values) > 1 {
		bad.Add(name, "is given twice")
	}
	if len(values) == 0 {
		return "", false
	}
	if strings.ContainsRune(values[0], utf8.RuneError) { // as invalid bytes too
		bad.Add(name, "must be valid UTF-8")
	}
	return values[0], true
}

// body returns the body as the client sent it, if it is of the type and not
// larger than the bytes given.
func (r request) body(mediaType string, most int) ([]byte, error) {
	body := []byte(r.event.Body)
	if r.event.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(r.event.Body); err != nil {
			return nil, fmt.Errorf("body of the event: %w", err)
		}
	}
	if len(body) > 0 && !r.hasType(mediaType) {
		return nil, errMediaType
	}
	if len(body) > most {
		return nil, errTooLarge
	}
	return body, nil
}

func (r request) hasType(want string) bool {
	header, ok := one(r.event.MultiValueHeaders, "Content-Type")
	if !ok {
		return false
	}
	got, params, err := mime.ParseMediaType(header)
	charset, given := params["charset"]
	return err == nil && got == want && (!given || strings.EqualFold(charset, "utf-8"))
}

// An object reads a JSON body member by member, so that everything wrong with
// it can be told at once.
type object struct {
	members map[string]jsontext.Value
	bad     *pat.InvalidError
}

// object reads the body as one JSON object: no name twice, no invalid UTF-8,
// nothing behind it, and no other names than those given.
func (r request) object(names ...string) (object, error) {
	body, err := r.body("application/json", api.MaxBody)
	if err != nil {
		return object{}, err
	}
	return newObject(body, names), nil
}

// objectOrNothing is object, but no body is an empty one.
func (r request) objectOrNothing(names ...string) (object, error) {
	body, err := r.body("application/json", api.MaxBody)
	if err != nil {
		return object{}, err
	}
	if len(body) == 0 {
		body = []byte("{}")
	}
	return newObject(body, names), nil
}

func newObject(body []byte, names []string) object {
	o := object{bad: &pat.InvalidError{}}
	if err := json.Unmarshal(body, &o.members); err != nil || o.members == nil {
		o.members = nil // what was read before the error is not the request
		o.bad.Detail = "the body must be one JSON object in UTF-8, no name twice"
		return o
	}
	for _, name := range slices.Sorted(maps.Keys(o.members)) {
		if !slices.Contains(names, name) {
			o.bad.AddUnknown(short(name))
		}
	}
	return o
}

// short keeps an unknown name from being a secret that is quoted back.
func short(name string) string {
	const most = 20
	if runes := []rune(name); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return name
}

// read reads a member into its type. It returns false where the member is
// absent or bad; null is bad for all that is read with it.
func (o object) read(name, kind string, into any) bool {
	value, given := o.members[name]
	if !given {
		return false
	}
	if value.Kind() == 'n' || json.Unmarshal(value, into) != nil {
		o.bad.Add(name, "must be %s", kind)
		return false
	}
	return true
}

// integer reads a member of digits only, up to what 31 bits hold; 0 where it is
// absent or bad.
func (o object) integer(name string) int {
	value, given := o.members[name]
	if !given {
		return 0
	}
	n, err := strconv.ParseUint(string(value), 10, 31)
	if err != nil {
		o.bad.Add(name, "must be a number in digits")
	}
	return int(n)
}

// integerOrNull is integer for a member that may be null: that, absent and bad
// are all 0, so 0 itself is bad.
func (o object) integerOrNull(name string) int {
	if o.members[name].Kind() == 'n' {
		return 0
	}
	n := o.integer(name)
	if _, given := o.members[name]; given && n == 0 && !o.isBad(name) {
		o.bad.Add(name, "must be more than 0, or null")
	}
	return n
}

func (o object) isBad(name string) bool {
	return slices.ContainsFunc(o.bad.Fields, func(f pat.FieldError) bool { return f.Field == name })
}

// require notes a member that is absent.
func (o object) require(names ...string) {
	if o.members == nil {
		return
	}
	for _, name := range names {
		if _, given := o.members[name]; !given {
			o.bad.Add(name, "is required")
		}
	}
}

// rfc3339 is section 5.6 of it. time.Parse alone takes an hour of one digit, a
// comma in the seconds and an offset of a day.
var rfc3339 = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`)

// expiry reads an end: RFC 3339, or null for none.
func (o object) expiry(name string) pat.Expiry {
	if value, given := o.members[name]; given && value.Kind() == 'n' {
		return pat.Expiry{Given: true}
	}
	const kind = "a time such as 2027-01-31T12:00:00Z, or null for no end"
	var text string
	if !o.read(name, kind, &text) {
		return pat.Expiry{}
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil || at.IsZero() || !rfc3339.MatchString(text) {
		o.bad.Add(name, "must be %s", kind)
		return pat.Expiry{}
	}
	return pat.Expiry{Given: true, At: at}
}

// integer reads a query parameter of digits only.
func (r request) integer(bad *pat.InvalidError, name string, absent int) int {
	text, given := r.query(bad, name)
	if !given {
		return absent
	}
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		bad.Add(name, "must be a number in digits")
		return absent
	}
	return int(n)
}

// form reads the body as a form (RFC 6749 appendix B). A parameter without a
// value counts as absent; one that is there twice is refused, but for those
// named.
func (r request) form(repeatable ...string) (url.Values, error) {
	body, err := r.body("application/x-www-form-urlencoded", api.MaxForm)
	if err != nil {
		return nil, err
	}
	all, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, invalidRequest("the form cannot be read")
	}
	form := url.Values{}
	for name, values := range all {
		for _, value := range values {
			if !utf8.ValidString(name) || !utf8.ValidString(value) {
				return nil, invalidRequest("the form is not UTF-8")
			}
			if value != "" {
				form.Add(name, value)
			}
		}
		if len(form[name]) > 1 && !slices.Contains(repeatable, name) {
			return nil, invalidRequest("a parameter is given twice")
		}
	}
	return form, nil
}

func invalidRequest(description string) error {
	return &pat.OAuthError{Code: pat.InvalidRequest, Description: description}
}
