// Package server assembles the product: it builds everything from a Config, opens the listeners, and owns the order in
// which things start and stop.
//
// A stop (SIGTERM, SIGINT) goes from the outside in: readiness turns to "stopping", listeners close, requests in flight
// are finished, then the message worker, then the database. Whoever waits longer than the grace period is cut off.
//
// Health (/healthz), readiness (/readyz) and metrics (/metrics) have an address of their own, so that no tenant's domain
// shows them.
package server
