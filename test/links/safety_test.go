package links_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/internal/client"
	"latchkey/internal/connection"
	"latchkey/internal/eventlog"
	"latchkey/test/servertest"
)

// opened are links of every row that does something, each with the browser that its login was begun in, if any.
func openable(t *testing.T, s *servertest.Server) map[string]struct {
	link string
	own  *visit
} {
	t.Helper()
	sends(s, connection.SendLink)
	all := map[string]struct {
		link string
		own  *visit
	}{}
	add := func(name string, v *visit, link string) {
		all[name] = struct {
			link string
			own  *visit
		}{link, v}
	}
	hosted := begin(t, s, s.Browser(t), "hosted@example.com")
	add("hosted", hosted, link(t, s, hosted.email))
	api := startLink(t, s, "api@example.com", ask())
	add("api", nil, api)
	classic(s)
	old := beginClassic(t, s, s.Browser(t), "classic@example.com", "link")
	add("classic", old, link(t, s, old.email))
	return all
}

func TestScanner_WhateverIsFetchedNothingIsSpentAndThePersonGetsIn(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		all := openable(t, s)
		s.StopMail(t)
		for name, one := range all {
			scanner := s.Browser(t)
			wantUntouched(t, s, "a scanner of "+name, func() {
				for _, path := range []string{landing, alias} {
					address := strings.Replace(one.link, landing, path, 1)
					for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodGet} {
						a := scanner.Do(method, address, "", "")
						if a.Status != http.StatusOK {
							t.Errorf("%s: %s answered %d", name, method, a.Status)
						}
						wantHarmless(t, a)
					}
					if a := scanner.Do(http.MethodHead, address, "", ""); a.Body != "" {
						t.Errorf("%s: HEAD has a body", name)
					}
				}
			})
			if cookies := scanner.Cookies(); len(cookies) > 0 {
				t.Errorf("%s: the scanner has cookies: %v", name, cookies)
			}
			b, state := s.Browser(t), "its-own"
			if one.own != nil {
				b, state = one.own.b, "app-state"
				wantUntouched(t, s, "looking in the browser of the login", func() { b.Get(one.link) })
			}
			wantCode(t, b.Get(press(b, one.link).Location(t).String()).Location(t), state)
		}
	})
}

func TestScanner_ARobotThatPressesButtonsCannotLogInByALinkOfOurPages(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	sends(s, connection.SendLink)
	v := begin(t, s, s.Browser(t), ada)
	robot, link := s.Browser(t), link(t, s, ada)
	press(robot, link)
	press(robot, link, "action", "continue")
	press(robot, link, "action", "redeem")
	if len(robot.Cookies()) > 0 || v.status() != "pending" {
		t.Errorf("the robot has cookies %v, the screen is told %q", robot.Cookies(), v.status())
	}
	v.wantAt(press(v.b, link), pathResume)
}

func TestLanding_AFormOfAnotherSiteIsRefused(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	link, b := startLink(t, s, ada, ask()), s.Browser(t)
	for name, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"} {
		b.Headers.Set(name, value)
		if a := press(b, link); a.Status != http.StatusForbidden || len(a.Header.Values("Set-Cookie")) > 0 {
			t.Errorf("%s: %s answered %d", name, value, a.Status)
		}
		b.Headers.Del(name)
	}
	wantCode(t, b.Get(press(b, link).Location(t).String()).Location(t), "its-own")
}

// Older browsers send no Fetch Metadata, and null for the origin of a page without a referrer: nothing told the form of our own
// page from one that another site had sent by itself.
func TestLanding_AFormThatNoBrowserIsBoundToHasToSayWhereItComesFrom(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	opened, b := startLink(t, s, ada, ask()), s.Browser(t)
	if got := b.Get(opened).Header.Get("Referrer-Policy"); got != "same-origin" {
		t.Errorf("the page's referrer policy is %s, with which its form has no origin", got)
	}
	for name, headers := range map[string]http.Header{
		"that says nothing": {}, "of no origin": {"Origin": {"null"}}, "of a sibling": {"Sec-Fetch-Site": {"same-site"}},
		"of our host without encryption or port": {"Origin": {"http://localhost"}},
	} {
		b.Headers = headers
		if a := b.Post(opened, url.Values{"action": {"default"}}); a.Status != http.StatusForbidden || len(a.Header.Values("Set-Cookie")) > 0 {
			t.Errorf("a form %s is answered %d", name, a.Status)
		}
	}
	b.Headers = http.Header{"Origin": {s.URL}}
	wantCode(t, b.Get(press(b, opened).Location(t).String()).Location(t), "its-own")

	sends(s, connection.SendLink)
	v := begin(t, s, s.Browser(t), ada)
	own := link(t, s, ada)
	if got := v.b.Get(own).Header.Get("Referrer-Policy"); got != "no-referrer" {
		t.Errorf("the page of a link in its own browser has the referrer policy %s", got)
	}
}

func TestLanding_OtherMethodsAreNotAllowed(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	link, b := startLink(t, s, ada, ask()), s.Browser(t)
	for _, method := range []string{http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodOptions} {
		if a := b.Do(method, link, "", ""); a.Status != http.StatusMethodNotAllowed {
			t.Errorf("%s answered %d", method, a.Status)
		}
	}
}

func TestLanding_TriesAreLimited(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	sends(s, connection.SendLink)
	begin(t, s, s.Browser(t), ada)
	link, b := link(t, s, ada), s.Browser(t)
	for i := range 6 {
		a := press(b, link)
		if (a.Status == http.StatusTooManyRequests) != (i == 5) {
			t.Errorf("press %d answered %d", i+1, a.Status)
		}
	}
}

func TestLanding_ACallbackThatIsNoLongerAllowedIsRefused(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	link, b := startLink(t, s, ada, ask()), s.Browser(t)
	s.ChangeClient(s.Native.ID, func(c *client.Client) { c.Callbacks = []string{"https://app.example.com/new"} })
	for _, a := range []*servertest.Answer{b.Get(link), press(b, link)} {
		wantPage(t, a, http.StatusForbidden, "error", "")
		wantHarmless(t, a)
	}
}

func TestLanding_ItsPageIsChangedToAnotherLanguageByAForm(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	s.Must(http.StatusOK, http.MethodPatch, "/tenants/settings", map[string]any{"enabled_locales": []string{"en", "de"}})
	link, b := startLink(t, s, ada, ask()), s.Browser(t)
	a := press(b, link, "action", "change-language", "language", "de", "persist", "session")
	page := b.Get(a.Location(t).String())
	wantPage(t, page, http.StatusOK, "redeem-ticket", "Bei Test Native anmelden")
}

// crowd is how many clients do one thing at the same time, spread over two nodes.
const crowd = 16

// atOnce lets each of a crowd, half of them at a second node, do one thing at the same moment.
func atOnce(t *testing.T, s *servertest.Server, browser func(i int) *servertest.Browser, do func(i int, b *servertest.Browser) *servertest.Answer) []*servertest.Answer {
	t.Helper()
	answers := make([]*servertest.Answer, crowd)
	gate := make(chan struct{})
	var wg sync.WaitGroup
	for i := range crowd {
		b := browser(i)
		wg.Go(func() {
			<-gate
			answers[i] = do(i, b)
		})
	}
	close(gate)
	wg.Wait()
	return answers
}

// spread gives fresh browsers, each at an address of its own, half of them at another node.
func spread(t *testing.T, s, node *servertest.Server) func(i int) *servertest.Browser {
	return func(i int) *servertest.Browser {
		at := s
		if i%2 == 1 {
			at = node
		}
		return from(t, at, fmt.Sprintf("192.0.2.%d", i+1))
	}
}

func TestRace_OneOfManyClientsSpendsALink(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		node := s.Node(t)
		link := startLink(t, s, ada, ask())
		won, lost := 0, 0
		for _, a := range atOnce(t, s, spread(t, s, node), func(_ int, b *servertest.Browser) *servertest.Answer { return press(b, link) }) {
			switch {
			case a.Status == http.StatusFound:
				won++
			case a.Status == http.StatusBadRequest && first(headings, a.Body) == titleUsed:
				lost++
			default:
				t.Errorf("answered %d, %q", a.Status, first(headings, a.Body))
			}
		}
		if won != 1 || lost != crowd-1 {
			t.Errorf("%d won and %d lost", won, lost)
		}
		if got := len(s.Must(http.StatusOK, http.MethodGet, "/users", nil).List()); got != 1 {
			t.Errorf("there are %d users", got)
		}
	})
}

func TestRace_ManyClicksInTheBrowserOfALoginAreOneLogin(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		sends(s, connection.SendLink)
		v := begin(t, s, s.Browser(t), ada)
		link := link(t, s, ada)
		own := func(i int) *servertest.Browser {
			v.b.Headers.Set("X-Forwarded-For", "192.0.2.1")
			return v.b
		}
		ahead, slow := 0, 0
		for _, a := range atOnce(t, s, own, func(int, *servertest.Browser) *servertest.Answer { return press(v.b, link) }) {
			switch a.Status {
			case http.StatusFound:
				ahead++
			case http.StatusTooManyRequests:
				slow++
			default:
				t.Errorf("answered %d, %q", a.Status, first(headings, a.Body))
			}
		}
		if ahead != 5 || ahead+slow != crowd {
			t.Errorf("%d went on, %d were too fast", ahead, slow)
		}
		wantCode(t, v.finish(), "app-state")
		if got := len(events(t, s, eventlog.SuccessLogin)); got != 1 {
			t.Errorf("%d logins", got)
		}
	})
}

func TestRace_ApprovalDenialAndCodeHaveOneOutcome(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		node := s.Node(t)
		sends(s, connection.SendLinkAndCode)
		for round := range 4 {
			email := fmt.Sprintf("person%d@example.com", round)
			v := begin(t, s, s.Browser(t), email)
			number, code := v.number(pathCode), s.Mail(t, email).Code
			link := link(t, s, email)
			browsers := spread(t, s, node)
			answers := atOnce(t, s, func(i int) *servertest.Browser {
				if i == 0 {
					return v.b
				}
				return browsers(i)
			}, func(i int, b *servertest.Browser) *servertest.Answer {
				switch {
				case i == 0:
					return v.post(pathCode, "code", code)
				case i < 8:
					return press(b, link, "number", number)
				}
				return press(b, link, "action", "deny")
			})
			for i, a := range answers {
				if a.Status >= 500 {
					t.Errorf("round %d: client %d was answered %d", round, i, a.Status)
				}
			}
			typed := answers[0].Status == http.StatusFound
			in := v.get(pathResume).Location(t).Query().Get("code") != ""
			if typed != in {
				t.Errorf("round %d: the code was answered %d, logged in: %v", round, answers[0].Status, in)
			}
			if !typed && v.status() != "dead" {
				t.Errorf("round %d: denied, yet the screen is told %q", round, v.status())
			}
		}
	})
}

func TestBlocked_WhoeverIsBlockedAfterTheLinkLeftIsToldByTheApplication(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		s.Browser(t).LoginCode(s.Web, ada)
		sends(s, connection.SendLink)
		v := begin(t, s, s.Browser(t), ada, "prompt", "login")
		mine := link(t, s, ada)
		s.Block(ada, true)
		v.wantAt(press(v.b, mine), pathResume)
		if got := v.finish().Query(); got.Get("error") != "unauthorized" || got.Get("error_description") != "user is blocked" {
			t.Errorf("the application is told %v", got)
		}
		if a := v.get(pathLink); first(headings, a.Body) == titleDone {
			t.Error("the waiting tab says that the person is logged in")
		}

		s.Block(ada, false)
		s.Clock.Advance(10 * time.Minute)
		theirs, b := startLink(t, s, ada, ask()), s.Browser(t)
		s.Block(ada, true)
		got := b.Get(press(b, theirs).Location(t).String()).Location(t).Query()
		if got.Get("error") != "unauthorized" || got.Get("state") != "its-own" || session(b) != "" {
			t.Errorf("the application is told %v", got)
		}
	})
}

func TestDecoys_AWaitingScreenLooksTheSameForEverybody(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	s.Browser(t).LoginCode(s.Web, "known@example.com")
	s.Browser(t).LoginCode(s.Web, "blocked@example.com")
	s.Block("blocked@example.com", true)
	s.Clock.Advance(time.Hour)
	sends(s, connection.SendLink)
	s.ChangeConnection("email", func(c *connection.Connection) { c.Options.DisableSignup = true })
	look := func(email string) string {
		v := begin(t, s, s.Browser(t), email)
		number := v.number(pathLink)
		page := v.get(pathLink).Body
		for secret, name := range map[string]string{v.state: "{state}", url.QueryEscape(v.state): "{state}", ">" + number + "<": ">{number}<", strings.Replace(email, "@", "@<wbr>", 1): "{email}"} {
			page = strings.ReplaceAll(page, secret, name)
		}
		status := v.status()
		s.Clock.Advance(3 * time.Minute)
		return nonces.ReplaceAllString(page, "{nonce}") + status + v.status()
	}
	want := look("known@example.com")
	for _, email := range []string{"blocked@example.com", "nobody@example.com"} {
		if got := look(email); got != want {
			t.Errorf("%s sees\n%s\nwant\n%s", email, got, want)
		}
	}
}

func TestDecoys_WhoeverAskedTooOftenWaitsLikeEverybodyAndEndsNoLinkOfOthers(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	sends(s, connection.SendLink)
	owner := begin(t, s, s.Browser(t), ada)
	good := link(t, s, ada)
	for i := range 4 {
		begin(t, s, from(t, s, fmt.Sprintf("192.0.2.%d", i+1)), ada)
		good = link(t, s, ada)
	}
	_ = owner
	stranger := begin(t, s, from(t, s, "192.0.2.99"), ada) // the sixth: nothing is sent
	if got := stranger.status(); got != "pending" {
		t.Errorf("the stranger's screen is told %q", got)
	}
	stranger.number(pathLink)
	wantPage(t, s.Browser(t).Get(good), http.StatusOK, "status", titleElsewhere)
	s.Clock.Advance(3 * time.Minute)
	if got := stranger.status(); got != "dead" {
		t.Errorf("after the life of a link the stranger's screen is told %q", got)
	}
}

func TestOffline_ALinkGivesARefreshTokenOnlyWherePKCEAndTheClientSaySo(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		refresh := func(email string, params ...string) bool {
			t.Helper()
			pkce, b := servertest.NewPKCE(), s.Browser(t)
			form := url.Values{"grant_type": {"authorization_code"}, "client_id": {s.Native.ID}, "redirect_uri": {servertest.Callback}}
			if len(params) > 0 {
				params = append(params, "code_challenge", pkce.Challenge, "code_challenge_method", "S256")
				form.Set("code_verifier", pkce.Verifier)
			}
			link := startLink(t, s, email, ask(append(params, "scope", "openid offline_access")...))
			form.Set("code", wantCode(t, b.Get(press(b, link).Location(t).String()).Location(t), "its-own"))
			tokens := b.MustToken(form)
			if strings.Contains(tokens.Scope, "offline_access") != (tokens.RefreshToken != "") {
				t.Errorf("the scope is %q, the refresh token %q", tokens.Scope, tokens.RefreshToken)
			}
			return tokens.RefreshToken != ""
		}
		if refresh("a@example.com") || refresh("b@example.com", "nonce", "n") {
			t.Error("a link gave a refresh token though the client does not say so")
		}
		s.ChangeClient(s.Native.ID, func(c *client.Client) { c.Latchkey = &client.Extensions{MagicLinkOfflineAccess: true} })
		if refresh("c@example.com") {
			t.Error("a link gave a refresh token without PKCE")
		}
		if !refresh("d@example.com", "nonce", "n") {
			t.Error("a link gave no refresh token though PKCE and client allow it")
		}
	})
}

func TestOffline_ALinkOfOurPagesGivesNoneBesideACode(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	sends(s, connection.SendLinkAndCode)
	for _, byLink := range []bool{true, false} {
		s.Clock.Advance(5 * time.Minute)
		v := begin(t, s, s.Browser(t), ada, "scope", "openid offline_access", "audience", servertest.Audience)
		mail := s.Mail(t, ada)
		if byLink {
			v.wantAt(press(v.b, link(t, s, ada)), pathResume)
		} else {
			link(t, s, ada)
			v.wantAt(v.post(pathCode, "code", mail.Code), pathResume)
		}
		tokens := v.b.MustToken(s.CodeForm(wantCode(t, v.finish(), "app-state")))
		if (tokens.RefreshToken == "") != byLink {
			t.Errorf("by link %v: refresh token %q", byLink, tokens.RefreshToken)
		}
	}
}

func TestStatus_TheCookieOfTheLoginIsNeeded(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	sends(s, connection.SendLink)
	v := begin(t, s, s.Browser(t), ada)
	link(t, s, ada)
	s.StopMail(t)
	wantUntouched(t, s, "asking how far it is", func() {
		if a := s.Browser(t).Get(v.at(pathStatus)); a.Status != http.StatusForbidden {
			t.Errorf("without the cookie it answered %d: %s", a.Status, a.Body)
		}
		a := v.get(pathStatus)
		if a.Status != http.StatusOK || a.Header.Get("Cache-Control") != "no-store" || a.JSON(t)["status"] != "pending" {
			t.Errorf("answered %d %v: %s", a.Status, a.Header, a.Body)
		}
		if a := v.b.Get(pathStatus + "?state=unknown"); a.Status != http.StatusNotFound || a.JSON(t)["status"] != "dead" {
			t.Errorf("an unknown login is answered %d: %s", a.Status, a.Body)
		}
	})
	for range 60 {
		if a := v.get(pathStatus); a.Status != http.StatusOK {
			t.Fatalf("asking often answered %d", a.Status)
		}
	}
}

func TestEvents_NoSecretOfALinkIsWrittenAnywhere(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		secrets := map[string]string{}
		secret := func(name, link string) {
			u, err := url.Parse(link)
			if err != nil {
				t.Fatal(err)
			}
			secrets[name] = u.Query().Get("verification_code")
		}
		for name, one := range openable(t, s) {
			secret(name, one.link)
			b := s.Browser(t)
			if one.own != nil {
				b = one.own.b
				secrets["the state of "+name] = one.own.state
			}
			b.Get(one.link)
			press(b, one.link)
		}
		rows, err := json.Marshal(s.Events(t))
		if err != nil {
			t.Fatal(err)
		}
		log := s.OperatorLog()
		for name, secret := range secrets {
			if secret == "" || strings.Contains(string(rows), secret) || strings.Contains(log, secret) {
				t.Errorf("%s: the secret %q stands in a log", name, secret)
			}
		}
		shown := 0
		for _, e := range s.Events(t) {
			details, _ := json.Marshal(e.Details)
			var d struct {
				Link string
				Body map[string]any
			}
			if json.Unmarshal(details, &d) == nil && d.Link != "" {
				shown++
				if u, err := url.Parse(d.Link); err != nil || u.Path != landing || u.Query().Get("verification_code") != "REDACTED" || u.Query().Get("client_id") == "" {
					t.Errorf("the event shows the link %q", d.Link)
				}
			}
		}
		if shown != 3 {
			t.Errorf("%d events show a link, want 3", shown)
		}
	})
}
