package message

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// azure sends by Azure Communication Services (https://learn.microsoft.com/rest/api/communication/email/email/send). Its
// sign of acceptance is an operation; an operation with the same id is the same.
type azure struct {
	service
	endpoint *url.URL
	key      []byte
}

var errAzure = errors.New("the connection string of the e-mail provider is not of the form endpoint=https://HOST;accesskey=KEY")

func newAzure(s service, c *configured) (*azure, error) {
	a := &azure{service: s}
	for part := range strings.SplitSeq(c.credentials.ConnectionString, ";") {
		name, value, _ := strings.Cut(part, "=")
		var err error
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "endpoint":
			a.endpoint, err = url.Parse(strings.TrimSuffix(strings.TrimSpace(value), "/"))
		case "accesskey":
			c.hide(value)
			a.key, err = base64.StdEncoding.DecodeString(strings.TrimSpace(value))
		}
		if err != nil {
			return nil, errAzure
		}
	}
	e := a.endpoint
	if len(a.key) == 0 || e == nil || e.Scheme != "https" || e.Host == "" || e.User != nil || e.Path != "" || e.RawQuery != "" || e.Fragment != "" {
		return nil, errAzure
	}
	return a, nil
}

// azureMail is the body of a request.
type azureMail struct {
	Sender  string `json:"senderAddress"`
	Content struct {
		Subject string `json:"subject"`
		Text    string `json:"plainText"`
		HTML    string `json:"html"`
	} `json:"content"`
	Recipients struct {
		To []azureAddress `json:"to"`
	} `json:"recipients"`
	Headers  map[string]string `json:"headers"`
	Untraced bool              `json:"userEngagementTrackingDisabled"`
}

type azureAddress struct {
	Address string `json:"address"`
}

// Send implements Provider. The sender is a bare address here: its name is a setting of the resource in Azure.
func (s *azure) Send(ctx context.Context, m Mail) Result {
	to, _, err := envelope(m.To)
	if err != nil {
		return unaddressed()
	}
	document := azureMail{Sender: m.FromAddress, Headers: m.serviceHeaders(), Untraced: true}
	document.Content.Subject, document.Content.Text, document.Content.HTML = m.Subject, m.Text, m.HTML
	document.Recipients.To = []azureAddress{{to}}
	body, err := json.Marshal(document)
	if err != nil {
		return Result{Verdict: VerdictRefused, Detail: "The message cannot be written as JSON."}
	}
	return again(ctx, func() Result { return s.try(ctx, m, body) })
}

func (s *azure) try(ctx context.Context, m Mail, body []byte) Result {
	const path = "/emails:send?api-version=2023-03-31"
	header := s.sign(path, body, time.Now())
	header["Operation-Id"] = operationID(m.ID)
	got, failed := s.post(ctx, s.endpoint.String()+path, "application/json", header, body)
	if failed != nil {
		return *failed
	}
	var said struct {
		ID    string `json:"id"`
		Error struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	decoded := got.decode(&said)
	switch {
	case got.status == http.StatusAccepted && decoded && said.ID != "":
		return sent(said.ID)
	case got.ok():
		return got.malformed()
	}
	return got.refused(said.Error.Code + " " + said.Error.Message)
}

// sign makes the headers that prove the key (https://learn.microsoft.com/rest/api/communication/authentication).
func (s *azure) sign(path string, body []byte, now time.Time) map[string]string {
	date := now.UTC().Format(http.TimeFormat)
	sum := sha256.Sum256(body)
	hash := base64.StdEncoding.EncodeToString(sum[:])
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte("POST\n" + path + "\n" + date + ";" + s.endpoint.Host + ";" + hash))
	return map[string]string{
		"x-ms-date": date, "x-ms-content-sha256": hash,
		"Authorization": "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=" + base64.StdEncoding.EncodeToString(mac.Sum(nil)),
	}
}

// operationID writes the id of a message, 32 hexadecimal digits, as a UUID.
func operationID(id string) string {
	if len(id) != 32 {
		return id
	}
	return strings.Join([]string{id[:8], id[8:12], id[12:16], id[16:20], id[20:]}, "-")
}
