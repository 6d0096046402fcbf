package login

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"latchkey/internal/contact"
	"latchkey/internal/eventlog"
	"latchkey/internal/message"
	"latchkey/internal/protect"
	"latchkey/internal/resource"
)

// phoneProtection is the tenant's setting of growing waits (Auth0 docs, "Phone Provider Protection").
const phoneProtection = "phone_provider_protection"

// errClosed is the refusal of a number to which nothing is sent, in the words by which Twilio's is known.
var errClosed = &ProviderError{"Permission to send an SMS has not been enabled for the region indicated by the 'To' number. (Code: 21408)"}

// limitPhone adds what bounds text messages to a start, or refuses it: to a closed number, and where the connection is bound to
// a tenant's provider that cannot send. Where refusals of numbers are not told the start is closed. To a closed number nothing
// is sent, so it takes nothing from what the tenant and the country may have.
func (l *Logins) limitPhone(ctx context.Context, s *Start, number string) error {
	own := s.Site.Tenant.Settings.Own().PhoneLimits
	rules := protect.PhoneRules{}
	var countries []string
	if own != nil {
		rules.TenantPerDay, rules.CountryPerDay, rules.NetworkPerHour = own.TenantPerDay, own.CountryPerDay, own.NetworkPerHour
		countries = own.Countries
	}
	s.Limits = slices.Clone(s.Limits)
	if !s.Authenticated {
		s.Limits = append(s.Limits, rules.Network(s.Origin.IP))
	}
	if bound := s.Connection.Options.UseTenantLevelProvider; bound != nil && *bound {
		reason, err := l.c.Messages.Refusal(ctx, s.Site.Tenant.ID, s.Connection.Name)
		switch {
		case err != nil:
			return err
		case reason != "":
			return l.refusePhone(ctx, *s, number, &ProviderError{reason})
		}
	}
	line := contact.LineOf(number)
	strange := !line.Known && !l.c.Guard.Relaxed(s.Origin.IP) // an invented number is as good as any to a developer
	if line.Billed || strange || len(countries) > 0 && !slices.Contains(countries, line.Region) {
		if err := l.tellLimit(ctx, *s, number, "closed", time.Time{}); err != nil {
			return err
		}
		if s.Reveal {
			return l.refusePhone(ctx, *s, number, errClosed)
		}
		s.closed = true
		return nil
	}
	stored, err := l.c.Settings.Resource(ctx, s.Site.Tenant.ID, resource.Settings, phoneProtection)
	if err != nil && !errors.Is(err, resource.ErrNotFound) {
		return fmt.Errorf("read how a tenant protects its phone provider: %w", err)
	}
	if stored != nil && stored.Document["type"] == "exponential" {
		s.Limits = append(s.Limits, protect.Waits(l.c.Door.Asker(s.Entry, number))...)
	}
	s.totals = rules.Totals(line.Region)
	if !l.c.Codes.Knows(s.Site.Tenant.ID, s.Device, s.Connection.Name, number) {
		s.totals = append(s.totals, protect.Ask{Limit: protect.PhoneUnverified, Subject: line.Region})
	}
	return nil
}

// refusePhone refuses a start before anything was made for it. It counts like a message, so that nobody asks without end.
func (l *Logins) refusePhone(ctx context.Context, s Start, number string, refusal error) error {
	err := l.c.Tx.InTx(ctx, func(ctx context.Context) error {
		return l.c.Guard.Mark(ctx, s.Site.Tenant.ID, s.Origin.IP, l.limits(s, number, closedLine)...)
	})
	if err != nil && (s.Reveal || limitOf(err) == nil) {
		return err
	}
	return refusal
}

// mayTry reports whether a start that a country with too few logins holds back is the one in ten that is let through, and
// takes that limit from it.
func (l *Logins) mayTry(s *Start, limit *protect.LimitError) bool {
	at := slices.IndexFunc(s.totals, func(a protect.Ask) bool { return a.Limit.Name == protect.PhoneUnverified.Name })
	if limit == nil || limit.Limit.Name != protect.PhoneUnverified.Name || at < 0 || !l.c.Guard.Tenth(s.Site.Tenant.ID, s.totals[at]) {
		return false
	}
	s.totals = slices.Delete(slices.Clone(s.totals), at, at+1)
	return true
}

// limitOf gives the limit that an error speaks of; nil where it speaks of none.
func limitOf(err error) *protect.LimitError {
	var limit *protect.LimitError
	if errors.As(err, &limit) {
		return limit
	}
	return nil
}

// closedTo makes the limit of a country that verifies too little the refusal of a closed one.
func (l *Logins) closedTo(err error) error {
	if limit := limitOf(err); limit != nil && limit.Limit.Name == protect.PhoneUnverified.Name {
		return errClosed
	}
	return err
}

// tellLimit tells the tenant's log that a text message was not sent, of each reason once a minute.
func (l *Logins) tellLimit(ctx context.Context, s Start, number, reason string, until time.Time) error {
	if !strings.HasPrefix(reason, "phone_") && reason != "closed" {
		return nil
	}
	tenantID := s.Site.Tenant.ID
	if _, err := l.c.Guard.Count(tenantID, "", protect.Ask{Limit: protect.LimitEvents, Subject: "phone:" + reason}); err != nil {
		return nil
	}
	event := l.c.Door.Event(s.Entry, eventlog.PhoneLimit, "Text messages are held back: "+reason+".")
	event.UserName = number
	now := l.c.Clock.Now()
	if until.IsZero() {
		until = now
	}
	event.Details = map[string]any{
		"body": s.Details, "delivery_method": string(message.Text), "type": reason,
		"trigger_time": now.UTC().Format(time.RFC3339), "reset_time": until.UTC().Format(time.RFC3339),
	}
	return l.c.Log.Write(ctx, tenantID, event)
}
