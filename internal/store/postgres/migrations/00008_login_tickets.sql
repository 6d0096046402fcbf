-- +goose Up
CREATE TABLE login_tickets (
	tenant_id TEXT COLLATE "C" NOT NULL,
	ticket_hash BYTEA NOT NULL,
	document TEXT COLLATE "C" NOT NULL,
	created_at BIGINT NOT NULL,
	expires_at BIGINT NOT NULL,
	spent_at BIGINT NOT NULL,
	PRIMARY KEY (tenant_id, ticket_hash)
);
