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
}

func TestNag(t *testing.T) {
	needNode(t)
	met := map[int]bool{}
	for name, c := range map[string]Config{"plain": exampleConfig(), "everything": fullConfig()} {
		t.Run(name, func(t *testing.T) { nag(t, c, met) })
	}
	for i, a := range accepted {
		if !met[i] {
			t.Errorf("%s on %s is accepted and was not found", a.rule, a.on)
		}
	}
}

// nag checks one configuration, and notes which of the accepted findings it met.
func nag(t *testing.T, c Config, met map[int]bool) {
	app, _ := build(c)
	awscdk.Aspects_Of(app).Add(cdknag.NewAwsSolutionsChecks(&cdknag.NagPackProps{
		ReportFormats: &[]cdknag.NagReportFormat{cdknag.NagReportFormat_JSON},
	}), nil)
	app.Synth(nil)
	text, err := os.ReadFile(filepath.Join(*app.Outdir(), "AwsSolutions--Counterfoil-NagReport.json"))
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
