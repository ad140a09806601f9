package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/counterfoil/counterfoil/pkg/client"
)

func (a *app) credentialProcessCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "credential-process",
		Short: "Print AWS credentials the way AWS's tools ask for them",
		Long: `Print temporary AWS credentials as JSON, the way the AWS CLI and SDKs expect it of
a credential_process. "cfoil configure aws" writes the line that makes them ask.`,
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error { return a.credentialProcess(c.Context()) },
	}
}

// processOutput is what AWS's tools read. Version is a number.
type processOutput struct {
	Version         int    `json:"Version"`
	AccessKeyID     string `json:"AccessKeyId"`
	SecretAccessKey string `json:"SecretAccessKey"`
	SessionToken    string `json:"SessionToken"`
	Expiration      string `json:"Expiration"`
}

func (a *app) credentialProcess(ctx context.Context) error {
	got, err := a.exchange(ctx, client.ExchangeRequest{Scopes: []string{client.CredentialsScope}})
	if err != nil {
		return err
	}
	if got.AWS == nil {
		return errors.New("the server gave no AWS credentials")
	}
	return a.writeJSON(processOutput{
		Version:         1,
		AccessKeyID:     got.AWS.AccessKeyID,
		SecretAccessKey: got.AWS.SecretAccessKey.Reveal(),
		SessionToken:    got.AWS.SessionToken.Reveal(),
		Expiration:      got.AWS.ExpiresAt.UTC().Format(time.RFC3339),
	})
}

func (a *app) configureCommand() *cobra.Command {
	configure := &cobra.Command{Use: "configure", Short: "Set up other programs", Args: cobra.ArbitraryArgs, RunE: group}
	var profile string
	aws := &cobra.Command{
		Use:   "aws",
		Short: "Make AWS's tools ask cfoil for credentials",
		Long: `Add a profile to the configuration of the AWS CLI and SDKs ($AWS_CONFIG_FILE, else
~/.aws/config) that asks cfoil for credentials. Nothing else in the file is
touched, and a profile that is there already is left as it is.`,
		Example: `  cfoil configure aws --profile counterfoil
  aws s3 ls --profile counterfoil`,
		Args: exactly(),
		RunE: func(*cobra.Command, []string) error { return a.configureAWS(profile) },
	}
	aws.Flags().StringVar(&profile, "profile", "", "`name` of the profile")
	configure.AddCommand(aws)
	return configure
}

var (
	profilePattern = regexp.MustCompile(`^[0-9A-Za-z_.-]{1,64}$`)
	// plainPattern is what no shell and no parser of AWS's reads as anything but
	// itself: the line is split by rules that differ from tool to tool.
	plainPattern  = regexp.MustCompile(`^[0-9A-Za-z_./:\[\]\\@+-]+$`)
	sectionHeader = regexp.MustCompile(`^\s*\[\s*(?:profile\s+)?["']?([^"'\]]*?)["']?\s*\]`)
)

func (a *app) configureAWS(profile string) error {
	if !profilePattern.MatchString(profile) {
		return usage("--profile must be a name of letters, digits, _ . and -", "")
	}
	server, err := a.server()
	if err != nil {
		return err
	}
	program, err := ownPath()
	if err != nil {
		return err
	}
	if !plainPattern.MatchString(program) || !plainPattern.MatchString(server) {
		return fail(fmt.Errorf("the path %s or the server's address holds characters that AWS's tools would read in different ways", program), "put cfoil at another path")
	}
	path, err := awsConfigPath()
	if err != nil {
		return err
	}
	line := "credential_process = " + program + " credential-process --server " + server
	if err := addProfile(path, profile, line); err != nil {
		return err
	}
	a.say(fmt.Sprintf("the profile %s in %s asks cfoil for credentials of %s", profile, path, server))
	return nil
}

// ownPath is how we were called, made absolute. What the link leads to may
// move with the next version; the link does not.
func ownPath() (string, error) {
	path, err := exec.LookPath(os.Args[0])
	if err != nil {
		path, err = os.Executable()
	}
	if err != nil {
		return "", err
	}
	return filepath.Abs(path)
}

func awsConfigPath() (string, error) {
	if path := os.Getenv("AWS_CONFIG_FILE"); path != "" {
		return path, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(home, ".aws", "config"), nil
}

// addProfile appends a profile to a file of AWS's. One that is there with
// another line is somebody's own.
func addProfile(path, profile, line string) error {
	// A file that is a link stays one.
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if there, lines := profileIn(string(text), profile); there {
		for _, l := range lines {
			if strings.Join(strings.Fields(l), " ") == line {
				return nil
			}
		}
		return fail(fmt.Errorf("the profile %s is in %s already, with something else", profile, path),
			"choose another name, or write into it:  "+line)
	}
	header := "[profile " + profile + "]"
	if profile == "default" {
		header = "[default]"
	}
	added := string(text)
	if added != "" && !strings.HasSuffix(added, "\n") {
		added += "\n"
	}
	if added != "" {
		added += "\n"
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return writeFile(path, []byte(added+header+"\n"+line+"\n"), 0o600)
}

// profileIn returns the lines of a profile, if it is there.
func profileIn(text, profile string) (there bool, lines []string) {
	inside := false
	for s := bufio.NewScanner(strings.NewReader(text)); s.Scan(); {
		if header := sectionHeader.FindStringSubmatch(s.Text()); header != nil {
			inside = header[1] == profile
			there = there || inside
			continue
		}
		if inside {
			lines = append(lines, s.Text())
		}
	}
	return there, lines
}
