package devinbox

import (
	_ "embed" // page.html
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"latchkey/internal/message"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// pageView is what the page shows.
type pageView struct {
	Base      string // "" or the path of one tenant's inbox
	Query     string // the query of this very page, for its reload
	Dev       bool
	AlsoSent  bool
	SampleURL string
	Messages  []listed
	To        string
	Opened    *opened
	Chosen    bool // the person chose the message; otherwise it is the newest
	Missing   bool // the person chose one that is gone
	API       string
	Newest    string
}

// listed is a message as a line of the list.
type listed struct {
	message.InboxMessage
	Href    string
	Stamp   string
	Clock   string
	Current bool
}

// opened is the message in view.
type opened struct {
	listed
	Tab  string // "mail", "text" or "headers"
	Tabs []tab
	Src  string
	All  string // the list, for narrow screens
}

type tab struct {
	Name, Label, Href string
	Current           bool
}

// page answers with the page for people: the list, and the message chosen or the newest.
func (h *Handler) page(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	filter := message.InboxFilter{Tenant: r.PathValue("tenant"), To: strings.TrimSpace(recipient(q.Get("to")))}
	messages, err := h.config.Inbox.List(r.Context(), filter, 0)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	base := strings.TrimSuffix(r.URL.EscapedPath(), "/")
	v := pageView{
		Base: base, Query: r.URL.RawQuery, Dev: h.config.Dev, AlsoSent: h.config.AlsoSent, SampleURL: h.config.SampleURL,
		To: filter.To, Chosen: q.Get("m") != "", API: "http://" + r.Host + base + "/messages",
	}
	current := q.Get("m")
	if current == "" && len(messages) > 0 {
		current = messages[0].ID
	}
	for i, m := range messages {
		l := line(m, base, filter.To)
		if m.ID == current {
			l.Current = true
			v.Opened = open(l, base, filter.To, q.Get("tab"))
		}
		if i == 0 {
			v.Newest = l.Stamp
		}
		v.Messages = append(v.Messages, l)
	}
	v.Missing = v.Chosen && v.Opened == nil
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "+
		"connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	if err := pageTemplate.Execute(w, v); err != nil {
		h.config.Log.Debug("inbox page not written", "err", err)
	}
}

// line is a message in the list. A text message has no subject: its first line stands for it.
func line(m message.InboxMessage, base, to string) listed {
	if m.Channel != message.Email {
		m.Subject, _, _ = strings.Cut(m.Text, "\n")
	}
	return listed{
		InboxMessage: m, Href: address(base, to, m.ID, ""),
		Stamp: m.CreatedAt.UTC().Format(timeFormat), Clock: m.CreatedAt.UTC().Format("15:04:05") + " UTC",
	}
}

func open(l listed, base, to, chosen string) *opened {
	o := &opened{listed: l, Src: base + "/messages/" + url.PathEscape(l.ID) + "/html", All: address(base, to, "", "")}
	tabs := []tab{{Name: "mail", Label: "Message"}, {Name: "text", Label: "Text"}, {Name: "headers", Label: "Headers"}}
	if l.Channel != message.Email {
		tabs = []tab{{Name: "text", Label: "Message"}, {Name: "headers", Label: "Headers"}}
	}
	o.Tab = tabs[0].Name
	for _, t := range tabs {
		t.Href = address(base, to, l.ID, t.Name) + "#message"
		if t.Name == chosen {
			o.Tab = chosen
		}
		o.Tabs = append(o.Tabs, t)
	}
	for i := range o.Tabs {
		o.Tabs[i].Current = o.Tabs[i].Name == o.Tab
	}
	return o
}

// address gives the page's address for a filter, a message and a tab.
func address(base, to, id, tab string) string {
	q := url.Values{}
	if to != "" {
		q.Set("to", to)
	}
	if id != "" {
		q.Set("m", id)
	}
	if tab != "" && tab != "mail" {
		q.Set("tab", tab)
	}
	if len(q) == 0 {
		return base + "/"
	}
	return base + "/?" + q.Encode()
}

// html answers with a message's own HTML, for the frame: it runs no script, sends no form and loads nothing.
func (h *Handler) html(w http.ResponseWriter, r *http.Request) {
	messages, err := h.config.Inbox.List(r.Context(), message.InboxFilter{Tenant: r.PathValue("tenant")}, 0)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	for _, m := range messages {
		if m.ID != r.PathValue("id") {
			continue
		}
		header := w.Header()
		header.Set("Content-Type", "text/html; charset=utf-8")
		header.Set("Content-Security-Policy", "sandbox allow-same-origin; default-src 'none'; style-src 'unsafe-inline'; "+
			"img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'")
		_, _ = w.Write([]byte(m.HTML))
		return
	}
	writeError(w, http.StatusNotFound, "not_found", "There is no such message in the inbox any more.")
}

// emptyByForm answers the page's button.
func (h *Handler) emptyByForm(w http.ResponseWriter, r *http.Request) {
	to := r.URL.Query().Get("to")
	if err := h.config.Inbox.Delete(r.Context(), message.InboxFilter{Tenant: r.PathValue("tenant"), To: to, Since: time.Time{}}); err != nil {
		h.fail(w, r, err)
		return
	}
	base := strings.TrimSuffix(r.URL.EscapedPath(), "/empty")
	http.Redirect(w, r, address(base, to, "", ""), http.StatusSeeOther)
}
