package store_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/pkg/pat"
	"github.com/counterfoil/counterfoil/pkg/store"
)

// A fault answers a call in the table's stead, with or without asking it.
type fault func(w *wire, rw http.ResponseWriter, r *http.Request)

// refusal answers as DynamoDB refuses.
func refusal(status int, code string, members string) fault {
	return func(_ *wire, rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "application/x-amz-json-1.0")
		rw.WriteHeader(status)
		fmt.Fprintf(rw, `{"__type":"com.amazonaws.dynamodb.v20120810#%s","message":"as the test wants it"%s}`, code, members)
	}
}

// success answers with a body.
func success(body string) fault {
	return func(_ *wire, rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "application/x-amz-json-1.0")
		io.WriteString(rw, body)
	}
}

// hangUp ends the connection without a word.
func hangUp(_ *wire, _ http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }

// loseAnswer lets the table do as it is told, and tells nobody.
func loseAnswer(w *wire, _ http.ResponseWriter, r *http.Request) {
	w.serve(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}

// cutAnswer sends half of what the table answers.
func cutAnswer(w *wire, rw http.ResponseWriter, r *http.Request) {
	answer := httptest.NewRecorder()
	w.serve(answer, r)
	rw.Header().Set("Content-Type", "application/x-amz-json-1.0")
	rw.Header().Set("Content-Length", fmt.Sprint(answer.Body.Len()))
	rw.Write(answer.Body.Bytes()[:answer.Body.Len()/2])
	panic(http.ErrAbortHandler)
}

const noJSON = "an answer that is no JSON"

var faults = map[string]fault{
	"throttled":                    refusal(400, "ProvisionedThroughputExceededException", ""),
	"throttled by the control":     refusal(400, "ThrottlingException", ""),
	"the account's limit":          refusal(400, "RequestLimitExceeded", ""),
	"an error of AWS's":            refusal(500, "InternalServerError", ""),
	"unavailable":                  func(_ *wire, rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(503) },
	"hung up on":                   hangUp,
	"written, and the answer lost": loseAnswer,
	"written, and the answer cut":  cutAnswer,
	"an answer that is no JSON":    success("<html>welcome to the hotel</html>"),
	"written, and answered with an error": func(w *wire, rw http.ResponseWriter, r *http.Request) {
		w.serve(httptest.NewRecorder(), r)
		rw.WriteHeader(500)
	},
}

// first lets a fault stand in the way of the first n calls.
func (w *wire) first(n int, f fault) {
	w.setFault(func(rw http.ResponseWriter, r *http.Request, _ call) bool {
		w.mu.Lock()
		hit := n > 0
		n--
		w.mu.Unlock()
		if hit {
			f(w, rw, r)
		}
		return hit
	})
}

const always = 1 << 30

// isPlain fails the test unless the error is one that the core takes for
// pat.ErrUnavailable: a fault says nothing about what is there.
func isPlain(t *testing.T, what string, err error) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: no error", what)
	}
	for _, wrong := range []error{pat.ErrNotFound, pat.ErrUnauthorized, pat.ErrConflict, pat.ErrNameTaken, pat.ErrForbidden} {
		if errors.Is(err, wrong) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// A portCall is one method of the port, on a table with one owner who has one
// token; wrote reports whether what it writes is there, once.
type portCall struct {
	do    func(ctx context.Context, d *store.Dynamo, o pat.Owner, token pat.Token) error
	wrote func(t *testing.T, d *store.Dynamo, before pat.Owner) bool
}

var portCalls = map[string]portCall{
	"settings": {do: func(ctx context.Context, d *store.Dynamo, _ pat.Owner, _ pat.Token) error {
		_, err := d.Settings(ctx)
		return err
	}},
	"publish": {do: func(ctx context.Context, d *store.Dynamo, _ pat.Owner, _ pat.Token) error {
		return d.Publish(ctx, nil, pat.Catalogue{{Name: "notes:read"}})
	}},
	"slot": {do: func(ctx context.Context, d *store.Dynamo, o pat.Owner, _ pat.Token) error {
		_, err := d.Slot(ctx, o.Person)
		return err
	}},
	"owner": {do: func(ctx context.Context, d *store.Dynamo, o pat.Owner, _ pat.Token) error {
		_, err := d.Owner(ctx, o.Slot)
		return err
	}},
	"look": {do: func(ctx context.Context, d *store.Dynamo, _ pat.Owner, token pat.Token) error {
		_, _, err := d.Look(ctx, token.ID)
		return err
	}},
	"look both": {do: func(ctx context.Context, d *store.Dynamo, _ pat.Owner, token pat.Token) error {
		_, _, err := d.LookBoth(ctx, token.ID, token.ID)
		return err
	}},
	"look all": {do: func(ctx context.Context, d *store.Dynamo, _ pat.Owner, token pat.Token) error {
		found, err := d.LookAll(ctx, []pat.ID{"AAAAA00009", token.ID})
		if err == nil && (len(found) != 1 || found[token.ID].Token.ID != token.ID) {
			return fmt.Errorf("%w: %v", errWrongAnswer, found)
		}
		return err
	}},
	"trail": {do: func(ctx context.Context, d *store.Dynamo, _ pat.Owner, token pat.Token) error {
		_, err := d.Trail(ctx, pat.TokenThread(token.ID), pat.Place{}, start, 10)
		return err
	}},
	"record": {
		do: func(ctx context.Context, d *store.Dynamo, _ pat.Owner, token pat.Token) error {
			return d.Record(ctx, pat.Alteration{NewToken: token, At: start}.Events())
		},
		wrote: func(t *testing.T, d *store.Dynamo, _ pat.Owner) bool {
			events, err := d.Trail(t.Context(), pat.Everything, pat.Place{}, start, 10)
			if err != nil || len(events) > 1 {
				t.Errorf("%v, %v", events, err)
			}
			return len(events) == 1
		},
	},
	"list": {do: func(ctx context.Context, d *store.Dynamo, o pat.Owner, _ pat.Token) error {
		tokens, err := d.List(ctx, o.Slot, "", 10)
		if err == nil && len(tokens) != 1 {
			return fmt.Errorf("%w: %d tokens", errWrongAnswer, len(tokens))
		}
		return err
	}},
	"enrol": {
		do: func(ctx context.Context, d *store.Dynamo, _ pat.Owner, _ pat.Token) error {
			return d.Enrol(ctx, pat.Owner{Slot: "BBBBB", Person: person("bob")})
		},
		wrote: func(t *testing.T, d *store.Dynamo, _ pat.Owner) bool {
			slot, err := d.Slot(t.Context(), person("bob"))
			_, err2 := d.Owner(t.Context(), "BBBBB")
			if (err == nil) != (err2 == nil) || err == nil && slot != "BBBBB" {
				t.Errorf("half enrolled: %v, %v", err, err2)
			}
			return err == nil
		},
	},
	"refresh": {
		do: func(ctx context.Context, d *store.Dynamo, o pat.Owner, _ pat.Token) error {
			o.Name = "new"
			return d.Refresh(ctx, o)
		},
		wrote: func(t *testing.T, d *store.Dynamo, before pat.Owner) bool {
			after := owner(t, d, "AAAAA")
			if after.Version > before.Version+1 {
				t.Errorf("written %d times", after.Version-before.Version)
			}
			return after.Name == "new"
		},
	},
	"set policy": {
		do: func(ctx context.Context, d *store.Dynamo, _ pat.Owner, _ pat.Token) error {
			return d.SetPolicy(ctx, pat.Policy{MaxTokensPerPerson: 7}, pat.Mark{})
		},
		wrote: func(t *testing.T, d *store.Dynamo, _ pat.Owner) bool {
			s, err := d.Settings(t.Context())
			return err == nil && s.Policy.MaxTokensPerPerson == 7
		},
	},
	"disable": {
		do: func(ctx context.Context, d *store.Dynamo, o pat.Owner, _ pat.Token) error {
			o.Disabled = true
			return d.Disable(ctx, o)
		},
		wrote: func(t *testing.T, d *store.Dynamo, _ pat.Owner) bool { return owner(t, d, "AAAAA").Disabled },
	},
	"stop": {
		do: func(ctx context.Context, d *store.Dynamo, o pat.Owner, _ pat.Token) error {
			o.Stops, o.Live = []pat.Stop{{Below: 1, At: start}}, 0
			return d.Stop(ctx, o)
		},
		wrote: func(t *testing.T, d *store.Dynamo, _ pat.Owner) bool {
			o := owner(t, d, "AAAAA")
			if (len(o.Stops) == 1) != (o.Live == 0) {
				t.Errorf("half stopped: %v, %d live", o.Stops, o.Live)
			}
			return len(o.Stops) == 1
		},
	},
	"scan": {do: func(ctx context.Context, d *store.Dynamo, _ pat.Owner, _ pat.Token) error {
		found, _, err := d.Scan(ctx, "", 100)
		if err == nil && len(found) != 1 {
			return fmt.Errorf("%w: %d tokens", errWrongAnswer, len(found))
		}
		return err
	}},
	"recount": {
		do: func(ctx context.Context, d *store.Dynamo, o pat.Owner, _ pat.Token) error {
			o.Live = 7
			return d.Recount(ctx, o)
		},
		wrote: func(t *testing.T, d *store.Dynamo, _ pat.Owner) bool { return owner(t, d, "AAAAA").Live == 7 },
	},
	"create": {
		do: func(ctx context.Context, d *store.Dynamo, o pat.Owner, _ pat.Token) error {
			c := creation(o, "second")
			c.Token.Hash = pat.HashOf(pat.NewSecret("second"))
			return d.Create(ctx, c)
		},
		wrote: func(t *testing.T, d *store.Dynamo, _ pat.Owner) bool {
			tokens, err := d.List(t.Context(), "AAAAA", "", 10)
			if err != nil || len(tokens) > 2 || owner(t, d, "AAAAA").Live != len(tokens) {
				t.Errorf("%d tokens, %d counted, %v", len(tokens), owner(t, d, "AAAAA").Live, err)
			}
			return len(tokens) == 2
		},
	},
	"revoke": {
		do: func(ctx context.Context, d *store.Dynamo, o pat.Owner, token pat.Token) error {
			token.RevokedAt = start
			o.Live--
			return d.Revoke(ctx, pat.Revocation{Token: token, NameKey: token.Name, Owner: o})
		},
		wrote: func(t *testing.T, d *store.Dynamo, _ pat.Owner) bool {
			token, o := look(t, d, "AAAAA00000")
			if token.RevokedAt.IsZero() != (o.Live == 1) {
				t.Errorf("half revoked: %v, %d live", token.RevokedAt, o.Live)
			}
			return !token.RevokedAt.IsZero()
		},
	},
	"update": {
		do: func(ctx context.Context, d *store.Dynamo, o pat.Owner, token pat.Token) error {
			old := token.Name
			token.Name = "renamed"
			return d.Update(ctx, pat.Change{Token: token, OldNameKey: old, NameKey: "renamed", Owner: o, At: start})
		},
		wrote: func(t *testing.T, d *store.Dynamo, before pat.Owner) bool {
			token, o := look(t, d, "AAAAA00000")
			if (token.Name == "renamed") != (o.Version == before.Version+1) || o.Version > before.Version+1 {
				t.Errorf("half updated: %q, owner from %d to %d", token.Name, before.Version, o.Version)
			}
			return token.Name == "renamed"
		},
	},
	"rotate": {
		do: func(ctx context.Context, d *store.Dynamo, _ pat.Owner, token pat.Token) error {
			token.Previous, token.PreviousGen, token.PreviousUntil = pat.HashOf(pat.NewSecret("first")), token.Gen, start.Add(time.Hour)
			token.Hash, token.Gen = pat.HashOf(pat.NewSecret("rotated")), token.Gen+1
			return d.Rotate(ctx, token)
		},
		wrote: func(t *testing.T, d *store.Dynamo, _ pat.Owner) bool {
			token, _ := look(t, d, "AAAAA00000")
			rotated := token.Hash == pat.HashOf(pat.NewSecret("rotated"))
			if rotated != (token.Gen == 2) || rotated != (token.PreviousGen == 1) {
				t.Errorf("half rotated: %+v", token)
			}
			return rotated
		},
	},
	"each": {do: func(ctx context.Context, d *store.Dynamo, _ pat.Owner, token pat.Token) error {
		return d.Each(ctx, 0, 1, func(tokens []pat.Token) error {
			if len(tokens) != 1 || tokens[0].ID != token.ID {
				return fmt.Errorf("%w: %v", errWrongAnswer, tokens)
			}
			return nil
		})
	}},
	"warn": {
		do: func(ctx context.Context, d *store.Dynamo, _ pat.Owner, token pat.Token) error {
			token.Warned = pat.Warning{EndsAt: start, Days: 7}
			return d.Warn(ctx, token)
		},
		wrote: func(t *testing.T, d *store.Dynamo, _ pat.Owner) bool {
			token, _ := look(t, d, "AAAAA00000")
			return token.Warned.Days == 7
		},
	},
	"touch": {
		do: func(ctx context.Context, d *store.Dynamo, _ pat.Owner, token pat.Token) error {
			token.LastUsedAt = start.Add(time.Minute)
			return d.Touch(ctx, token)
		},
		wrote: func(t *testing.T, d *store.Dynamo, _ pat.Owner) bool {
			token, _ := look(t, d, "AAAAA00000")
			return !token.LastUsedAt.IsZero()
		},
	},
}

var errWrongAnswer = errors.New("a wrong answer")

// A trial is a port call on a table of its own while a fault stands in its way.
type trial struct {
	name  string
	port  portCall
	wire  *wire
	table *store.Dynamo
	owner pat.Owner
	token pat.Token

	err   error // what came of it
	calls int
}

func newTrial(t *testing.T, name string, p portCall) *trial {
	t.Helper()
	w := newWire(t)
	d := openDynamo(t)
	if err := d.Publish(t.Context(), nil, pat.Catalogue{{Name: "notes:read"}}); err != nil {
		t.Fatal(err)
	}
	enrol(t, d, "AAAAA", "alice")
	token := create(t, d, "AAAAA", "n")
	return &trial{name: name, port: p, wire: w, table: d, owner: owner(t, d, "AAAAA"), token: token}
}

// run makes the call while the fault stands in the way of its first n requests.
func (x *trial) run(ctx context.Context, n int, f fault) {
	x.wire.seen()
	x.wire.first(n, f)
	x.err = x.port.do(ctx, x.table, x.owner, x.token)
	x.wire.setFault(nil)
	x.calls = len(x.wire.seen())
}

func (x *trial) wrote(t *testing.T) bool {
	t.Helper()
	return x.port.wrote != nil && x.port.wrote(t, x.table, x.owner)
}

// atAFault makes one port call.
func atAFault(t *testing.T, p portCall, n int, f fault) (calls int, wrote bool, err error) {
	t.Helper()
	x := newTrial(t, "", p)
	x.run(t.Context(), n, f)
	return x.calls, x.wrote(t), x.err
}

// atEveryFault makes every port call at every fault, all at once, since each
// mostly waits.
func atEveryFault(t *testing.T, n int, check func(t *testing.T, x *trial, fault string)) {
	var all []func()
	var wg sync.WaitGroup
	for what, f := range faults {
		for method, p := range portCalls {
			x := newTrial(t, method, p)
			wg.Go(func() { x.run(t.Context(), n, f) })
			all = append(all, func() {
				t.Run(method+" at "+what, func(t *testing.T) { check(t, x, what) })
			})
		}
	}
	wg.Wait()
	for _, check := range all {
		check()
	}
}

func TestDynamoFaultOnce(t *testing.T) {
	atEveryFault(t, 1, func(t *testing.T, x *trial, what string) {
		if what == noJSON {
			isPlain(t, x.name, x.err) // the SDK does not ask again
			return
		}
		// A write that was carried out and not answered is refused when it is
		// sent again; here, that is: DynamoDB itself knows a transaction by its
		// ClientRequestToken. Who is told of a conflict reads again.
		written := strings.HasPrefix(what, "written")
		refused := written && x.port.wrote != nil && x.name != "create" && errors.Is(x.err, pat.ErrConflict)
		if x.err != nil && !refused {
			t.Errorf("got %v", x.err)
		}
		if x.port.wrote != nil && !x.wrote(t) {
			t.Error("it is not there")
		}
		if x.calls < 2 || x.calls > 4 {
			t.Errorf("%d calls", x.calls)
		}
	})
}

func TestDynamoFaultForGood(t *testing.T) {
	atEveryFault(t, always, func(t *testing.T, x *trial, _ string) {
		isPlain(t, x.name, x.err)
		if most := map[bool]int{false: 3, true: 6}[x.name == "create"]; x.calls > most {
			t.Errorf("%d calls, want at most %d", x.calls, most) // create asks what became of it
		}
		x.wrote(t)
	})
}

func TestDynamoCallEndsWithItsContext(t *testing.T) {
	waits := func(_ *wire, _ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	for method, p := range portCalls {
		t.Run(method, func(t *testing.T) {
			x := newTrial(t, method, p)
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
			defer cancel()
			x.run(ctx, always, waits)
			isPlain(t, method, x.err)
			wantError(t, method, x.err, context.DeadlineExceeded)
			if x.wrote(t) {
				t.Error("it is there")
			}
		})
	}
}

// TestDynamoAsksAgain: an attempt that takes too long is given up while the
// caller still has time, and what it may have written is not written twice.
func TestDynamoAsksAgain(t *testing.T) {
	late := func(w *wire, rw http.ResponseWriter, r *http.Request) {
		w.serve(httptest.NewRecorder(), r)
		<-r.Context().Done()
	}
	began := time.Now()
	calls, wrote, err := atAFault(t, portCalls["create"], 1, late)
	if err != nil || !wrote {
		t.Errorf("got %v, written: %v", err, wrote)
	}
	if took := time.Since(began); calls != 3 || took > 10*time.Second {
		t.Errorf("%d calls in %v", calls, took)
	}
}

// TestDynamoRepeatsTheSameTransaction: DynamoDB knows an attempt that it has
// carried out by its ClientRequestToken.
func TestDynamoRepeatsTheSameTransaction(t *testing.T) {
	used := map[any]string{}
	for _, method := range []string{"enrol", "create", "revoke"} {
		x := newTrial(t, method, portCalls[method])
		x.wire.seen()
		x.wire.first(1, faults["an error of AWS's"])
		if err := x.port.do(t.Context(), x.table, x.owner, x.token); err != nil {
			t.Fatal(err)
		}
		calls := x.wire.seen()
		if len(calls) != 2 {
			t.Fatalf("%s: %d calls", method, len(calls))
		}
		equal(t, method+", the second time", calls[1], calls[0])
		token := calls[0].Body["ClientRequestToken"]
		if other, ok := used[token]; ok || token == nil {
			t.Errorf("%s has the ClientRequestToken %v of %s", method, token, other)
		}
		used[token] = method
	}
}

func reasons(codes ...string) string {
	var all []string
	for _, code := range codes {
		all = append(all, fmt.Sprintf(`{"Code":%q}`, code))
	}
	return `,"CancellationReasons":[` + strings.Join(all, ",") + "]"
}

func TestDynamoCancelledTransactions(t *testing.T) {
	const none, failed, busy = "None", "ConditionalCheckFailed", "TransactionConflict"
	plain := errors.New("unavailable")
	for name, test := range map[string]struct {
		codes []string
		want  error
		calls int // 2 where the store makes sure that it did not write
	}{
		"another owner's version is a conflict":                  {[]string{failed, none, none}, pat.ErrConflict, 2},
		"a token of that id is a conflict":                       {[]string{none, failed, none}, pat.ErrConflict, 2},
		"a name that is held is taken":                           {[]string{none, none, failed}, pat.ErrNameTaken, 1},
		"a conflict goes before a name":                          {[]string{failed, none, failed}, pat.ErrConflict, 2},
		"another transaction in the way is a conflict":           {[]string{busy, none, none}, pat.ErrConflict, 2},
		"another transaction in the way goes before a name":      {[]string{none, failed, busy}, pat.ErrConflict, 2},
		"another transaction at the name is a conflict":          {[]string{none, none, busy}, pat.ErrConflict, 2},
		"want of capacity is repeated, and no answer":            {[]string{none, none, "ThrottlingError"}, plain, 4},
		"want of capacity of a table is repeated, and no answer": {[]string{"ProvisionedThroughputExceeded", none, none}, plain, 4},
		"a name whose owner could not be judged is no answer":    {[]string{"ThrottlingError", none, failed}, plain, 2},
		"an owner is judged though the name could not be":        {[]string{failed, none, "ThrottlingError"}, pat.ErrConflict, 2},
		"an item too large is no answer":                         {[]string{none, "ItemCollectionSizeLimitExceeded", none}, plain, 2},
		"a reason that nobody knows is no answer":                {[]string{none, "Weather", none}, plain, 2},
		"a cancellation without a failed condition is no answer": {[]string{none, none, none}, plain, 2},
		"a cancellation without reasons is no answer":            {nil, plain, 2},
		"a cancellation with too few reasons is no answer":       {[]string{none, none}, plain, 2},
		"a cancellation with a reason too many is no answer":     {[]string{none, none, none, failed}, plain, 2},
	} {
		t.Run(name, func(t *testing.T) {
			calls, wrote, err := atAFault(t, portCall{
				do:    portCalls["create"].do,
				wrote: portCalls["create"].wrote,
			}, always, func(w *wire, rw http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".TransactWriteItems") {
					refusal(400, "TransactionCanceledException", reasons(test.codes...))(w, rw, r)
					return
				}
				w.serve(rw, r)
			})
			if test.want == plain {
				isPlain(t, "create", err)
			} else {
				wantError(t, "create", err, test.want)
			}
			if calls != test.calls || wrote {
				t.Errorf("%d calls, want %d; written: %v", calls, test.calls, wrote)
			}
		})
	}
}

func TestDynamoRefusedCalls(t *testing.T) {
	cancelled := func(codes ...string) fault { return refusal(400, "TransactionCanceledException", reasons(codes...)) }
	for name, test := range map[string]struct {
		method string
		fault  fault
		want   error // nil for one that the core takes for unavailable
	}{
		"a refresh while a transaction is in the way is a conflict": {"refresh", refusal(400, "TransactionConflictException", ""), pat.ErrConflict},
		"a refresh of another version is a conflict":                {"refresh", refusal(400, "ConditionalCheckFailedException", ""), pat.ErrConflict},
		"a refresh without the right is no answer":                  {"refresh", refusal(400, "AccessDeniedException", ""), nil},
		"a recount while a transaction is in the way is a conflict": {"recount", refusal(400, "TransactionConflictException", ""), pat.ErrConflict},
		"enrolling while another does is a conflict":                {"enrol", cancelled("TransactionConflict", "None"), pat.ErrConflict},
		"enrolling who has a slot is a conflict":                    {"enrol", cancelled("ConditionalCheckFailed", "None"), pat.ErrConflict},
		"enrolling into another's slot is a conflict":               {"enrol", cancelled("None", "ConditionalCheckFailed"), pat.ErrConflict},
		"revoking another version is a conflict":                    {"revoke", cancelled("None", "ConditionalCheckFailed", "None"), pat.ErrConflict},
		"revoking for another owner's version is a conflict":        {"revoke", cancelled("ConditionalCheckFailed", "None", "ConditionalCheckFailed"), pat.ErrConflict},
		"revoking while a transaction is in the way is a conflict":  {"revoke", cancelled("None", "None", "TransactionConflict"), pat.ErrConflict},
		"revoking that is throttled is no answer":                   {"revoke", cancelled("None", "ThrottlingError", "ConditionalCheckFailed"), nil},
		"a look without a table is no answer":                       {"look", refusal(400, "ResourceNotFoundException", ""), nil},
		"a slot without a table is no answer":                       {"slot", refusal(400, "ResourceNotFoundException", ""), nil},
		"a list without a table is no answer":                       {"list", refusal(400, "ResourceNotFoundException", ""), nil},
		"a create with a key of AWS's that expired is no answer":    {"create", refusal(400, "ExpiredTokenException", ""), nil},
		"a look that answers nothing is no answer":                  {"look", success(""), nil},
		"a look that answers {} is no answer":                       {"look", success("{}"), nil},
		"a look that answers of another table is no answer":         {"look", success(`{"Responses":{"other":[]}}`), nil},
		"a look that answers with another's item is no answer": {"look",
			success(`{"Responses":{"counterfoil":[{"pk":{"S":"AAAAB"},"sk":{"S":"00000"}}]}}`), nil},
		"a look that answers with a token without its owner is no answer": {"look", func(w *wire, rw http.ResponseWriter, r *http.Request) {
			alter(w, rw, r, func(items []any) []any {
				return slices.DeleteFunc(items, func(i any) bool { return strings.HasSuffix(keyText(i), "~owner") })
			})
		}, nil},
		"settings without a policy are no answer": {"settings", func(w *wire, rw http.ResponseWriter, r *http.Request) {
			alter(w, rw, r, func(items []any) []any {
				return slices.DeleteFunc(items, func(i any) bool { return strings.HasSuffix(keyText(i), "policy") })
			})
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := atAFault(t, portCalls[test.method], always, test.fault)
			if test.want == nil {
				isPlain(t, test.method, err)
			} else {
				wantError(t, test.method, err, test.want)
			}
		})
	}
}

// alter lets a test change the items of the table's answer to a BatchGetItem.
func alter(w *wire, rw http.ResponseWriter, r *http.Request, change func(items []any) []any) {
	answer := httptest.NewRecorder()
	w.serve(answer, r)
	var body map[string]any
	if err := json.Unmarshal(answer.Body.Bytes(), &body); err != nil {
		panic(err)
	}
	responses := body["Responses"].(map[string]any)
	responses["counterfoil"] = change(responses["counterfoil"].([]any))
	text, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	rw.Header().Set("Content-Type", "application/x-amz-json-1.0")
	io.Copy(rw, bytes.NewReader(text))
}

// TestDynamoUnreadableItems: what cannot be read is a fault. Above all it is
// not the absence of a revocation or of an end.
func TestDynamoUnreadableItems(t *testing.T) {
	for name, test := range map[string]struct {
		sort, attribute string
		value           any // nil to take it away
		bad             bool
	}{
		"a token revoked at a number":              {"00000", "revoked_at", map[string]any{"N": "1795514400"}, true},
		"a token revoked at no time":               {"00000", "revoked_at", map[string]any{"S": "yesterday"}, true},
		"a token that ends at true":                {"00000", "expires_at", map[string]any{"BOOL": true}, true},
		"a token without a hash":                   {"00000", "hash", nil, true},
		"a token whose hash is NULL":               {"00000", "hash", map[string]any{"NULL": true}, true},
		"a token whose hash is short":              {"00000", "hash", map[string]any{"B": "AAAA"}, true},
		"a token whose hash is text":               {"00000", "hash", map[string]any{"S": strings.Repeat("x", 32)}, true},
		"a token without a generation":             {"00000", "gen", nil, true},
		"a token without a version":                {"00000", "version", nil, true},
		"a token whose version is a fraction":      {"00000", "version", map[string]any{"N": "1.5"}, true},
		"a token whose scopes are one text":        {"00000", "scopes", map[string]any{"S": "notes:read"}, true},
		"a token whose scopes are numbers":         {"00000", "scopes", map[string]any{"L": []any{map[string]any{"N": "1"}}}, true},
		"a token of networks that are none":        {"00000", "allowed_cidrs", map[string]any{"L": []any{map[string]any{"S": "everywhere"}}}, true},
		"an owner without a sub":                   {"~owner", "sub", nil, true},
		"an owner without an issuer":               {"~owner", "iss", nil, true},
		"an owner without a counter":               {"~owner", "live", nil, true},
		"an owner without a next number":           {"~owner", "next", nil, true},
		"an owner whose groups are a number":       {"~owner", "groups", map[string]any{"N": "1"}, true},
		"an owner whose session was at no time":    {"~owner", "groups_at", map[string]any{"S": "12"}, true},
		"a token with what a later version knows":  {"00000", "colour", map[string]any{"S": "red"}, false},
		"an owner with what a later version knows": {"~owner", "stops", map[string]any{"L": []any{}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			altered := false
			_, _, err := atAFault(t, portCalls["look"], always, func(w *wire, rw http.ResponseWriter, r *http.Request) {
				alter(w, rw, r, func(items []any) []any {
					for _, i := range items {
						if strings.HasSuffix(keyText(i), "/"+test.sort) {
							altered = true
							if test.value == nil {
								delete(i.(map[string]any), test.attribute)
							} else {
								i.(map[string]any)[test.attribute] = test.value
							}
						}
					}
					return items
				})
			})
			if !altered {
				t.Fatal("the item is not there")
			}
			if !test.bad {
				if err != nil {
					t.Error(err)
				}
				return
			}
			isPlain(t, "look", err)
			if err != nil && !strings.Contains(err.Error(), test.attribute) {
				t.Errorf("%v does not name %s", err, test.attribute)
			}
		})
	}
}

func TestDynamoUnprocessedKeys(t *testing.T) {
	w := newWire(t)
	d := openDynamo(t)
	enrol(t, d, "AAAAA", "alice")
	create(t, d, "AAAAA", "n")
	both := []string{"00000", "~owner"}
	for name, test := range map[string]struct {
		id    pat.ID
		left  []string // which keys come back, by sort key
		times int
		want  error // of Look; errLeft for any that is no absence
		calls []string
	}{
		"the token's key once": {"AAAAA00000", both[:1], 1, nil,
			[]string{"AAAAA/00000 AAAAA/~owner", "AAAAA/00000"}},
		"the owner's key once": {"AAAAA00000", both[1:], 1, nil,
			[]string{"AAAAA/00000 AAAAA/~owner", "AAAAA/~owner"}},
		"both keys twice": {"AAAAA00000", both, 2, nil,
			[]string{"AAAAA/00000 AAAAA/~owner", "AAAAA/00000 AAAAA/~owner", "AAAAA/00000 AAAAA/~owner"}},
		"the token's key for good": {"AAAAA00000", both[:1], always, errLeft,
			[]string{"AAAAA/00000 AAAAA/~owner", "AAAAA/00000", "AAAAA/00000"}},
		"the owner's key for good": {"AAAAA00000", both[1:], always, errLeft,
			[]string{"AAAAA/00000 AAAAA/~owner", "AAAAA/~owner", "AAAAA/~owner"}},
		"both keys for good": {"AAAAA00000", both, always, errLeft,
			[]string{"AAAAA/00000 AAAAA/~owner", "AAAAA/00000 AAAAA/~owner", "AAAAA/00000 AAAAA/~owner"}},
		"the key of no token once": {"AAAAA00001", []string{"00001"}, 1, pat.ErrNotFound,
			[]string{"AAAAA/00001 AAAAA/~owner", "AAAAA/00001"}},
		"the key of no token for good": {"AAAAA00001", []string{"00001"}, always, errLeft,
			[]string{"AAAAA/00001 AAAAA/~owner", "AAAAA/00001", "AAAAA/00001"}},
	} {
		t.Run(name, func(t *testing.T) {
			times := test.times
			w.setFault(func(rw http.ResponseWriter, r *http.Request, c call) bool {
				w.mu.Lock()
				defer w.mu.Unlock()
				if times--; times < 0 {
					return false
				}
				leaveUnprocessed(w.table, rw, c, test.left)
				return true
			})
			w.seen()
			_, _, err := d.Look(t.Context(), test.id)
			w.setFault(nil)
			if test.want == errLeft {
				isPlain(t, "look", err)
			} else {
				wantError(t, "look", err, test.want)
			}
			var want []string
			for _, keys := range test.calls {
				want = append(want, "BatchGetItem strong "+keys)
			}
			wantCalls(t, "look", w, want...)
		})
	}
}

var errLeft = errors.New("unprocessed")

// leaveUnprocessed answers a BatchGetItem without those keys.
func leaveUnprocessed(table http.Handler, rw http.ResponseWriter, c call, left []string) {
	asked := c.Body["RequestItems"].(map[string]any)["counterfoil"].(map[string]any)
	isLeft := func(key any) bool {
		_, sort, _ := strings.Cut(keyText(key), "/")
		return slices.Contains(left, sort)
	}
	var kept, rest []any
	for _, key := range asked["Keys"].([]any) {
		if isLeft(key) {
			rest = append(rest, key)
		} else {
			kept = append(kept, key)
		}
	}
	body := map[string]any{}
	if len(kept) > 0 {
		text, err := json.Marshal(map[string]any{"RequestItems": map[string]any{"counterfoil": map[string]any{"Keys": kept, "ConsistentRead": true}}})
		if err != nil {
			panic(err)
		}
		answer := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(text))
		r.Header.Set("X-Amz-Target", "DynamoDB_20120810.BatchGetItem")
		table.ServeHTTP(answer, r)
		if err := json.Unmarshal(answer.Body.Bytes(), &body); err != nil {
			panic(err)
		}
	}
	unprocessed := maps.Clone(asked)
	unprocessed["Keys"] = rest
	body["UnprocessedKeys"] = map[string]any{"counterfoil": unprocessed}
	rw.Header().Set("Content-Type", "application/x-amz-json-1.0")
	json.NewEncoder(rw).Encode(body)
}

// TestDynamoLosesNothing has people create, use and revoke tokens over a line
// on which a third of all calls go wrong, and then counts.
func TestDynamoLosesNothing(t *testing.T) {
	w := newWire(t)
	d := openDynamo(t)
	if err := d.Publish(t.Context(), nil, pat.Catalogue{{Name: "notes:read"}}); err != nil {
		t.Fatal(err)
	}
	bad := []fault{
		faults["throttled"], faults["an error of AWS's"], hangUp, loseAnswer, loseAnswer, cutAnswer,
		func(w *wire, rw http.ResponseWriter, r *http.Request) { // late, but in time
			time.Sleep(20 * time.Millisecond)
			w.serve(rw, r)
		},
	}
	random := rand.New(rand.NewPCG(4, 3))
	w.setFault(func(rw http.ResponseWriter, r *http.Request, _ call) bool {
		w.mu.Lock()
		hit, which := random.IntN(3) == 0, random.IntN(len(bad))
		w.mu.Unlock()
		if hit {
			bad[which](w, rw, r)
		}
		return hit
	})
	const people, each = 4, 24
	var mu sync.Mutex
	acknowledged, revoked, lost := map[pat.ID]pat.Secret{}, map[pat.ID]bool{}, 0
	var wg sync.WaitGroup
	for i := range people {
		subject := fmt.Sprint("person ", i%2) // two at once for each of two
		wg.Go(func() {
			service := newService(d, 500, start)
			for n := range each {
				c, err := service.Create(t.Context(), session(subject), wish(fmt.Sprint(i, " ", n)))
				if err != nil {
					// The name is taken where the first attempt came through
					// and nobody could tell.
					if !errors.Is(err, pat.ErrUnavailable) && !errors.Is(err, pat.ErrNameTaken) {
						t.Errorf("create: %v", err)
					}
					mu.Lock()
					lost++
					mu.Unlock()
					continue
				}
				mu.Lock()
				acknowledged[c.ID] = c.Value
				mu.Unlock()
				if _, err := service.Authorize(t.Context(), c.Value); err != nil && !errors.Is(err, pat.ErrUnavailable) {
					t.Errorf("a token that was just created: %v", err)
				}
				if n%3 > 0 {
					continue
				}
				if err := service.Revoke(t.Context(), session(subject), string(c.ID)); err != nil {
					if !errors.Is(err, pat.ErrUnavailable) {
						t.Errorf("revoke: %v", err)
					}
					continue
				}
				mu.Lock()
				revoked[c.ID] = true
				mu.Unlock()
				_, err = service.Authorize(t.Context(), c.Value)
				if !errors.Is(err, pat.ErrUnavailable) && !errors.Is(err, pat.ErrUnauthorized) {
					t.Errorf("a token that was just revoked: %v", err)
				}
			}
		})
	}
	wg.Wait()
	w.setFault(nil)

	if len(acknowledged) < people*each/2 || len(revoked) < people || lost == 0 {
		t.Errorf("%d created, %d revoked, %d lost: too little happened", len(acknowledged), len(revoked), lost)
	}
	for id, value := range acknowledged {
		token, _ := look(t, d, id)
		if token.Hash != pat.HashOf(value) {
			t.Errorf("%s has another value than its owner was given", id)
		}
		if revoked[id] && token.RevokedAt.IsZero() {
			t.Errorf("%s was revoked, and lives", id)
		}
	}
	for _, subject := range []string{"person 0", "person 1"} {
		tokens, live := kept(t, d, subject)
		names := map[string]bool{}
		for _, token := range tokens {
			if names[token.Name] {
				t.Errorf("%q was created twice", token.Name)
			}
			names[token.Name] = true
		}
		if n := len(active(t, tokens, start)); n != live {
			t.Errorf("%s has %d tokens, %d counted", subject, n, live)
		}
	}
}

func TestDynamoAtStart(t *testing.T) {
	newWire(t)
	t.Run("without the name of a table", func(t *testing.T) {
		t.Setenv(store.EnvTable, "")
		_, err := store.NewDynamo()
		if err == nil || !strings.Contains(err.Error(), store.EnvTable) || strings.Contains(err.Error(), "\n") {
			t.Errorf("got %v", err)
		}
	})
	look := func(t *testing.T) error {
		t.Helper()
		d, err := store.NewDynamo()
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = d.Look(t.Context(), "AAAAA00000")
		isPlain(t, "look", err)
		return err
	}
	t.Run("without that table", func(t *testing.T) {
		if err := look(t); !strings.Contains(err.Error(), "ResourceNotFoundException") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("without credentials", func(t *testing.T) {
		t.Setenv("AWS_ACCESS_KEY_ID", "")
		t.Setenv("AWS_SECRET_ACCESS_KEY", "")
		if err := look(t); !strings.Contains(err.Error(), "credentials") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("without a region", func(t *testing.T) {
		t.Setenv("AWS_REGION", "")
		t.Setenv("AWS_DEFAULT_REGION", "")
		t.Setenv(envEndpoint, "")
		t.Setenv(envAllServices, "")
		if err := look(t); !strings.Contains(strings.ToLower(err.Error()), "region") {
			t.Errorf("got %v", err)
		}
	})
}
