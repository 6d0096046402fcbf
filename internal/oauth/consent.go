package oauth

import (
	"context"
	"slices"

	"latchkey/internal/grant"
	"latchkey/internal/tenant"
	"latchkey/internal/transaction"
)

// Answer is what a person said on a page that asks for a decision.
type Answer string

// The answers.
const (
	Accept        Answer = "accept"
	Deny          Answer = "deny"
	SwitchAccount Answer = "switch" // on the account picker: somebody else
)

// Decide writes a person's answer to the step that the transaction is at. It answers transaction.ErrMoved when the
// transaction is at another step by now, or was changed meanwhile.
func (s *Server) Decide(ctx context.Context, site tenant.Site, tx *transaction.Transaction, b Browser, at transaction.Step, answer Answer) error {
	v, err := s.resumed(ctx, site, tx, b)
	if err != nil {
		return err
	}
	step, err := s.next(ctx, v)
	if err != nil {
		return err
	}
	if step != at {
		return transaction.ErrMoved
	}
	next := *tx
	next.Shown = true
	var consent *grant.Consent
	switch {
	case answer == Deny:
		next.Declined = true
	case at == transaction.Consent:
		next.ConsentedBy = v.user.ID
		if consent, err = s.consented(ctx, v); err != nil {
			return err
		}
	case at == transaction.Confirm:
		next.ConfirmedBy = v.user.ID
	case answer == SwitchAccount:
		next.Switched = true
	default:
		next.PickedBy = v.user.ID
	}
	return s.c.Tx.InTx(ctx, func(ctx context.Context) error {
		if consent != nil {
			if err := s.c.Grants.SaveConsent(ctx, site.Tenant.ID, consent); err != nil {
				return err
			}
		}
		return s.c.Transactions.Save(ctx, site.Tenant.ID, &next)
	})
}

// consented adds what is granted now to what the user had allowed before.
func (s *Server) consented(ctx context.Context, v *visit) (*grant.Consent, error) {
	before, err := s.c.Grants.Consented(ctx, v.site.Tenant.ID, v.user.ID, v.client.ID, v.target.audience)
	if err != nil {
		return nil, err
	}
	all := slices.Clone(before)
	for _, scope := range v.scope {
		if !slices.Contains(all, scope) {
			all = append(all, scope)
		}
	}
	return &grant.Consent{UserID: v.user.ID, ClientID: v.client.ID, Audience: v.target.audience, Scope: all}, nil
}
