-- +goose Up
-- Imports, exports and verification mails that were asked for, with their files in chunks, so that any node can go on where
-- another stopped. A slot is had by one job at a time: so many of a kind may run for a tenant. A job that nobody has
-- claimed is due when it may be; one that somebody has is due when the claim runs out.

CREATE TABLE jobs (
	tenant_id TEXT NOT NULL,
	job_id TEXT NOT NULL,
	type TEXT NOT NULL,
	status TEXT NOT NULL,
	slot TEXT NOT NULL,
	document TEXT NOT NULL,
	holder TEXT NOT NULL,
	due_at INTEGER NOT NULL,
	created_at INTEGER NOT NULL,
	PRIMARY KEY (tenant_id, job_id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX jobs_in_slots ON jobs (tenant_id, slot) WHERE slot <> '';
CREATE INDEX jobs_due ON jobs (due_at) WHERE status IN ('uploading', 'pending', 'processing');
CREATE INDEX jobs_by_age ON jobs (created_at);

CREATE TABLE job_chunks (
	tenant_id TEXT NOT NULL,
	job_id TEXT NOT NULL,
	stream TEXT NOT NULL,
	number INTEGER NOT NULL,
	content BLOB NOT NULL,
	PRIMARY KEY (tenant_id, job_id, stream, number)
) STRICT, WITHOUT ROWID;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
	('jobs', 'jobs', '10000 100 1'),
	('jobs', 'jobs_in_slots', '100 2 1'),
	('jobs', 'jobs_due', '100 1'),
	('jobs', 'jobs_by_age', '10000 1'),
	('job_chunks', 'job_chunks', '1000000 10000 100 50 1');
