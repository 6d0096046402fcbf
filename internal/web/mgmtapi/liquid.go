package mgmtapi

import (
	"context"
	"errors"

	"latchkey/internal/message"
	"latchkey/internal/resource"
)

// Templates judges what tenants write in Liquid. A *message.BadTemplate says what is wrong with it.
type Templates interface {
	Check(ctx context.Context, tenantID string, texts map[string]string) error
}

// checkLiquid refuses a payload whose named members are no Liquid. It takes a while, and so comes before the commit.
func (r *request) checkLiquid(d resource.Document, members ...string) error {
	if syntax := text(d, "syntax"); r.Templates == nil || syntax != "" && syntax != "liquid" {
		return nil
	}
	texts := map[string]string{}
	for _, name := range members {
		texts[name] = text(d, name)
	}
	err := r.Templates.Check(r.ctx(), r.tenantID(), texts)
	var bad *message.BadTemplate
	if errors.As(err, &bad) {
		return invalidBody("Payload validation error: 'The template cannot be used: %s'.", bad.Reason)
	}
	return err
}

// checkMessages checks the mail and the text message among a connection's options. The latter is Liquid only where it says so.
func (r *request) checkMessages(options resource.Document) error {
	if text(options, "syntax") == "liquid" {
		if err := r.checkLiquid(options, "template"); err != nil {
			return err
		}
	}
	return r.checkLiquid(member(options, "email"), "body", "subject", "from")
}

// checkNote checks the content of a phone template.
func (r *request) checkNote(content resource.Document) error {
	if err := r.checkLiquid(content, "from"); err != nil {
		return err
	}
	return r.checkLiquid(member(content, "body"), "text", "voice")
}

// emailTemplateTexts are the members of an e-mail template that are Liquid.
var emailTemplateTexts = []string{"body", "subject", "from", "resultUrl"}
