// Command latchkey is an authentication server that Auth0's clients take for Auth0: one program for development
// (latchkey dev), production (latchkey serve) and operations.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"

	"latchkey/internal/sandbox"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == workerCommand {
		os.Exit(sandbox.Serve(programs, os.Stdin, os.Stdout))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// Exit codes.
const (
	exitFailed = 1 // the command was understood and did not succeed
	exitUsage  = 2 // the command line, the environment or the configuration file is wrong

	exitChanges = 2 // of apply --dry-run: there is something to do; a wrong command line is exitFailed there
)

// errChanges ends a command that only looked with exitChanges.
var errChanges = errors.New("there is something to do")

// streams are where a command speaks.
type streams struct {
	out, err io.Writer
}

// run does what the arguments say and gives the exit code.
func run(ctx context.Context, args []string, out, errOut io.Writer) int {
	var c cli
	parser, err := kong.New(&c,
		kong.Name("latchkey"),
		kong.Description(description),
		kong.DefaultEnvars("LATCHKEY"),
		kong.Configuration(loadYAML),
		kong.Writers(out, errOut),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(streams{out: out, err: errOut}),
	)
	if err != nil {
		return complain(errOut, err, exitFailed)
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		var parse *kong.ParseError
		known := errors.As(err, &parse) && parse.Context != nil && parse.Context.Selected() != nil
		code := exitUsage
		if known {
			code = usageCode(parse.Context)
		}
		_ = complain(errOut, err, code)
		if known {
			_, _ = fmt.Fprintf(errOut, "Run \"latchkey %s --help\" to read about its settings.\n", parse.Context.Selected().Path())
		}
		return code
	}
	if err := parsed.Run(); err != nil {
		var usage *usageError
		switch {
		case errors.Is(err, errChanges):
			return exitChanges
		case errors.As(err, &usage):
			return complain(errOut, err, usageCode(parsed))
		}
		return complain(errOut, err, exitFailed)
	}
	return 0
}

// usageCode is the exit code for a wrong command line. Scripts ask apply --dry-run whether there is something to do by its
// exit code, so there a mistake is a failure.
func usageCode(ctx *kong.Context) int {
	if ctx.Selected().Name == "apply" {
		return exitFailed
	}
	return exitUsage
}

func complain(w io.Writer, err error, code int) int {
	_, _ = fmt.Fprintf(w, "latchkey: %v\n", err)
	return code
}

// usageError is a setting that cannot be, or two that cannot be together. Its text says what to change.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

func usagef(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// version is what the program calls itself: the module's version, or the commit it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return "commit " + s.Value[:12]
		}
	}
	return "development build"
}
