package mgmtapi

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

	"latchkey/internal/client"
	"latchkey/internal/connection"
	"latchkey/internal/grant"
	"latchkey/internal/ident"
	"latchkey/internal/resource"
)

// Clients: Auth0 docs, "Management API v2: Clients", "Application Settings". The defaults are those that a client created
// with nothing but its name is answered with.

var clients = &collection{
	kind: resource.Clients, plural: "clients", idName: "client_id", newID: ident.ClientID,
	missing: errNoClient, taken: errAliasTaken,
	byKey: []string{
		"client_metadata", "latchkey", "jwt_configuration", "mobile", "native_social_login", "session_transfer", "signed_request_object",
	},
	secrets: []string{
		"client_secret", "addons.azure_blob.storageAccessKey", "addons.azure_sb.sasKey", "addons.firebase.private_key", "addons.firebase.secret",
		"addons.layer.privateKey", "addons.sap_api.servicePassword", "addons.wams.masterkey",
	},
	replaces: true,
	reveal:   revealsClientSecret,
	prepare:  prepareClient,
	check:    checkClient,
	present:  presentClient,
	keep:     clientFilter,
	saved:    clientSaved,
	removed:  clientRemoved,
}

func (a *api) clients() []route {
	readClients := anyOf("read:clients", "read:client_keys", "read:client_credentials", "read:client_summary")
	return []route{
		{"GET /clients", "Get clients", readClients, withSigningKeys(listClients)},
		{"POST /clients", "Create a client", anyOf("create:clients"), withSigningKeys(clients.create)},
		{"GET /clients/{id}", "Get a client", readClients, withSigningKeys(getClient)},
		{"PATCH /clients/{id}", "Update a client", anyOf(
			"update:clients", "update:client_keys", "update:client_credentials", "update:client_token_vault_privileged_access",
		), withSigningKeys(updateClient)},
		{"DELETE /clients/{id}", "Delete a client", anyOf("delete:clients"), deleteClient},
		{"POST /clients/{id}/rotate-secret", "Rotate a client secret", anyOf("update:client_keys"), withSigningKeys(rotateClientSecret)},

		{"GET /clients/{client_id}/credentials", "Get client credentials", anyOf("read:client_credentials"), listCredentials},
		{"POST /clients/{client_id}/credentials", "Create a client credential", anyOf("create:client_credentials"), createCredential},
		{"GET /clients/{client_id}/credentials/{credential_id}", "Get a client credential", anyOf("read:client_credentials"), getCredential},
		{"PATCH /clients/{client_id}/credentials/{credential_id}", "Update a client credential", anyOf("update:client_credentials"), updateCredential},
		{"DELETE /clients/{client_id}/credentials/{credential_id}", "Delete a client credential", anyOf("delete:client_credentials"), deleteCredential},
	}
}

var (
	errNoClient   = notFoundError("inexistent_client", "The client does not exist")
	errAliasTaken = conflict("Another client exists with the same alias.")
)

// defaultGrantTypes are the grant types of a client that names none.
func defaultGrantTypes(appType string) []any {
	switch appType {
	case "spa", "native":
		return []any{client.GrantAuthorizationCode, client.GrantImplicit, client.GrantRefreshToken}
	case "resource_server":
		return []any{}
	}
	return []any{client.GrantAuthorizationCode, client.GrantImplicit, client.GrantRefreshToken, client.GrantClientCredentials}
}

// grantTypes are all that a client may be given (Auth0 docs, "Application Grant Types").
var grantTypes = []string{
	client.GrantAuthorizationCode, client.GrantImplicit, client.GrantRefreshToken, client.GrantClientCredentials, "password",
	"http://auth0.com/oauth/grant-type/password-realm", client.GrantPasswordlessOTP, "http://auth0.com/oauth/grant-type/mfa-oob",
	"http://auth0.com/oauth/grant-type/mfa-otp", "http://auth0.com/oauth/grant-type/mfa-recovery-code",
	"urn:ietf:params:oauth:grant-type:device_code", "urn:ietf:params:oauth:grant-type:token-exchange",
	"urn:ietf:params:oauth:grant-type:jwt-bearer", "urn:okta:params:oauth:grant-type:webauthn", "urn:openid:params:grant-type:ciba",
	"urn:auth0:params:oauth:grant-type:token-exchange:federated-connection-access-token",
}

// clientDefaults are what every client shows.
var clientDefaults = resource.Document{
	"is_first_party": true, "oidc_conformant": false, "is_token_endpoint_ip_header_trusted": false, "sso_disabled": false,
	"cross_origin_authentication": false, "custom_login_page_on": true,
}

// prepareClient completes a new client.
func prepareClient(r *request, d resource.Document) error {
	renameLogout(d)
	defaults(d, clientDefaults)
	thirdParty := d["is_first_party"] == false
	if thirdParty && d["third_party_security_mode"] == nil && r.doc()["oidc_conformant"] == nil {
		d["oidc_conformant"] = true
	}
	types := defaultGrantTypes(text(d, "app_type"))
	if thirdParty {
		types = []any{client.GrantAuthorizationCode}
	}
	defaults(d, resource.Document{"grant_types": types, "jwt_configuration": resource.Document{"lifetime_in_seconds": 36000.0}})
	d["client_secret"] = ident.ClientSecret()
	return r.createCredentials(d)
}

// clientSaved enables a new client on the database connections where the tenant wants that of all (Auth0 docs, "Tenant
// Settings", flag enable_client_connections).
func clientSaved(r *request, ctx context.Context, before, after *resource.Resource) error {
	if before != nil || !r.site.Tenant.Settings.Flags.EnableClientConnections {
		return nil
	}
	all, err := r.everyResource(ctx, resource.Connections)
	if err != nil {
		return err
	}
	for _, c := range all {
		if text(c.Document, "strategy") != string(connection.Database) {
			continue
		}
		enabled, _ := c.Document["enabled_clients"].([]any)
		c.Document["enabled_clients"] = append(enabled, after.ID)
		if err := r.Resources.UpdateResource(ctx, r.tenantID(), c); err != nil {
			return err
		}
	}
	return nil
}

// refreshDefaults are the refresh token settings of a client that names none. Confidential clients live longer.
func refreshDefaults(d resource.Document) resource.Document {
	method := text(d, "token_endpoint_auth_method")
	life, idle := 2592000.0, 1296000.0
	if method != "" && method != string(client.AuthNone) {
		life, idle = 31557600.0, 2592000.0
	}
	return resource.Document{
		"rotation_type": "non-rotating", "expiration_type": "non-expiring", "leeway": 0.0, "token_lifetime": life,
		"infinite_token_lifetime": true, "infinite_idle_token_lifetime": true, "idle_token_lifetime": idle,
	}
}

// sessionTransferDefaults complete a client's settings of native to web sessions (Auth0 docs, "Configure Native to Web SSO").
var sessionTransferDefaults = resource.Document{
	"can_create_session_transfer_token": false, "allowed_authentication_methods": []any{}, "enforce_device_binding": "ip",
	"allow_refresh_token": false, "enforce_online_refresh_tokens": true, "enforce_cascade_revocation": true,
}

// renameLogout writes the former name of a client's logout settings as the present one, which counts where both are given.
func renameLogout(d resource.Document) {
	former, given := d["oidc_backchannel_logout"]
	if !given {
		return
	}
	delete(d, "oidc_backchannel_logout")
	if _, both := d["oidc_logout"]; !both {
		d["oidc_logout"] = former
	}
}

// checkClient holds a client to the rules between its members, and writes them in the form in which they are kept.
func checkClient(r *request, ctx context.Context, before, after resource.Document) error {
	for _, grantType := range texts(after, "grant_types") {
		if !slices.Contains(grantTypes, grantType) {
			return invalidBody("Unknown grant type: %s", grantType)
		}
	}
	if after["token_endpoint_auth_method"] != nil && after["client_authentication_methods"] != nil {
		return invalidBody("token_endpoint_auth_method and client_authentication_methods are mutually exclusive")
	}
	if err := checkCredentialRefs(after); err != nil {
		return err
	}
	if jwt := member(after, "jwt_configuration"); jwt != nil {
		defaults(jwt, resource.Document{"secret_encoded": false})
	}
	if err := checkRefresh(after); err != nil {
		return err
	}
	if metadata := member(after, "client_metadata"); len(metadata) > 10 {
		return invalidBody("Payload validation error: 'Too many properties defined (%d), maximum 10' on property client_metadata.", len(metadata))
	}
	if transfer := member(after, "session_transfer"); transfer != nil {
		defaults(transfer, sessionTransferDefaults)
	}
	return r.checkAliases(ctx, before, after)
}

// checkRefresh: Auth0 docs, "Configure Refresh Token Rotation" and "Configure Refresh Token Expiration".
func checkRefresh(d resource.Document) error {
	policy := member(d, "refresh_token")
	if policy == nil {
		return nil
	}
	expiring := policy["expiration_type"] == "expiring"
	if policy["rotation_type"] == "rotating" && !expiring {
		return invalidBody("refresh_token.expiration_type must be expiring when refresh_token.rotation_type is rotating")
	}
	absent := refreshDefaults(d)
	absent["infinite_token_lifetime"], absent["infinite_idle_token_lifetime"] = !expiring, !expiring
	defaults(policy, absent)
	life, _ := policy["token_lifetime"].(float64)
	idle, _ := policy["idle_token_lifetime"].(float64)
	if expiring && policy["infinite_token_lifetime"] != true && policy["infinite_idle_token_lifetime"] != true && idle > life {
		return invalidBody("refresh_token.idle_token_lifetime must not be longer than refresh_token.token_lifetime")
	}
	return nil
}

// checkAliases refuses an alias that another client has.
func (r *request) checkAliases(ctx context.Context, before, after resource.Document) error {
	aliases := texts(after, "client_aliases")
	if len(aliases) == 0 || slices.Equal(aliases, texts(before, "client_aliases")) {
		return nil
	}
	all, err := r.everyResource(ctx, resource.Clients)
	if err != nil {
		return err
	}
	for _, other := range all {
		taken := texts(other.Document, "client_aliases")
		if other.ID != text(after, "client_id") && slices.ContainsFunc(aliases, func(a string) bool { return slices.Contains(taken, a) }) {
			return errAliasTaken
		}
	}
	return nil
}

// revealsClientSecret tells that secrets are shown: to those who may read keys, and once to whoever made them.
func revealsClientSecret(r *request) bool {
	return r.token.has("read:client_keys") || r.http.Method == http.MethodPost
}

// presentClient completes what is shown of a client: one that was made before a setting existed has its default.
func presentClient(r *request, stored *resource.Resource, shown resource.Document) {
	defaults(shown, clientDefaults)
	defaults(shown, resource.Document{
		"grant_types": defaultGrantTypes(text(shown, "app_type")), "refresh_token": refreshDefaults(shown),
		"jwt_configuration": resource.Document{"secret_encoded": false, "lifetime_in_seconds": 36000.0},
		"tenant":            r.site.Tenant.Name, "global": false,
	})
	_ = checkRefresh(shown) // completes settings of which a part was stored
	if logout := member(shown, "oidc_logout"); logout != nil {
		shown["oidc_backchannel_logout"] = resource.Document{"backchannel_logout_urls": cloneValue(logout["backchannel_logout_urls"])}
	}
	if shown["client_authentication_methods"] != nil { // the secret opens nothing while these are set
		delete(shown, "client_secret")
	}
	if r.http.Method == http.MethodPost && r.doc()["client_authentication_methods"] != nil {
		showCreatedCredentials(stored, shown)
	}
	if !r.token.has("read:client_keys") {
		delete(shown, "encryption_key")
	}
	reads := []string{"read:clients", "read:client_keys", "read:client_credentials", "create:clients", "update:clients"}
	if !slices.ContainsFunc(reads, r.token.has) {
		summarize(shown)
	}
}

// summary is what a token with nothing but read:client_summary is shown.
var summary = []string{
	"client_id", "name", "tenant", "global", "app_type", "logo_uri", "is_first_party", "description", "external_client_id",
}

func summarize(shown resource.Document) {
	for name := range shown {
		if !slices.Contains(summary, name) {
			delete(shown, name)
		}
	}
}

// clientFilter keeps the clients that the query asks for.
func clientFilter(r *request) func(*resource.Resource) bool {
	global, firstParty, appTypes := r.query("is_global"), r.query("is_first_party"), r.query("app_type")
	if global == "" && firstParty == "" && appTypes == "" {
		return nil
	}
	is := func(asked string, v any, absent bool) bool {
		b, set := v.(bool)
		if !set {
			b = absent
		}
		return asked == "" || (asked == "true") == b
	}
	return func(stored *resource.Resource) bool {
		d := stored.Document
		return is(global, d["global"], false) && is(firstParty, d["is_first_party"], true) &&
			(appTypes == "" || slices.Contains(strings.Split(appTypes, ","), text(d, "app_type")))
	}
}

// keyMembers are the members that are secrets. Asking for one by name takes the scope that shows it.
var keyMembers = []string{"client_secret", "encryption_key", "signing_keys"}

func listClients(r *request) (answer, error) {
	if err := r.mayRead(); err != nil {
		return answer{}, err
	}
	a, err := clients.list(r)
	if err != nil || !r.token.has("read:client_keys") || !showsSecret(r) {
		return a, err
	}
	return a, r.disclosed(a)
}

func getClient(r *request) (answer, error) {
	if err := r.mayRead(); err != nil {
		return answer{}, err
	}
	a, err := clients.get(r)
	if err != nil || !r.token.has("read:client_keys") || !showsSecret(r) {
		return a, err
	}
	return a, r.disclosed(a)
}

// mayRead refuses to name a secret in fields without the scope for it.
func (r *request) mayRead() error {
	fields := strings.Split(r.query("fields"), ",")
	named := slices.ContainsFunc(keyMembers, func(name string) bool { return slices.Contains(fields, name) })
	if named && r.query("include_fields") != "false" && !r.token.has("read:client_keys") {
		return insufficientScope("expected any of: read:client_keys")
	}
	return nil
}

// showsSecret reports whether the answer of a read holds client secrets: not when the chosen fields leave them out.
func showsSecret(r *request) bool {
	fields := r.query("fields")
	listed := slices.ContainsFunc(strings.Split(fields, ","), func(f string) bool { return slices.Contains(keyMembers, f) })
	return fields == "" || listed == (r.query("include_fields") != "false")
}

// updateClient changes what the caller may change: members have scopes of their own.
func updateClient(r *request) (answer, error) {
	for _, name := range slices.Sorted(maps.Keys(r.doc())) {
		if err := anyOf(scopesToChange(name)...).check(r.token); err != nil {
			return answer{}, err
		}
	}
	renameLogout(r.doc())
	return clients.update(r)
}

// scopesToChange are those of which one is needed to change a member of a client.
func scopesToChange(member string) []string {
	switch member {
	case "client_secret", "encryption_key", "signing_keys":
		return []string{"update:client_keys"}
	case "client_authentication_methods":
		return []string{"update:clients", "update:client_credentials"}
	case "token_vault_privileged_access":
		return []string{"update:clients", "update:client_token_vault_privileged_access"}
	}
	return []string{"update:clients"}
}

func rotateClientSecret(r *request) (answer, error) {
	secret := ident.ClientSecret()
	return clients.change(r, r.path("id"), func(c *resource.Resource) error {
		c.Document["client_secret"] = secret
		return nil
	})
}

func deleteClient(r *request) (answer, error) {
	stored, err := clients.find(r, r.ctx(), r.path("id"))
	if err != nil && !errors.Is(err, errNoClient) {
		return answer{}, err
	}
	if stored != nil && stored.Document["global"] == true {
		return answer{}, problem{Status: 400, Code: "operation_not_supported", Message: "Global client cannot be deleted."}
	}
	a, err := clients.remove(r)
	if errors.Is(err, errNoClient) {
		return r.commit(func(context.Context) (answer, error) { return noContent() })
	}
	return a, err
}

// clientRemoved takes away what is of no use without the client: its place at connections, its grants, what users gave it.
func clientRemoved(r *request, ctx context.Context, gone *resource.Resource) error {
	if err := withoutClient(r, ctx, gone.ID); err != nil {
		return err
	}
	all, err := r.everyResource(ctx, resource.ClientGrants)
	if err != nil {
		return err
	}
	for _, g := range all {
		if text(g.Document, "client_id") != gone.ID {
			continue
		}
		if err := r.Resources.DeleteResource(ctx, r.tenantID(), resource.ClientGrants, g.ID); err != nil {
			return err
		}
	}
	if _, err := r.Grants.Withdraw(ctx, r.tenantID(), grant.ConsentFilter{ClientID: gone.ID}); err != nil {
		return err
	}
	_, err = r.Grants.Revoke(ctx, r.tenantID(), grant.FamilyFilter{ClientID: gone.ID})
	return err
}
