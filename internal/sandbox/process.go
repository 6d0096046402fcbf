package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"time"
)

// process is one worker, seen from its parent. One goroutine at a time uses it.
type process struct {
	tenant string // empty until its first execution
	runs   int
	idle   *time.Timer // ends it when nobody takes it

	command *exec.Cmd
	in, out *os.File
	said    tail
	exited  chan struct{} // closed when the process is gone and reaped
	last    uint64        // the id of the newest execution
}

// start makes a worker and waits until it is ready.
func start(command []string) (*process, error) {
	if len(command) == 0 {
		return nil, errors.New("no command for workers is configured")
	}
	theirIn, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	out, theirOut, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, theirIn.Close(), in.Close())
	}
	p := &process{in: in, out: out, exited: make(chan struct{})}
	p.command = exec.Command(command[0], command[1:]...)
	p.command.Stdin, p.command.Stdout, p.command.Stderr = theirIn, theirOut, &p.said
	p.command.Env = []string{}
	p.command.Dir = "/"
	p.command.SysProcAttr = attributes()
	keepDescriptors()
	err = p.command.Start()
	_, _ = theirIn.Close(), theirOut.Close()
	if err != nil {
		return nil, errors.Join(err, in.Close(), out.Close())
	}
	go func() {
		_ = p.command.Wait()
		close(p.exited)
	}()
	_ = p.out.SetReadDeadline(time.Now().Add(startFor))
	ready, err := readFrame(p.out)
	if err != nil || ready.Type != typeReady {
		p.kill()
		return nil, fmt.Errorf("the worker did not become ready: %v: %s", err, p.said.String())
	}
	return p, nil
}

// run does one execution. After an error the process is gone.
func (p *process) run(ctx context.Context, f frame) (frame, error) {
	p.last++
	f.ID = p.last
	deadline := time.Now().Add(time.Duration(f.WallMS)*time.Millisecond + killAfter)
	_ = p.in.SetWriteDeadline(deadline)
	_ = p.out.SetReadDeadline(deadline)
	stop := context.AfterFunc(ctx, func() {
		_ = p.in.SetWriteDeadline(time.Now())
		_ = p.out.SetReadDeadline(time.Now())
	})
	defer stop()
	err := writeFrame(p.in, f)
	var done frame
	if err == nil {
		done, err = readFrame(p.out)
	}
	if err == nil && (done.Type != typeDone || done.ID != f.ID) {
		err = errors.New("the worker broke the protocol")
	}
	if err == nil {
		return done, nil
	}
	late := errors.Is(err, os.ErrDeadlineExceeded)
	p.kill()
	switch {
	case ctx.Err() != nil:
		return frame{}, ctx.Err()
	case late, p.command.ProcessState.ExitCode() == exitDeadline:
		return frame{}, ErrDeadline
	default:
		return frame{}, ErrDied
	}
}

// kill ends the process, whatever it does, and waits until it is gone. A second call does nothing.
func (p *process) kill() {
	_, _ = p.in.Close(), p.out.Close()
	// One that ended by itself keeps its exit code, which tells why.
	select {
	case <-p.exited:
		return
	case <-time.After(endsItself):
	}
	_ = p.command.Process.Kill()
	<-p.exited
}

// endsItself is how long a worker whose pipes were closed may take to notice.
const endsItself = 50 * time.Millisecond

// dead reports whether the process has ended by itself.
func (p *process) dead() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// lastWords are the end of what the worker wrote to its standard error.
func (p *process) lastWords() string { return p.said.String() }

// tail keeps the last bytes written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const longestTail = 4 << 10

// Write implements io.Writer.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, b...)
	if len(t.text) > longestTail {
		t.text = append([]byte(nil), t.text[len(t.text)-longestTail:]...)
	}
	return len(b), nil
}

// String gives what is kept.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}
