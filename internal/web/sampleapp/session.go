package sampleapp

import (
	"crypto/subtle"
	"net/http"
	"sync"
	"time"
)

// session is one person logged in to this application. Everything behind mu changes when tokens are refreshed.
type session struct {
	id      string
	csrf    string // hidden field of every form
	nonce   string
	subject string
	expires time.Time

	mu           sync.Mutex
	idToken      string
	accessToken  string
	refreshToken string // empty when the server gave none or no longer accepts it
	scope        string
	verified     []check
	last         *outcome // what the last button did
}

// sessions keeps the people who are logged in, in memory: a bounded number, each for a bounded time.
type sessions struct {
	now  func() time.Time
	mu   sync.Mutex
	byID map[string]*session
}

func newSessions(now func() time.Time) *sessions {
	return &sessions{now: now, byID: map[string]*session{}}
}

// add gives s an id and keeps it. When there are too many, the one that would end first makes room.
func (l *sessions) add(s *session) {
	s.id, s.csrf = random(), random()
	s.expires = l.now().Add(sessionLife)
	l.mu.Lock()
	defer l.mu.Unlock()
	var oldest *session
	for id, old := range l.byID {
		if !l.now().Before(old.expires) {
			delete(l.byID, id)
		} else if oldest == nil || old.expires.Before(oldest.expires) {
			oldest = old
		}
	}
	if len(l.byID) >= sessionLimit {
		delete(l.byID, oldest.id)
	}
	l.byID[s.id] = s
}

// find returns the living session with this id, or nil.
func (l *sessions) find(id string) *session {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.byID[id]
	if s == nil || !l.now().Before(s.expires) {
		return nil
	}
	return s
}

func (l *sessions) remove(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.byID, id)
}

func (a *app) sessionOf(r *http.Request) *session {
	c, err := r.Cookie(a.cookies + "session")
	if err != nil {
		return nil
	}
	return a.sessions.find(c.Value)
}

// withSession admits a form that comes from a page of ours: the browser's own word for the origin has been checked
// before, and the form carries the token of the session it was drawn for.
func (a *app) withSession(next func(http.ResponseWriter, *http.Request, *session)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s := a.sessionOf(r)
		if s == nil {
			a.showTrouble(w, sessionEnded)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, 8<<10)
		if subtle.ConstantTimeCompare([]byte(r.PostFormValue("csrf")), []byte(s.csrf)) != 1 {
			a.showTrouble(w, foreignForm)
			return
		}
		next(w, r, s)
	}
}
