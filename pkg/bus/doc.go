// Package bus tells others what happened: on AWS an EventBridge bus, on a laptop
// a file. It tells what it is given, at least once, and refuses to know what an
// event means.
//
// It is ours; nobody else imports it.
package bus
