package message

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"latchkey/internal/contact"
	"latchkey/internal/locale"
)

// Note is a text message, or what a call says, rendered and ready to leave.
type Note struct {
	ID       string // the outbox id, the same at every attempt
	Channel  Channel
	From     string // the sender that a template names; empty where none does
	To       string
	Body     string // of a call: with the pause sign where the voice waits
	Language string
	Domain   string        // of the tenant
	Life     time.Duration // how long the secret lives yet

	UserAgent string // of the request that asked for it
	IP        string
}

// PhoneProvider takes notes to telephones.
type PhoneProvider interface {
	Service
	// Send makes one attempt. It ends when ctx ends; whether the note may have left then is in the verdict.
	Send(ctx context.Context, n Note) Result
}

// noteHandover hands over notes.
type noteHandover struct{ PhoneProvider }

func (h noteHandover) write(ctx context.Context, a *author, key Key, m Message, at time.Time) (func(context.Context) Result, string) {
	note, warning := a.Note(ctx, key, m)
	note.Life = m.ExpiresAt.Sub(at)
	return func(ctx context.Context) Result { return h.Send(ctx, note) }, warning
}

// phoneKinds are the kinds of notes: each has texts of ours of the same name, and may have a phone template.
var phoneKinds = map[Kind]bool{VerifyPhone: true}

// pauseSign stands in the text of a call where the voice waits. It is a character of nobody's, which no reader sees.
const pauseSign = "\uE000"

// longestNote is how many characters Twilio takes.
const longestNote = 1600

// Note writes the note of a message, in our words where the tenant has none of its own, and a warning for the tenant's log
// where its template could not be used as it is.
func (a *author) Note(ctx context.Context, key Key, m Message) (Note, string) {
	words, warning := m.written, m.warning
	if words == nil && warning == "" {
		words, warning = a.writeNote(ctx, key, m)
	}
	return noteOf(key, m, words), warning
}

// noteOf lays what a tenant wrote over the built-in note.
func noteOf(key Key, m Message, words *written) Note {
	texts := noteTexts(m)
	n := Note{
		ID: key.ID, Channel: m.Channel, To: m.To, Body: builtinNote(texts, m), Language: texts.Tag(), Domain: m.Domain,
		UserAgent: m.UserAgent, IP: m.IP,
	}
	if words != nil {
		n.Body, n.From = words.Text, words.FromAddress
	}
	if m.Channel == Text {
		n.Body = withLastLine(n.Body, m)
	}
	return n
}

// noteTexts are our texts in the reader's language.
func noteTexts(m Message) *locale.Texts {
	return locale.New(m.locale(), "", nil).With(locale.Vars{
		"code": spokenCode(m), "appName": cmp.Or(cleanName(m.Application), host(m.Domain)),
	})
}

// builtinNote says the code and what it is for. A call says it twice.
func builtinNote(texts *locale.Texts, m Message) string {
	rtl := texts.Dir() == "rtl" && m.Channel == Text
	body := plain(texts.Get("messages", string(m.Kind), string(m.Channel), nil), rtl)
	if m.Channel == Voice {
		body = pauseSign + body + pauseSign + body
	}
	return body
}

// spokenCode is a message's code as its channel has it: a voice reads digits one by one.
func spokenCode(m Message) string {
	if m.Channel != Voice {
		return m.Code.Reveal()
	}
	var b strings.Builder
	for _, c := range m.Code.Reveal() {
		b.WriteRune(c)
		b.WriteString(". ")
	}
	return strings.TrimSpace(b.String())
}

// writeNote gives the tenant's words for a note, or nil, and a warning.
func (a *author) writeNote(ctx context.Context, key Key, m Message) (*written, string) {
	t := a.template(ctx, key.Tenant, m)
	if t == nil {
		return nil, ""
	}
	return a.applyNote(ctx, key, m, t)
}

// applyNote makes a template's words of a note, or nil, and a warning.
func (a *author) applyNote(ctx context.Context, key Key, m Message, t *Template) (*written, string) {
	texts, _, err := a.render(ctx, key.Tenant, t)
	if err != nil {
		return nil, fmt.Sprintf("The built-in message was sent, because %s cannot be used: %s.", t.Name, strings.TrimSuffix(err.Error(), "."))
	}
	body := noteText(texts["body"])
	instead := ""
	switch {
	case body == "":
		instead = "it is empty"
	case !showsCode(body, spokenCode(m)):
		instead = "it does not show the code"
	case utf8.RuneCountInString(body) > longestNote:
		instead = fmt.Sprintf("it is longer than %d characters", longestNote)
	}
	if instead != "" {
		return nil, fmt.Sprintf("The built-in message was sent in place of %s, because %s.", t.Name, instead)
	}
	return &written{Text: body, FromAddress: senderText(texts["from"])}, ""
}

// senderText makes a rendered sender fit for a provider: a number, or a name.
func senderText(from string) string { return oneLine(noteText(from), 40) }

// showsCode reports whether a code stands in a text, and not only among the digits of a telephone number.
func showsCode(body, code string) bool {
	for rest := body; ; {
		at := strings.Index(rest, code)
		if at < 0 {
			return false
		}
		after := rest[at+len(code):]
		if (at == 0 || !digit(rest[at-1])) && (after == "" || !digit(after[0])) {
			return true
		}
		rest = rest[at+1:]
	}
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// entities are those that the filter escape writes. No telephone reads them.
var entities = strings.NewReplacer("&amp;", "&", "&lt;", "<", "&gt;", ">", "&quot;", `"`, "&#34;", `"`, "&#39;", "'", "&apos;", "'")

// noteText makes rendered text fit for a telephone.
func noteText(s string) string {
	s = strings.Map(func(c rune) rune {
		switch {
		case c == '\n', c == []rune(pauseSign)[0]:
			return c
		case unicode.IsSpace(c):
			return ' '
		case unicode.IsControl(c):
			return -1
		}
		return c
	}, strings.ReplaceAll(strings.ToValidUTF8(s, ""), "\r\n", "\n"))
	return strings.TrimSpace(entities.Replace(s))
}

// boundLine matches a last line that binds a code to a page (WICG, "Origin-bound one-time codes delivered via SMS").
var boundLine = regexp.MustCompile(`(^|\n)@\S+ #\S+( @\S+)?$`)

// appHash matches the hash by which the SMS Retriever of Android knows its application.
var appHash = regexp.MustCompile(`^[A-Za-z0-9+/]{11}$`)

// withLastLine adds the line that lets a browser fill in the code on the page that asked for it, or the hash that lets an
// application of Android do so.
func withLastLine(body string, m Message) string {
	if m.Code == "" || boundLine.MatchString(body) {
		return body
	}
	name := m.OriginHost
	if h, _, err := net.SplitHostPort(name); err == nil {
		name = h
	}
	switch {
	case name != "" && net.ParseIP(strings.Trim(name, "[]")) == nil:
		return body + "\n\n@" + name + " #" + m.Code.Reveal()
	case m.OriginHost == "" && appHash.MatchString(m.AppHash):
		return body + "\n" + m.AppHash
	}
	return body
}

// maskTo shortens a recipient for the operator's log.
func maskTo(c Channel, to string) string {
	if c == Email {
		return contact.Mask(to)
	}
	return contact.MaskPhone(to)
}
