package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

// A Config is one deployment. It is read from a JSON file; a member that is
// left out has the value named here. What the functions themselves check at
// their start is checked here too, so that a mistake stops the synthesis.
type Config struct {
	// Stack is the name of the CloudFormation stack; "Counterfoil".
	Stack string `json:"stack"`
	// Account and Region are where it belongs: nothing is deployed elsewhere.
	// Wherever the shell's credentials lead.
	Account string `json:"account"`
	Region  string `json:"region"`
	// Stage is the first segment of the API's path, unless it has a domain of
	// its own; "v1".
	Stage string `json:"stage"`
	// People is where people sign in.
	People People `json:"people"`
	// ConsoleOrigin is the one origin that browsers may call from.
	ConsoleOrigin string `json:"console_origin"`
	// Console is what `make deploy-console` puts there; none.
	Console *Console `json:"console"`
	// Audiences may be asked for at exchange, beside our own address.
	Audiences []string `json:"audiences"`
	// JWTLifetime of an exchanged token is 60 to 3600 seconds; 900.
	JWTLifetime int `json:"jwt_lifetime"`
	// Keys that exchanged tokens are or were signed with. The first one signs;
	// all are published. One of RSA named "A".
	Keys []Key `json:"keys"`
	// RestoredTable is used instead of the stack's own table, which stays as it
	// is; none. See docs/operating.md before setting it: what was revoked since
	// the moment that it was restored to is alive in it.
	RestoredTable string `json:"restored_table"`
	// RestoredStream is the ARN of that table's stream, NEW_AND_OLD_IMAGES:
	// without it nothing that happens would be told.
	RestoredStream string `json:"restored_stream"`
	// Domain is an address of the API's own; none.
	Domain *Domain `json:"domain"`
	// RequestsPerAddress is how many requests a WAF lets through from one
	// address in five minutes, 10 or more; zero deploys no WAF.
	RequestsPerAddress int `json:"requests_per_address"`
	// Concurrency is reserved for two functions; see Concurrency.
	Concurrency Concurrency `json:"concurrency"`
	// AlarmMail hears of every alarm; nobody.
	AlarmMail string `json:"alarm_mail"`
	// GatewayLogRole gives API Gateway the role, one for the whole account and
	// Region, that it writes logs with. Once per account somebody must.
	GatewayLogRole bool `json:"gateway_log_role"`
	// AWSAccess lets exchanged tokens buy AWS credentials; no. IAM calls our
	// address while it makes the provider, so this comes with the second
	// deployment: the first must answer already, its settings published and its
	// domain, if any, in the DNS.
	AWSAccess bool `json:"aws_access"`
}

// People describes the OIDC issuer whose access tokens are people's sessions.
type People struct {
	Issuer string `json:"issuer"`
	// Clients are the client ids that people sign in with.
	Clients []string `json:"clients"`
	// CLIClient is the one among them that the command line uses; none.
	CLIClient string `json:"cli_client"`
	// GroupsClaim holds a person's groups; "groups".
	GroupsClaim string `json:"groups_claim"`
	// AdminGroup is the group of Counterfoil's administrators, who see and stop
	// everybody's tokens; none: there are no administrators.
	AdminGroup string `json:"admin_group"`
}

// A Console is the static site of a stack of its own. Everything in it can be read
// by everybody.
type Console struct {
	// Client is the one of people.clients that people sign in with there. It is
	// public: code and PKCE, no secret.
	Client string `json:"client"`
	// API is the output Issuer of the API's stack; https:// and domain.name.
	API string `json:"api"`
	// SignIn are the origins that the issuer's discovery names for its endpoints,
	// beside its own: with Cognito, that of the user pool's domain. None.
	SignIn []string `json:"sign_in"`
	// Scope is asked for at sign-in, space separated; "openid profile".
	Scope string `json:"scope"`
	// Resource is the audience to ask for (RFC 8707); none.
	Resource string `json:"resource"`
	// Certificate is the ARN of one of ACM's in us-east-1 for the name in
	// console_origin. Without, CloudFront gives the site a name, and takes old TLS.
	Certificate string `json:"certificate"`
	// ZoneID and ZoneName name the zone of Route 53 that gets the records; none.
	ZoneID   string `json:"zone_id"`
	ZoneName string `json:"zone_name"`
}

// A Key of KMS.
type Key struct {
	// Name becomes part of the key's logical id: never give a name to a second
	// key.
	Name string `json:"name"`
	// Spec is RSA_2048 or ECC_NIST_P256; RSA_2048: it costs a fifth, and more
	// verifiers take it.
	Spec string `json:"spec"`
}

// A Domain is an address of our own for the API.
type Domain struct {
	Name string `json:"name"`
	// Certificate is the ARN of one of ACM's in the stack's Region.
	Certificate string `json:"certificate"`
	// ZoneID and ZoneName name the zone of Route 53 that gets the record; none:
	// the stack's output says what the name must point at.
	ZoneID   string `json:"zone_id"`
	ZoneName string `json:"zone_name"`
}

// Concurrency holds instances of two functions apart from all others, so that
// a flood elsewhere in the account cannot keep anybody from revoking, nor
// exchange, which waits for KMS and STS, use up the instances of all others. With
// fewer than the defaults some of what the gateway lets through at once (see
// rates) is answered 503. An account must keep 100 instances unreserved: a new
// one, which may run 10 in all, needs -1 here.
type Concurrency struct {
	Exchange int `json:"exchange"` // 100; -1 reserves none
	Revoke   int `json:"revoke"`   // 50; -1 reserves none
}

// readConfig reads the file. Its error is one sentence that names what is
// wrong.
func readConfig(path string) (Config, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return Config{}, fmt.Errorf("%s is not there: copy infra/config.example.json to it and fill it in", path)
	}
	if err != nil {
		return Config{}, err
	}
	var c Config
	if err := json.Unmarshal(text, &c, json.RejectUnknownMembers(true)); err != nil {
		return Config{}, fmt.Errorf("%s: %w", path, err)
	}
	c = c.withDefaults()
	if err := c.check(); err != nil {
		return Config{}, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

func (c Config) withDefaults() Config {
	c.Stack = cmp.Or(c.Stack, "Counterfoil")
	c.Stage = cmp.Or(c.Stage, "v1")
	c.JWTLifetime = cmp.Or(c.JWTLifetime, 900)
	c.Concurrency.Exchange = cmp.Or(c.Concurrency.Exchange, 100)
	c.Concurrency.Revoke = cmp.Or(c.Concurrency.Revoke, 50)
	c.People.GroupsClaim = cmp.Or(c.People.GroupsClaim, "groups")
	if len(c.Keys) == 0 {
		c.Keys = []Key{{Name: "A"}}
	}
	c.Keys = slices.Clone(c.Keys)
	for i := range c.Keys {
		c.Keys[i].Spec = cmp.Or(c.Keys[i].Spec, "RSA_2048")
	}
	return c
}

var (
	stackPattern       = regexp.MustCompile(`^[A-Za-z][0-9A-Za-z-]{0,31}$`)
	stagePattern       = regexp.MustCompile(`^[0-9A-Za-z_]{1,128}$`)
	accountPattern     = regexp.MustCompile(`^([0-9]{12})?$`)
	regionPattern      = regexp.MustCompile(`^([a-z]{2,}(-[a-z]+)+-[0-9])?$`)
	tablePattern       = regexp.MustCompile(`^([0-9A-Za-z_.-]{3,255})?$`)
	keyPattern         = regexp.MustCompile(`^[0-9A-Za-z]{1,32}$`)
	domainPattern      = regexp.MustCompile(`^([a-z0-9-]+\.)+[a-z]{2,}$`)
	certificatePattern = regexp.MustCompile(`^arn:[a-z-]+:acm:[a-z0-9-]+:[0-9]{12}:certificate/.+$`)
	mailPattern        = regexp.MustCompile(`^[^@\s]+@[^@\s]+$`)
)

// check reports the first mistake.
func (c Config) check() error {
	switch {
	case !stackPattern.MatchString(c.Stack):
		return errors.New("stack must be 1 to 32 letters, digits and hyphens")
	case !accountPattern.MatchString(c.Account):
		return errors.New("account must be the 12 digits of an AWS account")
	case !regionPattern.MatchString(c.Region):
		return errors.New("region must be a Region of AWS such as eu-central-1")
	case !stagePattern.MatchString(c.Stage):
		return errors.New("stage must be letters, digits and underscores")
	case !isHTTPS(c.People.Issuer):
		return errors.New("people.issuer must be the https address of the issuer that signs people in")
	case len(c.People.Clients) == 0:
		return errors.New("people.clients must name the client ids that people sign in with")
	case slices.ContainsFunc(c.People.Clients, isSeveral):
		return errors.New("people.clients: a client id is empty or holds a space")
	case c.People.CLIClient != "" && !slices.Contains(c.People.Clients, c.People.CLIClient):
		return errors.New("people.cli_client must be one of people.clients")
	case isSeveral(c.People.GroupsClaim):
		return errors.New("people.groups_claim must be the name of one claim")
	case c.People.AdminGroup != strings.TrimSpace(c.People.AdminGroup):
		return errors.New("people.admin_group must not begin or end with a space")
	case !isOrigin(c.ConsoleOrigin):
		return errors.New("console_origin must be an origin such as https://tokens.example.com, without a slash at the end")
	case slices.ContainsFunc(c.Audiences, isSeveral):
		return errors.New("audiences: one is empty or holds a space")
	case slices.Contains(c.Audiences, pat.STSAudience):
		return errors.New("audiences must not name " + pat.STSAudience + ": a JWT that buys AWS credentials is good nowhere else")
	case c.JWTLifetime < 60 || c.JWTLifetime > 3600:
		return errors.New("jwt_lifetime must be 60 to 3600 seconds")
	case !tablePattern.MatchString(c.RestoredTable):
		return errors.New("restored_table must be the name of a table of DynamoDB's")
	case !c.streamIsOfTable():
		return errors.New("restored_stream must be the ARN of the stream of restored_table")
	case c.RequestsPerAddress != 0 && c.RequestsPerAddress < 10:
		return errors.New("requests_per_address must be 10 or more, or 0 for no WAF")
	case c.Concurrency.Exchange < -1 || c.Concurrency.Revoke < -1:
		return errors.New("concurrency must be a number of instances, or -1 to reserve none")
	case c.AlarmMail != "" && !mailPattern.MatchString(c.AlarmMail):
		return errors.New("alarm_mail must be one e-mail address")
	}
	return cmp.Or(c.checkKeys(), c.checkDomain(), c.checkConsole())
}

// streamIsOfTable: the restored table needs a stream, or nothing would be told.
func (c Config) streamIsOfTable() bool {
	if c.RestoredTable == "" || c.RestoredStream == "" {
		return c.RestoredTable == c.RestoredStream
	}
	return strings.HasPrefix(c.RestoredStream, "arn:") && strings.Contains(c.RestoredStream, ":table/"+c.RestoredTable+"/stream/")
}

func (c Config) checkKeys() error {
	var names []string
	for _, k := range c.Keys {
		switch {
		case !keyPattern.MatchString(k.Name):
			return errors.New("keys: a name must be 1 to 32 letters and digits")
		case slices.Contains(names, k.Name):
			return fmt.Errorf("keys: the name %s is there twice", k.Name)
		case k.Spec != "RSA_2048" && k.Spec != "ECC_NIST_P256":
			return fmt.Errorf("keys: the spec of %s must be RSA_2048 or ECC_NIST_P256", k.Name)
		}
		names = append(names, k.Name)
	}
	return nil
}

func (c Config) checkDomain() error {
	switch d := c.Domain; {
	case d == nil:
		return nil
	case !domainPattern.MatchString(d.Name):
		return errors.New("domain.name must be a host name such as api.example.com")
	case !certificatePattern.MatchString(d.Certificate):
		return errors.New("domain.certificate must be the ARN of a certificate of ACM")
	case c.Region != "" && strings.Split(d.Certificate, ":")[3] != c.Region:
		return errors.New("domain.certificate must be in region")
	case (d.ZoneID == "") != (d.ZoneName == ""):
		return errors.New("domain.zone_id and domain.zone_name go together")
	case strings.TrimSuffix(c.People.Issuer, "/") == "https://"+d.Name:
		return errors.New("domain.name must not be where people sign in (people.issuer): nothing would tell our JWTs from sessions")
	case slices.Contains(c.People.Clients, "https://"+d.Name):
		return errors.New("domain.name must not be a client id (people.clients): nothing would tell an ID token from a session")
	}
	return nil
}

func (c Config) checkConsole() error {
	switch s := c.Console; {
	case s == nil:
		return nil
	case !slices.Contains(c.People.Clients, s.Client):
		return errors.New("console.client must be one of people.clients")
	case s.API == "" && c.Domain == nil:
		return errors.New("console.api must be the address of the API: the output Issuer of its stack")
	case !isHTTPS(c.consoleAPI()) || strings.HasSuffix(c.consoleAPI(), "/") || !isOrigin("https://"+hostOf(c.consoleAPI())):
		return errors.New("console.api must be an https address, without a slash at the end")
	case !isOrigin("https://" + hostOf(c.People.Issuer)):
		return errors.New("people.issuer: no browser can call a host with such characters")
	case slices.ContainsFunc(s.SignIn, func(o string) bool { return !isOrigin(o) }):
		return errors.New("console.sign_in must be origins such as https://example.auth.eu-central-1.amazoncognito.com, without a slash at the end")
	case s.Certificate != "" && (!certificatePattern.MatchString(s.Certificate) || strings.Split(s.Certificate, ":")[3] != "us-east-1"):
		return errors.New("console.certificate must be the ARN of a certificate of ACM in us-east-1, where CloudFront looks for it")
	case s.Certificate != "" && !domainPattern.MatchString(hostOf(c.ConsoleOrigin)):
		return errors.New("console_origin must be https:// and the host name that console.certificate is for")
	case (s.ZoneID == "") != (s.ZoneName == ""):
		return errors.New("console.zone_id and console.zone_name go together")
	case s.ZoneID != "" && s.Certificate == "":
		return errors.New("console.zone_id needs console.certificate")
	}
	return nil
}

func isHTTPS(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Scheme == "https" && u.Host != "" && u.RawQuery == "" && u.Fragment == ""
}

// originPattern lets nothing through that would end a header, or a directive of
// a content security policy: net/url takes more for a host.
var originPattern = regexp.MustCompile(`^https://[0-9A-Za-z.-]+(:[0-9]{1,5})?$`)

func isOrigin(address string) bool { return originPattern.MatchString(address) }

// isSeveral reports whether a text is anything but one word: the environment
// holds lists with spaces between.
func isSeveral(text string) bool {
	return len(strings.Fields(text)) != 1 || strings.TrimSpace(text) != text
}
