package patauth

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"

	"github.com/counterfoil/counterfoil/infra/gofn"
	"github.com/counterfoil/counterfoil/pkg/store"
)

// used are the attributes that noting a use of a token touches: the
// item's key, the version that it must still have, and what it writes.
var used = []string{
	store.PartitionKey, store.SortKey, "version", "last_used_at", "last_used_ip", "scopes_used",
	"networks", "noted", "notes",
}

// grant gives the authorizer its rights on the table: it reads tokens, owners
// and settings, notes when a token was used and writes down when one was refused. It runs in somebody else's
// stack, where more people may change it, so it cannot bring a token back, move
// its end, or see by an update what it may not write.
//
// It could make notes of uses and refusals that never were: so the trail's events
// of those two kinds, and no others, are only as good as the stacks that the
// table was given to.
//
// What it can do is harm: DynamoDB counts an attribute of a condition among those
// that are touched, so whoever may use this role can write a version that is no
// number, or items that hold nothing else, and what is read there (a token, an
// owner, a name) can no longer be read. What needs it is then 503, never let
// through. The settings, the trail and whose slot is whose lie in partitions that
// it cannot write to.
func (p Props) grant(f gofn.Function) {
	table := &[]*string{p.Deployment.Table.TableArn()}
	f.Grants.AddToPrincipalPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions:   &[]*string{new("dynamodb:BatchGetItem"), new("dynamodb:GetItem")},
		Resources: table,
	}))
	for _, only := range []map[string]any{
		gofn.Touching(used, store.SlotPattern),
		gofn.Touching(store.RefusalAttributes, store.RefusedPrefix+"*"),
	} {
		f.Grants.AddToPrincipalPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Actions:    &[]*string{new("dynamodb:UpdateItem")},
			Resources:  table,
			Conditions: &only,
		}))
	}
}
