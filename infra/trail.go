package main

import (
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awseventstargets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
)

const (
	// batchSize is how many changes the trail's function is given at once.
	batchSize = 100
	// batchWindow is how long they are collected.
	batchWindow = time.Second
	// maxAge is how long a change is tried. The stream keeps it for 24 hours:
	// what comes to the queue of the undelivered can still be read from it.
	maxAge = 12 * time.Hour
	// undeliveredKept is the longest that SQS keeps anything.
	undeliveredKept = 14 * 24 * time.Hour
)

// addTrail adds what makes events of changes: the bus that tells others, and
// the queue that hears of what could not be told.
func (s *service) addTrail() {
	s.bus = awsevents.NewEventBus(s.Stack, new("Bus"), &awsevents.EventBusProps{
		Description: new("What happened to tokens, people and the policy"),
	})
	s.undelivered = awssqs.NewQueue(s.Stack, new("Undelivered"), &awssqs.QueueProps{
		EnforceSSL:      new(true),
		Encryption:      awssqs.QueueEncryption_SQS_MANAGED,
		RetentionPeriod: seconds(undeliveredKept),
		RemovalPolicy:   awscdk.RemovalPolicy_RETAIN,
	})
}

// followTable has the function trail follow the table's stream: refusals by
// themselves, so that a flood of them makes no change wait.
func (s *service) followTable() {
	// All that there is but records, which events are: the function must not
	// follow what it writes. It asks for nothing that authorizers of other APIs
	// may write to a token, so that they can hide nothing from it.
	s.follow("TrailOfTable", 1,
		`{"dynamodb":{"NewImage":{"pk":{"S":[{"exists":true}]},"json":{"S":[{"exists":false}]},"refused":{"S":[{"exists":false}]}}}}`,
		`{"dynamodb":{"Keys":{"pk":{"S":["policy"]}}}}`) // and the policy
	// Of a shard ten are told at a time, those of a token in order.
	s.follow("TrailOfRefusals", 10, `{"dynamodb":{"NewImage":{"refused":{"S":[{"exists":true}]}}}}`)
}

// follow makes a mapping by hand: CDK's own gives the function rights on
// everybody's streams.
func (s *service) follow(id string, atOnce float64, patterns ...string) {
	f := s.functions["trail"]
	var filters []any
	for _, p := range patterns {
		filters = append(filters, &awslambda.CfnEventSourceMapping_FilterProperty{Pattern: &p})
	}
	mapping := awslambda.NewCfnEventSourceMapping(s.Stack, &id, &awslambda.CfnEventSourceMappingProps{
		FunctionName:                   f.FunctionArn(),
		EventSourceArn:                 s.table.TableStreamArn(),
		StartingPosition:               new("TRIM_HORIZON"),
		BatchSize:                      new(float64(batchSize)),
		MaximumBatchingWindowInSeconds: new(batchWindow.Seconds()),
		MaximumRecordAgeInSeconds:      new(maxAge.Seconds()),
		MaximumRetryAttempts:           new(float64(-1)), // within maxAge
		BisectBatchOnFunctionError:     new(true),
		FunctionResponseTypes:          texts("ReportBatchItemFailures"),
		ParallelizationFactor:          &atOnce,
		FilterCriteria:                 &awslambda.CfnEventSourceMapping_FilterCriteriaProperty{Filters: &filters},
		DestinationConfig: &awslambda.CfnEventSourceMapping_DestinationConfigProperty{
			OnFailure: &awslambda.CfnEventSourceMapping_OnFailureProperty{Destination: s.undelivered.QueueArn()},
		},
	})
	// Lambda looks at the rights when the mapping is made.
	mapping.Node().AddDependency(f.Grants)
}

// scheduleReminders calls the function remind every hour. A run that fails is
// tried twice more, and then said to the queue of the undelivered.
func (s *service) scheduleReminders() {
	f := s.functions["remind"]
	awsevents.NewRule(s.Stack, new("EveryHour"), &awsevents.RuleProps{
		Description: new("Warnings ahead of the end of tokens"),
		Schedule:    awsevents.Schedule_Cron(&awsevents.CronOptions{Minute: new("7")}),
		Targets:     &[]awsevents.IRuleTarget{awseventstargets.NewLambdaFunction(f.Function, nil)},
	})
	invoke := awslambda.NewCfnEventInvokeConfig(s.Stack, new("RemindersFail"), &awslambda.CfnEventInvokeConfigProps{
		FunctionName:         f.FunctionName(),
		Qualifier:            new("$LATEST"),
		MaximumRetryAttempts: new(2.0),
		DestinationConfig: &awslambda.CfnEventInvokeConfig_DestinationConfigProperty{
			OnFailure: &awslambda.CfnEventInvokeConfig_OnFailureProperty{Destination: s.undelivered.QueueArn()},
		},
	})
	invoke.Node().AddDependency(f.Grants) // as above
}
