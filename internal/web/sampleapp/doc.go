// Package sampleapp is a small real application that lets people log in through Latchkey. The dev command runs it on a
// loopback listener of its own, so that a newcomer sees a whole login within a minute of the first start.
//
// It knows the server only over HTTP, by the same standard libraries anybody would use (go-oidc and x/oauth2), and so
// is also the first proof that an ordinary relying party works. It imports nothing of the server's own code.
//
// What it shows: the authorization code flow with PKCE, state and nonce (OpenID Connect Core 1.0 section 3.1, RFC 7636),
// an ID token that it verifies itself, a JWT access token for an API that this package also serves (/api/orders), rotating
// refresh tokens, the UserInfo endpoint, and RP-initiated logout. Every page works without script.
//
// Tokens stay in the memory of the process; the browser holds an opaque session id. It is a sample for a developer's
// own machine, says so on every page, and answers only to the loopback names it was started under.
package sampleapp
