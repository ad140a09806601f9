package main

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"

	"github.com/counterfoil/counterfoil/infra/gofn"
	"github.com/counterfoil/counterfoil/pkg/api"
	"github.com/counterfoil/counterfoil/pkg/broker"
	"github.com/counterfoil/counterfoil/pkg/bus"
	"github.com/counterfoil/counterfoil/pkg/signer"
	"github.com/counterfoil/counterfoil/pkg/store"
)

// functions is where the Lambda functions' main packages are.
const functions = "github.com/counterfoil/counterfoil/functions/"

// A service is the stack while it is put together.
type service struct {
	awscdk.Stack
	config    Config
	binaries  string // see gofn.Props.Binaries
	table     awsdynamodb.ITable
	ownTable  awsdynamodb.Table // table, unless a restored one is used instead
	keys      []awskms.Key      // as in the configuration: the first one signs
	api       awsapigateway.RestApi
	issuer    string
	reachable []constructs.IDependable // what must be there for the issuer to answer
	functions map[string]gofn.Function

	bus         awsevents.EventBus // where events go
	undelivered awssqs.Queue       // hears of those that could not
}

// newStack adds a whole deployment to an app, in the order in which data flows.
func newStack(app constructs.Construct, c Config, binaries string) awscdk.Stack {
	s := &service{
		Stack: awscdk.NewStack(app, &c.Stack, &awscdk.StackProps{
			Description: new("Counterfoil: personal access tokens"),
			Env:         environmentOf(c),
		}),
		config:    c,
		binaries:  binaries,
		functions: map[string]gofn.Function{},
	}
	s.addTable()
	s.addKeys()
	s.addTrail()
	s.addAPI() // before the functions: its id is part of the issuer
	for _, name := range slices.Sorted(maps.Keys(grants)) {
		s.addFunction(name)
	}
	s.protectKeys()
	s.followTable()
	s.scheduleReminders()
	s.addRoutes()
	s.addGatewayResponses()
	s.addDomain()
	s.addFirewall()
	s.addAWSAccess()
	s.addAlarms()
	s.addOutputs()
	return s.Stack
}

// environmentOf is where the stack may be deployed: what is not set is left open.
func environmentOf(c Config) *awscdk.Environment {
	env := &awscdk.Environment{}
	if c.Account != "" {
		env.Account = &c.Account
	}
	if c.Region != "" {
		env.Region = &c.Region
	}
	return env
}

// addTable adds the one table. Losing it loses every token, so it takes a hand
// of a person's to delete it: neither a stack that goes nor a change that would
// replace it does.
func (s *service) addTable() {
	s.ownTable = awsdynamodb.NewTable(s.Stack, new("Table"), &awsdynamodb.TableProps{
		PartitionKey:        &awsdynamodb.Attribute{Name: new(store.PartitionKey), Type: awsdynamodb.AttributeType_STRING},
		SortKey:             &awsdynamodb.Attribute{Name: new(store.SortKey), Type: awsdynamodb.AttributeType_STRING},
		TimeToLiveAttribute: new(store.TTLAttribute),
		BillingMode:         awsdynamodb.BillingMode_PAY_PER_REQUEST,
		PointInTimeRecoverySpecification: &awsdynamodb.PointInTimeRecoverySpecification{
			PointInTimeRecoveryEnabled: new(true),
		},
		// What happened is derived from what was written; see trail.go.
		Stream: awsdynamodb.StreamViewType_NEW_AND_OLD_IMAGES,
		// The account's own key for DynamoDB: its use is in CloudTrail, and no
		// function needs a right on it.
		Encryption:         awsdynamodb.TableEncryption_AWS_MANAGED,
		DeletionProtection: new(true),
		RemovalPolicy:      awscdk.RemovalPolicy_RETAIN,
	})
	s.table = s.ownTable
	if s.config.RestoredTable != "" {
		s.table = awsdynamodb.Table_FromTableAttributes(s.Stack, new("RestoredTable"), &awsdynamodb.TableAttributes{
			TableName: &s.config.RestoredTable, TableStreamArn: &s.config.RestoredStream,
		})
	}
}

// addKeys adds the keys. KMS does not rotate asymmetric ones by itself; see
// docs/operating.md. A key outlives the stack, and one that is taken out of the
// configuration: what it signed must stay verifiable until somebody decides.
func (s *service) addKeys() {
	specs := map[string]awskms.KeySpec{
		"RSA_2048":      awskms.KeySpec_RSA_2048,
		"ECC_NIST_P256": awskms.KeySpec_ECC_NIST_P256,
	}
	for _, k := range s.config.Keys {
		s.keys = append(s.keys, awskms.NewKey(s.Stack, new("SigningKey"+k.Name), &awskms.KeyProps{
			Description:   new("Signs what Counterfoil exchanges tokens for"),
			KeySpec:       specs[k.Spec],
			KeyUsage:      awskms.KeyUsage_SIGN_VERIFY,
			PendingWindow: awscdk.Duration_Days(new(30.0)),
			RemovalPolicy: awscdk.RemovalPolicy_RETAIN,
		}))
	}
}

// protectKeys keeps everybody but exchange from signing, an administrator of
// the account too: who can sign is any token's owner. (Such an administrator
// can change the key's policy, and CloudTrail tells.)
func (s *service) protectKeys() {
	for _, key := range s.keys {
		key.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Sid:        new("OnlyExchangeSigns"),
			Effect:     awsiam.Effect_DENY,
			Principals: &[]awsiam.IPrincipal{awsiam.NewAnyPrincipal()},
			Actions:    texts(sign),
			Resources:  texts("*"), // in a key's policy: this key
			Conditions: &map[string]any{
				"ArnNotEquals": map[string]any{"aws:PrincipalArn": s.functions["exchange"].Grants.RoleArn()},
			},
		}), nil)
	}
}

// timeouts of functions that need more than gofn's 10 s. Exchange waits for STS
// up to three times 5 s and for KMS twice three times 1.5 s; cut off by Lambda
// it would neither answer in its own words nor log what did not answer. API
// Gateway waits no longer than 29 s.
//
// A report may hold 200 tokens, each of which is revoked by itself; an
// administrator's preview reads everybody's. Nobody waits for the trail; a call of
// it has at most batchSize changes. A reminder looks at a 24th of all owners, as
// long as a function may.
var timeouts = map[string]time.Duration{
	"exchange": 29 * time.Second, "report": 29 * time.Second, "admin": 29 * time.Second,
	"trail": time.Minute, "remind": 15 * time.Minute,
}

// addFunction adds the function of that name, with what its grant says.
func (s *service) addFunction(name string) {
	reserved := map[string]int{"exchange": s.config.Concurrency.Exchange, "revoke": s.config.Concurrency.Revoke}
	f := gofn.New(s.Stack, functionID(name), gofn.Props{
		Package:     functions + name,
		Description: "Counterfoil: " + name,
		Environment: s.environment(name),
		Timeout:     timeouts[name],
		Concurrency: max(reserved[name], 0),
		Binaries:    s.binaries,
	})
	var keyARNs []string
	for _, key := range s.keys {
		keyARNs = append(keyARNs, *key.KeyArn())
	}
	grants[name].allow(f, resources{
		table: *s.table.TableArn(), stream: *s.table.TableStreamArn(), keys: keyARNs,
		bus: *s.bus.EventBusArn(), undelivered: *s.undelivered.QueueArn(),
	})
	s.functions[name] = f
}

// functionID is the construct of a function: "Create".
func functionID(name string) string { return strings.ToUpper(name[:1]) + name[1:] }

// environment is what a function reads at its start: what all of them need, and
// what its own main uses.
func (s *service) environment(name string) map[string]string {
	c := s.config
	env := map[string]string{
		store.EnvTable:      *s.table.TableName(),
		api.EnvIssuer:       s.issuer,
		api.EnvPeopleIssuer: c.People.Issuer,
		api.EnvOrigin:       c.ConsoleOrigin,
	}
	set := func(name, value string) {
		if value != "" {
			env[name] = value
		}
	}
	switch name {
	case "authorize", "exchange", "introspect":
		set(api.EnvClients, strings.Join(c.People.Clients, " "))
		set(api.EnvGroupsClaim, c.People.GroupsClaim)
	case "wellknown":
		set(api.EnvCLIClient, c.People.CLIClient)
	}
	switch name {
	case "trail":
		set(bus.EnvBus, *s.bus.EventBusName())
	case "authorize", "exchange", "create", "list", "admin": // who reads what groups a person has
		set(api.EnvAdminGroup, c.People.AdminGroup)
	}
	if name == "exchange" {
		set(api.EnvAudiences, strings.Join(c.Audiences, " "))
		set(api.EnvLifetime, strconv.Itoa(c.JWTLifetime))
		set(signer.EnvKey, *s.keys[0].KeyId())
		if c.AWSAccess {
			_, role := s.tokenHolder()
			set(broker.EnvRole, role)
		}
	}
	return env
}

// addOutputs names what whoever publishes the settings, and whoever protects
// another API, must know.
func (s *service) addOutputs() {
	output := func(name, description, value string) {
		awscdk.NewCfnOutput(s.Stack, &name, &awscdk.CfnOutputProps{Description: &description, Value: &value})
	}
	var keyIDs []string
	for _, key := range s.keys {
		keyIDs = append(keyIDs, *key.KeyId())
	}
	output("Issuer", "Our own address, and the API's", s.issuer)
	output("TableName", "The table, for authorizers of other APIs and for cmd/publish", *s.table.TableName())
	if s.config.RestoredTable != "" {
		output("OwnTableName", "The stack's own table, which is not used", *s.ownTable.TableName())
	}
	output("EventBus", "The EventBridge bus that tells what happens", *s.bus.EventBusName())
	output("SigningKeys", "Ids of the keys to publish; the first one signs", strings.Join(keyIDs, ","))
}

// texts is a list as jsii takes it.
func texts(list ...string) *[]*string {
	out := []*string{}
	for _, text := range list {
		out = append(out, &text)
	}
	return &out
}

// seconds is a duration as jsii takes it.
func seconds(d time.Duration) awscdk.Duration {
	return awscdk.Duration_Seconds(new(d.Seconds()))
}
