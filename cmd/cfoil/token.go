package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/counterfoil/counterfoil/pkg/api"
	"github.com/counterfoil/counterfoil/pkg/client"
)

func (a *app) tokenCommand() *cobra.Command {
	token := &cobra.Command{Use: "token", Aliases: []string{"tokens"}, Short: "Create, list, change and delete your tokens", Args: cobra.ArbitraryArgs, RunE: group}
	token.AddCommand(a.createCommand(), a.listCommand(), a.showCommand(), a.editCommand(), a.rotateCommand(), a.deleteCommand(), a.verifyCommand(), a.trailCommand())
	return token
}

func (a *app) createCommand() *cobra.Command {
	var asked client.NewToken
	var expires string
	c := &cobra.Command{
		Use:   "create NAME",
		Short: "Create a token",
		Long: `Create a token. Its value is printed this once, alone on stdout; everything else
goes to stderr. --expires takes a span (12h, 30d, 2w), a date (2027-01-31: its
first moment, in UTC), an RFC 3339 time, or never; without it the policy of the
administrators decides.`,
		Example: `  cfoil token create "nightly build" --scope notes:read --expires 30d >token.txt
  cfoil token create deploy --scope notes:write --cidr 192.0.2.0/24 | cfoil auth login --with-token`,
		Args: exactly("a NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			var err error
			asked.Name = args[0]
			if asked.Scopes = words(asked.Scopes); len(asked.Scopes) == 0 {
				return usage("a token needs a --scope", `"cfoil scopes" lists them`)
			}
			if asked.ExpiresAt, err = a.parseExpiry(expires); err != nil {
				return err
			}
			return a.create(c.Context(), asked)
		},
	}
	flags := c.Flags()
	flags.StringSliceVar(&asked.Scopes, "scope", nil, "`scope` it may use; can be repeated")
	flags.StringVar(&expires, "expires", "", "`when` it ends: 30d, 2027-01-31, never")
	flags.StringSliceVar(&asked.AllowedCIDRs, "cidr", nil, "`network` it may be used from; can be repeated")
	flags.StringVar(&asked.Description, "description", "", "`text` for those who read the list")
	return c
}

func (a *app) create(ctx context.Context, asked client.NewToken) error {
	c, err := a.managing(ctx)
	if err != nil {
		return err
	}
	created, err := c.Create(ctx, asked)
	if lostAnswer(err) {
		return lost(errors.New("no answer to the creation: the token may be there, and nobody knows its value"),
			fmt.Sprintf("look with \"cfoil token list\"; if it is there, \"cfoil token rotate %s\" gives it a value", quoted(asked.Name)))
	}
	if err != nil {
		return a.refusedToken(err)
	}
	a.say(fmt.Sprintf("created %s (id %s), ends: %s", quoted(created.Name), created.ID, orNever(created.EffectiveExpiresAt)))
	return a.showValue(created)
}

// lostAnswer reports whether a request may have been obeyed without our knowing.
func lostAnswer(err error) bool {
	var dial *net.OpError
	unreached := errors.As(err, &dial) && dial.Op == "dial"
	return client.IsOutage(err) && !unreached && !errors.Is(err, client.ErrTooManyRequests)
}

// showValue prints a value, which nobody can have again.
func (a *app) showValue(t client.CreatedToken) error {
	var err error
	if a.flags.output == "json" {
		err = a.writeJSON(api.CreatedToken{Token: t.Token, Value: t.Value.Reveal()})
	} else {
		err = a.write(t.Value.Reveal() + "\n")
	}
	if err == nil {
		return nil
	}
	return lost(fmt.Errorf("the value could not be written, and cannot be had again: %w", bare(err)),
		fmt.Sprintf("the token %s (id %s) is there: \"cfoil token rotate %s\" gives it another value, \"cfoil token delete %[2]s\" kills it", quoted(t.Name), t.ID, t.ID))
}

func (a *app) listCommand() *cobra.Command {
	var status string
	c := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List your tokens, newest first", Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error { return a.list(c.Context(), status) },
	}
	c.Flags().StringVar(&status, "status", "all", "only those that are `active`, expired, revoked or disabled")
	c.RegisterFlagCompletionFunc("status", cobra.FixedCompletions([]string{"all", "active", "expired", "revoked", "disabled"}, cobra.ShellCompDirectiveNoFileComp))
	return c
}

func (a *app) list(ctx context.Context, status string) error {
	c, err := a.managing(ctx)
	if err != nil {
		return err
	}
	tokens := []client.Token{}
	for t, err := range c.All(ctx, status) {
		if err != nil {
			return a.refusedToken(err)
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
	t := &table{colour: a.statusColour(2)}
	t.add("ID", "NAME", "STATUS", "ENDS", "LAST USED", "SCOPES")
	for _, token := range tokens {
		t.add(token.ID, token.Name, token.Status, orNever(token.EffectiveExpiresAt), orNever(token.LastUsedAt), strings.Join(token.Scopes, " "))
	}
	return a.write(t.String())
}

// statusColour colours the column of a status.
func (a *app) statusColour(column int) func(int, string) string {
	return func(i int, cell string) string {
		colour := map[string]string{"active": green, "disabled": yellow, "revoked": dim, "expired": dim}[cell]
		if i != column || colour == "" {
			return cell
		}
		return paint(a.stdout, colour, cell)
	}
}

func (a *app) showCommand() *cobra.Command {
	return &cobra.Command{
		Use: "show ID|NAME", Short: "Show a token, without its value", Args: exactly("an ID or a NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := a.managing(c.Context())
			if err != nil {
				return err
			}
			token, err := a.find(c.Context(), client, args[0])
			if err != nil {
				return err
			}
			return a.showToken(token)
		},
	}
}

// usedOf says what of its scopes a token was used for.
func usedOf(token client.Token) string {
	text := fmt.Sprintf("%d of %d", len(token.ScopesUsed), len(token.Scopes))
	if len(token.ScopesUsed) > 0 {
		text += ": " + strings.Join(token.ScopesUsed, " ")
	}
	return text
}

func (a *app) showToken(token client.Token) error {
	if a.flags.output == "json" {
		return a.writeJSON(token)
	}
	t := &table{colour: a.statusColour(1)}
	for _, row := range [][2]string{
		{"id", token.ID}, {"name", token.Name}, {"description", token.Description}, {"owner", token.Owner}, {"status", token.Status},
		{"scopes", strings.Join(token.Scopes, " ")}, {"scopes used", usedOf(token)}, {"networks", cmp.Or(strings.Join(token.AllowedCIDRs, " "), "everywhere")},
		{"created", token.CreatedAt}, {"ends", orNever(token.EffectiveExpiresAt)}, {"rotated", deref(token.RotatedAt)},
		{"previous value until", deref(token.PreviousValidUntil)}, {"last used", orNever(token.LastUsedAt)}, {"last used from", deref(token.LastUsedIP)},
		{"revoked", deref(token.RevokedAt)},
	} {
		if row[1] != "" {
			t.add(row[0], row[1])
		}
	}
	return a.write(t.String())
}

func (a *app) editCommand() *cobra.Command {
	var name, description, expires string
	var change client.Update
	var anywhere bool
	c := &cobra.Command{
		Use: "edit ID|NAME", Short: "Change a token; its scopes can only shrink",
		Example: `  cfoil token edit deploy --scope notes:read --expires 7d`,
		Args:    exactly("an ID or a NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			var err error
			if c.Flags().Changed("name") {
				change.Name = &name
			}
			if c.Flags().Changed("description") {
				change.Description = &description
			}
			change.Scopes = words(change.Scopes)
			if anywhere {
				change.AllowedCIDRs = []string{}
			}
			if change.ExpiresAt, err = a.parseExpiry(expires); err != nil {
				return err
			}
			return a.edit(c.Context(), args[0], change)
		},
	}
	flags := c.Flags()
	flags.StringVar(&name, "name", "", "new `name`")
	flags.StringVar(&description, "description", "", "new `text` for those who read the list")
	flags.StringSliceVar(&change.Scopes, "scope", nil, "`scope` that it keeps; can be repeated")
	flags.StringVar(&expires, "expires", "", "`when` it ends: 30d, 2027-01-31, never")
	flags.StringSliceVar(&change.AllowedCIDRs, "cidr", nil, "`network` it may be used from; can be repeated")
	flags.BoolVar(&anywhere, "any-network", false, "let it be used from everywhere")
	c.MarkFlagsMutuallyExclusive("cidr", "any-network")
	c.MarkFlagsOneRequired("name", "description", "scope", "expires", "cidr", "any-network")
	return c
}

func (a *app) edit(ctx context.Context, which string, change client.Update) error {
	c, err := a.managing(ctx)
	if err != nil {
		return err
	}
	token, err := a.find(ctx, c, which)
	if err != nil {
		return err
	}
	defer a.forgetBought(ctx, c.Server)
	if token, err = c.Update(ctx, token.ID, change); err != nil {
		return a.refusedToken(err)
	}
	return a.showToken(token)
}

func (a *app) rotateCommand() *cobra.Command {
	var grace string
	var keep bool
	c := &cobra.Command{
		Use:   "rotate ID|NAME",
		Short: "Give a token a new value",
		Long: `Give a token a new value, printed this once, alone on stdout. The old value stops
at once, or with --grace works on for a while, so that there is time to bring the
new one to where it is used.

--keep-previous is for when the new value of a rotation with --grace was lost: it
replaces that one, and the value that is in use works on as before.`,
		Example: `  cfoil token rotate deploy --grace 24h >token.txt`,
		Args:    exactly("an ID or a NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			r := client.Rotation{KeepPrevious: keep}
			if grace != "" {
				var ok bool
				if r.Grace, ok = parseSpan(grace); !ok {
					return usage("--grace must be a span such as 24h or 7d", "")
				}
			}
			return a.rotate(c.Context(), args[0], r)
		},
	}
	c.Flags().StringVar(&grace, "grace", "", "`how long` the old value works on: up to 7d")
	c.Flags().BoolVar(&keep, "keep-previous", false, "after a lost answer: replace the newest value, keep the one before")
	c.MarkFlagsMutuallyExclusive("grace", "keep-previous")
	return c
}

func (a *app) rotate(ctx context.Context, which string, r client.Rotation) error {
	c, err := a.managing(ctx)
	if err != nil {
		return err
	}
	token, err := a.find(ctx, c, which)
	if err != nil {
		return err
	}
	defer a.forgetBought(ctx, c.Server)
	rotated, err := c.Rotate(ctx, token.ID, r)
	switch {
	case lostAnswer(err):
		hint := "rotate it again"
		if r.Grace > 0 || r.KeepPrevious {
			hint = fmt.Sprintf("\"cfoil token rotate %s --keep-previous\" gives it a value and lets the one in use work on", token.ID)
		}
		return lost(errors.New("no answer to the rotation: the token may have a new value that nobody knows"), hint)
	case errors.Is(err, client.ErrConflict) && r.KeepPrevious:
		return fail(errors.New("there is no previous value to keep"), "rotate it without --keep-previous")
	case err != nil:
		return a.refusedToken(err)
	}
	text := "the old value is dead"
	if rotated.PreviousValidUntil != nil {
		text = "the old value works until " + *rotated.PreviousValidUntil
	}
	a.say(fmt.Sprintf("rotated %s (id %s): %s", quoted(rotated.Name), rotated.ID, text))
	// The value first: it can be had in no other way.
	return errors.Join(a.showValue(rotated), a.changeKept(ctx, c.Server, rotated.ID, &rotated.Value))
}

func (a *app) deleteCommand() *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use: "delete ID|NAME...", Aliases: []string{"rm", "revoke"}, Short: "Delete tokens: they stop working at once",
		Args: atLeastOne("an ID or a NAME"),
		RunE: func(c *cobra.Command, args []string) error { return a.delete(c.Context(), args, yes) },
	}
	c.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return c
}

func (a *app) delete(ctx context.Context, which []string, yes bool) error {
	c, err := a.managing(ctx)
	if err != nil {
		return err
	}
	var tokens []client.Token
	var names []string
	for _, w := range which {
		token, err := a.find(ctx, c, w)
		if err != nil {
			return err
		}
		tokens = append(tokens, token)
		names = append(names, fmt.Sprintf("%s (id %s, last used: %s)", quoted(token.Name), token.ID, orNever(token.LastUsedAt)))
	}
	if err := a.confirm(ctx, "delete "+strings.Join(names, ", ")+"? What uses it stops working at once.", yes); err != nil {
		return err
	}
	defer a.forgetBought(ctx, c.Server)
	for _, token := range tokens {
		if err := c.Revoke(ctx, token.ID); err != nil {
			return a.refusedToken(err)
		}
		a.say(fmt.Sprintf("deleted %s (id %s)", quoted(token.Name), token.ID))
		if err := a.changeKept(ctx, c.Server, token.ID, nil); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) verifyCommand() *cobra.Command {
	return &cobra.Command{
		Use: "verify", Short: "Read a value from stdin and tell whether it is good", Args: exactly(),
		Long: `Read a token's value from stdin, or ask for it without showing it, and tell what
it is and may do now. The exit status is 0 if it is good and 1 if it is not.`,
		Example: `  cfoil token verify <token.txt`,
		RunE: func(c *cobra.Command, _ []string) error {
			server, err := a.server()
			if err != nil {
				return err
			}
			value, err := a.readSecret(c.Context(), "token: ")
			if err != nil {
				return err
			}
			who, err := a.whois(c.Context(), server, value)
			if isBad(err) {
				return fail(errors.New("the token is not good: expired, revoked or mistyped"), "")
			}
			if err != nil {
				return err
			}
			return a.showWhoami(who)
		},
	}
}

func (a *app) showWhoami(who client.Whoami) error {
	if a.flags.output == "json" {
		return a.writeJSON(who)
	}
	t := &table{}
	t.add("owner", who.Subject)
	t.add("kind", who.Kind)
	if who.TokenName != "" {
		t.add("token", fmt.Sprintf("%s (id %s)", who.TokenName, who.TokenID))
	}
	t.add("scopes", strings.Join(who.Scopes, " "))
	t.add("ends", orNever(who.ExpiresAt))
	return a.write(t.String())
}

// find returns the token that somebody means: by id, or by a name, which is
// unique among those that are neither revoked nor expired.
func (a *app) find(ctx context.Context, c *client.Client, which string) (client.Token, error) {
	token, err := c.Get(ctx, which)
	if !errors.Is(err, client.ErrNotFound) {
		return token, a.refusedToken(err)
	}
	var living, dead []client.Token
	for token, err := range c.All(ctx, "all") {
		switch {
		case err != nil:
			return client.Token{}, a.refusedToken(err)
		case !strings.EqualFold(token.Name, which):
		case token.Status == "revoked" || token.Status == "expired":
			dead = append(dead, token)
		default:
			living = append(living, token)
		}
	}
	switch {
	case len(living) == 1:
		return living[0], nil
	case len(living) == 0 && len(dead) == 1:
		return dead[0], nil
	case len(living)+len(dead) == 0:
		return client.Token{}, fail(fmt.Errorf("you have no token %s", quoted(which)), `"cfoil token list" lists them`)
	}
	return client.Token{}, fail(fmt.Errorf("several of your tokens have the name %s", quoted(which)), `say which one by its id: "cfoil token list" shows it`)
}

// words are what stands in flags that can be repeated, or hold several.
func words(values []string) []string {
	var all []string
	for _, v := range values {
		all = append(all, strings.Fields(v)...)
	}
	return all
}

// parseExpiry reads --expires; empty says nothing.
func (a *app) parseExpiry(text string) (client.Expiry, error) {
	switch text {
	case "":
		return client.Expiry{}, nil
	case "never":
		return client.Never, nil
	}
	if span, ok := parseSpan(text); ok {
		return client.At(a.now().Add(span)), nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(layout, text); err == nil {
			return client.At(at), nil
		}
	}
	return client.Expiry{}, usage(fmt.Sprintf("--expires %s is no time", quoted(text)), "say 12h, 30d, 2w, 2027-01-31, 2027-01-31T12:00:00Z or never")
}

// parseSpan reads a number and a unit, as 30d. No unit is longer than a week:
// months and years are not all alike.
func parseSpan(text string) (time.Duration, bool) {
	if text == "" {
		return 0, false
	}
	unit := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}[text[len(text)-1]]
	n, err := strconv.ParseUint(text[:len(text)-1], 10, 31)
	if err != nil || unit == 0 || time.Duration(n) > (1<<63-1)/unit {
		return 0, false
	}
	return time.Duration(n) * unit, true
}

func orNever(at *string) string {
	if at == nil {
		return "never"
	}
	return *at
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// quoted is a name as it can be pasted into a shell.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
