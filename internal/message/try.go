package message

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"latchkey/internal/branding"
	connections "latchkey/internal/connection" // a connection is one to a mail server here
	"latchkey/internal/ident"
	"latchkey/internal/locale"
	"latchkey/internal/resource"
	"latchkey/internal/tenant"
)

// Trials show mail before people get it, and send it on trial: at once, by the provider that would send it to people, and
// with the provider's answer. What they send is in no outbox and is never sent again.
type Trials struct {
	c         Config
	templates *StoredTemplates
	looks     Looks
	author    *author
}

// Looks gives a tenant's colours.
type Looks interface {
	PageConfig(ctx context.Context, tenantID string) (*branding.PageConfig, error)
}

// NewTrials makes the trials of a server from what its Sender is made of.
func NewTrials(c Config, t *StoredTemplates, l Looks) *Trials {
	own := c
	own.Templates = nil // what a trial is of, it says itself
	return &Trials{c: c, templates: t, looks: l, author: newAuthor(own)}
}

// Trial is a mail to look at.
type Trial struct {
	Site tenant.Site
	Kind Kind
	// Connection is the connection whose template is meant, of a VerificationCode, and Send what its login sends.
	Connection string
	Send       connections.Send
	// Draft has parts of a template that are not stored, or not yet; nil parts are those that are.
	Draft Draft
	// To is the reader. Without one the mail is shown as a sample reader would get it.
	To       string
	Language string
}

// Draft is a template as somebody is writing it.
type Draft struct {
	From, Subject, Body, Syntax *string
}

// Shown is a rendered mail, with what there is to say of its template.
type Shown struct {
	From, Subject, HTML, Text string
	Warnings                  []string
}

// Tried is a mail that was sent on trial.
type Tried struct {
	Shown
	Provider string
	Result
	Took time.Duration
}

// Samples of what a mail of each kind is about.
const (
	sampleReader   = "ann@example.com"
	sampleCode     = "123456"
	sampleCodeLife = 10 * time.Minute
	sampleLinkLife = 5 * 24 * time.Hour
	trialLife      = time.Hour
)

// Show renders a mail and sends nothing.
func (t *Trials) Show(ctx context.Context, trial Trial) (Shown, error) {
	_, _, shown, err := t.write(ctx, trial, t.c.Renderer)
	return shown, err
}

// write makes the mail of a trial, with a message whose words are those of the template.
func (t *Trials) write(ctx context.Context, trial Trial, r *Renderer) (Message, Mail, Shown, error) {
	tenantID := trial.Site.Tenant.ID
	m, err := t.message(ctx, trial)
	if err != nil {
		return m, Mail{}, Shown{}, err
	}
	key := Key{Tenant: tenantID, ID: rowID(m.IssuedAt, m.ChallengeID)}
	template, warnings, err := t.templates.draft(ctx, tenantID, m, trial.Draft)
	if err != nil {
		return m, Mail{}, Shown{}, err
	}
	if template != nil && t.c.Workers != nil {
		var warning string
		if m.written, warning = t.apply(ctx, key, template, m, r.Mail(key, m)); warning != "" {
			warnings = append(warnings, warning)
		}
	}
	mail, _ := t.author.Mail(ctx, r, key, m)
	mail.Date = m.IssuedAt
	return m, mail, Shown{From: mail.From(), Subject: mail.Subject, HTML: mail.HTML, Text: mail.Text, Warnings: warnings}, nil
}

// apply gives the words of a template, or nil where it cannot be used, and a warning.
func (t *Trials) apply(ctx context.Context, key Key, of *Template, m Message, builtin Mail) (*written, string) {
	texts, left, err := t.author.render(ctx, key.Tenant, of)
	if err != nil {
		return nil, fmt.Sprintf("The built-in message is sent, because %s cannot be used: %s.", of.Name, strings.TrimSuffix(err.Error(), "."))
	}
	return of.lay(texts, m, builtin, left)
}

// message is what the mail is made of: everything that mail of its kind may carry, and a reader who has a name.
func (t *Trials) message(ctx context.Context, trial Trial) (Message, error) {
	look, err := t.looks.PageConfig(ctx, trial.Site.Tenant.ID)
	if err != nil {
		return Message{}, fmt.Errorf("read the tenant's look: %w", err)
	}
	now := t.c.Clock.Now()
	kind, samples := mailKinds[trial.Kind], sample()
	m := Message{
		Channel: Email, Kind: trial.Kind, To: trial.To, ChallengeID: "trial " + ident.Hex(16), IssuedAt: now, ExpiresAt: now.Add(trialLife),
		Send: trial.Send, Life: sampleLinkLife, Language: trial.Language, Locale: locale.OfMessage(trial.Site.Tenant.Settings.Locales(), trial.Language, ""),
		Application: trial.Site.Tenant.Name, Domain: trial.Site.Domain.Host,
		Color: look.Primary(), Connection: trial.Connection,
		Vars: map[string]any{"user": samples["user"], "inviter": samples["inviter"], "roles": samples["roles"], "organization": samples["organization"]},
	}
	if m.To == "" {
		m.To = sampleReader
	}
	if kind.code {
		m.Code, m.Life = sampleCode, sampleCodeLife
	}
	if kind.link && (trial.Kind != VerificationCode || trial.Send.Links()) {
		m.Link = Secret("https://" + trial.Site.Domain.Host + "/sample-link")
	}
	return m, nil
}

// Try sends a mail to its reader and says what the provider said. It takes as long as the provider does.
func (t *Trials) Try(ctx context.Context, trial Trial) (Tried, error) {
	configured, err := t.provider(ctx, trial.Site.Tenant.ID)
	if err != nil {
		return Tried{}, err
	}
	m, mail, shown, err := t.write(ctx, trial, configured.renderer)
	if err != nil {
		return Tried{}, err
	}
	tried := Tried{Shown: shown, Provider: configured.name}
	if t.c.Inbox != nil {
		if err := t.keep(ctx, Copy{Key: Key{trial.Site.Tenant.ID, mail.ID}, Message: m}); err != nil {
			return Tried{}, err
		}
	}
	if configured.provider == nil {
		tried.Result = configured.otherwise
		return tried, nil
	}
	defer configured.close()
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	began := time.Now()
	tried.Result = configured.provider.Send(ctx, mail)
	tried.Took = time.Since(began)
	if tried.Way == "" && configured.web {
		tried.Way = "HTTPS"
	}
	for _, secret := range configured.secrets {
		tried.Detail = strings.ReplaceAll(tried.Detail, secret, "[secret]")
	}
	return tried, nil
}

// keep copies a mail on trial to the inbox.
func (t *Trials) keep(ctx context.Context, c Copy) error {
	if err := t.c.Store.InTx(ctx, func(ctx context.Context) error { return t.c.Inbox.save(ctx, []Copy{c}) }); err != nil {
		return err
	}
	t.c.Inbox.announce([]Copy{c})
	return nil
}

// way is how the mail of a tenant leaves.
type way struct {
	name      string
	provider  Provider // nil where there is none
	otherwise Result   // what happens then
	renderer  *Renderer
	secrets   []string
	web       bool // it is asked over HTTP
	close     func()
}

// provider finds the provider of a tenant, in the order that counts for all mail. It is opened for this trial alone, unless
// it is the operator's.
func (t *Trials) provider(ctx context.Context, tenantID string) (way, error) {
	w := way{renderer: t.c.Renderer, close: func() {}}
	if t.c.Settings != nil {
		stored, err := t.c.Settings.Resource(ctx, tenantID, resource.Settings, resource.EmailProvider)
		if err != nil && !errors.Is(err, resource.ErrNotFound) {
			return w, fmt.Errorf("read the e-mail provider of a tenant: %w", err)
		}
		if err == nil {
			own, use := t.own(tenantID, stored)
			if use {
				return own, nil
			}
		}
	}
	switch {
	case t.c.Provider != nil:
		w.name, w.provider = t.c.Provider.Name(), t.c.Provider
	case t.c.Inbox != nil:
		w.name, w.otherwise = "inbox", Result{Verdict: VerdictSent}
	default:
		w.name, w.otherwise = "none", Result{Verdict: VerdictConfig, Detail: reasonNoProvider}
	}
	return w, nil
}

// own opens a tenant's provider; false says that it is switched off.
func (t *Trials) own(tenantID string, stored *resource.Resource) (way, bool) {
	w := way{name: "tenant", renderer: t.c.Renderer, close: func() {}}
	c, err := readProvider(t.c.Keys, tenantID, stored)
	if err != nil {
		w.otherwise = Result{Verdict: VerdictConfig, Detail: sentence(err)}
		return w, true
	}
	if !c.enabled {
		return w, false
	}
	c.keep = keeperOf(t.c.Settings, t.c.Keys, tenantID, stored)
	w.name = c.name
	if c.from != "" {
		if w.renderer, err = NewRenderer(c.from); err != nil {
			w.renderer, w.otherwise = t.c.Renderer, Result{Verdict: VerdictConfig, Detail: reasonOddSender}
			return w, true
		}
	}
	w.provider, w.secrets = openProvider(&c, t.c.Egress), c.secrets
	w.web, w.close = c.name != "smtp", w.provider.Close
	return w, true
}

// reasonOddSender is why a provider sends nothing whose usual sender is none.
const reasonOddSender = "The default_from_address of the e-mail provider is not a mailbox."
