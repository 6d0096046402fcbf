package message

import (
	"strings"
	"time"
)

// Mail is one e-mail, rendered and ready to leave.
type Mail struct {
	ID          string // the outbox id, the same at every attempt
	Kind        Kind
	FromName    string
	FromAddress string
	To          string
	Subject     string
	Text        string
	HTML        string
	Language    string
	Date        time.Time
}

// Header is one header field, unencoded.
type Header struct {
	Name  string
	Value string
}

// From gives the sender as mail clients show it: not encoded, and quoted only where the name asks for it.
func (m *Mail) From() string {
	if m.FromName == "" {
		return m.FromAddress
	}
	name := m.FromName
	if strings.ContainsAny(name, `()<>[]:;@\,."`) {
		name = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"`
	}
	return name + " <" + m.FromAddress + ">"
}

// MessageID is the same at every attempt, so that a reader's mail system can drop a second copy.
func (m *Mail) MessageID() string {
	return m.ID + "@" + m.FromAddress[strings.LastIndexByte(m.FromAddress, '@')+1:]
}

// Headers gives the header fields that a reader may look at, in their order.
func (m *Mail) Headers() []Header {
	return append([]Header{
		{"From", m.From()},
		{"To", m.To},
		{"Subject", m.Subject},
		{"Date", m.Date.Format(time.RFC1123Z)},
		{"Message-ID", "<" + m.MessageID() + ">"},
	}, m.extraHeaders()...)
}

// extraHeaders are those beyond the ones every mail has. Auto-Submitted (RFC 3834) and X-Auto-Response-Suppress keep
// out-of-office robots from answering.
func (m *Mail) extraHeaders() []Header {
	return []Header{
		{"Content-Language", m.Language},
		{"Auto-Submitted", "auto-generated"},
		{"X-Auto-Response-Suppress", "All"},
		{"X-Latchkey-Type", string(m.Kind)},
	}
}

// serviceHeaders are the extra ones that go through services, which write the others themselves.
func (m *Mail) serviceHeaders() map[string]string {
	headers := map[string]string{}
	for _, h := range m.extraHeaders() {
		if h.Name != "Content-Language" {
			headers[h.Name] = h.Value
		}
	}
	return headers
}
