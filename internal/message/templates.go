package message

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"strings"
	"time"

	"latchkey/internal/client"
	connections "latchkey/internal/connection" // a connection is one to a mail server here
	"latchkey/internal/resource"
	"latchkey/internal/tenant"
	"latchkey/internal/user"
	"latchkey/internal/useragent"
)

// EmailTemplates is the kind of the documents that /api/v2/email-templates keeps; their ids are the templates' names.
const EmailTemplates resource.Kind = "email_templates"

// Records are what StoredTemplates reads.
type Records struct {
	Connections interface {
		Connections(ctx context.Context, tenantID string) ([]*connections.Connection, error)
	}
	Clients interface {
		Client(ctx context.Context, tenantID, clientID string) (*client.Client, error)
	}
	Users interface {
		User(ctx context.Context, tenantID, userID string) (*user.User, error)
	}
	Tenants interface {
		Tenant(ctx context.Context, id string) (*tenant.Tenant, error)
	}
	Resources interface {
		Resource(ctx context.Context, tenantID string, kind resource.Kind, id string) (*resource.Resource, error)
		ResourceByKey(ctx context.Context, tenantID string, kind resource.Kind, key string) (*resource.Resource, error)
	}
}

// StoredTemplates are the templates of the configuration: options.email of the connection of a login, and the e-mail
// templates of the tenant for all other mail.
//
// Sources: https://auth0.com/docs/authenticate/passwordless/authentication-methods/email-otp,
// https://auth0.com/docs/customize/email/email-templates.
type StoredTemplates struct {
	r       Records
	workers Workers
}

// NewStoredTemplates makes the templates of a server; every part of the records is required. Workers render addresses; nil
// leaves out those that are Liquid.
func NewStoredTemplates(r Records, workers Workers) *StoredTemplates {
	return &StoredTemplates{r, workers}
}

// Template implements Templates.
func (s *StoredTemplates) Template(ctx context.Context, tenantID string, m Message) (*Template, error) {
	if m.Channel != Email {
		return s.noteTemplate(ctx, tenantID, m)
	}
	t, enabled, err := s.stored(ctx, tenantID, m)
	if err != nil || t == nil || !enabled || t.auth0s() || t.empty() {
		return nil, err
	}
	t.Vars, t.Untrusted, err = s.variables(ctx, tenantID, m)
	return t, err
}

// stored gives what is stored for a message, switched on or not; nil where nothing is.
func (s *StoredTemplates) stored(ctx context.Context, tenantID string, m Message) (t *Template, enabled bool, err error) {
	switch kind := mailKinds[m.Kind]; {
	case m.Kind == VerificationCode:
		t, err = s.ofConnection(ctx, tenantID, m.Connection)
		return t, true, err
	case kind.template != "":
		return s.named(ctx, tenantID, kind.template)
	}
	return nil, false, nil
}

// auth0s reports whether the sender is at Auth0, as it is where a connection was never changed since it was made: the
// template was never the tenant's own.
func (t *Template) auth0s() bool { return strings.Contains(t.From, "@auth0.com") }

func (t *Template) empty() bool { return t.From == "" && t.Subject == "" && t.Body == "" }

// draft gives a template as it is being written, with what keeps it from being used; nil where the built-in text is shown.
func (s *StoredTemplates) draft(ctx context.Context, tenantID string, m Message, d Draft) (*Template, []string, error) {
	t, enabled, err := s.stored(ctx, tenantID, m)
	if err != nil {
		return nil, nil, err
	}
	var warnings []string
	switch {
	case t == nil:
		t = &Template{Name: "the template"}
	case !enabled:
		warnings = append(warnings, "The template is switched off: until it is switched on, people get the built-in message, or none where there is none.")
	}
	for part, text := range map[*string]*string{&t.From: d.From, &t.Subject: d.Subject, &t.Body: d.Body, &t.Syntax: d.Syntax} {
		if text != nil {
			*part = *text
		}
	}
	if t.auth0s() {
		return nil, append(warnings, "The sender is at auth0.com, so the built-in message is sent."), nil
	}
	if t.empty() {
		return nil, warnings, nil
	}
	t.Vars, t.Untrusted, err = s.variables(ctx, tenantID, m)
	return t, warnings, err
}

// Enabled reports whether the tenant has a template of its own for mail of a kind, and has switched it on. Some mail is sent
// only then.
func (s *StoredTemplates) Enabled(ctx context.Context, tenantID string, kind Kind) (bool, error) {
	name := mailKinds[kind].template
	r, err := s.r.Resources.Resource(ctx, tenantID, EmailTemplates, name)
	if errors.Is(err, resource.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read the template %s: %w", name, err)
	}
	return r.Document["enabled"] == true, nil
}

func (s *StoredTemplates) ofConnection(ctx context.Context, tenantID, name string) (*Template, error) {
	all, err := s.r.Connections.Connections(ctx, tenantID)
	if err != nil {
		return nil, fmt.Errorf("read the connections: %w", err)
	}
	c := connections.Find(all, name)
	if c == nil || c.Options.Email == nil {
		return nil, nil
	}
	o := c.Options.Email
	return &Template{
		Name: "the template of the connection " + name, From: o.From, Subject: o.Subject, Body: o.Body, Syntax: o.Syntax,
	}, nil
}

func (s *StoredTemplates) named(ctx context.Context, tenantID, name string) (t *Template, enabled bool, err error) {
	r, err := s.r.Resources.Resource(ctx, tenantID, EmailTemplates, name)
	if errors.Is(err, resource.ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("read the template %s: %w", name, err)
	}
	text := func(name string) string { s, _ := r.Document[name].(string); return s }
	t = &Template{Name: "the template " + name, From: text("from"), Subject: text("subject"), Body: text("body"), Syntax: text("syntax")}
	return t, r.Document["enabled"] != false, nil
}

// variables are the values that a template may name (Auth0 docs, "Customize Email Templates"), and those among them that
// people choose themselves.
func (s *StoredTemplates) variables(ctx context.Context, tenantID string, m Message) (map[string]any, []string, error) {
	t, err := s.r.Tenants.Tenant(ctx, tenantID)
	if err != nil {
		return nil, nil, fmt.Errorf("read the tenant: %w", err)
	}
	application := map[string]any{"name": cmp.Or(cleanName(m.Application), host(m.Domain))}
	untrusted := []string{
		"email", "user.email", "user.name", "user.nickname", "user.given_name", "user.family_name", "user.picture", "user.user_metadata",
		"user_metadata", "request_language",
	}
	if m.ClientID != "" {
		c, err := s.r.Clients.Client(ctx, tenantID, m.ClientID)
		switch {
		case errors.Is(err, client.ErrNotFound): // it was deleted meanwhile
		case err != nil:
			return nil, nil, fmt.Errorf("read the client: %w", err)
		default:
			application["clientID"], application["client_metadata"] = c.ID, c.Metadata
			application["callback_domain"] = origin(c.Callbacks)
			if !c.IsFirstParty() {
				untrusted = append(untrusted, "application", "client")
			}
		}
	}
	person, err := s.person(ctx, tenantID, m)
	if err != nil {
		return nil, nil, err
	}
	vars := map[string]any{
		"application": application, "client": application,
		"tenant": t.Name, "friendly_name": t.FriendlyName(),
		"support_email": orNil(t.Settings.SupportEmail), "support_url": orNil(t.Settings.SupportURL),
		"request_language": cmp.Or(m.Language, m.Locale, t.Settings.Locales()[0]),
		"user":             person, "email": m.To, "user_metadata": person["user_metadata"],
		"expires_in_minutes": int(m.Life / time.Minute),
		"operation":          nil, "request": requestOf(m),
	}
	if m.Kind != EnrollmentEmail {
		vars["connection"] = map[string]any{"name": m.Connection}
	}
	if m.Domain != "" && m.Domain != t.Domain.Host {
		vars["custom_domain"] = map[string]any{"domain": m.Domain}
	}
	for name, v := range m.Vars {
		if name != "user" { // it has joined the person
			vars[name] = v
		}
	}
	maps.Copy(vars, secretsOf(m))
	return vars, append(untrusted, "inviter"), nil
}

// person is what a template may know of the reader. That of a passwordless login knows the address alone.
func (s *StoredTemplates) person(ctx context.Context, tenantID string, m Message) (map[string]any, error) {
	person := map[string]any{"email": m.To}
	if m.Kind == VerificationCode {
		return person, nil
	}
	if m.UserID != "" {
		u, err := s.r.Users.User(ctx, tenantID, m.UserID)
		if err != nil && !errors.Is(err, user.ErrNotFound) {
			return nil, fmt.Errorf("read the user: %w", err)
		}
		if err == nil {
			person = map[string]any{
				"email": m.To, "email_verified": u.EmailVerified, "picture": orNil(u.Picture), "nickname": orNil(u.Nickname),
				"given_name": orNil(u.GivenName), "family_name": orNil(u.FamilyName), "name": orNil(u.Name),
				"app_metadata": u.AppMetadata, "user_metadata": u.UserMetadata,
			}
		}
	}
	if m.Kind == BlockedAccount {
		person["source_ip"] = orNil(m.sourceIP())
	}
	more, _ := m.Vars["user"].(map[string]any)
	for name, v := range more {
		if _, known := person[name]; !known {
			person[name] = v
		}
	}
	return person, nil
}

// requestOf says who asked for the message, in words of our own lists: what a stranger's browser says of itself could be
// words for the reader. Of places nothing is known.
func requestOf(m Message) map[string]any {
	agent := useragent.Parse(m.UserAgent)
	request := map[string]any{"browser": orNil(agent.Browser), "os": orNil(agent.OS), "city": nil, "country": nil, "time": nil}
	if !m.IssuedAt.IsZero() {
		request["time"] = m.IssuedAt.UTC().Format(time.RFC3339)
	}
	return request
}

// secretsOf are the variables of code and link, named as mail of a kind has them.
func secretsOf(m Message) map[string]any {
	vars := map[string]any{}
	if m.Code != "" {
		vars["code"] = m.Code.Reveal()
	}
	switch {
	case m.Kind == VerificationCode && m.operation() == "":
		send := m.Send
		if send == connections.SendLinkAndCode { // templates in the wild take their branch of links
			send, vars["link_and_code"] = connections.SendLink, true
		}
		vars["send"] = string(cmp.Or(send, connections.SendCode))
		if m.Send.Links() && m.Link != "" {
			vars["link"] = m.Link.Reveal()
		}
	case m.Kind == EnrollmentEmail && m.Link != "":
		vars["link"] = m.Link.Reveal()
	case m.Kind != VerificationCode && m.Link != "":
		vars["url"] = m.Link.Reveal()
	}
	return vars
}

// orNil is a text that is absent when it is empty: an empty one would be true in Liquid.
func orNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// origin is the origin of the first callback, which Auth0 calls the application's callback domain.
func origin(callbacks []string) any {
	if len(callbacks) == 0 {
		return nil
	}
	u, err := url.Parse(callbacks[0])
	if err != nil || u.Host == "" {
		return nil
	}
	return u.Scheme + "://" + u.Host
}
