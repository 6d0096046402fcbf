// Package sms_test checks whole servers that send text messages: by tenants' providers, by gateways, and not at all.
package sms_test

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/internal/client"
	"latchkey/internal/egress"
	"latchkey/internal/message"
	"latchkey/internal/tenant"
	"latchkey/test/servertest"
)

func TestMain(m *testing.M) { servertest.Main(m) }

const start = "/passwordless/start"

// wantRefusal checks an error answer.
func wantRefusal(t *testing.T, a *servertest.Answer, status int, code, description string) {
	t.Helper()
	body := a.JSON(t)
	if a.Status != status || body["error"] != code || body["error_description"] != description {
		t.Errorf("%s answered %d %s, want %d %s: %s", a.URL.Path, a.Status, a.Body, status, code, description)
	}
}

const number = "+14155552671"

// gateway is a tenant's SMS gateway. It answers 200 unless told otherwise.
type gateway struct {
	*httptest.Server

	mu     sync.Mutex
	script []int
	bodies []string
}

func newGateway(t *testing.T) *gateway {
	g := &gateway{}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		g.mu.Lock()
		defer g.mu.Unlock()
		g.bodies = append(g.bodies, string(body))
		status := http.StatusOK
		if len(g.script) > 0 {
			status, g.script = g.script[0], g.script[1:]
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "words of the gateway")
	}))
	t.Cleanup(g.Close)
	return g
}

func (g *gateway) says(statuses ...int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.script = statuses
}

func (g *gateway) got() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.bodies)
}

// loopback opens this machine to tenants' services.
func loopback(t *testing.T) egress.Config {
	t.Helper()
	allowed, err := egress.ParseAllow("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	return egress.Config{Allow: []egress.Allowed{allowed}}
}

// withSMS makes the connection sms with the options as the Management API takes them.
func withSMS(s *servertest.Server, options map[string]any) {
	made := s.Must(201, "POST", "/connections", map[string]any{"name": "sms", "strategy": "sms", "options": options})
	s.Must(204, "PATCH", "/connections/"+made.Doc()["id"].(string)+"/clients", []map[string]any{
		{"client_id": s.Native.ID, "status": true}, {"client_id": s.Web.ID, "status": true},
	})
}

func startSMS(b *servertest.Browser, s *servertest.Server, to string) *servertest.Answer {
	return b.PostJSON(start, map[string]any{"client_id": s.Native.ID, "connection": "sms", "phone_number": to})
}

// smsForm is the passwordless grant as Auth0's SDKs send it.
func smsForm(s *servertest.Server, to, code string) url.Values {
	return url.Values{
		"grant_type": {client.GrantPasswordlessOTP}, "client_id": {s.Native.ID}, "realm": {"sms"}, "username": {to}, "otp": {code},
		"scope": {"openid profile phone"},
	}
}

func TestSMS_LogsInByTheTenantsWayWithEventsAndAProvenNumber(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		withSMS(s, map[string]any{"name": "sms", "disable_signup": false, "brute_force_protection": true})
		b := s.Browser(t)
		if a := startSMS(b, s, number); a.Status != 200 || a.JSON(t)["phone_verified"] != false {
			t.Fatalf("the start answered %d: %s", a.Status, a.Body)
		}
		text := s.Mail(t, number)
		if text.Channel != message.Text || text.Code == "" || !strings.Contains(text.Text, text.Code) || strings.Contains(text.Text, "@") {
			t.Errorf("the text message is %+v", text)
		}
		if !strings.Contains(text.Text, "Test Native") {
			t.Errorf("it names no application: %s", text.Text)
		}
		tokens := b.MustToken(smsForm(s, number, text.Code))
		claims := servertest.Claims(t, tokens.IDToken)
		if sub, _ := claims["sub"].(string); !strings.HasPrefix(sub, "sms|") {
			t.Errorf("the user is %s", sub)
		}
		user := s.Must(200, "GET", "/users/"+url.PathEscape(claims["sub"].(string)), nil).Doc()
		if user["phone_number"] != number || user["phone_verified"] != true {
			t.Errorf("the user is %v", user)
		}
		if types := s.EventTypes(t); !strings.Contains(types, "cs") {
			t.Errorf("the tenant's log has %s", types)
		}
		if a := startSMS(b, s, number); a.Status != 200 || a.JSON(t)["phone_verified"] != true {
			t.Errorf("the second start answered %d: %s", a.Status, a.Body)
		}
		b.Post("/oauth/token", smsForm(s, number, servertest.WrongCode(s.Code(t, number))))
		a := b.Post("/oauth/token", smsForm(s, "+14155550000", "123456"))
		wantRefusal(t, a, 403, "invalid_grant", "Wrong phone number or verification code.")
	})
}

var sixDigits = regexp.MustCompile(`\b[0-9]{6}\b`)

func TestSMS_AGatewayGetsTheTenantsWordsAndWhoAsked(t *testing.T) {
	g := newGateway(t)
	servertest.EachEgress(t, loopback(t), func(t *testing.T, s *servertest.Server) {
		withSMS(s, map[string]any{
			"name": "sms", "provider": "sms_gateway", "gateway_url": g.URL + "/send", "from": "+1 234 567", "forward_req_info": "true",
			"template": "Your code at @@application.name@@ & friends: @@password@@", "syntax": "md_with_macros",
		})
		to := number
		if strings.Contains(t.Name(), "postgres") {
			to = "+14155552672"
		}
		b := s.Browser(t)
		if a := startSMS(b, s, to); a.Status != 200 {
			t.Fatalf("the start answered %d: %s", a.Status, a.Body)
		}
		var body struct {
			Recipient, Body, Sender string
			Req                     map[string]string
		}
		for _, sent := range g.got() {
			if strings.Contains(sent, to) {
				if err := json.Unmarshal([]byte(sent), &body); err != nil {
					t.Fatal(err)
				}
			}
		}
		code := sixDigits.FindString(body.Body)
		if want := "Your code at Test Native & friends: " + code; body.Recipient != to || body.Body != want || body.Sender != "+1 234 567" || body.Req["ip"] == "" || body.Req["user-agent"] == "" {
			t.Errorf("the gateway got %+v", body)
		}
		b.MustToken(smsForm(s, to, code))
	})
}

func TestSMS_ARefusalKillsTheCodeAndIsToldInAuth0sWords(t *testing.T) {
	for status, want := range map[int]string{
		http.StatusUnauthorized:        "Authentication failed while calling the SMS gateway: 401",
		http.StatusInternalServerError: "Unexpected response while calling the SMS gateway: 500",
	} {
		g := newGateway(t)
		servertest.EachEgress(t, loopback(t), func(t *testing.T, s *servertest.Server) {
			withSMS(s, map[string]any{"name": "sms", "provider": "sms_gateway", "gateway_url": g.URL})
			b := s.Browser(t)
			g.says(status, status, status, status)
			a := startSMS(b, s, number)
			wantRefusal(t, a, 400, "sms_provider_error", want)
			code := s.Mail(t, number).Code
			if a := b.Post("/oauth/token", smsForm(s, number, code)); a.Status != 403 {
				t.Errorf("the code of a message that was refused: %d %s", a.Status, a.Body)
			}
			if types := s.EventTypes(t); !strings.Contains(types, "fn") {
				t.Errorf("the tenant's log has %s", types)
			}
			if strings.Contains(s.OperatorLog(), number) {
				t.Error("the operator's log has the number")
			}
		})
	}
}

func TestSMS_AGatewayThatMayHaveTheMessageLeavesTheCodeGood(t *testing.T) {
	g := newGateway(t)
	s := servertest.NewEgress(t, loopback(t))
	withSMS(s, map[string]any{"name": "sms", "provider": "sms_gateway", "gateway_url": g.URL})
	g.says(http.StatusGatewayTimeout)
	b := s.Browser(t)
	wantRefusal(t, startSMS(b, s, number), 400, "sms_provider_error", "Unexpected response while calling the SMS gateway: 504")
	b.MustToken(smsForm(s, number, s.Mail(t, number).Code))
	if n := len(g.got()); n != 1 {
		t.Errorf("the gateway was asked %d times", n)
	}
}

func TestSMS_BlockedUsersGetNothingAndTheSameAnswer(t *testing.T) {
	g := newGateway(t)
	s := servertest.NewEgress(t, loopback(t))
	withSMS(s, map[string]any{"name": "sms", "provider": "sms_gateway", "gateway_url": g.URL})
	b := s.Browser(t)
	startSMS(b, s, number)
	sub := servertest.Claims(t, b.MustToken(smsForm(s, number, s.Code(t, number))).IDToken)["sub"].(string)
	s.Must(200, "PATCH", "/users/"+url.PathEscape(sub), map[string]any{"blocked": true})
	asked := len(g.got())
	if a := startSMS(b, s, number); a.Status != 200 || a.JSON(t)["phone_number"] != number {
		t.Errorf("the start answered %d: %s", a.Status, a.Body)
	}
	if len(g.got()) != asked {
		t.Error("a blocked user got a message")
	}
}

func TestSMS_TheTenantsTemplateSpeaksInItsPlace(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		withSMS(s, map[string]any{"name": "sms"})
		template := s.Must(201, "POST", "/branding/phone/templates", map[string]any{"type": "otp_verify", "content": map[string]any{
			"body": map[string]any{"text": "{{ friendly_name | escape }} {{ connection }} {{ user.phone_number }}: {{ code }}", "voice": "{{ code }}"},
		}}).Doc()
		s.ChangeSettings(func(settings *tenant.Settings) { settings.FriendlyName = "A & B" })
		b := s.Browser(t)
		startSMS(b, s, number)
		text := s.Mail(t, number)
		if want := "A & B sms " + number + ": " + text.Code; text.Text != want {
			t.Errorf("got %q, want %q", text.Text, want)
		}
		if err := s.Inbox.Delete(context.Background(), message.InboxFilter{}); err != nil {
			t.Fatal(err)
		}
		s.Must(200, "PATCH", "/branding/phone/templates/"+template["id"].(string), map[string]any{"content": map[string]any{
			"body": map[string]any{"text": "Call 0900 for a prize", "voice": "{{ code }}"},
		}})
		startSMS(b, s, number)
		if text := s.Mail(t, number); !strings.Contains(text.Text, text.Code) || strings.Contains(text.Text, "0900") {
			t.Errorf("a template without the code: %q", text.Text)
		}
		if types := s.EventTypes(t); !strings.Contains(types, "wn") {
			t.Errorf("the tenant's log has %s", types)
		}
	})
}

// Whoever makes an application has no provider yet: the words of the connection are shown all the same.
func TestSMS_TheWordsOfAConnectionThatNobodySendsForAreShown(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	withSMS(s, map[string]any{"name": "sms", "template": "Orchard: @@password@@", "syntax": "md_with_macros"})
	b := s.Browser(t)
	startSMS(b, s, number)
	if text := s.Mail(t, number); text.Text != "Orchard: "+text.Code {
		t.Errorf("got %q", text.Text)
	}
	s.Code(t, number) // takes the message out of the inbox
	s.Must(201, "POST", "/branding/phone/providers", map[string]any{
		"name": "twilio", "configuration": map[string]any{"sid": "AC00000000000000000000000000000000", "default_from": "+14155550100", "delivery_methods": []string{"text"}},
		"credentials": map[string]any{"auth_token": "secret-of-twilio"},
	})
	startSMS(b, s, number)
	if text := s.Mail(t, number); strings.Contains(text.Text, "Orchard") {
		t.Errorf("where the tenant's provider sends, the words are the tenant's; got %q", text.Text)
	}
}

func TestGateway_AFailureDoesNotTellWhoHasAnAccount(t *testing.T) {
	t.Parallel()
	const known, blocked, unknown = number, "+14155552672", "+14155552673"
	g := newGateway(t)
	s := servertest.NewEgress(t, loopback(t))
	withSMS(s, map[string]any{"name": "sms", "provider": "sms_gateway", "gateway_url": g.URL})
	seedPeople(t, s, known, blocked)
	b := s.Browser(t)
	for _, status := range []int{500, 503, 502, 400, 401, 200} {
		s.Clock.Advance(time.Hour)
		g.says(status)
		asked := len(g.got())
		want := startSMS(b, s, known)
		// A silent connection says nothing of what is refused for one reader.
		if wantStatus := map[int]int{200: 200, 400: 200}[status]; want.Status != cmp.Or(wantStatus, 400) {
			t.Errorf("gateway %d: the start answered %d: %s", status, want.Status, want.Body)
		}
		for _, to := range []string{blocked, unknown} {
			a := startSMS(b, s, to)
			if a.Status != want.Status || a.Status != 200 && a.Body != want.Body {
				t.Errorf("gateway %d: %s answered %d %s, somebody known %d %s", status, to, a.Status, a.Body, want.Status, want.Body)
			}
		}
		if n := len(g.got()) - asked; n != 1 {
			t.Errorf("gateway %d: it was asked %d times", status, n)
		}
	}
	g.says(500, 500, 500, 500, 500) // then it is left alone for a while
	for i := range 7 {
		s.Clock.Advance(map[bool]time.Duration{true: time.Hour}[i < 5])
		want := startSMS(b, s, known)
		if a := startSMS(b, s, blocked); want.Status != 400 || a.Status != 400 || a.Body != want.Body ||
			want.JSON(t)["error_description"] != "Unexpected response while calling the SMS gateway: 500" {
			t.Errorf("start %d: somebody blocked %d %s, somebody known %d %s", i, a.Status, a.Body, want.Status, want.Body)
		}
	}
}
