package store_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/pkg/pat"
	"github.com/counterfoil/counterfoil/pkg/store"
)

// String is a call as the budgets speak of it: what it does to which keys, and
// for a read how.
func (c call) String() string {
	switch c.Operation {
	case "GetItem":
		return "GetItem " + consistency(c.Body) + " " + keyText(c.Body["Key"])
	case "BatchGetItem":
		var keys []string
		asked := c.Body["RequestItems"].(map[string]any)["counterfoil"].(map[string]any)
		for _, key := range asked["Keys"].([]any) {
			keys = append(keys, keyText(key))
		}
		return "BatchGetItem " + consistency(asked) + " " + strings.Join(keys, " ")
	case "Query":
		order := "oldest first"
		if c.Body["ScanIndexForward"] == false {
			order = "newest first"
		}
		return fmt.Sprintf("Query %s %s, limit %v", consistency(c.Body), order, c.Body["Limit"])
	case "TransactWriteItems":
		if c.Body["ClientRequestToken"] == nil {
			return "TransactWriteItems that is not idempotent"
		}
		var parts []string
		for _, part := range c.Body["TransactItems"].([]any) {
			for verb, what := range part.(map[string]any) {
				parts = append(parts, verb+" "+keyText(keyOf(what.(map[string]any))))
			}
		}
		return "TransactWriteItems " + strings.Join(parts, ", ")
	}
	return c.Operation + " " + keyText(keyOf(c.Body))
}

func keyOf(body map[string]any) any {
	if item, ok := body["Item"]; ok {
		return item
	}
	return body["Key"]
}

func keyText(key any) string {
	part := func(name string) string {
		s := key.(map[string]any)[name].(map[string]any)["S"].(string)
		if prefix, _, hashed := strings.Cut(s, "#"); hashed {
			return prefix + "#…"
		}
		return s
	}
	return part(store.PartitionKey) + "/" + part(store.SortKey)
}

func consistency(body map[string]any) string {
	if body["ConsistentRead"] == true {
		return "strong"
	}
	return "weak"
}

func wantCalls(t *testing.T, what string, w *wire, want ...string) {
	t.Helper()
	var got []string
	for _, c := range w.seen() {
		got = append(got, c.String())
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}

func TestDynamoRoundTrips(t *testing.T) {
	w := newWire(t)
	d := openDynamo(t)
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	w.seen()

	must(d.Publish(ctx, nil, pat.Catalogue{{Name: "notes:read"}}))
	wantCalls(t, "publish", w, "PutItem policy/policy", "PutItem settings/published")
	_, err := d.Settings(ctx)
	must(err)
	wantCalls(t, "settings", w, "BatchGetItem strong settings/published policy/policy")

	must(d.Enrol(ctx, pat.Owner{Slot: "AAAAA", Person: person("alice")}))
	wantCalls(t, "enrol", w, "TransactWriteItems Put person#…/slot, Put AAAAA/~owner, Put directory/AAAAA")
	_, err = d.Slot(ctx, person("alice"))
	must(err)
	wantCalls(t, "slot", w, "GetItem strong person#…/slot")
	o, err := d.Owner(ctx, "AAAAA")
	must(err)
	wantCalls(t, "owner", w, "GetItem strong AAAAA/~owner")
	must(d.Refresh(ctx, o))
	wantCalls(t, "refresh", w, "UpdateItem AAAAA/~owner")
	o.Version++
	must(d.Disable(ctx, o))
	wantCalls(t, "disable", w, "UpdateItem AAAAA/~owner")
	o.Version++
	must(d.Stop(ctx, o))
	wantCalls(t, "stop", w, "UpdateItem AAAAA/~owner")
	o.Version++
	must(d.SetPolicy(ctx, pat.DefaultPolicy, pat.Mark{}))
	wantCalls(t, "set the policy", w, "PutItem policy/policy")
	must(d.Recount(ctx, o))
	wantCalls(t, "recount", w, "UpdateItem AAAAA/~owner")
	o.Version++

	c := creation(o, "n")
	must(d.Create(ctx, c))
	wantCalls(t, "create", w, "TransactWriteItems Update AAAAA/~owner, Put AAAAA/00000, Put AAAAA/~name#…")
	token, o, err := d.Look(ctx, c.Token.ID)
	must(err)
	wantCalls(t, "look", w, "BatchGetItem strong AAAAA/00000 AAAAA/~owner")
	second := creation(o, "second")
	must(d.Create(ctx, second))
	w.seen()

	_, _, err = d.Scan(ctx, "", 50)
	must(err)
	wantCalls(t, "scan", w, "Query strong oldest first, limit 100", "Query strong newest first, limit 51", "BatchGetItem strong AAAAA/~owner")

	must(d.Each(ctx, 0, 1, func([]pat.Token) error { return nil }))
	wantCalls(t, "each", w, "Query strong oldest first, limit 100", fmt.Sprint("Query strong newest first, limit ", float64(math.MaxInt32)))

	for _, limit := range []int{1, 2, 3} {
		_, err = d.List(ctx, "AAAAA", "", limit)
		must(err)
		wantCalls(t, "list", w, fmt.Sprintf("Query strong newest first, limit %d", limit))
	}

	token, o, err = d.Look(ctx, c.Token.ID)
	must(err)
	w.seen()
	token.RevokedAt = start
	must(d.Revoke(ctx, pat.Revocation{Token: token, NameKey: "n", Owner: o}))
	wantCalls(t, "revoke", w, "TransactWriteItems Update AAAAA/~owner, Update AAAAA/00000, Delete AAAAA/~name#…")

	expired := creation(owner(t, d, "AAAAA"), "n")
	expired.Token.ExpiresAt = start
	must(d.Create(ctx, expired))
	must(d.Create(ctx, creation(owner(t, d, "AAAAA"), "n")))
	r := revocation(t, d, expired.Token.ID)
	w.seen()
	must(d.Revoke(ctx, r))
	wantCalls(t, "revoke of a token whose name is another's by now", w,
		"TransactWriteItems Update AAAAA/~owner, Update AAAAA/00002, Delete AAAAA/~name#…",
		"TransactWriteItems Update AAAAA/~owner, Update AAAAA/00002")
}

// TestDynamoPages: DynamoDB ends a page where it likes, at 1 MB at the latest,
// and one that ends on the last item need not know it.
func TestDynamoPages(t *testing.T) {
	w := newWire(t)
	d := openDynamo(t)
	enrol(t, d, "AAAAA", "alice")
	var want []pat.ID
	for i := range 6 {
		want = append(want, create(t, d, "AAAAA", fmt.Sprint(i)).ID)
	}
	slices.Reverse(want)
	for most, queries := range map[int][]int{1: {1, 2, 3, 4, 5, 6, 7, 7}, 2: {1, 1, 2, 2, 3, 3, 4, 4}, 3: {1, 1, 1, 2, 2, 2, 3, 3}, 4: {1, 1, 1, 1, 2, 2, 2, 2}} {
		w.setFault(func(rw http.ResponseWriter, r *http.Request, c call) bool {
			c.Body["Limit"] = min(c.Body["Limit"].(float64), float64(most))
			text, err := json.Marshal(c.Body)
			if err != nil {
				t.Error(err)
			}
			r.Body = io.NopCloser(bytes.NewReader(text))
			w.serve(rw, r)
			return true
		})
		for i, n := range queries {
			limit := i + 1
			w.seen()
			list, err := d.List(t.Context(), "AAAAA", "", limit)
			if err != nil {
				t.Fatal(err)
			}
			what := fmt.Sprintf("limit %d by pages of %d", limit, most)
			equal(t, what, ids(list), want[:min(limit, len(want))])
			if calls := w.seen(); len(calls) != n {
				t.Errorf("%s: %d queries, want %d", what, len(calls), n)
			}
		}
	}
}

// told is a verifier to whom every JWT says the same.
type told pat.Claims

func (c told) Verify(context.Context, pat.Secret, pat.Expectation) (pat.Claims, error) {
	return pat.Claims(c), nil
}

func TestDynamoBudgets(t *testing.T) {
	w := newWire(t)
	d := openDynamo(t)
	if err := d.Publish(t.Context(), nil, pat.Catalogue{{Name: "notes:read"}}); err != nil {
		t.Fatal(err)
	}
	service := newService(d, 50, start)
	created, err := service.Create(t.Context(), session("alice"), wish("first"))
	if err != nil {
		t.Fatal(err)
	}
	// The first read of a person finds their slot; a warm function remembers it.
	if _, err := service.List(t.Context(), session("alice"), pat.ListRequest{Limit: 1}); err != nil {
		t.Fatal(err)
	}
	slot := created.ID.Slot()
	ownerOnly := fmt.Sprintf("GetItem strong %s/~owner", slot)
	ownerAndToken := fmt.Sprintf("BatchGetItem strong %s/00000 %s/~owner", slot, slot)
	jwt := pat.NewSecret("a.b.c")
	authorize := func(t *testing.T, credential pat.Secret) {
		t.Helper()
		if _, err := service.Authorize(t.Context(), credential); err != nil {
			t.Error(err)
		}
	}
	ours := pat.Claims{Issuer: service.Issuer, Subject: "alice", ExpiresAt: start.Add(time.Hour), Scopes: []string{"notes:read"}}
	withPAT := ours
	withPAT.TokenID, withPAT.Gen = created.ID, 1
	bobs, err := service.Create(t.Context(), session("bob"), wish("agent"))
	if err != nil {
		t.Fatal(err)
	}
	withActor := withPAT
	withActor.Actor = &pat.Actor{Subject: "bob", TokenID: bobs.ID, Gen: 1}
	if _, err := service.ReadPolicy(t.Context(), admin); err != nil { // seen
		t.Fatal(err)
	}
	adminSlot, err := d.Slot(t.Context(), admin.Person)
	if err != nil {
		t.Fatal(err)
	}
	adminOnly := fmt.Sprintf("GetItem strong %s/~owner", adminSlot)
	disabling := []string{adminOnly, ownerOnly, fmt.Sprintf("UpdateItem %s/~owner", slot), "Query strong newest first, limit 100"}
	w.seen()
	sessions := pat.Claims{Issuer: service.PeopleIssuer, Subject: "alice", IssuedAt: start, ExpiresAt: start.Add(time.Hour)}

	for what, test := range map[string]struct {
		do   func(t *testing.T)
		want []string
	}{
		"a personal token is one read of two items": {
			func(t *testing.T) { authorize(t, created.Value) }, []string{ownerAndToken},
		},
		"an exchanged token is one read of two items": {
			func(t *testing.T) { service.Verifier = told(withPAT); authorize(t, jwt) }, []string{ownerAndToken},
		},
		"an exchanged token with an actor's is one read of both": {
			func(t *testing.T) { service.Verifier = told(withActor); authorize(t, jwt) },
			[]string{fmt.Sprintf("BatchGetItem strong %s/00000 %s/~owner %s/00000 %s/~owner", slot, slot, bobs.ID.Slot(), bobs.ID.Slot())},
		},
		"an exchanged token of a session is one read of one item": {
			func(t *testing.T) { service.Verifier = told(ours); authorize(t, jwt) }, []string{ownerOnly},
		},
		"a session is one read of one item": {
			func(t *testing.T) { service.Verifier = told(sessions); authorize(t, jwt) }, []string{ownerOnly},
		},
		"a value of a token that never was is one read": {
			func(t *testing.T) {
				value, err := pat.Mint(strings.NewReader(strings.Repeat("x", 100)), pat.NewID(slot, 7))
				if err != nil {
					t.Fatal(err)
				}
				_, err = service.Authorize(t.Context(), value)
				wantError(t, "authorize", err, pat.ErrUnauthorized)
			}, []string{fmt.Sprintf("BatchGetItem strong %s/00007 %s/~owner", slot, slot)},
		},
		"a value with a wrong checksum is no read": {
			func(t *testing.T) {
				_, err := service.Authorize(t.Context(), pat.NewSecret(pat.Prefix+strings.Repeat("0", 52)))
				wantError(t, "authorize", err, pat.ErrUnauthorized)
			}, nil,
		},
		"a list is one query, and one read of one item": {
			func(t *testing.T) {
				if _, err := service.List(t.Context(), session("alice"), pat.ListRequest{Limit: 50}); err != nil {
					t.Error(err)
				}
			}, []string{ownerOnly, "Query strong newest first, limit 51"},
		},
		"what became of a token is one read": {
			func(t *testing.T) {
				if _, err := service.Get(t.Context(), session("alice"), string(created.ID)); err != nil {
					t.Error(err)
				}
			}, []string{ownerAndToken},
		},
		"disabling is one read and one write, beside the administrator's own and the count": {
			func(t *testing.T) {
				for _, disabled := range []bool{true, false} {
					if _, err := service.Disable(t.Context(), admin, "alice", disabled, pat.InvalidError{}); err != nil {
						t.Error(err)
					}
				}
			}, slices.Concat(disabling, disabling),
		},
	} {
		t.Run(what, func(t *testing.T) {
			w.seen()
			test.do(t)
			wantCalls(t, what, w, test.want...)
		})
	}

	w.seen()
	if n, err := service.RevokeAll(t.Context(), admin, "bob", pat.InvalidError{}); err != nil || n != 1 {
		t.Errorf("%d revoked, %v", n, err)
	}
	his := bobs.ID.Slot()
	wantCalls(t, "revoking all is one write, whatever their number, and a pass", w,
		adminOnly, fmt.Sprintf("GetItem strong %s/~owner", his), fmt.Sprintf("UpdateItem %s/~owner", his), "Query strong newest first, limit 100",
		fmt.Sprintf("TransactWriteItems Update %s/~owner, Update %s/00000, Delete %s/~name#…", his, his, his))
	second, err := service.Create(t.Context(), session("alice"), wish("second"))
	if err != nil {
		t.Fatal(err)
	}
	wantCalls(t, "create", w, ownerOnly,
		fmt.Sprintf("TransactWriteItems Update %s/~owner, Put %s/00001, Put %s/~name#…", slot, slot, slot))
	if err := service.Revoke(t.Context(), session("alice"), string(second.ID)); err != nil {
		t.Fatal(err)
	}
	wantCalls(t, "revoke", w, fmt.Sprintf("BatchGetItem strong %s/00001 %s/~owner", slot, slot),
		fmt.Sprintf("TransactWriteItems Update %s/~owner, Update %s/00001, Delete %s/~name#…", slot, slot, slot))
}

// itemSize is what DynamoDB counts an item as, in bytes: the names and the
// values, 3 bytes for a list and 1 for each of its members (developer guide,
// "DynamoDB item sizes and formats").
func itemSize(t *testing.T, item map[string]any) (size int) {
	t.Helper()
	var of func(value any) int
	of = func(value any) int {
		for kind, v := range value.(map[string]any) {
			switch kind {
			case "S":
				return len(v.(string))
			case "N":
				return len(v.(string))/2 + 2
			case "B":
				return len(v.(string)) * 3 / 4
			case "NULL":
				return 1
			case "L":
				n := 3
				for _, m := range v.([]any) {
					n += 1 + of(m)
				}
				return n
			}
		}
		t.Fatalf("do not know the size of %v", value)
		return 0
	}
	for name, value := range item {
		size += len(name) + of(value)
	}
	return size
}

// put returns the items that the last transaction puts, by sort key up to a #.
func put(t *testing.T, w *wire) map[string]map[string]any {
	t.Helper()
	items := map[string]map[string]any{}
	for _, c := range w.seen() {
		if c.Operation != "TransactWriteItems" {
			continue
		}
		for _, part := range c.Body["TransactItems"].([]any) {
			if put, ok := part.(map[string]any)["Put"]; ok {
				item := put.(map[string]any)["Item"].(map[string]any)
				_, sort, _ := strings.Cut(keyText(item), "/")
				items[sort] = item
			}
		}
	}
	if len(items) == 0 {
		t.Fatal("nothing was put")
	}
	return items
}

// TestDynamoWarningsTouchLittle: what a warning sends is within what the function
// that gives them may touch.
func TestDynamoWarningsTouchLittle(t *testing.T) {
	w := newWire(t)
	d := openDynamo(t)
	enrol(t, d, "AAAAA", "alice")
	token := create(t, d, "AAAAA", "n")
	for range 2 { // the first note of a token, and the next
		token.Warned, token.Noted = pat.Warning{EndsAt: start, Days: 7}, filled[pat.Mark](t)
		w.seen()
		if err := d.Warn(t.Context(), token); err != nil {
			t.Fatal(err)
		}
		token.Notes++
		touchesAlone(t, w.seen(), store.WarningAttributes)
	}
}

// TestDynamoRefusalsTouchLittle: the same of a refusal, which lies in a partition of
// its token's and takes one unit to write.
func TestDynamoRefusalsTouchLittle(t *testing.T) {
	w := newWire(t)
	d := openDynamo(t)
	w.seen()
	r := pat.Refusal{
		TokenID: "AAAAA00000", Reason: pat.RefusedScope, From: netip.MustParseAddr("2001:db8:1111:2222:3333:4444:5555:6666"),
		RequestID: strings.Repeat("é", 64), At: start, Nonce: "12345678",
	}
	if err := d.Refuse(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	calls := w.seen()
	touchesAlone(t, calls, store.RefusalAttributes)
	key := calls[0].Body["Key"].(map[string]any)
	if partition := key[store.PartitionKey].(map[string]any)["S"]; partition != store.RefusedPrefix+"AAAAA00000" {
		t.Errorf("it lies in %v", partition)
	}
	item := maps.Clone(key)
	values := calls[0].Body["ExpressionAttributeValues"].(map[string]any)
	item["refused"], item[store.TTLAttribute] = values[":refused"], values[":ttl"]
	if size := itemSize(t, item); size > 1024 {
		t.Errorf("it has %d bytes", size)
	}
}

// touchesAlone fails the test unless there was one call, an UpdateItem that names
// just these attributes and asks for nothing back.
func touchesAlone(t *testing.T, calls []call, want []string) {
	t.Helper()
	if len(calls) != 1 || calls[0].Operation != "UpdateItem" {
		t.Fatalf("%v", calls)
	}
	names := slices.Collect(maps.Keys(calls[0].Body["Key"].(map[string]any)))
	for _, name := range calls[0].Body["ExpressionAttributeNames"].(map[string]any) {
		names = append(names, name.(string))
	}
	if slices.Sort(names); !slices.Equal(names, slices.Sorted(slices.Values(want))) {
		t.Errorf("it touches %v", names)
	}
	if returned := calls[0].Body["ReturnValues"]; returned != nil && returned != "NONE" {
		t.Errorf("it asks for %v", returned)
	}
}

// TestDynamoNotesStaySmall: with everything that can be noted of it, a token that
// was created as large as can be takes one more unit to read.
func TestDynamoNotesStaySmall(t *testing.T) {
	token := filled[pat.Token](t)
	long := strings.Repeat("x", 255)
	token.Name, token.Description, token.OwnedBy = strings.Repeat("é", 80), strings.Repeat("é", 500), long
	token.Scopes, token.AllowedCIDRs, token.Networks = nil, nil, nil
	for i := range 32 {
		token.Scopes = append(token.Scopes, fmt.Sprintf("%02d:%s", i, strings.Repeat("x", 37)))
	}
	token.ScopesUsed = token.Scopes
	for i := range 16 {
		token.AllowedCIDRs = append(token.AllowedCIDRs, netip.MustParsePrefix(fmt.Sprintf("2001:db8:1111:2222:3333:4444:5555:%x/128", 0x6660+i)))
	}
	for i := range 16 {
		token.Networks = append(token.Networks, netip.MustParsePrefix(fmt.Sprintf("2001:db8:111%x::/48", i)))
	}
	for _, mark := range []*pat.Mark{&token.Changed, &token.Noted} {
		*mark = pat.Mark{
			By: pat.Doer{Kind: pat.DoerOwner, Subject: long}, From: netip.MustParseAddr("2001:db8:1111:2222:3333:4444:5555:6666"),
			RequestID: strings.Repeat("x", 64), At: start, Makes: 1 << 30,
		}
	}
	w := newWire(t)
	d := openDynamo(t)
	o := enrol(t, d, "AAAAA", "alice")
	token.ID = "AAAAA00000"
	w.seen()
	if err := d.Create(t.Context(), pat.Creation{Token: token, NameKey: "n", Owner: o}); err != nil {
		t.Fatal(err)
	}
	size := itemSize(t, put(t, w)["00000"])
	t.Logf("%d bytes", size)
	if size >= 8192 {
		t.Errorf("it has %d bytes", size)
	}
}

// TestDynamoItemsStaySmall: a strong read is charged by 4 KB.
func TestDynamoItemsStaySmall(t *testing.T) {
	w := newWire(t)
	d := openDynamo(t)
	service := newService(d, 50, start)
	var catalogue pat.Catalogue
	req := pat.CreateRequest{Expiry: pat.Expiry{Given: true, At: start.AddDate(10, 0, 0)}}
	for i := range 32 {
		name := fmt.Sprintf("%02d:%s", i, strings.Repeat("x", 37))
		catalogue = append(catalogue, pat.Scope{Name: name})
		req.Scopes = append(req.Scopes, name)
	}
	for i := range 16 {
		req.AllowedCIDRs = append(req.AllowedCIDRs, fmt.Sprintf("2001:db8:1111:2222:3333:4444:5555:%x/128", 0x6660+i))
	}
	if err := d.Publish(t.Context(), nil, catalogue); err != nil {
		t.Fatal(err)
	}
	for _, letter := range []string{"x", "é"} {
		req.Name, req.Description = strings.Repeat(letter, 80), strings.Repeat(letter, 500)
		if _, err := service.Create(t.Context(), session("alice"), req); err != nil {
			t.Fatal(err)
		}
		items := put(t, w)
		for sort, item := range items {
			if size := itemSize(t, item); size >= 4096 {
				t.Errorf("item %s has %d bytes", sort, size)
			}
		}
	}
}

func TestDynamoTTL(t *testing.T) {
	w := newWire(t)
	d := openDynamo(t)
	enrol(t, d, "AAAAA", "alice")
	w.seen()
	end := start.Add(time.Hour)
	ttl := func(at time.Time) any {
		return map[string]any{"N": fmt.Sprint(at.Add(30 * 24 * time.Hour).Unix())}
	}

	endless := creation(owner(t, d, "AAAAA"), "endless")
	if err := d.Create(t.Context(), endless); err != nil {
		t.Fatal(err)
	}
	for sort, item := range put(t, w) {
		if got, ok := item[store.TTLAttribute]; ok {
			t.Errorf("%s of a token without an end goes at %v", sort, got)
		}
	}

	ending := creation(owner(t, d, "AAAAA"), "ending")
	ending.Token.ExpiresAt = end
	if err := d.Create(t.Context(), ending); err != nil {
		t.Fatal(err)
	}
	items := put(t, w)
	if got := slices.Sorted(maps.Keys(items)); !slices.Equal(got, []string{"00001", "~name#…"}) {
		t.Fatalf("a creation puts %q", got)
	}
	for sort, item := range items {
		equal(t, sort+" of a token with an end", item[store.TTLAttribute], ttl(end))
	}

	for what, id := range map[string]pat.ID{"endless": endless.Token.ID, "ending": ending.Token.ID} {
		r := revocation(t, d, id)
		r.Token.RevokedAt = start.Add(time.Minute)
		w.seen()
		if err := d.Revoke(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		calls := w.seen()
		if len(calls) != 1 {
			t.Fatalf("%d calls", len(calls))
		}
		update := calls[0].Body["TransactItems"].([]any)[1].(map[string]any)["Update"].(map[string]any)
		values := update["ExpressionAttributeValues"].(map[string]any)
		equal(t, what+" token, revoked", values[":"+store.TTLAttribute], ttl(start.Add(time.Minute)))
		token, _ := look(t, d, id)
		if token.RevokedAt.IsZero() {
			t.Errorf("%s was not revoked", id)
		}
	}
}
