package message

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// ms365 sends by Microsoft Graph as a mailbox of Exchange Online (https://learn.microsoft.com/graph/api/user-sendmail): the
// sender's address names the mailbox. It knows no key by which it would recognise a message.
type ms365 struct {
	service
	tokens *tokens
}

func newMS365(s service, c credentials) (*ms365, error) {
	if !hostName.MatchString(c.TenantID) {
		return nil, errors.New("the tenantId of the e-mail provider is neither a GUID nor a domain")
	}
	address := "https://login.microsoftonline.com/" + url.PathEscape(c.TenantID) + "/oauth2/v2.0/token"
	return &ms365{s, newTokens(s, address, url.Values{
		"grant_type": {"client_credentials"}, "client_id": {c.ClientID}, "client_secret": {c.ClientSecret},
		"scope": {"https://graph.microsoft.com/.default"},
	})}, nil
}

// graphMail is the body of a request.
type graphMail struct {
	Message struct {
		Subject string `json:"subject"`
		Body    struct {
			Type    string `json:"contentType"`
			Content string `json:"content"`
		} `json:"body"`
		To      []graphRecipient `json:"toRecipients"`
		Headers []graphHeader    `json:"internetMessageHeaders"`
	} `json:"message"`
	Keep bool `json:"saveToSentItems"`
}

type graphRecipient struct {
	Mailbox struct {
		Address string `json:"address"`
	} `json:"emailAddress"`
}

type graphHeader struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Send implements Provider. Graph takes one body, of which Exchange makes the text part too; so that no codes gather in
// the sender's mailbox, nothing is kept there.
func (s *ms365) Send(ctx context.Context, m Mail) Result {
	to, _, err := envelope(m.To)
	if err != nil {
		return unaddressed()
	}
	var document graphMail
	document.Message.Subject = m.Subject
	document.Message.Body.Type, document.Message.Body.Content = "HTML", m.HTML
	document.Message.To = make([]graphRecipient, 1)
	document.Message.To[0].Mailbox.Address = to
	for _, h := range m.extraHeaders() {
		if strings.HasPrefix(h.Name, "X-") { // Graph takes no others
			document.Message.Headers = append(document.Message.Headers, graphHeader(h))
		}
	}
	address := "https://graph.microsoft.com/v1.0/users/" + url.PathEscape(m.FromAddress) + "/sendMail"
	for first := true; ; first = false {
		token, failed := s.tokens.get(ctx)
		if failed != nil {
			return s.tokens.hide(*failed)
		}
		got, failed := s.postJSON(ctx, address, map[string]string{"Authorization": "Bearer " + token}, document)
		switch {
		case failed != nil:
			return *failed
		case got.status == http.StatusAccepted:
			return sent(got.header.Get("request-id"))
		case got.ok():
			return got.malformed()
		}
		if got.status == http.StatusUnauthorized {
			s.tokens.forget(token)
			if first {
				continue // the token had been withdrawn
			}
		}
		return s.tokens.hide(graphError(got))
	}
}

func graphError(got answer) Result {
	var said struct {
		Error struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	got.decode(&said)
	r := got.refused(said.Error.Code + " " + said.Error.Message)
	if got.status == http.StatusNotFound {
		r.Verdict = VerdictConfig // there is no such mailbox
	}
	return r
}
