// Package store keeps people, tokens and settings: in one table of DynamoDB's,
// on a laptop in one file of bbolt's. It checks the conditions that package
// pat's Store names and changes what they guard in one transaction; it refuses
// to know what a token may do, or whether one is alive.
//
// It is ours; nobody else imports it.
package store
