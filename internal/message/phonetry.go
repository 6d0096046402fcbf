package message

import (
	"context"

	"latchkey/internal/ident"
	"latchkey/internal/resource"
	"latchkey/internal/tenant"
)

// NoteTrial is a text message or a call to send on trial.
type NoteTrial struct {
	Site    tenant.Site
	Channel Channel // Text or Voice
	To      string
	// Kind is the type of a phone template, and Template that template; without one the tenant's words of a login are meant.
	Kind     Kind
	Template resource.Document
}

// TryNote sends a note with a sample code by the tenant's phone provider, and gives what the provider said. A template that
// cannot be used is a *BadTemplate.
func (t *Trials) TryNote(ctx context.Context, trial NoteTrial) (Result, error) {
	now := t.c.Clock.Now()
	m := Message{
		Channel: trial.Channel, Kind: trial.Kind, To: trial.To, ChallengeID: "trial " + ident.Hex(16), IssuedAt: now, ExpiresAt: now.Add(trialLife),
		Code: sampleCode, Life: sampleCodeLife, Application: trial.Site.Tenant.Name, Domain: trial.Site.Domain.Host,
	}
	key := Key{Tenant: trial.Site.Tenant.ID, ID: rowID(m.IssuedAt, m.ChallengeID)}
	if err := t.writeTrial(ctx, key, &m, trial.Template); err != nil {
		return Result{}, err
	}
	from := source{tenant: key.Tenant, channel: m.Channel}
	var c *carrier
	if t.c.Settings != nil {
		settings, err := readPhone(ctx, t.c.Settings, from)
		if err != nil {
			return Result{}, err
		}
		c = (&routes{keys: t.c.Keys, egress: t.c.Egress}).openPhone(from, settings)
	}
	if t.c.Inbox != nil {
		if err := t.keep(ctx, Copy{Key: key, Message: m}); err != nil {
			return Result{}, err
		}
	}
	switch {
	case c != nil:
		defer c.retire()
	case t.c.Inbox != nil:
		return Result{Verdict: VerdictSent, Detail: "It is in the inbox."}, nil
	default:
		return Result{Verdict: VerdictConfig, Detail: reasonNoPhone}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	send, _ := c.write(ctx, t.author, key, m, now)
	return c.hide(send(ctx)), nil
}

// writeTrial writes the words of a note on trial: those of the template, or those that people get.
func (t *Trials) writeTrial(ctx context.Context, key Key, m *Message, template resource.Document) error {
	if template == nil {
		stored, err := t.templates.noteTemplate(ctx, key.Tenant, *m)
		if err != nil || stored == nil || t.c.Workers == nil {
			return err
		}
		m.written, m.warning = t.author.applyNote(ctx, key, *m, stored)
		return nil
	}
	draft := NoteTemplate(template, *m)
	var err error
	if draft.Vars, draft.Untrusted, err = t.templates.variables(ctx, key.Tenant, *m); err != nil {
		return err
	}
	noteVariables(draft.Vars, *m)
	draft.Vars["connection"] = "sms"
	if t.c.Workers == nil {
		return &BadTemplate{"this server renders no templates"}
	}
	texts, _, err := t.author.render(ctx, key.Tenant, draft)
	if err != nil {
		return &BadTemplate{err.Error()}
	}
	body := noteText(texts["body"])
	if body == "" {
		return &BadTemplate{"it has no text for this way of delivery"}
	}
	m.written = &written{Text: body, FromAddress: senderText(texts["from"])}
	return nil
}
