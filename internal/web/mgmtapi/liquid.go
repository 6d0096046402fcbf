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

// checkMail checks the mail among a connection's options.
func (r *request) checkMail(options resource.Document) error {
	return r.checkLiquid(member(options, "email"), "body", "subject", "from")
}

// emailTemplateTexts are the members of an e-mail template that are Liquid.
var emailTemplateTexts = []string{"body", "subject", "from", "resultUrl"}
