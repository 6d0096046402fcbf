package grant

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"latchkey/internal/client"
	"latchkey/internal/clock"
)

// IdleExpiresAt tells when the family dies unless it is used before; zero: never. The policy is its client's.
func (f *Family) IdleExpiresAt(p client.RefreshPolicy) time.Time {
	life := p.IdleLife()
	if life <= 0 {
		return time.Time{}
	}
	used := f.CreatedAt
	if f.ExchangedAt.After(used) {
		used = f.ExchangedAt
	}
	return used.Add(life)
}

// Family gives a family by its id, or ErrNotFound.
func (g *Grants) Family(ctx context.Context, tenantID, id string) (*Family, error) {
	if id == "" {
		return nil, ErrNotFound
	}
	found, err := g.store.Families(ctx, tenantID, FamilyFilter{ID: id}, g.clock.Now(), FamilyPosition{}, 0, 1)
	if err != nil {
		return nil, fmt.Errorf("read a refresh token family: %w", err)
	}
	if len(found) == 0 {
		return nil, ErrNotFound
	}
	return found[0], nil
}

// Families lists the families that a filter names and that are neither revoked nor expired, those of one client together
// and the newest last: at most limit of those behind after, which is empty or what an earlier call gave as next. Next is
// empty when nothing follows.
func (g *Grants) Families(ctx context.Context, tenantID string, f FamilyFilter, after string, limit int) (list []*Family, next string, err error) {
	from, err := parseFamilyPosition(after)
	if err != nil {
		return nil, "", err
	}
	// One more tells whether anything follows.
	list, err = g.store.Families(ctx, tenantID, f, g.clock.Now(), from, 0, limit+1)
	if err != nil {
		return nil, "", fmt.Errorf("list refresh token families: %w", err)
	}
	if len(list) > limit {
		list = list[:limit]
		last := list[limit-1]
		next = FamilyPosition{last.ClientID, last.CreatedAt, last.ID}.String()
	}
	return list, next, nil
}

// FamiliesAt is Families by offset, with how many there are in all.
func (g *Grants) FamiliesAt(ctx context.Context, tenantID string, f FamilyFilter, offset, limit int) (list []*Family, total int, err error) {
	now := g.clock.Now()
	if list, err = g.store.Families(ctx, tenantID, f, now, FamilyPosition{}, offset, limit); err == nil {
		total, err = g.store.CountFamilies(ctx, tenantID, f, now)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("list refresh token families: %w", err)
	}
	return list, total, nil
}

// The size of metadata (Auth0 Management API, "Update refresh token").
const (
	maxMetadata     = 25
	maxMetadataText = 255
)

// SetFamilyMetadata replaces what the tenant keeps with a family and gives the family as it is then. Its refusals are
// ErrNotFound and ErrMetadata.
func (g *Grants) SetFamilyMetadata(ctx context.Context, tenantID, id string, metadata map[string]string) (*Family, error) {
	if len(metadata) > maxMetadata {
		return nil, ErrMetadata
	}
	for name, value := range metadata {
		if utf8.RuneCountInString(name) > maxMetadataText || utf8.RuneCountInString(value) > maxMetadataText {
			return nil, ErrMetadata
		}
	}
	found, err := g.Family(ctx, tenantID, id)
	if err != nil {
		return nil, err
	}
	there, err := g.store.SetFamilyMetadata(ctx, tenantID, id, metadata)
	if err != nil {
		return nil, fmt.Errorf("write the metadata of a refresh token family: %w", err)
	}
	if !there {
		return nil, ErrNotFound
	}
	found.Metadata = metadata
	return found, nil
}

// errEveryFamily guards a tenant against a filter that was forgotten.
var errEveryFamily = errors.New("revoke refresh tokens: the filter names every one of the tenant")

// Revoke ends the families that a filter names, in the caller's transaction, and tells how many lived until then. They are
// dead on every node with its commit. A filter that names every family is an error.
func (g *Grants) Revoke(ctx context.Context, tenantID string, f FamilyFilter) (int, error) {
	if f == (FamilyFilter{Rotating: f.Rotating}) {
		return 0, errEveryFamily
	}
	n, err := g.store.RevokeFamilies(ctx, tenantID, f, g.clock.Now())
	if err != nil {
		return 0, fmt.Errorf("revoke refresh token families: %w", err)
	}
	return n, nil
}

// RevokeIDs is Revoke for families by their ids; unknown ones count for nothing.
func (g *Grants) RevokeIDs(ctx context.Context, tenantID string, ids []string) (int, error) {
	revoked := 0
	for _, id := range ids {
		if id == "" {
			continue
		}
		n, err := g.Revoke(ctx, tenantID, FamilyFilter{ID: id})
		if err != nil {
			return 0, err
		}
		revoked += n
	}
	return revoked, nil
}

// Consents lists what users have allowed, by user, client and audience, with how many there are in all.
func (g *Grants) Consents(ctx context.Context, tenantID string, f ConsentFilter, offset, limit int) (list []*Consent, total int, err error) {
	if list, err = g.store.Consents(ctx, tenantID, f, offset, limit); err == nil {
		total, err = g.store.CountConsents(ctx, tenantID, f)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("list consents: %w", err)
	}
	return list, total, nil
}

// errEveryConsent is errEveryFamily for consents.
var errEveryConsent = errors.New("delete consents: the filter names every one of the tenant")

// Withdraw deletes the consents that a filter names and revokes the refresh tokens that were given for them, in the
// caller's transaction (Auth0 docs, "Revoke Refresh Tokens"). It gives what it deleted. A filter that names every consent
// is an error.
func (g *Grants) Withdraw(ctx context.Context, tenantID string, f ConsentFilter) ([]*Consent, error) {
	if f == (ConsentFilter{}) {
		return nil, errEveryConsent
	}
	gone, err := g.store.DeleteConsents(ctx, tenantID, f)
	if err != nil {
		return nil, fmt.Errorf("delete consents: %w", err)
	}
	for _, c := range gone {
		if err := g.EndAll(ctx, tenantID, c.UserID, c.ClientID, c.Audience); err != nil {
			return nil, err
		}
	}
	return gone, nil
}

// String gives the position as text that parseFamilyPosition reads: milliseconds, family and client, dots between.
func (p FamilyPosition) String() string {
	return strconv.FormatInt(clock.Millis(p.CreatedAt), 10) + "." + p.ID + "." + p.ClientID
}

func parseFamilyPosition(text string) (FamilyPosition, error) {
	if text == "" {
		return FamilyPosition{}, nil
	}
	parts := strings.SplitN(text, ".", 3)
	ms, err := strconv.ParseInt(parts[0], 10, 64)
	if len(parts) < 3 || err != nil {
		return FamilyPosition{}, ErrCursor
	}
	return FamilyPosition{CreatedAt: clock.FromMillis(ms), ID: parts[1], ClientID: parts[2]}, nil
}
