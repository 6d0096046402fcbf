package page

import (
	"bytes"
	_ "embed" // for the templates
	"fmt"
	"html/template"
	"math"
	"net/http"
	"sync"
	"time"

	"latchkey/internal/locale"
)

//go:embed templates/notice.html
var noticeSource string

var noticeTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("notice").Funcs(template.FuncMap{"icon": icon}).Parse(noticeSource))
})

// Mood is the sign over a notice.
type Mood string

// The moods of notices.
const (
	Plain Mood = ""     // no sign
	Good  Mood = "good" // something is done
	Bad   Mood = "bad"  // something went wrong
)

// Notice is a page that says one thing and asks for nothing. Texts come from one screen of the catalogue.
type Notice struct {
	Prompt, Screen string
	Mood           Mood
	Title          string   // key of the heading
	Texts          []string // keys of the sentences below it; those without a text are left out
	Extra          []locale.Text
	LinkURL        string // where the button leads: http, https or a path of ours; no button when empty
	LinkText       string // key of its text
	Details        []Detail
	DetailsTitle   string // key of the heading over the details
}

// Detail is a fact for the people who run things: a parameter, or the tracking number.
type Detail struct {
	Label string // as on the wire; empty when LabelKey names a text
	Key   string // key of the label's text
	Value string
}

// WriteNotice sends a notice.
func (s Shell) WriteNotice(w http.ResponseWriter, status int, n Notice) error {
	return s.sendNotice(w, status, n, policy{nonce: newNonce()}, "")
}

func (s Shell) sendNotice(w http.ResponseWriter, status int, n Notice, p policy, script template.HTML) error {
	t := s.texts()
	get := func(key string) locale.Text { return t.Get(n.Prompt, n.Screen, key, nil) }
	data := struct {
		Notice
		Heading, Link, DetailsHeading template.HTML
		Paragraphs                    []template.HTML
		Rows                          []struct{ Label, Value template.HTML }
	}{
		Notice:         n,
		Heading:        HTML(get(n.Title), t.Tag()),
		Link:           HTML(get(n.LinkText), t.Tag()),
		DetailsHeading: HTML(get(n.DetailsTitle), t.Tag()),
	}
	for _, key := range n.Texts {
		if text := get(key); text.Found() {
			data.Paragraphs = append(data.Paragraphs, HTML(text, t.Tag()))
		}
	}
	for _, text := range n.Extra {
		if text.Found() {
			data.Paragraphs = append(data.Paragraphs, HTML(text, t.Tag()))
		}
	}
	for _, d := range n.Details {
		if d.Value == "" {
			continue
		}
		label := template.HTML(template.HTMLEscapeString(d.Label))
		if d.Key != "" {
			label = HTML(get(d.Key), t.Tag())
		}
		data.Rows = append(data.Rows, struct{ Label, Value template.HTML }{label, template.HTML(template.HTMLEscapeString(d.Value))})
	}
	var b bytes.Buffer
	if err := noticeTemplate().Execute(&b, data); err != nil {
		return fmt.Errorf("notice %s: %w", n.Screen, err)
	}
	doc := Document{Screen: n.Screen, Title: get("pageTitle").String(), Body: template.HTML(b.String())}
	return s.send(w, status, doc, p, script)
}

// icon draws the sign of a mood.
func icon(m Mood) template.HTML {
	path := "M5 12.5l4.5 4.5L19 7.5"
	if m == Bad {
		path = "M12 6v7.5M12 17.5v.5"
	}
	return template.HTML(`<svg width="24" height="24" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" ` +
		`stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><path d="` + path + `"/></svg>`)
}

// Failure is what the error page tells. Error and Description are as on the wire.
type Failure struct {
	Error       string
	Description string
	Tracking    string // the request's id, by which the operator's log finds it
}

// WriteError sends the error page: what happened in plain words, what to do next, and the facts for whoever runs the
// application. The words follow the status: 403, 404, 5xx, and everything else.
func (s Shell) WriteError(w http.ResponseWriter, status int, f Failure) error {
	n := Notice{
		Prompt: "common", Screen: "error", Mood: Bad, Title: "title", Texts: []string{"requestText"},
		DetailsTitle: "detailsTitle",
		Details: []Detail{
			{Label: "error", Value: f.Error},
			{Label: "error_description", Value: f.Description},
			{Key: "trackingLabel", Value: f.Tracking},
		},
	}
	switch {
	case status == http.StatusNotFound:
		n.Title, n.Texts = "notFoundTitle", []string{"notFoundText"}
	case status == http.StatusForbidden:
		n.Texts = []string{"forbiddenText"}
	case status >= http.StatusInternalServerError:
		n.Texts = []string{"serverText"}
	}
	if s.supportLink() != "" {
		n.Texts = append(n.Texts, "supportText")
		n.LinkURL, n.LinkText = s.supportLink(), "supportLinkText"
	}
	return s.WriteNotice(w, status, n)
}

// WriteLoggedOut sends the page after a logout that names no address to go to. Where the application is known, back is its
// own first address; it may be empty.
func (s Shell) WriteLoggedOut(w http.ResponseWriter, back string) error {
	return s.WriteNotice(w, http.StatusOK, Notice{
		Prompt: "logout", Screen: "logout-complete", Mood: Good, Title: "title", Texts: []string{"description"},
		LinkURL: back, LinkText: "buttonText",
	})
}

// Ending says why a transaction cannot go on.
type Ending string

// The ends of a transaction.
const (
	Expired   Ending = "expired"   // its time is over, or it is not known here
	Exhausted Ending = "exhausted" // too many wrong codes
	NoCookies Ending = "cookies"   // the browser sent no cookie
	Done      Ending = "done"      // it was finished before
)

// WriteStartOver sends the page of a transaction that cannot go on. The address begins a new login; where none is
// known, the page sends people back to the application in words.
func (s Shell) WriteStartOver(w http.ResponseWriter, status int, why Ending, address string) error {
	n := Notice{
		Prompt: "common", Screen: "start-over", Mood: Bad, Title: string(why) + "Title", Texts: []string{string(why) + "Text"},
		LinkURL: address, LinkText: "buttonText",
	}
	switch {
	case why == Done:
		n.Mood, n.LinkURL = Good, ""
	case address == "":
		n.Texts = append(n.Texts, "returnText")
	}
	return s.WriteNotice(w, status, n)
}

// WriteThrottled sends the page of a limit that is reached, with status 429 and Retry-After. The code is that of a
// shared error text, such as "ip-blocked" or "same-user-login".
func (s Shell) WriteThrottled(w http.ResponseWriter, code string, wait time.Duration) error {
	n := Notice{Prompt: "common", Screen: "throttled", Mood: Bad, Title: "title"}
	t := s.texts()
	n.Extra = append(n.Extra, t.Get("common", "errors", code, nil))
	if wait > 0 {
		w.Header().Set("Retry-After", fmt.Sprint(int(math.Ceil(wait.Seconds()))))
		n.Extra = append(n.Extra, t.Count("common", "throttled", "retryText", "minutes", int(math.Ceil(wait.Minutes())), nil))
	}
	return s.WriteNotice(w, http.StatusTooManyRequests, n)
}
