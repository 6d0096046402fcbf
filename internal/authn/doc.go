// Package authn is the one door. Whatever proves who somebody is, on a hosted page, at the token endpoint, by a session or
// a refresh token, goes through the same three questions, and there is no second way to a token:
//
//   - Prove: is the proof right, and whose is it? Asked where the proof is given, so that its refusals appear there. Where the
//     tenant wants it, a first login is that of the one account that has proven the same address (link.go).
//   - Admit: may this user enter now? Asked for every answer of the protocol. (Pace, beside it, slows down machines.)
//   - Record: write it down. The proof is spent and the user created in the same commit as everything the answer needs.
//
// Prove and Admit only read and think; Record and RecordLogin run inside the caller's database transaction. What was
// decided before the commit is named again by its conditional writes, so that parallel tries are worth no more than tries
// in a row.
package authn
