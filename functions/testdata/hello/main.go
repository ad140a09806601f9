// Command hello is what the functions are measured against: the same runtime
// and the same SDK clients, and nothing else.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamodbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
)

// A request is the event: which calls to make, none where it is empty.
type request struct {
	Table string // to read from,
	Reads int    // so many times
	Key   string // to sign with
}

type response struct{ Hello string }

func main() {
	cfg, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	table, keys := dynamodb.NewFromConfig(cfg), kms.NewFromConfig(cfg)
	lambda.Start(func(ctx context.Context, r request) (response, error) {
		for range r.Reads {
			if err := read(ctx, table, r.Table); err != nil {
				return response{}, err
			}
		}
		if r.Key != "" {
			if err := sign(ctx, keys, r.Key); err != nil {
				return response{}, err
			}
		}
		return response{Hello: "world"}, nil
	})
}

func read(ctx context.Context, client *dynamodb.Client, table string) error {
	_, err := client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &table,
		Key: map[string]dynamodbtypes.AttributeValue{
			"pk": &dynamodbtypes.AttributeValueMemberS{Value: "hello"},
			"sk": &dynamodbtypes.AttributeValueMemberS{Value: "hello"},
		},
	})
	return err
}

func sign(ctx context.Context, client *kms.Client, key string) error {
	_, err := client.Sign(ctx, &kms.SignInput{
		KeyId:            &key,
		Message:          []byte("hello"),
		MessageType:      kmstypes.MessageTypeRaw,
		SigningAlgorithm: kmstypes.SigningAlgorithmSpecRsassaPkcs1V15Sha256,
	})
	return err
}
