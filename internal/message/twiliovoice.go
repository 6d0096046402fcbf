package message

import (
	"cmp"
	"context"
	"encoding/xml"
	"errors"
	"net/url"
	"strings"
)

// twilioVoice calls by Twilio (https://www.twilio.com/docs/voice/api/call-resource) and reads a note aloud.
type twilioVoice struct {
	twilioAccount
	from string
}

func newTwilioVoice(s service, sid, token, from string) (*twilioVoice, error) {
	account, err := newTwilioAccount(s, sid, token)
	if err == nil && from == "" {
		err = errors.New("calls need the number of a caller, and none is set")
	}
	return &twilioVoice{account, from}, err
}

// Send implements PhoneProvider.
func (t *twilioVoice) Send(ctx context.Context, n Note) Result {
	script := twiML(n)
	if len(script) > longestTwiML {
		return Result{Verdict: VerdictRefused, Detail: "The text of the call is too long.", Told: "The text of the call is too long."}
	}
	return t.create(ctx, "Calls.json", url.Values{"To": {n.To}, "From": {cmp.Or(n.From, t.from)}, "Twiml": {script}, "Timeout": {"30"}})
}

const longestTwiML = 4000

// voices are the languages in which Twilio speaks, by ours.
var voices = map[string]string{"en": "en-US", "de": "de-DE", "es": "es-ES", "fr": "fr-FR", "ja": "ja-JP", "ar": "arb"}

// twiML writes what a call says (https://www.twilio.com/docs/voice/twiml/say).
func twiML(n Note) string {
	var b strings.Builder
	b.WriteString("<Response>")
	for i, part := range strings.Split(n.Body, pauseSign) {
		if i > 0 {
			b.WriteString(`<Pause length="1"/>`)
		}
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		b.WriteString(`<Say language="` + cmp.Or(voices[n.Language], voices["en"]) + `">`)
		_ = xml.EscapeText(&b, []byte(part)) // writes to memory
		b.WriteString("</Say>")
	}
	b.WriteString("</Response>")
	return b.String()
}
