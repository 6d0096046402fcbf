// Package devinbox shows the development inbox: a page for people and, for scripts, a small JSON API that can wait for a
// message.
//
// It answers on a loopback listener of its own, never on the public one, because it shows live codes. A web page that a
// developer happens to visit must not read them through the developer's browser. So requests whose Host is not a loopback
// name are refused (DNS rebinding), and requests that another site caused (Origin, Fetch Metadata) are refused, save for
// plain links to the page itself, which only the person can read. Scripts, which send neither header, need nothing.
//
// Messages are shown as a mail client would show them, in a frame that runs no script and loads nothing.
package devinbox
