package main

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
)

// rightsOf collects what a role may do, as "action on resource".
func rightsOf(t *testing.T, tm template, role string) []string {
	t.Helper()
	r := tm.Resources[role]
	if r.Properties["ManagedPolicyArns"] != nil || r.Properties["Policies"] != nil {
		t.Errorf("%s has policies beside its own", role)
	}
	var rights []string
	for id, p := range tm.of(t, "AWS::IAM::Policy") {
		if !slices.ContainsFunc(list(p.Properties["Roles"]), func(v any) bool { return text(v) == "${"+role+"}" }) {
			continue
		}
		for _, statement := range list(at(p.Properties, "PolicyDocument", "Statement")) {
			if at(statement, "Effect") == "Deny" { // see TestWritesThatAreDenied
				continue
			}
			if at(statement, "Effect") != "Allow" || at(statement, "NotAction") != nil || at(statement, "NotResource") != nil {
				t.Errorf("%s does not plainly allow: %s", id, text(statement))
			}
			for _, action := range list(at(statement, "Action")) {
				for _, on := range list(at(statement, "Resource")) {
					rights = append(rights, text(action)+" on "+text(on))
				}
			}
		}
	}
	slices.Sort(rights)
	return rights
}

func TestGrants(t *testing.T) {
	needNode(t)
	for name, tm := range map[string]template{"plain": plain(), "everything": everything()} {
		t.Run(name, func(t *testing.T) {
			table, _ := tm.one(t, "AWS::DynamoDB::Table")
			roles := map[string]string{} // role → function
			for function, g := range grants {
				_, f := tm.function(t, function)
				role := strings.TrimSuffix(strings.TrimPrefix(text(f.Properties["Role"]), "${"), ".Arn}")
				if other := roles[role]; other != "" {
					t.Errorf("%s and %s share a role", function, other)
				}
				roles[role] = function
				log := strings.Trim(text(at(f.Properties, "LoggingConfig", "LogGroup")), "${}")

				want := []string{
					"logs:CreateLogStream on ${" + log + ".Arn}",
					"logs:PutLogEvents on ${" + log + ".Arn}",
					"xray:PutTelemetryRecords on *",
					"xray:PutTraceSegments on *",
				}
				for _, action := range g.table {
					want = append(want, action+" on ${"+table+".Arn}")
				}
				for _, action := range slices.Concat(g.events, g.warnings, g.refusals) {
					want = append(want, action+" on ${"+table+".Arn}")
				}
				bus, _ := tm.one(t, "AWS::Events::EventBus")
				queue, _ := tm.one(t, "AWS::SQS::Queue")
				for on, actions := range map[string][]string{table + ".StreamArn": g.stream, bus + ".Arn": g.bus, queue + ".Arn": g.undelivered} {
					for _, action := range actions {
						want = append(want, action+" on ${"+on+"}")
					}
				}
				for _, action := range g.keys {
					for key := range tm.of(t, "AWS::KMS::Key") {
						want = append(want, action+" on ${"+key+".Arn}")
					}
				}
				slices.Sort(want)
				if got := rightsOf(t, tm, role); !slices.Equal(got, want) {
					t.Errorf("%s may\n%s\nbut its grant says\n%s", function, strings.Join(got, "\n"), strings.Join(want, "\n"))
				}
			}
			if got := len(tm.of(t, "AWS::Lambda::Function")); got != len(grants) {
				t.Errorf("%d functions, %d grants", got, len(grants))
			}
			for id := range tm.of(t, "AWS::IAM::Role") {
				switch {
				case roles[id] != "":
				case strings.HasPrefix(id, "TokenHolder"), strings.HasPrefix(id, "ApiCloudWatchRole"):
					// Tested where they are added.
				default:
					t.Errorf("role %s is nobody's", id)
				}
			}
		})
	}
}

// TestWritesThatAreDenied: nobody changes the trail but who follows the table, by
// adding to it, nobody the settings, and nobody but the administrators' function
// the policy.
func TestWritesThatAreDenied(t *testing.T) {
	needNode(t)
	tm := everything()
	table, _ := tm.one(t, "AWS::DynamoDB::Table")
	for function, g := range grants {
		_, f := tm.function(t, function)
		role := text(f.Properties["Role"])
		var writes, denied []string
		for _, p := range tm.of(t, "AWS::IAM::Policy") {
			if !slices.ContainsFunc(list(p.Properties["Roles"]), func(v any) bool { return strings.HasPrefix(role, strings.TrimSuffix(text(v), "}")+".") }) {
				continue
			}
			for _, statement := range list(at(p.Properties, "PolicyDocument", "Statement")) {
				for _, action := range list(at(statement, "Action")) {
					a := text(action)
					switch {
					case at(statement, "Effect") == "Deny":
						denied = append(denied, a)
					case at(statement, "Condition") == nil && (strings.Contains(a, "PutItem") || strings.Contains(a, "UpdateItem") || strings.Contains(a, "DeleteItem")):
						writes = append(writes, a)
					}
				}
				if at(statement, "Effect") != "Deny" {
					continue
				}
				partitions := `["trail#*","settings","policy","refused#*"]`
				switch function {
				case "admin":
					partitions = `["trail#*","settings","refused#*"]`
				case "authorize", "exchange":
					partitions = `["trail#*","settings","policy"]`
				}
				if got := text(at(statement, "Condition")); got != `{"ForAnyValue:StringLike":{"dynamodb:LeadingKeys":`+partitions+`}}` {
					t.Errorf("%s is denied under %s", function, got)
				}
				if got := text(at(statement, "Resource")); got != "${"+table+".Arn}" {
					t.Errorf("%s is denied on %s", function, got)
				}
			}
		}
		if slices.Sort(writes); !slices.Equal(writes, slices.Sorted(slices.Values(denied))) {
			t.Errorf("%s writes by %v and is denied %v", function, writes, denied)
		}
		if len(writes) == 0 != (len(g.denied()) == 0) {
			t.Errorf("%s: %v", function, writes)
		}
	}
}

// TestNoWildcard looks at every statement of the template once more, without
// the table in hand.
func TestNoWildcard(t *testing.T) {
	needNode(t)
	tm := everything()
	seen := 0
	for id, p := range tm.of(t, "AWS::IAM::Policy") {
		for _, statement := range list(at(p.Properties, "PolicyDocument", "Statement")) {
			seen++
			actions := text(at(statement, "Action"))
			if strings.Contains(actions, "*") {
				t.Errorf("%s allows a wildcard of actions: %s", id, actions)
			}
			onAny := slices.ContainsFunc(list(at(statement, "Resource")), func(v any) bool { return strings.Contains(text(v), "*") })
			if onAny && !strings.HasPrefix(strings.Trim(actions, `["`), "xray:") {
				t.Errorf("%s allows %s on a wildcard", id, actions)
			}
		}
	}
	if seen == 0 {
		t.Fatal("no statement")
	}
}

// TestOnlyExchangeSigns: every key denies to sign to all roles but exchange's.
func TestOnlyExchangeSigns(t *testing.T) {
	needNode(t)
	tm := everything()
	_, exchange := tm.function(t, "exchange")
	for id, key := range tm.of(t, "AWS::KMS::Key") {
		denied := slices.ContainsFunc(list(at(key.Properties, "KeyPolicy", "Statement")), func(s any) bool {
			return at(s, "Effect") == "Deny" && at(s, "Action") == "kms:Sign" && text(at(s, "Principal")) == `{"AWS":"*"}` &&
				text(at(s, "Condition", "ArnNotEquals", "aws:PrincipalArn")) == text(exchange.Properties["Role"])
		})
		if !denied {
			t.Errorf("%s lets others sign", id)
		}
	}
}

// TestFunctionsAreCalledByTheirAPI: a permission names the API's own methods or
// its authorizer, or anybody's gateway could call the function with an
// authorizer's word of its own making.
func TestFunctionsAreCalledByTheirAPI(t *testing.T) {
	needNode(t)
	tm := plain()
	api, _ := tm.one(t, "AWS::ApiGateway::RestApi")
	for id, p := range tm.of(t, "AWS::Lambda::Permission") {
		source := text(p.Properties["SourceArn"])
		if strings.HasPrefix(id, "EveryHour") {
			if rule, _ := tm.one(t, "AWS::Events::Rule"); p.Properties["Principal"] != "events.amazonaws.com" || source != "${"+rule+".Arn}" {
				t.Errorf("%s: %v may call from %s", id, p.Properties["Principal"], source)
			}
			continue
		}
		if p.Properties["Principal"] != "apigateway.amazonaws.com" || p.Properties["Action"] != "lambda:InvokeFunction" ||
			!strings.Contains(source, ":${"+api+"}/") || strings.Contains(source, "/*/*") {
			t.Errorf("%s: %v may call from %s", id, p.Properties["Principal"], source)
		}
	}
}

// TestExampleRole: the trust policy is good JSON once CloudFormation has put our
// address in, and the role has no right of its own.
func TestExampleRole(t *testing.T) {
	needNode(t)
	tm := everything()
	for id, role := range tm.of(t, "AWS::IAM::Role") {
		if !strings.HasPrefix(id, "TokenHolder") {
			continue
		}
		if keys := slices.Sorted(maps.Keys(role.Properties)); !slices.Equal(keys, []string{"AssumeRolePolicyDocument", "Description", "MaxSessionDuration", "RoleName"}) {
			t.Errorf("the role has %v", keys)
		}
		sub := at(role.Properties, "AssumeRolePolicyDocument", "Fn::Sub").([]any)
		with := sub[1].(map[string]any)
		filled := strings.NewReplacer("${Provider}", text(with["Provider"]), "${Issuer}", text(with["Issuer"])).Replace(sub[0].(string))
		var policy any
		if err := json.Unmarshal([]byte(filled), &policy); err != nil {
			t.Fatalf("%v in %s", err, filled)
		}
		statements := list(at(policy, "Statement"))
		if len(statements) != 1 {
			t.Fatalf("%d statements", len(statements))
		}
		if got := text(at(statements[0], "Condition")); got != `{"StringEquals":{"pat.example.com:aud":"sts.amazonaws.com"}}` {
			t.Errorf("condition %s", got)
		}
		if got := text(at(statements[0], "Action")); got != `["sts:AssumeRoleWithWebIdentity","sts:TagSession","sts:SetSourceIdentity"]` {
			t.Errorf("actions %s", got)
		}
		return
	}
	t.Error("no example role")
}
