// Package universallogin serves the hosted pages of a login: identifier, code, sign-up, consent, confirmation, account
// picker, logout and the confirmation of an e-mail address. A view is a plain value that says what a page shows; Render
// makes the answer of it. Screens, keys, field names and the markers in the document are those of Auth0's Universal Login,
// so that tests and styles written for it find what they look for; words come from the catalogue and no word stands in a
// template.
//
// Auth0: "Universal Login", "Customize Universal Login Text Elements". Accessibility: WCAG 2.2 level AA.
package universallogin

import (
	"net/url"
	"time"

	"latchkey/internal/locale"
	"latchkey/internal/ticket"
)

// Paths of the pages, as Auth0's hosted login has them; account picker and confirmation are ours.
const (
	PathLoginID              = "/u/login/identifier"
	PathSignupID             = "/u/signup/identifier"
	PathEmailCode            = "/u/login/passwordless-email-challenge"
	PathEmailLink            = "/u/login/passwordless-email-link"
	PathLinkStatus           = PathEmailLink + "/status"
	PathTextCode             = "/u/login/passwordless-sms-challenge"
	PathConsent              = "/u/consent"
	PathLogout               = "/u/logout"
	PathAccountPicker        = "/u/account-picker"
	PathCallbackConfirmation = "/u/callback-confirmation"
	PathEmailVerification    = ticket.Path
)

// Values of the form field "action".
const (
	ActionDefault        = "default"         // the primary button
	ActionResend         = "resend"          // send a new code; Auth0's other screens say "resend-code"
	ActionContinue       = "continue"        // the link was approved in another browser
	ActionAccept         = "accept"          // yes, on consent, logout and confirmation
	ActionDeny           = "deny"            // no, on the same
	ActionOtherAccount   = "other-account"   // not the account that is shown
	ActionChangeLanguage = "change-language" // with "language" and "persist=session"
)

// Errors are the codes of what is wrong on a page, by the name of the field; the empty name stands for the whole page.
// Codes are keys of the screen's texts, as the custom-text API names them, else of the shared errors.
type Errors map[string]string

// View is one page of a transaction, ready to render. Forms post to the page's own address.
type View interface {
	view() view
}

// view is what every page has in common.
type view struct {
	prompt, screen string
	state          string
	errors         Errors
	vars           locale.Vars
	images         []string // addresses of pictures that come from other hosts
}

// Ask is how people say who they are: by e-mail address or, as a text message needs it, by telephone number.
type Ask struct {
	Phone  bool
	Region string // the country that is chosen for numbers without one (ISO 3166)
	Other  string // the connection that asks for the other of both; empty where there is none
}

// LoginID asks who is there. Fields: username, and identifier_phone_country_code beside a number. A form of its own has the
// field connection, to be asked for the other kind of address.
type LoginID struct {
	Ask
	State    string
	Username string // what was typed, or the login hint
	Signup   bool   // offer the way to sign up
	Errors   Errors
}

func (v LoginID) view() view {
	return view{prompt: "login-id", screen: "login-id", state: v.State, errors: v.Errors}
}

// SignupID asks who wants an account. Fields: email or phone; the rest is as for LoginID.
type SignupID struct {
	Ask
	State   string
	Address string // what was typed, or the login hint
	Errors  Errors
}

func (v SignupID) view() view {
	return view{prompt: "signup-id", screen: "signup-id", state: v.State, errors: v.Errors}
}

// Code asks for the code of an e-mail or of a text message. Field: code.
type Code struct {
	State        string
	Phone        bool          // it was a text message
	Address      string        // where the code was sent: an e-mail address whole, of a number what its owner knows it by
	Length       int           // digits of a code
	Wait         time.Duration // until a new code may be asked for; counted in the button where script runs
	Resent       bool          // a new code has just been sent
	TooEarly     bool          // a new code was asked for before Wait was over; nothing was sent
	LimitReached bool          // no more codes in this transaction
	Signup       bool          // the person came by way of signing up: Edit leads back there
	InboxURL     string        // the development inbox, if there is one
	Link         *Awaited      // nil where no link was sent
	Errors       Errors
}

func (v Code) view() view {
	shown := view{
		prompt: "login-passwordless", screen: "login-passwordless-email-code", state: v.State, errors: v.Errors,
		vars: locale.Vars{"email": v.Address},
	}
	if v.Link != nil && v.Link.Only {
		shown.screen = "login-passwordless-email-link"
	}
	if v.Phone {
		shown.screen, shown.vars = "login-passwordless-sms-otp", locale.Vars{"phone_number": v.Address}
	}
	return shown
}

// seconds gives the wait in whole seconds, rounded up.
func (v Code) seconds() int { return int((v.Wait + time.Second - 1) / time.Second) }

// Consent asks whether a client may have what it asked for. Actions: accept, deny.
type Consent struct {
	State         string
	UserName      string
	ClientLogoURL string
	Groups        []ScopeGroup
	Errors        Errors
}

// ScopeGroup is the scopes of one API; Identity marks those of OpenID Connect, whose words are ours.
type ScopeGroup struct {
	Name     string
	Identity bool
	Scopes   []Scope
}

// Scope is one right; without a description its name is shown.
type Scope struct {
	Name        string
	Description string
}

func (v Consent) view() view {
	return view{
		prompt: "consent", screen: "consent", state: v.State, errors: v.Errors, vars: locale.Vars{"userName": v.UserName},
		images: []string{v.ClientLogoURL},
	}
}

// CallbackConfirmation asks whether the application that is about to open is the one the person meant, where the callback
// could belong to any program on the device (Auth0, "Measures Against Application Impersonation"). Actions: accept, deny.
type CallbackConfirmation struct {
	State    string
	UserName string // who would be logged in; may be empty
	Target   string // scheme and host of the callback
}

func (v CallbackConfirmation) view() view {
	return view{
		prompt: "common", screen: "callback-confirmation", state: v.State, vars: locale.Vars{"userName": v.UserName},
	}
}

// AccountPicker asks which account to go on with (prompt=select_account). Actions: default, other-account.
type AccountPicker struct {
	State string
	Name  string
	Email string // second line; left out when it is the name
}

func (v AccountPicker) view() view {
	return view{prompt: "common", screen: "account-picker", state: v.State}
}

// Logout asks whether to end the session. Actions: accept, deny.
type Logout struct {
	State    string
	UserName string // may be empty
	Errors   Errors
}

func (v Logout) view() view {
	return view{
		prompt: "logout", screen: "logout", state: v.State, errors: v.Errors, vars: locale.Vars{"userName": v.UserName},
	}
}

// EmailVerification asks the reader of a verification link whether the address is theirs. Action: default. The state is the
// link's ticket.
type EmailVerification struct {
	State string
	Email string
}

func (v EmailVerification) view() view {
	return view{
		prompt: "email-verification", screen: "email-verification-result", state: v.State, vars: locale.Vars{"email": v.Email},
	}
}

// Address gives the address of a page of a transaction.
func Address(path, state string) string {
	return path + "?" + url.Values{"state": {state}}.Encode()
}
