-- +goose Up
-- What the Management API shows of sessions, refresh tokens, consents, signing keys and locks. The columns that are new
-- have values that say "not known" for the rows that are there.

ALTER TABLE sessions ADD COLUMN updated_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN last_ip TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN last_user_agent TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN persistent BOOLEAN NOT NULL DEFAULT TRUE;
ALTER TABLE sessions ADD COLUMN metadata TEXT COLLATE "C" NOT NULL DEFAULT '';
CREATE INDEX sessions_by_user ON sessions (tenant_id, user_id, created_at, session_id);
DROP INDEX sessions_of_user;

-- What was said of the first and of the last exchange stands with the family, where it is found without its tokens.
ALTER TABLE refresh_families ADD COLUMN scope TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE refresh_families ADD COLUMN session_id TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE refresh_families ADD COLUMN ip TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE refresh_families ADD COLUMN user_agent TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE refresh_families ADD COLUMN used_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE refresh_families ADD COLUMN last_ip TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE refresh_families ADD COLUMN last_user_agent TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE refresh_families ADD COLUMN metadata TEXT COLLATE "C" NOT NULL DEFAULT '';
CREATE INDEX refresh_families_of_client ON refresh_families (tenant_id, client_id, created_at, family_id)
	WHERE revoked_at = 0;

-- The default also serves consents that the previous release writes.
ALTER TABLE consents ADD COLUMN consent_id TEXT COLLATE "C" NOT NULL
	DEFAULT substr(md5(random()::text || clock_timestamp()::text), 1, 24);
CREATE UNIQUE INDEX consents_by_id ON consents (tenant_id, consent_id);
CREATE INDEX consents_of_client ON consents (tenant_id, client_id, user_id, audience);
CREATE INDEX consents_of_audience ON consents (tenant_id, audience, user_id, client_id);

ALTER TABLE signing_keys ADD COLUMN current_since BIGINT NOT NULL DEFAULT 0;
ALTER TABLE signing_keys ADD COLUMN revoked_at BIGINT NOT NULL DEFAULT 0;

CREATE INDEX guesses_locked ON guesses (tenant_id, subject) WHERE locked_until > 0;
