-- +goose Up
-- What the Management API shows of sessions, refresh tokens, consents, signing keys and locks. The columns that are new
-- have values that say "not known" for the rows that are there.

ALTER TABLE sessions ADD COLUMN updated_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN last_ip TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN last_user_agent TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN persistent INTEGER NOT NULL DEFAULT 1;
ALTER TABLE sessions ADD COLUMN metadata TEXT NOT NULL DEFAULT '';
DROP INDEX sessions_of_user;
CREATE INDEX sessions_by_user ON sessions (tenant_id, user_id, created_at, session_id);

-- What was said of the first and of the last exchange stands with the family, where it is found without its tokens.
ALTER TABLE refresh_families ADD COLUMN scope TEXT NOT NULL DEFAULT '';
ALTER TABLE refresh_families ADD COLUMN session_id TEXT NOT NULL DEFAULT '';
ALTER TABLE refresh_families ADD COLUMN ip TEXT NOT NULL DEFAULT '';
ALTER TABLE refresh_families ADD COLUMN user_agent TEXT NOT NULL DEFAULT '';
ALTER TABLE refresh_families ADD COLUMN used_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE refresh_families ADD COLUMN last_ip TEXT NOT NULL DEFAULT '';
ALTER TABLE refresh_families ADD COLUMN last_user_agent TEXT NOT NULL DEFAULT '';
ALTER TABLE refresh_families ADD COLUMN metadata TEXT NOT NULL DEFAULT '';
CREATE INDEX refresh_families_of_client ON refresh_families (tenant_id, client_id, created_at, family_id)
	WHERE revoked_at = 0;

ALTER TABLE consents ADD COLUMN consent_id TEXT NOT NULL DEFAULT '';
UPDATE consents SET consent_id = lower(hex(randomblob(12)));
CREATE UNIQUE INDEX consents_by_id ON consents (tenant_id, consent_id);
CREATE INDEX consents_of_client ON consents (tenant_id, client_id, user_id, audience);
CREATE INDEX consents_of_audience ON consents (tenant_id, audience, user_id, client_id);
-- Consents that the previous release writes get their ids here.
-- +goose StatementBegin
CREATE TRIGGER consents_without_id AFTER INSERT ON consents WHEN NEW.consent_id = '' BEGIN
	UPDATE consents SET consent_id = lower(hex(randomblob(12))) WHERE tenant_id = NEW.tenant_id AND user_id = NEW.user_id
		AND client_id = NEW.client_id AND audience = NEW.audience;
END;
-- +goose StatementEnd

ALTER TABLE signing_keys ADD COLUMN current_since INTEGER NOT NULL DEFAULT 0;
ALTER TABLE signing_keys ADD COLUMN revoked_at INTEGER NOT NULL DEFAULT 0;

CREATE INDEX guesses_locked ON guesses (tenant_id, subject) WHERE locked_until > 0;

DELETE FROM sqlite_stat1 WHERE idx = 'sessions_of_user';
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
	('sessions', 'sessions_by_user', '1000000 100000 5 1 1'),
	('refresh_families', 'refresh_families_of_client', '500000 50000 5000 1 1'),
	('consents', 'consents', '100000 10000 2 1 1'),
	('consents', 'consents_by_id', '100000 10000 1'),
	('consents', 'consents_of_client', '100000 10000 1000 1 1'),
	('consents', 'consents_of_audience', '100000 10000 1000 1 1'),
	('guesses', 'guesses', '100000 10000 5000 1'),
	('guesses', 'guesses_locked', '1000 100 1');
