package patauth

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"

	"github.com/counterfoil/counterfoil/infra/gofn"
	"github.com/counterfoil/counterfoil/pkg/store"
)

// used are the attributes that noting a use of a token touches: the item's key and
// what is written. (DynamoDB counts those of a condition among them.)
var used = append([]string{store.PartitionKey, store.SortKey}, store.UseAttributes...)

// grant gives the authorizer its rights on the table: it reads tokens, owners
// and settings, notes when a token was used and writes down when one was refused.
// It runs in somebody else's stack, where more people may change it, so it cannot
// bring back a token that is revoked or at its end, move that end, or see by an
// update what it may not write. What it writes where no token is, is none; notes that
// cannot be read are none.
//
// Whoever may use this role could make up uses and refusals that never were, of any
// token, and a last use long ago or just now: so the trail's events of those two
// kinds, what is told of items that cannot be read, and who is idle are only as good
// as the stacks that the table was given to.
//
// And they can do harm by size: what they write lies in the owners' partitions, so
// they can make an item so large that reading it is throttled (a change sheds what
// they wrote, so a revocation works), and put so many items between an owner's tokens
// that a list takes too long. Nothing is let through by it that was not before. Take
// the role away from whoever does that.
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
