package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/counterfoil/counterfoil/pkg/api"
	"github.com/counterfoil/counterfoil/pkg/client"
)

func (a *app) scopesCommand() *cobra.Command {
	return &cobra.Command{
		Use: "scopes", Short: "List the scopes that a token can have", Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := a.managing(c.Context())
			if err != nil {
				return err
			}
			scopes, err := client.Scopes(c.Context())
			if err != nil {
				return a.refusedToken(err)
			}
			if a.flags.output == "json" {
				return a.writeJSON(api.ScopeList{Scopes: scopes})
			}
			t := &table{}
			t.add("SCOPE", "YOURS TO GIVE", "SENSITIVE", "DESCRIPTION")
			for _, s := range scopes {
				t.add(s.Name, yesNo(s.Grantable), yesNo(s.Sensitive), s.Description)
			}
			return a.write(t.String())
		},
	}
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func (a *app) exchangeCommand() *cobra.Command {
	var asked client.ExchangeRequest
	var fresh bool
	c := &cobra.Command{
		Use:   "exchange",
		Short: "Exchange the token, or the session, for a short-lived JWT",
		Long: `Exchange the token (COUNTERFOIL_TOKEN, or the one that was kept; else the session)
for a JWT of some minutes, printed alone on stdout. It can do what was asked for
with --scope, as far as the token can and its owner may; without --scope,
everything but what is sensitive.

What was bought is kept in the cache of your account and handed out again while a
good part of its life is left, or until cfoil changes or deletes one of your tokens.
What is done elsewhere, as in the console, cfoil does not hear of: where a JWT is
refused, --fresh buys another, or tells that the token is not good any more.`,
		Example: `  curl -H @- https://api.example.com/notes <<EOF
  Authorization: Bearer $(cfoil exchange --scope notes:read)
  EOF`,
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			asked.Scopes = words(asked.Scopes)
			if fresh {
				server, err := a.server()
				if err != nil {
					return err
				}
				a.forgetBought(c.Context(), server)
			}
			got, err := a.exchange(c.Context(), asked)
			if err != nil {
				return err
			}
			return a.showExchanged(got)
		},
	}
	c.Flags().StringSliceVar(&asked.Scopes, "scope", nil, "`scope` that the JWT shall have; can be repeated")
	c.Flags().StringSliceVar(&asked.Audiences, "audience", nil, "`whom` the JWT is for; can be repeated")
	c.Flags().BoolVar(&fresh, "fresh", false, "forget what was bought before: after a refusal")
	return c
}

func (a *app) showExchanged(got client.Exchanged) error {
	if a.flags.output != "json" {
		a.say(fmt.Sprintf("scopes: %s; ends: %s", strings.Join(got.Scopes, " "), got.ExpiresAt.UTC().Format(time.RFC3339)))
		return a.write(got.AccessToken.Reveal() + "\n")
	}
	document := api.Exchanged{
		AccessToken: got.AccessToken.Reveal(), IssuedTokenType: "urn:ietf:params:oauth:token-type:access_token", TokenType: "Bearer",
		ExpiresIn: int64(got.ExpiresAt.Sub(a.now()).Seconds()), Scope: strings.Join(got.Scopes, " "),
	}
	if got.AWS != nil {
		document.AWSAccessKeyID, document.AWSSecretAccessKey = got.AWS.AccessKeyID, got.AWS.SecretAccessKey.Reveal()
		document.AWSSessionToken, document.AWSCredentialsExpiration = got.AWS.SessionToken.Reveal(), got.AWS.ExpiresAt.UTC().Format(time.RFC3339)
	}
	return a.writeJSON(document)
}

// exchange buys, or takes from the cache what was bought.
func (a *app) exchange(ctx context.Context, asked client.ExchangeRequest) (client.Exchanged, error) {
	server, err := a.server()
	if err != nil {
		return client.Exchanged{}, err
	}
	used, err := a.user(ctx, server)
	if err != nil {
		return client.Exchanged{}, err
	}
	c, err := a.client(server, client.Static(used.Secret))
	if err != nil {
		return client.Exchanged{}, err
	}
	got, err := a.cached(ctx, server, used, asked, func() (client.Exchanged, error) { return c.Exchange(ctx, asked) })
	if isBad(err) { // so is what it bought for other scopes
		a.forgetBought(ctx, server)
	}
	if isBad(err) && a.token.IsZero() {
		return got, signedOut(used.from+" is not good (any more): expired or revoked", used.hint)
	}
	if slices.Contains(asked.Scopes, client.CredentialsScope) && errors.Is(err, client.ErrInvalidScope) {
		return got, fail(errors.New("AWS credentials cannot be had with "+used.from+": "+strings.TrimPrefix(err.Error(), "invalid_scope: ")),
			"it needs the scope "+client.CredentialsScope+", 15 minutes to live, and a server that has a role to give")
	}
	return got, a.refusedToken(err)
}
