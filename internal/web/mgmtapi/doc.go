// Package mgmtapi is the Management API v2: everything a tenant can be set to, under https://{domain}/api/v2/, on the wire
// exactly as Auth0's own (Auth0 docs, "Management API v2").
//
// What all resources share is here once: tokens and scopes (token.go, scope.go), the checks of payloads (request.go over
// package apischema), errors (errors.go), lists and their paging (list.go), the rules by which a PATCH changes a document
// (merge.go), and the one way to write (commit.go): slow work first, then the record, what follows from it and the log
// event in one commit.
//
// A resource is one file that reads like its page in the documentation: its routes with their scopes, its defaults, its
// rules. Most are a collection (collection.go) of documents; those that are more have handlers of their own.
package mgmtapi
