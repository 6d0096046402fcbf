package classic

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"latchkey/internal/branding"
	"latchkey/internal/locale"
	"latchkey/internal/web/classic/assets"
	"latchkey/internal/web/classic/templates"
	"latchkey/internal/web/page"
)

func answer(t *testing.T, p Page, files *assets.Files) *httptest.ResponseRecorder {
	t.Helper()
	rec := httptest.NewRecorder()
	shell := page.Shell{Texts: locale.New("en", "en", nil), Look: branding.Resolve(nil, nil, nil), Company: "Acme"}
	if err := p.write(rec, shell, "tracking-1", files); err != nil {
		t.Fatal(err)
	}
	return rec
}

func TestWrite_SendsTheHeadersOfClassicPages(t *testing.T) {
	t.Parallel()
	common := map[string]string{
		"Content-Type": "text/html; charset=utf-8", "Referrer-Policy": "strict-origin-when-cross-origin",
		"Cache-Control": "no-store, max-age=0", "Pragma": "no-cache", "X-Content-Type-Options": "nosniff", "X-Robots-Tag": "noindex, nofollow",
		"Permissions-Policy": "publickey-credentials-get=(self), publickey-credentials-create=(self), otp-credentials=(self), camera=(), microphone=(), geolocation=()",
	}
	for _, c := range []struct {
		page                      Page
		policy, frame, hsts, coop string
	}{
		{Page{}, "frame-ancestors 'none'; base-uri 'self'; object-src 'none'", "DENY", "", "same-origin"},
		{Page{Framable: true}, "base-uri 'self'; object-src 'none'", "", "", "same-origin"},
		{Page{Opener: true, StrictTransport: true}, "frame-ancestors 'none'; base-uri 'self'; object-src 'none'", "DENY", "max-age=31536000; includeSubDomains", "unsafe-none"},
	} {
		c.page.Stored = "<p>own</p>"
		rec := answer(t, c.page, &assets.Files{})
		want := map[string]string{
			"Content-Security-Policy": c.policy, "X-Frame-Options": c.frame, "Strict-Transport-Security": c.hsts, "Cross-Origin-Opener-Policy": c.coop,
		}
		for name, value := range common {
			want[name] = value
		}
		for name, value := range want {
			if got := rec.Header().Get(name); got != value {
				t.Errorf("%s: got %q, want %q", name, got, value)
			}
		}
		if rec.Code != http.StatusOK {
			t.Errorf("status is %d", rec.Code)
		}
	}
}

func TestWrite_LeavesTheBytesOfAStoredPageAlone(t *testing.T) {
	t.Parallel()
	const stored = "<!DOCTYPE html><script src=\"https://cdn.example.com/lock.min.js\"></script><script>x('@@config@@') // ü {{y}}\n</script>"
	rec := answer(t, Page{Stored: stored, Config: NewConfig(sample())}, &assets.Files{})
	got := regexp.MustCompile(`x\('([^']*)'\)`).ReplaceAllString(rec.Body.String(), "x('@@config@@')")
	if got != stored {
		t.Errorf("got %q", got)
	}
	inner := regexp.MustCompile(`x\('([^']*)'\)`).FindStringSubmatch(rec.Body.String())
	if decode(t, inner[1])["clientID"] != "CID" {
		t.Error("the configuration is not in the page")
	}
}

func TestWrite_ShowsTheDefaultTemplateWhereNothingIsStored(t *testing.T) {
	t.Parallel()
	for _, name := range templates.Names() {
		rec := answer(t, Page{Default: name, Config: NewConfig(sample())}, assets.Embedded())
		if body := rec.Body.String(); rec.Code != http.StatusOK || strings.Contains(body, "@@config@@") || !strings.Contains(body, "/_/assets/") {
			t.Errorf("%s: %d", name, rec.Code)
		}
	}
}

func TestWrite_NamesTheMissingBuildStep(t *testing.T) {
	t.Parallel()
	rec := answer(t, Page{Default: templates.LockPasswordless, Config: NewConfig(sample())}, &assets.Files{})
	body := rec.Body.String()
	if rec.Code != http.StatusServiceUnavailable {
		t.Errorf("status is %d", rec.Code)
	}
	for _, want := range []string{"scripts/assets", "classic_assets_missing", "tracking-1"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if !strings.Contains(rec.Header().Get("Content-Security-Policy"), "script-src 'nonce-") {
		t.Error("the error page has no policy of its own")
	}
}
