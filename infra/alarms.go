package main

import (
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssnssubscriptions"

	"github.com/counterfoil/counterfoil/pkg/api"
)

// slow is how long 1 of 100 calls of a function may take.
const slow = 2 * time.Second

// late is how old a change may be that no event tells of yet. The stream keeps
// it for 24 hours.
const late = 15 * time.Minute

// addAlarms watches for what a person must look at, and shows it on one page.
// The authorizer's own Errors are not among it: every 401 counts there, and
// anybody can cause them.
func (s *service) addAlarms() {
	tell := s.alarmTopic()
	alarm := func(id, description string, metric awscloudwatch.IMetric, threshold float64, periods float64) awscloudwatch.IWidget {
		a := awscloudwatch.NewAlarm(s.Stack, &id, &awscloudwatch.AlarmProps{
			AlarmDescription:   &description,
			Metric:             metric,
			Threshold:          &threshold,
			EvaluationPeriods:  &periods,
			ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
			TreatMissingData:   awscloudwatch.TreatMissingData_NOT_BREACHING,
		})
		if tell != nil {
			a.AddAlarmAction(tell)
			a.AddOkAction(tell)
		}
		return awscloudwatch.NewAlarmWidget(&awscloudwatch.AlarmWidgetProps{Title: &description, Alarm: a})
	}
	sum := &awscloudwatch.MetricOptions{Statistic: new("Sum"), Period: seconds(time.Minute)}

	page := []awscloudwatch.IWidget{
		alarm("AlarmServerErrors", "The API answers 5xx", s.api.MetricServerError(sum), 5, 3),
		alarm("AlarmAuthorizer", "The authorizer cannot decide", s.metric("authorize", api.MetricFailures, sum), 5, 3),
		alarm("AlarmKey", "The signing key does not answer", s.metric("exchange", api.MetricSignFailures, sum), 3, 3),
		alarm("AlarmTable", "The table throttles", s.throttledRequests(sum), 5, 3),
	}
	page = append(page,
		alarm("AlarmTrailLate", "The trail is late", s.functions["trail"].Metric(new("IteratorAge"), &awscloudwatch.MetricOptions{Statistic: new("Maximum"), Period: seconds(time.Minute)}), float64(late.Milliseconds()), 3),
		alarm("AlarmUndelivered", "Something could not be told", s.undelivered.MetricApproximateNumberOfMessagesVisible(&awscloudwatch.MetricOptions{Statistic: new("Maximum"), Period: seconds(time.Minute)}), 1, 1),
	)
	for _, name := range slices.Sorted(maps.Keys(s.functions)) {
		if slices.Contains(unrouted, name) {
			continue // nobody waits
		}
		duration := s.functions[name].MetricDuration(&awscloudwatch.MetricOptions{Statistic: new("p99"), Period: seconds(5 * time.Minute)})
		page = append(page, alarm("AlarmSlow"+functionID(name), "The function "+name+" is slow (p99)", duration, float64(slow.Milliseconds()), 3))
	}
	graph := func(title string, metrics ...awscloudwatch.IMetric) {
		page = append(page, awscloudwatch.NewGraphWidget(&awscloudwatch.GraphWidgetProps{Title: &title, Left: &metrics}))
	}
	graph("Requests, 4xx, 5xx", s.api.MetricCount(sum), s.api.MetricClientError(sum), s.api.MetricServerError(sum))
	decisions := []awscloudwatch.IMetric{s.metric("authorize", api.MetricGrants, sum)}
	for _, class := range []api.RefusalClass{api.ClassMalformed, api.ClassToken, api.ClassJWT, api.ClassRights} {
		decisions = append(decisions, s.refusals("authorize", class, sum))
	}
	graph("Grants, and refusals by class", decisions...)
	graph("Exchanges and signatures", s.metric("exchange", api.MetricExchanges, sum), s.metric("exchange", api.MetricSigns, sum))
	p99 := &awscloudwatch.MetricOptions{Statistic: new("p99"), Period: seconds(time.Minute)}
	graph("The store's answers, ms (p99)", s.metric("authorize", api.MetricStoreLatency, p99), s.metric("exchange", api.MetricStoreLatency, p99))

	board := awscloudwatch.NewDashboard(s.Stack, new("Dashboard"), nil)
	for row := range slices.Chunk(page, 4) {
		board.AddWidgets(row...)
	}
}

// alarmTopic is who hears of an alarm; nil where nobody asked.
func (s *service) alarmTopic() awscloudwatch.IAlarmAction {
	if s.config.AlarmMail == "" {
		return nil
	}
	topic := awssns.NewTopic(s.Stack, new("Alarms"), &awssns.TopicProps{EnforceSSL: new(true)})
	// A policy of our own replaces the one that SNS gives a topic, by which the
	// account's alarms could publish.
	topic.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid:        new("AlarmsPublish"),
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(new("cloudwatch.amazonaws.com"), nil)},
		Actions:    texts("sns:Publish"),
		Resources:  &[]*string{topic.TopicArn()},
		Conditions: &map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": s.Account()}},
	}))
	topic.AddSubscription(awssnssubscriptions.NewEmailSubscription(&s.config.AlarmMail, nil))
	return awscloudwatchactions.NewSnsAction(topic)
}

// metric is one that a function writes into its log.
func (s *service) metric(function, name string, options *awscloudwatch.MetricOptions) awscloudwatch.IMetric {
	return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace: new(api.MetricNamespace), MetricName: &name,
		DimensionsMap: &map[string]*string{api.DimensionFunction: s.functions[function].FunctionName()},
		Statistic:     options.Statistic, Period: options.Period,
	})
}

// refusals of a function, of one class.
func (s *service) refusals(function string, class api.RefusalClass, options *awscloudwatch.MetricOptions) awscloudwatch.IMetric {
	return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace: new(api.MetricNamespace), MetricName: new(api.MetricRefusals), Label: new(string(class)),
		DimensionsMap: &map[string]*string{
			api.DimensionFunction: s.functions[function].FunctionName(),
			api.DimensionClass:    new(string(class)),
		},
		Statistic: options.Statistic, Period: options.Period,
	})
}

// throttledRequests of the table, whatever the operation.
func (s *service) throttledRequests(options *awscloudwatch.MetricOptions) awscloudwatch.IMetric {
	table := &map[string]*string{"TableName": s.table.TableName()}
	metric := func(name string) awscloudwatch.IMetric {
		return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
			Namespace: new("AWS/DynamoDB"), MetricName: &name,
			DimensionsMap: table, Statistic: options.Statistic, Period: options.Period,
		})
	}
	return awscloudwatch.NewMathExpression(&awscloudwatch.MathExpressionProps{
		Label:      new("Throttled reads and writes"),
		Expression: new("FILL(reads, 0) + FILL(writes, 0)"),
		Period:     options.Period,
		UsingMetrics: &map[string]awscloudwatch.IMetric{
			"reads":  metric("ReadThrottleEvents"),
			"writes": metric("WriteThrottleEvents"),
		},
	})
}
