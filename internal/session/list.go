package session

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"latchkey/internal/clock"
	"latchkey/internal/tenant"
)

// List gives the live sessions of a user, the newest last, at most limit of those behind after, which is empty or what an
// earlier call gave as next. Next is empty when nothing follows.
func (s *Sessions) List(ctx context.Context, t *tenant.Tenant, userID, after string, limit int) (list []*Session, next string, err error) {
	from, err := parsePosition(after)
	if err != nil {
		return nil, "", err
	}
	now := s.clock.Now()
	alive := Alive{
		Now: now, CreatedAfter: now.Add(-t.Settings.SessionLife()), UsedAfter: now.Add(-t.Settings.IdleSessionLife() - touchEvery),
	}
	// One more tells whether anything follows.
	list, err = s.store.LiveSessions(ctx, t.ID, userID, alive, from, limit+1)
	if err != nil {
		return nil, "", fmt.Errorf("list the sessions of a user: %w", err)
	}
	if len(list) > limit {
		list = list[:limit]
		last := list[limit-1]
		next = Position{last.CreatedAt, last.ID}.String()
	}
	for _, found := range list {
		lower(t, found)
	}
	return list, next, nil
}

// Get gives a live session by its sid, or ErrNotFound.
func (s *Sessions) Get(ctx context.Context, t *tenant.Tenant, sid string) (*Session, error) {
	found, err := s.store.Session(ctx, t.ID, sid)
	if err != nil {
		return nil, fmt.Errorf("read a session by its sid: %w", err)
	}
	if found == nil {
		return nil, ErrNotFound
	}
	lower(t, found)
	if !found.Live(s.clock.Now()) {
		return nil, ErrNotFound
	}
	return found, nil
}

// The size of metadata (Auth0 Management API, "Update session").
const (
	maxMetadata     = 25
	maxMetadataText = 255
)

// SetMetadata replaces what the tenant keeps with a live session and gives the session as it is then. Its refusals are
// ErrNotFound and ErrMetadata.
func (s *Sessions) SetMetadata(ctx context.Context, t *tenant.Tenant, sid string, metadata map[string]string) (*Session, error) {
	if len(metadata) > maxMetadata {
		return nil, ErrMetadata
	}
	for name, value := range metadata {
		if utf8.RuneCountInString(name) > maxMetadataText || utf8.RuneCountInString(value) > maxMetadataText {
			return nil, ErrMetadata
		}
	}
	found, err := s.Get(ctx, t, sid)
	if err != nil {
		return nil, err
	}
	now := s.clock.Now()
	there, err := s.store.SetSessionMetadata(ctx, t.ID, sid, metadata, now)
	if err != nil {
		return nil, fmt.Errorf("write the metadata of a session: %w", err)
	}
	if !there {
		return nil, ErrNotFound
	}
	found.Metadata, found.UpdatedAt = metadata, now
	return found, nil
}

// String gives the position as text that parsePosition reads: milliseconds, a dot, the sid.
func (p Position) String() string {
	return strconv.FormatInt(clock.Millis(p.CreatedAt), 10) + "." + p.ID
}

func parsePosition(text string) (Position, error) {
	if text == "" {
		return Position{CreatedAt: time.Time{}}, nil
	}
	at, sid, found := strings.Cut(text, ".")
	ms, err := strconv.ParseInt(at, 10, 64)
	if !found || err != nil {
		return Position{}, ErrCursor
	}
	return Position{CreatedAt: clock.FromMillis(ms), ID: sid}, nil
}
