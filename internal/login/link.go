package login

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"latchkey/internal/apierr"
	"latchkey/internal/authn"
	"latchkey/internal/eventlog"
	"latchkey/internal/otp"
	"latchkey/internal/protect"
	"latchkey/internal/transaction"
)

// LinkPath is the address that magic links lead to.
const LinkPath = "/passwordless/verify_redirect"

// Link says what a magic link does when it is opened. One of a hosted login leads back to it; one that was started by the
// API answers Request.
type Link struct {
	State   string // of the hosted login
	Number  string // that its screen shows already
	Classic bool   // its screen is a page that the tenant wrote, which shows no number
	// Params are shown in the link's address. Whoever changes one there has changed the link: it does not work.
	Params  map[string]string
	Request *transaction.Request
}

// linkParams are the parameters that a link shows, in the order of its address (Auth0 docs, "Get code or link").
var linkParams = []string{
	"scope", "response_type", "response_mode", "redirect_uri", "audience", "state", "nonce", "code_challenge", "code_challenge_method",
}

// linked is what is kept with the challenge.
type linked struct {
	State     string               `json:"state,omitempty"`
	Classic   bool                 `json:"classic,omitempty"`
	Params    map[string]string    `json:"params,omitempty"`
	Request   *transaction.Request `json:"request,omitempty"`
	UserAgent string               `json:"user_agent,omitempty"`
}

// kept gives what is kept with the challenge of a start; nil where nothing will be asked for.
func (s *Start) kept() ([]byte, error) {
	if !s.Send.Links() && !s.Link.Classic {
		return nil, nil
	}
	shown := map[string]string{}
	for _, name := range linkParams {
		if v, ok := s.Link.Params[name]; ok {
			shown[name] = v
		}
	}
	doc, err := json.Marshal(linked{
		State: s.Link.State, Classic: s.Link.Classic, Params: shown, Request: s.Link.Request, UserAgent: s.Origin.UserAgent,
	})
	if err != nil {
		return nil, fmt.Errorf("encode what a link is for: %w", err)
	}
	return doc, nil
}

// redacted stands in the tenant's log for what nobody may read there.
const redacted = "REDACTED"

// logged is the address of a link as the tenant's log shows it: without its secret.
func (s *Start) logged(canonical string) string { return s.address(canonical, redacted) }

// address is that of a link. Its host is the configured one that the start came to.
func (s *Start) address(canonical string, secret otp.Link) string {
	query := ""
	add := func(name, value string) {
		if query != "" {
			query += "&"
		}
		query += name + "=" + url.QueryEscape(value)
	}
	for _, name := range linkParams {
		if v, ok := s.Link.Params[name]; ok {
			add(name, v)
		}
	}
	add("verification_code", string(secret))
	add("connection", s.Connection.Name)
	add("client_id", s.Client.ID)
	add("email", canonical)
	return s.Site.URL(LinkPath) + "?" + query
}

// Opened is a magic link that somebody has opened, and that is good.
type Opened struct {
	Address     string // canonical
	ChallengeID string
	State       string // of the hosted login it belongs to; empty where the API started it
	Classic     bool
	Request     *transaction.Request // that it answers, where the API started it
	UserAgent   string               // of whoever asked for it
	StartedAt   time.Time
	Approved    bool // the number of its login's screen was given for it before

	secret  otp.Link
	checked otp.Checked
}

// Look finds out what an opened link is and changes nothing. The entry names the client and connection of its address,
// params are what else the address shows. Refusals are ErrWrongCode, for links that are nobody's or were changed,
// ErrUsedLink (what it was is given too), ErrExpiredCode, ErrTooManyAttempts, and ErrCallback.
func (l *Logins) Look(ctx context.Context, e authn.Entry, typed, secret string, params func(name string) (string, bool)) (Opened, error) {
	tenantID := e.Site.Tenant.ID
	canonical, err := canonicalOf(e.Connection, typed, "")
	if err != nil {
		return Opened{}, ErrWrongCode
	}
	checked, err := l.c.Codes.Check(ctx, tenantID, otp.Given{
		Connection: e.Connection.Name, Identifier: canonical, Link: otp.Link(secret), Anywhere: true,
	})
	used := errors.Is(err, ErrUsedLink)
	if err != nil && !used {
		return Opened{}, err
	}
	doc, err := l.c.Codes.Request(tenantID, checked)
	if err != nil {
		return Opened{}, err
	}
	var kept linked
	if err := json.Unmarshal(doc, &kept); err != nil {
		return Opened{}, fmt.Errorf("decode what a link is for: %w", err)
	}
	if checked.ClientID() != e.Client.ID || slices.ContainsFunc(linkParams, func(name string) bool {
		shown, there := params(name)
		want, wanted := kept.Params[name]
		return there != wanted || shown != want
	}) {
		return Opened{}, ErrWrongCode
	}
	approved, stale := l.c.Codes.Approved(checked)
	opened := Opened{
		Address: canonical, ChallengeID: checked.ChallengeID(), State: kept.State, Classic: kept.Classic, Request: kept.Request,
		UserAgent: kept.UserAgent, StartedAt: checked.StartedAt(), Approved: approved, secret: otp.Link(secret), checked: checked,
	}
	switch {
	case used:
		return opened, ErrUsedLink
	case stale:
		return Opened{}, ErrExpiredCode
	case kept.Request != nil && !e.Client.AllowsCallback(kept.Request.RedirectURI):
		return Opened{}, ErrCallback
	}
	return opened, nil
}

// TakeLink takes a link that was opened in the browser of its login, as TakeCode takes a code.
func (l *Logins) TakeLink(ctx context.Context, e authn.Entry, t *transaction.Transaction, o Opened) error {
	return l.take(ctx, e, t, otp.Given{Link: o.secret})
}

// TakeApproved goes on with a login whose link another browser has approved.
func (l *Logins) TakeApproved(ctx context.Context, e authn.Entry, t *transaction.Transaction) error {
	return l.take(ctx, e, t, otp.Given{Approved: true})
}

// FollowLink takes a link in a browser that no login was begun in: it begins one that has its proof already and answers
// the request. Without a session of its own it leaves the browser as it was: an attacker may have mailed the link. It
// gives the secret that binds the login to the browser.
func (l *Logins) FollowLink(ctx context.Context, e authn.Entry, o Opened, request transaction.Request, session bool) (*transaction.Transaction, string, error) {
	if !e.Client.AllowsCallback(request.RedirectURI) {
		return nil, "", ErrCallback
	}
	t, browser := l.c.Transactions.Prepare(transaction.Opening{
		Issuer: e.Site.Issuer(), Request: request, Connection: e.Connection, NoSession: !session,
	})
	err := authn.Again(func() error {
		proven, err := l.c.Door.Prove(ctx, e, o.Address, otp.Given{Link: o.secret, Anywhere: true}, eventlog.FailedLogin)
		if err != nil {
			return err
		}
		t.Identifier, t.Canonical = o.Address, o.Address
		l.prove(t, e, proven, o.Address)
		err = l.c.Tx.InTx(ctx, func(ctx context.Context) error {
			if err := l.record(ctx, e, proven); err != nil {
				return err
			}
			return l.c.Transactions.Save(ctx, e.Site.Tenant.ID, t)
		})
		if err != nil {
			return err
		}
		l.c.Door.Committed(proven)
		return nil
	})
	return t, browser, err
}

// Approve lets the browser that asked for the link go on, where the number is the one it shows. Refusals are
// otp.ErrWrongNumber while there are tries left, ErrTooManyAttempts with the last, ErrWrongCode when the link is not there any
// more, and a *protect.LimitError after too many wrong numbers for the links of the address.
func (l *Logins) Approve(ctx context.Context, e authn.Entry, o Opened, number string) error {
	var refusal error
	tenantID, name := e.Site.Tenant.ID, e.Connection.Name
	err := l.c.Tx.InTx(ctx, func(ctx context.Context) error {
		if err := l.c.Guard.Mark(ctx, tenantID, e.Origin.IP, protect.WrongNumber(name, o.Address)); err != nil {
			return err
		}
		refusal = l.c.Codes.Approve(ctx, tenantID, o.checked, number)
		switch {
		case refusal == nil:
			return l.c.Guard.Credit(ctx, tenantID, protect.RightNumber(name, o.Address))
		case apierr.KindOf(refusal) != apierr.Unauthorized:
			return refusal
		case errors.Is(refusal, ErrTooManyAttempts):
			if err := l.c.Messages.Cancel(ctx, e.Site.Tenant.ID, o.ChallengeID, o.StartedAt); err != nil {
				return err
			}
		}
		return l.c.Log.Write(ctx, e.Site.Tenant.ID, l.linkEvent(e, o, "A wrong number was given for a magic link."))
	})
	if err != nil {
		return err
	}
	return refusal
}

// Deny ends a link whose reader did not ask for it.
func (l *Logins) Deny(ctx context.Context, e authn.Entry, o Opened) error {
	return l.c.Tx.InTx(ctx, func(ctx context.Context) error {
		if err := l.c.Door.Kill(ctx, e.Site.Tenant.ID, o.checked); err != nil {
			return err
		}
		return l.c.Log.Write(ctx, e.Site.Tenant.ID, l.linkEvent(e, o, "The reader of a magic link had not asked for it."))
	})
}

func (l *Logins) linkEvent(e authn.Entry, o Opened, description string) eventlog.Event {
	event := l.c.Door.Event(e, eventlog.FailedLogin, description)
	event.UserName = o.Address
	return event
}

// Progress tells the screen that waits for a link how far it is.
func (l *Logins) Progress(ctx context.Context, tenantID string, t *transaction.Transaction) (otp.Progress, error) {
	return l.c.Codes.Progress(ctx, tenantID, t.Connection, t.Canonical, t.ChallengeID)
}

// StateOf gives the state of the Classic login that the newest code of an address belongs to; empty where there is none.
// The page that checks a code does not say which login it is.
func (l *Logins) StateOf(ctx context.Context, e authn.Entry, canonical string) (string, error) {
	doc, err := l.c.Codes.RequestOf(ctx, e.Site.Tenant.ID, e.Connection.Name, canonical)
	if err != nil || doc == nil {
		return "", err
	}
	var kept linked
	if err := json.Unmarshal(doc, &kept); err != nil {
		return "", fmt.Errorf("decode what a challenge is for: %w", err)
	}
	if !kept.Classic {
		return "", nil
	}
	return kept.State, nil
}

// CheckCode says whether a code is right and spends nothing: a Classic page shows it again at once (TakeChecked). The login
// is nil where the API started the code. Refusals are those of TakeCode.
func (l *Logins) CheckCode(ctx context.Context, e authn.Entry, t *transaction.Transaction, canonical, code string) error {
	if t != nil {
		e.Transaction, e.ChallengeID = t.ID, t.ChallengeID
	}
	proven, err := l.c.Door.Prove(ctx, e, canonical, otp.Given{Code: otp.Code(code)}, eventlog.FailedLogin)
	if err != nil {
		if t != nil && wrong(err) {
			return l.countWrong(ctx, e, t, err)
		}
		return err
	}
	return l.c.Tx.InTx(ctx, func(ctx context.Context) error { return l.c.Door.MarkChecked(ctx, e, proven) })
}

// Fail ends a login with an error that its application is told when it is resumed. The answer is transaction.ErrMoved when
// the login went on meanwhile.
func (l *Logins) Fail(ctx context.Context, tenantID string, t *transaction.Transaction, f transaction.Failure) error {
	if err := l.c.Transactions.Reload(ctx, tenantID, t); err != nil {
		return err
	}
	if t.Proof != nil || !t.FinishedAt.IsZero() {
		return transaction.ErrMoved
	}
	t.Failure = &f
	return l.c.Transactions.Save(ctx, tenantID, t)
}

// TakeChecked takes a code that was checked a moment ago, as TakeCode does.
func (l *Logins) TakeChecked(ctx context.Context, e authn.Entry, t *transaction.Transaction, code string) error {
	err := l.take(ctx, e, t, otp.Given{Code: otp.Code(code), Rechecked: true})
	if err != nil && wrong(err) {
		return l.countWrong(ctx, e, t, err)
	}
	return err
}
