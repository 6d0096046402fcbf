// Package sandbox runs what tenants write in processes of its own: our own program, started with a hidden sub-command.
//
// No template engine can be contained inside the server: a loop that prints nothing never ends, and a string that doubles
// itself takes all memory and the process with it. So a worker does it. It has no environment, no descriptors but its
// three pipes and the right to open none, a limit to its memory and to its processor time, and dies with the execution
// that breaks one of them. The promise: a dead worker is one failed execution and never a failed server, and nothing is
// run again by itself.
//
// Parent and worker exchange frames over the worker's standard input and output: four bytes of length, big-endian, and
// one JSON object. The worker says "ready" once; then the parent sends "run" and the worker answers "done". A worker runs
// one execution at a time and knows one tenant; for another tenant it is replaced.
//
// The worker is not believed: a frame that is too long, malformed or answers another question ends it.
//
// Pool is the parent's side; Serve is the worker's. What a worker can run is a list of programs by name, which the command
// hands to Serve.
package sandbox
