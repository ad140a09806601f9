package client

import (
	"context"
	"time"

	"golang.org/x/oauth2"
)

// A TokenSource exchanges a credential for a JWT, keeps that in memory, and
// exchanges again before it ends. It is safe for concurrent use; there is one
// exchange at a time, and whoever comes meanwhile waits for it.
type TokenSource struct {
	client  *Client
	request ExchangeRequest
	ctx     context.Context // for Token, which takes none
	lock    chan struct{}   // holds one, to be waited for with a context
	got     Exchanged
	refresh time.Time
}

var _ oauth2.TokenSource = (*TokenSource)(nil)

// maxEarly is how long before its end a JWT is not handed out any more; of one
// that lives less than four times as long, a quarter of its life.
const maxEarly = time.Minute

// outagePause is how long nobody asks again after the server did not answer.
const outagePause = 5 * time.Second

// TokenSource returns a source of what a request buys. The context is that of
// every exchange made for Token, as is the custom of golang.org/x/oauth2.
func (c *Client) TokenSource(ctx context.Context, r ExchangeRequest) *TokenSource {
	s := &TokenSource{client: c, request: r, ctx: ctx, lock: make(chan struct{}, 1)}
	s.lock <- struct{}{}
	return s
}

// Token returns a JWT for use as a Bearer. Print no oauth2.Token: unlike a
// Secret it shows itself.
func (s *TokenSource) Token() (*oauth2.Token, error) {
	got, err := s.Exchanged(s.ctx)
	if err != nil {
		return nil, err
	}
	return &oauth2.Token{AccessToken: got.AccessToken.Reveal(), TokenType: "Bearer", Expiry: got.ExpiresAt}, nil
}

// Exchanged returns what was bought, and waits no longer than the context
// allows. During an outage it returns what it has for as long as that lives.
func (s *TokenSource) Exchanged(ctx context.Context) (Exchanged, error) {
	select {
	case <-s.lock:
		defer func() { s.lock <- struct{}{} }()
	case <-ctx.Done():
		return Exchanged{}, ctx.Err()
	}
	now := s.client.now()
	if now.Before(s.refresh) {
		return s.got, nil
	}
	got, err := s.client.Exchange(ctx, s.request)
	if err != nil {
		if now.Before(s.got.ExpiresAt) && IsOutage(err) {
			s.refresh = now.Add(outagePause)
			if s.got.ExpiresAt.Before(s.refresh) {
				s.refresh = s.got.ExpiresAt
			}
			return s.got, nil
		}
		if !IsOutage(err) && ctx.Err() == nil {
			s.got = Exchanged{} // refused: no outage that follows brings it back
		}
		return Exchanged{}, err
	}
	s.got, s.refresh = got, got.ExpiresAt.Add(-min(maxEarly, got.ExpiresAt.Sub(now)/4))
	return got, nil
}
