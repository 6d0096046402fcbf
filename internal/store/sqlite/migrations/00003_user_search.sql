-- +goose Up
-- Users are found through a table of what can be searched: a row for each value, written with the user. The rows of one
-- value stand in the order in which users are listed, by creation, and each user has a row with no path, so that a page of
-- a list or of a search is a piece of the primary key. Numbers are written so that text orders them.
--
-- Users that were written before, or by the previous release beside this one, are those whose indexed_version is not their
-- version; the program indexes them after the migration and as it goes.

ALTER TABLE users ADD COLUMN password TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN created_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN indexed_version INTEGER NOT NULL DEFAULT 0;
CREATE INDEX users_not_indexed ON users (tenant_id, user_id) WHERE indexed_version <> version;

-- What changes with each login stays a column of the user, so that a login remains one statement.
CREATE INDEX users_by_last_login ON users (tenant_id, last_login, user_id);
CREATE INDEX users_by_logins_count ON users (tenant_id, logins_count, user_id);
CREATE INDEX users_by_last_ip ON users (tenant_id, last_ip, user_id);
CREATE INDEX users_blocked ON users (tenant_id, user_id) WHERE blocked;

CREATE TABLE user_attributes (
	tenant_id TEXT NOT NULL,
	path TEXT NOT NULL,
	value TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	user_id TEXT NOT NULL,
	PRIMARY KEY (tenant_id, path, value, created_at, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX user_attributes_of_user ON user_attributes (tenant_id, user_id, path);

-- How many users a tenant has is the sum of its rows: those who sign up at once write different ones.
CREATE TABLE user_counts (
	tenant_id TEXT NOT NULL,
	shard INTEGER NOT NULL,
	users INTEGER NOT NULL,
	PRIMARY KEY (tenant_id, shard)
) STRICT, WITHOUT ROWID;

-- What belongs to one user and is asked for by itself: authentication methods, roles, permissions.
CREATE TABLE user_items (
	tenant_id TEXT NOT NULL,
	user_id TEXT NOT NULL,
	kind TEXT NOT NULL,
	item_id TEXT NOT NULL,
	document TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	PRIMARY KEY (tenant_id, user_id, kind, item_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX user_items_by_item ON user_items (tenant_id, kind, item_id, user_id);

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
	('users', 'users', '1000000 100000 1'),
	('users', 'users_not_indexed', '100 100 1'),
	('users', 'users_by_last_login', '1000000 100000 2 1'),
	('users', 'users_by_logins_count', '1000000 100000 1000 1'),
	('users', 'users_by_last_ip', '1000000 100000 10 1'),
	('users', 'users_blocked', '1000 100 1'),
	('user_attributes', 'user_attributes', '12000000 1200000 100000 10 1 1'),
	('user_attributes', 'user_attributes_of_user', '12000000 1200000 12 1'),
	('user_items', 'user_items', '1000000 100000 5 3 1'),
	('user_items', 'user_items_by_item', '1000000 100000 50000 1000 1');
