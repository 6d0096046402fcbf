package store

import (
	"strings"
	"testing"
	"time"

	"latchkey/internal/connection"
	"latchkey/internal/user"
)

// A start once unpacked the user's document where there was one and nothing where there was none: unknown addresses were
// answered sooner.
func TestUnpack_NobodyIsAsMuchWorkAsSomebody(t *testing.T) {
	somebody := user.NewPasswordless(&connection.Connection{Name: "email", Strategy: connection.Email},
		strings.Repeat("f", 24), "ada@example.com", time.Now().UTC())
	profile, err := encodeUser(somebody)
	if err != nil {
		t.Fatal(err)
	}
	work := func(profile *string, wantEmail string) float64 {
		return testing.AllocsPerRun(50, func() {
			r := userRow{profile, new(bool), new(int), new(int64), new(string), new(int64), new(string), new(int64)}
			u, err := r.unpack()
			if err != nil || (u != nil) != (wantEmail != "") || (u != nil && u.Email != wantEmail) {
				t.Errorf("got %+v, %v, want %q", u, err, wantEmail)
			}
		})
	}
	known, nobody := work(&profile, "ada@example.com"), work(nil, "")
	if nobody < known || nobody > known+10 {
		t.Errorf("nobody takes %v allocations, somebody %v", nobody, known)
	}
	length, err := standIn()
	if err != nil {
		t.Fatal(err)
	}
	if d := len(length) - len(profile); d < -64 || d > 64 {
		t.Errorf("nobody's profile has %d bytes, somebody's %d", len(length), len(profile))
	}
}
