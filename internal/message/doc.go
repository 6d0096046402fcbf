// Package message delivers what people must read: the e-mail that carries a login code, and the one with a link
// that confirms an address.
//
// A message is a row of the outbox, written in the transaction that made its secret (Sender.Queue). After the commit the
// caller says so (Sender.Committed) and a worker sends it. So no answer ever waits for a mail server, whose time would
// tell known from unknown addresses, and nothing acknowledged is lost with a process: what one node leaves behind,
// another finds.
//
// The promise: a message with a code leaves at most once. It is claimed, in a commit of its own, before the
// first byte goes out; a claim that outlives its lease, or a connection cut after the final dot, leaves the message
// "unknown", and it is not sent again: the person asks for a new code. Refusals that are certain not to have been
// accepted are tried again until the code dies (2 s, 8 s, 30 s, 2 min, 10 min, with full jitter), then the message is
// "failed" and the tenant's log says so.
//
// The worker is woken and never polls for fresh rows. While one commit is under way, all that comes in gathers and
// travels with the next one: claims, outcomes and inbox copies share a commit.
//
// What a tenant wrote (StoredTemplates) is rendered after the claim and never in a request: in a worker process, since no
// template may hang or end the server. Where it fails the built-in mail leaves, and the tenant's log says why: a login is
// never lost to a template.
//
// Row payloads are sealed and wiped as soon as a message is sent, failed, unknown or cancelled. The row stays seven days
// for support.
//
// Where messages go, in this order: the provider that the tenant has set, the operator's SMTP server, the development
// inbox when it is on, nowhere (the message fails and says that no e-mail provider is configured). The inbox gets a copy
// whoever sends. The worker asks for a tenant's settings at most once a second, so a change counts within one. Each service
// is a file of its own behind Provider; a message whose request a service may have had whole is unknown, unless the service
// recognises the message by a key: then it is asked once more under the same key, by the same attempt. What the next
// attempt, and so perhaps the next provider, gets has certainly not been accepted by the one before. A tenant may have a second
// provider for exactly that (Result.passes).
//
// Text messages (Note) go the same way, by the provider of their connection or the tenant's phone provider; who asked for one
// of a connection's own provider waits for its first attempt, which is then the only one (Sender.Deliver).
//
// Trials show and send mail beside all this, at once and once, for whoever sets a provider or writes a template.
//
// Sources: https://auth0.com/docs/customize/email, RFC 5321 (SMTP), RFC 5322 (message format), RFC 3834 (automatic
// messages), RFC 3463 (enhanced status codes), RFC 3207 and 8314 (TLS), RFC 4954, 4616,
// 2195 and 7628 (AUTH).
package message
