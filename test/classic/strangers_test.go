package classic_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/internal/client"
	"latchkey/internal/connection"
	"latchkey/internal/protect"
	"latchkey/test/servertest"
)

func TestCrossOrigin_AVerifierIsWorthNothingWithoutAPageToKeepIt(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	c := embedded(s)
	s.ChangeClient(c.ID, func(c *client.Client) { c.CrossOriginLoc = "" })
	b := page(t, s, servertest.WebOrigin)
	a := ticketFor(t, s, b, c, "ada@example.com")
	ticket, _ := a["login_ticket"].(string)
	verifier, _ := a["co_verifier"].(string)
	thief := s.Browser(t)
	thief.Headers = http.Header{"Sec-Fetch-Site": {"same-origin"}}
	stolen := servertest.Fields(thief.Post("/co/verify", url.Values{
		"client_id": {c.ID}, "redirect_uri": {servertest.Callback}, "response_type": {"code"}, "scope": {"openid"}, "state": {"app-state"},
		"login_ticket": {ticket}, "realm": {"email"}, "verifier": {verifier},
	}).Location(t))
	wantError(t, "a stolen ticket with its verifier", stolen, "login_required", "")
	if got := answered(t, s, b, c, ticket); got.Get("code") == "" {
		t.Errorf("its own browser's cookie ended with %v", got)
	}
}

func TestCrossOrigin_ABlankCodeIsNoPassword(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	c := embedded(s)
	directory(s, c, "ada@example.com", "correct-Horse-7")
	b := page(t, s, servertest.WebOrigin)
	for _, realm := range []string{"members", "email"} {
		a := b.PostJSON(authenticate, map[string]any{
			"client_id": c.ID, "username": "ada@example.com", "otp": " ", "realm": realm, "credential_type": client.GrantPasswordlessOTP,
		})
		if a.Status != http.StatusBadRequest || a.JSON(t)["error"] != "invalid_request" {
			t.Errorf("a blank code at %s is answered %d %s", realm, a.Status, a.Body)
		}
	}
	a := b.PostJSON(authenticate, map[string]any{
		"client_id": c.ID, "username": "ada@example.com", "otp": "123456", "realm": "members", "credential_type": client.GrantPasswordlessOTP,
	})
	if a.Status != http.StatusBadRequest || a.JSON(t)["error_description"] != "Unknown realm members." {
		t.Errorf("a code at a database is answered %d %s", a.Status, a.Body)
	}
	if got := s.Rows(t)["guesses"]; got != 0 {
		t.Errorf("%d tries were counted, want none", got)
	}
}

func TestOperatorLog_IsNotFilledByMadeUpClients(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := page(t, s, servertest.WebOrigin)
	before := len(s.OperatorLog())
	long := strings.Repeat("x", 100_000)
	b.PostJSON(authenticate, map[string]any{"client_id": long, "username": "ada@example.com", "password": "w", "realm": "members", "credential_type": realmType})
	b.PostJSON("/passwordless/start", map[string]any{"client_id": long, "connection": "email", "email": "ada@example.com"})
	b.PostJSON("/passwordless/verify", map[string]any{"client_id": long, "connection": "email", "email": "ada@example.com", "verification_code": "1"})
	if got := len(s.OperatorLog()) - before; got > 10_000 {
		t.Errorf("three calls of a client that is none wrote %d bytes", got)
	}
}

func TestVerify_StrangersCannotUseUpTheCodesOfApplications(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	confidential, _ := s.AddClient(&client.Client{Name: "Server", AppType: "regular_web", GrantTypes: []string{client.GrantPasswordlessOTP}})
	withoutGrant, _ := s.AddClient(&client.Client{Name: "Page", AppType: "spa", TokenEndpointAuthMethod: client.AuthNone, GrantTypes: []string{client.GrantAuthorizationCode}})
	s.ChangeConnection("email", func(c *connection.Connection) {
		c.EnabledClients = append(c.EnabledClients, confidential.ID, withoutGrant.ID)
	})
	b := s.Browser(t)
	code := started(t, s, b, "ada@example.com")
	for range 12 {
		for _, id := range []string{"", confidential.ID, withoutGrant.ID} {
			body := map[string]any{"connection": "email", "email": "ada@example.com", "verification_code": servertest.WrongCode(code)}
			if id != "" {
				body["client_id"] = id
			}
			if a := s.Browser(t).PostJSON("/passwordless/verify", body); a.Status != 401 || a.JSON(t)["error_description"] != wrongEmail {
				t.Fatalf("a wrong code for %q is answered %d %s", id, a.Status, a.Body)
			}
			body["verification_code"] = code
			if a := s.Browser(t).PostJSON("/passwordless/verify", body); a.Status != 401 || a.JSON(t)["error_description"] != wrongEmail {
				t.Fatalf("the right code for %q is answered %d %s", id, a.Status, a.Body)
			}
		}
	}
	if a := check(s.Browser(t), s.Native, "ada@example.com", code); a.Status != http.StatusOK {
		t.Errorf("the right code for a client that may spend it is answered %d %s", a.Status, a.Body)
	}
	if a := b.Token(s.OTPForm("ada@example.com", code)); a.Status != http.StatusOK {
		t.Errorf("the owner's right code is answered %d %s", a.Status, a.Body)
	}
}

func TestSSOData_TellsAClientOfItsOwnPeopleAndNoOtherClient(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	c := embedded(s)
	no := false
	third, _ := s.AddClient(&client.Client{
		Name: "Third", AppType: "spa", TokenEndpointAuthMethod: client.AuthNone, FirstParty: &no, WebOrigins: []string{"https://third.example.net"},
		CrossOriginAuth: true, Callbacks: []string{"https://third.example.net/cb"},
	})
	without, _ := s.AddClient(&client.Client{
		Name: "Without", AppType: "spa", TokenEndpointAuthMethod: client.AuthNone, WebOrigins: []string{"https://without.example.net"},
		CrossOriginAuth: true, Callbacks: []string{"https://without.example.net/cb"},
	})
	s.ChangeConnection("email", func(c *connection.Connection) { c.EnabledClients = append(c.EnabledClients, third.ID) })
	b := s.Browser(t)
	b.LoginCode(s.Web, "ada@example.com")
	told := func(c *client.Client, origin string) *servertest.Answer {
		b.Headers = http.Header{"Origin": {origin}}
		return b.Get("/user/ssodata?client_id=" + c.ID)
	}
	if a := told(third, "https://third.example.net"); a.Body != `{"sso":false}` {
		t.Errorf("a third party's page is told %s", a.Body)
	}
	if a := told(without, "https://without.example.net"); a.Body != `{"sso":false}` {
		t.Errorf("the page of a client without the connection is told %s", a.Body)
	}
	if a := told(c, servertest.WebOrigin); !strings.Contains(a.Body, "ada@") || strings.Contains(a.Body, s.Web.ID) {
		t.Errorf("the page of a client is told %s", a.Body)
	}
}

func TestScripts_TheTenantsNamesNoConfidentialClient(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	for _, path := range []string{"/info-v1.js", "/tenants/v1/" + s.Tenant.Name + ".js"} {
		a := s.Browser(t).Get(path)
		if a.Status != http.StatusOK || strings.Contains(a.Body, s.Web.ID) || !strings.Contains(a.Body, s.Native.ID) {
			t.Errorf("%s is answered %d %s", path, a.Status, a.Body)
		}
	}
}

func TestPage_OfAPopupKeepsItsOpener(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	ownPage(s, s.Web)
	policy := func(params ...string) string {
		_, a := opened(t, s, s.Browser(t), s.Web, params...)
		return a.Header.Get("Cross-Origin-Opener-Policy")
	}
	if popup, plain := policy("owp", "true"), policy(); popup == plain {
		t.Errorf("a popup's page has the opener policy %q, as any other", popup)
	}
}

func TestPage_OfStartsSideBySideEachIsAnsweredAsSent(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		ownPage(s, s.Web)
		b := s.Browser(t)
		at, _ := opened(t, s, b, s.Web)
		var wait sync.WaitGroup
		for i := range 6 {
			email := []string{"ada@example.com", "bob@example.com"}[i%2]
			wait.Go(func() {
				a := b.PostJSON("/passwordless/start", map[string]any{
					"client_id": s.Web.ID, "connection": "email", "send": "code", "email": email, "authParams": map[string]any{"state": at.Query().Get("state")},
				})
				if a.Status != http.StatusOK || !strings.Contains(a.Body, email) {
					t.Errorf("a start is answered %d %s", a.Status, a.Body)
				}
			})
		}
		wait.Wait()
	})
}

func TestPasswords_AStrangerDoesNotLockTheOwnerOutOfTheirBrowser(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	c := embedded(s)
	ownPage(s, c)
	directory(s, c, "ada@example.com", "correct-Horse-7")
	login := func(b *servertest.Browser) int {
		at, shown := opened(t, s, b, c, "prompt", "login")
		internal, _ := configOf(t, shown)["internalOptions"].(map[string]any)
		return b.PostJSON("/usernamepassword/login", map[string]any{
			"client_id": c.ID, "connection": "members", "username": "Ada@example.com", "password": "correct-Horse-7",
			"state": at.Query().Get("state"), "_csrf": internal["_csrf"],
		}).Status
	}
	owner := s.Browser(t)
	if got := login(owner); got != http.StatusOK {
		t.Fatalf("the owner's password is answered %d", got)
	}
	stranger := page(t, s, servertest.WebOrigin)
	for range 11 {
		stranger.PostJSON(authenticate, map[string]any{"client_id": c.ID, "username": "ada@example.com", "password": "wrong", "realm": "members", "credential_type": realmType})
	}
	if got := login(s.Browser(t)); got != http.StatusTooManyRequests {
		t.Errorf("in another browser the right password is answered %d, want 429", got)
	}
	if got := login(owner); got != http.StatusOK {
		t.Errorf("in the owner's browser the right password is answered %d", got)
	}
}

func TestPage_SendsCodesToTheBrowserOfALockedAddress(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	c := embedded(s)
	ownPage(s, s.Web)
	owner := s.Browser(t)
	takeCode := func() {
		at, _ := opened(t, s, owner, s.Web, "prompt", "login")
		startOn(t, owner, s.Web, at.Query().Get("state"), "ada@example.com", "code")
		code := s.Code(t, "ada@example.com")
		if a := check(owner, s.Web, "ada@example.com", code); a.Status != http.StatusOK {
			t.Fatalf("the code is answered %d %s", a.Status, a.Body)
		}
		redirect := "/passwordless/verify_redirect?" + url.Values{
			"client_id": {s.Web.ID}, "connection": {"email"}, "email": {"ada@example.com"}, "verification_code": {code}, "state": {at.Query().Get("state")},
			"response_type": {"code"}, "redirect_uri": {servertest.Callback}, "_csrf": {csrfOf(owner)},
		}.Encode()
		owner.Headers = http.Header{"Sec-Fetch-Site": {"same-origin"}}
		owner.Post(redirect, url.Values{})
		owner.Headers = http.Header{}
	}
	takeCode()
	stranger := page(t, s, servertest.WebOrigin)
	for range 5 {
		s.Clock.Advance(time.Hour / 4)
		code := started(t, s, stranger, "ada@example.com")
		for range 3 {
			stranger.PostJSON(authenticate, otp(c, "ada@example.com", servertest.WrongCode(code)))
		}
		if strings.Contains(s.EventTypes(t), "limit_wc") {
			break
		}
	}
	if !strings.Contains(s.EventTypes(t), "limit_wc") {
		t.Fatalf("the address is not locked: %s", s.EventTypes(t))
	}
	takeCode()
}

func TestAuthorize_WritesNothingForStrangersOnClassicPages(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		ownPage(s, s.Web)
		b := s.Browser(t)
		for range 3 {
			opened(t, s, b, s.Web, "nonce", strings.Repeat("n", 800))
		}
		if got := s.Rows(t)["transactions"]; got != 0 {
			t.Errorf("three pages that were only looked at wrote %d rows", got)
		}
		long := s.AuthorizeURL(s.Web, "nonce", strings.Repeat("n", 2000), "login_hint", strings.Repeat("h", 2000))
		for i := range protect.LongRequestsPerIP.Burst {
			if a := b.Get(long); a.Status != http.StatusFound {
				t.Fatalf("long request %d is answered %d", i+1, a.Status)
			}
		}
		if a := b.Get(long); a.Status != http.StatusTooManyRequests {
			t.Errorf("one long request too many is answered %d", a.Status)
		}
		if got := s.Rows(t)["transactions"]; got != protect.LongRequestsPerIP.Burst {
			t.Errorf("long requests have %d rows, want %d", got, protect.LongRequestsPerIP.Burst)
		}
		if a := b.Get(s.AuthorizeURL(s.Web)); a.Status != http.StatusFound {
			t.Errorf("a short request is answered %d", a.Status)
		}
		s.Clock.Advance(protect.LongRequestsPerIP.Every)
		if a := b.Get(long); a.Status != http.StatusFound {
			t.Errorf("a second later a long request is answered %d", a.Status)
		}
	})
}

func TestCrossOrigin_TheVerifiersEndpointIsNoWayAroundLimits(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	ownPage(s, s.Web)
	b := s.Browser(t)
	b.Headers = http.Header{"Sec-Fetch-Site": {"same-origin"}}
	u, err := url.Parse(s.AuthorizeURL(s.Web))
	if err != nil {
		t.Fatal(err)
	}
	form := u.Query()
	if a := b.Post("/co/verify", form); a.Status != http.StatusBadRequest {
		t.Errorf("without a ticket the call is answered %d %s", a.Status, a.Header.Get("Location"))
	}
	form.Set("login_ticket", "nobody's")
	wantError(t, "a made-up ticket", servertest.Fields(b.Post("/co/verify", form).Location(t)), "access_denied", badTicket)
	form.Set("login_ticket", "")
	for range protect.AuthorizePerIP.Burst - 2 {
		b.Post("/co/verify", form)
	}
	if a := b.Post("/co/verify", form); a.Status != http.StatusTooManyRequests {
		t.Errorf("one call too many is answered %d", a.Status)
	}
	if a := b.Get(s.AuthorizeURL(s.Web)); a.Status != http.StatusTooManyRequests {
		t.Errorf("the authorization request after it is answered %d", a.Status)
	}
}

func TestPage_ALongStateIsCarriedThroughCodesLinksAndPasswords(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	ownPage(s, s.Native)
	directory(s, s.Native, "eve@example.com", "correct-Horse-7")
	open := func(b *servertest.Browser) string {
		at, _ := opened(t, s, b, s.Native, "nonce", strings.Repeat("n", 1000))
		state := at.Query().Get("state")
		if len(state) < 2<<10 {
			t.Fatalf("the state has %d letters only", len(state))
		}
		return state
	}
	done := func(what string, b *servertest.Browser, at *url.URL) {
		t.Helper()
		if got := servertest.Fields(b.Get(at.String()).Location(t)); got.Get("code") == "" || got.Get("state") != "app-state" {
			t.Errorf("the login by %s ended with %v", what, got)
		}
	}

	b := s.Browser(t)
	state := open(b)
	startOn(t, b, s.Native, state, "ada@example.com", "code")
	code := s.Code(t, "ada@example.com")
	if a := check(b, s.Native, "ada@example.com", code); a.Status != http.StatusOK {
		t.Fatalf("the code is answered %d %s", a.Status, a.Body)
	}
	redirect := "/passwordless/verify_redirect?" + url.Values{
		"client_id": {s.Native.ID}, "connection": {"email"}, "email": {"ada@example.com"}, "verification_code": {code}, "state": {state},
		"response_type": {"code"}, "redirect_uri": {servertest.Callback}, "_csrf": {csrfOf(b)},
	}.Encode()
	if a := b.Get(redirect); a.Status != http.StatusOK {
		t.Errorf("the page of the code is answered %d", a.Status)
	}
	b.Headers = http.Header{"Sec-Fetch-Site": {"same-origin"}}
	done("code", b, b.Post(redirect, url.Values{}).Location(t))

	b = s.Browser(t)
	startOn(t, b, s.Native, open(b), "bob@example.com", "link")
	link := s.Mail(t, "bob@example.com").Link
	if len(link) > 1000 {
		t.Errorf("the link has %d letters", len(link))
	}
	address := strings.TrimPrefix(link, s.URL)
	if a := b.Get(address); a.Status != http.StatusOK {
		t.Errorf("the page of the link is answered %d", a.Status)
	}
	b.Headers = http.Header{"Sec-Fetch-Site": {"same-origin"}}
	done("link", b, b.Post(address, url.Values{}).Location(t))

	b = s.Browser(t)
	state = open(b)
	if a := b.PostJSON("/usernamepassword/login", map[string]any{
		"client_id": s.Native.ID, "connection": "members", "username": "eve@example.com", "password": "correct-Horse-7", "state": state, "_csrf": csrfOf(b),
	}); a.Status != http.StatusOK {
		t.Fatalf("the password is answered %d %s", a.Status, a.Body)
	}
	form := url.Values{"wctx": {`{"state":"` + state + `"}`}}
	done("password", b, b.Post("/login/callback", form).Location(t))
}

func TestPasswords_OfOneNetworkAreTriedOnlyAHundredTimesWrong(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		c := embedded(s)
		directory(s, c, "ada@example.com", "correct-Horse-7")
		b := page(t, s, servertest.WebOrigin)
		try := func(name, clear string) *servertest.Answer {
			return b.PostJSON(authenticate, map[string]any{"client_id": c.ID, "username": name, "password": clear, "realm": "members", "credential_type": realmType})
		}
		for range 3 {
			if a := try("ada@example.com", "correct-Horse-7"); a.Status != http.StatusOK {
				t.Fatalf("a right password is answered %d %s", a.Status, a.Body)
			}
		}
		var wait sync.WaitGroup
		for i := range protect.FailedPasswordsPerIP.Burst - 1 {
			name := fmt.Sprintf("nobody%d@example.com", i)
			if i%2 == 1 {
				name = strings.Repeat("n", 300) + name // as long as nobody's
			}
			wait.Go(func() {
				if a := try(name, "summer"); a.Status != http.StatusForbidden {
					t.Errorf("wrong password %d is answered %d %s", i+1, a.Status, a.Body)
				}
			})
		}
		wait.Wait()
		if a := try("ada@example.com", "correct-Horse-7"); a.Status != http.StatusOK {
			t.Errorf("a right password among the wrong ones is answered %d %s", a.Status, a.Body)
		}
		if a := try("last@example.com", "summer"); a.Status != http.StatusForbidden {
			t.Errorf("the hundredth wrong password is answered %d %s", a.Status, a.Body)
		}
		for _, name := range []string{"ada@example.com", "nobody@example.com", strings.Repeat("n", 300)} {
			if a := try(name, "correct-Horse-7"); a.Status != http.StatusTooManyRequests || a.JSON(t)["error"] != "too_many_requests" {
				t.Errorf("after a hundred wrong passwords %.20s is answered %d %s", name, a.Status, a.Body)
			}
		}
		if got := strings.Count(s.EventTypes(t), "limit_mu"); got != 1 {
			t.Errorf("the log has %d blocks of the address, want 1", got)
		}
		s.Clock.Advance(protect.FailedPasswordsPerIP.Every)
		if a := try("ada@example.com", "correct-Horse-7"); a.Status != http.StatusOK {
			t.Errorf("when one more fits the right password is answered %d %s", a.Status, a.Body)
		}
	})
}
