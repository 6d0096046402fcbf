package protect

import (
	"net/netip"
	"time"
)

// What is ours about text messages and calls, which cost money and which strangers order to numbers that pay them for it.
// Buckets fill at once and drain over the time that their name says.
const (
	phonePerTenantDay   = 1000
	phonePerCountryDay  = 200
	phonePerNetworkHour = 20
)

// PhoneUnverified bounds messages to a country whose codes nobody types in: fifty an hour. Each login there makes room for
// ten, so that it fills where fewer than one in ten is verified (PhoneVerified). While it is full one in ten leaves all the
// same (Guard.Tenth), and what is asked for in browsers that have proven the number.
var PhoneUnverified = Limit{"phone_unverified_country", 50, time.Hour / 50}

// TrialNotes bounds text messages and calls that administrators send to try a provider or a template: 10 an hour in a tenant.
var TrialNotes = Limit{"trial_note", 10, 6 * time.Minute}

// verifiedRoom is how many messages one login makes room for.
const verifiedRoom = 10

// phoneWaits are the times from a first message to a number until the next ones may leave, where the tenant asks for growing
// waits: half a minute, then one, two, five and fifteen minutes and an hour more. After that one leaves in every such time.
var phoneWaits = []Limit{
	{"phone_wait_1", 1, 30 * time.Second},
	{"phone_wait_2", 2, 90 * time.Second},
	{"phone_wait_3", 3, 210 * time.Second},
	{"phone_wait_4", 4, 510 * time.Second},
	{"phone_wait_5", 5, 1410 * time.Second},
	{"phone_wait_6", 6, 5010 * time.Second},
}

// PhoneRules are a tenant's limits of text messages; nil members are ours.
type PhoneRules struct {
	TenantPerDay   *int
	CountryPerDay  *int
	NetworkPerHour *int
}

// Network gives the question about the network that asks for a text message, whether one is sent or not.
func (r PhoneRules) Network(ip string) Ask {
	return Ask{Limit: perTime("phone_network_hour", r.NetworkPerHour, phonePerNetworkHour, time.Hour), Subject: wideNetwork(ip)}
}

// Waits gives the questions about how long somebody has waited for messages to a number. Subject names both. A login with the
// number begins the waits anew (Guard.Forget).
func Waits(subject string) []Ask {
	asks := make([]Ask, len(phoneWaits))
	for i, wait := range phoneWaits {
		asks[i] = Ask{Limit: wait, Subject: subject}
	}
	return asks
}

// Totals gives the questions about what a tenant and a country may have of messages that are sent.
func (r PhoneRules) Totals(country string) []Ask {
	return []Ask{
		{Limit: perTime("phone_tenant_day", r.TenantPerDay, phonePerTenantDay, 24*time.Hour)},
		{Limit: perTime("phone_country_day", r.CountryPerDay, phonePerCountryDay, 24*time.Hour), Subject: country},
	}
}

// perTime is a limit of so many in a time. None at all is a bucket that nothing fits.
func perTime(name string, set *int, otherwise int, length time.Duration) Limit {
	n := otherwise
	if set != nil {
		n = max(*set, 0)
	}
	return Limit{name, n, length / time.Duration(max(n, 1))}
}

// PhoneVerified says what a login by text message gives back to its country.
func PhoneVerified(country string) Ask {
	return Ask{Limit: Limit{PhoneUnverified.Name, 1, -verifiedRoom * PhoneUnverified.Every}, Subject: country}
}

// wideNetwork is the part of an address that one customer of a network may have many of: the /24 of an IPv4 address, the /48
// of an IPv6 one.
func wideNetwork(ip string) string {
	a, err := netip.ParseAddr(ip)
	if err != nil {
		return ip
	}
	a = a.Unmap()
	bits := 24
	if a.Is6() {
		bits = 48
	}
	p, err := a.WithZone("").Prefix(bits)
	if err != nil {
		return ip
	}
	return p.String()
}
