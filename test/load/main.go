// Command load logs people in at a running Latchkey server and says what that costs.
//
//	latchkey dev --no-tls --listen localhost:8080 --data /tmp/d --smtp smtp://127.0.0.1:2525
//	go run ./test/load --dev-json /tmp/d/dev.json --smtp-listen 127.0.0.1:2525 --server-pid PID
//
// It does what an application does: asks for a code, reads it from the mail that the server sends to the driver's own
// mail server, and exchanges it. Beside the load it measures what two RSA-2048 signatures cost at that moment, because
// these are the least a login can cost and the yardstick of docs/performance.md.
//
// "go run ./test/load bench" starts the servers by itself, on SQLite and on PostgreSQL, and compares the figures with
// the promised ones.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"latchkey/test/load/driver"
)

type cli struct {
	Run   runCommand   `cmd:"" default:"withargs" help:"Put a running server under load (this is the default)."`
	Bench benchCommand `cmd:"" help:"Build the server, start it on SQLite and on PostgreSQL, measure everything, and compare with the targets."`
}

func main() {
	var c cli
	k := kong.Parse(&c, kong.Name("load"), kong.UsageOnError(), kong.Description(
		`Whole logins by e-mail code against a Latchkey server on this machine: operations per second, p50, p95 and p99, failures, and the processor time of server and database per operation, beside the cost of two RSA-2048 signatures.

Start a server that sends its mail to the driver, and the driver:

  latchkey dev --no-tls --listen localhost:8080 --data /tmp/d --smtp smtp://127.0.0.1:2525 &
  go run ./test/load --dev-json /tmp/d/dev.json --server-pid $!

Or let it do everything, on SQLite and on PostgreSQL, and compare with the targets:

  go run ./test/load bench

"load run --help" lists the flags of the first form, whose command name may be left out.`))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	k.BindTo(ctx, (*context.Context)(nil))
	k.FatalIfErrorf(k.Run())
}

// bulk says how much load to make. Both commands share it.
type bulk struct {
	Workload []string      `default:"returning,new,refresh,userinfo,jwks" enum:"returning,new,refresh,userinfo,jwks" help:"What to do: logins of returning users, logins of new users, refresh token exchanges with rotation, userinfo, keys."`
	Clients  []int         `default:"1,8,32" help:"Numbers of clients at once."`
	Count    int           `default:"1500" help:"Operations per workload, number of clients and round, at most (a single client does a third)."`
	Duration time.Duration `default:"20s" help:"Time per workload, number of clients and round, at most."`
	Rounds   int           `default:"1" help:"How often to go through everything; figures are taken over all rounds."`
	Warmup   int           `default:"100" help:"Logins before the first measurement, which do not count."`
	Users    int           `default:"10" help:"Returning users per client."`
}

type runCommand struct {
	bulk

	DevJSON      string `name:"dev-json" type:"existingfile" help:"dev.json of a development server: names issuer, client and API."`
	Client       string `default:"native" enum:"native,web" help:"Which sample client of dev.json to be: native (public) or web (with a secret)."`
	Issuer       string `help:"Issuer to use instead of dev.json, for example http://localhost:8080/. Loopback only."`
	ClientID     string `name:"client-id" help:"Client to be, instead of a sample client."`
	ClientSecret string `name:"client-secret" help:"Its secret, if it has one."`
	Audience     string `help:"API to ask a JWT access token for (default: that of dev.json; \"none\" asks for an opaque one)."`
	CA           string `name:"ca" type:"existingfile" help:"Certificate authority of an https issuer (default: that of dev.json)."`
	SMTPListen   string `name:"smtp-listen" default:"127.0.0.1:2525" help:"Where the driver's mail server listens; start the server with --smtp smtp://HOST:PORT."`
	ServerPID    int    `name:"server-pid" help:"The server's process, to read its processor time and memory."`
	PostgresPID  int    `name:"postgres-pid" help:"PostgreSQL's first process, to read its and its children's processor time."`
	JSON         string `name:"json" help:"Also write the figures as JSON to this file (- for standard output)."`
}

// Help implements kong.HelpProvider.
func (runCommand) Help() string {
	return `The server's --smtp and the driver's --smtp-listen name the same address. Only targets on loopback are accepted.`
}

// Run implements the command.
func (c *runCommand) Run(ctx context.Context) error {
	t, ca, err := c.target()
	if err != nil {
		return err
	}
	sink, err := driver.ListenSink(c.SMTPListen)
	if err != nil {
		return fmt.Errorf("open the mail server: %w", err)
	}
	defer sink.Close()
	client, err := driver.NewClient(t, ca)
	if err != nil {
		return err
	}
	defer client.Close()
	r, _, err := c.exercise(ctx, client, sink, meters{serverPID: c.ServerPID, postgresPID: c.PostgresPID})
	if err != nil {
		return err
	}
	r.Database = t.Issuer
	if c.ServerPID != 0 {
		if r.Resident, err = driver.RSS(c.ServerPID); err != nil {
			return err
		}
		r.ResidentAfter = r.Logins
	}
	r.Targets = judge(r, c.PostgresPID != 0, c.ServerPID != 0, c.PostgresPID != 0)
	if err := r.print(os.Stdout); err != nil {
		return err
	}
	return writeJSON(c.JSON, []report{r})
}

// target puts the flags and dev.json together.
func (c *runCommand) target() (t driver.Target, ca string, err error) {
	ca = c.CA
	if c.DevJSON != "" {
		d, err := driver.ReadDevJSON(c.DevJSON)
		if err != nil {
			return t, "", err
		}
		if t, err = d.Target(c.Client); err != nil {
			return t, "", err
		}
		if ca == "" && strings.HasPrefix(t.Issuer, "https:") {
			ca = d.CACert
		}
	}
	if c.Issuer != "" {
		t.Issuer = c.Issuer
	}
	if c.ClientID != "" {
		t.ClientID, t.ClientSecret = c.ClientID, c.ClientSecret
	}
	switch c.Audience {
	case "":
	case "none":
		t.Audience = ""
	default:
		t.Audience = c.Audience
	}
	if t.Issuer == "" || t.ClientID == "" {
		return t, "", errors.New("name the server: --dev-json PATH, or --issuer URL and --client-id ID")
	}
	return t, ca, nil
}

// exercise runs the workloads and reports them. The crew it made can go on logging in.
func (b bulk) exercise(ctx context.Context, client *driver.Client, codes driver.Codes, m meters) (report, *crew, error) {
	r := report{At: time.Now(), Machine: machine()}
	if len(b.Clients) == 0 || slices.Min(b.Clients) < 1 || b.Users < 1 || b.Rounds < 1 || b.Count < 1 {
		return r, nil, errors.New("clients, users, rounds and count must each be at least 1")
	}
	y, err := newYardstick()
	if err != nil {
		return r, nil, err
	}
	people, err := newCrew(ctx, client, codes, slices.Max(b.Clients), b.Users)
	if err != nil {
		return r, nil, err
	}
	warm := result{Workload: returning, Clients: min(8, slices.Max(b.Clients))}
	warm.drive(ctx, people, bounds{count: b.Warmup, duration: b.Duration})
	if warm.Failures > 0 {
		return r, nil, fmt.Errorf("warm up: %s", strings.Join(warm.Failed, "; "))
	}
	var results []result
	for range b.Rounds {
		for _, n := range b.Clients {
			for _, workload := range workloads {
				if !slices.Contains(b.Workload, workload) {
					continue
				}
				limits := bounds{count: b.Count, duration: b.Duration}
				if n == 1 {
					limits.count = max(1, b.Count/3)
				}
				now, err := measure(ctx, people, y, m, workload, n, limits)
				if err != nil {
					return r, nil, err
				}
				results = add(results, now)
				fmt.Fprintf(os.Stderr, "%s, %d clients: %.0f a second, %d failures\n", workload, n, now.perSecond(), now.Failures)
			}
		}
	}
	for _, workload := range workloads {
		for _, found := range results {
			if found.Workload == workload {
				r.Rows = append(r.Rows, rowOf(found))
			}
		}
	}
	signature, _ := y.since(0)
	r.TwoSignatures = inMicros(2 * signature)
	r.Logins = people.logins.Load()
	return r, people, nil
}

// add merges a result with that of an earlier round.
func add(results []result, r result) []result {
	for i, known := range results {
		if known.Workload == r.Workload && known.Clients == r.Clients {
			results[i] = known.merge(r)
			return results
		}
	}
	return append(results, r)
}

// machine describes where this runs.
func machine() string {
	model := runtime.GOARCH
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	return fmt.Sprintf("%d cores of %s, %s", runtime.NumCPU(), model, runtime.Version())
}

// writeJSON writes the reports to path, if it is set.
func writeJSON(path string, reports []report) error {
	if path == "" {
		return nil
	}
	text, err := json.MarshalIndent(reports, "", "  ")
	if err != nil {
		return err
	}
	text = append(text, '\n')
	if path == "-" {
		_, err = os.Stdout.Write(text)
		return err
	}
	return os.WriteFile(path, text, 0o644)
}
