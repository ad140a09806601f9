package store_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

// TestDynamoScansManyOwners: more than one page of the directory holds, most of
// them without a token, and with what somebody else's role could have written.
func TestDynamoScansManyOwners(t *testing.T) {
	newWire(t)
	d := openDynamo(t)
	var want []pat.ID
	for i := range 112 {
		slot := pat.Slot(fmt.Sprintf("A%04d", i))
		enrol(t, d, slot, fmt.Sprint(i))
		if i%50 == 7 || i == 111 {
			for n := range 3 {
				want = append(want, create(t, d, slot, fmt.Sprint(n)).ID)
			}
		}
	}
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	text := func(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
	for _, junk := range [][2]string{
		{"directory", "trail#all"}, {"directory", "A0000x"}, {"directory", "zzzzz"}, // of nobody
		{"A0007", "00001x"}, {"A0007", "0000Z"}, {"zzzzz", "00000"},
	} {
		if _, err := dynamodb.NewFromConfig(cfg).PutItem(t.Context(), &dynamodb.PutItemInput{
			TableName: new("counterfoil"),
			Item:      map[string]types.AttributeValue{"pk": text(junk[0]), "sk": text(junk[1]), "version": text("x")},
		}); err != nil {
			t.Fatal(err)
		}
	}
	var each []pat.ID
	for part := range 24 {
		if err := d.Each(t.Context(), part, 24, func(tokens []pat.Token) error {
			each = append(each, ids(tokens)...)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	if slices.Sort(each); !slices.Equal(each, want) {
		t.Errorf("each: %v", each)
	}
	for _, limit := range []int{1, 2, 4, 100} {
		var got []pat.ID
		pages := 0
		for position := ""; ; pages++ {
			found, next, err := d.Scan(t.Context(), position, limit)
			if err != nil || len(found) > limit || pages > 50 {
				t.Fatalf("page %d: %d tokens, %v", pages, len(found), err)
			}
			for _, f := range found {
				got = append(got, f.Token.ID)
			}
			if next == "" {
				break
			}
			position = next
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("by pages of %d: %v", limit, got)
		}
	}
}
