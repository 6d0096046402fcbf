package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"sync"
	"time"
)

// Errors of Run, beside a program's own *Failure.
var (
	// ErrDeadline says that the execution used up its time.
	ErrDeadline = errors.New("the time for running it was used up")
	// ErrDied says that the execution ended its worker, by using too much memory more often than not.
	ErrDied = errors.New("it ended the process that ran it, which happens when it needs too much memory")
	// ErrBusy says that no worker became free in time.
	ErrBusy = errors.New("no worker became free in time")
	// ErrUnavailable says that no worker can be started here.
	ErrUnavailable = errors.New("no worker can be started")
)

// Config is what a Pool is made of.
type Config struct {
	// Command is the program that calls Serve, with its arguments. Command makes this very program's.
	Command []string
	// Log hears of workers that die and of those that do not start.
	Log *slog.Logger
	// Running is how many executions may run at once; twice the processors unless set. One tenant gets half of it.
	Running int
}

// Command gives the command line by which this very program starts a worker with its hidden sub-command, even after the
// file it was started from has been replaced.
func Command(subCommand string) ([]string, error) {
	if runtime.GOOS == "linux" {
		return []string{"/proc/self/exe", subCommand}, nil
	}
	path, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the program's own file: %w", err)
	}
	return []string{path, subCommand}, nil
}

const (
	queueFor   = 2 * time.Second  // an execution waits this long for its turn
	startFor   = 10 * time.Second // a worker may take this long to say that it is ready
	killAfter  = time.Second      // the parent's kill follows the worker's own deadline
	idleFor    = 10 * time.Minute
	recycle    = 1000 // runs
	keptBehind = 4    // workers that stay idle
)

// Pool keeps workers. The first call of Run starts the first one; from then on a spare is kept warm until nothing has
// been run for some minutes. It is safe for concurrent use.
type Pool struct {
	config Config
	wait   sync.WaitGroup // everything the pool has started

	mu       sync.Mutex
	running  int
	tenants  map[string]int // executions that run, by tenant
	freed    chan struct{}  // closed when an execution ends
	idle     []*process     // the longest idle first
	starting bool           // a spare is on its way
	closed   bool
}

// New makes a Pool; it starts nothing. Close ends it.
func New(c Config) *Pool {
	if c.Running <= 0 {
		c.Running = 2 * runtime.NumCPU()
	}
	return &Pool{config: c, tenants: map[string]int{}, freed: make(chan struct{})}
}

// Execution is one run of a program.
type Execution struct {
	Tenant  string
	Program string
	Input   any // encoded as JSON

	CPU  time.Duration // of processor time
	Wall time.Duration // on the clock, on a machine without processor time to spare
	Most int           // bytes of output
}

// Run does one execution and decodes its output. Its errors are those above, a *Failure of the program, or ctx's.
func (p *Pool) Run(ctx context.Context, e Execution, output any) error {
	input, err := json.Marshal(e.Input)
	if err != nil {
		return fmt.Errorf("encode the input of %s: %w", e.Program, err)
	}
	if err := p.enter(ctx, e.Tenant); err != nil {
		return err
	}
	defer p.leave(e.Tenant)
	worker, err := p.take(e.Tenant)
	if err != nil {
		p.config.Log.Error("a worker process did not start", "err", err)
		return ErrUnavailable
	}
	done, err := worker.run(ctx, frame{
		Type: typeRun, Program: e.Program, Input: input,
		CPUMS: e.CPU.Milliseconds(), WallMS: e.Wall.Milliseconds(), MostText: e.Most,
	})
	if err != nil {
		if ctx.Err() == nil {
			p.config.Log.Warn("a worker process died", "tenant", e.Tenant, "program", e.Program, "err", err, "said", worker.lastWords())
		}
		return err
	}
	p.give(worker)
	if done.Error != nil {
		return done.Error
	}
	if err := json.Unmarshal(done.Output, output); err != nil {
		return &Failure{Name: "output", Message: "the worker's answer cannot be read"}
	}
	return nil
}

// enter waits for a turn.
func (p *Pool) enter(ctx context.Context, tenant string) error {
	patience := time.NewTimer(queueFor)
	defer patience.Stop()
	for {
		p.mu.Lock()
		switch {
		case p.closed:
			p.mu.Unlock()
			return ErrUnavailable
		case p.running < p.config.Running && p.tenants[tenant] < max(1, p.config.Running/2):
			p.running++
			p.tenants[tenant]++
			p.wait.Add(1)
			p.mu.Unlock()
			return nil
		}
		freed := p.freed
		p.mu.Unlock()
		select {
		case <-freed:
		case <-patience.C:
			return ErrBusy
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (p *Pool) leave(tenant string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running--
	if p.tenants[tenant]--; p.tenants[tenant] == 0 {
		delete(p.tenants, tenant)
	}
	close(p.freed)
	p.freed = make(chan struct{})
	p.wait.Done()
}

// take gives a worker that knows this tenant or nobody, and sees to a spare.
func (p *Pool) take(tenant string) (*process, error) {
	defer p.warm()
	p.mu.Lock()
	p.idle = slices.DeleteFunc(p.idle, (*process).dead)
	found := -1
	for i, w := range p.idle {
		if w.tenant == tenant {
			found = i
			break
		}
		if w.tenant == "" && found < 0 {
			found = i
		}
	}
	if found >= 0 {
		w := p.idle[found]
		p.idle = append(p.idle[:found:found], p.idle[found+1:]...)
		p.mu.Unlock()
		w.tenant = tenant
		w.idle.Stop()
		return w, nil
	}
	p.mu.Unlock()
	w, err := start(p.config.Command)
	if err != nil {
		return nil, err
	}
	w.tenant = tenant
	return w, nil
}

// give takes a worker back, unless it has served its time.
func (p *Pool) give(w *process) {
	w.runs++
	if w.runs >= recycle {
		w.kill()
		return
	}
	p.keep(w)
}

// keep lays a worker by. Those beyond what is kept idle end, the longest idle first, and so do all after some time.
func (p *Pool) keep(w *process) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		w.kill()
		return
	}
	w.idle = time.AfterFunc(idleFor, func() { p.forget(w) })
	p.idle = append(p.idle, w)
	for len(p.idle) > keptBehind {
		oldest := p.idle[0]
		p.idle = p.idle[1:]
		oldest.idle.Stop()
		oldest.kill()
	}
}

// forget ends a worker that is idle still.
func (p *Pool) forget(w *process) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, other := range p.idle {
		if other == w {
			p.idle = append(p.idle[:i:i], p.idle[i+1:]...)
			w.kill()
			return
		}
	}
}

// warm starts a spare in the background where none is idle.
func (p *Pool) warm() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.starting {
		return
	}
	for _, w := range p.idle {
		if w.tenant == "" {
			return
		}
	}
	p.starting = true
	p.wait.Go(func() {
		w, err := start(p.config.Command)
		p.mu.Lock()
		p.starting = false
		p.mu.Unlock()
		if err == nil {
			p.keep(w)
		}
	})
}

// Close waits for the executions under way, ends all workers and refuses what comes later.
func (p *Pool) Close() {
	p.mu.Lock()
	p.closed = true
	idle := p.idle
	p.idle = nil
	p.mu.Unlock()
	for _, w := range idle {
		w.idle.Stop()
		w.kill()
	}
	p.wait.Wait()
}
