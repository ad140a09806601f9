package main

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"github.com/counterfoil/counterfoil/pkg/api"
)

// Where a local request believes itself to be.
const (
	region  = "local"
	account = "000000000000"
	stage   = "local"
)

// methodARN names the call as policies do. Its path is whatever the client wrote.
func (c call) methodARN(apiID string) string {
	return fmt.Sprintf("arn:aws:execute-api:%s:%s:%s/%s/%s%s", region, account, apiID, stage, c.method, c.path)
}

// proxyEvent is a REST proxy event, version 1.0.
func (c call) proxyEvent(a restAPI, route api.Route, authorizer map[string]string) events.APIGatewayProxyRequest {
	e := events.APIGatewayProxyRequest{
		Resource:                        route.Path,
		Path:                            c.path,
		HTTPMethod:                      c.method,
		MultiValueHeaders:               c.headers(),
		MultiValueQueryStringParameters: c.parameters(),
		PathParameters:                  pathParameters(route.Path, c.path),
		RequestContext: events.APIGatewayProxyRequestContext{
			AccountID:        account,
			APIID:            a.id,
			Stage:            stage,
			RequestID:        c.id,
			ResourcePath:     route.Path,
			Path:             "/" + stage + c.path,
			HTTPMethod:       c.method,
			Protocol:         c.proto,
			DomainName:       c.host,
			RequestTime:      c.at.UTC().Format("02/Jan/2006:15:04:05 -0700"),
			RequestTimeEpoch: c.at.UnixMilli(),
			Identity: events.APIGatewayRequestIdentity{
				SourceIP:  c.from.String(),
				UserAgent: c.header.Get("User-Agent"),
			},
		},
	}
	e.Headers = lastOf(e.MultiValueHeaders)
	e.QueryStringParameters = lastOf(e.MultiValueQueryStringParameters)
	if authorizer != nil {
		e.RequestContext.Authorizer = map[string]any{}
		for key, value := range authorizer {
			e.RequestContext.Authorizer[key] = value
		}
	}
	switch {
	case len(c.body) == 0:
	case a.binary:
		e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString(c.body), true
	default:
		// Written as JSON, invalid UTF-8 is replaced, as API Gateway does it.
		e.Body = string(c.body)
	}
	return e
}

// A requestEvent is what a REQUEST authorizer is asked, version 1.0: the proxy
// event without a body. (The type of aws-lambda-go knows less of the context.)
type requestEvent struct {
	Type      string `json:"type"`
	MethodARN string `json:"methodArn"`
	events.APIGatewayProxyRequest
	Body            *struct{} `json:"body,omitempty"`
	IsBase64Encoded *struct{} `json:"isBase64Encoded,omitempty"`
}

func (c call) requestEvent(a restAPI, route api.Route) requestEvent {
	return requestEvent{
		Type:                   "REQUEST",
		MethodARN:              c.methodARN(a.id),
		APIGatewayProxyRequest: c.proxyEvent(a, route, nil),
	}
}

// headers are all there are, Authorization too, as AWS hands them over.
func (c call) headers() map[string][]string {
	all := map[string][]string{"Host": {c.host}}
	for name, values := range c.header {
		all[name] = values
	}
	return all
}

// parameters decodes the query. What cannot be decoded stays as it was
// written, so that it is judged and not lost.
func (c call) parameters() map[string][]string {
	var all map[string][]string
	for pair := range strings.SplitSeq(c.query, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		if all == nil {
			all = map[string][]string{}
		}
		name = decode(name)
		all[name] = append(all[name], decode(value))
	}
	return all
}

func decode(s string) string {
	if d, err := url.QueryUnescape(s); err == nil {
		return d
	}
	return s
}

// pathParameters are handed over encoded: the function decodes, once.
func pathParameters(pattern, path string) map[string]string {
	var all map[string]string
	got := strings.Split(path, "/")
	for i, want := range strings.Split(pattern, "/") {
		if name, ok := strings.CutPrefix(want, "{"); ok {
			if all == nil {
				all = map[string]string{}
			}
			all[strings.TrimSuffix(name, "}")] = got[i]
		}
	}
	return all
}

// lastOf is the view with one value a name, null where there is none.
func lastOf(all map[string][]string) map[string]string {
	if all == nil {
		return nil
	}
	last := map[string]string{}
	for name, values := range all {
		last[name] = values[len(values)-1]
	}
	return last
}
