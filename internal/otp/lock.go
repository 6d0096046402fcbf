package otp

import (
	"context"
	"fmt"
	"slices"
)

// maxLocks is how many locks of one identifier are looked at; it has one for each connection, and one for each browser that
// knows it.
const maxLocks = 100

// Locks lists the identifiers among those given that are locked after too many wrong codes, in their order and without
// repetition, by connection. An identifier is locked at a connection even if only one of its owner's browsers is, until
// the last of these locks ends. An empty connection is every one.
func (o *Codes) Locks(ctx context.Context, tenantID, connection string, identifiers ...string) ([]Lock, error) {
	var all []Lock
	for _, identifier := range identifiers {
		found, err := o.store.Locks(ctx, tenantID, connection, identifier, o.clock.Now(), maxLocks)
		if err != nil {
			return nil, fmt.Errorf("list the locks of an identifier: %w", err)
		}
		for _, l := range found {
			i := slices.IndexFunc(all, func(k Lock) bool { return k.Connection == l.Connection && k.Identifier == l.Identifier })
			switch {
			case i < 0:
				all = append(all, l)
			case l.Until.After(all[i].Until):
				all[i].Until = l.Until
			}
		}
	}
	return all, nil
}

// Unlock forgets the locks of identifiers, and that there were any, in the caller's transaction: codes are taken again, and
// the next lock is as short as a first. It tells how many locks it ended.
func (o *Codes) Unlock(ctx context.Context, tenantID, connection string, identifiers ...string) (int, error) {
	ended := 0
	for _, identifier := range identifiers {
		n, err := o.store.ForgetLocks(ctx, tenantID, connection, identifier, o.clock.Now())
		if err != nil {
			return 0, fmt.Errorf("forget the locks of an identifier: %w", err)
		}
		ended += n
	}
	return ended, nil
}
