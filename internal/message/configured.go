package message

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"latchkey/internal/egress"
	"latchkey/internal/resource"
	"latchkey/internal/seal"
)

// configured is a tenant's e-mail provider as the Management API keeps it, its secrets opened.
type configured struct {
	name        string
	enabled     bool
	from        string
	credentials credentials
	settings    resource.Document
	secrets     []string
	keep        keeper // of refresh tokens
}

// credentials are those of all providers; each uses its own (Auth0 docs, "Configure External SMTP Email Providers").
type credentials struct {
	APIKey string `json:"api_key"`
	Domain string `json:"domain"`
	Region string `json:"region"`

	smtpCredentials

	AccessKeyID     string `json:"accessKeyId"`
	SecretAccessKey string `json:"secretAccessKey"`

	ConnectionString string `json:"connectionString"`

	TenantID     string `json:"tenantId"`
	ClientID     string `json:"clientId"`
	ClientSecret string `json:"clientSecret"`
}

var (
	errSealedProvider = errors.New("the credentials of the e-mail provider cannot be read with this master keyset")
	errOddProvider    = errors.New("the credentials of the e-mail provider are not complete")
)

// readProvider decodes stored settings. Its errors are for administrators.
func readProvider(keys *seal.Keyset, tenant string, stored *resource.Resource) (configured, error) {
	c := configured{enabled: true}
	c.name, _ = stored.Document["name"].(string)
	c.from, _ = stored.Document["default_from_address"].(string)
	c.settings, _ = stored.Document["settings"].(resource.Document)
	if enabled, ok := stored.Document["enabled"].(bool); ok {
		c.enabled = enabled
	}
	if !c.enabled {
		return c, nil
	}
	whole := resource.Document{}
	if public, ok := stored.Document["credentials"].(resource.Document); ok {
		maps.Copy(whole, public)
	}
	for path, sealed := range stored.Sealed {
		name, ok := strings.CutPrefix(path, "credentials.")
		if !ok {
			continue
		}
		secret, err := keys.Open(sealed, tenant, string(stored.Kind), path, stored.ID)
		if err != nil {
			return c, errSealedProvider
		}
		if parent, member, nested := strings.Cut(name, "."); !nested {
			whole[name] = string(secret)
		} else if of, ok := whole[parent].(resource.Document); ok {
			of = maps.Clone(of) // what is stored is others' too
			of[member], whole[parent] = string(secret), of
		}
		c.hide(string(secret))
	}
	text, err := json.Marshal(whole)
	if err != nil {
		return c, errOddProvider
	}
	if err := json.Unmarshal(text, &c.credentials); err != nil {
		return c, errOddProvider
	}
	return c, nil
}

// hide notes a secret that no answer may repeat. Very short ones are words like any other.
func (c *configured) hide(secret string) { c.secrets = append(c.secrets, forms(secret)...) }

// openProvider makes the provider of a tenant.
func openProvider(c *configured, e *egress.Egress) Provider {
	s := service{name: c.name, egress: e}
	refuse := func(reason string) Provider { return &unusable{name: c.name, reason: reason} }
	var p Provider
	var err error
	switch c.name {
	case "smtp":
		p, err = newTenantSMTP(c, e)
	case "sendgrid":
		p = &sendgrid{service: s, key: c.credentials.APIKey}
	case "mailgun":
		p, err = newMailgun(s, c.credentials)
	case "mandrill":
		p = &mandrill{service: s, key: c.credentials.APIKey, viewContentLink: c.message("view_content_link") == true}
	case "sparkpost":
		p = &sparkpost{service: s, key: c.credentials.APIKey, european: c.credentials.Region == "eu"}
	case "resend":
		p = &resend{service: s, key: c.credentials.APIKey}
	case "ses":
		set, _ := c.message("configuration_set_name").(string)
		p, err = newSES(s, c.credentials, set)
	case "azure_cs":
		p, err = newAzure(s, c)
	case "ms365":
		p, err = newMS365(s, c.credentials)
	case "custom":
		return refuse("The e-mail provider is an Action, and no Action is run.")
	default:
		return refuse("The e-mail provider is not known.")
	}
	if err != nil {
		return refuse(sentence(err))
	}
	return p
}

// sentence writes an error as one.
func sentence(err error) string {
	text := err.Error()
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

// message gives a setting of a provider's "message".
func (c *configured) message(name string) any {
	m, _ := c.settings["message"].(resource.Document)
	return m[name]
}

// headers gives the fields that a tenant adds to mail through its SMTP server. Only fields whose names begin with X- are
// taken: the others are ours. A value that is an object travels as JSON on one line.
func (c *configured) headers() []Header {
	given, _ := c.settings["headers"].(resource.Document)
	var all []Header
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !strings.HasPrefix(strings.ToUpper(name), "X-") || !httpguts.ValidHeaderFieldName(name) {
			continue
		}
		value, ok := given[name].(string)
		if !ok {
			text, err := json.Marshal(given[name])
			if err != nil || given[name] == nil {
				continue
			}
			value = string(text)
		}
		if strings.EqualFold(name, "X-MSYS_API") { // as Auth0's documentation spells SparkPost's X-MSYS-API
			name = "X-MSYS-API"
		}
		all = append(all, Header{name, oneLine(value, 2000)})
	}
	return all
}
