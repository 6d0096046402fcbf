package password_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"latchkey/internal/apierr"
	"latchkey/internal/password"
	"latchkey/internal/user"
)

func verify(t *testing.T, h *password.Hasher, stored user.Password, typed string) bool {
	t.Helper()
	matches, err := h.Verify(t.Context(), stored, typed)
	if err != nil {
		t.Fatalf("verify against %s...: %v", string(stored)[:min(12, len(stored))], err)
	}
	return matches
}

func TestHash_IsArgon2idAndMatchesOnlyItsPassword(t *testing.T) {
	t.Parallel()
	h := password.New(0)
	stored, err := h.Hash(t.Context(), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	if want := "$argon2id$v=19$m=19456,t=2,p=1$"; !strings.HasPrefix(string(stored), want) {
		t.Errorf("got hash %q, want it to begin with %q", string(stored), want)
	}
	if !verify(t, h, stored, "correct horse") || verify(t, h, stored, "Correct horse") || verify(t, h, stored, "") {
		t.Error("the hash matches another password than its own")
	}
	if password.NeedsRehash(stored) {
		t.Error("a fresh hash needs a rehash")
	}
	again, err := h.Hash(t.Context(), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	if again == stored {
		t.Error("two hashes of one password are the same: there is no salt")
	}
}

func TestVerify_AnAccountWithoutPasswordMatchesNothing(t *testing.T) {
	t.Parallel()
	h := password.New(0)
	if verify(t, h, "", "") || verify(t, h, "", "correct horse") {
		t.Error("an empty hash matches a password")
	}
	if password.NeedsRehash("") {
		t.Error("an account without password needs a rehash")
	}
}

func TestVerify_OfAHashThatCannotBeReadIsAnErrorThatHidesIt(t *testing.T) {
	t.Parallel()
	h := password.New(0)
	for _, stored := range []user.Password{
		"plain text", "$", "$1$abc$def", "$argon2id$v=19$m=19456,t=2$c2FsdA$aGFzaA", "$argon2id$m=64,t=1,p=1$c2FsdHNhbHQ$aGFzaA",
		"$argon2id$v=19$m=99999999,t=2,p=1$c2FsdA$aGFzaA", "$argon2id$v=19$m=64,t=99,p=1$c2FsdA$aGFzaA", "$2b$10$short",
		"$2b$31$abcdefghijklmnopqrstuuPp7HPfoAs8I2dCQCQ/fW7zEJv8I8C8e", "$scrypt$ln=30,r=8,p=1$c2FsdA$aGFzaA",
		"$scrypt$ln=4,r=8$c2FsdA$aGFzaA", "$pbkdf2-sha256$i=99999999,l=4$c2FsdA$aGFzaA", "$pbkdf2-none$i=1,l=4$c2FsdA$aGFzaA",
		"$latchkey$md5$$c2FsdA$aGFzaA", "$latchkey$md5$x=1$$", "$latchkey$in$$$aGFzaA", "$latchkey$md5",
	} {
		_, err := h.Verify(t.Context(), stored, "x")
		if err == nil {
			t.Errorf("%q: got no error", string(stored))
		} else if strings.Contains(err.Error(), "aGFzaA") || strings.Contains(err.Error(), "plain text") {
			t.Errorf("%q: the error %q shows the hash", string(stored), err)
		}
	}
}

func TestHash_RefusesWhatIsLongerThan72Bytes(t *testing.T) {
	t.Parallel()
	h := password.New(0)
	if _, err := h.Hash(t.Context(), strings.Repeat("x", 73)); !errors.Is(err, password.ErrTooLong) {
		t.Errorf("got error %v, want ErrTooLong", err)
	}
	if _, err := h.Hash(t.Context(), strings.Repeat("x", 72)); err != nil {
		t.Errorf("72 bytes: got error %v", err)
	}
}

// bcrypt itself stops reading at 72 bytes: whatever follows would be let through.
func TestVerify_BcryptNeverCutsAPassword(t *testing.T) {
	t.Parallel()
	const seventyTwo = "$2b$04$abcdefghijklmnopqrstuubzadhGtS2zEF.gu0yd0opP6cVzb.e0i" // of 72 times x
	h, long := password.New(0), strings.Repeat("x", 72)
	if !verify(t, h, seventyTwo, long) {
		t.Error("72 bytes are refused")
	}
	if verify(t, h, seventyTwo, long+"y") {
		t.Error("the 73rd byte is ignored")
	}
}

func TestHasher_WaitsForMemoryAsLongAsItsCaller(t *testing.T) {
	t.Parallel()
	h := password.New(1) // a hash that wants more than everything runs alone
	stored, err := h.Hash(t.Context(), "correct horse")
	if err != nil || !verify(t, h, stored, "correct horse") {
		t.Fatalf("got error %v, want a hash", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.Hash(gone, "correct horse"); apierr.KindOf(err) != apierr.Unavailable {
		t.Errorf("got error %v, want kind unavailable", err)
	}
}

func TestHasher_RefusesAtOnceWhenTooManyWait(t *testing.T) {
	t.Parallel()
	h := password.New(1) // one at a time
	ctx, cancel := context.WithCancel(t.Context())
	const callers = 400
	answers := make(chan error, callers)
	for range callers {
		go func() {
			_, err := h.Hash(ctx, "correct horse")
			answers <- err
		}()
	}
	refused := 0
	for range callers {
		err := <-answers
		if apierr.KindOf(err) == apierr.Unavailable && !errors.Is(err, context.Canceled) {
			refused++
			cancel() // nobody has to wait for the others
		}
	}
	cancel()
	if refused == 0 {
		t.Errorf("of %d at once all waited", callers)
	}
	if _, err := h.Hash(t.Context(), "correct horse"); err != nil {
		t.Errorf("afterwards a hash is refused: %v", err)
	}
}
