package pages_test

import (
	"testing"

	"latchkey/test/servertest"
)

// wantTries checks how many wrong tries the live code of an address and the address itself have.
func wantTries(t *testing.T, s *servertest.Server, email string, code, guesses int) {
	t.Helper()
	known, err := s.Database.Store.Attempt(t.Context(), s.Tenant.ID, "email", email, email)
	if err != nil {
		t.Fatal(err)
	}
	if known.Challenge.Wrong != code || known.Guesses.Wrong != guesses {
		t.Errorf("%d tries are counted on the code and %d on the address, want %d and %d",
			known.Challenge.Wrong, known.Guesses.Wrong, code, guesses)
	}
}

// Codes were once good at every door: a stranger could take the code that somebody read out for one login to another one,
// or use up its tries from anywhere.
func TestBinding_ACodeIsGoodInTheLoginThatAskedForIt(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		const email = "ada@example.com"
		older, newer := begin(t, s, s.Browser(t)), begin(t, s, s.Browser(t))
		older.identify(email)
		first := s.Code(t, email)
		newer.identify(email)
		code := s.Code(t, email)
		api := s.Browser(t)
		for _, typed := range []string{code, first, servertest.WrongCode(code)} {
			want(t, older.code(typed), 400, screenCode, "invalid-verification-code")
			if a := api.Token(s.OTPForm(email, typed)); a.Status != 403 {
				t.Errorf("a code of a page gave %d at the API: %s", a.Status, a.Body)
			}
		}
		wantTries(t, s, email, 0, 0)
		want(t, newer.code(servertest.WrongCode(code)), 400, screenCode, "invalid-verification-code")
		wantTries(t, s, email, 1, 1)
		newer.wantNext(newer.code(code), pathResume)
		wantCallback(t, newer.finish())
	})
}

func TestBinding_ForeignCodesCountInTheLoginWhereTheyAreTyped(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	const email = "ada@example.com"
	older, newer := begin(t, s, s.Browser(t)), begin(t, s, s.Browser(t))
	older.identify(email)
	s.Code(t, email)
	newer.identify(email)
	code := s.Code(t, email)
	for range 9 {
		want(t, older.code(code), 400, screenCode, "invalid-verification-code")
		pause(s)
	}
	want(t, older.code(code), 400, "start-over", "")
	newer.wantNext(newer.code(code), pathResume)
}

func TestBinding_ACodeOfTheAPIIsGoodThereForAnyClientAndOnNoPage(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		const email = "ada@example.com"
		v := begin(t, s, s.Browser(t))
		v.identify(email)
		s.Code(t, email)
		api := s.Browser(t)
		if a := api.Start(email); a.Status != 200 {
			t.Fatal(a.Body)
		}
		code := s.Code(t, email)
		for _, typed := range []string{code, servertest.WrongCode(code)} {
			want(t, v.code(typed), 400, screenCode, "invalid-verification-code")
		}
		wantTries(t, s, email, 0, 0)
		form := s.OTPForm(email, code)
		form.Set("client_id", s.Web.ID)
		form.Set("client_secret", s.Secret)
		api.MustToken(form)
	})
}
