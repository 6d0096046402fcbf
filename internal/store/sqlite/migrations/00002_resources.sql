-- +goose Up
-- Configuration moves into one table of documents. What was spread over columns becomes a member of the document that the
-- Management API shows; secrets stay sealed as they were, written in hexadecimal.

CREATE TABLE resources (
	tenant_id TEXT NOT NULL REFERENCES tenants (tenant_id),
	kind TEXT NOT NULL,
	resource_id TEXT NOT NULL,
	unique_key TEXT,
	parent TEXT NOT NULL,
	document TEXT NOT NULL,
	sealed TEXT NOT NULL,
	version INTEGER NOT NULL,
	position INTEGER NOT NULL,
	created_at INTEGER NOT NULL,
	updated_at INTEGER NOT NULL,
	PRIMARY KEY (tenant_id, kind, resource_id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX resources_by_key ON resources (tenant_id, kind, unique_key);
CREATE INDEX resources_in_order ON resources (tenant_id, kind, position);
CREATE INDEX resources_of_parent ON resources (tenant_id, kind, parent, position);

INSERT INTO resources
SELECT tenant_id, 'settings', 'tenant', NULL, '', settings, '{}', 1, 1, created_at, created_at FROM tenants;

INSERT INTO resources
SELECT tenant_id, 'clients', client_id, NULL, '', json_set(document, '$."$credentials"', json(credentials)),
	CASE WHEN secret_sealed IS NULL THEN '{}' ELSE json_object('secret', hex(secret_sealed)) END, 1,
	ROW_NUMBER() OVER (PARTITION BY tenant_id ORDER BY created_at, client_id), created_at, created_at
FROM clients;

INSERT INTO resources
SELECT tenant_id, 'connections', connection_id, name, '',
	json_object('id', connection_id, 'name', name, 'strategy', strategy, 'options', json(options),
		'enabled_clients', json(enabled_clients), 'is_domain_connection', json('false'), 'realms', json_array(name)),
	'{}', 1, position, created_at, created_at
FROM connections;

INSERT INTO resources
SELECT tenant_id, 'resource_servers', resource_server_id, identifier, '', document,
	CASE WHEN secret_sealed IS NULL THEN '{}' ELSE json_object('signing_secret', hex(secret_sealed)) END, 1,
	ROW_NUMBER() OVER (PARTITION BY tenant_id ORDER BY created_at, resource_server_id), created_at, created_at
FROM resource_servers;

INSERT INTO resources
SELECT tenant_id, 'client_grants', client_grant_id, client_id || '|' || audience || '|client', '',
	json_set(document, '$.subject_type', 'client'), '{}', 1,
	ROW_NUMBER() OVER (PARTITION BY tenant_id ORDER BY client_grant_id), 0, 0
FROM client_grants;

DROP TABLE client_grants;
DROP TABLE resource_servers;
DROP TABLE connections;
DROP TABLE clients;
ALTER TABLE tenants DROP COLUMN settings;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
	('resources', 'resources', '100000 1000 20 1'),
	('resources', 'resources_by_key', '100000 1000 20 1'),
	('resources', 'resources_in_order', '100000 1000 20 1'),
	('resources', 'resources_of_parent', '100000 1000 20 5 1');
