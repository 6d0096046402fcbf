package message

import (
	"context"
	"net/http"
)

// resend sends by Resend (https://resend.com/docs/api-reference/emails/send-email). It recognises a message by its key for
// a day, longer than any code lives.
type resend struct {
	service
	key string
}

// resendMail is the body of a request.
type resendMail struct {
	From    string            `json:"from"`
	To      []string          `json:"to"`
	Subject string            `json:"subject"`
	HTML    string            `json:"html"`
	Text    string            `json:"text"`
	Headers map[string]string `json:"headers"`
	Tags    []resendTag       `json:"tags"`
}

type resendTag struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Send implements Provider.
func (s *resend) Send(ctx context.Context, m Mail) Result {
	to, _, err := envelope(m.To)
	if err != nil {
		return unaddressed()
	}
	return again(ctx, func() Result { return s.try(ctx, m, to) })
}

func (s *resend) try(ctx context.Context, m Mail, to string) Result {
	header := map[string]string{"Authorization": "Bearer " + s.key, "Idempotency-Key": m.ID}
	got, failed := s.postJSON(ctx, "https://api.resend.com/emails", header, resendMail{
		From: m.From(), To: []string{to}, Subject: m.Subject, HTML: m.HTML, Text: m.Text,
		Headers: m.serviceHeaders(), Tags: []resendTag{{"message_type", string(m.Kind)}},
	})
	if failed != nil {
		return *failed
	}
	var said struct {
		ID      string `json:"id"`
		Name    string `json:"name"`
		Message string `json:"message"`
	}
	decoded := got.decode(&said)
	switch {
	case got.ok() && decoded && said.ID != "":
		return sent(said.ID)
	case got.ok():
		return got.malformed()
	case got.status == http.StatusConflict:
		// An earlier attempt of this message came through, or is just coming through.
		return Result{Verdict: VerdictUnknown, Detail: oneLine("409 "+said.Name+" "+said.Message, 512)}
	}
	return got.refused(said.Name + " " + said.Message)
}
