package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"

	"github.com/counterfoil/counterfoil/infra/gofn"
)

// A grant is all that a function may do, beside writing its own log and its
// traces. Everything else it may not.
type grant struct {
	// table holds actions on the one table. A transaction needs the actions of
	// its parts.
	table []string
	// keys holds actions on the signing keys.
	keys []string
}

// grants says who may touch what. A function that is not in the table is not
// deployed.
var grants = map[string]grant{
	// What answers people.
	"create": {table: []string{get, batchGet, query, put, update}},
	"list":   {table: []string{get, batchGet, query}},
	"update": {table: []string{batchGet, put, update, del}}, // put and del: the names
	"revoke": {table: []string{batchGet, update, del}},
	// What takes credentials. Both write down who signed in.
	"authorize": {table: []string{get, batchGet, put, update}},
	"exchange":  {table: []string{get, batchGet, put, update}, keys: []string{sign, publicKey}},
	// What tells. It writes nothing.
	"introspect": {table: []string{get, batchGet}},
	"whoami":     {table: []string{batchGet}},
	"wellknown":  {table: []string{batchGet}},
}

// The actions that there are. Nobody may scan, read a stream, or change a table
// or a key.
const (
	get      = "dynamodb:GetItem"
	batchGet = "dynamodb:BatchGetItem"
	query    = "dynamodb:Query"
	put      = "dynamodb:PutItem"
	update   = "dynamodb:UpdateItem"
	del      = "dynamodb:DeleteItem"

	sign      = "kms:Sign"
	publicKey = "kms:GetPublicKey"
)

// allow gives a function what its grant says: on the table itself, which has no
// index, and on the keys that JWTs are or were signed with. (On all of them,
// because while a deployment changes the one that signs, instances with the
// old environment still run.)
func (g grant) allow(f gofn.Function, tableARN string, keyARNs []string) {
	add := func(actions, resources []string) {
		if len(actions) > 0 {
			f.Grants.AddToPrincipalPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
				Actions:   texts(actions...),
				Resources: texts(resources...),
			}))
		}
	}
	add(g.table, []string{tableARN})
	add(g.keys, keyARNs)
}
