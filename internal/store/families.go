package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"latchkey/internal/clock"
	"latchkey/internal/grant"
	"latchkey/internal/store/engine"
)

// Refresh token families and consents are listed by what a filter names of them. Each filter is served by an index that
// also gives the order of the list.
const (
	selectFamilies = `SELECT family_id, user_id, client_id, audience, scope, session_id, rotating, ip, user_agent, last_ip,
		last_user_agent, metadata, created_at, advanced_at, used_at, expires_at FROM refresh_families`
	countFamilies  = `SELECT COUNT(*) FROM refresh_families`
	revokeFamilies = `UPDATE refresh_families SET revoked_at = $2`
	ofTenant       = ` WHERE tenant_id = $1`
	notRevoked     = ` AND revoked_at = 0`
	// Of a user's families it is said in words that are not those of the client's index: while its statistics were young,
	// PostgreSQL once read by that index all families of a tenant to find those of one user.
	notRevokedOfUser  = ` AND revoked_at < 1`
	notExpired        = ` AND (expires_at = 0 OR expires_at > $2)`
	familiesAfter     = ` AND (client_id, created_at, family_id) > ($3, $4, $5)`
	familyOrder       = ` ORDER BY client_id, created_at, family_id LIMIT $6 OFFSET $7`
	setFamilyMetadata = `UPDATE refresh_families SET metadata = $3
		WHERE tenant_id = $1 AND family_id = $2 AND revoked_at = 0`

	selectConsents = `SELECT ` + consentColumns + ` FROM consents`
	countConsents  = `SELECT COUNT(*) FROM consents`
	deleteConsents = `DELETE FROM consents`
	consentOrder   = ` ORDER BY user_id, client_id, audience LIMIT $2 OFFSET $3`
)

// named is a condition that grows by the members of a filter that are set.
type named struct {
	sql  strings.Builder
	args []any
}

// compares adds a condition on a parameter: a column and an operator.
func (n *named) compares(what string, value any) {
	n.sql.WriteString(" AND " + what + " " + n.parameter(value))
}

// parameter adds a parameter and gives its name.
func (n *named) parameter(value any) string {
	n.args = append(n.args, value)
	return "$" + strconv.Itoa(len(n.args))
}

func (n *named) equals(column string, value any) { n.compares(column+" =", value) }

func (n *named) ifSet(column, value string) {
	if value != "" {
		n.equals(column, value)
	}
}

// familiesNamed writes the condition for a filter, and that families are not revoked, behind the parameters that come
// first.
func familiesNamed(f grant.FamilyFilter, args ...any) *named {
	n := &named{args: args}
	if f.ID != "" || f.UserID != "" {
		n.sql.WriteString(notRevokedOfUser)
	} else {
		n.sql.WriteString(notRevoked)
	}
	n.ifSet("family_id", f.ID)
	n.ifSet("user_id", f.UserID)
	n.ifSet("client_id", f.ClientID)
	n.ifSet("audience", f.Audience)
	n.ifSet("session_id", f.SessionID)
	if f.Rotating != nil {
		n.equals("rotating", *f.Rotating)
	}
	return n
}

func consentsNamed(f grant.ConsentFilter, args ...any) *named {
	n := &named{args: args}
	n.ifSet("consent_id", f.ID)
	n.ifSet("user_id", f.UserID)
	n.ifSet("client_id", f.ClientID)
	n.ifSet("audience", f.Audience)
	return n
}

// Families implements grant.Store.
func (db *DB) Families(ctx context.Context, tenantID string, f grant.FamilyFilter, now time.Time, after grant.FamilyPosition, offset, limit int) ([]*grant.Family, error) {
	n := familiesNamed(f, tenantID, clock.Millis(now), after.ClientID, clock.Millis(after.CreatedAt), after.ID, limit, offset)
	var all []*grant.Family
	err := db.read(ctx, &engine.Statement{
		SQL:  selectFamilies + ofTenant + notExpired + familiesAfter + n.sql.String() + familyOrder,
		Args: n.args,
		Row: func(r engine.Row) error {
			found, err := scanFamily(r)
			all = append(all, found)
			return err
		},
	})
	if err != nil {
		return nil, fmt.Errorf("list refresh token families: %w", err)
	}
	return all, nil
}

func scanFamily(r engine.Row) (*grant.Family, error) {
	f := &grant.Family{}
	var scope, metadata string
	var created, advanced, used, expires int64
	err := r.Scan(&f.ID, &f.UserID, &f.ClientID, &f.Audience, &scope, &f.SessionID, &f.Rotating, &f.First.IP, &f.First.UserAgent,
		&f.Last.IP, &f.Last.UserAgent, &metadata, &created, &advanced, &used, &expires)
	if err != nil {
		return nil, err
	}
	f.Scope = strings.Fields(scope)
	f.CreatedAt, f.ExpiresAt = clock.FromMillis(created), clock.FromMillis(expires)
	f.ExchangedAt = clock.FromMillis(max(advanced, used))
	f.Metadata, err = decodeMetadata(metadata)
	return f, err
}

// CountFamilies implements grant.Store.
func (db *DB) CountFamilies(ctx context.Context, tenantID string, f grant.FamilyFilter, now time.Time) (count int, err error) {
	n := familiesNamed(f, tenantID, clock.Millis(now))
	if _, err = db.readRow(ctx, countFamilies+ofTenant+notExpired+n.sql.String(), n.args, &count); err != nil {
		return 0, fmt.Errorf("count refresh token families: %w", err)
	}
	return count, nil
}

// RevokeFamilies implements grant.Store.
func (db *DB) RevokeFamilies(ctx context.Context, tenantID string, f grant.FamilyFilter, now time.Time) (int, error) {
	n := familiesNamed(f, tenantID, clock.Millis(now))
	changed, err := db.exec(ctx, revokeFamilies+ofTenant+n.sql.String(), n.args...)
	if err != nil {
		return 0, fmt.Errorf("revoke refresh token families: %w", err)
	}
	return int(changed), nil
}

// SetFamilyMetadata implements grant.Store.
func (db *DB) SetFamilyMetadata(ctx context.Context, tenantID, familyID string, metadata map[string]string) (bool, error) {
	document, err := encodeMetadata(metadata)
	if err != nil {
		return false, err
	}
	changed, err := db.exec(ctx, setFamilyMetadata, tenantID, familyID, document)
	if err != nil {
		return false, fmt.Errorf("write the metadata of a refresh token family: %w", err)
	}
	return changed == 1, nil
}

// ConsentFor implements grant.Store.
func (db *DB) ConsentFor(ctx context.Context, tenantID, userID, clientID, audience string) (*grant.Consent, error) {
	var all []*grant.Consent
	err := db.read(ctx, consentRows(&all, selectConsent, tenantID, userID, clientID, audience))
	if err != nil {
		return nil, fmt.Errorf("read a consent: %w", err)
	}
	if len(all) == 0 {
		return nil, nil
	}
	return all[0], nil
}

// consentRows is a statement that answers with consentColumns.
func consentRows(all *[]*grant.Consent, sql string, args ...any) *engine.Statement {
	return &engine.Statement{SQL: sql, Args: args, Row: func(r engine.Row) error {
		c := &grant.Consent{}
		var scope string
		if err := r.Scan(&c.ID, &c.UserID, &c.ClientID, &c.Audience, &scope); err != nil {
			return err
		}
		*all = append(*all, c)
		return decode(scope, &c.Scope)
	}}
}

// SaveConsent implements grant.Store.
func (db *DB) SaveConsent(ctx context.Context, tenantID string, c *grant.Consent, now time.Time) error {
	scope, err := encode(c.Scope)
	if err != nil {
		return err
	}
	return db.queue(ctx, upsertConsent, tenantID, c.UserID, c.ClientID, c.Audience, scope, clock.Millis(now), c.ID)
}

// Consents implements grant.Store.
func (db *DB) Consents(ctx context.Context, tenantID string, f grant.ConsentFilter, offset, limit int) ([]*grant.Consent, error) {
	n := consentsNamed(f, tenantID, limit, offset)
	var all []*grant.Consent
	if err := db.read(ctx, consentRows(&all, selectConsents+ofTenant+n.sql.String()+consentOrder, n.args...)); err != nil {
		return nil, fmt.Errorf("list consents: %w", err)
	}
	return all, nil
}

// CountConsents implements grant.Store.
func (db *DB) CountConsents(ctx context.Context, tenantID string, f grant.ConsentFilter) (count int, err error) {
	n := consentsNamed(f, tenantID)
	if _, err = db.readRow(ctx, countConsents+ofTenant+n.sql.String(), n.args, &count); err != nil {
		return 0, fmt.Errorf("count consents: %w", err)
	}
	return count, nil
}

// DeleteConsents implements grant.Store.
func (db *DB) DeleteConsents(ctx context.Context, tenantID string, f grant.ConsentFilter) ([]*grant.Consent, error) {
	n := consentsNamed(f, tenantID)
	var all []*grant.Consent
	statement := consentRows(&all, deleteConsents+ofTenant+n.sql.String()+" RETURNING "+consentColumns, n.args...)
	if err := db.write(ctx, statement); err != nil {
		return nil, fmt.Errorf("delete consents: %w", err)
	}
	return all, nil
}
