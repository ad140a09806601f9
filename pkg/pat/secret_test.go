package pat

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"testing"
)

// row matches a line of a table in docs/token-format.md whose cells are code.
var row = regexp.MustCompile("(?m)^\\| `([0-9A-Za-z]+)` \\| `([0-9A-Za-z]+)` \\|(?: `([0-9A-Za-z]+)` \\| `([0-9a-f]{64})` \\|)?$")

func TestVectorsOfTheDocument(t *testing.T) {
	doc, err := os.ReadFile("../../docs/token-format.md")
	if err != nil {
		t.Fatal(err)
	}
	values, sums := 0, 0
	for _, m := range row.FindAllStringSubmatch(string(doc), -1) {
		if m[3] == "" {
			sums++
			if got := checksum(m[1]); got != m[2] {
				t.Errorf("checksum of %s is %s, the document says %s", m[1], got, m[2])
			}
			continue
		}
		values++
		value := NewSecret(Prefix + m[1] + m[2] + m[3])
		id, err := Parse(value)
		if err != nil || string(id) != m[1] {
			t.Errorf("id %s: Parse returned %q, %v", m[1], id, err)
		}
		if hash := HashOf(value); hex.EncodeToString(hash[:]) != m[4] {
			t.Errorf("id %s: hash is %x, the document says %s", m[1], hash, m[4])
		}
	}
	if values < 4 || sums < 2 {
		t.Fatalf("found %d values and %d checksums in the document, want at least 4 and 2", values, sums)
	}
}

func testRandom() *rand.ChaCha8 { return rand.NewChaCha8([32]byte{1}) }

func TestMintedValuesParse(t *testing.T) {
	pattern := regexp.MustCompile(ValuePattern)
	seen := map[string]bool{}
	for n := range uint64(1000) {
		id := NewID("4Fz0a", n)
		value, err := Mint(testRandomAt(n), id)
		if err != nil {
			t.Fatal(err)
		}
		if !pattern.MatchString(value.Reveal()) {
			t.Fatal("a minted value does not match ValuePattern")
		}
		if got, err := Parse(value); err != nil || got != id {
			t.Fatalf("Parse of a minted value: %q, %v", got, err)
		}
		if seen[value.Reveal()] {
			t.Fatal("a value was minted twice")
		}
		seen[value.Reveal()] = true
	}
}

func testRandomAt(n uint64) *rand.ChaCha8 {
	return rand.NewChaCha8([32]byte{byte(n), byte(n >> 8), 7})
}

func TestParseRefuses(t *testing.T) {
	value, err := Mint(testRandom(), NewID("4Fz0a", 3))
	if err != nil {
		t.Fatal(err)
	}
	good := value.Reveal()
	swap := func(i int, c byte) string { b := []byte(good); b[i] = c; return string(b) }
	for name, junk := range map[string]string{
		"an empty value":                      "",
		"the prefix alone":                    Prefix,
		"another prefix":                      "ghp_12" + good[len(Prefix):],
		"a prefix in capitals":                strings.ToUpper(Prefix) + good[len(Prefix):],
		"a value one short":                   good[:len(good)-1],
		"a value one long":                    good + "0",
		"a value with a space before":         " " + good,
		"a value with a line end":             good + "\n",
		"a value with a space for its end":    good[:len(good)-1] + " ",
		"a dash inside":                       swap(20, '-'),
		"an underscore inside":                swap(20, '_'),
		"a NUL inside":                        swap(20, 0),
		"a letter beyond ASCII":               good[:20] + "é" + good[22:],
		"a wrong digit in the id":             swap(8, good[8]+1),
		"a wrong digit in the secret":         swap(30, flip(good[30])),
		"a wrong digit in the checksum":       swap(57, flip(good[57])),
		"a checksum past 32 bits":             good[:52] + "zzzzzz",
		"two letters of the secret exchanged": exchanged(good),
		"a megabyte":                          strings.Repeat("a", 1<<20),
	} {
		t.Run(name, func(t *testing.T) {
			if id, err := Parse(NewSecret(junk)); !errors.Is(err, errMalformed) {
				t.Errorf("Parse returned %q, %v", id, err)
			}
		})
	}
}

func flip(c byte) byte {
	if c == 'x' {
		return 'y'
	}
	return 'x'
}

func exchanged(v string) string {
	for i := 20; ; i++ {
		if v[i] != v[i+1] {
			return v[:i] + string(v[i+1]) + string(v[i]) + v[i+2:]
		}
	}
}

func TestSecretsCannotPrintThemselves(t *testing.T) {
	const leak = "FIXTURE_LEAK"
	secret := NewSecret(leak)
	holders := []any{
		secret, &secret, []Secret{secret}, map[string]Secret{"k": secret}, map[Hash]Secret{{}: secret},
		struct{ Exported Secret }{secret}, struct{ unexported Secret }{secret}, &struct{ unexported *Secret }{&secret},
		Created{Value: secret}, Exchanged{AccessToken: secret}, ExchangeRequest{SubjectToken: secret, ActorToken: secret},
		fmt.Errorf("wrapped: %v", secret), any(secret),
	}
	for i, h := range holders {
		var out bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "%p"} {
			fmt.Fprintf(&out, verb, h)
		}
		js, _ := json.Marshal(h)
		out.Write(js)
		for _, handler := range []slog.Handler{slog.NewJSONHandler(&out, nil), slog.NewTextHandler(&out, nil)} {
			slog.New(handler).Info("m", "k", h, slog.Group("g", "k", h))
		}
		text := out.String()
		if len(text) == 0 || strings.Contains(text, leak) || strings.Contains(text, hex.EncodeToString([]byte(leak))) {
			t.Errorf("holder %d prints the secret, or nothing", i)
		}
	}
	if secret.Reveal() != leak {
		t.Error("Reveal lost the value")
	}
}

func TestRandomTextIsEvenAndReadsOn(t *testing.T) {
	const n = 62_000
	text, err := randomText(testRandom(), n)
	if err != nil || len(text) != n || !isBase62(text) {
		t.Fatalf("randomText: %d characters, %v", len(text), err)
	}
	for _, c := range alphabet {
		if got := strings.Count(text, string(c)); got < 850 || got > 1150 {
			t.Errorf("%q appears %d times in %d, want about 1000", c, got, n)
		}
	}
	if _, err := randomText(strings.NewReader("short"), 36); err == nil {
		t.Error("a random source that ends was not noticed")
	}
	if _, err := Mint(strings.NewReader(""), NewID("4Fz0a", 1)); err == nil {
		t.Error("a value was minted without randomness")
	}
}

// FuzzParse holds that a value has one spelling: what parses prints back the
// same, put together from what was read.
func FuzzParse(f *testing.F) {
	for n := range uint64(8) {
		value, err := Mint(testRandomAt(n), NewID("4Fz0a", n))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(value.Reveal())
		f.Add(value.Reveal()[1:])
	}
	f.Fuzz(func(t *testing.T, v string) {
		id, err := Parse(NewSecret(v))
		if err != nil {
			if id != "" {
				t.Error("an error came with an id")
			}
			return
		}
		body := string(id) + v[len(Prefix)+idLength:valueLength-checksumLength]
		if again := Prefix + body + checksum(body); again != v {
			t.Error("a value that parses has another spelling")
		}
		if parsed, err := ParseID(string(id)); err != nil || parsed != id {
			t.Errorf("the id of a value does not parse: %v", err)
		}
	})
}
