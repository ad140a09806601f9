package main

import (
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// extra are commands that only some builds have.
var extra []func(*app) *cobra.Command

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "cfoil",
		Short: "Personal access tokens from the command line",
		Long: `cfoil signs you in to a Counterfoil server, creates, lists, rotates and deletes
your personal access tokens, exchanges them for short-lived JWTs and AWS
credentials, and hands them to AWS tools and git.

Environment: COUNTERFOIL_SERVER and COUNTERFOIL_TOKEN come before what was kept
by "cfoil auth login"; NO_COLOR turns colours off.

Exit status: 0 done, 1 failed, 2 called wrongly, 4 not signed in (or the
credential is not good any more), 130 interrupted.`,
		Example: `  cfoil auth login --server https://tokens.example.com
  cfoil token create "nightly build" --scope notes:read --expires 30d
  cfoil token list`,
		Args:          cobra.ArbitraryArgs,
		RunE:          group,
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if a.flags.output != "table" && a.flags.output != "json" {
				return usage("-o must be table or json", "")
			}
			if a.flags.debug {
				a.log = slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
			}
			return nil
		},
	}
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usage(err.Error(), seeHelp(c))
	})
	flags := root.PersistentFlags()
	flags.StringVar(&a.flags.server, "server", "", "the server's `address` (else COUNTERFOIL_SERVER, else the one signed in to last)")
	flags.StringVarP(&a.flags.output, "output", "o", "table", "`format`: table or json")
	flags.BoolVar(&a.flags.debug, "debug", false, "tell of every request on stderr (never of a secret)")
	root.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"table", "json"}, cobra.ShellCompDirectiveNoFileComp))
	root.AddCommand(a.authCommand(), a.tokenCommand(), a.scopesCommand(), a.exchangeCommand(),
		a.credentialProcessCommand(), a.configureCommand(), a.adminCommand(), a.versionCommand())
	for _, command := range extra {
		root.AddCommand(command(a))
	}
	refuseUnknownShells(root)
	a.noteBegin(root)
	return root
}

// refuseUnknownShells makes cobra's own command what ours are: it would show its
// help for a shell that it does not know, and be content.
func refuseUnknownShells(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			c.Args, c.RunE = cobra.ArbitraryArgs, group
		}
	}
}

func (a *app) noteBegin(c *cobra.Command) {
	if run := c.RunE; run != nil {
		c.RunE = func(c *cobra.Command, args []string) error { a.began = true; return run(c, args) }
	}
	for _, sub := range c.Commands() {
		a.noteBegin(sub)
	}
}

// group is what a command does that only holds others.
func group(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return c.Help()
	}
	hint := seeHelp(c)
	c.SuggestionsMinimumDistance = 2
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		hint = "did you mean " + strings.Join(near, " or ") + "?"
	}
	return usage(fmt.Sprintf("unknown command %q for %q", args[0], c.CommandPath()), hint)
}

func seeHelp(c *cobra.Command) string { return fmt.Sprintf(`see "%s --help"`, c.CommandPath()) }

// exactly is cobra.ExactArgs with our exit status.
func exactly(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != len(names) {
			want := "no argument"
			if len(names) > 0 {
				want = strings.Join(names, " and ")
			}
			return usage(fmt.Sprintf("%s wants %s", c.CommandPath(), want), seeHelp(c))
		}
		return nil
	}
}

// atLeastOne is cobra.MinimumNArgs(1) with our exit status.
func atLeastOne(name string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) > 0 {
			return nil
		}
		return exactly(name)(c, args)
	}
}

// release is the version that `make cfoil` builds in.
var release string

// version returns ours; of a build by go install, that of the module.
func version() string {
	if release != "" {
		return release
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: exactly(),
		RunE: func(*cobra.Command, []string) error { return a.write("cfoil " + version() + "\n") },
	}
}
