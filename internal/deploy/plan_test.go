package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCompare_CountsOnlyWhatTheFileSays(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ about, want, have, differ string }{
		{"more is stored", `{"a":1}`, `{"a":1,"b":2}`, ""},
		{"more is stored deep inside", `{"a":{"b":[{"c":1}]}}`, `{"a":{"b":[{"c":1,"d":2}],"e":3}}`, ""},
		{"another value", `{"a":1}`, `{"a":2}`, "a"},
		{"a value that is not stored", `{"a":{"b":1}}`, `{}`, "a.b"},
		{"numbers written otherwise", `{"a":1.0,"b":1e2}`, `{"a":1,"b":100}`, ""},
		{"a number is no text", `{"a":1}`, `{"a":"1"}`, "a"},
		{"null is nothing", `{"a":null}`, `{}`, ""},
		{"null takes a value away", `{"a":null}`, `{"a":1}`, "a"},
		{"an empty list is nothing", `{"a":[]}`, `{}`, ""},
		{"an empty list takes members away", `{"a":[]}`, `{"a":[1]}`, "a"},
		{"an empty object is nothing", `{"a":{}}`, `{"a":null}`, ""},
		{"an empty object says nothing", `{"a":{}}`, `{"a":{"b":1}}`, ""},
		{"lists have no order", `{"a":["x","y"]}`, `{"a":["y","x"]}`, ""},
		{"members count", `{"a":["x","x","y"]}`, `{"a":["x","y","y"]}`, "a"},
		{"fewer members", `{"a":["x"]}`, `{"a":["x","y"]}`, "a"},
		{"members are paired by what they say most", `{"a":[{"n":1},{"n":1,"m":2}]}`, `{"a":[{"n":1,"m":2},{"n":1,"m":3}]}`, ""},
		{"an object for a text", `{"a":{"b":1}}`, `{"a":"b"}`, "a"},
		{"ignored", `{"a":1,"b":{"a":2}}`, `{}`, ""},
	} {
		comparison := comparison{}
		if c.about == "ignored" {
			comparison.ignored = []string{"a"}
		}
		want, _ := parseJSON([]byte(c.want))
		have, _ := parseJSON([]byte(c.have))
		var paths []string
		for _, d := range comparison.compare("", want, have) {
			paths = append(paths, d.Path)
		}
		if got := strings.Join(paths, " "); got != c.differ {
			t.Errorf("%s: %s against %s differs in %q, want %q", c.about, c.want, c.have, got, c.differ)
		}
	}
	ordered := comparison{ordered: true}
	if len(ordered.compare("", []any{"a", "b"}, []any{"b", "a"})) == 0 {
		t.Error("where order means something, two orders are equal")
	}
}

func TestPlan_ShowsFilePropertyOldAndNew(t *testing.T) {
	t.Parallel()
	f := newFake(`{"roles":[{"id":"r1","name":"Old"},{"id":"r2","name":"Pilot","description":"a"}],"roles/r1/permissions":[],"roles/r2/permissions":[],
		"tenants/settings":{"session_lifetime":1,"flags":{"enable_sso":true}}}`)
	p := f.plan(t, map[string]string{
		"roles/Pilot.json": `{"name":"Pilot","description":"b"}`, "roles/New.json": `{"name":"New"}`,
		"tenant.json": `{"session_lifetime":1.001,"idle_session_lifetime":0.5,"flags":{"nonsense":true}}`,
	}, Settings{})
	want := `+ roles create "New" (roles/New.json)
~ roles update "Pilot" (roles/Pilot.json)
    description: "a" -> "b"
~ tenant update (tenant.json)
    idle_session_lifetime: (none) -> 0.5
! roles delete "Old": it is not in the files, and deleting is not allowed
Plan: 1 to create, 2 to update.
`
	if diff := cmp.Diff(want, p.String()); diff != "" {
		t.Error(diff)
	}
	if len(p.Warnings) != 1 || !strings.Contains(p.Warnings[0], "flags.nonsense") {
		t.Errorf("warnings %q", p.Warnings)
	}
}

func TestApply_SendsOnlyWhatDiffers(t *testing.T) {
	t.Parallel()
	f := newFake(`{"clients":[{"client_id":"c1","name":"Shop","description":"old","callbacks":["a"],"jwt_configuration":{"alg":"RS256","scopes":{}}}],
		"tenants/settings":{"session_lifetime":1}}`)
	got := f.apply(t, map[string]string{
		"clients/Shop.json": `{"name":"Shop","description":"new","callbacks":["a"],"jwt_configuration":{"alg":"RS256"},"signing_keys":[]}`,
		"tenant.json":       `{"session_lifetime":3.01666}`,
	}, Settings{})
	want := []string{
		`PATCH clients/c1 {"description":"new"}`,
		`PATCH tenants/settings {"session_lifetime_in_minutes":181}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestApply_DeletesOnlyWhenAllowed(t *testing.T) {
	t.Parallel()
	stored := `{"clients":[{"client_id":"self","name":"Me"},{"client_id":"c1","name":"Gone","client_metadata":{"a":"1"}},{"client_id":"c2","name":"Stays","client_metadata":{"a":"1","b":"2"}}],
		"client-grants":[{"id":"g1","client_id":"self","audience":"api"},{"id":"g2","client_id":"c2","audience":"api"},{"id":"g3","client_id":"c2","audience":"own","is_system":true}],
		"resource-servers":[{"id":"s1","name":"Auth0 Management API","identifier":"m","is_system":true}]}`
	files := map[string]string{
		"clients/Stays.json": `{"name":"Stays","client_metadata":{"a":"1"}}`, "grants/": "", "resource-servers/": "",
	}
	if got := newFake(stored).apply(t, files, Settings{}); len(got) != 0 {
		t.Errorf("without being allowed: %q", got)
	}
	want := []string{`DELETE clients/c1`, `PATCH clients/c2 {"client_metadata":{"a":"1","b":null}}`, `DELETE client-grants/g2`}
	if diff := cmp.Diff(want, newFake(stored).apply(t, files, Settings{AllowDelete: true})); diff != "" {
		t.Error(diff)
	}
}

func TestApply_OrdersTypesAndDeletesLastInATransaction(t *testing.T) {
	t.Parallel()
	stored := `{"clients":[{"client_id":"c1","name":"Old"}],"connections":[{"id":"o1","name":"old","strategy":"email"}],"connections/o1/clients":[]}`
	files := map[string]string{
		"clients/New.json":     `{"name":"New"}`,
		"connections/new.json": `{"name":"new","strategy":"email","enabled_clients":["New"]}`,
	}
	inTurn := newFake(stored).apply(t, files, Settings{AllowDelete: true})
	want := []string{
		`DELETE clients/c1`, `POST clients {"name":"New"}`,
		`DELETE connections/o1`, `POST connections {"name":"new","strategy":"email"}`,
		`PATCH connections/made2/clients [{"client_id":"made1","status":true}]`,
	}
	if diff := cmp.Diff(want, inTurn); diff != "" {
		t.Errorf("over HTTP:\n%s", diff)
	}
	f := newFake(stored)
	c, err := Read(write(t, files), Settings{})
	if err != nil {
		t.Fatal(err)
	}
	inside := false
	p, err := NewPlan(t.Context(), Tenant{API: f, InTx: func(ctx context.Context, do func(context.Context) error) error {
		inside = true
		return do(ctx)
	}}, c, Settings{AllowDelete: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Apply(t.Context(), nil); err != nil || !inside {
		t.Fatalf("in a transaction: %v %v", inside, err)
	}
	want = []string{want[1], want[3], want[4], want[2], want[0]}
	if diff := cmp.Diff(want, f.calls); diff != "" {
		t.Errorf("in a transaction:\n%s", diff)
	}
}

func TestApply_RefusesAPlanThatIsOld(t *testing.T) {
	t.Parallel()
	f := newFake(`{"roles":[]}`)
	c, err := Read(write(t, map[string]string{"roles/a.json": `{"name":"a"}`}), Settings{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewPlan(t.Context(), Tenant{API: f, InTx: func(ctx context.Context, do func(context.Context) error) error { return do(ctx) }}, c, Settings{})
	if err != nil {
		t.Fatal(err)
	}
	f.collections["roles"] = []object{{"id": "r", "name": "a"}}
	f.collections["roles/r/permissions"] = nil
	if err := p.Apply(t.Context(), nil); !errors.Is(err, ErrChanged) || len(f.calls) > 0 {
		t.Errorf("%v after %q", err, f.calls)
	}
}

func TestApply_RenamesByIDAndSwapsNames(t *testing.T) {
	t.Parallel()
	f := newFake(`{"roles":[{"id":"r1","name":"A"},{"id":"r2","name":"B"}],"roles/r1/permissions":[],"roles/r2/permissions":[]}`)
	got := f.apply(t, map[string]string{"roles/1.json": `{"id":"r1","name":"B"}`, "roles/2.json": `{"id":"r2","name":"A"}`}, Settings{AllowDelete: true})
	if len(got) != 3 || !strings.HasPrefix(got[0], `PATCH roles/r2 {"name":"B-`) || got[1] != `PATCH roles/r1 {"name":"B"}` || got[2] != `PATCH roles/r2 {"name":"A"}` {
		t.Errorf("%q", got)
	}
}

func TestApply_ReplacesAGrantForAnotherSubject(t *testing.T) {
	t.Parallel()
	f := newFake(`{"clients":[{"client_id":"c1","name":"Shop"}],"client-grants":[{"id":"g1","client_id":"c1","audience":"api","subject_type":"client","scope":["a"]}]}`)
	files := map[string]string{"grants/g.json": `{"client_id":"Shop","audience":"api","subject_type":"user","scope":["a"]}`}
	if got := f.plan(t, files, Settings{}).String(); !strings.HasPrefix(got, `± clientGrants replace "Shop -> api"`) {
		t.Errorf("plan %s", got)
	}
	got := f.apply(t, files, Settings{})
	want := []string{`DELETE client-grants/g1`, `POST client-grants {"audience":"api","client_id":"c1","scope":["a"],"subject_type":"user"}`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestApply_EnablesClients(t *testing.T) {
	t.Parallel()
	var all, want []string
	for i := range 60 {
		all = append(all, fmt.Sprintf(`{"client_id":"c%02d","name":"App %02d"}`, i, i))
		want = append(want, fmt.Sprintf(`"App %02d"`, i))
	}
	stored := `{"clients":[` + strings.Join(all, ",") + `],"connections":[{"id":"o","name":"email","strategy":"email"}],"connections/o/clients":[{"client_id":"c00"}]}`
	file := func(list string) map[string]string {
		return map[string]string{"connections/email.json": `{"name":"email","strategy":"email"` + list + `}`}
	}
	for _, c := range []struct {
		about, list string
		settings    Settings
		want        []string
	}{
		{about: "not told, left alone"},
		{about: "the same", list: `,"enabled_clients":["App 00"]`},
		{about: "the same by id", list: `,"enabled_clients":["c00"]`},
		{about: "none", list: `,"enabled_clients":[]`, want: []string{`PATCH connections/o/clients [{"client_id":"c00","status":false}]`}},
		{
			about: "another", list: `,"enabled_clients":["App 01"]`,
			want: []string{`PATCH connections/o/clients [{"client_id":"c00","status":false},{"client_id":"c01","status":true}]`},
		},
		{about: "an excluded client stays enabled", list: `,"enabled_clients":[]`, settings: Settings{ExcludedNames: map[string][]string{"clients": {"App 00"}}}},
		{about: "an excluded client stays disabled", list: `,"enabled_clients":["App 00","App 01"]`, settings: Settings{ExcludedNames: map[string][]string{"clients": {"App 01"}}}},
	} {
		got := newFake(stored).apply(t, file(c.list), c.settings)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s:\n%s", c.about, diff)
		}
	}
	got := newFake(stored).apply(t, file(`,"enabled_clients":[`+strings.Join(want, ",")+`]`), Settings{})
	if len(got) != 2 || strings.Count(got[0], "true") != 50 || strings.Count(got[1], "true") != 9 {
		t.Errorf("60 clients are enabled by %d requests", len(got))
	}
}

func TestApply_KeepsWhatConnectionsAreNotToldAbout(t *testing.T) {
	t.Parallel()
	stored := `{"connections":[{"id":"s","name":"sms","strategy":"sms","options":{"from":"a","twilio_token":"secret","template":"t"}},
		{"id":"d","name":"db","strategy":"auth0","options":{"passwordPolicy":"good","requires_username":true,"validation":{},"import_mode":true,"configuration":{"A":"2.0$x"}}}],
		"connections/s/clients":[],"connections/d/clients":[]}`
	got := newFake(stored).apply(t, map[string]string{
		"connections/sms.json":                  `{"name":"sms","strategy":"sms","options":{"from":"b","twilio_token":"##CONNECTIONS_SMS_TWILIO_TOKEN##","template":"t"}}`,
		"database-connections/db/database.json": `{"name":"db","strategy":"auth0","options":{"attributes":{"email":{"identifier":{"active":true}}},"password_options":{"history":{"active":true}}}}`,
	}, Settings{})
	want := []string{
		`PATCH connections/d {"options":{"attributes":{"email":{"identifier":{"active":true}}},"configuration":{"A":"2.0$x"},"import_mode":true,"password_options":{"history":{"active":true}}}}`,
		`PATCH connections/s {"options":{"from":"b","template":"t","twilio_token":"secret"}}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestPlan_Secrets(t *testing.T) {
	t.Parallel()
	stored := `{"emails/provider":{"name":"sendgrid","enabled":true,"credentials":{}}}`
	file := func(enabled bool, key string) map[string]string {
		return map[string]string{"emails/provider.json": fmt.Sprintf(`{"name":"sendgrid","enabled":%v,"credentials":{"api_key":%q}}`, enabled, key)}
	}
	if p := newFake(stored).plan(t, file(true, "new"), Settings{}); !p.Empty() {
		t.Errorf("a secret that cannot be compared is a change:\n%s", p)
	}
	if p := newFake(stored).plan(t, file(true, "new"), Settings{SendSecrets: true}); !strings.Contains(p.String(), "credentials.api_key: (secret) -> (secret)") || strings.Contains(p.String(), "new") {
		t.Errorf("with every secret sent the plan is\n%s", p)
	}
	for _, c := range []struct {
		about    string
		files    map[string]string
		settings Settings
		want     []string
	}{
		{"with another change", file(false, "new"), Settings{}, []string{`PATCH emails/provider {"credentials":{"api_key":"new"},"enabled":false}`}},
		{"with every secret sent", file(true, "new"), Settings{SendSecrets: true}, []string{`PATCH emails/provider {"credentials":{"api_key":"new"}}`}},
		{"a mask keeps it", file(false, "##SENDGRID_API_KEY##"), Settings{SendSecrets: true}, []string{`PATCH emails/provider {"enabled":false}`}},
		{"not shown keeps it", file(true, "_VALUE_NOT_SHOWN_"), Settings{SendSecrets: true}, nil},
		{"a told one is compared", map[string]string{"connections/sms.json": `{"name":"sms","strategy":"sms","options":{"twilio_token":"same"}}`}, Settings{}, nil},
	} {
		f := newFake(`{"emails/provider":{"name":"sendgrid","enabled":true,"credentials":{}},
			"connections":[{"id":"s","name":"sms","strategy":"sms","options":{"twilio_token":"same"}}],"connections/s/clients":[]}`)
		if diff := cmp.Diff(c.want, f.apply(t, c.files, c.settings)); diff != "" {
			t.Errorf("%s:\n%s", c.about, diff)
		}
	}
	f := newFake(`{"actions/actions":[]}`)
	p := f.plan(t, map[string]string{
		"emails/provider.json": `{"name":"smtp","credentials":{"smtp_host":"h","smtp_port":1,"smtp_user":"u","smtp_pass":"@@SMTP_PASS@@"}}`,
		"actions/a.json":       `{"name":"my action","secrets":[{"name":"KEY"}],"supported_triggers":[]}`,
		"clients/c.json":       `{"name":"c","client_authentication_methods":{"private_key_jwt":{"credentials":[{"name":"k","credential_type":"public_key"}]}}}`,
	}, Settings{})
	err := p.Apply(t.Context(), nil)
	for _, want := range []string{
		"emails/provider.json: credentials.smtp_pass", "LATCHKEY_VAR_SMTP_PASS", "actions/a.json: secrets[0].value", "ACTIONS_MY_ACTION_KEY",
		"clients/c.json: client_authentication_methods.private_key_jwt.credentials[0].pem", "CLIENTS_C_K_PEM",
	} {
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(p.String(), want) {
			t.Errorf("what is needed is not told: %q in %v", want, err)
		}
	}
	if len(f.calls) > 0 {
		t.Errorf("something was done: %q", f.calls)
	}
}

func TestExport_MasksSecretsAndTellsSharedOnesApart(t *testing.T) {
	t.Parallel()
	stored := `{"log-streams":[{"id":"1","name":"one","type":"http","sink":{"httpAuthorization":"x"}},{"id":"2","name":"two too","type":"http","sink":{"httpAuthorization":"y"}},
		{"id":"3","name":"three","type":"splunk","status":"suspended","sink":{"splunkToken":"z"}}]}`
	export := func(s Settings) string {
		s.Included = []string{"logStreams"}
		c, err := Export(t.Context(), Tenant{API: newFake(stored)}, s)
		if err != nil {
			t.Fatal(err)
		}
		return show(values(c)["logStreams"])
	}
	want := `[{"name":"one","sink":{"httpAuthorization":"##LOGSTREAMS_HTTP_SECRET_ONE##"},"type":"http"},` +
		`{"name":"three","sink":{"splunkToken":"##LOGSTREAMS_SPLUNK_SECRET##"},"type":"splunk"},` +
		`{"name":"two too","sink":{"httpAuthorization":"##LOGSTREAMS_HTTP_SECRET_TWO_TOO##"},"type":"http"}]`
	if got := export(Settings{}); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := export(Settings{ExportSecrets: true, ExportIdentifiers: true, ExcludedProps: map[string][]string{"logStreams": {"sink.splunkToken"}}}); !strings.Contains(got, `"httpAuthorization":"x"`) ||
		!strings.Contains(got, `"id":"1"`) || strings.Contains(got, "splunkToken") {
		t.Errorf("with secrets and ids, without one property: %s", got)
	}
}

func TestExport_MasksHeadersAddressesAndKeysOfAddons(t *testing.T) {
	t.Parallel()
	stored := func() *fakeAPI {
		return newFake(`{"log-streams":[{"id":"1","name":"one","type":"http","sink":{"httpEndpoint":"https://a.example","httpCustomHeaders":[{"header":"X-A","value":"hush1"},{"header":"X-B","value":"hush2"}]}},
			{"id":"2","name":"two","type":"http","sink":{"httpEndpoint":"https://b.example","httpCustomHeaders":[{"header":"X-A","value":"hush3"}]}},
			{"id":"3","name":"sea","type":"sumo","sink":{"sumoSourceAddress":"https://sumo.example/hush4"}}],
			"clients":[{"client_id":"c","name":"app","addons":{"firebase":{"private_key":"hush5","client_email":"e"},"sap_api":{"servicePassword":"hush6"}}}]}`)
	}
	included := Settings{Included: []string{"logStreams", "clients"}}
	c, err := Export(t.Context(), Tenant{API: stored()}, included)
	if err != nil {
		t.Fatal(err)
	}
	got := show(values(c))
	for _, want := range []string{
		`{"header":"X-A","value":"##LOGSTREAMS_HTTP_X_A_SECRET_ONE##"},{"header":"X-B","value":"##LOGSTREAMS_HTTP_X_B_SECRET##"}`,
		`"value":"##LOGSTREAMS_HTTP_X_A_SECRET_TWO##"`, `"sumoSourceAddress":"##LOGSTREAMS_SUMO_SECRET##"`,
		`"private_key":"##CLIENTS_APP_FIREBASE_PRIVATE_KEY##"`, `"servicePassword":"##CLIENTS_APP_SAP_API_SERVICEPASSWORD##"`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in %s", want, got)
		}
	}
	if strings.Contains(got, "hush") {
		t.Errorf("a secret is exported: %s", got)
	}

	// What was exported is what is there, and a change beside it keeps it: a header's value belongs to its name.
	one := `{"name":"one","type":"http","sink":{"httpEndpoint":"https://%s.example","httpCustomHeaders":[{"header":"X-B","value":"##B##"},{"header":"X-A","value":"##A##"}]}}`
	app := `{"name":"app","addons":{"firebase":{"private_key":"##K##","client_email":"%s"},"sap_api":{"servicePassword":"##P##"}}}`
	files := func(host, email string) map[string]string {
		return map[string]string{"log-streams/one.json": fmt.Sprintf(one, host), "clients/app.json": fmt.Sprintf(app, email)}
	}
	if p := stored().plan(t, files("a", "e"), included); !p.Empty() {
		t.Errorf("an export is a change:\n%s", p)
	}
	want := []string{
		`PATCH clients/c {"addons":{"firebase":{"client_email":"f","private_key":"hush5"},"sap_api":{"servicePassword":"hush6"}}}`,
		`PATCH log-streams/1 {"sink":{"httpCustomHeaders":[{"header":"X-B","value":"hush2"},{"header":"X-A","value":"hush1"}],"httpEndpoint":"https://z.example"}}`,
	}
	if diff := cmp.Diff(want, stored().apply(t, files("z", "f"), included)); diff != "" {
		t.Error(diff)
	}
	fresh := newFake(`{}`)
	p := fresh.plan(t, files("a", "e"), included)
	if err := p.Apply(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "keyword B") || len(fresh.calls) > 0 {
		t.Errorf("a header without its value is made: %v %q", err, fresh.calls)
	}
}

func TestPlan_SkipsWhatTheServerLacks(t *testing.T) {
	t.Parallel()
	f := newFake(`{}`)
	delete(f.collections, "log-streams")
	files := map[string]string{"log-streams/a.json": `{"name":"a"}`, "flows/f.json": `{"name":"f"}`}
	p := f.plan(t, files, Settings{})
	if diff := cmp.Diff([]string{"logStreams", "flows"}, p.Unsupported); diff != "" || !p.Empty() || len(p.Warnings) != 2 {
		t.Errorf("%s %q\n%s", diff, p.Warnings, p)
	}
	c, err := Read(write(t, files), Settings{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewPlan(t.Context(), Tenant{API: f}, c, Settings{Strict: true}); err == nil || !strings.Contains(err.Error(), "flows") {
		t.Errorf("strictly: %v", err)
	}
}

func TestPlan_LeavesAloneWhatIsExcluded(t *testing.T) {
	t.Parallel()
	stored := `{"clients":[{"client_id":"c1","name":"Ours","is_first_party":true},{"client_id":"c2","name":"Theirs","is_first_party":false}],
		"client-grants":[{"id":"g1","client_id":"c1","audience":"api"},{"id":"g2","client_id":"c2","audience":"api"}],
		"connections":[{"id":"o1","name":"one","strategy":"email"},{"id":"o2","name":"two","strategy":"email"}],"connections/o1/clients":[],"connections/o2/clients":[]}`
	files := map[string]string{"clients/": "", "grants/": "", "connections/": "", "roles/r.json": `{"name":"r"}`}
	for _, c := range []struct {
		about    string
		settings Settings
		want     []string
	}{
		{"nothing", Settings{}, []string{`POST roles {"name":"r"}`, "DELETE clients/c1", "DELETE clients/c2", "DELETE connections/o1", "DELETE connections/o2", "DELETE client-grants/g1", "DELETE client-grants/g2"}},
		{"third parties", Settings{ExcludeThirdPartyClients: true, Included: []string{"clients", "clientGrants"}}, []string{"DELETE clients/c1", "DELETE client-grants/g1"}},
		{"a client", Settings{ExcludedNames: map[string][]string{"clients": {"Ours"}}, Excluded: []string{"roles", "connections"}}, []string{"DELETE clients/c2", "DELETE client-grants/g2"}},
		{"all connections but one", Settings{IncludedConnections: []string{"two"}, Included: []string{"connections"}}, []string{"DELETE connections/o2"}},
		{"a connection", Settings{ExcludedNames: map[string][]string{"connections": {"two"}}, Included: []string{"connections"}}, []string{"DELETE connections/o1"}},
	} {
		c.settings.AllowDelete = true
		got := newFake(stored).apply(t, files, c.settings)
		if diff := cmp.Diff(sorted(c.want), sorted(got)); diff != "" {
			t.Errorf("without %s:\n%s", c.about, diff)
		}
	}
}

func sorted(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}

func TestPlan_LeavesOutUnknownConnectionsOfOrganizations(t *testing.T) {
	t.Parallel()
	f := newFake(`{"organizations":[{"id":"o","name":"org"}],"organizations/o/enabled_connections":[]}`)
	p := f.plan(t, map[string]string{"organizations/o.json": `{"name":"org","connections":[{"name":"gone"}]}`}, Settings{})
	if !p.Empty() || len(p.Warnings) != 1 || !strings.Contains(p.Warnings[0], `"gone"`) {
		t.Errorf("%q\n%s", p.Warnings, p)
	}
}
