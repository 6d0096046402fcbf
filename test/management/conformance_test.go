package management

import (
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"latchkey/internal/apischema"
	"latchkey/test/servertest"
)

// unscripted are operations that no script plays, and why. A path stands for those below it too, and a method before it for
// that method alone.
var unscripted = map[string]string{
	// Features that this server does not have: lists are empty, everything else is missing or refused, which
	// TestUnbuiltFeatures_AnswerWhatOfficialToolsBear tells.
	"/clients/cimd": "unbuilt", "/connection-profiles/templates": "unbuilt", "/connections-directory-provisionings": "unbuilt",
	"/connections-scim-configurations": "unbuilt", "/connections/{id}/directory-provisioning": "unbuilt", "/connections/{id}/scim-configuration": "unbuilt",
	"/event-streams/{id}/deliveries": "unbuilt", "/event-streams/{id}/redeliver": "unbuilt", "/event-streams/{id}/test": "unbuilt", "/events": "unbuilt",
	"/experimentation": "unbuilt", "/flows/{flow_id}/executions": "unbuilt", "/groups": "unbuilt", "/keys/encryption": "unbuilt", "/network-acls": "unbuilt",
	"/organizations/{id}/client-grants": "unbuilt", "/organizations/{id}/clients": "unbuilt", "/organizations/{id}/discovery-domains": "unbuilt",
	"/organizations/{id}/invitations": "unbuilt", "/organizations/{id}/members/{user_id}": "unbuilt", "/organizations/{organization_id}/groups": "unbuilt",
	"/rate-limit-policies": "unbuilt", "/roles/{id}/groups": "unbuilt", "/self-service-profiles/{id}/sso-ticket": "unbuilt",
	"/self-service-profiles/{profileId}/sso-ticket": "unbuilt", "/supplemental-signals": "unbuilt", "/user-attribute-profiles/templates": "unbuilt",
	"/users/{id}/connected-accounts": "unbuilt", "/users/{id}/effective-permissions": "unbuilt", "/users/{id}/effective-roles": "unbuilt",
	"/users/{id}/federated-connections-tokensets": "unbuilt", "/users/{id}/groups": "unbuilt", "/users/{id}/risk-assessments": "unbuilt",
	"/verifiable-credentials": "unbuilt",
	// Features of the past: nothing can be made, so nothing is found.
	"POST /rules": "past", "/rules/{id}": "past", "POST /hooks": "past", "/hooks/{id}": "past",
	// Connections of the strategies we have own no keys.
	"/connections/{id}/keys": "refused",
	// Nothing is ever enrolled, sent as a trial, or blocked in a fresh tenant: these answer 404 or a refusal of their own.
	"/guardian/enrollments": "refused", "POST /branding/phone/providers/{id}/try": "refused", "POST /branding/phone/templates/{id}/try": "refused",
	"POST /users/{id}/recovery-code-regeneration": "refused", "POST /tickets/password-change": "refused",
	"POST /actions/actions/{id}/test": "refused", "/actions/executions": "refused", "GET /anomaly/blocks/ips/{id}": "refused",
}

// excuse gives the reason why an operation is in no script.
func excuse(o *apischema.Operation) (string, bool) {
	for of, reason := range unscripted {
		method, path, named := strings.Cut(of, " ")
		if !named {
			method, path = o.Method, of
		}
		if method == o.Method && (o.Path == path || strings.HasPrefix(o.Path, path+"/") && !named) {
			return of + ": " + reason, true
		}
	}
	return "", false
}

func TestOperations_AreServedAndScriptedUnlessAReasonIsGiven(t *testing.T) {
	t.Parallel()
	c := newCaller(servertest.New(t))
	scripted := map[string]bool{}
	for _, steps := range scripts() {
		for _, p := range steps {
			p.operation(t)
			scripted[p.op] = true
		}
	}
	for _, o := range apischema.Operations() {
		name := o.Method + " " + o.Path
		// Who has no token learns from a route to bring one, and from anything else that there is nothing.
		if got := c.with("", o.Method, plausible(o.Path), nil).Status; got != 401 {
			t.Errorf("%s without a token: got %d, want the 401 of a route", name, got)
		}
		reason, excused := excuse(o)
		switch {
		case excused && scripted[name]:
			t.Errorf("%s is scripted and excused: %s", name, reason)
		case !excused && !scripted[name]:
			t.Errorf("%s is in no script, and no reason is given", name)
		}
	}
}

// plausible fills the parameters of a documented path with identifiers that look right.
func plausible(path string) string {
	return parameter.ReplaceAllStringFunc(path, func(name string) string {
		known := map[string]string{
			"{provider}": "google-authenticator", "{prompt}": "login-id", "{screen}": "login-id", "{language}": "en", "{templateName}": "welcome_email",
			"{triggerId}": "post-login", "{key}": "KEY",
		}
		switch {
		case known[name] != "":
			return known[name]
		case strings.HasPrefix(path, "/guardian/factors"):
			return "otp"
		case strings.HasPrefix(path, "/users/"), strings.HasPrefix(path, "/user-blocks/"):
			return "email%7C0123456789abcdef01234567"
		case strings.HasPrefix(path, "/anomaly"):
			return "192.0.2.1"
		case strings.HasPrefix(path, "/event-streams"):
			return "est_0123456789abcdefghijkl"
		case strings.HasPrefix(path, "/log-streams"):
			return "lst_0000000000012345"
		case strings.HasPrefix(path, "/clients"):
			return "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		}
		return "abc_0123456789abcdef"
	})
}

func TestOperations_AcceptWhatIsRightAndAnswerAsDescribed(t *testing.T) {
	t.Parallel()
	for name, steps := range scripts() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			servertest.Each(t, func(t *testing.T, s *servertest.Server) {
				r := prepared(t, s, name)
				for _, p := range steps {
					o := p.operation(t)
					r.play(p, func(got servertest.Reply) {
						if err := o.Response(got.Status, got.Body); err != nil {
							t.Errorf("%s: got %d %s, which is not as described: %v", p.op, got.Status, clipped(got.Text), err)
						}
					})
				}
			})
		})
	}
}

// prepared begins a script.
func prepared(t *testing.T, s *servertest.Server, name string) *script {
	t.Helper()
	s.T = t
	if name != "logins" {
		return newScript(newCaller(s))
	}
	browser := s.Browser(t)
	tokens := browser.MustToken(s.CodeForm(browser.LoginCode(s.Web, "login@example.com", "scope", "openid profile offline_access")))
	r := newScript(newCaller(s))
	r.kept["user"], _ = servertest.Claims(t, tokens.IDToken)["sub"].(string)
	return r
}

func clipped(text string) string {
	if len(text) > 600 {
		return text[:600] + "..."
	}
	return text
}

// refusal is what every refusal of a payload or a query looks like.
var refusal = regexp.MustCompile(`(?s)^(Payload|Query|Path) validation error: '.+'( on property [^ ]+?( \(.+\))?)?\.$`)

// passing are tables that change by themselves.
var passing = []string{"buckets", "leases", "outbox", "inbox", "jobs", "job_chunks"}

func TestOperations_RefuseWhatIsWrongAndWriteNothing(t *testing.T) {
	t.Parallel()
	for name, steps := range scripts() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := servertest.New(t)
			r := prepared(t, s, name)
			tried := 0
			for _, p := range steps {
				tried += r.refusesQueries(p) + r.refusesPaths(p)
				if len(p.bodies) > 0 {
					tried += r.refusesBodies(p)
				}
				r.play(p, func(servertest.Reply) {})
			}
			t.Logf("%d mistakes were refused", tried)
			if tried < 3 {
				t.Errorf("%d mistakes were tried, want more", tried)
			}
		})
	}
}

// refusesBodies sends what the schema of a step's body does not allow, and tells how much that was.
func (r *script) refusesBodies(p step) int {
	r.T.Helper()
	o := p.operation(r.T)
	schema := o.Schema("body")
	if schema == nil {
		r.T.Errorf("%s: the payload is not described", p.op)
		return 0
	}
	method, _, _ := strings.Cut(p.op, " ")
	before := r.written()
	tried := 0
	for _, m := range mistakes(schema, r.fill(plain(p.bodies[len(p.bodies)-1]))) {
		if m.what == "another type" && o.Path == "/branding/templates/universal-login" {
			continue // takes a bare text too
		}
		if err := o.Body(plain(m.body)); err == nil {
			if m.sure {
				r.T.Errorf("%s: %s: the description allows it", p.op, m.what)
			}
			continue
		}
		tried++
		got := r.with(r.tokenOf(p), method, r.path(p), m.body)
		if problem := m.judge(got, "invalid_body"); problem != "" {
			r.T.Errorf("%s: %s: %s\nsent %s", p.op, m.what, problem, clipped(servertest.Text(m.body)))
		}
	}
	after := r.written()
	for table, rows := range after {
		if !slices.Equal(rows, before[table]) {
			r.T.Errorf("%s: refused requests have written into %s", p.op, table)
		}
	}
	return tried
}

// written gives what the database holds, but for what changes by itself.
func (r *script) written() map[string][]string {
	dump := r.Dump(r.T)
	maps.DeleteFunc(dump, func(table string, _ []string) bool { return slices.Contains(passing, table) })
	return dump
}

// judge says what is wrong with an answer to a mistake; nothing when it is as it has to be.
func (m mistake) judge(got servertest.Reply, code string) string {
	message := got.Message()
	top, _, _ := strings.Cut(m.place, ".")
	top, _, _ = strings.Cut(top, "[")
	switch {
	case got.Status != 400 || got.Doc()["errorCode"] != code || got.Doc()["error"] != "Bad Request" || got.Doc()["statusCode"] != 400.0:
		return "got " + clipped(got.Text) + ", want 400 " + code
	case !refusal.MatchString(message):
		return "got the message " + message + ", which is not of the documented form"
	case !strings.Contains(message, top):
		return "got " + message + ", which does not name " + top
	case m.sure && m.place != "" && !strings.Contains(message, " on property "+m.place):
		return "got " + message + ", want it to name " + m.place
	case m.sure && !strings.Contains(message, "'"+m.reason):
		return "got " + message + ", want the reason " + m.reason
	}
	return ""
}

// refusesQueries sends parameters that the operation of a step does not allow, and tells how many.
func (r *script) refusesQueries(p step) int {
	r.T.Helper()
	o := p.operation(r.T)
	method, _, _ := strings.Cut(p.op, " ")
	right, err := url.ParseQuery(r.fill(p.query).(string))
	if err != nil {
		r.T.Fatal(err)
	}
	tried := 0
	query := object(o.Schema("query"))
	for _, required := range list(query["required"]) {
		wrong := maps.Clone(right)
		delete(wrong, required.(string))
		tried++
		q := p
		q.query = wrong.Encode()
		got := r.with(r.tokenOf(p), method, r.path(q), nil)
		m := mistake{reason: "Missing required property: " + required.(string), sure: true}
		if problem := m.judge(got, "invalid_query_string"); problem != "" {
			r.T.Errorf("%s without %s: %s", p.op, required, problem)
		}
	}
	for name, schema := range object(query["properties"]) {
		for _, value := range wrongTexts(object(schema)) {
			wrong := maps.Clone(right)
			wrong[name] = []string{value}
			if o.Query(wrong) == nil {
				r.T.Errorf("%s: %s=%.30s: the description allows it", p.op, name, value)
				continue
			}
			tried++
			q := p
			q.query = wrong.Encode()
			got := r.with(r.tokenOf(p), method, r.path(q), nil)
			m := mistake{place: name, sure: false}
			if problem := m.judge(got, "invalid_query_string"); problem != "" {
				r.T.Errorf("%s: %s=%.30s: %s", p.op, name, value, problem)
			}
		}
	}
	return tried
}

// refusesPaths calls with parameters of the path that the operation of a step does not allow, and tells how many.
func (r *script) refusesPaths(p step) int {
	r.T.Helper()
	o := p.operation(r.T)
	method, _, _ := strings.Cut(p.op, " ")
	described := object(object(o.Schema("path"))["properties"])
	tried := 0
	for i, name := range parameter.FindAllString(o.Path, -1) {
		name = strings.Trim(name, "{}")
		schema := object(described[name])
		wrong := wrongTexts(schema)
		if format := schema["format"]; format != nil || schema["pattern"] != nil {
			wrong = append(wrong, "<no such thing>")
		}
		for _, value := range wrong {
			if o.PathParameters(map[string]string{name: value}) == nil {
				continue // a format that takes anything
			}
			tried++
			q := p
			q.of = slices.Clone(p.of)
			q.of[i] = value
			got := r.with(r.tokenOf(p), method, r.path(q), nil)
			m := mistake{place: name}
			if problem := m.judge(got, "invalid_uri"); problem != "" {
				r.T.Errorf("%s: %s=%.30s: %s", p.op, name, value, problem)
			}
		}
	}
	return tried
}

// wrongTexts are values that a parameter of a query cannot have.
func wrongTexts(schema doc) []string {
	var wrong []string
	types := typesOf(schema)
	switch {
	case slices.Contains(types, "string"), slices.Contains(types, "array"), len(types) == 0:
		if schema["enum"] != nil {
			wrong = append(wrong, "no-such-value")
		}
		if n, limited := schema["maxLength"].(float64); limited && n < 5000 {
			wrong = append(wrong, strings.Repeat("a", int(n)+1))
		}
	case slices.Contains(types, "integer"), slices.Contains(types, "number"):
		wrong = append(wrong, "many", "1.5")
		if schema["minimum"] != nil {
			wrong = append(wrong, "-1")
		}
		if schema["maximum"] != nil {
			wrong = append(wrong, "99999999999")
		}
	case slices.Contains(types, "boolean"):
		wrong = append(wrong, "perhaps")
	}
	return wrong
}
