package hostile_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"latchkey/internal/tenant"
	"latchkey/test/servertest"
)

// unreadable are bodies that no endpoint reads.
var unreadable = []struct{ name, contentType, body string }{
	{"a brace", object, `{`},
	{"a missing value", object, `{"client_id":}`},
	{"a missing comma", object, `{"client_id":"a" "connection":"b"}`},
	{"a trailing comma", object, `{"client_id":"a",}`},
	{"single quotes", object, `{'client_id':'a'}`},
	{"two objects", object, `{"client_id":"a"}{"client_id":"b"}`},
	{"something after the object", object, `{"client_id":"a"} x`},
	{"a list", object, `["client_id"]`},
	{"a text", object, `"client_id=a"`},
	{"null", object, `null`},
	{"a number", object, `1`},
	{"spaces", object, `   `},
	{"a repeated member", object, `{"client_id":"a","client_id":"b"}`},
	{"a repeated member, spelt otherwise", object, `{"client_id":"a","client\u005fid":"b"}`},
	{"a byte order mark", object, "\ufeff{}"},
	{"bytes that are not UTF-8", object, "{\"client_id\":\"\xff\xfe\"}"},
	{"UTF-16", object, "{\x00}\x00"},
	{"a NUL in a value", object, `{"client_id":"a\u0000b"}`},
	{"a NUL in a name", object, `{"a\u0000b":"c"}`},
	{"lists without end", object, `{"x":` + strings.Repeat("[", 20000)},
	{"lists in lists", object, `{"client_id":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}`},
	{"a bad escape", form, "client_id=%zz"},
	{"half an escape", form, "client_id=%a"},
	{"a repeated parameter", form, "client_id=a&client_id=b"},
	{"a repeated parameter with the same value", form, "client_id=a&client_id=a"},
	{"semicolons", form, "client_id=a;connection=b"},
	{"a NUL in a form", form, "client_id=a%00b"},
	{"bytes that are not UTF-8 in a form", form, "client_id=%ff%fe"},
	{"a form that says it is JSON", object, "client_id=a"},
	{"plain text", "text/plain", `{"client_id":"a"}`},
	{"a multipart form", "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"client_id\"\r\n\r\na\r\n--x--\r\n"},
	{"XML", "application/xml", "<client_id>a</client_id>"},
	{"no type", "", `{"client_id":"a"}`},
	{"a type that is none", "/", `{"client_id":"a"}`},
}

func TestBody_UnreadableOnesAreRefused(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		par(s)
		s.StopMail(t)
		sameRows(t, s)
		b := s.Browser(t)
		for _, d := range doors {
			for _, c := range unreadable {
				unchanged(t, s, d.path+" "+c.name, func() {
					a := post(b, d.path, c.contentType, c.body)
					if len(c.body) > d.most {
						wantRefused(t, d, c.name, a, http.StatusRequestEntityTooLarge)
						return
					}
					wantRefused(t, d, c.name, a, http.StatusBadRequest)
					if !d.page && !strings.Contains(a.Body, `"error":"invalid_request"`) {
						t.Errorf("%s, %s: %s", d.path, c.name, a.Body)
					}
				})
			}
		}
	})
}

func TestBody_OversizedOnesAreRefused(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	par(s)
	s.StopMail(t)
	sameRows(t, s)
	for _, d := range doors {
		limit := d.most
		b := s.Browser(t) // the server hangs up on those who send too much
		unchanged(t, s, d.path, func() {
			frame := len(`{"client_id":""}`)
			wantRefused(t, d, "a byte too much", post(b, d.path, object, fmt.Sprintf(`{"client_id":"%s"}`, strings.Repeat("a", limit-frame+1))), http.StatusRequestEntityTooLarge)
			wantRefused(t, d, "twice as much", post(b, d.path, form, "client_id="+strings.Repeat("a", 2*limit)), http.StatusRequestEntityTooLarge)
			if a := post(b, d.path, object, fmt.Sprintf(`{"client_id":"%s"}`, strings.Repeat("a", limit-frame))); a.Status == http.StatusRequestEntityTooLarge || a.Status >= 500 {
				t.Errorf("%s: as much as fits answered %d", d.path, a.Status)
			}
		})
	}
}

func TestBody_HugeParametersAreRefusedShortly(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		s.StopMail(t)
		b := s.Browser(t)
		huge := strings.Repeat("x", 1000_000)
		start := map[string]string{"client_id": s.Native.ID, "connection": "email", "email": "ada@example.com", "send": "code"}
		token := map[string]string{"grant_type": "http://auth0.com/oauth/grant-type/passwordless/otp", "client_id": s.Native.ID,
			"realm": "email", "username": "ada@example.com", "otp": "123456"}
		for _, c := range []struct {
			path   string
			fields map[string]string
			extra  []string
		}{
			{"/passwordless/start", start, []string{"client_secret", "colour", huge}},
			{"/oauth/token", token, []string{"audience", "scope", "client_secret", "refresh_token", "code", huge}},
		} {
			names := append([]string{}, c.extra...)
			for name := range c.fields {
				names = append(names, name)
			}
			for _, name := range names {
				if name == "client_secret" {
					continue // proves nothing for a public client, and hurts nothing
				}
				body := map[string]string{}
				for n, v := range c.fields {
					body[n] = v
				}
				body[name] = huge
				if len(name) > 100 {
					body[name] = ""
				}
				a := b.PostJSON(c.path, body)
				if a.Status >= 500 || (a.Status == 200 && name != "scope") {
					t.Errorf("%s with a huge %.20s answered %d: %.200s", c.path, name, a.Status, a.Body)
				}
				if c.path == "/passwordless/start" && len(a.Body) > 1000 {
					t.Errorf("%s with a huge %.20s answered with %d bytes", c.path, name, len(a.Body))
				}
			}
		}
		for _, e := range s.Events(t) {
			for field, text := range map[string]string{"description": e.Description, "user_name": e.UserName, "audience": e.Audience, "scope": e.Scope, "connection": e.Connection} {
				if len(text) > 10_000 {
					t.Errorf("event %s keeps %d bytes of %s", e.Type, len(text), field)
				}
			}
		}
	})
}

func TestBody_ParametersOfTheWrongKind(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	s.StopMail(t)
	sameRows(t, s)
	b := s.Browser(t)
	for _, name := range []string{"client_id", "client_secret", "connection", "email", "phone_number", "send"} {
		for _, value := range []string{`1`, `true`, `["a"]`, `{"a":"b"}`, `1e999`} {
			unchanged(t, s, name+" "+value, func() {
				wantRefused(t, doors[0], name+" is "+value, post(b, "/passwordless/start", object, `{"`+name+`":`+value+`}`), 400)
			})
		}
	}
	for _, name := range []string{"grant_type", "client_id", "client_secret", "username", "otp", "realm", "audience", "code", "redirect_uri", "refresh_token", "code_verifier"} {
		for _, value := range []string{`1`, `false`, `[]`, `{}`} {
			unchanged(t, s, name+" "+value, func() {
				wantRefused(t, doors[1], name+" is "+value, post(b, "/oauth/token", object, `{"`+name+`":`+value+`}`), 400)
			})
		}
	}
}

func TestBody_UnreadableFormsOfPagesAreRefused(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := s.Browser(t)
	login := beginLogin(t, s, b).String()
	s.StopMail(t)
	sameRows(t, s)
	for _, c := range unreadable {
		if c.name == "spaces" {
			continue
		}
		unchanged(t, s, c.name, func() {
			wantRefused(t, door{path: "/u/login/identifier", page: true}, c.name, post(b, login, c.contentType, c.body), 400)
		})
	}
	big := post(b, login, form, "username="+strings.Repeat("a", 1<<20))
	wantRefused(t, door{path: "/u/login/identifier", page: true}, "too much", big, 413)
	if a := s.Browser(t).Get(login); a.Status != 403 {
		t.Errorf("another browser: %d", a.Status)
	}
}

func par(s *servertest.Server) {
	on := true
	s.ChangeSettings(func(settings *tenant.Settings) { settings.PushedAuthorizationRequests = &on })
}
