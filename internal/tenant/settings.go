package tenant

import "time"

// Settings are the tenant settings as the Management API shows them (GET /api/v2/tenants/settings). A member that is
// absent has Auth0's default, given by the method of the same meaning.
type Settings struct {
	FriendlyName   string   `json:"friendly_name,omitempty"`
	PictureURL     string   `json:"picture_url,omitempty"`
	SupportEmail   string   `json:"support_email,omitempty"`
	SupportURL     string   `json:"support_url,omitempty"`
	EnabledLocales []string `json:"enabled_locales,omitempty"`

	DefaultAudience       string   `json:"default_audience,omitempty"`
	DefaultRedirectionURI string   `json:"default_redirection_uri,omitempty"`
	AllowedLogoutURLs     []string `json:"allowed_logout_urls,omitempty"`
	ACRValuesSupported    []string `json:"acr_values_supported,omitempty"`
	// DefaultDirectory is the connection whose passwords are meant where a call names none.
	DefaultDirectory string `json:"default_directory,omitempty"`

	// Session lifetimes come in hours or in minutes; minutes win.
	SessionLifetime              float64 `json:"session_lifetime,omitempty"`
	SessionLifetimeInMinutes     int     `json:"session_lifetime_in_minutes,omitempty"`
	IdleSessionLifetime          float64 `json:"idle_session_lifetime,omitempty"`
	IdleSessionLifetimeInMinutes int     `json:"idle_session_lifetime_in_minutes,omitempty"`
	SessionCookie                *struct {
		Mode string `json:"mode,omitempty"` // "persistent" (default) or "non-persistent"
	} `json:"session_cookie,omitempty"`

	ErrorPage *ErrorPage `json:"error_page,omitempty"`
	Flags     Flags      `json:"flags"`

	OIDCLogout *struct {
		EndSessionEndpointDiscovery *bool `json:"rp_logout_end_session_endpoint_discovery,omitempty"`
	} `json:"oidc_logout,omitempty"`

	PushedAuthorizationRequests *bool  `json:"pushed_authorization_requests_supported,omitempty"`
	ResourceParameterProfile    string `json:"resource_parameter_profile,omitempty"` // "audience" (default) or "compatibility"
	SkipCallbackConfirmation    bool   `json:"skip_non_verifiable_callback_uri_confirmation_prompt,omitempty"`

	UniversalLogin *UniversalLogin `json:"universal_login,omitempty"`

	Latchkey *Extensions `json:"latchkey,omitempty"`
}

// UniversalLogin are settings of the hosted login.
type UniversalLogin struct {
	Passwordless *Passwordless `json:"passwordless,omitempty"`
}

// Passwordless are those of its passwordless connections.
type Passwordless struct {
	// AllowLinkWithoutSession lets a magic link log in where its login was not begun; nothing said is neither yes nor no.
	AllowLinkWithoutSession *bool `json:"allow_magiclink_verify_without_session,omitempty"`
}

// ErrorPage is the tenant's own error page: its address, or nothing.
type ErrorPage struct {
	URL         string `json:"url,omitempty"`
	HTML        string `json:"html,omitempty"`
	ShowLogLink bool   `json:"show_log_link,omitempty"`
}

// Flags are the tenant's switches that carry Auth0's names.
type Flags struct {
	RevokeRefreshTokenGrant          bool `json:"revoke_refresh_token_grant,omitempty"`
	UseScopeDescriptionsForConsent   bool `json:"use_scope_descriptions_for_consent,omitempty"`
	DynamicClientRegistration        bool `json:"enable_dynamic_client_registration,omitempty"`
	DisableClickjackProtectionHeader bool `json:"disable_clickjack_protection_headers,omitempty"`
	EnableClientConnections          bool `json:"enable_client_connections,omitempty"`
}

// Extensions are our own tenant settings, each off unless set (docs/divergences.md).
type Extensions struct {
	// RequirePKCE refuses authorization requests of public clients without a code challenge.
	RequirePKCE bool `json:"require_pkce,omitempty"`
	// S256Only refuses the "plain" code challenge method.
	S256Only bool `json:"s256_only,omitempty"`
	// PasswordlessOpaqueStart hides _id and the verified flag in the answer of /passwordless/start.
	PasswordlessOpaqueStart bool `json:"passwordless_opaque_start,omitempty"`
	// StandardClaims answers updated_at as a number, as OpenID Connect Core has it.
	StandardClaims bool `json:"standard_claims,omitempty"`
	// AuthorizationCodeLife is the life of an authorization code in seconds; 60 unless set, 600 at most.
	AuthorizationCodeLife int `json:"authorization_code_lifetime,omitempty"`
	// AutomaticLinking lets a first login with an address join the account that has proven the same address: LinkEmail or
	// LinkEmailAndPhone; off unless set.
	AutomaticLinking string `json:"automatic_linking,omitempty"`
	// PhoneLimits bound text messages and calls.
	PhoneLimits *PhoneLimits `json:"phone_limits,omitempty"`
}

// PhoneLimits are what the tenant says of text messages and calls; what it leaves out is ours (package protect). Zero closes.
type PhoneLimits struct {
	TenantPerDay   *int     `json:"tenant_per_day,omitempty"`
	CountryPerDay  *int     `json:"country_per_day,omitempty"`
	NetworkPerHour *int     `json:"network_per_hour,omitempty"`
	Countries      []string `json:"countries,omitempty"` // the only ones that get any, ISO 3166; all where there are none
}

// The values of AutomaticLinking beside "off". Telephone numbers are given to somebody else after a while, which is why
// they are asked for by themselves.
const (
	LinkEmail         = "email"
	LinkEmailAndPhone = "email_and_phone"
)

// Defaults of session lifetimes (Auth0 docs, "Configure Session Lifetime Settings").
const (
	defaultSessionLife = 7 * 24 * time.Hour
	defaultIdleLife    = 3 * 24 * time.Hour
)

// SessionLife is how long a session lasts from its creation.
func (s *Settings) SessionLife() time.Duration {
	return life(s.SessionLifetimeInMinutes, s.SessionLifetime, defaultSessionLife)
}

// IdleSessionLife is how long a session lasts without use.
func (s *Settings) IdleSessionLife() time.Duration {
	return life(s.IdleSessionLifetimeInMinutes, s.IdleSessionLifetime, defaultIdleLife)
}

func life(minutes int, hours float64, otherwise time.Duration) time.Duration {
	switch {
	case minutes > 0:
		return time.Duration(minutes) * time.Minute
	case hours > 0:
		return time.Duration(hours * float64(time.Hour))
	}
	return otherwise
}

// PersistentSessions reports whether session cookies outlive the browser.
func (s *Settings) PersistentSessions() bool {
	return s.SessionCookie == nil || s.SessionCookie.Mode != "non-persistent"
}

// Locales are the enabled languages; the first is the tenant's default (Auth0 default: English only).
func (s *Settings) Locales() []string {
	if len(s.EnabledLocales) == 0 {
		return []string{"en"}
	}
	return s.EnabledLocales
}

// PAR reports whether pushed authorization requests are accepted; we write true when a tenant is made.
func (s *Settings) PAR() bool {
	return s.PushedAuthorizationRequests != nil && *s.PushedAuthorizationRequests
}

// AdvertiseEndSession reports whether discovery names the end_session_endpoint (default true).
func (s *Settings) AdvertiseEndSession() bool {
	return s.OIDCLogout == nil || s.OIDCLogout.EndSessionEndpointDiscovery == nil || *s.OIDCLogout.EndSessionEndpointDiscovery
}

// Elsewhere says what a magic link does in a browser that its login was not begun in.
type Elsewhere string

// What the tenant can say of such links. Auth0 knows the last two.
const (
	ElsewhereGuarded Elsewhere = ""        // nothing was said: what is safe for each kind of link
	ElsewhereRefused Elsewhere = "refused" // it has to be opened where the login was begun
	ElsewhereAllowed Elsewhere = "allowed" // it logs that browser in
)

// LinksElsewhere is what the tenant says of links in other browsers (universal_login.passwordless.
// allow_magiclink_verify_without_session).
func (s *Settings) LinksElsewhere() Elsewhere {
	switch {
	case s.UniversalLogin == nil, s.UniversalLogin.Passwordless == nil, s.UniversalLogin.Passwordless.AllowLinkWithoutSession == nil:
		return ElsewhereGuarded
	case *s.UniversalLogin.Passwordless.AllowLinkWithoutSession:
		return ElsewhereAllowed
	}
	return ElsewhereRefused
}

// Own gives our own settings; never nil.
func (s *Settings) Own() Extensions {
	if s.Latchkey == nil {
		return Extensions{}
	}
	return *s.Latchkey
}

// CodeLife is how long an authorization code lives: 60 seconds, or what the tenant says, up to 600.
func (s *Settings) CodeLife() time.Duration {
	n := s.Own().AuthorizationCodeLife
	if n <= 0 {
		return time.Minute
	}
	return time.Duration(min(n, 600)) * time.Second
}
