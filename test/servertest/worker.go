package servertest

import (
	"os"
	"testing"

	"latchkey/internal/liquid"
	"latchkey/internal/sandbox"
)

// worker is the command by which servers of this test binary start worker processes; nil where the binary cannot be one.
var worker []string

// Main is the TestMain of packages whose servers render what tenants wrote: the test binary is its own worker, started again
// with one argument. In packages without it all messages are the built-in ones.
func Main(m *testing.M) {
	const argument = "worker"
	if len(os.Args) == 2 && os.Args[1] == argument {
		os.Exit(sandbox.Serve(map[string]sandbox.Program{liquid.ProgramName: liquid.Program}, os.Stdin, os.Stdout))
	}
	command, err := sandbox.Command(argument)
	if err != nil {
		panic(err)
	}
	worker = command
	os.Exit(m.Run())
}
