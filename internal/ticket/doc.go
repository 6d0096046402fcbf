// Package ticket makes the links by which people act without logging in: today the one that verifies an e-mail address
// (Auth0 docs, "Verify Emails"; Management API "Create an email verification ticket").
//
// A ticket is a random secret in an address of ours. It is stored as a keyed hash, belongs to one user and to one
// address, and works once. It dies when it is used, when it expires, and when the user gets another address: whoever reads
// the old mailbox verifies nothing. Opening the link changes nothing, since mail scanners and previews open links too; the
// page behind it has a button, and its POST spends the ticket by one conditional update (Verify).
//
// Issue gives the address to an administrator, who delivers it in his own way. A Verification is the same ticket with the
// mail that carries it: both rows are written in the caller's transaction, so that no mail names a ticket that does not
// exist.
package ticket
