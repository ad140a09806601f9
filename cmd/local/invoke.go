package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/counterfoil/counterfoil/pkg/api"
	"github.com/counterfoil/counterfoil/pkg/pat"
)

// invoke sends events/<verb>.json through the function that serves it, over a
// state that is thrown away, and prints the answer. Where an event says
// {{credential}} or {{id}}, it gets those of a token made for it.
func invoke(ctx context.Context, verb string, stdout, stderr io.Writer) error {
	event, err := os.ReadFile(filepath.Join("events", verb+".json"))
	if err != nil {
		return fmt.Errorf("there is no event of that name: %w", err)
	}
	state, err := os.MkdirTemp("", "counterfoil-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(state)
	s, err := newServer(ctx, config{
		Origin: "http://127.0.0.1:8080", // as the events have it
		State:  state,
		Log:    slog.New(slog.NewTextHandler(stderr, nil)),
		Now:    time.Now,
	})
	if err != nil {
		return err
	}
	defer s.Close()
	if event, err = s.fill(ctx, event); err != nil {
		return err
	}
	f, err := s.serving(event)
	if err != nil {
		return err
	}
	out, err := f(ctx, event)
	if err != nil {
		return fmt.Errorf("the function failed: %w", err)
	}
	return show(stdout, out)
}

// fill puts the credential and the id of a fresh token of alice's into an event.
func (s *server) fill(ctx context.Context, event []byte) ([]byte, error) {
	alice := pat.Grant{
		Kind:   pat.KindPerson,
		Person: pat.Person{Issuer: s.Origin + idpPath, Subject: "alice"},
	}
	token, err := s.service().Create(ctx, alice, pat.CreateRequest{Name: "ci", Scopes: []string{"notes:read", "profile"}})
	if err != nil {
		return nil, err
	}
	return []byte(strings.NewReplacer(
		"{{credential}}", token.Value.Reveal(), "{{id}}", string(token.ID),
	).Replace(string(event))), nil
}

// serving returns the function whose event it is.
func (s *server) serving(event []byte) (function, error) {
	var e struct {
		Type       string `json:"type"`
		MethodARN  string `json:"methodArn"`
		Resource   string `json:"resource"`
		HTTPMethod string `json:"httpMethod"`
	}
	if err := json.Unmarshal(event, &e); err != nil {
		return nil, fmt.Errorf("read the event: %w", err)
	}
	g, err := s.gateway()
	if err != nil {
		return nil, err
	}
	method, path := e.HTTPMethod, e.Resource
	if e.Type != "" {
		if _, method, path, err = api.SplitMethodARN(e.MethodARN); err != nil {
			return nil, fmt.Errorf("read the event: %w", err)
		}
	}
	for _, a := range g.apis {
		switch route, ok := api.MatchRoute(a.routes, method, path); {
		case ok && e.Type != "":
			return a.authorizer, nil
		case ok:
			return a.serves(route), nil
		}
	}
	return nil, fmt.Errorf("no function serves %s %s", method, path)
}

// show prints an answer for eyes: an HTTP one with its body apart.
func show(stdout io.Writer, out []byte) error {
	var answer events.APIGatewayProxyResponse
	if err := json.Unmarshal(out, &answer); err == nil && answer.StatusCode != 0 {
		fmt.Fprintln(stdout, answer.StatusCode)
		for _, name := range slices.Sorted(maps.Keys(answer.Headers)) {
			fmt.Fprintf(stdout, "%s: %s\n", name, answer.Headers[name])
		}
		out = []byte(answer.Body)
	}
	var pretty bytes.Buffer
	if len(out) > 0 && json.Indent(&pretty, out, "", "  ") != nil {
		return errors.New("an answer that is not JSON")
	}
	_, err := fmt.Fprintln(stdout, pretty.String())
	return err
}
