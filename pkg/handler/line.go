package handler

import (
	"context"
	"log/slog"
	"math"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/counterfoil/counterfoil/pkg/api"
	"github.com/counterfoil/counterfoil/pkg/pat"
)

// An outcome is what became of a request, in one word.
type outcome string

const (
	granted  outcome = "granted"  // the authorizer let it through
	answered outcome = "answered" // 2xx
	refused  outcome = "refused"  // 4xx
	failed   outcome = "failed"   // ours: 5xx
)

// A line is what our log says of one request: one line each, in every function
// that saw it. Of what a client wrote it holds only ids of the right shape.
type line struct {
	requestID string // the gateway's; of a TOKEN event our own
	ownID     string // this invocation's, as Lambda has it
	verb      string

	kind pat.Kind
	// tokenID is that of the credential, else of the token that the request is
	// about. Of a refusal and a revocation it is what the value claims.
	tokenID pat.ID
	owner   string // sub

	outcome outcome
	status  int // zero where the function behind the authorizer decides it
	code    string
	reason  string
	// class of a refusal. Before there is one it says what was shown.
	class api.RefusalClass

	began time.Time
	meter meter
}

// begin starts the line of a request, and the count of what it costs.
func begin(ctx context.Context, verb, requestID string) (context.Context, *line) {
	l := &line{verb: verb, requestID: requestID, class: api.ClassMalformed, began: time.Now()}
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		l.ownID = lc.AwsRequestID
	}
	if l.requestID == "" {
		l.requestID = l.ownID // a TOKEN event has none; the access log knows this one
	}
	return context.WithValue(ctx, meterKey{}, &l.meter), l
}

// show notes what a credential looks like, before anybody knows whether it is good.
func (l *line) show(credential pat.Secret) {
	if id, err := pat.Parse(credential); err == nil {
		l.kind, l.tokenID, l.class = pat.KindPAT, id, api.ClassToken
	} else if strings.Count(credential.Reveal(), ".") == 2 {
		l.class = api.ClassJWT
	}
}

// by notes whose credential it is.
func (l *line) by(g pat.Grant) {
	l.kind, l.owner, l.class = g.Kind, g.Person.Subject, api.ClassJWT
	if g.TokenID != "" {
		l.tokenID = g.TokenID
	}
	if g.Kind == pat.KindPAT {
		l.class = api.ClassToken
	}
}

// refuse notes a refusal, or a failure, and why. The reason goes nowhere else.
func (l *line) refuse(status int, code string, reason error) {
	l.outcome, l.status, l.code, l.reason = refused, status, code, reason.Error()
	switch {
	case status >= 500:
		l.outcome = failed
	case isBadCredential(reason): // of the class that was shown
	case status == 403, code == string(api.SignInAgain):
		l.class = api.ClassRights
	case status == 404:
		l.class = api.ClassNotFound
	case status == 409:
		l.class = api.ClassState
	default:
		l.class = api.ClassRequest
	}
}

// write writes the line. The caller defers it: a panic has its line too.
func (l *line) write(ctx context.Context, log *slog.Logger) {
	took := time.Since(l.began)
	if l.outcome == "" {
		l.outcome, l.status, l.reason = failed, 503, "panicked"
	}
	level := slog.LevelInfo
	if l.outcome == failed {
		level = slog.LevelError
	}
	attrs := []slog.Attr{slog.String("request_id", l.requestID)}
	add := func(name, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(name, value))
		}
	}
	if l.ownID != l.requestID {
		add("function_request_id", l.ownID)
	}
	add("verb", l.verb)
	add("kind", string(l.kind))
	add("token_id", string(l.tokenID))
	add("owner", l.owner)
	add("outcome", string(l.outcome))
	if l.status != 0 {
		attrs = append(attrs, slog.Int("status", l.status))
	}
	add("code", l.code)
	add("reason", l.reason)

	l.meter.mu.Lock()
	defer l.meter.mu.Unlock()
	attrs = append(attrs, slog.Int("round_trips", l.meter.trips), slog.Float64("duration_ms", milliseconds(took)))
	if lambdacontext.FunctionName != "" {
		attrs = append(attrs, l.metrics(lambdacontext.FunctionName)...)
	}
	if log == nil {
		log = lambdaLog
	}
	log.LogAttrs(ctx, level, "request", attrs...)
}

// lambdaLog writes JSON as Lambda reads it: its level and its time are then the
// log's.
var lambdaLog = slog.New(slog.NewJSONHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: lambdacontext.ReplaceAttr}))

// milliseconds in steps of a microsecond.
func milliseconds(d time.Duration) float64 {
	return math.Round(float64(d)/float64(time.Microsecond)) / 1000
}
