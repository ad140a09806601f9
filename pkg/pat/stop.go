package pat

import "time"

// A Stop revokes every token of an owner whose running number is below Below.
// It is one write, whatever their number; see RevokeAll.
type Stop struct {
	Below uint64
	At    time.Time
}

func (s Stop) equal(t Stop) bool { return s.Below == t.Below && s.At.Equal(t.At) }

// maxStops bounds those that are kept: the owner's item must stay small.
const maxStops = 32

// FirstLive is the lowest id of the owner's that no stop has reached.
func (o Owner) FirstLive() ID {
	below := uint64(0)
	for _, stop := range o.Stops {
		below = max(below, stop.Below)
	}
	return NewID(o.Slot, min(below, maxNumber-1))
}

// Stopped returns a token of the owner's as it is under the owner's stops:
// revoked by the first that reached it, unless it was revoked by itself.
func (o Owner) Stopped(t Token) Token {
	if !t.RevokedAt.IsZero() {
		return t
	}
	for _, stop := range o.Stops { // in the order they came
		if t.ID < NewID(o.Slot, min(stop.Below, maxNumber-1)) || stop.Below >= maxNumber {
			t.RevokedAt = stop.At
			return t
		}
	}
	return t
}

// stop returns the owner with every token stopped that there is now, and whether
// that changes anything. Stops whose tokens are hidden since become one: when
// exactly each was revoked nobody can see any more. Above maxStops the last one is
// stretched: what it reaches then has an earlier revoked_at than it should.
func (o Owner) stop(now time.Time) (Owner, bool) {
	if n := len(o.Stops); n > 0 && o.Stops[n-1].Below >= o.Next || o.Next == 0 {
		return o, false
	}
	var stops []Stop
	for _, stop := range o.Stops {
		if hidden := !now.Before(stop.At.Add(Kept)); hidden && len(stops) > 0 {
			stops[0] = stop
			continue
		}
		stops = append(stops, stop)
	}
	if len(stops) == maxStops {
		stops[maxStops-1].Below = o.Next
	} else {
		stops = append(stops, Stop{Below: o.Next, At: now.UTC().Truncate(time.Second)})
	}
	o.Stops, o.Live = stops, 0
	return o, true
}
