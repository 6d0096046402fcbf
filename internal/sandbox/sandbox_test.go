package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestMain makes this test binary its own worker: the pool starts it again with one argument.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "worker" {
		os.Exit(Serve(programs, os.Stdin, os.Stdout))
	}
	os.Exit(m.Run())
}

var kept string

var programs = map[string]Program{
	"echo": func(input json.RawMessage, _ int) (any, error) { return input, nil },
	"loop": func(json.RawMessage, int) (any, error) {
		for n := 0; ; n++ {
		}
	},
	"sleep": func(json.RawMessage, int) (any, error) { select {} },
	"memory": func(json.RawMessage, int) (any, error) {
		text := strings.Repeat("x", 1<<20)
		for {
			text += text
		}
	},
	"stack": func(json.RawMessage, int) (any, error) {
		var deep func(int) int
		deep = func(n int) int { return deep(n+1) + 1 }
		return deep(0), nil
	},
	"panic": func(json.RawMessage, int) (any, error) { panic("engine") },
	"fail":  func(json.RawMessage, int) (any, error) { return nil, &Failure{Name: "syntax", Message: "no", Line: 3} },
	"exit":  func(json.RawMessage, int) (any, error) { os.Exit(7); return nil, nil },
	"long":  func(json.RawMessage, int) (any, error) { return strings.Repeat("x", maxFrame), nil },
	"noise": func(json.RawMessage, int) (any, error) {
		_, _ = os.Stdout.WriteString("\xff\xff\xff\xff and more")
		return 1, nil
	},
	"lie": func(json.RawMessage, int) (any, error) {
		return 1, writeFrame(os.Stdout, frame{Type: typeDone, ID: 99, Output: json.RawMessage(`2`)})
	},
	"escape": func(json.RawMessage, int) (any, error) {
		var got []string
		if _, err := os.ReadFile("/etc/hostname"); err == nil {
			got = append(got, "read a file")
		}
		if _, err := os.Create("/tmp/latchkey-worker-was-here"); err == nil {
			got = append(got, "made a file")
		}
		if l, err := net.Listen("tcp", "127.0.0.1:0"); err == nil {
			_ = l.Close()
			got = append(got, "opened a socket")
		}
		if env := os.Environ(); len(env) != 0 {
			got = append(got, "saw the environment")
		}
		return got, nil
	},
	"open": func(input json.RawMessage, _ int) (any, error) {
		var descriptor int
		if err := json.Unmarshal(input, &descriptor); err != nil {
			return nil, err
		}
		_, err := os.NewFile(uintptr(descriptor), "inherited").Stat()
		return err == nil, nil
	},
	"remember": func(input json.RawMessage, _ int) (any, error) {
		before := kept
		kept = string(input)
		return before, nil
	},
}

func newPool(t *testing.T) *Pool {
	t.Helper()
	command, err := Command("worker")
	if err != nil {
		t.Fatal(err)
	}
	p := New(Config{Command: command, Log: slog.New(slog.DiscardHandler), Running: 4})
	t.Cleanup(p.Close)
	return p
}

func execution(program string, input any) Execution {
	return Execution{Tenant: "acme", Program: program, Input: input, CPU: 200 * time.Millisecond, Wall: 5 * time.Second, Most: 1 << 20}
}

func TestRun_GivesWhatTheProgramMade(t *testing.T) {
	t.Parallel()
	p := newPool(t)
	for _, want := range []string{"first", "second, in the same worker"} {
		var got string
		if err := p.Run(t.Context(), execution("echo", want), &got); err != nil || got != want {
			t.Errorf("got %q, %v; want %q", got, err, want)
		}
	}
}

func TestRun_SurvivesWhateverAProgramDoes(t *testing.T) {
	t.Parallel()
	p := newPool(t)
	brief := execution("sleep", nil)
	brief.Wall = 300 * time.Millisecond
	for _, c := range []struct {
		execution Execution
		want      error
	}{
		{execution("loop", nil), ErrDeadline},
		{brief, ErrDeadline},
		{execution("stack", nil), ErrDied},
		{execution("exit", nil), ErrDied},
		{execution("noise", nil), ErrDied},
		{execution("lie", nil), ErrDied},
	} {
		if err := p.Run(t.Context(), c.execution, new(any)); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.execution.Program, err, c.want)
		}
	}
	// Doubling may meet either limit first.
	if err := p.Run(t.Context(), execution("memory", nil), new(any)); !errors.Is(err, ErrDied) && !errors.Is(err, ErrDeadline) {
		t.Errorf("memory: got %v", err)
	}
	for program, name := range map[string]string{"panic": "panic", "fail": "syntax", "long": "output", "none": "unknown_program"} {
		var failure *Failure
		if err := p.Run(t.Context(), execution(program, nil), new(any)); !errors.As(err, &failure) || failure.Name != name {
			t.Errorf("%s: got %v, want a failure called %s", program, err, name)
		}
	}
	var got string
	if err := p.Run(t.Context(), execution("echo", "still here"), &got); err != nil || got != "still here" {
		t.Errorf("after all of that: got %q, %v", got, err)
	}
}

func TestRun_HasNoFilesSocketsOrEnvironment(t *testing.T) {
	t.Parallel()
	var got []string
	if err := newPool(t).Run(t.Context(), execution("escape", nil), &got); err != nil || len(got) != 0 {
		t.Errorf("a worker %s (%v)", strings.Join(got, ", "), err)
	}
}

func TestRun_AnotherTenantGetsAnotherWorker(t *testing.T) {
	t.Parallel()
	p := newPool(t)
	for _, step := range []struct{ tenant, input, want string }{
		{"acme", "a", ""},
		{"globex", "b", ""},
		{"initech", "c", ""},
	} {
		e := execution("remember", step.input)
		e.Tenant = step.tenant
		var got string
		if err := p.Run(t.Context(), e, &got); err != nil || got != step.want {
			t.Errorf("%s: got %q, %v; want %q", step.tenant, got, err, step.want)
		}
	}
}

func TestRun_ManyAtOnce(t *testing.T) {
	t.Parallel()
	p := newPool(t)
	var wait sync.WaitGroup
	for i := range 30 {
		wait.Go(func() {
			var got int
			if err := p.Run(t.Context(), execution("echo", i), &got); err != nil && !errors.Is(err, ErrBusy) || err == nil && got != i {
				t.Errorf("got %d, %v; want %d", got, err, i)
			}
		})
	}
	wait.Wait()
}

func TestRun_EndsWithItsContext(t *testing.T) {
	t.Parallel()
	p := newPool(t)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := p.Run(ctx, execution("sleep", nil), new(any)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the context's end", err)
	}
}

func TestRun_WithoutAWorkerToStartIsAnError(t *testing.T) {
	t.Parallel()
	for name, command := range map[string][]string{"none": nil, "no such program": {"/nonexistent"}} {
		p := New(Config{Command: command, Log: slog.New(slog.DiscardHandler)})
		if err := p.Run(t.Context(), execution("echo", 1), new(any)); !errors.Is(err, ErrUnavailable) {
			t.Errorf("%s: got %v, want %v", name, err, ErrUnavailable)
		}
		p.Close()
		if err := p.Run(t.Context(), execution("echo", 1), new(any)); !errors.Is(err, ErrUnavailable) {
			t.Errorf("%s, closed: got %v, want %v", name, err, ErrUnavailable)
		}
	}
}
