// Package apischema is our description of the Management API v2 and the
// validator that speaks of it in Auth0's words.
//
// The description has two parts. The files of the folder operations hold the
// facts of Auth0's public OpenAPI document: for each operation its parameters,
// bodies, answers and scopes, without a word of its text. The command in the
// folder generate writes them. Beside them stands a table of differences
// (differences.go): what recorded exchanges with the real service show
// otherwise, and the members that are ours. Where the two disagree the table
// wins.
//
// An operation's schemas are read, changed by the table and compiled when they
// are first used, part by part, and kept from then on. A value is refused with
// one Error, the same one each time for the same value; its text is what the
// Management API prints after "Payload validation error: " and its siblings
// (https://auth0.com/docs/api/management/v2).
package apischema
