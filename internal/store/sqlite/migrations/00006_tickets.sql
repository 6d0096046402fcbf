-- +goose Up
CREATE TABLE tickets (
	tenant_id TEXT NOT NULL,
	ticket_hash BLOB NOT NULL,
	document TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	expires_at INTEGER NOT NULL,
	spent_at INTEGER NOT NULL,
	PRIMARY KEY (tenant_id, ticket_hash)
) STRICT, WITHOUT ROWID;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('tickets', 'tickets', '100000 10000 1');
