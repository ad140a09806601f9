package api

import (
	"errors"
	"regexp"
	"slices"
	"strings"
)

// MatchRoute finds the route of a method and a path, as they were written: a
// parameter is one segment that is not empty. Literal segments win, the first
// one most.
func MatchRoute(routes []Route, method, path string) (Route, bool) {
	var best Route
	found := false
	for _, r := range routes {
		if r.Method == method && fits(r.Path, path) && (!found || precedes(r.Path, best.Path)) {
			best, found = r, true
		}
	}
	return best, found
}

// A detour is a way of writing a path that somebody may read as another path:
// a dot segment, or an encoded character that needs no encoding.
var detour = regexp.MustCompile(`/\.{1,2}(/|$)|%(2[DdEeFf]|3[0-9]|4[1-9A-Fa-f]|5[0-9AaFf]|6[1-9A-Fa-f]|7[0-9AaEe])`)

// IsDetour reports whether a path is written in a roundabout way. No policy can
// speak of such a path: what its text names, and where API Gateway leads it if it
// reads it first, can be two routes. No client needs one.
func IsDetour(path string) bool { return detour.MatchString(path) }

// fits reports whether a path is one of a route's.
func fits(pattern, path string) bool {
	want, got := strings.Split(pattern, "/"), strings.Split(path, "/")
	return slices.EqualFunc(want, got, func(w, g string) bool {
		return w == g || isParameter(w) && g != ""
	})
}

// precedes reports which of two routes answers a path that fits both.
func precedes(a, b string) bool {
	as, bs := strings.Split(a, "/"), strings.Split(b, "/")
	for i := range min(len(as), len(bs)) {
		if isParameter(as[i]) != isParameter(bs[i]) {
			return isParameter(bs[i])
		}
	}
	return false
}

// reaches reports whether the resource of one route names calls that another
// route answers.
func reaches(r, other Route) bool {
	if r.Method != other.Method {
		return false
	}
	rs, others := strings.Split(r.Path, "/"), strings.Split(other.Path, "/")
	// Of as many segments, every path that fits both is answered by the one
	// that precedes.
	if len(rs) == len(others) && precedes(r.Path, other.Path) {
		return false
	}
	return covers(rs, others)
}

// covers reports whether a resource fits some path of a route, both given in
// segments. The * of a parameter takes one segment or more.
func covers(resource, path []string) bool {
	switch {
	case len(resource) == 0 || len(path) == 0:
		return len(resource) == len(path)
	case isParameter(resource[0]):
		return covers(resource[1:], path[1:]) || covers(resource, path[1:])
	}
	return (resource[0] == path[0] || isParameter(path[0])) && covers(resource[1:], path[1:])
}

// resource writes a route as IAM can match it, below a stage.
func resource(r Route) string {
	segments := strings.Split(r.Path, "/")
	for i, s := range segments {
		if isParameter(s) {
			segments[i] = "*"
		}
	}
	return "/" + r.Method + strings.Join(segments, "/")
}

func isParameter(segment string) bool { return strings.HasPrefix(segment, "{") }

// Every part of a method ARN but the path: nothing that means something to IAM.
var plainPart = regexp.MustCompile(`^[0-9A-Za-z_-]+$`)

// SplitMethodARN takes a method ARN apart:
//
//	arn:aws:execute-api:REGION:ACCOUNT:API/STAGE/METHOD/PATH
//
// stage is everything up to and with the stage's name. The path is whatever the
// client wrote: it never goes into a policy.
func SplitMethodARN(arn string) (stage, method, path string, err error) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "execute-api" {
		return "", "", "", errors.New("not a method ARN of API Gateway")
	}
	sections := strings.SplitN(parts[5], "/", 4)
	if len(sections) != 4 {
		return "", "", "", errors.New("method ARN without a stage, a method or a path")
	}
	api, name, method := sections[0], sections[1], sections[2]
	for _, part := range []string{parts[1], parts[3], parts[4], api, name, method} {
		if !plainPart.MatchString(part) {
			return "", "", "", errors.New("method ARN with a part that no policy may repeat")
		}
	}
	stage = strings.Join(parts[:5], ":") + ":" + api + "/" + name
	return stage, method, "/" + sections[3], nil
}
