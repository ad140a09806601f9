package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func file(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestDeployed(t *testing.T) {
	const outputs = `{"TableName": "a-table", "SigningKeys": "k"}`
	for name, row := range map[string]struct {
		config, written, question string // written is dist/Mine.outputs.json
		want, refusal             string
	}{
		"where the outputs go":            {`{"stack": "Mine"}`, "", "file", "Mine.outputs.json", ""},
		"of a stack without a name":       {`{}`, "", "file", "Counterfoil.outputs.json", ""},
		"where another account's go":      {`{"stack": "Mine", "account": "111122223333", "region": "eu-central-1"}`, "", "file", "Mine.111122223333.eu-central-1.outputs.json", ""},
		"only deployed elsewhere":         {`{"stack": "Mine", "account": "111122223333"}`, `{"Mine": ` + outputs + `}`, "tables", "", "the stack Mine of"},
		"outputs that are there":          {`{"stack": "Mine"}`, `{"Mine": ` + outputs + `}`, "outputs", "Mine.outputs.json", ""},
		"one table":                       {`{"stack": "Mine"}`, `{"Mine": ` + outputs + `}`, "tables", "a-table", ""},
		"two tables after a restore":      {`{"stack": "Mine"}`, `{"Mine": {"TableName": "restored", "OwnTableName": "a-table"}}`, "tables", "restored a-table", ""},
		"nothing was deployed":            {`{"stack": "Mine"}`, "", "outputs", "", "the stack Mine of"},
		"only another stack was deployed": {`{"stack": "Other"}`, `{"Mine": ` + outputs + `}`, "tables", "", "the stack Other of"},
		"another stack's outputs":         {`{"stack": "Mine"}`, `{"Other": ` + outputs + `}`, "outputs", "", "of the stack Mine alone"},
		"two stacks' outputs":             {`{"stack": "Mine"}`, `{"Mine": ` + outputs + `, "Other": ` + outputs + `}`, "tables", "", "of the stack Mine alone"},
		"outputs without a table":         {`{"stack": "Mine"}`, `{"Mine": {}}`, "tables", "", "of the stack Mine alone"},
		"outputs that are no JSON":        {`{"stack": "Mine"}`, `{`, "tables", "", "Mine.outputs.json"},
		"a configuration that is no JSON": {`{`, "", "file", "", "config.json"},
		"another question":                {`{"stack": "Mine"}`, `{"Mine": ` + outputs + `}`, "keys", "", "keys"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			config := filepath.Join(dir, "config.json")
			file(t, config, row.config)
			if row.written != "" {
				file(t, filepath.Join(dir, "Mine.outputs.json"), row.written)
			}
			// What was deployed last, or by whom, changes nothing.
			file(t, filepath.Join(dir, "Last.outputs.json"), `{"Last": `+outputs+`}`)
			got, err := deployed(dir, config, row.question)
			if row.refusal != "" {
				if err == nil || !strings.Contains(err.Error(), row.refusal) || strings.Contains(err.Error(), "\n") {
					t.Errorf("%v, want one line with %q", err, row.refusal)
				}
				return
			}
			want := strings.Fields(row.want)
			for i := range want {
				if strings.HasSuffix(want[i], ".json") {
					want[i] = filepath.Join(dir, want[i])
				}
			}
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("%q, %v, want %q", got, err, want)
			}
		})
	}
}

func TestNoConfiguration(t *testing.T) {
	if _, err := deployed(t.TempDir(), "none.json", "file"); err == nil || !strings.Contains(err.Error(), "none.json") {
		t.Error(err)
	}
}
