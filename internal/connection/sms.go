package connection

import "strings"

// SMSOptions are the settings of a connection of strategy sms (Auth0 docs, "Configure SMS", "Set Up Custom SMS Gateway for
// Passwordless Connections"). The secrets among them lie in Connection.Sealed: options.twilio_token and
// options.gateway_authentication.secret.
type SMSOptions struct {
	Provider            string  `json:"provider,omitempty"` // "twilio" or "sms_gateway"
	TwilioSID           string  `json:"twilio_sid,omitempty"`
	From                string  `json:"from,omitempty"`
	MessagingServiceSID string  `json:"messaging_service_sid,omitempty"`
	Template            string  `json:"template,omitempty"`
	Syntax              string  `json:"syntax,omitempty"` // "md_with_macros" or "liquid"
	GatewayURL          string  `json:"gateway_url,omitempty"`
	ForwardRequest      anyBool `json:"forward_req_info,omitempty"`

	GatewayAuthentication *GatewayAuthentication `json:"gateway_authentication,omitempty"`

	// Our own options.
	UseTenantLevelProvider *bool `json:"use_tenant_level_provider,omitempty"` // absent: only where the connection names no provider
	OriginBound            *bool `json:"sms_origin_bound,omitempty"`          // the last line that binds a code to our page; default true
}

// GatewayAuthentication is how a gateway knows that a request is ours: by a token signed with the secret.
type GatewayAuthentication struct {
	Method              string `json:"method,omitempty"` // "bearer"
	Subject             string `json:"subject,omitempty"`
	Audience            string `json:"audience,omitempty"`
	SecretBase64Encoded bool   `json:"secret_base64_encoded,omitempty"`
}

// anyBool is a truth value that may be written as a text: Auth0's documentation shows "true" in quotes.
type anyBool bool

// UnmarshalJSON implements json.Unmarshaler.
func (b *anyBool) UnmarshalJSON(text []byte) error {
	*b = anyBool(strings.EqualFold(strings.Trim(string(text), `"`), "true"))
	return nil
}

// UsesTenantProvider reports whether text messages of the connection leave by the tenant's phone provider: where it says
// so, or where it says nothing and names no provider of its own.
func (c *Connection) UsesTenantProvider() bool {
	o := c.Options
	if o.UseTenantLevelProvider != nil {
		return *o.UseTenantLevelProvider
	}
	return o.Provider == "" && o.TwilioSID == "" && o.GatewayURL == "" && o.MessagingServiceSID == ""
}

// SendsItself reports whether text messages of the connection leave by a provider of its own.
func (c *Connection) SendsItself() bool { return c.Strategy == SMS && !c.UsesTenantProvider() }

// BindsOrigin reports whether text messages of logins on our pages end in the line by which a browser fills in the code
// on the page that asked for it, and on no other.
func (c *Connection) BindsOrigin() bool {
	return c.Options.OriginBound == nil || *c.Options.OriginBound
}
