package pat_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

// TestScannersFindValues holds the rules for scanners to what we mint.
func TestScannersFindValues(t *testing.T) {
	for file, written := range map[string]*regexp.Regexp{
		"../../docs/leaks/gitleaks.toml":   regexp.MustCompile(`(?m)^regex = '''(.*)'''$`),
		"../../docs/leaks/trufflehog.yaml": regexp.MustCompile(`(?m)^      token: '(.*)'$`),
	} {
		t.Run(file, func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			found := written.FindSubmatch(text)
			if found == nil {
				t.Fatal("there is no pattern in it")
			}
			pattern, err := regexp.Compile(string(found[1]))
			if err != nil {
				t.Fatal(err)
			}
			minted, err := pat.Mint(strings.NewReader(strings.Repeat("secret of nobody, ", 10)), "4Fz0a00007")
			if err != nil {
				t.Fatal(err)
			}
			value := minted.Reveal()
			for _, around := range [][2]string{{"", ""}, {"TOKEN=", "\n"}, {`"`, `",`}, {"curl -u x:", " https://x"}, {"Bearer ", "'"}, {"(", ")"}, {"https://", "@x"}} {
				got := pattern.FindStringSubmatch(around[0] + value + around[1])
				if len(got) != 2 || got[1] != value {
					t.Errorf("between %q it finds %d groups", around, len(got))
				}
			}
			for _, none := range []string{value[:57], value + "0", "x" + value, "_" + value, strings.ToUpper(value), strings.Replace(value, "_", "-", 1), value[:30] + " " + value[30:]} {
				if pattern.MatchString(none) {
					t.Error("it finds what is no value")
				}
			}
		})
	}
}
