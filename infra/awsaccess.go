package main

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

// trust is who may take the example role: the holder of a JWT of ours that is
// for STS. The keys of its condition hold our address, which is not known
// before the stack is deployed, and CDK takes no such name as the key of a map:
// so the policy is one text. AssumeRoleWithWebIdentity has no parameter for
// tags or a source identity; they are claims, and need the two other actions.
const trust = `{
  "Version": "2012-10-17",
  "Statement": [{
    "Effect": "Allow",
    "Principal": {"Federated": "${Provider}"},
    "Action": ["sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity"],
    "Condition": {"StringEquals": {"${Issuer}:aud": "` + pat.STSAudience + `"}}
  }]
}`

// tokenHolder is the ARN of that role. The function that buys its credentials
// must know it, and the role depends on the provider, that on the stage, the
// stage on the functions: so the name is fixed, not CloudFormation's.
func (s *service) tokenHolder() (name, arn string) {
	name = s.config.Stack + "-" + *s.Region() + "-token-holder"
	return name, "arn:" + *s.Partition() + ":iam::" + *s.Account() + ":role/" + name
}

// addAWSAccess makes us an identity provider of the account's, and adds a role
// without a right: what the holders of tokens may do in AWS is for whoever
// deploys to say, by policies on that role.
func (s *service) addAWSAccess() {
	if !s.config.AWSAccess {
		return
	}
	// CDK's own construct would call IAM from a function of its own.
	provider := awsiam.NewCfnOIDCProvider(s.Stack, new("Provider"), &awsiam.CfnOIDCProviderProps{
		Url:          &s.issuer,
		ClientIdList: texts(pat.STSAudience),
	})
	// IAM calls our address while it makes the provider.
	provider.Node().AddDependency(s.reachable...)
	name, arn := s.tokenHolder()
	awsiam.NewCfnRole(s.Stack, new("TokenHolder"), &awsiam.CfnRoleProps{
		RoleName:    &name,
		Description: new("What the holder of a token with the scope credentials may do in AWS"),
		AssumeRolePolicyDocument: awscdk.Fn_Sub(new(trust), &map[string]*string{
			"Provider": provider.AttrArn(),
			"Issuer":   new(strings.TrimPrefix(s.issuer, "https://")),
		}),
		MaxSessionDuration: new(3600.0),
	})
	awscdk.NewCfnOutput(s.Stack, new("TokenHolderRole"), &awscdk.CfnOutputProps{
		Description: new("The role that exchanged tokens buy AWS credentials for"),
		Value:       &arn,
	})
}
