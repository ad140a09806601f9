package main_test

import (
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain builds the program and the local server as they are shipped. The
// test binary itself is also the browser, under the name that desktops give it.
func TestMain(m *testing.M) {
	testscript.Main(built{m}, map[string]func(){"xdg-open": browse})
}

// built are the tests, once the programs are there.
type built struct{ *testing.M }

// programs is the folder that holds cfoil and local.
var programs string

func (b built) Run() int {
	var err error
	if programs, err = os.MkdirTemp("", "cfoil-"); err != nil {
		panic(err)
	}
	defer os.RemoveAll(programs)
	for _, p := range []string{"cfoil", "local"} {
		build := exec.Command("go", "build", "-o", filepath.Join(programs, p), "../"+p)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build %s: %v: %s", p, err, out)
			return 1
		}
	}
	return b.M.Run()
}

// browse is a browser in which BROWSER_PERSON picks their name. It leaves its
// environment where the test can look at it.
func browse() {
	if file := os.Getenv("BROWSER_LEAVES"); file != "" {
		text := strings.Join(append(os.Environ(), os.Args...), "\n")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			panic(err)
		}
	}
	if err := pick(os.Args[1], os.Getenv("BROWSER_PERSON")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

var (
	formPattern  = regexp.MustCompile(`(?s)<form method="post" action="([^"]*)">(.*?)</form>`)
	inputPattern = regexp.MustCompile(`<input[^>]*name="([^"]*)" value="([^"]*)"`)
)

// pick opens the sign-in's page and presses the button of a person, as a browser
// would. The page knows no passwords; "denied" is whom an issuer that does has
// sent back (RFC 6749 section 4.1.2.1).
func pick(address, person string) error {
	if person == "denied" {
		return deny(address)
	}
	page, err := read(http.Get(address))
	if err != nil {
		return err
	}
	for _, form := range formPattern.FindAllStringSubmatch(page, -1) {
		fields := url.Values{}
		for _, input := range inputPattern.FindAllStringSubmatch(form[2], -1) {
			fields.Set(input[1], html.UnescapeString(input[2]))
		}
		if fields.Get("username") != person {
			continue
		}
		at, err := url.Parse(address)
		if err != nil {
			return err
		}
		action, err := at.Parse(html.UnescapeString(form[1]))
		if err != nil {
			return err
		}
		_, err = read(http.PostForm(action.String(), fields))
		return err
	}
	return fmt.Errorf("the page shows nobody named %q", person)
}

func deny(address string) error {
	at, err := url.Parse(address)
	if err != nil {
		return err
	}
	asked := at.Query()
	_, err = read(http.Get(asked.Get("redirect_uri") + "?" + url.Values{
		"state": {asked.Get("state")}, "error": {"access_denied"}, "error_description": {"wrong password"},
	}.Encode()))
	return err
}

func read(resp *http.Response, err error) (string, error) {
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, text)
	}
	return string(text), err
}
