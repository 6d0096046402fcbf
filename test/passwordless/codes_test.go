package passwordless_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"latchkey/internal/connection"
	"latchkey/test/servertest"
)

// named gives an e-mail connection of that name.
func named(name string) *connection.Connection {
	return &connection.Connection{Name: name, Strategy: connection.Email}
}

func TestCode_OnlyTheNewestIsGood(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		b := s.Browser(t)
		first := codeFor(t, s, b, "ada@example.com")
		second := codeFor(t, s, b, "ada@example.com")
		for second == first { // once in a million
			second = codeFor(t, s, b, "ada@example.com")
		}
		wantWrong(t, b.Token(s.OTPForm("ada@example.com", first)))
		b.MustToken(s.OTPForm("ada@example.com", second))
	})
}

func TestCode_IsGoodOnce(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		b := s.Browser(t)
		code := codeFor(t, s, b, "ada@example.com")
		b.MustToken(s.OTPForm("ada@example.com", code))
		wantWrong(t, b.Token(s.OTPForm("ada@example.com", code)))
	})
}

func TestCode_IsGoodForItsAddressAndConnectionOnly(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	s.AddConnection(named("other"), s.Native)
	b := s.Browser(t)
	code := codeFor(t, s, b, "ada@example.com")
	codeFor(t, s, b, "bob@example.com")
	wantWrong(t, b.Token(s.OTPForm("bob@example.com", code)))
	form := s.OTPForm("ada@example.com", code)
	form.Set("realm", "other")
	wantWrong(t, b.Token(form))
	b.MustToken(s.OTPForm("ada@example.com", code))
}

func TestCode_Expires(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		step int // totp.time_step
		life time.Duration
	}{{0, 180 * time.Second}, {60, time.Minute}, {300, 5 * time.Minute}} {
		s := servertest.New(t)
		s.ChangeConnection("email", func(conn *connection.Connection) { setTOTP(conn, c.step, 0) })
		b := s.Browser(t)
		code := codeFor(t, s, b, "ada@example.com")
		s.Clock.Advance(c.life - time.Millisecond)
		b.MustToken(s.OTPForm("ada@example.com", code))

		code = codeFor(t, s, b, "ada@example.com")
		s.Clock.Advance(c.life)
		wantRefusal(t, b.Token(s.OTPForm("ada@example.com", code)), 403, "invalid_grant", textExpired)
		wantRefusal(t, b.Token(s.OTPForm("ada@example.com", servertest.WrongCode(code))), 403, "invalid_grant", textExpired)
		b.MustToken(s.OTPForm("ada@example.com", codeFor(t, s, b, "ada@example.com")))
	}
}

func setTOTP(conn *connection.Connection, step, length int) {
	conn.Options.TOTP = &struct {
		TimeStep int `json:"time_step,omitempty"`
		Length   int `json:"length,omitempty"`
	}{step, length}
}

func TestCode_HasTheLengthOfItsConnection(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := s.Browser(t)
	for _, length := range []int{4, 8, 40} {
		s.ChangeConnection("email", func(conn *connection.Connection) { setTOTP(conn, 0, length) })
		code := codeFor(t, s, b, "ada@example.com")
		if len(code) != length || strings.Trim(code, "0123456789") != "" {
			t.Errorf("totp.length %d: the code is %q", length, code)
		}
		b.MustToken(s.OTPForm("ada@example.com", code))
	}
}

func TestCode_DiesAtTheThirdWrongTry(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		b := s.Browser(t)
		code := codeFor(t, s, b, "ada@example.com")
		for range 3 {
			wantWrong(t, b.Token(s.OTPForm("ada@example.com", servertest.WrongCode(code))))
		}
		for range 2 {
			wantRefusal(t, b.Token(s.OTPForm("ada@example.com", code)), 403, "invalid_grant", textTooMany)
		}
		b.MustToken(s.OTPForm("ada@example.com", codeFor(t, s, b, "ada@example.com")))
	})
}

func TestCode_TwoWrongTriesAreForgiven(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := s.Browser(t)
	code := codeFor(t, s, b, "ada@example.com")
	for range 2 {
		wantWrong(t, b.Token(s.OTPForm("ada@example.com", servertest.WrongCode(code))))
	}
	b.MustToken(s.OTPForm("ada@example.com", code))
}

func TestCode_LeadingZerosCount(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	s.ChangeConnection("email", func(conn *connection.Connection) { setTOTP(conn, 0, 4) })
	b := s.Browser(t)
	for i := range 400 {
		b.Headers.Set("X-Forwarded-For", fmt.Sprintf("10.0.0.%d", i%250+1))
		email := fmt.Sprintf("ada%d@example.com", i)
		code := codeFor(t, s, b, email)
		if !strings.HasPrefix(code, "0") {
			continue
		}
		wantWrong(t, b.Token(s.OTPForm(email, strings.TrimLeft(code, "0")+"x")))
		wantWrong(t, b.Token(s.OTPForm(email, "0"+code)))
		b.MustToken(s.OTPForm(email, code))
		return
	}
	t.Error("none of 400 codes begins with a zero")
}

// wrongInARow gives n wrong codes in a row, over as many codes as that takes.
func wrongInARow(t *testing.T, s *servertest.Server, b *servertest.Browser, email string, n int) {
	t.Helper()
	for n > 0 {
		code := codeFor(t, s, b, email)
		for i := 0; i < 3 && n > 0; i++ {
			wantWrong(t, b.Token(s.OTPForm(email, servertest.WrongCode(code))))
			n--
		}
	}
}

// wantNoMail checks that the last start sent nothing: a later message to somebody else has come and this one has not.
func wantNoMail(t *testing.T, s *servertest.Server, b *servertest.Browser, email string) {
	t.Helper()
	codeFor(t, s, b, fmt.Sprintf("canary%d@example.com", s.Clock.Now().UnixNano()))
	for _, m := range inbox(t, s, email) {
		t.Errorf("a mail went to %s: %s", email, m.Subject)
	}
}

func TestCode_TenWrongInARowLockTheAddress(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		b := s.Browser(t)
		const email = "ada@example.com"
		login(t, s, b, email)
		fresh(t, s)
		for round, lock := range []time.Duration{15 * time.Minute, 30 * time.Minute, time.Hour} {
			wrongInARow(t, s, b, email, 9)
			code := codeFor(t, s, b, email)
			wantWrong(t, b.Token(s.OTPForm(email, servertest.WrongCode(code))))
			wantWrong(t, b.Token(s.OTPForm(email, code))) // right, but the address is locked
			// Starts look as ever and send nothing.
			s.Clock.Advance(lock - time.Second)
			mustStart(t, b, email)
			wantNoMail(t, s, b, email)
			wantWrong(t, b.Token(s.OTPForm(email, "123456")))
			s.Clock.Advance(time.Second)
			fresh(t, s)
			if round < 2 {
				continue
			}
			b.MustToken(s.OTPForm(email, codeFor(t, s, b, email)))
		}
		if got := strings.Count(s.EventTypes(t), "limit_wc"); got != 3 {
			t.Errorf("%d events limit_wc, want one for each of the 3 locks", got)
		}

		// After 30 days the locks are forgotten: the next one is short again.
		s.Clock.Advance(30*24*time.Hour + 2*time.Hour)
		wrongInARow(t, s, b, email, 10)
		s.Clock.Advance(15*time.Minute + time.Second)
		b.MustToken(s.OTPForm(email, codeFor(t, s, b, email)))
	})
}

func TestCode_ASuccessForgivesWrongGuesses(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := s.Browser(t)
	const email = "ada@example.com"
	for range 3 {
		wrongInARow(t, s, b, email, 5)
		b.MustToken(s.OTPForm(email, codeFor(t, s, b, email)))
		fresh(t, s)
	}
}

func TestCode_UnknownAddressesAreLockedToo(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := s.Browser(t)
	wrongInARow(t, s, b, "nobody@example.com", 10)
	mustStart(t, b, "nobody@example.com")
	wantNoMail(t, s, b, "nobody@example.com")
}

func TestBlocked_BeforeTheStartNothingIsSent(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		b := s.Browser(t)
		login(t, s, b, "ada@example.com")
		s.Block("ada@example.com", true)
		mustStart(t, b, "ada@example.com")
		wantNoMail(t, s, b, "ada@example.com")
		wantWrong(t, b.Token(s.OTPForm("ada@example.com", "123456")))

		s.Block("ada@example.com", false)
		b.MustToken(s.OTPForm("ada@example.com", codeFor(t, s, b, "ada@example.com")))
	})
}

func TestBlocked_AfterTheStartTheRightCodeIsToldSo(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		b := s.Browser(t)
		login(t, s, b, "ada@example.com")
		code := codeFor(t, s, b, "ada@example.com")
		s.Block("ada@example.com", true)
		wantWrong(t, b.Token(s.OTPForm("ada@example.com", servertest.WrongCode(code))))
		wantRefusal(t, b.Token(s.OTPForm("ada@example.com", code)), 401, "unauthorized", "user is blocked")
	})
}

func TestDisableSignup_KnownPeopleLogInAndOthersDoNot(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		b := s.Browser(t)
		login(t, s, b, "ada@example.com")
		late := codeFor(t, s, b, "late@example.com") // started while sign-up was open
		s.ChangeConnection("email", func(c *connection.Connection) { c.Options.DisableSignup = true })

		wantRefusal(t, b.Start("bob@example.com"), 400, "bad.connection", "Public signup is disabled")
		wantNoSuchMail(t, s, b, "bob@example.com")
		wantWrong(t, b.Token(s.OTPForm("late@example.com", late)))
		login(t, s, b, "ada@example.com")

		s.ChangeConnection("email", func(c *connection.Connection) { c.Options.DisableSignupSilent = true })
		mustStart(t, b, "bob@example.com")
		wantNoSuchMail(t, s, b, "bob@example.com")
		wantWrong(t, b.Token(s.OTPForm("bob@example.com", "123456")))
		login(t, s, b, "ada@example.com")
	})
}

// wantNoSuchMail is wantNoMail where sign-up is disabled: the later message goes to somebody known.
func wantNoSuchMail(t *testing.T, s *servertest.Server, b *servertest.Browser, email string) {
	t.Helper()
	codeFor(t, s, b, "ada@example.com")
	for _, m := range inbox(t, s, email) {
		t.Errorf("a mail went to %s: %s", email, m.Subject)
	}
}
