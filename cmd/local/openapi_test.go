package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"github.com/counterfoil/counterfoil/examples/notes"
	"github.com/counterfoil/counterfoil/pkg/api"
)

// promise is openapi.yaml.
var promise = sync.OnceValues(func() (*openapi3.T, error) {
	doc, err := openapi3.NewLoader().LoadFromData(api.OpenAPI)
	if err != nil {
		return nil, err
	}
	return doc, doc.Validate(context.Background())
})

// documented holds every answer of the gateway to openapi.yaml, and fails the
// test for one whose status, headers or body are not promised there.
func documented(t *testing.T, next http.Handler) http.Handler {
	t.Helper()
	doc, err := promise()
	if err != nil {
		t.Fatal(err)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen := httptest.NewRecorder()
		next.ServeHTTP(seen, r)
		if !elsewhereAnswered(r, seen) {
			if err := checkAnswer(doc, r, seen); err != nil {
				t.Errorf("%s answered %d, which is not as promised: %v", r.Method, seen.Code, err)
			}
		}
		answer{status: seen.Code, header: seen.Header(), body: seen.Body.Bytes()}.write(w)
	})
}

// elsewhereAnswered reports whether it was not the gateway that answered.
func elsewhereAnswered(r *http.Request, seen *httptest.ResponseRecorder) bool {
	path := r.URL.EscapedPath()
	return seen.Code == http.StatusMisdirectedRequest || seen.Header().Get("Content-Security-Policy") != "" ||
		path == stsPath || strings.HasPrefix(path, idpPath+"/") && seen.Code != 404
}

// checkAnswer holds one answer to the document.
func checkAnswer(doc *openapi3.T, r *http.Request, seen *httptest.ResponseRecorder) error {
	for _, name := range []string{"X-Request-Id", "Cache-Control", "Access-Control-Allow-Origin"} {
		if len(seen.Header()[name]) != 1 {
			return fmt.Errorf("header %s is there %d times", name, len(seen.Header()[name]))
		}
	}
	route, ok := routeOf(r)
	if !ok {
		return checkUnrouted(doc, r, seen)
	}
	item := doc.Paths.Value(route.Path)
	if item == nil || item.GetOperation(route.Method) == nil {
		return fmt.Errorf("%s %s is not in it", route.Method, route.Path)
	}
	return checkOperation(doc, item.GetOperation(route.Method), r, seen)
}

// checkUnrouted holds the answer of a preflight, or where there is no route.
func checkUnrouted(doc *openapi3.T, r *http.Request, seen *httptest.ResponseRecorder) error {
	if r.Method == http.MethodOptions && seen.Code == http.StatusNoContent {
		if seen.Body.Len() > 0 {
			return errors.New("a preflight has a body")
		}
		return nil
	}
	common := doc.Components.Responses
	return checkOperation(doc, &openapi3.Operation{Responses: openapi3.NewResponses(
		openapi3.WithStatus(404, common["NotFound"]),
		openapi3.WithStatus(413, common["TooLarge"]),
	)}, r, seen)
}

func checkOperation(doc *openapi3.T, operation *openapi3.Operation, r *http.Request, seen *httptest.ResponseRecorder) error {
	response := operation.Responses.Status(seen.Code)
	if response == nil {
		return errors.New("the status is not in it")
	}
	if len(response.Value.Content) == 0 && seen.Body.Len() > 0 {
		return errors.New("there is a body")
	}
	return reason(openapi3filter.ValidateResponse(r.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{
			Request: r,
			Route:   &routers.Route{Spec: doc, Method: "GET", Operation: operation},
		},
		Status: seen.Code,
		Header: seen.Header(),
		Body:   io.NopCloser(bytes.NewReader(seen.Body.Bytes())),
	}))
}

// reason leaves out of an error the value that it quotes: it may be a secret.
func reason(err error) error {
	if err == nil {
		return nil
	}
	var schema *openapi3.SchemaError
	if errors.As(err, &schema) {
		return fmt.Errorf("%s: %s", strings.Join(schema.JSONPointer(), "/"), schema.SchemaField)
	}
	var response *openapi3filter.ResponseError
	if errors.As(err, &response) {
		return errors.New(response.Reason)
	}
	return fmt.Errorf("%T", err)
}

func routeOf(r *http.Request) (api.Route, bool) {
	theirs, err := api.ParseRoutes(notes.Routes)
	if err != nil {
		panic(err)
	}
	c := newCall(r, theBeginning)
	if route, ok := api.MatchRoute(api.Routes, c.method, c.path); ok {
		return route, true
	}
	return api.MatchRoute(theirs, c.method, c.path)
}

// The check itself can fail.
func TestTheCheckAgainstThePromise(t *testing.T) {
	doc, err := promise()
	if err != nil {
		t.Fatal(err)
	}
	const good = `{"scopes":[{"name":"a","description":"b","category":"c","sensitive":false,"grantable":true}]}`
	notFound := `{"type":"urn:counterfoil:not_found","title":"Not found","status":404,"code":"not_found"}`
	for name, tc := range map[string]struct {
		method, path string
		status       int
		change       func(http.Header)
		body         string
		ok           bool
	}{
		"a promised answer is good":           {method: "GET", path: "/scopes", status: 200, body: good, ok: true},
		"an answer without a route is good":   {method: "GET", path: "/nothing", status: 404, body: notFound, ok: true},
		"an undocumented status is not":       {method: "GET", path: "/scopes", status: 202, body: good},
		"an undocumented route is not":        {method: "GET", path: "/nothing", status: 200, body: good},
		"an undocumented member is not":       {method: "GET", path: "/scopes", status: 200, body: `{"scopes":[],"hash":"x"}`},
		"a member of another type is not":     {method: "GET", path: "/scopes", status: 200, body: `{"scopes":"a"}`},
		"a missing member is not":             {method: "GET", path: "/scopes", status: 200, body: `{}`},
		"a body that is no JSON is not":       {method: "GET", path: "/scopes", status: 200, body: `hello`},
		"another problem is not":              {method: "GET", path: "/scopes", status: 401, body: notFound},
		"a body where there is none is not":   {method: "DELETE", path: "/tokens/aaaaaaaaaa", status: 204, body: good},
		"a preflight with a body is not":      {method: "OPTIONS", path: "/tokens", status: 204, body: good},
		"an answer without an id is not":      {method: "GET", path: "/scopes", status: 200, body: good, change: func(h http.Header) { h.Del("X-Request-Id") }},
		"an answer that may be kept is not":   {method: "GET", path: "/scopes", status: 200, body: good, change: func(h http.Header) { h.Set("Cache-Control", "public") }},
		"an answer of another type is not":    {method: "GET", path: "/scopes", status: 200, body: good, change: func(h http.Header) { h.Set("Content-Type", "text/html") }},
		"an answer that says it twice is not": {method: "GET", path: "/scopes", status: 200, body: good, change: func(h http.Header) { h.Add("Cache-Control", "no-store") }},
	} {
		t.Run(name, func(t *testing.T) {
			w := httptest.NewRecorder()
			for name, value := range map[string]string{
				"Content-Type": "application/json", "X-Request-Id": "one", "Cache-Control": "no-store",
				"Access-Control-Allow-Origin": "http://127.0.0.1:1", "Access-Control-Expose-Headers": api.ExposeHeaders,
			} {
				w.Header().Set(name, value)
			}
			if tc.status >= 400 {
				w.Header().Set("Content-Type", "application/problem+json")
			}
			if tc.change != nil {
				tc.change(w.Header())
			}
			w.WriteHeader(tc.status)
			io.WriteString(w, tc.body)
			if err := checkAnswer(doc, httptest.NewRequest(tc.method, tc.path, nil), w); (err == nil) != tc.ok {
				t.Errorf("says %v", err)
			}
		})
	}
}
