package message

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	connections "latchkey/internal/connection"
	"latchkey/internal/egress"
	"latchkey/internal/resource"
	"latchkey/internal/seal"
)

func note() Note {
	return Note{
		ID: "m1", Channel: Text, To: "+15551234567", Body: "Acme & Co: 481516", Domain: "login.acme.example", Life: 170 * time.Second,
		UserAgent: "Firefox", IP: "192.0.2.7", Language: "en",
	}
}

// ownProvider makes the carrier of a connection with a provider of its own.
func ownProvider(t *testing.T, e *egress.Egress, o connections.SMSOptions, secret string) *carrier {
	t.Helper()
	keys, err := seal.NewKeyset()
	if err != nil {
		t.Fatal(err)
	}
	c := &connections.Connection{ID: "con_1", Name: "sms", Strategy: connections.SMS, Options: connections.Options{SMSOptions: o}, Sealed: map[string][]byte{}}
	for _, path := range []string{"options.twilio_token", "options.gateway_authentication.secret"} {
		if c.Sealed[path], err = keys.Seal([]byte(secret), "t1", string(resource.Connections), path, c.ID); err != nil {
			t.Fatal(err)
		}
	}
	r := &routes{keys: keys, egress: e}
	return r.openPhone(source{"t1", Text, "sms"}, phoneSettings{connection: c})
}

func sendNote(t *testing.T, c *carrier, n Note) Result {
	t.Helper()
	return c.hide(c.handover.(noteHandover).Send(t.Context(), n), "481516")
}

func TestTwilio_SendsWhatIsDocumented(t *testing.T) {
	t.Parallel()
	ok := says(201, `{"sid":"SM1","status":"queued"}`)
	there := newStandIn(t, ok, ok)
	options := connections.SMSOptions{Provider: "twilio", TwilioSID: "AC/1", From: "+15550001111"}
	if got := sendNote(t, ownProvider(t, there.egress, options, "hidden-token"), note()); got.Verdict != VerdictSent || got.ProviderMessageID != "SM1" {
		t.Fatalf("got %+v", got)
	}
	options.MessagingServiceSID = "MG1"
	sendNote(t, ownProvider(t, there.egress, options, "hidden-token"), note())
	want := url.Values{"To": {"+15551234567"}, "Body": {"Acme & Co: 481516"}, "From": {"+15550001111"}, "ValidityPeriod": {"170"}}
	asked := there.requests()
	if got, _ := url.ParseQuery(asked[0].body); !cmp.Equal(want, got) || asked[0].path != "/2010-04-01/Accounts/AC%2F1/Messages.json" {
		t.Errorf("%s: %s", asked[0].path, cmp.Diff(want, got))
	}
	if got := asked[0].header.Get("Authorization"); got != "Basic QUMvMTpoaWRkZW4tdG9rZW4=" {
		t.Errorf("authorization %q", got)
	}
	if got, _ := url.ParseQuery(asked[1].body); got.Get("MessagingServiceSid") != "MG1" || got.Has("From") {
		t.Errorf("with a messaging service: %v", got)
	}
}

func TestTwilio_RefusalsHaveTheirMeaning(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		answer http.HandlerFunc
		want   Verdict
		told   string
	}{
		{says(400, `{"code":21211,"message":"Invalid 'To' number","status":400}`), VerdictRecipient, "Invalid 'To' number (Code: 21211)"},
		{says(403, `{"code":21408,"message":"Permission to send an SMS has not been enabled"}`), VerdictRecipient, "Permission to send an SMS has not been enabled (Code: 21408)"},
		{says(400, `{"code":21610,"message":"Attempt to send to unsubscribed recipient"}`), VerdictRecipient, "Attempt to send to unsubscribed recipient (Code: 21610)"},
		{says(401, `{"code":20003,"message":"Authenticate"}`), VerdictConfig, "Authenticate (Code: 20003)"},
		{says(404, `{"code":20404,"message":"not found"}`), VerdictConfig, "not found (Code: 20404)"},
		{says(400, `{"code":21608,"message":"trial"}`), VerdictConfig, "trial (Code: 21608)"},
		{says(400, `{"code":21617,"message":"too long"}`), VerdictRefused, "too long (Code: 21617)"},
		{says(400, `{"code":99999,"message":"new"}`), VerdictRefused, "new (Code: 99999)"},
		{says(429, `{"code":20429,"message":"Too many"}`, "Retry-After", "7"), VerdictRetry, "Too many (Code: 20429)"},
		{says(400, `{"code":14107,"message":"rate"}`), VerdictRetry, "rate (Code: 14107)"},
		{says(503, `<html>`), VerdictRetry, "Unexpected response from the SMS provider (Code: 503)"},
		{says(502, `<html>`), VerdictUnknown, "Unexpected response from the SMS provider (Code: 502)"},
		{says(400, `{"code":21603,"message":"no from hidden-token 481516"}`), VerdictConfig, "no from [secret] [secret] (Code: 21603)"},
		{says(201, `queued`), VerdictUnknown, ""},
		{cut, VerdictUnknown, "The SMS provider did not answer."},
	} {
		there := newStandIn(t, c.answer)
		got := sendNote(t, ownProvider(t, there.egress, connections.SMSOptions{Provider: "twilio", TwilioSID: "AC1", From: "+1555"}, "hidden-token"), note())
		if got.Verdict != c.want || got.Told != c.told {
			t.Errorf("got %s %q, want %s %q", got.Verdict, got.Told, c.want, c.told)
		}
		if len(there.requests()) != 1 {
			t.Errorf("%s: it was asked %d times", c.told, len(there.requests()))
		}
	}
}

func TestVoice_ReadsDigitsOneByOneAndWaits(t *testing.T) {
	t.Parallel()
	there := newStandIn(t, says(201, `{"sid":"CA1"}`))
	account, err := newTwilioVoice(service{name: "twilio", egress: there.egress}, "AC1", "hidden-token", "+15550001111")
	if err != nil {
		t.Fatal(err)
	}
	m := Message{Channel: Voice, Kind: VerifyPhone, To: "+15551234567", Code: "481", Application: "R&D"}
	if got := account.Send(t.Context(), noteOf(Key{"t1", "m1"}, m, nil)); got.Verdict != VerdictSent || got.ProviderMessageID != "CA1" {
		t.Fatalf("got %+v", got)
	}
	form, _ := url.ParseQuery(there.requests()[0].body)
	want := `<Response><Pause length="1"/><Say language="en-US">Your code for R&amp;D is 4. 8. 1.</Say>` +
		`<Pause length="1"/><Say language="en-US">Your code for R&amp;D is 4. 8. 1.</Say></Response>`
	if got := form.Get("Twiml"); got != want || form.Get("From") != "+15550001111" || there.requests()[0].path != "/2010-04-01/Accounts/AC1/Calls.json" {
		t.Errorf("%s\n got %s\nwant %s", there.requests()[0].path, got, want)
	}
}

func gateway() connections.SMSOptions {
	return connections.SMSOptions{Provider: "sms_gateway", GatewayURL: "https://sms.acme.example/send?k=1", From: "+1 234 567"}
}

func TestGateway_GetsTheDocumentedBodyAndToken(t *testing.T) {
	t.Parallel()
	there := newStandIn(t, says(200, "anything"), says(204, ""))
	if got := sendNote(t, ownProvider(t, there.egress, gateway(), ""), note()); got.Verdict != VerdictSent {
		t.Fatalf("got %+v", got)
	}
	o := gateway()
	o.ForwardRequest = true
	o.GatewayAuthentication = &connections.GatewayAuthentication{Method: "bearer", Subject: "urn:me", Audience: "urn:you", SecretBase64Encoded: true}
	if got := sendNote(t, ownProvider(t, there.egress, o, "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LV8_"), note()); got.Verdict != VerdictSent {
		t.Fatalf("got %+v", got)
	}
	asked := there.requests()
	if want := `{"recipient":"+15551234567","body":"Acme & Co: 481516","sender":"+1 234 567"}`; asked[0].body != want || asked[0].header.Get("Authorization") != "" {
		t.Errorf("got %s %s", asked[0].body, asked[0].header)
	}
	if want := `,"req":{"ip":"192.0.2.7","user-agent":"Firefox"}}`; !strings.HasSuffix(asked[1].body, want) || asked[1].path != "/send?k=1" {
		t.Errorf("got %s %s", asked[1].path, asked[1].body)
	}
	var claims gatewayClaims
	token := strings.TrimPrefix(asked[1].header.Get("Authorization"), "Bearer ")
	signed, signature, _ := strings.Cut(token[strings.IndexByte(token, '.')+1:], ".")
	head, _, _ := strings.Cut(token, ".")
	mac := hmac.New(sha256.New, []byte("secret-secret-secret-secret-_?"))
	mac.Write([]byte(head + "." + signed))
	if want := base64.RawURLEncoding.EncodeToString(mac.Sum(nil)); signature != want || head != "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9" {
		t.Fatalf("head %s, signature %s, want %s", head, signature, want)
	}
	plain, err := base64.RawURLEncoding.DecodeString(signed)
	if err == nil {
		err = json.Unmarshal(plain, &claims)
	}
	if err != nil {
		t.Fatal(err)
	}
	if claims.Subject != "urn:me" || claims.Audience != "urn:you" || claims.Issuer != "https://login.acme.example/" || claims.Expires-claims.IssuedAt != 300 {
		t.Errorf("claims %+v", claims)
	}
}

func TestGateway_RefusalsAreToldAsAuth0TellsThem(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		answer http.HandlerFunc
		want   Verdict
		told   string
	}{
		{says(401, "hidden words"), VerdictConfig, "Authentication failed while calling the SMS gateway: 401"},
		{says(500, "hidden words"), VerdictRetry, "Unexpected response while calling the SMS gateway: 500"},
		{says(302, "", "Location", "https://api.twilio.com/"), VerdictConfig, "Unexpected response while calling the SMS gateway: 302"},
		{says(504, ""), VerdictUnknown, "Unexpected response while calling the SMS gateway: 504"},
		{cut, VerdictUnknown, "Timeout while calling the SMS gateway: ETIMEDOUT"},
	} {
		there := newStandIn(t, c.answer)
		got := sendNote(t, ownProvider(t, there.egress, gateway(), ""), note())
		if got.Verdict != c.want || got.Told != c.told || strings.Contains(got.Detail, "hidden") || len(there.requests()) != 1 {
			t.Errorf("got %s %q %q after %d requests, want %s %q", got.Verdict, got.Told, got.Detail, len(there.requests()), c.want, c.told)
		}
	}
	// What does not answer may have the message.
	there := newStandIn(t, silent)
	c := ownProvider(t, there.egress, gateway(), "")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if got := c.handover.(noteHandover).Send(ctx, note()); got.Verdict != VerdictUnknown || got.Told != "Timeout while calling the SMS gateway: ETIMEDOUT" {
		t.Errorf("silence: %+v", got)
	}
}

func TestPhoneProviders_OddSettingsSendNothing(t *testing.T) {
	t.Parallel()
	there := newStandIn(t)
	bearer := gateway()
	bearer.GatewayAuthentication = &connections.GatewayAuthentication{Method: "bearer", SecretBase64Encoded: true}
	basic, file, inner := gateway(), gateway(), gateway()
	basic.GatewayURL, file.GatewayURL, inner.GatewayURL = "https://a:b@sms.acme.example/", "file:///etc/passwd", "http://169.254.169.254/latest"
	for name, o := range map[string]connections.SMSOptions{
		"no sender": {Provider: "twilio", TwilioSID: "AC1"}, "no account": {Provider: "twilio", From: "+1555"},
		"a secret that is not base64url": bearer, "credentials in the address": basic, "no address of the web": file, "metadata": inner,
	} {
		if got := sendNote(t, ownProvider(t, there.egress, o, "not base64!"), note()); got.Verdict != VerdictConfig || got.Detail == "" {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if n := len(there.requests()); n != 0 {
		t.Errorf("%d requests left", n)
	}
}

func TestTenantProvider_SendsByItsMethodsOnly(t *testing.T) {
	t.Parallel()
	there := newStandIn(t, says(201, `{"sid":"SM1"}`))
	keys, err := seal.NewKeyset()
	if err != nil {
		t.Fatal(err)
	}
	r := &routes{keys: keys, egress: there.egress}
	token, err := keys.Seal([]byte("hidden-token"), "t1", string(PhoneProviders), "credentials.auth_token", "pro_1")
	if err != nil {
		t.Fatal(err)
	}
	set := func(name string, disabled bool, methods ...any) *resource.Resource {
		return &resource.Resource{
			Kind: PhoneProviders, ID: "pro_1", Sealed: map[string][]byte{"credentials.auth_token": token},
			Document: resource.Document{"name": name, "disabled": disabled, "configuration": resource.Document{
				"sid": "AC1", "default_from": "+15550001111", "delivery_methods": methods,
			}},
		}
	}
	open := func(stored *resource.Resource, channel Channel) *carrier {
		return r.openPhone(source{"t1", channel, "sms"}, phoneSettings{provider: stored})
	}
	if got := sendNote(t, open(set("twilio", false, "text"), Text), note()); got.Verdict != VerdictSent {
		t.Errorf("got %+v", got)
	}
	for want, c := range map[string]*carrier{
		"The phone provider is disabled.":                        open(set("twilio", true, "text"), Text),
		"The phone provider does not deliver by text.":           open(set("twilio", false, "voice"), Text),
		"The phone provider does not deliver by voice.":          open(set("twilio", false, "text"), Voice),
		"The phone provider is an Action, and no Action is run.": open(set("custom", false, "text"), Text),
		"The phone provider is not known.":                       open(set("pigeon", false, "text"), Text),
	} {
		if got := sendNote(t, c, note()); got.Verdict != VerdictConfig || got.Detail != want {
			t.Errorf("got %+v, want %s", got, want)
		}
	}
	if open(nil, Text) != nil {
		t.Error("no provider has a carrier")
	}
}

// phone is a PhoneProvider that does what its script says.
type phone struct {
	postman
	notes []Note
	took  time.Duration
}

func (p *phone) Send(ctx context.Context, n Note) Result {
	p.mu.Lock()
	p.notes = append(p.notes, n)
	p.mu.Unlock()
	time.Sleep(p.took)
	return p.postman.Send(ctx, Mail{})
}

func (b *bench) text(challenge string) Message {
	m := b.message(challenge)
	m.Channel, m.Kind, m.To, m.Connection = Text, VerifyPhone, "+15551234567", "sms"
	return m
}

// phoned starts the bench's Sender with a provider of the connection sms.
func (b *bench) phoned(p PhoneProvider) {
	settings := &shelf{}
	b.provide(nil, settings, egress.New(egress.Config{}))
	settle() // the worker rests, and its routes are nobody's
	b.sender.worker.routes.known[source{"t1", Text, "sms"}] = &route{
		checkedAt: time.Now().Add(time.Hour), usedAt: time.Now(), stored: phoneSettings{}, own: newCarrier(noteHandover{p}, maxPerTenant),
	}
}

func TestPhoneRoutes_NothingStepsInForAProviderThatIsSwitchedOff(t *testing.T) {
	t.Parallel()
	provider := func(disabled bool, methods ...string) *resource.Resource {
		return &resource.Resource{ID: "p1", Kind: PhoneProviders, Document: resource.Document{
			"name": "twilio", "disabled": disabled,
			"configuration": map[string]any{"sid": "AC1", "default_from": "+15550001111", "delivery_methods": methods},
		}}
	}
	r := &routes{}
	for name, c := range map[string]struct {
		first *resource.Resource
		want  bool
	}{
		"on":              {provider(false, "text"), true},
		"switched off":    {provider(true, "text"), false},
		"for calls alone": {provider(false, "voice"), false},
	} {
		got := r.openPhone(source{"t1", Text, "sms"}, phoneSettings{provider: c.first, second: provider(false, "text")})
		if (got.second != nil) != c.want {
			t.Errorf("%s: the second provider steps in: %t, want %t", name, got.second != nil, c.want)
		}
	}
}

func TestDeliver_GivesTheFirstAttemptsOutcomeAndMakesNoOther(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		says Result
		want State
	}{
		{Result{Verdict: VerdictSent}, StateSent},
		{Result{Verdict: VerdictRetry, Detail: "later", Told: "words"}, StateFailed},
		{Result{Verdict: VerdictRecipient, Detail: "no", Told: "words"}, StateFailed},
		{Result{Verdict: VerdictUnknown, Detail: "cut", Told: "words"}, StateUnknown},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t)
			p := &phone{postman: postman{script: []Result{c.says}}, took: 2 * time.Second}
			b.phoned(p)
			q := b.queue(b.text("c1"))
			if got := b.sender.Deliver(t.Context(), q); got.State != c.want || got.Told != c.says.Told {
				t.Errorf("got %+v, want %s %s", got, c.want, c.says.Told)
			}
			time.Sleep(5 * time.Minute)
			if p.count() != 1 {
				t.Errorf("%s: it was sent %d times", c.want, p.count())
			}
			if row := b.store.row(q.ID()); row.State != c.want || row.Payload != nil {
				t.Errorf("the row is %s", row.State)
			}
			if failures := b.events.all(); (len(failures) == 1) != (c.want != StateSent) {
				t.Errorf("%s: the log has %v", c.want, failures)
			}
			b.close()
		})
	}
}

func TestDeliver_ADecoyTakesAsLongAndFailsWhereAllDo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		p := &phone{postman: postman{script: []Result{{Verdict: VerdictSent}, {Verdict: VerdictConfig, Detail: "no", Told: "words"}}}, took: 3 * time.Second}
		b.phoned(p)
		decoy := func(id string) (Delivery, time.Duration) {
			m := b.text(id)
			m.Decoy = true
			began := time.Now()
			return b.sender.Deliver(t.Context(), b.queue(m)), time.Since(began)
		}
		b.sender.Deliver(t.Context(), b.queue(b.text("c1")))
		if got, took := decoy("d1"); got.State != StateSent || took < 3*time.Second || took > 4*time.Second {
			t.Errorf("a decoy: %+v after %s", got, took)
		}
		b.sender.Deliver(t.Context(), b.queue(b.text("c2")))
		if got, _ := decoy("d2"); got.State != StateFailed || got.Told != "words" {
			t.Errorf("a decoy where nothing leaves: %+v", got)
		}
		if p.count() != 2 {
			t.Errorf("%d messages left", p.count())
		}
		b.close()
	})
}

func TestDeliver_ADecoyEndsAsTheNewestMessageToItsCountryDid(t *testing.T) {
	t.Parallel()
	sent, down := Result{Verdict: VerdictSent}, Result{Verdict: VerdictRetry, Detail: "503", Told: "503"}
	closed := Result{Verdict: VerdictRecipient, Detail: "closed", Told: "no way to +15551234567", Abroad: true}
	for name, c := range map[string]struct {
		says       []Result
		wait       time.Duration
		here, away Delivery
	}{
		"down":                      {[]Result{sent, down}, 0, Delivery{State: StateFailed, Told: "503"}, Delivery{State: StateFailed, Told: "503"}},
		"may have arrived":          {[]Result{{Verdict: VerdictUnknown, Told: "502"}}, 0, Delivery{State: StateUnknown, Told: "502"}, Delivery{State: StateUnknown, Told: "502"}},
		"down long ago":             {[]Result{sent, down}, 2 * time.Minute, Delivery{State: StateSent}, Delivery{State: StateSent}},
		"up again":                  {[]Result{down, sent}, 0, Delivery{State: StateSent}, Delivery{State: StateSent}},
		"settings are wrong":        {[]Result{{Verdict: VerdictConfig, Told: "401"}}, time.Hour, Delivery{State: StateFailed, Told: "401"}, Delivery{State: StateFailed, Told: "401"}},
		"closed country":            {[]Result{closed}, 0, Delivery{State: StateFailed, Told: "no way to +15557654321", Personal: true}, Delivery{State: StateSent}},
		"refused":                   {[]Result{{Verdict: VerdictRefused, Told: "400"}}, 0, Delivery{State: StateFailed, Told: "400", Personal: true}, Delivery{State: StateSent}},
		"one reader wants none":     {[]Result{{Verdict: VerdictRecipient, Told: "21610"}}, 0, Delivery{State: StateSent}, Delivery{State: StateSent}},
		"left alone after failures": {[]Result{down, down, down, down, down, down}, 0, Delivery{State: StateFailed, Told: "503"}, Delivery{State: StateFailed, Told: "503"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t)
			p := &phone{postman: postman{script: c.says}}
			b.phoned(p)
			for i, r := range c.says {
				got := b.sender.Deliver(t.Context(), b.queue(b.text(fmt.Sprintf("c%d", i))))
				if got.Told != r.Told {
					t.Errorf("%s: message %d is told %q, want %q", name, i, got.Told, r.Told)
				}
			}
			if n := p.count(); n > breakAfter {
				t.Errorf("%s: the provider was asked %d times", name, n)
			}
			time.Sleep(c.wait)
			for to, want := range map[string]Delivery{"+15557654321": c.here, "+4915112345678": c.away} {
				m := b.text("d" + to)
				m.To, m.Decoy = to, true
				got := b.sender.Deliver(t.Context(), b.queue(m))
				if got.result = (Result{}); got != want {
					t.Errorf("%s: a decoy to %s ends as %+v, want %+v", name, to, got, want)
				}
			}
			b.close()
		})
	}
}

// hung is a provider that takes a message and never says so.
type hung struct{ phone }

func (h *hung) Send(ctx context.Context, _ Note) Result {
	<-ctx.Done()
	return Result{Verdict: VerdictUnknown, Detail: "no answer", Told: "ETIMEDOUT"}
}

func TestDeliver_AProviderThatHangsIsToldOfInTimeAndDecoysTakeAsLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.phoned(&hung{})
		for i, decoy := range []bool{false, true} {
			m := b.text(fmt.Sprintf("c%d", i))
			m.Decoy = decoy
			began := time.Now()
			got := b.sender.Deliver(t.Context(), b.queue(m))
			if took := time.Since(began); got.State != StateUnknown || got.Told != "ETIMEDOUT" || took < 27*time.Second || took >= deliverTime {
				t.Errorf("decoy %t: %+v after %s", decoy, got, took)
			}
		}
		b.close()
	})
}

func TestDeliver_WhoeverHangsUpTeachesDecoysNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.phoned(&hung{})
		asked, hangUp := context.WithTimeout(t.Context(), time.Second)
		defer hangUp()
		if got := b.sender.Deliver(asked, b.queue(b.text("c1"))); got.State != StateQueued {
			t.Errorf("got %+v", got)
		}
		m := b.text("d1")
		m.Decoy = true
		began := time.Now()
		if got := b.sender.Deliver(t.Context(), b.queue(m)); got.State != StateSent || time.Since(began) > time.Second {
			t.Errorf("a decoy: %+v after %s", got, time.Since(began))
		}
		time.Sleep(deliverTime)
		b.close()
	})
}

func TestDeliver_WhatOthersHaveIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		p := &phone{}
		b.phoned(p)
		m := b.text("c1")
		q := b.queue(m)
		if err := b.sender.Cancel(t.Context(), "t1", m.ChallengeID, m.IssuedAt); err != nil {
			t.Fatal(err)
		}
		if got := b.sender.Deliver(t.Context(), q); got.State != StateCancelled || p.count() != 0 {
			t.Errorf("got %+v, and %d left", got, p.count())
		}
		late := b.text("c2")
		late.ExpiresAt = time.Now()
		q = b.queue(late)
		if got := b.sender.Deliver(t.Context(), q); got.State != StateFailed || p.count() != 0 {
			t.Errorf("an expired code: %+v, and %d left", got, p.count())
		}
		b.close()
	})
}

func TestTexts_WithoutAProviderGoToTheInboxOrFail(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		inbox := b.inbox()
		b.start(&postman{}, inbox) // which is for mail
		m := b.text("c1")
		m.OriginHost = "login.acme.example:8443"
		b.send(m)
		settle()
		got, err := inbox.List(t.Context(), InboxFilter{To: "+1 (555) 123-4567"}, 0)
		if err != nil || len(got) != 1 {
			t.Fatalf("%v %v", got, err)
		}
		want := "Acme: 481516 is your code to log in. Never share it.\n\n@login.acme.example #481516"
		if got[0].Text != want || got[0].Channel != Text || got[0].Code != "481516" || got[0].HTML != "" {
			t.Errorf("got %+v", got[0])
		}
		b.close()

		b = newBench(t)
		b.start(&postman{}, nil)
		b.send(b.text("c1"))
		settle()
		failures := b.events.all()
		if len(failures) != 1 || failures[0].Reason != "There is no phone provider configured." || failures[0].Channel != Text {
			t.Errorf("the log has %+v", failures)
		}
		b.close()
	})
}
