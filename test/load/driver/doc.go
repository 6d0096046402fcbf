// Package driver logs people in at a running server from the outside, the way an application does: it asks for a
// code with POST /passwordless/start, reads the code from the mail that the server really sends, and exchanges it at
// POST /oauth/token (https://auth0.com/docs/api/authentication/passwordless/get-code-or-link,
// https://auth0.com/docs/api/authentication/passwordless/authenticate-user).
//
// The load driver, the tool that compares times and the fault tests share it. It also starts and stops servers and
// reads their processor time and memory from /proc, so it runs on Linux. Every connection it opens goes to loopback;
// any other address is refused before a packet leaves.
package driver
