package pages_test

import (
	"strings"
	"testing"

	"latchkey/internal/tenant"
	"latchkey/test/servertest"
)

func TestLanguage_TheChoice(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	s.ChangeSettings(func(settings *tenant.Settings) { settings.EnabledLocales = []string{"en", "de", "fr", "ar"} })
	for _, c := range []struct{ accept, uiLocales, want string }{
		{"", "", "en"},
		{"de-AT,de;q=0.9,en;q=0.1", "", "de"},
		{"es,ja", "", "en"}, // shipped but not enabled
		{"de", "fr", "fr"},
		{"de", "es fr de", "fr"},
		{"de", "xx", "de"},
		{"de", "\"><script>", "de"},
		{"ar", "", "ar"},
		{strings.Repeat("xx,", 2000) + "de", "", ""}, // whatever is shown, it is shown
	} {
		b := s.Browser(t)
		b.Headers.Set("Accept-Language", c.accept)
		v := begin(t, s, b, "ui_locales", c.uiLocales)
		page := v.get(pathLogin)
		want(t, page, 200, screenLogin, "")
		if got := language(page); c.want != "" && got != c.want {
			t.Errorf("Accept-Language %q, ui_locales %q: the page is in %s, want %s", c.accept, c.uiLocales, got, c.want)
		}
		if strings.Contains(page.Body, `dir="rtl"`) != strings.Contains(page.Body, `<html lang="ar"`) && !strings.Contains(page.Body, `lang="ar" dir="rtl"`) {
			t.Errorf("%s: the direction of the page is wrong", c.want)
		}
	}
}

func TestLanguage_ChosenOnAPageStaysAndChangesNothingElse(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	s.ChangeSettings(func(settings *tenant.Settings) { settings.EnabledLocales = []string{"en", "de", "fr"} })
	v := begin(t, s, s.Browser(t), "ui_locales", "fr")
	wantNothingDone(t, s, "choosing a language", func() {
		page := v.post(pathLogin, "action", "change-language", "language", "de", "persist", "session", "username", "")
		want(t, page, 200, screenLogin, "")
		if language(page) != "de" {
			t.Errorf("the page is in %s", language(page))
		}
	})
	if page := v.get(pathSignup); language(page) != "de" {
		t.Errorf("the next page is in %s", language(page))
	}
	v.identify("ada@example.com")
	if mail := s.Mail(t, "ada@example.com"); !strings.Contains(mail.Subject, "ist Ihr Code") {
		t.Errorf("the mail's subject is %q", mail.Subject)
	}
	code := s.Code(t, "ada@example.com")
	page := v.post(pathCode, "action", "change-language", "language", "fr")
	want(t, page, 200, screenCode, "")
	if language(page) != "fr" {
		t.Errorf("the code page is in %s", language(page))
	}
	for _, unknown := range []string{"es", "xx", "../de", "<script>"} {
		page := v.post(pathCode, "action", "change-language", "language", unknown)
		want(t, page, 200, screenCode, "")
		if language(page) != "fr" {
			t.Errorf("language=%s turns the page to %s", unknown, language(page))
		}
	}
	if mails := inbox(t, s, "ada@example.com"); len(mails) > 0 {
		t.Error("choosing a language sent a message")
	}
	v.wantNext(v.code(code), pathResume)
	// The next login of this browser speaks it too, and beats what the application and the browser wish.
	v.b.Headers.Set("Accept-Language", "en")
	if page := begin(t, s, v.b, "prompt", "login", "ui_locales", "de").get(pathLogin); language(page) != "fr" {
		t.Errorf("the next login is in %s", language(page))
	}
}

func TestLanguage_ASpeakerOfNothingEnabledGetsTheTenantsOwn(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	s.ChangeSettings(func(settings *tenant.Settings) { settings.EnabledLocales = []string{"de", "en"} })
	b := s.Browser(t)
	b.Headers.Set("Accept-Language", "ja")
	if page := begin(t, s, b).get(pathLogin); language(page) != "de" {
		t.Errorf("the page is in %s", language(page))
	}
}
