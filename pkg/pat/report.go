package pat

import (
	"context"
	"maps"
	"slices"
)

// MaxReported is how many values one report may hold.
const MaxReported = 200

// A ReportRequest names what somebody found where no credential should be.
type ReportRequest struct {
	Values []Secret
	// Bad is what was found wrong with the request while it was read.
	Bad InvalidError
}

// Report revokes those of the values that are ours, as Revocation does for one:
// whoever reports a value holds it. It tells nothing of which those were. What it
// takes longer for a value that works is no more than the reporter could learn by
// using it. The owner learns of it by an event. Errors: *InvalidError,
// ErrUnavailable (report again: some may live still).
func (s *Service) Report(ctx context.Context, req ReportRequest) error {
	bad := req.Bad
	if n := len(req.Values); (n < 1 || n > MaxReported) && bad.Detail == "" && !bad.has("tokens") {
		bad.Add("tokens", "must hold 1 to %d strings", MaxReported)
	}
	if err := bad.or(); err != nil {
		return err
	}
	values := map[ID][]Secret{}
	for _, v := range req.Values {
		if id, err := Parse(v); err == nil {
			values[id] = append(values[id], v)
		}
	}
	if len(values) == 0 {
		return nil
	}
	ids := slices.Sorted(maps.Keys(values))
	found, err := s.Store.LookAll(ctx, ids)
	if err != nil {
		return unavailable("look up reported tokens", err)
	}
	now := s.now()
	for _, id := range ids {
		f, ok := found[id]
		i := slices.IndexFunc(values[id], func(v Secret) bool { return f.Token.works(v, now) })
		if !ok || i < 0 || !f.Token.RevokedAt.IsZero() {
			continue
		}
		if err := s.killByValue(ctx, values[id][i], Doer{Kind: DoerReport}); err != nil {
			return err
		}
	}
	return nil
}
