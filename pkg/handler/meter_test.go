package handler

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

// A slow store, signer and broker take 3 ms each.
type slow struct {
	pat.Store
	err error
}

func (s slow) Settings(context.Context) (pat.Settings, error) {
	time.Sleep(3 * time.Millisecond)
	return pat.Settings{}, s.err
}

func (s slow) KeyID() string { return "" }

func (s slow) Sign(context.Context, pat.Key, string, []byte) (pat.Secret, error) {
	time.Sleep(3 * time.Millisecond)
	return pat.Secret{}, s.err
}

func (s slow) Credentials(context.Context, pat.AWSRequest) (pat.AWSCredentials, error) {
	time.Sleep(3 * time.Millisecond)
	return pat.AWSCredentials{}, s.err
}

func TestTheMeterCountsAndTimes(t *testing.T) {
	for name, err := range map[string]error{"an answer": nil, "no answer": errors.New("no")} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := Meter(&pat.Service{Store: slow{err: err}, Signer: slow{err: err}, Broker: slow{err: err}})
				ctx, line := begin(t.Context(), "exchange", "r1")
				_, storeErr := s.Store.Settings(ctx)
				_, signErr := s.Signer.Sign(ctx, pat.Key{}, "JWT", nil)
				_, brokerErr := s.Broker.Credentials(ctx, pat.AWSRequest{})
				if storeErr != err || signErr != err || brokerErr != err {
					t.Errorf("errors %v, %v, %v, want %v", storeErr, signErr, brokerErr, err)
				}
				signs, failures := 1, 0
				if err != nil {
					signs, failures = 0, 1
				}
				m := &line.meter
				if m.trips != 3 || m.signs != signs || m.signFailures != failures || len(m.store) != 1 || m.store[0] != 3*time.Millisecond {
					t.Errorf("%d round trips, %d and %d signatures, store %v", m.trips, m.signs, m.signFailures, m.store)
				}
				// Another request's is another's.
				if _, other := begin(t.Context(), "exchange", "r2"); other.meter.trips != 0 {
					t.Errorf("another request starts with %d", other.meter.trips)
				}
			})
		})
	}
}

func TestNothingStaysNothing(t *testing.T) {
	s := Meter(&pat.Service{Store: slow{}})
	if s.Signer != nil || s.Broker != nil {
		t.Error("what a function does not hold, it holds now")
	}
	if _, err := s.Store.Settings(t.Context()); err != nil { // outside of a request
		t.Error(err)
	}
}

// TestEveryMethodOfTheStoreIsCounted: a store that does not exist panics, after
// the meter was told.
func TestEveryMethodOfTheStoreIsCounted(t *testing.T) {
	store := reflect.ValueOf(Meter(&pat.Service{}).Store)
	port := reflect.TypeFor[pat.Store]()
	if port.NumMethod() < 10 {
		t.Fatalf("the port has %d methods", port.NumMethod())
	}
	for method := range port.Methods() {
		ctx, line := begin(t.Context(), "", "")
		args := []reflect.Value{reflect.ValueOf(ctx)}
		for i := 1; i < method.Type.NumIn(); i++ {
			args = append(args, reflect.Zero(method.Type.In(i)))
		}
		func() {
			defer func() { _ = recover() }()
			store.MethodByName(method.Name).Call(args)
		}()
		if line.meter.trips != 1 || len(line.meter.store) != 1 {
			t.Errorf("%s counts as %d round trips", method.Name, line.meter.trips)
		}
	}
}
