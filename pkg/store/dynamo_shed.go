package store

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
)

// UseAttributes are those that noting a use writes, and no other attribute may be
// written by authorizers of other APIs.
var UseAttributes = []string{attrLastUsedAt, attrLastUsedIP, attrScopesUsed, attrNetworks, attrNoted, attrNotes}

// isTooLarge reports whether a change was refused because its item would be larger
// than DynamoDB takes. None of ours comes near that (tests hold it): somebody filled
// it, who could keep a token from being revoked by it.
func isTooLarge(err error) bool {
	about := func(message string) bool { return strings.Contains(strings.ToLower(message), "item size") }
	if cancelled, ok := errors.AsType[*types.TransactionCanceledException](err); ok {
		return slices.ContainsFunc(cancelled.CancellationReasons, func(r types.CancellationReason) bool {
			return aws.ToString(r.Code) == "ValidationError" && about(aws.ToString(r.Message))
		})
	}
	refused, ok := errors.AsType[smithy.APIError](err)
	return ok && refused.ErrorCode() == "ValidationException" && about(refused.ErrorMessage())
}

// shed is the same change of an item without its notes of uses, but for those that
// the change itself makes.
func shed(u *types.Update) *types.Update {
	out := *u
	out.ExpressionAttributeNames = maps.Clone(u.ExpressionAttributeNames)
	named := slices.Collect(maps.Values(u.ExpressionAttributeNames))
	var gone []string
	for _, name := range UseAttributes {
		if !slices.Contains(named, name) {
			out.ExpressionAttributeNames["#"+name] = name
			gone = append(gone, "#"+name)
		}
	}
	if len(gone) > 0 {
		out.UpdateExpression = new(aws.ToString(u.UpdateExpression) + " REMOVE " + strings.Join(gone, ", "))
	}
	return &out
}
