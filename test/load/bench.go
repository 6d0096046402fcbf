package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"latchkey/test/load/driver"
	"latchkey/test/pg"
)

type benchCommand struct {
	bulk

	Databases []string `default:"sqlite,postgres" enum:"sqlite,postgres" help:"Where to measure."`
	Client    string   `default:"native" enum:"native,web" help:"Which sample client to be."`
	Binary    string   `type:"existingfile" help:"Server to measure (default: build it)."`
	Starts    int      `default:"5" help:"How often to start on the ready database for the time to the first answer."`
	Out       string   `help:"Also write the figures as Markdown to this file."`
	JSON      string   `name:"json" help:"Also write the figures as JSON to this file (- for standard output)."`
	Strict    bool     `help:"Fail when a target is missed."`
}

// Help implements kong.HelpProvider.
func (benchCommand) Help() string {
	return `Everything it makes lives in a temporary folder and is removed. PostgreSQL runs as a private instance that
syncs every commit. The server runs in development mode on plain HTTP, with its limits and logs on, and is asked for an
RS256 ID token and an RS256 access token.`
}

// errMissed ends a strict bench that missed a target.
var errMissed = errors.New("a target was missed")

// Run implements the command.
func (c *benchCommand) Run(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "latchkey-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if c.Binary == "" {
		if c.Binary, err = driver.Build(ctx, dir); err != nil {
			return err
		}
	}
	var reports []report
	for _, database := range c.Databases {
		r, err := c.bench(ctx, database, filepath.Join(dir, database))
		if err != nil {
			return fmt.Errorf("%s: %w", database, err)
		}
		if err := r.print(os.Stdout); err != nil {
			return err
		}
		fmt.Println()
		reports = append(reports, r)
	}
	return errors.Join(c.save(reports), c.verdict(reports))
}

// bench measures one database.
func (c *benchCommand) bench(ctx context.Context, database, dir string) (r report, err error) {
	sink, err := driver.ListenSink("127.0.0.1:0")
	if err != nil {
		return r, err
	}
	defer sink.Close()
	address, err := driver.FreeAddress()
	if err != nil {
		return r, err
	}
	o := driver.DevOptions{Binary: c.Binary, Listen: address, Data: dir, SMTP: sink.URL()}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return r, err
	}
	m := meters{}
	if database == "postgres" {
		server, err := pg.Start(ctx, pg.Options{Durable: true})
		if err != nil {
			return r, err
		}
		defer server.Stop()
		o.Database = server.URL
		if m.postgresPID, err = driver.PostgresPID(ctx, server.URL); err != nil {
			return r, err
		}
	}

	first, err := driver.StartDev(ctx, o) // makes the database and the keys
	if err != nil {
		return r, err
	}
	if err := first.Stop(); err != nil {
		return r, err
	}
	var answers []micros
	for range max(0, c.Starts-1) {
		n, err := driver.StartDev(ctx, o)
		if err != nil {
			return r, err
		}
		answers = append(answers, inMicros(n.FirstAnswer))
		if err := n.Stop(); err != nil {
			return r, err
		}
	}
	n, err := driver.StartDev(ctx, o)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, n.Stop()) }()
	answers = append(answers, inMicros(n.FirstAnswer))

	t, err := n.Dev.Target(c.Client)
	if err != nil {
		return r, err
	}
	client, err := driver.NewClient(t, "")
	if err != nil {
		return r, err
	}
	defer client.Close()
	m.serverPID = n.PID
	r, people, err := c.exercise(ctx, client, sink, m)
	if err != nil {
		return r, fmt.Errorf("%w\n%s", err, n.Log())
	}
	r.Database, r.FirstAnswer = database, answers
	if err := c.fill(ctx, people); err != nil {
		return r, err
	}
	r.Logins = people.logins.Load()
	r.ResidentAfter = r.Logins
	if r.Resident, err = driver.RSS(n.PID); err != nil {
		return r, err
	}
	r.Targets = judge(r, database == "postgres", true, database == "postgres")
	return r, nil
}

// fill brings the number of logins to the one after which memory is read.
func (c *benchCommand) fill(ctx context.Context, people *crew) error {
	missing := residentLogins - int(people.logins.Load())
	if missing <= 0 {
		return nil
	}
	rest := result{Workload: returning, Clients: min(8, slices.Max(c.Clients))}
	rest.drive(ctx, people, bounds{count: missing, duration: 2 * time.Minute})
	if rest.Failures > 0 {
		return fmt.Errorf("log in %d more times: %d failures, first %q", missing, rest.Failures, rest.Failed[0])
	}
	return ctx.Err()
}

func (c *benchCommand) save(reports []report) error {
	if err := writeJSON(c.JSON, reports); err != nil || c.Out == "" {
		return err
	}
	f, err := os.Create(c.Out)
	if err != nil {
		return err
	}
	for _, r := range reports {
		r.markdown(f)
	}
	return f.Close()
}

func (c *benchCommand) verdict(reports []report) error {
	for _, r := range reports {
		for _, t := range r.Targets {
			if c.Strict && !t.Met {
				return errMissed
			}
		}
	}
	return nil
}
