package seal

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
)

func keys(t *testing.T) *Keyset {
	t.Helper()
	k, err := NewKeyset()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestOpen_OnlyInItsOwnPlace(t *testing.T) {
	k := keys(t)
	sealed, err := k.Seal([]byte("secret"), "tenant", "clients", "id")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := k.Open(sealed, "tenant", "clients", "id"); err != nil || string(got) != "secret" {
		t.Errorf("Open = %q, %v, want the secret", got, err)
	}
	for _, place := range [][]string{{"other", "clients", "id"}, {"tenant", "clientsid"}, {"tenant", "clients", "id", ""}, nil} {
		if _, err := k.Open(sealed, place...); !errors.Is(err, ErrOpen) {
			t.Errorf("Open in %q: %v, want ErrOpen", place, err)
		}
	}
	if _, err := keys(t).Open(sealed, "tenant", "clients", "id"); !errors.Is(err, ErrOpen) {
		t.Errorf("Open with another keyset: %v, want ErrOpen", err)
	}
}

func TestRotate_OldValuesStayReadable(t *testing.T) {
	k := keys(t)
	sealed, _ := k.Seal([]byte("secret"), "p")
	hash := k.Hash("code", "123456")
	r, err := k.Rotate()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := r.Open(sealed, "p"); err != nil || string(got) != "secret" {
		t.Errorf("Open after rotation = %q, %v", got, err)
	}
	if !r.Matches(hash, "code", "123456") {
		t.Error("a hash written before the rotation no longer matches")
	}
	if bytes.Equal(r.Hash("code", "123456"), hash) {
		t.Error("a hash written after the rotation uses the old key")
	}
	if _, err := k.Open(must(r.Seal([]byte("new"), "p")), "p"); err == nil {
		t.Error("the old keyset opens a value sealed with the new key")
	}
}

func TestStableHash_OutlivesRotations(t *testing.T) {
	k := keys(t)
	want := k.StableHash("user id", "ada@example.com")
	for range 3 {
		r, err := k.Rotate()
		if err != nil {
			t.Fatal(err)
		}
		data, err := r.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if k, err = Parse(data); err != nil {
			t.Fatal(err)
		}
		if got := k.StableHash("user id", "ada@example.com"); !bytes.Equal(got, want) {
			t.Fatalf("after a rotation the hash is %x, it was %x", got, want)
		}
		if bytes.Equal(k.Hash("user id", "ada@example.com"), want) {
			t.Error("what is stored is hashed with the old key still")
		}
	}
	if bytes.Equal(k.StableHash("user id", "bob@example.com"), want) || bytes.Equal(k.StableHash("other", "ada@example.com"), want) {
		t.Error("two secrets or purposes share a hash")
	}
	if bytes.Equal(keys(t).StableHash("user id", "ada@example.com"), want) {
		t.Error("two keysets share a hash")
	}
}

func TestMarshal_RoundTrip(t *testing.T) {
	k := keys(t)
	data, err := k.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	back, err := Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(back.Hash("a", "b"), k.Hash("a", "b")) {
		t.Error("the keyset read back hashes differently")
	}
	if _, err := Parse([]byte(`{"sealing":{},"hashing":{}}`)); err == nil {
		t.Error("Parse accepts an empty keyset")
	}
}

func TestHash_PurposesAreApart(t *testing.T) {
	k := keys(t)
	if bytes.Equal(k.Hash("ab", "c"), k.Hash("a", "bc")) {
		t.Error("two purposes share a hash")
	}
	if k.Matches(k.Hash("code", "1"), "link", "1") {
		t.Error("a code's hash matches as a link's")
	}
}

func TestKeyset_PrintsNothing(t *testing.T) {
	k := keys(t)
	if got := fmt.Sprintf("%v %s", k, k); got != "[master keyset] [master keyset]" {
		t.Errorf("printed %q", got)
	}
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}
