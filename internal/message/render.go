package message

import (
	_ "embed" // layout.html
	"encoding/hex"
	"fmt"
	"html/template"
	"math"
	"net"
	"net/mail"
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
	language := locale.Negotiate(locale.Shipped(), "", "", m.Language)
	application := cleanName(m.Application)
	if application == "" {
		application = host(m.Domain)
	}
	texts := locale.New(language, "", nil).With(locale.Vars{
		"code": m.Code.Reveal(), "appName": application, "email": m.To,
	})
	out := Mail{ID: key.ID, Kind: m.Kind, To: m.To, Language: language}
	out.FromName, out.FromAddress = r.sender(application, m.Domain)
	write := fillCode
	if m.Kind == VerifyEmail {
		write = fillLink
	}
	write(&out, texts, m, application)
	return out
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
	OnlyHere, NotYou          template.HTML
	Link, LinkLabel           string
	LinkText                  template.HTML
}

// padding keeps the words of the body out of the preview line that mail clients show beside the subject.
var padding = strings.Repeat("\u034f\u200c ", 60)

// fillCode writes subject, text and HTML of a login code. Subject and first line carry the application's name and the
// code: they are what a lock screen shows.
func fillCode(out *Mail, texts *locale.Texts, m Message, application string) {
	get := func(key string) locale.Text { return texts.Get("messages", string(VerificationCode), key, nil) }
	expiry := texts.Count("messages", string(VerificationCode), "expiry", "minutes", max(1, int(m.Life/time.Minute)), nil)
	rtl := texts.Dir() == "rtl"
	code := m.Code.Reveal()

	out.Subject = plain(get("subject"), rtl)
	preview := plain(get("preheader"), rtl)
	out.Text = paragraphs(
		preview, plain(get("intro"), rtl), code, plain(expiry, rtl), plain(get("onlyHere"), rtl), plain(get("notYou"), rtl),
	)
	out.lay(texts, m, application, view{
		Preview: preview, Code: code, CodeLabel: plain(get("codeLabel"), rtl), CodeSize: codeSize(code),
		Title: rich(get("title")), Intro: rich(get("intro")), Expiry: rich(expiry),
		OnlyHere: rich(get("onlyHere")), NotYou: rich(get("notYou")),
	})
}

// fillLink writes subject, text and HTML of a link. It stands as a button and, for readers that show none, as an address.
func fillLink(out *Mail, texts *locale.Texts, m Message, application string) {
	get := func(key string) locale.Text { return texts.Get("messages", string(m.Kind), key, nil) }
	expiry := life(texts, m)
	rtl := texts.Dir() == "rtl"
	link := m.Link.Reveal()

	out.Subject = plain(get("subject"), rtl)
	preview := plain(get("preheader"), rtl)
	out.Text = paragraphs(preview, plain(get("intro"), rtl), link, plain(expiry, rtl), plain(get("notYou"), rtl))
	out.lay(texts, m, application, view{
		Preview: preview, Link: link, LinkLabel: plain(get("buttonText"), rtl), LinkText: rich(get("linkText")),
		Title: rich(get("title")), Intro: rich(get("intro")), Expiry: rich(expiry), NotYou: rich(get("notYou")),
	})
}

// life says in words how long a link lives: in days, hours or minutes, whichever people would use.
func life(texts *locale.Texts, m Message) locale.Text {
	const day = 24 * time.Hour
	for _, unit := range []struct {
		key, name string
		length    time.Duration
		from      time.Duration
	}{{"expiryDays", "days", day, 2 * day}, {"expiryHours", "hours", time.Hour, 2 * time.Hour}} {
		if m.Life >= unit.from {
			return texts.Count("messages", string(m.Kind), unit.key, unit.name, int(m.Life/unit.length), nil)
		}
	}
	return texts.Count("messages", string(m.Kind), "expiryMinutes", "minutes", max(1, int(m.Life/time.Minute)), nil)
}

// paragraphs makes a text part.
func paragraphs(all ...string) string { return strings.Join(all, "\n\n") + "\n" }

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
var numbers = []string{"code", "minutes", "hours", "days"}

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
