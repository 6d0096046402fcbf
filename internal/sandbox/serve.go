package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"time"
)

// Program does one execution in a worker. Its input is JSON; what it returns is encoded as JSON, most bytes of which it
// should know to keep to. A *Failure among its errors tells the parent what was wrong with what the tenant wrote; any
// other error is described by its text.
type Program func(input json.RawMessage, most int) (any, error)

// Failure is what a program says was wrong.
type Failure struct {
	Name    string `json:"name"`
	Message string `json:"message"`
	Line    int    `json:"line,omitempty"`
}

// Error implements error.
func (f *Failure) Error() string { return f.Message }

// The ways in which a worker ends by itself.
const (
	exitClosed   = 0
	exitProtocol = 3
	exitDeadline = 4
)

// The worker's own limits. The address space is that of the Go runtime, which reserves far more than it uses; the data
// limit is what counts.
const (
	addressSpace = 2 << 30
	dataSpace    = 448 << 20
	softMemory   = 256 << 20
	stackSpace   = 64 << 20
)

// Serve is the life of a worker: it limits its own process, then runs what comes by in and answers on out until in ends.
// It gives the exit code.
func Serve(programs map[string]Program, in io.Reader, out io.Writer) int {
	runtime.GOMAXPROCS(2)
	debug.SetMemoryLimit(softMemory)
	debug.SetMaxStack(stackSpace)
	if err := confine(); err != nil {
		fmt.Fprintln(os.Stderr, "the worker cannot limit itself:", err)
		return exitProtocol
	}
	if err := writeFrame(out, frame{Type: typeReady}); err != nil {
		return exitProtocol
	}
	// The parent's end is noticed while a program runs, too.
	runs := make(chan frame)
	go func() {
		for {
			f, err := readFrame(in)
			switch {
			case errors.Is(err, io.EOF):
				os.Exit(exitClosed)
			case err != nil || f.Type != typeRun:
				os.Exit(exitProtocol)
			}
			runs <- f
		}
	}()
	for run := range runs {
		if err := writeFrame(out, execute(programs, run)); err != nil {
			break
		}
	}
	return exitProtocol
}

// execute runs one program under a deadline, which ends the process.
func execute(programs map[string]Program, run frame) frame {
	done := frame{Type: typeDone, ID: run.ID}
	program := programs[run.Program]
	if program == nil {
		done.Error = &Failure{Name: "unknown_program", Message: "the worker has no program " + run.Program}
		return done
	}
	stop := make(chan struct{})
	defer close(stop)
	go watch(stop, time.Duration(run.CPUMS)*time.Millisecond, time.Duration(run.WallMS)*time.Millisecond)
	value, err := recovered(program, run)
	if err != nil {
		var failure *Failure
		if !errors.As(err, &failure) {
			failure = &Failure{Name: "error", Message: err.Error()}
		}
		done.Error = failure
		return done
	}
	output, err := json.Marshal(value)
	if err != nil || len(output) > maxFrame-1024 {
		done.Error = &Failure{Name: "output", Message: "the output is too long"}
		return done
	}
	done.Output = output
	return done
}

// recovered turns a panic of the engine into a failure: the process is sound, and the next template may be.
func recovered(program Program, run frame) (value any, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &Failure{Name: "panic", Message: "the engine failed"}
			fmt.Fprintf(os.Stderr, "a program panicked with a %T\n", p) // the value may hold what no log may
		}
	}()
	return program(run.Input, run.MostText)
}

// watch ends the process when an execution has used up its processor time, or the wall-clock time that bounds it on a
// machine with no processor to spare.
func watch(stop <-chan struct{}, cpu, wall time.Duration) {
	began, used := time.Now(), processorTime()
	wait := cpu
	for {
		timer := time.NewTimer(max(wait, time.Millisecond))
		select {
		case <-stop:
			timer.Stop()
			return
		case <-timer.C:
		}
		spent := processorTime() - used
		left := min(cpu-spent, wall-time.Since(began))
		if left <= 0 {
			os.Exit(exitDeadline)
		}
		wait = left
	}
}
