package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awswafv2"
)

// wellKnown is where discovery's paths start (RFC 8615).
const wellKnown = "/.well-known/"

// addFirewall stops an address that asks too often. Discovery is exempt: STS
// fetches our keys while exchange waits for it, from addresses that others use
// too.
func (s *service) addFirewall() {
	if s.config.RequestsPerAddress == 0 {
		return
	}
	seen := func(name string) *awswafv2.CfnWebACL_VisibilityConfigProperty {
		return &awswafv2.CfnWebACL_VisibilityConfigProperty{
			CloudWatchMetricsEnabled: new(true),
			MetricName:               new(s.config.Stack + name),
			// A sample would show paths to whoever may read it.
			SampledRequestsEnabled: new(false),
		}
	}
	// A domain of our own has no stage in its paths. Nobody gets to another
	// route from there by dot segments: they are resolved before.
	starts := func(with string) any {
		return &awswafv2.CfnWebACL_StatementProperty{ByteMatchStatement: &awswafv2.CfnWebACL_ByteMatchStatementProperty{
			FieldToMatch:         &awswafv2.CfnWebACL_FieldToMatchProperty{UriPath: map[string]any{}},
			PositionalConstraint: new("STARTS_WITH"),
			SearchString:         &with,
			TextTransformations: []any{
				&awswafv2.CfnWebACL_TextTransformationProperty{Priority: new(0.0), Type: new("URL_DECODE")},
				&awswafv2.CfnWebACL_TextTransformationProperty{Priority: new(1.0), Type: new("NORMALIZE_PATH")},
			},
		}}
	}
	discovery := &awswafv2.CfnWebACL_StatementProperty{OrStatement: &awswafv2.CfnWebACL_OrStatementProperty{
		Statements: []any{starts("/" + s.config.Stage + wellKnown), starts(wellKnown)},
	}}
	acl := awswafv2.NewCfnWebACL(s.Stack, new("Firewall"), &awswafv2.CfnWebACLProps{
		Scope:            new("REGIONAL"),
		DefaultAction:    &awswafv2.CfnWebACL_DefaultActionProperty{Allow: map[string]any{}},
		VisibilityConfig: seen("Firewall"),
		Rules: []any{&awswafv2.CfnWebACL_RuleProperty{
			Name:             new("rate"),
			Priority:         new(0.0),
			Action:           &awswafv2.CfnWebACL_RuleActionProperty{Block: map[string]any{}},
			VisibilityConfig: seen("Rate"),
			Statement: &awswafv2.CfnWebACL_StatementProperty{
				RateBasedStatement: &awswafv2.CfnWebACL_RateBasedStatementProperty{
					AggregateKeyType:    new("IP"),
					EvaluationWindowSec: new(300.0),
					Limit:               new(float64(s.config.RequestsPerAddress)),
					ScopeDownStatement: &awswafv2.CfnWebACL_StatementProperty{
						NotStatement: &awswafv2.CfnWebACL_NotStatementProperty{Statement: discovery},
					},
				},
			},
		}},
	})
	awswafv2.NewCfnWebACLAssociation(s.Stack, new("FirewallOfApi"), &awswafv2.CfnWebACLAssociationProps{
		ResourceArn: s.api.DeploymentStage().StageArn(),
		WebAclArn:   acl.AttrArn(),
	})
	log := awslogs.NewLogGroup(s.Stack, new("FirewallLog"), &awslogs.LogGroupProps{
		// WAF writes to no log of another name.
		LogGroupName:  new("aws-waf-logs-" + s.config.Stack),
		Retention:     awslogs.RetentionDays_ONE_YEAR,
		RemovalPolicy: awscdk.RemovalPolicy_RETAIN,
	})
	// Somebody may have put a credential anywhere.
	header := func(name string) map[string]any { return map[string]any{"Name": name} }
	awswafv2.NewCfnLoggingConfiguration(s.Stack, new("FirewallLogging"), &awswafv2.CfnLoggingConfigurationProps{
		ResourceArn: acl.AttrArn(),
		// The ARN of a log group without the :* that CloudFormation adds.
		LogDestinationConfigs: &[]any{s.FormatArn(&awscdk.ArnComponents{
			Service: new("logs"), Resource: new("log-group"), ResourceName: log.LogGroupName(),
			ArnFormat: awscdk.ArnFormat_COLON_RESOURCE_NAME,
		})},
		RedactedFields: []any{
			&awswafv2.CfnLoggingConfiguration_FieldToMatchProperty{UriPath: map[string]any{}},
			&awswafv2.CfnLoggingConfiguration_FieldToMatchProperty{QueryString: map[string]any{}},
			&awswafv2.CfnLoggingConfiguration_FieldToMatchProperty{SingleHeader: header("authorization")},
			&awswafv2.CfnLoggingConfiguration_FieldToMatchProperty{SingleHeader: header("cookie")},
		},
	})
}
