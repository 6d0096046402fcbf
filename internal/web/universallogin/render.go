package universallogin

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"sync"
	"unicode/utf8"

	"latchkey/internal/branding"
	"latchkey/internal/locale"
	"latchkey/internal/web/page"
)

//go:embed templates/*.html
var templateFiles embed.FS

// templates are parsed when the first page is asked for. Each screen is the template of its id.
var templates = sync.OnceValue(func() *template.Template {
	return template.Must(template.ParseFS(templateFiles, "templates/*.html"))
})

// Render sends a page of a transaction.
func Render(w http.ResponseWriter, status int, shell page.Shell, v View) error {
	s := newScreen(shell, v)
	var b bytes.Buffer
	if err := templates().ExecuteTemplate(&b, s.ID, s); err != nil {
		return fmt.Errorf("page %s: %w", s.ID, err)
	}
	shell.State = s.State
	return shell.Write(w, status, page.Document{
		Screen: s.ID, Title: s.text("pageTitle", nil).String(), Invalid: len(s.errors) > 0, Body: template.HTML(b.String()),
		Images: v.view().images,
	})
}

// RenderLogoutAborted sends the page after a logout that the person refused. The address leads back to the application;
// it may be empty.
func RenderLogoutAborted(w http.ResponseWriter, shell page.Shell, back string) error {
	return shell.WriteNotice(w, http.StatusOK, page.Notice{
		Prompt: "logout", Screen: "logout-aborted", Mood: page.Good, Title: "title", Texts: []string{"description"},
		LinkURL: back, LinkText: "buttonText",
	})
}

// RenderStatus sends a page that says one thing, by its key on Auth0's status prompt, such as "authentication-failure".
func RenderStatus(w http.ResponseWriter, status int, shell page.Shell, key string) error {
	return shell.WriteNotice(w, status, page.Notice{
		Prompt: "status", Screen: "status", Mood: page.Bad, Title: key + "-title", Texts: []string{key},
	})
}

// screen is what a template sees: the view and its words.
type screen struct {
	V         View
	ID, State string
	prompt    string
	texts     *locale.Texts
	vars      locale.Vars
	errors    Errors
	look      branding.Look
}

func newScreen(shell page.Shell, v View) screen {
	common := v.view()
	vars := shell.Vars()
	for name, value := range common.vars {
		vars[name] = value
	}
	return screen{
		V: v, ID: common.screen, State: common.state, prompt: common.prompt, texts: shell.Texts, vars: vars,
		errors: common.errors, look: shell.Look,
	}
}

func (s screen) text(key string, vars locale.Vars) locale.Text {
	all := s.vars
	if vars != nil {
		all = make(locale.Vars, len(s.vars)+len(vars))
		for _, m := range []locale.Vars{s.vars, vars} {
			for name, value := range m {
				all[name] = value
			}
		}
	}
	return s.texts.Get(s.prompt, s.ID, key, all)
}

// Text gives a text of the screen as markup.
func (s screen) Text(key string) template.HTML { return page.HTML(s.text(key, nil), s.texts.Tag()) }

// Attr gives a text of the screen for an attribute.
func (s screen) Attr(key string) string { return s.text(key, nil).String() }

// Greeting gives the first text where the person's name is known, else the second.
func (s screen) Greeting(named, unnamed string) template.HTML {
	if s.vars["userName"] == "" {
		return s.Text(unnamed)
	}
	return s.Text(named)
}

// Named reports whether the person's name is known.
func (s screen) Named() bool { return s.vars["userName"] != "" }

// IconLabel names the sign of an error to those who do not see it.
func (s screen) IconLabel() string {
	return s.texts.Get("common", "shell", "errorIconLabel", nil).String()
}

// Link gives the address of another page of this transaction.
func (s screen) Link(name string) string {
	path := map[string]string{"login": PathLoginID, "signup": PathSignupID}[name]
	return Address(path, s.State)
}

// shownError is an error in words.
type shownError struct {
	Code string
	Text template.HTML
}

// Error gives what is wrong with a field, or nil. An unknown code gets the general words, so that nobody faces a blank.
func (s screen) Error(field string) *shownError {
	code, ok := s.errors[field]
	if !ok {
		return nil
	}
	text := s.text(code, nil)
	for _, key := range []string{code, "unknown"} {
		if !text.Found() {
			text = s.texts.Get("common", "errors", key, s.vars)
		}
	}
	return &shownError{Code: code, Text: page.HTML(text, s.texts.Tag())}
}

// Field describes an input to its template.
type field struct {
	screen
	Name string
}

// Field gives the screen with a field in view.
func (s screen) Field(name string) field { return field{s, name} }

// Problem gives what is wrong with the field, or nil.
func (f field) Problem() *shownError { return f.Error(f.Name) }

// identifier is the field in which people say who they are.
type identifier struct {
	field
	Ask
	Value           string
	AddressAutofill string // what the browser is asked to put in where it is an e-mail address
}

// Identifier gives that field of the page.
func (s screen) Identifier() identifier {
	switch v := s.V.(type) {
	case LoginID:
		return identifier{s.Field("username"), v.Ask, v.Username, "username"}
	case SignupID:
		return identifier{s.Field(signupField(v.Phone)), v.Ask, v.Address, "email"}
	}
	return identifier{field: s.Field("username")}
}

// signupField is what the field is called on the page that asks who wants an account.
func signupField(phone bool) string {
	if phone {
		return "phone"
	}
	return "email"
}

// Countries gives the choices of a number's country.
func (f identifier) Countries() template.HTML { return countries(f.texts.Tag(), f.Region) }

// Wait gives the seconds until a new code may be asked for, when there is a wait.
func (s screen) Wait() int {
	if v, ok := s.V.(Code); ok {
		return v.seconds()
	}
	return 0
}

// WaitText gives the words of the waiting button, with {time} where script puts the time.
func (s screen) WaitText() string {
	return s.text("resendCountdownText", locale.Vars{"time": "{time}"}).String()
}

// Notice gives what the code page has to say about the last request for a code: sent, too early, or the limit; or nothing.
func (s screen) Notice() template.HTML {
	v, ok := s.V.(Code)
	if !ok {
		return ""
	}
	switch {
	case v.LimitReached:
		return s.Text("resendLimitReachedText")
	case v.TooEarly && v.Wait > 0:
		t := s.texts.Count(s.prompt, s.ID, "resendWaitText", "seconds", v.seconds(), s.vars)
		return page.HTML(t, s.texts.Tag())
	case v.Resent:
		return s.Text("resentText")
	default:
		return ""
	}
}

// ResendFirst reports whether nothing but a new code helps, so that the button for it gets the focus.
func (s screen) ResendFirst() bool {
	v, ok := s.V.(Code)
	if !ok || v.LimitReached {
		return false
	}
	if v.Link.Dead() {
		return true
	}
	switch s.errors["code"] {
	case "expired-verification-code", "too-many-failures", "no-transaction-in-progress":
		return true
	default:
		return false
	}
}

// CodeRoom is how many characters the code field takes: pasted codes may come with a space between the digits.
func (s screen) CodeRoom() int {
	if v, ok := s.V.(Code); ok {
		return 2 * v.Length
	}
	return 0
}

// Autofill gives what the browser is asked to put into the field of a code.
func (s screen) Autofill() string {
	if s.look.PlainCode {
		return "off"
	}
	return "one-time-code"
}

// breaks are the places where a narrow page may break an address without splitting a word.
var breaks = strings.NewReplacer("@", "@<wbr>", "://", "://<wbr>")

// Address gives an e-mail address or the target of a callback, from left to right in any language.
func (s screen) Address(address string) template.HTML {
	return template.HTML(`<bdi dir="ltr">` + breaks.Replace(template.HTMLEscapeString(address)) + "</bdi>")
}

// Initial gives the letter that stands for an account.
func (s screen) Initial(name string) string {
	r, size := utf8.DecodeRuneInString(name)
	if size == 0 || r == utf8.RuneError {
		return ""
	}
	return strings.ToUpper(string(r))
}

// GroupName gives the heading of a group of scopes.
func (s screen) GroupName(g ScopeGroup) template.HTML {
	if g.Identity {
		return s.Text("identityGroupTitle")
	}
	return template.HTML(template.HTMLEscapeString(g.Name))
}

// ScopeText gives the words of a scope: ours for those of OpenID Connect, else its description, else its name.
func (s screen) ScopeText(g ScopeGroup, scope Scope) template.HTML {
	if g.Identity {
		if t := s.text("scope-"+scope.Name, nil); t.Found() {
			return page.HTML(t, s.texts.Tag())
		}
	}
	words := scope.Description
	if words == "" {
		words = scope.Name
	}
	return template.HTML("<bdi>" + template.HTMLEscapeString(words) + "</bdi>")
}
