package ticket

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"latchkey/internal/client"
	"latchkey/internal/clock"
	"latchkey/internal/connection"
	"latchkey/internal/eventlog"
	"latchkey/internal/message"
	"latchkey/internal/seal"
	"latchkey/internal/tenant"
	"latchkey/internal/user"
)

// memory keeps one ticket and one user, whom somebody else changes so many times just before we do.
type memory struct {
	hash    []byte
	ticket  *Ticket
	user    user.User
	changes int
	events  []eventlog.Type
}

func (m *memory) InTx(ctx context.Context, fn func(context.Context) error) error {
	before, events := *m.ticket, m.events
	if err := fn(ctx); err != nil {
		*m.ticket, m.events = before, events
		return err
	}
	return nil
}

func (m *memory) InsertTicket(_ context.Context, _ string, hash []byte, t *Ticket) error {
	m.hash, m.ticket = hash, t
	return nil
}

func (m *memory) TicketByHash(_ context.Context, _ string, hashes [][]byte) (*Ticket, []byte, error) {
	for _, h := range hashes {
		if string(h) == string(m.hash) {
			t := *m.ticket
			return &t, h, nil
		}
	}
	return nil, nil, nil
}

func (m *memory) SpendTicket(_ context.Context, _ string, _ []byte, now time.Time) (bool, error) {
	if !m.ticket.SpentAt.IsZero() {
		return false, nil
	}
	m.ticket.SpentAt = now
	return true, nil
}

func (m *memory) User(context.Context, string, string) (*user.User, error) {
	u := m.user
	return &u, nil
}

func (m *memory) UpdateUser(_ context.Context, _ string, u *user.User) error {
	if m.changes > 0 {
		m.changes--
		m.user.Version++
	}
	if u.Version != m.user.Version {
		return user.ErrChanged
	}
	m.user = *u
	return nil
}

func (m *memory) Connections(context.Context, string) ([]*connection.Connection, error) {
	return nil, nil
}

func (m *memory) Enabled(context.Context, string, message.Kind) (bool, error) { return false, nil }

func (m *memory) LinkSettings(context.Context, string, message.Kind, *client.Client) (message.LinkSettings, error) {
	return message.LinkSettings{}, nil
}

func (m *memory) CreateConnection(context.Context, string, *connection.Connection) error { return nil }

// log is where events go; only their types are kept.
type log struct {
	eventlog.Store
	m *memory
}

func (l log) InsertEvents(_ context.Context, _ string, events []eventlog.Event, _ eventlog.Stamp) error {
	for _, e := range events {
		l.m.events = append(l.m.events, e.Type)
	}
	return nil
}

func TestVerify_AUserWhoIsChangedMeanwhileIsReadAgain(t *testing.T) {
	t.Parallel()
	keys, err := seal.NewKeyset()
	if err != nil {
		t.Fatal(err)
	}
	c := clock.NewFake(time.Unix(1e9, 0))
	for changes, want := range map[int]error{0: nil, 1: nil, mostTries - 1: nil, mostTries: user.ErrChanged} {
		m := &memory{changes: changes, user: user.User{
			ID: "auth0|1", Email: "a@example.com", Identities: []user.Identity{{Connection: "db", Provider: connection.Database, UserID: "1"}},
		}}
		tickets := New(Config{Tx: m, Store: m, Users: m, Connections: m, Links: m, Log: eventlog.New(log{m: m}, c, 1), Keys: keys, Clock: c})
		site := tenant.Site{Tenant: &tenant.Tenant{ID: "t"}, Domain: tenant.Domain{Host: "x.example", Issuer: "https://x.example/"}}
		address, err := tickets.Issue(t.Context(), Asked{Site: site, User: &m.user})
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(address, "=")
		secret := Secret(strings.TrimSuffix(rest, "#"))
		_, err = tickets.Verify(t.Context(), site, secret, nil, eventlog.Origin{})
		if !errors.Is(err, want) {
			t.Errorf("after %d changes: got %v, want %v", changes, err, want)
		}
		if done := want == nil; m.user.EmailVerified != done || m.ticket.SpentAt.IsZero() == done || (len(m.events) == 1) != done {
			t.Errorf("after %d changes: verified %v, spent %v, events %v", changes, m.user.EmailVerified, m.ticket.SpentAt, m.events)
		}
	}
}

// A link that was asked for before the owner of the main address had come once still verified another address of the account.
func TestVerify_NoTicketOutlivesAClaim(t *testing.T) {
	t.Parallel()
	keys, err := seal.NewKeyset()
	if err != nil {
		t.Fatal(err)
	}
	c := clock.NewFake(time.Unix(1e9, 0))
	for after, want := range map[time.Duration]error{-time.Second: nil, 0: nil, time.Millisecond: ErrUnknown} {
		m := &memory{user: user.User{
			ID: "auth0|1", Email: "a@example.com", ClaimedAt: c.Now().Add(after),
			Identities: []user.Identity{{Connection: "db", Provider: connection.Database, UserID: "1"}},
		}}
		tickets := New(Config{Tx: m, Store: m, Users: m, Connections: m, Links: m, Log: eventlog.New(log{m: m}, c, 1), Keys: keys, Clock: c})
		site := tenant.Site{Tenant: &tenant.Tenant{ID: "t"}, Domain: tenant.Domain{Host: "x.example", Issuer: "https://x.example/"}}
		address, err := tickets.Issue(t.Context(), Asked{Site: site, User: &m.user})
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(address, "=")
		_, err = tickets.Verify(t.Context(), site, Secret(strings.TrimSuffix(rest, "#")), nil, eventlog.Origin{})
		if !errors.Is(err, want) || m.user.EmailVerified != (want == nil) {
			t.Errorf("claimed %s after the ticket was made: got %v and verified %v, want %v", after, err, m.user.EmailVerified, want)
		}
		if want == nil && m.user.Identities[0].LinkVerified != "a@example.com" {
			t.Errorf("the note of the link is %q", m.user.Identities[0].LinkVerified)
		}
	}
}

func TestSecret_HidesItself(t *testing.T) {
	t.Parallel()
	s := Secret("abcdefghijklmnopqrstuvwxyz012345")
	var b strings.Builder
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "ticket", s)
	if shown := fmt.Sprintf("%v %s %q", s, s, s) + b.String(); strings.Contains(shown, "abcdef") {
		t.Errorf("the secret shows: %s", shown)
	}
}
