package main

import (
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssnssubscriptions"
)

// namespace of the metrics that are ours. None has a token's id or a person as
// a dimension: each would be a metric of its own, on the bill and for
// everybody to read.
const namespace = "Counterfoil"

// Words that a line of a function's log has, all of them, when something of
// ours failed. A test lets the handlers write such lines.
var (
	authorizerFailed = []string{"ERROR", "not authorized"}
	keyFailed        = []string{"ERROR", "refused", "sign a JWT"}
)

// slow is how long 1 of 100 calls of a function may take.
const slow = 2 * time.Second

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
		alarm("AlarmAuthorizer", "The authorizer cannot decide", s.logMetric("authorize", "AuthorizerFailures", authorizerFailed, sum), 5, 3),
		alarm("AlarmKey", "The signing key does not answer", s.logMetric("exchange", "KeyFailures", keyFailed, sum), 3, 3),
		alarm("AlarmTable", "The table throttles", s.throttledRequests(sum), 5, 3),
	}
	for _, name := range slices.Sorted(maps.Keys(s.functions)) {
		duration := s.functions[name].MetricDuration(&awscloudwatch.MetricOptions{Statistic: new("p99"), Period: seconds(5 * time.Minute)})
		page = append(page, alarm("AlarmSlow"+functionID(name), "The function "+name+" is slow (p99)", duration, float64(slow.Milliseconds()), 3))
	}
	calls := []awscloudwatch.IMetric{s.api.MetricCount(sum), s.api.MetricClientError(sum), s.api.MetricServerError(sum)}
	page = append(page, awscloudwatch.NewGraphWidget(&awscloudwatch.GraphWidgetProps{Title: new("Requests, 4xx, 5xx"), Left: &calls}))

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
	topic.AddSubscription(awssnssubscriptions.NewEmailSubscription(&s.config.AlarmMail, nil))
	return awscloudwatchactions.NewSnsAction(topic)
}

// logMetric counts the lines of a function's log that hold all of the words.
func (s *service) logMetric(function, name string, words []string, options *awscloudwatch.MetricOptions) awscloudwatch.IMetric {
	filter := s.functions[function].Log.AddMetricFilter(new(name), &awslogs.MetricFilterOptions{
		FilterPattern:   awslogs.FilterPattern_AllTerms(*texts(words...)...),
		MetricNamespace: new(namespace),
		MetricName:      new(s.config.Stack + name),
		MetricValue:     new("1"),
		DefaultValue:    new(0.0),
	})
	return filter.Metric(options)
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
