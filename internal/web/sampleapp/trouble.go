package sampleapp

import (
	"errors"
	"net/http"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// trouble is a page that says what went wrong, in plain words, and leads out.
type trouble struct {
	Status  int
	Title   string
	Text    string
	Code    string // the wire's words, for those who look them up
	Details string
	NoLogin bool // logging in would not help
}

var (
	noSuchPage = trouble{
		Status: http.StatusNotFound, Title: "There is no such page", NoLogin: true,
		Text: "This sample has only two pages: the start, and the one you see once you are logged in.",
	}
	foreignForm = trouble{
		Status: http.StatusForbidden, Title: "This form did not come from here", NoLogin: true,
		Text: "The request was sent by another website, or by a page that was drawn before your last login. Nothing was done. Open the start page and use the button there.",
	}
	foreignHost = trouble{
		Status: http.StatusMisdirectedRequest, Title: "This sample does not answer to that name", NoLogin: true,
		Text: "It runs for your own machine only, under the address that the start of the server printed.",
	}
	sessionEnded = trouble{
		Status: http.StatusUnauthorized, Title: "You are not logged in",
		Text: "The session here has ended: it was too old, or the sample was restarted, which forgets everybody.",
	}
	loginLost = trouble{
		Status: http.StatusBadRequest, Title: "This login did not begin here",
		Text: "The link belongs to a login that this browser did not start, has already finished, or started too long ago. For safety nothing in it is believed. A fresh start takes a few seconds.",
	}
	otherIssuer = trouble{
		Status: http.StatusBadRequest, Title: "The answer came from another server",
		Text: "The login was started at one server and answered in the name of another, so it was not believed.",
	}
)

// serverSilent says that discovery found nobody.
func (a *app) serverSilent() trouble {
	return trouble{
		Status: http.StatusBadGateway, Title: "Latchkey does not answer",
		Text:    "This application could not read " + a.Issuer + ".well-known/openid-configuration. If the server is just starting, try again in a moment; else look at the terminal where it runs.",
		Details: a.Issuer,
	}
}

// refusedLogin explains an error that the server sent to the callback (RFC 6749 section 4.1.2.1, OpenID Connect Core
// 1.0 section 3.1.2.6).
func refusedLogin(code, description string) trouble {
	t := trouble{
		Status: http.StatusBadRequest, Title: "The login was not completed", Code: code, Details: description,
		Text: "The server ended this login with an error. You can start again.",
	}
	switch code {
	case "access_denied":
		t.Status, t.Title, t.Text = http.StatusForbidden, "Access was declined", "Somebody chose to decline, or a rule of the tenant did. Nothing about you was shared with this application."
	case "unauthorized":
		t.Status, t.Title, t.Text = http.StatusForbidden, "This account may not log in", "The server knows who you are and does not let this account in. An administrator of the tenant can change that."
	case "login_required", "consent_required", "interaction_required":
		t.Title, t.Text = "A person is needed", "This application asked for a login without any page, but the server wants to show one. Log in the ordinary way."
	case "invalid_request", "unauthorized_client", "invalid_scope", "unsupported_response_type":
		t.Title, t.Text = "The server did not like the request", "Something in this application's settings does not fit the server's. The words below say what."
	case "server_error", "temporarily_unavailable":
		t.Status, t.Title, t.Text = http.StatusBadGateway, "The server had a problem", "That is not your fault. Try again in a moment."
	}
	return t
}

// exchangeRefused explains why a code gave no tokens.
func (a *app) exchangeRefused(err error) trouble {
	var refused *oauth2.RetrieveError
	if !errors.As(err, &refused) {
		return a.serverSilent()
	}
	t := trouble{
		Status: http.StatusBadGateway, Title: "The code gave no tokens", Code: refused.ErrorCode, Details: refused.ErrorDescription,
		Text: "The server did not trade the authorization code for tokens. A code works once and for a short time; a fresh login brings a new one.",
	}
	switch refused.ErrorCode {
	case "unauthorized":
		return refusedLogin(refused.ErrorCode, refused.ErrorDescription)
	case "access_denied", "invalid_client", "unauthorized_client":
		t.Text = "The server did not accept this application's own credentials. If the tenant was made anew, restart the sample with it."
	}
	return t
}

// untrustedToken explains why an ID token was refused.
func untrustedToken(err error) trouble {
	t := trouble{
		Status: http.StatusBadGateway, Title: "The ID token was not believed", Details: err.Error(),
		Text: "The server sent an ID token that did not pass verification, so you are not logged in. This should never happen with an honest server.",
	}
	var expired *oidc.TokenExpiredError
	switch {
	case errors.As(err, &expired):
		t.Text = "The ID token was already past its expiry when it arrived. Do the clocks of both machines agree?"
	case errors.Is(err, errNonce):
		t.Text = "The ID token carries another nonce than this login sent: it was made for a different login, so somebody may have tried to slip it in."
	case errors.Is(err, errNoIDToken):
		t.Text = "The answer held no ID token. Without one this application does not know who you are."
	}
	return t
}
