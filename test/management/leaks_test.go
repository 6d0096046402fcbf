package management

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"latchkey/test/servertest"
)

// hoard hands out secrets that are easy to find again.
type hoard struct {
	all map[string]string // by what they are
}

// new makes a secret.
func (h *hoard) new(what string) string {
	s := fmt.Sprintf("Zx9-%02d-hidden-%s-4Fq8w", len(h.all), strings.ReplaceAll(what, " ", "-"))
	h.all[what] = s
	return s
}

// found gives the secrets that a text holds, as they are or in a way that anybody could undo.
func (h *hoard) found(text string, except ...string) []string {
	var found []string
	for what, s := range h.all {
		for _, as := range []string{s, hex.EncodeToString([]byte(s)), strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(s)), "="), strings.ToUpper(s)} {
			if strings.Contains(text, as) && !containsAny(what, except...) {
				found = append(found, what)
				break
			}
		}
	}
	return found
}

// write is one call that takes secrets.
type write struct {
	method, path string
	body         any
}

// secretWrites are writes of every kind of secret that the API takes.
func secretWrites(h *hoard, r *script) []write {
	provider := func(name string, credentials doc) write {
		return write{"PATCH", "/emails/provider", doc{"name": name, "credentials": credentials}}
	}
	stream := func(kind string, sink doc) write {
		return write{"POST", "/log-streams", doc{"name": kind, "type": kind, "sink": sink}}
	}
	const factors = "/guardian/factors/"
	twilio := func(what string) doc { return doc{"sid": "AC1", "from": "+15551234567", "auth_token": h.new(what)} }
	return []write{
		{"PATCH", "/clients/{client}", doc{"client_secret": h.new("client secret") + strings.Repeat("0", 20)}},
		{"PATCH", "/clients/{client}", doc{"addons": doc{
			"firebase": doc{"secret": h.new("addon firebase secret"), "private_key": h.new("addon firebase key"), "private_key_id": "id", "client_email": "a@example.com"},
			"layer":    doc{"providerId": "p", "keyId": "k", "privateKey": h.new("addon layer key")}, "azure_sb": doc{"sasKey": h.new("addon azure key")},
			"sap_api": doc{"clientid": "c", "servicePassword": h.new("addon sap password")}, "wams": doc{"masterkey": h.new("addon wams key")},
		}}},
		{"POST", "/connections", doc{"name": "texts", "strategy": "sms", "options": doc{
			"provider": "sms_gateway", "gateway_url": "https://sms.example.com/", "twilio_token": h.new("options twilio token"),
			"gateway_authentication": doc{"method": "bearer", "audience": "a", "secret": h.new("options gateway secret")},
		}}},
		{"POST", "/connections", doc{"name": "scripts", "strategy": "auth0", "options": doc{"configuration": doc{"KEY": h.new("options configuration")}}}},
		{"POST", "/users", doc{"connection": "people", "email": "bob@example.com", "password": h.new("password") + "Aa1!"}},
		{"PATCH", "/users/{user}", doc{"password": h.new("changed password") + "Bb2?"}},
		{"POST", "/users/{user}/authentication-methods", doc{"type": "totp", "name": "app", "totp_secret": "ONSWG4TFORUW2ZLTMVRXEZLU"}},
		{"POST", "/users/{user}/identities", doc{"link_with": h.new("link_with")}},
		{"POST", "/emails/provider", doc{"name": "smtp", "credentials": doc{"smtp_host": "mail.example.com", "smtp_port": 25, "smtp_user": "u", "smtp_pass": h.new("smtp_pass")}}},
		provider("mailgun", doc{"api_key": h.new("mailgun key"), "domain": "mg.example.com"}),
		provider("sendgrid", doc{"api_key": h.new("sendgrid key")}),
		provider("ses", doc{"accessKeyId": "AKIA", "secretAccessKey": h.new("ses key"), "region": "eu-west-1"}),
		provider("azure_cs", doc{"connectionString": h.new("azure connection")}),
		provider("ms365", doc{"tenantId": "t", "clientId": "c", "clientSecret": h.new("ms365 secret")}),
		{"POST", "/branding/phone/providers", doc{"name": "twilio", "credentials": doc{"auth_token": h.new("phone token")},
			"configuration": doc{"sid": "AC1", "default_from": "+15551234567", "delivery_methods": items{"text"}}}},
		{"PUT", factors + "phone/providers/twilio", twilio("factor phone token")},
		{"PUT", factors + "sms/providers/twilio", twilio("factor sms token")},
		{"PUT", factors + "push-notification/providers/sns", doc{"aws_access_key_id": "AKIA", "aws_secret_access_key": h.new("sns key")}},
		{"PUT", factors + "push-notification/providers/apns", doc{"bundle_id": "b", "p12": h.new("p12")}},
		{"PUT", factors + "push-notification/providers/fcm", doc{"server_key": h.new("fcm key")}},
		{"PUT", factors + "push-notification/providers/fcmv1", doc{"server_credentials": h.new("fcmv1 credentials")}},
		{"PUT", factors + "duo/settings", doc{"host": "h", "ikey": "i", "skey": h.new("echoed duo key")}},
		{"PATCH", "/attack-protection/captcha", doc{
			"active_provider_id": "recaptcha_v2", "recaptcha_v2": doc{"site_key": "k", "secret": h.new("recaptcha secret")},
			"recaptcha_enterprise": doc{"site_key": "k", "project_id": "p", "api_key": h.new("recaptcha key")},
			"hcaptcha":             doc{"site_key": "k", "secret": h.new("hcaptcha secret")}, "friendly_captcha": doc{"site_key": "k", "secret": h.new("friendly secret")},
			"arkose": doc{"site_key": "k", "secret": h.new("arkose secret")},
		}},
		{"POST", "/actions/modules", doc{"name": "m", "code": "x", "secrets": items{doc{"name": "K", "value": h.new("module secret")}}, "publish": true}},
		{"PATCH", "/actions/actions/{action}", doc{"secrets": items{doc{"name": "K", "value": h.new("action secret")}}}},
		{"POST", "/actions/actions/{action}/deploy", nil},
		{"PATCH", "/actions/triggers/post-login/bindings", doc{"bindings": items{
			doc{"ref": doc{"type": "action_id", "value": "{action}"}, "display_name": "d", "secrets": items{doc{"name": "B", "value": h.new("binding secret")}}},
		}}},
		stream("http", doc{"httpEndpoint": "https://example.com/", "httpAuthorization": h.new("echoed sink authorization"),
			"httpCustomHeaders": items{doc{"header": "X-Key", "value": h.new("echoed sink header")}}}),
		stream("datadog", doc{"datadogRegion": "eu", "datadogApiKey": "abcdef0123456789abcdef0123456789"}),
		stream("splunk", doc{"splunkDomain": "splunk.example.com", "splunkPort": "8088", "splunkToken": "12345678-1234-4321-8765-123456789012", "splunkSecure": true}),
		stream("segment", doc{"segmentWriteKey": h.new("echoed sink segment key")}),
		stream("sumo", doc{"sumoSourceAddress": "https://sumo.example.com/" + h.new("echoed sink sumo address")}),
		{"POST", "/resource-servers", doc{"identifier": "https://hs.example.com/", "signing_alg": "HS256", "signing_secret": h.new("echoed signing secret")}},
		{"POST", "/flows/vault/connections", doc{"name": "v", "app_id": "HTTP", "setup": doc{"type": "BEARER", "token": h.new("vault token")}}},
		{"POST", "/event-streams", doc{"name": "s", "subscriptions": items{doc{"event_type": "user.created"}}, "destination": doc{"type": "webhook", "configuration": doc{
			"webhook_endpoint": "https://example.com/", "webhook_authorization": doc{"method": "bearer", "token": h.new("event stream token")},
		}}}},
		{"PUT", "/rules-configs/KEY", doc{"value": h.new("rules config")}},
		{"POST", "/tickets/email-verification", doc{"user_id": "{user}"}},
		// Refused writes are no less secret.
		{"POST", "/users", doc{"connection": "people", "email": "no address", "password": h.new("refused password") + "Cc3!"}},
		{"POST", "/emails/provider", doc{"name": "smtp", "credentials": doc{"smtp_pass": h.new("refused smtp_pass")}}},
		{"PATCH", "/clients/{client}", doc{"client_secret": h.new("refused client secret"), "no_such_member": 1}},
		{"PUT", "/keys/custom-signing", doc{"keys": items{doc{"kty": "RSA", "n": "AQAB", "e": "AQAB", "d": h.new("private key")}}}},
		{"POST", "/users/{user}/identities", doc{"link_with": doc{"token": h.new("mistyped link_with")}}},
	}
}

func TestSecrets_AreNowhereToBeRead(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		r, h := newScript(newCaller(s)), &hoard{all: map[string]string{}}
		r.kept["client"] = r.must("POST", "/clients", doc{"name": "app"}).Doc()["client_id"].(string)
		r.kept["connection"] = r.must("POST", "/connections", doc{"name": "people", "strategy": "auth0", "enabled_clients": items{s.Web.ID}}).Doc()["id"].(string)
		r.kept["action"] = r.must("POST", "/actions/actions", doc{"name": "a", "supported_triggers": items{doc{"id": "post-login"}}, "code": "x",
			"secrets": items{doc{"name": "K", "value": h.new("first action secret")}}}).Doc()["id"].(string)
		r.kept["user"] = r.must("POST", "/users", doc{"connection": "people", "email": "ann@example.com", "password": h.new("first password") + "Aa1!", "verify_email": false}).Doc()["user_id"].(string)
		h.all["options totp seed"], h.all["echoed sink datadog key"] = "ONSWG4TFORUW2ZLTMVRXEZLU", "abcdef0123456789abcdef0123456789"
		h.all["echoed sink splunk token"], h.all["bearer token"] = "12345678-1234-4321-8765-123456789012", strings.Split(r.token, ".")[2]
		done := 0
		for _, w := range secretWrites(h, r) {
			path := r.fill(strings.ReplaceAll(w.path, "{user}", escaped(r.kept["user"]))).(string)
			got := r.call(w.method, path, fillBody(r, w.body))
			if got.Status/100 == 2 {
				done++
			}
			sane(t, w.method+" "+w.path, got)
			if ticket, ok := got.Doc()["ticket"].(string); ok {
				_, h.all["ticket"], _ = strings.Cut(strings.TrimSuffix(ticket, "#"), "ticket=")
			}
		}
		if done < 30 {
			t.Errorf("%d secrets were written, want more", done)
		}
		rotated := r.must("POST", "/clients/"+r.kept["client"]+"/rotate-secret", nil).Doc()["client_secret"].(string)
		h.all["rotated client secret"] = rotated
		if found := h.found(s.OperatorLog()); found != nil {
			t.Errorf("the operator's log holds %q", found)
		}
		for table, rows := range s.Dump(t) {
			for _, row := range rows {
				if found := h.found(row); found != nil {
					t.Errorf("the table %s holds %q: %s", table, found, clipped(row))
				}
			}
		}
		reads := []string{
			"/clients", "/clients/" + r.kept["client"], "/connections", "/connections/" + r.kept["connection"], "/users", "/users/" + escaped(r.kept["user"]),
			"/users/" + escaped(r.kept["user"]) + "/authentication-methods", "/emails/provider?fields=name,credentials,settings&include_fields=true",
			"/branding/phone/providers", "/attack-protection/captcha", "/actions/actions", "/actions/actions/" + r.kept["action"], "/actions/modules",
			"/actions/actions/" + r.kept["action"] + "/versions", "/actions/triggers/post-login/bindings", "/log-streams", "/resource-servers", "/rules-configs",
			"/logs?per_page=100", "/tenants/settings", "/keys/signing", "/flows/vault/connections", "/event-streams", "/guardian/factors/phone/providers/twilio", "/guardian/factors/sms/providers/twilio",
			"/guardian/factors/push-notification/providers/sns", "/guardian/factors/push-notification/providers/apns", "/guardian/factors/duo/settings",
		}
		// Connections and clients show their secrets to tokens with scopes of their own; the echoed ones are shown to who reads
		// the resource, as the service does.
		var few []string
		for _, scope := range everyScope(t, s) {
			if scope != "read:client_keys" && scope != "read:connections_options" {
				few = append(few, scope)
			}
		}
		without := lasting(s, few...)
		for _, path := range reads {
			got := r.call("GET", path, nil)
			if got.Status != 200 {
				t.Errorf("GET %s: got %d %s", path, got.Status, got.Text)
			}
			if found := h.found(got.Text, "options", "addon", "client secret", "echoed"); found != nil {
				t.Errorf("GET %s shows %q: %s", path, found, clipped(got.Text))
			}
			if found := h.found(r.with(without, "GET", path, nil).Text, "echoed"); found != nil {
				t.Errorf("GET %s shows %q to a token without their scopes", path, found)
			}
		}
	})
}

// fillBody fills in a body, where there is one.
func fillBody(r *script, body any) any {
	if body == nil {
		return nil
	}
	return r.fill(plain(body))
}
