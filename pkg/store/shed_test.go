package store_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

// TestAFilledItemCanBeChanged: an authorizer of another API fills an item up to what
// DynamoDB takes, and its token is revoked all the same, and its owner's with one
// write. (The table of the tests has no such limit: it is made here.)
func TestAFilledItemCanBeChanged(t *testing.T) {
	const says = "Item size to update has exceeded the maximum allowed size"
	for name, change := range map[string]func(w *walk, id pat.ID) error{
		"revoke": func(w *walk, id pat.ID) error {
			return w.service().Revoke(w.ctx("r"), session("alice"), string(id))
		},
		"revocation": func(w *walk, id pat.ID) error { return w.service().Revocation(w.ctx("r"), w.values[id][0]) },
		"rotate": func(w *walk, id pat.ID) error {
			_, err := w.service().Rotate(w.ctx("r"), session("alice"), string(id), pat.RotateRequest{})
			return err
		},
		"revoke all": func(w *walk, _ pat.ID) error {
			_, err := w.service().RevokeAll(w.ctx("r"), root, "alice", pat.InvalidError{})
			return err
		},
		"disable": func(w *walk, _ pat.ID) error {
			_, err := w.service().Disable(w.ctx("r"), root, "alice", true, pat.InvalidError{})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newToldDynamo(t).(toldDynamo)
			w := newWalk(t, s, 3)
			id := w.create("alice")
			if _, err := w.service().ReadPolicy(t.Context(), root); err != nil { // root is somebody from now on
				t.Fatal(err)
			}
			refused := 0
			s.wire.setFault(func(rw http.ResponseWriter, r *http.Request, c call) bool {
				if !strings.HasPrefix(c.Operation, "Transact") && c.Operation != "UpdateItem" || sheds(c) {
					return false
				}
				refused++
				rw.WriteHeader(400)
				answer := `{"__type":"com.amazon.coral.validate#ValidationException","message":"` + says + `"}`
				if c.Operation != "UpdateItem" {
					answer = `{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","message":"cancelled",
						"CancellationReasons":[{"Code":"None"},{"Code":"ValidationError","Message":"` + says + `"},{"Code":"None"}]}`
				}
				io.WriteString(rw, answer)
				return true
			})
			err := change(w, id)
			s.wire.setFault(nil)
			if err != nil || refused == 0 {
				t.Fatalf("%v, after %d refusals", err, refused)
			}
			if _, err := w.service().Authorize(t.Context(), w.values[id][0]); err == nil {
				t.Error("its value works")
			}
		})
	}
}

// sheds reports whether every update of a call removes what was noted.
func sheds(c call) bool {
	updates, all := 0, true
	look := func(update map[string]any) {
		updates++
		expression, _ := update["UpdateExpression"].(string)
		_, removed, _ := strings.Cut(expression, " REMOVE ")
		for _, name := range []string{"#last_used_at", "#last_used_ip", "#scopes_used", "#networks", "#noted", "#notes"} {
			all = all && strings.Contains(removed, name)
		}
	}
	if c.Operation == "UpdateItem" {
		look(c.Body)
	}
	parts, _ := c.Body["TransactItems"].([]any)
	for _, part := range parts {
		if update, ok := part.(map[string]any)["Update"].(map[string]any); ok {
			look(update)
		}
	}
	return updates > 0 && all
}
