package main

import (
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscertificatemanager"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudfront"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudfrontorigins"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsroute53"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsroute53targets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3assets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3deployment"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/go-json-experiment/json"

	"github.com/counterfoil/counterfoil/pkg/api"
)

// newConsole adds the console to an app: a static site in a stack of its own,
// which shares nothing with the API's. It is just another client. The folder is
// what its build wrote.
func newConsole(app constructs.Construct, c Config, folder string) awscdk.Stack {
	stack := awscdk.NewStack(app, new(c.Stack+"Console"), &awscdk.StackProps{
		Description: new("Counterfoil: the console"),
		Env:         environmentOf(c),
	})
	bucket := consoleBucket(stack)
	site := consoleSite(stack, c, bucket)
	consoleFiles(stack, c, folder, bucket, site)
	consoleRecords(stack, c, site)
	origin := "https://" + *site.DistributionDomainName()
	if c.Console.Certificate != "" {
		origin = c.ConsoleOrigin
	}
	awscdk.NewCfnOutput(stack, new("Origin"), &awscdk.CfnOutputProps{Description: new("Where the console is: console_origin"), Value: &origin})
	awscdk.NewCfnOutput(stack, new("Target"), &awscdk.CfnOutputProps{
		Description: new("What a name of its own must point at"),
		Value:       site.DistributionDomainName(),
	})
	return stack
}

// consoleBucket keeps the files. CloudFront alone reads them. It goes with the
// stack, and keeps no versions: what is in it can be built again.
func consoleBucket(stack awscdk.Stack) awss3.Bucket {
	return awss3.NewBucket(stack, new("Files"), &awss3.BucketProps{
		BlockPublicAccess: awss3.BlockPublicAccess_BLOCK_ALL(),
		ObjectOwnership:   awss3.ObjectOwnership_BUCKET_OWNER_ENFORCED,
		Encryption:        awss3.BucketEncryption_S3_MANAGED,
		EnforceSSL:        new(true),
		MinimumTLSVersion: new(1.2),
		RemovalPolicy:     awscdk.RemovalPolicy_DESTROY,
	})
}

// consoleSite serves them. It keeps no log: its lines would hold the codes of
// sign-ins, which come back in the address.
func consoleSite(stack awscdk.Stack, c Config, bucket awss3.IBucket) awscloudfront.Distribution {
	props := &awscloudfront.DistributionProps{
		Comment: new(c.Stack + ": the console"),
		DefaultBehavior: &awscloudfront.BehaviorOptions{
			Origin:                consoleOrigin(stack, bucket),
			ViewerProtocolPolicy:  awscloudfront.ViewerProtocolPolicy_REDIRECT_TO_HTTPS,
			AllowedMethods:        awscloudfront.AllowedMethods_ALLOW_GET_HEAD(),
			CachePolicy:           awscloudfront.CachePolicy_CACHING_OPTIMIZED(), // a second at least, else as the file says
			ResponseHeadersPolicy: consoleHeaders(stack, c),
			FunctionAssociations: &[]*awscloudfront.FunctionAssociation{{
				EventType: awscloudfront.FunctionEventType_VIEWER_REQUEST,
				Function: awscloudfront.NewFunction(stack, new("Pages"), &awscloudfront.FunctionProps{
					Comment: new("Every page of the console is index.html"),
					Runtime: awscloudfront.FunctionRuntime_JS_2_0(),
					Code:    awscloudfront.FunctionCode_FromInline(new(pagesFunction())),
				}),
			}},
		},
		// Who may not list a bucket hears 403 of what is not in it.
		ErrorResponses: &[]*awscloudfront.ErrorResponse{{
			HttpStatus:         new(403.0),
			ResponseHttpStatus: new(404.0),
			ResponsePagePath:   new("/index.html"),
			Ttl:                awscdk.Duration_Seconds(new(0.0)),
		}},
		HttpVersion: awscloudfront.HttpVersion_HTTP2_AND_3,
		PriceClass:  awscloudfront.PriceClass_PRICE_CLASS_100, // Europe, North America: few people, few bytes
	}
	if certificate := c.Console.Certificate; certificate != "" {
		props.DomainNames = texts(hostOf(c.ConsoleOrigin))
		props.Certificate = awscertificatemanager.Certificate_FromCertificateArn(stack, new("Certificate"), &certificate)
		// CloudFront's own certificate would take TLS 1.0, whatever stands here.
		props.MinimumProtocolVersion = awscloudfront.SecurityPolicyProtocol_TLS_V1_2_2021
	}
	return awscloudfront.NewDistribution(stack, new("Site"), props)
}

// consoleOrigin is the bucket, to which CloudFront shows who it is.
func consoleOrigin(stack awscdk.Stack, bucket awss3.IBucket) awscloudfront.IOrigin {
	return awscloudfrontorigins.S3BucketOrigin_WithOriginAccessControl(bucket, &awscloudfrontorigins.S3BucketOriginWithOACProps{
		OriginAccessControl: awscloudfront.NewS3OriginAccessControl(stack, new("Access"), &awscloudfront.S3OriginAccessControlProps{
			OriginAccessControlName: nameIn(stack),
		}),
	})
}

// nameIn is a name for what CloudFront has once in all Regions. CDK's own would
// be the same for two stacks of one name.
func nameIn(stack awscdk.Stack) *string {
	return new(*stack.StackName() + "-" + *stack.Region())
}

// pagesFunction is what CloudFront runs for every request. A file keeps its path.
func pagesFunction() string {
	return "function handler(event) {\n" +
		"  var request = event.request;\n" +
		"  if (/" + strings.ReplaceAll(api.ConsolePagePattern, "/", `\/`) + "/.test(request.uri)) request.uri = '/index.html';\n" +
		"  return request;\n" +
		"}\n"
}

// consoleHeaders are those of package api, as the local server sends them. Those
// that CloudFront has a place of its own for it takes nowhere else.
func consoleHeaders(stack awscdk.Stack, c Config) awscloudfront.ResponseHeadersPolicy {
	headers := api.ConsoleHeaders(consoleCalls(c)...)
	take := func(name string) *string {
		value := headers[name]
		delete(headers, name)
		return &value
	}
	yes := new(true) // whatever S3 says
	security := &awscloudfront.ResponseSecurityHeadersBehavior{
		ContentSecurityPolicy: &awscloudfront.ResponseHeadersContentSecurityPolicy{ContentSecurityPolicy: take("Content-Security-Policy"), Override: yes},
		ContentTypeOptions:    &awscloudfront.ResponseHeadersContentTypeOptions{Override: yes},
		FrameOptions:          &awscloudfront.ResponseHeadersFrameOptions{FrameOption: awscloudfront.HeadersFrameOption(*take("X-Frame-Options")), Override: yes},
		ReferrerPolicy: &awscloudfront.ResponseHeadersReferrerPolicy{
			ReferrerPolicy: awscloudfront.HeadersReferrerPolicy(strings.ToUpper(strings.ReplaceAll(*take("Referrer-Policy"), "-", "_"))),
			Override:       yes,
		},
		StrictTransportSecurity: &awscloudfront.ResponseHeadersStrictTransportSecurity{AccessControlMaxAge: seconds(api.ConsoleHSTS), Override: yes},
	}
	take("X-Content-Type-Options")
	var others []*awscloudfront.ResponseCustomHeader
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		others = append(others, &awscloudfront.ResponseCustomHeader{Header: &name, Value: take(name), Override: yes})
	}
	return awscloudfront.NewResponseHeadersPolicy(stack, new("Headers"), &awscloudfront.ResponseHeadersPolicyProps{
		ResponseHeadersPolicyName: nameIn(stack),
		Comment:                   new("Counterfoil: the console"),
		SecurityHeadersBehavior:   security,
		CustomHeadersBehavior:     &awscloudfront.ResponseCustomHeadersBehavior{CustomHeaders: &others},
	})
}

// consoleFiles uploads the build, and config.json with it. First what pages name,
// which stays when the next version comes, for the pages that are open then; then
// the pages.
func consoleFiles(stack awscdk.Stack, c Config, folder string, bucket awss3.IBucket, site awscloudfront.Distribution) {
	assets := awss3deployment.NewBucketDeployment(stack, new("Assets"), &awss3deployment.BucketDeploymentProps{
		DestinationBucket:    bucket,
		DestinationKeyPrefix: new(strings.Trim(api.ConsoleAssets, "/")),
		Sources:              &[]awss3deployment.ISource{awss3deployment.Source_Asset(new(folder+api.ConsoleAssets), nil)},
		CacheControl:         cacheControl(api.ConsoleAssets),
		Prune:                new(false),
	})
	config := api.ConsoleConfig{
		API:      c.consoleAPI(),
		Issuer:   c.People.Issuer,
		ClientID: c.Console.Client,
		Scope:    c.Console.Scope,
		Resource: c.Console.Resource,
	}
	pages := awss3deployment.NewBucketDeployment(stack, new("PagesAndConfig"), &awss3deployment.BucketDeploymentProps{
		DestinationBucket: bucket,
		Sources: &[]awss3deployment.ISource{
			awss3deployment.Source_Asset(&folder, &awss3assets.AssetOptions{Exclude: texts("assets", "config.json")}),
			awss3deployment.Source_JsonData(new(strings.Trim(api.ConsoleConfigPath, "/")), members(config), nil),
		},
		CacheControl:      cacheControl(api.ConsoleConfigPath),
		Prune:             new(false),
		RetainOnDelete:    new(false), // else the bucket could not go
		Distribution:      site,
		DistributionPaths: texts("/*"),
	})
	pages.Node().AddDependency(assets)
}

// members is a document as jsii takes it.
func members(document any) map[string]any {
	text, err := json.Marshal(document)
	if err != nil {
		panic(err) // it is of strings
	}
	var all map[string]any
	if err := json.Unmarshal(text, &all); err != nil {
		panic(err)
	}
	return all
}

func cacheControl(path string) *[]awss3deployment.CacheControl {
	return &[]awss3deployment.CacheControl{awss3deployment.CacheControl_FromString(new(api.ConsoleCacheControl(path)))}
}

// consoleRecords points the console's name at it, where we have its zone.
func consoleRecords(stack awscdk.Stack, c Config, site awscloudfront.Distribution) {
	if c.Console.ZoneID == "" {
		return
	}
	zone := awsroute53.HostedZone_FromHostedZoneAttributes(stack, new("Zone"), &awsroute53.HostedZoneAttributes{
		HostedZoneId: &c.Console.ZoneID,
		ZoneName:     &c.Console.ZoneName,
	})
	name := new(hostOf(c.ConsoleOrigin) + ".")
	target := awsroute53.RecordTarget_FromAlias(awsroute53targets.NewCloudFrontTarget(site))
	awsroute53.NewARecord(stack, new("Record"), &awsroute53.ARecordProps{Zone: zone, RecordName: name, Target: target})
	awsroute53.NewAaaaRecord(stack, new("RecordOfIPv6"), &awsroute53.AaaaRecordProps{Zone: zone, RecordName: name, Target: target})
}

// consoleAPI is where the console calls.
func (c Config) consoleAPI() string {
	if c.Console.API == "" && c.Domain != nil {
		return "https://" + c.Domain.Name
	}
	return c.Console.API
}

// consoleCalls are the origins that the console's pages may call: the API, the
// issuer, and where else its sign-in has endpoints.
func consoleCalls(c Config) []string {
	return append([]string{"https://" + hostOf(c.consoleAPI()), "https://" + hostOf(c.People.Issuer)}, c.Console.SignIn...)
}

// hostOf is the host of an address, with its port.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}
