package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"

	"github.com/counterfoil/counterfoil/infra/gofn"
	"github.com/counterfoil/counterfoil/pkg/store"
)

// A grant is all that a function may do, beside writing its own log and its
// traces. Everything else it may not.
type grant struct {
	// table holds actions on the one table. A transaction needs the actions of
	// its parts.
	table []string
	// policy says that its writes may go to the policy.
	policy bool
	// keys holds actions on the signing keys.
	keys []string
	// events holds actions on the table's partitions of events, and no others.
	events []string
	// warnings holds actions on what warnings note of a token, and on nothing else
	// of it.
	warnings []string
	// refusals holds actions on the table's partitions of refusals, and no others.
	refusals []string
	// stream, bus and undelivered hold actions on the table's stream, on the bus
	// and on the queue of what could not be told.
	stream, bus, undelivered []string
}

// grants says who may touch what. A function that is not in the table is not
// deployed.
var grants = map[string]grant{
	// What answers people.
	"create": {table: []string{get, batchGet, query, put, update}},
	"list":   {table: []string{get, batchGet, query}},
	"update": {table: []string{batchGet, put, update, del}}, // put and del: the names
	"revoke": {table: []string{batchGet, update, del}},
	"report": {table: []string{batchGet, update, del}},
	// What answers administrators. It alone writes the policy.
	"admin": {table: []string{get, batchGet, query, put, update, del}, policy: true},
	// What takes credentials. Both write down who signed in.
	"authorize": {table: []string{get, batchGet, put, update}, refusals: []string{update}},
	"exchange":  {table: []string{get, batchGet, put, update}, refusals: []string{update}, keys: []string{sign}},
	// What tells. It writes nothing but whom it refused.
	"introspect": {table: []string{get, batchGet}, refusals: []string{update}},
	"whoami":     {table: []string{batchGet}, refusals: []string{update}},
	"wellknown":  {table: []string{batchGet}},
	// What follows. It sees every change in the stream, hashes too, and can write
	// nothing but events. (Lambda reads the stream with its rights.) It reads whose
	// a token is that was refused, and the tokens of whom an administrator stopped.
	"trail": {
		table: []string{batchGet, query}, events: []string{batchWrite}, stream: []string{describeStream, getRecords, getShardIterator, listStreams},
		bus: []string{putEvents}, undelivered: []string{sendMessage},
	},
	// What looks through all tokens, and notes of what it told. (Lambda tells the
	// queue of a run that failed with its rights.)
	"remind": {table: []string{batchGet, query}, warnings: []string{update}, undelivered: []string{sendMessage}},
}

// The actions that there are. Nobody may change a table or a key.
const (
	get      = "dynamodb:GetItem"
	batchGet = "dynamodb:BatchGetItem"
	query    = "dynamodb:Query"
	put      = "dynamodb:PutItem"
	update   = "dynamodb:UpdateItem"
	del      = "dynamodb:DeleteItem"

	batchWrite       = "dynamodb:BatchWriteItem"
	describeStream   = "dynamodb:DescribeStream"
	getRecords       = "dynamodb:GetRecords"
	getShardIterator = "dynamodb:GetShardIterator"
	listStreams      = "dynamodb:ListStreams"
	putEvents        = "events:PutEvents"
	sendMessage      = "sqs:SendMessage"

	sign = "kms:Sign"
)

// resources are what there is to touch, by ARN.
type resources struct {
	table, stream, bus, undelivered string
	keys                            []string
}

// allow gives a function what its grant says: on the table itself, which has no
// index, and on the keys that JWTs are or were signed with. (On all of them,
// because while a deployment changes the one that signs, instances with the
// old environment still run.)
func (g grant) allow(f gofn.Function, r resources) {
	state := func(effect awsiam.Effect, actions []string, conditions *map[string]any, on ...string) {
		if len(actions) > 0 {
			f.Grants.AddToPrincipalPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
				Effect:     effect,
				Actions:    texts(actions...),
				Resources:  texts(on...),
				Conditions: conditions,
			}))
		}
	}
	add := func(actions []string, conditions *map[string]any, on ...string) {
		state(awsiam.Effect_ALLOW, actions, conditions, on...)
	}
	add(g.table, nil, r.table)
	state(awsiam.Effect_DENY, g.denied(), g.offLimits(), r.table)
	add(g.events, &eventsAlone, r.table)
	add(g.warnings, &warningsAlone, r.table)
	add(g.refusals, &refusalsAlone, r.table)
	add(g.keys, nil, r.keys...)
	add(g.stream, nil, r.stream)
	add(g.bus, nil, r.bus)
	add(g.undelivered, nil, r.undelivered)
}

// denied are the writes of those that the function may make on the table.
func (g grant) denied() (writes []string) {
	for _, action := range g.table {
		if action == put || action == update || action == del {
			writes = append(writes, action)
		}
	}
	return writes
}

// offLimits is the condition that a write goes where those of g.table have no
// business: to the trail, to the settings, which hold the keys that we trust and
// are the deployment's alone, and, for who has nothing to do with them, to the
// policy and to refusals.
//
// It denies, so that a call for which IAM should not know the key works as it
// would without.
func (g grant) offLimits() *map[string]any {
	partitions := []string{store.TrailPrefix + "*", store.SettingsPartition}
	if !g.policy {
		partitions = append(partitions, store.PolicyPartition)
	}
	if len(g.refusals) == 0 {
		partitions = append(partitions, store.RefusedPrefix+"*")
	}
	return &map[string]any{"ForAnyValue:StringLike": map[string]any{"dynamodb:LeadingKeys": partitions}}
}

// eventsAlone is the condition that every key written is an event's.
// ForAllValues holds where there are none.
var eventsAlone = map[string]any{
	"Null":                    map[string]any{"dynamodb:LeadingKeys": "false"},
	"ForAllValues:StringLike": map[string]any{"dynamodb:LeadingKeys": []string{store.TrailPrefix + "*"}},
}

// warningsAlone and refusalsAlone are the conditions that nothing is touched but
// what a warning notes, and what a refusal is written down as; see patauth for what
// can be done with the version.
var (
	warningsAlone = gofn.Touching(store.WarningAttributes, store.SlotPattern)
	refusalsAlone = gofn.Touching(store.RefusalAttributes, store.RefusedPrefix+"*")
)
