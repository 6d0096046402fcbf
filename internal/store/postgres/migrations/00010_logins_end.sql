-- +goose Up
-- When the logins of a user were last ended all at once: what was proven by then and did not become a session counts no more.
ALTER TABLE users ADD COLUMN logins_end_at BIGINT NOT NULL DEFAULT 0;
