package universallogin

import (
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"latchkey/internal/branding"
	"latchkey/internal/locale"
	"latchkey/internal/web/page"
)

// budget is what a page may weigh in all: document, style sheet and script, uncompressed.
const budget = 30 << 10

// document is a parsed page.
type document struct {
	t    *testing.T
	name string
	root *html.Node
	body string
	rec  *httptest.ResponseRecorder
}

func parse(t *testing.T, name string, s page.Shell, sm sample) document {
	t.Helper()
	rec := httptest.NewRecorder()
	if err := sm.write(rec, s); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	root, err := html.Parse(strings.NewReader(rec.Body.String()))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return document{t, name, root, rec.Body.String(), rec}
}

// each calls f for every element.
func (d document) each(f func(n *html.Node)) {
	for n := range d.root.Descendants() {
		if n.Type == html.ElementNode {
			f(n)
		}
	}
}

// all gives the elements of a kind that have every one of the attributes, written "name=value", or "name" alone.
func (d document) all(tag string, attrs ...string) []*html.Node {
	var out []*html.Node
	d.each(func(n *html.Node) {
		if tag != "*" && n.Data != tag {
			return
		}
		for _, a := range attrs {
			name, want, exact := strings.Cut(a, "=")
			got, ok := attr(n, name)
			if !ok || (exact && got != want && !(name == "class" && slices.Contains(strings.Fields(got), want))) {
				return
			}
		}
		out = append(out, n)
	})
	return out
}

// one gives the only such element, and fails where there is none or more.
func (d document) one(tag string, attrs ...string) *html.Node {
	d.t.Helper()
	found := d.all(tag, attrs...)
	if len(found) != 1 {
		d.t.Errorf("%s: %d elements <%s %s>, want 1", d.name, len(found), tag, strings.Join(attrs, " "))
		return &html.Node{}
	}
	return found[0]
}

func attr(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

func text(n *html.Node) string {
	var b strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			b.WriteString(c.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func byName(t *testing.T, name string) sample {
	t.Helper()
	for _, s := range samples() {
		if s.name == name {
			return s
		}
	}
	t.Fatalf("no sample %s", name)
	return sample{}
}

func TestPages_HoldTogetherInEveryLanguage(t *testing.T) {
	t.Parallel()
	for _, tag := range locale.Shipped() {
		for _, sm := range samples() {
			d := parse(t, sm.name+" "+tag, testShell(tag), sm)
			root := d.one("html")
			if lang, _ := attr(root, "lang"); lang != tag {
				t.Errorf("%s: lang is %q", d.name, lang)
			}
			if dir, _ := attr(root, "dir"); dir != locale.Dir(tag) {
				t.Errorf("%s: dir is %q", d.name, dir)
			}
			d.one("main", "class=_widget")
			d.one("section", "class=_prompt-box-outer")
			d.one("div", "id=custom-prompt-logo")
			if h := d.one("h1"); text(h) == "" {
				t.Errorf("%s: the heading is empty", d.name)
			}
			if title := text(d.one("title")); title == "" || strings.HasPrefix(title, "|") {
				t.Errorf("%s: title is %q", d.name, title)
			}
			ids := map[string]bool{}
			d.each(func(n *html.Node) {
				if id, ok := attr(n, "id"); ok {
					if ids[id] {
						t.Errorf("%s: id %s stands twice", d.name, id)
					}
					ids[id] = true
				}
				for _, a := range n.Attr {
					if strings.HasPrefix(a.Key, "on") || a.Key == "style" {
						t.Errorf("%s: <%s %s> would be refused by the page's own policy", d.name, n.Data, a.Key)
					}
				}
				if slices.Contains([]string{"label", "button", "a", "summary", "p", "h2", "h3", "li"}, n.Data) && text(n) == "" {
					t.Errorf("%s: an empty <%s>", d.name, n.Data)
				}
			})
			d.each(func(n *html.Node) {
				for _, ref := range []string{"for", "aria-describedby", "data-dynamic-label-for"} {
					if id, ok := attr(n, ref); ok && !ids[id] {
						t.Errorf("%s: %s names %q, which is not there", d.name, ref, id)
					}
				}
			})
			if n := len(d.all("*", "autofocus")); n > 1 {
				t.Errorf("%s: %d elements want the focus", d.name, n)
			}
			if strings.Contains(d.body, "ZgotmplZ") || strings.Contains(d.body, "${") {
				t.Errorf("%s: a value was refused or left out:\n%s", d.name, d.body)
			}
		}
	}
}

// The markers are those that test suites and style sheets written for Auth0's hosted pages look for.
func TestForms_HaveTheMarkersOfUniversalLogin(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ sample, screen, field string }{
		{"login-id", "login-id", "username"},
		{"signup-id", "signup-id", "email"},
		{"login-phone", "login-id", "username"},
		{"signup-phone", "signup-id", "phone"},
		{"code", "login-passwordless-email-code", "code"},
		{"text", "login-passwordless-sms-otp", "code"},
	} {
		d := parse(t, c.sample, testShell("en"), byName(t, c.sample))
		d.one("main", "class="+c.screen)
		form := d.one("form", "data-form-primary=true")
		if class, _ := attr(form, "class"); !strings.Contains(class, "_form-"+c.screen) {
			t.Errorf("%s: form has class %q", c.sample, class)
		}
		if method, _ := attr(form, "method"); method != "post" {
			t.Errorf("%s: method is %q", c.sample, method)
		}
		if _, ok := attr(form, "action"); ok {
			t.Errorf("%s: the form must go to the page's own address", c.sample)
		}
		if n := len(d.all("div", "class=_input-wrapper")); n != 1+len(d.all("select")) {
			t.Errorf("%s: %d wrappers of fields", c.sample, n)
		}
		d.one("input", "class=input", "id="+c.field, "name="+c.field, "autofocus")
		d.one("label", "id="+c.field+"-label", "for="+c.field)
		d.one("button", "type=submit", "name=action", "value=default", "data-action-button-primary=true", "class=_button-"+c.screen)
		if n := len(d.all("div", "class=ulp-alternate-action")); n != 1 {
			t.Errorf("%s: %d alternate lines, want 1", c.sample, n)
		}
		for _, hidden := range d.all("input", "name=state") {
			if v, _ := attr(hidden, "value"); v != state {
				t.Errorf("%s: state is %q", c.sample, v)
			}
		}
	}
}

func TestForms_OfferTheirChoices(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"consent", "callback-confirmation", "logout", "logout-unnamed"} {
		d := parse(t, name, testShell("en"), byName(t, name))
		d.one("button", "name=action", "value=accept", "data-action-button-primary=true")
		d.one("button", "name=action", "value=deny")
	}
	d := parse(t, "account-picker", testShell("en"), byName(t, "account-picker"))
	d.one("button", "name=action", "value=default")
	d.one("button", "name=action", "value=other-account")
}

func TestFields_HaveTheAttributesThatHelpPeopleType(t *testing.T) {
	t.Parallel()
	d := parse(t, "login-id", testShell("ar"), byName(t, "login-id"))
	d.one("input", "id=username", "type=email", "inputmode=email", "autocomplete=username", "autocapitalize=none", "spellcheck=false", "dir=ltr")
	d = parse(t, "signup-id", testShell("ar"), byName(t, "signup-id"))
	d.one("input", "id=email", "type=email", "autocomplete=email", "dir=ltr")
	d = parse(t, "login-phone", testShell("ar"), byName(t, "login-phone"))
	d.one("input", "id=username", "type=tel", "inputmode=tel", "autocomplete=tel", "dir=ltr", "aria-describedby=phone-hint")
	d.one("select", "id=country", "name=identifier_phone_country_code", "autocomplete=tel-country-code")
	d.one("label", "for=country")
	d = parse(t, "signup-phone", testShell("ar"), byName(t, "signup-phone"))
	d.one("input", "id=phone", "name=phone", "type=tel", "autocomplete=tel", "dir=ltr")
	d = parse(t, "text", testShell("ar"), byName(t, "text"))
	d.one("input", "id=code", "type=text", "inputmode=numeric", "autocomplete=one-time-code", "dir=ltr")
	d.one("a", "data-link-name=edit-username", "aria-label=تعديل رقم الهاتف")
	d = parse(t, "code", testShell("ar"), byName(t, "code"))
	d.one("input", "id=code", "type=text", "inputmode=numeric", "pattern=[0-9]*", "autocomplete=one-time-code", "maxlength=12", "dir=ltr")
}

func TestErrors_StandUnderTheirFieldAndTakeTheFocus(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ sample, field, code, words string }{
		{"login-id-error", "username", "invalid-email-format", "name@example.com"},
		{"signup-id-error", "email", "no-email", "Enter your email address."},
		{"code-wrong", "code", "invalid-verification-code", "This code is not right."},
		{"text-wrong", "code", "invalid-verification-code", "newest text message"},
		{"login-phone-error", "username", "invalid-phone-number", "the country code"},
		{"signup-phone-error", "phone", "no-phone", "Enter your phone number."},
	} {
		d := parse(t, c.sample, testShell("en"), byName(t, c.sample))
		d.one("input", "id="+c.field, "aria-invalid=true", "aria-describedby=error-element-"+c.field, "autofocus")
		e := d.one("span", "id=error-element-"+c.field, "class=ulp-input-error-message", "data-error-code="+c.code)
		if got := text(e); !strings.Contains(got, c.words) {
			t.Errorf("%s: the error says %q, want %q in it", c.sample, got, c.words)
		}
		d.one("span", "class=ulp-input-error-icon", "role=img", "aria-label=Error")
		if title := text(d.one("title")); !strings.HasPrefix(title, "Error: ") {
			t.Errorf("%s: title is %q", c.sample, title)
		}
		if d.rec.Code != 400 {
			t.Errorf("%s: status is %d", c.sample, d.rec.Code)
		}
	}
	d := parse(t, "login-id-error", testShell("en"), byName(t, "login-id-error"))
	d.one("input", "id=username", "value=ada@")
	d = parse(t, "login-id", testShell("en"), byName(t, "login-id"))
	if strings.Contains(d.body, "aria-invalid") || strings.Contains(text(d.one("title")), "Error") {
		t.Error("a page without an error looks like one with it")
	}
}

func TestErrors_OfTheWholePageStandAboveTheForm(t *testing.T) {
	t.Parallel()
	d := parse(t, "login-id-alert", testShell("en"), byName(t, "login-id-alert"))
	alert := d.one("div", "id=prompt-alert", "role=alert", "data-error-code=passwordless-authenticator-error", "autofocus")
	if got := text(alert); got != "The code could not be sent. Try again in a few minutes." {
		t.Errorf("the alert says %q", got)
	}
	if v, _ := attr(d.one("input", "id=username"), "value"); v != "ada@example.com" {
		t.Errorf("the typed value became %q", v)
	}
}

func TestErrors_UnknownCodesStillSaySomething(t *testing.T) {
	t.Parallel()
	d := parse(t, "unknown", testShell("en"), sample{write: render(400, LoginID{State: state, Errors: Errors{"username": "no-such-code"}})})
	e := d.one("span", "id=error-element-username", "data-error-code=no-such-code")
	if got := text(e); got != "Something went wrong. Try again." {
		t.Errorf("the error says %q", got)
	}
}

// The codes that the decisions and protection speak in; each must have words on the screen where it can appear.
func TestErrors_EveryCodeHasWords(t *testing.T) {
	t.Parallel()
	shared := []string{
		"ip-blocked", "user-blocked", "same-user-login", "authentication-failure", "invalid-connection", "custom-script-error-code",
		"auth0-users-validation", "passwordless-authenticator-error", "passwordless-unknown-error", "too-many-otps",
	}
	codeErrors := []string{
		"no-code", "invalid-otp-code-format", "invalid-verification-code", "expired-verification-code", "too-many-failures",
		"no-transaction-in-progress",
	}
	for _, c := range []struct {
		view  View
		codes []string
	}{
		{LoginID{}, []string{"no-email", "invalid-email-format", "no-phone", "invalid-phone-number", "invalid-login-id"}},
		{SignupID{}, []string{"no-email", "invalid-email-format", "no-phone", "invalid-phone-number", "ip-signup-blocked"}},
		{Code{}, codeErrors},
		{Code{Phone: true}, codeErrors},
		{Consent{}, []string{"invalid-action", "invalid-audience", "invalid-scope"}},
	} {
		for _, tag := range locale.Shipped() {
			s := newScreen(testShell(tag), c.view)
			general := s.texts.Get("common", "errors", "unknown", nil).String()
			for _, code := range append(slices.Clone(c.codes), shared...) {
				s.errors = Errors{"x": code}
				if got := s.Error("x"); got.Text == "" || string(got.Text) == general {
					t.Errorf("%s %s: %s has no words of its own", tag, s.ID, code)
				}
			}
		}
	}
}

func TestCode_ResendWorksWithoutScriptAndCountsWithIt(t *testing.T) {
	t.Parallel()
	d := parse(t, "code", testShell("de"), byName(t, "code"))
	b := d.one("button", "type=submit", "name=action", "value=resend", "data-wait=28", "data-wait-text=Neuen Code senden in {time}", "formnovalidate")
	for _, name := range []string{"disabled", "aria-disabled"} {
		if _, ok := attr(b, name); ok {
			t.Errorf("the button is %s before any script ran", name)
		}
	}
	if got := text(b); got != "Neuen Code senden" {
		t.Errorf("the button says %q", got)
	}
	// Pressing Enter in the code field must submit the code: the primary button comes first.
	buttons := d.all("button", "name=action")
	if v, _ := attr(buttons[0], "value"); v != "default" {
		t.Errorf("the first button does %q", v)
	}
	d = parse(t, "code-ready", testShell("de"), byName(t, "code-ready"))
	if _, ok := attr(d.one("button", "value=resend"), "data-wait"); ok {
		t.Error("there is nothing to wait for, yet the button waits")
	}
	d = parse(t, "code-limit", testShell("de"), byName(t, "code-limit"))
	if n := len(d.all("button", "value=resend")); n != 0 {
		t.Error("no more codes can be sent, yet the button is there")
	}
}

func TestCode_TellsWhatHappenedToTheLastRequest(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"code-resent": "We sent a new code. The one before it no longer works.",
		"code-early":  "You can ask for a new code in 12 seconds.",
		"code-limit":  "We cannot send more codes to this address now. Use the newest one, or start again later.",
	} {
		d := parse(t, name, testShell("en"), byName(t, name))
		if got := text(d.one("div", "role=status")); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
		d.one("input", "id=code", "aria-describedby=code-status")
	}
	if d := parse(t, "code", testShell("en"), byName(t, "code")); len(d.all("div", "role=status")) != 0 {
		t.Error("nothing happened, yet the page says something")
	}
}

func TestCode_OnlyANewCodeHelpsThenItsButtonHasTheFocus(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"code-expired", "code-exhausted"} {
		d := parse(t, name, testShell("en"), byName(t, name))
		d.one("button", "value=resend", "autofocus", "aria-describedby=error-element-code")
		if _, ok := attr(d.one("input", "id=code"), "autofocus"); ok {
			t.Errorf("%s: the field wants the focus, too", name)
		}
	}
}

func TestCode_ShowsTheAddressWholeWithTheWayBack(t *testing.T) {
	t.Parallel()
	d := parse(t, "code", testShell("en"), byName(t, "code"))
	if got := text(d.one("bdi", "dir=ltr")); got != "ada.lovelace@example.com" {
		t.Errorf("the address is shown as %q", got)
	}
	d.one("a", "data-link-name=edit-username", "href="+PathLoginID+"?state="+state, "aria-label=Edit email address")
	d.one("a", "href=http://localhost:8444/", "rel=noopener")
	d = parse(t, "signup", testShell("en"), sample{write: render(200, Code{State: state, Address: "odd", Length: 6, Signup: true})})
	d.one("a", "data-link-name=edit-username", "href="+PathSignupID+"?state="+state)
	if len(d.all("a", "rel=noopener")) != 0 {
		t.Error("there is no inbox, yet the page links to one")
	}
}

func TestLanguageSwitch_IsAFormThatNeedsNoScript(t *testing.T) {
	t.Parallel()
	d := parse(t, "login-id", testShell("fr"), byName(t, "login-id"))
	d.one("form", "class=_form-language", "method=post")
	d.one("input", "name=action", "value=change-language")
	d.one("input", "name=persist", "value=session")
	for _, tag := range locale.Shipped() {
		b := d.one("button", "name=language", "value="+tag, "lang="+tag, "dir="+locale.Dir(tag))
		if got := text(b); got != locale.Name(tag) {
			t.Errorf("%s is called %q", tag, got)
		}
	}
	d.one("button", "value=fr", "aria-current=true")
	one := testShell("fr")
	one.Languages = []string{"fr"}
	if d := parse(t, "one language", one, byName(t, "login-id")); len(d.all("form", "class=_form-language")) != 0 {
		t.Error("one language needs no switch")
	}
	for _, name := range []string{"error", "form-post", "web-message", "start-over"} {
		if d := parse(t, name, testShell("fr"), byName(t, name)); len(d.all("form", "class=_form-language")) != 0 {
			t.Errorf("%s belongs to no transaction, so nothing could keep the choice", name)
		}
	}
}

func TestFooter_SaysDevelopmentModeOnEveryPageOfIt(t *testing.T) {
	t.Parallel()
	for _, sm := range samples() {
		if d := parse(t, sm.name, testShell("en"), sm); !strings.Contains(d.body, "Never use it for production.") {
			t.Errorf("%s does not say that this is development mode", sm.name)
		}
		s := testShell("en")
		s.Development = false
		if d := parse(t, sm.name, s, sm); strings.Contains(d.body, "production") {
			t.Errorf("%s speaks of development mode in production", sm.name)
		}
	}
}

func TestConsent_SaysWhatTheClientGets(t *testing.T) {
	t.Parallel()
	d := parse(t, "consent", testShell("en"), byName(t, "consent"))
	for scope, want := range map[string]string{
		"openid": "know who you are", "offline_access": "keep this access while you are away",
		"read:payments": "Read your payments", "write:payments": "write:payments",
	} {
		if got := text(d.one("li", "data-scope="+scope)); got != want {
			t.Errorf("%s: got %q, want %q", scope, got, want)
		}
	}
	var groups []string
	for _, h := range d.all("h3") {
		groups = append(groups, text(h))
	}
	if !slices.Equal(groups, []string{"Your profile", "Payments API"}) {
		t.Errorf("groups are %v", groups)
	}
}

func TestPages_TreatEveryValueAsText(t *testing.T) {
	t.Parallel()
	for _, evil := range []string{
		`"><script>alert(1)</script>`, `' autofocus onfocus='alert(1)`, `<img src=x onerror=alert(1)>`, `javascript:alert(1)`,
		"${clientName} <%= \"${email}\" %>", "\u202Eevil", `{{.State}}`, "</title><script>alert(1)</script>",
	} {
		s := testShell("ar")
		s.Company, s.Client, s.SupportURL, s.SupportEmail, s.Return = evil, evil, evil, evil, evil
		s.Look = branding.Resolve(nil, nil, &branding.Branding{LogoURL: evil, FaviconURL: evil})
		for _, v := range []View{
			LoginID{State: evil, Username: evil, Signup: true, Errors: Errors{"username": evil, "": evil}},
			SignupID{State: evil, Address: evil, Errors: Errors{"email": evil}},
			Code{Phone: true, State: evil, Address: evil, Length: 6},
			LoginID{Ask: Ask{Phone: true, Region: evil, Other: evil}, State: evil, Username: evil},
			Code{State: evil, Address: evil, Length: 6, InboxURL: evil, Wait: time.Second, Errors: Errors{"code": evil}},
			Consent{State: evil, UserName: evil, ClientLogoURL: evil, Groups: []ScopeGroup{
				{Name: evil, Scopes: []Scope{{Name: evil, Description: evil}}}, {Identity: true, Scopes: []Scope{{Name: evil}}},
			}},
			CallbackConfirmation{State: evil, UserName: evil, Target: evil},
			AccountPicker{State: evil, Name: evil, Email: evil},
			Logout{State: evil, UserName: evil},
		} {
			d := parse(t, evil, s, sample{write: render(200, v)})
			scripts := d.all("script")
			if len(scripts) != 1 {
				t.Errorf("%T with %q: %d scripts, want our one", v, evil, len(scripts))
			}
			d.each(func(n *html.Node) {
				if n.Data == "img" {
					if src, _ := attr(n, "src"); src == "x" {
						t.Errorf("%T with %q: the value became an element", v, evil)
					}
				}
				for _, a := range n.Attr {
					if strings.HasPrefix(a.Key, "on") {
						t.Errorf("%T with %q: the value became the attribute %s", v, evil, a.Key)
					}
					if (a.Key == "href" || a.Key == "src") && strings.HasPrefix(a.Val, "javascript:") {
						t.Errorf("%T with %q: the value became a script address", v, evil)
					}
				}
			})
			if csp := d.rec.Header().Get("Content-Security-Policy"); strings.Contains(csp, "alert") || strings.Contains(csp, "<") {
				t.Errorf("%T with %q: the value became policy: %s", v, evil, csp)
			}
		}
	}
}

// The choice of a country is as long as its page's style sheet, so that what such a page weighs is told as it travels: the
// files are compressed, and kept for ever.
func TestPages_WeighLessThanTheBudget(t *testing.T) {
	t.Parallel()
	files := regexp.MustCompile(`/u/assets/page\.[0-9a-f]+\.(?:css|js)`)
	theme := branding.DefaultTheme()
	heaviest, name := 0, ""
	for _, tag := range locale.Shipped() {
		for _, sm := range samples() {
			s := testShell(tag)
			s.Look = branding.Resolve(nil, &theme, nil)
			d := parse(t, sm.name+" "+tag, s, sm)
			encoding := "identity"
			if len(d.all("select")) > 0 {
				encoding = "gzip"
			}
			weight := len(d.body)
			for _, path := range files.FindAllString(d.body, -1) {
				weight += len(fetchAssetAs(t, path, encoding))
			}
			if weight > heaviest {
				heaviest, name = weight, d.name
			}
		}
	}
	if heaviest >= budget {
		t.Errorf("%s weighs %d bytes, want less than %d", name, heaviest, budget)
	}
	t.Logf("the heaviest page is %s with %d bytes", name, heaviest)
}

func TestCountries_AreNamedInTheLanguageAndSortedByName(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ tag, first, chosen string }{
		{"en", "Afghanistan +93 🇦🇫", "Germany +49 🇩🇪"},
		{"de", "Afghanistan +93 🇦🇫", "Deutschland +49 🇩🇪"},
		{"ja", "アイスランド +354 🇮🇸", "ドイツ +49 🇩🇪"},
		{"ar", "إثيوبيا \u200e+251 🇪🇹", "ألمانيا \u200e+49 🇩🇪"},
	} {
		d := parse(t, "login-phone "+c.tag, testShell(c.tag), byName(t, "login-phone"))
		options := d.all("option")
		if len(options) < 240 || text(options[0]) != c.first {
			t.Errorf("%s: %d countries, the first is %q, want %q", c.tag, len(options), text(options[0]), c.first)
		}
		if got := text(d.one("option", "selected", "value=DE")); got != c.chosen {
			t.Errorf("%s: chosen is %q, want %q", c.tag, got, c.chosen)
		}
	}
}

func TestIdentifier_AsksForTheOtherKindInAFormOfItsOwn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ sample, connection, words string }{
		{"login-phone-switch", "email", "Use an email address instead"},
		{"login-email-switch", "sms", "Use a phone number instead"},
	} {
		d := parse(t, c.sample, testShell("en"), byName(t, c.sample))
		form := d.one("form", "data-form-secondary=true", "method=post")
		if got := text(form); got != c.words {
			t.Errorf("%s: the form says %q, want %q", c.sample, got, c.words)
		}
		d.one("input", "name=connection", "type=hidden", "value="+c.connection)
	}
	for _, name := range []string{"login-id", "login-phone", "signup-phone"} {
		d := parse(t, name, testShell("en"), byName(t, name))
		if n := len(d.all("input", "name=connection")); n != 0 {
			t.Errorf("%s: there is no other kind, yet it is offered", name)
		}
	}
}

// Only the page of a text message waits for one: an e-mail never comes that way.
func TestCode_OfATextMessageGoesInByOneTap(t *testing.T) {
	t.Parallel()
	d := parse(t, "text", testShell("en"), byName(t, "text"))
	d.one("input", "id=code", "data-text-message")
	d = parse(t, "code", testShell("en"), byName(t, "code"))
	if len(d.all("input", "data-text-message")) != 0 {
		t.Error("the page of an e-mail waits for a text message")
	}
}

func BenchmarkRender(b *testing.B) {
	s := testShell("de")
	for b.Loop() {
		rec := httptest.NewRecorder()
		if err := Render(rec, 200, s, Code{State: state, Address: "ada@example.com", Length: 6, Wait: 30 * time.Second}); err != nil {
			b.Fatal(err)
		}
	}
}

// The screen called status once looked like the box of a good message, whose class has the same name.
func TestStatus_TheScreenIsNotPaintedAsAMessage(t *testing.T) {
	t.Parallel()
	d := parse(t, "link-elsewhere", testShell("en"), byName(t, "link-elsewhere"))
	d.one("main", "class=status")
	for _, path := range regexp.MustCompile(`/u/assets/page\.[0-9a-f]+\.css`).FindAllString(d.body, -1) {
		if css := fetchAsset(t, path); regexp.MustCompile(`[^v]\.status\b`).MatchString(css) {
			t.Error("the style sheet paints whatever has the class status")
		}
	}
}
