package otp

import (
	"context"
	"errors"
	"testing"
	"time"

	"latchkey/internal/clock"
	"latchkey/internal/connection"
	"latchkey/internal/seal"
	"latchkey/internal/user"
)

// one is a store that knows one challenge and counts how often its user is unpacked.
type one struct {
	Store
	challenge *Challenge
	unpacked  int
}

func (s *one) Attempt(context.Context, string, string, string, string) (Attempt, error) {
	return Attempt{Challenge: s.challenge, Known: true, User: func() (*user.User, error) {
		s.unpacked++
		return &user.User{ID: "email|1"}, nil
	}}, nil
}

// A wrong code once unpacked the user's document before it was compared: it was answered sooner where there was none.
func TestCheck_OnlyARightCodeUnpacksTheUser(t *testing.T) {
	t.Parallel()
	keys, err := seal.NewKeyset()
	if err != nil {
		t.Fatal(err)
	}
	s := &one{}
	codes := New(s, keys, clock.NewFake(time.Unix(1e9, 0)))
	email := &connection.Connection{Name: "email", Strategy: connection.Email}
	challenge, issued, err := codes.Prepare("t", Asked{Connection: email, Identifier: "a@example.com", Transaction: "tx"}, false)
	if err != nil {
		t.Fatal(err)
	}
	code := issued.Code
	s.challenge = challenge
	right := Given{Connection: "email", Identifier: "a@example.com", Transaction: "tx", ChallengeID: challenge.ID, Code: code}
	for name, change := range map[string]func(*Given){
		"wrong code":        func(g *Given) { g.Code += "0" },
		"another login":     func(g *Given) { g.Transaction = "other" },
		"the API":           func(g *Given) { g.Transaction, g.ChallengeID = "", "" },
		"an earlier code's": func(g *Given) { g.ChallengeID = "other" },
	} {
		g := right
		change(&g)
		if _, err := codes.Check(t.Context(), "t", g); !errors.Is(err, ErrWrong) || s.unpacked != 0 {
			t.Errorf("%s: got %v, the user was unpacked %d times", name, err, s.unpacked)
		}
	}
	checked, err := codes.Check(t.Context(), "t", right)
	if err != nil || checked.User == nil || s.unpacked != 1 {
		t.Errorf("the right code: got %+v, %v, the user was unpacked %d times", checked, err, s.unpacked)
	}
}
