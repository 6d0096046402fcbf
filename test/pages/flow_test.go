package pages_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey/internal/client"
	"latchkey/internal/connection"
	"latchkey/test/servertest"
)

func TestFlow_LoginAndSignupEndAtTheApplication(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		for _, c := range []struct {
			name, hint, path, screen, field, email, events string
		}{
			{"login of a new user", "", pathLogin, screenLogin, "username", "ada@example.com", "cls ss s seacft"},
			{"login of a known user", "", pathLogin, screenLogin, "username", "ADA@example.com ", "cls s seacft"},
			{"sign-up of a new user", "signup", pathSignup, screenSignup, "email", "bob@example.com", "cls ss s seacft"},
			{"sign-up of a known user", "signup", pathSignup, screenSignup, "email", "ada@example.com", "cls s seacft"},
		} {
			seen := len(s.Events(t))
			v := begin(t, s, s.Browser(t), "screen_hint", c.hint, "nonce", "n-1")
			if v.path != c.path {
				t.Fatalf("%s begins at %s, want %s", c.name, v.path, c.path)
			}
			want(t, v.get(c.path), 200, c.screen, "")
			v.wantNext(v.post(c.path, c.field, c.email), pathCode)
			page := v.get(pathCode)
			want(t, page, 200, screenCode, "")
			if shown := strings.ReplaceAll(page.Body, "<wbr>", ""); !strings.Contains(shown, strings.TrimSpace(c.email)) {
				t.Errorf("%s: the code page does not show the address", c.name)
			}
			v.wantNext(v.code(s.Code(t, c.email)), pathResume)
			code := wantCallback(t, v.finish())
			tokens := v.b.MustToken(s.CodeForm(code))
			claims := servertest.Claims(t, tokens.IDToken)
			if claims["email"] != strings.ToLower(strings.TrimSpace(c.email)) || claims["email_verified"] != true || claims["nonce"] != "n-1" {
				t.Errorf("%s: the ID token holds %v", c.name, claims)
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

func TestFlow_SignupAndLoginLeadToEachOther(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	v := begin(t, s, s.Browser(t))
	for from, to := range map[string]string{pathLogin: pathSignup, pathSignup: pathLogin} {
		if page := v.get(from); !strings.Contains(page.Body, `href="`+v.at(to)+`"`) {
			t.Errorf("%s does not lead to %s", from, to)
		}
	}
	v.wantNext(v.post(pathSignup, "email", "ada@example.com"), pathCode)
	if page := v.get(pathCode); !strings.Contains(page.Body, `href="`+v.at(pathSignup)+`"`) {
		t.Error("after signing up the way to another address does not lead back there")
	}
	v.wantNext(v.code(s.Code(t, "ada@example.com")), pathResume)
	wantCallback(t, v.finish())
}

func TestFlow_ALoginHintStandsInTheField(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	v := begin(t, s, s.Browser(t), "login_hint", `ada"><script>@example.com`)
	page := v.get(pathLogin)
	if !strings.Contains(page.Body, `value="ada&#34;&gt;&lt;script&gt;@example.com"`) || strings.Contains(page.Body, "<script>@") {
		t.Errorf("the hint stands on the page as %s", page.Body)
	}
}

func TestFlow_WhatIsTypedWrongIsNamedBesideItsField(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	v := begin(t, s, s.Browser(t))
	for _, c := range []struct{ path, field, typed, code string }{
		{pathLogin, "username", "", "no-email"},
		{pathLogin, "username", "   ", "no-email"},
		{pathLogin, "username", "ada at example.com", "invalid-email-format"},
		{pathLogin, "username", `"><script>alert(1)</script>`, "invalid-email-format"},
		{pathLogin, "username", strings.Repeat("a", 300) + "@example.com", "invalid-email-format"},
		{pathSignup, "email", "", "no-email"},
		{pathSignup, "email", "ada@", "invalid-email-format"},
	} {
		pause(s)
		page := map[string]string{pathLogin: screenLogin, pathSignup: screenSignup}[c.path]
		var a *servertest.Answer
		wantNothingDone(t, s, c.path+" with "+c.typed, func() { a = v.post(c.path, c.field, c.typed) })
		want(t, a, 400, page, c.code)
		if strings.Contains(a.Body, "<script>alert") {
			t.Errorf("%q comes back as markup", c.typed)
		}
		if !strings.Contains(a.Body, `aria-invalid="true"`) || !strings.Contains(a.Body, "error-element-"+c.field) {
			t.Errorf("%s: the field is not marked as wrong", c.path)
		}
	}
}

func TestFlow_WrongCodes(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		v := begin(t, s, s.Browser(t))
		v.identify("ada@example.com")
		code := s.Code(t, "ada@example.com")
		want(t, v.code(""), 400, screenCode, "no-code")
		for range 3 {
			a := v.code(servertest.WrongCode(code))
			want(t, a, 400, screenCode, "invalid-verification-code")
			if strings.Contains(a.Body, servertest.WrongCode(code)) {
				t.Error("the wrong code comes back on the page")
			}
			pause(s)
		}
		want(t, v.code(code), 400, screenCode, "too-many-failures")
		s.Clock.Advance(30 * time.Second)
		v.wantNext(v.resend(), pathCode)
		second := s.Code(t, "ada@example.com")
		want(t, v.code("abc"), 400, screenCode, "invalid-verification-code")
		s.Clock.Advance(3 * time.Minute)
		want(t, v.code(second), 400, screenCode, "expired-verification-code")
		v.wantNext(v.resend(), pathCode)
		v.wantNext(v.code(s.Code(t, "ada@example.com")), pathResume)
		wantCallback(t, v.finish())
		if got := s.EventTypes(t); got != "cls f f f f cls f f cls ss s" {
			t.Errorf("the tenant's log has %q", got)
		}
	})
}

func TestFlow_CodesMayBePastedWithSpaces(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	v := begin(t, s, s.Browser(t))
	v.identify("ada@example.com")
	code := s.Code(t, "ada@example.com")
	v.wantNext(v.code(" "+code[:3]+"-"+code[3:]+"\u00a0"), pathResume)
}

func TestFlow_TenWrongCodesEndTheLogin(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		v := begin(t, s, s.Browser(t))
		v.identify("ada@example.com")
		var code string
		for n := 1; n <= 10; n++ {
			if n%3 == 1 {
				if n > 1 {
					s.Clock.Advance(2 * time.Minute)
					v.wantNext(v.resend(), pathCode)
				}
				code = s.Code(t, "ada@example.com")
			}
			pause(s)
			a := v.code(servertest.WrongCode(code))
			if n < 10 {
				want(t, a, 400, screenCode, "invalid-verification-code")
				continue
			}
			want(t, a, 400, "start-over", "")
		}
		for _, a := range []*servertest.Answer{v.code(code), v.resend(), v.get(pathCode), v.get(pathLogin), v.post(pathLogin, "username", "bob@example.com")} {
			want(t, a, 400, "start-over", "")
		}
		v.wantNext(v.get(pathResume), pathCode)
		wantNoMail(t, s, "bob@example.com")
	})
}

func TestFlow_ResendWaits(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		v := begin(t, s, s.Browser(t))
		v.identify("ada@example.com")
		last := s.Code(t, "ada@example.com")
		for i, wait := range []time.Duration{30 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute} {
			s.Clock.Advance(wait - time.Second)
			early := v.resend()
			want(t, early, 429, screenCode, "")
			if got := early.Header.Get("Retry-After"); got != "1" {
				t.Errorf("resend %d a second early has Retry-After %q", i+1, got)
			}
			if !strings.Contains(early.Body, `data-wait="1"`) {
				t.Errorf("resend %d a second early does not say so", i+1)
			}
			s.Clock.Advance(time.Second)
			v.wantNext(v.resend(), pathCode)
			next := s.Code(t, "ada@example.com")
			if page := v.get(pathCode); strings.Contains(page.Body, `data-wait=`) == (i == 3) {
				t.Errorf("after send %d the button waits: %v", i+2, strings.Contains(page.Body, `data-wait=`))
			}
			if next != last {
				want(t, v.code(last), 400, screenCode, "invalid-verification-code")
			}
			last = next
		}
		s.Clock.Advance(10 * time.Minute)
		a := v.resend()
		if a.Status != 429 || strings.Contains(a.Body, `value="resend"`) {
			t.Errorf("a sixth send answered %d", a.Status)
		}
		v.identify("ada@example.com") // leads to the code, and sends nothing
		want(t, v.post(pathLogin, "username", "bob@example.com"), 429, "throttled", "")
		wantNoMail(t, s, "bob@example.com")
		wantNoMail(t, s, "ada@example.com")
	})
}

func TestFlow_AnotherAddressAtOnce(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		v := begin(t, s, s.Browser(t))
		v.identify("adda@example.com")
		mistyped := s.Code(t, "adda@example.com")
		if page := v.get(pathLogin); page.Status != 200 || !strings.Contains(page.Body, `value="adda@example.com"`) {
			t.Errorf("back on the first page it answered %d without what was typed", page.Status)
		}
		v.identify("ada@example.com")
		right := s.Code(t, "ada@example.com")
		if right != mistyped {
			want(t, v.code(mistyped), 400, screenCode, "invalid-verification-code")
		}
		v.wantNext(v.code(right), pathResume)
		claims := servertest.Claims(t, v.b.MustToken(s.CodeForm(wantCallback(t, v.finish()))).IDToken)
		if claims["email"] != "ada@example.com" {
			t.Errorf("the login is of %v", claims["email"])
		}
	})
}

// Whoever wrote to another address in between once got codes to the first one without any wait.
func TestFlow_WaitsBindAlsoWhereAnotherAddressCameInBetween(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	v := begin(t, s, s.Browser(t))
	v.identify("ada@example.com")
	first := s.Code(t, "ada@example.com")
	v.identify("bob@example.com")
	s.Code(t, "bob@example.com")
	s.Clock.Advance(29 * time.Second)
	v.identify("ada@example.com")
	wantNoMail(t, s, "ada@example.com")
	if page := v.get(pathCode); !strings.Contains(page.Body, "ada@<wbr>example.com") || !strings.Contains(page.Body, `data-wait="1"`) {
		t.Errorf("back at the first address the page is\n%s", page.Body)
	}
	want(t, v.resend(), 429, screenCode, "")
	s.Clock.Advance(time.Second)
	v.wantNext(v.resend(), pathCode)
	if second := s.Code(t, "ada@example.com"); second != first {
		want(t, v.code(first), 400, screenCode, "invalid-verification-code")
		v.wantNext(v.code(second), pathResume)
	}
}

func TestFlow_TheCodeOfAnAddressIsGoodWhenThePersonComesBackToIt(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	v := begin(t, s, s.Browser(t))
	v.identify("ada@example.com")
	code := s.Code(t, "ada@example.com")
	v.identify("bob@example.com")
	if other := s.Code(t, "bob@example.com"); other != code {
		want(t, v.code(code), 400, screenCode, "invalid-verification-code")
	}
	v.identify("ada@example.com")
	v.wantNext(v.code(code), pathResume)
	if claims := servertest.Claims(t, v.b.MustToken(s.CodeForm(wantCallback(t, v.finish()))).IDToken); claims["email"] != "ada@example.com" {
		t.Errorf("the login is of %v", claims["email"])
	}
}

func TestFlow_TheSameAddressAgainKeepsItsCode(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	v := begin(t, s, s.Browser(t))
	v.identify("ada@example.com")
	code := s.Code(t, "ada@example.com")
	v.identify("ada@example.com")
	v.identify("ADA@example.com")
	v.identify("ada@ex\uff41mple.com")
	if mails := inbox(t, s, "ada@example.com"); len(mails) != 0 {
		t.Errorf("%d more mails within the wait", len(mails))
	}
	v.wantNext(v.code(code), pathResume)
}

func TestFlow_BlockedBeforeTheCodeLooksLikeEverybody(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	s.Browser(t).LoginCode(s.Web, "ada@example.com")
	s.Block("ada@example.com", true)
	v := begin(t, s, s.Browser(t))
	v.identify("ada@example.com")
	want(t, v.get(pathCode), 200, screenCode, "")
	want(t, v.code("123456"), 400, screenCode, "invalid-verification-code")
	wantNoMail(t, s, "ada@example.com")
}

// A person who was blocked after the code was sent, and types it, once got the wrong-code answer without end.
func TestFlow_BlockedAfterTheCodeTheApplicationIsTold(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		s.Browser(t).LoginCode(s.Web, "ada@example.com")
		v := begin(t, s, s.Browser(t))
		v.identify("ada@example.com")
		code := s.Code(t, "ada@example.com")
		s.Block("ada@example.com", true)
		want(t, v.code(servertest.WrongCode(code)), 400, screenCode, "invalid-verification-code")
		v.wantNext(v.code(code), pathResume)
		got := servertest.Fields(v.finish())
		if got.Get("error") != "unauthorized" || got.Get("error_description") != "user is blocked" || got.Get("code") != "" {
			t.Errorf("the application is told %v", got)
		}
		for _, c := range v.b.Cookies() {
			if c.Name == "auth0" {
				t.Error("a session was opened for a blocked user")
			}
		}
		// The code is dead, and the login over.
		s.Block("ada@example.com", false)
		if a := v.get(pathResume); a.Status != 302 || strings.HasPrefix(a.Header.Get("Location"), servertest.Callback) {
			t.Errorf("the finished login answered %d to %s", a.Status, a.Header.Get("Location"))
		}
		if a := v.b.Token(s.OTPForm("ada@example.com", code)); a.Status != 403 {
			t.Errorf("the code still gave %d: %s", a.Status, a.Body)
		}
	})
}

func TestFlow_SignupDisabledIsNotTold(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	late := begin(t, s, s.Browser(t))
	late.identify("late@example.com")
	code := s.Code(t, "late@example.com")
	wantNoMail(t, s, "nobody@example.com")
	s.ChangeConnection("email", func(c *connection.Connection) { c.Options.DisableSignup = true })
	want(t, late.code(code), 400, screenCode, "invalid-verification-code")

	v := begin(t, s, s.Browser(t), "screen_hint", "signup")
	v.wantNext(v.post(pathSignup, "email", "new@example.com"), pathCode)
	want(t, v.get(pathCode), 200, screenCode, "")
	want(t, v.code("123456"), 400, screenCode, "invalid-verification-code")
	if mails := inbox(t, s, "new@example.com"); len(mails) > 0 {
		t.Errorf("mails went to somebody unknown: %v", mails)
	}
}

func TestFlow_TooManyMessagesToOneRecipientLookSent(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	for i := range 7 {
		b := s.Browser(t)
		v := begin(t, s, b)
		v.identify("ada@example.com")
		want(t, v.get(pathCode), 200, screenCode, "")
		if i < 5 {
			s.Code(t, "ada@example.com")
			continue
		}
		wantNoMail(t, s, "ada@example.com")
		want(t, v.code("123456"), 400, screenCode, "invalid-verification-code")
	}
	// The API, which shares the limit, says so.
	if a := s.Browser(t).Start("ada@example.com"); a.Status != 429 {
		t.Errorf("a start by the API answered %d: %s", a.Status, a.Body)
	}
}

func TestFlow_WrongCodesAddUpOverAllDoors(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		const email = "ada@example.com"
		b := s.Browser(t)
		for _, n := range []int{3, 2} { // by the API
			if a := b.Start(email); a.Status != 200 {
				t.Fatal(a.Body)
			}
			code := s.Code(t, email)
			for range n {
				b.Token(s.OTPForm(email, servertest.WrongCode(code)))
			}
		}
		var code string
		var v *visit
		for _, n := range []int{3, 2} { // on pages, in two logins
			v = begin(t, s, s.Browser(t))
			v.identify(email)
			code = s.Code(t, email)
			for range n {
				want(t, v.code(servertest.WrongCode(code)), 400, screenCode, "invalid-verification-code")
			}
		}
		// The address is locked: the right code is wrong at every door, and the next one never comes.
		want(t, v.code(code), 400, screenCode, "invalid-verification-code")
		if a := b.Token(s.OTPForm(email, code)); a.Status != 403 {
			t.Errorf("the right code gave %d at the API", a.Status)
		}
		s.Clock.Advance(14 * time.Minute)
		begin(t, s, s.Browser(t)).identify(email)
		wantNoMail(t, s, email)
		s.Clock.Advance(time.Minute)
		v = begin(t, s, s.Browser(t))
		v.identify(email)
		v.wantNext(v.code(s.Code(t, email)), pathResume)
		if got := strings.Count(s.EventTypes(t), "limit_wc"); got != 1 {
			t.Errorf("%d events limit_wc, want one for the lock", got)
		}
	})
}

func TestFlow_AClientWithoutThePasswordlessGrantLogsInOnPages(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	pkce := servertest.NewPKCE()
	v := beginAs(t, s, s.Browser(t), s.SPA, "code_challenge", pkce.Challenge, "code_challenge_method", "S256")
	v.identify("ada@example.com")
	v.wantNext(v.code(s.Code(t, "ada@example.com")), pathResume)
	v.b.MustToken(url.Values{"grant_type": {client.GrantAuthorizationCode}, "client_id": {s.SPA.ID}, "code": {wantCallback(t, v.finish())},
		"redirect_uri": {servertest.Callback}, "code_verifier": {pkce.Verifier}})
}

func TestFlow_SayingNoLeavesNoSession(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		v := begin(t, s, s.Browser(t), "prompt", "consent")
		v.identify("ada@example.com")
		v.wantNext(v.code(s.Code(t, "ada@example.com")), pathResume)
		v.wantNext(v.get(pathResume), "/u/consent")
		want(t, v.get("/u/consent"), 200, "consent", "")
		if a := v.post("/u/consent", "action", "perhaps"); a.Status != 400 || screen(a) != "consent" {
			t.Errorf("neither yes nor no answered %d", a.Status)
		}
		v.wantNext(v.post("/u/consent", "action", "deny"), pathResume)
		got := servertest.Fields(v.finish())
		if got.Get("error") != "access_denied" || got.Get("code") != "" || got.Get("state") != "app-state" {
			t.Errorf("the application is told %v", got)
		}
		if sessionCookie(v.b) != "" || silent(t, s, v.b) {
			t.Error("a refused login left a session")
		}
	})
}

// A proof counts for a quarter of an hour: a consent page that was left open longer is nobody's login any more.
func TestFlow_AProofGrowsOld(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	for _, c := range []struct {
		wait time.Duration
		next string
	}{{15*time.Minute - time.Second, pathResume}, {15 * time.Minute, pathLogin}} {
		v := begin(t, s, s.Browser(t), "prompt", "consent")
		v.identify("ada@example.com")
		v.wantNext(v.code(s.Code(t, "ada@example.com")), pathResume)
		s.Clock.Advance(c.wait)
		v.wantNext(v.post("/u/consent", "action", "accept"), c.next)
		if c.next == pathResume {
			wantCallback(t, v.finish())
			continue
		}
		v.wantNext(v.get(pathResume), pathLogin)
		v.identify("ada@example.com")
		v.wantNext(v.code(s.Code(t, "ada@example.com")), pathResume)
		v.wantNext(v.post("/u/consent", "action", "accept"), pathResume)
		wantCallback(t, v.finish())
	}
}
