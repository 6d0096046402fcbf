package message

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	server "github.com/emersion/go-smtp"

	"latchkey/internal/egress"
	"latchkey/internal/resource"
)

// bearerServer takes tokens by XOAUTH2 or OAUTHBEARER. What it does not take it explains before it refuses.
type bearerServer struct {
	mechanism string
	s         *mailServer
	begun     bool
}

func (b *bearerServer) Next(response []byte) ([]byte, bool, error) {
	refused := &server.SMTPError{Code: 535, EnhancedCode: server.EnhancedCode{5, 7, 8}, Message: "Username and token not accepted"}
	if b.begun {
		if want := map[string]string{"XOAUTH2": "", "OAUTHBEARER": "\x01"}[b.mechanism]; string(response) != want {
			return nil, true, &server.SMTPError{Code: 501, Message: fmt.Sprintf("acknowledged with %q", response)}
		}
		return nil, true, refused
	}
	b.begun = true
	fields := strings.Split(string(response), "\x01")
	i := slices.IndexFunc(fields, func(f string) bool { return strings.HasPrefix(f, "auth=Bearer ") })
	if i < 0 || !strings.HasSuffix(string(response), "\x01\x01") {
		return nil, true, &server.SMTPError{Code: 501, Message: fmt.Sprintf("began with %q", response)}
	}
	token := strings.TrimPrefix(fields[i], "auth=Bearer ")
	b.s.mu.Lock()
	defer b.s.mu.Unlock()
	b.s.logins = append(b.s.logins, b.mechanism+" "+strings.Join(fields[:i], " ")+" "+token)
	if slices.Contains(b.s.tokens, token) {
		return nil, true, nil
	}
	return []byte(`{"status":"401","schemes":"bearer","scope":"https://mail.google.com/"}`), false, nil
}

// issuer is an authorization server whose tokens are token-1, token-2 and so on.
type issuer struct {
	address string
	mu      sync.Mutex
	forms   []url.Values
	refuse  string
	expires string // how its answers write expires_in
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	i := &issuer{expires: "3600"}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.mu.Lock()
		defer i.mu.Unlock()
		_ = r.ParseForm()
		i.forms = append(i.forms, r.PostForm)
		if i.refuse != "" {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = fmt.Fprintf(w, `{"error":%q,"error_description":"no"}`, i.refuse)
			return
		}
		_, _ = fmt.Fprintf(w, `{"access_token":"token-%d","expires_in":%s,"refresh_token":"refresh-%d"}`, len(i.forms), i.expires, len(i.forms)+1)
	}))
	t.Cleanup(s.Close)
	i.address = s.URL + "/token"
	return i
}

// ofTenant makes the provider that a tenant would get of these credentials for the server at an address.
func ofTenant(t *testing.T, e *egress.Egress, address string, credentials resource.Document) *SMTP {
	t.Helper()
	host, port, _ := net.SplitHostPort(address)
	n, _ := strconv.Atoi(port)
	whole := resource.Document{"smtp_host": host, "smtp_port": float64(n), "smtp_user": "user", "smtp_pass": "p@ss/word"}
	for name, v := range credentials {
		whole[name] = v
	}
	if err := CheckSMTP(whole); err != nil {
		t.Fatalf("%v is refused: %v", credentials, err)
	}
	text, err := json.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	c := &configured{}
	if err := json.Unmarshal(text, &c.credentials); err != nil {
		t.Fatal(err)
	}
	s, err := newTenantSMTP(c, e)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func local() *egress.Egress { return egress.New(egress.Config{Loopback: true}) }

func TestTenantSMTP_Protection(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	pem, err := os.ReadFile(ca.file)
	if err != nil {
		t.Fatal(err)
	}
	leaf := ca.tls.Certificates[0]
	key := leafKey(t, leaf)
	limited := func(version uint16) *tls.Config {
		c := ca.tls.Clone()
		c.MinVersion, c.MaxVersion = version, version
		return c
	}
	trust := resource.Document{"smtp_ca_pem": string(pem), "smtp_servername": "mail.example"}
	with := func(more resource.Document) resource.Document {
		all := resource.Document{}
		for _, d := range []resource.Document{trust, more} {
			for name, v := range d {
				all[name] = v
			}
		}
		return all
	}
	tests := []struct {
		name     string
		tls      *tls.Config
		implicit bool
		given    resource.Document
		want     Verdict
	}{
		{"no protection on loopback", nil, false, nil, VerdictSent},
		{"STARTTLS with a private authority", ca.tls, false, with(resource.Document{"smtp_tls": "starttls"}), VerdictSent},
		{"STARTTLS with an authority nobody named", ca.tls, false, resource.Document{"smtp_tls": "starttls", "smtp_servername": "mail.example"}, VerdictConfig},
		{"STARTTLS for another name", ca.tls, false, with(resource.Document{"smtp_tls": "starttls", "smtp_servername": "other.example"}), VerdictConfig},
		{"STARTTLS required and stripped", nil, false, with(resource.Document{"smtp_tls": "starttls"}), VerdictConfig},
		{"STARTTLS when it is offered", nil, false, resource.Document{"smtp_tls": "starttls_opportunistic"}, VerdictSent},
		{"TLS from the first byte", ca.tls, true, with(resource.Document{"smtp_tls": "implicit"}), VerdictSent},
		{"TLS from the first byte, spoken by nobody", nil, false, with(resource.Document{"smtp_tls": "implicit"}), VerdictConfig},
		{"no TLS by choice", ca.tls, false, resource.Document{"smtp_tls": "none"}, VerdictSent},
		{"the authority counts on loopback too", ca.tls, false, resource.Document{"smtp_ca_pem": string(pem), "smtp_servername": "other.example"}, VerdictConfig},
		{"the key that was named", ca.tls, false, resource.Document{"smtp_tls": "starttls", "smtp_cert_sha256": hex.EncodeToString(key[:])}, VerdictSent},
		{"the key that was named, in base64", ca.tls, true, resource.Document{"smtp_tls": "implicit", "smtp_cert_sha256": base64.StdEncoding.EncodeToString(key[:])}, VerdictSent},
		{"another key than was named", ca.tls, false, resource.Document{"smtp_tls": "starttls", "smtp_cert_sha256": strings.Repeat("ab", 32)}, VerdictConfig},
		{"another key than was named, with a good chain", ca.tls, false, with(resource.Document{"smtp_tls": "starttls", "smtp_cert_sha256": strings.Repeat("ab", 32)}), VerdictConfig},
		{"TLS 1.0", limited(tls.VersionTLS10), false, with(resource.Document{"smtp_tls": "starttls"}), VerdictConfig},
		{"TLS 1.0 that was asked for", limited(tls.VersionTLS10), false, with(resource.Document{"smtp_tls": "starttls", "smtp_tls_min": "1.0"}), VerdictSent},
		{"TLS 1.1 where 1.0 was asked for", limited(tls.VersionTLS11), false, with(resource.Document{"smtp_tls": "starttls", "smtp_tls_min": "1.0"}), VerdictSent},
		{"TLS 1.2 where 1.3 was asked for", limited(tls.VersionTLS12), false, with(resource.Document{"smtp_tls": "starttls", "smtp_tls_min": "1.3"}), VerdictConfig},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := &mailServer{mechanisms: []string{"PLAIN"}}
			r := ofTenant(t, local(), m.serve(t, tt.tls, tt.implicit), tt.given).Send(t.Context(), testMail())
			if r.Verdict != tt.want || (len(m.mails) == 1) != (tt.want == VerdictSent) || tt.want != VerdictSent && len(m.logins) != 0 {
				t.Errorf("%+v with %d mails and logins %q, want %s", r, len(m.mails), m.logins, tt.want)
			}
		})
	}
}

// leafKey is the SHA-256 of a certificate's public key.
func leafKey(t *testing.T, c tls.Certificate) [32]byte {
	t.Helper()
	leaf, err := x509.ParseCertificate(c.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	return sha256.Sum256(leaf.RawSubjectPublicKeyInfo)
}

func TestTenantSMTP_Mechanisms(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	pem, err := os.ReadFile(ca.file)
	if err != nil {
		t.Fatal(err)
	}
	all := []string{"PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2", "OAUTHBEARER"}
	tests := []struct {
		name       string
		mechanisms []string
		weak       []string
		weakCode   int
		protected  bool
		auth       string
		tokens     bool
		logins     string
		want       Verdict
	}{
		{"protected: PLAIN first", all, nil, 0, true, "", false, "PLAIN user", VerdictSent},
		{"unprotected: CRAM-MD5 first", all, nil, 0, false, "", false, "CRAM-MD5 user", VerdictSent},
		{"a source of tokens: XOAUTH2 first", all, nil, 0, true, "", true, "XOAUTH2 user=user token-1", VerdictSent},
		{"a source of tokens, OAUTHBEARER alone offered", []string{"PLAIN", "OAUTHBEARER"}, nil, 0, true, "", true, "OAUTHBEARER n,a=user, host=127.0.0.1 port=PORT token-1", VerdictSent},
		{"a source of tokens, none offered", []string{"LOGIN"}, nil, 0, true, "", true, "LOGIN user", VerdictSent},
		{"by name: PLAIN", all, nil, 0, true, "plain", false, "PLAIN user", VerdictSent},
		{"by name: LOGIN", all, nil, 0, true, "login", false, "LOGIN user", VerdictSent},
		{"by name: CRAM-MD5", all, nil, 0, true, "CRAM-MD5", false, "CRAM-MD5 user", VerdictSent},
		{"by name: XOAUTH2", all, nil, 0, true, "xoauth2", true, "XOAUTH2 user=user token-1", VerdictSent},
		{"by name: OAUTHBEARER", all, nil, 0, true, "oauthbearer", true, "OAUTHBEARER n,a=user, host=127.0.0.1 port=PORT token-1", VerdictSent},
		{"by name and not offered", []string{"PLAIN"}, nil, 0, true, "xoauth2", true, "", VerdictConfig},
		{"none", all, nil, 0, true, "none", false, "", VerdictSent},
		{"534 gives way to the next", all, []string{"PLAIN"}, 534, true, "", false, "LOGIN user", VerdictSent},
		{"538 gives way to the next", all, []string{"PLAIN", "LOGIN"}, 538, true, "", false, "CRAM-MD5 user", VerdictSent},
		{"504 gives way to the next", all, []string{"XOAUTH2"}, 504, true, "", true, "OAUTHBEARER n,a=user, host=127.0.0.1 port=PORT token-1", VerdictSent},
		{"534 for the one that was named", all, []string{"LOGIN"}, 534, true, "login", false, "", VerdictConfig},
		{"534 for all", []string{"PLAIN", "LOGIN"}, []string{"PLAIN", "LOGIN"}, 534, true, "", false, "", VerdictConfig},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := &mailServer{mechanisms: tt.mechanisms, weak: tt.weak, weakCode: tt.weakCode, tokens: []string{"token-1"}}
			given := resource.Document{}
			config := ca.tls
			if tt.protected {
				given["smtp_tls"], given["smtp_ca_pem"], given["smtp_servername"] = "starttls", string(pem), "mail.example"
			} else {
				config = nil
			}
			if tt.auth != "" {
				given["smtp_auth"] = tt.auth
			}
			if tt.tokens {
				given["smtp_oauth"] = map[string]any{"token_url": newIssuer(t).address, "client_id": "me", "client_secret": "hidden"}
			}
			address := m.serve(t, config, false)
			s := ofTenant(t, local(), address, given)
			r := s.Send(t.Context(), testMail())
			_, port, _ := net.SplitHostPort(address)
			if want := strings.ReplaceAll(tt.logins, "PORT", port); r.Verdict != tt.want || strings.Join(m.logins, ",") != want {
				t.Errorf("%+v, logged in by %q; want %s by %q", r, m.logins, tt.want, want)
			}
		})
	}
}

func TestTenantSMTP_WhatIsTooWeakIsRemembered(t *testing.T) {
	t.Parallel()
	m := &mailServer{mechanisms: []string{"PLAIN", "LOGIN"}, weak: []string{"PLAIN"}, weakCode: 534}
	s := ofTenant(t, local(), m.serve(t, nil, false), nil)
	for range 2 {
		if r := s.Send(t.Context(), testMail()); r.Verdict != VerdictSent {
			t.Fatalf("%+v", r)
		}
		s.Close()
	}
	if m.sessions != 3 {
		t.Errorf("%d connections for two mails, want 3: one was refused", m.sessions)
	}
}

// A server that once had no other way than weak ones was once unusable until the process ended.
func TestTenantSMTP_WhatWasTooWeakIsTriedAgainLater(t *testing.T) {
	t.Parallel()
	m := &mailServer{mechanisms: []string{"PLAIN"}, weak: []string{"PLAIN"}, weakCode: 534}
	s := ofTenant(t, local(), m.serve(t, nil, false), nil)
	send := func() Result {
		t.Helper()
		r := s.Send(t.Context(), testMail())
		s.Close()
		return r
	}
	if r := send(); r.Verdict != VerdictConfig {
		t.Errorf("%+v, want a refusal while the only way is too weak", r)
	}
	m.mu.Lock()
	m.weak = nil // somebody has set the server right
	m.mu.Unlock()
	if r := send(); r.Verdict != VerdictConfig {
		t.Errorf("%+v, want what was too weak a moment ago to be left alone", r)
	}
	s.weak[AuthPlain] = time.Now().Add(-weakPause)
	if r := send(); r.Verdict != VerdictSent {
		t.Errorf("%+v, want it to be tried again", r)
	}
}

func TestTenantSMTP_TokensAreKeptAndRenewedOnceWhenRefused(t *testing.T) {
	t.Parallel()
	from, m := newIssuer(t), &mailServer{mechanisms: []string{"XOAUTH2"}, tokens: []string{"token-1"}}
	s := ofTenant(t, local(), m.serve(t, nil, false), resource.Document{"smtp_oauth": map[string]any{
		"token_url": from.address, "client_id": "me", "client_secret": "hidden", "scope": "mail", "refresh_token": "refresh-1",
	}})
	send := func() Result {
		r := s.Send(t.Context(), testMail())
		s.Close()
		return r
	}
	for range 2 {
		if r := send(); r.Verdict != VerdictSent {
			t.Fatalf("%+v", r)
		}
	}
	if len(from.forms) != 1 {
		t.Errorf("%d tokens for two connections, want 1", len(from.forms))
	}
	want := url.Values{"grant_type": {"refresh_token"}, "client_id": {"me"}, "client_secret": {"hidden"}, "scope": {"mail"}, "refresh_token": {"refresh-1"}}
	if got := from.forms[0]; got.Encode() != want.Encode() {
		t.Errorf("asked for a token by %v, want %v", got, want)
	}
	m.tokens = []string{"token-2"} // the first is withdrawn
	if r := send(); r.Verdict != VerdictSent || len(from.forms) != 2 || from.forms[1].Get("refresh_token") != "refresh-2" {
		t.Errorf("%+v after %v; want a new token by the new refresh token", r, from.forms)
	}
	m.tokens = nil
	r := send()
	if r.Verdict != VerdictConfig || r.Pause != loginPause || !strings.Contains(r.Detail, "535") || !strings.Contains(r.Detail, "bearer") || len(from.forms) != 3 {
		t.Errorf("%+v after %d tokens; want a pause after one more token, with the server's words", r, len(from.forms))
	}
	if strings.Contains(r.Detail, "token-") {
		t.Errorf("the answer repeats a token: %s", r.Detail)
	}
}

// A life that was written as text once made every answer one without a token.
func TestTokens_TheirLifeIsReadAsServersWriteIt(t *testing.T) {
	t.Parallel()
	for expires, want := range map[string]int{ // how many tokens serve two times
		"3600": 1, `"3600"`: 1, "3600.5": 1, "1e300": 1, "30": 2, `""`: 2, `"soon"`: 2, "null": 2, "-5": 2, `"NaN"`: 2, "{}": 2,
	} {
		from := newIssuer(t)
		from.expires = expires
		tokens := newTokens(service{name: "smtp", egress: local()}, from.address, url.Values{"grant_type": {"client_credentials"}})
		for range 2 {
			if token, failed := tokens.get(t.Context()); failed != nil || token == "" {
				t.Errorf("expires_in %s: no token: %+v", expires, failed)
			}
		}
		if len(from.forms) != want {
			t.Errorf("expires_in %s: %d tokens for two uses, want %d", expires, len(from.forms), want)
		}
	}
}

func TestTokens_AreHiddenAlsoWhenTheyWereForgotten(t *testing.T) {
	t.Parallel()
	tokens := newTokens(service{name: "smtp", egress: local()}, newIssuer(t).address, url.Values{"client_secret": {"hidden"}, "refresh_token": {"refresh-1"}})
	for range 2 {
		token, failed := tokens.get(t.Context())
		if failed != nil {
			t.Fatalf("%+v", failed)
		}
		tokens.forget(token)
	}
	told := "535 refused token-1, token-2, refresh-1, refresh-3 and hidden"
	if got, want := tokens.hide(Result{Detail: told}).Detail, "535 refused [secret], [secret], [secret], [secret] and [secret]"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTenantSMTP_NoTokenNoMail(t *testing.T) {
	t.Parallel()
	from, m := newIssuer(t), &mailServer{mechanisms: []string{"OAUTHBEARER"}}
	from.refuse = "invalid_client"
	given := resource.Document{"smtp_oauth": map[string]any{"token_url": from.address, "client_id": "me", "client_secret": "hidden"}}
	r := ofTenant(t, local(), m.serve(t, nil, false), given).Send(t.Context(), testMail())
	if r.Verdict != VerdictConfig || r.Pause != loginPause || !strings.Contains(r.Detail, "invalid_client") || len(m.logins) != 0 {
		t.Errorf("%+v by %q, want the refusal of the authorization server", r, m.logins)
	}
	given["smtp_oauth"].(map[string]any)["token_url"] = "https://192.168.7.7/token" // a private address, which no tenant reaches
	r = ofTenant(t, local(), m.serve(t, nil, false), given).Send(t.Context(), testMail())
	if r.Verdict != VerdictConfig || len(m.logins) != 0 {
		t.Errorf("%+v, want an address that is not connected to", r)
	}
}

func TestOperatorSMTP_LogsInByToken(t *testing.T) {
	t.Parallel()
	from, m := newIssuer(t), &mailServer{mechanisms: []string{"PLAIN", "XOAUTH2"}, tokens: []string{"token-1"}}
	c := parse(t, "smtp://user:hidden@"+m.serve(t, nil, false)+"?auth=xoauth2&client_id=me&scope=mail&token_url="+url.QueryEscape(from.address))
	c.Egress = local()
	if r := sendOne(t, c); r.Verdict != VerdictSent || from.forms[0].Get("client_secret") != "hidden" || from.forms[0].Get("grant_type") != "client_credentials" {
		t.Errorf("%+v by %v and %q", r, from.forms, m.logins)
	}
}

func TestCheckSMTP_SaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	oauth := func(address string) map[string]any { return map[string]any{"token_url": address, "client_id": "me"} }
	tests := []struct {
		given resource.Document
		says  string
	}{
		{resource.Document{"smtp_host": "no host"}, "smtp_host"},
		{resource.Document{"smtp_port": 0}, "smtp_port"},
		{resource.Document{"smtp_tls": "yes"}, "smtp_tls can be"},
		{resource.Document{"smtp_host": "192.0.2.1", "smtp_tls": "none"}, "without TLS"},
		{resource.Document{"smtp_tls_min": "1"}, "1.0, 1.1, 1.2, 1.3"},
		{resource.Document{"smtp_ca_pem": "nothing"}, "no certificate in PEM"},
		{resource.Document{"smtp_ca_pem": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}, "no certificate"},
		{resource.Document{"smtp_cert_sha256": "abc"}, "SHA-256"},
		{resource.Document{"smtp_servername": "a b"}, "smtp_servername"},
		{resource.Document{"smtp_helo": "a\r\nb"}, "smtp_helo"},
		{resource.Document{"smtp_auth": "magic"}, "smtp_auth can be"},
		{resource.Document{"smtp_auth": "xoauth2"}, "smtp_oauth"},
		{resource.Document{"smtp_user": ""}, "smtp_user"},
		{resource.Document{"smtp_oauth": oauth("http://issuer.example/token")}, "token_url"},
		{resource.Document{"smtp_oauth": oauth("https://me:pw@issuer.example/token")}, "token_url"},
		{resource.Document{"smtp_oauth": map[string]any{"token_url": "https://issuer.example/"}}, "client_id"},
	}
	for _, tt := range tests {
		whole := resource.Document{"smtp_host": "mail.example", "smtp_port": 587, "smtp_user": "user", "smtp_pass": "hidden"}
		for name, v := range tt.given {
			whole[name] = v
		}
		if err := CheckSMTP(whole); err == nil || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%v: %v, want a refusal with %q", tt.given, err, tt.says)
		}
	}
}
