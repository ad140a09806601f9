package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestTheTrailFollowsTheTable: nothing is lost, and nobody but its function sees
// the stream.
func TestTheTrailFollowsTheTable(t *testing.T) {
	needNode(t)
	tm := everything()
	function, _ := tm.function(t, "trail")
	table, _ := tm.one(t, "AWS::DynamoDB::Table")
	queue, undelivered := tm.one(t, "AWS::SQS::Queue")
	mappings := tm.of(t, "AWS::Lambda::EventSourceMapping")
	for id, mapping := range mappings {
		p := mapping.Properties
		for what, ok := range map[string]bool{
			"it follows the table":                     text(p["EventSourceArn"]) == "${"+table+".StreamArn}",
			"the function is the trail's":              strings.HasPrefix(text(p["FunctionName"]), "${"+function),
			"it begins with what is there":             p["StartingPosition"] == "TRIM_HORIZON",
			"it is told which records failed":          text(p["FunctionResponseTypes"]) == `["ReportBatchItemFailures"]`,
			"a batch that fails is halved":             p["BisectBatchOnFunctionError"] == true,
			"it tries for as long as may be":           p["MaximumRetryAttempts"] == -1.0,
			"it gives up while the stream still knows": p["MaximumRecordAgeInSeconds"] == 43200.0,
			"then somebody hears of it":                text(p["DestinationConfig"]) == `{"OnFailure":{"Destination":{"Fn::GetAtt":["`+queue+`","Arn"]}}}`,
			"the queue is encrypted":                   undelivered.Properties["SqsManagedSseEnabled"] == true,
			"the queue waits for somebody":             undelivered.Properties["MessageRetentionPeriod"] == 1209600.0,
			"the rights are there before it":           strings.Contains(text(mapping.DependsOn), "TrailRoleDefaultPolicy"),
			"changes are told one after the other":     p["ParallelizationFactor"] == map[bool]float64{true: 10, false: 1}[id == "TrailOfRefusals"],
		} {
			if !ok {
				t.Errorf("not so of %s: %s: %s", id, what, text(p))
			}
		}
	}
	const changes, refusals = "[TrailOfTable]", "[TrailOfRefusals]"
	for what, c := range map[string]struct{ change, want string }{
		"a token": {`{"Keys":{"pk":{"S":"AAAAA"},"sk":{"S":"00001"}},"NewImage":{"pk":{"S":"AAAAA"},"version":{"N":"1"}}}`, changes},
		"a token whose version somebody made a text": {`{"Keys":{"pk":{"S":"AAAAA"}},"NewImage":{"pk":{"S":"AAAAA"},"version":{"S":"x"}}}`, changes},
		"a token whose version somebody took away":   {`{"Keys":{"pk":{"S":"AAAAA"}},"NewImage":{"pk":{"S":"AAAAA"}}}`, changes},
		"the policy":             {`{"Keys":{"pk":{"S":"policy"}},"NewImage":{"pk":{"S":"policy"},"json":{"S":"{}"}}}`, changes},
		"what was published":     {`{"Keys":{"pk":{"S":"settings"}},"NewImage":{"pk":{"S":"settings"},"json":{"S":"{}"}}}`, "[]"},
		"an event":               {`{"Keys":{"pk":{"S":"trail#all#2026-11"}},"NewImage":{"pk":{"S":"trail#all#2026-11"},"json":{"S":"{}"},"ttl":{"N":"1"}}}`, "[]"},
		"a refusal":              {`{"Keys":{"pk":{"S":"refused#AAAAA00001"}},"NewImage":{"pk":{"S":"refused#AAAAA00001"},"refused":{"S":"{}"},"ttl":{"N":"1"}}}`, refusals},
		"what lies in its place": {`{"Keys":{"pk":{"S":"refused#AAAAA00001"}},"NewImage":{"pk":{"S":"refused#AAAAA00001"},"ttl":{"N":"1"}}}`, changes},
		"one of the wrong type":  {`{"Keys":{"pk":{"S":"refused#AAAAA00001"}},"NewImage":{"pk":{"S":"refused#AAAAA00001"},"refused":{"N":"1"}}}`, changes},
		"a removal":              {`{"Keys":{"pk":{"S":"AAAAA"}},"OldImage":{"pk":{"S":"AAAAA"},"version":{"N":"1"}}}`, "[]"},
	} {
		var told []string
		for id, mapping := range mappings {
			if slices.ContainsFunc(list(at(mapping.Properties, "FilterCriteria", "Filters")), func(filter any) bool {
				return matches(decoded(t, text(at(filter, "Pattern"))), map[string]any{"dynamodb": decoded(t, c.change)})
			}) {
				told = append(told, id)
			}
		}
		if got := fmt.Sprint(told); got != c.want {
			t.Errorf("of %s the function is told by %s, want %s", what, got, c.want)
		}
	}
	for id, policy := range tm.of(t, "AWS::IAM::Policy") {
		document := text(policy.Properties["PolicyDocument"])
		if sees := strings.Contains(document, "dynamodb:GetRecords"); sees != strings.HasPrefix(id, "TrailRole") {
			t.Errorf("%s reads the stream: %v", id, sees)
		}
	}
}

// writesAlone fails the test unless each of so many roles has one statement with the
// action, alone and under the condition.
func writesAlone(t *testing.T, tm template, roles []string, action, condition string) {
	t.Helper()
	checked := 0
	for id, policy := range tm.of(t, "AWS::IAM::Policy") {
		if !slices.ContainsFunc(roles, func(role string) bool { return strings.HasPrefix(id, role) }) {
			continue
		}
		for _, s := range list(at(policy.Properties, "PolicyDocument", "Statement")) {
			if !strings.Contains(text(at(s, "Action")), action) {
				continue
			}
			checked++
			if at(s, "Action") != action || text(at(s, "Condition")) != condition {
				t.Errorf("%s allows %s", id, text(s))
			}
		}
	}
	if checked != len(roles) {
		t.Errorf("%d statements write, want %d", checked, len(roles))
	}
}

// TestTheTrailWritesEventsAlone: its function sees every hash, and can change no
// token.
func TestTheTrailWritesEventsAlone(t *testing.T) {
	needNode(t)
	writesAlone(t, everything(), []string{"TrailRole"}, "dynamodb:BatchWriteItem",
		`{"ForAllValues:StringLike":{"dynamodb:LeadingKeys":["trail#*"]},"Null":{"dynamodb:LeadingKeys":"false"}}`)
}

// touching is the condition of gofn.Touching as the template has it.
func touching(attributes, partition string) string {
	return `{"ForAllValues:StringEquals":{"dynamodb:Attributes":[` + attributes + `]},"ForAllValues:StringLike":{"dynamodb:LeadingKeys":["` + partition +
		`"]},"Null":{"dynamodb:Attributes":"false","dynamodb:LeadingKeys":"false"},"StringEqualsIfExists":{"dynamodb:ReturnValues":"NONE"}}`
}

// TestWhoOnlyTellsWritesRefusalsAlone: introspection and whoami change nothing of a
// token's.
func TestWhoOnlyTellsWritesRefusalsAlone(t *testing.T) {
	needNode(t)
	writesAlone(t, everything(), []string{"IntrospectRole", "WhoamiRole"}, "dynamodb:UpdateItem", touching(`"pk","sk","refused","ttl"`, "refused#*"))
}

// TestRemindersWriteWarningsAlone: their function reads every token, and can
// change nothing of one but what it notes.
func TestRemindersWriteWarningsAlone(t *testing.T) {
	needNode(t)
	tm := everything()
	writesAlone(t, tm, []string{"RemindRole"}, "dynamodb:UpdateItem", touching(`"pk","sk","version","warned","noted","notes"`, "?????"))
	queue, _ := tm.one(t, "AWS::SQS::Queue")
	_, invoke := tm.one(t, "AWS::Lambda::EventInvokeConfig")
	if got := text(invoke.Properties["DestinationConfig"]); got != `{"OnFailure":{"Destination":{"Fn::GetAtt":["`+queue+`","Arn"]}}}` {
		t.Errorf("of a run that fails hears %s", got)
	}
	_, rule := tm.one(t, "AWS::Events::Rule")
	if rule.Properties["ScheduleExpression"] != "cron(7 * * * ? *)" || rule.Properties["State"] != "ENABLED" {
		t.Errorf("the schedule is %s", text(rule.Properties))
	}
}

func decoded(t *testing.T, text string) (value any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatal(err)
	}
	return value
}

// matches does what Lambda does with a pattern, as far as ours go: all its members
// must match, and a leaf is one text or whether there is one.
func matches(pattern, record any) bool {
	members, ok := pattern.(map[string]any)
	if !ok {
		rule := pattern.([]any)[0]
		if exists := at(rule, "exists"); exists != nil {
			return (record != nil) == exists.(bool)
		}
		return record == rule
	}
	for name, part := range members {
		if !matches(part, at(record, name)) {
			return false
		}
	}
	return true
}
