// Package notes is somebody else's API, small enough to read whole: a person
// keeps notes. It shows what an API has to do to take personal access tokens,
// which is next to nothing.
//
// It is protected from outside. routes.json says which scope each route needs;
// our authorizer stands in front of the API as a REQUEST authorizer, refuses
// (401, 403) whatever lacks it, and hands over who is calling. So the code here
// never sees a credential judged or unjudged: it reads requestContext.authorizer
// and trusts it, because nothing but the gateway can invoke the function.
package notes

import (
	"context"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"mime"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
	"github.com/go-json-experiment/json"
)

// Routes is the API's route table, which the authorizer guards.
//
//go:embed routes.json
var Routes []byte

// EnvOrigin is the environment variable that names the one origin a browser may
// call from.
const EnvOrigin = "NOTES_ORIGIN"

// maxBody and maxText bound a note: bytes of the request, characters of the text.
const (
	maxBody = 16 << 10
	maxText = 1000
)

// A Note is what a person wrote.
type Note struct {
	Text      string    `json:"text"` // 1–1000 characters
	CreatedAt time.Time `json:"created_at"`
}

// Handle answers GET /notes and POST /notes. An error means that the note could
// not be kept; the gateway makes it a 503.
func (n *Notes) Handle(_ context.Context, event events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error) {
	caller, _ := event.RequestContext.Authorizer["sub"].(string)
	if caller == "" {
		// Only a mistake in the deployment brings a request here unguarded.
		return events.APIGatewayProxyResponse{}, errors.New("the gateway names no caller")
	}
	if event.HTTPMethod == "GET" {
		return n.respond(event, 200, map[string]any{"notes": n.of(caller)})
	}
	text, refused := textOf(event)
	if refused != nil {
		return n.respond(event, refused.Status, refused)
	}
	note, err := n.add(caller, text)
	if err != nil {
		return events.APIGatewayProxyResponse{}, fmt.Errorf("keep a note: %w", err)
	}
	return n.respond(event, 201, note)
}

// textOf reads the body {"text": "…"}.
func textOf(event events.APIGatewayProxyRequest) (string, *problem) {
	if event.Body == "" {
		return "", newProblem(400, "invalid_request", "A note needs a body")
	}
	mediaType, _, err := mime.ParseMediaType(header(event, "Content-Type"))
	if err != nil || mediaType != "application/json" {
		return "", newProblem(415, "unsupported_media_type", "The body must be JSON")
	}
	body := []byte(event.Body)
	if event.IsBase64Encoded {
		if body, err = base64.StdEncoding.DecodeString(event.Body); err != nil {
			return "", newProblem(400, "invalid_request", "The body cannot be read")
		}
	}
	if len(body) > maxBody {
		return "", newProblem(413, "too_large", "The body is too large")
	}
	var in struct {
		Text string `json:"text"`
	}
	err = json.Unmarshal(body, &in, json.RejectUnknownMembers(true))
	if length := utf8.RuneCountInString(in.Text); err != nil || length < 1 || length > maxText {
		return "", newProblem(400, "invalid_request", `The body must be {"text": "1 to 1000 characters"}`)
	}
	return in.Text, nil
}

// header returns a header, which a client may spell in any case.
func header(event events.APIGatewayProxyRequest, name string) string {
	for spelled, value := range event.Headers {
		if strings.EqualFold(spelled, name) {
			return value
		}
	}
	return ""
}

// A problem is an answer of RFC 9457, told apart by its code.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Code   string `json:"code"`
}

func newProblem(status int, code, title string) *problem {
	return &problem{Type: "urn:counterfoil:" + code, Title: title, Status: status, Code: code}
}

func (n *Notes) respond(event events.APIGatewayProxyRequest, status int, body any) (events.APIGatewayProxyResponse, error) {
	mediaType := "application/json"
	if _, bad := body.(*problem); bad {
		mediaType = "application/problem+json"
	}
	text, err := json.Marshal(body)
	return events.APIGatewayProxyResponse{
		StatusCode: status,
		Headers: map[string]string{
			"Content-Type":                mediaType,
			"Cache-Control":               "no-store",
			"X-Request-Id":                event.RequestContext.RequestID,
			"Access-Control-Allow-Origin": n.Origin,
		},
		Body: string(text),
	}, err
}
