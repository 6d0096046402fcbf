-- +goose Up
-- A challenge can carry a magic link beside its code.
ALTER TABLE challenges ADD COLUMN link_hash BLOB NOT NULL DEFAULT x'';
ALTER TABLE challenges ADD COLUMN number_hash BLOB NOT NULL DEFAULT x'';
ALTER TABLE challenges ADD COLUMN request BLOB NOT NULL DEFAULT x'';
ALTER TABLE challenges ADD COLUMN wrong_number INTEGER NOT NULL DEFAULT 0;
ALTER TABLE challenges ADD COLUMN approved_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE challenges ADD COLUMN checked_at INTEGER NOT NULL DEFAULT 0;
