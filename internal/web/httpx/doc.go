// Package httpx is what every HTTP edge of the product shares: it turns a connection from a stranger into a request with
// an id, a client address, a tenant and one log record, and it gives answers their common shape.
//
// A request passes Edge first. Edge gives it an id, finds the address of the client (forwarded headers count only when
// they come from a configured proxy), finds the tenant of the Host header (an unknown Host is answered with 404 before
// anything else looks at the request), recovers from panics and writes the request's one log record. Nothing here decides
// anything about a login.
//
// The other parts are used by the edges themselves: Mux routes, ReadBody and ReadQuery decode parameters, WriteJSON and
// friends answer, Cookies names and sets cookies, CORS answers other origins.
//
// Sources: Auth0's pages "Authentication API", "Authentication API cookies" and "Set up CORS"; RFC 6749, RFC 6265bis,
// RFC 9110 and the Fetch standard.
package httpx
