package apischema

import (
	"encoding/json"
	"testing"
)

func decode(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

func find(t *testing.T, method, path string) *Operation {
	t.Helper()
	o, ok := Find(method, path)
	if !ok {
		t.Fatalf("%s %s is not described", method, path)
	}
	return o
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestBody_RefusesInTheServicesWords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ method, path, body, want string }{
		{"POST", "/users", `{}`, `'Missing required property: connection'.`},
		{"POST", "/users", `[]`, `'Expected type object but found type array'.`},
		{"POST", "/users", `null`, `'Expected type object but found type null'.`},
		{"POST", "/users", `{"connection":"a","email":"x"}`, `'Object didn't pass validation for format email: x' on property email.`},
		{"POST", "/connections", `{"name":"a","strategy":"email","enabled_clients2":[],"b":1}`, `'Additional properties not allowed: b,enabled_clients2'.`},
		{"POST", "/connections", `{"name":"a","strategy":"nope"}`, `'No enum match for: "nope"' on property strategy.`},
		{"POST", "/connections", `{"name":"a_b","strategy":"email"}`, `'String does not match pattern ^[a-zA-Z0-9](-[a-zA-Z0-9]|[a-zA-Z0-9])*$' on property name.`},
		{"POST", "/clients", `{"name":"a","callbacks":["https://a","nope"]}`, `'Object didn't pass validation for format callback-url: nope' on property callbacks[1].`},
		{"PATCH", "/connections/{id}/clients", `[{"client_id":"x"}]`, `'Missing required property: status' on property [0].`},
	} {
		got := message(find(t, c.method, c.path).Body(decode(t, c.body)))
		if got != c.want {
			t.Errorf("%s %s %s\n got: %s\nwant: %s", c.method, c.path, c.body, got, c.want)
		}
	}
}
