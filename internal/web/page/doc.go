// Package page is what every HTML answer shares: the document around a screen, its style sheet and script, the security
// headers, and the pages that belong to no screen: errors, notices, and the two answers of /authorize that are documents
// (form_post and web_message).
//
// It decides nothing. Functions take plain values and write one answer. A page works without script; the script only
// counts seconds and reports what the browser can do. Nothing comes from another host except what the tenant names
// (logo, favicon, font, background).
//
// Auth0: "Universal Login", "Custom error pages". Content Security Policy Level 3; RFC 9700 section 4.16 (clickjacking);
// OAuth 2.0 Form Post Response Mode; OAuth 2.0 Web Message Response Mode (draft-sakimura-oauth-wmrm).
package page
