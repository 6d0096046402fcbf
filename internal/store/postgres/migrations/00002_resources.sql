-- +goose Up
-- Configuration moves into one table of documents. What was spread over columns becomes a member of the document that the
-- Management API shows; secrets stay sealed as they were, written in hexadecimal.

CREATE TABLE resources (
	tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
	kind TEXT COLLATE "C" NOT NULL,
	resource_id TEXT COLLATE "C" NOT NULL,
	unique_key TEXT COLLATE "C",
	parent TEXT COLLATE "C" NOT NULL,
	document TEXT COLLATE "C" NOT NULL,
	sealed TEXT COLLATE "C" NOT NULL,
	version BIGINT NOT NULL,
	position BIGINT NOT NULL,
	created_at BIGINT NOT NULL,
	updated_at BIGINT NOT NULL,
	PRIMARY KEY (tenant_id, kind, resource_id)
);
CREATE UNIQUE INDEX resources_by_key ON resources (tenant_id, kind, unique_key);
CREATE INDEX resources_in_order ON resources (tenant_id, kind, position);
CREATE INDEX resources_of_parent ON resources (tenant_id, kind, parent, position);

INSERT INTO resources
SELECT tenant_id, 'settings', 'tenant', NULL, '', settings, '{}', 1, 1, created_at, created_at FROM tenants;

INSERT INTO resources
SELECT tenant_id, 'clients', client_id, NULL, '', (document::jsonb || jsonb_build_object('$credentials', credentials::jsonb))::text,
	CASE WHEN secret_sealed IS NULL THEN '{}' ELSE jsonb_build_object('secret', encode(secret_sealed, 'hex'))::text END, 1,
	ROW_NUMBER() OVER (PARTITION BY tenant_id ORDER BY created_at, client_id), created_at, created_at
FROM clients;

INSERT INTO resources
SELECT tenant_id, 'connections', connection_id, name, '',
	jsonb_build_object('id', connection_id, 'name', name, 'strategy', strategy, 'options', options::jsonb,
		'enabled_clients', enabled_clients::jsonb, 'is_domain_connection', FALSE, 'realms', jsonb_build_array(name))::text,
	'{}', 1, position, created_at, created_at
FROM connections;

INSERT INTO resources
SELECT tenant_id, 'resource_servers', resource_server_id, identifier, '', document,
	CASE WHEN secret_sealed IS NULL THEN '{}' ELSE jsonb_build_object('signing_secret', encode(secret_sealed, 'hex'))::text END, 1,
	ROW_NUMBER() OVER (PARTITION BY tenant_id ORDER BY created_at, resource_server_id), created_at, created_at
FROM resource_servers;

INSERT INTO resources
SELECT tenant_id, 'client_grants', client_grant_id, client_id || '|' || audience || '|client', '',
	(document::jsonb || jsonb_build_object('subject_type', 'client'))::text, '{}', 1,
	ROW_NUMBER() OVER (PARTITION BY tenant_id ORDER BY client_grant_id), 0, 0
FROM client_grants;

DROP TABLE client_grants;
DROP TABLE resource_servers;
DROP TABLE connections;
DROP TABLE clients;
ALTER TABLE tenants DROP COLUMN settings;
