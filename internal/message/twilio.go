package message

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// twilio sends text messages by Twilio (https://www.twilio.com/docs/messaging/api/message-resource). It knows no key by which
// it would recognise a message.
type twilio struct {
	twilioAccount
	from, messagingService string
}

// twilioAccount is what text messages and calls share.
type twilioAccount struct {
	service
	address       string // of the account's resources
	authorization string
}

func newTwilioAccount(s service, sid, token string) (twilioAccount, error) {
	if sid == "" || token == "" {
		return twilioAccount{}, errors.New("the account of Twilio has no SID or no token")
	}
	return twilioAccount{
		service: s, address: "https://api.twilio.com/2010-04-01/Accounts/" + url.PathEscape(sid) + "/",
		authorization: "Basic " + base64.StdEncoding.EncodeToString([]byte(sid+":"+token)),
	}, nil
}

func newTwilio(s service, sid, token, from, messagingService string) (*twilio, error) {
	account, err := newTwilioAccount(s, sid, token)
	if err == nil && from == "" && messagingService == "" {
		err = errors.New("neither a sender nor a messaging service is set for Twilio")
	}
	return &twilio{account, from, messagingService}, err
}

// The seconds for which Twilio may hold a message back.
const longestValidity = 36000

// Send implements PhoneProvider.
func (t *twilio) Send(ctx context.Context, n Note) Result {
	form := url.Values{
		"To": {n.To}, "Body": {n.Body}, "ValidityPeriod": {strconv.Itoa(min(max(int(n.Life/time.Second), 1), longestValidity))},
	}
	if t.messagingService != "" {
		form.Set("MessagingServiceSid", t.messagingService)
	} else {
		form.Set("From", cmp.Or(n.From, t.from))
	}
	return t.create(ctx, "Messages.json", form)
}

// create makes a resource of the account: a message or a call.
func (t *twilioAccount) create(ctx context.Context, name string, form url.Values) Result {
	got, failed := t.post(ctx, t.address+name, "application/x-www-form-urlencoded", map[string]string{"Authorization": t.authorization}, []byte(form.Encode()))
	if failed != nil {
		failed.Told = "The SMS provider did not answer."
		return *failed
	}
	var said struct {
		SID     string `json:"sid"`
		Code    int    `json:"code"`
		Message string `json:"message"`
	}
	decoded := got.decode(&said)
	switch {
	case got.ok() && decoded && said.SID != "":
		return sent(said.SID)
	case got.ok():
		return got.malformed()
	}
	r := got.refused("")
	if !decoded || said.Code == 0 {
		r.Told = fmt.Sprintf("Unexpected response from the SMS provider (Code: %d)", got.status)
		return r
	}
	r.Told = oneLine(fmt.Sprintf("%s (Code: %d)", said.Message, said.Code), 300)
	r.Detail = r.Told
	if verdict, known := twilioVerdicts[said.Code]; known && got.status != http.StatusTooManyRequests {
		r.Verdict = verdict
	}
	r.Abroad = said.Code == 21408 || said.Code == 21215
	return r
}

// twilioVerdicts are the codes whose meaning says more than the status (https://www.twilio.com/docs/api/errors).
var twilioVerdicts = map[int]Verdict{
	20003: VerdictConfig, 20404: VerdictConfig, // credentials, account
	20429: VerdictRetry, 14107: VerdictRetry, 30001: VerdictRetry, // too much at once
	21211: VerdictRecipient, 21214: VerdictRecipient, 21217: VerdictRecipient, 21614: VerdictRecipient, // no number, no mobile one
	21212: VerdictConfig, 21603: VerdictConfig, 21606: VerdictConfig, 21659: VerdictConfig, 21701: VerdictConfig, 21703: VerdictConfig, // sender
	21210: VerdictConfig, 21213: VerdictConfig, // who calls
	21408: VerdictRecipient, 21215: VerdictRecipient, // a country that the account does not send to
	21216: VerdictRecipient,
	21608: VerdictConfig,    // a trial account
	21610: VerdictRecipient, // the reader sent STOP
	21201: VerdictRefused, 21612: VerdictRefused, 21617: VerdictRefused,
}
