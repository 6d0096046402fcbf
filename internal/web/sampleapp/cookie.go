package sampleapp

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// pending is a login on its way. It travels in a sealed cookie, one for each login, so that two tabs do not disturb each
// other and nothing is kept for visitors who never come back.
type pending struct {
	State    string    `json:"state"`
	Nonce    string    `json:"nonce"`
	Verifier string    `json:"verifier"`
	Expires  time.Time `json:"expires"`
}

// sealer encrypts and authenticates cookies with a key that lives as long as the process.
type sealer struct{ aead cipher.AEAD }

func newSealer() (*sealer, error) {
	key := make([]byte, 32)
	rand.Read(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("make cookie key: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("make cookie key: %w", err)
	}
	return &sealer{aead}, nil
}

func (s *sealer) seal(p pending, name string) (string, error) {
	text, err := json.Marshal(p)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(s.aead.Seal(nil, nil, text, []byte(name))), nil
}

func (s *sealer) open(value, name string) (p pending, ok bool) {
	sealed, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil {
		return p, false
	}
	text, err := s.aead.Open(nil, nil, sealed, []byte(name))
	if err != nil {
		return p, false
	}
	return p, json.Unmarshal(text, &p) == nil
}

// stateForm is what our own states look like; a part of it names the cookie.
var stateForm = regexp.MustCompile(`^[A-Z2-7]{26}$`)

func (a *app) pendingCookie(state string) string { return a.cookies + "login_" + state[:10] }

func (a *app) keepPending(w http.ResponseWriter, p pending) error {
	name := a.pendingCookie(p.State)
	value, err := a.sealer.seal(p, name)
	if err != nil {
		return err
	}
	a.setCookie(w, name, value, "/callback", pendingLife)
	return nil
}

// takePending returns the login that this browser began with this state, once: all pending logins of the browser end
// with it.
func (a *app) takePending(w http.ResponseWriter, r *http.Request, state string) (pending, bool) {
	if !stateForm.MatchString(state) {
		return pending{}, false
	}
	name := a.pendingCookie(state)
	c, err := r.Cookie(name)
	if err != nil {
		return pending{}, false
	}
	p, ok := a.sealer.open(c.Value, name)
	if !ok || p.State != state || !a.Now().Before(p.Expires) {
		return pending{}, false
	}
	for _, c := range r.Cookies() {
		if strings.HasPrefix(c.Name, a.cookies+"login_") {
			a.setCookie(w, c.Name, "", "/callback", -1)
		}
	}
	return p, true
}

// setCookie sets a cookie for this application; a negative life deletes it. Lax, because people return from the server
// by a link from another site: http://localhost and https://localhost are two.
func (a *app) setCookie(w http.ResponseWriter, name, value, path string, life time.Duration) {
	c := &http.Cookie{
		Name: name, Value: value, Path: path, MaxAge: int(life.Seconds()),
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: a.base.Scheme == "https",
	}
	if life < 0 {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

func random() string { return rand.Text() }
