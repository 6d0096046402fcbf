-- +goose Up
-- Text is compared and ordered by bytes. Keys begin with the tenant, so that tables can be spread by it; the tables that
-- find a tenant, and the server's own, are the exception. Times are Unix milliseconds, 0 for "never".

CREATE TABLE tenants (
	tenant_id TEXT COLLATE "C" PRIMARY KEY,
	name TEXT COLLATE "C" NOT NULL UNIQUE,
	host TEXT COLLATE "C" NOT NULL,
	settings TEXT COLLATE "C" NOT NULL,
	config_version BIGINT NOT NULL,
	created_at BIGINT NOT NULL
);

CREATE TABLE domains (
	host TEXT COLLATE "C" PRIMARY KEY,
	tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
	issuer TEXT COLLATE "C" NOT NULL
);
CREATE INDEX domains_of_tenant ON domains (tenant_id);

CREATE TABLE connections (
	tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
	connection_id TEXT COLLATE "C" NOT NULL,
	name TEXT COLLATE "C" NOT NULL,
	strategy TEXT COLLATE "C" NOT NULL,
	options TEXT COLLATE "C" NOT NULL,
	enabled_clients TEXT COLLATE "C" NOT NULL,
	position BIGINT NOT NULL,
	created_at BIGINT NOT NULL,
	PRIMARY KEY (tenant_id, connection_id)
);
CREATE UNIQUE INDEX connections_by_name ON connections (tenant_id, name);

CREATE TABLE clients (
	tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
	client_id TEXT COLLATE "C" NOT NULL,
	document TEXT COLLATE "C" NOT NULL,
	secret_sealed BYTEA,
	credentials TEXT COLLATE "C" NOT NULL,
	created_at BIGINT NOT NULL,
	PRIMARY KEY (tenant_id, client_id)
);

CREATE TABLE client_origins (
	tenant_id TEXT COLLATE "C" NOT NULL,
	origin TEXT COLLATE "C" NOT NULL,
	client_id TEXT COLLATE "C" NOT NULL,
	pattern BOOLEAN NOT NULL,
	PRIMARY KEY (tenant_id, origin, client_id)
);
CREATE INDEX client_origin_patterns ON client_origins (tenant_id, origin) WHERE pattern;
CREATE INDEX client_origins_of_client ON client_origins (tenant_id, client_id);

CREATE TABLE resource_servers (
	tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
	resource_server_id TEXT COLLATE "C" NOT NULL,
	identifier TEXT COLLATE "C" NOT NULL,
	document TEXT COLLATE "C" NOT NULL,
	secret_sealed BYTEA,
	created_at BIGINT NOT NULL,
	PRIMARY KEY (tenant_id, resource_server_id)
);
CREATE UNIQUE INDEX resource_servers_by_identifier ON resource_servers (tenant_id, identifier);

CREATE TABLE client_grants (
	tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
	client_grant_id TEXT COLLATE "C" NOT NULL,
	client_id TEXT COLLATE "C" NOT NULL,
	audience TEXT COLLATE "C" NOT NULL,
	document TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (tenant_id, client_grant_id)
);
CREATE UNIQUE INDEX client_grants_by_client ON client_grants (tenant_id, client_id, audience);

CREATE TABLE signing_keys (
	tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
	key_id TEXT COLLATE "C" NOT NULL,
	algorithm TEXT COLLATE "C" NOT NULL,
	state TEXT COLLATE "C" NOT NULL,
	private_sealed BYTEA NOT NULL,
	certificate BYTEA NOT NULL,
	created_at BIGINT NOT NULL,
	rotated_at BIGINT NOT NULL,
	PRIMARY KEY (tenant_id, key_id)
);

CREATE TABLE users (
	tenant_id TEXT COLLATE "C" NOT NULL,
	user_id TEXT COLLATE "C" NOT NULL,
	profile TEXT COLLATE "C" NOT NULL,
	blocked BOOLEAN NOT NULL,
	logins_count BIGINT NOT NULL,
	last_login BIGINT NOT NULL,
	last_ip TEXT COLLATE "C" NOT NULL,
	version BIGINT NOT NULL,
	PRIMARY KEY (tenant_id, user_id)
);

CREATE TABLE identities (
	tenant_id TEXT COLLATE "C" NOT NULL,
	connection TEXT COLLATE "C" NOT NULL,
	identifier TEXT COLLATE "C" NOT NULL,
	user_id TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (tenant_id, connection, identifier)
);

CREATE TABLE deleted_identifiers (
	tenant_id TEXT COLLATE "C" NOT NULL,
	connection TEXT COLLATE "C" NOT NULL,
	identifier TEXT COLLATE "C" NOT NULL,
	deletions BIGINT NOT NULL,
	PRIMARY KEY (tenant_id, connection, identifier)
);

CREATE TABLE challenges (
	tenant_id TEXT COLLATE "C" NOT NULL,
	connection TEXT COLLATE "C" NOT NULL,
	identifier TEXT COLLATE "C" NOT NULL,
	challenge_id TEXT COLLATE "C" NOT NULL,
	code_hash BYTEA NOT NULL,
	client_id TEXT COLLATE "C" NOT NULL,
	transaction_id TEXT COLLATE "C" NOT NULL,
	created_at BIGINT NOT NULL,
	expires_at BIGINT NOT NULL,
	wrong BIGINT NOT NULL,
	max_wrong BIGINT NOT NULL,
	consumed_at BIGINT NOT NULL,
	PRIMARY KEY (tenant_id, connection, identifier)
);

CREATE TABLE guesses (
	tenant_id TEXT COLLATE "C" NOT NULL,
	connection TEXT COLLATE "C" NOT NULL,
	subject TEXT COLLATE "C" NOT NULL,
	wrong BIGINT NOT NULL,
	locks BIGINT NOT NULL,
	locked_until BIGINT NOT NULL,
	changed_at BIGINT NOT NULL,
	PRIMARY KEY (tenant_id, connection, subject)
);

CREATE TABLE buckets (
	tenant_id TEXT COLLATE "C" NOT NULL,
	bucket TEXT COLLATE "C" NOT NULL,
	empty_at BIGINT NOT NULL,
	PRIMARY KEY (tenant_id, bucket)
);

CREATE TABLE assertions (
	tenant_id TEXT COLLATE "C" NOT NULL,
	client_id TEXT COLLATE "C" NOT NULL,
	jti_digest BYTEA NOT NULL,
	expires_at BIGINT NOT NULL,
	PRIMARY KEY (tenant_id, client_id, jti_digest)
);

CREATE TABLE sessions (
	tenant_id TEXT COLLATE "C" NOT NULL,
	session_id TEXT COLLATE "C" NOT NULL,
	secret_hash BYTEA NOT NULL,
	user_id TEXT COLLATE "C" NOT NULL,
	connection TEXT COLLATE "C" NOT NULL,
	methods TEXT COLLATE "C" NOT NULL,
	clients TEXT COLLATE "C" NOT NULL,
	created_at BIGINT NOT NULL,
	authenticated_at BIGINT NOT NULL,
	used_at BIGINT NOT NULL,
	idle_expires_at BIGINT NOT NULL,
	expires_at BIGINT NOT NULL,
	ip TEXT COLLATE "C" NOT NULL,
	user_agent TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (tenant_id, session_id)
);
CREATE UNIQUE INDEX sessions_by_secret ON sessions (tenant_id, secret_hash);
CREATE INDEX sessions_of_user ON sessions (tenant_id, user_id);

CREATE TABLE transactions (
	tenant_id TEXT COLLATE "C" NOT NULL,
	state_hash BYTEA NOT NULL,
	document BYTEA NOT NULL,
	version BIGINT NOT NULL,
	expires_at BIGINT NOT NULL,
	PRIMARY KEY (tenant_id, state_hash)
);

CREATE TABLE authorization_codes (
	tenant_id TEXT COLLATE "C" NOT NULL,
	code_hash BYTEA NOT NULL,
	user_id TEXT COLLATE "C" NOT NULL,
	document TEXT COLLATE "C" NOT NULL,
	used_at BIGINT NOT NULL,
	expires_at BIGINT NOT NULL,
	PRIMARY KEY (tenant_id, code_hash)
);
CREATE INDEX authorization_codes_of_user ON authorization_codes (tenant_id, user_id);

CREATE TABLE refresh_families (
	tenant_id TEXT COLLATE "C" NOT NULL,
	family_id TEXT COLLATE "C" NOT NULL,
	user_id TEXT COLLATE "C" NOT NULL,
	client_id TEXT COLLATE "C" NOT NULL,
	audience TEXT COLLATE "C" NOT NULL,
	rotating BOOLEAN NOT NULL,
	latest BIGINT NOT NULL,
	advanced_at BIGINT NOT NULL,
	created_at BIGINT NOT NULL,
	expires_at BIGINT NOT NULL,
	revoked_at BIGINT NOT NULL,
	PRIMARY KEY (tenant_id, family_id)
);
CREATE INDEX refresh_families_of_user ON refresh_families (tenant_id, user_id, client_id, created_at, family_id);

CREATE TABLE refresh_tokens (
	tenant_id TEXT COLLATE "C" NOT NULL,
	token_hash BYTEA NOT NULL,
	family_id TEXT COLLATE "C" NOT NULL,
	sequence BIGINT NOT NULL,
	document TEXT COLLATE "C" NOT NULL,
	issued_at BIGINT NOT NULL,
	used_at BIGINT NOT NULL,
	rotated_at BIGINT NOT NULL,
	PRIMARY KEY (tenant_id, token_hash)
);

CREATE TABLE consents (
	tenant_id TEXT COLLATE "C" NOT NULL,
	user_id TEXT COLLATE "C" NOT NULL,
	client_id TEXT COLLATE "C" NOT NULL,
	audience TEXT COLLATE "C" NOT NULL,
	scope TEXT COLLATE "C" NOT NULL,
	saved_at BIGINT NOT NULL,
	PRIMARY KEY (tenant_id, user_id, client_id, audience)
);

CREATE TABLE pushed_requests (
	tenant_id TEXT COLLATE "C" NOT NULL,
	request_hash BYTEA NOT NULL,
	client_id TEXT COLLATE "C" NOT NULL,
	params TEXT COLLATE "C" NOT NULL,
	expires_at BIGINT NOT NULL,
	PRIMARY KEY (tenant_id, request_hash)
);

CREATE TABLE logs (
	tenant_id TEXT COLLATE "C" NOT NULL,
	log_id TEXT COLLATE "C" NOT NULL,
	type TEXT COLLATE "C" NOT NULL,
	user_id TEXT COLLATE "C" NOT NULL,
	logged_at BIGINT NOT NULL,
	document TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (tenant_id, log_id)
);
CREATE INDEX logs_of_user ON logs (tenant_id, user_id, log_id) WHERE user_id <> '';
CREATE INDEX logs_by_type ON logs (tenant_id, type, log_id);

CREATE TABLE outbox (
	tenant_id TEXT COLLATE "C" NOT NULL,
	message_id TEXT COLLATE "C" NOT NULL,
	channel TEXT COLLATE "C" NOT NULL,
	kind TEXT COLLATE "C" NOT NULL,
	recipient_hash BYTEA NOT NULL,
	payload BYTEA,
	state TEXT COLLATE "C" NOT NULL,
	attempts BIGINT NOT NULL,
	due_at BIGINT NOT NULL,
	expires_at BIGINT NOT NULL,
	created_at BIGINT NOT NULL,
	locked_by TEXT COLLATE "C" NOT NULL,
	provider TEXT COLLATE "C" NOT NULL,
	provider_message_id TEXT COLLATE "C" NOT NULL,
	last_error TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (tenant_id, message_id)
);
CREATE INDEX outbox_due ON outbox (due_at) WHERE state IN ('queued', 'sending');

CREATE TABLE inbox (
	tenant_id TEXT COLLATE "C" NOT NULL,
	message_id TEXT COLLATE "C" NOT NULL,
	recipient_hash BYTEA NOT NULL,
	payload BYTEA NOT NULL,
	created_at BIGINT NOT NULL,
	PRIMARY KEY (tenant_id, message_id)
);
CREATE INDEX inbox_by_time ON inbox (created_at, message_id);

CREATE TABLE meta (
	name TEXT COLLATE "C" PRIMARY KEY,
	value BYTEA NOT NULL
);

CREATE TABLE shared_files (
	name TEXT COLLATE "C" PRIMARY KEY,
	content BYTEA NOT NULL,
	modified_at BIGINT NOT NULL
);

CREATE TABLE leases (
	name TEXT COLLATE "C" PRIMARY KEY,
	holder TEXT COLLATE "C" NOT NULL,
	expires_at BIGINT NOT NULL
);
