// Package job runs what takes longer than a request: imports and exports of users. It also sends the verification mails
// that are asked for as jobs.
//
// A job is a row with its progress, and its files are rows of chunks, so nothing of it is in one process: a node claims a
// job for a while, each of its commits prolongs the claim and carries the progress, and when the node dies another one goes
// on from the last commit. What a commit writes for users and what it says was done are one, so no user is imported twice
// and none is left out, whatever is killed when. A node that was only slow finds its claim gone and writes nothing.
//
// The worker is woken by the commit that made a job and looks every few seconds for those that others left behind. It runs
// several jobs at once, those of one tenant bounded by slots: two imports, as the service has it.
//
// Imports keep to the documented schema. A user that is refused is listed with what is wrong with it and does not stop the
// others; a file that is no JSON array stops the job before anybody is imported. Exports read the users of a connection in
// the order of creation and write gzip members, one a chunk, which together are one gzip file.
//
// A job and its files live for 24 hours, and a job that has not ended after two hours fails, as the service has it. Files are
// sealed, the one of an import goes when the job ends, and what it refused is listed without the secrets in it.
// send_completion_email is kept and shown; no mail is sent, since a tenant has no administrators to send it to.
//
// Sources: https://auth0.com/docs/manage-users/user-migration/bulk-user-imports,
// https://auth0.com/docs/manage-users/user-migration/bulk-user-import-database-schema-and-examples,
// https://auth0.com/docs/manage-users/user-migration/bulk-user-exports; Management API v2, "Jobs".
package job
