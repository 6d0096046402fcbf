package management

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"latchkey/internal/resource"
	"latchkey/test/servertest"
)

const code = "exports.onExecutePostLogin = async (event, api) => {};"

// anAction is the payload of a new Action.
func anAction(name string, more ...any) doc {
	d := doc{"name": name, "supported_triggers": []any{doc{"id": "post-login", "version": "v3"}}, "code": code}
	for i := 0; i < len(more); i += 2 {
		d[more[i].(string)] = more[i+1]
	}
	return d
}

// addAction makes an Action and gives its id.
func addAction(s *servertest.Server, name string, more ...any) string {
	s.T.Helper()
	return s.Must(201, "POST", "/actions/actions", anAction(name, more...)).Doc()["id"].(string)
}

func TestActions_AreDraftsUntilTheyAreDeployed(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		made := s.Must(201, "POST", "/actions/actions", anAction("greet")).Doc()
		id := made["id"].(string)
		want := doc{
			"name": "greet", "supported_triggers": []any{doc{"id": "post-login", "version": "v3"}}, "code": code, "dependencies": []any{},
			"runtime": "node22", "status": "built", "secrets": []any{}, "all_changes_deployed": false,
		}
		if diff := cmp.Diff(want, without(made, "id", "created_at", "updated_at")); diff != "" {
			t.Errorf("created (-want +got):\n%s", diff)
		}
		deploying := s.Must(200, "POST", "/actions/actions/"+id+"/deploy", nil).Doc()
		action, _ := deploying["action"].(doc)
		if deploying["number"] != 1.0 || deploying["deployed"] != false || deploying["status"] != "built" || action["id"] != id ||
			action["all_changes_deployed"] != false {
			t.Errorf("deploying: got %v", deploying)
		}
		after := s.Must(200, "GET", "/actions/actions/"+id, nil).Doc()
		deployed, _ := after["deployed_version"].(doc)
		current, _ := after["current_version"].(doc)
		if after["all_changes_deployed"] != true || deployed["id"] != deploying["id"] || deployed["deployed"] != true || deployed["built_at"] == nil ||
			current["id"] != deploying["id"] || current["status"] != "BUILT" || current["build_time"] == nil || current["number"] != 1.0 {
			t.Errorf("deployed: got %v", after)
		}
		changed := s.Must(200, "PATCH", "/actions/actions/"+id, doc{"code": "// new"}).Doc()
		if changed["all_changes_deployed"] != false || changed["code"] != "// new" || changed["deployed_version"].(doc)["code"] != code {
			t.Errorf("changed: got %v", changed)
		}
		at := s.Must(201, "POST", "/actions/actions", anAction("at once", "deploy", true)).Doc()
		if at["all_changes_deployed"] != true || at["deployed_version"] == nil || at["deploy"] != nil {
			t.Errorf("created with deploy: got %v", at)
		}
		for name, query := range map[string]string{
			"greet": "?actionName=greet", "at once": "?actionName=at+once&deployed=true&triggerId=post-login",
		} {
			if list := s.Must(200, "GET", "/actions/actions"+query, nil).List("actions"); len(list) != 1 || list[0].(doc)["name"] != name {
				t.Errorf("%s: got %v", query, list)
			}
		}
		for _, query := range []string{"?deployed=false", "?installed=true", "?triggerId=credentials-exchange"} {
			if list := s.Must(200, "GET", "/actions/actions"+query, nil).List("actions"); len(list) != 0 {
				t.Errorf("%s: got %v, want none", query, list)
			}
		}
		told := []string{}
		for _, e := range eventsOf(t, s, "sapi") {
			told = append(told, e.Description)
		}
		if diff := cmp.Diff([]string{"Create an action", "Deploy an action", "Update an action", "Create an action"}, told); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
	})
}

func TestActions_KeepTheirSecretsToThemselves(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		const first, second = "the-first-value", "the-second-value"
		id := addAction(s, "secretive", "secrets", []any{doc{"name": "A", "value": first}, doc{"name": "B", "value": second}})
		stored := func(kind resource.Kind, id string) map[string][]byte {
			found, err := s.Database.Store.Resource(context.Background(), s.Tenant.ID, kind, id)
			if err != nil {
				t.Fatal(err)
			}
			return found.Sealed
		}
		before := stored("actions", id)
		s.Must(200, "POST", "/actions/actions/"+id+"/deploy", nil)
		s.Clock.Advance(1e9)
		changed := s.Must(200, "PATCH", "/actions/actions/"+id, doc{"secrets": []any{doc{"name": "A"}, doc{"name": "C", "value": "the-third-value"}}})
		list := changed.List("secrets")
		if len(list) != 2 || list[0].(doc)["name"] != "A" || list[1].(doc)["name"] != "C" || list[0].(doc)["updated_at"] == list[1].(doc)["updated_at"] {
			t.Errorf("secrets: got %v, want the old A and a new C", list)
		}
		after := stored("actions", id)
		if string(after["secrets.A"]) != string(before["secrets.A"]) || after["secrets.B"] != nil || after["secrets.C"] == nil {
			t.Errorf("sealed: got %d secrets, want A as it was and C", len(after))
		}
		version := s.Must(200, "GET", "/actions/actions/"+id, nil).Doc()["deployed_version"].(doc)["id"].(string)
		sealed := stored("action_versions", version)
		for name, want := range map[string]string{"secrets.A": first, "secrets.B": second} {
			value, err := s.Open(sealed[name], s.Tenant.ID, "action_versions", name, version)
			if err != nil || value != want {
				t.Errorf("%s of the version: got %q, %v", name, value, err)
			}
		}
		s.Must(200, "POST", fmt.Sprintf("/actions/actions/%s/versions/%s/deploy", id, version), doc{"update_draft": true})
		value, err := s.Open(stored("actions", id)["secrets.B"], s.Tenant.ID, "actions", "secrets.B", id)
		if err != nil || value != second {
			t.Errorf("B of the draft after the rollback: got %q, %v", value, err)
		}
		shown := changed.Text + s.Must(200, "GET", "/actions/actions/"+id+"/versions", nil).Text + servertest.Text(s.Events(t)) + s.OperatorLog()
		if containsAny(shown, first, second, "the-third-value") {
			t.Errorf("a secret is shown")
		}
		for _, c := range []struct {
			secrets []any
			message string
		}{
			{[]any{doc{"name": "D"}}, "The secret D has no value."},
			{[]any{doc{"name": "D", "value": "x"}, doc{"name": "D", "value": "y"}}, "Two secrets have the name D."},
			{[]any{doc{"value": "x"}}, "The name of a secret has between 1 and 128 characters."},
		} {
			refused(t, s.API("PATCH", "/actions/actions/"+id, doc{"secrets": c.secrets}), 400, "invalid_body", c.message)
		}
	})
}

func TestActions_RefuseWhatBreaksTheirLimits(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		id := addAction(s, "taken")
		for _, c := range []struct {
			d       doc
			status  int
			message string
		}{
			{anAction("taken"), 409, "An action with the same name already exists."},
			{anAction(""), 400, "A name has between 1 and 255 characters."},
			{anAction("x", "code", strings.Repeat("x", 100<<10+1)), 400, "The code is larger than 102400 bytes."},
			{anAction("x", "supported_triggers", []any{doc{"id": "post-login"}, doc{"id": "post-login"}}), 400, "An action supports exactly one trigger."},
			{anAction("x", "supported_triggers", []any{doc{"id": "post-login", "version": "v9"}}), 400, `The trigger post-login is not supported in version "v9".`},
			{anAction("x", "modules", []any{doc{"module_id": "none"}}), 404, "That action module does not exist."},
			{doc{"name": "x"}, 400, "Payload validation error: 'Missing required property: supported_triggers'."},
		} {
			if got := s.API("POST", "/actions/actions", c.d); got.Status != c.status || got.Message() != c.message {
				t.Errorf("got %d %s, want %d %s", got.Status, got.Text, c.status, c.message)
			}
		}
		got := s.Must(201, "POST", "/actions/actions", doc{"name": "plain", "supported_triggers": []any{doc{"id": "pre-user-registration"}}}).Doc()
		if diff := cmp.Diff([]any{doc{"id": "pre-user-registration", "version": "v2"}}, got["supported_triggers"]); diff != "" {
			t.Errorf("the trigger's version (-want +got):\n%s", diff)
		}
		neighbour := s.Neighbour(t)
		for _, c := range []struct {
			method, path string
			body         any
		}{
			{"GET", "", nil}, {"PATCH", "", doc{"code": "x"}}, {"DELETE", "?force=true", nil}, {"POST", "/deploy", nil},
			{"GET", "/versions", nil}, {"POST", "/test", doc{"payload": doc{}}},
		} {
			refused(t, neighbour.API(c.method, "/actions/actions/"+id+c.path, c.body), 404, "", "That action does not exist.")
		}
		if tested := s.Must(200, "POST", "/actions/actions/"+id+"/test", doc{"payload": doc{}}).Doc()["payload"].(doc); tested["error"] == nil {
			t.Errorf("test: got %v, want it to say that nothing ran", tested)
		}
		refused(t, s.API("GET", "/actions/executions/none", nil), 404, "", "That execution does not exist.")
		refused(t, s.Call(s.Token("read:actions"), "DELETE", "/actions/actions/"+id, nil), 403, "insufficient_scope",
			"Insufficient scope, expected any of: delete:actions")
		s.Must(204, "DELETE", "/actions/actions/"+id, nil)
		refused(t, s.API("DELETE", "/actions/actions/"+id, nil), 404, "", "That action does not exist.")
	})
}

func TestActionVersions_NeverChangeAndCanBeDeployedAgain(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		id := addAction(s, "versions", "deploy", true)
		path := "/actions/actions/" + id
		first := s.Must(200, "GET", path+"/versions", nil).List("versions")[0].(doc)
		s.Must(200, "PATCH", path, doc{"code": "// two"})
		s.Must(200, "POST", path+"/deploy", nil)
		list := s.Must(200, "GET", path+"/versions", nil)
		numbers := []any{}
		for _, one := range list.List("versions") {
			numbers = append(numbers, one.(doc)["number"])
		}
		if diff := cmp.Diff([]any{2.0, 1.0}, numbers); diff != "" || list.Doc()["total"] != 2.0 || list.Doc()["per_page"] != 20.0 || list.Doc()["page"] != nil {
			t.Errorf("versions: got %s", list.Text)
		}
		if got := s.Must(200, "GET", path+"/versions?page=1&per_page=100", nil).Doc(); !cmp.Equal(got, doc{"versions": []any{}, "page": 1.0, "per_page": 100.0}) {
			t.Errorf("the page past the end: got %v", got)
		}
		old := path + "/versions/" + first["id"].(string)
		if got := s.Must(200, "GET", old, nil).Doc(); got["code"] != code || got["deployed"] != false || got["action_id"] != id {
			t.Errorf("the first version: got %v", got)
		}
		s.Must(200, "POST", old+"/deploy", nil)
		after := s.Must(200, "GET", path, nil).Doc()
		if v := after["deployed_version"].(doc); v["number"] != 3.0 || v["code"] != code || after["code"] != "// two" || after["all_changes_deployed"] != false {
			t.Errorf("rolled back: got %v", after)
		}
		s.Must(200, "POST", old+"/deploy", doc{"update_draft": true})
		if after = s.Must(200, "GET", path, nil).Doc(); after["code"] != code || after["all_changes_deployed"] != true {
			t.Errorf("rolled back with the draft: got %v", after)
		}
		other := addAction(s, "other")
		refused(t, s.API("GET", "/actions/actions/"+other+"/versions/"+first["id"].(string), nil), 404, "", "That action version does not exist.")
		refused(t, s.API("POST", path+"/versions/none/deploy", nil), 404, "", "That action version does not exist.")
	})
}

func TestActionVersions_OfManyDeploymentsAtOnceEachHasItsNumber(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		path := "/actions/actions/" + addAction(s, "busy")
		const callers = 4
		var together sync.WaitGroup
		for range callers {
			together.Go(func() { s.API("POST", path+"/deploy", nil) })
		}
		together.Wait()
		seen := map[any]bool{}
		list := s.Must(200, "GET", path+"/versions", nil).List("versions")
		for _, one := range list {
			seen[one.(doc)["number"]] = true
		}
		if len(seen) != len(list) || len(list) == 0 {
			t.Errorf("got %d numbers of %d versions", len(seen), len(list))
		}
		deployed := s.Must(200, "GET", path, nil).Doc()["deployed_version"].(doc)
		if deployed["number"] != list[0].(doc)["number"] {
			t.Errorf("version %v is deployed, want the newest, %v", deployed["number"], list[0].(doc)["number"])
		}
	})
}

func TestActionVersions_KeepTheNewestFifty(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	path := "/actions/actions/" + addAction(s, "old")
	for range 52 {
		s.Must(200, "POST", path+"/deploy", nil)
		s.Clock.Advance(1e9)
	}
	got := s.Must(200, "GET", path+"/versions?per_page=100", nil)
	list := got.List("versions")
	if len(list) != 50 || list[0].(doc)["number"] != 52.0 || list[49].(doc)["number"] != 3.0 {
		t.Errorf("got %d versions from %v on, want 3 to 52", len(list), list[len(list)-1].(doc)["number"])
	}
}

func TestActionBindings_AreReplacedAsAWhole(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		const path = "/actions/triggers/post-login/bindings"
		one, two := addAction(s, "one", "deploy", true), addAction(s, "two", "deploy", true)
		if got := s.Must(200, "GET", path, nil).Doc(); !cmp.Equal(got, doc{"bindings": []any{}, "per_page": 50.0}) {
			t.Errorf("nothing bound: got %v", got)
		}
		bind := func(status int, refs ...doc) servertest.Reply {
			t.Helper()
			list := []any{}
			for _, ref := range refs {
				list = append(list, ref)
			}
			return s.Must(status, "PATCH", path, doc{"bindings": list})
		}
		ref := func(typ, value string) doc { return doc{"ref": doc{"type": typ, "value": value}} }
		named := ref("action_name", "two")
		named["display_name"] = "Second"
		bound := bind(200, ref("action_id", one), named).List("bindings")
		names := func(list []any) []any {
			all := []any{}
			for _, b := range list {
				all = append(all, b.(doc)["display_name"])
			}
			return all
		}
		if diff := cmp.Diff([]any{"one", "Second"}, names(bound)); diff != "" {
			t.Errorf("bound (-want +got):\n%s", diff)
		}
		if action := bound[1].(doc)["action"].(doc); action["id"] != two || action["current_version"].(doc)["status"] != "BUILT" || bound[1].(doc)["trigger_id"] != "post-login" {
			t.Errorf("binding: got %v", bound[1])
		}
		turned := bind(200, ref("binding_id", bound[1].(doc)["id"].(string)), ref("binding_id", bound[0].(doc)["id"].(string))).List("bindings")
		if diff := cmp.Diff([]any{"Second", "one"}, names(turned)); diff != "" || turned[0].(doc)["id"] == bound[1].(doc)["id"] {
			t.Errorf("turned: got %v", names(turned))
		}
		page := s.Must(200, "GET", path+"?page=0&per_page=1", nil).Doc()
		if page["total"] != 2.0 || page["per_page"] != 1.0 || page["page"] != nil || len(page["bindings"].([]any)) != 1 {
			t.Errorf("first page: got %v", page)
		}
		if got := s.Must(200, "GET", path+"?page=2&per_page=1", nil).Doc(); !cmp.Equal(got, doc{"bindings": []any{}, "page": 2.0, "per_page": 1.0}) {
			t.Errorf("the page past the end: got %v, want no total", got)
		}
		draft, other := addAction(s, "draft"), addAction(s, "other", "deploy", true, "supported_triggers", []any{doc{"id": "credentials-exchange"}})
		for _, c := range []struct {
			ref     doc
			status  int
			message string
		}{
			{ref("action_id", draft), 400, "The action draft must be deployed before it can be bound."},
			{ref("action_id", other), 400, "The action other does not support the trigger post-login."},
			{ref("action_name", "nobody"), 404, "That action does not exist."},
			{ref("binding_id", bound[0].(doc)["id"].(string)), 404, "That binding does not exist."},
			{doc{"ref": doc{"type": "action_id", "value": one}, "secrets": []any{doc{"name": "A", "value": "x"}}}, 400, "Secrets belong to the action, not to its binding."},
		} {
			if got := bind(c.status, c.ref); got.Message() != c.message {
				t.Errorf("got %s, want %s", got.Text, c.message)
			}
		}
		refused(t, s.API("DELETE", "/actions/actions/"+one, nil), 409, "", "The action is bound to a trigger. Unbind it first, or delete it with force=true.")
		refused(t, s.API("PATCH", "/actions/actions/"+one, doc{"supported_triggers": []any{doc{"id": "credentials-exchange"}}}), 409, "",
			"The action is bound to a trigger. Unbind it first, or delete it with force=true.")
		s.Must(204, "DELETE", "/actions/actions/"+one+"?force=true", nil)
		if got := s.Must(200, "GET", path, nil); got.Doc()["total"] != 1.0 {
			t.Errorf("after a forced deletion: got %s", got.Text)
		}
		bind(200)
		s.Must(204, "DELETE", "/actions/actions/"+two, nil)
	})
}

func TestActionTriggers_EachListedOneAnswersItsBindings(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		policies := map[string]any{}
		for _, one := range s.Must(200, "GET", "/actions/triggers", nil).List("triggers") {
			id := one.(doc)["id"].(string)
			policies[id] = one.(doc)["binding_policy"]
			s.Must(200, "GET", "/actions/triggers/"+id+"/bindings?page=0&per_page=50", nil)
			s.Must(200, "PATCH", "/actions/triggers/"+id+"/bindings", doc{"bindings": []any{}})
		}
		if len(policies) != 12 || policies["event-stream"] != "entity-bound" || policies["post-login"] != "trigger-bound" {
			t.Errorf("triggers: got %v", policies)
		}
		refused(t, s.API("GET", "/actions/triggers/login-post-identifier/bindings", nil), 404, "", "That trigger does not exist.")
		if got := s.API("GET", "/actions/triggers/nonsense/bindings", nil); got.Status != 400 {
			t.Errorf("a trigger of no such name: got %d", got.Status)
		}
		id := addAction(s, "mail", "deploy", true, "supported_triggers", []any{doc{"id": "custom-email-provider"}})
		ref := doc{"ref": doc{"type": "action_id", "value": id}}
		refused(t, s.API("PATCH", "/actions/triggers/custom-email-provider/bindings", doc{"bindings": []any{ref, ref}}), 400, "invalid_body",
			"The trigger custom-email-provider runs 1 actions at most.")
	})
}

func TestActionModules_ArePublishedInVersionsThatActionsPin(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		if got := s.Must(200, "GET", "/actions/modules?page=0&per_page=100", nil).Doc(); !cmp.Equal(got, doc{"modules": []any{}, "total": 0.0, "page": 0.0, "per_page": 100.0}) {
			t.Errorf("no modules: got %v", got)
		}
		made := s.Must(201, "POST", "/actions/modules", doc{"name": "shared", "code": "// one", "secrets": []any{doc{"name": "K", "value": "module-secret"}}})
		id := made.Doc()["id"].(string)
		if got := made.Doc(); got["all_changes_published"] != false || got["actions_using_module_total"] != 0.0 || got["latest_version"] != nil {
			t.Errorf("created: got %v", got)
		}
		path := "/actions/modules/" + id
		version := s.Must(200, "POST", path+"/versions", nil).Doc()
		if version["version_number"] != 1.0 || version["module_id"] != id || version["code"] != "// one" {
			t.Errorf("published: got %v", version)
		}
		s.Must(200, "PATCH", path, doc{"code": "// two"})
		got := s.Must(200, "GET", path, nil).Doc()
		if got["all_changes_published"] != false || got["latest_version"].(doc)["id"] != version["id"] {
			t.Errorf("changed: got %v", got)
		}
		back := s.Must(200, "POST", path+"/rollback", doc{"module_version_id": version["id"]}).Doc()
		if back["code"] != "// one" || back["all_changes_published"] != true {
			t.Errorf("rolled back: got %v", back)
		}
		ref := doc{"module_id": id, "module_version_id": version["id"]}
		using := s.Must(201, "POST", "/actions/actions", anAction("user", "modules", []any{ref})).Doc()
		if m := using["modules"].([]any)[0].(doc); m["module_name"] != "shared" || m["module_version_number"] != 1.0 {
			t.Errorf("used: got %v", using["modules"])
		}
		users := s.Must(200, "GET", path+"/actions", nil).List("actions")
		if len(users) != 1 || users[0].(doc)["action_name"] != "user" {
			t.Errorf("users: got %v", users)
		}
		refused(t, s.API("DELETE", path, nil), 409, "", "The action module is used by an action.")
		refused(t, s.API("POST", "/actions/modules", doc{"name": "shared", "code": ""}), 409, "", "An action module with the same name already exists.")
		refused(t, s.API("GET", path+"/versions/none", nil), 404, "", "That action module version does not exist.")
		refused(t, s.Neighbour(t).API("GET", path, nil), 404, "", "That action module does not exist.")
		s.Must(204, "DELETE", "/actions/actions/"+using["id"].(string), nil)
		s.Must(204, "DELETE", path, nil)
		if containsAny(servertest.Text(s.Events(t))+made.Text, "module-secret") {
			t.Errorf("a secret is shown")
		}
	})
}
