package handler

import (
	"log/slog"
	"time"

	"github.com/counterfoil/counterfoil/pkg/api"
)

// The types of CloudWatch's embedded metric format: a line of the log that holds
// values, and under _aws which of its members are metrics.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
type (
	emfMetadata struct {
		Timestamp         int64 // ms since 1970
		CloudWatchMetrics []emfDirective
	}
	emfDirective struct {
		Namespace  string
		Dimensions [][]string
		Metrics    []emfMetric
	}
	emfMetric struct{ Name, Unit string }
)

// maxValues is how many values of a metric one line may hold.
const maxValues = 100

// metrics are the members that make the line one of the embedded metric format.
func (l *line) metrics(function string) []slog.Attr {
	attrs := []slog.Attr{slog.String(api.DimensionFunction, function)}
	var plain []emfMetric
	add := func(name, unit string, value any) {
		plain = append(plain, emfMetric{name, unit})
		attrs = append(attrs, slog.Any(name, value))
	}
	switch {
	case l.outcome == granted:
		add(api.MetricGrants, "Count", 1)
	case l.outcome == failed:
		add(api.MetricFailures, "Count", 1)
	case l.outcome == answered && l.verb == "exchange":
		add(api.MetricExchanges, "Count", 1)
	}
	if l.meter.signs > 0 {
		add(api.MetricSigns, "Count", l.meter.signs)
	}
	if l.meter.signFailures > 0 {
		add(api.MetricSignFailures, "Count", l.meter.signFailures)
	}
	if n := min(len(l.meter.store), maxValues); n > 0 {
		var each []float64
		for _, took := range l.meter.store[:n] {
			each = append(each, milliseconds(took))
		}
		add(api.MetricStoreLatency, "Milliseconds", each)
	}
	var directives []emfDirective
	if len(plain) > 0 {
		directives = append(directives, emfDirective{api.MetricNamespace, [][]string{{api.DimensionFunction}}, plain})
	}
	if l.outcome == refused {
		attrs = append(attrs, slog.String(api.DimensionClass, string(l.class)), slog.Int(api.MetricRefusals, 1))
		directives = append(directives, emfDirective{
			api.MetricNamespace, [][]string{{api.DimensionFunction, api.DimensionClass}}, []emfMetric{{api.MetricRefusals, "Count"}},
		})
	}
	if len(directives) == 0 {
		return attrs
	}
	return append(attrs, slog.Any("_aws", emfMetadata{time.Now().UnixMilli(), directives}))
}
