package patauth

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/constructs-go/constructs/v10"

	"github.com/counterfoil/counterfoil/pkg/api"
)

// Protect writes the gateway's own answers, and has every method of the API
// checked against the route table when the app is synthesized, so that methods
// added later count. It must be called once, for the API that has Options.
func (a *Auth) Protect(restAPI awsapigateway.RestApi) {
	if a.props.Responses == nil || *a.props.Responses {
		a.addResponses(restAPI)
	}
	restAPI.Node().AddValidation(&validation{auth: a, api: restAPI})
	// A stage serves a snapshot of its API, and a change of the authorizer alone
	// takes no new one unless the app has CDK's feature flag for it. (An API
	// without a deployment of its own is deployed by whoever owns it.)
	if d := restAPI.LatestDeployment(); d != nil {
		d.AddToLogicalId(map[string]any{"HeaderOnly": a.props.HeaderOnly, "CacheTTL": a.props.CacheTTL.Seconds(), "Pattern": api.CredentialPattern})
	}
}

func (a *Auth) addResponses(restAPI awsapigateway.RestApi) {
	for _, kind := range slices.Sorted(maps.Keys(api.GatewayAnswers)) {
		answer := api.GatewayAnswers[kind]
		switch kind {
		case "UNAUTHORIZED":
			if a.props.Challenge == basic {
				answer.WWWAuthenticate = `Basic realm="api", charset="UTF-8"` // RFC 7617
			}
		case "UNSUPPORTED_MEDIA_TYPE":
			// Our own API takes it for a route that is not there.
			answer = api.GatewayAnswer{Status: 415, Code: api.UnsupportedMediaType}
		}
		headers := map[string]*string{}
		for name, value := range answer.Headers(a.props.Origin) {
			if a.props.Origin != "" || !strings.HasPrefix(name, "Access-Control-") {
				headers[name] = &value
			}
		}
		options := &awsapigateway.GatewayResponseOptions{
			Type:            awsapigateway.ResponseType_Of(new(string(kind))),
			ResponseHeaders: &headers,
			Templates:       &map[string]*string{"application/json": new(answer.Template())},
		}
		if answer.Status != 0 {
			options.StatusCode = new(strconv.Itoa(answer.Status))
		}
		restAPI.AddGatewayResponse(new("Answer"+string(kind)), options)
	}
}

// A validation is what CDK asks before it writes a template.
type validation struct {
	auth *Auth
	api  awsapigateway.RestApi
}

var _ constructs.IValidation = (*validation)(nil)

// Validate returns what is wrong with the API's methods.
func (v *validation) Validate() *[]*string {
	wrong := []*string{}
	add := func(format string, args ...any) { wrong = append(wrong, new("patauth: "+fmt.Sprintf(format, args...))) }
	missing := map[string]bool{}
	for _, r := range v.auth.routes {
		missing[r.Method+" "+r.Path] = true
	}
	listed := maps.Clone(missing)
	for _, m := range *v.api.Methods() {
		name := *m.HttpMethod() + " " + *m.Resource().Path()
		delete(missing, name)
		guarded := v.auth.guards(m)
		switch {
		case slices.Contains(v.auth.props.Unguarded, name):
			if guarded || listed[name] {
				add("%s is named as unguarded, but is guarded or in %s", name, api.RoutesFile)
			}
		case listed[name] && !guarded:
			add("%s is in %s, but another authorizer or none stands in front of it: set DefaultMethodOptions to auth.Options()", name, api.RoutesFile)
		case !listed[name] && guarded:
			add("%s is guarded, but %s says nothing about it, so nobody could call it", name, api.RoutesFile)
		case !listed[name] && *m.HttpMethod() != "OPTIONS":
			add("%s is neither in %s nor named as unguarded: anybody could call it", name, api.RoutesFile)
		}
	}
	for name := range missing {
		add("%s is in %s, but the API has no such method", name, api.RoutesFile)
	}
	slices.SortFunc(wrong, func(a, b *string) int { return strings.Compare(*a, *b) })
	return &wrong
}

// guards reports whether this authorizer stands in front of a method.
func (a *Auth) guards(m awsapigateway.Method) bool {
	cfn := m.Node().DefaultChild().(awsapigateway.CfnMethod)
	kind, by := cfn.AuthorizationType(), cfn.AuthorizerId()
	return kind != nil && *kind == "CUSTOM" && by != nil && *by == *a.authorizer.AuthorizerId()
}

// maxPolicy is what API Gateway takes of an authorizer's policy, in bytes, less
// a margin.
const maxPolicy = 8000

// separable reports why no policy could be right for some credential. It looks
// at every set of one or two scopes, which is as good as looking at all: a
// refusal takes one route that is allowed and whose resource reaches the denied
// one, and one that is allowed and that the Deny would hit, so at most two
// scopes, and a denied route's own is in none of both.
func separable(routes []api.Route) error {
	scopes := scopesOf(routes)
	for i, a := range scopes {
		for _, b := range scopes[i:] {
			if err := api.Separable(routes, holding(a, b)); err != nil {
				return fmt.Errorf("for a credential with the scopes %q and %q: %w", a, b, err)
			}
		}
	}
	// The longest policy: everything allowed, from as many networks as a token
	// can have. (A route is in the Allow or in the Deny, never in both.)
	stage := "arn:aws-us-gov:execute-api:ap-southeast-1:111122223333:abcdefghij/" + strings.Repeat("s", 32)
	networks := slices.Repeat([]netip.Prefix{netip.MustParsePrefix("2001:db8:1111:2222:3333:4444:5555:6666/128")}, 16)
	policy, err := json.Marshal(api.NewPolicy(stage, routes, func(api.Route) bool { return true }, networks))
	if err != nil {
		return err
	}
	if len(policy) > maxPolicy {
		return fmt.Errorf("%d routes make a policy of %d bytes, more than %d", len(routes), len(policy), maxPolicy)
	}
	return nil
}

// cacheable reports why no policy of a table may be kept for the next request.
// A policy speaks of paths as they are written; in a roundabout way (see
// api.IsDetour) a path fits the Allow of a parameter and not the Deny of the
// route within it. Only an authorizer that is asked sees that. One scope at a
// time is enough: what a Deny is for lacks its own, and lies within one route.
func cacheable(routes []api.Route) error {
	denied := func(may func(api.Route) bool) []string {
		policy := api.NewPolicy("", routes, may, nil)
		return policy.Statement[len(policy.Statement)-1].Resource
	}
	// Where everything is allowed, no route is denied by name.
	always := denied(func(api.Route) bool { return true })
	for _, scope := range scopesOf(routes) {
		may := holding(scope)
		if !slices.ContainsFunc(routes, may) {
			continue
		}
		for _, resource := range denied(may) {
			if !slices.Contains(always, resource) {
				return fmt.Errorf("the property CacheTTL must be 0: for a credential with the scope %q only the Deny of %s keeps a route apart from the one that it lies within, and a kept policy does not see it written in a roundabout way",
					scope, resource)
			}
		}
	}
	return nil
}

// scopesOf are the scopes of a table, and none.
func scopesOf(routes []api.Route) []string {
	scopes := []string{""}
	for _, r := range routes {
		if !slices.Contains(scopes, r.Scope) {
			scopes = append(scopes, r.Scope)
		}
	}
	return scopes
}

// holding says what a credential with these scopes may call.
func holding(scopes ...string) func(api.Route) bool {
	return func(r api.Route) bool { return r.Scope == "" || slices.Contains(scopes, r.Scope) }
}
