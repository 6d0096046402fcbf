package main

import (
	"latchkey/internal/liquid"
	"latchkey/internal/sandbox"
)

// workerCommand is the hidden sub-command by which a server starts worker processes of itself. It is looked at before
// everything else: a worker has no environment, no settings and nothing to say to people.
const workerCommand = "worker"

// programs are what a worker can run.
var programs = map[string]sandbox.Program{liquid.ProgramName: liquid.Program}
