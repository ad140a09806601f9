package main_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// What docs/recipes.md holds.
type (
	// workflow is GitHub's.
	workflow struct {
		Jobs map[string]struct {
			Env   map[string]string
			Steps []struct {
				Name, Run string
				Env       map[string]string
			}
		}
	}
	// pipeline is GitLab's: every member is a job.
	pipeline map[string]struct {
		Variables    map[string]string
		BeforeScript []string `yaml:"before_script"`
		Script       []string
	}
)

var blockPattern = regexp.MustCompile("(?ms)^```(sh|yaml)\n(.*?)^```$")

// recipes returns the blocks of a language, as they stand in the document.
func recipes(t *testing.T, language string) []string {
	t.Helper()
	text, err := os.ReadFile("../../docs/recipes.md")
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for _, b := range blockPattern.FindAllStringSubmatch(string(text), -1) {
		if b[1] == language {
			blocks = append(blocks, b[2])
		}
	}
	if len(blocks) == 0 {
		t.Fatal("no recipe in " + language)
	}
	return blocks
}

// A runner does the steps of a CI job, each in a shell of its own, in one home.
type runner struct {
	t    *testing.T
	u    *user
	log  bytes.Buffer // what the CI shows of the job
	sts  *httptest.Server
	keys string // that a request to AWS was signed with
}

func newRunner(t *testing.T, s *localServer) *runner {
	t.Helper()
	need(t, "bash")
	need(t, "curl")
	needAWS(t)
	r := &runner{t: t}
	r.sts = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.keys = req.Header.Get("Authorization")
		io.WriteString(w, `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Account>000000000000</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`)
	}))
	t.Cleanup(r.sts.Close)
	r.u = newUser(t)
	// Programs of this machine find their own parts by the environment.
	r.u.env = append(os.Environ(), r.u.env...)
	r.u.env = append(r.u.env, "COUNTERFOIL_SERVER="+s.address, "AWS_ENDPOINT_URL="+r.sts.URL, "RUNNER_TEMP="+t.TempDir(), "PYENV_VERSION=")
	return r
}

// step runs a script the way both CIs do.
func (r *runner) step(name, script string, env map[string]string) {
	r.t.Helper()
	cmd := exec.CommandContext(r.t.Context(), "bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script)
	cmd.Dir, cmd.Env = r.u.home, slices.Clone(r.u.env)
	for name, value := range env {
		if name != "COUNTERFOIL_SERVER" { // which stands for the reader's own
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	cmd.Stdout, cmd.Stderr = &r.log, &r.log
	if err := cmd.Run(); err != nil {
		r.t.Fatalf("%s: %v: %s", name, err, r.log.String())
	}
}

// worked looks at what the job did, and that nothing shows its secrets.
func (r *runner) worked(value string) {
	r.t.Helper()
	log := regexp.MustCompile(`(?m)^::add-mask::.*\n`).ReplaceAllString(r.log.String(), "") // which GitHub swallows
	for _, want := range []string{`"notes":`, "000000000000"} {
		if !strings.Contains(log, want) {
			r.t.Errorf("the log has no %s: %s", want, log)
		}
	}
	if !strings.Contains(r.keys, "Credential=ASIALOCALCOUNTERFOIL/") {
		r.t.Errorf("AWS was asked with %q", r.keys)
	}
	if strings.Contains(log, value) || strings.Contains(log, "eyJ") {
		r.t.Error("the log shows a secret")
	}
	err := filepath.Walk(r.u.home, func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if bytes.Contains(text, []byte(value)) {
			r.t.Errorf("%s holds the token", path)
		}
		if bytes.Contains(text, []byte("eyJ")) && info.Mode().Perm() != 0o600 {
			r.t.Errorf("%s holds a JWT and has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		r.t.Error(err)
	}
}

// installs reports whether a script is the installation, which needs the network.
func installs(script string) bool { return strings.HasPrefix(script, "go install ") }

func TestRecipes(t *testing.T) {
	s := startServer(t)
	session, err := s.session("alice")
	if err != nil {
		t.Fatal(err)
	}
	person := newUser(t, "COUNTERFOIL_SERVER="+s.address, "GIT_CONFIG_NOSYSTEM=1")
	person.must(session, "auth", "login", "--with-token")
	// gh and glab, as far as they matter: what they read is the secret.
	bin := t.TempDir()
	for _, name := range []string{"gh", "glab"} {
		fake := "#!/bin/sh\ncat >\"$HOME/" + name + "\"\necho \"$@\" >\"$HOME/" + name + ".arguments\"\n"
		if err := os.WriteFile(filepath.Join(bin, name), []byte(fake), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	person.env = append(person.env, "PATH="+bin+string(os.PathListSeparator)+programs+string(os.PathListSeparator)+os.Getenv("PATH"))
	secret := func(of string) string {
		t.Helper()
		value := strings.TrimSpace(mustRead(t, filepath.Join(person.home, of)))
		if !regexp.MustCompile(`^cfoil_[0-9A-Za-z]{52}$`).MatchString(value) || strings.Contains(mustRead(t, filepath.Join(person.home, of+".arguments")), value) {
			t.Fatalf("%s got no token on its stdin", of)
		}
		return value
	}
	first := map[string]string{}
	for _, script := range recipes(t, "sh") {
		cmd := exec.CommandContext(t.Context(), "bash", "-eo", "pipefail", "-c", script)
		cmd.Env, cmd.Dir = person.env, person.home
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", script, err, out)
		}
		for _, of := range []string{"gh", "glab"} {
			if _, err := os.Stat(filepath.Join(person.home, of)); err == nil && first[of] == "" {
				first[of] = secret(of)
			}
		}
	}
	if secret("gh") == first["gh"] {
		t.Error("the rotation brought no other value")
	}
	if config := mustRead(t, filepath.Join(person.home, ".gitconfig")); !strings.Contains(config, "cfoil auth git-credential --for https://git.example.com") {
		t.Errorf("git's configuration: %s", config)
	}

	blocks := recipes(t, "yaml")
	if len(blocks) != 2 {
		t.Fatalf("%d recipes", len(blocks))
	}
	t.Run("GitHub Actions", func(t *testing.T) {
		var w workflow
		if err := yaml.Unmarshal([]byte(blocks[0]), &w); err != nil {
			t.Fatal(err)
		}
		job := w.Jobs["report"]
		if len(job.Steps) != 4 {
			t.Fatalf("%d steps", len(job.Steps))
		}
		r := newRunner(t, s)
		for _, step := range job.Steps {
			if installs(step.Run) {
				continue
			}
			env := map[string]string{}
			for name, value := range job.Env {
				env[name] = value
			}
			for name, value := range step.Env {
				env[name] = strings.ReplaceAll(value, "${{ secrets.COUNTERFOIL_TOKEN }}", secret("gh"))
			}
			r.step(step.Name, step.Run, env)
		}
		r.worked(secret("gh"))
	})
	t.Run("GitLab CI", func(t *testing.T) {
		var p pipeline
		if err := yaml.Unmarshal([]byte(blocks[1]), &p); err != nil {
			t.Fatal(err)
		}
		job := p["report"]
		var lines []string
		for _, line := range append(job.BeforeScript, job.Script...) {
			if !installs(line) {
				lines = append(lines, line)
			}
		}
		if len(lines) != 5 {
			t.Fatalf("%d lines", len(lines))
		}
		r := newRunner(t, s)
		job.Variables["COUNTERFOIL_TOKEN"] = secret("glab") // a variable of the project
		r.step("report", strings.Join(lines, "\n"), job.Variables)
		r.worked(secret("glab"))
	})
}
