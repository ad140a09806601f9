package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"regexp"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/pkg/api"
	"github.com/counterfoil/counterfoil/pkg/handler"
	"github.com/counterfoil/counterfoil/pkg/pat"
)

// A brokenStore does not answer.
type brokenStore struct{ pat.Store }

func (brokenStore) Settings(context.Context) (pat.Settings, error) {
	return pat.Settings{}, errors.New("no answer")
}

// TestAuthorizerWords: what the alarm looks for is what the authorizer writes
// when it cannot decide, and not what it writes when a credential is bad.
func TestAuthorizerWords(t *testing.T) {
	var log bytes.Buffer
	authorizer := handler.Authorizer{
		Tokens: &pat.Service{Store: brokenStore{}},
		Routes: api.Routes,
		Log:    slog.New(slog.NewTextHandler(&log, nil)),
	}
	hears := func(credential string) bool {
		log.Reset()
		if _, err := authorizer.Authorize(t.Context(), handler.AuthorizerRequest{
			Type: "TOKEN", AuthorizationToken: "Bearer " + credential,
			MethodARN: "arn:aws:execute-api:eu-central-1:111122223333:abc/v1/GET/whoami",
		}); err == nil {
			t.Fatalf("%q is good", credential)
		}
		for _, word := range authorizerFailed {
			if !strings.Contains(log.String(), word) {
				return false
			}
		}
		return true
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
	if want := 4 + len(grants); len(alarms) != want {
		t.Errorf("%d alarms, want %d", len(alarms), want)
	}
	topic, _ := tm.one(t, "AWS::SNS::Topic")
	metrics := map[string]bool{}
	for id, a := range alarms {
		if text(a.Properties["AlarmActions"]) != `[{"Ref":"`+topic+`"}]` {
			t.Errorf("%s tells %s", id, text(a.Properties["AlarmActions"]))
		}
		metrics[text(a.Properties["MetricName"])] = true
		if a.Properties["Namespace"] == "AWS/Lambda" && a.Properties["MetricName"] == "Errors" {
			t.Errorf("%s counts what anybody can cause", id)
		}
		for _, name := range regexp.MustCompile(`"Name":"([^"]*)"`).FindAllStringSubmatch(text(a.Properties["Dimensions"])+text(a.Properties["Metrics"]), -1) {
			switch name[1] {
			case "ApiName", "Stage", "FunctionName", "TableName":
			default:
				t.Errorf("%s has the dimension %s", id, name[1])
			}
		}
	}
	for id, f := range tm.of(t, "AWS::Logs::MetricFilter") {
		metric := list(f.Properties["MetricTransformations"])[0]
		if at(metric, "Dimensions") != nil {
			t.Errorf("%s has dimensions", id)
		}
		if !metrics[text(at(metric, "MetricName"))] {
			t.Errorf("no alarm looks at %s", text(at(metric, "MetricName")))
		}
	}
	for id, a := range plain().of(t, "AWS::CloudWatch::Alarm") {
		if a.Properties["AlarmActions"] != nil {
			t.Errorf("%s tells somebody that nobody named", id)
		}
	}
}
