// Package authorize tests the refusals of the protocol beside its acceptances, over HTTP, as a stranger meets them: who may
// be answered where, which session counts, what a code, a refresh token, a pushed request or an assertion is bound to, and
// what the person is asked. Texts and statuses are those of Auth0's Authentication API.
package authorize
