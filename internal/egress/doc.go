// Package egress makes connections to addresses that tenants choose: mail servers and the services that send mail for
// them. A tenant must not reach with our hands what it could not reach with its own: the machine we run on, its network,
// the metadata service of its cloud.
//
// What counts is the address that a connection goes to, at the moment it is made: every name is resolved by the dialer and
// every resolved address is judged before the first packet, at each hop and each time anew, so a name that means one
// address when it is looked at and another when it is used gains nothing. Addresses that hold an IPv4 address in them
// (IPv4-mapped, NAT64, 6to4, Teredo) are judged by that one too. Ports are few. Environment variables that name proxies
// are not read.
//
// An operator opens single networks or servers (ParseAllow); development mode opens loopback. A tenant cannot.
//
// HTTP goes by HTTP/1.1, with time-outs and caps on all that comes back, follows no redirects unless asked to, and tells
// of a failed request whether the other side may have had it whole (Exchange).
//
// Sources: RFC 6890 (special-purpose addresses), RFC 6052 (NAT64), RFC 3056 (6to4), RFC 4380 (Teredo).
package egress
