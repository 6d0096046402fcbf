package messages

import (
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"

	"latchkey/internal/eventlog"
)

// The service wants none of the tenant's key: the second provider sends the code, which logs in, and the tenant is told.
func TestFailover_TheSecondProviderSendsWhatTheFirstDidNotTake(t *testing.T) {
	t.Parallel()
	p := newPost(t, true)
	s := p.server
	refuse := func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"errors":[{"message":"the key `+apiKey+` is none"}]}`)
	}
	p.answers = []http.HandlerFunc{refuse}
	s.Must(201, "POST", "/emails/provider", sendgrid())
	second := maps.Clone(p.smtp())
	s.Must(200, "PUT", "/emails/provider/failover", second)
	code := p.start(t)
	eventually(t, "the second provider has the mail", func() bool { n, _ := p.counts(); return n == 1 })
	if !strings.Contains(p.mails[0], code) {
		t.Errorf("the mail lacks the code:\n%s", p.mails[0])
	}
	if tokens := s.Browser(t).MustToken(s.OTPForm(email, code)); tokens.AccessToken == "" {
		t.Error("the code that was mailed is of no use")
	}
	eventually(t, "the tenant is told", func() bool { return len(p.told(t, eventlog.NotificationWarning)) == 1 })
	told := p.told(t, eventlog.NotificationWarning)[0].Description
	if !strings.Contains(told, "given to the provider smtp, because the provider sendgrid did not take it") || strings.Contains(told, apiKey) || strings.Contains(told, code) {
		t.Errorf("told %q", told)
	}
	if fn := p.told(t, eventlog.NotificationFailed); len(fn) != 0 {
		t.Errorf("told of a failure: %+v", fn)
	}
}

// The service may have taken the code: the second provider never sees it.
func TestFailover_NothingThatMayHaveBeenTaken(t *testing.T) {
	t.Parallel()
	p := newPost(t, true)
	s := p.server
	p.answers = []http.HandlerFunc{func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }}
	s.Must(201, "POST", "/emails/provider", sendgrid())
	s.Must(200, "PUT", "/emails/provider/failover", p.smtp())
	p.start(t)
	eventually(t, "the tenant is told of the doubt", func() bool { return len(p.told(t, eventlog.NotificationWarning)) == 1 })
	p.start(t)
	eventually(t, "the next code leaves by the first provider", func() bool { _, n := p.counts(); return n == 2 })
	if mails, _ := p.counts(); mails != 0 {
		t.Errorf("the second provider got %d mails", mails)
	}
}
