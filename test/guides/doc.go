// Package guides runs what the guides of docs/guides tell their readers to type, in order, against a real development
// server, and compares what comes back with what they show.
//
// How a guide marks its blocks is told in CONTRIBUTING.md. What a reader has and a test has not (a mail server of their
// own, ports that nobody else uses) is put in its place by stand-ins in this package; the guides know nothing of it.
package guides
