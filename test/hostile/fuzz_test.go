package hostile_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey/test/servertest"
)

// refusals are the statuses with which a request that proves nothing may be answered.
var refusals = map[int]bool{400: true, 401: true, 403: true, 404: true, 413: true, 429: true}

// checkAPI checks an answer of the API to anything at all: no server error, a JSON object, no member that clients would
// read before the documented ones.
func checkAPI(t *testing.T, a *servertest.Answer) {
	t.Helper()
	var body map[string]any
	if err := json.Unmarshal([]byte(a.Body), &body); err != nil {
		t.Fatalf("answered %d with %q", a.Status, a.Body)
	}
	if !refusals[a.Status] {
		t.Fatalf("answered %d: %s", a.Status, a.Body)
	}
	for _, name := range []string{"code", "name", "description"} {
		if _, there := body[name]; there || body["error"] == nil {
			t.Fatalf("the refusal is %s", a.Body)
		}
	}
}

func FuzzStart_AnyBodyIsRefusedOrStarts(f *testing.F) {
	s := servertest.New(f)
	s.StopMail(f)
	for _, c := range unreadable {
		f.Add(c.contentType, c.body)
	}
	f.Add(object, `{"client_id":"{native}","connection":"email","email":"ada@example.com","send":"code"}`)
	f.Add(form, `client_id={native}&connection=email&email=ada%40example.com&send=link`)
	f.Add(object, `{"client_id":"{native}","connection":"email","email":"ada@example.com","authParams":{"a":[1]}}`)
	f.Fuzz(func(t *testing.T, contentType, body string) {
		if !headerText(contentType) {
			t.Skip()
		}
		s.Clock.Advance(time.Hour)
		var a *servertest.Answer
		work := s.Work(func() {
			a = post(s.Browser(t), "/passwordless/start", contentType, strings.ReplaceAll(body, "{native}", s.Native.ID))
		})
		if a.Status == http.StatusOK {
			return
		}
		checkAPI(t, a)
		if work.Commits != 0 {
			t.Errorf("a refused start committed %d times", work.Commits)
		}
	})
}

func FuzzToken_NoBodyGivesTokens(f *testing.F) {
	s := servertest.New(f)
	s.StopMail(f)
	for _, c := range unreadable {
		f.Add(c.contentType, c.body)
	}
	otp := url.Values{"grant_type": {"http://auth0.com/oauth/grant-type/passwordless/otp"}, "client_id": {"{native}"}, "realm": {"email"},
		"username": {"ada@example.com"}, "otp": {"123456"}, "scope": {"openid"}}
	f.Add(form, otp.Encode())
	f.Add(object, `{"grant_type":"refresh_token","client_id":"{native}","refresh_token":"v1.x"}`)
	f.Add(object, `{"grant_type":"authorization_code","client_id":"{native}","code":"x","scope":["a"],"code_verifier":"y"}`)
	f.Add(object, `{"grant_type":"client_credentials","client_id":"{native}","audience":"https://api.example.com/"}`)
	f.Fuzz(func(t *testing.T, contentType, body string) {
		if !headerText(contentType) {
			t.Skip()
		}
		body = strings.NewReplacer("{native}", s.Native.ID, url.QueryEscape("{native}"), s.Native.ID).Replace(body)
		checkAPI(t, post(s.Browser(t), "/oauth/token", contentType, body))
	})
}

func FuzzState_NoneButItsOwnOpensALogin(f *testing.F) {
	s := servertest.New(f)
	s.StopMail(f)
	for _, state := range []string{"", "x", "AAAA", strings.Repeat("A", 43), strings.Repeat("_", 4096), "../..", "a&state=b", "\x00", "\xff", "%00"} {
		f.Add(state, "123456")
	}
	f.Fuzz(func(t *testing.T, state, typed string) {
		s.Clock.Advance(time.Minute)
		b := s.Browser(t)
		query := "?" + url.Values{"state": {state}}.Encode()
		work := s.Work(func() {
			for _, path := range []string{"/u/login/identifier", "/u/login/passwordless-email-challenge", "/u/consent", "/u/logout", "/authorize/resume"} {
				a := b.Get(path + query)
				if !refusals[a.Status] && a.Status != http.StatusFound || strings.Contains(a.Header.Get("Location"), "://") {
					t.Fatalf("%s answered %d to %q: %.300s", path, a.Status, a.Header.Get("Location"), a.Body)
				}
			}
			a := b.Post("/u/login/passwordless-email-challenge"+query, url.Values{"state": {state}, "code": {typed}, "action": {typed}})
			if !refusals[a.Status] {
				t.Fatalf("a post answered %d: %.300s", a.Status, a.Body)
			}
		})
		if work.Commits != 0 {
			t.Errorf("an unknown login committed %d times", work.Commits)
		}
	})
}

// headerText reports whether an HTTP client would send the text as a header.
func headerText(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}
