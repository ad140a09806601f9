// Package patauth protects a REST API of anybody's with personal access tokens:
//
//	auth := patauth.New(stack, "Auth", patauth.Props{Deployment: ours, Routes: routes})
//	api := awsapigateway.NewRestApi(stack, new("Api"), &awsapigateway.RestApiProps{DefaultMethodOptions: auth.Options()})
//	auth.Protect(api)
//
// where routes is a routes.json: a list of {"method", "path", "scope"}. The
// authorizer is the same binary as our own API's, built from the version of
// this module that the app requires. Functions behind the API read who calls
// from requestContext.authorizer: sub, scope, kind, token_id.
//
// It refuses to know what the API does.
package patauth

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/constructs-go/constructs/v10"

	"github.com/counterfoil/counterfoil/infra/gofn"
	"github.com/counterfoil/counterfoil/pkg/api"
	"github.com/counterfoil/counterfoil/pkg/store"
)

// A Deployment is the Counterfoil whose tokens are taken. It must be in the
// same account and Region.
type Deployment struct {
	// Table holds its tokens: the output TableName of its stack.
	Table awsdynamodb.ITable
	// Issuer is its address: the output Issuer of its stack.
	Issuer string
	// PeopleIssuer and Clients are those of its configuration, and so is
	// GroupsClaim; empty means "groups".
	PeopleIssuer string
	Clients      []string
	GroupsClaim  string
}

// Props say what is protected and how.
type Props struct {
	Deployment Deployment
	// Routes is the route table as JSON: see api.ParseRoutes. It must name
	// every method that the authorizer guards, and no other.
	Routes []byte
	// Unguarded are methods that this authorizer leaves alone, such as
	// "GET /health". OPTIONS need not be named.
	Unguarded []string
	// Audience is what an exchanged token must be for. Empty means the
	// deployment's own, for which every exchange gives one that does not ask.
	Audience string
	// Sessions lets people's own sessions through too. The API, and whoever
	// runs it, then sees credentials that can create tokens.
	Sessions bool
	// HeaderOnly makes a TOKEN authorizer, which API Gateway shows the header and
	// nothing else: it does not run for what cannot be a credential, but nobody
	// sees from where a token was used, nor that one was refused from outside its
	// networks, which then API Gateway alone knows. The default is a REQUEST
	// authorizer, which sees the caller's address.
	HeaderOnly bool
	// CacheTTL is how long API Gateway may answer for the authorizer, whole
	// seconds up to an hour. It buys fewer calls, and for so long a token that
	// was revoked, ended, or lost a right still works at this API, and what API
	// Gateway refuses by an answer that it kept is in nobody's trail. Zero keeps
	// nothing: all of that holds from the next request on.
	//
	// Nor does an answer that was kept see how the next path is written. It is
	// refused for a table in which one route lies within another's parameter
	// under another scope (/things/all beside /things/{id}): the Deny that keeps
	// them apart would not fit /things/%61ll.
	CacheTTL time.Duration
	// Challenge is the scheme of the 401's WWW-Authenticate header: Bearer, or
	// Basic for clients that send a password only once asked, as git does.
	// Empty means Bearer.
	Challenge string
	// Origin is the one origin that browsers may read the gateway's own
	// answers from; empty means none.
	Origin string
	// Responses is whether Protect writes the gateway's own answers (401, 403,
	// 404, 429, 503 …). They suit an API whose methods take no signature of
	// AWS's. Nil means yes.
	Responses *bool
	// Binaries: see gofn.Props.
	Binaries string
}

// An Auth is the authorizer in front of one API.
type Auth struct {
	props      Props
	routes     []api.Route
	authorizer awsapigateway.IAuthorizer
}

// New adds the authorizer. Like every construct it panics when a property is
// wrong.
func New(scope constructs.Construct, id string, p Props) *Auth {
	routes, err := p.check()
	if err != nil {
		panic(fmt.Sprintf("patauth %s: %v", id, err))
	}
	in := constructs.NewConstruct(scope, &id)
	f := gofn.New(in, "Authorize", gofn.Props{
		Package:     "github.com/counterfoil/counterfoil/functions/authorize",
		Description: "Counterfoil: authorizer of " + *in.Node().Path(),
		Files:       map[string][]byte{api.RoutesFile: p.Routes},
		Environment: p.environment(),
		Binaries:    p.Binaries,
	})
	p.grant(f)
	ttl := awscdk.Duration_Seconds(new(p.CacheTTL.Seconds()))
	source := awsapigateway.IdentitySource_Header(new("Authorization"))
	a := &Auth{props: p, routes: routes}
	if p.HeaderOnly {
		a.authorizer = awsapigateway.NewTokenAuthorizer(in, new("Authorizer"), &awsapigateway.TokenAuthorizerProps{
			Handler:         f.Function,
			IdentitySource:  source,
			ValidationRegex: new(api.CredentialPattern),
			ResultsCacheTtl: ttl,
		})
	} else {
		a.authorizer = awsapigateway.NewRequestAuthorizer(in, new("Authorizer"), &awsapigateway.RequestAuthorizerProps{
			Handler:         f.Function,
			IdentitySources: &[]*string{source},
			ResultsCacheTtl: ttl,
		})
	}
	return a
}

// Options are the API's DefaultMethodOptions, so that no method is forgotten.
func (a *Auth) Options() *awsapigateway.MethodOptions {
	return &awsapigateway.MethodOptions{
		AuthorizationType: awsapigateway.AuthorizationType_CUSTOM,
		Authorizer:        a.authorizer,
	}
}

const (
	bearer = "Bearer"
	basic  = "Basic"
)

func (p Props) check() ([]api.Route, error) {
	d := p.Deployment
	switch {
	case d.Table == nil:
		return nil, errors.New("the property Deployment.Table is not set")
	case !isAddress(d.Issuer):
		return nil, errors.New("the property Deployment.Issuer must be an https address without a slash at the end")
	case !isAddress(strings.TrimSuffix(d.PeopleIssuer, "/")):
		return nil, errors.New("the property Deployment.PeopleIssuer must be an https address")
	case len(d.Clients) == 0 || slices.ContainsFunc(d.Clients, isNoWord):
		return nil, errors.New("the property Deployment.Clients must be client ids without spaces")
	case d.GroupsClaim != "" && isNoWord(d.GroupsClaim):
		return nil, errors.New("the property Deployment.GroupsClaim must be the name of one claim")
	case p.Audience != "" && isNoWord(p.Audience):
		return nil, errors.New("the property Audience must be one word")
	case p.Sessions && p.Audience != "":
		return nil, errors.New("the properties Sessions and Audience exclude each other: a session is for the deployment's own audience")
	case p.CacheTTL < 0 || p.CacheTTL > time.Hour || p.CacheTTL%time.Second != 0:
		return nil, errors.New("the property CacheTTL must be whole seconds up to an hour")
	case !slices.Contains([]string{"", bearer, basic}, p.Challenge):
		return nil, errors.New("the property Challenge must be Bearer or Basic")
	case p.Origin != "" && (!isAddress(p.Origin) || strings.Contains(p.Origin, "'")):
		return nil, errors.New("the property Origin must be an https origin without a slash at the end")
	}
	routes, err := api.ParseRoutes(p.Routes)
	if err != nil {
		return nil, err
	}
	if err := separable(routes); err != nil {
		return nil, err
	}
	if p.CacheTTL > 0 {
		return routes, cacheable(routes)
	}
	return routes, nil
}

// isAddress takes what CDK only knows at deployment for good.
func isAddress(text string) bool {
	if *awscdk.Token_IsUnresolved(text) {
		return true
	}
	return strings.HasPrefix(text, "https://") && !strings.HasSuffix(text, "/") && !isNoWord(text)
}

func isNoWord(text string) bool { return text == "" || strings.ContainsAny(text, " \t\r\n") }

func (p Props) environment() map[string]string {
	d := p.Deployment
	env := map[string]string{
		store.EnvTable:      *d.Table.TableName(),
		api.EnvIssuer:       d.Issuer,
		api.EnvPeopleIssuer: d.PeopleIssuer,
		api.EnvClients:      strings.Join(d.Clients, " "),
		api.EnvGroupsClaim:  cmp.Or(d.GroupsClaim, "groups"),
		api.EnvAudience:     cmp.Or(p.Audience, d.Issuer),
		api.EnvSessions:     strconv.FormatBool(p.Sessions),
		api.EnvGatewayCache: strconv.FormatBool(p.CacheTTL > 0),
		// Every function wants an origin; an authorizer answers no browser.
		api.EnvOrigin: cmp.Or(p.Origin, d.Issuer),
	}
	return env
}
