package management

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"latchkey/internal/apischema"
	"latchkey/internal/client"
	"latchkey/internal/tenant"
)

// TestExtensions_AreDescribedByTheNamesTheyAreReadBy holds the description of the member "latchkey" to the records that read
// it: neither knows the other.
func TestExtensions_AreDescribedByTheNamesTheyAreReadBy(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		operations []string
		parts      []string
		record     reflect.Type // nil where there are no settings yet
	}{
		{[]string{"POST /clients", "PATCH /clients/{id}"}, []string{"body"}, reflect.TypeFor[client.Extensions]()},
		{[]string{"PATCH /tenants/settings"}, []string{"body", "200"}, reflect.TypeFor[tenant.Extensions]()},
		{[]string{"GET /tenants/settings"}, []string{"200"}, reflect.TypeFor[tenant.Extensions]()},
		{[]string{"POST /resource-servers", "PATCH /resource-servers/{id}"}, []string{"body"}, nil},
	} {
		want := map[string]string{}
		if test.record != nil {
			for field := range test.record.Fields() {
				name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
				want[name] = map[reflect.Kind]string{reflect.Bool: "boolean", reflect.Int: "integer", reflect.String: "string", reflect.Pointer: "object"}[field.Type.Kind()]
			}
		}
		for _, name := range test.operations {
			method, path, _ := strings.Cut(name, " ")
			o, found := apischema.Find(method, path)
			if !found {
				t.Fatalf("there is no operation %s", name)
			}
			for _, part := range test.parts {
				own := object(object(o.Schema(part)["properties"])["latchkey"])
				if own["additionalProperties"] != false {
					t.Errorf("%s, %s: the member latchkey is open", name, part)
				}
				got := map[string]string{}
				for member, schema := range object(own["properties"]) {
					types := slices.DeleteFunc(inOrder(typesOf(object(schema))), func(name string) bool { return name == "null" })
					got[member] = strings.Join(slices.Sorted(slices.Values(types)), ",")
				}
				if !maps.Equal(got, want) {
					t.Errorf("%s, %s: the description has %v, the record %v", name, part, got, want)
				}
			}
		}
	}
}
