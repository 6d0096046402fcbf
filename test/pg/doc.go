// Package pg gives every test a PostgreSQL database of its own.
//
// Database returns an empty one, Template one that starts as a copy of a
// migrated template, which costs a fraction of migrating again. Both are
// dropped when the test ends.
//
// The server is the one that LATCHKEY_TEST_POSTGRES names. `make test` starts
// one private server for the whole run and sets that variable (see the command
// in the folder run). Without it, the first test of a process that asks starts
// a private server on a free loopback port, and the server ends with the
// process, however that ends. PostgreSQL refuses to run as root, so a private
// server started by root runs as the user postgres.
//
// A machine without PostgreSQL fails these tests and is told what to install:
// a skipped test proves nothing.
package pg
