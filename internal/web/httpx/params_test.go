package httpx

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"latchkey/internal/apierr"
)

func read(contentType, body string) (Params, error) {
	r := httptest.NewRequest(http.MethodPost, "/oauth/token", strings.NewReader(body))
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return ReadBody(httptest.NewRecorder(), r, MaxBody)
}

const (
	jsonType = "application/json"
	formType = "application/x-www-form-urlencoded"
)

func TestReadBody_AcceptsJSONAndForms(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ contentType, body string }{
		{jsonType, `{"client_id":"abc","scope":"openid email","extra":null}`},
		{"application/json; charset=utf-8", `{"client_id":"abc","scope":"openid email"}`},
		{"Application/JSON;charset=UTF-8", ` {"client_id" : "abc" , "scope":"openid\u0020email"} `},
		{formType, "client_id=abc&scope=openid+email"},
		{formType + "; charset=utf-8", "client_id=%61bc&scope=openid%20email"},
	} {
		p, err := read(tc.contentType, tc.body)
		if err != nil {
			t.Errorf("%s %s: %v", tc.contentType, tc.body, err)
			continue
		}
		if p.Get("client_id") != "abc" || p.Get("scope") != "openid email" || p.Has("extra") || p.Has("missing") {
			t.Errorf("%s %s: got %+v", tc.contentType, tc.body, p)
		}
	}
	if p, err := read("", ""); err != nil || p.Has("client_id") {
		t.Errorf("no body: %+v, %v, want no parameters", p, err)
	}
}

func TestReadBody_RefusesWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, contentType, body, want string }{
		{"cut JSON", jsonType, `{"client_id":"abc"`, "The request body is not valid JSON."},
		{"cut value", jsonType, `{"client_id":`, "The request body is not valid JSON."},
		{"text after JSON", jsonType, `{"client_id":"abc"} {}`, "The request body is not valid JSON."},
		{"a trailing comma", jsonType, `{"client_id":"abc",}`, "The request body is not valid JSON."},
		{"a list", jsonType, `["client_id"]`, "The request body must be a JSON object."},
		{"a word", jsonType, `"client_id"`, "The request body must be a JSON object."},
		{"no JSON at all", jsonType, `client_id=abc`, "The request body is not valid JSON."},
		{"JSON in Latin-1", jsonType, "{\"client_id\":\"\xe4\"}", "The request body is not valid JSON."},
		{"a repeated member", jsonType, `{"client_id":"abc","client_id":"def"}`, "The parameter 'client_id' is given more than once."},
		{"a member repeated under another spelling", jsonType, `{"client_id":"abc","client\u005fid":"def"}`, "The parameter 'client_id' is given more than once."},
		{"a repeated parameter", formType, "client_id=abc&client_id=abc", "The parameter 'client_id' is given more than once."},
		{"bad escapes", formType, "client_id=%zz", "The parameters are not correctly encoded."},
		{"semicolons", formType, "client_id=abc;scope=openid", "The parameters are not correctly encoded."},
		{"a NUL in a form", formType, "client_id=a%00b", "The parameter 'client_id' is not valid text."},
		{"a NUL in JSON", jsonType, `{"client_id":"a\u0000b"}`, "The parameter 'client_id' is not valid text."},
		{"bytes that are no text", formType, "client_id=%ff%fe", "The parameter 'client_id' is not valid text."},
		{"a name that is a page", formType, "%3Cscript%3E=1&%3Cscript%3E=2", "The parameter '?script?' is given more than once."},
		{"another type", "text/plain", "client_id=abc", "The Content-Type must be application/json or application/x-www-form-urlencoded."},
		{"multipart", "multipart/form-data; boundary=x", "--x--", "The Content-Type must be application/json or application/x-www-form-urlencoded."},
		{"no type", "", "client_id=abc", "The request has no valid Content-Type header. Send application/json or application/x-www-form-urlencoded."},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, err := read(tc.contentType, tc.body)
			if !errors.Is(err, ErrBadRequest) || Status(err) != http.StatusBadRequest {
				t.Fatalf("got %v, want invalid_request and 400", err)
			}
			if got := apierr.As(err).Message; got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestReadBody_StopsAtTheLimit(t *testing.T) {
	t.Parallel()
	try := func(n int) error {
		body := "a=" + strings.Repeat("x", n-2)
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.Header.Set("Content-Type", formType)
		_, err := ReadBody(httptest.NewRecorder(), r, 1024)
		return err
	}
	if err := try(1024); err != nil {
		t.Errorf("a body of the limit: %v", err)
	}
	if err := try(1025); !errors.Is(err, ErrTooLarge) || Status(err) != http.StatusRequestEntityTooLarge {
		t.Errorf("a body above the limit: %v, want ErrTooLarge and 413", err)
	}
}

func TestParams_RefuseValuesOfTheWrongKind(t *testing.T) {
	t.Parallel()
	p, err := read(jsonType, `{"client_id":5,"otp":["1"],"code":{"a":1},"flag":true,"word":"true",
		"scope":["openid","email"],"words":" openid  email ","badscope":[1],"answer":{"id":"x"},"text":"{\"id\":\"y\"}"}`)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"client_id", "otp", "code", "flag", "scope"} {
		if err := p.Text("word", name); !errors.Is(err, ErrBadRequest) {
			t.Errorf("Text(%s) = %v, want a refusal", name, err)
		}
		if got := p.Get(name); got != "" {
			t.Errorf("Get(%s) = %q, want nothing", name, got)
		}
	}
	if err := p.Text("word", "words", "absent"); err != nil {
		t.Errorf("Text of texts: %v", err)
	}
	for _, name := range []string{"scope", "words"} {
		if got, err := p.List(name); err != nil || !slices.Equal(got, []string{"openid", "email"}) {
			t.Errorf("List(%s) = %v, %v", name, got, err)
		}
	}
	for _, name := range []string{"badscope", "code", "client_id"} {
		if _, err := p.List(name); !errors.Is(err, ErrBadRequest) {
			t.Errorf("List(%s) = %v, want a refusal", name, err)
		}
	}
	for name, want := range map[string]string{"answer": "x", "text": "y"} {
		var v struct{ ID string }
		if ok, err := p.Decode(name, &v); !ok || err != nil || v.ID != want {
			t.Errorf("Decode(%s) = %v, %v, %+v", name, ok, err, v)
		}
	}
	var v struct{ ID string }
	if ok, err := p.Decode("absent", &v); ok || err != nil {
		t.Errorf("Decode of nothing = %v, %v", ok, err)
	}
	if _, err := p.Decode("words", &v); !errors.Is(err, ErrBadRequest) {
		t.Errorf("Decode of words = %v, want a refusal", err)
	}
}

func TestReadQuery_RefusesRepetition(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(http.MethodGet, "/authorize?client_id=a&redirect_uri=https%3A%2F%2Fapp.example%2Fcb%3Fx%3D1", nil)
	p, err := ReadQuery(r)
	if err != nil || p.Get("redirect_uri") != "https://app.example/cb?x=1" {
		t.Errorf("got %+v, %v", p, err)
	}
	if got := p.Values(); !slices.Equal(got["client_id"], []string{"a"}) || len(got) != 2 {
		t.Errorf("Values = %v", got)
	}
	r.URL.RawQuery = "client_id=a&client_id=b"
	if _, err := ReadQuery(r); !errors.Is(err, ErrBadRequest) {
		t.Errorf("got %v, want a refusal", err)
	}
}

func FuzzReadBody(f *testing.F) {
	f.Add(true, []byte(`{"a":"b","c":[1],"d":null}`))
	f.Add(true, []byte(`{"a":"b","a":"c"}`))
	f.Add(true, []byte(`{"\ud800":1}`))
	f.Add(false, []byte("a=b&c=%64"))
	f.Add(false, []byte("a=%00"))
	f.Fuzz(func(t *testing.T, isJSON bool, body []byte) {
		contentType := formType
		if isJSON {
			contentType = jsonType
		}
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
		r.Header.Set("Content-Type", contentType)
		p, err := ReadBody(httptest.NewRecorder(), r, MaxBody)
		if err != nil {
			e := apierr.As(err)
			if e.Kind != apierr.Invalid || !utf8.ValidString(e.Message) || strings.ContainsAny(e.Message, "<>\"\\\x00\n") {
				t.Fatalf("refusal %+v", e)
			}
			return
		}
		for name, text := range p.text {
			if !utf8.ValidString(name) || !utf8.ValidString(text) || strings.ContainsRune(name+text, 0) {
				t.Fatalf("read %q=%q", name, text)
			}
			if _, both := p.structured[name]; both {
				t.Fatalf("%q is text and structured", name)
			}
		}
		// What was read can be sent again as a form and says the same.
		again, err := readForm(p.Values().Encode())
		if err != nil || len(again.text) != len(p.text) {
			t.Fatalf("read %v, and of that %v, %v", url.Values(p.Values()), again, err)
		}
	})
}

func TestParams_WithinIsExact(t *testing.T) {
	t.Parallel()
	p, err := readForm("a=12345&bc=67&d=")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		total, a, others int
		want             string
	}{
		{11, 5, 2, ""},
		{10, 5, 2, "The parameters are too long."},
		{11, 4, 2, "The parameter 'a' is too long."},
		{11, 5, 1, "The parameter 'bc' is too long."},
		{0, 0, 0, "The parameter 'a' is too long."},
	} {
		err := p.Within(c.total, func(name string) int {
			if name == "a" {
				return c.a
			}
			return c.others
		})
		got := ""
		if err != nil {
			got = apierr.As(err).Message
		}
		if got != c.want {
			t.Errorf("%+v: got %q", c, got)
		}
	}
}

func TestParams_TextsRefusesAnythingElse(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"a":"b","c":null}`:     "",
		`{"a":"b","d":1,"c":[]}`: "'c' must be a string.",
		`{"a":{}}`:               "'a' must be a string.",
	} {
		p, err := readJSON([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if err := p.Texts(); err != nil {
			got = apierr.As(err).Message
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", body, got, want)
		}
	}
}
