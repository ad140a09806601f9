package store

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// EnvTable is the environment variable that names the table.
const EnvTable = "COUNTERFOIL_TABLE"

// How long a call may take. A function lives a few seconds, and what it is
// asked for takes DynamoDB milliseconds: to ask again is better than to wait.
const (
	maxAttempts = 3
	// dialTimeout bounds connecting, attemptTimeout one attempt in all.
	dialTimeout    = time.Second
	attemptTimeout = 1500 * time.Millisecond
	// firstPause bounds the pause before the second attempt; each further one
	// may be twice as long.
	firstPause = 50 * time.Millisecond
)

// Dynamo is a pat.Store in one table of DynamoDB's. A change is made on the
// condition that its item is at the version that was read, so any number of
// functions may work on one table.
type Dynamo struct {
	client *dynamodb.Client
	table  string
}

// NewDynamo opens the table that EnvTable names, as the AWS SDK's own
// environment says where and with which credentials. It sends nothing: that
// there is no such table, or no credentials, is an error of the first call.
func NewDynamo() (*Dynamo, error) {
	table := os.Getenv(EnvTable)
	if table == "" {
		return nil, fmt.Errorf("%s must name the DynamoDB table", EnvTable)
	}
	return NewDynamoAt(table)
}

// NewDynamoAt is NewDynamo for a table that the caller names.
func NewDynamoAt(table string) (*Dynamo, error) {
	cfg, err := config.LoadDefaultConfig(context.Background(),
		config.WithHTTPClient(awshttp.NewBuildableClient().
			WithTimeout(attemptTimeout).
			WithDialerOptions(func(d *net.Dialer) { d.Timeout = dialTimeout })),
		config.WithRetryer(newRetryer))
	if err != nil {
		return nil, fmt.Errorf("read the AWS configuration: %w", err)
	}
	return &Dynamo{client: dynamodb.NewFromConfig(cfg), table: table}, nil
}

// newRetryer repeats what was throttled, failed at AWS or not answered, while
// the caller's context lasts. A transaction repeated here is the same one to
// DynamoDB: the SDK gives it one ClientRequestToken.
func newRetryer() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = maxAttempts
		o.Retryables = append(o.Retryables, retry.IsErrorRetryableFunc(throttledTransaction))
		// The SDK's own pause after throttling is up to a second and more.
		o.Backoff = retry.BackoffDelayerFunc(func(attempt int, _ error) (time.Duration, error) {
			return pauseBefore(attempt), nil
		})
	})
}

// pauseBefore returns how long to wait when so many attempts have failed.
func pauseBefore(failed int) time.Duration {
	return rand.N(firstPause << (failed - 1))
}
