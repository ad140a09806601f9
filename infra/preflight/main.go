// Command preflight says what a deployment lacks, before anything is built:
// credentials, a Region, or the right account, where the configuration names
// one.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/go-json-experiment/json"
)

func main() {
	account, region, err := check(context.Background(), os.Getenv("CONFIG"))
	if err != nil {
		fmt.Fprintln(os.Stderr, "preflight:", err)
		os.Exit(1)
	}
	fmt.Fprintf(os.Stderr, "account %s, Region %s\n", account, region)
}

// patience with AWS, whose credentials may come from the network.
const patience = 15 * time.Second

// check returns where the shell's credentials lead. Its errors are one sentence
// that says what to do.
func check(ctx context.Context, file string) (account, region string, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	text, err := os.ReadFile(file)
	if err != nil {
		return "", "", fmt.Errorf("no configuration: copy infra/config.example.json to infra/config.json and fill it in (%w)", err)
	}
	var want struct {
		Account string `json:"account"`
		Region  string `json:"region"`
	}
	if err := json.Unmarshal(text, &want); err != nil {
		return "", "", fmt.Errorf("%s: %w", file, err)
	}
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return "", "", fmt.Errorf("the AWS configuration of this shell cannot be read: %w", err)
	}
	switch {
	case cfg.Region == "":
		return "", "", errors.New("no Region: set AWS_REGION to where Counterfoil shall run")
	case want.Region != "" && want.Region != cfg.Region:
		return "", "", fmt.Errorf("wrong Region: the shell says %s, %s says %s; set AWS_REGION", cfg.Region, file, want.Region)
	}
	if _, err := cfg.Credentials.Retrieve(ctx); err != nil {
		return "", "", errors.New("no AWS credentials: sign in (aws sso login), or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	}
	who, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", "", fmt.Errorf("AWS does not take these credentials; sign in again: %w", err)
	}
	account = *who.Account
	if want.Account != "" && want.Account != account {
		return "", "", fmt.Errorf("wrong account: the credentials are for %s, %s says %s; set AWS_PROFILE", account, file, want.Account)
	}
	return account, cfg.Region, nil
}
