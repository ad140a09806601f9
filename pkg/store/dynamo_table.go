package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// CreateTable makes the table where there is none, for tests and emulators. The
// one that matters is the stack's, with TTL, recovery and protection.
func (d *Dynamo) CreateTable(ctx context.Context) error {
	_, err := d.client.CreateTable(ctx, &dynamodb.CreateTableInput{
		TableName:   &d.table,
		BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: new(PartitionKey), AttributeType: types.ScalarAttributeTypeS},
			{AttributeName: new(SortKey), AttributeType: types.ScalarAttributeTypeS},
		},
		KeySchema: []types.KeySchemaElement{
			{AttributeName: new(PartitionKey), KeyType: types.KeyTypeHash},
			{AttributeName: new(SortKey), KeyType: types.KeyTypeRange},
		},
	})
	if _, there := errors.AsType[*types.ResourceInUseException](err); err != nil && !there {
		return fmt.Errorf("create table %s: %w", d.table, err)
	}
	for {
		out, err := d.client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &d.table})
		if err != nil {
			return fmt.Errorf("create table %s: %w", d.table, err)
		}
		// Not: until it is ACTIVE. There are emulators that give no status.
		if out.Table.TableStatus != types.TableStatusCreating {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("create table %s: %w", d.table, ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}
