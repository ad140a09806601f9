package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	minidyn "github.com/truora/minidyn/server"

	"github.com/counterfoil/counterfoil/pkg/api"
	"github.com/counterfoil/counterfoil/pkg/pat"
	"github.com/counterfoil/counterfoil/pkg/store"
)

// A table is a DynamoDB in this process that notes which rights its callers
// needed, and which partitions they named.
type table struct {
	mu     sync.Mutex
	next   http.Handler
	needed map[string]bool
	wrote  map[string]bool // partitions of puts, updates and deletions
}

func (tb *table) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	tb.mu.Lock()
	defer tb.mu.Unlock()
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	for _, right := range rightsFor(operation, body) {
		tb.needed[right] = true
		if right == put || right == update || right == del {
			for _, partition := range partitions.FindAllSubmatch(body, -1) {
				tb.wrote[string(partition[1])] = true
			}
		}
	}
	answer := httptest.NewRecorder()
	tb.next.ServeHTTP(answer, r)
	maps.Copy(w.Header(), answer.Header())
	w.Header().Set("X-Amz-Crc32", fmt.Sprint(crc32.ChecksumIEEE(answer.Body.Bytes())))
	w.WriteHeader(answer.Code)
	w.Write(answer.Body.Bytes())
}

// rightsFor is what IAM asks for a call: of a transaction, what its parts need.
func rightsFor(operation string, body []byte) []string {
	if operation != "TransactWriteItems" {
		return []string{"dynamodb:" + operation}
	}
	var call struct{ TransactItems []map[string]any }
	if err := json.Unmarshal(body, &call); err != nil {
		panic(err)
	}
	var rights []string
	for _, part := range call.TransactItems {
		for kind := range part {
			rights = append(rights, map[string]string{
				"Put": put, "Update": update, "Delete": del, "ConditionCheck": "dynamodb:ConditionCheckItem",
			}[kind])
		}
	}
	return rights
}

// partitions finds those that a call names. A value of another attribute of that
// name would be found too: there is none.
var partitions = regexp.MustCompile(`"pk":\{"S":"([^"]*)"\}`)

// since returns what was needed since it was last asked, sorted.
func (tb *table) since() []string {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	needed := slices.Sorted(maps.Keys(tb.needed))
	tb.needed, tb.wrote = map[string]bool{}, map[string]bool{}
	return needed
}

// sessions verify as what they spell: NAME.GROUP.x.
type sessions struct{}

func (sessions) Verify(_ context.Context, jwt pat.Secret, _ pat.Expectation) (pat.Claims, error) {
	parts := strings.Split(jwt.Reveal(), ".")
	now := time.Now()
	return pat.Claims{
		Issuer: "https://people.example.com", Subject: parts[0], Groups: []string{parts[1]},
		IssuedAt: now, ExpiresAt: now.Add(time.Hour),
	}, nil
}

// noKey is a signing key that does not answer: what it is asked comes last.
type noKey struct{}

func (noKey) KeyID() string { return "our-key" }

func (noKey) Sign(context.Context, pat.Key, string, []byte) (pat.Secret, error) {
	return pat.Secret{}, errors.New("no answer")
}

// A cloud is a deployment's table with one token of alice's in it.
type cloud struct {
	*table
	store *store.Dynamo
	token pat.Created
}

var alice = pat.Grant{Kind: pat.KindPerson, Person: pat.Person{Issuer: "https://people.example.com", Subject: "alice"}, IssuedAt: time.Now()}

// cold is a service that knows nothing yet, as after a cold start.
func (c *cloud) cold() *pat.Service {
	return &pat.Service{
		Store: c.store, Verifier: sessions{}, Signer: noKey{},
		Issuer: "https://pat.example.com", PeopleIssuer: "https://people.example.com", AdminGroup: "admins",
	}
}

func newCloud(t *testing.T) *cloud {
	t.Helper()
	c := &cloud{table: &table{next: minidyn.NewServer(), needed: map[string]bool{}, wrote: map[string]bool{}}}
	server := httptest.NewServer(c.table)
	t.Cleanup(server.Close)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL_DYNAMODB": server.URL, "AWS_REGION": "eu-central-1",
		"AWS_ACCESS_KEY_ID": "example", "AWS_SECRET_ACCESS_KEY": "example", "AWS_SESSION_TOKEN": "",
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
		store.EnvTable: "counterfoil",
	} {
		t.Setenv(name, value)
	}
	var err error
	if c.store, err = store.NewDynamo(); err != nil {
		t.Fatal(err)
	}
	if err := c.store.CreateTable(t.Context()); err != nil {
		t.Fatal(err)
	}
	catalogue := pat.Catalogue{{Name: "things", Description: "Things", Category: "Things"}, {Name: "more", Description: "More", Category: "Things", Groups: []string{"users"}}}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys := []pat.Key{{ID: noKey{}.KeyID(), Algorithm: "ES256", Public: private.Public()}}
	if err := c.store.Publish(t.Context(), keys, catalogue); err != nil {
		t.Fatal(err)
	}
	if c.token, err = c.cold().Create(t.Context(), alice, pat.CreateRequest{Name: "first", Scopes: []string{"things"}}); err != nil {
		t.Fatal(err)
	}
	c.since()
	return c
}

// fill makes the owner's count of tokens full, so that they are counted.
func (c *cloud) fill(t *testing.T) {
	t.Helper()
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dynamodb.NewFromConfig(cfg).UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
		TableName: new("counterfoil"),
		Key: map[string]types.AttributeValue{
			store.PartitionKey: &types.AttributeValueMemberS{Value: string(c.token.Token.ID.Slot())},
			store.SortKey:      &types.AttributeValueMemberS{Value: "~owner"},
		},
		UpdateExpression:          new("SET live = :n"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":n": &types.AttributeValueMemberN{Value: "50"}},
	}); err != nil {
		t.Fatal(err)
	}
	c.since()
}

// calls does with a cold service of each function what its routes do, the way
// that touches most.
var calls = map[string]func(context.Context, *cloud) error{
	"create": func(ctx context.Context, c *cloud) error {
		bob := alice
		bob.Person.Subject = "bob" // seen for the first time
		_, err := c.cold().Create(ctx, bob, pat.CreateRequest{Name: "one", Scopes: []string{"things"}})
		_, again := c.cold().Create(ctx, alice, pat.CreateRequest{Name: "second", Scopes: []string{"things"}})
		return errors.Join(err, again)
	},
	"list": func(ctx context.Context, c *cloud) error {
		_, list := c.cold().List(ctx, alice, pat.ListRequest{Limit: 10})
		_, get := c.cold().Get(ctx, alice, string(c.token.Token.ID))
		_, scopes := c.cold().Scopes(ctx, alice)
		_, limits := c.cold().Limits(ctx, alice)
		_, trail := c.cold().Trail(ctx, alice, string(c.token.Token.ID), pat.TrailRequest{Limit: 10})
		return errors.Join(list, get, scopes, limits, trail)
	},
	"update": func(ctx context.Context, c *cloud) error {
		_, renamed := c.cold().Update(ctx, alice, string(c.token.Token.ID), pat.UpdateRequest{Name: new("other")})
		_, rotated := c.cold().Rotate(ctx, alice, string(c.token.Token.ID), pat.RotateRequest{})
		return errors.Join(renamed, rotated)
	},
	"revoke": func(ctx context.Context, c *cloud) error {
		holder := c.cold().Revocation(ctx, c.token.Value)
		return errors.Join(holder, c.cold().Revoke(ctx, alice, string(c.token.Token.ID)))
	},
	"report": func(ctx context.Context, c *cloud) error {
		return c.cold().Report(ctx, pat.ReportRequest{Values: []pat.Secret{c.token.Value}})
	},
	"remind": func(ctx context.Context, c *cloud) error {
		soon := c.cold()
		soon.Now = func() time.Time { return time.Now().Add(24*time.Hour + time.Minute) }
		given, err := soon.Remind(ctx, 0, 1)
		if err == nil && given != 1 {
			err = fmt.Errorf("%d warnings", given)
		}
		return err
	},
	"trail": func(ctx context.Context, c *cloud) error {
		_, err := c.store.OwnersOf(ctx, []pat.ID{c.token.Token.ID})
		_, stopped := c.store.TokensOf(ctx, c.token.Token.ID.Slot())
		return errors.Join(err, stopped, c.store.Record(ctx, pat.Alteration{NewToken: c.token.Token}.Events()))
	},
	"admin": func(ctx context.Context, c *cloud) error {
		root := pat.Grant{Kind: pat.KindPerson, Person: pat.Person{Issuer: "https://people.example.com", Subject: "root"}, Groups: []string{"admins"}, IssuedAt: time.Now()}
		id := string(c.token.Token.ID)
		policy := pat.PolicyRequest{Policy: pat.DefaultPolicy}
		_, err := c.cold().ReadPolicy(ctx, root) // root is seen for the first time
		_, err2 := c.cold().SetPolicy(ctx, root, policy)
		_, err3 := c.cold().PreviewPolicy(ctx, root, policy)
		_, err4 := c.cold().ListAll(ctx, root, pat.ListRequest{Limit: 10}, nil)
		_, err5 := c.cold().ListAll(ctx, root, pat.ListRequest{Limit: 10}, new("alice"))
		_, err6 := c.cold().GetAny(ctx, root, id)
		_, err7 := c.cold().People(ctx, root, "alice", pat.InvalidError{})
		_, err8 := c.cold().Disable(ctx, root, "alice", true, pat.InvalidError{})
		_, err9 := c.cold().Disable(ctx, root, "frank", true, pat.InvalidError{}) // never seen
		if n, err := c.cold().RevokeAll(ctx, root, "alice", pat.InvalidError{}); err != nil || n != 1 {
			return fmt.Errorf("%d revoked: %w", n, err)
		}
		_, err10 := c.cold().TrailAll(ctx, root, pat.TrailRequest{Limit: 10}, new("alice"))
		return errors.Join(err, err2, err3, err4, err5, err6, err7, err8, err9, err10, c.cold().RevokeAny(ctx, root, id))
	},
	"introspect": func(ctx context.Context, c *cloud) error {
		if err := c.cold().Revoke(ctx, alice, string(c.token.Token.ID)); err != nil {
			return err
		}
		c.since()
		by := pat.Grant{Kind: pat.KindPAT, Scopes: []string{pat.IntrospectScope}}
		for _, credential := range []pat.Secret{c.token.Value, pat.NewSecret("alice.users.x"), pat.NewSecret("erin.users.x")} {
			service := c.cold()
			service.Guest = true
			if _, err := service.Introspect(ctx, by, netip.Addr{}, credential, netip.Addr{}); err != nil {
				return err
			}
		}
		return nil
	},
	"authorize": func(ctx context.Context, c *cloud) error {
		grant, value := c.cold().Authorize(ctx, c.token.Value)
		c.cold().Used(ctx, grant, netip.MustParseAddr("192.0.2.1"))
		_, first := c.cold().Authorize(ctx, pat.NewSecret("carol.users.x"))
		_, shrunk := c.cold().Authorize(ctx, pat.NewSecret("carol.none.x"))
		return errors.Join(value, first, shrunk)
	},
	"exchange": func(ctx context.Context, c *cloud) error {
		for _, subject := range []pat.Secret{c.token.Value, pat.NewSecret("dave.users.x"), pat.NewSecret("dave.none.x")} {
			_, err := c.cold().Exchange(ctx, pat.ExchangeRequest{
				GrantType: "urn:ietf:params:oauth:grant-type:token-exchange", SubjectToken: subject,
				SubjectTokenType: "urn:ietf:params:oauth:token-type:access_token",
			})
			if !errors.Is(err, pat.ErrUnavailable) || !strings.Contains(err.Error(), "sign a JWT") {
				return fmt.Errorf("the key was not asked: %w", err)
			}
		}
		return nil
	},
	"whoami": func(ctx context.Context, c *cloud) error {
		grant, err := c.cold().Authorize(ctx, c.token.Value)
		c.since()
		if err != nil {
			return err
		}
		_, good := c.cold().Whoami(ctx, grant, netip.Addr{})
		grant.Gen++
		if _, err := c.cold().Whoami(ctx, grant, netip.Addr{}); !errors.Is(err, pat.ErrUnauthorized) {
			return fmt.Errorf("a value that is none: %w", err)
		}
		return good
	},
	"wellknown": func(ctx context.Context, c *cloud) error {
		_, err := c.cold().Discover(ctx)
		return err
	},
}

// isOffLimits reports whether the condition of the denial holds for a partition.
func (g grant) isOffLimits(partition string) bool {
	patterns := (*g.offLimits())["ForAnyValue:StringLike"].(map[string]any)["dynamodb:LeadingKeys"].([]string)
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		prefix, open := strings.CutSuffix(pattern, "*")
		return partition == pattern || open && strings.HasPrefix(partition, prefix)
	})
}

// TestGrantsAreWhatIsNeeded holds the grants to what really goes over the wire:
// no right is missing, and none is there that nobody uses.
func TestGrantsAreWhatIsNeeded(t *testing.T) {
	for _, r := range api.Routes {
		if calls[r.Function] == nil {
			t.Errorf("the test does not call %s", r.Function)
		}
	}
	for name, g := range grants {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t)
			if name == "create" {
				c.fill(t)
			}
			if name == "remind" {
				end := pat.Expiry{Given: true, At: time.Now().Add(48 * time.Hour)}
				if _, err := c.cold().Create(t.Context(), alice, pat.CreateRequest{Name: "ends", Scopes: []string{"things"}, Expiry: end}); err != nil {
					t.Fatal(err)
				}
				c.since()
			}
			if err := calls[name](t.Context(), c); err != nil {
				t.Fatal(err)
			}
			if g.policy != c.wrote[store.PolicyPartition] {
				t.Errorf("its grant says of writing the policy: %t", g.policy)
			}
			if len(g.denied()) > 0 && len(c.wrote) == 0 {
				t.Error("no write was seen")
			}
			for partition := range c.wrote {
				if g.isOffLimits(partition) {
					t.Errorf("it writes to %s, which it is denied", partition)
				}
			}
			granted := slices.Sorted(slices.Values(slices.Concat(g.table, g.events, g.warnings, g.refusals)))
			granted = slices.Compact(granted)
			if needed := c.since(); !slices.Equal(needed, granted) {
				t.Errorf("%s needs\n%v\nand may\n%v", name, needed, granted)
			}
		})
	}
}
