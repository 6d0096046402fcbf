package message

import (
	"context"
	"net/http"
	"strings"
)

// sparkpost sends by SparkPost (https://developers.sparkpost.com/api/transmissions/). It knows no key by which it would
// recognise a message.
type sparkpost struct {
	service
	key      string
	european bool // an account of the European region, whose keys count there alone
}

// sparkpostMail is the body of a request.
type sparkpostMail struct {
	Options struct {
		Transactional bool `json:"transactional"`
		OpenTracking  bool `json:"open_tracking"`
		ClickTracking bool `json:"click_tracking"`
	} `json:"options"`
	Recipients []sparkpostRecipient `json:"recipients"`
	Content    sparkpostContent     `json:"content"`
	Metadata   map[string]string    `json:"metadata"`
}

type sparkpostRecipient struct {
	Address mailbox `json:"address"`
}

type sparkpostContent struct {
	From    mailbox           `json:"from"`
	Subject string            `json:"subject"`
	HTML    string            `json:"html"`
	Text    string            `json:"text"`
	Headers map[string]string `json:"headers"`
}

// Send implements Provider.
func (s *sparkpost) Send(ctx context.Context, m Mail) Result {
	to, _, err := envelope(m.To)
	if err != nil {
		return unaddressed()
	}
	host := "api.sparkpost.com"
	if s.european {
		host = "api.eu.sparkpost.com"
	}
	body := sparkpostMail{
		Recipients: []sparkpostRecipient{{mailbox{Email: to}}},
		Content: sparkpostContent{
			From: mailbox{Email: m.FromAddress, Name: m.FromName}, Subject: m.Subject, HTML: m.HTML, Text: m.Text,
			Headers: m.serviceHeaders(),
		},
		Metadata: map[string]string{"outbox_id": m.ID},
	}
	body.Options.Transactional = true
	got, failed := s.postJSON(ctx, "https://"+host+"/api/v1/transmissions", map[string]string{"Authorization": s.key}, body)
	switch {
	case failed != nil:
		return *failed
	case !got.ok():
		return sparkpostError(got)
	}
	var said struct {
		Results *struct {
			Rejected int    `json:"total_rejected_recipients"`
			Accepted int    `json:"total_accepted_recipients"`
			ID       string `json:"id"`
		} `json:"results"`
	}
	switch {
	case !got.decode(&said) || said.Results == nil:
		return got.malformed()
	case said.Results.Accepted > 0:
		return sent(said.Results.ID)
	case said.Results.Rejected > 0:
		return Result{Verdict: VerdictRecipient, Detail: "The service rejected the recipient."}
	default:
		return got.malformed()
	}
}

func sparkpostError(got answer) Result {
	var said struct {
		Errors []struct {
			Message     string `json:"message"`
			Description string `json:"description"`
		} `json:"errors"`
	}
	got.decode(&said)
	var words []string
	for _, e := range said.Errors {
		words = append(words, strings.TrimSpace(e.Message+" "+e.Description))
	}
	r := got.refused(strings.Join(words, "; "))
	switch {
	case got.status == 420: // the account's sending limit
		r.Verdict, r.RetryAfter = VerdictRetry, got.wait()
	case got.status == http.StatusUnprocessableEntity && strings.Contains(strings.ToLower(r.Detail), "domain"):
		r.Verdict = VerdictConfig // the domain of the sender
	}
	return r
}
