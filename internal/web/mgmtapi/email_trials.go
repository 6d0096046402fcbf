package mgmtapi

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"latchkey/internal/connection"
	"latchkey/internal/contact"
	"latchkey/internal/message"
	"latchkey/internal/protect"
	"latchkey/internal/resource"
	"latchkey/internal/web/httpx"
)

// Trials show mail and send it on trial.
type Trials interface {
	Show(ctx context.Context, t message.Trial) (message.Shown, error)
	Try(ctx context.Context, t message.Trial) (message.Tried, error)
	TryNote(ctx context.Context, trial message.NoteTrial) (message.Result, error)
}

// tryEmailProvider sends a test to an address by the provider that sends the tenant's mail, and answers what it said.
func tryEmailProvider(r *request) (answer, error) {
	return r.tryMail(message.Trial{Kind: message.TryProvider})
}

// tryEmailTemplate shows the mail of a template, or of a draft of one, and sends it where the payload names a reader.
func tryEmailTemplate(r *request) (answer, error) {
	kind, known := message.OfTemplate(emailTemplates.pathID(r))
	if !known {
		return answer{}, emailTemplates.missing
	}
	return r.tryMail(message.Trial{Kind: kind})
}

// tryConnectionMail is tryEmailTemplate for the template of a passwordless connection.
func tryConnectionMail(r *request) (answer, error) {
	all, err := r.Connections.Connections(r.ctx(), r.tenantID())
	if err != nil {
		return answer{}, err
	}
	i := slices.IndexFunc(all, func(c *connection.Connection) bool { return c.ID == r.path("id") })
	if i < 0 {
		return answer{}, connection.ErrNotFound
	}
	if all[i].Strategy != connection.Email {
		return answer{}, invalidBody("The connection sends no mail.")
	}
	send := connection.Send(text(r.doc(), "send"))
	if send == "" {
		send = all[i].Sends()
	}
	return r.tryMail(message.Trial{Kind: message.VerificationCode, Connection: all[i].Name, Send: send})
}

// tryMail shows or sends what a call asks for.
func (r *request) tryMail(trial message.Trial) (answer, error) {
	if r.Trials == nil {
		return answer{}, problem{Status: http.StatusServiceUnavailable, Code: "not_available", Message: "This server sends no mail."}
	}
	d := r.doc()
	trial.Site, trial.Language = r.site, text(d, "language")
	for name, part := range map[string]**string{
		"from": &trial.Draft.From, "subject": &trial.Draft.Subject, "body": &trial.Draft.Body, "syntax": &trial.Draft.Syntax,
	} {
		if given, isText := d[name].(string); isText {
			*part = &given
		}
	}
	to, given := d["to"].(string)
	if !given {
		shown, err := r.Trials.Show(r.ctx(), trial)
		if err != nil {
			return answer{}, err
		}
		return ok(showMail(shown))
	}
	if _, err := contact.Email(to); err != nil {
		return answer{}, invalidBody("Payload validation error: 'Object didn't pass validation for format email: %s' on property to.", to)
	}
	trial.To = to
	if err := r.countTrial(); err != nil {
		return answer{}, err
	}
	tried, err := r.Trials.Try(r.ctx(), trial)
	if err != nil {
		return answer{}, err
	}
	return r.commitUser(func(context.Context) (answer, error) { return ok(showTried(tried)) })
}

// countTrial counts a mail before it is sent: in a commit of its own, since no commit waits for a mail server.
func (r *request) countTrial() error {
	ip := httpx.ClientAddr(r.ctx()).String()
	err := r.Tx.InTx(r.ctx(), func(ctx context.Context) error {
		return r.Guard.Mark(ctx, r.tenantID(), ip, protect.Ask{Limit: protect.TrialMails, Subject: "all"})
	})
	var reached *protect.LimitError
	if errors.As(err, &reached) {
		r.tellLimit(reached)
		r.w.Header().Set("Retry-After", strconv.Itoa(int(reached.Wait.Seconds()+0.999)))
		return problem{Status: 429, Code: "too_many_requests", Message: "A tenant sends ten mails an hour on trial."}
	}
	return err
}

// showMail is a rendered mail as the API answers it.
func showMail(s message.Shown) resource.Document {
	warnings := make([]any, len(s.Warnings))
	for i, w := range s.Warnings {
		warnings[i] = w
	}
	return resource.Document{"from": s.From, "subject": s.Subject, "html": s.HTML, "text": s.Text, "warnings": warnings}
}

// showTried adds what the provider said.
func showTried(t message.Tried) resource.Document {
	d := showMail(t.Shown)
	d["provider"], d["outcome"], d["duration_ms"] = t.Provider, string(t.Verdict), float64(t.Took.Milliseconds())
	for name, v := range map[string]string{"message": t.Detail, "message_id": t.ProviderMessageID, "connection": t.Way} {
		if strings.TrimSpace(v) != "" {
			d[name] = v
		}
	}
	return d
}
