package management

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/internal/apischema"
	"latchkey/internal/protect"
	"latchkey/test/servertest"
)

// sane ends the test's hope when an answer is that of a server in trouble.
func sane(t *testing.T, what string, got servertest.Reply) {
	t.Helper()
	if got.Status >= 500 || got.Status == 0 {
		t.Errorf("%s: got %d %s", what, got.Status, clipped(got.Text))
	}
}

func TestBodies_ThatAreTooLargeAreRefused(t *testing.T) {
	t.Parallel()
	c := newCaller(servertest.New(t))
	large := `{"name":"` + strings.Repeat("a", 1<<20) + `"}`
	before := c.Dump(t)
	seen := map[string]bool{"jobs": true} // whose files have a limit of their own
	everyOperation(func(name, method, path string, o *apischema.Operation) {
		kind := strings.Split(o.Path, "/")[1]
		if !o.HasBody || seen[kind] {
			return
		}
		seen[kind] = true
		got := c.Send(c.request(method, path, large))
		if got.Status != 413 || got.Message() != "Payload content length greater than maximum allowed: 1048576" {
			t.Errorf("%s: got %d %s, want 413", name, got.Status, clipped(got.Text))
		}
	})
	endless := c.request("POST", "/clients", "")
	endless.Body, endless.ContentLength = io.NopCloser(io.MultiReader(strings.NewReader(`{"name":"`), strings.NewReader(strings.Repeat("a", 2<<20)))), -1
	if got := c.Send(endless); got.Status != 413 {
		t.Errorf("without a length: got %d %s, want 413", got.Status, clipped(got.Text))
	}
	if after := c.Dump(t); !slices.Equal(after["logs"], before["logs"]) || !slices.Equal(after["resources"], before["resources"]) {
		t.Error("payloads that are too large have left something")
	}
}

func TestBodies_ThatCannotBeReadAreRefused(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		c := newCaller(s)
		before := c.Dump(t)
		deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
		for what, test := range map[string]struct{ kind, body string }{
			"half of it":            {"application/json", `{"name":"a"`},
			"two values":            {"application/json", `{"name":"a"}{"name":"b"}`},
			"a comment":             {"application/json", `{"name":"a"} // app`},
			"single quotes":         {"application/json", `{'name':'a'}`},
			"a number that is none": {"application/json", `{"name":"a","par_request_expiry":NaN}`},
			"a number without end":  {"application/json", `{"name":"a","par_request_expiry":1e999}`},
			"a byte order mark":     {"application/json", "\ufeff" + `{"name":"a"}`},
			"UTF-16":                {"application/json; charset=utf-16", "\xff\xfe{\x00}\x00"},
			"too deep":              {"application/json", `{"name":"a","client_metadata":` + deep(200000) + `}`},
			// Once accepted: clients could not read the lists and the log that it stood in.
			"deep":                     {"application/json", `{"name":"a","addons":{"samlp":{"a":` + deep(9990) + `}}}`},
			"NUL":                      {"application/json", `{"name":"a\u0000b"}`},
			"NUL in a name":            {"application/json", `{"name":"a","client_metadata":{"\u0000":"v"}}`},
			"NUL, far inside":          {"application/json", `{"name":"a","addons":{"samlp":{"a":[{"b":"\u0000"}]}}}`},
			"XML":                      {"application/xml", `<name>a</name>`},
			"a form that is none":      {"application/x-www-form-urlencoded", "name=%zz"},
			"a form with NUL":          {"application/x-www-form-urlencoded", "name=a%00b"},
			"a form that is not UTF-8": {"application/x-www-form-urlencoded", "name=a%ff%fe"},
			"a form with a NUL name":   {"application/x-www-form-urlencoded", "name=a&b%00=c"},
			"a form in parts":          {"multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\na\r\n--x--\r\n"},
			"HTML":                     {"text/html", "<p>name</p>"},
			"compressed":               {"application/json", "\x1f\x8b\x08\x00\x00\x00\x00\x00"},
			"a list":                   {"application/json", `[]`},
			"a text":                   {"application/json", `"name"`},
			"null":                     {"application/json", `null`},
			"nothing":                  {"application/json", ``},
			"a proto":                  {"application/json", `{"name":"a","__proto__":{"global":true}}`},
			"a constructor":            {"application/json", `{"name":"a","constructor":{"prototype":{}}}`},
			"a member of Object":       {"application/json", `{"name":"a","hasOwnProperty":1}`},
			"another case":             {"application/json", `{"NAME":"a"}`},
			"what only we may write":   {"application/json", `{"name":"a","global":true}`},
			"what only we know":        {"application/json", `{"name":"a","$credentials":[]}`},
			"an id of one's own":       {"application/json", `{"name":"a","client_id":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}`},
		} {
			r := c.request("POST", "/clients", test.body)
			r.Header.Set("Content-Type", test.kind)
			if got := c.Send(r); got.Status != 400 || got.Doc()["errorCode"] != "invalid_body" {
				t.Errorf("%s: got %d %s, want 400 invalid_body", what, got.Status, clipped(got.Text))
			}
		}
		for _, template := range []string{"\x00", "\xff\xfe"} {
			r := c.request("PUT", "/branding/templates/universal-login", "<html>{%- auth0:head -%}{%- auth0:widget -%}"+template+"</html>")
			r.Header.Set("Content-Type", "text/html")
			if got := c.Send(r); got.Status != 400 {
				t.Errorf("a template with %q: got %d %s, want 400", template, got.Status, got.Text)
			}
		}
		if after := c.Dump(t); !slices.Equal(after["logs"], before["logs"]) || !slices.Equal(after["resources"], before["resources"]) {
			t.Error("payloads that cannot be read have left something")
		}
	})
}

func TestBodies_ThatAreOddAreKeptAsTheyAre(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		c := newCaller(s)
		made := c.Send(c.request("POST", "/clients", `{"name":"first","name":"second","client_metadata":{"__proto__":"p","constructor":"c","":"e","a.b":"d","$x":"y"}}`))
		if made.Status != 201 || made.Doc()["name"] != "second" {
			t.Fatalf("a name twice: got %d %s, want the last one", made.Status, made.Text)
		}
		path := "/clients/" + made.Doc()["client_id"].(string)
		want := doc{"__proto__": "p", "constructor": "c", "": "e", "a.b": "d", "$x": "y"}
		if got := c.must("GET", path, nil).Doc()["client_metadata"]; servertest.Text(got) != servertest.Text(want) {
			t.Errorf("client_metadata: got %v, want %v", got, want)
		}
		user := "/users/" + escaped(c.must("POST", "/users", doc{"connection": "email", "email": "ann@example.com"}).Doc()["user_id"].(string))
		deep := strings.Repeat(`{"a":`, 490) + "1" + strings.Repeat("}", 490)
		for _, metadata := range []string{
			`{"n":123456789,"f":0.1,"e":1e300,"neg":-0.5}`, `{"u":"\ud83d\ude00 \u00e9 e\u0301 \u202e"}`, `{"__proto__":{"admin":true}}`,
			`{"a":"` + strings.Repeat("ä", 100000) + `"}`, `{"lone":"\ud800"}`, deep, `{"a.b":{"c":[null,true,{"":""}]}}`,
		} {
			got := c.Send(c.request("PATCH", user, `{"user_metadata":`+metadata+`}`))
			if got.Status != 200 {
				t.Errorf("%s: got %d %s, want 200", clipped(metadata), got.Status, clipped(got.Text))
			}
			sane(t, "read after "+clipped(metadata), c.call("GET", user, nil))
			if logs := c.call("GET", "/logs?per_page=100", nil); logs.Status != 200 {
				t.Errorf("the log after %s: got %d %s", clipped(metadata), logs.Status, clipped(logs.Text))
			}
			if users := c.call("GET", "/users?per_page=100", nil); users.Status != 200 {
				t.Errorf("users after %s: got %d %s", clipped(metadata), users.Status, clipped(users.Text))
			}
		}
	})
}

func TestPaths_ThatAreTricksLeadNowhere(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		c := newCaller(s)
		id := s.Web.ID
		for _, path := range []string{
			"/clients/", "//clients", "/clients//", "/./clients", "/clients/.", "/clients/..", "/clients/../clients", "/users/../clients", "/clients/%2e%2e/clients",
			"/clients/..%2fclients", "/clients;x=1", "/CLIENTS", "/clients.json", "/clients%00", "/clients/" + id + "/", "/clients/" + id + "%00", "/clients/" + id + "%20",
			"/clients/" + id + ";", "/clients/%ff", "/users/%ff%fe", "/users/auth0%7C%00", "/users/%2500", "/users/%25ff", "/clients%2f" + id, "/" + strings.Repeat("a", 5000),
			"/users/" + strings.Repeat("a", 5000), "/roles/" + strings.Repeat("%E2%82%AC", 900), "/..", "/../../oauth/token", "/users/a%0d%0aSet-Cookie:%20a=b", "/", "",
			"/resource-servers/%00", "/resource-servers/%25%32%35", "/organizations/name/%ff", "/connections/%27%20OR%201=1", "/logs/%F0%9F%98%80", "/jobs/%00/errors",
			"/rules-configs/%00", "/prompts/%00/partials", "/email-templates/%00", "/user-blocks/%00", "/user-blocks?identifier=%00", "/users-by-email?email=%ff",
			"/anomaly/blocks/ips/%00", "/keys/signing/%00", "/sessions/%00", "/refresh-tokens/%ff", "/device-credentials?user_id=%00", "/grants?user_id=%ff",
			"/users?q=%00", "/users?q=name:%ff", "/logs?q=%00", "/roles?name_filter=%00", "/connections?name=%ff", "/clients?app_type=%00", "/clients?page=99999999999999999999",
			"/clients?fields=" + strings.Repeat("a,", 2000), "/clients?page=1&page=2", "/clients?page=-1", "/clients?q=" + strings.Repeat("x", 6000), "/clients?%zz=1", "/clients?;",
			"/actions/actions/%00", "/actions/actions/x/versions/%00", "/stats/daily?from=%00", "/branding/themes/%00", "/custom-domains/%ff", "/log-streams/%ff",
		} {
			for _, method := range []string{"GET", "DELETE"} {
				r, err := http.NewRequestWithContext(context.Background(), method, c.URL, nil)
				if err != nil {
					t.Fatal(err)
				}
				path, query, _ := strings.Cut(path, "?")
				decoded, err := url.PathUnescape("/api/v2" + path)
				if err != nil {
					t.Fatal(err)
				}
				r.URL.Path, r.URL.RawPath, r.URL.RawQuery = decoded, "/api/v2"+path, query
				r.Header.Set("Authorization", "Bearer "+c.token)
				c.Clock.Advance(20 * time.Millisecond)
				got := c.Send(r)
				sane(t, method+" "+clipped(path+"?"+query), got)
				if got.Header.Get("Location") != "" || got.Header.Get("Set-Cookie") != "" {
					t.Errorf("%s %s: got the headers %v", method, clipped(path), got.Header)
				}
				if query == "" && method == "GET" && got.Status == 200 {
					t.Errorf("%s %s: got %s, want a refusal", method, clipped(path), clipped(got.Text))
				}
			}
		}
		if got := c.call("GET", "/clients/"+id, nil); got.Status != 200 {
			t.Errorf("the client after all that: got %d", got.Status)
		}
	})
}

func TestMethods_OnlyTheDocumentedOnes(t *testing.T) {
	t.Parallel()
	c := newCaller(servertest.New(t))
	before := c.Dump(t)
	for _, method := range []string{"HEAD", "OPTIONS", "TRACE", "PROPFIND", "get", "PUT", "LINK"} {
		for _, path := range []string{"/clients", "/clients/" + c.Web.ID, "/tenants/settings", "/users"} {
			got := c.call(method, path, nil)
			if got.Status/100 != 4 {
				t.Errorf("%s %s: got %d %s, want a refusal", method, path, got.Status, got.Text)
			}
			if method == "HEAD" && got.Text != "" {
				t.Errorf("HEAD %s: got the body %s", path, got.Text)
			}
		}
	}
	r := c.request("POST", "/clients/"+c.Web.ID, "")
	r.Header.Set("X-HTTP-Method-Override", "DELETE")
	if got := c.Send(r); got.Status != 404 {
		t.Errorf("a method in a header: got %d %s, want 404", got.Status, got.Text)
	}
	if after := c.Dump(t); !slices.Equal(after["resources"], before["resources"]) {
		t.Error("methods that are none have changed something")
	}
}

func TestHeaders_ThatLieChangeNothing(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	c, other := newCaller(s), s.OtherTenant(t, "other")
	send := func(change func(*http.Request)) servertest.Reply {
		r := c.request("GET", "/clients", "")
		change(r)
		return c.Send(r)
	}
	for what, change := range map[string]func(*http.Request){
		"a token in the query": func(r *http.Request) {
			r.Header.Del("Authorization")
			r.URL.RawQuery = "access_token=" + c.token
		},
		"a token in a cookie": func(r *http.Request) {
			r.Header.Del("Authorization")
			r.AddCookie(&http.Cookie{Name: "access_token", Value: c.token})
		},
		"a bad token before a good one": func(r *http.Request) { r.Header["Authorization"] = []string{"Bearer bad", "Bearer " + c.token} },
		"a good token before a bad one": func(r *http.Request) { r.Header["Authorization"] = []string{"Bearer " + c.token, "Bearer bad"} },
		"the host of another tenant":    func(r *http.Request) { r.Host = strings.TrimPrefix(other.URL, "http://") },
	} {
		if got := send(change); got.Status != 401 && got.Status != 400 {
			t.Errorf("%s: got %d %s, want a refusal", what, got.Status, clipped(got.Text))
		}
	}
	for what, change := range map[string]func(*http.Request){
		"a forwarded host":  func(r *http.Request) { r.Header.Set("X-Forwarded-Host", strings.TrimPrefix(other.URL, "http://")) },
		"an original path":  func(r *http.Request) { r.Header.Set("X-Original-URL", "/api/v2/users") },
		"a lower-case word": func(r *http.Request) { r.Header.Set("Authorization", "bearer "+c.token) },
		"a strange accept":  func(r *http.Request) { r.Header.Set("Accept", "text/html") },
	} {
		got := send(change)
		if got.Status != 200 || got.Header.Get("Content-Type") != "application/json; charset=utf-8" || got.Header.Get("Cache-Control") == "" {
			t.Errorf("%s: got %d %v", what, got.Status, got.Header)
		}
		if ids := servertest.Text(got.Body); !strings.Contains(ids, s.Web.ID) || strings.Contains(ids, other.Web.ID) {
			t.Errorf("%s: got %s, want the clients of the token's tenant", what, clipped(ids))
		}
	}
}

func TestCORS_LetsOnlyKnownOriginsRead(t *testing.T) {
	t.Parallel()
	c := newCaller(servertest.New(t))
	for origin, known := range map[string]bool{
		servertest.WebOrigin: true, "https://evil.example.com": false, "null": false, "https://app.example.com.evil.com": false,
		"http://app.example.com": false, "https://app.example.com:8443": false, "*": false,
	} {
		want := ""
		if known {
			want = origin
		}
		r := c.request("GET", "/clients", "")
		r.Header.Set("Origin", origin)
		got := c.Send(r)
		if got.Status != 200 || got.Header.Get("Access-Control-Allow-Origin") != want || got.Header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: got %d %v, want the permission %q", origin, got.Status, got.Header, want)
		}
		if !strings.Contains(strings.Join(got.Header.Values("Vary"), ","), "Origin") {
			t.Errorf("%s: the answer does not vary by origin", origin)
		}
		for _, method := range []string{"PATCH", "DELETE"} {
			r = c.request("OPTIONS", "/clients/"+c.Web.ID, "")
			r.Header.Del("Authorization")
			r.Header.Set("Origin", origin)
			r.Header.Set("Access-Control-Request-Method", method)
			r.Header.Set("Access-Control-Request-Headers", "authorization,content-type")
			if got := c.Send(r); got.Header.Get("Access-Control-Allow-Origin") != want || (known && got.Status != 204) || got.Text != "" {
				t.Errorf("%s before %s: got %d %v", origin, method, got.Status, got.Header)
			}
		}
	}
	r := c.request("GET", "/clients", "")
	r.Header.Set("Origin", servertest.WebOrigin)
	r.Header.Set("Authorization", "Bearer bad")
	if got := c.Send(r); got.Status != 401 || got.Header.Get("Access-Control-Allow-Origin") != servertest.WebOrigin {
		t.Errorf("a refusal: got %d %v, want it readable too", got.Status, got.Header)
	}
}

// atOnce runs as many writers as there are, on two nodes in turn, and gives their statuses.
func atOnce(t *testing.T, nodes []*caller, writers int, write func(c *caller, i int) servertest.Reply) []int {
	t.Helper()
	statuses := make([]int, writers)
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			got := write(nodes[i%len(nodes)], i)
			statuses[i] = got.Status
			if got.Status != 409 && got.Status/100 != 2 && got.Status/100 != 4 {
				t.Errorf("writer %d: got %d %s", i, got.Status, got.Text)
			}
		})
	}
	all.Wait()
	return statuses
}

func TestWriters_AtTheSameTimeLoseNothing(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		first := newCaller(s)
		second := &caller{Server: s.Node(t), token: first.token}
		nodes := []*caller{first, second}
		// Who is told that something else has changed tries again, as official clients do.
		stubborn := func(c *caller, method, path string, body any) servertest.Reply {
			for range 50 {
				if got := c.call(method, path, body); got.Status != 409 {
					return got
				}
			}
			return servertest.Reply{}
		}
		const writers = 16
		key := func(i int) string { return "k" + strconv.Itoa(i) }
		user := "/users/" + escaped(first.must("POST", "/users", doc{"connection": "email", "email": "ann@example.com"}).Doc()["user_id"].(string))
		client := "/clients/" + first.must("POST", "/clients", doc{"name": "app"}).Doc()["client_id"].(string)
		connection := "/connections/" + first.must("POST", "/connections", doc{"name": "many", "strategy": "email"}).Doc()["id"].(string)
		role := "/roles/" + first.must("POST", "/roles", doc{"name": "many"}).Doc()["id"].(string)
		organization := "/organizations/" + first.must("POST", "/organizations", doc{"name": "many"}).Doc()["id"].(string)
		var clients, users []string
		for i := range writers {
			clients = append(clients, first.must("POST", "/clients", doc{"name": key(i)}).Doc()["client_id"].(string))
			users = append(users, addUser(t, s, key(i)+"@example.com"))
		}
		flags := []string{
			"enable_apis_section", "enable_client_connections", "enable_pipeline2", "enable_dynamic_client_registration", "enable_idtoken_api2",
			"enable_legacy_profile", "disable_fields_map_fix", "mfa_show_factor_list_on_enrollment",
		}
		for what, write := range map[string]func(c *caller, i int) servertest.Reply{
			"user": func(c *caller, i int) servertest.Reply {
				return stubborn(c, "PATCH", user, doc{"user_metadata": doc{key(i): i}})
			},
			"client": func(c *caller, i int) servertest.Reply {
				return stubborn(c, "PATCH", client, doc{"client_metadata": doc{key(i % 10): "v"}})
			},
			"connection": func(c *caller, i int) servertest.Reply {
				return stubborn(c, "PATCH", connection+"/clients", items{doc{"client_id": clients[i], "status": true}})
			},
			"settings": func(c *caller, i int) servertest.Reply {
				return stubborn(c, "PATCH", "/tenants/settings", doc{"flags": doc{flags[i%len(flags)]: true}})
			},
			"role": func(c *caller, i int) servertest.Reply {
				return stubborn(c, "POST", role+"/users", doc{"users": items{users[i]}})
			},
			"organization": func(c *caller, i int) servertest.Reply {
				return stubborn(c, "POST", organization+"/members", doc{"members": items{users[i]}})
			},
		} {
			for i, status := range atOnce(t, nodes, writers, write) {
				if status/100 != 2 {
					t.Errorf("%s: writer %d got %d", what, i, status)
				}
			}
		}
		for i, c := range nodes {
			if got := object(c.must("GET", user, nil).Doc()["user_metadata"]); len(got) != writers {
				t.Errorf("node %d: the user has %d changes, want %d: %v", i, len(got), writers, got)
			}
			if got := object(c.must("GET", client, nil).Doc()["client_metadata"]); len(got) != 10 {
				t.Errorf("node %d: the client has %d changes, want 10: %v", i, len(got), got)
			}
			if got := c.must("GET", connection+"/clients?take=100", nil).List("clients"); len(got) != writers {
				t.Errorf("node %d: the connection has %d clients, want %d", i, len(got), writers)
			}
			set := object(c.must("GET", "/tenants/settings", nil).Doc()["flags"])
			for _, name := range flags {
				if set[name] != true {
					t.Errorf("node %d: the flag %s is lost", i, name)
				}
			}
			if got := c.must("GET", role+"/users", nil).List(); len(got) != writers {
				t.Errorf("node %d: the role has %d users, want %d", i, len(got), writers)
			}
			if got := c.must("GET", organization+"/members?per_page=100", nil).List(); len(got) != writers {
				t.Errorf("node %d: the organization has %d members, want %d", i, len(got), writers)
			}
		}
	})
}

func TestWriters_OfTheSameNameMakeOne(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		first := newCaller(s)
		nodes := []*caller{first, {Server: s.Node(t), token: first.token}}
		grantable := first.must("POST", "/resource-servers", doc{"identifier": "https://one.example.com/", "scopes": items{doc{"value": "a"}}}).Doc()["identifier"]
		smtp := doc{"name": "smtp", "credentials": doc{"smtp_host": "mail.example.com", "smtp_port": 25, "smtp_user": "u", "smtp_pass": "p"}}
		twilio := doc{"name": "twilio", "credentials": doc{"auth_token": "t"}, "configuration": doc{"sid": "s", "default_from": "+15551234567", "delivery_methods": items{"text"}}}
		for path, body := range map[string]doc{
			"/connections": {"name": "one", "strategy": "email"}, "/resource-servers": {"identifier": "https://two.example.com/"}, "/roles": {"name": "one"},
			"/organizations": {"name": "one"}, "/users": {"connection": "email", "email": "one@example.com"}, "/emails/provider": smtp,
			"/client-grants":   {"client_id": s.Web.ID, "audience": grantable, "scope": items{"a"}},
			"/branding/themes": theme(), "/branding/phone/providers": twilio, "/branding/phone/templates": {"type": "otp_verify"},
			"/email-templates": {"template": "welcome_email", "body": "b", "from": "a@example.com", "subject": "s", "syntax": "liquid", "enabled": true},
			"/custom-domains":  {"domain": "one.example.com", "type": "auth0_managed_certs"},
			"/actions/actions": {"name": "one", "supported_triggers": items{doc{"id": "post-login"}}}, "/actions/modules": {"name": "one", "code": "x"},
		} {
			statuses := atOnce(t, nodes, 8, func(c *caller, _ int) servertest.Reply { return c.call("POST", path, body) })
			made := 0
			for _, status := range statuses {
				switch {
				case status/100 == 2:
					made++
				case status != 409 && status != 400:
					t.Errorf("POST %s: got %d, want 409", path, status)
				}
			}
			if made != 1 {
				t.Errorf("POST %s: %d of 8 were made, want one: %v", path, made, statuses)
			}
		}
	})
}

func TestLimit_IsToldAndKept(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		token, other := lasting(s, "read:clients", "create:clients"), s.SignToken(map[string]any{
			"sub": s.Web.ID + "@clients", "azp": s.Web.ID, "gty": "client-credentials", "scope": "read:clients",
		})
		calls := []struct {
			method, path string
			body         any
			status       int
		}{
			{"GET", "/clients", nil, 200}, {"GET", "/users", nil, 403}, {"GET", "/clients/nobody", nil, 404}, {"POST", "/clients", doc{}, 400},
		}
		for i := range protect.ManagementAPI.Burst {
			call := calls[i%len(calls)]
			got := s.Call(token, call.method, call.path, call.body)
			limit, remaining, reset := got.Header.Get("X-RateLimit-Limit"), got.Header.Get("X-RateLimit-Remaining"), got.Header.Get("X-RateLimit-Reset")
			if got.Status != call.status || limit != strconv.Itoa(protect.ManagementAPI.Burst) || remaining != strconv.Itoa(protect.ManagementAPI.Burst-i-1) {
				t.Fatalf("call %d: got %d, limit %s, remaining %s, want %d and one less each time", i+1, got.Status, limit, remaining, call.status)
			}
			if at, err := strconv.ParseInt(reset, 10, 64); err != nil || at < s.Clock.Now().Unix() {
				t.Fatalf("call %d: got the reset %s, want seconds to come", i+1, reset)
			}
		}
		before := s.Dump(t)
		got := s.Call(token, "POST", "/clients", doc{"name": "one too many"})
		refused(t, got, 429, "too_many_requests", "Global limit has been reached")
		wait, err := strconv.Atoi(got.Header.Get("Retry-After"))
		if err != nil || wait < 1 || got.Header.Get("X-RateLimit-Remaining") != "0" {
			t.Errorf("beyond the limit: got the headers %v", got.Header)
		}
		if after := s.Dump(t); !slices.Equal(after["resources"], before["resources"]) {
			t.Error("a call beyond the limit was made")
		}
		s.Call(token, "GET", "/clients", nil)
		if told := eventsOf(t, s, "api_limit"); len(told) != 1 || told[0].ClientID != s.M2M.ID {
			t.Errorf("events: got %+v, want one that tells of the limit", told)
		}
		if got := s.Call(other, "GET", "/clients", nil); got.Status != 200 {
			t.Errorf("another client: got %d, want 200", got.Status)
		}
		if got := s.Call("", "GET", "/clients", nil); got.Status != 401 {
			t.Errorf("nobody: got %d, want 401", got.Status)
		}
		s.Clock.Advance(time.Duration(wait) * time.Second)
		if got := s.Call(token, "GET", "/clients", nil); got.Status != 200 {
			t.Errorf("after the time that was told: got %d %s, want 200", got.Status, got.Text)
		}
	})
}

// TestNoise sends random bytes to every operation.
func TestNoise_IsRefused(t *testing.T) {
	t.Parallel()
	c := newCaller(servertest.New(t))
	noise := bytes.Repeat([]byte{0x00, 0xff, '{', '"', '\\', '[', 0x80}, 50)
	everyOperation(func(name, method, path string, o *apischema.Operation) {
		for _, body := range []string{string(noise), `{"":[{"":{}}]}`, `"` + o.Path + `"`} {
			if method != "GET" {
				sane(t, name+" with "+body[:3], c.Send(c.request(method, path, body)))
			}
		}
	})
}
