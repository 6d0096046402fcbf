package pages_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/internal/client"
	"latchkey/internal/connection"
	"latchkey/internal/egress"
	"latchkey/internal/message"
	"latchkey/test/servertest"
)

const (
	number  = "+12025550123"
	country = "identifier_phone_country_code"
)

// addText gives the clients of a server a connection for text messages beside the one for e-mail, which is older.
func addText(s *servertest.Server) {
	s.Clock.Advance(time.Second)
	s.AddConnection(&connection.Connection{Name: "sms", Strategy: connection.SMS}, s.Web, s.Native)
}

// beginText begins a login by text message.
func beginText(t testing.TB, s *servertest.Server, params ...string) *visit {
	t.Helper()
	v := begin(t, s, s.Browser(t), append([]string{"connection", "sms"}, params...)...)
	v.codes = pathText
	return v
}

var chosenCountry = regexp.MustCompile(`<option value=([A-Z]{2}) selected>`)

func TestText_LoginAndSignupEndAtTheApplication(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		addText(s)
		for _, c := range []struct{ name, hint, path, screen, field, typed, events string }{
			{"login of a new user", "", pathLogin, screenLogin, "username", "(202) 555-0123", "cs ss s seacft"},
			{"login of a known user", "", pathLogin, screenLogin, "username", "+1 202 555 0123 ", "cs s seacft"},
			{"sign-up of a known user", "signup", pathSignup, screenSignup, "phone", "2025550123", "cs s seacft"},
		} {
			seen := len(s.Events(t))
			v := beginText(t, s, "screen_hint", c.hint, "scope", "openid profile email phone")
			if v.path != c.path {
				t.Fatalf("%s begins at %s, want %s", c.name, v.path, c.path)
			}
			want(t, v.get(c.path), 200, c.screen, "")
			v.wantNext(v.post(c.path, c.field, c.typed, country, "US"), pathText)
			page := v.get(pathText)
			want(t, page, 200, screenText, "")
			if !strings.Contains(page.Body, `<bdi dir="ltr">+1 202-5**-**23</bdi>`) || strings.Contains(page.Body, "5550123") {
				t.Errorf("%s: the code page does not show the number as it should", c.name)
			}
			v.wantNext(v.code(s.Code(t, number)), pathResume)
			tokens := v.b.MustToken(s.CodeForm(wantCallback(t, v.finish())))
			claims := servertest.Claims(t, tokens.IDToken)
			v.b.Headers.Set("Authorization", "Bearer "+tokens.AccessToken)
			for from, got := range map[string]map[string]any{"ID token": claims, "/userinfo": v.b.Get("/userinfo").JSON(t)} {
				if got["phone_number"] != number || got["phone_number_verified"] != true || got["name"] != number {
					t.Errorf("%s: the %s holds %v", c.name, from, got)
				}
				if _, ok := got["email"]; ok || got["phone_verified"] != nil || !strings.HasPrefix(got["sub"].(string), "sms|") {
					t.Errorf("%s: the %s holds %v", c.name, from, got)
				}
			}
			var types []string
			for _, e := range s.Events(t)[seen:] {
				types = append(types, string(e.Type))
			}
			if got := strings.Join(types, " "); got != c.events {
				t.Errorf("%s: the tenant's log has %q, want %q", c.name, got, c.events)
			}
		}
	})
}

func TestText_WithoutThePhoneScopeNobodyLearnsTheNumber(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	addText(s)
	v := beginText(t, s, "scope", "openid")
	v.wantNext(v.post(pathLogin, "username", number), pathText)
	v.wantNext(v.code(s.Code(t, number)), pathResume)
	tokens := v.b.MustToken(s.CodeForm(wantCallback(t, v.finish())))
	claims, err := json.Marshal(servertest.Claims(t, tokens.IDToken))
	if err != nil || strings.Contains(string(claims), number) {
		t.Errorf("the ID token holds %s (%v)", claims, err)
	}
}

func TestText_TheUserIsTheNumbers(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	addText(s)
	v := beginText(t, s)
	v.wantNext(v.post(pathLogin, "username", number), pathText)
	v.wantNext(v.code(s.Code(t, number)), pathResume)
	wantCallback(t, v.finish())
	users := s.Must(200, "GET", "/users?search_engine=v3&q="+url.QueryEscape(`phone_number:"`+number+`"`), nil).List()
	if len(users) != 1 {
		t.Fatalf("the number finds %d users", len(users))
	}
	u, _ := users[0].(map[string]any)
	identities, _ := u["identities"].([]any)
	identity, _ := identities[0].(map[string]any)
	if u["name"] != number || u["phone_number"] != number || u["phone_verified"] != true || u["email"] != nil ||
		identity["connection"] != "sms" || identity["provider"] != "sms" {
		t.Errorf("the user is %v", u)
	}
}

func TestText_NumbersAreReadWithTheirCountry(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	addText(s)
	for _, c := range []struct {
		name, language string
		path           string
		fields         []string
		want           string
	}{
		{"national, with the chosen country", "", pathLogin, []string{"username", "01512 3456789", country, "DE"}, "+4915123456789"},
		{"with a plus sign, whatever was chosen", "", pathLogin, []string{"username", "+44 7911 123456", country, "US"}, "+447911123456"},
		{"with a double zero", "", pathLogin, []string{"username", "0044 7911 123457", country, "DE"}, "+447911123457"},
		{"national, in a small letter", "", pathLogin, []string{"username", "01512 3456790", country, "de"}, "+4915123456790"},
		{"national, with the browser's country", "de-AT,de;q=0.9", pathLogin, []string{"username", "0664 1234567"}, "+436641234567"},
		{"national, with a country that there is not", "de", pathLogin, []string{"username", "01512 3456791", country, "ZZ"}, "+4915123456791"},
		{"in the field of forms that have a country", "", pathLogin, []string{"identifier_phone", "2025550111", country, "US"}, "+12025550111"},
		{"at sign-up", "", pathSignup, []string{"phone", "2025550112", country, "US"}, "+12025550112"},
		{"at sign-up, in the field of Auth0's pages", "", pathSignup, []string{"phone_number", "2025550113"}, "+12025550113"},
		{"at sign-up, in that of forms with a country", "", pathSignup, []string{"identifier_phone", "2025550114"}, "+12025550114"},
	} {
		v := beginText(t, s)
		if c.language != "" {
			v.b.Headers.Set("Accept-Language", c.language)
		}
		v.wantNext(v.post(c.path, c.fields...), pathText)
		if m := s.Mail(t, c.want); m.Channel != message.Text || m.Code == "" {
			t.Errorf("%s: the message is %+v", c.name, m)
		}
	}
}

func TestText_WhatIsNoNumberIsRefusedUnderItsField(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	addText(s)
	for _, c := range []struct{ typed, code string }{
		{"", "no-phone"}, {"  ", "no-phone"}, {"12", "invalid-phone-number"}, {"ada@example.com", "invalid-phone-number"},
		{"+999 12345", "invalid-phone-number"}, {"1-800-FLOWERS", "invalid-phone-number"}, {strings.Repeat("1", 300), "invalid-phone-number"},
	} {
		for path, field := range map[string]string{pathLogin: "username", pathSignup: "phone"} {
			v := beginText(t, s)
			a := v.post(path, field, c.typed, country, "DE")
			if a.Status != 400 || errorCode(a) != c.code || !strings.Contains(a.Body, `id="error-element-`+field+`"`) {
				t.Errorf("%s %q: answered %d, error %q", path, c.typed, a.Status, errorCode(a))
			}
			if got := firstGroup(chosenCountry, a.Body); got != "DE" {
				t.Errorf("%s %q: the country became %q", path, c.typed, got)
			}
			if typed := strings.TrimSpace(c.typed); typed != "" && typed[0] != '+' && !strings.Contains(a.Body, `value="`+typed+`"`) {
				t.Errorf("%s %q: what was typed is gone", path, c.typed)
			}
		}
	}
}

func TestText_TheCountryIsGuessedAndKept(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	addText(s)
	for language, country := range map[string]string{
		"": "US", "de": "DE", "en-GB,en;q=0.9": "GB", "de,en-US;q=0.7,en;q=0.3": "DE", "pt-BR": "BR", "*": "US", "es-419": "US",
	} {
		v := beginText(t, s)
		v.b.Headers.Set("Accept-Language", language)
		for _, path := range []string{pathLogin, pathSignup} {
			if got := firstGroup(chosenCountry, v.get(path).Body); got != country {
				t.Errorf("%q at %s: the country is %s, want %s", language, path, got, country)
			}
		}
	}
	v := beginText(t, s)
	v.b.Headers.Set("Accept-Language", "de")
	v.wantNext(v.post(pathLogin, "username", "06641234567", country, "AT"), pathText)
	page := v.get(pathLogin) // Edit leads here
	if got := firstGroup(chosenCountry, page.Body); got != "AT" || !strings.Contains(page.Body, `value="06641234567"`) {
		t.Errorf("the way back to the number shows the country %s", got)
	}
}

func TestText_AHintStandsInTheFieldOfItsKind(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	addText(s)
	for _, c := range []struct {
		connection, hint string
		shown            bool
	}{{"sms", number, true}, {"sms", "ada@example.com", false}, {"email", "ada@example.com", true}, {"email", number, false}} {
		v := begin(t, s, s.Browser(t), "connection", c.connection, "login_hint", c.hint)
		page := strings.ReplaceAll(v.get(pathLogin).Body, "&#43;", "+")
		if got := strings.Contains(page, `value="`+c.hint+`"`); got != c.shown {
			t.Errorf("%s, hint %s: shown is %v", c.connection, c.hint, got)
		}
	}
}

func TestText_CodesAreRefusedAsThoseOfMailsAre(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	addText(s)
	v := beginText(t, s)
	v.wantNext(v.post(pathLogin, "username", number), pathText)
	want(t, v.code(""), 400, screenText, "no-code")
	first := s.Code(t, number)
	a := v.resend()
	if a.Status != 429 || screen(a) != screenText || a.Header.Get("Retry-After") != "30" {
		t.Errorf("a resend that is too early answered %d, Retry-After %q", a.Status, a.Header.Get("Retry-After"))
	}
	s.Clock.Advance(31 * time.Second)
	v.wantNext(v.resend(), pathText)
	second := s.Code(t, number)
	if first != second {
		want(t, v.code(first), 400, screenText, "invalid-verification-code")
	}
	s.Clock.Advance(time.Hour / 4)
	want(t, v.code(second), 400, screenText, "expired-verification-code")
	v.wantNext(v.resend(), pathText)
	third := s.Code(t, number)
	for range 3 {
		pause(s)
		want(t, v.code(servertest.WrongCode(third)), 400, screenText, "invalid-verification-code")
	}
	want(t, v.code(third), 400, screenText, "too-many-failures")
	s.Clock.Advance(time.Minute)
	v.wantNext(v.resend(), pathText)
	digits := s.Code(t, number)
	v.wantNext(v.code(digits[:3]+" "+digits[3:]), pathResume)
	wantCallback(t, v.finish())
}

func TestText_EachCodePageIsForItsKindAlone(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	addText(s)
	v := beginText(t, s)
	v.wantNext(v.get(pathText), pathLogin)
	v.wantNext(v.post(pathText, "code", "123456"), pathLogin)
	v.wantNext(v.post(pathLogin, "username", number), pathText)
	v.wantNext(v.get(pathCode), pathText)
	v.wantNext(v.post(pathCode, "code", s.Code(t, number)), pathText)
	want(t, v.post(pathText, "action", "change-language", "language", "en"), 200, screenText, "")

	mail := begin(t, s, s.Browser(t), "connection", "email")
	mail.identify("ada@example.com")
	mail.wantNext(mail.get(pathText), pathCode)
}

func TestText_PagesHaveTheTenantsOwnWords(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	addText(s)
	s.Must(200, "PUT", "/prompts/login-id/custom-text/en", map[string]any{"login-id": map[string]any{"phonePlaceholder": "Your mobile"}})
	s.Must(200, "PUT", "/prompts/login-passwordless/custom-text/en", map[string]any{"login-passwordless-sms-otp": map[string]any{
		"title": "Look at your mobile", "invalid-verification-code": "No, not that one.",
	}})
	v := beginText(t, s)
	if page := v.get(pathLogin); !strings.Contains(page.Body, ">Your mobile</label>") {
		t.Error("the label of the number is not the tenant's")
	}
	v.wantNext(v.post(pathLogin, "username", number), pathText)
	if page := v.get(pathText); !strings.Contains(page.Body, "<h1>Look at your mobile</h1>") {
		t.Error("the heading is not the tenant's")
	}
	if page := v.code(servertest.WrongCode(s.Code(t, number))); !strings.Contains(page.Body, "No, not that one.") {
		t.Error("the words of the error are not the tenant's")
	}
	mail := begin(t, s, s.Browser(t), "connection", "email")
	mail.identify("ada@example.com")
	if page := mail.get(pathCode); strings.Contains(page.Body, "mobile") {
		t.Error("the page of an e-mail has the words of text messages")
	}
}

// A connection that sends for itself is waited for: what it refuses did not leave, so there is nothing to wait for either.
func TestText_WhatTheProviderRefusesIsTriedAgainAtOnce(t *testing.T) {
	t.Parallel()
	var refuses atomic.Bool
	codes := make(chan string, 1)
	refuses.Store(true)
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if refuses.Load() {
			http.Error(w, "the account has no money left", http.StatusPaymentRequired)
			return
		}
		var sent struct{ Body string }
		if err := json.NewDecoder(r.Body).Decode(&sent); err != nil {
			t.Error(err)
		}
		codes <- regexp.MustCompile(`[0-9]{6}`).FindString(sent.Body)
	}))
	t.Cleanup(gateway.Close)
	allowed, err := egress.ParseAllow("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	s := servertest.NewEgress(t, egress.Config{Allow: []egress.Allowed{allowed}})
	addText(s)
	s.ChangeConnection("sms", func(c *connection.Connection) {
		c.Options.Provider, c.Options.GatewayURL = "sms_gateway", gateway.URL
	})
	v := beginText(t, s)
	a := v.post(pathLogin, "username", number)
	want(t, a, 400, screenLogin, "passwordless-authenticator-error")
	if strings.Contains(a.Body, "money") {
		t.Error("the person reads what the provider says of the tenant's account")
	}
	if !strings.Contains(strings.ReplaceAll(a.Body, "&#43;", "+"), `value="`+number+`"`) {
		t.Error("the number is gone")
	}
	refuses.Store(false)
	v.wantNext(v.post(pathLogin, "username", number), pathText)
	want(t, v.get(pathText), 200, screenText, "")
	s.Clock.Advance(31 * time.Second)
	refuses.Store(true)
	want(t, v.resend(), 400, screenText, "passwordless-authenticator-error")
	refuses.Store(false)
	<-codes
	v.wantNext(v.resend(), pathText)
	v.wantNext(v.code(<-codes), pathResume)
	wantCallback(t, v.finish())
}

func TestSwitch_PeopleChooseWhereTheirCodeGoes(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		addText(s)
		for _, path := range []string{pathLogin, pathSignup} {
			v := begin(t, s, s.Browser(t))
			page := v.get(path)
			if !strings.Contains(page.Body, `name="connection" value="sms"`) || strings.Contains(page.Body, "<select") {
				t.Fatalf("%s does not begin with the older connection, or offers no other", path)
			}
			v.wantNext(v.post(path, "connection", "sms"), path)
			page = v.get(path)
			if !strings.Contains(page.Body, `name="connection" value="email"`) || !strings.Contains(page.Body, "<select") {
				t.Fatalf("%s did not go over", path)
			}
			v.wantNext(v.post(path, "connection", "sms"), path) // sent twice
			v.codes = pathText
			v.wantNext(v.post(path, "username", number, "phone", number), pathText)
			v.wantNext(v.code(s.Code(t, number)), pathResume)
			claims := servertest.Claims(t, v.b.MustToken(s.CodeForm(wantCallback(t, v.finish()))).IDToken)
			if sub, _ := claims["sub"].(string); !strings.HasPrefix(sub, "sms|") {
				t.Errorf("%s: the login is of %s", path, sub)
			}
		}
	})
}

// A message to each address was once free of waits after every change of the connection.
func TestSwitch_WhatWasSentBeforeCountsNoMoreUntilThePersonComesBackToIt(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	addText(s)
	v := begin(t, s, s.Browser(t))
	v.identify("ada@example.com")
	mailed := s.Code(t, "ada@example.com")
	v.wantNext(v.post(pathCode, "connection", "sms"), pathLogin)
	v.wantNext(v.post(pathCode, "code", mailed), pathLogin)
	v.wantNext(v.get(pathText), pathLogin)
	if page := v.get(pathLogin); strings.Contains(page.Body, "ada@") {
		t.Error("the address stands in the field for the number")
	}
	v.wantNext(v.post(pathLogin, "username", number), pathText)
	v.codes = pathText
	texted := s.Code(t, number)
	if mailed != texted {
		want(t, v.code(mailed), 400, screenText, "invalid-verification-code")
	}
	// And back again, from the page of the text message, sooner than another mail may leave.
	v.wantNext(v.post(pathText, "connection", "email"), pathLogin)
	s.Clock.Advance(29 * time.Second)
	v.identify("ada@example.com")
	v.codes = pathCode
	wantNoMail(t, s, "ada@example.com")
	want(t, v.resend(), 429, screenCode, "")
	if mailed != texted {
		want(t, v.code(texted), 400, screenCode, "invalid-verification-code")
	}
	v.wantNext(v.code(mailed), pathResume)
}

// Going to and fro once could have been a way round the number of messages of one login.
func TestSwitch_DoesNotCountAfresh(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	addText(s)
	v := begin(t, s, s.Browser(t))
	for i := range 5 {
		s.Clock.Advance(2 * time.Minute)
		if i%2 == 0 {
			v.identify("ada@example.com")
			v.wantNext(v.post(pathCode, "connection", "sms"), pathLogin)
			continue
		}
		v.wantNext(v.post(pathLogin, "username", number), pathText)
		v.wantNext(v.post(pathText, "connection", "email"), pathLogin)
	}
	s.Clock.Advance(2 * time.Minute)
	if a := v.post(pathLogin, "username", number); a.Status != 429 {
		t.Errorf("the sixth message answered %d", a.Status)
	}
}

func TestSwitch_IsRefusedWhereItIsNotOffered(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	addText(s)
	s.AddConnection(&connection.Connection{Name: "partners", Strategy: connection.SMS})
	other, _ := s.AddClient(&client.Client{
		Name: "Mail only", AppType: "regular_web", TokenEndpointAuthMethod: client.AuthPost, GrantTypes: []string{client.GrantAuthorizationCode},
	})
	s.ChangeConnection("email", func(c *connection.Connection) { c.EnabledClients = append(c.EnabledClients, other.ID) })
	for _, c := range []struct {
		name   string
		client *client.Client
		params []string
		to     string
	}{
		{"the application named a connection", s.Web, []string{"connection", "email"}, "sms"},
		{"the other is not enabled for the client", other, nil, "sms"},
		{"the connection is enabled for nobody", s.Web, nil, "partners"},
		{"there is no such connection", s.Web, nil, "nowhere"},
		{"the connection has a strange name", s.Web, nil, `"><script>`},
	} {
		v := beginAs(t, s, s.Browser(t), c.client, c.params...)
		for path, page := range map[string]string{pathLogin: screenLogin, pathSignup: screenSignup} {
			if body := v.get(path).Body; strings.Contains(body, `name="connection"`) != (c.client == s.Web && c.params == nil) {
				t.Errorf("%s: %s offers another connection, or does not", c.name, path)
			}
			want(t, v.post(path, "connection", c.to), 400, page, "invalid-connection")
		}
		v.identify("ada@example.com")
		want(t, v.post(pathCode, "connection", c.to), 400, screenCode, "invalid-connection")
	}
}

func TestText_ClosedNumbersUseNothingUpAndProvenOnesAreNotHeldBack(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		addText(s)
		home := s.Browser(t)
		login := func(b *servertest.Browser) *visit {
			v := begin(t, s, b, "connection", "sms", "prompt", "login")
			v.codes = pathText
			v.wantNext(v.post(pathLogin, "username", number), pathText)
			return v
		}
		// got counts the messages to the number, when one to somebody abroad has come after them.
		got := func() int {
			const canary = "+4915112345678"
			begin(t, s, s.Browser(t), "connection", "sms").post(pathLogin, "username", canary)
			s.Code(t, canary)
			return len(inbox(t, s, number))
		}
		v := login(home)
		v.wantNext(v.code(s.Code(t, number)), pathResume)
		for i := range 60 {
			b := s.Browser(t)
			b.Headers.Set("X-Forwarded-For", fmt.Sprintf("198.%d.7.1", i))
			v := begin(t, s, b, "connection", "sms")
			v.wantNext(v.post(pathLogin, "username", fmt.Sprintf("+1900234%04d", i)), pathText)
		}
		seen := got()
		login(s.Browser(t))
		if n := got(); n != seen+1 {
			t.Fatalf("closed numbers have used the country up: %d messages, want %d", n, seen+1)
		}
		for i := range 49 {
			b := s.Browser(t)
			b.Headers.Set("X-Forwarded-For", fmt.Sprintf("198.%d.8.1", i))
			v := begin(t, s, b, "connection", "sms")
			v.wantNext(v.post(pathLogin, "username", fmt.Sprintf("+120255502%02d", i)), pathText)
		}
		login(s.Browser(t))
		if n := got(); n != seen+1 {
			t.Errorf("a full country sends: %d messages, want %d", n, seen+1)
		}
		login(home)
		if n := got(); n != seen+2 {
			t.Errorf("a browser that has proven the number is held back: %d messages, want %d", n, seen+2)
		}
	})
}
