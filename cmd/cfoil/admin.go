package main

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/counterfoil/counterfoil/pkg/client"
)

func (a *app) adminCommand() *cobra.Command {
	admin := &cobra.Command{
		Use: "admin", Short: "For administrators: the policy, everybody's tokens, people, the trail", Args: cobra.ArbitraryArgs, RunE: group,
		Long: `For administrators: the policy, everybody's tokens, people, the trail. It takes the
session of an administrator; a token never will do.`,
	}
	admin.AddCommand(a.policyCommand(), a.adminTokensCommand(), a.peopleCommand(), a.adminTrailCommand())
	return admin
}

// administering runs with a client, and explains refusals.
func (a *app) administering(do func(ctx context.Context, c *client.Client, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		c, err := a.managing(cmd.Context())
		if err != nil {
			return err
		}
		err = do(cmd.Context(), c, args)
		if errors.Is(err, client.ErrForbidden) {
			return fail(errors.New("not allowed: this takes the session of an administrator"), `"cfoil auth status" shows who you are`)
		}
		return a.refusedToken(err)
	}
}

// A policyFlag is a part of the policy that is a span or nothing.
type policyFlag struct {
	name, says string
	unit       time.Duration
	of         func(*client.Policy) **int
}

const day = 24 * time.Hour

var policyFlags = []policyFlag{
	{"max-lifetime", "the longest that a token may live", day, func(p *client.Policy) **int { return &p.MaxLifetimeDays }},
	{"default-lifetime", "how long a token lives whose creator does not say", day, func(p *client.Policy) **int { return &p.DefaultLifetimeDays }},
	{"max-idle", "how long a token may be unused before it stops", day, func(p *client.Policy) **int { return &p.MaxIdleDays }},
	{"max-absence", "how long a person may not sign in before their tokens stop", day, func(p *client.Policy) **int { return &p.MaxAbsenceDays }},
	{"reauth", "how old a sign-in may be to create tokens and to administer", time.Second, func(p *client.Policy) **int { return &p.ReauthSeconds }},
}

func (a *app) policyCommand() *cobra.Command {
	policy := &cobra.Command{Use: "policy", Short: "Show or change what tokens may be", Args: cobra.ArbitraryArgs, RunE: group}
	policy.AddCommand(&cobra.Command{
		Use: "show", Short: "Show the policy", Args: exactly(),
		RunE: a.administering(func(ctx context.Context, c *client.Client, _ []string) error {
			p, err := c.Policy(ctx)
			if err != nil {
				return err
			}
			return a.showPolicy(p)
		}),
	}, a.setPolicyCommand())
	return policy
}

func (a *app) setPolicyCommand() *cobra.Command {
	var yes, requireExpiry bool
	var most int
	var creators []string
	spans := map[string]*string{}
	c := &cobra.Command{
		Use:   "set",
		Short: "Change the policy; what no flag names stays as it is",
		Long: `Change the policy. It holds everywhere within 30 s, for tokens that exist too: what
it stops is told beforehand. No token is re-dated or removed: a looser policy gives
them back.

A span is 90d or 2w (--reauth: 1h, 30m), or none.`,
		Example: `  cfoil admin policy set --max-lifetime 90d --default-lifetime 30d --require-expiry
  cfoil admin policy set --max-idle none --creators everybody`,
		Args: exactly(),
	}
	flags := c.Flags()
	for _, f := range policyFlags {
		spans[f.name] = flags.String(f.name, "", f.says+" (a `span`, or none)")
	}
	flags.BoolVar(&requireExpiry, "require-expiry", false, "whether every token must have an end")
	flags.IntVar(&most, "max-tokens", 0, "how many tokens a person may have (a `number`)")
	flags.StringSliceVar(&creators, "creators", nil, "`groups` that may create tokens, or everybody, or nobody")
	flags.BoolVarP(&yes, "yes", "y", false, "do not ask")
	c.RunE = a.administering(func(ctx context.Context, api *client.Client, _ []string) error {
		was, err := api.Policy(ctx)
		if err != nil {
			return err
		}
		p := was
		for _, f := range policyFlags {
			if flags.Changed(f.name) {
				if *f.of(&p), err = f.parse(*spans[f.name]); err != nil {
					return err
				}
			}
		}
		if flags.Changed("require-expiry") {
			p.RequireExpiry = requireExpiry
		}
		if flags.Changed("max-tokens") {
			p.MaxTokensPerPerson = most
		}
		if flags.Changed("creators") {
			p.CreatorGroups = groupsOf(creators)
		}
		return a.setPolicy(ctx, api, was, p, yes)
	})
	return c
}

// parse reads a span in whole units, or none.
func (f policyFlag) parse(text string) (*int, error) {
	if text == "none" {
		return nil, nil
	}
	span, ok := parseSpan(text)
	if !ok || span%f.unit != 0 {
		return nil, usage(fmt.Sprintf("--%s %s is no span", f.name, quoted(text)), "say 90d, 2w or none; for --reauth 1h or 30m")
	}
	n := int(span / f.unit)
	return &n, nil
}

// groupsOf reads --creators.
func groupsOf(named []string) []string {
	switch strings.Join(named, ",") {
	case "everybody":
		return nil
	case "nobody":
		return []string{}
	}
	return named
}

// setPolicy tells what a policy would stop, asks, and sets it in the place of the
// one that was shown.
func (a *app) setPolicy(ctx context.Context, c *client.Client, was, p client.Policy, yes bool) error {
	stops, err := c.PreviewPolicy(ctx, p)
	if err != nil {
		return err
	}
	least := ""
	if !stops.Complete {
		least = "at least "
	}
	text := fmt.Sprintf("%s%d tokens of %d people stop working", least, stops.Tokens, stops.People)
	if stops.Tokens > 0 || !stops.Complete {
		if err := a.confirm(ctx, "with this policy "+text+". Set it?", yes); err != nil {
			return err
		}
	}
	// A policy has no version and is replaced whole: what another administrator
	// changed while this one was asked would be undone unseen. What is written
	// between this look and the next line, nobody notices.
	if now, err := c.Policy(ctx); err != nil {
		return err
	} else if !reflect.DeepEqual(now, was) {
		return fail(errors.New("not set: somebody changed the policy meanwhile"), `"cfoil admin policy show" shows it; set it again if that is still right`)
	}
	if p, err = c.SetPolicy(ctx, p); err != nil {
		return err
	}
	a.say("set: it holds everywhere within 30 s; " + text)
	return a.showPolicy(p)
}

func (a *app) showPolicy(p client.Policy) error {
	if a.flags.output == "json" {
		return a.writeJSON(p)
	}
	t := &table{}
	for _, f := range policyFlags {
		value := "none"
		if n := *f.of(&p); n != nil {
			value = strconv.Itoa(*n) + "d"
			if f.unit != day {
				value = (time.Duration(*n) * f.unit).String()
			}
		}
		t.add(f.name, value)
	}
	t.add("require-expiry", yesNo(p.RequireExpiry))
	t.add("max-tokens", strconv.Itoa(p.MaxTokensPerPerson))
	creators := strings.Join(p.CreatorGroups, " ")
	switch {
	case p.CreatorGroups == nil:
		creators = "everybody"
	case creators == "":
		creators = "nobody"
	}
	t.add("creators", creators)
	return a.write(t.String())
}

// noEmpty refuses a flag that was given and says nothing: of a script's unset
// variable it would make everybody.
func noEmpty(flag string) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, _ []string) error {
		if f := c.Flags().Lookup(flag); f.Changed && f.Value.String() == "" {
			return usage("--"+flag+" is empty", "leave it out for everybody")
		}
		return nil
	}
}

func (a *app) adminTokensCommand() *cobra.Command {
	tokens := &cobra.Command{Use: "tokens", Aliases: []string{"token"}, Short: "List, show and delete anybody's tokens", Args: cobra.ArbitraryArgs, RunE: group}
	var owner, status string
	list := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List everybody's tokens, or one owner's", Args: exactly(), PreRunE: noEmpty("owner"),
		RunE: a.administering(func(ctx context.Context, c *client.Client, _ []string) error {
			return a.listAny(ctx, c, owner, status)
		}),
	}
	list.Flags().StringVar(&owner, "owner", "", "only those of this person (their `sub`)")
	list.Flags().StringVar(&status, "status", "all", "only those that are `active`, expired, revoked or disabled")
	show := &cobra.Command{
		Use: "show ID", Short: "Show a token, without its value", Args: exactly("an ID"),
		RunE: a.administering(func(ctx context.Context, c *client.Client, args []string) error {
			token, err := c.GetAny(ctx, args[0])
			if err != nil {
				return err
			}
			return a.showToken(token)
		}),
	}
	var yes bool
	remove := &cobra.Command{
		Use: "delete ID...", Aliases: []string{"rm", "revoke"}, Short: "Delete tokens: they stop working at once", Args: atLeastOne("an ID"),
		RunE: a.administering(func(ctx context.Context, c *client.Client, args []string) error {
			return a.deleteAny(ctx, c, args, yes)
		}),
	}
	remove.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	tokens.AddCommand(list, show, remove)
	return tokens
}

func (a *app) listAny(ctx context.Context, c *client.Client, owner, status string) error {
	tokens := []client.Token{}
	for t, err := range c.AllAny(ctx, owner, status) {
		if err != nil {
			return err
		}
		tokens = append(tokens, t)
	}
	if a.flags.output == "json" {
		return a.writeJSON(client.TokenList{Tokens: tokens})
	}
	if len(tokens) == 0 {
		a.say("no tokens")
		return nil
	}
	t := &table{colour: a.statusColour(3)}
	t.add("ID", "OWNER", "NAME", "STATUS", "ENDS", "LAST USED", "SCOPES")
	for _, token := range tokens {
		t.add(token.ID, token.Owner, token.Name, token.Status, orNever(token.EffectiveExpiresAt), orNever(token.LastUsedAt), strings.Join(token.Scopes, " "))
	}
	return a.write(t.String())
}

func (a *app) deleteAny(ctx context.Context, c *client.Client, ids []string, yes bool) error {
	var names []string
	for _, id := range ids {
		token, err := c.GetAny(ctx, id)
		if err != nil {
			return err
		}
		names = append(names, fmt.Sprintf("%s of %s (id %s, last used: %s)", quoted(token.Name), token.Owner, token.ID, orNever(token.LastUsedAt)))
	}
	if err := a.confirm(ctx, "delete "+strings.Join(names, ", ")+"? What uses it stops working at once.", yes); err != nil {
		return err
	}
	defer a.forgetBought(ctx, c.Server)
	for i, id := range ids {
		if err := c.RevokeAny(ctx, id); err != nil {
			return err
		}
		a.say("deleted " + names[i])
	}
	return nil
}

func (a *app) peopleCommand() *cobra.Command {
	people := &cobra.Command{Use: "people", Aliases: []string{"person"}, Short: "Show, stop and restore people", Args: cobra.ArbitraryArgs, RunE: group}
	var yes bool
	asking := func(c *cobra.Command) *cobra.Command {
		c.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
		return c
	}
	people.AddCommand(
		&cobra.Command{
			Use: "show SUB", Short: "Show a person", Args: exactly("a SUB"),
			RunE: a.administering(func(ctx context.Context, c *client.Client, args []string) error {
				p, err := c.Person(ctx, args[0])
				if err != nil {
					return err
				}
				return a.showPerson(p)
			}),
		},
		asking(&cobra.Command{
			Use: "disable SUB", Short: "Stop every token and session of a person at once", Args: exactly("a SUB"),
			RunE: a.administering(func(ctx context.Context, c *client.Client, args []string) error {
				if err := a.confirmPerson(ctx, c, "disable", args[0], yes); err != nil {
					return err
				}
				defer a.forgetBought(ctx, c.Server)
				p, err := c.SetDisabled(ctx, args[0], true)
				if errors.Is(err, client.ErrConflict) {
					return fail(errors.New("nobody disables themselves"), "")
				}
				if err != nil {
					return err
				}
				return a.showPerson(p)
			}),
		}),
		&cobra.Command{
			Use: "enable SUB", Short: "Give a person their tokens and sessions back", Args: exactly("a SUB"),
			RunE: a.administering(func(ctx context.Context, c *client.Client, args []string) error {
				p, err := c.SetDisabled(ctx, args[0], false)
				if err != nil {
					return err
				}
				return a.showPerson(p)
			}),
		},
		asking(&cobra.Command{
			Use: "revoke-all SUB", Short: "Delete every token of a person, for good", Args: exactly("a SUB"),
			RunE: a.administering(func(ctx context.Context, c *client.Client, args []string) error {
				return a.revokeAll(ctx, c, args[0], yes)
			}),
		}),
	)
	return people
}

func (a *app) revokeAll(ctx context.Context, c *client.Client, sub string, yes bool) error {
	if err := a.confirmPerson(ctx, c, "delete every token of", sub, yes); err != nil {
		return err
	}
	defer a.forgetBought(ctx, c.Server)
	n, err := c.RevokeAll(ctx, sub)
	if lostAnswer(err) {
		return lost(errors.New("no answer: the tokens may be deleted"), "do it again: it does no harm, but to tokens created meanwhile")
	}
	if err != nil {
		return err
	}
	a.say(fmt.Sprintf("deleted %d tokens of %s", n, sub))
	return nil
}

func (a *app) confirmPerson(ctx context.Context, c *client.Client, what, sub string, yes bool) error {
	if yes {
		return nil
	}
	p, err := c.Person(ctx, sub)
	if err != nil {
		return err
	}
	return a.confirm(ctx, fmt.Sprintf("%s %s, who has %d active tokens and was last seen: %s?", what, p.Subject, p.TokensActive, orNever(p.LastSeenAt)), false)
}

func (a *app) showPerson(p client.Person) error {
	if a.flags.output == "json" {
		return a.writeJSON(p)
	}
	t := &table{}
	t.add("sub", p.Subject)
	t.add("disabled", yesNo(p.Disabled))
	t.add("groups", strings.Join(p.Groups, " "))
	t.add("active tokens", strconv.Itoa(p.TokensActive))
	t.add("last seen", orNever(p.LastSeenAt))
	return a.write(t.String())
}
