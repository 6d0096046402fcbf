// Command run starts a private PostgreSQL server, runs a command with its
// address in LATCHKEY_TEST_POSTGRES, stops the server and exits as the command
// did:
//
//	go run ./test/pg/run [--durable] COMMAND [ARGUMENT...]
//
// An interrupt is passed on to the command, and the server stops after it. With
// --durable the server keeps acknowledged writes through a crash, as production
// does; without it the server is fast.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"latchkey/test/pg"
)

func main() {
	durable := flag.Bool("durable", false, "keep acknowledged writes through a crash")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: run [--durable] COMMAND [ARGUMENT...]")
		os.Exit(2)
	}
	code, err := run(*durable, flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

func run(durable bool, command []string) (code int, err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	server, err := pg.Start(ctx, pg.Options{Durable: durable})
	if err != nil {
		return 1, err
	}
	defer server.Stop()

	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.Env = append(os.Environ(), pg.Env+"="+server.URL)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() > 0 {
		return exit.ExitCode(), nil
	}
	if err != nil {
		return 1, fmt.Errorf("%s: %w", command[0], err)
	}
	return 0, nil
}
