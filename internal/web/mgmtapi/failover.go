package mgmtapi

import (
	"context"
	"errors"

	"latchkey/internal/resource"
)

// A tenant's second providers are apart from the first ones, so that tools which know of one provider see one. Each is an
// object like the first and is written as a whole.

// emailFailover is the second e-mail provider.
var emailFailover = &settings{
	id:      resource.EmailFailover,
	missing: &problem{Status: 404, Code: "inexistent_email_provider", Message: "There is not a configured email provider"},
	absent:  emailProvider.absent,
	secrets: emailProvider.secrets,
}

// phoneFailover is the second phone provider.
var phoneFailover = &settings{
	id:      resource.PhoneFailover,
	missing: &problem{Status: 404, Message: "Notification Resource not found"},
	absent:  resource.Document{"disabled": false},
	secrets: phoneProviders.secrets,
	check: func(r *request, ctx context.Context, before, after resource.Document) error {
		return checkPhoneProvider(r, ctx, before, after)
	},
	present: presentPhoneProvider,
}

func (a *api) failover() []route {
	return []route{
		{"GET /emails/provider/failover", "Get second email provider", anyOf("read:email_provider"), emailFailover.get},
		{"PUT /emails/provider/failover", "Set second email provider", anyOf("update:email_provider"), putEmailFailover},
		{"DELETE /emails/provider/failover", "Delete second email provider", anyOf("delete:email_provider"), removed(emailFailover)},
		{"GET /branding/phone/providers/failover", "Get second phone provider", anyOf("read:phone_providers"), phoneFailover.get},
		{"PUT /branding/phone/providers/failover", "Set second phone provider", anyOf("update:phone_providers"), phoneFailover.replace},
		{"DELETE /branding/phone/providers/failover", "Delete second phone provider", anyOf("delete:phone_providers"), removed(phoneFailover)},
	}
}

func putEmailFailover(r *request) (answer, error) {
	if err := errors.Join(checkEmailCredentials(r.doc()), checkMailServer(r.doc())); err != nil {
		return answer{}, err
	}
	return emailFailover.replace(r)
}

// removed answers the same whether there was something to remove or not.
func removed(s *settings) func(*request) (answer, error) {
	return func(r *request) (answer, error) {
		a, err := s.remove(r)
		if errors.Is(err, *s.missing) {
			return noContent()
		}
		return a, err
	}
}
