package httpx

import (
	"net/http"
	"slices"
	"time"
)

// Cookies names, sets and reads the cookies of one site (Auth0's page "Authentication API cookies"). A site on https has
// Secure cookies, and our own carry the prefix __Host-, so that no sibling host can write them (RFC 6265bis section
// 4.1.3). A site on plain http, which exists only on loopback, has neither.
type Cookies struct {
	Secure bool
}

// CookiesOf gives the cookies of the request's site.
func CookiesOf(r *http.Request) Cookies {
	return Cookies{Secure: Site(r.Context()).Secure()}
}

// Name gives the name on the wire of one of our own cookies.
func (c Cookies) Name(own string) string {
	if c.Secure {
		return "__Host-" + own
	}
	return own
}

// SetOwn sets a cookie of ours: strictly for this host, never in requests that other sites start except plain navigation.
// Life zero means until the browser closes.
func (c Cookies) SetOwn(w http.ResponseWriter, name, value string, life time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: c.Name(name), Value: value, Path: "/", MaxAge: seconds(life),
		Secure: c.Secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// Own reads a cookie of ours.
func (c Cookies) Own(r *http.Request, name string) (string, bool) {
	return one(r, c.Name(name))
}

// ClearOwn removes a cookie of ours.
func (c Cookies) ClearOwn(w http.ResponseWriter, name string) {
	http.SetCookie(w, &http.Cookie{
		Name: c.Name(name), Path: "/", MaxAge: -1,
		Secure: c.Secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// SetAcross sets a cookie of ours that is sent with requests from pages of other sites too. A partitioned one is sent only
// from pages of the site that it was set under, which browsers that keep all others back still do (CHIPS). Life -1 removes it.
func (c Cookies) SetAcross(w http.ResponseWriter, name, value string, life time.Duration, partitioned bool) {
	cookie := c.shared(c.Name(name), value, -1)
	if life > 0 {
		cookie.MaxAge = seconds(life)
	}
	cookie.Partitioned = partitioned && c.Secure
	http.SetCookie(w, cookie)
}

// SetShared sets a cookie under a name that Auth0 documents, such as "auth0": it is sent with requests from other sites
// too, which silent authentication in a frame needs. Life zero means until the browser closes.
func (c Cookies) SetShared(w http.ResponseWriter, name, value string, life time.Duration) {
	http.SetCookie(w, c.shared(name, value, seconds(life)))
}

// Shared reads a cookie under a name that Auth0 documents.
func (c Cookies) Shared(r *http.Request, name string) (string, bool) {
	return one(r, name)
}

// SharedValues gives every value that the browser sent under a name that Auth0 documents. One of them is the site's own; the
// others were planted by a sibling host. It is for what any of them may end, such as a session at its logout. There are at
// most maxSameName: a browser keeps one for each parent of the host and of the path.
func (c Cookies) SharedValues(r *http.Request, name string) []string {
	var values []string
	for _, cookie := range r.CookiesNamed(name) {
		if cookie.Value != "" && len(values) < maxSameName && !slices.Contains(values, cookie.Value) {
			values = append(values, cookie.Value)
		}
	}
	return values
}

const maxSameName = 32

// ClearShared removes a cookie under a name that Auth0 documents.
func (c Cookies) ClearShared(w http.ResponseWriter, name string) {
	http.SetCookie(w, c.shared(name, "", -1))
}

func (c Cookies) shared(name, value string, maxAge int) *http.Cookie {
	cookie := &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true, Secure: c.Secure}
	if c.Secure {
		cookie.SameSite = http.SameSiteNoneMode
	}
	return cookie
}

// one gives a cookie that the browser sent exactly once. Two of one name mean that somebody planted one; neither is
// believed.
func one(r *http.Request, name string) (string, bool) {
	found := r.CookiesNamed(name)
	if len(found) != 1 || found[0].Value == "" {
		return "", false
	}
	return found[0].Value, true
}

// seconds gives a life as Max-Age; a fraction counts as a whole second.
func seconds(life time.Duration) int {
	return int((life + time.Second - 1) / time.Second)
}
