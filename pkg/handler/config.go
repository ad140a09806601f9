package handler

import (
	"fmt"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/counterfoil/counterfoil/pkg/api"
	"github.com/counterfoil/counterfoil/pkg/pat"
)

// A Config is what a function reads from its environment: see api.Env….
type Config struct {
	Issuer       string
	PeopleIssuer string
	Clients      []string
	GroupsClaim  string
	AdminGroup   string
	Origin       string
	CLIClientID  string
	Audiences    []string
	Lifetime     time.Duration // zero where it is not set
}

// ReadConfig reads the environment. An error names the variable that is wrong.
func ReadConfig(getenv func(string) string) (Config, error) {
	c := Config{
		Issuer:       getenv(api.EnvIssuer),
		PeopleIssuer: getenv(api.EnvPeopleIssuer),
		Clients:      strings.Fields(getenv(api.EnvClients)),
		GroupsClaim:  getenv(api.EnvGroupsClaim),
		AdminGroup:   getenv(api.EnvAdminGroup),
		Origin:       getenv(api.EnvOrigin),
		CLIClientID:  getenv(api.EnvCLIClient),
		Audiences:    strings.Fields(getenv(api.EnvAudiences)),
	}
	for _, v := range []struct{ name, value string }{
		{api.EnvIssuer, c.Issuer}, {api.EnvPeopleIssuer, c.PeopleIssuer}, {api.EnvOrigin, c.Origin},
	} {
		u, err := url.Parse(v.value)
		if err != nil || u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || strings.HasSuffix(v.value, "/") && v.name != api.EnvPeopleIssuer {
			return Config{}, fmt.Errorf("%s must be an https address without a slash at the end", v.name)
		}
	}
	if slices.Contains(c.Audiences, pat.STSAudience) {
		return Config{}, fmt.Errorf("%s must not name %s: a JWT for AWS must be good nowhere else", api.EnvAudiences, pat.STSAudience)
	}
	if text := getenv(api.EnvLifetime); text != "" {
		seconds, err := strconv.Atoi(text)
		if err != nil || seconds < 60 || seconds > 3600 {
			return Config{}, fmt.Errorf("%s must be 60 to 3600 seconds", api.EnvLifetime)
		}
		c.Lifetime = time.Duration(seconds) * time.Second
	}
	return c, nil
}

// ReadVerifierConfig reads the environment of a function that reads sessions: it
// must know who signs people in.
func ReadVerifierConfig(getenv func(string) string) (Config, error) {
	c, err := ReadConfig(getenv)
	if err == nil && len(c.Clients) == 0 {
		err = fmt.Errorf("%s must name the clients that people sign in with", api.EnvClients)
	}
	return c, err
}

// Must returns the part, or stops the function at its start with one sentence.
func Must[T any](part T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, "counterfoil:", err)
		os.Exit(1)
	}
	return part
}
