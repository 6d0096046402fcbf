// Package servertest runs the whole product in the test's process, on a loopback port, with a clock that the test moves,
// a seeded tenant, and an inbox that the test reads like a person. Tests speak HTTP to it, as clients do.
//
// The seeded tenant is strict, unlike the one of development mode: callbacks are listed one by one and limits have
// Auth0's sizes.
package servertest
