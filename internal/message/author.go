package message

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/mail"
	"strings"
	"sync"
	"time"
	"unicode"

	"latchkey/internal/clock"
	"latchkey/internal/liquid"
	"latchkey/internal/locale"
	"latchkey/internal/sandbox"
)

// Templates finds what a tenant has written.
type Templates interface {
	// Template gives what the tenant wrote for a message, with the values of its variables, or nil where the built-in
	// text is meant. It is asked after the message's answer has been given.
	Template(ctx context.Context, tenant string, m Message) (*Template, error)
}

// Template is what a tenant wrote for a message. A part that is empty is the built-in one.
type Template struct {
	Name    string // as the tenant's log calls it: "the template verify_email"
	From    string
	Subject string
	Body    string
	Syntax  string // "liquid", which is meant when it is empty, or "md_with_macros"
	Plain   bool   // the body is text, not HTML

	Vars      map[string]any
	Untrusted []string // the variables that people choose, as liquid.Request has them
}

// Workers runs programs in processes of their own; a *sandbox.Pool does.
type Workers interface {
	Run(ctx context.Context, e sandbox.Execution, output any) error
}

// The limits of rendering one message. The processor time is what counts; the other bounds it on a machine with none to
// spare.
const (
	renderCPU  = 250 * time.Millisecond
	renderWall = 2 * time.Second
)

// A template that so often in so short a time used up its limits is left alone for a while, so that it does not take the
// workers from others.
const (
	strikes    = 3
	strikeTime = 5 * time.Minute
	benchTime  = 10 * time.Minute
	mostStruck = 1000 // templates remembered
)

// author writes mail: in the tenant's words where it has some, in ours where it has none and where its own fail. It is
// safe for concurrent use.
type author struct {
	renderer  *Renderer
	templates Templates
	workers   Workers
	clock     clock.Clock
	log       *slog.Logger

	mu     sync.Mutex
	struck map[[sha256.Size]byte]*record
}

// record is how often a template used up its limits, and until when it is left alone.
type record struct {
	times []time.Time
	until time.Time
}

// written are the parts of a mail that a tenant's template shaped.
type written struct {
	FromName    string `json:"from_name,omitempty"`
	FromAddress string `json:"from_address,omitempty"` // empty where the template names no sender
	Subject     string `json:"subject"`
	Text        string `json:"text"`
	HTML        string `json:"html"`
}

// over lays what is written over the built-in mail.
func (w *written) over(m *Mail) {
	if w == nil {
		return
	}
	m.Subject, m.Text, m.HTML = w.Subject, w.Text, w.HTML
	if w.FromAddress != "" {
		m.FromName, m.FromAddress = w.FromName, w.FromAddress
	}
}

func newAuthor(c Config) *author {
	return &author{
		templates: c.Templates, workers: c.Workers, clock: c.Clock, log: c.Log, renderer: c.Renderer,
		struck: map[[sha256.Size]byte]*record{},
	}
}

// atOnce is how many messages are written at the same time before they are copied to the inbox.
const atOnce = 8

// prepare writes messages that nobody has written yet in their tenants' words, and keeps those with them.
func (a *author) prepare(ctx context.Context, fresh []*Prepared) {
	if a.templates == nil || a.workers == nil {
		return
	}
	slots := make(chan struct{}, atOnce)
	var wait sync.WaitGroup
	for _, p := range fresh {
		if p.message.written != nil || p.message.warning != "" || !a.clock.Now().Before(p.message.ExpiresAt) {
			continue
		}
		slots <- struct{}{}
		wait.Go(func() {
			defer func() { <-slots }()
			p.message.written, p.message.warning = a.compose(ctx, p.row.Key, p.message)
		})
	}
	wait.Wait()
}

// compose writes a message whatever its channel.
func (a *author) compose(ctx context.Context, key Key, m Message) (*written, string) {
	if m.Channel == Email {
		return a.write(ctx, key, m, a.renderer.Mail(key, m))
	}
	return a.writeNote(ctx, key, m)
}

// warningOf tells the tenant's log of a message that left, though not as its template meant it.
func warningOf(j job, warning string) *Failure {
	if warning == "" {
		return nil
	}
	return &Failure{
		MessageID: j.key.ID, Channel: j.message.Channel, Kind: j.message.Kind, To: j.message.To, Reason: warning, Warning: true,
		ClientID: j.message.ClientID, Connection: j.message.Connection,
	}
}

// Mail writes the mail of a message, in the renderer's words where the tenant has none of its own, and a warning for the tenant's log where its template could not be used as it is.
func (a *author) Mail(ctx context.Context, r *Renderer, key Key, m Message) (Mail, string) {
	out := r.Mail(key, m)
	words, warning := m.written, m.warning
	if words == nil && warning == "" {
		words, warning = a.write(ctx, key, m, out)
	}
	address := out.FromAddress
	words.over(&out)
	if r == a.renderer && r.from != nil {
		// The operator's server speaks for the operator: of many tenants at one server none sends in another's name.
		out.FromAddress = address
	}
	return out, warning
}

// write gives the tenant's words for a message, or nil, and a warning.
func (a *author) write(ctx context.Context, key Key, m Message, builtin Mail) (*written, string) {
	t := a.template(ctx, key.Tenant, m)
	if t == nil {
		return nil, ""
	}
	texts, left, err := a.render(ctx, key.Tenant, t)
	if err != nil {
		return nil, fmt.Sprintf("The built-in message was sent, because %s cannot be used: %s.", t.Name, strings.TrimSuffix(err.Error(), "."))
	}
	return t.lay(texts, m, builtin, left)
}

// template gives what the tenant wrote for a message; nil where that is nothing, or cannot be read.
func (a *author) template(ctx context.Context, tenant string, m Message) *Template {
	if a.templates == nil || a.workers == nil {
		return nil
	}
	t, err := a.templates.Template(ctx, tenant, m)
	if err != nil {
		a.log.Error("a tenant's message template cannot be read; the built-in message is sent", "tenant", tenant, "err", err)
		return nil
	}
	return t
}

// render makes the parts of a template: in a worker, but for the macros, which cannot hang.
func (a *author) render(ctx context.Context, tenant string, t *Template) (texts map[string]string, left []string, err error) {
	if t.Syntax == "md_with_macros" {
		return t.macros(), nil, nil
	}
	request := liquid.Request{Vars: t.Vars, Untrusted: t.Untrusted}
	for _, text := range []liquid.Text{{Name: "from", Source: t.From}, {Name: "subject", Source: t.Subject}, {Name: "body", Source: t.Body, HTML: !t.Plain}} {
		if text.Source != "" {
			request.Texts = append(request.Texts, text)
		}
	}
	id := sha256.Sum256([]byte(strings.Join([]string{tenant, t.From, t.Subject, t.Body}, "\x00")))
	if a.benched(id) {
		return nil, nil, errors.New("it used up its time or memory several times and is left alone for some minutes")
	}
	var response liquid.Response
	err = a.workers.Run(ctx, sandbox.Execution{
		Tenant: tenant, Program: liquid.ProgramName, Input: request,
		CPU: renderCPU, Wall: renderWall, Most: liquid.MaxOutput,
	}, &response)
	if errors.Is(err, sandbox.ErrDeadline) || errors.Is(err, sandbox.ErrDied) {
		a.strike(id)
	}
	return response.Texts, response.LeftOut, err
}

// benched reports whether a template is left alone.
func (a *author) benched(id [sha256.Size]byte) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.struck[id]
	return r != nil && a.clock.Now().Before(r.until)
}

// strike notes that a template used up its limits.
func (a *author) strike(id [sha256.Size]byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.clock.Now()
	if len(a.struck) >= mostStruck {
		clear(a.struck)
	}
	r := a.struck[id]
	if r == nil {
		r = &record{}
		a.struck[id] = r
	}
	for len(r.times) > 0 && now.Sub(r.times[0]) > strikeTime {
		r.times = r.times[1:]
	}
	if r.times = append(r.times, now); len(r.times) >= strikes {
		r.times, r.until = nil, now.Add(benchTime)
	}
}

// lay makes a mail's parts of rendered texts. What is missing comes from the built-in mail: the secret above all.
func (t *Template) lay(texts map[string]string, m Message, builtin Mail, left []string) (*written, string) {
	out := &written{Subject: builtin.Subject, Text: builtin.Text, HTML: builtin.HTML}
	var warnings []string
	if from := texts["from"]; strings.TrimSpace(from) != "" {
		if name, address, ok := readSender(from); ok {
			out.FromName, out.FromAddress = name, address
		} else {
			warnings = append(warnings, "its sender is no mailbox, so the usual one was used")
		}
	}
	if subject := subjectLine(texts["subject"]); subject != "" {
		out.Subject = subject
	}
	if body := texts["body"]; strings.TrimSpace(body) != "" {
		secret := m.shows().must.Reveal()
		plain := plainText(body)
		if !strings.Contains(body, secret) && !strings.Contains(plain, secret) {
			line := secretLine(m, builtin.Language)
			body += "\n<p>" + template.HTMLEscapeString(line) + "</p>\n"
			plain += "\n" + line + "\n"
			warnings = append(warnings, "it shows neither code nor link, so a line with it was added")
		}
		out.HTML, out.Text = body, plain
	}
	for _, tag := range left {
		warnings = append(warnings, fmt.Sprintf("there are no files that its tag %q could name", tag))
	}
	if len(warnings) == 0 {
		return out, ""
	}
	return out, fmt.Sprintf("Of %s: %s.", t.Name, strings.Join(warnings, "; "))
}

// secretLine is a sentence with the secret and nothing else, in the reader's language.
func secretLine(m Message, language string) string {
	w := words{locale.New(language, "", nil).With(values(m, cleanName(m.Application))), m.shows()}
	line := plain(w.get("preheader"), w.Dir() == "rtl")
	if secret := w.shown.must.Reveal(); !strings.Contains(line, secret) {
		line += " " + secret
	}
	return line
}

// readSender reads a rendered sender.
func readSender(from string) (name, address string, ok bool) {
	from = strings.TrimSpace(from)
	if strings.ContainsFunc(from, unicode.IsControl) {
		return "", "", false
	}
	parsed, err := mail.ParseAddress(from)
	if err != nil {
		// A name with a comma or a full stop wants quotes, which templates seldom have: {{ application.name }} <a@b.example>.
		at := strings.LastIndexByte(from, '<')
		if at <= 0 {
			return "", "", false
		}
		if parsed, err = mail.ParseAddress(from[at:]); err != nil {
			return "", "", false
		}
		parsed.Name = strings.Trim(strings.TrimSpace(from[:at]), `"`)
	}
	return cleanName(parsed.Name), parsed.Address, true
}

// longestSubject is how much of a rendered subject is kept, in characters.
const longestSubject = 250

// subjectLine makes a rendered subject fit for a header.
func subjectLine(subject string) string {
	subject = strings.Map(func(c rune) rune {
		if unicode.IsControl(c) || c == '\u2028' || c == '\u2029' {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(subject, ""))
	runes := []rune(strings.TrimSpace(subject))
	return strings.TrimSpace(string(runes[:min(len(runes), longestSubject)]))
}

// macros replaces the macros of all parts. A body without markup is given some.
func (t *Template) macros() map[string]string {
	values := map[string]string{}
	flatten(values, "", t.Vars)
	values["password"] = values["code"]
	if t.Plain {
		return map[string]string{"from": liquid.Macros(t.From, values), "body": liquid.Macros(t.Body, values)}
	}
	escaped := make(map[string]string, len(values))
	for name, v := range values {
		escaped[name] = template.HTMLEscapeString(v)
	}
	body := t.Body
	if body != "" && !strings.ContainsRune(body, '<') {
		body = "<p>" + strings.ReplaceAll(template.HTMLEscapeString(body), "\n", "<br>\n") + "</p>"
	}
	return map[string]string{
		"from": liquid.Macros(t.From, values), "subject": liquid.Macros(t.Subject, values), "body": liquid.Macros(body, escaped),
	}
}

// flatten collects texts by their paths.
func flatten(into map[string]string, prefix string, vars map[string]any) {
	for name, v := range vars {
		switch v := v.(type) {
		case string:
			into[prefix+name] = v
		case map[string]any:
			flatten(into, prefix+name+".", v)
		}
	}
}
