// Command droptable deletes a table that its stack left behind, and with it
// every token. It is what `make destroy FORCE=1` does last.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: droptable TABLE")
		os.Exit(2)
	}
	if err := drop(context.Background(), os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "droptable:", err)
		os.Exit(1)
	}
}

func drop(ctx context.Context, table string) error {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	client := dynamodb.NewFromConfig(cfg)
	if _, err := client.UpdateTable(ctx, &dynamodb.UpdateTableInput{TableName: &table, DeletionProtectionEnabled: new(false)}); err != nil {
		return err
	}
	// It is in use until the protection is off.
	if err := dynamodb.NewTableExistsWaiter(client).Wait(ctx, &dynamodb.DescribeTableInput{TableName: &table}, time.Minute); err != nil {
		return err
	}
	_, err = client.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: &table})
	return err
}
