package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/counterfoil/counterfoil/pkg/api"
	"github.com/counterfoil/counterfoil/pkg/handler"
	"github.com/counterfoil/counterfoil/pkg/pat"
)

// A brokenStore does not answer.
type brokenStore struct{ pat.Store }

func (brokenStore) Settings(context.Context) (pat.Settings, error) {
	return pat.Settings{}, errors.New("no answer")
}

// TestTheAlarmHearsTheAuthorizer: the metric that the alarm looks at is what the
// authorizer writes when it cannot decide, and not what it writes when a
// credential is bad.
func TestTheAlarmHearsTheAuthorizer(t *testing.T) {
	before := lambdacontext.FunctionName
	lambdacontext.FunctionName = "authorize"
	t.Cleanup(func() { lambdacontext.FunctionName = before })
	var log bytes.Buffer
	authorizer := handler.Authorizer{
		Tokens: &pat.Service{Store: brokenStore{}},
		Routes: api.Routes,
		Log:    slog.New(slog.NewJSONHandler(&log, nil)),
	}
	hears := func(credential string) bool {
		log.Reset()
		if _, err := authorizer.Authorize(t.Context(), handler.AuthorizerRequest{
			Type: "TOKEN", AuthorizationToken: "Bearer " + credential,
			MethodARN: "arn:aws:execute-api:eu-central-1:111122223333:abc/v1/GET/whoami",
		}); err == nil {
			t.Fatalf("%q is good", credential)
		}
		line := map[string]any{}
		if err := json.Unmarshal(log.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		return line[api.MetricFailures] == 1.0 && line[api.DimensionFunction] == "authorize" &&
			strings.Contains(text(line["_aws"]), `"Name":"`+api.MetricFailures+`"`)
	}
	if !hears("a.b.c") {
		t.Errorf("the alarm does not hear %s", log.String())
	}
	if hears("junk") {
		t.Errorf("the alarm hears %s", log.String())
	}
}

// TestAlarms: what there is, whom it tells, and that nobody's id is a dimension.
func TestAlarms(t *testing.T) {
	needNode(t)
	tm := everything()
	alarms := tm.of(t, "AWS::CloudWatch::Alarm")
	if want := 4 + 2 + len(grants) - len(unrouted); len(alarms) != want {
		t.Errorf("%d alarms, want %d", len(alarms), want)
	}
	topic, _ := tm.one(t, "AWS::SNS::Topic")
	_, policy := tm.one(t, "AWS::SNS::TopicPolicy")
	heard := slices.ContainsFunc(list(at(policy.Properties, "PolicyDocument", "Statement")), func(s any) bool {
		return at(s, "Effect") == "Allow" && at(s, "Action") == "sns:Publish" && text(at(s, "Resource")) == "${"+topic+"}" &&
			text(at(s, "Principal")) == `{"Service":"cloudwatch.amazonaws.com"}` &&
			text(at(s, "Condition")) == `{"StringEquals":{"aws:SourceAccount":{"Ref":"AWS::AccountId"}}}`
	})
	if !heard {
		t.Errorf("no alarm may publish: %s", text(policy.Properties["PolicyDocument"]))
	}
	metrics := map[string]bool{}
	for id, a := range alarms {
		if text(a.Properties["AlarmActions"]) != `[{"Ref":"`+topic+`"}]` {
			t.Errorf("%s tells %s", id, text(a.Properties["AlarmActions"]))
		}
		if a.Properties["Namespace"] == api.MetricNamespace {
			metrics[fmt.Sprint(a.Properties["MetricName"])] = true
		}
		if a.Properties["Namespace"] == "AWS/Lambda" && a.Properties["MetricName"] == "Errors" {
			t.Errorf("%s counts what anybody can cause", id)
		}
		dimensions := regexp.MustCompile(`"Name":"([^"]*)"`).FindAllStringSubmatch(text(a.Properties["Dimensions"])+text(a.Properties["Metrics"]), -1)
		if len(dimensions) == 0 && a.Properties["Namespace"] != api.MetricNamespace {
			t.Errorf("%s looks at a metric of everybody's", id)
		}
		for _, name := range dimensions {
			switch name[1] {
			case "ApiName", "Stage", "FunctionName", "TableName", "QueueName":
			default:
				t.Errorf("%s has the dimension %s", id, name[1])
			}
		}
	}
	for _, name := range []string{api.MetricFailures, api.MetricSignFailures} {
		if !metrics[name] {
			t.Errorf("no alarm looks at %s", name)
		}
	}
	for id, a := range plain().of(t, "AWS::CloudWatch::Alarm") {
		if a.Properties["AlarmActions"] != nil {
			t.Errorf("%s tells somebody that nobody named", id)
		}
	}
}
