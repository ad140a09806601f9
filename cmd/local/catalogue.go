package main

import "github.com/counterfoil/counterfoil/pkg/pat"

// catalogue is every scope that a token can carry on this machine. A deployment
// publishes its own.
var catalogue = pat.Catalogue{
	{
		Name:        "profile",
		Description: "See who the token's owner is",
		Category:    "Account",
	},
	{
		Name:        "notes:read",
		Description: "Read your notes",
		Category:    "Notes",
	},
	{
		Name:        "notes:write",
		Description: "Write notes in your name",
		Category:    "Notes",
	},
	{
		Name:        "credentials",
		Description: "Get AWS credentials in your name",
		Category:    "AWS",
		Sensitive:   true,
	},
	{
		Name:        "introspect",
		Description: "Ask what anybody's credential is worth",
		Category:    "Administration",
		Sensitive:   true,
		Groups:      []string{"admins"},
	},
}
