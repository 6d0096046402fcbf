package message

import (
	"context"
	"errors"
	"maps"
	"slices"

	"latchkey/internal/liquid"
	"latchkey/internal/sandbox"
)

// Checker judges what tenants write before it is kept, so that they hear of a mistake when they make it and not from their
// log.
type Checker struct{ workers Workers }

// NewChecker makes a Checker whose renderings run in the given workers.
func NewChecker(w Workers) *Checker { return &Checker{w} }

// BadTemplate is what is wrong with a text, in a sentence that names the part and the line.
type BadTemplate struct{ Reason string }

// Error implements error.
func (b *BadTemplate) Error() string { return b.Reason }

// Check renders texts (body, subject, ...) once with sample values and gives a *BadTemplate where one is not Liquid, names
// files or needs more time, memory or output than there is. What fails for its values alone is let through: those of a mail are
// others. Where no worker is free nothing is found.
func (c *Checker) Check(ctx context.Context, tenantID string, texts map[string]string) error {
	request := liquid.Request{Vars: sample(), Strict: true}
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		if texts[name] != "" {
			request.Texts = append(request.Texts, liquid.Text{Name: name, Source: texts[name], HTML: name == "body"})
		}
	}
	if len(request.Texts) == 0 {
		return nil
	}
	err := c.workers.Run(ctx, sandbox.Execution{
		Tenant: tenantID, Program: liquid.ProgramName, Input: request, CPU: renderCPU, Wall: renderWall, Most: liquid.MaxOutput,
	}, new(liquid.Response))
	var failure *sandbox.Failure
	switch {
	case errors.As(err, &failure) && failure.Name != "render":
		return &BadTemplate{failure.Message}
	case errors.Is(err, sandbox.ErrDeadline), errors.Is(err, sandbox.ErrDied):
		return &BadTemplate{"it needs too much time or memory"}
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return nil
}

// sample are values for a first rendering.
func sample() map[string]any {
	application := map[string]any{
		"name": "Sample application", "clientID": "sample", "callback_domain": "https://app.example", "client_metadata": map[string]any{},
	}
	return map[string]any{
		"application": application, "client": application, "connection": map[string]any{"name": "email"},
		"tenant": "sample", "friendly_name": "Sample", "support_email": "support@example.com", "support_url": "https://example.com",
		"request_language": "en", "email": "ann@example.com", "code": "123456", "password": "123456", "send": "code", "operation": nil,
		"url": "https://example.com/", "link": "https://example.com/", "expires_in_minutes": 3,
		"user": map[string]any{
			"email": "ann@example.com", "email_verified": false, "name": "Ann", "nickname": "ann", "given_name": "Ann", "family_name": "Sample",
			"user_metadata": map[string]any{}, "app_metadata": map[string]any{},
			"picture": "https://example.com/ann.png", "source_ip": "192.0.2.7", "city": "Sampletown", "country": "Samplia",
		},
		"user_metadata": map[string]any{}, "link_and_code": false,
		"request": map[string]any{"browser": "Firefox", "os": "Linux", "city": nil, "country": nil, "time": "2026-01-31T12:00:00Z"},
		"inviter": map[string]any{"name": "Bob Sample"},
		"roles":   []any{map[string]any{"id": "rol_sample", "name": "Editor", "description": "Writes"}},
		"organization": map[string]any{
			"id": "org_sample", "name": "sample", "display_name": "Sample organization", "metadata": map[string]any{},
			"branding": map[string]any{"logo_url": "https://example.com/logo.png", "colors": map[string]any{"primary": "#102030", "page_background": "#ffffff"}},
		},
		"custom_domain": map[string]any{"domain": "login.example.com", "domain_metadata": map[string]any{}},
	}
}
