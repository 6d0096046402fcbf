package message

import (
	"encoding/json"
	"fmt"
	"time"

	"latchkey/internal/clock"
	connections "latchkey/internal/connection" // a connection is one to a mail server here
	"latchkey/internal/seal"
)

// The places that sealed payloads belong to: a payload cannot be moved from one table or row to another.
const (
	outboxTable = "outbox"
	inboxTable  = "inbox"
)

// payload is a message as it lies sealed in a row: what it is made of, not what it looks like.
type payload struct {
	Channel     Channel `json:"channel"`
	Kind        Kind    `json:"kind"`
	To          string  `json:"to"`
	Code        string  `json:"code,omitempty"`
	Link        string  `json:"link,omitempty"`
	Send        string  `json:"send,omitempty"`
	UserAgent   string  `json:"user_agent,omitempty"`
	IP          string  `json:"ip,omitempty"`
	OriginHost  string  `json:"origin_host,omitempty"`
	AppHash     string  `json:"app_hash,omitempty"`
	Life        int64   `json:"life"` // seconds
	ExpiresAt   int64   `json:"expires_at"`
	Language    string  `json:"language,omitempty"`
	Locale      string  `json:"locale,omitempty"`
	Application string  `json:"application,omitempty"`
	Domain      string  `json:"domain,omitempty"`
	Color       string  `json:"color,omitempty"`
	ClientID    string  `json:"client_id,omitempty"`
	Connection  string  `json:"connection,omitempty"`
	UserID      string  `json:"user_id,omitempty"`
	IssuedAt    int64   `json:"issued_at,omitempty"`

	Vars map[string]any `json:"vars,omitempty"`

	// Written is what the tenant's template made of it: in the inbox only.
	Written *written `json:"written,omitempty"`
}

func sealPayload(k *seal.Keyset, table string, key Key, m Message) ([]byte, error) {
	plain, err := json.Marshal(payload{
		Channel: m.Channel, Kind: m.Kind, To: m.To, Code: m.Code.Reveal(), Link: m.Link.Reveal(),
		Life: int64(m.Life / time.Second), ExpiresAt: clock.Millis(m.ExpiresAt), Language: m.Language, Locale: m.Locale,
		Application: m.Application, Domain: m.Domain, Color: m.Color, ClientID: m.ClientID, Connection: m.Connection,
		UserID: m.UserID, Written: m.written, Send: string(m.Send), UserAgent: m.UserAgent, IP: m.IP, OriginHost: m.OriginHost, AppHash: m.AppHash,
		IssuedAt: issuedAt(m.IssuedAt), Vars: m.Vars,
	})
	if err != nil {
		return nil, fmt.Errorf("encode a message: %w", err)
	}
	sealed, err := k.Seal(plain, key.Tenant, table, "payload", key.ID)
	if err != nil {
		return nil, fmt.Errorf("seal a message: %w", err)
	}
	return sealed, nil
}

func openPayload(k *seal.Keyset, table string, key Key, sealed []byte) (Message, error) {
	plain, err := k.Open(sealed, key.Tenant, table, "payload", key.ID)
	if err != nil {
		return Message{}, fmt.Errorf("open message %s: %w", key.ID, err)
	}
	var p payload
	if err := json.Unmarshal(plain, &p); err != nil {
		return Message{}, fmt.Errorf("decode message %s: the payload is not the JSON that this program writes", key.ID)
	}
	return Message{
		Channel: p.Channel, Kind: p.Kind, To: p.To, Code: Secret(p.Code), Link: Secret(p.Link),
		Life: time.Duration(p.Life) * time.Second, ExpiresAt: clock.FromMillis(p.ExpiresAt), Language: p.Language, Locale: p.Locale,
		Application: p.Application, Domain: p.Domain, Color: p.Color, ClientID: p.ClientID, Connection: p.Connection,
		UserID: p.UserID, written: p.Written, Send: connections.Send(p.Send), UserAgent: p.UserAgent, IP: p.IP, OriginHost: p.OriginHost, AppHash: p.AppHash,
		IssuedAt: askedAt(p.IssuedAt), Vars: p.Vars,
	}, nil
}

// issuedAt writes when a message was asked for; 0 stands for nobody knows.
func issuedAt(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return clock.Millis(t)
}

// askedAt is the inverse of issuedAt.
func askedAt(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return clock.FromMillis(ms)
}
