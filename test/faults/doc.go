// Package faults breaks things on purpose and checks that the promises hold: nodes are killed as by a power cut while
// people log in, and many clients spend one secret at the same moment on several nodes.
//
// The promises: what the server has acknowledged is never lost, no secret works twice, and every history of answers can
// be explained by operations that happened one after the other (checked by porcupine, a linearizability checker).
//
// The tests run servers as processes of their own, on SQLite and as two nodes on one PostgreSQL. In the normal test run
// they take seconds. LATCHKEY_SOAK=10m makes the tests named Soak go on for that long; "make soak" does.
package faults
