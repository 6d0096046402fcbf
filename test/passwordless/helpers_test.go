package passwordless_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"hash/fnv"
	"maps"
	"net/url"
	"slices"
	"testing"

	"latchkey/internal/message"
	"latchkey/internal/tenant"
	"latchkey/test/servertest"
)

// The texts that clients compare.
const (
	textWrong   = "Wrong email or verification code."
	textExpired = "The verification code has expired. Please try to login again."
	textTooMany = "You've reached the maximum number of attempts. Please try to login again."
	textLimit   = "Too many requests. Check the X-RateLimit-* headers."
)

func sortedKeys[V any, M ~map[string]V](m M) []string { return slices.Sorted(maps.Keys(m)) }

func basic(id, secret string) string {
	return base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id) + ":" + url.QueryEscape(secret)))
}

// addressOf gives an address of a client that stands for a name.
func addressOf(name string) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(name))
	n := h.Sum32()
	return fmt.Sprintf("10.%d.%d.%d", n>>16&0xff, n>>8&0xff, n&0xff)
}

func setOpaque(s *servertest.Server, on bool) {
	s.ChangeSettings(func(settings *tenant.Settings) { settings.Latchkey = &tenant.Extensions{PasswordlessOpaqueStart: on} })
}

func mustStart(t testing.TB, b *servertest.Browser, email string) *servertest.Answer {
	t.Helper()
	a := b.Start(email)
	if a.Status != 200 {
		t.Fatalf("the start for %s answered %d: %s", email, a.Status, a.Body)
	}
	return a
}

// startOn starts a code at a connection as the native client.
func startOn(b *servertest.Browser, s *servertest.Server, connection, email string) *servertest.Answer {
	return b.PostJSON(start, map[string]any{"client_id": s.Native.ID, "connection": connection, "email": email, "send": "code"})
}

// codeFor starts a code and reads its mail.
func codeFor(t testing.TB, s *servertest.Server, b *servertest.Browser, email string) string {
	t.Helper()
	mustStart(t, b, email)
	return s.Code(t, email)
}

// login logs in through the API and gives the user's id.
func login(t testing.TB, s *servertest.Server, b *servertest.Browser, email string) string {
	t.Helper()
	tokens := b.MustToken(s.OTPForm(email, codeFor(t, s, b, email)))
	return servertest.Claims(t, tokens.IDToken)["sub"].(string)
}

// wantRefusal checks an OAuth error answer.
func wantRefusal(t testing.TB, a *servertest.Answer, status int, code, description string) {
	t.Helper()
	body := a.JSON(t)
	if a.Status != status || body["error"] != code || body["error_description"] != description {
		t.Errorf("%s answered %d %s, want %d %s: %s", a.URL.Path, a.Status, a.Body, status, code, description)
	}
}

func wantWrong(t testing.TB, a *servertest.Answer) {
	t.Helper()
	wantRefusal(t, a, 403, "invalid_grant", textWrong)
}

// inbox gives the mails that have come to an address.
func inbox(t testing.TB, s *servertest.Server, email string) []message.InboxMessage {
	t.Helper()
	list, err := s.Inbox.List(context.Background(), message.InboxFilter{Tenant: s.Tenant.ID, To: email}, 0)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func enablePAR(s *servertest.Server) {
	on := true
	s.ChangeSettings(func(settings *tenant.Settings) { settings.PushedAuthorizationRequests = &on })
}
