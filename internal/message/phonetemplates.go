package message

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	connections "latchkey/internal/connection"
	"latchkey/internal/resource"
)

// noteTemplate gives what a tenant wrote for a note: the words belong to whoever sends. Those of the connection that has a
// provider of its own, or for which nobody sends, as while an application is made; else the tenant's phone template
// (https://auth0.com/docs/customize/phone-messages).
func (s *StoredTemplates) noteTemplate(ctx context.Context, tenantID string, m Message) (*Template, error) {
	all, err := s.r.Connections.Connections(ctx, tenantID)
	if err != nil {
		return nil, fmt.Errorf("read the connections: %w", err)
	}
	c := connections.Find(all, m.Connection)
	own := c != nil && c.SendsItself()
	if c != nil && !own && c.Options.UseTenantLevelProvider == nil {
		provider, err := found(s.r.Resources.ResourceByKey(ctx, tenantID, PhoneProviders, phoneProviderKey))
		if err != nil {
			return nil, fmt.Errorf("read the phone provider of a tenant: %w", err)
		}
		own = provider == nil && c.Options.Template != ""
	}
	var t *Template
	if own {
		t = &Template{
			Name: "the template of the connection " + c.Name, Body: c.Options.Template,
			Syntax: cmp.Or(c.Options.Syntax, "md_with_macros"),
		}
	} else if t, err = s.phoneTemplate(ctx, tenantID, m); err != nil {
		return nil, err
	}
	if t == nil || t.Body == "" {
		return nil, nil
	}
	t.Plain = true
	if t.Vars, t.Untrusted, err = s.variables(ctx, tenantID, m); err != nil {
		return nil, err
	}
	noteVariables(t.Vars, m)
	if !own {
		t.Vars["connection"] = m.Connection
	}
	return t, nil
}

func (s *StoredTemplates) phoneTemplate(ctx context.Context, tenantID string, m Message) (*Template, error) {
	r, err := s.r.Resources.ResourceByKey(ctx, tenantID, PhoneTemplates, string(m.Kind))
	if errors.Is(err, resource.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read a phone template: %w", err)
	}
	if r.Document["disabled"] == true {
		return nil, nil
	}
	return NoteTemplate(r.Document, m), nil
}

// NoteTemplate reads a phone template as the Management API keeps it.
func NoteTemplate(d resource.Document, m Message) *Template {
	content, _ := d["content"].(resource.Document)
	body, _ := content["body"].(resource.Document)
	part := "text"
	if m.Channel == Voice {
		part = "voice"
	}
	t := &Template{Name: "the phone template " + string(m.Kind), Plain: true}
	t.Body, _ = body[part].(string)
	t.From, _ = content["from"].(string)
	return t
}

// noteVariables makes the variables of mail those of a note (Auth0 docs, "Customize Phone Templates").
func noteVariables(vars map[string]any, m Message) {
	delete(vars, "email")
	person, _ := vars["user"].(map[string]any)
	if person["email"] == m.To {
		delete(person, "email")
	}
	person["phone_number"] = m.To
	code := spokenCode(m)
	vars["phone_number"], vars["code"], vars["password"] = m.To, code, code
	vars["locale"] = m.locale()
	vars["message_type"] = string(m.Channel)
	vars["pause"] = pauseSign
}
