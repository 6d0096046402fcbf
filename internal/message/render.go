package message

import (
	"cmp"
	_ "embed" // layout.html
	"encoding/hex"
	"fmt"
	"html/template"
	"math"
	"net"
	"net/mail"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode"

	"golang.org/x/net/idna"

	"latchkey/internal/locale"
)

// Renderer makes mail of messages, from the texts and the layout that ship with the product. It is immutable and safe
// for concurrent use; the zero value has no configured sender.
type Renderer struct {
	from *mail.Address
}

// NewRenderer makes a renderer whose mail comes from the given mailbox: an address, or a name and an address
// ("Acme <no-reply@acme.example>"). Empty means that each tenant's mail comes from no-reply at its own host. Where the
// mailbox has no name, the application's is shown.
func NewRenderer(from string) (*Renderer, error) {
	if from == "" {
		return &Renderer{}, nil
	}
	address, err := mail.ParseAddress(from)
	if err != nil || strings.ContainsFunc(from, unicode.IsControl) {
		return nil, fmt.Errorf("the sender %q is not a mailbox; write it as no-reply@example.com or Name <no-reply@example.com>", from)
	}
	at := strings.LastIndexByte(address.Address, '@')
	domain, err := idna.Lookup.ToASCII(address.Address[at+1:])
	if err != nil {
		return nil, fmt.Errorf("the sender %q has no valid domain", from)
	}
	address.Address = address.Address[:at+1] + domain
	return &Renderer{from: address}, nil
}

// Mail renders the message of a row. Its date is the caller's to set. Nothing a stranger chose is trusted: application
// names lose control and direction characters and what lies beyond a sensible length, and are escaped where they stand.
func (r *Renderer) Mail(key Key, m Message) Mail {
	language := m.locale()
	application := cleanName(m.Application)
	if application == "" {
		application = host(m.Domain)
	}
	out := Mail{ID: key.ID, Kind: m.Kind, To: m.To, Language: language}
	out.FromName, out.FromAddress = r.sender(application, m.Domain)
	out.fill(words{locale.New(language, "", nil).With(values(m, application)), m.shows()}, m, application)
	return out
}

// values are those of the variables in our texts.
func values(m Message, application string) locale.Vars {
	inviter, _ := m.Vars["inviter"].(map[string]any)
	inviterName, _ := inviter["name"].(string)
	organization, _ := m.Vars["organization"].(map[string]any)
	display, _ := organization["display_name"].(string)
	name, _ := organization["name"].(string)
	identity, _ := m.Vars["identity"].(string)
	return locale.Vars{
		"code": m.Code.Reveal(), "appName": application, "email": m.To, "ip": m.sourceIP(), "identity": identity,
		"inviterName": cleanName(inviterName), "orgName": cmp.Or(cleanName(display), cleanName(name), application),
	}
}

// sourceIP is the address that an account was blocked for; empty where that is none.
func (m *Message) sourceIP() string {
	person, _ := m.Vars["user"].(map[string]any)
	text, _ := person["source_ip"].(string)
	a, err := netip.ParseAddr(cmp.Or(text, m.IP))
	if err != nil {
		return ""
	}
	return a.WithZone("").String()
}

// sender gives name and address of the From field.
func (r *Renderer) sender(application, domain string) (name, address string) {
	if r.from == nil {
		return application, "no-reply@" + host(domain)
	}
	if r.from.Name == "" {
		return application, r.from.Address
	}
	return r.from.Name, r.from.Address
}

// host gives a domain without its port, or "localhost" where it is an address or empty: neither makes a mail domain.
func host(domain string) string {
	if h, _, err := net.SplitHostPort(domain); err == nil {
		domain = h
	}
	if domain == "" || net.ParseIP(strings.Trim(domain, "[]")) != nil {
		return "localhost"
	}
	return domain
}

// longestName is how much of an application's name is shown. Names beyond it are no names.
const longestName = 60

// cleanName makes a name that a stranger may have chosen fit for a header and a sentence: one line, no characters that
// are invisible or change the writing direction, no address that a mail client would make a link of.
func cleanName(name string) string {
	name = strings.Map(func(c rune) rune {
		switch {
		case unicode.IsSpace(c), unicode.IsControl(c):
			return ' '
		case !unicode.IsPrint(c): // format characters too: zero width, bidirectional controls
			return -1
		}
		return c
	}, strings.ToValidUTF8(name, ""))
	name = strings.ReplaceAll(name, "://", " ")
	name = strings.Join(strings.Fields(name), " ")
	if runes := []rune(name); len(runes) > longestName {
		name = strings.TrimSpace(string(runes[:longestName-1])) + "…"
	}
	return name
}

//go:embed layout.html
var layoutText string

// layout is the look of every built-in mail: one card of 560 px, tables where mail clients need them, no image and
// nothing that is loaded.
var layout = template.Must(template.New("layout").Parse(layoutText))

// view is what the layout shows.
type view struct {
	Language, Dir, Start      string // Start is the side where lines begin
	Subject, Preview, Padding string
	Initial, Color, OnColor   string
	Own                       bool // the colour is the product's, so the layout may change it in the dark
	Code, CodeLabel           string
	CodeSize                  int
	Title, Intro, Expiry      template.HTML
	OnlyHere, NotYou, Source  template.HTML
	Link, LinkLabel           string
	LinkText                  template.HTML
}

// padding keeps the words of the body out of the preview line that mail clients show beside the subject.
var padding = strings.Repeat("\u034f\u200c ", 60)

// words are the texts of one message.
type words struct {
	*locale.Texts
	shown shown
}

// get gives a text by its key; an empty one where the message has none.
func (w words) get(key string) locale.Text {
	for _, screen := range w.shown.screens {
		if text := w.Get("messages", screen, key, nil); text.Found() {
			return text
		}
	}
	return locale.Text{}
}

// intro is the first sentence after the title.
func (w words) intro(m Message) locale.Text {
	if inviter, _ := m.Vars["inviter"].(map[string]any); inviter != nil && inviter["name"] != "" && w.get("introBy").Found() {
		return w.get("introBy")
	}
	return w.get("intro")
}

// onlyHere says where a code belongs.
func (w words) onlyHere() locale.Text {
	if w.shown.link {
		return w.Get("messages", "link_and_code", "onlyHere", nil)
	}
	return w.Get("messages", "verification_code", "onlyHere", nil)
}

// expiry says how long the secrets live: nothing where there are none, or nobody knows.
func (w words) expiry(m Message) locale.Text {
	minutes := max(1, int(m.Life/time.Minute))
	switch {
	case w.shown.code && w.shown.link && m.Kind == VerificationCode:
		return w.Count("messages", "link_and_code", "expiry", "minutes", minutes, nil)
	case w.shown.code:
		return w.Count("messages", "verification_code", "expiry", "minutes", minutes, nil)
	case w.shown.link && m.Life > 0:
		return life(w.Texts, m.Life)
	}
	return locale.Text{}
}

// fill writes subject, text and HTML. The subject and the first line carry the application's name and the code, where there
// is one: they are what a lock screen shows. A link stands as a button and, for readers that show none, as an address.
func (out *Mail) fill(w words, m Message, application string) {
	rtl := w.Dir() == "rtl"
	v := view{
		Preview: plain(w.get("preheader"), rtl), Title: rich(w.get("title")), Intro: rich(w.intro(m)),
		Expiry: rich(w.expiry(m)), NotYou: rich(w.get("notYou")),
	}
	out.Subject = plain(w.get("subject"), rtl)
	text := []string{v.Preview, plain(w.intro(m), rtl)}
	if m.Kind == BlockedAccount && m.sourceIP() != "" {
		v.Source = rich(w.get("source"))
		text = append(text, plain(w.get("source"), rtl))
	}
	if w.shown.code {
		v.Code, v.CodeLabel, v.CodeSize = m.Code.Reveal(), plain(w.Get("messages", "verification_code", "codeLabel", nil), rtl), codeSize(m.Code.Reveal())
		v.OnlyHere = rich(w.onlyHere())
		text = append(text, v.Code)
	}
	if w.shown.link {
		v.Link, v.LinkLabel = m.Link.Reveal(), plain(w.get("buttonText"), rtl)
		v.LinkText = rich(w.Get("messages", "verify_email", "linkText", nil))
		text = append(text, v.Link)
	}
	text = append(text, plain(w.expiry(m), rtl))
	if w.shown.code {
		text = append(text, plain(w.onlyHere(), rtl))
	}
	text = append(text, plain(w.get("notYou"), rtl))
	out.Text = paragraphs(text...)
	out.lay(w.Texts, m, application, v)
}

// life says in words how long a link lives: in days, hours or minutes, whichever people would use.
func life(texts *locale.Texts, d time.Duration) locale.Text {
	const day = 24 * time.Hour
	for _, unit := range []struct {
		key, name string
		length    time.Duration
		from      time.Duration
	}{{"expiryDays", "days", day, 2 * day}, {"expiryHours", "hours", time.Hour, 2 * time.Hour}} {
		if d >= unit.from {
			return texts.Count("messages", "verify_email", unit.key, unit.name, int(d/unit.length), nil)
		}
	}
	return texts.Count("messages", "verify_email", "expiryMinutes", "minutes", max(1, int(d/time.Minute)), nil)
}

// paragraphs makes a text part.
func paragraphs(all ...string) string {
	all = slices.DeleteFunc(all, func(p string) bool { return p == "" })
	return strings.Join(all, "\n\n") + "\n"
}

// lay writes the HTML of a mail.
func (out *Mail) lay(texts *locale.Texts, m Message, application string, v view) {
	v.Language, v.Dir, v.Start = texts.Tag(), texts.Dir(), "left"
	if v.Dir == "rtl" {
		v.Start = "right"
	}
	v.Subject, v.Padding, v.Initial = out.Subject, padding, initial(application)
	v.Color, v.OnColor = colors(m.Color)
	v.Own = v.Color == brand
	var html strings.Builder
	if err := layout.Execute(&html, v); err != nil {
		panic(err) // the layout is ours and writes to memory
	}
	out.HTML = html.String()
}

// initial is the letter that stands for an application without a picture.
func initial(application string) string {
	for _, c := range application {
		if unicode.IsLetter(c) || unicode.IsDigit(c) {
			return string(unicode.ToUpper(c))
		}
	}
	return "#"
}

// codeSize is the size in pixels at which a code fits the narrowest telephone.
func codeSize(code string) int {
	switch n := len(code); {
	case n <= 6:
		return 40
	case n <= 8:
		return 30
	case n <= 12:
		return 22
	default:
		return 18
	}
}

// numbers are the variables that read the same in every direction.
var numbers = []string{"code", "minutes", "hours", "days", "ip"}

// plain gives a text for the subject and the text part. In a right-to-left language the values stand in isolates
// (Unicode Annex 9), so that a Latin name does not turn the sentence around.
func plain(t locale.Text, rtl bool) string {
	if !rtl {
		return t.String()
	}
	var b strings.Builder
	for _, p := range t.Parts {
		if p.Var != "" && !slices.Contains(numbers, p.Var) {
			b.WriteString("\u2068" + p.Text + "\u2069")
			continue
		}
		b.WriteString(p.Text)
	}
	return b.String()
}

// rich gives a text as HTML, its values escaped and isolated.
func rich(t locale.Text) template.HTML {
	var b strings.Builder
	for _, p := range t.Parts {
		if p.Var == "" {
			b.WriteString(template.HTMLEscapeString(p.Text))
			continue
		}
		b.WriteString("<bdi>" + template.HTMLEscapeString(p.Text) + "</bdi>")
	}
	return template.HTML(b.String())
}

// brand is the product's own colour, where a tenant has none.
const brand = "#17191e"

// colors gives a tenant's colour, or the product's own where it is none, and black or white to write on it, whichever
// reads better (WCAG 2.2, relative luminance).
func colors(c string) (ground, text string) {
	rgb, err := hex.DecodeString(strings.TrimPrefix(c, "#"))
	if err != nil || len(c) != 7 || len(rgb) != 3 {
		return brand, "#ffffff"
	}
	linear := func(b byte) float64 {
		v := float64(b) / 255
		if v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	luminance := 0.2126*linear(rgb[0]) + 0.7152*linear(rgb[1]) + 0.0722*linear(rgb[2])
	if luminance > 0.179 {
		return c, "#000000"
	}
	return c, "#ffffff"
}
