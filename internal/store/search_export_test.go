package store

import (
	"context"
	"time"

	"latchkey/internal/store/engine"
	"latchkey/internal/user"
)

// SearchStatements gives what a search asks the database, for tests that look at plans.
func (db *DB) SearchStatements(ctx context.Context, tenantID string, s user.Search) ([]*engine.Statement, error) {
	q := &search{db: db, tenantID: tenantID, deadline: time.Now().Add(time.Minute), filter: compile(s.Filter)}
	p, err := q.plan(ctx, orderOf(s.Sort))
	if err != nil {
		return nil, err
	}
	var ids []string
	n := 0
	statements := []*engine.Statement{p.page(tenantID, s.Offset, s.Limit, &ids)}
	if s.Total {
		statements = append(statements, p.total(tenantID, &n))
	}
	for _, l := range leaves(positive(q.filter)) {
		if !l.scans {
			statements = append(statements, l.countSome(tenantID, &n))
		}
	}
	if p.rest == nil {
		return statements, nil
	}
	if err := db.read(ctx, statements[0]); err != nil {
		return nil, err
	}
	if len(ids) < s.Limit {
		statements = append(statements, p.rest.page(tenantID, 0, s.Limit-len(ids), &ids))
	}
	return statements, nil
}

// UserStatements gives the other statements about many users.
func UserStatements(tenantID string) []*engine.Statement {
	return []*engine.Statement{
		{SQL: selectByEmail, Args: []any{tenantID, "person7@example.com", 1000}},
		{SQL: in(selectByAddress, 2, 7, byAddressOrder), Args: []any{
			tenantID, "person7@example.com", "person7@example.com", "person7@example.com", "person7@example.com", 20, "email", "sms",
		}},
		{SQL: selectOfConnection, Args: []any{tenantID, "email", int64(1767225700000), "email|7", 50}},
		{SQL: in(selectUsers, 2, 2, ""), Args: []any{tenantID, "email|1", "email|2"}},
		{SQL: selectActive, Args: []any{tenantID, int64(1767227500000)}},
		{SQL: selectItems, Args: []any{tenantID, "email|1", "role"}},
		{SQL: selectUsersWithItem, Args: []any{tenantID, "role", "r", "email|1", 50, 0}},
		{SQL: countUsersWithItem, Args: []any{tenantID, "role", "r"}},
		{SQL: deleteItemEverywhere, Args: []any{tenantID, "role", "r"}},
		{SQL: deleteAttributes, Args: []any{tenantID, "email|1"}},
		{SQL: deleteAttribute, Args: []any{tenantID, "email", "x", int64(1), "email|1"}},
		{SQL: selectNotIndexed, Args: []any{100}},
	}
}

// SearchWithin is SearchUsers with another limit.
func (db *DB) SearchWithin(ctx context.Context, limit time.Duration, tenantID string, s user.Search) ([]*user.User, int, error) {
	return db.searchWithin(ctx, limit, tenantID, s)
}
