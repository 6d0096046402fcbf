-- +goose Up
-- Imports, exports and verification mails that were asked for, with their files in chunks, so that any node can go on where
-- another stopped. A slot is had by one job at a time: so many of a kind may run for a tenant. A job that nobody has
-- claimed is due when it may be; one that somebody has is due when the claim runs out.

CREATE TABLE jobs (
	tenant_id TEXT COLLATE "C" NOT NULL,
	job_id TEXT COLLATE "C" NOT NULL,
	type TEXT COLLATE "C" NOT NULL,
	status TEXT COLLATE "C" NOT NULL,
	slot TEXT COLLATE "C" NOT NULL,
	document TEXT COLLATE "C" NOT NULL,
	holder TEXT COLLATE "C" NOT NULL,
	due_at BIGINT NOT NULL,
	created_at BIGINT NOT NULL,
	PRIMARY KEY (tenant_id, job_id)
);
CREATE UNIQUE INDEX jobs_in_slots ON jobs (tenant_id, slot) WHERE slot <> '';
CREATE INDEX jobs_due ON jobs (due_at) WHERE status IN ('uploading', 'pending', 'processing');
CREATE INDEX jobs_by_age ON jobs (created_at);

CREATE TABLE job_chunks (
	tenant_id TEXT COLLATE "C" NOT NULL,
	job_id TEXT COLLATE "C" NOT NULL,
	stream TEXT COLLATE "C" NOT NULL,
	number BIGINT NOT NULL,
	content BYTEA NOT NULL,
	PRIMARY KEY (tenant_id, job_id, stream, number)
);
