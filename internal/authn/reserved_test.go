package authn

import (
	"testing"

	"latchkey/internal/seal"
)

// Each rotation of the master keyset once gave unknown addresses another id, while those of users stayed: whoever asked
// before and after could tell them apart.
func TestReservedID_OutlivesRotations(t *testing.T) {
	t.Parallel()
	keys, err := seal.NewKeyset()
	if err != nil {
		t.Fatal(err)
	}
	want := New(Config{Seal: keys}).ReservedID("t", "email", "ada@example.com", 0)
	if len(want) != 24 {
		t.Errorf("the id is %q, want 24 digits", want)
	}
	for range 2 {
		if keys, err = keys.Rotate(); err != nil {
			t.Fatal(err)
		}
		d := New(Config{Seal: keys})
		if got := d.ReservedID("t", "email", "ada@example.com", 0); got != want {
			t.Errorf("after a rotation the id is %q, it was %q", got, want)
		}
		for _, other := range []string{
			d.ReservedID("u", "email", "ada@example.com", 0), d.ReservedID("t", "mail", "ada@example.com", 0),
			d.ReservedID("t", "email", "bob@example.com", 0), d.ReservedID("t", "email", "ada@example.com", 1),
		} {
			if other == want {
				t.Error("two tenants, connections, addresses or lives share an id")
			}
		}
	}
}
