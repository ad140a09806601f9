//go:build docs

package main

import (
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// The program itself needs none of this: only `make docs` builds it in.
func init() { extra = append(extra, (*app).docsCommand) }

// docsCommand writes the man pages and the completion of every shell into a
// folder.
func (a *app) docsCommand() *cobra.Command {
	return &cobra.Command{
		Use: "docs FOLDER", Hidden: true, Args: exactly("a FOLDER"),
		RunE: func(c *cobra.Command, args []string) error {
			root := c.Root()
			root.DisableAutoGenTag = true // it would hold today's date
			man, completion := filepath.Join(args[0], "man"), filepath.Join(args[0], "completion")
			for _, folder := range []string{man, completion} {
				if err := os.MkdirAll(folder, 0o755); err != nil {
					return err
				}
			}
			root.InitDefaultCompletionCmd()
			if err := doc.GenManTree(root, &doc.GenManHeader{Title: "CFOIL", Section: "1", Source: "cfoil", Manual: "Counterfoil"}, man); err != nil {
				return err
			}
			for name, write := range map[string]func(string) error{
				"cfoil.bash": func(path string) error { return root.GenBashCompletionFileV2(path, true) },
				"_cfoil":     root.GenZshCompletionFile,
				"cfoil.fish": func(path string) error { return root.GenFishCompletionFile(path, true) },
				"cfoil.ps1":  root.GenPowerShellCompletionFileWithDesc,
			} {
				if err := write(filepath.Join(completion, name)); err != nil {
					return err
				}
			}
			return nil
		},
	}
}
