package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/pkg/store"
)

// TestPinned: under another logical id CloudFormation would make a new table or
// key and leave the old one behind, and with it every token.
func TestPinned(t *testing.T) {
	needNode(t)
	for name, tm := range map[string]template{"plain": plain(), "everything": everything()} {
		for id, kind := range map[string]string{
			"TableCD117FA1":       "AWS::DynamoDB::Table",
			"SigningKeyA8F3218BB": "AWS::KMS::Key",
			"ApiF70053CD":         "AWS::ApiGateway::RestApi", // its id is in the issuer
		} {
			if got := tm.Resources[id].Type; got != kind {
				t.Errorf("%s: %s is a %q, want %s", name, id, got, kind)
			}
		}
	}
}

func TestTable(t *testing.T) {
	needNode(t)
	_, table := plain().one(t, "AWS::DynamoDB::Table")
	p := table.Properties
	for what, ok := range map[string]bool{
		"its TTL is on":                       text(p["TimeToLiveSpecification"]) == `{"AttributeName":"ttl","Enabled":true}`,
		"it can be restored":                  at(p, "PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled") == true,
		"it is protected from deletion":       p["DeletionProtectionEnabled"] == true,
		"it outlives the stack":               table.DeletionPolicy == "Retain",
		"it outlives a change of its own":     table.UpdateReplacePolicy == "Retain",
		"it is encrypted":                     at(p, "SSESpecification", "SSEEnabled") == true,
		"it is paid by request":               p["BillingMode"] == "PAY_PER_REQUEST",
		"it has no index":                     p["GlobalSecondaryIndexes"] == nil && p["LocalSecondaryIndexes"] == nil,
		"its stream shows what was and is":    text(p["StreamSpecification"]) == `{"StreamViewType":"NEW_AND_OLD_IMAGES"}`,
		"its keys are those the store writes": text(p["KeySchema"]) == `[{"AttributeName":"pk","KeyType":"HASH"},{"AttributeName":"sk","KeyType":"RANGE"}]`,
	} {
		if !ok {
			t.Errorf("not so: %s", what)
		}
	}
}

// TestRestoredTable: every function moves to it, and nobody keeps a right on
// the stack's own table, which stays.
func TestRestoredTable(t *testing.T) {
	needNode(t)
	c := exampleConfig()
	c.RestoredTable = "restored"
	c.RestoredStream = "arn:aws:dynamodb:eu-central-1:111122223333:table/restored/stream/2026-11-24T12:00:00.000"
	tm := synthesize(c)
	table, _ := tm.one(t, "AWS::DynamoDB::Table")
	for id, p := range tm.of(t, "AWS::IAM::Policy") {
		if got := text(p.Properties["PolicyDocument"]); strings.Contains(got, table) || !strings.Contains(got, ":table/restored") {
			t.Errorf("%s: %s", id, got)
		}
	}
	for name := range grants {
		_, f := tm.function(t, name)
		if got := at(f.Properties, "Environment", "Variables", store.EnvTable); got != "restored" {
			t.Errorf("%s uses the table %v", name, got)
		}
	}
	if got := at(tm.Outputs["TableName"], "Value"); got != "restored" {
		t.Errorf("the output says %v", got)
	}
	// Whoever destroys the stack must hear of both.
	if got := text(at(tm.Outputs["OwnTableName"], "Value")); got != "${"+table+"}" {
		t.Errorf("the output says %v of the stack's own table", got)
	}
	if plain().Outputs["OwnTableName"] != nil {
		t.Error("a second table is named where there is one")
	}
}

func TestKeys(t *testing.T) {
	needNode(t)
	for name, tm := range map[string]template{"plain": plain(), "everything": everything()} {
		for id, key := range tm.of(t, "AWS::KMS::Key") {
			want := "RSA_2048"
			if strings.HasPrefix(id, "SigningKeyB") {
				want = "ECC_NIST_P256"
			}
			if key.Properties["KeySpec"] != want || key.Properties["KeyUsage"] != "SIGN_VERIFY" {
				t.Errorf("%s: %s is %v for %v", name, id, key.Properties["KeySpec"], key.Properties["KeyUsage"])
			}
			if key.DeletionPolicy != "Retain" || key.UpdateReplacePolicy != "Retain" || key.Properties["PendingWindowInDays"] != 30.0 {
				t.Errorf("%s: %s can be lost", name, id)
			}
		}
	}
	if got := text(at(everything().Outputs["SigningKeys"], "Value")); !strings.HasPrefix(got, "${SigningKeyB") || !strings.Contains(got, ",${SigningKeyA") {
		t.Errorf("the keys to publish are %s", got)
	}
}

func TestLogs(t *testing.T) {
	needNode(t)
	tm := everything()
	for id, log := range tm.of(t, "AWS::Logs::LogGroup") {
		if days, _ := log.Properties["RetentionInDays"].(float64); days < 90 || log.DeletionPolicy != "Retain" {
			t.Errorf("%s is kept %v days", id, log.Properties["RetentionInDays"])
		}
	}
	_, stage := tm.one(t, "AWS::ApiGateway::Stage")
	settings := list(stage.Properties["MethodSettings"])
	if !slices.ContainsFunc(settings, func(s any) bool { return at(s, "HttpMethod") == "*" && at(s, "LoggingLevel") == "OFF" }) {
		t.Error("the execution log is not off for all methods")
	}
	for _, setting := range settings {
		if at(setting, "DataTraceEnabled") != false {
			t.Errorf("%v: the data of requests is not kept out of the log", at(setting, "ResourcePath"))
		}
		if level := at(setting, "LoggingLevel"); level != nil && level != "OFF" {
			t.Errorf("%v: the execution log is %v", at(setting, "ResourcePath"), level)
		}
	}
	if stage.Properties["TracingEnabled"] == true {
		t.Error("X-Ray keeps paths and queries")
	}
	format := at(stage.Properties, "AccessLogSetting", "Format").(string)
	for _, secret := range []string{"$context.path", "$context.requestOverride", "$input", "header", "$context.error.message", "Authorization\"", "querystring", "principalId", "$context.authorizer.sub"} {
		if strings.Contains(strings.ToLower(format), strings.ToLower(secret)) {
			t.Errorf("the access log has %s", secret)
		}
	}
	for _, field := range []string{"$context.resourcePath", "$context.requestId", "$context.authorizer.requestId"} {
		if !strings.Contains(format, field) {
			t.Errorf("the access log lacks %s", field)
		}
	}
}

func TestFirewall(t *testing.T) {
	needNode(t)
	for id, r := range plain().Resources {
		if strings.HasPrefix(r.Type, "AWS::WAFv2::") {
			t.Errorf("nobody asked for %s", id)
		}
	}
	tm := everything()
	_, acl := tm.one(t, "AWS::WAFv2::WebACL")
	rules := list(acl.Properties["Rules"])
	if len(rules) != 1 {
		t.Fatalf("%d rules", len(rules))
	}
	rule := at(rules[0], "Statement", "RateBasedStatement")
	if at(rule, "Limit") != 1000.0 || at(rule, "AggregateKeyType") != "IP" || at(rule, "EvaluationWindowSec") != 300.0 {
		t.Errorf("the rule is %s", text(rule))
	}
	var exempt []string
	for _, statement := range list(at(rule, "ScopeDownStatement", "NotStatement", "Statement", "OrStatement", "Statements")) {
		match := at(statement, "ByteMatchStatement")
		if at(match, "PositionalConstraint") != "STARTS_WITH" || text(at(match, "TextTransformations")) != `[{"Priority":0,"Type":"URL_DECODE"},{"Priority":1,"Type":"NORMALIZE_PATH"}]` {
			t.Errorf("another path may be exempt: %s", text(match))
		}
		exempt = append(exempt, text(at(match, "SearchString")))
	}
	if !slices.Equal(exempt, []string{"/v1/.well-known/", "/.well-known/"}) {
		t.Errorf("exempt is %q", exempt)
	}
	_, logging := tm.one(t, "AWS::WAFv2::LoggingConfiguration")
	redacted := text(logging.Properties["RedactedFields"])
	for _, field := range []string{`{"UriPath":{}}`, `{"QueryString":{}}`, `{"SingleHeader":{"Name":"authorization"}}`} {
		if !strings.Contains(redacted, field) {
			t.Errorf("the log has %s", field)
		}
	}
	if strings.Contains(text(acl.Properties), `"SampledRequestsEnabled":true`) {
		t.Error("requests are sampled")
	}
}
