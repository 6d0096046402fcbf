package sampleapp

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"
)

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed assets
var assetFiles embed.FS

// pages are the parsed templates, each with the shell around it.
type pages struct{ start, welcome, trouble *template.Template }

func parsePages() (*pages, error) {
	page := func(name string) (*template.Template, error) {
		return template.ParseFS(templateFiles, "templates/shell.html", "templates/"+name)
	}
	var p pages
	var err error
	if p.start, err = page("start.html"); err != nil {
		return nil, err
	}
	if p.welcome, err = page("welcome.html"); err != nil {
		return nil, err
	}
	if p.trouble, err = page("trouble.html"); err != nil {
		return nil, err
	}
	return &p, nil
}

// serveAssets adds the style sheet, the script and the icon. Browsers ask each time whether theirs is still the newest.
func serveAssets(mux *http.ServeMux) error {
	return fs.WalkDir(assetFiles, "assets", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := assetFiles.ReadFile(name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(content)
		tag := `"` + hex.EncodeToString(sum[:8]) + `"`
		mux.HandleFunc("GET /"+name, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "no-cache")
			w.Header().Set("ETag", tag)
			http.ServeContent(w, r, path.Base(name), time.Time{}, bytes.NewReader(content))
		})
		return nil
	})
}

// startPage greets a visitor.
type startPage struct {
	Frame     frame
	LoggedOut bool
	AppHost   string
	Server    string
	Inbox     string
	InboxHost string
	Languages []language
}

// frame is what the shell around every page shows.
type frame struct {
	Title     string
	Issuer    string
	Inbox     string
	Discovery string
}

// language is one of the tongues of the login page, named in itself.
type language struct{ Tag, Name string }

// welcomePage is for a person who is logged in.
type welcomePage struct {
	Frame    frame
	CSRF     string
	Greeting string
	Address  string
	Verified []check
	ID       token
	Access   token
	Refresh  string // shortened; empty when there is none
	Scope    string
	Last     *outcome
	Ideas    []idea
	Audience string
	APIURL   string
}

type troublePage struct {
	Frame frame
	trouble
}

func (a *app) frame(title string) frame {
	return frame{
		Title: title, Issuer: a.Issuer, Inbox: a.InboxURL,
		Discovery: a.Issuer + ".well-known/openid-configuration",
	}
}

func (a *app) home(w http.ResponseWriter, r *http.Request) {
	if s := a.sessionOf(r); s != nil {
		a.showWelcome(w, s)
		return
	}
	_, err := r.Cookie(a.cookies + "farewell")
	if err == nil {
		a.setCookie(w, a.cookies+"farewell", "", "/", -1)
	}
	a.show(w, http.StatusOK, a.pages.start, startPage{
		Frame:     a.frame("Log in"),
		LoggedOut: err == nil,
		AppHost:   a.base.Host,
		Server:    a.issuer.Host,
		Inbox:     a.InboxURL,
		InboxHost: hostOf(a.InboxURL),
		Languages: []language{{"en", "English"}, {"de", "Deutsch"}, {"fr", "Français"}, {"es", "Español"}, {"ja", "日本語"}, {"ar", "العربية"}},
	})
}

func (a *app) showWelcome(w http.ResponseWriter, s *session) {
	now := a.Now()
	s.mu.Lock()
	page := welcomePage{
		CSRF:     s.csrf,
		Verified: s.verified,
		ID:       decode(s.idToken, idTokenWords, now),
		Access:   decode(s.accessToken, accessTokenWords, now),
		Scope:    s.scope,
		Last:     s.last,
		Audience: a.Audience,
		APIURL:   a.BaseURL + "/api/orders",
	}
	if s.refreshToken != "" {
		page.Refresh = shorten(s.refreshToken)
	}
	_, profile, _ := parts(s.idToken)
	s.mu.Unlock()

	about := members(profile)
	email, _ := about["email"].(string)
	name, _ := about["name"].(string)
	phone, _ := about["phone_number"].(string)
	page.Address = first(email, phone)
	page.Greeting = first(name, page.Address, s.subject)
	page.Ideas = a.ideas(email)
	page.Frame = a.frame("Hello, " + page.Greeting)
	a.show(w, http.StatusOK, a.pages.welcome, page)
}

func (a *app) showTrouble(w http.ResponseWriter, t trouble) {
	a.show(w, t.Status, a.pages.trouble, troublePage{Frame: a.frame("Error: " + t.Title), trouble: t})
}

// show renders completely before the first byte leaves, so that a page is whole or an error.
func (a *app) show(w http.ResponseWriter, status int, page *template.Template, data any) {
	var b bytes.Buffer
	if err := page.ExecuteTemplate(&b, "shell.html", data); err != nil {
		a.Log.Error("sample application: render page", "err", fmt.Errorf("render %s: %w", page.Name(), err))
		http.Error(w, "This page could not be drawn; the log of the server says why.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	// An error here is a reader that went away.
	_, _ = b.WriteTo(w)
}

func first(options ...string) string {
	for _, o := range options {
		if strings.TrimSpace(o) != "" {
			return o
		}
	}
	return ""
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}
