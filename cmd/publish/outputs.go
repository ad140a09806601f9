package main

import (
	"errors"
	"strings"

	"github.com/go-json-experiment/json"
)

// The outputs of the stack that are read here.
const (
	tableOutput = "TableName"
	keysOutput  = "SigningKeys" // ids with commas between
)

// A deployed is what a stack says of itself.
type deployed struct {
	table  string
	keyIDs []string
}

// parseOutputs reads the file of cdk deploy --outputs-file: the outputs of each
// stack that was deployed, of which one is ours.
func parseOutputs(text []byte) (deployed, error) {
	var stacks map[string]map[string]string
	if err := json.Unmarshal(text, &stacks); err != nil {
		return deployed{}, err
	}
	var found []deployed
	for _, outputs := range stacks {
		if outputs[tableOutput] != "" && outputs[keysOutput] != "" {
			found = append(found, deployed{outputs[tableOutput], strings.Split(outputs[keysOutput], ",")})
		}
	}
	if len(found) != 1 {
		return deployed{}, errors.New("it must hold one stack with the outputs " + tableOutput + " and " + keysOutput)
	}
	return found[0], nil
}
