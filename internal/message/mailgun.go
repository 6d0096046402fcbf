package message

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/mail"
	"net/url"
)

// mailgun sends by Mailgun (https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/messages). It knows
// no key by which it would recognise a message.
type mailgun struct {
	service
	address       string
	authorization string
}

func newMailgun(s service, c credentials) (*mailgun, error) {
	if !hostName.MatchString(c.Domain) {
		return nil, errors.New("the domain of the e-mail provider is not the name of a host")
	}
	host := "api.mailgun.net"
	if c.Region == "eu" {
		host = "api.eu.mailgun.net"
	}
	return &mailgun{
		service: s, address: "https://" + host + "/v3/" + url.PathEscape(c.Domain) + "/messages",
		authorization: "Basic " + base64.StdEncoding.EncodeToString([]byte("api:"+c.APIKey)),
	}, nil
}

// Send implements Provider.
func (s *mailgun) Send(ctx context.Context, m Mail) Result {
	to, _, err := envelope(m.To)
	if err != nil {
		return unaddressed()
	}
	form := url.Values{
		"from": {(&mail.Address{Name: m.FromName, Address: m.FromAddress}).String()}, "to": {to}, "subject": {m.Subject},
		"text": {m.Text}, "html": {m.HTML},
		"o:tracking": {"no"}, "o:tracking-clicks": {"no"}, "o:tracking-opens": {"no"},
		"o:tag": {string(m.Kind)}, "v:outbox_id": {m.ID},
	}
	for name, value := range m.serviceHeaders() {
		form.Set("h:"+name, value)
	}
	got, failed := s.post(ctx, s.address, "application/x-www-form-urlencoded", map[string]string{"Authorization": s.authorization}, []byte(form.Encode()))
	if failed != nil {
		return *failed
	}
	var said struct {
		ID      string `json:"id"`
		Message string `json:"message"`
	}
	decoded := got.decode(&said)
	switch {
	case got.ok() && decoded && said.ID != "":
		return sent(said.ID)
	case got.ok():
		return got.malformed()
	}
	r := got.refused(said.Message)
	if got.status == http.StatusNotFound {
		r.Verdict = VerdictConfig // there is no such domain
	}
	return r
}
