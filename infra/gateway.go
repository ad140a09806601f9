package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/constructs-go/constructs/v10"

	"github.com/counterfoil/counterfoil/pkg/api"
)

// addAPI adds the REST API, still without a route, and decides its address.
func (s *service) addAPI() {
	log := awslogs.NewLogGroup(s.Stack, new("AccessLog"), &awslogs.LogGroupProps{
		Retention:     awslogs.RetentionDays_ONE_YEAR,
		RemovalPolicy: awscdk.RemovalPolicy_RETAIN,
	})
	s.api = awsapigateway.NewRestApi(s.Stack, new("Api"), &awsapigateway.RestApiProps{
		RestApiName:               &s.config.Stack,
		EndpointTypes:             &[]awsapigateway.EndpointType{awsapigateway.EndpointType_REGIONAL},
		DisableExecuteApiEndpoint: new(s.config.Domain != nil),
		BinaryMediaTypes:          texts(api.BinaryMediaTypes...),
		CloudWatchRole:            &s.config.GatewayLogRole,
		DeployOptions: &awsapigateway.StageOptions{
			StageName:            &s.config.Stage,
			AccessLogDestination: awsapigateway.NewLogGroupLogDestination(log),
			AccessLogFormat:      awsapigateway.AccessLogFormat_Custom(new(accessLog())),
			// The execution log would hold headers and bodies.
			LoggingLevel:     awsapigateway.MethodLoggingLevel_OFF,
			DataTraceEnabled: new(false),
			// X-Ray would keep the address with path and query, in which
			// somebody may have put a credential. The functions trace
			// themselves.
			TracingEnabled: new(false),
			MethodOptions:  throttles(),
		},
	})
	s.reachable = []constructs.IDependable{s.api.DeploymentStage()}
	// Of the stage only the name: the stage itself depends on the functions,
	// and they on this.
	s.issuer = "https://" + *s.api.RestApiId() + ".execute-api." + *s.Region() + "." + *s.UrlSuffix() + "/" + s.config.Stage
	if s.config.Domain != nil {
		s.issuer = "https://" + s.config.Domain.Name
	}
}

// accessLog is a line of JSON. It has the resource and never the path, in which
// somebody may have put a credential, and never $context.error.message, which
// quotes the Authorization header.
func accessLog() string {
	fields := map[string]string{
		"request_id":             "$context.requestId",
		"extended_request_id":    "$context.extendedRequestId",
		"authorizer_request_id":  "$context.authorizer.requestId",
		"integration_request_id": "$context.integration.requestId",
		"time":                   "$context.requestTimeEpoch",
		"source_ip":              "$context.identity.sourceIp",
		"method":                 "$context.httpMethod",
		"resource":               "$context.resourcePath",
		"status":                 "$context.status",
		"response_type":          "$context.error.responseType",
		"authorizer_status":      "$context.authorizer.status",
		"integration_status":     "$context.integration.status",
		"response_latency":       "$context.responseLatency",
		"integration_latency":    "$context.integration.latency",
		"authorizer_latency":     "$context.authorizer.latency",
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		parts = append(parts, `"`+name+`":"`+fields[name]+`"`)
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// A rate is how many requests a second a route takes from everybody together,
// and how many at once.
type rate struct{ steady, burst float64 }

// rates of the verbs. Discovery has none: STS fetches our keys while exchange
// waits for it. Exchange stays far below what KMS signs for an account (RSA:
// 1,000 a second). Where a function has instances reserved, the bursts of its
// routes come to no more: anybody may call the open one of revoke's, and it
// must leave instances to the owners' own.
var rates = map[string]rate{
	"create":     {10, 20},
	"rotate":     {10, 20},
	"update":     {50, 100},
	"revocation": {30, 30},
	"introspect": {200, 400},
	"list":       {50, 100},
	"get":        {50, 100},
	"scopes":     {50, 100},
	"limits":     {50, 100},
	"revoke":     {20, 20},
	"whoami":     {200, 400},
	"exchange":   {200, 100},
	"trail":      {50, 100},
	"report":     {2, 5},
	"policy":     {10, 20},
	"setpolicy":  {5, 10},
	"preview":    {1, 2}, // reads everybody's tokens
	"listall":    {10, 20},
	"trailall":   {20, 40},
	"getany":     {20, 40},
	"revokeany":  {20, 40},
	"people":     {20, 40},
	"disable":    {10, 20},
	"revokeall":  {10, 20},
}

// unrouted are the functions that no request reaches.
var unrouted = []string{"remind", "trail"}

func throttles() *map[string]*awsapigateway.MethodDeploymentOptions {
	all := map[string]*awsapigateway.MethodDeploymentOptions{}
	for _, route := range api.Routes {
		if r, ok := rates[route.Verb]; ok {
			all[route.Path+"/"+route.Method] = &awsapigateway.MethodDeploymentOptions{
				ThrottlingRateLimit:  &r.steady,
				ThrottlingBurstLimit: &r.burst,
			}
		}
	}
	return &all
}

// addRoutes adds every route of the table and its OPTIONS, and in their gaps
// the method that answers what is no route.
func (s *service) addRoutes() {
	// REQUEST: it sees from where a token is used, and refused. No answer is kept:
	// what was revoked is refused from the next request on.
	authorizer := awsapigateway.NewRequestAuthorizer(s.Stack, new("Authorizer"), &awsapigateway.RequestAuthorizerProps{
		Handler:         s.functions["authorize"].Function,
		IdentitySources: &[]*string{awsapigateway.IdentitySource_Header(new("Authorization"))},
		ResultsCacheTtl: seconds(0),
	})
	integrations := map[string]awsapigateway.Integration{}
	for name, f := range s.functions {
		if name != "authorize" && !slices.Contains(unrouted, name) {
			integrations[name] = awsapigateway.NewLambdaIntegration(f.Function, &awsapigateway.LambdaIntegrationOptions{AllowTestInvoke: new(false)})
		}
	}
	methods := map[string][]string{}
	for _, r := range api.Routes {
		if integrations[r.Function] == nil {
			panic(fmt.Sprintf("infra: %s %s wants the function %s, which has no grant", r.Method, r.Path, r.Function))
		}
		options := &awsapigateway.MethodOptions{AuthorizationType: awsapigateway.AuthorizationType_NONE}
		if r.Guard != api.Open {
			options = &awsapigateway.MethodOptions{AuthorizationType: awsapigateway.AuthorizationType_CUSTOM, Authorizer: authorizer}
		}
		s.api.Root().ResourceForPath(&r.Path).AddMethod(&r.Method, integrations[r.Function], options)
		methods[r.Path] = append(methods[r.Path], r.Method)
	}
	for _, path := range slices.Sorted(maps.Keys(methods)) {
		slices.Sort(methods[path])
		s.addPreflight(s.api.Root().ResourceForPath(&path), methods[path])
	}
	s.addNoRoute(s.api.Root())
	s.addNoRoute(s.api.Root().AddResource(new("{proxy+}"), nil))
	for _, path := range slices.Sorted(maps.Keys(methods)) {
		var at awsapigateway.IResource = s.api.Root().ResourceForPath(&path)
		for ; *at.Path() != "/"; at = at.ParentResource() {
			s.addNoRoute(at)
		}
	}
}

// addPreflight answers a browser that asks whether it may call from another
// origin. (CDK's own lacks our headers.)
func (s *service) addPreflight(resource awsapigateway.IResource, methods []string) {
	headers := map[string]string{
		"Access-Control-Allow-Origin":  "'" + s.config.ConsoleOrigin + "'",
		"Access-Control-Allow-Methods": "'" + strings.Join(methods, ", ") + "'",
		"Access-Control-Allow-Headers": "'" + api.AllowHeaders + "'",
		"Access-Control-Max-Age":       "'" + api.MaxAge + "'",
		"Cache-Control":                "'no-store'",
		"X-Request-Id":                 "context.requestId",
	}
	values, declared := map[string]*string{}, map[string]*bool{}
	for name, value := range headers {
		values["method.response.header."+name] = &value
		declared["method.response.header."+name] = new(true)
	}
	resource.AddMethod(new("OPTIONS"), awsapigateway.NewMockIntegration(&awsapigateway.IntegrationOptions{
		RequestTemplates: &map[string]*string{"application/json": new(`{"statusCode": 204}`)},
		// Every body is binary to this API, and a MOCK that is handed one
		// fails: it reads its status from the text.
		ContentHandling:      awsapigateway.ContentHandling_CONVERT_TO_TEXT,
		PassthroughBehavior:  awsapigateway.PassthroughBehavior_NEVER,
		IntegrationResponses: &[]*awsapigateway.IntegrationResponse{{StatusCode: new("204"), ResponseParameters: &values}},
	}), &awsapigateway.MethodOptions{
		AuthorizationType: awsapigateway.AuthorizationType_NONE,
		MethodResponses:   &[]*awsapigateway.MethodResponse{{StatusCode: new("204"), ResponseParameters: &declared}},
	})
}

// addNoRoute answers every method that a resource does not have. It takes no
// media type, so it always fails with UNSUPPORTED_MEDIA_TYPE, which the table
// makes a 404. Without it API Gateway would take the Authorization header for a
// signature of AWS's, and quote it in the answer.
func (s *service) addNoRoute(resource awsapigateway.IResource) {
	if resource.Node().TryFindChild(new("ANY")) != nil {
		return
	}
	resource.AddMethod(new("ANY"), awsapigateway.NewMockIntegration(&awsapigateway.IntegrationOptions{
		ContentHandling:     awsapigateway.ContentHandling_CONVERT_TO_TEXT,
		PassthroughBehavior: awsapigateway.PassthroughBehavior_NEVER,
	}), &awsapigateway.MethodOptions{AuthorizationType: awsapigateway.AuthorizationType_NONE})
}

// addGatewayResponses writes the table of the gateway's own answers.
func (s *service) addGatewayResponses() {
	for _, kind := range slices.Sorted(maps.Keys(api.GatewayAnswers)) {
		answer := api.GatewayAnswers[kind]
		options := &awsapigateway.GatewayResponseOptions{
			Type:            awsapigateway.ResponseType_Of(new(string(kind))),
			ResponseHeaders: pointers(answer.Headers(s.config.ConsoleOrigin)),
			Templates:       &map[string]*string{"application/json": new(answer.Template())},
		}
		if answer.Status != 0 {
			options.StatusCode = new(strconv.Itoa(answer.Status))
		}
		s.api.AddGatewayResponse(new("Answer"+string(kind)), options)
	}
}

// pointers is a map as jsii takes it.
func pointers(m map[string]string) *map[string]*string {
	out := map[string]*string{}
	for key, value := range m {
		out[key] = &value
	}
	return &out
}
