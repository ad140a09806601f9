package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"
)

// accepted are the findings of cdk-nag's AWS solutions pack that we live with,
// each with its reason. The pattern fits the construct that it is about.
var accepted = []struct{ rule, on, reason string }{
	{"AwsSolutions-APIG2", `^/Counterfoil/Api/Resource$`,
		"API Gateway would refuse a body in its own words; the functions check every field and name all that are wrong"},
	{"AwsSolutions-APIG3", `^/Counterfoil/Api/DeploymentStage`,
		"a WAF costs by the month and by the request: it is an option (requests_per_address), and every route is throttled without"},
	{"AwsSolutions-APIG4", `/ANY/Resource$`,
		"answers 404 and reaches no function"},
	{"AwsSolutions-APIG4", `^/Counterfoil/Api/Default/oauth/(token|revoke)/POST/Resource$`,
		"RFC 8693 and RFC 7009: the credential is in the form, and whoever holds it may"},
	{"AwsSolutions-APIG4", `^/Counterfoil/Api/Default/credentials/report/POST/Resource$`,
		"whoever finds a value must be able to report it; a throttle of its own bounds it"},
	{"AwsSolutions-SQS3", `^/Counterfoil/Undelivered/Resource$`,
		"it is the queue of what could not be told; cdk-nag knows no mapping that is made by hand"},
	{"AwsSolutions-APIG4", `^/Counterfoil/Api/Default/\.well-known/[a-z.-]+/GET/Resource$`,
		"discovery is for everybody"},
	{"AwsSolutions-APIG6", `^/Counterfoil/Api/DeploymentStage`,
		"the execution log can hold headers and bodies, and with them credentials; the access log is on"},
	{"AwsSolutions-COG4", `^/Counterfoil/Api/Default/`,
		"we are the authorizer; a user pool of Cognito's, or any other OIDC issuer, stands behind it"},
	{"AwsSolutions-IAM4", `^/Counterfoil/Api/CloudWatchRole/Resource$`,
		"API Gateway's own role for its logs, one for the account (gateway_log_role), is made by AWS's policy for it"},
	{"AwsSolutions-IAM5", `^/Counterfoil/[A-Za-z]+/Role/DefaultPolicy/Resource$`,
		"X-Ray's two actions know no resource; TestNoWildcard sees to it that nothing else is on *"},
	{"AwsSolutions-CFR1", `^/CounterfoilConsole/Site/Resource$`,
		"the people of an organization travel"},
	{"AwsSolutions-CFR2", `^/CounterfoilConsole/Site/Resource$`,
		"files that anybody may read, and nothing behind them"},
	{"AwsSolutions-CFR3", `^/CounterfoilConsole/Site/Resource$`,
		"its lines would hold the codes of sign-ins; who did what is in the log of the API"},
	{"AwsSolutions-CFR4", `^/CounterfoilConsole/Site/Resource$`,
		"without a certificate of one's own (console.certificate) CloudFront offers no better"},
	{"AwsSolutions-S1", `^/CounterfoilConsole/Files/Resource$`,
		"CloudFront alone reads it, and CloudTrail tells who writes"},
	{"AwsSolutions-IAM4", `^/CounterfoilConsole/Custom::CDKBucketDeployment[0-9A-F]+/ServiceRole/Resource$`,
		"CDK's uploader writes its log by AWS's policy for that"},
	{"AwsSolutions-IAM5", `^/CounterfoilConsole/Custom::CDKBucketDeployment[0-9A-F]+/ServiceRole/DefaultPolicy/Resource$`,
		"CDK's uploader writes every key of the one bucket, and CDK lets it invalidate any distribution"},
	{"AwsSolutions-L1", `^/CounterfoilConsole/Custom::CDKBucketDeployment[0-9A-F]+/Resource$`,
		"CDK chooses what its uploader runs in"},
}

func TestNag(t *testing.T) {
	needNode(t)
	met := map[int]bool{}
	for name, c := range map[string]Config{"plain": exampleConfig(), "everything": fullConfig()} {
		t.Run(name, func(t *testing.T) {
			app, _ := build(c)
			nag(t, app, c.Stack, met)
		})
	}
	nameless := exampleConfig()
	console := *nameless.Console
	console.Certificate = ""
	nameless.Console = &console
	for name, c := range map[string]Config{"console": exampleConfig(), "console with everything": fullConsoleConfig(), "console without a name": nameless} {
		t.Run(name, func(t *testing.T) {
			app, _ := buildConsole(c)
			nag(t, app, c.Stack+"Console", met)
		})
	}
	for i, a := range accepted {
		if !met[i] {
			t.Errorf("%s on %s is accepted and was not found", a.rule, a.on)
		}
	}
}

// nag checks one stack, and notes which of the accepted findings it met.
func nag(t *testing.T, app awscdk.App, stack string, met map[int]bool) {
	awscdk.Aspects_Of(app).Add(cdknag.NewAwsSolutionsChecks(&cdknag.NagPackProps{
		ReportFormats: &[]cdknag.NagReportFormat{cdknag.NagReportFormat_JSON},
	}), nil)
	app.Synth(nil)
	text, err := os.ReadFile(filepath.Join(*app.Outdir(), "AwsSolutions--"+stack+"-NagReport.json"))
	if err != nil {
		t.Fatal(err)
	}
	var report struct {
		Lines []struct{ RuleID, ResourceID, Compliance, RuleInfo string }
	}
	if err := json.Unmarshal(text, &report); err != nil {
		t.Fatal(err)
	}
	compliant := 0
	for _, l := range report.Lines {
		if l.Compliance == "Compliant" {
			compliant++
			continue
		}
		rule, _, _ := strings.Cut(l.RuleID, "[")
		known := false
		for i, a := range accepted {
			if rule == a.rule && regexp.MustCompile(a.on).MatchString("/"+l.ResourceID) {
				met[i], known = true, true
			}
		}
		if !known {
			t.Errorf("%s on %s: %s, %s", l.RuleID, l.ResourceID, l.Compliance, l.RuleInfo)
		}
	}
	if compliant == 0 {
		t.Fatal("nothing is compliant: did the checks run?")
	}
}
