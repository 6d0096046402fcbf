package message

import (
	"context"
	"net/http"
	"strings"
)

// sendgrid sends by Twilio SendGrid (https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send). It knows no
// key by which it would recognise a message.
type sendgrid struct {
	service
	key string
}

// sendgridMail is the body of a request.
type sendgridMail struct {
	Personalizations []sendgridRecipient `json:"personalizations"`
	From             mailbox             `json:"from"`
	Subject          string              `json:"subject"`
	Content          []sendgridContent   `json:"content"`
	Headers          map[string]string   `json:"headers"`
	CustomArgs       map[string]string   `json:"custom_args"`
	Categories       []string            `json:"categories"`
	Tracking         sendgridTracking    `json:"tracking_settings"`
}

type sendgridRecipient struct {
	To []mailbox `json:"to"`
}

type sendgridContent struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

// sendgridTracking is all off: a tracked link is one that SendGrid opens first.
type sendgridTracking struct {
	Click struct {
		Enable     bool `json:"enable"`
		EnableText bool `json:"enable_text"`
	} `json:"click_tracking"`
	Open struct {
		Enable bool `json:"enable"`
	} `json:"open_tracking"`
}

// Send implements Provider.
func (s *sendgrid) Send(ctx context.Context, m Mail) Result {
	to, _, err := envelope(m.To)
	if err != nil {
		return unaddressed()
	}
	got, failed := s.postJSON(ctx, "https://api.sendgrid.com/v3/mail/send", map[string]string{"Authorization": "Bearer " + s.key}, sendgridMail{
		Personalizations: []sendgridRecipient{{To: []mailbox{{Email: to}}}},
		From:             mailbox{Email: m.FromAddress, Name: m.FromName},
		Subject:          m.Subject,
		Content:          []sendgridContent{{"text/plain", m.Text}, {"text/html", m.HTML}},
		Headers:          m.serviceHeaders(),
		CustomArgs:       map[string]string{"outbox_id": m.ID},
		Categories:       []string{string(m.Kind)},
	})
	switch {
	case failed != nil:
		return *failed
	case got.status == http.StatusAccepted, got.status == http.StatusOK:
		return sent(got.header.Get("X-Message-Id"))
	case got.ok():
		return got.malformed()
	}
	var said struct {
		Errors []struct {
			Message string `json:"message"`
		} `json:"errors"`
	}
	got.decode(&said)
	var words []string
	for _, e := range said.Errors {
		words = append(words, e.Message)
	}
	return got.refused(strings.Join(words, "; "))
}
