package universallogin

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"

	"latchkey/internal/oauth"
	"latchkey/internal/transaction"
)

func (u *pages) showConsent(v *visit) {
	v.render(http.StatusOK, u.consentPage(v))
}

func (u *pages) consentPage(v *visit) Consent {
	p := Consent{State: v.tx.State(), ClientLogoURL: v.view.Client.LogoURI}
	if v.view.User != nil {
		p.UserName = v.view.User.Name
	}
	identity := ScopeGroup{Identity: true}
	var api ScopeGroup
	if v.view.API != nil {
		api.Name = cmp.Or(v.view.API.Name, v.view.API.Identifier)
	}
	for _, scope := range v.view.Scope {
		if v.view.API != nil && v.view.API.Defines(scope) {
			api.Scopes = append(api.Scopes, Scope{Name: scope, Description: u.describe(v, scope)})
			continue
		}
		identity.Scopes = append(identity.Scopes, Scope{Name: scope})
	}
	for _, group := range []ScopeGroup{identity, api} {
		if len(group.Scopes) > 0 {
			p.Groups = append(p.Groups, group)
		}
	}
	return p
}

func (u *pages) describe(v *visit, scope string) string {
	for _, s := range v.view.API.Scopes {
		if s.Value == scope {
			return s.Description
		}
	}
	return ""
}

func (u *pages) showConfirmation(v *visit) {
	p := CallbackConfirmation{State: v.tx.State(), Target: target(v.tx.Request.RedirectURI)}
	if v.view.User != nil {
		p.UserName = v.view.User.Name
	}
	v.render(http.StatusOK, p)
}

// target is the part of a callback that tells people where it leads.
func target(uri string) string {
	u, err := url.Parse(uri)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

func (u *pages) showPicker(v *visit) {
	p := AccountPicker{State: v.tx.State(), Name: v.view.User.Name}
	if v.view.User.Email != p.Name {
		p.Email = v.view.User.Email
	}
	v.render(http.StatusOK, p)
}

// takeAnswer takes yes, no, or another account.
func (u *pages) takeAnswer(step transaction.Step) func(*visit) {
	return func(v *visit) {
		answer, ok := map[string]oauth.Answer{
			ActionAccept: oauth.Accept, ActionDefault: oauth.Accept, ActionDeny: oauth.Deny, ActionOtherAccount: oauth.SwitchAccount,
		}[v.form.Get("action")]
		if !ok || (answer == oauth.SwitchAccount && step != transaction.PickAccount) {
			if step == transaction.Consent {
				p := u.consentPage(v)
				p.Errors = Errors{"": "invalid-action"}
				v.render(http.StatusBadRequest, p)
				return
			}
			u.failed(v, http.StatusBadRequest, "invalid_request", "The form says neither yes nor no.")
			return
		}
		err := u.OAuth.Decide(v.r.Context(), v.site, v.tx, u.browser(v.r), step, answer)
		if err != nil && !errors.Is(err, transaction.ErrMoved) {
			u.trouble(v, err)
			return
		}
		v.redirect(pathResume)
	}
}
