// Package account is how a user changes: it is made, its profile, metadata, block or password is changed, it is linked with
// another, unlinked, deleted. It decides what such a change ends (sessions, refresh tokens, codes, consents) and what is told
// to whom (Auth0 docs, "Manage Users", and the Users resource of the Management API v2).
//
// Every operation decides first and commits later. Create, Update, Delete, Link and Unlink read, compare and do the slow
// work; they give a Change, whose Commit only writes and runs in the caller's transaction, with whatever else the caller
// writes there. When somebody else changed the user in between, the commit ends with user.ErrChanged, and the caller decides
// once more.
//
// The refusals of this package carry the sentences and codes of the Management API.
package account
