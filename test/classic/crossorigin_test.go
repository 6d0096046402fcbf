package classic_test

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"latchkey/internal/client"
	"latchkey/internal/connection"
	"latchkey/internal/password"
	"latchkey/internal/user"
	"latchkey/test/servertest"
)

const (
	authenticate = "/co/authenticate"
	realmType    = "http://auth0.com/oauth/grant-type/password-realm"
	wrongEmail   = "Wrong email or verification code."
	badTicket    = "Unknown or invalid login ticket."
)

// embedded gives a client whose pages at another host log people in.
func embedded(s *servertest.Server) *client.Client {
	s.ChangeClient(s.Native.ID, func(c *client.Client) {
		c.CrossOriginAuth, c.CrossOriginLoc = true, servertest.WebOrigin+"/verification"
		c.GrantTypes = append(c.GrantTypes, client.GrantImplicit)
	})
	return s.Native
}

// page gives a browser that shows a page of an origin.
func page(t testing.TB, s *servertest.Server, origin string) *servertest.Browser {
	t.Helper()
	b := s.Browser(t)
	b.Headers = http.Header{"Origin": {origin}}
	return b
}

// otp is the body of a call with a code.
func otp(c *client.Client, email, code string) map[string]any {
	return map[string]any{"client_id": c.ID, "username": email, "otp": code, "realm": "email", "credential_type": client.GrantPasswordlessOTP}
}

// with gives a body with some members changed; nil takes one out.
func with(body map[string]any, changes map[string]any) map[string]any {
	changed := maps.Clone(body)
	maps.Copy(changed, changes)
	maps.DeleteFunc(changed, func(_ string, v any) bool { return v == nil })
	return changed
}

// started starts a code by the API and reads it.
func started(t testing.TB, s *servertest.Server, b *servertest.Browser, email string) string {
	t.Helper()
	if a := b.Start(email); a.Status != http.StatusOK {
		t.Fatalf("the start answered %d: %s", a.Status, a.Body)
	}
	return s.Code(t, email)
}

// ticketFor proves an address on a page and gives the answer's members.
func ticketFor(t testing.TB, s *servertest.Server, b *servertest.Browser, c *client.Client, email string) map[string]any {
	t.Helper()
	a := b.PostJSON(authenticate, otp(c, email, started(t, s, b, email)))
	if a.Status != http.StatusOK {
		t.Fatalf("%s answered %d: %s", authenticate, a.Status, a.Body)
	}
	return a.JSON(t)
}

// answered is where an authorization request with a ticket ends.
func answered(t testing.TB, s *servertest.Server, b *servertest.Browser, c *client.Client, ticket any, params ...string) url.Values {
	t.Helper()
	text, _ := ticket.(string)
	return servertest.Fields(b.Get(s.AuthorizeURL(c, append([]string{"login_ticket", text, "realm", "email"}, params...)...)).Location(t))
}

func wantError(t testing.TB, what string, got url.Values, code, description string) {
	t.Helper()
	if got.Get("error") != code || (description != "" && got.Get("error_description") != description) || got.Get("code") != "" {
		t.Errorf("%s ended with %v, want %s %q", what, got, code, description)
	}
}

func TestCrossOrigin_ATicketIsOneLoginOfItsBrowser(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		c := embedded(s)
		b := page(t, s, servertest.WebOrigin)
		answer := ticketFor(t, s, b, c, "ada@example.com")
		for _, name := range []string{"login_ticket", "co_verifier", "co_id"} {
			if text, _ := answer[name].(string); len(text) < 16 {
				t.Errorf("%s is %v", name, answer[name])
			}
		}
		if got := answered(t, s, b, c, answer["login_ticket"]); got.Get("code") == "" || got.Get("state") != "app-state" {
			t.Errorf("the login ended with %v", got)
		}
		wantError(t, "the ticket once more", answered(t, s, b, c, answer["login_ticket"]), "access_denied", badTicket)
		if got := servertest.Fields(b.Get(s.AuthorizeURL(c, "prompt", "none")).Location(t)); got.Get("code") == "" {
			t.Errorf("the session of the login gave %v", got)
		}
		if got, want := s.EventTypes(t), "cls ss scoa s"; !strings.HasPrefix(got, want) {
			t.Errorf("the log has %q, want it to begin with %q", got, want)
		}
	})
}

func TestCrossOrigin_ATicketIsRefused(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	c := embedded(s)
	for name, try := range map[string]func(t *testing.T, b *servertest.Browser, answer map[string]any) (url.Values, string, string){
		"in another browser of a client without a verification page": func(t *testing.T, _ *servertest.Browser, a map[string]any) (url.Values, string, string) {
			s.ChangeClient(c.ID, func(c *client.Client) { c.CrossOriginLoc = "" })
			defer s.ChangeClient(c.ID, func(c *client.Client) { c.CrossOriginLoc = servertest.WebOrigin + "/verification" })
			return answered(t, s, s.Browser(t), c, a["login_ticket"]), "login_required", ""
		},
		"at another client": func(t *testing.T, b *servertest.Browser, a map[string]any) (url.Values, string, string) {
			return answered(t, s, b, s.Web, a["login_ticket"]), "access_denied", badTicket
		},
		"for another connection": func(t *testing.T, b *servertest.Browser, a map[string]any) (url.Values, string, string) {
			text, _ := a["login_ticket"].(string)
			return servertest.Fields(b.Get(s.AuthorizeURL(c, "login_ticket", text, "realm", "sms")).Location(t)), "access_denied", badTicket
		},
		"with one letter less": func(t *testing.T, b *servertest.Browser, a map[string]any) (url.Values, string, string) {
			text, _ := a["login_ticket"].(string)
			return answered(t, s, b, c, text[1:]), "access_denied", badTicket
		},
		"when its user was blocked meanwhile": func(t *testing.T, b *servertest.Browser, a map[string]any) (url.Values, string, string) {
			s.Block("bob@example.com", true)
			defer s.Block("bob@example.com", false)
			return answered(t, s, b, c, a["login_ticket"]), "unauthorized", "user is blocked"
		},
	} {
		b := page(t, s, servertest.WebOrigin)
		got, code, description := try(t, b, ticketFor(t, s, b, c, "bob@example.com"))
		wantError(t, "a ticket "+name, got, code, description)
		s.Clock.Advance(time.Hour) // limits forget
	}
	b := page(t, s, servertest.WebOrigin)
	a := ticketFor(t, s, b, c, "eve@example.com")
	s.Clock.Advance(5 * time.Minute)
	wantError(t, "a ticket after five minutes", answered(t, s, b, c, a["login_ticket"]), "access_denied", badTicket)
}

func TestCrossOrigin_OfManyRequestsWithOneTicketOneLogsIn(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		c := embedded(s)
		b := page(t, s, servertest.WebOrigin)
		ticket := ticketFor(t, s, b, c, "ada@example.com")["login_ticket"]
		var wait sync.WaitGroup
		var mu sync.Mutex
		codes := 0
		for range 8 {
			wait.Go(func() {
				got := answered(t, s, b, c, ticket)
				mu.Lock()
				defer mu.Unlock()
				if got.Get("code") != "" {
					codes++
				}
			})
		}
		wait.Wait()
		if codes != 1 {
			t.Errorf("%d requests were answered with a code, want 1", codes)
		}
	})
}

func TestCrossOrigin_TheVerifierTakesThePlaceOfTheCookie(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	c := embedded(s)
	b := page(t, s, servertest.WebOrigin)
	a := ticketFor(t, s, b, c, "ada@example.com")
	ticket, _ := a["login_ticket"].(string)
	verifier, _ := a["co_verifier"].(string)

	bare := s.Browser(t)
	asked := bare.Get(s.AuthorizeURL(c, "login_ticket", ticket, "realm", "email"))
	if asked.Status != http.StatusOK || !strings.Contains(asked.Body, servertest.WebOrigin+"/verification") {
		t.Fatalf("without its cookie the ticket is answered %d: %.300s", asked.Status, asked.Body)
	}
	if policy := asked.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "frame-src "+servertest.WebOrigin) || !strings.Contains(policy, "frame-ancestors 'none'") {
		t.Errorf("the page's policy is %s", policy)
	}
	if strings.Contains(asked.Body, verifier) {
		t.Error("the page holds the verifier")
	}
	form := url.Values{
		"client_id": {c.ID}, "redirect_uri": {servertest.Callback}, "response_type": {"code"}, "scope": {"openid"}, "state": {"app-state"},
		"login_ticket": {ticket}, "realm": {"email"}, "verifier": {verifier},
	}
	for name, headers := range map[string]http.Header{
		"from another site": {"Sec-Fetch-Site": {"cross-site"}}, "from a sibling": {"Sec-Fetch-Site": {"same-site"}},
		"from another origin": {"Origin": {servertest.WebOrigin}}, "from nowhere": {},
	} {
		bare.Headers = headers
		if got := bare.Post("/co/verify", form); got.Status != http.StatusForbidden {
			t.Errorf("a form %s was answered %d", name, got.Status)
		}
	}
	bare.Headers = http.Header{"Sec-Fetch-Site": {"same-origin"}}
	for _, given := range []string{"", verifier[1:], "x"} {
		form.Set("verifier", given)
		wantError(t, "the verifier "+given, servertest.Fields(bare.Post("/co/verify", form).Location(t)), "login_required", "")
	}
	form.Set("verifier", verifier)
	if got := servertest.Fields(bare.Post("/co/verify", form).Location(t)); got.Get("code") == "" {
		t.Errorf("the right verifier ended with %v", got)
	}
}

func TestCrossOrigin_RefusalsHaveTheirTexts(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	c := embedded(s)
	const email = "ada@example.com"
	b := page(t, s, servertest.WebOrigin)
	code := started(t, s, b, email)
	right := otp(c, email, code)
	const all = "Invalid request body. All and only of client_id, credential_type, username, otp, realm are required."
	for name, c := range map[string]struct {
		body        map[string]any
		status      int
		code, words string
	}{
		"without a code":            {with(right, map[string]any{"otp": nil}), 400, "invalid_request", all},
		"with more than is needed":  {with(right, map[string]any{"password": "x"}), 400, "invalid_request", all},
		"without a type":            {with(right, map[string]any{"credential_type": nil}), 400, "invalid_request", all},
		"of a type that is none":    {with(right, map[string]any{"credential_type": "x"}), 400, "unsupported_credential_type", "Unknown credential type parameter."},
		"for a realm that is none":  {with(right, map[string]any{"realm": "x"}), 400, "invalid_request", "Unknown realm x."},
		"with a wrong code":         {with(right, map[string]any{"otp": servertest.WrongCode(code)}), 403, "access_denied", wrongEmail},
		"for somebody without code": {with(right, map[string]any{"username": "bob@example.com"}), 403, "access_denied", wrongEmail},
		"for no address":            {with(right, map[string]any{"username": "ada"}), 403, "access_denied", wrongEmail},
	} {
		a := b.PostJSON(authenticate, c.body)
		body := a.JSON(t)
		if a.Status != c.status || body["error"] != c.code || body["error_description"] != c.words {
			t.Errorf("a call %s was answered %d %s, want %d %s %s", name, a.Status, a.Body, c.status, c.code, c.words)
		}
		if got := a.Header.Get("Access-Control-Allow-Origin"); got != servertest.WebOrigin || a.Header.Get("Access-Control-Allow-Credentials") != "true" {
			t.Errorf("a call %s can be read from %q", name, got)
		}
		if len(a.Header.Values("Set-Cookie")) > 0 {
			t.Errorf("a call %s set a cookie", name)
		}
	}
	if got := strings.Count(s.EventTypes(t), "fcoa"); got != 3 {
		t.Errorf("the log has %d refusals, want the 3 of a proof: %s", got, s.EventTypes(t))
	}
	if a := b.PostJSON(authenticate, right); a.Status != http.StatusOK {
		t.Errorf("the right code is answered %d: %s", a.Status, a.Body)
	}
	if a := b.PostJSON(authenticate, right); a.Status != http.StatusForbidden {
		t.Errorf("the code once more is answered %d: %s", a.Status, a.Body)
	}
	s.ChangeClient(c.ID, func(c *client.Client) { c.CrossOriginAuth = false })
	if a := b.PostJSON(authenticate, right); a.Status != 401 || a.JSON(t)["error_description"] != "Cross origin login not allowed." {
		t.Errorf("where it is off the call is answered %d %s", a.Status, a.Body)
	}
}

func TestCrossOrigin_OnlyTheClientsOwnOriginsMayCall(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	c := embedded(s)
	s.ChangeClient(c.ID, func(c *client.Client) {
		c.Callbacks = append(c.Callbacks, "https://callback.example.com/")
		c.AllowedOrigins = []string{"https://cors.example.com"}
		c.WebOrigins = append(c.WebOrigins, "https://*.example.net")
	})
	for origin, want := range map[string]bool{
		servertest.WebOrigin: true, "https://cors.example.com": true,
		"https://callback.example.com": false, "https://a.example.net": false, "https://*.example.net": false,
		"http://app.example.com": false, "https://app.example.com:444": false, "null": false, "": false, "https://evil.example": false,
	} {
		b := page(t, s, origin)
		a := b.PostJSON(authenticate, otp(c, "ada@example.com", "123456"))
		text := "Origin " + origin + " is not allowed."
		if origin == "" {
			text = "Origin undefined is not allowed."
		}
		if refused := a.Body == text && a.Status == http.StatusForbidden && a.Header.Get("Access-Control-Allow-Origin") == ""; refused == want {
			t.Errorf("from %q the call was answered %d %s, readable from %q", origin, a.Status, a.Body, a.Header.Get("Access-Control-Allow-Origin"))
		}
	}
	types := strings.Fields(s.EventTypes(t))
	if got := len(slices.DeleteFunc(slices.Clone(types), func(typ string) bool { return typ != "fco" })); got != 1 {
		t.Errorf("a minute of refused origins is %d events, want 1: %v", got, types)
	}
}

// directory makes a database with a user in it and gives its name.
func directory(s *servertest.Server, c *client.Client, email, clear string) string {
	s.AddConnection(&connection.Connection{Name: "members", Strategy: connection.Database}, c)
	s.Must(http.StatusCreated, "POST", "/users", map[string]any{"connection": "members", "email": email, "email_verified": true, "password": clear})
	return "members"
}

func TestCrossOrigin_PasswordsHaveTheSameDoor(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		c := embedded(s)
		directory(s, c, "ada@example.com", "correct-Horse-7")
		b := page(t, s, servertest.WebOrigin)
		right := map[string]any{"client_id": c.ID, "username": "Ada@Example.com", "password": "correct-Horse-7", "realm": "members", "credential_type": realmType}
		for name, body := range map[string]map[string]any{
			"a wrong password":         with(right, map[string]any{"password": "wrong"}),
			"a stranger":               with(right, map[string]any{"username": "bob@example.com"}),
			"a stranger without an @":  with(right, map[string]any{"username": "bob"}),
			"a password with a letter": with(right, map[string]any{"password": "correct-Horse-7 "}),
		} {
			if a := b.PostJSON(authenticate, body); a.Status != 403 || a.JSON(t)["error_description"] != "Wrong email or password." {
				t.Errorf("%s is answered %d %s", name, a.Status, a.Body)
			}
		}
		a := b.PostJSON(authenticate, with(right, map[string]any{"realm": nil, "credential_type": "password"}))
		if a.Status != http.StatusOK {
			t.Fatalf("the right password is answered %d %s", a.Status, a.Body)
		}
		text, _ := a.JSON(t)["login_ticket"].(string)
		got := servertest.Fields(b.Get(s.AuthorizeURL(c, "login_ticket", text)).Location(t))
		if got.Get("code") == "" {
			t.Errorf("the ticket ended with %v", got)
		}
	})
}

func TestPasswords_TenWrongOnesLockWhoeverIsMeant(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	c := embedded(s)
	directory(s, c, "ada@example.com", "correct-Horse-7")
	b := page(t, s, servertest.WebOrigin)
	for _, email := range []string{"ada@example.com", "nobody@example.com"} {
		body := map[string]any{"client_id": c.ID, "username": email, "password": "wrong", "realm": "members", "credential_type": realmType}
		for i := range 10 {
			if a := b.PostJSON(authenticate, body); a.Status != 403 {
				t.Fatalf("wrong password %d of %s is answered %d %s", i+1, email, a.Status, a.Body)
			}
		}
		a := b.PostJSON(authenticate, with(body, map[string]any{"password": "correct-Horse-7"}))
		if a.Status != 429 || a.JSON(t)["error"] != "too_many_attempts" {
			t.Errorf("after ten wrong passwords %s is answered %d %s", email, a.Status, a.Body)
		}
	}
	if got := strings.Count(s.EventTypes(t), "limit_wc"); got != 2 {
		t.Errorf("the log has %d locks, want 2: %s", got, s.EventTypes(t))
	}
	s.Clock.Advance(15 * time.Minute)
	body := map[string]any{"client_id": c.ID, "username": "ada@example.com", "password": "correct-Horse-7", "realm": "members", "credential_type": realmType}
	if a := b.PostJSON(authenticate, body); a.Status != http.StatusOK {
		t.Errorf("after the lock the right password is answered %d %s", a.Status, a.Body)
	}
	for range 10 {
		b.PostJSON(authenticate, with(body, map[string]any{"password": "wrong"}))
	}
	if a := b.PostJSON(authenticate, body); a.Status != 429 {
		t.Errorf("ten more wrong passwords after a right one are answered %d", a.Status)
	}
}

func TestPasswords_GuessesSideBySideAreWorthNoMoreThanInARow(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		c := embedded(s)
		directory(s, c, "ada@example.com", "correct-Horse-7")
		b := page(t, s, servertest.WebOrigin)
		var wait sync.WaitGroup
		var mu sync.Mutex
		compared := 0
		for range 30 {
			wait.Go(func() {
				a := b.PostJSON(authenticate, map[string]any{"client_id": c.ID, "username": "ada@example.com", "password": "wrong", "realm": "members", "credential_type": realmType})
				mu.Lock()
				defer mu.Unlock()
				if a.Status == 403 {
					compared++
				}
			})
		}
		wait.Wait()
		if compared > 10 {
			t.Errorf("%d of thirty guesses at once were compared, want 10 at most", compared)
		}
	})
}

func TestPasswords_OfABlockedUserOpenNothing(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	c := embedded(s)
	directory(s, c, "ada@example.com", "correct-Horse-7")
	ownPage(s, c)
	found := s.Must(http.StatusOK, "GET", "/users-by-email?email=ada@example.com", nil).List()
	first, _ := found[0].(map[string]any)
	id, _ := first["user_id"].(string)
	s.Must(http.StatusOK, "PATCH", "/users/"+url.PathEscape(id), map[string]any{"blocked": true})

	body := map[string]any{"client_id": c.ID, "username": "ada@example.com", "password": "correct-Horse-7", "realm": "members", "credential_type": realmType}
	b := page(t, s, servertest.WebOrigin)
	a := b.PostJSON(authenticate, body)
	if a.Status != 403 || a.JSON(t)["error"] != "blocked_user" || a.JSON(t)["error_description"] != "Blocked user" {
		t.Errorf("the right password is answered %d %s", a.Status, a.Body)
	}
	if a := b.PostJSON(authenticate, with(body, map[string]any{"password": "x"})); a.JSON(t)["error"] != "access_denied" {
		t.Errorf("a wrong password tells of the block: %s", a.Body)
	}
	own := s.Browser(t)
	at, _ := opened(t, s, own, c)
	a = own.PostJSON("/usernamepassword/login", map[string]any{
		"client_id": c.ID, "connection": "members", "username": "ada@example.com", "password": "correct-Horse-7",
		"state": at.Query().Get("state"), "_csrf": csrfOf(own),
	})
	if a.Status != 401 || a.JSON(t)["code"] != "blocked_user" || a.JSON(t)["description"] != "user is blocked" {
		t.Errorf("on the tenant's page it is answered %d %s", a.Status, a.Body)
	}
	if rows := s.Rows(t); rows["login_tickets"] != 0 || rows["sessions"] != 0 {
		t.Errorf("it left %d tickets and %d sessions", rows["login_tickets"], rows["sessions"])
	}
}

func TestPasswords_OfAnotherSystemAreHashedAsOursAtTheFirstLogin(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		c := embedded(s)
		directory(s, c, "ada@example.com", "another-Horse-8")
		ctx := t.Context()
		stored := func() *user.User {
			t.Helper()
			u, _, err := s.Database.Store.Find(ctx, s.Tenant.ID, "members", "ada@example.com")
			if err != nil || u == nil {
				t.Fatalf("the user is %v, %v", u, err)
			}
			return u
		}
		hash, err := bcrypt.GenerateFromPassword([]byte("correct-Horse-7"), bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		imported := stored()
		imported.Password = user.Password(hash)
		if err := s.Database.Store.UpdateUser(ctx, s.Tenant.ID, imported); err != nil {
			t.Fatal(err)
		}
		b := page(t, s, servertest.WebOrigin)
		for range 2 {
			a := b.PostJSON(authenticate, map[string]any{
				"client_id": c.ID, "username": "ada@example.com", "password": "correct-Horse-7", "realm": "members", "credential_type": realmType,
			})
			if a.Status != http.StatusOK {
				t.Fatalf("the password is answered %d %s", a.Status, a.Body)
			}
			if got := stored().Password; password.NeedsRehash(got) {
				t.Error("after a login the hash is still that of the other system")
			}
		}
	})
}
