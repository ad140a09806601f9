// Command deployed says what was deployed from here by the configuration that
// CONFIG names, so that nothing is done to another's stack:
//
//	deployed file     where the stack's outputs go
//	deployed outputs  the same, once it is sure that they are there
//	deployed tables   the tables there are, the one in use first
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/go-json-experiment/json"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: deployed file|outputs|tables")
		os.Exit(2)
	}
	answers, err := deployed("dist", os.Getenv("CONFIG"), os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "deployed:", err)
		os.Exit(1)
	}
	for _, answer := range answers {
		fmt.Println(answer)
	}
}

// deployed answers a question. Each stack has its file in dist, by its name and by
// the account and the Region that the configuration gives it: that of another one,
// the last one deployed or not, is never looked at.
func deployed(dist, config, question string) ([]string, error) {
	text, err := os.ReadFile(config)
	if err != nil {
		return nil, err
	}
	var c struct {
		Stack   string `json:"stack"`
		Account string `json:"account"`
		Region  string `json:"region"`
	}
	c.Stack = "Counterfoil" // as infra has it
	if err := json.Unmarshal(text, &c); err != nil {
		return nil, fmt.Errorf("%s: %w", config, err)
	}
	name := c.Stack
	for _, where := range []string{c.Account, c.Region} {
		if where != "" {
			name += "." + where
		}
	}
	file := filepath.Join(dist, name+".outputs.json")
	if question == "file" {
		return []string{file}, nil
	}
	text, err = os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s is missing: the stack %s of %s was not deployed from here", file, c.Stack, config)
	}
	if err != nil {
		return nil, err
	}
	var stacks map[string]map[string]string
	if err := json.Unmarshal(text, &stacks); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	outputs := stacks[c.Stack]
	if outputs["TableName"] == "" || len(stacks) != 1 {
		return nil, fmt.Errorf("%s does not hold the outputs of the stack %s alone", file, c.Stack)
	}
	switch question {
	case "outputs":
		return []string{file}, nil
	case "tables":
		tables := []string{outputs["TableName"]}
		if own := outputs["OwnTableName"]; own != "" {
			tables = append(tables, own)
		}
		return tables, nil
	}
	return nil, fmt.Errorf("no question: %s", question)
}
