package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/counterfoil/counterfoil/examples/notes"
	"github.com/counterfoil/counterfoil/pkg/api"
	"github.com/counterfoil/counterfoil/pkg/broker"
	"github.com/counterfoil/counterfoil/pkg/bus"
	"github.com/counterfoil/counterfoil/pkg/handler"
	"github.com/counterfoil/counterfoil/pkg/identity"
	"github.com/counterfoil/counterfoil/pkg/pat"
	"github.com/counterfoil/counterfoil/pkg/signer"
	"github.com/counterfoil/counterfoil/pkg/store"
)

// A config is what the whole is built from.
type config struct {
	// Origin is our address, http://127.0.0.1:PORT: the issuer of our JWTs and
	// the console's origin.
	Origin string
	// State is the folder for everything that outlives the process.
	State string
	// Console is the folder that the console was built into. It need not be there.
	Console string
	Log     *slog.Logger
	Now     func() time.Time
}

// What the laptop is configured with, as a deployment would be.
const (
	cliClient = "counterfoil-cli"
	// adminGroup is the administrators'.
	adminGroup = "admins"
	// elsewhere is a second audience, guarded by nobody here.
	elsewhere = "urn:counterfoil:elsewhere"
	// awsRole is what AWS credentials are for here; no account has it.
	awsRole = "arn:aws:iam::000000000000:role/counterfoil-local"
	// functionTimeout is the longest that API Gateway waits.
	functionTimeout = 29 * time.Second
)

// A server is everything on one port: our API and the example's behind a
// gateway, the sign-in, and the console.
type server struct {
	config
	store  *store.Bolt
	key    *signer.Keyring
	people *people
	notes  *notes.Notes
	trail  *bus.File
	http.Handler
}

// newServer opens the state and puts the parts together. Close closes it.
func newServer(ctx context.Context, c config) (_ *server, err error) {
	s := &server{config: c}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	if err := os.MkdirAll(c.State, 0o700); err != nil {
		return nil, fmt.Errorf("state folder: %w", err)
	}
	// The store first: it keeps a second process out of the folder.
	if s.store, err = store.OpenBolt(filepath.Join(c.State, "counterfoil.db")); err != nil {
		return nil, err
	}
	// A state without settings has published nothing.
	settings, _ := s.store.Settings(ctx)
	if s.key, err = signer.OpenKeyring(c.State, signer.RS256, settings.Keys, c.Now); err != nil {
		return nil, err
	}
	idpKey, err := signer.OpenLocal(filepath.Join(c.State, "idp-key.pem"), idpSigningAlg)
	if err != nil {
		return nil, err
	}
	if s.people, err = openPeople(filepath.Join(c.State, "idp.json"), c.Now); err != nil {
		return nil, err
	}
	if s.notes, err = notes.Open(filepath.Join(c.State, "notes.jsonl")); err != nil {
		return nil, err
	}
	s.notes.Origin, s.notes.Now = c.Origin, c.Now
	if s.trail, err = bus.OpenFile(filepath.Join(c.State, trailFile)); err != nil {
		return nil, err
	}

	if err := s.key.Refresh(ctx, s.publish); err != nil {
		return nil, err
	}
	if _, err := s.store.Sweep(ctx, c.Now()); err != nil {
		return nil, fmt.Errorf("remove what is long dead: %w", err)
	}

	gateway, err := s.gateway()
	if err != nil {
		return nil, err
	}
	signIn := &idp{
		issuer:   c.Origin + idpPath,
		audience: c.Origin,
		key:      idpKey,
		people:   s.people,
		now:      c.Now,
	}
	ours := signIn.routes()
	ours["POST "+stsPath] = s.sts().ServeHTTP
	pages := console{origin: c.Origin, folder: c.Console}
	s.Handler = logged(c.Log, onlyTo(c.Origin, byPath(ours, pages.before(gateway))))
	return s, nil
}

// Close closes the state. It may be called once everything was answered.
func (s *server) Close() error {
	var errs []error
	if s.trail != nil {
		errs = append(errs, s.tell(context.Background()), s.trail.Close())
	}
	if s.notes != nil {
		errs = append(errs, s.notes.Close())
	}
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	return errors.Join(errs...)
}

// gateway puts the two APIs behind their authorizers.
func (s *server) gateway() (*gateway, error) {
	verifier := s.verifier()
	if err := verifier.Check(); err != nil {
		return nil, err
	}
	theirs, err := api.ParseRoutes(notes.Routes)
	if err != nil {
		return nil, fmt.Errorf("routes of the example: %w", err)
	}
	functions := s.functions()
	ours := handler.OwnAuthorizer(handler.Meter(s.service()))
	ours.Log = s.Log
	guest := handler.Authorizer{Tokens: handler.Meter(s.service()), Routes: theirs, Sessions: true, Log: s.Log}
	guest.Tokens.Guest = true
	notes := functionOf(s.notes.Handle)
	return &gateway{
		origin:  s.Origin,
		timeout: functionTimeout,
		now:     s.Now,
		log:     s.Log,
		apis: []restAPI{
			{
				id:         "counterfoil",
				routes:     api.Routes,
				authorizer: functionOf(ours.Authorize),
				serves:     func(r api.Route) function { return functions[r.Function] },
				binary:     slices.Contains(api.BinaryMediaTypes, "*/*"),
			},
			{
				id:         "notes",
				routes:     theirs,
				authorizer: functionOf(guest.Authorize),
				serves:     func(api.Route) function { return notes },
				binary:     true,
			},
		},
	}, nil
}

// functions builds every function of our API as its own main would. Only
// exchange gets the key, and a way to AWS.
func (s *server) functions() map[string]function {
	all := map[string]function{}
	for _, route := range api.Routes {
		if all[route.Function] != nil {
			continue
		}
		tokens := s.service()
		tokens.Guest = route.Function == "introspect"
		if route.Function == "exchange" {
			tokens.Signer = s.key
			tokens.Broker = broker.NewSTSAt(s.Origin+stsPath, awsRole)
		}
		handlers := handler.Handlers{Tokens: handler.Meter(tokens), Origin: s.Origin, CLIClientID: cliClient, Log: s.Log}
		all[route.Function] = functionOf(handlers.Function(route.Function)).telling()
	}
	return all
}

// service is what every function holds, each its own: what one has cached, no
// other knows.
func (s *server) service() *pat.Service {
	return &pat.Service{
		Store:        s.store,
		Verifier:     s.verifier(),
		Issuer:       s.Origin,
		PeopleIssuer: s.Origin + idpPath,
		AdminGroup:   adminGroup,
		Audiences:    []string{elsewhere},
		Now:          s.Now,
	}
}

func (s *server) verifier() *identity.Verifier {
	return &identity.Verifier{
		Own:         s.Origin,
		Audience:    s.Origin,
		Issuer:      s.Origin + idpPath,
		AnyClient:   true,
		GroupsClaim: "groups",
		Now:         s.Now,
	}
}

// sts is AWS's part of an exchange for AWS credentials.
func (s *server) sts() *sts {
	return &sts{
		issuer:  s.Origin,
		role:    awsRole,
		longest: time.Hour,
		http:    http.DefaultClient,
		now:     s.Now,
		log:     s.Log,
	}
}

// onlyTo refuses every request that was meant for another host: by DNS
// rebinding a web page could otherwise reach us under a name of its own.
func onlyTo(origin string, next http.Handler) http.Handler {
	u, err := url.Parse(origin)
	if err != nil {
		panic(err) // it is made by main, of a port
	}
	hosts := []string{"127.0.0.1:" + u.Port(), "localhost:" + u.Port()}
	if u.Port() == "80" { // which clients leave out
		hosts = append(hosts, "127.0.0.1", "localhost")
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !slices.Contains(hosts, strings.ToLower(r.Host)) {
			header := w.Header()
			header.Set("Content-Type", "application/problem+json")
			header.Set("Cache-Control", "no-store")
			header.Set("X-Request-Id", rand.Text())
			w.WriteHeader(http.StatusMisdirectedRequest)
			fmt.Fprintf(w, `{"type":"about:blank","title":"Misdirected Request","status":%d}`, http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// logged writes a line for every answer of which no function of ours told: by
// the request id that a client was told one finds what became of the request. It
// holds nothing that the client wrote.
func logged(log *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, told := withTold(r.Context())
		seen := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(seen, r.WithContext(ctx))
		if !told.Load() {
			log.Info("answered", "request_id", w.Header().Get("X-Request-Id"), "status", seen.status)
		}
	})
}

// A statusWriter remembers the status.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// byPath gives the sign-in and STS their paths, as they are written, and hands
// all others on.
func byPath(ours map[string]http.HandlerFunc, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if handle, ok := ours[r.Method+" "+r.URL.EscapedPath()]; ok {
			w.Header().Set("Cache-Control", "no-store")
			w.Header().Set("X-Request-Id", rand.Text())
			handle(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}
