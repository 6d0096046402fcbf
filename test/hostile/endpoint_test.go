package hostile_test

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"testing"

	"latchkey/test/servertest"
)

// Auth0's clients read this answer as "switched off"; any other would look like a wrong domain.
func TestEndpoints_ThoseThatAreNotServedAnswerAsSwitchedOff(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	s.StopMail(t)
	sameRows(t, s)
	b := s.Browser(t)
	for _, path := range []string{
		"/oauth/ro", "/oauth/access_token", "/delegation", "/tokeninfo", "/unlink", "/login/unlink", "/bc-authorize",
		"/oauth/device/code", "/oidc/register", "/otp/challenge", "/anonymous/token",
		"/users/email%7C1/impersonate", "/samlp", "/samlp/", "/samlp/abc", "/samlp/abc/logout", "/samlp/metadata/abc",
		"/wsfed", "/wsfed/abc", "/wsfed/FederationMetadata/2007-06/FederationMetadata.xml",
		"/oauth/global-token-revocation/connection/email", "/mfa", "/mfa/challenge", "/mfa/associate", "/mfa/authenticators",
		"/mfa/authenticators/totp%7Cdev_1", "/dbconnections", "/dbconnections/signup", "/dbconnections/change_password",
	} {
		for _, method := range []string{"GET", "POST", "DELETE"} {
			unchanged(t, s, path, func() {
				a := b.Do(method, path, form, "client_id="+s.Web.ID)
				want := `{"error":"endpoint_disabled","error_description":"This endpoint is disabled for your tenant."}`
				if a.Status != http.StatusNotFound || a.Body != want {
					t.Errorf("%s %s answered %d: %.200s", method, path, a.Status, a.Body)
				}
			})
		}
	}
	for _, path := range []string{"/users/1", "/users", "/samlpx", "/mfas", "/oauth/global-token-revocations", "/pb7", "/rawpem"} {
		wantRefused(t, door{path: path}, "no endpoint", b.Get(path), http.StatusNotFound)
	}
}

func TestCertificate_InBothForms(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := s.Browser(t)
	text, der := b.Get("/pem"), b.Get("/cer")
	block, rest := pem.Decode([]byte(text.Body))
	if block == nil || block.Type != "CERTIFICATE" || len(rest) != 0 || !bytes.Equal(block.Bytes, []byte(der.Body)) {
		t.Errorf("/pem gives %q, /cer %q", text.Body, der.Body)
	}
	if _, err := x509.ParseCertificate([]byte(der.Body)); err != nil {
		t.Error(err)
	}
	if got := text.Header.Get("Content-Type"); got != "application/x-pem-file" {
		t.Errorf("/pem has the type %q", got)
	}
	if got := der.Header.Get("Content-Type"); got != "application/pkix-cert" {
		t.Errorf("/cer has the type %q", got)
	}
}
