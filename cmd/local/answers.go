package main

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"

	"github.com/aws/aws-lambda-go/events"

	"github.com/counterfoil/counterfoil/pkg/api"
)

// An answer is what the client gets.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// write sends the answer.
func (a answer) write(w http.ResponseWriter) {
	header := w.Header()
	for name, values := range a.header {
		header[name] = values
	}
	w.WriteHeader(a.status)
	w.Write(a.body)
}

// remapped is how API Gateway renames a header that a function must not set.
const remapped = "X-Amzn-Remapped-Www-Authenticate"

// answerOf turns what a function returned into the client's answer.
func answerOf(out []byte) (answer, error) {
	var r events.APIGatewayProxyResponse
	if err := json.Unmarshal(out, &r); err != nil || r.StatusCode < 200 || r.StatusCode > 599 {
		return answer{}, refusal{kind: "INTEGRATION_FAILURE"}
	}
	a := answer{status: r.StatusCode, header: http.Header{}, body: []byte(r.Body)}
	if r.IsBase64Encoded {
		var err error
		if a.body, err = base64.StdEncoding.DecodeString(r.Body); err != nil {
			return answer{}, refusal{kind: "API_CONFIGURATION_ERROR"}
		}
	}
	add := func(name, value string) {
		if name = http.CanonicalHeaderKey(name); name == "Www-Authenticate" {
			name = remapped
		}
		if !slices.Contains(a.header[name], value) {
			a.header[name] = append(a.header[name], value)
		}
	}
	for name, values := range r.MultiValueHeaders {
		for _, value := range values {
			add(name, value)
		}
	}
	for name, value := range r.Headers {
		add(name, value)
	}
	return a, nil
}

// A refusal is an answer of the gateway's own.
type refusal struct {
	kind api.ResponseType
	// authorizer is the context that the authorizer gave, if it was asked.
	authorizer map[string]string
}

func (r refusal) Error() string { return string(r.kind) }

// defaultStatus is API Gateway's own for the two kinds whose answer leaves it.
var defaultStatus = map[api.ResponseType]int{"DEFAULT_4XX": 400, "DEFAULT_5XX": 500}

// own gives the answer that api.GatewayAnswers has for a refusal.
func (g *gateway) own(c call, r refusal) answer {
	status, header, body := api.GatewayAnswers[r.kind].Render(g.origin, c.id, r.authorizer)
	if status == 0 {
		status = defaultStatus[r.kind]
	}
	a := answer{status: status, header: http.Header{}, body: []byte(body)}
	for name, value := range header {
		a.header.Set(name, value)
	}
	return a
}
