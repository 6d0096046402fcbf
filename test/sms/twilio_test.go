package sms_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/internal/egress"
	"latchkey/internal/tenant"
	"latchkey/test/servertest"
)

// twilio stands in the place of Twilio. It takes every message unless told otherwise.
type twilio struct {
	egress egress.Config

	mu      sync.Mutex
	refusal string
	status  int
	paths   []string
	forms   []url.Values
	came    chan struct{} // told of each request
}

func newTwilio(t *testing.T) *twilio {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"api.twilio.com"},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	w := &twilio{came: make(chan struct{}, 100)}
	server := httptest.NewUnstartedServer(http.HandlerFunc(w.serve))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	server.StartTLS()
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	w.egress = egress.Config{RootCAs: roots, Hosts: map[string]string{"api.twilio.com:443": server.Listener.Addr().String()}}
	return w
}

func (w *twilio) serve(out http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	_ = r.ParseForm()
	w.came <- struct{}{}
	w.paths, w.forms = append(w.paths, r.URL.Path), append(w.forms, r.PostForm)
	if w.refusal != "" {
		out.WriteHeader(w.status)
		_, _ = out.Write([]byte(w.refusal))
		return
	}
	out.WriteHeader(http.StatusCreated)
	_, _ = out.Write([]byte(`{"sid":"SM1","status":"queued"}`))
}

func (w *twilio) refuses(status int, body string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.status, w.refusal = status, body
}

// await waits for a message to a number.
func (w *twilio) await(t *testing.T, number string) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		if _, forms := w.to(number); len(forms) > 0 {
			return
		}
		select {
		case <-w.came:
		case <-deadline:
			t.Fatalf("no message came to %s", number)
		}
	}
}

// to gives what was sent to a number, the path first.
func (w *twilio) to(number string) (paths []string, forms []url.Values) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, f := range w.forms {
		if f.Get("To") == number {
			paths, forms = append(paths, w.paths[i]), append(forms, f)
		}
	}
	return slices.Clone(paths), forms
}

func TestTwilio_OfAConnectionAnswersWhoeverAsked(t *testing.T) {
	w := newTwilio(t)
	s := servertest.NewEgress(t, w.egress)
	withSMS(s, map[string]any{"name": "sms", "provider": "twilio", "twilio_sid": "AC1", "twilio_token": "hidden-token", "from": "+15550001111"})
	b := s.Browser(t)
	if a := startSMS(b, s, number); a.Status != 200 {
		t.Fatalf("the start answered %d: %s", a.Status, a.Body)
	}
	_, forms := w.to(number)
	code := sixDigits.FindString(forms[0].Get("Body"))
	b.MustToken(smsForm(s, number, code))
	w.refuses(400, `{"code":21408,"message":"Permission to send an SMS has not been enabled for the region","status":400}`)
	wantRefusal(t, startSMS(b, s, number), 400, "sms_provider_error", "Permission to send an SMS has not been enabled for the region (Code: 21408)")
	w.refuses(429, `{"code":20429,"message":"Too Many Requests"}`)
	wantRefusal(t, startSMS(b, s, number), 400, "sms_provider_error", "Too Many Requests (Code: 20429)")
	if _, forms := w.to(number); len(forms) != 3 {
		t.Errorf("Twilio was asked %d times", len(forms))
	}
	w.refuses(400, `{"code":21211,"message":"The 'To' number `+number+` is not a valid phone number.","status":400}`)
	wantRefusal(t, startSMS(b, s, number), 400, "sms_provider_error", "The 'To' number "+number+" is not a valid phone number. (Code: 21211)")
	if log := s.OperatorLog(); !strings.Contains(log, "Code: 21211") {
		t.Error("the operator's log does not say what Twilio said")
	}
	if log := s.OperatorLog(); strings.Contains(log, "hidden-token") || strings.Contains(log, number) {
		t.Error("the operator's log has the token or the number")
	}
}

func TestTwilio_OfTheTenantSendsAndIsTried(t *testing.T) {
	w := newTwilio(t)
	servertest.EachEgress(t, w.egress, func(t *testing.T, s *servertest.Server) {
		to := "+14155552681"
		if strings.Contains(t.Name(), "postgres") {
			to = "+14155552682"
		}
		provider := s.Must(201, "POST", "/branding/phone/providers", map[string]any{
			"name": "twilio", "credentials": map[string]any{"auth_token": "hidden-token"},
			"configuration": map[string]any{"sid": "AC1", "default_from": "+15550001111", "delivery_methods": []string{"text", "voice"}},
		}).Doc()["id"].(string)
		withSMS(s, map[string]any{"name": "sms"})
		if a := startSMS(s.Browser(t), s, to); a.Status != 200 {
			t.Fatalf("the start answered %d: %s", a.Status, a.Body)
		}
		w.await(t, to)
		a := s.Must(202, "POST", "/branding/phone/providers/"+provider+"/try", map[string]any{"to": to, "delivery_method": "voice"})
		if a.Doc()["code"] != 200.0 || a.Doc()["message"] == "" {
			t.Errorf("the try answered %s", a.Text)
		}
		template := s.Must(201, "POST", "/branding/phone/templates", map[string]any{"type": "blocked_account", "content": map[string]any{
			"body": map[string]any{"text": "Blocked & {{ user.phone_number }}", "voice": "Blocked {{ pause }} you"},
		}}).Doc()["id"].(string)
		s.Must(202, "POST", "/branding/phone/templates/"+template+"/try", map[string]any{"to": to})
		s.Must(202, "POST", "/branding/phone/templates/"+template+"/try", map[string]any{"to": to, "delivery_method": "voice"})
		paths, forms := w.to(to)
		want := []string{"Messages.json", "Calls.json", "Messages.json", "Calls.json"}
		for i, path := range paths {
			if path = strings.TrimPrefix(path, "/2010-04-01/Accounts/AC1/"); i >= len(want) || path != want[i] {
				t.Fatalf("Twilio was asked for %v", paths)
			}
		}
		if len(paths) != 4 || forms[2].Get("Body") != "Blocked & "+to || !strings.Contains(forms[3].Get("Twiml"), `Blocked</Say><Pause length="1"/>`) ||
			!strings.Contains(forms[1].Get("Twiml"), "1. 2. 3. 4. 5. 6.") {
			t.Errorf("Twilio got %v %v", paths, forms)
		}
	})
}

func TestTry_RefusesWhatCannotBeSentAndMoreThanTenAnHour(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		custom := s.Must(201, "POST", "/branding/phone/providers", map[string]any{
			"name": "twilio", "credentials": map[string]any{"auth_token": "hidden-token"},
			"configuration": map[string]any{"sid": "AC1", "default_from": "+15550001111", "delivery_methods": []string{"voice"}},
		}).Doc()["id"].(string)
		try := "/branding/phone/providers/" + custom + "/try"
		if a := s.Must(400, "POST", try, map[string]any{"to": number}); a.Message() != "The phone provider does not deliver by text." {
			t.Errorf("got %s", a.Text)
		}
		s.Must(400, "POST", try, map[string]any{"to": "+1555"})
		s.Must(404, "POST", "/branding/phone/providers/pro_nothing/try", map[string]any{"to": number})
		for range 9 {
			s.Must(400, "POST", try, map[string]any{"to": number})
		}
		s.Must(429, "POST", try, map[string]any{"to": number})
	})
}

func TestTenantProvider_AConnectionThatIsBoundToItSaysWhenItCannotSend(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		s.Must(201, "POST", "/branding/phone/providers", map[string]any{
			"name": "twilio", "credentials": map[string]any{"auth_token": "hidden-token"},
			"configuration": map[string]any{"sid": "AC1", "default_from": "+15550001111", "delivery_methods": []string{"voice"}},
		})
		withSMS(s, map[string]any{"name": "sms", "use_tenant_level_provider": true, "provider": "twilio", "twilio_sid": "AC2", "from": "+1"})
		two := 2
		s.ChangeSettings(limit(func(l *tenant.PhoneLimits) { l.NetworkPerHour = &two }))
		for range 2 {
			wantRefusal(t, startSMS(s.Browser(t), s, number), 400, "sms_provider_error", "The phone provider does not deliver by text.")
		}
		wantLimited(t, startSMS(s.Browser(t), s, number))
	})
}

func TestTemplates_WhatIsNoLiquidIsNotKept(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		bad := map[string]any{"type": "otp_verify", "content": map[string]any{"body": map[string]any{"text": "{% if %}{{ code }}", "voice": "{{ code }}"}}}
		s.Must(400, "POST", "/branding/phone/templates", bad)
		made := s.Must(201, "POST", "/branding/phone/templates", map[string]any{"type": "otp_verify"}).Doc()["id"].(string)
		s.Must(400, "PATCH", "/branding/phone/templates/"+made, map[string]any{"content": bad["content"]})
		options := map[string]any{"name": "sms", "template": "{% if %}@@password@@", "syntax": "liquid"}
		s.Must(400, "POST", "/connections", map[string]any{"name": "sms", "strategy": "sms", "options": options})
		options["syntax"] = "md_with_macros"
		s.Must(201, "POST", "/connections", map[string]any{"name": "sms", "strategy": "sms", "options": options})
	})
}
