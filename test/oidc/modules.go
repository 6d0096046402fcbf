package oidc

// Plan is one certification plan: its name in the suite and the names of its modules, in the suite's order.
type Plan struct {
	Name    string
	Modules []string
}

// The plans that the product passes.
var (
	Basic = Plan{"oidcc-basic-certification-test-plan", basicModules}

	Config = Plan{"oidcc-config-certification-test-plan", []string{"oidcc-discovery-endpoint-verification"}}

	FormPostBasic = Plan{"oidcc-formpost-basic-certification-test-plan", basicModules}

	Implicit = Plan{"oidcc-implicit-certification-test-plan", []string{
		"oidcc-server", "oidcc-response-type-missing", "oidcc-idtoken-signature", "oidcc-ensure-request-without-nonce-fails",
		"oidcc-scope-profile", "oidcc-scope-email", "oidcc-scope-address", "oidcc-scope-phone", "oidcc-scope-all",
		"oidcc-alternate-happy-flow", "oidcc-display-page", "oidcc-display-popup", "oidcc-prompt-login",
		"oidcc-prompt-none-not-logged-in", "oidcc-prompt-none-logged-in", "oidcc-max-age-1", "oidcc-max-age-10000",
		"oidcc-ensure-request-with-unknown-parameter-succeeds", "oidcc-id-token-hint", "oidcc-login-hint", "oidcc-ui-locales",
		"oidcc-claims-locales", "oidcc-ensure-request-with-acr-values-succeeds", "oidcc-ensure-registered-redirect-uri",
		"oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported",
		"oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported",
		"oidcc-ensure-request-object-with-redirect-uri", "oidcc-claims-essential", "oidcc-userinfo-get",
		"oidcc-userinfo-post-header", "oidcc-userinfo-post-body",
	}}

	Hybrid = Plan{"oidcc-hybrid-certification-test-plan", []string{
		"oidcc-server", "oidcc-response-type-missing", "oidcc-idtoken-signature", "oidcc-userinfo-get",
		"oidcc-userinfo-post-header", "oidcc-userinfo-post-body", "oidcc-ensure-request-without-nonce-fails",
		"oidcc-scope-profile", "oidcc-scope-email", "oidcc-scope-address", "oidcc-scope-phone", "oidcc-scope-all",
		"oidcc-alternate-happy-flow", "oidcc-display-page", "oidcc-display-popup", "oidcc-prompt-login",
		"oidcc-prompt-none-not-logged-in", "oidcc-prompt-none-logged-in", "oidcc-max-age-1", "oidcc-max-age-10000",
		"oidcc-ensure-request-with-unknown-parameter-succeeds", "oidcc-id-token-hint", "oidcc-login-hint", "oidcc-ui-locales",
		"oidcc-claims-locales", "oidcc-ensure-request-with-acr-values-succeeds", "oidcc-codereuse", "oidcc-codereuse-30seconds",
		"oidcc-ensure-registered-redirect-uri", "oidcc-server-client-secret-post",
		"oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported",
		"oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported", "oidcc-claims-essential",
		"oidcc-ensure-request-object-with-redirect-uri", "oidcc-refresh-token", "oidcc-ensure-request-with-valid-pkce-succeeds",
		"oidcc-ensure-request-without-nonce-succeeds-for-code-flow",
	}}

	RPInitiatedLogout = Plan{"oidcc-rp-initiated-logout-certification-test-plan", []string{
		"oidcc-rp-initiated-logout-discovery-endpoint-verification", "oidcc-rp-initiated-logout",
		"oidcc-rp-initiated-logout-bad-post-logout-redirect-uri", "oidcc-rp-initiated-logout-modified-id-token-hint",
		"oidcc-rp-initiated-logout-no-id-token-hint", "oidcc-rp-initiated-logout-no-params",
		"oidcc-rp-initiated-logout-no-post-logout-redirect-uri", "oidcc-rp-initiated-logout-no-state",
		"oidcc-rp-initiated-logout-only-state", "oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri",
		"oidcc-rp-initiated-logout-bad-id-token-hint",
	}}
)

var basicModules = []string{
	"oidcc-server", "oidcc-response-type-missing", "oidcc-idtoken-signature", "oidcc-idtoken-unsigned", "oidcc-userinfo-get",
	"oidcc-userinfo-post-header", "oidcc-userinfo-post-body", "oidcc-ensure-request-without-nonce-succeeds-for-code-flow",
	"oidcc-scope-profile", "oidcc-scope-email", "oidcc-scope-address", "oidcc-scope-phone", "oidcc-scope-all",
	"oidcc-alternate-happy-flow", "oidcc-display-page", "oidcc-display-popup", "oidcc-prompt-login",
	"oidcc-prompt-none-not-logged-in", "oidcc-prompt-none-logged-in", "oidcc-max-age-1", "oidcc-max-age-10000",
	"oidcc-ensure-request-with-unknown-parameter-succeeds", "oidcc-id-token-hint", "oidcc-login-hint", "oidcc-ui-locales",
	"oidcc-claims-locales", "oidcc-ensure-request-with-acr-values-succeeds", "oidcc-codereuse", "oidcc-codereuse-30seconds",
	"oidcc-ensure-registered-redirect-uri", "oidcc-ensure-post-request-succeeds", "oidcc-server-client-secret-post",
	"oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported",
	"oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported", "oidcc-claims-essential",
	"oidcc-ensure-request-object-with-redirect-uri", "oidcc-refresh-token", "oidcc-ensure-request-with-valid-pkce-succeeds",
}
