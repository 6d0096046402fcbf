package universallogin

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"latchkey/internal/branding"
	"latchkey/internal/locale"
	"latchkey/internal/otp"
	"latchkey/internal/web/page"
)

// sample is one page as tests and screenshots see it.
type sample struct {
	name  string
	write func(w http.ResponseWriter, s page.Shell) error
}

func render(status int, v View) func(http.ResponseWriter, page.Shell) error {
	return func(w http.ResponseWriter, s page.Shell) error { return Render(w, status, s, v) }
}

const state = "hKFo2SBstate"

// awaited is a link that a page waits for.
func awaited(only bool, stage otp.Progress) *Awaited {
	return &Awaited{Only: only, Number: "47", Stage: stage, Poll: PathLinkStatus + "?state=" + state}
}

// samples are all pages, each in its telling states.
func samples() []sample {
	code := Code{State: state, Address: "ada.lovelace@example.com", Length: 6}
	with := func(change func(*Code)) Code {
		c := code
		change(&c)
		return c
	}
	text := func(c *Code) { c.Phone, c.Address = true, "+49 1512 3****89" }
	phone := Ask{Phone: true, Region: "DE"}
	confirm := ConfirmLink{State: state, Browser: "Firefox", System: "Windows", Ago: 3 * time.Minute, StartOver: "https://app.example.com/login"}
	groups := []ScopeGroup{
		{Identity: true, Scopes: []Scope{{Name: "openid"}, {Name: "profile"}, {Name: "email"}, {Name: "offline_access"}}},
		{Name: "Payments API", Scopes: []Scope{{Name: "read:payments", Description: "Read your payments"}, {Name: "write:payments"}}},
	}
	return []sample{
		{"login-id", render(200, LoginID{State: state, Signup: true})},
		{"login-id-error", render(400, LoginID{State: state, Signup: true, Username: "ada@", Errors: Errors{"username": "invalid-email-format"}})},
		{"login-id-alert", render(400, LoginID{State: state, Username: "ada@example.com", Errors: Errors{"": "passwordless-authenticator-error"}})},
		{"signup-id", render(200, SignupID{State: state})},
		{"signup-id-error", render(400, SignupID{State: state, Errors: Errors{"email": "no-email"}})},
		{"login-phone", render(200, LoginID{Ask: phone, State: state, Signup: true})},
		{"login-phone-switch", render(200, LoginID{Ask: Ask{Phone: true, Region: "JP", Other: "email"}, State: state, Signup: true})},
		{"login-phone-error", render(400, LoginID{Ask: phone, State: state, Signup: true, Username: "12", Errors: Errors{"username": "invalid-phone-number"}})},
		{"login-email-switch", render(200, LoginID{Ask: Ask{Other: "sms"}, State: state, Signup: true})},
		{"signup-phone", render(200, SignupID{Ask: phone, State: state})},
		{"signup-phone-error", render(400, SignupID{Ask: phone, State: state, Errors: Errors{"phone": "no-phone"}})},
		{"text", render(200, with(func(c *Code) { text(c); c.Wait = 28 * time.Second; c.InboxURL = "http://localhost:8444/" }))},
		{"text-resent", render(200, with(func(c *Code) { text(c); c.Wait = 30 * time.Second; c.Resent = true }))},
		{"text-wrong", render(400, with(func(c *Code) { text(c); c.Errors = Errors{"code": "invalid-verification-code"} }))},
		{"text-expired", render(400, with(func(c *Code) { text(c); c.Errors = Errors{"code": "expired-verification-code"} }))},
		{"text-limit", render(200, with(func(c *Code) { text(c); c.LimitReached = true }))},
		{"code", render(200, with(func(c *Code) { c.Wait = 28 * time.Second; c.InboxURL = "http://localhost:8444/" }))},
		{"code-ready", render(200, code)},
		{"code-resent", render(200, with(func(c *Code) { c.Wait = 30 * time.Second; c.Resent = true }))},
		{"code-early", render(200, with(func(c *Code) { c.Wait = 12 * time.Second; c.TooEarly = true }))},
		{"code-wrong", render(400, with(func(c *Code) { c.Errors = Errors{"code": "invalid-verification-code"} }))},
		{"code-expired", render(400, with(func(c *Code) { c.Errors = Errors{"code": "expired-verification-code"} }))},
		{"code-exhausted", render(400, with(func(c *Code) { c.Errors = Errors{"code": "too-many-failures"} }))},
		{"code-limit", render(200, with(func(c *Code) { c.LimitReached = true }))},
		{"code-and-link", render(200, with(func(c *Code) { c.Link = awaited(false, otp.Pending); c.Wait = 28 * time.Second }))},
		{"code-and-link-dead", render(200, with(func(c *Code) { c.Link = awaited(false, otp.Dead) }))},
		{"link", render(200, with(func(c *Code) { c.Link = awaited(true, otp.Pending); c.Wait = 28 * time.Second }))},
		{"link-resent", render(200, with(func(c *Code) { c.Link = awaited(true, otp.Pending); c.Wait = 30 * time.Second; c.Resent = true }))},
		{"link-approved", render(200, with(func(c *Code) { c.Link = awaited(true, otp.Approved) }))},
		{"link-not-approved", render(400, with(func(c *Code) {
			c.Link, c.Errors = awaited(true, otp.Pending), Errors{"": "not-approved"}
		}))},
		{"link-dead", render(200, with(func(c *Code) { c.Link = awaited(true, otp.Dead) }))},
		{"link-limit", render(200, with(func(c *Code) { c.Link = awaited(true, otp.Pending); c.LimitReached = true }))},
		{"redeem-own", render(200, RedeemTicket{State: state, Own: true, Automatic: true, Address: "ada.lovelace@example.com"})},
		{"redeem-anywhere", render(200, RedeemTicket{State: state, Address: "ada.lovelace@example.com"})},
		{"link-elsewhere", render(200, confirm)},
		{"link-elsewhere-error", render(400, ConfirmLink{State: state, Ago: 2 * time.Hour, StartOver: "https://app.example.com/login", Errors: Errors{"number": "wrong-number"}})},
		{"consent", render(200, Consent{State: state, UserName: "Ada Lovelace", Groups: groups})},
		{"consent-error", render(400, Consent{State: state, Groups: groups[:1], Errors: Errors{"": "invalid-action"}})},
		{"callback-confirmation", render(200, CallbackConfirmation{State: state, UserName: "ada.lovelace@example.com", Target: "com.example.bank://callback"})},
		{"account-picker", render(200, AccountPicker{State: state, Name: "Ada Lovelace", Email: "ada.lovelace@example.com"})},
		{"email-verification", render(200, EmailVerification{State: state, Email: "ada.lovelace@example.com"})},
		{"logout", render(200, Logout{State: state, UserName: "Ada"})},
		{"logout-unnamed", render(200, Logout{State: state})},
		{"logout-aborted", func(w http.ResponseWriter, s page.Shell) error {
			return RenderLogoutAborted(w, s, "https://app.example.com/")
		}},
		{"status", func(w http.ResponseWriter, s page.Shell) error {
			return RenderStatus(w, 500, s, "authentication-failure")
		}},
		{"logout-complete", func(w http.ResponseWriter, s page.Shell) error { return s.WriteLoggedOut(w, "") }},
		{"start-over", func(w http.ResponseWriter, s page.Shell) error {
			return s.WriteStartOver(w, 400, page.Expired, "https://app.example.com/login")
		}},
		{"start-over-nowhere", func(w http.ResponseWriter, s page.Shell) error {
			return s.WriteStartOver(w, 400, page.Exhausted, "")
		}},
		{"throttled", func(w http.ResponseWriter, s page.Shell) error {
			return s.WriteThrottled(w, "ip-blocked", 150*time.Second)
		}},
		{"error", func(w http.ResponseWriter, s page.Shell) error {
			return s.WriteError(w, 400, page.Failure{
				Error: "invalid_request", Description: "The redirect_uri is not registered for this client.", Tracking: "01JD8Z6W3M4K5N6P7Q8R9S0T1V",
			})
		}},
		{"form-post", func(w http.ResponseWriter, s page.Shell) error {
			return s.WriteFormPost(w, "https://app.example.com/callback", map[string][]string{"code": {"c"}, "state": {"s"}})
		}},
		{"web-message", func(w http.ResponseWriter, s page.Shell) error {
			return s.WriteWebMessage(w, "https://app.example.com", map[string]any{"code": "c", "state": "s"})
		}},
	}
}

func testShell(tag string) page.Shell {
	return page.Shell{
		Texts: locale.New(tag, "en", nil), Look: branding.Resolve(nil, nil, nil), Company: "Northwind Bank", Client: "Northwind Online",
		SupportURL: "https://help.example.com/", Languages: locale.Shipped(), Development: true,
	}
}

// TestScreenshots_WriteEveryPage writes every page in every language into the folder that LATCHKEY_SCREENSHOTS names, for
// people to look at. Without the variable there is nothing to do.
func TestScreenshots_WriteEveryPage(t *testing.T) {
	folder := os.Getenv("LATCHKEY_SCREENSHOTS")
	if folder == "" {
		t.Skip("LATCHKEY_SCREENSHOTS names no folder")
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	theme := branding.DefaultTheme()
	looks := map[string]branding.Look{
		"":       branding.Resolve(nil, nil, nil),
		"theme-": branding.Resolve(nil, &theme, nil),
		"brand-": branding.Resolve(nil, nil, &branding.Branding{Colors: &branding.BrandColors{
			Primary: "#0b5d3b", PageBackground: &branding.PageBackground{Gradient: &branding.Gradient{
				Type: "linear-gradient", Start: "#0b5d3b", End: "#9fd8b4", AngleDeg: 30,
			}},
		}}),
	}
	for prefix, look := range looks {
		for _, tag := range locale.Shipped() {
			for _, sm := range samples() {
				s := testShell(tag)
				s.Look = look
				rec := httptest.NewRecorder()
				if err := sm.write(rec, s); err != nil {
					t.Fatal(err)
				}
				html := rec.Body.String()
				for _, kind := range []string{"css", "js"} {
					html = localAsset(t, folder, html, kind)
				}
				file := filepath.Join(folder, fmt.Sprintf("%s%s.%s.html", prefix, sm.name, tag))
				if err := os.WriteFile(file, []byte(html), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// localAsset points a page at a copy of its asset in the folder, so that the file can be opened by itself.
func localAsset(t *testing.T, folder, html, kind string) string {
	t.Helper()
	start := strings.Index(html, "/u/assets/page.")
	for start >= 0 {
		end := start + strings.IndexByte(html[start:], '"')
		path := html[start:end]
		if strings.HasSuffix(path, "."+kind) {
			if err := os.WriteFile(filepath.Join(folder, "page."+kind), []byte(fetchAsset(t, path)), 0o644); err != nil {
				t.Fatal(err)
			}
			return strings.Replace(html, path, "page."+kind, 1)
		}
		next := strings.Index(html[end:], "/u/assets/page.")
		if next < 0 {
			return html
		}
		start = end + next
	}
	return html
}

func fetchAsset(t *testing.T, path string) string {
	t.Helper()
	return fetchAssetAs(t, path, "identity")
}

// fetchAssetAs gives a file as it travels to a browser that takes an encoding.
func fetchAssetAs(t *testing.T, path, encoding string) string {
	t.Helper()
	rec := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("Accept-Encoding", encoding)
	page.Assets().ServeHTTP(rec, r)
	if rec.Code != http.StatusOK {
		t.Fatalf("GET %s: status %d, want 200", path, rec.Code)
	}
	return rec.Body.String()
}
