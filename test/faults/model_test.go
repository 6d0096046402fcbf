package faults

import (
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"latchkey/test/load/driver"
)

// outcome is what a client learnt from an answer.
type outcome string

const (
	accepted outcome = "accepted"
	refused  outcome = "refused"
	unknown  outcome = "unknown" // no answer, or a 5xx: it may or may not have taken effect
)

func outcomeOf(err error) outcome {
	switch {
	case err == nil:
		return accepted
	case driver.Refused(err):
		return refused
	}
	return unknown
}

// input is one request about one address or one token family.
type input struct {
	op     string // "start", "redeem" or "refresh"
	secret string // the code or token presented
}

// output is what came back; secret is the new code or token.
type output struct {
	outcome outcome
	secret  string
}

// tries is how many wrong codes one code survives before it is dead: the third ends it.
const tries = 3

// codeState is one address: its newest code and the one before, whether the newest can still be spent, and the wrong
// codes since it was sent.
type codeState struct {
	code     string
	previous string
	live     bool
	wrong    int
}

// codeModel says what may happen to one address when requests come one after the other: only the newest code is good,
// once, and three wrong ones end it.
func codeModel() porcupine.Model {
	m := porcupine.NondeterministicModel{
		Init: func() []any { return []any{codeState{}} },
		Step: func(state, in, out any) []any { return stepCode(state.(codeState), in.(input), out.(output)) },
		DescribeOperation: func(in, out any) string {
			i, o := in.(input), out.(output)
			return fmt.Sprintf("%s(%s) %s %s", i.op, i.secret, o.outcome, o.secret)
		},
	}
	return m.ToModel()
}

func stepCode(s codeState, in input, out output) []any {
	if in.op == "start" {
		next := codeState{code: out.secret, previous: s.code, live: true}
		switch out.outcome {
		case accepted:
			return []any{next}
		case unknown:
			return []any{s, next}
		}
		return nil // a start is never refused here
	}
	if in.secret == s.code && s.live {
		spent := codeState{code: s.code, previous: s.previous}
		switch out.outcome {
		case accepted:
			return []any{spent}
		case unknown:
			return []any{s, spent}
		}
		return nil // the right code is not refused
	}
	if out.outcome == accepted {
		return nil // a wrong, used, dead or replaced code is not accepted
	}
	counted := s
	if counted.wrong++; counted.wrong >= tries {
		counted.live = false
	}
	// A replaced code may have been compared while it was the newest, and found replaced only when it was to be spent:
	// that says nothing about its successor and need not count against it.
	if out.outcome == unknown || in.secret == s.previous || !s.live {
		return []any{s, counted}
	}
	return []any{counted}
}

// familyState is one refresh token family: the token that is good now, unless a reuse has ended the family.
type familyState struct {
	current string
	ended   bool
}

// familyModel says what may happen to a token family of a client without leeway: the newest token is good once and
// yields its successor; any other ends the family.
func familyModel(first string) porcupine.Model {
	m := porcupine.NondeterministicModel{
		Init: func() []any { return []any{familyState{current: first}} },
		Step: func(state, in, out any) []any { return stepFamily(state.(familyState), in.(input), out.(output)) },
		DescribeOperation: func(in, out any) string {
			return fmt.Sprintf("refresh(%.9s) %s %.9s", in.(input).secret, out.(output).outcome, out.(output).secret)
		},
	}
	return m.ToModel()
}

func stepFamily(s familyState, in input, out output) []any {
	ended := familyState{current: s.current, ended: true}
	if !s.ended && in.secret == s.current {
		switch out.outcome {
		case accepted:
			return []any{familyState{current: out.secret}}
		case unknown:
			return []any{s, familyState{current: "successor of " + in.secret}} // nobody ever learns that token
		}
		return nil // the newest token of a living family is not refused
	}
	switch out.outcome {
	case refused:
		return []any{ended}
	case unknown:
		return []any{s, ended}
	}
	return nil // a replaced token, or any after a reuse, is not accepted
}

// history records operations of several clients.
type history struct {
	mu         sync.Mutex
	began      time.Time
	operations []porcupine.Operation
}

func newHistory() *history { return &history{began: time.Now()} }

// record runs an operation and keeps it. An operation without an answer may take effect at any later time.
func (h *history) record(client int, in input, do func() output) output {
	call := time.Since(h.began)
	out := do()
	back := int64(time.Since(h.began))
	if out.outcome == unknown {
		back = math.MaxInt64
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.operations = append(h.operations, porcupine.Operation{
		ClientId: client, Input: in, Call: int64(call), Output: out, Return: back,
	})
	return out
}

// check fails the test when no order of the operations explains the answers.
func (h *history) check(t *testing.T, m porcupine.Model) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	switch porcupine.CheckOperationsTimeout(m, h.operations, 30*time.Second) {
	case porcupine.Illegal:
		t.Errorf("no order of these operations explains the answers:\n%s", h.describe(m))
	case porcupine.Unknown:
		t.Logf("a history of %d operations was too long to check", len(h.operations))
	}
}

func (h *history) describe(m porcupine.Model) string {
	text := ""
	for _, o := range h.operations {
		back := "never"
		if o.Return != math.MaxInt64 {
			back = time.Duration(o.Return).Round(time.Microsecond).String()
		}
		text += fmt.Sprintf("  client %d, %v to %s: %s\n", o.ClientId, time.Duration(o.Call).Round(time.Microsecond), back,
			m.DescribeOperation(o.Input, o.Output))
	}
	return text
}

func TestModels_AcceptWhatIsPromisedAndRefuseTheRest(t *testing.T) {
	t.Parallel()
	type event struct {
		in  input
		out output
	}
	start := func(code string) event { return event{input{"start", ""}, output{accepted, code}} }
	redeem := func(code string, o outcome) event { return event{input{"redeem", code}, output{o, ""}} }
	refresh := func(token string, o outcome, next string) event {
		return event{input{"refresh", token}, output{o, next}}
	}
	tests := []struct {
		name   string
		model  porcupine.Model
		events []event
		want   bool
	}{
		{"a code works", codeModel(), []event{start("1"), redeem("1", accepted)}, true},
		{"a code works once", codeModel(), []event{start("1"), redeem("1", accepted), redeem("1", accepted)}, false},
		{"a replaced code does not work", codeModel(), []event{start("1"), start("2"), redeem("1", accepted)}, false},
		{"the right code works after two wrong", codeModel(),
			[]event{start("1"), redeem("x", refused), redeem("x", refused), redeem("1", accepted)}, true},
		{"the right code does not work after three wrong", codeModel(),
			[]event{start("1"), redeem("x", refused), redeem("x", refused), redeem("x", refused), redeem("1", accepted)}, false},
		{"a replaced code may have been compared before it was replaced", codeModel(),
			[]event{start("1"), start("2"), redeem("1", refused), redeem("x", refused), redeem("x", refused), redeem("2", accepted)}, true},
		{"three wrong codes end a successor too", codeModel(),
			[]event{start("1"), start("2"), redeem("x", refused), redeem("x", refused), redeem("x", refused), redeem("2", accepted)}, false},
		{"the right code is not refused", codeModel(), []event{start("1"), redeem("1", refused)}, false},
		{"a lost answer may have spent the code", codeModel(), []event{start("1"), redeem("1", unknown), redeem("1", refused)}, true},
		{"a lost answer may have done nothing", codeModel(), []event{start("1"), redeem("1", unknown), redeem("1", accepted)}, true},
		{"a lost answer cannot save a code spent", codeModel(),
			[]event{start("1"), redeem("1", accepted), redeem("1", unknown), redeem("1", accepted)}, false},
		{"tokens rotate", familyModel("a"), []event{refresh("a", accepted, "b"), refresh("b", accepted, "c")}, true},
		{"a replaced token is refused", familyModel("a"), []event{refresh("a", accepted, "b"), refresh("a", accepted, "c")}, false},
		{"a reuse ends the family", familyModel("a"),
			[]event{refresh("a", accepted, "b"), refresh("a", refused, ""), refresh("b", refused, "")}, true},
		{"nothing lives after a reuse", familyModel("a"),
			[]event{refresh("a", accepted, "b"), refresh("a", refused, ""), refresh("b", accepted, "c")}, false},
		{"the newest token is not lost", familyModel("a"), []event{refresh("a", accepted, "b"), refresh("b", refused, "")}, false},
		{"a lost answer may have rotated", familyModel("a"), []event{refresh("a", unknown, ""), refresh("a", refused, "")}, true},
		{"a lost answer may not have rotated", familyModel("a"), []event{refresh("a", unknown, ""), refresh("a", accepted, "b")}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var operations []porcupine.Operation
			for i, e := range tt.events {
				operations = append(operations, porcupine.Operation{
					Input: e.in, Output: e.out, Call: int64(2 * i), Return: int64(2*i + 1),
				})
			}
			if got := porcupine.CheckOperations(tt.model, operations); got != tt.want {
				t.Errorf("got %t, want %t", got, tt.want)
			}
		})
	}
}
