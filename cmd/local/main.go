// Local runs the whole service on a laptop, on one port: the API behind a local
// gateway, the sign-in, the example API and the console. The handlers, the rules and
// the promise are those that are deployed; here are the parts that AWS has of
// its own (gateway.go) and a sign-in for people without passwords (idp.go).
//
// It listens on 127.0.0.1 only. PORT (default 8080; 0 for any), STATE (default
// .local) and CONSOLE (default console/dist) come from the environment.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
	"time"
)

func main() {
	verb := flag.String("invoke", "", "send `events/<verb>.json` through its function and print the answer, instead of serving")
	rotates := flag.Bool("rotate-key", false, "add a signing key to the state, instead of serving")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	var err error
	switch {
	case *rotates:
		err = rotateKey(stateFolder(os.Getenv), time.Now(), os.Stdout)
	case *verb != "":
		err = invoke(ctx, *verb, os.Stdout, os.Stderr)
	default:
		err = run(ctx, os.Getenv, os.Stdout, os.Stderr)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "counterfoil:", err)
		os.Exit(1)
	}
}

func stateFolder(getenv func(string) string) string { return cmp.Or(getenv("STATE"), ".local") }

// run serves until the context ends. Its errors are one line each.
func run(ctx context.Context, getenv func(string) string, stdout, stderr io.Writer) error {
	port, err := strconv.ParseUint(cmp.Or(getenv("PORT"), "8080"), 10, 16)
	if err != nil {
		return errors.New("PORT must be a number from 0 to 65535")
	}
	listener, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", port))
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("port %d is in use: set PORT to another", port)
	}
	if err != nil {
		return err
	}
	defer listener.Close()
	origin := "http://" + listener.Addr().String()
	log := slog.New(slog.NewTextHandler(stderr, nil))

	s, err := newServer(ctx, config{
		Origin:  origin,
		State:   stateFolder(getenv),
		Console: cmp.Or(getenv("CONSOLE"), "console/dist"),
		Log:     log,
		Now:     time.Now,
	})
	if err != nil {
		return err
	}
	web := newHTTPServer(s, log)
	following, unfollow := context.WithCancel(ctx)
	var follower sync.WaitGroup
	follower.Go(func() { s.followKeys(following) })
	follower.Go(func() { s.followTrail(following) })
	follower.Go(func() { s.followEnds(following) })
	failed := make(chan error, 1)
	go func() { failed <- web.Serve(listener) }()
	fmt.Fprintln(stdout, "ready:", origin)

	select {
	case err = <-failed:
	case <-ctx.Done():
		err = shutDown(web)
	}
	unfollow()
	follower.Wait()
	if closed := s.Close(); err == nil {
		err = closed
	}
	return err
}

// newHTTPServer bounds what a client can hold on to. Headers may be far larger
// than the gateway takes, so that it can say so.
func newHTTPServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:                      h,
		MaxHeaderBytes:               4 << 20,
		ReadHeaderTimeout:            10 * time.Second,
		ReadTimeout:                  30 * time.Second,
		WriteTimeout:                 90 * time.Second,
		IdleTimeout:                  2 * time.Minute,
		DisableGeneralOptionsHandler: true, // OPTIONS * is no route either
		ErrorLog:                     slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

// shutDown lets requests that are under way finish, for a while.
func shutDown(web *http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := web.Shutdown(ctx); err != nil {
		return web.Close()
	}
	return nil
}
