package main

import (
	"context"
	"errors"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"latchkey/test/load/driver"
)

// bounds end a measurement: whichever comes first.
type bounds struct {
	count    int
	duration time.Duration
}

// meters say whose processor time and memory to read; zero is nobody's.
type meters struct {
	serverPID, postgresPID int
}

// result is what one workload did at one number of clients.
type result struct {
	Workload string
	Clients  int
	Ops      int
	Failures int
	// Failed holds the first few failures in words.
	Failed      []string
	Elapsed     time.Duration
	Laps        []lap
	ServerCPU   time.Duration
	DatabaseCPU time.Duration
	// Others is the processor time of everything that is neither server nor database nor driver: it makes latencies and
	// rates worse, so figures with much of it are not worth keeping.
	Others time.Duration
	// Signature is the cost of one RSA-2048 signature while this ran.
	Signature time.Duration
}

// settle is how long work that belongs to finished requests may still go on before processor time is read.
const settle = 100 * time.Millisecond

// measure runs a workload with n clients.
func measure(ctx context.Context, c *crew, y *yardstick, m meters, workload string, n int, b bounds) (result, error) {
	r := result{Workload: workload, Clients: n}
	_, samples := y.since(0)
	before, err := m.read()
	if err != nil {
		return r, err
	}
	besideCtx, stopBeside := context.WithCancel(ctx)
	beside := make(chan error, 1)
	go func() { beside <- y.beside(besideCtx) }()

	r.drive(ctx, c, b)

	stopBeside()
	if err := <-beside; err != nil {
		return r, err
	}
	time.Sleep(settle)
	after, err := m.read()
	if err != nil {
		return r, err
	}
	r.ServerCPU, r.DatabaseCPU = after.server-before.server, after.database-before.database
	ours := r.ServerCPU + r.DatabaseCPU + after.driver - before.driver
	r.Others = max(0, after.machine-before.machine-ours)
	if _, now := y.since(0); now == samples { // shorter than a tick
		if _, err := y.sample(5); err != nil {
			return r, err
		}
	}
	r.Signature, _ = y.since(samples)
	return r, ctx.Err()
}

// drive has r.Clients clients take turns until the bounds are reached.
func (r *result) drive(ctx context.Context, c *crew, b bounds) {
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		taken atomic.Int64
	)
	began := time.Now()
	for client := range r.Clients {
		wg.Go(func() {
			var laps []lap
			var failures []error
			for turn := 0; ctx.Err() == nil && time.Since(began) < b.duration; turn++ {
				if taken.Add(1) > int64(b.count) {
					break
				}
				l, err := c.perform(ctx, r.Workload, client, turn)
				if err != nil {
					failures = append(failures, err)
					if len(failures) == 20 { // nothing is learnt from more
						break
					}
					continue
				}
				laps = append(laps, l)
			}
			mu.Lock()
			defer mu.Unlock()
			r.Laps = append(r.Laps, laps...)
			r.Failures += len(failures)
			for _, err := range failures {
				if len(r.Failed) < 5 && !errors.Is(err, context.Canceled) {
					r.Failed = append(r.Failed, err.Error())
				}
			}
		})
	}
	wg.Wait()
	r.Elapsed = time.Since(began)
	r.Ops = len(r.Laps)
}

// reading is processor time used up to a moment.
type reading struct {
	server, database, driver, machine time.Duration
}

func (m meters) read() (r reading, err error) {
	if m.serverPID != 0 {
		if r.server, err = driver.CPU(m.serverPID); err != nil {
			return r, err
		}
	}
	if m.postgresPID != 0 {
		if r.database, err = driver.FamilyCPU(m.postgresPID); err != nil {
			return r, err
		}
	}
	if r.driver, err = driver.CPU(os.Getpid()); err != nil {
		return r, err
	}
	r.machine, err = driver.MachineCPU()
	return r, err
}

// merge adds another round of the same workload. The signature's cost becomes the mean, weighted by operations, since
// each round is compared with the signatures made beside it.
func (r result) merge(o result) result {
	if ops := r.Ops + o.Ops; ops > 0 {
		r.Signature = (r.Signature*time.Duration(r.Ops) + o.Signature*time.Duration(o.Ops)) / time.Duration(ops)
	}
	r.Ops += o.Ops
	r.Failures += o.Failures
	r.Failed = append(r.Failed, o.Failed...)[:min(5, len(r.Failed)+len(o.Failed))]
	r.Elapsed += o.Elapsed
	r.ServerCPU += o.ServerCPU
	r.DatabaseCPU += o.DatabaseCPU
	r.Others += o.Others
	r.Laps = append(r.Laps, o.Laps...)
	return r
}

func (r result) perSecond() float64 {
	if r.Elapsed == 0 {
		return 0
	}
	return float64(r.Ops) / r.Elapsed.Seconds()
}

// othersShare is the part of the machine that others used meanwhile.
func (r result) othersShare() float64 {
	if r.Elapsed == 0 {
		return 0
	}
	return r.Others.Seconds() / (r.Elapsed.Seconds() * float64(runtime.NumCPU()))
}

func (r result) perOp(cpu time.Duration) time.Duration {
	if r.Ops == 0 {
		return 0
	}
	return cpu / time.Duration(r.Ops)
}

// quantile gives a percentile of one part of the laps.
func (r result) quantile(p int, part func(lap) time.Duration) time.Duration {
	values := make([]time.Duration, len(r.Laps))
	for i, l := range r.Laps {
		values[i] = part(l)
	}
	slices.Sort(values)
	return percentile(values, p)
}

func whole(l lap) time.Duration    { return l.whole }
func start(l lap) time.Duration    { return l.start }
func mail(l lap) time.Duration     { return l.mail }
func exchange(l lap) time.Duration { return l.exchange }
