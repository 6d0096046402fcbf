-- +goose Up
-- Tables live in their primary keys: there is no other way to a row that would need a row id. Keys begin with the tenant,
-- as they do on PostgreSQL. Times are Unix milliseconds, 0 for "never".

CREATE TABLE tenants (
	tenant_id TEXT NOT NULL PRIMARY KEY,
	name TEXT NOT NULL UNIQUE,
	host TEXT NOT NULL,
	settings TEXT NOT NULL,
	config_version INTEGER NOT NULL,
	created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE domains (
	host TEXT NOT NULL PRIMARY KEY,
	tenant_id TEXT NOT NULL REFERENCES tenants (tenant_id),
	issuer TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX domains_of_tenant ON domains (tenant_id);

CREATE TABLE connections (
	tenant_id TEXT NOT NULL REFERENCES tenants (tenant_id),
	connection_id TEXT NOT NULL,
	name TEXT NOT NULL,
	strategy TEXT NOT NULL,
	options TEXT NOT NULL,
	enabled_clients TEXT NOT NULL,
	position INTEGER NOT NULL,
	created_at INTEGER NOT NULL,
	PRIMARY KEY (tenant_id, connection_id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX connections_by_name ON connections (tenant_id, name);

CREATE TABLE clients (
	tenant_id TEXT NOT NULL REFERENCES tenants (tenant_id),
	client_id TEXT NOT NULL,
	document TEXT NOT NULL,
	secret_sealed BLOB,
	credentials TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	PRIMARY KEY (tenant_id, client_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE client_origins (
	tenant_id TEXT NOT NULL,
	origin TEXT NOT NULL,
	client_id TEXT NOT NULL,
	pattern INTEGER NOT NULL,
	PRIMARY KEY (tenant_id, origin, client_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX client_origin_patterns ON client_origins (tenant_id, origin) WHERE pattern;
CREATE INDEX client_origins_of_client ON client_origins (tenant_id, client_id);

CREATE TABLE resource_servers (
	tenant_id TEXT NOT NULL REFERENCES tenants (tenant_id),
	resource_server_id TEXT NOT NULL,
	identifier TEXT NOT NULL,
	document TEXT NOT NULL,
	secret_sealed BLOB,
	created_at INTEGER NOT NULL,
	PRIMARY KEY (tenant_id, resource_server_id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX resource_servers_by_identifier ON resource_servers (tenant_id, identifier);

CREATE TABLE client_grants (
	tenant_id TEXT NOT NULL REFERENCES tenants (tenant_id),
	client_grant_id TEXT NOT NULL,
	client_id TEXT NOT NULL,
	audience TEXT NOT NULL,
	document TEXT NOT NULL,
	PRIMARY KEY (tenant_id, client_grant_id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX client_grants_by_client ON client_grants (tenant_id, client_id, audience);

CREATE TABLE signing_keys (
	tenant_id TEXT NOT NULL REFERENCES tenants (tenant_id),
	key_id TEXT NOT NULL,
	algorithm TEXT NOT NULL,
	state TEXT NOT NULL,
	private_sealed BLOB NOT NULL,
	certificate BLOB NOT NULL,
	created_at INTEGER NOT NULL,
	rotated_at INTEGER NOT NULL,
	PRIMARY KEY (tenant_id, key_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE users (
	tenant_id TEXT NOT NULL,
	user_id TEXT NOT NULL,
	profile TEXT NOT NULL,
	blocked INTEGER NOT NULL,
	logins_count INTEGER NOT NULL,
	last_login INTEGER NOT NULL,
	last_ip TEXT NOT NULL,
	version INTEGER NOT NULL,
	PRIMARY KEY (tenant_id, user_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE identities (
	tenant_id TEXT NOT NULL,
	connection TEXT NOT NULL,
	identifier TEXT NOT NULL,
	user_id TEXT NOT NULL,
	PRIMARY KEY (tenant_id, connection, identifier)
) STRICT, WITHOUT ROWID;

CREATE TABLE deleted_identifiers (
	tenant_id TEXT NOT NULL,
	connection TEXT NOT NULL,
	identifier TEXT NOT NULL,
	deletions INTEGER NOT NULL,
	PRIMARY KEY (tenant_id, connection, identifier)
) STRICT, WITHOUT ROWID;

CREATE TABLE challenges (
	tenant_id TEXT NOT NULL,
	connection TEXT NOT NULL,
	identifier TEXT NOT NULL,
	challenge_id TEXT NOT NULL,
	code_hash BLOB NOT NULL,
	client_id TEXT NOT NULL,
	transaction_id TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	expires_at INTEGER NOT NULL,
	wrong INTEGER NOT NULL,
	max_wrong INTEGER NOT NULL,
	consumed_at INTEGER NOT NULL,
	PRIMARY KEY (tenant_id, connection, identifier)
) STRICT, WITHOUT ROWID;

CREATE TABLE guesses (
	tenant_id TEXT NOT NULL,
	connection TEXT NOT NULL,
	subject TEXT NOT NULL,
	wrong INTEGER NOT NULL,
	locks INTEGER NOT NULL,
	locked_until INTEGER NOT NULL,
	changed_at INTEGER NOT NULL,
	PRIMARY KEY (tenant_id, connection, subject)
) STRICT, WITHOUT ROWID;

CREATE TABLE buckets (
	tenant_id TEXT NOT NULL,
	bucket TEXT NOT NULL,
	empty_at INTEGER NOT NULL,
	PRIMARY KEY (tenant_id, bucket)
) STRICT, WITHOUT ROWID;

CREATE TABLE assertions (
	tenant_id TEXT NOT NULL,
	client_id TEXT NOT NULL,
	jti_digest BLOB NOT NULL,
	expires_at INTEGER NOT NULL,
	PRIMARY KEY (tenant_id, client_id, jti_digest)
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
	tenant_id TEXT NOT NULL,
	session_id TEXT NOT NULL,
	secret_hash BLOB NOT NULL,
	user_id TEXT NOT NULL,
	connection TEXT NOT NULL,
	methods TEXT NOT NULL,
	clients TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	authenticated_at INTEGER NOT NULL,
	used_at INTEGER NOT NULL,
	idle_expires_at INTEGER NOT NULL,
	expires_at INTEGER NOT NULL,
	ip TEXT NOT NULL,
	user_agent TEXT NOT NULL,
	PRIMARY KEY (tenant_id, session_id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX sessions_by_secret ON sessions (tenant_id, secret_hash);
CREATE INDEX sessions_of_user ON sessions (tenant_id, user_id);

CREATE TABLE transactions (
	tenant_id TEXT NOT NULL,
	state_hash BLOB NOT NULL,
	document BLOB NOT NULL,
	version INTEGER NOT NULL,
	expires_at INTEGER NOT NULL,
	PRIMARY KEY (tenant_id, state_hash)
) STRICT, WITHOUT ROWID;

CREATE TABLE authorization_codes (
	tenant_id TEXT NOT NULL,
	code_hash BLOB NOT NULL,
	user_id TEXT NOT NULL,
	document TEXT NOT NULL,
	used_at INTEGER NOT NULL,
	expires_at INTEGER NOT NULL,
	PRIMARY KEY (tenant_id, code_hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX authorization_codes_of_user ON authorization_codes (tenant_id, user_id);

CREATE TABLE refresh_families (
	tenant_id TEXT NOT NULL,
	family_id TEXT NOT NULL,
	user_id TEXT NOT NULL,
	client_id TEXT NOT NULL,
	audience TEXT NOT NULL,
	rotating INTEGER NOT NULL,
	latest INTEGER NOT NULL,
	advanced_at INTEGER NOT NULL,
	created_at INTEGER NOT NULL,
	expires_at INTEGER NOT NULL,
	revoked_at INTEGER NOT NULL,
	PRIMARY KEY (tenant_id, family_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX refresh_families_of_user ON refresh_families (tenant_id, user_id, client_id, created_at, family_id);

CREATE TABLE refresh_tokens (
	tenant_id TEXT NOT NULL,
	token_hash BLOB NOT NULL,
	family_id TEXT NOT NULL,
	sequence INTEGER NOT NULL,
	document TEXT NOT NULL,
	issued_at INTEGER NOT NULL,
	used_at INTEGER NOT NULL,
	rotated_at INTEGER NOT NULL,
	PRIMARY KEY (tenant_id, token_hash)
) STRICT, WITHOUT ROWID;

CREATE TABLE consents (
	tenant_id TEXT NOT NULL,
	user_id TEXT NOT NULL,
	client_id TEXT NOT NULL,
	audience TEXT NOT NULL,
	scope TEXT NOT NULL,
	saved_at INTEGER NOT NULL,
	PRIMARY KEY (tenant_id, user_id, client_id, audience)
) STRICT, WITHOUT ROWID;

CREATE TABLE pushed_requests (
	tenant_id TEXT NOT NULL,
	request_hash BLOB NOT NULL,
	client_id TEXT NOT NULL,
	params TEXT NOT NULL,
	expires_at INTEGER NOT NULL,
	PRIMARY KEY (tenant_id, request_hash)
) STRICT, WITHOUT ROWID;

CREATE TABLE logs (
	tenant_id TEXT NOT NULL,
	log_id TEXT NOT NULL,
	type TEXT NOT NULL,
	user_id TEXT NOT NULL,
	logged_at INTEGER NOT NULL,
	document TEXT NOT NULL,
	PRIMARY KEY (tenant_id, log_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX logs_of_user ON logs (tenant_id, user_id, log_id) WHERE user_id <> '';
CREATE INDEX logs_by_type ON logs (tenant_id, type, log_id);

CREATE TABLE outbox (
	tenant_id TEXT NOT NULL,
	message_id TEXT NOT NULL,
	channel TEXT NOT NULL,
	kind TEXT NOT NULL,
	recipient_hash BLOB NOT NULL,
	payload BLOB,
	state TEXT NOT NULL,
	attempts INTEGER NOT NULL,
	due_at INTEGER NOT NULL,
	expires_at INTEGER NOT NULL,
	created_at INTEGER NOT NULL,
	locked_by TEXT NOT NULL,
	provider TEXT NOT NULL,
	provider_message_id TEXT NOT NULL,
	last_error TEXT NOT NULL,
	PRIMARY KEY (tenant_id, message_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_due ON outbox (due_at) WHERE state IN ('queued', 'sending');

CREATE TABLE inbox (
	tenant_id TEXT NOT NULL,
	message_id TEXT NOT NULL,
	recipient_hash BLOB NOT NULL,
	payload BLOB NOT NULL,
	created_at INTEGER NOT NULL,
	PRIMARY KEY (tenant_id, message_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX inbox_by_time ON inbox (created_at, message_id);

CREATE TABLE meta (
	name TEXT NOT NULL PRIMARY KEY,
	value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE shared_files (
	name TEXT NOT NULL PRIMARY KEY,
	content BLOB NOT NULL,
	modified_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE leases (
	name TEXT NOT NULL PRIMARY KEY,
	holder TEXT NOT NULL,
	expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The planner is told what a busy server's tables look like. Without that it takes a tenant for a handful of rows and
-- reads all of them where an index leads to one. The numbers are rows, then rows for each value of the index's first
-- column, its first two, and so on (https://www.sqlite.org/fileformat2.html#the_sqlite_stat1_table).
ANALYZE;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
	('client_origins', 'client_origins', '10000 1000 2 1'),
	('client_origins', 'client_origins_of_client', '10000 1000 10'),
	('client_origins', 'client_origin_patterns', '100 10 2'),
	('sessions', 'sessions', '1000000 100000 1'),
	('sessions', 'sessions_by_secret', '1000000 100000 1'),
	('sessions', 'sessions_of_user', '1000000 100000 5'),
	('authorization_codes', 'authorization_codes', '1000000 100000 1'),
	('authorization_codes', 'authorization_codes_of_user', '1000000 100000 5'),
	('refresh_families', 'refresh_families', '1000000 100000 1'),
	('refresh_families', 'refresh_families_of_user', '1000000 100000 20 10 1 1'),
	('logs', 'logs', '10000000 1000000 1'),
	('logs', 'logs_of_user', '5000000 500000 50 1'),
	('logs', 'logs_by_type', '10000000 1000000 10000 1'),
	('outbox', 'outbox', '100000 10000 1'),
	('outbox', 'outbox_due', '100 1'),
	('inbox', 'inbox', '1000 100 1'),
	('inbox', 'inbox_by_time', '1000 1 1');
