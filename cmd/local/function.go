package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

// A function is a Lambda function as API Gateway sees it: JSON in, JSON out.
type function func(ctx context.Context, event []byte) ([]byte, error)

// functionOf makes one of a handler, as the Lambda runtime does: the handler
// sees exactly what survives JSON. (The NewHandler of aws-lambda-go reuses its
// output buffer when Invoke returns. Lambda has one call at a time; here one
// caller's answer could become another's.)
func functionOf[In, Out any](handle func(context.Context, In) (Out, error)) function {
	return func(ctx context.Context, event []byte) ([]byte, error) {
		var in In
		if err := json.Unmarshal(event, &in); err != nil {
			return nil, fmt.Errorf("read the event: %w", err)
		}
		out, err := handle(ctx, in)
		if err != nil {
			return nil, err
		}
		return json.Marshal(out)
	}
}

type toldKey struct{}

// withTold is the context of a request, and whether a function that telling made
// has answered it.
func withTold(ctx context.Context) (context.Context, *atomic.Bool) {
	told := new(atomic.Bool)
	return context.WithValue(ctx, toldKey{}, told), told
}

// telling is a function that logs what it answers: nobody need say it again.
func (f function) telling() function {
	return func(ctx context.Context, event []byte) ([]byte, error) {
		out, err := f(ctx, event)
		if told, ok := ctx.Value(toldKey{}).(*atomic.Bool); ok && err == nil {
			told.Store(true)
		}
		return out, err
	}
}

// How a function can fail beside returning an error.
var (
	errPanicked = errors.New("panicked")
	errTimedOut = errors.New("timed out")
)

// withRequestID is the context in which Lambda runs a function: what it logs
// under its own request id can be found by the gateway's.
func withRequestID(ctx context.Context, id string) context.Context {
	return lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{AwsRequestID: id})
}

// call runs a function and waits for it at most so long. A client that goes
// away does not stop it, as it does not in Lambda.
func (f function) call(ctx context.Context, timeout time.Duration, log *slog.Logger, event any) ([]byte, error) {
	payload, err := json.Marshal(event)
	if err != nil {
		return nil, fmt.Errorf("write the event: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()

	type outcome struct {
		out []byte
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		defer func() {
			if v := recover(); v != nil {
				log.Error("function panicked", "panic", sayPanic(v), "stack", string(debug.Stack()))
				done <- outcome{err: errPanicked}
			}
		}()
		out, err := f(ctx, payload)
		done <- outcome{out, err}
	}()
	select {
	case o := <-done:
		return o.out, o.err
	case <-ctx.Done():
		return nil, errTimedOut
	}
}

// sayPanic tells what the Go runtime says; of any other value only the type,
// which can hold no secret.
func sayPanic(v any) string {
	if err, ok := v.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("%T", v)
}
