-- +goose Up
CREATE TABLE login_tickets (
	tenant_id TEXT NOT NULL,
	ticket_hash BLOB NOT NULL,
	document TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	expires_at INTEGER NOT NULL,
	spent_at INTEGER NOT NULL,
	PRIMARY KEY (tenant_id, ticket_hash)
) STRICT, WITHOUT ROWID;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('login_tickets', 'login_tickets', '1000 1000 1');
