package deploy

import (
	"context"
	"net/http"
	"slices"
	"strings"
)

// emailProvider is emails/provider.json: who delivers the tenant's mail
// (https://auth0.com/docs/api/management/v2/emails). {} removes it, where deleting is allowed.
func emailProvider() *kind {
	const path = "emails/provider"
	return &kind{
		name: "emailProvider", order: 60, single: true, files: oneFile{path: "emails/provider.json"},
		load: func(ctx context.Context, s *session) ([]*stored, error) {
			raw, err := s.find(ctx, path+"?fields=name,enabled,default_from_address,credentials,settings&include_fields=true")
			if raw == nil || err != nil {
				return nil, err
			}
			all := single(raw)
			if o := all[0].object; o["credentials"] == nil && len(emailSecrets(o)) > 0 {
				o["credentials"] = object{}
			}
			return all, nil
		},
		strip: func(o object) {
			for _, name := range keysOf(o, false) {
				if o[name] == nil {
					delete(o, name)
				}
			}
		},
		secrets: emailSecrets,
		create:  send(http.MethodPost, path), update: patch(path),
		remove: func(ctx context.Context, r *run, _ *Change) error {
			_, err := call(ctx, r.tenant.API, http.MethodDelete, path, nil)
			return err
		},
	}
}

// emailSecrets are the credentials of the providers, under the markers that the deploy CLI writes.
func emailSecrets(o object) []secret {
	always := func(property, mask string) secret {
		return secret{path: "credentials." + property, mask: "##" + mask + "##", written: true, required: true, masked: true}
	}
	hidden := func(property, mask string) secret {
		s := always(property, mask)
		s.masked = false
		return s
	}
	switch name := text(o, "name"); name {
	case "mailgun", "mandrill", "sendgrid", "sparkpost", "resend":
		return []secret{hidden("api_key", upper(name)+"_API_KEY")}
	case "smtp":
		credentials, _ := o["credentials"].(object)
		switch _, byToken := credentials["smtp_oauth"].(object); {
		case credentials["smtp_auth"] == "none":
			return nil
		case byToken:
			return []secret{always("smtp_user", "SMTP_USER"), hidden("smtp_oauth.client_secret", "SMTP_OAUTH_CLIENT_SECRET")}
		}
		return []secret{always("smtp_user", "SMTP_USER"), hidden("smtp_pass", "SMTP_PASS")}
	case "ses":
		return []secret{hidden("accessKeyId", "SES_ACCESS_KEY_ID"), hidden("secretAccessKey", "SES_ACCESS_SECRET_KEY")}
	case "azure_cs":
		return []secret{hidden("connectionString", "AZURE_CS_CONNECTION_KEY")}
	case "ms365":
		return []secret{hidden("tenantId", "MS365_TENANT_ID"), hidden("clientId", "MS365_CLIENT_ID"), hidden("clientSecret", "MS365_CLIENT_SECRET")}
	}
	return nil
}

// send is a request with the whole of what the file says.
func send(method, path string) func(context.Context, *run, *Change) error {
	return func(ctx context.Context, r *run, c *Change) error {
		body, err := r.newBody(ctx, c)
		if err != nil {
			return err
		}
		_, err = call(ctx, r.tenant.API, method, path, body)
		return err
	}
}

// emailTemplateNames are the mails that have a template (https://auth0.com/docs/api/management/v2/email-templates).
var emailTemplateNames = []string{
	"verify_email", "verify_email_by_code", "auth_email_by_code", "reset_email", "reset_email_by_code", "welcome_email", "blocked_account",
	"stolen_credentials", "enrollment_email", "mfa_oob_code", "user_invitation", "change_password", "password_reset", "async_approval",
}

// emailTemplates is emails/: the mails that a tenant has changed, each with its body beside it. None is ever deleted.
func emailTemplates() *kind {
	var shape []string
	for _, name := range emailTemplateNames {
		shape = append(shape, "emails/"+name+".json", "emails/"+name+".html")
	}
	return &kind{
		name: "emailTemplates", order: 70,
		files: manyFiles{
			dir: "emails", except: []string{"provider.json"}, shape: shape,
			name: func(_ *tree, o object) string { return text(o, "template") },
		},
		sides: []side{{
			property: "body", directory: place{base: "emails", ref: "./{file}.html"}, yaml: place{ref: "./emailTemplates/{file}.html"},
			sibling: siblingFallback, missing: func(object) missing { return missingSkips }, always: true,
		}},
		match: []matchKey{{"template"}}, path: "email-templates",
		title: func(o object) string { return text(o, "template") },
		check: func(it *item) error {
			if name := text(it.object, "template"); !slices.Contains(emailTemplateNames, name) {
				return it.source.refuse("template", "%q is no e-mail template; they are %s", name, strings.Join(emailTemplateNames, ", "))
			}
			return nil
		},
		load: func(ctx context.Context, s *session) ([]*stored, error) {
			var all []*stored
			for _, name := range emailTemplateNames {
				raw, err := s.find(ctx, under("email-templates", name))
				if err != nil {
					return nil, err
				}
				if raw == nil {
					continue
				}
				st := &stored{id: name, raw: raw, object: cloneObject(raw), kept: true}
				if st.object["body"] == nil {
					st.object["body"] = ""
				}
				all = append(all, st)
			}
			return all, nil
		},
		fixed: []string{"template"},
	}
}

// phoneProviders is phone-providers/provider.json, a list of which only the first counts: who delivers the tenant's messages
// (https://auth0.com/docs/api/management/v2/branding/get-branding-phone-providers).
func phoneProviders() *kind {
	return &kind{
		name: "phoneProviders", order: 60, alone: true, files: oneFile{path: "phone-providers/provider.json", list: true},
		id: "id", path: "branding/phone/providers",
		load: func(ctx context.Context, s *session) ([]*stored, error) {
			v, err := call(ctx, s.tenant.API, http.MethodGet, "branding/phone/providers", nil)
			all := list(items(v), "id")
			for _, st := range all {
				if len(phoneSecrets(st.object)) > 0 {
					st.object["credentials"] = object{}
				}
			}
			return all, err
		},
		dropped: []string{"id", "channel", "tenant"},
		secrets: phoneSecrets,
		readOnly: []string{
			"id", "channel", "tenant", "created_at", "updated_at",
		},
		body: func(_ context.Context, _ *run, c *Change, body object) error {
			if body["credentials"] == nil && c.stored == nil {
				body["credentials"] = object{}
			}
			return nil
		},
	}
}

func phoneSecrets(o object) []secret {
	if text(o, "name") != "twilio" {
		return nil
	}
	return []secret{{path: "credentials.auth_token", mask: "##TWILIO_AUTH_TOKEN##", written: true, required: true, masked: true}}
}

// phoneTemplates is phone-templates/: the messages to phones that a tenant has changed.
func phoneTemplates() *kind {
	return &kind{
		name: "phoneTemplates", order: 65,
		files: manyFiles{dir: "phone-templates", name: func(_ *tree, o object) string { return text(o, "type") }},
		match: []matchKey{{"type"}}, id: "id", path: "branding/phone/templates",
		title: func(o object) string { return text(o, "type") },
		load: func(ctx context.Context, s *session) ([]*stored, error) {
			v, err := call(ctx, s.tenant.API, http.MethodGet, "branding/phone/templates", nil)
			return list(items(v), "id"), err
		},
		dropped:  []string{"id", "channel", "customizable", "tenant"},
		readOnly: []string{"id", "channel", "customizable", "tenant", "created_at", "updated_at"},
		fixed:    []string{"type"},
		body: func(_ context.Context, _ *run, _ *Change, body object) error {
			content, _ := body["content"].(object)
			if content["from"] == "" {
				delete(content, "from")
			}
			return nil
		},
	}
}
