package authorize_test

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"latchkey/internal/connection"
	"latchkey/test/servertest"
)

func bearing(t *testing.T, s *servertest.Server, token string) *servertest.Browser {
	t.Helper()
	b := s.Browser(t)
	b.Headers.Set("Authorization", "Bearer "+token)
	return b
}

func TestUserInfo_Refuses(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := s.Browser(t)
	opaque := b.MustToken(s.CodeForm(b.LoginCode(s.Web, ada)))
	silent := func(params ...string) servertest.Tokens {
		t.Helper()
		return b.MustToken(s.CodeForm(succeeds(t, b.Get(s.AuthorizeURL(s.Web, params...))).Get("code")))
	}
	api := silent("audience", servertest.Audience, "scope", "openid read:orders")
	apiAlone := silent("audience", servertest.Audience, "scope", "read:orders")
	noOpenID := silent("scope", "profile email")
	machine := b.MustToken(credentialsForm("client_id", s.M2M.ID, "client_secret", s.M2MKey))
	for name, token := range map[string]string{
		"made up": "abc", "cut": opaque.AccessToken[:len(opaque.AccessToken)-2], "changed": "A" + opaque.AccessToken[1:] + "A",
		"ID token": opaque.IDToken, "API's without openid": apiAlone.AccessToken, "machine's": machine.AccessToken,
		"changed JWT": api.AccessToken[:len(api.AccessToken)-8] + "AAAAAAAA", "very long": strings.Repeat("x", 10_000),
	} {
		a := bearing(t, s, token).Get("/userinfo")
		oauthError(t, a, http.StatusUnauthorized, "invalid_token", "")
		if !strings.HasPrefix(a.Header.Get("WWW-Authenticate"), `Bearer error="invalid_token"`) {
			t.Errorf("%s token: WWW-Authenticate %q", name, a.Header.Get("WWW-Authenticate"))
		}
		if t.Failed() {
			t.Fatalf("that was the token %s", name)
		}
	}
	oauthError(t, b.Get("/userinfo"), http.StatusUnauthorized, "invalid_token", "")
	basic := s.Browser(t)
	basic.Headers.Set("Authorization", "Basic "+opaque.AccessToken)
	oauthError(t, basic.Get("/userinfo"), http.StatusUnauthorized, "invalid_token", "")
	a := bearing(t, s, noOpenID.AccessToken).Get("/userinfo")
	oauthError(t, a, http.StatusForbidden, "insufficient_scope", "")
	if !strings.Contains(a.Header.Get("WWW-Authenticate"), `error="insufficient_scope"`) {
		t.Errorf("WWW-Authenticate %q", a.Header.Get("WWW-Authenticate"))
	}
	if got := bearing(t, s, api.AccessToken).Get("/userinfo"); got.Status != http.StatusOK || got.JSON(t)["email"] != nil {
		t.Errorf("an API's token with openid is answered %d %s", got.Status, got.Body)
	}
	s.Clock.Advance(24*time.Hour - time.Second)
	if got := bearing(t, s, opaque.AccessToken).Get("/userinfo"); got.Status != http.StatusOK {
		t.Errorf("a second before its end the token is answered %d", got.Status)
	}
	s.Clock.Advance(time.Second)
	oauthError(t, bearing(t, s, opaque.AccessToken).Get("/userinfo"), http.StatusUnauthorized, "invalid_token", "")
	oauthError(t, bearing(t, s, api.AccessToken).Get("/userinfo"), http.StatusUnauthorized, "invalid_token", "")
}

func TestUserInfo_FrontChannelTokensLiveTwoHours(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := s.Browser(t)
	b.Login(s.AuthorizeURL(s.Web), ada)
	token := response(t, b.Get(s.AuthorizeURL(s.Web, "response_type", "token")))
	if token.Get("expires_in") != "7200" {
		t.Errorf("expires_in %s", token.Get("expires_in"))
	}
	s.Clock.Advance(2*time.Hour - time.Second)
	if got := bearing(t, s, token.Get("access_token")).Get("/userinfo"); got.Status != http.StatusOK {
		t.Errorf("a second before its end the token is answered %d", got.Status)
	}
	s.Clock.Advance(time.Second)
	oauthError(t, bearing(t, s, token.Get("access_token")).Get("/userinfo"), http.StatusUnauthorized, "invalid_token", "")
}

// Ten at once, then five a minute for each user (Auth0 docs, "Rate Limit Policy").
func TestUserInfo_SaysHowMuchRoomThereIs(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := s.Browser(t)
	token := b.MustToken(s.CodeForm(b.LoginCode(s.Web, ada))).AccessToken
	other := s.Browser(t)
	othersToken := other.MustToken(s.CodeForm(other.LoginCode(s.Web, bob))).AccessToken
	number := func(a *servertest.Answer, name string) int {
		t.Helper()
		values, ok := a.Header[http.CanonicalHeaderKey(name)]
		if !ok || len(values) != 1 {
			t.Fatalf("%s is %v", name, values)
		}
		n, err := strconv.Atoi(values[0])
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for i := range 10 {
		a := bearing(t, s, token).Get("/userinfo")
		if a.Status != http.StatusOK || number(a, "X-RateLimit-Limit") != 10 || number(a, "X-RateLimit-Remaining") != 9-i || int64(number(a, "X-RateLimit-Reset")) < s.Clock.Now().Unix() {
			t.Fatalf("call %d is answered %d with %v", i, a.Status, a.Header)
		}
	}
	a := bearing(t, s, token).Get("/userinfo")
	oauthError(t, a, http.StatusTooManyRequests, "too_many_requests", "Too many requests. Check the X-RateLimit-* headers.")
	if wait := number(a, "Retry-After"); number(a, "X-RateLimit-Remaining") != 0 || wait < 1 || wait > 12 {
		t.Errorf("headers %v", a.Header)
	}
	if got := bearing(t, s, othersToken).Get("/userinfo").Status; got != http.StatusOK {
		t.Errorf("another user is answered %d", got)
	}
	s.Clock.Advance(12 * time.Second)
	if got := bearing(t, s, token).Get("/userinfo").Status; got != http.StatusOK {
		t.Errorf("twelve seconds later the answer is %d", got)
	}
	if got := bearing(t, s, token).Get("/userinfo").Status; got != http.StatusTooManyRequests {
		t.Errorf("the one after is answered %d", got)
	}
}

func TestBlockedUser_IsRefusedEverywhere(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		b := s.Browser(t)
		tokens := b.MustToken(s.CodeForm(b.LoginCode(s.Web, ada, "scope", "openid offline_access")))
		code := succeeds(t, b.Get(s.AuthorizeURL(s.Web))).Get("code")
		refresh := refreshForm(s.Web, tokens.RefreshToken, "client_secret", s.Secret)

		// A login that has its code already.
		typing := s.Browser(t)
		page := typing.Get(s.AuthorizeURL(s.SPA)).Location(t)
		challenge := typing.Post(page.String(), url.Values{"username": {ada}, "action": {"default"}}).Location(t)
		typed := url.Values{"code": {s.Code(t, ada)}, "action": {"default"}}

		s.Block(ada, true)
		fails(t, b.Get(s.AuthorizeURL(s.Web)), "unauthorized", "user is blocked")
		fails(t, b.Get(s.AuthorizeURL(s.Web, "prompt", "none")), "unauthorized", "user is blocked")
		fails(t, b.Get(s.AuthorizeURL(s.Web, "response_type", "token")), "unauthorized", "user is blocked")
		oauthError(t, b.Token(s.CodeForm(code)), http.StatusUnauthorized, "unauthorized", "user is blocked")
		oauthError(t, b.Token(refresh), http.StatusUnauthorized, "unauthorized", "user is blocked")
		oauthError(t, bearing(t, s, tokens.AccessToken).Get("/userinfo"), http.StatusUnauthorized, "invalid_token", "")
		fails(t, walk(t, s, typing, typing.Post(challenge.String(), typed), ada), "unauthorized", "user is blocked")
		if sessionCookie(typing) != "" {
			t.Error("a blocked user got a session")
		}

		// Nothing was lost by that.
		s.Block(ada, false)
		b.MustToken(refresh)
		succeeds(t, b.Get(s.AuthorizeURL(s.Web, "prompt", "none")))
	})
}

// The code of an API login proves the person, so they are told.
func TestBlockedUser_IsToldAtThePasswordlessGrant(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := s.Browser(t)
	b.Login(s.AuthorizeURL(s.Web), ada)
	b.Start(ada)
	otp := s.OTPForm(ada, s.Code(t, ada))
	s.Block(ada, true)
	oauthError(t, b.Token(otp), http.StatusUnauthorized, "unauthorized", "user is blocked")
}

func TestSignupDisabled_LeavesKnownPeopleIn(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := s.Browser(t)
	b.Login(s.AuthorizeURL(s.Web), ada)
	s.ChangeConnection("email", func(c *connection.Connection) { c.Options.DisableSignup = true })
	succeeds(t, walk(t, s, b, b.Get(s.AuthorizeURL(s.Web, "prompt", "login")), ada))
}
