package protect

import "time"

// Limits of the Authentication API's own edge. They live in each node's memory.
var (
	// AuthorizePerIP bounds authorization requests of one address: 500 a minute, as PagesPerIP does its hosted pages (ours).
	AuthorizePerIP = Limit{"authorize_ip", 500, 120 * time.Millisecond}
	// LimitEvents bounds how often the tenant's log tells that one bucket is full: once a minute (ours).
	LimitEvents = Limit{"limit_event", 1, time.Minute}
)
