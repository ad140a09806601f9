package gofn

// Touching is the condition that a write touches these attributes alone, keys and
// those of its conditions among them, in partitions of this pattern, and sees none.
func Touching(attributes []string, partition string) map[string]any {
	return map[string]any{
		// ForAllValues holds where there are none.
		"Null":                      map[string]any{"dynamodb:Attributes": "false", "dynamodb:LeadingKeys": "false"},
		"ForAllValues:StringEquals": map[string]any{"dynamodb:Attributes": attributes},
		"ForAllValues:StringLike":   map[string]any{"dynamodb:LeadingKeys": []string{partition}},
		"StringEqualsIfExists":      map[string]any{"dynamodb:ReturnValues": "NONE"},
	}
}
