package main

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// A session is somebody who signed in with this browser and has not signed out.
type session struct {
	subject string
	at      time.Time // of the sign-in, to the second, as auth_time tells it
}

// rememberedFor is how long a sign-in is remembered, and mostRemembered how many
// are: one more forgets the oldest.
const (
	rememberedFor  = 8 * time.Hour
	mostRemembered = 100
)

// sessions are those of every browser, by what its cookie holds. They live in
// memory: a restart forgets them.
type sessions struct {
	mu   sync.Mutex
	open map[string]session
}

// start remembers a sign-in, and returns what the cookie shall hold.
func (s *sessions) start(subject string, now time.Time) (string, session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = map[string]session{}
	}
	if len(s.open) >= mostRemembered {
		oldest := ""
		for id, old := range s.open {
			if oldest == "" || old.at.Before(s.open[oldest].at) {
				oldest = id
			}
		}
		delete(s.open, oldest)
	}
	id, began := rand.Text(), session{subject: subject, at: now.Truncate(time.Second)}
	s.open[id] = began
	return id, began
}

func (s *sessions) find(id string, now time.Time) (session, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok := s.open[id]
	return found, ok && now.Sub(found.at) < rememberedFor
}

func (s *sessions) end(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, id)
}

// cookie is what a browser keeps of a sign-in. No script reads it, and no request
// that another site makes carries it but for a link that somebody follows. (There
// is no https on a laptop.) Cookies know no ports, so the name tells them apart.
func (p *idp) cookie(value string) *http.Cookie {
	at, err := url.Parse(p.issuer)
	if err != nil {
		panic(err) // it is made by main, of a port
	}
	return &http.Cookie{
		Name:     "counterfoil-sign-in-" + at.Port(),
		Value:    value,
		Path:     idpPath,
		MaxAge:   int(rememberedFor.Seconds()),
		HttpOnly: true,
		SameSite: http.SameSiteLaxMode,
	}
}

// remember signs a browser in. What it was signed in as before is forgotten.
func (p *idp) remember(w http.ResponseWriter, r *http.Request, subject string) session {
	p.endSession(r)
	id, began := p.sessions.start(subject, p.now())
	http.SetCookie(w, p.cookie(id))
	return began
}

// forget signs a browser out.
func (p *idp) forget(w http.ResponseWriter, r *http.Request) {
	p.endSession(r)
	gone := p.cookie("")
	gone.MaxAge = -1
	http.SetCookie(w, gone)
}

func (p *idp) endSession(r *http.Request) {
	for _, c := range r.CookiesNamed(p.cookie("").Name) {
		p.sessions.end(c.Value)
	}
}

// remembered returns who is signed in with a browser.
func (p *idp) remembered(r *http.Request) (session, bool) {
	for _, c := range r.CookiesNamed(p.cookie("").Name) {
		if s, ok := p.sessions.find(c.Value, p.now()); ok {
			return s, true
		}
	}
	return session{}, false
}
