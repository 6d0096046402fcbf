package message

import (
	"errors"
	"maps"
	"testing"
	"time"

	"latchkey/internal/resource"
)

// tokenMail is a tenant's mail server that takes tokens of an issuer, as its settings are stored.
func tokenMail(t *testing.T, b *bench, from *issuer) *resource.Resource {
	t.Helper()
	r := &resource.Resource{
		Kind: resource.Settings, ID: resource.EmailProvider, Sealed: map[string][]byte{},
		Document: resource.Document{"name": "smtp", "enabled": true, "credentials": resource.Document{
			"smtp_host": "127.0.0.1", "smtp_port": float64(587), "smtp_user": "u", "smtp_auth": "xoauth2",
			"smtp_oauth": resource.Document{"token_url": from.address, "client_id": "me"},
		}},
	}
	setRefresh(t, b, r, "refresh-1")
	return r
}

func setRefresh(t *testing.T, b *bench, r *resource.Resource, token string) {
	t.Helper()
	sealed, err := b.keys.Seal([]byte(token), "t1", string(r.Kind), refreshPath, r.ID)
	if err != nil {
		t.Fatal(err)
	}
	r.Sealed = maps.Clone(r.Sealed)
	r.Sealed[refreshPath] = sealed
}

// A refresh token that the server had replaced was once known to one process alone, until its end: the next one logged in
// with the first, which the server took for stolen.
func TestRefresh_ANewTokenIsKeptInTheSettings(t *testing.T) {
	t.Parallel()
	b, from, settings := newBench(t), newIssuer(t), &shelf{}
	settings.put("t1", tokenMail(t, b, from))
	r := newRoutes(Config{Keys: b.keys, Settings: settings, Egress: local(), Renderer: &Renderer{}})
	defer r.close()
	at := source{tenant: "t1", channel: Email}
	open := func() *carrier {
		t.Helper()
		if known := r.known[at]; known != nil {
			known.checkedAt = time.Time{}
		}
		c, err := r.of(t.Context(), at)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	tokensOf := func(c *carrier) *tokens { return c.handover.(mailHandover).Provider.(*SMTP).config.tokens }
	get := func(c *carrier) {
		t.Helper()
		if _, failed := tokensOf(c).get(t.Context()); failed != nil {
			t.Fatalf("%+v", failed)
		}
	}
	want := func(what, token string) {
		t.Helper()
		got, err := refreshOf(b.keys, "t1", settings.set["t1"])
		if err != nil || got != token {
			t.Errorf("%s the settings hold %q, %v; want %q", what, got, err, token)
		}
	}
	change := func(token string) {
		t.Helper()
		next := *settings.set["t1"]
		next.Version++
		setRefresh(t, b, &next, token)
		settings.put("t1", &next)
	}

	first := open()
	get(first)
	want("after the first token", "refresh-2")
	if again := open(); again != first {
		t.Error("the provider that has changed its own settings was made anew")
	}
	get(first)
	if len(from.forms) != 1 {
		t.Errorf("%d tokens were asked for, want the first to be kept", len(from.forms))
	}

	change("of another node")
	if again := open(); again != first {
		t.Error("a provider whose token lives was made anew for another node's refresh token")
	}
	tokensOf(first).forget("token-1")
	get(first)
	if got := from.forms[1].Get("refresh_token"); got != "of another node" {
		t.Errorf("the next token was asked for by %q", got)
	}
	want("then", "refresh-3")

	tokensOf(first).forget("token-2") // refused
	change("of an administrator")
	second := open()
	if second == first {
		t.Error("a provider without a token goes on where somebody has given it another")
	}
	get(second)
	if got := from.forms[2].Get("refresh_token"); got != "of an administrator" {
		t.Errorf("the next token was asked for by %q", got)
	}
	want("at last", "refresh-4")

	other := *settings.set["t1"]
	other.Version++
	other.Document = maps.Clone(other.Document)
	other.Document["default_from_address"] = "shop@example.com"
	settings.put("t1", &other)
	if open() == second {
		t.Error("a provider whose sender has changed was not made anew")
	}
}

func TestRefresh_WhatSomebodyElseHasSetStays(t *testing.T) {
	t.Parallel()
	b, settings := newBench(t), &shelf{}
	stored := tokenMail(t, b, newIssuer(t))
	settings.put("t1", stored)
	keep := keeperOf(settings, b.keys, "t1", stored)
	if now, err := keep(t.Context(), "refresh-0", "refresh-9"); err != nil || now != "refresh-1" || settings.set["t1"] != stored {
		t.Errorf("over another token: got %q, %v", now, err)
	}
	if now, err := keep(t.Context(), "refresh-1", "refresh-2"); err != nil || now != "refresh-2" || stored.Version == settings.set["t1"].Version {
		t.Errorf("over the one before: got %q, %v", now, err)
	}
	settings.err = errors.New("down")
	if now, err := keep(t.Context(), "refresh-2", "refresh-3"); err == nil {
		t.Errorf("without settings: got %q", now)
	}
}

func TestRefresh_WhatCouldNotBeKeptIsKeptWithTheNextMessage(t *testing.T) {
	t.Parallel()
	b, settings := newBench(t), &shelf{}
	stored := tokenMail(t, b, newIssuer(t))
	settings.put("t1", stored)
	c, err := readProvider(b.keys, "t1", stored)
	if err != nil {
		t.Fatal(err)
	}
	c.keep = keeperOf(settings, b.keys, "t1", stored)
	s, err := newTenantSMTP(&c, local())
	if err != nil {
		t.Fatal(err)
	}
	settings.err = errors.New("down")
	for _, want := range []string{"refresh-1", "refresh-2"} {
		if token, failed := s.config.tokens.get(t.Context()); failed != nil || token != "token-1" {
			t.Fatalf("got %q, %+v", token, failed)
		}
		if got, err := refreshOf(b.keys, "t1", settings.set["t1"]); err != nil || got != want {
			t.Errorf("the settings hold %q, %v; want %q", got, err, want)
		}
		settings.err = nil
	}
}
