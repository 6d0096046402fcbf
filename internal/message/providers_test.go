package message

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/internal/egress"
	"latchkey/internal/resource"
	"latchkey/internal/seal"
)

// serviceHosts are those of all services.
var serviceHosts = []string{
	"api.sendgrid.com", "mandrillapp.com", "api.sparkpost.com", "api.eu.sparkpost.com", "api.mailgun.net", "api.eu.mailgun.net",
	"api.resend.com", "email.eu-west-1.amazonaws.com", "contoso.communication.azure.com", "login.microsoftonline.com",
	"graph.microsoft.com", "api.twilio.com", "sms.acme.example",
}

// standIn is a server in the place of all services. It answers what its script says and keeps what it was asked.
type standIn struct {
	egress *egress.Egress
	hosts  map[string]string // where it stands for whom

	mu     sync.Mutex
	script []http.HandlerFunc
	asked  []asked
}

// asked is one request.
type asked struct {
	method, host, path string
	header             http.Header
	body               string
}

func (a asked) document(t *testing.T) any {
	t.Helper()
	var d any
	if err := json.Unmarshal([]byte(a.body), &d); err != nil {
		t.Fatalf("the body is not JSON: %v: %s", err, a.body)
	}
	return d
}

// says answers with a status, a body and headers given as name and value.
func says(status int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// cut ends the connection without an answer.
func cut(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// silent never answers.
func silent(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func newStandIn(t *testing.T, script ...http.HandlerFunc) *standIn {
	t.Helper()
	s := &standIn{script: script}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.asked = append(s.asked, asked{r.Method, r.Host, r.URL.RequestURI(), r.Header.Clone(), string(body)})
		next := says(http.StatusTeapot, "the script has ended")
		if len(s.script) > 0 {
			next, s.script = s.script[0], s.script[1:]
		}
		s.mu.Unlock()
		next(w, r)
	}))
	certificate, roots := certify(t, serviceHosts...)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	server.StartTLS()
	t.Cleanup(server.Close)
	hosts := map[string]string{}
	for _, host := range serviceHosts {
		hosts[host+":443"] = server.Listener.Addr().String()
	}
	s.hosts, s.egress = hosts, egress.New(egress.Config{RootCAs: roots, Hosts: hosts})
	t.Cleanup(s.egress.Close)
	return s
}

func (s *standIn) requests() []asked {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// certify makes a certificate for names and the roots that know it.
func certify(t *testing.T, names ...string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: names,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

// provided makes a provider of what the Management API would store.
func provided(t *testing.T, e *egress.Egress, name string, creds, settings resource.Document) opened {
	t.Helper()
	keys, err := seal.NewKeyset()
	if err != nil {
		t.Fatal(err)
	}
	r := &routes{keys: keys, egress: e, renderer: &Renderer{}}
	return opened{r.open("t1", stored(t, keys, name, creds, settings))}
}

// opened is a carrier of mail.
type opened struct{ *carrier }

func (o opened) send(ctx context.Context, m Mail, secrets ...Secret) Result {
	return o.hide(o.handover.(mailHandover).Send(ctx, m), secrets...)
}

// secretCredentials are sealed when they are stored.
var secretCredentials = []string{
	"api_key", "accessKeyId", "secretAccessKey", "smtp_pass", "connectionString", "tenantId", "clientId", "clientSecret",
}

func stored(t *testing.T, keys *seal.Keyset, name string, creds, settings resource.Document) *resource.Resource {
	t.Helper()
	public, sealed := resource.Document{}, map[string][]byte{}
	for member, value := range creds {
		public[member] = value
	}
	for _, member := range secretCredentials {
		secret, ok := creds[member].(string)
		if !ok {
			continue
		}
		path := "credentials." + member
		box, err := keys.Seal([]byte(secret), "t1", string(resource.Settings), path, resource.EmailProvider)
		if err != nil {
			t.Fatal(err)
		}
		sealed[path] = box
		delete(public, member)
	}
	d := resource.Document{"name": name, "enabled": true, "credentials": public, "default_from_address": "Acme Ünïon <mail@acme.example>"}
	if settings != nil {
		d["settings"] = settings
	}
	return &resource.Resource{Kind: resource.Settings, ID: resource.EmailProvider, Document: d, Sealed: sealed, Version: 1}
}

// letter is the mail that all tests send.
func letter() Mail {
	return Mail{
		ID: "0190c0ffee00112233445566778899aa", Kind: VerificationCode, FromName: "Acme Ünïon", FromAddress: "mail@acme.example",
		To: "Ada@bücher.example", Subject: "481516 is your code", Text: "Your code: 481516", HTML: "<p>481516</p>", Language: "en",
		Date: time.Unix(1700000000, 0),
	}
}

const recipient = "Ada@xn--bcher-kva.example"

// services are the HTTP services, each with an answer of success.
var services = []struct {
	name    string
	creds   resource.Document
	success []http.HandlerFunc
	id      string
	keyed   bool // it recognises a message that comes twice
}{
	{"sendgrid", resource.Document{"api_key": "SG.hidden"}, []http.HandlerFunc{says(202, "", "X-Message-Id", "sg-1")}, "sg-1", false},
	{"mandrill", resource.Document{"api_key": "md-hidden"}, []http.HandlerFunc{says(200, `[{"email":"a","status":"queued","_id":"md-1","reject_reason":null}]`)}, "md-1", false},
	{"sparkpost", resource.Document{"api_key": "sp-hidden"}, []http.HandlerFunc{says(200, `{"results":{"total_rejected_recipients":0,"total_accepted_recipients":1,"id":"sp-1"}}`)}, "sp-1", false},
	{"mailgun", resource.Document{"api_key": "mg-hidden", "domain": "mg.acme.example"}, []http.HandlerFunc{says(200, `{"id":"<mg-1@acme>","message":"Queued. Thank you."}`)}, "<mg-1@acme>", false},
	{"resend", resource.Document{"api_key": "re-hidden"}, []http.HandlerFunc{says(200, `{"id":"re-1"}`)}, "re-1", true},
	{"ses", resource.Document{"accessKeyId": "AKIDHIDDEN", "secretAccessKey": "ses-hidden", "region": "eu-west-1"}, []http.HandlerFunc{says(200, `{"MessageId":"ses-1"}`)}, "ses-1", false},
	{"azure_cs", resource.Document{"connectionString": "endpoint=https://contoso.communication.azure.com/;accesskey=" + azureKey}, []http.HandlerFunc{says(202, `{"id":"az-1","status":"Running"}`)}, "az-1", true},
	{"ms365", resource.Document{"tenantId": "acme.onmicrosoft.com", "clientId": "ms-client", "clientSecret": "ms-hidden"}, []http.HandlerFunc{says(200, `{"access_token":"graph-token","expires_in":3599}`), says(202, "", "request-id", "ms-1")}, "ms-1", false},
}

const azureKey = "aGlkZGVuLWtleS1vZi1henVyZQ=="

// lead is the script before the answer to the message itself: Microsoft's token.
func lead(name string, rest ...http.HandlerFunc) []http.HandlerFunc {
	if name == "ms365" {
		return append([]http.HandlerFunc{says(200, `{"access_token":"graph-token","expires_in":3599}`)}, rest...)
	}
	return rest
}

func TestServices_AcceptedMailIsSent(t *testing.T) {
	t.Parallel()
	for _, s := range services {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			there := newStandIn(t, s.success...)
			got := provided(t, there.egress, s.name, s.creds, nil).send(t.Context(), letter())
			if want := (Result{Verdict: VerdictSent, ProviderMessageID: s.id}); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
			if n := len(there.requests()); n != len(s.success) {
				t.Errorf("%d requests, want %d", n, len(s.success))
			}
		})
	}
}

func TestServices_WhatIsAskedIsWhatIsDocumented(t *testing.T) {
	t.Parallel()
	object := func(text string) any {
		var d any
		if err := json.Unmarshal([]byte(text), &d); err != nil {
			t.Fatal(err)
		}
		return d
	}
	const headers = `{"Auto-Submitted":"auto-generated","X-Auto-Response-Suppress":"All","X-Latchkey-Type":"verification_code"}`
	for name, want := range map[string]struct {
		at            string
		authorization string
		body          any
	}{
		"sendgrid": {"POST https://api.sendgrid.com/v3/mail/send", "Bearer SG.hidden", object(`{
			"personalizations":[{"to":[{"email":"` + recipient + `"}]}],"from":{"email":"mail@acme.example","name":"Acme Ünïon"},
			"subject":"481516 is your code","content":[{"type":"text/plain","value":"Your code: 481516"},{"type":"text/html","value":"<p>481516</p>"}],
			"headers":` + headers + `,"custom_args":{"outbox_id":"0190c0ffee00112233445566778899aa"},"categories":["verification_code"],
			"tracking_settings":{"click_tracking":{"enable":false,"enable_text":false},"open_tracking":{"enable":false}}}`)},
		"mandrill": {"POST https://mandrillapp.com/api/1.0/messages/send", "", object(`{"key":"md-hidden","async":false,"message":{
			"html":"<p>481516</p>","text":"Your code: 481516","subject":"481516 is your code","from_email":"mail@acme.example","from_name":"Acme Ünïon",
			"to":[{"email":"` + recipient + `","type":"to"}],"headers":` + headers + `,"important":false,"track_opens":false,"track_clicks":false,
			"auto_text":false,"auto_html":false,"inline_css":false,"preserve_recipients":false,"view_content_link":false,
			"tags":["verification_code"],"metadata":{"outbox_id":"0190c0ffee00112233445566778899aa"}}}`)},
		"sparkpost": {"POST https://api.sparkpost.com/api/v1/transmissions", "sp-hidden", object(`{
			"options":{"transactional":true,"open_tracking":false,"click_tracking":false},"recipients":[{"address":{"email":"` + recipient + `"}}],
			"content":{"from":{"email":"mail@acme.example","name":"Acme Ünïon"},"subject":"481516 is your code","html":"<p>481516</p>","text":"Your code: 481516",
			"headers":` + headers + `},"metadata":{"outbox_id":"0190c0ffee00112233445566778899aa"}}`)},
		"mailgun": {"POST https://api.mailgun.net/v3/mg.acme.example/messages", "Basic " + base64.StdEncoding.EncodeToString([]byte("api:mg-hidden")), url.Values{
			"from": {"=?utf-8?q?Acme_=C3=9Cn=C3=AFon?= <mail@acme.example>"}, "to": {recipient}, "subject": {"481516 is your code"},
			"text": {"Your code: 481516"}, "html": {"<p>481516</p>"}, "o:tracking": {"no"}, "o:tracking-clicks": {"no"}, "o:tracking-opens": {"no"},
			"o:tag": {"verification_code"}, "v:outbox_id": {"0190c0ffee00112233445566778899aa"},
			"h:Auto-Submitted": {"auto-generated"}, "h:X-Auto-Response-Suppress": {"All"}, "h:X-Latchkey-Type": {"verification_code"},
		}},
		"resend": {"POST https://api.resend.com/emails", "Bearer re-hidden", object(`{"from":"Acme Ünïon <mail@acme.example>","to":["` + recipient + `"],
			"subject":"481516 is your code","html":"<p>481516</p>","text":"Your code: 481516","headers":` + headers + `,
			"tags":[{"name":"message_type","value":"verification_code"}]}`)},
		"ses": {"POST https://email.eu-west-1.amazonaws.com/v2/email/outbound-emails", "AWS4-HMAC-SHA256 Credential=AKIDHIDDEN/", object(`{
			"FromEmailAddress":"=?utf-8?q?Acme_=C3=9Cn=C3=AFon?= <mail@acme.example>","Destination":{"ToAddresses":["` + recipient + `"]},
			"Content":{"Simple":{"Subject":{"Data":"481516 is your code","Charset":"UTF-8"},"Body":{"Text":{"Data":"Your code: 481516","Charset":"UTF-8"},
			"Html":{"Data":"<p>481516</p>","Charset":"UTF-8"}},"Headers":[{"Name":"Auto-Submitted","Value":"auto-generated"},
			{"Name":"X-Auto-Response-Suppress","Value":"All"},{"Name":"X-Latchkey-Type","Value":"verification_code"}]}},
			"EmailTags":[{"Name":"outbox_id","Value":"0190c0ffee00112233445566778899aa"}]}`)},
		"azure_cs": {"POST https://contoso.communication.azure.com/emails:send?api-version=2023-03-31", "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=", object(`{
			"senderAddress":"mail@acme.example","content":{"subject":"481516 is your code","plainText":"Your code: 481516","html":"<p>481516</p>"},
			"recipients":{"to":[{"address":"` + recipient + `"}]},"headers":` + headers + `,"userEngagementTrackingDisabled":true}`)},
		"ms365": {"POST https://graph.microsoft.com/v1.0/users/mail@acme.example/sendMail", "Bearer graph-token", object(`{"message":{
			"subject":"481516 is your code","body":{"contentType":"HTML","content":"<p>481516</p>"},
			"toRecipients":[{"emailAddress":{"address":"` + recipient + `"}}],
			"internetMessageHeaders":[{"name":"X-Auto-Response-Suppress","value":"All"},{"name":"X-Latchkey-Type","value":"verification_code"}]},
			"saveToSentItems":false}`)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, s := range services {
				if s.name != name {
					continue
				}
				there := newStandIn(t, s.success...)
				provided(t, there.egress, name, s.creds, nil).send(t.Context(), letter())
				all := there.requests()
				last := all[len(all)-1]
				if got := last.method + " https://" + last.host + last.path; got != want.at {
					t.Errorf("asked %s, want %s", got, want.at)
				}
				if got := last.header.Get("Authorization"); !strings.HasPrefix(got, want.authorization) || want.authorization == "" && got != "" {
					t.Errorf("Authorization %q, want %q", got, want.authorization)
				}
				var body any
				if form, isForm := want.body.(url.Values); isForm {
					parsed, err := url.ParseQuery(last.body)
					if err != nil {
						t.Fatal(err)
					}
					body, want.body = parsed, form
				} else {
					body = last.document(t)
				}
				if diff := cmp.Diff(want.body, body); diff != "" {
					t.Errorf("the body differs (-want +got):\n%s", diff)
				}
				if key := last.header.Get("Idempotency-Key"); name == "resend" && key != letter().ID {
					t.Errorf("Idempotency-Key %q", key)
				}
				if key := last.header.Get("Operation-Id"); name == "azure_cs" && key != "0190c0ff-ee00-1122-3344-5566778899aa" {
					t.Errorf("Operation-Id %q", key)
				}
			}
		})
	}
}

func TestServices_RegionsAndSettings(t *testing.T) {
	t.Parallel()
	send := func(name string, creds, settings resource.Document, answer string) asked {
		t.Helper()
		there := newStandIn(t, says(200, answer))
		provided(t, there.egress, name, creds, settings).send(t.Context(), letter())
		return there.requests()[0]
	}
	if got := send("sparkpost", resource.Document{"api_key": "k", "region": "eu"}, nil, ""); got.host != "api.eu.sparkpost.com" {
		t.Errorf("SparkPost's European host is %s", got.host)
	}
	if got := send("mailgun", resource.Document{"api_key": "k", "domain": "d.example", "region": "eu"}, nil, ""); got.host != "api.eu.mailgun.net" {
		t.Errorf("Mailgun's European host is %s", got.host)
	}
	if got := send("mailgun", resource.Document{"api_key": "k", "domain": "d.example", "region": nil}, nil, ""); got.host != "api.mailgun.net" {
		t.Errorf("Mailgun's host is %s", got.host)
	}
	view := resource.Document{"message": resource.Document{"view_content_link": true}}
	if got := send("mandrill", resource.Document{"api_key": "k"}, view, ""); !strings.Contains(got.body, `"view_content_link":true`) {
		t.Error("view_content_link is not followed")
	}
	set := resource.Document{"message": resource.Document{"configuration_set_name": "mine"}}
	if got := send("ses", services[5].creds, set, `{}`); !strings.Contains(got.body, `"ConfigurationSetName":"mine"`) {
		t.Error("configuration_set_name is not followed")
	}
	odd := resource.Document{"message": "text"}
	if got := send("mandrill", resource.Document{"api_key": "k"}, odd, ""); !strings.Contains(got.body, `"view_content_link":false`) {
		t.Error("odd settings change what is sent")
	}
}

// What every service may say by its status.
func TestServices_AnswersByStatus(t *testing.T) {
	t.Parallel()
	for _, s := range services {
		for status, want := range map[int]Verdict{
			400: VerdictRefused, 401: VerdictConfig, 403: VerdictConfig, 413: VerdictRefused,
			429: VerdictRetry, 500: VerdictRetry, 503: VerdictRetry,
			502: VerdictUnknown, 504: VerdictUnknown, 302: VerdictConfig,
		} {
			t.Run(fmt.Sprintf("%s %d", s.name, status), func(t *testing.T) {
				t.Parallel()
				answer := says(status, "not JSON", "Location", "https://api.resend.com/elsewhere", "Retry-After", "7")
				script := lead(s.name, answer)
				switch {
				case s.name == "ms365" && status == 401:
					script = append(script, lead(s.name, answer)...) // it asks for a new token first
				case s.keyed && want == VerdictUnknown:
					script = append(script, answer)
				}
				there := newStandIn(t, script...)
				got := provided(t, there.egress, s.name, s.creds, nil).send(t.Context(), letter())
				if got.Verdict != want {
					t.Errorf("%+v, want %s", got, want)
				}
				if want == VerdictRetry && got.RetryAfter != 7*time.Second {
					t.Errorf("Retry-After is read as %s", got.RetryAfter)
				}
				if n := len(there.requests()); n != len(script) {
					t.Errorf("%d requests, want %d", n, len(script))
				}
			})
		}
	}
}

// The answers that only one service knows.
func TestServices_AnswersOfTheirOwn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		status int
		body   string
		want   Verdict
		words  string
	}{
		{"sendgrid", 403, `{"errors":[{"message":"The from address does not match a verified Sender Identity."}]}`, VerdictConfig, "verified Sender Identity"},
		{"mandrill", 200, `[{"status":"rejected","reject_reason":"hard-bounce","_id":"1"}]`, VerdictRecipient, "hard-bounce"},
		{"mandrill", 200, `[{"status":"rejected","reject_reason":"invalid-sender","_id":"1"}]`, VerdictConfig, "invalid-sender"},
		{"mandrill", 200, `[{"status":"invalid","reject_reason":null,"_id":"1"}]`, VerdictRecipient, "invalid"},
		{"mandrill", 500, `{"status":"error","code":-1,"name":"Invalid_Key","message":"Invalid API key"}`, VerdictConfig, "Invalid API key"},
		{"mandrill", 500, `{"status":"error","code":-2,"name":"ValidationError","message":"no"}`, VerdictRefused, "ValidationError"},
		{"sparkpost", 200, `{"results":{"total_rejected_recipients":1,"total_accepted_recipients":0,"id":"1"}}`, VerdictRecipient, "rejected"},
		{"sparkpost", 422, `{"errors":[{"message":"Invalid domain","description":"Unverified sending domain"}]}`, VerdictConfig, "Unverified"},
		{"sparkpost", 420, `{"errors":[{"message":"Exceed Sending Limit (daily)","code":"2101"}]}`, VerdictRetry, "Sending Limit"},
		{"mailgun", 404, `{"message":"Domain not found"}`, VerdictConfig, "Domain not found"},
		{"mailgun", 401, `Forbidden`, VerdictConfig, "401"},
		{"resend", 409, `{"statusCode":409,"name":"invalid_idempotent_request","message":"another payload"}`, VerdictUnknown, "invalid_idempotent_request"},
		{"resend", 422, `{"statusCode":422,"name":"validation_error","message":"to is bad"}`, VerdictRefused, "to is bad"},
		{"ses", 400, `{"__type":"MessageRejected","message":"Email address is not verified."}`, VerdictRefused, "not verified"},
		{"ses", 400, `{"__type":"LimitExceededException","message":"quota"}`, VerdictRetry, "quota"},
		{"ses", 400, `{"__type":"MailFromDomainNotVerifiedException","message":"from"}`, VerdictConfig, "from"},
		{"ses", 403, `{"__type":"InvalidSignatureException","message":"Signature expired"}`, VerdictConfig, "clock"},
		{"azure_cs", 400, `{"error":{"code":"InvalidSender","message":"not yours"}}`, VerdictRefused, "not yours"},
		{"ms365", 404, `{"error":{"code":"ErrorInvalidUser","message":"no mailbox"}}`, VerdictConfig, "no mailbox"},
		{"ms365", 403, `{"error":{"code":"ErrorAccessDenied","message":"denied"}}`, VerdictConfig, "denied"},
	} {
		for _, s := range services {
			if s.name != c.name {
				continue
			}
			answer := says(c.status, c.body, "Content-Type", "application/json")
			there := newStandIn(t, append(lead(s.name, answer), answer)...)
			got := provided(t, there.egress, s.name, s.creds, nil).send(t.Context(), letter())
			if got.Verdict != c.want || !strings.Contains(got.Detail, c.words) {
				t.Errorf("%s %d %s: %+v, want %s with %q", c.name, c.status, c.body, got, c.want, c.words)
			}
		}
	}
}

func TestServices_AMalformedYesMayBeOne(t *testing.T) {
	t.Parallel()
	for _, s := range services {
		for _, body := range []string{"", "<html>", `{"id":`, `[]`, `null`} {
			if s.name == "sendgrid" || s.name == "ms365" {
				continue // their yes is the status alone
			}
			status := 200
			answer := says(status, body)
			there := newStandIn(t, answer, answer)
			if got := provided(t, there.egress, s.name, s.creds, nil).send(t.Context(), letter()); got.Verdict != VerdictUnknown {
				t.Errorf("%s, %q: %+v, want unknown", s.name, body, got)
			}
		}
	}
}

func TestServices_ALostAnswerIsNotAskedForAgain(t *testing.T) {
	t.Parallel()
	for _, s := range services {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			there := newStandIn(t, lead(s.name, cut, cut)...)
			got := provided(t, there.egress, s.name, s.creds, nil).send(t.Context(), letter())
			if got.Verdict != VerdictUnknown {
				t.Errorf("a cut: %+v, want unknown", got)
			}
			want := len(lead(s.name)) + 1
			if s.keyed {
				want = 2
			}
			if n := len(there.requests()); n != want {
				t.Errorf("a cut: %d requests, want %d", n, want)
			}
			there = newStandIn(t, lead(s.name, silent, silent)...)
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			if got := provided(t, there.egress, s.name, s.creds, nil).send(ctx, letter()); got.Verdict != VerdictUnknown {
				t.Errorf("a time-out: %+v, want unknown", got)
			}
			if n := len(there.requests()); n != len(lead(s.name))+1 {
				t.Errorf("a time-out: %d requests", n)
			}
		})
	}
}

func TestServices_AKeyLetsALostAnswerBeAskedForOnceMore(t *testing.T) {
	t.Parallel()
	for _, s := range services {
		if !s.keyed {
			continue
		}
		there := newStandIn(t, append([]http.HandlerFunc{cut}, s.success...)...)
		got := provided(t, there.egress, s.name, s.creds, nil).send(t.Context(), letter())
		if got.Verdict != VerdictSent || got.ProviderMessageID != s.id {
			t.Errorf("%s: %+v, want sent", s.name, got)
		}
		all := there.requests()
		for _, name := range []string{"Idempotency-Key", "Operation-Id"} {
			if all[0].header.Get(name) != all[1].header.Get(name) {
				t.Errorf("%s: the second request has another %s", s.name, name)
			}
		}
		// A refusal of the second one says nothing of the first.
		there = newStandIn(t, cut, says(422, "{}"))
		if got := provided(t, there.egress, s.name, s.creds, nil).send(t.Context(), letter()); got.Verdict != VerdictUnknown {
			t.Errorf("%s, then a refusal: %+v, want unknown", s.name, got)
		}
	}
}

func TestServices_NoConnectionIsALater(t *testing.T) {
	t.Parallel()
	closed := httptest.NewServer(nil)
	closed.Close()
	hosts := map[string]string{}
	for _, host := range serviceHosts {
		hosts[host+":443"] = strings.TrimPrefix(closed.URL, "http://")
	}
	e := egress.New(egress.Config{Hosts: hosts})
	for _, s := range services {
		if got := provided(t, e, s.name, s.creds, nil).send(t.Context(), letter()); got.Verdict != VerdictRetry {
			t.Errorf("%s: %+v, want retry", s.name, got)
		}
	}
}

func TestServices_NoAnswerRepeatsASecret(t *testing.T) {
	t.Parallel()
	for _, s := range services {
		echo := func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			all := []string{azureKey}
			for _, v := range s.creds {
				if text, ok := v.(string); ok {
					all = append(all, text)
				}
			}
			words, _ := json.Marshal(strings.Join(all, " "))
			_, _ = fmt.Fprintf(w, `{"message":%[1]s,"errors":[{"message":%[1]s}],"error":{"code":"x","message":%[1]s},"__type":"BadRequestException"}`, words)
		}
		there := newStandIn(t, lead(s.name, echo)...)
		got := provided(t, there.egress, s.name, s.creds, nil).send(t.Context(), letter())
		for _, member := range secretCredentials {
			if secret, ok := s.creds[member].(string); ok && strings.Contains(got.Detail, secret) {
				t.Errorf("%s: %q repeats %s", s.name, got.Detail, member)
			}
		}
		if strings.Contains(got.Detail, azureKey) && s.name == "azure_cs" {
			t.Errorf("%q repeats the access key", got.Detail)
		}
	}
}

func TestMS365_KeepsItsTokenAndReplacesAWithdrawnOne(t *testing.T) {
	t.Parallel()
	there := newStandIn(t,
		says(200, `{"access_token":"one","expires_in":3599}`), says(202, ""), says(202, ""),
		says(401, `{"error":{"code":"InvalidAuthenticationToken"}}`), says(200, `{"access_token":"two","expires_in":3599}`), says(202, ""),
	)
	c := provided(t, there.egress, "ms365", services[7].creds, nil)
	for i := range 3 {
		if got := c.send(t.Context(), letter()); got.Verdict != VerdictSent {
			t.Fatalf("mail %d: %+v", i, got)
		}
	}
	all := there.requests()
	form, err := url.ParseQuery(all[0].body)
	if err != nil {
		t.Fatal(err)
	}
	want := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {"ms-client"}, "client_secret": {"ms-hidden"},
		"scope": {"https://graph.microsoft.com/.default"},
	}
	if diff := cmp.Diff(want, form); diff != "" || all[0].path != "/acme.onmicrosoft.com/oauth2/v2.0/token" {
		t.Errorf("the token is asked for at %s:\n%s", all[0].path, diff)
	}
	if got := all[len(all)-1].header.Get("Authorization"); got != "Bearer two" {
		t.Errorf("the last mail has %q", got)
	}
}

func TestMS365_WithoutATokenNothingWasHandedOver(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   Verdict
	}{
		"refused": {says(401, `{"error":"invalid_client","error_description":"AADSTS7000215"}`), VerdictConfig},
		"unknown": {says(400, `{"error":"unauthorized_client"}`), VerdictConfig},
		"lost":    {cut, VerdictRetry}, "down": {says(502, ""), VerdictRetry}, "odd": {says(200, "?"), VerdictRetry},
	} {
		there := newStandIn(t, c.answer)
		if got := provided(t, there.egress, "ms365", services[7].creds, nil).send(t.Context(), letter()); got.Verdict != c.want {
			t.Errorf("%s: %+v, want %s", name, got, c.want)
		}
	}
}

func TestAzure_SignsWhatItSends(t *testing.T) {
	t.Parallel()
	there := newStandIn(t, says(202, `{"id":"1"}`))
	provided(t, there.egress, "azure_cs", services[6].creds, nil).send(t.Context(), letter())
	got := there.requests()[0]
	sum := sha256.Sum256([]byte(got.body))
	hash := base64.StdEncoding.EncodeToString(sum[:])
	if got.header.Get("X-Ms-Content-Sha256") != hash {
		t.Error("the hash is not that of the body")
	}
	key, _ := base64.StdEncoding.DecodeString(azureKey)
	mac := hmac.New(sha256.New, key)
	_, _ = fmt.Fprintf(mac, "POST\n%s\n%s;%s;%s", got.path, got.header.Get("X-Ms-Date"), got.host, hash)
	want := "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=" + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	if got.header.Get("Authorization") != want {
		t.Errorf("Authorization %q, want %q", got.header.Get("Authorization"), want)
	}
}

// Settings that lead elsewhere than to the service they name are refused before anything leaves.
func TestProviders_OddSettingsSendNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		creds resource.Document
	}{
		{"mailgun", resource.Document{"api_key": "k", "domain": "evil.example/../x"}},
		{"mailgun", resource.Document{"api_key": "k", "domain": "a@b"}},
		{"mailgun", resource.Document{"api_key": "k", "domain": "a#b"}},
		{"ses", resource.Document{"accessKeyId": "k", "secretAccessKey": "s", "region": "evil.example/#"}},
		{"ses", resource.Document{"accessKeyId": "k", "secretAccessKey": "s", "region": ""}},
		{"ms365", resource.Document{"tenantId": "../common", "clientId": "c", "clientSecret": "s"}},
		{"azure_cs", resource.Document{"connectionString": "endpoint=http://contoso.communication.azure.com;accesskey=" + azureKey}},
		{"azure_cs", resource.Document{"connectionString": "endpoint=https://u:p@contoso.communication.azure.com;accesskey=" + azureKey}},
		{"azure_cs", resource.Document{"connectionString": "endpoint=https://contoso.communication.azure.com/x?y;accesskey=" + azureKey}},
		{"azure_cs", resource.Document{"connectionString": "accesskey=" + azureKey}},
		{"azure_cs", resource.Document{"connectionString": "endpoint=https://contoso.communication.azure.com;accesskey=%%%"}},
		{"smtp", resource.Document{"smtp_host": "", "smtp_port": float64(25)}},
		{"smtp", resource.Document{"smtp_host": "mail.example:25", "smtp_port": float64(25)}},
		{"smtp", resource.Document{"smtp_host": "mail.example", "smtp_port": float64(70000)}},
		{"smtp", resource.Document{"smtp_host": "mail.example", "smtp_port": 25.5}},
		{"custom", resource.Document{}},
		{"pigeon", resource.Document{}},
	} {
		there := newStandIn(t)
		got := provided(t, there.egress, c.name, c.creds, nil).send(t.Context(), letter())
		if got.Verdict != VerdictConfig || got.Detail == "" {
			t.Errorf("%s %v: %+v, want fail_config", c.name, c.creds, got)
		}
		if n := len(there.requests()); n != 0 {
			t.Errorf("%s %v: %d requests", c.name, c.creds, n)
		}
	}
}

func TestProviders_InsideAddressesAreRefused(t *testing.T) {
	t.Parallel()
	e := egress.New(egress.Config{})
	for name, creds := range map[string]resource.Document{
		"azure_cs": {"connectionString": "endpoint=https://127.0.0.1;accesskey=" + azureKey},
		"smtp":     {"smtp_host": "169.254.169.254", "smtp_port": float64(25), "smtp_user": "u", "smtp_pass": "password"},
	} {
		got := provided(t, e, name, creds, nil).send(t.Context(), letter())
		if got.Verdict != VerdictConfig || !strings.Contains(got.Detail, egress.ErrRefused.Error()) {
			t.Errorf("%s: %+v, want a refusal", name, got)
		}
	}
}

func TestTenantSMTP_ProtectsTheConnectionByItsPort(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		host string
		port int
		want TLSMode
	}{
		{"mail.example", 465, TLSImplicit}, {"mail.example", 587, TLSStartTLS}, {"mail.example", 25, TLSStartTLS},
		{"10.1.2.3", 25, TLSStartTLS}, {"127.0.0.1", 1025, TLSOpportunistic}, {"bücher.example", 587, TLSStartTLS},
	} {
		configured := &configured{credentials: credentials{smtpCredentials: smtpCredentials{SMTPHost: c.host, SMTPPort: c.port, SMTPUser: "u", SMTPPass: "p"}}}
		s, err := newTenantSMTP(configured, egress.New(egress.Config{}))
		if err != nil {
			t.Errorf("%s: %v", c.host, err)
			continue
		}
		if s.config.TLS != c.want || s.config.MinTLS != tls.VersionTLS12 || s.config.dial == nil || s.config.Host == "bücher.example" {
			t.Errorf("%s:%d: %+v, want %s", c.host, c.port, s.config.TLS, c.want)
		}
	}
}

func TestTenantSMTP_AddsTheTenantsHeadersAndNoOthers(t *testing.T) {
	t.Parallel()
	c := &configured{settings: resource.Document{"headers": resource.Document{
		"X-MC-ViewContentLink": "false", "X-SES-Configuration-Set": "mine\r\nBcc: eve@example.com",
		"X-MSYS_API": resource.Document{"options": resource.Document{"open_tracking": false}},
		"Bcc":        "eve@example.com", "From": "eve@example.com", "X-A: b\r\nBcc": "eve@example.com", "X-Null": nil,
	}}}
	want := []Header{
		{"X-MC-ViewContentLink", "false"}, {"X-MSYS-API", `{"options":{"open_tracking":false}}`},
		{"X-SES-Configuration-Set", "mine Bcc: eve@example.com"},
	}
	if diff := cmp.Diff(want, c.headers()); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
	raw, err := compose(letter(), recipient, c.headers()...)
	if err != nil {
		t.Fatal(err)
	}
	if text := string(raw); !strings.Contains(text, "X-MC-ViewContentLink: false\r\n") || strings.Contains(text, "\nBcc:") {
		t.Errorf("the mail is\n%s", text)
	}
}
