package deploy

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// clients is clients/: the tenant's applications, without the hidden global one
// (https://auth0.com/docs/api/management/v2/clients). A login page of its own lies beside the client's file.
func clients() *kind {
	page := place{base: "clients", ref: "./{file}_custom_login_page.html"}
	return &kind{
		name: "clients", order: 50, skipEmpty: true,
		files: manyFiles{dir: "clients", shape: []string{"clients/*.json", "clients/*_custom_login_page.html"}},
		sides: []side{{
			property: "custom_login_page", directory: page, yaml: page,
			missing: func(object) missing { return missingLiteral },
		}},
		match: []matchKey{{"client_id"}, {"name"}}, id: "client_id", path: "clients",
		upgrade: func(o object) {
			moveProperty(o, "cross_origin_auth", "cross_origin_authentication")
			moveProperty(o, "oidc_backchannel_logout", "oidc_logout")
		},
		load: loadClients,
		dropped: []string{
			"client_secret", "callback_url_template", "signing_keys", "global", "tenant", "custom_login_page_preview", "config_route",
			"owners", "cross_origin_auth", "oidc_backchannel_logout", "signed_request_object.credentials",
			"token_vault_privileged_access.credentials",
		},
		strip: func(o object) {
			for _, name := range []string{"allowed_clients", "allowed_logout_urls", "allowed_origins", "callbacks"} {
				if v, there := o[name]; there && v == nil {
					o[name] = []any{}
				}
			}
		},
		secrets: func(o object) []secret {
			found := []secret{{path: "client_secret", mask: marker("CLIENTS_%s_CLIENT_SECRET", text(o, "name"))}}
			for _, path := range addonKeys {
				addon, key, _ := strings.Cut(path, ".")
				found = append(found, secret{path: "addons." + path, mask: marker("CLIENTS_%s_%s_%s", text(o, "name"), addon, key)})
			}
			return found
		},
		readOnly: []string{
			"callback_url_template", "signing_keys", "global", "tenant", "custom_login_page_preview", "config_route", "owners",
			"external_metadata_type", "external_metadata_created_by", "signed_request_object.credentials",
		},
		createOnly: []string{"jwt_configuration.secret_encoded", "resource_server_identifier", "jwks_uri", "third_party_security_mode"},
		prepare:    prepareClient,
		complete:   completeCredentials,
		body:       clientBody,
		create:     createClient,
		after:      forgetCredentials,
	}
}

// addonKeys are the secrets among the settings of addons (https://auth0.com/docs/api/management/v2/clients).
var addonKeys = []string{
	"azure_blob.storageAccessKey", "azure_sb.sasKey", "firebase.private_key", "firebase.secret", "layer.privateKey",
	"sap_api.servicePassword", "wams.masterkey",
}

// moveProperty gives a former property its present name, unless that is there too.
func moveProperty(o object, former, now string) {
	v, there := o[former]
	if !there {
		return
	}
	delete(o, former)
	if _, there := o[now]; !there {
		o[now] = v
	}
}

func loadClients(ctx context.Context, s *session) ([]*stored, error) {
	found, err := s.pages(ctx, "clients?is_global=false")
	if err != nil {
		return nil, err
	}
	found = slices.DeleteFunc(found, func(o object) bool { return o["global"] == true })
	all := list(found, "client_id")
	for _, st := range all {
		st.kept = st.id == s.tenant.ManagingClient
		if err := s.nameCredentials(ctx, st); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// credentialsOf gives the one method by which a client proves itself with credentials.
func credentialsOf(o object) (method string, credentials []object) {
	methods, _ := o["client_authentication_methods"].(object)
	for _, method := range keysOf(methods, false) {
		m, _ := methods[method].(object)
		return method, objects(m["credentials"])
	}
	return "", nil
}

// nameCredentials tells a client's credentials by their names and not by their ids. Those without a name cannot be told in
// files.
func (s *session) nameCredentials(ctx context.Context, st *stored) error {
	method, credentials := credentialsOf(st.raw)
	if len(credentials) == 0 {
		delete(st.object, "client_authentication_methods")
		return nil
	}
	v, err := call(ctx, s.tenant.API, http.MethodGet, under("clients", st.id, "credentials"), nil)
	if err != nil {
		return err
	}
	var named []any
	for _, c := range items(v) {
		used := slices.ContainsFunc(credentials, func(o object) bool { return text(o, "id") == text(c, "id") })
		if used && text(c, "name") != "" {
			named = append(named, pick(c, "name", "credential_type"))
		}
	}
	delete(st.object, "client_authentication_methods")
	if len(named) > 0 {
		st.object["client_authentication_methods"] = object{method: object{"credentials": named}}
	}
	return nil
}

// prepareClient leaves out the keys of credentials, which the API never tells, and plans what deleting means within a
// client: metadata and credentials that the file does not hold.
func prepareClient(_ context.Context, s *session, want object, have *stored) error {
	_, credentials := credentialsOf(want)
	for _, c := range credentials {
		for _, name := range keysOf(c, false) {
			if name != "name" && name != "credential_type" {
				delete(c, name)
			}
		}
	}
	if have == nil || !s.settings.AllowDelete {
		return nil
	}
	if _, told := want["client_authentication_methods"]; !told && have.object["client_authentication_methods"] != nil {
		want["client_authentication_methods"] = nil
	}
	if stored, _ := have.object["client_metadata"].(object); len(stored) > 0 {
		want["client_metadata"] = withoutOthers(want["client_metadata"], stored)
	}
	return nil
}

// completeCredentials gives a new client the keys of its credentials, which an export leaves out: each from the keyword that
// is named after client and credential.
func completeCredentials(s Settings, it *item) []error {
	var lacking []error
	method, credentials := credentialsOf(it.object)
	for i, o := range credentials {
		if pem := text(o, "pem"); pem != "" && !isMask(pem) {
			continue
		}
		keyword := upper("CLIENTS_"+text(it.object, "name")+"_"+text(o, "name")) + "_PEM"
		value, given := s.Keywords[keyword]
		if !given {
			lacking = append(lacking, it.source.refuse(fmt.Sprintf("client_authentication_methods.%s.credentials[%d].pem", method, i),
				"the key of %q is needed to create the client; write it, or give the keyword %s", text(o, "name"), keyword))
			continue
		}
		o["pem"] = plainText(value)
	}
	return lacking
}

// withoutOthers adds null for each stored key that is not wanted.
func withoutOthers(want any, stored object) object {
	w, _ := want.(object)
	all := object{}
	for key := range stored {
		all[key] = nil
	}
	for key, value := range w {
		all[key] = value
	}
	return all
}

// createClient gives a new client the secret of the file, which a creation does not take.
func createClient(ctx context.Context, r *run, c *Change) error {
	if err := createOne(ctx, r, c); err != nil {
		return err
	}
	given := pick(c.item.object, "client_secret")
	if dropMasks(given); given["client_secret"] == nil {
		return nil
	}
	_, err := call(ctx, r.tenant.API, http.MethodPatch, under("clients", c.stored.id), given)
	return err
}

// clientBody makes credentials of keys, and spells out the metadata that goes.
func clientBody(ctx context.Context, r *run, c *Change, body object) error {
	if c.stored == nil {
		delete(body, "client_secret")
		return nil
	}
	if stored, _ := c.stored.raw["client_metadata"].(object); r.settings.AllowDelete && c.changes("client_metadata") {
		body["client_metadata"] = withoutOthers(body["client_metadata"], stored)
	}
	if !c.changes("client_authentication_methods") {
		delete(body, "client_authentication_methods")
		return nil
	}
	method, credentials := credentialsOf(body)
	if method == "" {
		body["client_authentication_methods"] = nil
		return nil
	}
	ids, err := r.credentialIDs(ctx, c, credentials)
	if err != nil {
		return err
	}
	body["client_authentication_methods"] = object{method: object{"credentials": ids}}
	body["token_endpoint_auth_method"] = nil
	return nil
}

// credentialIDs gives the ids of credentials by their names, and makes those that are not stored.
func (r *run) credentialIDs(ctx context.Context, c *Change, credentials []object) ([]any, error) {
	path := under("clients", c.stored.id, "credentials")
	v, err := call(ctx, r.tenant.API, http.MethodGet, path, nil)
	if err != nil {
		return nil, err
	}
	known := items(v)
	var ids []any
	for _, wanted := range credentials {
		i := slices.IndexFunc(known, func(o object) bool { return text(o, "name") == text(wanted, "name") })
		if i >= 0 {
			ids = append(ids, pick(known[i], "id"))
			continue
		}
		if text(wanted, "pem") == "" {
			return nil, fmt.Errorf("client_authentication_methods: the credential %q needs its pem, or it cannot be made", text(wanted, "name"))
		}
		made, err := call(ctx, r.tenant.API, http.MethodPost, path, wanted)
		if err != nil {
			return nil, err
		}
		o, _ := made.(object)
		ids = append(ids, pick(o, "id"))
	}
	return ids, nil
}

// forgetCredentials deletes the credentials that the client no longer uses, where that is allowed.
func forgetCredentials(ctx context.Context, r *run, c *Change) error {
	if c.Action != Update || !r.settings.AllowDelete || !c.changes("client_authentication_methods") {
		return nil
	}
	path := under("clients", c.stored.id, "credentials")
	v, err := call(ctx, r.tenant.API, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	_, wanted := credentialsOf(c.item.object)
	for _, o := range items(v) {
		if slices.ContainsFunc(wanted, func(w object) bool { return text(w, "name") == text(o, "name") }) {
			continue
		}
		if _, err := call(ctx, r.tenant.API, http.MethodDelete, under(path, text(o, "id")), nil); err != nil {
			return err
		}
	}
	return nil
}
