// Package classic is Classic login: a login page that is the tenant's own HTML, written around Lock or auth0.js, and the
// endpoints that the two libraries call, from our page and from pages of applications.
//
// The page is one stored text in which every `@@config@@` is replaced by the base64 of a JSON object (Config), by which it
// learns whose login it is. Pages written for Auth0 work as they are; for tenants that have none the package templates has
// three of ours. Nothing else is put into a page.
//
// Auth0: "Classic Login", "Customize Classic Login Pages with Lock or SDK", "Lock for Web", "Auth0.js Reference".
package classic
