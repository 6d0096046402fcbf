package links_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey/internal/client"
	"latchkey/internal/connection"
	"latchkey/internal/eventlog"
	"latchkey/test/servertest"
)

func TestRow1_InTheBrowserOfItsLoginALinkGoesOnByItself(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		sends(s, connection.SendLink)
		v := begin(t, s, s.Browser(t), ada)
		link := link(t, s, ada)
		for _, path := range []string{landing, alias} {
			page := v.b.Get(strings.Replace(link, landing, path, 1))
			wantPage(t, page, http.StatusOK, "redeem-ticket", "Log in to Test Web")
			if !strings.Contains(page.Body, "data-submit-now") || !strings.Contains(page.Body, "<button") {
				t.Errorf("%s: the page does not submit itself, or has no button for readers without script", path)
			}
			if cookies := page.Header.Values("Set-Cookie"); len(cookies) > 0 {
				t.Errorf("%s: looking set cookies: %v", path, cookies)
			}
		}
		v.wantAt(press(v.b, link), pathResume)
		if got := v.status(); got != "pending" {
			t.Errorf("while the tab of the link goes on the waiting tab is told %q", got)
		}
		wantCode(t, v.finish(), "app-state")
		if session(v.b) == "" {
			t.Error("no session was opened")
		}
		if got := v.status(); got != "done" {
			t.Errorf("after the login the waiting tab is told %q", got)
		}
		wantPage(t, v.get(pathLink), http.StatusOK, "status", titleDone)
	})
}

func TestRow1_ALinkOnTheOtherSpellingOfItsAddressIsTakenToo(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	sends(s, connection.SendLink)
	v := begin(t, s, s.Browser(t), ada)
	v.wantAt(press(v.b, strings.Replace(link(t, s, ada), landing, alias, 1)), pathResume)
	wantCode(t, v.finish(), "app-state")
}

func TestRow1_TheFormMayCarryTheFieldsItself(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	sends(s, connection.SendLink)
	v := begin(t, s, s.Browser(t), ada)
	u, err := url.Parse(link(t, s, ada))
	if err != nil {
		t.Fatal(err)
	}
	v.wantAt(v.b.Post(landing, u.Query()), pathResume)
	wantCode(t, v.finish(), "app-state")
}

func TestRow1_ASecondClickGoesTheSameWay(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	sends(s, connection.SendLink)
	v := begin(t, s, s.Browser(t), ada)
	link := link(t, s, ada)
	v.wantAt(press(v.b, link), pathResume)
	v.wantAt(press(v.b, link), pathResume)
	wantCode(t, v.finish(), "app-state")
	wantRefused(t, press(v.b, link), titleUsed)
}

func TestRow1_WhatIsFetchedForLaterDoesNotSubmitItself(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	sends(s, connection.SendLink)
	v := begin(t, s, s.Browser(t), ada)
	link := link(t, s, ada)
	for name, value := range map[string]string{"Sec-Purpose": "prefetch;prerender", "Purpose": "prefetch", "X-Moz": "prefetch"} {
		v.b.Headers.Set(name, value)
		page := v.b.Get(link)
		v.b.Headers.Del(name)
		wantPage(t, page, http.StatusOK, "redeem-ticket", "")
		wantHarmless(t, page)
	}
}

func TestRow1_TheLinkIsSpentByACodePageTheSame(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		sends(s, connection.SendLinkAndCode)
		v := begin(t, s, s.Browser(t), ada)
		v.number(pathCode)
		mail := s.Mail(t, ada)
		link := link(t, s, ada)
		v.wantAt(v.post(pathCode, "code", mail.Code), pathResume)
		wantCode(t, v.finish(), "app-state")
		wantRefused(t, press(s.Browser(t), link), titleUsed)

		// The other way round: the link ends the code.
		s.Clock.Advance(time.Minute)
		w := begin(t, s, s.Browser(t), ada, "prompt", "login")
		mail = s.Mail(t, ada)
		second := linkOf(t, s, mail.Link)
		w.wantAt(press(w.b, second), pathResume)
		if a := w.post(pathCode, "code", mail.Code); a.Status != http.StatusFound {
			t.Errorf("the code page answered %d after the link", a.Status)
		}
		wantCode(t, w.finish(), "app-state")
	})
}

func TestRow1_AClassicLoginGoesOnByItsLink(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		classic(s)
		v := beginClassic(t, s, s.Browser(t), ada, "link")
		link := link(t, s, ada)
		page := v.b.Get(link)
		wantPage(t, page, http.StatusOK, "redeem-ticket", "Log in to Test Web")
		if !strings.Contains(page.Body, "data-submit-now") {
			t.Error("the page does not submit itself")
		}
		v.wantAt(press(v.b, link), pathResume)
		wantCode(t, v.finish(), "app-state")
	})
}

func TestRow2_AnotherBrowserLetsTheFirstGoOnByItsNumber(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		sends(s, connection.SendLink)
		first := s.Browser(t)
		first.Headers.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 <b>evil</b>")
		v := begin(t, s, first, ada)
		number, link := v.number(pathLink), link(t, s, ada)
		s.Clock.Advance(2 * time.Minute)

		other := s.Browser(t)
		page := other.Get(link)
		wantPage(t, page, http.StatusOK, "status", titleElsewhere)
		wantHarmless(t, page)
		for _, said := range []string{"Test Web", "Chrome on Linux", "2 minutes ago", "Open this link on the device", `name="number"`, "wasn&#39;t me"} {
			if !strings.Contains(page.Body, said) {
				t.Errorf("the page does not say %q", said)
			}
		}
		if strings.Contains(page.Body, "evil") || strings.Contains(page.Body, number+"<") {
			t.Error("the page repeats the User-Agent, or tells the number")
		}
		if got := v.status(); got != "pending" {
			t.Errorf("before the number the screen is told %q", got)
		}
		approved := press(other, link, "number", " "+number+" ")
		wantPage(t, approved, http.StatusOK, "status", titleApproved)
		wantHarmless(t, approved)
		if cookies := other.Cookies(); len(cookies) > 0 {
			t.Errorf("the other browser has cookies: %v", cookies)
		}
		if got := v.status(); got != "approved" {
			t.Errorf("after the number the screen is told %q", got)
		}
		again := press(other, link, "number", number)
		wantPage(t, again, http.StatusBadRequest, "status", titleApproved)
		v.wantAt(v.post(pathLink, "action", "continue"), pathResume)
		wantCode(t, v.finish(), "app-state")
		if session(v.b) == "" || session(other) != "" {
			t.Error("the session is not in the first browser alone")
		}
		wantRefused(t, press(s.Browser(t), link, "number", number), titleUsed)
	})
}

func TestRow2_ACodePageWaitsForTheLinkToo(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	sends(s, connection.SendLinkAndCode)
	v := begin(t, s, s.Browser(t), ada)
	wantPage(t, press(s.Browser(t), link(t, s, ada), "number", v.number(pathCode)), http.StatusOK, "status", titleApproved)
	v.wantAt(v.post(pathCode, "action", "continue"), pathResume)
	wantCode(t, v.finish(), "app-state")
}

func TestRow2_TwoWrongNumbersEndTheLink(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		sends(s, connection.SendLink)
		v := begin(t, s, s.Browser(t), ada)
		number, link, other := v.number(pathLink), link(t, s, ada), s.Browser(t)
		empty := press(other, link)
		wantPage(t, empty, http.StatusBadRequest, "status", titleElsewhere)
		if got := first(errorCode, empty.Body); got != "no-number" {
			t.Errorf("an empty field is answered with %q", got)
		}
		wrong := press(other, link, "number", otherNumber(number))
		if got := first(errorCode, wrong.Body); wrong.Status != http.StatusBadRequest || got != "wrong-number" {
			t.Errorf("the first wrong number is answered with %d, %q", wrong.Status, got)
		}
		wantRefused(t, press(other, link, "number", otherNumber(number)), titleDenied)
		wantRefused(t, press(other, link, "number", number), titleInvalid)
		if got := v.status(); got != "dead" {
			t.Errorf("the screen is told %q", got)
		}
		if page := v.get(pathLink); !strings.Contains(page.Body, "The link no longer works") || strings.Contains(page.Body, "data-poll") {
			t.Error("the screen does not say that the link is dead, or goes on asking")
		}
		if a := v.post(pathLink, "action", "continue"); a.Status != http.StatusBadRequest {
			t.Errorf("going on answered %d", a.Status)
		}
		if got := len(events(t, s, eventlog.FailedLogin)); got != 2 {
			t.Errorf("%d events, want one for each wrong number", got)
		}
	})
}

// Two wrong numbers end one link, but whoever sent link after link to an address had two more each time.
func TestRow2_TenWrongNumbersADayEndTheGuessingForAnAddress(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		sends(s, connection.SendLink)
		fresh := func(address string) (number, opened string) {
			v := begin(t, s, s.Browser(t), address)
			return v.number(pathLink), link(t, s, address)
		}
		for range 2 { // right ones count nothing
			number, opened := fresh(ada)
			wantPage(t, press(s.Browser(t), opened, "number", number), http.StatusOK, "status", titleApproved)
			s.Clock.Advance(3 * time.Minute)
		}
		for range 5 {
			number, opened := fresh(ada)
			for range 2 {
				press(s.Browser(t), opened, "number", otherNumber(number))
			}
			s.Clock.Advance(3 * time.Minute)
		}
		number, opened := fresh(ada)
		if a := press(s.Browser(t), opened, "number", number); a.Status != http.StatusTooManyRequests {
			t.Errorf("after ten wrong numbers the right one is answered %d", a.Status)
		}
		const bob = "bob@example.com"
		number, opened = fresh(bob)
		wantPage(t, press(s.Browser(t), opened, "number", number), http.StatusOK, "status", titleApproved)
		s.Clock.Advance(144 * time.Minute)
		number, opened = fresh(ada)
		wantPage(t, press(s.Browser(t), opened, "number", number), http.StatusOK, "status", titleApproved)
	})
}

func TestRow2_WhoeverDidNotAskEndsTheLogin(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		sends(s, connection.SendLink)
		v := begin(t, s, s.Browser(t), ada)
		number, link, other := v.number(pathLink), link(t, s, ada), s.Browser(t)
		denied := press(other, link, "action", "deny", "number", number)
		wantPage(t, denied, http.StatusOK, "status", titleDenied)
		wantHarmless(t, denied)
		if got := v.status(); got != "dead" {
			t.Errorf("the screen is told %q", got)
		}
		wantRefused(t, press(other, link, "number", number), titleInvalid)
		wantRefused(t, press(v.b, link), titleInvalid)
		if got := events(t, s, eventlog.FailedLogin); len(got) != 1 || !strings.Contains(got[0], "had not asked") {
			t.Errorf("the log says %q", got)
		}
	})
}

func TestRow2_AnApprovalIsForTwoMinutesAndForItsLoginAlone(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	sends(s, connection.SendLink)
	s.ChangeConnection("email", func(c *connection.Connection) {
		c.Options.TOTP = &struct {
			TimeStep int `json:"time_step,omitempty"`
			Length   int `json:"length,omitempty"`
		}{TimeStep: 600}
	})
	v := begin(t, s, s.Browser(t), ada)
	link := link(t, s, ada)
	wantPage(t, press(s.Browser(t), link, "number", v.number(pathLink)), http.StatusOK, "status", titleApproved)

	// Somebody else's login of the same address, begun before, gains nothing.
	s.Clock.Advance(119 * time.Second)
	if got := v.status(); got != "approved" {
		t.Errorf("just before the end of the two minutes: %q", got)
	}
	s.Clock.Advance(2 * time.Second)
	if got := v.status(); got != "dead" {
		t.Errorf("after the two minutes: %q", got)
	}
	if a := v.post(pathLink, "action", "continue"); a.Status != http.StatusBadRequest {
		t.Errorf("going on answered %d", a.Status)
	}
	wantRefused(t, s.Browser(t).Get(link), titleExpired)
}

func TestRow2_GoingOnBeforeTheNumberIsRefusedAndChangesNothing(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	sends(s, connection.SendLink)
	v := begin(t, s, s.Browser(t), ada)
	number, link := v.number(pathLink), link(t, s, ada)
	s.StopMail(t)
	wantUntouched(t, s, "going on too early", func() {
		a := v.post(pathLink, "action", "continue")
		if got := first(errorCode, a.Body); a.Status != http.StatusBadRequest || got != "not-approved" {
			t.Errorf("answered %d, %q", a.Status, got)
		}
	})
	wantPage(t, press(s.Browser(t), link, "number", number), http.StatusOK, "status", titleApproved)
	v.wantAt(v.post(pathLink, "action", "continue"), pathResume)
}

func TestRow3_AClassicLinkElsewhereOnlySaysWhereToOpenIt(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	classic(s)
	v := beginClassic(t, s, s.Browser(t), ada, "link")
	link, other := link(t, s, ada), s.Browser(t)
	s.StopMail(t)
	wantUntouched(t, s, "opening it elsewhere", func() {
		for _, a := range []*servertest.Answer{other.Get(link), press(other, link), press(other, link, "number", "10"), press(other, link, "action", "deny")} {
			wantPage(t, a, http.StatusOK, "status", titleElsewhere)
			wantHarmless(t, a)
			if strings.Contains(a.Body, "<form method=\"post\" class=\"stack") {
				t.Error("the page has a form")
			}
		}
	})
	v.wantAt(press(v.b, link), pathResume)
	wantCode(t, v.finish(), "app-state")
}

func TestRow4_ALinkOfTheAPILogsInByAButtonAndLeavesNoSession(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		link := startLink(t, s, ada, ask())
		b := s.Browser(t)
		page := b.Get(link)
		wantPage(t, page, http.StatusOK, "redeem-ticket", "Log in to Test Native")
		wantHarmless(t, page)
		for _, said := range []string{"ada@<wbr>example.com", "Continue to", "Test Native"} {
			if !strings.Contains(page.Body, said) {
				t.Errorf("the page does not say %q", said)
			}
		}
		wantCode(t, b.Get(press(b, link).Location(t).String()).Location(t), "its-own")
		if session(b) != "" {
			t.Error("a session was opened")
		}
		wantRefused(t, press(b, link), titleUsed)
		if silent := b.Get(strings.TrimPrefix(s.AuthorizeURL(s.Native, "prompt", "none"), s.URL)).Location(t); silent.Query().Get("error") != "login_required" {
			t.Errorf("after the link a silent request led to %s", silent)
		}
	})
}

func TestRow4_TheSessionOfAnotherUserStaysAsItIs(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		b := s.Browser(t)
		b.LoginCode(s.Web, "bob@example.com")
		before := session(b)
		link := startLink(t, s, ada, ask())
		code := wantCode(t, b.Get(press(b, link).Location(t).String()).Location(t), "its-own")
		if got := session(b); got != before {
			t.Errorf("the session cookie was %q and is %q", before, got)
		}
		tokens := b.MustToken(url.Values{
			"grant_type": {"authorization_code"}, "client_id": {s.Native.ID}, "code": {code}, "redirect_uri": {servertest.Callback},
		})
		claims := servertest.Claims(t, tokens.IDToken)
		if claims["email"] != ada || claims["sid"] != nil {
			t.Errorf("the token is of %v, session %v", claims["email"], claims["sid"])
		}
		silent := b.Get(strings.TrimPrefix(s.AuthorizeURL(s.Web, "prompt", "none"), s.URL)).Location(t)
		tokens = b.MustToken(s.CodeForm(wantCode(t, silent, "app-state")))
		if got := servertest.Claims(t, tokens.IDToken)["email"]; got != "bob@example.com" {
			t.Errorf("the session is now of %v", got)
		}
	})
}

func TestRow4_TheAnswerComesAsTheStartAskedForIt(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	s.ChangeClient(s.Native.ID, func(c *client.Client) { c.GrantTypes = append(c.GrantTypes, client.GrantImplicit) })
	for name, c := range map[string]struct {
		params map[string]any
		want   []string
	}{
		"code":                  {ask(), []string{"code", "state"}},
		"token in the fragment": {ask("response_type", "token", "nonce", "n"), []string{"access_token", "state"}},
		"without anything":      {nil, []string{"code"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := s.Browser(t)
			email := strings.ReplaceAll(name, " ", "-") + "@example.com"
			link := startLink(t, s, email, c.params)
			got := servertest.Fields(b.Get(press(b, link).Location(t).String()).Location(t))
			for _, field := range c.want {
				if got.Get(field) == "" {
					t.Errorf("the answer has no %s: %v", field, got)
				}
			}
		})
	}
}

func TestRow5_WhereTheTenantRefusesItALinkOfTheAPIDoesNothing(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	allow(s, no)
	link, b := startLink(t, s, ada, ask()), s.Browser(t)
	s.StopMail(t)
	wantUntouched(t, s, "opening it", func() {
		for _, a := range []*servertest.Answer{b.Get(link), press(b, link)} {
			wantPage(t, a, http.StatusOK, "status", titleElsewhere)
			wantHarmless(t, a)
		}
	})
}

func TestRow5_LinksOfOurPagesStillTakeTheNumber(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	sends(s, connection.SendLink)
	allow(s, no)
	v := begin(t, s, s.Browser(t), ada)
	wantPage(t, press(s.Browser(t), link(t, s, ada), "number", v.number(pathLink)), http.StatusOK, "status", titleApproved)
}

func TestRow6_WhereTheTenantAllowsItEveryLinkLogsInWithASession(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		sends(s, connection.SendLink)
		allow(s, yes)

		b := s.Browser(t)
		link1 := startLink(t, s, ada, ask())
		wantHarmless(t, b.Get(link1))
		wantCode(t, b.Get(press(b, link1).Location(t).String()).Location(t), "its-own")
		if session(b) == "" {
			t.Error("a link of the API opened no session")
		}

		v, other := begin(t, s, s.Browser(t), "bob@example.com"), s.Browser(t)
		link2 := link(t, s, "bob@example.com")
		page := other.Get(link2)
		wantPage(t, page, http.StatusOK, "redeem-ticket", "Log in to Test Web")
		wantHarmless(t, page)
		wantCode(t, other.Get(press(other, link2).Location(t).String()).Location(t), "app-state")
		if session(other) == "" || session(v.b) != "" {
			t.Error("the session is not in the browser of the link alone")
		}
		if got := v.status(); got != "dead" {
			t.Errorf("the first screen is told %q", got)
		}

		classic(s)
		w, third := beginClassic(t, s, s.Browser(t), "cy@example.com", "link"), s.Browser(t)
		wantCode(t, third.Get(press(third, link(t, s, w.email)).Location(t).String()).Location(t), "app-state")
		if session(third) == "" {
			t.Error("a link of a Classic page opened no session")
		}
	})
}

func TestRow6_TheBrowserOfTheLoginGoesOnByItselfAllTheSame(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	sends(s, connection.SendLink)
	allow(s, yes)
	v := begin(t, s, s.Browser(t), ada)
	v.wantAt(press(v.b, link(t, s, ada)), pathResume)
	wantCode(t, v.finish(), "app-state")
}

func TestRow7_ALinkThatDoesNotWorkSaysWhy(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		sends(s, connection.SendLink)
		b := s.Browser(t)
		calls := 0
		both := func(t *testing.T, b *servertest.Browser, link, title string) {
			t.Helper()
			calls++
			b.Headers.Set("X-Forwarded-For", fmt.Sprintf("192.0.2.%d", calls))
			wantRefused(t, b.Get(link), title)
			wantRefused(t, press(b, link), title)
		}
		used := startLink(t, s, "used@example.com", ask())
		press(b, used)
		both(t, b, used, titleUsed)

		old := startLink(t, s, "old@example.com", ask())
		s.Clock.Advance(3 * time.Minute)
		both(t, b, old, titleExpired)

		superseded := startLink(t, s, "new@example.com", ask())
		startLink(t, s, "new@example.com", ask())
		both(t, b, superseded, titleInvalid)

		good := startLink(t, s, "good@example.com", ask())
		for what, link := range map[string]string{
			"unknown":                   changed(good, "verification_code", strings.Repeat("A", 32)),
			"a typed code":              changed(good, "verification_code", "123456"),
			"without a secret":          changed(good, "verification_code", ""),
			"bare":                      landing,
			"another address":           changed(good, "email", "ada@example.com"),
			"no address":                changed(good, "email", "nobody"),
			"another client":            changed(good, "client_id", s.Web.ID),
			"an unknown client":         changed(good, "client_id", "nobody"),
			"an unknown connection":     changed(good, "connection", "sms"),
			"another callback":          changed(good, "redirect_uri", servertest.OtherCallback),
			"a foreign callback":        changed(good, "redirect_uri", "https://evil.example/"),
			"another state":             changed(good, "state", "theirs"),
			"without its state":         changed(good, "state", ""),
			"more scope":                changed(good, "scope", "openid profile email offline_access"),
			"another response type":     changed(good, "response_type", "token"),
			"an audience":               changed(good, "audience", servertest.Audience),
			"a nonce":                   changed(good, "nonce", "n"),
			"a challenge":               changed(good, "code_challenge", "x"),
			"a mode":                    changed(good, "response_mode", "form_post"),
			"a secret with a space too": changed(good, "verification_code", url.QueryEscape(strings.Repeat("A ", 16))),
		} {
			t.Run(what, func(t *testing.T) { both(t, b, link, titleInvalid) })
		}
		wantPage(t, b.Get(changed(good, "utm_source", "mail")), http.StatusOK, "redeem-ticket", "")
	})
}

func TestRow7_LinksOfALoginThatIsOverOrMovedOnAreRefused(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	sends(s, connection.SendLink)
	s.ChangeConnection("email", func(c *connection.Connection) {
		c.Options.TOTP = &struct {
			TimeStep int `json:"time_step,omitempty"`
			Length   int `json:"length,omitempty"`
		}{TimeStep: 24 * 3600}
	})
	v := begin(t, s, s.Browser(t), ada)
	mistyped := link(t, s, ada)
	v.wantAt(v.post(pathLogin, "username", "ava@example.com"), pathLink) // corrected: the first address is out
	wantRefused(t, press(v.b, mistyped), titleInvalid)
	wantRefused(t, press(s.Browser(t), mistyped, "number", v.number(pathLink)), titleInvalid)
	right := link(t, s, "ava@example.com")
	s.Clock.Advance(31 * time.Second)
	v.wantAt(v.post(pathLink, "action", "resend"), pathLink)
	wantRefused(t, press(v.b, right), titleInvalid)
	newest := link(t, s, "ava@example.com")
	s.Clock.Advance(time.Hour)
	wantRefused(t, press(v.b, newest), titleExpired)
	wantRefused(t, press(s.Browser(t), newest, "number", "10"), titleExpired)
}

// linkOf is the path of a link.
func linkOf(t testing.TB, s *servertest.Server, link string) string {
	t.Helper()
	return strings.TrimPrefix(link, strings.TrimSuffix(s.Issuer, "/"))
}

func TestSettings_TheTenantsWordOnLinksIsABooleanOrNothing(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	set := func(status int, word any) {
		t.Helper()
		s.Must(status, http.MethodPatch, "/tenants/settings", map[string]any{
			"universal_login": map[string]any{"passwordless": map[string]any{"allow_magiclink_verify_without_session": word}},
		})
	}
	open := func(link string) string {
		return first(mainClass, s.Browser(t).Get(link).Body)
	}
	link := startLink(t, s, ada, ask())
	set(http.StatusBadRequest, "yes")
	set(http.StatusOK, false)
	if got := open(link); got != "status" {
		t.Errorf("refused: the link shows %q", got)
	}
	set(http.StatusOK, true)
	if got := open(link); got != "redeem-ticket" {
		t.Errorf("allowed: the link shows %q", got)
	}
	set(http.StatusOK, nil)
	if got := open(link); got != "redeem-ticket" {
		t.Errorf("nothing said: the link shows %q", got)
	}
}
