package message

import (
	"context"
	"encoding/hex"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"latchkey/internal/branding"
	"latchkey/internal/clock"
	"latchkey/internal/egress"
	"latchkey/internal/resource"
	"latchkey/internal/tenant"
)

// plainLook is a tenant without colours of its own.
type plainLook struct{}

func (plainLook) PageConfig(context.Context, string) (*branding.PageConfig, error) {
	return branding.ReadPages(nil, nil, nil, nil), nil
}

func TestTrials_SayWhoWasAskedAndWhatWasSaid(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	key := leafKey(t, ca.tls.Certificates[0])
	m := &mailServer{mechanisms: []string{"PLAIN"}}
	host, port, _ := net.SplitHostPort(m.serve(t, ca.tls, false))
	n, _ := strconv.Atoi(port)
	b, settings, operators := newBench(t), &shelf{}, &postman{}
	c := Config{
		Store: b.store, Keys: b.keys, Clock: clock.NewFake(time.Unix(1e9, 0)), Log: slog.New(slog.DiscardHandler), Events: b.events,
		Renderer: &Renderer{}, Settings: settings, Egress: egress.New(egress.Config{Loopback: true}), Provider: operators, Workers: &inline{},
	}
	library := library{}
	trials := func() *Trials {
		return NewTrials(c, NewStoredTemplates(Records{library, library, library, library, library}, nil), plainLook{})
	}
	site := tenant.Site{Tenant: &tenant.Tenant{ID: "t1", Name: "acme"}, Domain: tenant.Domain{Host: "login.acme.example"}}
	try := func() Tried {
		t.Helper()
		got, err := trials().Try(t.Context(), Trial{Site: site, Kind: TryProvider, To: "ops@example.com"})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := try(); got.Provider != "postman" || got.Verdict != VerdictSent || operators.count() != 1 || !strings.Contains(got.Subject, "acme") {
		t.Errorf("without a provider of its own: %+v", got)
	}
	given := resource.Document{
		"smtp_host": host, "smtp_port": float64(n), "smtp_user": "user", "smtp_pass": "p@ss/word", "smtp_tls": "starttls",
		"smtp_cert_sha256": hex.EncodeToString(key[:]),
	}
	settings.put("t1", stored(t, b.keys, "smtp", given, nil))
	if got := try(); got.Provider != "smtp" || got.Verdict != VerdictSent || got.Way != "TLS 1.3, PLAIN" || len(m.mails) != 1 || !strings.Contains(got.From, "mail@acme.example") {
		t.Errorf("by its mail server: %+v", got)
	}
	given["smtp_pass"] = "wrong-password"
	settings.put("t1", stored(t, b.keys, "smtp", given, nil))
	if got := try(); got.Verdict != VerdictConfig || !strings.Contains(got.Detail, "535") || strings.Contains(got.Detail, "wrong-password") {
		t.Errorf("with a wrong password: %+v", got)
	}
	off := stored(t, b.keys, "smtp", given, nil)
	off.Document["enabled"] = false
	settings.put("t1", off)
	c.Provider = nil
	if got := try(); got.Provider != "none" || got.Verdict != VerdictConfig || got.Detail != reasonNoProvider {
		t.Errorf("with no way at all: %+v", got)
	}
	odd := stored(t, b.keys, "smtp", given, nil)
	odd.Document["default_from_address"] = "nobody"
	settings.put("t1", odd)
	if got := try(); got.Provider != "smtp" || got.Verdict != VerdictConfig || got.Detail != reasonOddSender {
		t.Errorf("with a sender that is none: %+v", got)
	}
}
