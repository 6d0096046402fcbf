-- +goose Up
-- Through which connection somebody logged in to get a refresh token: it ends when that identity is separated from the user.
-- Families that are there do not know; they learn it with their next exchange.
ALTER TABLE refresh_families ADD COLUMN connection TEXT COLLATE "C" NOT NULL DEFAULT '';

-- Where logins are linked, first logins with one address wait for each other: each writes the row that the address falls on.
CREATE TABLE address_turns (
	tenant_id TEXT COLLATE "C" NOT NULL,
	slot BIGINT NOT NULL,
	turns BIGINT NOT NULL,
	PRIMARY KEY (tenant_id, slot)
);
