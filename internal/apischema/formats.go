package apischema

import (
	"errors"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"latchkey/internal/contact"
)

var errFormat = errors.New("not of the format")

// formats are the formats of the document that JSON Schema does not define, or
// defines otherwise than the service checks them.
var formats = []jsonschema.Format{
	{Name: "acr", Validate: text(filled)},
	{Name: "absolute-https-uri-or-empty", Validate: text(orEmpty(https))},
	{Name: "absolute-https-uri-with-placeholders-or-empty", Validate: text(orEmpty(httpsWithPlaceholders))},
	{Name: "absolute-uri-or-empty", Validate: text(orEmpty(absolute))},
	{Name: "authenticator-id", Validate: text(filled)},
	{Name: "callback-url", Validate: text(callback)},
	{Name: "cidr", Validate: text(cidr)},
	{Name: "client-grant-id", Validate: text(like(`^cgr_[A-Za-z0-9]{16}$`))},
	{Name: "client-id", Validate: text(like(`^[A-Za-z0-9_-]{32}$`))},
	{Name: "connection-id", Validate: text(like(`^con_[A-Za-z0-9]{16}$`))},
	{Name: "connection-profile-id", Validate: text(like(`^cop_[A-Za-z0-9]+$`))},
	{Name: "connection-realm", Validate: text(filled)},
	{Name: "credential-id", Validate: text(like(`^cred_[A-Za-z0-9]+$`))},
	{Name: "ec-initiate-login-uri-template-url", Validate: text(httpsWithPlaceholders)},
	{Name: "email", Validate: text(email)},
	{Name: "email-or-empty", Validate: text(orEmpty(email))},
	{Name: "event-id", Validate: text(filled)},
	{Name: "event-stream-id", Validate: text(like(`^est_[A-Za-z0-9]+$`))},
	{Name: "flow-execution-id", Validate: text(filled)},
	{Name: "flow-id", Validate: text(like(`^af_[A-Za-z0-9]+$`))},
	{Name: "flows-vault-connections-id", Validate: text(like(`^ac_[A-Za-z0-9]+$`))},
	{Name: "form-id", Validate: text(like(`^ap_[A-Za-z0-9]+$`))},
	{Name: "forms-custom-identifier", Validate: text(filled)},
	{Name: "forms-expression", Validate: text(filled)},
	{Name: "forms-file-extension", Validate: text(filled)},
	{Name: "forms-hex-color", Validate: text(like(`^#[0-9A-Fa-f]{3,8}$`))},
	{Name: "forms-url-https", Validate: text(httpsWithPlaceholders)},
	{Name: "hexadecimal", Validate: text(like(`^[0-9A-Fa-f]+$`))},
	{Name: "hostname", Validate: text(hostname)},
	{Name: "hostname-rfc2181", Validate: text(hostname)},
	{Name: "html-color", Validate: text(color)},
	{Name: "html-color-or-null", Validate: text(color)},
	{Name: "ipv6_cidr", Validate: text(cidr)},
	{Name: "log-stream-id", Validate: text(like(`^lst_[A-Za-z0-9]+$`))},
	{Name: "non-empty-string", Validate: text(filled)},
	{Name: "organization-discovery-domain-id", Validate: text(filled)},
	{Name: "organization-id", Validate: text(like(`^org_[A-Za-z0-9]{16}$`))},
	{Name: "organization-name", Validate: text(like(`^[a-z0-9]([a-z0-9_-]*[a-z0-9])?$`))},
	{Name: "rate-limit-policy-id", Validate: text(filled)},
	{Name: "role-id", Validate: text(like(`^rol_[A-Za-z0-9]{16}$`))},
	{Name: "session-id", Validate: text(filled)},
	{Name: "strict-https-uri", Validate: text(https)},
	{Name: "strict-https-uri-or-null", Validate: text(https)},
	{Name: "strict-uri", Validate: text(absolute)},
	{Name: "ticket-id", Validate: text(filled)},
	{Name: "token-exchange-profile-id", Validate: text(like(`^tep_[A-Za-z0-9]+$`))},
	{Name: "uri", Validate: text(absolute)},
	{Name: "url", Validate: text(absolute)},
	{Name: "url-or-null", Validate: text(absolute)},
	{Name: "url-with-placeholders", Validate: text(callback)},
	{Name: "user-attribute-profile-id", Validate: text(like(`^uap_[A-Za-z0-9]+$`))},
	{Name: "user-id", Validate: text(filled)},
	{Name: "user-id-with-max-length", Validate: text(func(s string) bool { return filled(s) && len(s) <= maxUserID })},
	{Name: "user-invitation-id", Validate: text(filled)},
}

// maxUserID is the longest user_id: a provider of up to 128 characters, the
// bar, and an identifier of up to 255 (Auth0 docs, "Create a User").
const maxUserID = 128 + 1 + 255

// text makes a format of a test of strings; values of other types have their
// type checked elsewhere.
func text(valid func(string) bool) func(any) error {
	return func(v any) error {
		if s, ok := v.(string); ok && !valid(s) {
			return errFormat
		}
		return nil
	}
}

func orEmpty(valid func(string) bool) func(string) bool {
	return func(s string) bool { return s == "" || valid(s) }
}

func like(expression string) func(string) bool {
	return regexp.MustCompile(expression).MatchString
}

func filled(s string) bool { return strings.TrimSpace(s) != "" }

// email accepts what a person's address may look like, in any case.
func email(s string) bool {
	_, err := contact.Email(s)
	return err == nil && strings.TrimSpace(s) == s
}

// scripts are the schemes whose addresses a browser runs instead of visiting.
var scripts = []string{"javascript", "vbscript"}

// absolute accepts URLs with a scheme and something behind it.
func absolute(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme != "" && !slices.Contains(scripts, u.Scheme) && (u.Host != "" || u.Opaque != "" || strings.Trim(u.Path, "/") != "")
}

func https(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme == "https" && u.Host != ""
}

// placeholders are the parts of a URL the service fills in, such as
// {organization_name}, and the stars that stand for a subdomain.
var placeholders = regexp.MustCompile(`\{[A-Za-z_.]+\}|\*`)

func httpsWithPlaceholders(s string) bool {
	return https(placeholders.ReplaceAllString(s, "x"))
}

// callback accepts web addresses with placeholders and the schemes of native
// applications, whose rest is their own affair ("com.example.app://callback").
func callback(s string) bool {
	s = placeholders.ReplaceAllString(s, "x")
	u, err := url.Parse(s)
	if err != nil || u.Scheme == "" || slices.Contains(scripts, u.Scheme) {
		return false
	}
	if u.Scheme == "http" || u.Scheme == "https" {
		return u.Host != ""
	}
	return true
}

func cidr(s string) bool {
	_, err := netip.ParsePrefix(s)
	return err == nil
}

var hostLabels = regexp.MustCompile(`^([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*\.?$`)

func hostname(s string) bool { return len(s) <= 253 && hostLabels.MatchString(s) }

// color accepts the CSS colours of a page's settings: #rgb, #rrggbb, with
// opacity, and names.
var htmlColor = regexp.MustCompile(`^(#([0-9A-Fa-f]{3,4}|[0-9A-Fa-f]{6}|[0-9A-Fa-f]{8})|[A-Za-z]+)$`)

func color(s string) bool { return htmlColor.MatchString(s) }
