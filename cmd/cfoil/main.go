// Cfoil is the command line: for a person at a terminal, a CI job, a background
// worker. It signs people in, creates and kills tokens, exchanges them, and
// hands them to AWS and git.
//
// Nothing secret is ever an argument of it or of a program that it starts.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	// A pipe that is closed early shall be an error of the write, not our end:
	// a token may just have been created. (Ignored, it would stay so in the
	// programs that we start.)
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // whoever asks twice does not wait for us
	a := newApp()
	code := a.run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}
