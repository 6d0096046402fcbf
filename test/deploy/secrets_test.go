package deploy_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"latchkey/internal/deploy"
	"latchkey/internal/resource"
	"latchkey/test/servertest"
)

// guarded is a tenant with a secret at every place that has one. Each secret is a keyword's.
const guarded = `
clients:
  - name: Web
    app_type: regular_web
    token_endpoint_auth_method: client_secret_post
    client_secret: "##CLIENT##"
resourceServers:
  - name: Rooms
    identifier: https://rooms.example
    signing_alg: HS256
    signing_secret: "##API##"
emailProvider:
  name: smtp
  enabled: true
  default_from_address: a@guarded.example
  credentials: {smtp_host: mail.example, smtp_port: 587, smtp_user: mailer, smtp_pass: "##SMTP##"}
phoneProviders:
  - name: twilio
    configuration: {sid: AC0123456789abcdef0123456789abcdef, default_from: "+15005550006", delivery_methods: [text]}
    credentials: {auth_token: "##PHONE##"}
connections:
  - name: texts
    strategy: sms
    options: {provider: twilio, twilio_sid: AC0123456789abcdef0123456789abcdef, twilio_token: "##TWILIO##", from: "+15005550006", template: T, syntax: liquid}
  - name: gate
    strategy: sms
    options:
      provider: sms_gateway
      gateway_url: https://gate.example/send
      gateway_authentication: {method: bearer, subject: s, audience: a, secret: "##GATEWAY##", secret_base64_encoded: false}
databases:
  - name: crew
    strategy: auth0
    options:
      enabledDatabaseCustomization: true
      customScripts: {login: ./code.js, get_user: ./code.js}
      configuration: {CREW: "##SCRIPT##"}
attackProtection:
  captcha:
    active_provider_id: recaptcha_v2
    recaptcha_v2: {site_key: k, secret: "##CAPTCHA##"}
    recaptcha_enterprise: {site_key: k, project_id: p, api_key: "##ENTERPRISE##"}
guardianFactorProviders:
  - {name: sms, provider: twilio, from: "+15005550006", sid: AC1, auth_token: "##FACTOR##"}
logStreams:
  - name: sea
    type: http
    sink:
      httpEndpoint: https://logs.example
      httpContentType: application/json
      httpContentFormat: JSONLINES
      httpAuthorization: "##STREAM##"
      httpCustomHeaders: [{header: X-Key, value: "##HEADER##"}]
actions:
  - name: greet
    code: ./code.js
    runtime: node22
    supported_triggers: [{id: post-login, version: v3}]
    secrets: [{name: KEY, value: "##ACTION##"}, {name: OTHER, value: "##OTHER##"}]
    deployed: true
`

// places tells for each keyword what a plan says when its secret is another one.
var places = map[string]string{
	"CLIENT":     `clients update "Web": client_secret: (secret) -> (secret)`,
	"API":        `resourceServers update "Rooms": signing_secret: (secret) -> (secret)`,
	"SMTP":       `emailProvider update: credentials.smtp_pass: (secret) -> (secret)`,
	"PHONE":      `phoneProviders update "twilio": credentials.auth_token: (secret) -> (secret)`,
	"TWILIO":     `connections update "texts": options.twilio_token: (secret) -> (secret)`,
	"GATEWAY":    `connections update "gate": options.gateway_authentication.secret: (secret) -> (secret)`,
	"SCRIPT":     `databases update "crew": options.configuration.CREW: (secret) -> (secret)`,
	"CAPTCHA":    `attackProtection update: captcha.recaptcha_v2.secret: (secret) -> (secret)`,
	"ENTERPRISE": `attackProtection update: captcha.recaptcha_enterprise.api_key: (secret) -> (secret)`,
	"FACTOR":     `guardianFactorProviders update "sms twilio": auth_token: (secret) -> (secret)`,
	"STREAM":     `logStreams update "sea": sink.httpAuthorization: (secret) -> (secret)`,
	"HEADER":     `logStreams update "sea": sink.httpCustomHeaders: (secret) -> (secret)`,
	"ACTION":     `actions update "greet": secrets: [{"name":"KEY"},{"name":"OTHER"}] -> [{"name":"KEY","value":"(secret)"},{"name":"OTHER"}]`,
	"OTHER":      `actions update "greet": secrets: [{"name":"KEY"},{"name":"OTHER"}] -> [{"name":"KEY"},{"name":"OTHER","value":"(secret)"}]`,
}

// untold are the places of which the Management API tells nothing to a client.
var untold = []string{"SMTP", "PHONE", "SCRIPT", "CAPTCHA", "ENTERPRISE", "FACTOR", "ACTION", "OTHER"}

// hush gives the secrets of a turn. Each has hush in it, and nothing else has.
func hush(turn int) deploy.Settings {
	s := deploy.Settings{Keywords: map[string]any{}}
	for place := range places {
		s.Keywords[place] = fmt.Sprintf("hush-%s-%d-0123456789-0123456789-0123456789", place, turn)
	}
	return s
}

func writeGuarded(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "tenant.yaml")
	for name, content := range map[string]string{path: guarded, filepath.Join(dir, "code.js"): "function code() {}\n"} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// told gives a plan in one line for each property.
func told(p *deploy.Plan) []string {
	var lines []string
	change := ""
	for line := range strings.Lines(p.String()) {
		switch {
		case strings.HasPrefix(line, "    "):
			lines = append(lines, change+": "+strings.TrimSpace(line))
		case strings.HasPrefix(line, "~ "):
			change, _, _ = strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "~ "), " (")
		case !strings.HasPrefix(line, "Plan: ") && !strings.HasPrefix(line, "! ") && line != "No changes.\n": // deletions are not allowed here
			lines = append(lines, line)
		}
	}
	return lines
}

func TestApply_NoticesEachSecretThatIsAnotherOne(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *suite) {
		to, path := s.inProcess(s.Tenant), writeGuarded(t)
		if p := mustApply(t, to, path, hush(0)); strings.Contains(p.String(), "hush") {
			t.Errorf("the first plan shows a secret:\n%s", p)
		}
		for name, settings := range map[string]deploy.Settings{"again": hush(0), "with every secret sent": {Keywords: hush(0).Keywords, SendSecrets: true}} {
			if p := mustPlan(t, to, path, settings); !p.Empty() || len(p.Warnings) > 0 {
				t.Errorf("%s there is something to do: %v\n%s", name, p.Warnings, p)
			}
		}
		settings := hush(0)
		for place, want := range places {
			old := settings.Keywords[place]
			settings.Keywords[place] = hush(1).Keywords[place]
			p := mustApply(t, to, path, settings)
			if got := told(p); !slices.Equal(got, []string{want}) {
				t.Errorf("%s: the plan is %q, want %q", place, got, want)
			}
			if strings.Contains(p.String(), "hush") {
				t.Errorf("%s: the plan shows a secret:\n%s", place, p)
			}
			if p := mustPlan(t, to, path, settings); !p.Empty() {
				t.Errorf("%s: after it was applied there is something to do:\n%s", place, p)
			}
			former := deploy.Settings{Keywords: maps.Clone(settings.Keywords)}
			former.Keywords[place] = old
			if p := mustPlan(t, to, path, former); !slices.Equal(told(p), []string{want}) {
				t.Errorf("%s: the former secret is still the stored one, or another one went with it:\n%s", place, p)
			}
		}
		s.hides(t, to)
	})
}

// hides looks for secrets and their hashes in rows, events and files.
func (s *suite) hides(t *testing.T, to deploy.Tenant) {
	t.Helper()
	const hashes = "$secrets"
	for table, rows := range s.Dump(t) {
		for _, row := range rows {
			if strings.Contains(row, "hush") || strings.Contains(row, hashes) {
				t.Errorf("a row of %s holds a secret or a hash: %s", table, row)
			}
		}
	}
	writes := 0
	for _, e := range s.Events(t) {
		text := servertest.Text(e)
		if strings.Contains(text, "hush") || strings.Contains(text, hashes) {
			t.Errorf("an event holds a secret or a hash: %s", text)
		}
		if e.Type == "sapi" {
			writes++
		}
	}
	if writes == 0 {
		t.Error("there is no event of a write")
	}
	for _, settings := range []deploy.Settings{{}, {ExportIdentifiers: true, ExportSecrets: true}} {
		for _, f := range []deploy.Format{deploy.Directory, deploy.YAML} {
			for name, content := range files(t, mustExport(t, to, settings, f)) {
				if strings.Contains(content, hashes) {
					t.Errorf("%s holds hashes of secrets: %s", name, content)
				}
			}
		}
	}
}

// A secret that is added to what has none is a change, and one that the file does not tell is none.
func TestApply_NoticesASecretThatIsNotStored(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *suite) {
		to, path := s.fresh(t, "bare"), filepath.Join(t.TempDir(), "tenant.yaml")
		stream := func(rest string) {
			t.Helper()
			content := "logStreams: [{name: sea, type: http, sink: {httpEndpoint: 'https://logs.example'" + rest + "}}]\n"
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		stream("")
		mustApply(t, to, path, deploy.Settings{})
		stream(", httpAuthorization: hush")
		if got := told(mustApply(t, to, path, deploy.Settings{})); !slices.Equal(got, []string{places["STREAM"]}) {
			t.Errorf("with a new secret the plan is %q, want %q", got, places["STREAM"])
		}
		for _, rest := range []string{", httpAuthorization: hush", ", httpAuthorization: '##MARKER##'", ""} {
			stream(rest)
			if p := mustPlan(t, to, path, deploy.Settings{}); !p.Empty() {
				t.Errorf("with %q there is something to do:\n%s", rest, p)
			}
		}
		stream(", httpAuthorization: other")
		ignoring := deploy.Settings{IgnoredProps: map[string][]string{"logStreams": {"httpAuthorization"}}}
		if p := mustPlan(t, to, path, ignoring); !p.Empty() {
			t.Errorf("a secret that is not to be compared is:\n%s", p)
		}
	})
}

// Whoever calls over HTTP is told no hash, whatever they may do and ask for.
func TestAPI_TellsHashesOfSecretsToNoCaller(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *suite) {
		path := writeGuarded(t)
		mustApply(t, s.inProcess(s.Tenant), path, hush(0))
		for _, read := range []string{
			"/clients", "/resource-servers", "/connections", "/log-streams", "/actions/actions", "/branding/phone/providers",
			"/emails/provider?fields=name,credentials,$secrets&include_fields=true", "/attack-protection/captcha",
			"/guardian/factors/sms/providers/twilio", "/clients?fields=name,$secrets", "/connections?fields=name,$secrets&take=50",
		} {
			if a := s.Must(200, "GET", read, nil); strings.Contains(a.Text, "$secrets") {
				t.Errorf("GET %s tells hashes: %s", read, a.Text)
			}
		}
		rows, err := s.Database.Store.Resources(t.Context(), s.Tenant.ID, "actions", resource.Page{})
		if err != nil || len(rows) != 1 {
			t.Fatal(err, len(rows))
		}
		if a := s.Must(200, "GET", "/actions/actions/"+rows[0].ID, nil); strings.Contains(a.Text, "$secrets") {
			t.Errorf("an Action tells hashes: %s", a.Text)
		}
		here, err := s.inProcess(s.Tenant).API.Do(t.Context(), "GET", "actions/actions/"+rows[0].ID, nil)
		if err != nil || !strings.Contains(string(here.Body), `"secrets.KEY"`) {
			t.Errorf("an operator is told no hash: %v %s", err, here.Body)
		}

		far, changed := s.overHTTP(t), hush(1)
		if p := mustPlan(t, far, path, hush(0)); !p.Empty() {
			t.Errorf("over HTTP, equal secrets are something to do:\n%s", p)
		}
		var want []string
		for place, line := range places {
			if !slices.Contains(untold, place) {
				want = append(want, line)
			}
		}
		got := told(mustPlan(t, far, path, changed))
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("over HTTP the plan is\n%q, want\n%q", got, want)
		}
		changed.SendSecrets = true
		mustApply(t, far, path, changed)
		if p := mustPlan(t, s.inProcess(s.Tenant), path, hush(1)); !p.Empty() {
			t.Errorf("with every secret sent over HTTP, some are not the stored ones:\n%s", p)
		}
	})
}
