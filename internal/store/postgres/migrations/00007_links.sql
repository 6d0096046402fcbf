-- +goose Up
-- A challenge can carry a magic link beside its code.
ALTER TABLE challenges ADD COLUMN link_hash bytea NOT NULL DEFAULT '';
ALTER TABLE challenges ADD COLUMN number_hash bytea NOT NULL DEFAULT '';
ALTER TABLE challenges ADD COLUMN request bytea NOT NULL DEFAULT '';
ALTER TABLE challenges ADD COLUMN wrong_number bigint NOT NULL DEFAULT 0;
ALTER TABLE challenges ADD COLUMN approved_at bigint NOT NULL DEFAULT 0;
ALTER TABLE challenges ADD COLUMN checked_at bigint NOT NULL DEFAULT 0;
