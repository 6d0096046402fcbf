package message

import (
	"context"
	"net/http"
)

// mandrill sends by Mailchimp Transactional (https://mailchimp.com/developer/transactional/api/messages/send-new-message/).
// It knows no key by which it would recognise a message.
type mandrill struct {
	service
	key             string
	viewContentLink bool // whether its console may show the text, codes included
}

// mandrillCall is the body of a request.
type mandrillCall struct {
	Key     string       `json:"key"`
	Message mandrillMail `json:"message"`
	Async   bool         `json:"async"`
}

type mandrillMail struct {
	HTML               string            `json:"html"`
	Text               string            `json:"text"`
	Subject            string            `json:"subject"`
	FromEmail          string            `json:"from_email"`
	FromName           string            `json:"from_name,omitempty"`
	To                 []mandrillTo      `json:"to"`
	Headers            map[string]string `json:"headers"`
	Important          bool              `json:"important"`
	TrackOpens         bool              `json:"track_opens"`
	TrackClicks        bool              `json:"track_clicks"`
	AutoText           bool              `json:"auto_text"`
	AutoHTML           bool              `json:"auto_html"`
	InlineCSS          bool              `json:"inline_css"`
	PreserveRecipients bool              `json:"preserve_recipients"`
	ViewContentLink    bool              `json:"view_content_link"`
	Tags               []string          `json:"tags"`
	Metadata           map[string]string `json:"metadata"`
}

type mandrillTo struct {
	Email string `json:"email"`
	Type  string `json:"type"`
}

// Send implements Provider.
func (s *mandrill) Send(ctx context.Context, m Mail) Result {
	to, _, err := envelope(m.To)
	if err != nil {
		return unaddressed()
	}
	got, failed := s.postJSON(ctx, "https://mandrillapp.com/api/1.0/messages/send", nil, mandrillCall{
		Key: s.key,
		Message: mandrillMail{
			HTML: m.HTML, Text: m.Text, Subject: m.Subject, FromEmail: m.FromAddress, FromName: m.FromName,
			To: []mandrillTo{{to, "to"}}, Headers: m.serviceHeaders(), ViewContentLink: s.viewContentLink,
			Tags: []string{string(m.Kind)}, Metadata: map[string]string{"outbox_id": m.ID},
		},
	})
	switch {
	case failed != nil:
		return *failed
	case !got.ok():
		return mandrillError(got)
	}
	var said []struct {
		Status string `json:"status"`
		Reason string `json:"reject_reason"`
		ID     string `json:"_id"`
	}
	if !got.decode(&said) || len(said) != 1 {
		return got.malformed()
	}
	one := said[0]
	switch one.Status {
	case "sent", "queued", "scheduled":
		return sent(one.ID)
	case "rejected", "invalid":
		r := Result{Verdict: VerdictRecipient, Detail: oneLine(one.Status+": "+one.Reason, 300)}
		switch one.Reason {
		case "invalid-sender", "unsigned":
			r.Verdict = VerdictConfig
		case "rule", "test-mode-limit":
			r.Verdict = VerdictRefused
		}
		return r
	default:
		return got.malformed()
	}
}

// mandrillError reads an error, whose name says what its status, mostly 500, does not.
func mandrillError(got answer) Result {
	var said struct {
		Name    string `json:"name"`
		Message string `json:"message"`
	}
	got.decode(&said)
	r := got.refused(said.Name + " " + said.Message)
	switch said.Name {
	case "Invalid_Key", "PaymentRequired", "Unknown_Subaccount":
		r.Verdict = VerdictConfig
	case "ValidationError":
		r.Verdict = VerdictRefused
	case "GeneralError", "ServiceUnavailable":
		if got.status >= http.StatusInternalServerError {
			r.Verdict = VerdictRetry
		}
	}
	return r
}
