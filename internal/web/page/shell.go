package page

import (
	"bytes"
	_ "embed" // for the templates
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"sync"
	"unicode/utf8"

	"latchkey/internal/branding"
	"latchkey/internal/locale"
)

// Shell is what surrounds a screen: whose page it is, in which language, in which look, and what its headers must allow.
// The zero value of every field but Texts is usable. It holds no secret and is made anew for every answer.
type Shell struct {
	Texts        *locale.Texts
	Look         branding.Look
	Company      string // the tenant's friendly name, or the organization's
	Client       string // the application's name; empty where no client is known
	SupportEmail string
	SupportURL   string

	// State is the transaction that the page belongs to, and Languages what the page can be switched to. Without a state,
	// or with fewer than two languages, the page offers no switch.
	State     string
	Languages []string

	// Return is the redirect URI (or logout target) to which the forms of the page lead in the end; the page's policy
	// allows it. Empty where forms lead nowhere else.
	Return string
	// Opener keeps the window that opened this one reachable: for transactions that answer by web_message.
	Opener bool
	// TellsOrigin lets browsers say where a form of the page comes from: where pages are sent no referrer, they say null.
	TellsOrigin bool
	// StrictTransport sends Strict-Transport-Security: for public hosts behind TLS, never for localhost, where the rule
	// would reach every other port.
	StrictTransport bool
	// Development says on the page that the server runs in development mode.
	Development bool
}

// Document is one page to put into a shell.
type Document struct {
	Screen  string        // id of the screen, a class of <main>
	Title   string        // of the window
	Invalid bool          // the page shows an error: the title says so
	Body    template.HTML // the inside of the widget
	Images  []string      // addresses of pictures in it that come from other hosts
}

//go:embed templates/shell.html
var shellSource string

// shellTemplate is parsed when the first page is asked for.
var shellTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("shell").Parse(shellSource))
})

// shellData is what the template reads.
type shellData struct {
	Shell
	Document
	Nonce, StylePath, ScriptPath string
	Style                        template.CSS
	Lang, Dir                    string
	Initial                      string
	LogoAlt                      string
	SupportLink                  string
	Head                         template.HTML
	Choices                      []choice
	Plain                        bool
}

// choice is one language of the switch.
type choice struct{ Tag, Name, Dir string }

// Write sends a page.
func (s Shell) Write(w http.ResponseWriter, status int, doc Document) error {
	return s.send(w, status, doc, policy{nonce: newNonce()}, "")
}

// send sends a page under a policy, with a script of its own where one is given.
func (s Shell) send(w http.ResponseWriter, status int, doc Document, p policy, script template.HTML) error {
	t := s.texts()
	p.opener = p.opener || s.Opener
	if s.TellsOrigin {
		p.referrer = "same-origin"
	}
	p.strictTransport = s.StrictTransport
	p.images = append([]string{s.Look.LogoURL, s.Look.FaviconURL, s.Look.BackdropURL}, doc.Images...)
	p.fonts = []string{s.Look.FontURL}
	if s.Return != "" {
		p.formTargets = append(p.formTargets, s.Return)
	}
	if doc.Invalid {
		doc.Title = t.Get("common", "shell", "errorPageTitle", locale.Vars{"pageTitle": doc.Title}).String()
	}
	d := shellData{
		Shell: s, Document: doc, Nonce: p.nonce, StylePath: assets().style.path, ScriptPath: assets().script.path,
		Style:       template.CSS(s.Look.CSS), // made by branding, which lets nothing but clean values through
		Lang:        t.Tag(),
		Dir:         t.Dir(),
		Initial:     initial(s.Company),
		LogoAlt:     t.Get("common", "shell", "logoAltText", nil).String(),
		SupportLink: s.supportLink(),
		Head:        script,
		Choices:     s.choices(),
	}
	var b bytes.Buffer
	if err := shellTemplate().Execute(&b, d); err != nil {
		return fmt.Errorf("page %s: %w", doc.Screen, err)
	}
	p.write(w.Header())
	w.WriteHeader(status)
	_, err := w.Write(b.Bytes())
	if err != nil {
		return fmt.Errorf("page %s: %w", doc.Screen, err)
	}
	return nil
}

// texts gives the texts with the names of company and client filled in.
func (s Shell) texts() *locale.Texts { return s.Texts.With(s.Vars()) }

// Vars gives the variables that every text may use.
func (s Shell) Vars() locale.Vars {
	client := s.Client
	if client == "" {
		client = s.Company
	}
	return locale.Vars{"companyName": s.Company, "clientName": client, "tenantName": s.Company}
}

// Text gives a text of the shell, for its template.
func (d shellData) Text(key string) template.HTML {
	return HTML(d.texts().Get("common", "shell", key, nil), d.Lang)
}

// LanguageName gives the name of the page's own language.
func (d shellData) LanguageName() string { return locale.Name(d.Lang) }

// HTML gives a text as markup. Values of variables stand in <bdi>, since their direction is their own; a text that was
// found in another language than the page's says so (WCAG 2.2, 3.1.2).
func HTML(t locale.Text, pageTag string) template.HTML {
	var b strings.Builder
	foreign := t.Lang != "" && t.Lang != pageTag
	if foreign {
		fmt.Fprintf(&b, `<span lang="%s" dir="%s">`, template.HTMLEscapeString(t.Lang), locale.Dir(t.Lang))
	}
	for _, p := range t.Parts {
		text := template.HTMLEscapeString(p.Text)
		if p.Var != "" {
			text = "<bdi>" + text + "</bdi>"
		}
		b.WriteString(text)
	}
	if foreign {
		b.WriteString("</span>")
	}
	return template.HTML(b.String())
}

// supportLink gives where help is found: a web address, else a mailbox.
func (s Shell) supportLink() string {
	if strings.HasPrefix(s.SupportURL, "https://") || strings.HasPrefix(s.SupportURL, "http://") {
		return s.SupportURL
	}
	if s.SupportEmail != "" {
		return "mailto:" + s.SupportEmail
	}
	return ""
}

func (s Shell) choices() []choice {
	if s.State == "" || len(s.Languages) < 2 {
		return nil
	}
	list := make([]choice, len(s.Languages))
	for i, tag := range s.Languages {
		list[i] = choice{Tag: tag, Name: locale.Name(tag), Dir: locale.Dir(tag)}
	}
	return list
}

// initial gives the letter that stands for a company without a logo.
func initial(company string) string {
	r, size := utf8.DecodeRuneInString(strings.TrimSpace(company))
	if size == 0 || r == utf8.RuneError {
		return ""
	}
	return strings.ToUpper(string(r))
}
