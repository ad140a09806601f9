// Package pat holds the rules of personal access tokens: how a value is
// spelled, who may create one, what it may do now, what it can be exchanged
// for, and when it is dead.
//
// It refuses to know where tokens are kept, how a JWT is signed or verified,
// and how a request arrives: the store, the keys and the issuer come in through
// the interfaces of this file, and package handler talks to clients. It imports
// the standard library and golang.org/x/text alone.
package pat

import (
	"context"
	"crypto"
	"crypto/rand"
	"io"
	"time"
)

// A Service is the rules together with what they need. The verbs are its
// methods, one file each. Fill in the fields before the first call; a Service
// must not be copied after it.
type Service struct {
	Store    Store
	Verifier Verifier
	// Signer is for exchange alone; every other function leaves it nil.
	Signer Signer
	// Broker is for exchange alone; nil where no role is configured.
	Broker Broker

	// Issuer is our own address: the iss of our JWTs, and their aud unless
	// another was asked for.
	Issuer string
	// PeopleIssuer is the OIDC issuer whose sessions are people.
	PeopleIssuer string
	// AdminGroup is the group of the administrators; empty means that there are
	// none.
	AdminGroup string
	// Audiences may be asked for at exchange, beside Issuer.
	Audiences []string
	// Lifetime is how long an exchanged JWT lives at most: 60 s to 3600 s.
	// Zero means DefaultLifetime.
	Lifetime time.Duration
	// Guest is set in front of somebody else's API: people are judged there,
	// but what their sessions show is not written down.
	Guest bool

	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Rand is where secrets come from; nil means crypto/rand.
	Rand io.Reader

	settings settingsCache
	slots    slotCache
}

// DefaultLifetime of an exchanged JWT.
const DefaultLifetime = 900 * time.Second

// A Store keeps people, their tokens, and the settings. Every read sees every
// write that was acknowledged before it began, and a write is whole or not at
// all. An error that is none of those named at a method means that the store
// did not answer; the core treats it as ErrUnavailable, never as an absence.
type Store interface {
	// Settings returns what all functions share. ErrNotFound: nothing was
	// published yet.
	Settings(ctx context.Context) (Settings, error)

	// SetPolicy replaces the policy, and nothing else of the settings.
	SetPolicy(ctx context.Context, p Policy, changed Mark) error

	// Slot returns a person's place, which never changes. ErrNotFound: the
	// person has none.
	Slot(ctx context.Context, p Person) (Slot, error)
	// Owner returns what is kept of a person. ErrNotFound: nothing.
	Owner(ctx context.Context, slot Slot) (Owner, error)
	// Enrol writes a new owner and the way from person to slot, in one step.
	// ErrConflict: the person has a slot already, or the slot has an owner.
	Enrol(ctx context.Context, o Owner) error
	// Refresh writes what the newest session shows (Name, Groups, GroupsAt,
	// GroupsSum, SeenAt) and nothing else of the owner. ErrConflict: the owner's item is
	// no longer at o.Version.
	Refresh(ctx context.Context, o Owner) error
	// Recount writes o.Live and nothing else of the owner. ErrConflict: the
	// owner's item is no longer at o.Version.
	Recount(ctx context.Context, o Owner) error
	// Disable writes o.Disabled, o.Changed and nothing else of the owner. ErrConflict: the
	// owner's item is no longer at o.Version.
	Disable(ctx context.Context, o Owner) error
	// Stop writes o.Stops, o.Live, o.Changed and nothing else of the owner. ErrConflict:
	// the owner's item is no longer at o.Version.
	Stop(ctx context.Context, o Owner) error

	// Look returns a token and its owner, in one round trip. ErrNotFound: no
	// such token.
	Look(ctx context.Context, id ID) (Token, Owner, error)
	// LookBoth is Look for two tokens, which may be one and may have one owner,
	// in one round trip. ErrNotFound: one of them is not there.
	LookBoth(ctx context.Context, a, b ID) (Found, Found, error)
	// LookAll is Look for at most MaxReported different tokens, in a few round
	// trips. One that is not there is not in the answer.
	LookAll(ctx context.Context, ids []ID) (map[ID]Found, error)
	// List returns at most limit tokens of a slot, newest first, starting
	// below the id before (the newest where it is empty), dead ones included.
	// Fewer than limit means that there are no more.
	List(ctx context.Context, slot Slot, before ID, limit int) ([]Token, error)
	// Scan returns at most limit tokens of everybody's, with their owners, from a
	// position on (the first where it is empty), dead ones included and in no
	// order; and the position to go on from, empty where nothing follows. It may
	// return fewer, even none, before the end. What is written meanwhile may be
	// missing, and so may what cannot be read and works nowhere. ErrNotFound: the
	// position is none of this store's.
	Scan(ctx context.Context, position string, limit int) (found []Found, next string, err error)
	// Trail returns at most limit events of a thread, newest first, older than
	// the place before, or than now where that is the zero Place. Fewer than
	// limit means that there are no more.
	Trail(ctx context.Context, thread Thread, before Place, now time.Time, limit int) ([]Event, error)

	// Whatever changes a token writes its Changed too, and OwnedBy when it comes
	// into being.

	// Create writes the token, its name and its owner's Next and Live, in one
	// step. ErrNameTaken: another token holds the name, its own end is not
	// reached at CreatedAt, and its id is not below c.Owner.FirstLive. ErrConflict: the owner's item is no longer at
	// c.Owner.Version, or the id is in use.
	Create(ctx context.Context, c Creation) error
	// Update writes the token's Name, Description, Scopes, ExpiresAt,
	// AllowedCIDRs and UpdatedAt and its owner's Live, takes its name (with the end of its
	// holder) and frees the one before, in one step.
	// ErrNameTaken: as at Create. ErrConflict: the token's or the owner's item
	// is no longer at the Version given.
	Update(ctx context.Context, c Change) error
	// Rotate writes the token's Hash, Gen, Previous, PreviousGen, PreviousUntil,
	// Replaced and RotatedAt. ErrConflict: the token's item is no longer at t.Version.
	Rotate(ctx context.Context, t Token) error
	// Touch writes the token's LastUsedAt, LastUsedFrom, ScopesUsed, Networks
	// and Noted and counts Notes up, if its item is still at t.Notes. It asks for
	// no Version and leaves it as it is: a note touches nothing that is judged by
	// it, may be lost, and makes nobody else's change a conflict. ErrConflict:
	// somebody else's note came first, or there is no such token.
	Touch(ctx context.Context, t Token) error
	// Refuse writes a refusal down for its event. It changes nothing else, and
	// however many there are, none stands in another's way. One of a token that is
	// not there may have no event.
	Refuse(ctx context.Context, r Refusal) error
	// Each hands over one of so many parts of all tokens, page by page and in no
	// order, until take returns an error, which it returns. What is written
	// meanwhile may be missing, and so may what cannot be read.
	Each(ctx context.Context, part, parts int, take func([]Token) error) error
	// Warn writes the token's Warned, WarnedIdle and Noted as Touch does what it
	// writes, if its item is still at t.Version too.
	Warn(ctx context.Context, t Token) error
	// Revoke writes the token's RevokedAt and its owner's Live, and frees the
	// name if this token holds it, in one step. ErrConflict: the token's or
	// the owner's item is no longer at the Version given.
	Revoke(ctx context.Context, r Revocation) error
}

// Found is a token with its owner.
type Found struct {
	Token Token
	Owner Owner
}

// A Creation is everything that comes into being with a token.
type Creation struct {
	Token Token
	// NameKey is the token's name as it is compared: see nameKey.
	NameKey string
	// Owner as it was read, with Next and Live as they shall be.
	Owner Owner
}

// A Change is everything that changes when a token is updated.
type Change struct {
	// Token as it was read, with the fields of Update as they shall be.
	Token Token
	// NameKey is of the name as it shall be, OldNameKey as it was: often the same.
	NameKey, OldNameKey string
	// Owner as it was read, with Live as it shall be.
	Owner Owner
	// At is the moment at which the name must be free.
	At time.Time
}

// A Revocation is everything that changes when a token is revoked.
type Revocation struct {
	// Token as it was read, with RevokedAt as it shall be.
	Token   Token
	NameKey string
	// Owner as it was read, with Live as it shall be.
	Owner Owner
}

// A Signer holds the keys that JWTs are signed with.
type Signer interface {
	// KeyID names the key that signs now: its kid. It asks nobody.
	KeyID() string
	// Sign returns the compact JWS over the payload, signed by the key that KeyID
	// named, of which this is what was published; its kid, its algorithm and typ
	// are in the header. Any error means that the key did not answer.
	Sign(ctx context.Context, by Key, typ string, payload []byte) (Secret, error)
}

// A Key is one of our public keys, as every verifier may have it.
type Key struct {
	ID        string // kid: the key's own id, never an alias
	Algorithm string // RS256 or ES256, by the kind of key
	Public    crypto.PublicKey
}

// A Verifier reads JWTs: ours, with the keys that are published, and those of the
// people's issuer, whose keys it fetches.
type Verifier interface {
	// Verify returns what a good JWT says. ErrUnauthorized: it is not good.
	// Any other error: the key that it names could not be had.
	Verify(ctx context.Context, jwt Secret, expect Expectation) (Claims, error)
}

// An Expectation is what a JWT of ours must satisfy.
type Expectation struct {
	// Key returns the key of ours with that kid. ErrNotFound: nobody trusts it. Any
	// other error: nobody can tell.
	Key func(ctx context.Context, id string) (Key, error)
	// AnyAudience takes one that is for others: introspection reports the
	// audience and does not judge it.
	AnyAudience bool
}

// Claims are what a JWT says, ours or a person's. No text is longer than 256
// characters.
type Claims struct {
	Issuer    string
	Subject   string
	Audience  []string
	IssuedAt  time.Time
	ExpiresAt time.Time
	ClientID  string
	ID        string // jti; empty where a session has none

	// Of our own JWTs.

	Scopes  []string
	TokenID ID     // pat; empty when it came from a session
	Gen     int    // gen
	Actor   *Actor // act; nil for none

	// Of a person's session.

	Name     string
	Groups   []string
	AuthTime time.Time // zero where the session has none
}

func (s *Service) now() time.Time {
	if s.Now == nil {
		return time.Now()
	}
	return s.Now()
}

func (s *Service) random() io.Reader {
	if s.Rand == nil {
		return rand.Reader
	}
	return s.Rand
}
