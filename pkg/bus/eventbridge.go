package bus

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/counterfoil/counterfoil/pkg/api"
)

// EnvBus is the environment variable that names the bus.
const EnvBus = "COUNTERFOIL_BUS"

// EventSource is the source that EventBridge's rules know our events by. (An
// event's own source is our issuer, which differs between deployments.)
const EventSource = "counterfoil"

// maxEntries is how many events PutEvents takes at once.
const maxEntries = 10

// EventBridge puts events on a bus.
type EventBridge struct {
	client *eventbridge.Client
	bus    string
}

// NewEventBridge opens the bus that EnvBus names, as the AWS SDK's own
// environment says where and with which credentials. It sends nothing.
func NewEventBridge() (*EventBridge, error) {
	bus := os.Getenv(EnvBus)
	if bus == "" {
		return nil, fmt.Errorf("%s must name the EventBridge bus", EnvBus)
	}
	cfg, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		return nil, fmt.Errorf("read the AWS configuration: %w", err)
	}
	return &EventBridge{client: eventbridge.NewFromConfig(cfg), bus: bus}, nil
}

// Put puts events on the bus. After an error some may be there: put all again,
// whoever gets one twice knows it by its ID.
func (b *EventBridge) Put(ctx context.Context, events []api.Event) error {
	for some := range slices.Chunk(events, maxEntries) {
		in := &eventbridge.PutEventsInput{}
		for _, e := range some {
			entry, err := b.entry(e)
			if err != nil {
				return err
			}
			in.Entries = append(in.Entries, entry)
		}
		out, err := b.client.PutEvents(ctx, in)
		if err != nil {
			return fmt.Errorf("put events: %w", err)
		}
		if out.FailedEntryCount > 0 {
			return fmt.Errorf("put events: %d of %d were not taken: %s", out.FailedEntryCount, len(some), firstCode(out.Entries))
		}
	}
	return nil
}

func (b *EventBridge) entry(e api.Event) (types.PutEventsRequestEntry, error) {
	detail, err := json.Marshal(e)
	if err != nil {
		return types.PutEventsRequestEntry{}, fmt.Errorf("write an event: %w", err)
	}
	at, err := time.Parse(time.RFC3339, e.Time)
	if err != nil {
		return types.PutEventsRequestEntry{}, fmt.Errorf("write an event: %w", err)
	}
	return types.PutEventsRequestEntry{
		EventBusName: &b.bus, Source: new(EventSource), DetailType: &e.Type, Detail: new(string(detail)), Time: &at,
	}, nil
}

// firstCode says why the first one was not taken.
func firstCode(entries []types.PutEventsResultEntry) string {
	for _, e := range entries {
		if code := aws.ToString(e.ErrorCode); code != "" {
			return code
		}
	}
	return "no reason given"
}
