package mgmtapi

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strconv"

	"latchkey/internal/contact"
	"latchkey/internal/message"
	"latchkey/internal/protect"
	"latchkey/internal/resource"
	"latchkey/internal/web/httpx"
)

// tryPhoneProvider sends a text message or makes a call with a sample code, by the provider that people's leave by.
func tryPhoneProvider(r *request) (answer, error) {
	if _, err := phoneProviders.find(r, r.ctx(), phoneProviders.pathID(r)); err != nil {
		return answer{}, err
	}
	said, err := r.tryNote(message.NoteTrial{Kind: message.VerifyPhone})
	if err != nil {
		return answer{}, err
	}
	return r.commitUser(func(context.Context) (answer, error) {
		return answer{status: http.StatusAccepted, body: resource.Document{"code": float64(http.StatusOK), "message": said}}, nil
	})
}

// tryPhoneTemplate does so with the words of a template, used or not.
func tryPhoneTemplate(r *request) (answer, error) {
	template, err := phoneTemplates.find(r, r.ctx(), phoneTemplates.pathID(r))
	if err != nil {
		return answer{}, err
	}
	said, err := r.tryNote(message.NoteTrial{Kind: message.Kind(text(template.Document, "type")), Template: template.Document})
	if err != nil {
		return answer{}, err
	}
	return r.commitUser(func(context.Context) (answer, error) {
		return answer{status: http.StatusAccepted, body: resource.Document{"message": said}}, nil
	})
}

// tryNote sends what a call asks for and gives what there is to say of it. What was not sent is a refusal.
func (r *request) tryNote(trial message.NoteTrial) (string, error) {
	if r.Trials == nil {
		return "", problem{Status: http.StatusServiceUnavailable, Code: "not_available", Message: "This server sends no text messages."}
	}
	to, err := contact.Phone(text(r.doc(), "to"), "")
	if err != nil {
		return "", invalidBody("Payload validation error: 'Object didn't pass validation for format phone number: %s' on property to.", text(r.doc(), "to"))
	}
	trial.Site, trial.To, trial.Channel = r.site, to, message.Text
	if text(r.doc(), "delivery_method") == "voice" {
		trial.Channel = message.Voice
	}
	if err := r.countNoteTrial(); err != nil {
		return "", err
	}
	result, err := r.Trials.TryNote(r.ctx(), trial)
	var bad *message.BadTemplate
	switch {
	case errors.As(err, &bad):
		return "", problem{Status: http.StatusBadRequest, Message: "The template cannot be used: " + bad.Reason}
	case err != nil:
		return "", err
	case result.Verdict != message.VerdictSent:
		return "", problem{Status: http.StatusBadRequest, Message: cmp.Or(result.Told, result.Detail, "The provider did not take the message.")}
	}
	return cmp.Or(result.Detail, "The provider took the message."), nil
}

// countNoteTrial counts a note before it is sent, as countTrial does a mail.
func (r *request) countNoteTrial() error {
	ip := httpx.ClientAddr(r.ctx()).String()
	err := r.Tx.InTx(r.ctx(), func(ctx context.Context) error {
		return r.Guard.Mark(ctx, r.tenantID(), ip, protect.Ask{Limit: protect.TrialNotes, Subject: "all"})
	})
	var reached *protect.LimitError
	if errors.As(err, &reached) {
		r.tellLimit(reached)
		r.w.Header().Set("Retry-After", strconv.Itoa(int(reached.Wait.Seconds()+0.999)))
		return problem{Status: http.StatusTooManyRequests, Code: "too_many_requests", Message: "A tenant sends ten text messages an hour on trial."}
	}
	return err
}
