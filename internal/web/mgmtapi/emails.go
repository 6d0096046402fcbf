package mgmtapi

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"latchkey/internal/message"
	"latchkey/internal/resource"
)

// emailProvider: Auth0 docs, "Customize Email Handling". A tenant has one; answers show what is no secret of its
// credentials.
var emailProvider = &settings{
	id:      "email_provider",
	missing: &problem{Status: 404, Code: "inexistent_email_provider", Message: "There is not a configured email provider"},
	absent:  resource.Document{"enabled": true, "credentials": resource.Document{}},
	secrets: []string{
		"credentials.api_key", "credentials.accessKeyId", "credentials.secretAccessKey", "credentials.smtp_pass",
		"credentials.connectionString", "credentials.tenantId", "credentials.clientId", "credentials.clientSecret",
		"credentials.smtp_oauth.client_secret", "credentials.smtp_oauth.refresh_token",
	},
}

// emailCredentials are the credentials that a provider cannot do without.
var emailCredentials = map[string][]string{
	"mandrill": {"api_key"}, "sendgrid": {"api_key"}, "resend": {"api_key"}, "sparkpost": {"api_key"},
	"mailgun": {"api_key", "domain"}, "ses": {"accessKeyId", "secretAccessKey", "region"},
	"smtp": {"smtp_host", "smtp_port"}, "azure_cs": {"connectionString"},
	"ms365": {"tenantId", "clientId", "clientSecret"},
}

// emailTemplates: Auth0 docs, "Customize Email Templates". A template exists once it was set; none is ever deleted.
var emailTemplates = &collection{
	kind: "email_templates", plural: "templates", idName: "template", param: "templateName",
	missing: notFoundError("inexistent_email_template", "The template does not exist."),
}

func (a *api) emails() []route {
	return []route{
		{"GET /emails/provider", "Get email provider", anyOf("read:email_provider"), getEmailProvider},
		{"POST /emails/provider", "Configure email provider", anyOf("create:email_provider"), createEmailProvider},
		{"PATCH /emails/provider", "Update email provider", anyOf("update:email_provider"), updateEmailProvider},
		{"DELETE /emails/provider", "Delete email provider", anyOf("delete:email_provider"), removed(emailProvider)},
		{"POST /emails/provider/try", "Try email provider", anyOf("update:email_provider"), tryEmailProvider},
		{"POST /email-templates", "Create an email template", anyOf("create:email_templates"), createEmailTemplate},
		{"GET /email-templates/{templateName}", "Get an email template", anyOf("read:email_templates"), emailTemplates.get},
		{"PUT /email-templates/{templateName}", "Update an email template", anyOf("update:email_templates"), putEmailTemplate},
		{"PATCH /email-templates/{templateName}", "Patch an email template", anyOf("update:email_templates"), patchEmailTemplate},
		{"POST /email-templates/{templateName}/try", "Try an email template", anyOf("update:email_templates"), tryEmailTemplate},
		{"POST /connections/{id}/try-email", "Try the email of a connection", anyOf("update:connections"), tryConnectionMail},
	}
}

// getEmailProvider shows name and enabled unless the call asks for more.
func getEmailProvider(r *request) (answer, error) {
	a, err := emailProvider.get(r)
	if err != nil || r.query("fields") != "" {
		return a, err
	}
	shown, _ := a.body.(resource.Document)
	return ok(resource.Document{"name": shown["name"], "enabled": shown["enabled"]})
}

func createEmailProvider(r *request) (answer, error) {
	if err := errors.Join(checkEmailCredentials(r.doc()), checkMailServer(r.doc())); err != nil {
		return answer{}, err
	}
	return emailProvider.create(r, conflict("Email provider is already configured."))
}

// updateEmailProvider changes the provider. The same provider keeps the credentials and settings that the payload does not
// name, but for the secrets of a mail server that becomes another one; another provider begins anew.
func updateEmailProvider(r *request) (answer, error) {
	return emailProvider.write(r, func(before, after *resource.Resource) error {
		if before.Version == 0 {
			return *emailProvider.missing
		}
		payload := clone(r.doc())
		if name := text(payload, "name"); name != "" && name != text(before.Document, "name") {
			if err := checkEmailCredentials(payload); err != nil {
				return err
			}
			after.Sealed = nil
			delete(after.Document, "credentials")
			delete(after.Document, "settings")
		}
		merge(after.Document, payload, []string{"credentials"})
		if member(member(after.Document, "credentials"), "smtp_oauth") == nil {
			delete(after.Sealed, "credentials.smtp_oauth.client_secret")
			delete(after.Sealed, "credentials.smtp_oauth.refresh_token")
		}
		return errors.Join(checkMailSecrets(before, after), checkMailServer(after.Document))
	})
}

// checkEmailCredentials refuses a provider without the credentials that it needs.
func checkEmailCredentials(d resource.Document) error {
	given := member(d, "credentials")
	needed := slices.Clone(emailCredentials[text(d, "name")])
	if text(d, "name") == "smtp" && text(given, "smtp_auth") != "none" {
		if needed = append(needed, "smtp_user"); given["smtp_oauth"] == nil {
			needed = append(needed, "smtp_pass")
		}
	}
	for _, name := range needed {
		if given[name] == nil {
			return invalidBody("Payload validation error: 'Missing required property: %s' on property credentials.", name)
		}
	}
	return nil
}

// checkMailServer refuses a mail server that no message could be sent by.
func checkMailServer(d resource.Document) error {
	if text(d, "name") != "smtp" {
		return nil
	}
	if err := message.CheckSMTP(member(d, "credentials")); err != nil {
		return invalidBody("Payload validation error: '%s' on property credentials.", err)
	}
	return nil
}

// whoGetsSecrets are the members of credentials that say to whom the password, or what tokens are asked for with, is shown.
var whoGetsSecrets = []string{"smtp_host", "smtp_port", "smtp_user", "smtp_oauth.token_url", "smtp_oauth.client_id"}

// checkMailSecrets refuses a change by which stored secrets would be shown to somebody else than they were given for: they
// have to be given again (Auth0 docs, "Configure External SMTP Email Providers").
func checkMailSecrets(before, after *resource.Resource) error {
	old, fresh := member(before.Document, "credentials"), member(after.Document, "credentials")
	moved := slices.ContainsFunc(whoGetsSecrets, func(path string) bool {
		was, name := reach(old, path)
		is, _ := reach(fresh, path)
		return was != nil && was[name] != nil && (is == nil || is[name] != was[name])
	})
	if !moved {
		return nil
	}
	for path := range after.Sealed {
		if holder, name := reach(after.Document, path); holder == nil || holder[name] == nil {
			return invalidBody("Payload validation error: '%s must be given again where host, port or user change' on property credentials.",
				strings.TrimPrefix(path, "credentials."))
		}
	}
	return nil
}

func createEmailTemplate(r *request) (answer, error) {
	name := text(r.doc(), "template")
	d := withSyntax(clone(r.doc()))
	if err := r.checkLiquid(d, emailTemplateTexts...); err != nil {
		return answer{}, err
	}
	return r.commit(func(ctx context.Context) (answer, error) {
		fresh := &resource.Resource{Kind: emailTemplates.kind, ID: name, Document: d, CreatedAt: r.now(), UpdatedAt: r.now()}
		err := r.Resources.CreateResource(ctx, r.tenantID(), fresh)
		if errors.Is(err, resource.ErrExists) {
			return answer{}, conflict("Template " + name + " already exists.")
		}
		return answer{status: http.StatusOK, body: d}, err
	})
}

func putEmailTemplate(r *request) (answer, error) {
	if err := r.checkLiquid(r.doc(), emailTemplateTexts...); err != nil {
		return answer{}, err
	}
	return emailTemplates.change(r, emailTemplates.pathID(r), func(after *resource.Resource) error {
		clear(after.Document)
		layTemplate(r, after.Document)
		return nil
	})
}

func patchEmailTemplate(r *request) (answer, error) {
	if err := r.checkLiquid(r.doc(), emailTemplateTexts...); err != nil {
		return answer{}, err
	}
	return emailTemplates.change(r, emailTemplates.pathID(r), func(after *resource.Resource) error {
		layTemplate(r, after.Document)
		return nil
	})
}

// layTemplate lays a payload over a template. Null is a value here.
func layTemplate(r *request, d resource.Document) {
	for name, v := range r.doc() {
		d[name] = v
	}
	d["template"] = emailTemplates.pathID(r)
	withSyntax(d)
}

// withSyntax gives a template the one syntax there is.
func withSyntax(d resource.Document) resource.Document {
	if text(d, "syntax") == "" {
		d["syntax"] = "liquid"
	}
	return d
}
