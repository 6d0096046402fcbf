package message

import connections "latchkey/internal/connection" // a connection is one to a mail server here

// The kinds of mail beside VerificationCode and VerifyEmail (Auth0 docs, "Customize Email Templates"). Each can be shaped by
// the tenant's e-mail template of the same name, but for an invitation, whose template is user_invitation.
const (
	VerifyEmailByCode      Kind = "verify_email_by_code"    // a code that confirms an address
	AuthEmailByCode        Kind = "auth_email_by_code"      // a code that logs in at a database connection
	ResetEmail             Kind = "reset_email"             // a link to a new password
	ResetEmailByCode       Kind = "reset_email_by_code"     // a code, and perhaps a link, to a new password
	ChangePassword         Kind = "change_password"         // ResetEmail of older tenants
	PasswordReset          Kind = "password_reset"          // another one
	WelcomeEmail           Kind = "welcome_email"           // the address is confirmed
	BlockedAccount         Kind = "blocked_account"         // too many failures; the link unblocks
	StolenCredentials      Kind = "stolen_credentials"      // the password is on a list that was stolen elsewhere
	EnrollmentEmail        Kind = "enrollment_email"        // a link to the setting up of a second factor
	MFACode                Kind = "mfa_oob_code"            // a code as second factor
	OrganizationInvitation Kind = "organization_invitation" // a link that accepts an invitation
	AsyncApproval          Kind = "async_approval"          // a link to a request that waits for an answer
	TryProvider            Kind = "try_provider_configuration_email"
	AccountLinked          Kind = "account_linked" // ours: a first login has joined the account, which Vars name as "identity"
)

// mailKind is what mail of a kind is made of.
type mailKind struct {
	screens  []string // of the texts; a text is looked for in one after the other
	template string   // the e-mail template that shapes it; empty where none does
	code     bool     // a code is what it is about
	link     bool     // a link is what it is about, or may stand beside the code
}

// mailKinds are all kinds of mail. That of a passwordless login has a template at its connection.
var mailKinds = map[Kind]mailKind{
	VerificationCode:       {screens: []string{"verification_code"}, code: true, link: true},
	VerifyEmail:            {screens: []string{"verify_email"}, template: "verify_email", link: true},
	VerifyEmailByCode:      {screens: []string{"verify_email_by_code"}, template: "verify_email_by_code", code: true},
	AuthEmailByCode:        {screens: []string{"verification_code"}, template: "auth_email_by_code", code: true},
	ResetEmail:             {screens: []string{"reset_email"}, template: "reset_email", link: true},
	ResetEmailByCode:       {screens: []string{"reset_email_by_code", "reset_email"}, template: "reset_email_by_code", code: true, link: true},
	ChangePassword:         {screens: []string{"reset_email"}, template: "change_password", link: true},
	PasswordReset:          {screens: []string{"reset_email"}, template: "password_reset", link: true},
	WelcomeEmail:           {screens: []string{"welcome_email"}, template: "welcome_email"},
	BlockedAccount:         {screens: []string{"blocked_account"}, template: "blocked_account", link: true},
	StolenCredentials:      {screens: []string{"stolen_credentials"}, template: "stolen_credentials"},
	EnrollmentEmail:        {screens: []string{"enrollment_email"}, template: "enrollment_email", link: true},
	MFACode:                {screens: []string{"mfa_oob_code"}, template: "mfa_oob_code", code: true},
	OrganizationInvitation: {screens: []string{"organization_invitation"}, template: "user_invitation", link: true},
	AsyncApproval:          {screens: []string{"async_approval"}, template: "async_approval", link: true},
	TryProvider:            {screens: []string{"try_provider_configuration_email"}},
	AccountLinked:          {screens: []string{"account_linked"}},
}

// OfTemplate gives the kind of mail that an e-mail template shapes.
func OfTemplate(name string) (Kind, bool) {
	for k, about := range mailKinds {
		if about.template == name && name != "" {
			return k, true
		}
	}
	return "", false
}

// changeEmail is the operation of a VerificationCode that tells of a new address and carries nothing.
const changeEmail = "change_email"

// operation is what a passwordless message is about where it is no login.
func (m *Message) operation() string {
	op, _ := m.Vars["operation"].(string)
	return op
}

// shown is what a message shows of its secrets, and in which texts.
type shown struct {
	screens    []string
	code, link bool
	must       Secret // the one that no template may leave out; empty where there is none
}

// shows decides what a message shows. A login by link and code together is about the link in the words of a template, since
// those in the wild know of one or the other.
func (m *Message) shows() shown {
	kind := mailKinds[m.Kind]
	s := shown{screens: kind.screens, code: kind.code && m.Code != "", link: kind.link && m.Link != ""}
	if m.Kind == VerificationCode {
		switch {
		case m.operation() == changeEmail:
			return shown{screens: []string{"change_email"}}
		case m.Send == connections.SendLinkAndCode && s.code && s.link:
			s.screens = []string{"link_and_code", "verification_code", "verification_link"}
		case s.link && (m.Send.Links() || !s.code):
			s.screens, s.code = []string{"verification_link"}, false
		default:
			s.link = false
		}
		if s.link {
			s.must = m.Link
			return s
		}
	}
	switch {
	case s.code:
		s.must = m.Code
	case s.link:
		s.must = m.Link
	}
	return s
}
